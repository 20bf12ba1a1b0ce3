// SPDX-License-Identifier: GPL-2.0-only
/*
 * Failures at random, in several threads on the same keys: whatever fails, the
 * bytes are right and nothing is held at the end.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "zc_fault.h"
#include "zc_harness.h"

#define LEN		300000

FIXTURE(chaos) {
	struct zct_store s;
	char mark[96];
};

FIXTURE_SETUP(chaos)
{
	ZCT_START(chaos);
	if (!has_injection())
		SKIP(return, "this kernel has no fault injection");
	set_up_injection();
	ASSERT_OK(zct_store_new(&self->s, NULL));
}

FIXTURE_TEARDOWN(chaos)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

struct chaos {
	const struct zct_store *s;
	pthread_t thread;
	int sv[2], fail;	/* make-it-fail of the thread */
	unsigned int seed, worked;
	unsigned char *buf;
	char complaint[100];
};

static const char * const chaos_keys[] = { "a", "b", "c" };
static const size_t chaos_lens[] = { 100, 2048, 3000, 70000, 250000 };

static void complain(struct chaos *c, const char *what, long err)
{
	snprintf(c->complaint, sizeof(c->complaint), "%s: %ld", what, err);
}

static bool is_version(struct chaos *c, unsigned int key, const void *buf, size_t len)
{
	unsigned int id, version;

	if (!len)
		return true;
	zct_origin(buf, &id, &version);
	return id == key + 1 && version < ARRAY_SIZE(chaos_lens) &&
	       len == chaos_lens[version] && zct_check(buf, len, id, version, 0) == -1 &&
	       ++c->worked;
}

static void chaos_put(struct chaos *c, unsigned int key)
{
	unsigned int version = zct_random(&c->seed) % ARRAY_SIZE(chaos_lens);
	size_t len = chaos_lens[version];
	int fd;

	zct_pattern(c->buf, len, key + 1, version, 0);
	if (zct_random(&c->seed) % 2) {
		zct_put_data(c->s->fd, chaos_keys[key], c->buf, len, NULL);
		return;
	}
	fd = zct_fill_key(c->s->fd, chaos_keys[key], len, 0);
	if (fd < 0)
		return;
	/* a write that failed leaves a hole, and a commit must see it */
	if (pwrite(fd, c->buf, len, 0) != (ssize_t)len) {
		if (!zct_commit_fd(fd, NULL))
			complain(c, "commit with holes", 0);
	} else {
		zct_commit_fd(fd, NULL);
	}
	close(fd);
}

static void chaos_read(struct chaos *c, unsigned int key)
{
	ssize_t n;
	int fd;

	if (zct_random(&c->seed) % 2) {
		n = zct_get_data(c->s->fd, chaos_keys[key], c->buf, LEN, 0);
		if (n > 0 && !is_version(c, key, c->buf, n))
			complain(c, "get", n);
		return;
	}
	fd = zct_open_key(c->s->fd, chaos_keys[key]);
	if (fd < 0)
		return;
	n = pread(fd, c->buf, LEN, 0);
	/* a read may be short, but only of the right bytes */
	if (n == lseek(fd, 0, SEEK_END) && !is_version(c, key, c->buf, n))
		complain(c, "pread", n);
	close(fd);
}

/* Failures are for the calls, not for what a test does to see their effect. */
static void spare(struct chaos *c, bool on)
{
	unsigned int tries = 0;

	/* this very write may be made to fail */
	while (pwrite(c->fail, on ? "0" : "1", 1, 0) != 1 && ++tries < 1000)
		;
	if (tries == 1000)
		complain(c, "make-it-fail", errno);
}

static void reconnect(struct chaos *c)
{
	close(c->sv[0]);
	close(c->sv[1]);
	if (zct_tcp_pair(ZCT_V4, c->sv))
		complain(c, "connection", 0);
}

/*
 * A message of two objects: what is said to be sent is of one version each. By a
 * call or a batch of one, with an fd to go on with, which is not used.
 */
static void chaos_send(struct chaos *c, unsigned int key)
{
	unsigned int other = (key + 1) % ARRAY_SIZE(chaos_keys);
	struct zc_part part[] = {
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END },
		{ .type = ZC_PART_SELECT, .addr = ZC_ADDR(chaos_keys[other]), .length = 1 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .length = LEN },
	};
	struct zc_send send = {
		.size = sizeof(send), .key = ZC_ADDR(chaos_keys[key]), .key_len = 1,
		.sock = c->sv[0], .nr_parts = ARRAY_SIZE(part), .parts = ZC_ADDR(part),
		.flags = ZC_SEND_NOWAIT | (zct_random(&c->seed) % 2 ? ZC_SEND_PIN : 0),
		.max_bytes = zct_random(&c->seed) % 2 ? 0 : zct_random(&c->seed) % (2 * LEN),
	};
	__s32 result = 0;
	struct zc_send_batch batch = {
		.nr = 1, .send_size = sizeof(send), .sends = ZC_ADDR(&send),
		.results = ZC_ADDR(&result),
	};
	int err;

	if (zct_random(&c->seed) % 2)
		err = zct_send(c->s->fd, &send);
	else
		err = zct_send_batch(c->s->fd, &batch) ?: result;
	spare(c, true);
	if (send.flags & ZC_SEND_PIN && send.pinned > 0)
		close(send.pinned);
	if (!err && send.sent) {
		err = zct_read_all(c->sv[1], c->buf, send.sent);
		if (!err && send.sent == send.total &&
		    (!is_version(c, key, c->buf, send.data_len) ||
		     !is_version(c, other, c->buf + send.data_len, send.total - send.data_len)))
			complain(c, "send", send.total);
	}
	/* a reply that was lost leaves bytes on their way */
	if (err)
		reconnect(c);
	spare(c, false);
}

static void *chaos_thread(void *arg)
{
	unsigned int i, key, rounds = zct_times(12000);
	struct chaos *c = arg;

	c->fail = open("/proc/thread-self/make-it-fail", O_WRONLY | O_CLOEXEC);
	c->sv[0] = c->sv[1] = -1;
	reconnect(c);
	spare(c, false);
	for (i = 0; i < rounds && !c->complaint[0]; i++) {
		key = zct_random(&c->seed) % ARRAY_SIZE(chaos_keys);
		switch (zct_random(&c->seed) % 7) {
		case 0:
			zct_delete_key(c->s->fd, chaos_keys[key]);
			break;
		case 1:
		case 2:
			chaos_put(c, key);
			break;
		case 3:
		case 4:
			chaos_send(c, key);
			break;
		default:
			chaos_read(c, key);
		}
	}
	close(c->fail);
	close(c->sv[0]);
	close(c->sv[1]);
	return NULL;
}

static void set_probability(const char *percent)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc", "fail_usercopy" };
	const char * const files[][2] = {
		{ "interval", "1" }, { "times", "-1" }, { "space", "0" },
		{ "task-filter", "Y" }, { "probability", percent },
	};
	unsigned int i, k;
	char path[128];

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (k = 0; k < ARRAY_SIZE(files); k++) {
			snprintf(path, sizeof(path), DEBUGFS "%s/%s", kinds[i], files[k][0]);
			zct_write_file(path, files[k][1]);
		}
}

TEST_F(chaos, all)
{
	unsigned int seed = zct_seed(), i;
	struct chaos c[3] = { 0 };

	/* no fault of our own memory in the threads */
	ASSERT_OK(mlockall(MCL_CURRENT | MCL_FUTURE));
	set_probability("3");
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		c[i].s = &self->s;
		c[i].seed = seed + i * 7919;
		c[i].buf = zct_alloc(2 * LEN);
		ASSERT_EQ(0, pthread_create(&c[i].thread, NULL, chaos_thread, &c[i]));
	}
	for (i = 0; i < ARRAY_SIZE(c); i++) {
		pthread_join(c[i].thread, NULL);
		EXPECT_STREQ("", c[i].complaint);
		EXPECT_LT(0, c[i].worked);
	}
	set_probability("0");
	for (i = 0; i < ARRAY_SIZE(chaos_keys); i++)
		zct_delete_key(self->s.fd, chaos_keys[i]);
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(0, zct_objects(&self->s));
}

TEST_HARNESS_MAIN
