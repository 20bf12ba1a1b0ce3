// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every access to user memory of every call fails once.
 * The kernel's fail-nth makes the n-th of a call fail; a call is walked until
 * its last one. What fails must fail cleanly, change nothing, hold nothing, and
 * work when asked again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "zc_fault.h"
#include "zc_harness.h"

#define LEN		300000
#define SMALL		1000

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

FIXTURE(fault) {
	struct zct_fault f;
	char mark[96];
};

FIXTURE_SETUP(fault)
{
	ZCT_START(fault);
	SET_UP_FAULTS(LEN);
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->f.sv));
	self->f.out = zct_alloc(LEN);
}

FIXTURE_TEARDOWN(fault)
{
	EXPECT_OK(zct_store_end(&self->f.s));
	ZCT_END();
}

static int put_small(struct zct_fault *self)
{
	return zct_put_data(self->s.fd, "k", self->buf, SMALL, NULL);
}

static int put_large(struct zct_fault *self)
{
	return zct_put_data(self->s.fd, "k", self->buf, LEN, NULL);
}

static int put_blobs(struct zct_fault *self)
{
	struct zc_put put = {
		.key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR(self->buf), .data_len = LEN,
		.header = ZC_ADDR(self->buf), .header_len = 4096,
		.etag = ZC_ADDR(self->buf), .etag_len = 100,
		.type = ZC_ADDR(self->buf), .type_len = 100,
	};

	return zct_put(self->s.fd, &put);
}

static int check_and_delete(struct zct_fault *self, size_t len)
{
	int err = zct_verify_key(self->s.fd, "k", 1, 1, len);

	return err ? err : zct_delete_key(self->s.fd, "k");
}

static int undo_small(struct zct_fault *self) { return check_and_delete(self, SMALL); }
static int undo_large(struct zct_fault *self) { return check_and_delete(self, LEN); }

/* A delete that is owed whether the call worked or not. */
static int drop(struct zct_fault *self)
{
	int err = zct_delete_key(self->s.fd, "k");

	return err == -ENOENT ? 0 : err;
}

static int other_version(struct zct_fault *self)
{
	return zct_put_pattern(self->s.fd, "k", 2, 2, 5000, NULL);
}

static int close_fd(struct zct_fault *self)
{
	if (self->fd >= 0)
		close(self->fd);
	self->fd = -1;
	return 0;
}

TEST_F(fault, put)
{
	EXPECT_WALK(2, "put of a small object", NULL, put_small, undo_small, drop, false,
		    true);
	EXPECT_WALK(4, "put of a large object", NULL, put_large, undo_large, drop, false,
		    true);
	EXPECT_WALK(5, "put with blobs", NULL, put_blobs, undo_large, drop, false, true);
	EXPECT_WALK(4, "replacement", other_version, put_large, undo_large, drop, false, true);
	EXPECT_EQ(0, zct_used(&self->f.s));
}

static int fill_start(struct zct_fault *self)
{
	self->fd = zct_fill_key(self->s.fd, "k", LEN, 0);
	return self->fd < 0 ? self->fd : 0;
}

static int fill_write(struct zct_fault *self)
{
	ssize_t n = pwrite(self->fd, self->buf, LEN, 0);

	return n < 0 ? -errno : n != LEN;
}

/* A write may stop in the middle, which is no error. */
static int fill_write_some(struct zct_fault *self)
{
	ssize_t n = pwrite(self->fd, self->buf, LEN, 0);

	return n < 0 ? -errno : 0;
}

static int fill_written(struct zct_fault *self)
{
	return fill_start(self) || fill_write(self);
}

static int fill_commit(struct zct_fault *self)
{
	return zct_commit_fd(self->fd, NULL);
}

/* Whatever part was written, the rest can be, and the bytes are right. */
static int finish_fill(struct zct_fault *self)
{
	int err = fill_write(self) || fill_commit(self);

	close_fd(self);
	return err ? -EIO : undo_large(self);
}

static int fill_done(struct zct_fault *self)
{
	close_fd(self);
	return undo_large(self);
}

static int again_and_close(struct zct_fault *self)
{
	/* the fill that failed goes on */
	int err = self->fd >= 0 ? finish_fill(self) : 0;

	return err ? err : drop(self);
}

TEST_F(fault, fill)
{
	EXPECT_WALK(3, "start of a fill", NULL, fill_start, NULL, close_fd);
	EXPECT_WALK(1, "write to a fill", fill_start, fill_write_some, finish_fill,
		    again_and_close);
	EXPECT_WALK(1, "commit", fill_written, fill_commit, fill_done, again_and_close,
		    false, true);
	EXPECT_EQ(0, zct_used(&self->f.s));
	EXPECT_EQ(0, zct_objects(&self->f.s));
}

static int get(struct zct_fault *self)
{
	ssize_t n = zct_get_data(self->s.fd, "k", self->out, LEN, 0);

	return n < 0 ? n : n != LEN;
}

static int check_out(struct zct_fault *self)
{
	ssize_t bad = zct_check(self->out, LEN, 1, 1, 0);

	memset(self->out, 0, LEN);
	return bad == -1 ? 0 : -EIO;
}

static int stat_blobs(struct zct_fault *self)
{
	struct zc_stat st = {
		.key = ZC_ADDR("k"), .key_len = 1,
		.header = ZC_ADDR(self->out), .header_len = 4096,
		.etag = ZC_ADDR(self->out), .etag_len = 128,
		.type = ZC_ADDR(self->out), .type_len = 128,
	};
	int err = zct_stat(self->s.fd, &st);

	return err ? err : st.header_len != 4096;
}

static int info(struct zct_fault *self)
{
	struct zc_info info = { 0 };

	return zct_info(self->s.fd, &info);
}

static int open_key(struct zct_fault *self)
{
	self->fd = zct_open_key(self->s.fd, "k");
	return self->fd < 0 ? self->fd : 0;
}

static int check_fd(struct zct_fault *self)
{
	return zct_verify_fd(self->fd, 1, 1, LEN);
}

static int read_fd(struct zct_fault *self)
{
	ssize_t n = pread(self->fd, self->out, LEN, 0);

	/* a part is no error; the rest comes then */
	if (n < 0)
		return -errno;
	while (n < LEN) {
		ssize_t more = pread(self->fd, self->out + n, LEN - n, n);

		if (more < 0)
			return -errno;
		n += more;
	}
	return 0;
}

static int map_fd(struct zct_fault *self)
{
	unsigned char *map;
	int err = 0;

	map = mmap(NULL, LEN, PROT_READ, MAP_SHARED, self->fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	/* as a fault, but with an answer */
	if (madvise(map, LEN, MADV_POPULATE_READ))
		err = -errno;
	else
		memcpy(self->out, map, LEN);
	munmap(map, LEN);
	return err;
}

static int delete(struct zct_fault *self)
{
	return zct_delete_key(self->s.fd, "k");
}

static int is_deleted(struct zct_fault *self)
{
	return zct_objects(&self->s) ? -EIO : 0;
}

TEST_F(fault, reading)
{
	ASSERT_OK(put_blobs(&self->f));
	EXPECT_WALK(2, "info", NULL, info);
	EXPECT_WALK(3, "stat", NULL, stat_blobs);
	EXPECT_WALK(3, "get", NULL, get, check_out);
	EXPECT_WALK(3, "open", NULL, open_key, check_fd, close_fd);
	ASSERT_OK(open_key(&self->f));
	EXPECT_WALK(1, "read of an object fd", NULL, read_fd, check_out);
	EXPECT_WALK(1, "mapping of an object fd", NULL, map_fd, check_out);
	close_fd(&self->f);
	EXPECT_OK(undo_large(&self->f));
	EXPECT_WALK(2, "delete", put_large, delete, is_deleted, drop, false, true);
	/* an inline object, whose fd has its bytes from elsewhere */
	ASSERT_OK(put_small(&self->f));
	EXPECT_WALK(3, "open of a small object", NULL, open_key, NULL, close_fd);
	EXPECT_OK(undo_small(&self->f));
	EXPECT_EQ(0, zct_used(&self->f.s));
}

static struct zc_part parts[3];
static struct zc_send message;
static __u32 how;

static int send_message(struct zct_fault *self)
{
	message = (struct zc_send){
		.key = ZC_ADDR("k"), .key_len = 1, .sock = self->sv[0], .nr_parts = 3,
		.parts = ZC_ADDR(parts),
		.flags = how,
	};
	return zct_send(self->s.fd, &message);
}

/* What was said to be sent arrives, right, and nothing else. */
static int check_sent(struct zct_fault *self)
{
	unsigned char *want = self->out + LEN / 2;
	__u64 at, n;

	if (message.sent > message.total || message.total != 400 + LEN / 4)
		return -EIO;
	for (at = 0; at < message.sent; at += n) {
		n = message.sent - at < LEN / 2 ? message.sent - at : LEN / 2;
		if (zct_read_all(self->sv[1], self->out, n) || memcmp(self->out, want + at, n))
			return -EBADMSG;
	}
	message.sent = 0;
	return zct_silent(self->sv);
}

/*
 * No byte after an error; but when the reply cannot be written the bytes are
 * gone: then they were a beginning of the message.
 */
static int nothing_sent(struct zct_fault *self)
{
	unsigned char *want = self->out + LEN / 2;
	ssize_t n, at = 0;

	if (self->err != -EFAULT)
		return zct_silent(self->sv);
	shutdown(self->sv[0], SHUT_WR);
	while ((n = read(self->sv[1], self->out, LEN / 2)) > 0) {
		if (at + n > 400 + LEN / 4 || memcmp(self->out, want + at, n))
			return -EBADMSG;
		at += n;
	}
	close(self->sv[0]);
	close(self->sv[1]);
	return zct_tcp_pair(ZCT_V4, self->sv);
}

TEST_F(fault, send)
{
	struct zc_put put = {
		.key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR(self->f.buf), .data_len = LEN,
		.header = ZC_ADDR(self->f.buf), .header_len = 300,
	};

	ASSERT_OK(zct_put(self->f.s.fd, &put));
	memcpy(self->f.out + LEN / 2, self->f.buf, 100);
	memcpy(self->f.out + LEN / 2 + 100, self->f.buf, 300);
	memcpy(self->f.out + LEN / 2 + 400, self->f.buf + 8, LEN / 4);
	parts[0] = (struct zc_part){ .type = ZC_PART_INLINE, .addr = ZC_ADDR(self->f.buf),
				     .length = 100 };
	parts[1] = (struct zc_part){ .type = ZC_PART_HEADER };
	parts[2] = (struct zc_part){ .type = ZC_PART_OBJECT, .offset = 8, .length = LEN / 4 };
	how = ZC_SEND_NOWAIT;
	EXPECT_WALK(3, "send by reference", NULL, send_message, check_sent, nothing_sent);
	how = ZC_SEND_NOWAIT | ZC_SEND_COPY;
	EXPECT_WALK(3, "send by copy", NULL, send_message, check_sent, nothing_sent);
	EXPECT_OK(undo_large(&self->f));
}

static const struct zc_nl_cfg cfg = { .name = "t_fault", .capacity = MiB };

static int store_new(struct zct_fault *self)
{
	(void)self;
	return zc_nl_store_new(&cfg);
}

static int store_del(struct zct_fault *self)
{
	(void)self;
	return zc_nl_store_del(cfg.name, false);
}

static int store_is_whole(struct zct_fault *self)
{
	char path[64];
	int fd, err;

	(void)self;
	snprintf(path, sizeof(path), "/dev/zcache/%s", cfg.name);
	/* never under another name */
	if (!access("/dev/t_fault", F_OK))
		return -EEXIST;
	fd = open(path, O_RDWR);
	/* the driver core does not say when it has no memory for a node */
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	err = zct_put_data(fd, "k", "x", 1, NULL);
	close(fd);
	return err;
}

/* The answer may have been lost after the deed: then it is there. */
static int store_drop(struct zct_fault *self)
{
	int err;

	(void)self;
	err = zc_nl_store_del(cfg.name, false);
	return err == -ENOENT ? 0 : err;
}

static int store_make(struct zct_fault *self)
{
	int err = store_new(self);

	return err == -EEXIST ? 0 : err;
}

static int store_get(struct zct_fault *self)
{
	struct zc_nl_store st;
	int err;

	err = zc_nl_store_get(self->s.name, &st);
	return err ? err : st.counters != ZC_C_NR;
}

static unsigned int listed;

static void count_object(const struct zc_nl_object *o, void *arg)
{
	(void)o;
	(void)arg;
	listed++;
}

static int object_dump(struct zct_fault *self)
{
	listed = 0;
	return zc_nl_object_dump(self->s.name, NULL, 0, count_object, NULL);
}

static int all_listed(struct zct_fault *self)
{
	(void)self;
	/* the table may be growing still: then some came twice, and it says so */
	if (listed > 100 && zc_nl_interrupted())
		return 0;
	if (listed != 100)
		printf("# %u of 100 listed\n", listed);
	return listed == 100 ? 0 : -EIO;
}

TEST_F(fault, netlink)
{
	char key[8];
	int i;

	EXPECT_WALK(10, "new store", NULL, store_new, store_is_whole, store_drop, true);
	EXPECT_WALK(2, "deletion of a store", store_make, store_del, NULL, store_drop, true);
	EXPECT_WALK(2, "get of a store", NULL, store_get, NULL, NULL, true);
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ASSERT_OK(zct_put_data(self->f.s.fd, key, "x", 1, NULL));
	}
	EXPECT_WALK(2, "dump of the objects", NULL, object_dump, all_listed, NULL, true);
	EXPECT_EQ(100, zct_objects(&self->f.s));
}

/* The node's own open. */
static int open_node(struct zct_fault *self)
{
	self->fd = open(self->s.path, O_RDWR);
	return self->fd < 0 ? -errno : 0;
}

TEST_F(fault, node)
{
	struct zc_nl_store st;

	EXPECT_WALK(1, "open of the node", NULL, open_node, NULL, close_fd);
	ASSERT_OK(zc_nl_store_get(self->f.s.name, &st));
	EXPECT_EQ(1, st.opens);
}

TEST_HARNESS_MAIN
