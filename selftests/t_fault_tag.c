// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tags, reservations and events when each allocation and access to user memory
 * fails once, as in t_fault.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "zc_fault.h"
#include "zc_harness.h"
#include "zc_tag.h"

#define LEN	30000

FIXTURE(fault_tag) {
	struct zct_fault f;
	char mark[96];
};

/* A fill with a reservation. */
static int held;

FIXTURE_SETUP(fault_tag)
{
	ZCT_START(fault_tag);
	SET_UP_FAULTS(LEN);
}

FIXTURE_TEARDOWN(fault_tag)
{
	struct zc_purge p = { 0 };

	EXPECT_OK(zct_purge(self->f.s.fd, &p));
	zct_wait_used(&self->f.s, 0);
	EXPECT_OK(zct_store_end(&self->f.s));
	ZCT_END();
}

static const __u64 tags[] = { 1, 2, 3 };

static struct zc_put put_of(struct zct_fault *self)
{
	return (struct zc_put){ .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR(self->buf),
				.data_len = LEN, .tags = ZC_ADDR(tags), .nr_tags = 3 };
}

static int put(struct zct_fault *self)
{
	struct zc_put p = put_of(self);

	return zct_put(self->s.fd, &p);
}

static int undo(struct zct_fault *self)
{
	int err = zct_verify_key(self->s.fd, "k", 1, 1, LEN);

	if (!err && zct_tag_listed(&self->s, 2) != 1)
		err = -EIO;
	return err ? err : zct_delete_key(self->s.fd, "k");
}

/* A delete that is owed whether the call worked or not; tags go with it. */
static int drop(struct zct_fault *self)
{
	int err = zct_delete_key(self->s.fd, "k");

	zct_wait_used(&self->s, 0);
	return err == -ENOENT ? 0 : err;
}

static int fill(struct zct_fault *self)
{
	struct zc_put p = put_of(self);
	int err;

	p.data = 0;
	p.flags = ZC_PUT_RESERVE;
	err = zct_fill(self->s.fd, &p);
	self->fd = err ? -1 : p.fd;
	return err;
}

static int close_fd(struct zct_fault *self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	return 0;
}

TEST_F(fault_tag, put)
{
	EXPECT_WALK(8, "put with tags", NULL, put, undo, drop, false, true);
	EXPECT_WALK(8, "reserved fill with tags", NULL, fill, NULL, close_fd);
	EXPECT_EQ(0, zct_used(&self->f.s));
}

static int purged(struct zct_fault *self)
{
	struct zc_purge p;

	return zct_purge_tag(self->s.fd, 1, 0, &p);
}

static int is_gone(struct zct_fault *self)
{
	return zct_tag_listed(&self->s, 2) ? -EIO : 0;
}

static int stat_tags(struct zct_fault *self)
{
	__u64 out[3] = { 0 };
	struct zc_stat st = { .key = ZC_ADDR("k"), .key_len = 1, .tags = ZC_ADDR(out),
			      .nr_tags = 3 };
	int err = zct_stat(self->s.fd, &st);

	return err ? err : memcmp(out, tags, sizeof(out)) ? 1 : 0;
}

static int limit(struct zct_fault *self)
{
	return zct_tag_set(&self->s, 9, MiB, MiB / 2);
}

static int is_limited(struct zct_fault *self)
{
	struct zct_tag t;
	int err = zct_tag_get(&self->s, 9, &t);

	return err ? err : t.quota == MiB && t.floor == MiB / 2 ? 0 : -EIO;
}

static int unlimit(struct zct_fault *self)
{
	return zct_tag_set(&self->s, 9, 0, 0);
}

static int dump(struct zct_fault *self)
{
	int n = zct_tag_listed(&self->s, 2);

	return n < 0 ? n : n != 1;
}

TEST_F(fault_tag, control)
{
	EXPECT_WALK(2, "purge by tag", put, purged, is_gone, drop, false, true);
	ASSERT_OK(put(&self->f));
	EXPECT_WALK(3, "stat of tags", NULL, stat_tags);
	EXPECT_WALK(2, "dump by tag", NULL, dump, NULL, NULL, true);
	EXPECT_WALK(4, "limits of a new tag", NULL, limit, is_limited, unlimit, true);
}

static int reserve(struct zct_fault *self)
{
	held = zct_fill_key(self->s.fd, "w", 0, ZC_PUT_RESERVE);
	return held < 0 ? held : 0;
}

static int wait_fd(struct zct_fault *self)
{
	struct zc_wait w = { .key = ZC_ADDR("w"), .key_len = 1, .flags = ZC_WAIT_FD };
	int err = zct_wait(self->s.fd, &w);

	self->fd = err ? -1 : w.fd;
	return err;
}

static int wait_now(struct zct_fault *self)
{
	struct zc_wait w = { .key = ZC_ADDR("w"), .key_len = 1 };
	int err = zct_wait(self->s.fd, &w);

	return err == -ETIMEDOUT ? 0 : err;
}

static int release(struct zct_fault *self)
{
	close(held);
	return close_fd(self);
}

TEST_F(fault_tag, wait)
{
	EXPECT_WALK(4, "fd to wait with", reserve, wait_fd, NULL, release);
	EXPECT_WALK(3, "wait", reserve, wait_now, NULL, release);
}

/* A listener that cannot be told is no reason to refuse anything. */
static int change(struct zct_fault *self)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .grace = 5,
				       .set = ZC_NL_SET(GRACE) };

	return zc_nl_store_set(&cfg);
}

TEST_F(fault_tag, event)
{
	int fd = zc_nl_listen();

	ASSERT_FD(fd);
	EXPECT_WALK(2, "change of a store that somebody watches", NULL, change, NULL, NULL,
		    true);
	close(fd);
}

TEST_HARNESS_MAIN
