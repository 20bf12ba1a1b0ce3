// SPDX-License-Identifier: GPL-2.0-only
/* What an operator reads: counters, what is held, how long calls took, listings. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define SMALL	100
#define LARGE	(300 * KiB)

FIXTURE(stats) {
	struct zct_store s;
	struct zc_nl_store before, after;
	char mark[96];
};

FIXTURE_SETUP(stats)
{
	ZCT_START(stats);
	ASSERT_OK(zct_store_new(&self->s, NULL));
}

FIXTURE_TEARDOWN(stats)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define BEFORE()	ASSERT_OK(zc_nl_store_get(self->s.name, &self->before))
#define EXPECT_DELTAS(deltas...) \
	do { \
		const struct zct_delta d_[] = { deltas }; \
		EXPECT_OK(zct_deltas(&self->s, &self->before, d_, ARRAY_SIZE(d_))); \
	} while (0)

/* CLOCK_REALTIME nanoseconds, some seconds from now. */
static __s64 at(int seconds)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (t.tv_sec + seconds) * 1000000000LL;
}

static int put_until(int fd, const char *key, size_t len, __s64 expires_ns)
{
	static unsigned char data[LARGE];
	struct zc_put put = { .key = ZC_ADDR(key), .key_len = strlen(key),
			      .data = ZC_ADDR(data), .data_len = len,
			      .expires_ns = expires_ns };

	return zct_put(fd, &put);
}

TEST_F(stats, bytes)
{
	char buf[SMALL];

	BEFORE();
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 1, SMALL, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "b", 2, 1, LARGE, NULL));
	EXPECT_DELTAS({ ZC_C_PUTS, 2 }, { ZC_C_FILL_BYTES, SMALL + LARGE },
		      { ZC_C_MISS_BYTES, SMALL + LARGE }, { ZC_C_HIT_BYTES, 0 });
	/* a hit counts the object, whatever is read of it */
	BEFORE();
	EXPECT_EQ(10, zct_get_data(self->s.fd, "b", buf, 10, 0));
	EXPECT_EQ(SMALL, zct_get_data(self->s.fd, "a", buf, SMALL, 0));
	EXPECT_ERR(ENOENT, zct_get_data(self->s.fd, "c", buf, SMALL, 0));
	EXPECT_DELTAS({ ZC_C_HITS, 2 }, { ZC_C_HIT_BYTES, SMALL + LARGE }, { ZC_C_MISSES, 1 },
		      { ZC_C_GETS, 2 }, { ZC_C_GET_BYTES, 10 + SMALL }, { ZC_C_MISS_BYTES, 0 });
	/* what was there and fresh was no miss; what had expired was one */
	BEFORE();
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 2, SMALL, NULL));
	EXPECT_DELTAS({ ZC_C_PUTS, 1 }, { ZC_C_FILL_BYTES, SMALL }, { ZC_C_REPLACES, 1 },
		      { ZC_C_MISS_BYTES, 0 });
	ASSERT_OK(put_until(self->s.fd, "a", SMALL, at(-1)));
	BEFORE();
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 3, SMALL, NULL));
	EXPECT_DELTAS({ ZC_C_PUTS, 1 }, { ZC_C_FILL_BYTES, SMALL }, { ZC_C_REPLACES, 1 },
		      { ZC_C_MISS_BYTES, SMALL });
}

TEST_F(stats, object_fds)
{
	void *map;
	int fd, pipes[2];
	loff_t pos = 0;

	ASSERT_OK(zct_put_pattern(self->s.fd, "small", 1, 1, SMALL, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "large", 2, 1, LARGE, NULL));
	ASSERT_OK(pipe2(pipes, O_CLOEXEC));
	/* the first open of an inline object copies it to pages */
	BEFORE();
	fd = zct_open_key(self->s.fd, "small");
	ASSERT_FD(fd);
	close(fd);
	fd = zct_open_key(self->s.fd, "small");
	ASSERT_FD(fd);
	EXPECT_DELTAS({ ZC_C_HITS, 2 }, { ZC_C_OPENS, 2 }, { ZC_C_MMAP_SKIPPED, 1 });
	/* bytes that are mapped are the object's, not the page's */
	BEFORE();
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, 4096);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
	close(fd);
	fd = zct_open_key(self->s.fd, "large");
	ASSERT_FD(fd);
	map = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 4096);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, 8192);
	/* beyond the end there are none */
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 64 * MiB);
	ASSERT_NE(MAP_FAILED, map);
	munmap(map, 4096);
	EXPECT_DELTAS({ ZC_C_HITS, 1 }, { ZC_C_OPENS, 1 }, { ZC_C_MMAP_READS, 3 },
		      { ZC_C_MMAP_BYTES, SMALL + 8192 });
	/* splice is told in calls and bytes; one at the end reads none */
	BEFORE();
	EXPECT_EQ(5000, splice(fd, &pos, pipes[1], NULL, 5000, 0));
	pos = LARGE;
	EXPECT_EQ(0, splice(fd, &pos, pipes[1], NULL, 5000, 0));
	EXPECT_DELTAS({ ZC_C_SENDFILE_TRANSFERS, 1 }, { ZC_C_SENDFILE_BYTES, 5000 });
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}

TEST_F(stats, sendfile)
{
	__u64 bytes;
	int fd, sv[2];

	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 64 * KiB, NULL));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(fd);
	BEFORE();
	bytes = sendfile(sv[0], fd, NULL, 40000);
	EXPECT_EQ(40000, bytes);
	ASSERT_OK(zc_nl_store_get(self->s.name, &self->after));
	EXPECT_LT(self->before.count[ZC_C_SENDFILE_TRANSFERS],
		  self->after.count[ZC_C_SENDFILE_TRANSFERS]);
	EXPECT_EQ(self->before.count[ZC_C_SENDFILE_BYTES] + bytes,
		  self->after.count[ZC_C_SENDFILE_BYTES]);
	close(fd);
	close(sv[0]);
	close(sv[1]);
}

/* What is held, by whom: linked objects, and those that are only held. */
TEST_F(stats, held)
{
	struct zc_nl_store *st = &self->after;
	int fd, fill;

	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(0, st->data);
	EXPECT_EQ(0, st->metadata);
	EXPECT_EQ(0, st->pinned);
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 1, SMALL, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "b", 2, 1, LARGE, NULL));
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(SMALL + LARGE, st->data);
	EXPECT_EQ(st->used, st->data + st->metadata);
	EXPECT_EQ(0, st->pinned);
	/* a fill holds what it is to have */
	fill = zct_fill_key(self->s.fd, "c", LARGE, 0);
	ASSERT_FD(fill);
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(SMALL + LARGE, st->data);
	EXPECT_LE(LARGE, st->pinned);
	EXPECT_EQ(st->used, st->data + st->metadata + st->pinned);
	close(fill);
	/* an object that was deleted is held by its fd */
	fd = zct_open_key(self->s.fd, "b");
	ASSERT_FD(fd);
	ASSERT_OK(zct_delete_key(self->s.fd, "b"));
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(SMALL, st->data);
	EXPECT_LE(LARGE, st->pinned);
	EXPECT_EQ(st->used, st->data + st->metadata + st->pinned);
	close(fd);
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(0, st->pinned);
}

static __u64 sum(const __u64 *buckets)
{
	__u64 n = 0;
	int i;

	for (i = 0; i < ZC_NL_BUCKETS; i++)
		n += buckets[i];
	return n;
}

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* The highest bucket that so many nanoseconds can be in. */
static int bucket_of(__u64 ns)
{
	int i = 0;

	while (i < ZC_NL_BUCKETS - 1 && ns >= 1024ULL << i)
		i++;
	return i;
}

TEST_F(stats, latency)
{
	struct zct_obj o = { .key = "k", .id = 1, .version = 1, .len = 2 * SMALL };
	struct zc_nl_store *st = &self->after;
	struct zct_msg m;
	struct zc_send send;
	int fill, sv[2], i, top;
	__u64 start, took;

	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	ASSERT_OK(zct_obj_put(self->s.fd, &o));
	zct_msg_new(&m, KiB);
	zct_msg_range(&m, &o, 0, o.len);
	start = now_ns();
	for (i = 0; i < 5; i++) {
		send = zct_msg_send(&m, "k", sv[0]);
		ASSERT_OK(zct_send(self->s.fd, &send));
		ASSERT_OK(zct_msg_receive(&m, sv[1]));
	}
	took = now_ns() - start;
	/* one that finds nothing is not timed */
	send = zct_msg_send(&m, "none", sv[0]);
	ASSERT_ERR(ENOENT, zct_send(self->s.fd, &send));
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(5, sum(st->send_latency));
	EXPECT_EQ(0, sum(st->fill_latency));
	/* none took longer than all together */
	for (top = ZC_NL_BUCKETS - 1; top > 0 && !st->send_latency[top]; top--)
		;
	EXPECT_GE(bucket_of(took), top);

	/* a fill is timed from its start to its commit, and not if there is none */
	fill = zct_fill_key(self->s.fd, "f", 0, 0);
	ASSERT_FD(fill);
	close(fill);
	start = now_ns();
	fill = zct_fill_key(self->s.fd, "f", 0, 0);
	ASSERT_FD(fill);
	while (now_ns() - start < 50000000)
		sched_yield();
	ASSERT_OK(zct_commit_fd(fill, NULL));
	took = now_ns() - start;
	close(fill);
	ASSERT_OK(zc_nl_store_get(self->s.name, st));
	EXPECT_EQ(1, sum(st->fill_latency));
	for (top = 0; !st->fill_latency[top]; top++)
		;
	EXPECT_GE(bucket_of(took), top);
	/* 33 ms, less than the 50 that it took at least */
	EXPECT_LE(bucket_of(33000000), top);
	zct_msg_free(&m);
	close(sv[0]);
	close(sv[1]);
}

static void join_key(const struct zc_nl_object *o, void *arg)
{
	char *list = arg;
	size_t len = strlen(list);
	char c = o->key[0];

	/* in order, whatever the dump's is */
	while (len && list[len - 1] > c) {
		list[len] = list[len - 1];
		len--;
	}
	list[len] = c;
}

/* The keys, a byte each, that a filter lets through. */
#define EXPECT_LISTED(keys, wanted...) \
	do { \
		const struct zc_nl_filter f_ = { wanted }; \
		char list_[16] = ""; \
		EXPECT_OK(zc_nl_object_dump_filter(self->s.name, &f_, join_key, list_)); \
		EXPECT_STREQ(keys, list_); \
	} while (0)

#define HOUR_MS	3600000ULL

TEST_F(stats, filters)
{
	const struct zc_nl_filter none = { 0 };
	struct zc_nl_filter f;

	ASSERT_OK(put_until(self->s.fd, "a", 0, 0));
	ASSERT_OK(put_until(self->s.fd, "b", 1, at(3600)));
	ASSERT_OK(put_until(self->s.fd, "c", SMALL, at(-1)));
	ASSERT_OK(put_until(self->s.fd, "d", LARGE, 0));
	ASSERT_OK(put_until(self->s.fd, "e", LARGE - 1, at(-1)));
	EXPECT_OK(zc_nl_object_dump_filter(self->s.name, &none, NULL, NULL));
	EXPECT_LISTED("abcde", .set = 0);
	EXPECT_LISTED("bcde", .min_size = 1, .set = ZC_NL_WANT(MIN_SIZE));
	EXPECT_LISTED("d", .min_size = LARGE, .set = ZC_NL_WANT(MIN_SIZE));
	EXPECT_LISTED("", .min_size = ~0ULL, .set = ZC_NL_WANT(MIN_SIZE));
	EXPECT_LISTED("a", .max_size = 0, .set = ZC_NL_WANT(MAX_SIZE));
	EXPECT_LISTED("abce", .max_size = LARGE - 1, .set = ZC_NL_WANT(MAX_SIZE));
	EXPECT_LISTED("bc", .min_size = 1, .max_size = SMALL,
		      .set = ZC_NL_WANT(MIN_SIZE) | ZC_NL_WANT(MAX_SIZE));
	EXPECT_LISTED("ce", .expired = 1, .set = ZC_NL_WANT(EXPIRED));
	EXPECT_LISTED("abd", .expired = 0, .set = ZC_NL_WANT(EXPIRED));
	EXPECT_LISTED("abcde", .max_age = HOUR_MS, .set = ZC_NL_WANT(MAX_AGE));
	EXPECT_LISTED("abcde", .min_age = 0, .set = ZC_NL_WANT(MIN_AGE));
	EXPECT_LISTED("", .min_age = HOUR_MS, .set = ZC_NL_WANT(MIN_AGE));
	/* all must hold */
	EXPECT_LISTED("e", .expired = 1, .min_size = SMALL + 1, .max_age = HOUR_MS,
		      .set = ZC_NL_WANT(EXPIRED) | ZC_NL_WANT(MIN_SIZE) | ZC_NL_WANT(MAX_AGE));
	EXPECT_LISTED("c", .prefix = "c", .prefix_len = 1, .expired = 1,
		      .set = ZC_NL_WANT(KEY) | ZC_NL_WANT(EXPIRED));
	EXPECT_LISTED("", .prefix = "d", .prefix_len = 1, .expired = 1,
		      .set = ZC_NL_WANT(KEY) | ZC_NL_WANT(EXPIRED));
	/* what cannot be is refused */
	f = (struct zc_nl_filter){ .min_size = 2, .max_size = 1,
				   .set = ZC_NL_WANT(MIN_SIZE) | ZC_NL_WANT(MAX_SIZE) };
	EXPECT_ERR(EINVAL, zc_nl_object_dump_filter(self->s.name, &f, NULL, NULL));
	f = (struct zc_nl_filter){ .min_age = 2, .max_age = 1,
				   .set = ZC_NL_WANT(MIN_AGE) | ZC_NL_WANT(MAX_AGE) };
	EXPECT_ERR(EINVAL, zc_nl_object_dump_filter(self->s.name, &f, NULL, NULL));
	f = (struct zc_nl_filter){ .expired = 2, .set = ZC_NL_WANT(EXPIRED) };
	EXPECT_ERR(ERANGE, zc_nl_object_dump_filter(self->s.name, &f, NULL, NULL));
}

TEST_HARNESS_MAIN
