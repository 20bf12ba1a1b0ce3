// SPDX-License-Identifier: GPL-2.0-only
/* A full store: what leaves, what stays, and that it is never more than full. */
#include <fcntl.h>
#include <sys/socket.h>

#include "zc_harness.h"

#define OBJECT	65536

FIXTURE(evict) {
	struct zct_store s;
	char mark[96];
};

FIXTURE_SETUP(evict)
{
	const struct zc_nl_cfg cfg = { .capacity = 16 * MiB };

	ZCT_START(evict);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(evict)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static __u64 charge_of(int fd, const char *key)
{
	struct zc_stat st;

	return zct_stat_key(fd, key, &st) ? 0 : st.charge;
}

static bool is_in(int fd, const char *key)
{
	struct zc_stat st;

	/* STAT is no use: asking does not change what leaves */
	return !zct_stat_key(fd, key, &st);
}

static int use(int fd, const char *key)
{
	char byte;

	return zct_get_data(fd, key, &byte, 1, 0);
}

/* A store in which exactly @n objects like those of put_nth() have room. */
static int small_store(struct zct_store *s, unsigned int n)
{
	struct zc_nl_cfg cfg = { .capacity = 4 * MiB };
	__u64 charge;
	int err;

	err = zct_store_new(s, &cfg);
	if (err)
		return err;
	zct_put_pattern(s->fd, "k00", 1, 1, OBJECT, NULL);
	charge = charge_of(s->fd, "k00");
	err = zct_store_end(s);
	if (err)
		return err;
	cfg.capacity = n * charge + charge / 2;
	return zct_store_new(s, &cfg);
}

static int put_nth(int fd, unsigned int i)
{
	char key[8];

	snprintf(key, sizeof(key), "k%02u", i);
	return zct_put_pattern(fd, key, i, 1, OBJECT, NULL);
}

/* Which of k00..k31 are in. */
static __u32 present(int fd)
{
	unsigned int i;
	__u32 bits = 0;
	char key[8];

	for (i = 0; i < 32; i++) {
		snprintf(key, sizeof(key), "k%02u", i);
		if (is_in(fd, key))
			bits |= 1U << i;
	}
	return bits;
}

#define RANGE(from, to)	((((1ULL << ((to) + 1)) - 1) >> (from)) << (from))

/* What was not used leaves in the order in which it came. */
TEST_F(evict, unused_leave_first_in_first_out)
{
	struct zct_store s;
	unsigned int i;

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 20; i++) {
		ASSERT_OK(put_nth(s.fd, i));
		EXPECT_EQ(i < 8 ? RANGE(0, i) : RANGE(i - 7, i), present(s.fd))
			TH_LOG("after %u", i);
	}
	EXPECT_EQ(12, zct_count(&s, ZC_C_EVICTIONS));
	EXPECT_EQ(12 * charge_of(s.fd, "k19"), zct_count(&s, ZC_C_EVICTED_BYTES));
	EXPECT_EQ(8, zct_objects(&s));
	EXPECT_OK(zct_store_end(&s));
}

/*
 * The hand goes from the oldest to the newest: it spares each used object once
 * and stays where it found its victim.
 */
TEST_F(evict, used_stay)
{
	struct zct_store s;
	unsigned int i;

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 8; i++)
		ASSERT_OK(put_nth(s.fd, i));
	EXPECT_EQ(1, use(s.fd, "k00"));
	EXPECT_EQ(1, use(s.fd, "k02"));
	EXPECT_EQ(1, use(s.fd, "k02"));
	/* k00 is spared, k01 goes */
	ASSERT_OK(put_nth(s.fd, 8));
	EXPECT_EQ(RANGE(0, 8) & ~(1U << 1), present(s.fd));
	/* k02 is spared, k03 goes */
	ASSERT_OK(put_nth(s.fd, 9));
	EXPECT_EQ(RANGE(0, 9) & ~(1U << 1 | 1U << 3), present(s.fd));
	/* on to k04..k07; k00 and k02 lie behind the hand and stay */
	for (i = 10; i < 14; i++)
		ASSERT_OK(put_nth(s.fd, i));
	EXPECT_EQ(1U << 0 | 1U << 2 | RANGE(8, 13), present(s.fd));
	/* those were not used: next */
	ASSERT_OK(put_nth(s.fd, 14));
	EXPECT_EQ(1U << 0 | 1U << 2 | RANGE(9, 14), present(s.fd));
	EXPECT_OK(zct_store_end(&s));
}

TEST_F(evict, all_used)
{
	struct zct_store s;
	unsigned int i;
	char key[8];

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 8; i++) {
		ASSERT_OK(put_nth(s.fd, i));
		snprintf(key, sizeof(key), "k%02u", i);
		EXPECT_EQ(1, use(s.fd, key));
	}
	/* one round takes the marks away, the next takes the oldest */
	ASSERT_OK(put_nth(s.fd, 8));
	EXPECT_EQ(RANGE(1, 8), present(s.fd));
	ASSERT_OK(put_nth(s.fd, 9));
	EXPECT_EQ(RANGE(2, 9), present(s.fd));
	EXPECT_OK(zct_store_end(&s));
}

/* What is open does not leave, and does not keep others from leaving. */
TEST_F(evict, pinned_stay)
{
	struct zct_store s;
	unsigned char *map;
	unsigned int i;
	int fd, fd2;

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 8; i++)
		ASSERT_OK(put_nth(s.fd, i));
	fd = zct_open_key(s.fd, "k00");
	fd2 = zct_open_key(s.fd, "k03");
	ASSERT_FD(fd);
	ASSERT_FD(fd2);
	map = mmap(NULL, OBJECT, PROT_READ, MAP_SHARED, fd2, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(fd2);
	for (i = 8; i < 32; i++)
		ASSERT_OK(put_nth(s.fd, i));
	EXPECT_OK(zct_verify_fd(fd, 0, 1, OBJECT));
	EXPECT_EQ(-1, zct_check(map, OBJECT, 3, 1, 0));
	/* pinned ones are still found, too */
	EXPECT_EQ(1U << 0 | 1U << 3, present(s.fd) & 0xff);
	EXPECT_EQ(8, zct_objects(&s));
	close(fd);
	munmap(map, OBJECT);
	/* let go, they leave as others do: for one that needs all the room */
	ASSERT_OK(zct_put_pattern(s.fd, "big", 1, 2, 8 * OBJECT, NULL));
	EXPECT_EQ(0, present(s.fd));
	EXPECT_EQ(1, zct_objects(&s));
	EXPECT_OK(zct_store_end(&s));
}

TEST_F(evict, all_pinned)
{
	struct zct_store s;
	unsigned int i;
	char key[8];
	int fd[8];

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 8; i++) {
		ASSERT_OK(put_nth(s.fd, i));
		snprintf(key, sizeof(key), "k%02u", i);
		fd[i] = zct_open_key(s.fd, key);
		ASSERT_FD(fd[i]);
	}
	EXPECT_ERR(ENOSPC, put_nth(s.fd, 8));
	EXPECT_ERR(ENOSPC, zct_fill_key(s.fd, "f", OBJECT, 0));
	EXPECT_EQ(2, zct_count(&s, ZC_C_REFUSALS));
	/* a replacement needs room as well, while the old version is pinned */
	EXPECT_ERR(ENOSPC, put_nth(s.fd, 3));
	EXPECT_EQ(3, zct_count(&s, ZC_C_REFUSALS));
	EXPECT_EQ(RANGE(0, 7), present(s.fd));
	/* deleted but pinned is still charged */
	ASSERT_OK(zct_delete_key(s.fd, "k05"));
	EXPECT_ERR(ENOSPC, put_nth(s.fd, 8));
	for (i = 0; i < 8; i++)
		EXPECT_OK(zct_verify_fd(fd[i], i, 1, OBJECT));
	close(fd[5]);
	EXPECT_OK(put_nth(s.fd, 8));
	EXPECT_EQ(0, zct_count(&s, ZC_C_EVICTIONS));
	for (i = 0; i < 8; i++)
		if (i != 5)
			close(fd[i]);
	EXPECT_OK(put_nth(s.fd, 9));
	EXPECT_EQ(1, zct_count(&s, ZC_C_EVICTIONS));
	EXPECT_OK(zct_store_end(&s));
}

TEST_F(evict, too_big)
{
	unsigned char *buf = zct_alloc(17 * MiB);

	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	EXPECT_ERR(EFBIG, zct_put_data(self->s.fd, "b", buf, 16 * MiB + 1, NULL));
	/* its metadata does not fit beside it: everything has been tried */
	EXPECT_ERR(ENOSPC, zct_put_data(self->s.fd, "b", buf, 16 * MiB, NULL));
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_REFUSALS));
	EXPECT_GE(16 * MiB, zct_used(&self->s));
	EXPECT_OK(zct_put_data(self->s.fd, "b", buf, 15 * MiB, NULL));
	EXPECT_EQ(15 * MiB, zct_get_data(self->s.fd, "b", buf, 16 * MiB, 0));
}

struct sampler {
	const struct zct_store *s;
	volatile bool stop;
	__u64 most;
	unsigned int samples;
};

static void *sample(void *arg)
{
	struct sampler *sm = arg;
	__u64 used;

	while (!sm->stop) {
		used = zct_used(sm->s);
		if (used > sm->most)
			sm->most = used;
		sm->samples++;
	}
	return NULL;
}

/* Four times what fits, of all sizes, by PUT and by fills, watched meanwhile. */
TEST_F(evict, capacity_is_hard)
{
	struct sampler sm = { .s = &self->s };
	unsigned int seed = zct_seed(), i = 0;
	unsigned char *buf = zct_alloc(2 * MiB);
	const __u64 goal = zct_slow() ? 24 * MiB : 64 * MiB;
	struct zc_nl_store st;
	pthread_t thread;
	__u64 total = 0;
	size_t len;
	char key[16];
	int fd;

	ASSERT_EQ(0, pthread_create(&thread, NULL, sample, &sm));
	while (total < goal) {
		len = zct_random(&seed) % (i % 4 ? 100000 : 2 * MiB);
		snprintf(key, sizeof(key), "%u", i++);
		if (i % 2) {
			ASSERT_OK(zct_put_data(self->s.fd, key, buf, len, NULL));
		} else {
			fd = zct_fill_key(self->s.fd, key, len, 0);
			ASSERT_FD(fd);
			ASSERT_OK(zct_write_all(fd, buf, len));
			ASSERT_OK(zct_commit_fd(fd, NULL));
			close(fd);
		}
		total += len;
		/* the newest is in */
		ASSERT_TRUE(is_in(self->s.fd, key));
	}
	sm.stop = true;
	pthread_join(thread, NULL);
	EXPECT_GE(16 * MiB, sm.most);
	EXPECT_LT(12 * MiB, sm.most);
	EXPECT_LT(0, sm.samples);
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(i, st.objects + st.count[ZC_C_EVICTIONS] + st.count[ZC_C_SHRINKS]);
	EXPECT_EQ(total, st.count[ZC_C_FILL_BYTES]);
}

/* What objects cost besides their bytes is counted: no crowd of small ones is free. */
TEST_F(evict, metadata_counts)
{
	struct zct_store s;
	struct zc_nl_cfg cfg = { .capacity = 1 * MiB };
	struct zc_nl_store st;
	unsigned int i;
	char key[16];

	ASSERT_OK(zct_store_new(&s, &cfg));
	for (i = 0; i < 10000; i++) {
		snprintf(key, sizeof(key), "%u", i);
		ASSERT_OK(zct_put_data(s.fd, key, "x", 1, NULL));
	}
	ASSERT_OK(zc_nl_store_get(s.name, &st));
	EXPECT_GE(1 * MiB, st.used);
	EXPECT_LT(0, st.count[ZC_C_EVICTIONS]);
	EXPECT_EQ(10000, st.objects + st.count[ZC_C_EVICTIONS] + st.count[ZC_C_SHRINKS]);
	/* an object is a struct of the kernel: not a few bytes, not a page */
	EXPECT_LT(1 * MiB / 4096, st.objects);
	EXPECT_GT(1 * MiB / 64, st.objects);
	EXPECT_OK(zct_store_end(&s));
}

/* Fills that are not committed hold their room: they cannot be evicted. */
TEST_F(evict, fills_hold_room)
{
	unsigned char *buf = zct_alloc(OBJECT);
	struct zct_store s;
	unsigned int i;
	int fd[8];

	ASSERT_OK(small_store(&s, 8));
	for (i = 0; i < 4; i++)
		ASSERT_OK(put_nth(s.fd, i));
	for (i = 0; i < 8; i++) {
		char key[8];

		snprintf(key, sizeof(key), "f%02u", i);
		fd[i] = zct_fill_key(s.fd, key, OBJECT, 0);
		ASSERT_FD(fd[i]);
	}
	EXPECT_EQ(0, zct_objects(&s));
	EXPECT_EQ(4, zct_count(&s, ZC_C_EVICTIONS));
	EXPECT_ERR(ENOSPC, put_nth(s.fd, 9));
	/* the room that they hold is all they need, first and last byte first */
	for (i = 0; i < 7; i++) {
		EXPECT_EQ(1, pwrite(fd[i], buf, 1, 0));
		EXPECT_EQ(1, pwrite(fd[i], buf, 1, OBJECT - 1));
		EXPECT_EQ(OBJECT, pwrite(fd[i], buf, OBJECT, 0));
		EXPECT_OK(zct_commit_fd(fd[i], NULL));
	}
	EXPECT_EQ(7, zct_objects(&s));
	EXPECT_EQ(4, zct_count(&s, ZC_C_EVICTIONS));
	close(fd[7]);
	EXPECT_OK(put_nth(s.fd, 9));
	EXPECT_EQ(8, zct_objects(&s));
	for (i = 0; i < 7; i++)
		close(fd[i]);
	EXPECT_OK(zct_store_end(&s));
}

/* An evicted object whose bytes are on their way: they arrive. */
TEST_F(evict, while_queued)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = { .key = ZC_ADDR("k00"), .key_len = 3, .nr_parts = 1,
				.parts = ZC_ADDR(&part) };
	unsigned char *buf = zct_alloc(OBJECT);
	struct zct_store s;
	int sv[2];

	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	ASSERT_OK(zct_bufsize(sv[0], SO_SNDBUF, 4 * OBJECT));
	ASSERT_OK(small_store(&s, 4));
	ASSERT_OK(put_nth(s.fd, 0));
	send.sock = sv[0];
	ASSERT_OK(zct_send(s.fd, &send));
	EXPECT_EQ(OBJECT, send.sent);
	EXPECT_EQ(OBJECT, zct_count(&s, ZC_C_SPLICED_BYTES));
	/* one that needs all the room, and memory */
	ASSERT_OK(zct_put_pattern(s.fd, "big", 1, 2, 4 * OBJECT, NULL));
	EXPECT_FALSE(is_in(s.fd, "k00"));
	EXPECT_EQ(1, zct_count(&s, ZC_C_EVICTIONS));
	ASSERT_OK(zct_read_all(sv[1], buf, OBJECT));
	EXPECT_EQ(-1, zct_check(buf, OBJECT, 0, 1, 0));
	close(sv[0]);
	close(sv[1]);
	EXPECT_OK(zct_store_end(&s));
}

/* Memory that the system asks back. */
TEST_F(evict, shrinker)
{
	const unsigned int n = 100;
	struct zc_nl_store st;
	struct zc_stat stat;
	unsigned int i;
	__u64 put = 0, pinned;
	char key[16];
	int fd;

	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "%u", i);
		ASSERT_OK(zct_put_pattern(self->s.fd, key, i, 1, i % 2 ? 100000 : 100, NULL));
		ASSERT_OK(zct_stat_key(self->s.fd, key, &stat));
		put += stat.charge;
	}
	fd = zct_open_key(self->s.fd, "51");
	ASSERT_FD(fd);
	pinned = charge_of(self->s.fd, "51");
	/* the kernel goes on until its shrinkers give little */
	for (i = 0; i < 20; i++)
		ASSERT_OK(zct_write_file("/proc/sys/vm/drop_caches", "2"));
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_LT(0, st.count[ZC_C_SHRINKS]);
	EXPECT_EQ(n, st.objects + st.count[ZC_C_SHRINKS]);
	EXPECT_EQ(put, st.used + st.count[ZC_C_SHRUNK_BYTES]);
	EXPECT_LE(pinned, st.used);
	EXPECT_EQ(0, st.count[ZC_C_EVICTIONS]);
	/* whole or not at all, and what is open stays */
	for (i = 0; i < n; i++) {
		int err;

		snprintf(key, sizeof(key), "%u", i);
		err = zct_verify_key(self->s.fd, key, i, 1, i % 2 ? 100000 : 100);
		EXPECT_TRUE(err == 0 || err == -ENOENT) TH_LOG("object %u: %d", i, err);
	}
	EXPECT_OK(zct_verify_key(self->s.fd, "51", 51, 1, 100000));
	EXPECT_OK(zct_verify_fd(fd, 51, 1, 100000));
	close(fd);
	/* and the room is there for others */
	EXPECT_OK(zct_put_pattern(self->s.fd, "big", 1, 2, 15 * MiB, NULL));
	EXPECT_OK(zct_verify_key(self->s.fd, "big", 1, 2, 15 * MiB));
}

TEST_HARNESS_MAIN
