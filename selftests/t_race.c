// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at once on a few keys of a store that is too small for them. Every
 * reader proves that each byte it got is of one version, whose length it knows.
 */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include "zc_harness.h"

#define KEYS	4
#define MAX_LEN	(1 * MiB)

static const char * const names[KEYS] = { "a", "b", "c", "d" };

/* The length of a version is a function of its number. */
static size_t length_of(unsigned int version)
{
	static const unsigned int base[] = { 8, 100, 2048, 2056, 4096, 20000, 65536, 70000,
					     300000, MAX_LEN - 4096 };

	return base[version % ARRAY_SIZE(base)] + (version / ARRAY_SIZE(base)) % 64 * 8;
}

struct worker {
	pthread_t thread;
	const struct zct_store *s;
	unsigned int nr;
	unsigned int seed;
	unsigned int rounds;
	int (*fn)(struct worker *w, unsigned int key);
	unsigned char *buf;
	int sv[2];
	unsigned int done;	/* calls that got something */
	char complaint[200];
};

static unsigned int last_version;

static unsigned int next_version(void)
{
	return __sync_add_and_fetch(&last_version, 1) & ZCT_VERSION_MAX;
}

#define COMPLAIN(w, how...) \
	(snprintf((w)->complaint, sizeof((w)->complaint), how), -1)

/* All @len bytes at @buf are the object's from @offset on, of one version. */
static int check(struct worker *w, const char *what, const unsigned char *buf, size_t len,
		 __u64 offset, __u64 data_len, unsigned int key)
{
	unsigned int id, version;
	ssize_t bad;

	if (len < 8)
		return 0;
	zct_origin(buf, &id, &version);
	if (id != key + 1 || version > last_version)
		return COMPLAIN(w, "%s: bytes of key %u, version %u where key %u was asked for",
				what, id, version, key + 1);
	if (data_len != length_of(version))
		return COMPLAIN(w, "%s: version %u has %zu bytes, not %llu", what, version,
				length_of(version), (unsigned long long)data_len);
	bad = zct_check(buf, len, id, version, offset);
	if (bad != -1)
		return COMPLAIN(w, "%s: version %u of %zu bytes, wrong from byte %zd of %zu on",
				what, version, length_of(version), bad, len);
	w->done++;
	return 0;
}

static bool gone(int err)
{
	return err == -ENOENT || err == -ESTALE;
}

static int do_put(struct worker *w, unsigned int key)
{
	unsigned int version = next_version();
	size_t len = length_of(version);
	int err;

	zct_pattern(w->buf, len, key + 1, version, 0);
	err = zct_put_data(w->s->fd, names[key], w->buf, len, NULL);
	if (err && err != -ENOSPC)
		return COMPLAIN(w, "put: %d", err);
	w->done += !err;
	return 0;
}

static int do_fill(struct worker *w, unsigned int key)
{
	unsigned int version = next_version();
	size_t len = length_of(version), half = len / 16 * 8;
	int fd, err;

	zct_pattern(w->buf, len, key + 1, version, 0);
	fd = zct_fill_key(w->s->fd, names[key], len, 0);
	if (fd == -ENOSPC)
		return 0;
	if (fd < 0)
		return COMPLAIN(w, "fill: %d", fd);
	if (pwrite(fd, w->buf + half, len - half, half) != (ssize_t)(len - half) ||
	    pwrite(fd, w->buf, half, 0) != (ssize_t)half) {
		close(fd);
		return COMPLAIN(w, "fill: write: %d", errno);
	}
	/* one in four is given up */
	err = version % 4 ? zct_commit_fd(fd, NULL) : 0;
	close(fd);
	w->done += !err;
	return err ? COMPLAIN(w, "commit: %d", err) : 0;
}

static int do_get(struct worker *w, unsigned int key)
{
	struct zc_get get = { .key = ZC_ADDR(names[key]), .key_len = 1,
			      .buf = ZC_ADDR(w->buf), .buf_len = MAX_LEN };
	int err;

	if (zct_random(&w->seed) % 2)
		get.offset = zct_random(&w->seed) % 70000 & ~7;
	err = zct_get(w->s->fd, &get);
	if (gone(err) || err == -ERANGE)
		return 0;
	if (err)
		return COMPLAIN(w, "get: %d", err);
	if (get.copied != get.data_len - get.offset)
		return COMPLAIN(w, "get: %llu of %llu", get.copied, get.data_len);
	return check(w, "get", w->buf, get.copied, get.offset, get.data_len, key);
}

static int do_open(struct worker *w, unsigned int key)
{
	struct zc_open open = { .key = ZC_ADDR(names[key]), .key_len = 1 };
	unsigned char *map;
	int err, ret = 0;
	size_t len;

	err = zct_open(w->s->fd, &open);
	if (gone(err))
		return 0;
	if (err)
		return COMPLAIN(w, "open: %d", err);
	len = open.data_len;
	if (zct_random(&w->seed) % 2) {
		sched_yield();
		if (pread(open.fd, w->buf, MAX_LEN, 0) != (ssize_t)len)
			ret = COMPLAIN(w, "pread: not %zu", len);
		else
			ret = check(w, "pread", w->buf, len, 0, len, key);
		close(open.fd);
		return ret;
	}
	map = mmap(NULL, len, PROT_READ, MAP_SHARED, open.fd, 0);
	close(open.fd);
	if (map == MAP_FAILED)
		return COMPLAIN(w, "mmap: %d", errno);
	sched_yield();
	ret = check(w, "mmap", map, len, 0, len, key);
	munmap(map, len);
	return ret;
}

/*
 * One message, to ourselves: what the socket takes is read at once. Between two
 * parts of it the version may go; then it ends there.
 */
static int do_send(struct worker *w, unsigned int key)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = { .key = ZC_ADDR(names[key]), .key_len = 1, .nr_parts = 1,
				.sock = w->sv[0], .parts = ZC_ADDR(&part) };
	bool by_fd = zct_random(&w->seed) % 3 == 0;
	__u64 data_len = 0;
	size_t got = 0;
	int err, fd = -1, ret = 0;

	if (by_fd) {
		fd = zct_open_key(w->s->fd, names[key]);
		if (fd < 0)
			return gone(fd) ? 0 : COMPLAIN(w, "open: %d", fd);
		send.key = send.key_len = 0;
		send.fd = fd;
	}
	do {
		send.flags = ZC_SEND_NOWAIT | (by_fd ? ZC_SEND_FD : 0);
		send.skip = got;
		err = zct_send(w->s->fd, &send);
		if (gone(err) && !by_fd)
			break;
		if (err == -EAGAIN) {
			/* all was read, but the acknowledgement is under way */
			poll(&(struct pollfd){ w->sv[0], POLLOUT, 0 }, 1, -1);
			continue;
		}
		if (err) {
			ret = COMPLAIN(w, "send: %d at %zu", err, got);
			break;
		}
		data_len = send.data_len;
		err = zct_read_all(w->sv[1], w->buf + got, send.sent);
		if (err) {
			ret = COMPLAIN(w, "recv: %d", err);
			break;
		}
		got += send.sent;
	} while (err || got < send.total);
	if (fd >= 0)
		close(fd);
	if (!ret && got)
		ret = check(w, by_fd ? "send by fd" : "send", w->buf, got, 0, data_len, key);
	return ret;
}

/* Bytes wait in the queue while the object goes, and are read only then. */
static int do_send_late(struct worker *w, unsigned int key)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = { .key = ZC_ADDR(names[key]), .key_len = 1, .nr_parts = 1,
				.sock = w->sv[0], .parts = ZC_ADDR(&part),
				.flags = ZC_SEND_NOWAIT };
	int err, i;

	poll(&(struct pollfd){ w->sv[0], POLLOUT, 0 }, 1, -1);
	err = zct_send(w->s->fd, &send);
	if (gone(err) || err == -EAGAIN)
		return 0;
	if (err)
		return COMPLAIN(w, "send: %d", err);
	for (i = 0; i < 5; i++)
		sched_yield();
	err = zct_read_all(w->sv[1], w->buf, send.sent);
	if (err)
		return COMPLAIN(w, "recv: %d", err);
	return check(w, "late", w->buf, send.sent, 0, send.data_len, key);
}

static int do_delete(struct worker *w, unsigned int key)
{
	int err = zct_delete_key(w->s->fd, names[key]);

	if (err && !gone(err))
		return COMPLAIN(w, "delete: %d", err);
	w->done += !err;
	sched_yield();
	return 0;
}

static int do_stat(struct worker *w, unsigned int key)
{
	struct zc_nl_store st;
	struct zc_stat stat;
	int err;

	err = zct_stat_key(w->s->fd, names[key], &stat);
	if (err && !gone(err))
		return COMPLAIN(w, "stat: %d", err);
	if (!err && (stat.charge < stat.data_len || stat.resident != stat.data_len))
		return COMPLAIN(w, "stat: charge %llu of %llu", stat.charge, stat.data_len);
	err = zc_nl_store_get(w->s->name, &st);
	if (err)
		return COMPLAIN(w, "store-get: %d", err);
	if (st.used > st.capacity || st.objects > KEYS)
		return COMPLAIN(w, "%llu of %llu used by %llu objects", st.used, st.capacity,
				st.objects);
	w->done++;
	return 0;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	unsigned int i;

	/* a miss is quick: who has only had misses goes on for a while */
	for (i = 0; i < w->rounds || (!w->done && i < 1000 * w->rounds); i++) {
		if (w->fn(w, zct_random(&w->seed) % KEYS))
			break;
		if (!w->done)
			sched_yield();
	}
	return NULL;
}

FIXTURE(race) {
	struct zct_store s;
	struct worker w[16];
	unsigned int nr, seed;
	char mark[96];
};

FIXTURE_VARIANT(race) {
	__u64 capacity;
};

/* One in which nothing is evicted, and one in which no two large ones fit. */
FIXTURE_VARIANT_ADD(race, roomy) { .capacity = 256 * MiB };
FIXTURE_VARIANT_ADD(race, tight) { .capacity = 1500000 };

FIXTURE_SETUP(race)
{
	const struct zc_nl_cfg cfg = { .capacity = variant->capacity };

	ZCT_START(race);
	self->seed = zct_seed();
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(race)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		zct_delete_key(self->s.fd, names[i]);
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(0, zct_objects(&self->s));
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define ADD(function, times) \
	do { \
		struct worker *w_ = &self->w[self->nr++]; \
		w_->fn = function; \
		w_->rounds = zct_times(times); \
		w_->nr = self->nr; \
		w_->seed = self->seed + 7919 * self->nr; \
		w_->s = &self->s; \
		w_->buf = zct_alloc(MAX_LEN + 4096); \
		ASSERT_OK(zct_tcp_pair(ZCT_V4, w_->sv)); \
	} while (0)

#define RUN() \
	do { \
		unsigned int i_; \
		for (i_ = 0; i_ < self->nr; i_++) \
			ASSERT_EQ(0, pthread_create(&self->w[i_].thread, NULL, work, \
						    &self->w[i_])); \
		for (i_ = 0; i_ < self->nr; i_++) \
			pthread_join(self->w[i_].thread, NULL); \
		for (i_ = 0; i_ < self->nr; i_++) { \
			EXPECT_STREQ("", self->w[i_].complaint) \
				TH_LOG("worker %u", i_); \
			/* one that never got anything has tested nothing */ \
			EXPECT_LT(0, self->w[i_].done) TH_LOG("worker %u", i_); \
			close(self->w[i_].sv[0]); \
			close(self->w[i_].sv[1]); \
		} \
	} while (0)

TEST_F(race, all)
{
	ADD(do_put, 1500);
	ADD(do_put, 1500);
	ADD(do_fill, 1000);
	ADD(do_get, 3000);
	ADD(do_get, 3000);
	ADD(do_open, 2000);
	ADD(do_open, 2000);
	ADD(do_send, 1500);
	ADD(do_send, 1500);
	ADD(do_send_late, 2000);
	ADD(do_delete, 3000);
	ADD(do_stat, 2000);
	RUN();
}

TEST_F(race, replace_and_send)
{
	ADD(do_put, 2500);
	ADD(do_put, 2500);
	ADD(do_send, 2500);
	ADD(do_send_late, 2500);
	RUN();
}

TEST_F(race, fills)
{
	ADD(do_fill, 2000);
	ADD(do_fill, 2000);
	ADD(do_fill, 2000);
	ADD(do_get, 3000);
	ADD(do_delete, 2000);
	RUN();
}

static int do_drop(struct worker *w, unsigned int key)
{
	(void)key;
	w->done += !zct_write_file("/proc/sys/vm/drop_caches", "2");
	return 0;
}

TEST_F(race, shrinker)
{
	ADD(do_drop, 60);
	ADD(do_put, 2000);
	ADD(do_fill, 1000);
	ADD(do_send, 1500);
	ADD(do_open, 2000);
	ADD(do_get, 2000);
	RUN();
}

/* --- stores that come and go under their users */

#define RACED	"t_race"

struct store_race {
	volatile bool stop;
	unsigned int made, used;
	char complaint[100];
};

static void *make_stores(void *arg)
{
	struct store_race *r = arg;
	const struct zc_nl_cfg cfg = { .name = RACED, .capacity = 4 * MiB };
	unsigned int i, rounds = zct_times(400);
	int err;

	for (i = 0; i < rounds; i++) {
		err = zc_nl_store_new(&cfg);
		if (err && err != -EEXIST)
			break;
		r->made += !err;
		/* let the users in */
		for (unsigned int k = 0; k < i % 50; k++)
			sched_yield();
		err = zc_nl_store_del(RACED, i % 3);
		if (err && err != -EBUSY && err != -ENOENT)
			break;
		err = 0;
	}
	if (err)
		snprintf(r->complaint, sizeof(r->complaint), "store: %d", err);
	r->stop = true;
	return NULL;
}

static bool expected(int err)
{
	return err >= 0 || err == -ENODEV || err == -ENOENT;
}

static void *use_stores(void *arg)
{
	struct store_race *r = arg;
	unsigned char buf[5000];
	int node, fd, fill, err;

	zct_pattern(buf, sizeof(buf), 1, 1, 0);
	while (!r->stop) {
		node = open("/dev/zcache/" RACED, O_RDWR);
		if (node < 0) {
			if (errno != ENOENT && errno != ENODEV && errno != ENXIO)
				snprintf(r->complaint, sizeof(r->complaint), "node: %d", errno);
			continue;
		}
		err = zct_put_data(node, "k", buf, sizeof(buf), NULL);
		if (!expected(err))
			snprintf(r->complaint, sizeof(r->complaint), "put: %d", err);
		fill = zct_fill_key(node, "f", sizeof(buf), 0);
		if (!expected(fill))
			snprintf(r->complaint, sizeof(r->complaint), "fill: %d", fill);
		fd = zct_open_key(node, "k");
		if (!expected(fd))
			snprintf(r->complaint, sizeof(r->complaint), "open: %d", fd);
		if (fill >= 0) {
			zct_write_all(fill, buf, sizeof(buf));
			err = zct_commit_fd(fill, NULL);
			if (!expected(err))
				snprintf(r->complaint, sizeof(r->complaint), "commit: %d", err);
			close(fill);
		}
		close(node);
		if (fd >= 0) {
			/* the bytes stay, store or no store */
			err = zct_verify_fd(fd, 1, 1, sizeof(buf));
			if (err)
				snprintf(r->complaint, sizeof(r->complaint), "bytes: %d", err);
			else
				r->used++;
			close(fd);
		}
	}
	return NULL;
}

TEST(stores)
{
	struct store_race r = { 0 };
	pthread_t maker, users[3];
	unsigned int i;

	zct_mark("start", "stores");
	zc_nl_store_del(RACED, true);
	ASSERT_EQ(0, pthread_create(&maker, NULL, make_stores, &r));
	for (i = 0; i < ARRAY_SIZE(users); i++)
		ASSERT_EQ(0, pthread_create(&users[i], NULL, use_stores, &r));
	pthread_join(maker, NULL);
	for (i = 0; i < ARRAY_SIZE(users); i++)
		pthread_join(users[i], NULL);
	EXPECT_STREQ("", r.complaint);
	EXPECT_LT(0, r.made);
	EXPECT_LT(0, r.used);
	/* the last one may have been busy; nobody is there any more */
	i = zc_nl_store_del(RACED, false);
	EXPECT_TRUE((int)i == 0 || (int)i == -ENOENT) TH_LOG("%d", (int)i);
	zct_mark("end", "stores");
}

TEST_HARNESS_MAIN
