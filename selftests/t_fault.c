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

#include "zc_harness.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define LEN		300000
#define SMALL		1000
#define MOST		3000	/* more failures than any call has */

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif

FIXTURE(fault) {
	struct zct_store s;
	int nth;			/* /proc/thread-self/fail-nth */
	unsigned char *buf, *out;
	int sv[2];
	int fd;				/* of the call that is walked */
	__u64 used, objects;
	char mark[96];
};

/* The kernel's defaults spare the very allocations that matter here. */
static void set_up_injection(void)
{
	static const char * const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
		{ "fail_make_request/verbose", "0" },
		{ "fail_futex/verbose", "0" },
	};
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s", files[i][0]);
		zct_write_file(path, files[i][1]);
	}
}

FIXTURE_SETUP(fault)
{
	ZCT_START(fault);
	self->nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (self->nth < 0 || access(DEBUGFS "failslab", F_OK))
		SKIP(return, "this kernel has no fault injection");
	set_up_injection();
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	self->buf = zct_alloc(LEN);
	self->out = zct_alloc(LEN);
	self->fd = -1;
	zct_pattern(self->buf, LEN, 1, 1, 0);
	/* a fault on our own memory would only be retried */
	ASSERT_OK(mlockall(MCL_CURRENT));
}

FIXTURE_TEARDOWN(fault)
{
	if (self->nth < 0)
		return;
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static int arm(int nth, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(nth, text, len, 0) == len ? 0 : -errno;
}

/* Whether the failure that arm() asked for has happened; disarms. */
static bool happened(int nth)
{
	char text[16] = "";
	ssize_t n;

	/* it may hit this very read, which had none in the call then */
	n = pread(nth, text, sizeof(text) - 1, 0);
	if (n < 0)
		return false;
	arm(nth, 0);
	return text[0] == '0';
}

#define FAULT	FIXTURE_DATA(fault)

struct walk {
	const char *name;
	int (*prepare)(FAULT *self);	/* before each try; may be NULL */
	int (*call)(FAULT *self);	/* 0 or -errno; nothing else happens in it */
	/* after a success: 0 if all is as it should be; undoes the call */
	int (*undo)(FAULT *self);
	int (*cleanup)(FAULT *self);	/* after each try; may be NULL */
	bool nl;			/* a netlink call, whose answer may get lost */
	bool reply_last;		/* the deed comes before its answer */
};

static bool clean_error(int err, bool nl)
{
	if (err == -ENOMEM || err == -EFAULT)
		return true;
	/* a socket is entitled to more */
	return err == -ENOBUFS || err == -EAGAIN || (nl && err == -EINTR);
}

/* Returns the number of failures, or -1 with a complaint. */
static int walk(FAULT *self, const struct walk *w)
{
	unsigned int n, hits = 0;
	bool hit;
	int err;

	for (n = 1; n < MOST; n++) {
		if (w->prepare && w->prepare(self)) {
			printf("# %s: cannot be prepared after failure %u\n", w->name, n - 1);
			return -1;
		}
		self->used = zct_used(&self->s);
		self->objects = zct_objects(&self->s);
		if (arm(self->nth, n))
			return -1;
		err = w->call(self);
		hit = happened(self->nth);
		if (err && !clean_error(err, w->nl)) {
			printf("# %s: failure %u gave error %d\n", w->name, n, -err);
			return -1;
		}
		if (err && !hit) {
			printf("# %s: error %d without a failure\n", w->name, -err);
			return -1;
		}
		/*
		 * When the very reply cannot be copied the deed is done, and
		 * EFAULT speaks of the reply: then it is done in whole.
		 */
		if (err == -EFAULT && w->reply_last &&
		    (self->used != zct_used(&self->s) ||
		     self->objects != zct_objects(&self->s)))
			err = 0;
		if (err && !w->nl && (self->used != zct_used(&self->s) ||
				      self->objects != zct_objects(&self->s))) {
			printf("# %s: failure %u left %lld bytes, %lld objects\n", w->name, n,
			       (long long)(zct_used(&self->s) - self->used),
			       (long long)(zct_objects(&self->s) - self->objects));
			return -1;
		}
		if (!err && w->undo && (err = w->undo(self))) {
			printf("# %s: wrong after failure %u: %d\n", w->name, n, err);
			return -1;
		}
		if (w->cleanup && (err = w->cleanup(self))) {
			printf("# %s: cannot be cleaned up after failure %u: %d\n", w->name, n,
			       err);
			return -1;
		}
		if (!hit) {
			printf("# %s: %u failures\n", w->name, hits);
			fflush(stdout);
			return hits;
		}
		hits++;
	}
	printf("# %s: no end\n", w->name);
	return -1;
}

#define EXPECT_WALK(at_least, steps...) \
	do { \
		const struct walk w_ = { steps }; \
		EXPECT_LE(at_least, walk(self, &w_)) TH_LOG("in %s", w_.name); \
	} while (0)

static int put_small(FAULT *self)
{
	return zct_put_data(self->s.fd, "k", self->buf, SMALL, NULL);
}

static int put_large(FAULT *self)
{
	return zct_put_data(self->s.fd, "k", self->buf, LEN, NULL);
}

static int put_blobs(FAULT *self)
{
	struct zc_put put = {
		.key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR(self->buf), .data_len = LEN,
		.header = ZC_ADDR(self->buf), .header_len = 4096,
		.etag = ZC_ADDR(self->buf), .etag_len = 100,
		.type = ZC_ADDR(self->buf), .type_len = 100,
	};

	return zct_put(self->s.fd, &put);
}

static int check_and_delete(FAULT *self, size_t len)
{
	int err = zct_verify_key(self->s.fd, "k", 1, 1, len);

	return err ? err : zct_delete_key(self->s.fd, "k");
}

static int undo_small(FAULT *self) { return check_and_delete(self, SMALL); }
static int undo_large(FAULT *self) { return check_and_delete(self, LEN); }

/* A delete that is owed whether the call worked or not. */
static int drop(FAULT *self)
{
	int err = zct_delete_key(self->s.fd, "k");

	return err == -ENOENT ? 0 : err;
}

static int other_version(FAULT *self)
{
	return zct_put_pattern(self->s.fd, "k", 2, 2, 5000, NULL);
}

static int close_fd(FAULT *self)
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
	EXPECT_EQ(0, zct_used(&self->s));
}

static int fill_start(FAULT *self)
{
	self->fd = zct_fill_key(self->s.fd, "k", LEN, 0);
	return self->fd < 0 ? self->fd : 0;
}

static int fill_write(FAULT *self)
{
	ssize_t n = pwrite(self->fd, self->buf, LEN, 0);

	return n < 0 ? -errno : n != LEN;
}

/* A write may stop in the middle, which is no error. */
static int fill_write_some(FAULT *self)
{
	ssize_t n = pwrite(self->fd, self->buf, LEN, 0);

	return n < 0 ? -errno : 0;
}

static int fill_written(FAULT *self)
{
	return fill_start(self) || fill_write(self);
}

static int fill_commit(FAULT *self)
{
	return zct_commit_fd(self->fd, NULL);
}

/* Whatever part was written, the rest can be, and the bytes are right. */
static int finish_fill(FAULT *self)
{
	int err = fill_write(self) || fill_commit(self);

	close_fd(self);
	return err ? -EIO : undo_large(self);
}

static int fill_done(FAULT *self)
{
	close_fd(self);
	return undo_large(self);
}

static int again_and_close(FAULT *self)
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
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(0, zct_objects(&self->s));
}

static int get(FAULT *self)
{
	ssize_t n = zct_get_data(self->s.fd, "k", self->out, LEN, 0);

	return n < 0 ? n : n != LEN;
}

static int check_out(FAULT *self)
{
	ssize_t bad = zct_check(self->out, LEN, 1, 1, 0);

	memset(self->out, 0, LEN);
	return bad == -1 ? 0 : -EIO;
}

static int stat_blobs(FAULT *self)
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

static int info(FAULT *self)
{
	struct zc_info info = { 0 };

	return zct_info(self->s.fd, &info);
}

static int open_key(FAULT *self)
{
	self->fd = zct_open_key(self->s.fd, "k");
	return self->fd < 0 ? self->fd : 0;
}

static int check_fd(FAULT *self)
{
	return zct_verify_fd(self->fd, 1, 1, LEN);
}

static int read_fd(FAULT *self)
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

static int map_fd(FAULT *self)
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

static int delete(FAULT *self)
{
	return zct_delete_key(self->s.fd, "k");
}

static int is_deleted(FAULT *self)
{
	return zct_objects(&self->s) ? -EIO : 0;
}

TEST_F(fault, reading)
{
	ASSERT_OK(put_blobs(self));
	EXPECT_WALK(2, "info", NULL, info);
	EXPECT_WALK(3, "stat", NULL, stat_blobs);
	EXPECT_WALK(3, "get", NULL, get, check_out);
	EXPECT_WALK(3, "open", NULL, open_key, check_fd, close_fd);
	ASSERT_OK(open_key(self));
	EXPECT_WALK(1, "read of an object fd", NULL, read_fd, check_out);
	EXPECT_WALK(1, "mapping of an object fd", NULL, map_fd, check_out);
	close_fd(self);
	EXPECT_OK(undo_large(self));
	EXPECT_WALK(2, "delete", put_large, delete, is_deleted, drop, false, true);
	/* an inline object, whose fd has its bytes from elsewhere */
	ASSERT_OK(put_small(self));
	EXPECT_WALK(3, "open of a small object", NULL, open_key, NULL, close_fd);
	EXPECT_OK(undo_small(self));
	EXPECT_EQ(0, zct_used(&self->s));
}

static struct zc_part parts[3];
static struct zc_send message;
static __u32 how;

static int send_message(FAULT *self)
{
	message = (struct zc_send){
		.key = ZC_ADDR("k"), .key_len = 1, .sock = self->sv[0], .nr_parts = 3,
		.parts = ZC_ADDR(parts),
		.flags = how,
	};
	return zct_send(self->s.fd, &message);
}

/* What was said to be sent arrives, right, and nothing else. */
static int check_sent(FAULT *self)
{
	unsigned char *want = self->out + LEN / 2;
	__u64 at, n;

	if (message.sent > message.total || message.total != 400 + LEN / 4)
		return -EIO;
	memcpy(want, self->buf, 100);
	memcpy(want + 100, self->buf, 300);
	memcpy(want + 400, self->buf + 8, LEN / 4);
	for (at = 0; at < message.sent; at += n) {
		n = message.sent - at < LEN / 2 ? message.sent - at : LEN / 2;
		if (zct_read_all(self->sv[1], self->out, n) || memcmp(self->out, want + at, n))
			return -EBADMSG;
	}
	message.sent = 0;
	return zct_silent(self->sv);
}

static int nothing_sent(FAULT *self)
{
	return zct_silent(self->sv);
}

TEST_F(fault, send)
{
	struct zc_put put = {
		.key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR(self->buf), .data_len = LEN,
		.header = ZC_ADDR(self->buf), .header_len = 300,
	};

	ASSERT_OK(zct_put(self->s.fd, &put));
	parts[0] = (struct zc_part){ .type = ZC_PART_INLINE, .addr = ZC_ADDR(self->buf),
				     .length = 100 };
	parts[1] = (struct zc_part){ .type = ZC_PART_HEADER };
	parts[2] = (struct zc_part){ .type = ZC_PART_OBJECT, .offset = 8, .length = LEN / 4 };
	how = ZC_SEND_NOWAIT;
	EXPECT_WALK(3, "send by reference", NULL, send_message, check_sent, nothing_sent);
	how = ZC_SEND_NOWAIT | ZC_SEND_COPY;
	EXPECT_WALK(3, "send by copy", NULL, send_message, check_sent, nothing_sent);
	EXPECT_OK(undo_large(self));
}

static const struct zc_nl_cfg cfg = { .name = "t_fault", .capacity = MiB };

static int store_new(FAULT *self)
{
	(void)self;
	return zc_nl_store_new(&cfg);
}

static int store_del(FAULT *self)
{
	(void)self;
	return zc_nl_store_del(cfg.name, false);
}

static int store_is_whole(FAULT *self)
{
	char path[64];
	int fd, err;

	(void)self;
	snprintf(path, sizeof(path), "/dev/zcache/%s", cfg.name);
	fd = open(path, O_RDWR);
	if (fd < 0)
		return -errno;
	err = zct_put_data(fd, "k", "x", 1, NULL);
	close(fd);
	return err;
}

/* The answer may have been lost after the deed: then it is there. */
static int store_drop(FAULT *self)
{
	int err;

	(void)self;
	err = zc_nl_store_del(cfg.name, false);
	return err == -ENOENT ? 0 : err;
}

static int store_make(FAULT *self)
{
	int err = store_new(self);

	return err == -EEXIST ? 0 : err;
}

static int store_get(FAULT *self)
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

static int object_dump(FAULT *self)
{
	listed = 0;
	return zc_nl_object_dump(self->s.name, NULL, 0, count_object, NULL);
}

static int all_listed(FAULT *self)
{
	(void)self;
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
		ASSERT_OK(zct_put_data(self->s.fd, key, "x", 1, NULL));
	}
	EXPECT_WALK(2, "dump of the objects", NULL, object_dump, all_listed, NULL, true);
	EXPECT_EQ(100, zct_objects(&self->s));
}

/* The node's own open. */
static int open_node(FAULT *self)
{
	self->fd = open(self->s.path, O_RDWR);
	return self->fd < 0 ? -errno : 0;
}

TEST_F(fault, node)
{
	struct zc_nl_store st;

	EXPECT_WALK(1, "open of the node", NULL, open_node, NULL, close_fd);
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(1, st.opens);
}

TEST_HARNESS_MAIN
