// SPDX-License-Identifier: GPL-2.0-only
/*
 * A million small objects: what each takes, that each is found and goes, and
 * that dropping them all lets others run. How fast that is, is told and no test.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define MOST_METADATA	256	/* bytes beside key, header and data */
#define DATA		100
#define TENTHS		10

FIXTURE(scale) {
	struct zct_store s;
	unsigned int nr;
	char mark[96];
};

FIXTURE_SETUP(scale)
{
	const struct zc_nl_cfg cfg = { .capacity = 1024 * MiB };

	ZCT_START(scale);
	self->nr = zct_slow() ? 20000 : 1000000;
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(scale)
{
	ZCT_END();
}

/* The bytes of object @i: nothing else has them. */
static void data_of(unsigned int i, unsigned char data[DATA])
{
	memset(data, i, DATA);
	memcpy(data, &i, sizeof(i));
}

static unsigned int key_of(unsigned int i, char key[16])
{
	return snprintf(key, 16, "key%u", i);
}

static int insert(int fd, unsigned int i)
{
	unsigned char data[DATA];
	char key[16];
	struct zc_put put = { .size = sizeof(put), .key = ZC_ADDR(key), .data = ZC_ADDR(data),
			      .data_len = DATA };

	put.key_len = key_of(i, key);
	data_of(i, data);
	return ioctl(fd, ZC_IOC_PUT, &put) ? -errno : 0;
}

static int find(int fd, unsigned int i)
{
	unsigned char data[DATA], got[DATA + 1];
	char key[16];
	struct zc_get get = { .size = sizeof(get), .key = ZC_ADDR(key), .buf = ZC_ADDR(got),
			      .buf_len = sizeof(got) };

	get.key_len = key_of(i, key);
	if (ioctl(fd, ZC_IOC_GET, &get))
		return -errno;
	data_of(i, data);
	return get.copied == DATA && get.data_len == DATA && !memcmp(got, data, DATA) ? 0 : 1;
}

static int delete(int fd, unsigned int i)
{
	char key[16];
	struct zc_delete del = { .size = sizeof(del), .key = ZC_ADDR(key) };

	del.key_len = key_of(i, key);
	return ioctl(fd, ZC_IOC_DELETE, &del) ? -errno : 0;
}

/* Does @fn to @nr objects from @first on, and tells how the tenths compare. */
static int do_all(int fd, const char *what, int (*fn)(int fd, unsigned int i),
		  unsigned int first, unsigned int nr)
{
	__u64 took[TENTHS], begin;
	unsigned int i, t;
	int err;

	for (t = 0, i = first; t < TENTHS; t++) {
		begin = zct_clock(CLOCK_MONOTONIC);
		for (; i < first + nr / TENTHS * (t + 1); i++) {
			err = fn(fd, i);
			if (err) {
				printf("# %s of object %u: %d\n", what, i, err);
				return err;
			}
		}
		took[t] = zct_clock(CLOCK_MONOTONIC) - begin;
	}
	printf("# %s: %u ns each, the last tenth %.2f times the first\n", what,
	       (unsigned int)(took[TENTHS - 1] / (nr / TENTHS)),
	       (double)took[TENTHS - 1] / took[0]);
	fflush(stdout);
	return 0;
}

/* Kibibytes of a line of /proc/meminfo. */
static long meminfo(const char *name)
{
	size_t len = strlen(name);
	char line[128];
	long kib = -1;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			sscanf(line + len + 1, "%ld", &kib);
	if (f)
		fclose(f);
	return kib;
}

struct other {
	pthread_t thread;
	volatile bool stop;
	volatile unsigned long steps;
	__u64 longest;		/* without a step */
};

/* Counts, on the CPU on which the store is dropped. */
static void *count(void *arg)
{
	__u64 last = zct_clock(CLOCK_MONOTONIC), now;
	struct other *o = arg;

	while (!o->stop) {
		now = zct_clock(CLOCK_MONOTONIC);
		if (now - last > o->longest)
			o->longest = now - last;
		last = now;
		o->steps++;
	}
	return NULL;
}

TEST_F(scale, million)
{
	__u64 charge, payload = 0, used;
	const unsigned int nr = self->nr;
	unsigned long steps;
	struct other other = { 0 };
	long memory, slab;
	unsigned int i;
	cpu_set_t cpu;
	char key[16];

	memory = meminfo("MemFree");
	slab = meminfo("Slab");
	ASSERT_OK(do_all(self->s.fd, "insert", insert, 0, nr));
	memory -= meminfo("MemFree");
	slab = meminfo("Slab") - slab;
	EXPECT_EQ(nr, zct_objects(&self->s));
	used = zct_used(&self->s);
	for (i = 0; i < nr; i++)
		payload += key_of(i, key) + DATA;
	charge = (used - payload) / nr;
	printf("# %u objects: charged %llu bytes each beyond key and data, slab memory %ld, memory %ld\n",
	       nr, charge, (long)((slab * 1024 - (long)payload) / nr),
	       (long)((memory * 1024 - (long)payload) / nr));
	fflush(stdout);
	EXPECT_GE(MOST_METADATA, charge);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EVICTIONS));

	ASSERT_OK(do_all(self->s.fd, "lookup", find, 0, nr));
	EXPECT_EQ(nr, zct_count(&self->s, ZC_C_HITS));
	/* from the middle, so that neither the oldest nor the newest go */
	ASSERT_OK(do_all(self->s.fd, "delete", delete, nr / 2, nr / 10));
	EXPECT_EQ(nr - nr / 10, zct_objects(&self->s));
	for (i = nr / 2; i < nr / 2 + nr / 10; i += 97)
		EXPECT_ERR(ENOENT, find(self->s.fd, i));
	for (i = 0; i < nr / 2; i += 997)
		EXPECT_OK(find(self->s.fd, i));

	/* all at once, with somebody else on the same CPU */
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	ASSERT_OK(sched_setaffinity(0, sizeof(cpu), &cpu));
	ASSERT_EQ(0, pthread_create(&other.thread, NULL, count, &other));
	while (!other.steps)
		sched_yield();
	close(self->s.fd);
	steps = other.steps;
	other.longest = 0;
	EXPECT_OK(zc_nl_store_del(self->s.name, false));
	steps = other.steps - steps;
	other.stop = true;
	pthread_join(other.thread, NULL);
	printf("# dropped: the other task got %lu steps, and waited at most %llu us\n", steps,
	       other.longest / 1000);
	EXPECT_LT(0, steps);
}

/* What an object takes beyond its own bytes, at every size of a small one. */
TEST_F(scale, every_size)
{
	unsigned char *data = zct_alloc(2048);
	__u64 most = 0, at = 0, extra;
	struct zc_stat st;
	unsigned int len;

	for (len = 0; len <= 2048; len++) {
		ASSERT_OK(zct_put_data(self->s.fd, "key", data, len, NULL));
		ASSERT_OK(zct_stat_key(self->s.fd, "key", &st));
		ASSERT_EQ(ZC_STATE_INLINE, st.state);
		extra = st.charge - len - 3;
		if (extra > most) {
			most = extra;
			at = len;
		}
	}
	printf("# at most %llu bytes beyond key and data, with %llu bytes of data\n", most, at);
	EXPECT_GE(MOST_METADATA, most);
	EXPECT_OK(zct_store_end(&self->s));
}

TEST_HARNESS_MAIN
