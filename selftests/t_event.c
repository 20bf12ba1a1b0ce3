// SPDX-License-Identifier: GPL-2.0-only
/* Events: who may listen, and that each change is told, once. */
#include <sched.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zc_harness.h"

FIXTURE(event) {
	int fd;
	char name[ZC_NAME_MAX + 1];
	struct zc_nl_store st;
	char mark[96];
};

FIXTURE_SETUP(event)
{
	ZCT_START(event);
	snprintf(self->name, sizeof(self->name), "event-%d", getpid());
	self->fd = zc_nl_listen();
	ASSERT_FD(self->fd);
}

FIXTURE_TEARDOWN(event)
{
	close(self->fd);
	ZCT_END();
}

/* The next event is of this command and of our store. */
#define EXPECT_EVENT(command) \
	do { \
		EXPECT_EQ(ZCACHE_CMD_##command##_NTF, zc_nl_event(self->fd, &self->st)); \
		EXPECT_STREQ(self->name, self->st.name); \
	} while (0)

TEST_F(event, store)
{
	struct zc_nl_cfg cfg = { .name = self->name, .capacity = MiB, .grace = 7,
				 .high_watermark = 80, .low_watermark = 70,
				 .set = ZC_NL_SET(GRACE) | ZC_NL_SET(HIGH_WATERMARK) |
					ZC_NL_SET(LOW_WATERMARK) };
	struct zc_nl_store now;

	ASSERT_OK(zc_nl_store_new(&cfg));
	EXPECT_EVENT(STORE_NEW);
	EXPECT_EQ(MiB, self->st.capacity);
	EXPECT_EQ(7, self->st.grace);
	EXPECT_EQ(80, self->st.high_watermark);
	EXPECT_EQ(70, self->st.low_watermark);
	EXPECT_EQ(ZC_C_NR, self->st.counters);
	/* what is refused is no event */
	EXPECT_ERR(EEXIST, zc_nl_store_new(&cfg));
	EXPECT_ERR(ENOENT, zc_nl_store_del("event-none", false));

	cfg.capacity = 2 * MiB;
	cfg.set = ZC_NL_SET(CAPACITY);
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_EVENT(STORE_SET);
	EXPECT_EQ(2 * MiB, self->st.capacity);
	EXPECT_EQ(7, self->st.grace);
	cfg.capacity = 1;
	EXPECT_ERR(EINVAL, zc_nl_store_set(&cfg));

	/* an event says what a get says */
	ASSERT_OK(zc_nl_store_get(self->name, &now));
	EXPECT_EQ(now.seen, self->st.seen);

	ASSERT_OK(zc_nl_store_del(self->name, false));
	EXPECT_EVENT(STORE_DEL);
	EXPECT_EQ(2 * MiB, self->st.capacity);
	EXPECT_EQ(0, self->st.objects);
}

TEST_F(event, watermarks_refused)
{
	struct zc_nl_cfg cfg = { .name = self->name, .capacity = MiB };
	struct zc_nl_store st;

	/* each alone and both, out of range or in the wrong order */
	cfg.set = ZC_NL_SET(HIGH_WATERMARK);
	cfg.high_watermark = 0;
	EXPECT_ERR(ERANGE, zc_nl_store_new(&cfg));
	cfg.high_watermark = 101;
	EXPECT_ERR(ERANGE, zc_nl_store_new(&cfg));
	cfg.set = ZC_NL_SET(LOW_WATERMARK);
	cfg.low_watermark = 101;
	EXPECT_ERR(ERANGE, zc_nl_store_new(&cfg));
	cfg.low_watermark = 0;
	EXPECT_ERR(ERANGE, zc_nl_store_new(&cfg));
	cfg.low_watermark = 96;
	EXPECT_ERR(EINVAL, zc_nl_store_new(&cfg));
	EXPECT_STREQ("low-watermark must be at most high-watermark", zc_nl_extack());
	ASSERT_ERR(ENOENT, zc_nl_store_get(self->name, &st));

	/* not given, the low one makes way for the high one */
	cfg.set = ZC_NL_SET(HIGH_WATERMARK);
	cfg.high_watermark = 50;
	ASSERT_OK(zc_nl_store_new(&cfg));
	ASSERT_OK(zc_nl_store_get(self->name, &st));
	EXPECT_EQ(50, st.high_watermark);
	EXPECT_EQ(50, st.low_watermark);
	cfg.set = ZC_NL_SET(LOW_WATERMARK);
	cfg.low_watermark = 51;
	EXPECT_ERR(EINVAL, zc_nl_store_set(&cfg));
	ASSERT_OK(zc_nl_store_get(self->name, &st));
	EXPECT_EQ(50, st.low_watermark);
	EXPECT_OK(zc_nl_store_del(self->name, false));
}

/* Puts objects of 64 KiB until @percent of the capacity are used. */
static int fill_to(const struct zct_store *s, unsigned int percent)
{
	struct zc_info info = { 0 };
	char key[32];
	int i, err = 0;

	for (i = 0; !err; i++) {
		err = zct_info(s->fd, &info);
		if (err || info.used >= info.capacity / 100 * percent)
			break;
		snprintf(key, sizeof(key), "%u-%d", percent, i);
		err = zct_put_pattern(s->fd, key, 1, 1, 64 * KiB, NULL);
	}
	return err;
}

static int purge_all(const struct zct_store *s)
{
	struct zc_purge p = { 0 };
	int err = zct_purge(s->fd, &p);

	/* their room comes back a moment later */
	while (!err && zct_used(s))
		sched_yield();
	return err;
}

TEST_F(event, pressure)
{
	const struct zc_nl_cfg config = { .capacity = 8 * MiB, .high_watermark = 60,
					  .low_watermark = 30,
					  .set = ZC_NL_SET(HIGH_WATERMARK) |
						 ZC_NL_SET(LOW_WATERMARK) };
	struct zc_nl_cfg cfg = { 0 };
	struct zct_store s;

	ASSERT_OK(zct_store_new(&s, &config));
	strcpy(self->name, s.name);
	cfg.name = s.name;
	EXPECT_EVENT(STORE_NEW);
	/* below the mark there is none */
	ASSERT_OK(fill_to(&s, 50));
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_EVENT(STORE_SET);
	ASSERT_OK(fill_to(&s, 61));
	EXPECT_EVENT(PRESSURE);
	EXPECT_EQ(8 * MiB, self->st.capacity);
	EXPECT_LE(8 * MiB / 100 * 60, self->st.used);
	EXPECT_EQ(ZC_NL_SET(NAME) | ZC_NL_SET(CAPACITY) | ZC_NL_SET(USED),
		  self->st.seen & ~ZC_NL_SET(PAD));
	/* full, evicting, and still the same pressure */
	ASSERT_OK(fill_to(&s, 98));
	ASSERT_OK(zct_put_pattern(s.fd, "more", 1, 1, MiB, NULL));
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_EVENT(STORE_SET);
	/* over, and there again */
	ASSERT_OK(purge_all(&s));
	ASSERT_OK(fill_to(&s, 61));
	EXPECT_EVENT(PRESSURE);
	/* the mark comes down to what is used */
	ASSERT_OK(purge_all(&s));
	ASSERT_OK(fill_to(&s, 20));
	cfg.high_watermark = 10;
	cfg.set = ZC_NL_SET(HIGH_WATERMARK);
	ASSERT_OK(zc_nl_store_set(&cfg));
	/* in either order: the event of the change is sent by who changes */
	switch (zc_nl_event(self->fd, &self->st)) {
	case ZCACHE_CMD_STORE_SET_NTF:
		EXPECT_EVENT(PRESSURE);
		break;
	case ZCACHE_CMD_PRESSURE_NTF:
		EXPECT_EVENT(STORE_SET);
		break;
	default:
		EXPECT_EQ(0, 1) TH_LOG("another event");
	}
	EXPECT_OK(zct_store_end(&s));
	EXPECT_EVENT(STORE_DEL);
}

/* To listen is control. */
TEST_F(event, permission)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(1000) || setuid(1000))
			_exit(1);
		if (zc_nl_listen_to(ZCACHE_MCGRP_OBJECTS) != -EPERM)
			_exit(3);
		_exit(zc_nl_listen() == -EPERM ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* A listener that does not read loses events, and is told; nobody waits for it. */
TEST_F(event, overrun)
{
	struct zc_nl_cfg cfg = { .name = self->name, .capacity = MiB };
	int small = 4096, i, err;

	ASSERT_OK(setsockopt(self->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_OK(zc_nl_store_new(&cfg));
	for (i = 0; i < 100; i++)
		ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zc_nl_store_del(self->name, false));
	/* the error comes first, or after what was queued before */
	do {
		err = zc_nl_event(self->fd, &self->st);
	} while (err > 0);
	EXPECT_ERR(ENOBUFS, err);
}

TEST_HARNESS_MAIN
