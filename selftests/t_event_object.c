// SPDX-License-Identifier: GPL-2.0-only
/* Events of single objects: each that comes or leaves is told, once, and why. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_tag.h"

FIXTURE(object_event) {
	struct zct_store s;
	struct zc_nl_object o;		/* the last event */
	int fd;
	char mark[96];
};

FIXTURE_SETUP(object_event)
{
	static const struct zc_nl_cfg cfg = {
		.capacity = 4 * MiB, .object_events = 1,
		.set = ZC_NL_SET(GRACE) | ZC_NL_SET(OBJECT_EVENTS),
	};

	ZCT_START(object_event);
	self->fd = zc_nl_listen_to(ZCACHE_MCGRP_OBJECTS);
	ASSERT_FD(self->fd);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(object_event)
{
	EXPECT_OK(zct_store_end(&self->s));
	close(self->fd);
	ZCT_END();
}

#define SEEN	(ZC_NL_WANT(STORE) | ZC_NL_WANT(KEY) | ZC_NL_WANT(GENERATION) | ZC_NL_WANT(SIZE))

/* The next event is of this object of our store. */
#define EXPECT_OBJECT(command, k, gen, bytes, attributes) \
	do { \
		EXPECT_EQ(ZCACHE_CMD_OBJECT_##command##_NTF, \
			  zc_nl_object_event(self->fd, &self->o)); \
		EXPECT_STREQ(self->s.name, self->o.store); \
		EXPECT_EQ(strlen(k), self->o.key_len); \
		EXPECT_EQ(0, memcmp(k, self->o.key, strlen(k))); \
		EXPECT_EQ(gen, self->o.generation); \
		EXPECT_EQ(bytes, self->o.size); \
		EXPECT_EQ(attributes, self->o.seen & ~ZC_NL_WANT(PAD)); \
	} while (0)

#define EXPECT_NEW(k, gen, bytes)	EXPECT_OBJECT(NEW, k, gen, bytes, SEEN)
#define EXPECT_DEL(k, gen, bytes, why) \
	do { \
		EXPECT_OBJECT(DEL, k, gen, bytes, SEEN | ZC_NL_WANT(REASON)); \
		EXPECT_EQ(ZCACHE_OBJECT_REASON_##why, self->o.reason); \
	} while (0)

#define EXPECT_NONE(fd) \
	do { \
		char room; \
		EXPECT_EQ(-1, recv(fd, &room, 1, MSG_DONTWAIT)); \
		EXPECT_EQ(EAGAIN, errno); \
	} while (0)

TEST_F(object_event, by_calls)
{
	struct zc_purge purge = { .key = ZC_ADDR("p"), .key_len = 1 };
	struct zc_delete soft = { .key = ZC_ADDR("s"), .key_len = 1, .flags = ZC_DELETE_SOFT };
	__u64 first, second, third;
	int fill;

	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 1, 100, &first));
	EXPECT_NEW("a", first, 100);
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 2, 100000, &second));
	EXPECT_NEW("a", second, 100000);
	EXPECT_DEL("a", first, 100, REPLACED);
	ASSERT_OK(zct_delete_key(self->s.fd, "a"));
	EXPECT_DEL("a", second, 100000, DELETED);
	/* a fill is told of when it is committed */
	fill = zct_fill_key(self->s.fd, "empty", 0, 0);
	ASSERT_FD(fill);
	EXPECT_NONE(self->fd);
	ASSERT_OK(zct_commit_fd(fill, &first));
	EXPECT_NEW("empty", first, 0);
	close(fill);
	/* by prefix; what is purged softly leaves when it expires */
	ASSERT_OK(zct_put_pattern(self->s.fd, "p1", 1, 1, 1, &second));
	EXPECT_NEW("p1", second, 1);
	ASSERT_OK(zct_purge(self->s.fd, &purge));
	EXPECT_DEL("p1", second, 1, PURGED);
	ASSERT_OK(zct_put_pattern(self->s.fd, "s", 1, 1, 2, &third));
	EXPECT_NEW("s", third, 2);
	ASSERT_OK(zct_delete(self->s.fd, &soft));
	EXPECT_DEL("s", third, 2, EXPIRED);
	/* a lookup, a refusal and what is not there are no events */
	EXPECT_ERR(ENOENT, zct_delete_key(self->s.fd, "a"));
	EXPECT_OK(zct_verify_key(self->s.fd, "empty", 1, 1, 0));
	EXPECT_ERR(EFBIG, zct_put_pattern(self->s.fd, "b", 1, 1, 5 * MiB, NULL));
	EXPECT_NONE(self->fd);
}

TEST_F(object_event, by_tag)
{
	struct zc_purge purge = { 0 };

	ASSERT_OK(zct_put_tag(self->s.fd, "t", 10, 5));
	EXPECT_EQ(ZCACHE_CMD_OBJECT_NEW_NTF, zc_nl_object_event(self->fd, &self->o));
	ASSERT_OK(zct_purge_tag(self->s.fd, 5, 0, &purge));
	EXPECT_EQ(1, purge.objects);
	EXPECT_DEL("t", self->o.generation, 10, PURGED);
	/* the tag goes a moment later */
	zct_wait_used(&self->s, 0);
}

/* Room is made before the object that it is for comes. */
TEST_F(object_event, evicted)
{
	__u64 generation[8];
	unsigned int i;
	char key[8], oldest[8];

	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "%u", i);
		snprintf(oldest, sizeof(oldest), "%u", i - 3);
		ASSERT_OK(zct_put_pattern(self->s.fd, key, 1, 1, MiB, &generation[i]));
		if (i >= 3)
			EXPECT_DEL(oldest, generation[i - 3], MiB, EVICTED);
		EXPECT_NEW(key, generation[i], MiB);
	}
	EXPECT_NONE(self->fd);
}

/* Of a tag's own, for its quota. */
TEST_F(object_event, evicted_of_tag)
{
	__u64 first;

	ASSERT_OK(zct_tag_set(&self->s, 7, MiB, ZCT_KEEP));
	ASSERT_OK(zct_put_tag(self->s.fd, "one", 600000, 7));
	EXPECT_EQ(ZCACHE_CMD_OBJECT_NEW_NTF, zc_nl_object_event(self->fd, &self->o));
	first = self->o.generation;
	ASSERT_OK(zct_put_tag(self->s.fd, "two", 600000, 7));
	EXPECT_DEL("one", first, 600000, EVICTED);
	EXPECT_EQ(ZCACHE_CMD_OBJECT_NEW_NTF, zc_nl_object_event(self->fd, &self->o));
	ASSERT_OK(zct_tag_set(&self->s, 7, 0, ZCT_KEEP));
}

TEST_F(object_event, shrunk)
{
	struct zc_nl_store st;
	unsigned int i, shrunk = 0;
	char key[8];

	for (i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "%u", i);
		ASSERT_OK(zct_put_pattern(self->s.fd, key, 1, 1, 100000, NULL));
		EXPECT_EQ(ZCACHE_CMD_OBJECT_NEW_NTF, zc_nl_object_event(self->fd, &self->o));
	}
	for (i = 0; i < 20; i++)
		ASSERT_OK(zct_write_file("/proc/sys/vm/drop_caches", "2"));
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	ASSERT_LT(0, st.count[ZC_C_SHRINKS]);
	while (shrunk < st.count[ZC_C_SHRINKS]) {
		ASSERT_EQ(ZCACHE_CMD_OBJECT_DEL_NTF, zc_nl_object_event(self->fd, &self->o));
		EXPECT_EQ(ZCACHE_OBJECT_REASON_SHRUNK, self->o.reason);
		EXPECT_EQ(100000, self->o.size);
		shrunk++;
	}
	EXPECT_NONE(self->fd);
}

/* Off is what holds if nothing is said; it is changed while the store is in use. */
TEST_F(object_event, off)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .set = ZC_NL_SET(OBJECT_EVENTS) };
	struct zct_store other;
	struct zc_nl_store st;
	__u64 generation;

	ASSERT_OK(zct_store_new(&other, NULL));
	ASSERT_OK(zc_nl_store_get(other.name, &st));
	EXPECT_EQ(0, st.object_events);
	ASSERT_OK(zct_put_pattern(other.fd, "a", 1, 1, 100, NULL));
	ASSERT_OK(zct_delete_key(other.fd, "a"));
	ASSERT_OK(zct_put_pattern(other.fd, "a", 1, 1, 100, NULL));
	ASSERT_OK(zct_store_end(&other));
	EXPECT_NONE(self->fd);

	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(1, st.object_events);
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, 1, 100, &generation));
	EXPECT_NONE(self->fd);
	cfg.object_events = 1;
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zct_delete_key(self->s.fd, "a"));
	EXPECT_DEL("a", generation, 100, DELETED);
	cfg.object_events = 2;
	EXPECT_ERR(ERANGE, zc_nl_store_set(&cfg));
	/* the end of a store is that of its objects */
	cfg.name = "event-object-end";
	cfg.capacity = MiB;
	cfg.object_events = 1;
	ASSERT_OK(zc_nl_store_new(&cfg));
	other.fd = open("/dev/zcache/event-object-end", O_RDWR);
	ASSERT_OK(zct_put_pattern(other.fd, "a", 1, 1, 100, &generation));
	EXPECT_EQ(ZCACHE_CMD_OBJECT_NEW_NTF, zc_nl_object_event(self->fd, &self->o));
	close(other.fd);
	ASSERT_OK(zc_nl_store_del(cfg.name, false));
	EXPECT_NONE(self->fd);
}

/* A listener that does not read loses events, and is told; nobody waits for it. */
TEST_F(object_event, overrun)
{
	int small = 4096, i, cmd;

	ASSERT_OK(setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	for (i = 0; i < 1000; i++)
		ASSERT_OK(zct_put_pattern(self->s.fd, "a", 1, i, 100, NULL));
	do {
		cmd = zc_nl_object_event(self->fd, &self->o);
	} while (cmd > 0);
	EXPECT_ERR(ENOBUFS, cmd);
}

static int wait_key(int fd, const char *key, __u32 flags, int timeout_ms)
{
	struct zc_wait w = { .key = ZC_ADDR(key), .key_len = strlen(key), .flags = flags,
			     .timeout_ms = timeout_ms };
	int err = zct_wait(fd, &w);

	if (!err && flags & ZC_WAIT_FD)
		close(w.fd);
	return err;
}

#define EXPECT_WAITING(k) \
	do { \
		EXPECT_EQ(ZCACHE_CMD_FILL_WAITING_NTF, zc_nl_object_event(fd, &self->o)); \
		EXPECT_STREQ(self->s.name, self->o.store); \
		EXPECT_EQ(strlen(k), self->o.key_len); \
		EXPECT_EQ(0, memcmp(k, self->o.key, strlen(k))); \
		EXPECT_EQ(ZC_NL_WANT(STORE) | ZC_NL_WANT(KEY), self->o.seen); \
	} while (0)

/* The first who waits for a key that another fills; whatever object-events say. */
TEST_F(object_event, waiting)
{
	int fd = zc_nl_listen(), fill;

	ASSERT_FD(fd);
	EXPECT_ERR(ENOENT, wait_key(self->s.fd, "k", 0, 1));
	fill = zct_fill_key(self->s.fd, "k", 10, ZC_PUT_RESERVE);
	ASSERT_FD(fill);
	/* to ask is not to wait */
	EXPECT_ERR(ETIMEDOUT, wait_key(self->s.fd, "k", 0, 0));
	EXPECT_NONE(fd);
	EXPECT_ERR(ETIMEDOUT, wait_key(self->s.fd, "k", 0, 1));
	EXPECT_WAITING("k");
	EXPECT_ERR(ETIMEDOUT, wait_key(self->s.fd, "k", 0, 1));
	EXPECT_OK(wait_key(self->s.fd, "k", ZC_WAIT_FD, 0));
	EXPECT_NONE(fd);
	/* the next reservation is another */
	close(fill);
	fill = zct_fill_key(self->s.fd, "k", 10, ZC_PUT_RESERVE);
	ASSERT_FD(fill);
	EXPECT_OK(wait_key(self->s.fd, "k", ZC_WAIT_FD, 0));
	EXPECT_WAITING("k");
	close(fill);
	close(fd);
}

TEST_HARNESS_MAIN
