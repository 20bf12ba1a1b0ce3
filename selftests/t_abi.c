// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shape of the calls: sizes, flags, reserved members, addresses, lengths,
 * open modes. What the calls do is the business of other files.
 */
#include <fcntl.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "zc_harness.h"

static const char key[] = "key";
static char data[64] = "some bytes that an object is made of";
static char room[128];

/* A correct call of each kind; the object "key" is there, and so is a fill. */
struct call {
	const char *name;
	unsigned long cmd;
	size_t size;
	size_t published;		/* bytes of the first struct, 0: as size */
	size_t flags_at;
	__u32 flags_known;
	size_t reserved_at[5];		/* 32-bit members that must be 0; 0 ends */
};

static const struct call calls[] = {
	{ "INFO", ZC_IOC_INFO, sizeof(struct zc_info), 0, offsetof(struct zc_info, flags), 0,
	  { offsetof(struct zc_info, __reserved) } },
	{ "PUT", ZC_IOC_PUT, sizeof(struct zc_put), offsetof(struct zc_put, tags),
	  offsetof(struct zc_put, flags), ZC_PUT_EXCL,
	  { offsetof(struct zc_put, __reserved), offsetof(struct zc_put, fd),
	    offsetof(struct zc_put, __reserved2) } },
	{ "FILL", ZC_IOC_FILL, sizeof(struct zc_put), offsetof(struct zc_put, tags),
	  offsetof(struct zc_put, flags), ZC_PUT_EXCL | ZC_PUT_RESERVE,
	  { offsetof(struct zc_put, __reserved), offsetof(struct zc_put, fd),
	    offsetof(struct zc_put, data), offsetof(struct zc_put, data) + 4,
	    offsetof(struct zc_put, __reserved2) } },
	{ "COMMIT", ZC_IOC_COMMIT, sizeof(struct zc_commit), 0,
	  offsetof(struct zc_commit, flags), 0, { 0 } },
	{ "STAT", ZC_IOC_STAT, sizeof(struct zc_stat), offsetof(struct zc_stat, tags),
	  offsetof(struct zc_stat, flags), ZC_STAT_FD | ZC_STAT_EXPIRED_OK,
	  { offsetof(struct zc_stat, __reserved), offsetof(struct zc_stat, __reserved2),
	    offsetof(struct zc_stat, fd), offsetof(struct zc_stat, __reserved3) } },
	{ "GET", ZC_IOC_GET, sizeof(struct zc_get), offsetof(struct zc_get, miss_tag),
	  offsetof(struct zc_get, flags), ZC_GET_FD | ZC_GET_EXPIRED_OK, { offsetof(struct zc_get, fd) } },
	{ "OPEN", ZC_IOC_OPEN, sizeof(struct zc_open), offsetof(struct zc_open, miss_tag),
	  offsetof(struct zc_open, flags), ZC_OPEN_EXPIRED_OK, { offsetof(struct zc_open, fd) } },
	{ "SEND", ZC_IOC_SEND, sizeof(struct zc_send),
	  offsetof(struct zc_send, etag), offsetof(struct zc_send, flags),
	  ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT | ZC_SEND_MORE | ZC_SEND_COPY |
	  ZC_SEND_PIN | ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH,
	  { offsetof(struct zc_send, fd), offsetof(struct zc_send, pinned),
	    offsetof(struct zc_send, __reserved) } },
	{ "SEND_BATCH", ZC_IOC_SEND_BATCH, sizeof(struct zc_send_batch), 0,
	  offsetof(struct zc_send_batch, flags), 0,
	  { offsetof(struct zc_send_batch, __reserved) } },
	{ "DELETE", ZC_IOC_DELETE, sizeof(struct zc_delete), 0,
	  offsetof(struct zc_delete, flags), ZC_DELETE_SOFT,
	  { offsetof(struct zc_delete, __reserved) } },
	{ "PURGE", ZC_IOC_PURGE, sizeof(struct zc_purge), offsetof(struct zc_purge, tag),
	  offsetof(struct zc_purge, flags), ZC_PURGE_SOFT,
	  { offsetof(struct zc_purge, __reserved), offsetof(struct zc_purge, tag) } },
	{ "TOUCH", ZC_IOC_TOUCH, sizeof(struct zc_touch), 0,
	  offsetof(struct zc_touch, flags), ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK,
	  { offsetof(struct zc_touch, __reserved) } },
	{ "WAIT", ZC_IOC_WAIT, sizeof(struct zc_wait), 0, offsetof(struct zc_wait, flags),
	  ZC_WAIT_FD, { offsetof(struct zc_wait, __reserved), offsetof(struct zc_wait, fd) } },
};

FIXTURE(abi) {
	struct zct_store s;
	int sv[2];
	int fd;			/* what the call goes to, if not the node */
	struct zc_part part;
	struct zc_send send;		/* of a batch */
	__s32 result;
	char mark[96];
};

FIXTURE_SETUP(abi)
{
	const struct zc_nl_cfg cfg = {
		.capacity = 8 * MiB,
		.max_key_len = 100, .set = ZC_NL_SET(MAX_KEY_LEN),
	};

	ZCT_START(abi);
	self->fd = -1;
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	ASSERT_OK(zct_put_data(self->s.fd, key, data, sizeof(data), NULL));
}

FIXTURE_TEARDOWN(abi)
{
	if (self->fd >= 0)
		close(self->fd);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define PUT_ARGS	{ .size = sizeof(struct zc_put), .key = ZC_ADDR(key), .key_len = 3, \
			  .data = ZC_ADDR(data), .data_len = sizeof(data) }

/* Fill @buf with a good argument and make what it needs. Returns its size. */
static size_t good(FIXTURE_DATA(abi) *self, const struct call *c, void *buf)
{
	memset(buf, 0, 512);
	zct_put_data(self->s.fd, key, data, sizeof(data), NULL);
	if (c->cmd == ZC_IOC_PUT || c->cmd == ZC_IOC_FILL) {
		struct zc_put put = PUT_ARGS;

		if (c->cmd == ZC_IOC_FILL)
			put.data = 0;
		memcpy(buf, &put, sizeof(put));
	} else if (c->cmd == ZC_IOC_COMMIT) {
		if (self->fd >= 0)
			close(self->fd);
		self->fd = zct_fill_key(self->s.fd, "fill", 0, 0);
	} else if (c->cmd == ZC_IOC_STAT) {
		struct zc_stat stat = { .key = ZC_ADDR(key), .key_len = 3 };

		memcpy(buf, &stat, sizeof(stat));
	} else if (c->cmd == ZC_IOC_GET) {
		struct zc_get get = { .key = ZC_ADDR(key), .key_len = 3,
				      .buf = ZC_ADDR(room), .buf_len = sizeof(room) };

		memcpy(buf, &get, sizeof(get));
	} else if (c->cmd == ZC_IOC_OPEN) {
		struct zc_open open = { .key = ZC_ADDR(key), .key_len = 3 };

		memcpy(buf, &open, sizeof(open));
	} else if (c->cmd == ZC_IOC_SEND) {
		struct zc_send send = { .key = ZC_ADDR(key), .key_len = 3, .nr_parts = 1,
					.sock = self->sv[0], .parts = ZC_ADDR(&self->part) };

		self->part = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 1 };
		memcpy(buf, &send, sizeof(send));
	} else if (c->cmd == ZC_IOC_SEND_BATCH) {
		struct zc_send_batch batch = {
			.nr = 1, .send_size = sizeof(struct zc_send),
			.sends = ZC_ADDR(&self->send), .results = ZC_ADDR(&self->result),
		};

		self->part = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 1 };
		self->send = (struct zc_send){ .size = sizeof(struct zc_send),
					       .key = ZC_ADDR(key), .key_len = 3,
					       .nr_parts = 1, .sock = self->sv[0],
					       .parts = ZC_ADDR(&self->part) };
		memcpy(buf, &batch, sizeof(batch));
	} else if (c->cmd == ZC_IOC_DELETE) {
		struct zc_delete del = { .key = ZC_ADDR(key), .key_len = 3 };

		memcpy(buf, &del, sizeof(del));
	} else if (c->cmd == ZC_IOC_PURGE) {
		struct zc_purge purge = { .key = ZC_ADDR(key), .key_len = 3 };

		memcpy(buf, &purge, sizeof(purge));
	} else if (c->cmd == ZC_IOC_TOUCH) {
		struct zc_touch touch = { .key = ZC_ADDR(key), .key_len = 3 };

		memcpy(buf, &touch, sizeof(touch));
	} else if (c->cmd == ZC_IOC_WAIT) {
		struct zc_wait wait = { .key = ZC_ADDR("wait"), .key_len = 4,
					.flags = ZC_WAIT_FD };

		if (self->fd >= 0)
			close(self->fd);
		self->fd = zct_fill_key(self->s.fd, "wait", 0, ZC_PUT_RESERVE);
		memcpy(buf, &wait, sizeof(wait));
	}
	*(__u32 *)buf = c->size;
	return c->size;
}

static int call(FIXTURE_DATA(abi) *self, const struct call *c, void *buf)
{
	int fd = c->cmd == ZC_IOC_COMMIT ? self->fd : self->s.fd;
	int err = zct_ioctl(fd, c->cmd, buf, 512);

	/* fds that the call made */
	if (!err && c->cmd == ZC_IOC_FILL)
		close(((struct zc_put *)buf)->fd);
	if (!err && c->cmd == ZC_IOC_OPEN)
		close(((struct zc_open *)buf)->fd);
	if (!err && c->cmd == ZC_IOC_WAIT)
		close(((struct zc_wait *)buf)->fd);
	return err;
}

#define FOR_EACH_CALL(c) \
	for (const struct call *c = calls; c < calls + ARRAY_SIZE(calls); c++)
#define NAMED(c)	TH_LOG("in %s", (c)->name)

TEST_F(abi, sizes)
{
	unsigned char buf[512];
	size_t size;

	FOR_EACH_CALL(c) {
		good(self, c, buf);
		*(__u32 *)buf = 0;
		EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
		*(__u32 *)buf = 4;
		EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
		size = c->published ? c->published : c->size;
		*(__u32 *)buf = size - 4;
		EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
		*(__u32 *)buf = size - 1;
		EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
		*(__u32 *)buf = ~0U;
		EXPECT_ERR(E2BIG, call(self, c, buf)) NAMED(c);

		size = good(self, c, buf);
		*(__u32 *)buf = size + 8;
		buf[size + 7] = 1;
		EXPECT_ERR(E2BIG, call(self, c, buf)) NAMED(c);
		buf[size + 7] = 0;
		*(__u32 *)buf = size + 1;
		buf[size] = 1;
		EXPECT_ERR(E2BIG, call(self, c, buf)) NAMED(c);
		buf[size] = 0;
		*(__u32 *)buf = size + 8;
		EXPECT_OK(call(self, c, buf)) NAMED(c);
		/* the program's size stays, and what the kernel knows not stays 0 */
		EXPECT_EQ(size + 8, *(__u32 *)buf) NAMED(c);

		good(self, c, buf);
		EXPECT_OK(call(self, c, buf)) NAMED(c);

		/* one that ends within a member */
		if (c->published && c->published < c->size) {
			good(self, c, buf);
			*(__u32 *)buf = c->published + 4;
			EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
			*(__u32 *)buf = c->size - 1;
			EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
			*(__u32 *)buf = c->published + 8;
			EXPECT_OK(call(self, c, buf)) NAMED(c);
		}
	}
}

TEST_F(abi, unknown_flags)
{
	unsigned char buf[512];
	int bit;

	FOR_EACH_CALL(c)
		for (bit = 0; bit < 32; bit++) {
			if (c->flags_known & (1U << bit))
				continue;
			good(self, c, buf);
			*(__u32 *)(buf + c->flags_at) = 1U << bit;
			EXPECT_ERR(EINVAL, call(self, c, buf))
				TH_LOG("flag 1 << %d of %s", bit, c->name);
		}
}

TEST_F(abi, reserved)
{
	unsigned char buf[512];
	unsigned int i;

	FOR_EACH_CALL(c)
		for (i = 0; i < ARRAY_SIZE(c->reserved_at) && c->reserved_at[i]; i++) {
			good(self, c, buf);
			*(__u32 *)(buf + c->reserved_at[i]) = 1;
			EXPECT_ERR(EINVAL, call(self, c, buf))
				TH_LOG("offset %zu of %s", c->reserved_at[i], c->name);
			good(self, c, buf);
			*(__u32 *)(buf + c->reserved_at[i]) = 0x80000000;
			EXPECT_ERR(EINVAL, call(self, c, buf))
				TH_LOG("offset %zu of %s", c->reserved_at[i], c->name);
		}
}

TEST_F(abi, struct_address)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP, ~0ULL, ~0ULL - 3 };
	unsigned char buf[512], *end;
	unsigned int i;

	end = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, end);
	ASSERT_OK(mprotect(end + 4096, 4096, PROT_NONE));
	FOR_EACH_CALL(c) {
		int fd;

		good(self, c, buf);
		fd = c->cmd == ZC_IOC_COMMIT ? self->fd : self->s.fd;
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(-1, ioctl(fd, c->cmd, bad[i])) NAMED(c);
			EXPECT_EQ(EFAULT, errno) NAMED(c);
		}
		/* the struct ends where the memory does not */
		memcpy(end + 4096 - 8, buf, 8);
		EXPECT_EQ(-1, ioctl(fd, c->cmd, end + 4096 - 8)) NAMED(c);
		EXPECT_EQ(EFAULT, errno) NAMED(c);
	}
	EXPECT_ERR(ENOENT, zct_open_key(self->s.fd, "fill"));
	munmap(end, 8192);
}

TEST_F(abi, reply_not_writable)
{
	unsigned char buf[512], *ro;
	struct zc_stat st;
	__u64 gen;

	ro = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ro);
	FOR_EACH_CALL(c) {
		int before, after;

		good(self, c, buf);
		ASSERT_OK(zct_stat_key(self->s.fd, key, &st));
		gen = st.generation;
		memcpy(ro, buf, 512);
		ASSERT_OK(mprotect(ro, 4096, PROT_READ));
		/* An fd that the failed call installed would show as a gap. */
		before = dup(0);
		close(before);
		EXPECT_EQ(-1, ioctl(c->cmd == ZC_IOC_COMMIT ? self->fd : self->s.fd, c->cmd, ro))
			NAMED(c);
		EXPECT_EQ(EFAULT, errno) NAMED(c);
		after = dup(0);
		close(after);
		EXPECT_EQ(before, after) NAMED(c);
		ASSERT_OK(mprotect(ro, 4096, PROT_READ | PROT_WRITE));
		/* an error means that nothing was done */
		EXPECT_OK(zct_silent(self->sv)) NAMED(c);
		EXPECT_EQ(1, zct_objects(&self->s)) NAMED(c);
		EXPECT_OK(zct_stat_key(self->s.fd, key, &st)) NAMED(c);
		EXPECT_EQ(gen, st.generation) NAMED(c);
	}
	munmap(ro, 4096);
}

TEST_F(abi, unknown_commands)
{
	static const unsigned long cmds[] = {
		_IO(ZC_IOC_TYPE, 0x00), _IO(ZC_IOC_TYPE, 0x7f), _IO(ZC_IOC_TYPE, 0x8d),
		_IO(ZC_IOC_TYPE, 0xff), _IO('Z', 0x80), _IOWR(ZC_IOC_TYPE, 0x80, struct zc_info),
		0, ~0U,
	};
	static const unsigned long node_cmds[] = {
		ZC_IOC_INFO, ZC_IOC_PUT, ZC_IOC_FILL, ZC_IOC_STAT, ZC_IOC_GET, ZC_IOC_OPEN,
		ZC_IOC_SEND, ZC_IOC_DELETE, ZC_IOC_SEND_BATCH, ZC_IOC_PURGE, ZC_IOC_TOUCH,
		ZC_IOC_WAIT,
	};
	struct zc_commit commit = { 0 };
	unsigned char buf[512] = { 0 };
	int object, fill;
	unsigned int i;

	object = zct_open_key(self->s.fd, key);
	ASSERT_FD(object);
	fill = zct_fill_key(self->s.fd, "f", 1, 0);
	ASSERT_FD(fill);
	for (i = 0; i < ARRAY_SIZE(cmds); i++) {
		EXPECT_ERR(ENOTTY, zct_ioctl(self->s.fd, cmds[i], buf, sizeof(buf)))
			TH_LOG("command %lx", cmds[i]);
		EXPECT_ERR(ENOTTY, zct_ioctl(fill, cmds[i], buf, sizeof(buf)))
			TH_LOG("command %lx", cmds[i]);
	}
	for (i = 0; i < ARRAY_SIZE(node_cmds); i++) {
		*(__u32 *)buf = 256;
		EXPECT_ERR(ENOTTY, zct_ioctl(fill, node_cmds[i], buf, sizeof(buf)));
		EXPECT_ERR(ENOTTY, zct_ioctl(object, node_cmds[i], buf, sizeof(buf)));
	}
	EXPECT_ERR(ENOTTY, zct_commit(self->s.fd, &commit));
	EXPECT_ERR(ENOTTY, zct_commit(object, &commit));
	close(object);
	close(fill);
}

/* Every call with a key has it at the same place. */
static bool has_key(const struct call *c)
{
	return c->cmd != ZC_IOC_INFO && c->cmd != ZC_IOC_COMMIT && c->cmd != ZC_IOC_SEND_BATCH;
}

TEST_F(abi, key_lengths)
{
	static char long_key[ZC_KEY_MAX + 2];
	static const __u32 too_long[] = { 101, ZC_KEY_MAX, ZC_KEY_MAX + 1, 0x7fffffff, ~0U };
	unsigned char buf[512];
	unsigned int i;

	memset(long_key, 'k', sizeof(long_key));
	FOR_EACH_CALL(c) {
		struct zc_open *o = (void *)buf;

		if (!has_key(c))
			continue;
		good(self, c, buf);
		o->key_len = 0;
		EXPECT_ERR(EINVAL, call(self, c, buf)) NAMED(c);
		for (i = 0; i < ARRAY_SIZE(too_long); i++) {
			good(self, c, buf);
			o->key = ZC_ADDR(long_key);
			o->key_len = too_long[i];
			EXPECT_ERR(ENAMETOOLONG, call(self, c, buf))
				TH_LOG("%u bytes of key in %s", too_long[i], c->name);
		}
		/* the longest is fine */
		good(self, c, buf);
		o->key = ZC_ADDR(long_key);
		o->key_len = 100;
		if (c->cmd == ZC_IOC_PUT || c->cmd == ZC_IOC_FILL) {
			EXPECT_OK(call(self, c, buf)) NAMED(c);
		}
	}
}

TEST_F(abi, key_address)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP, ~0ULL - 2 };
	unsigned char buf[512];
	unsigned int i;

	FOR_EACH_CALL(c)
		for (i = 0; i < ARRAY_SIZE(bad) && has_key(c); i++) {
			good(self, c, buf);
			((struct zc_open *)buf)->key = bad[i];
			EXPECT_ERR(EFAULT, call(self, c, buf))
				TH_LOG("key at %llx in %s", bad[i], c->name);
		}
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(abi, put_addresses)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP };
	struct zc_put put;
	__u64 used = zct_used(&self->s);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put = (struct zc_put)PUT_ARGS;
		put.data = bad[i];
		EXPECT_ERR(EFAULT, zct_put(self->s.fd, &put));
		put.data_len = 100000;
		EXPECT_ERR(EFAULT, zct_put(self->s.fd, &put));
		put = (struct zc_put)PUT_ARGS;
		put.header = bad[i];
		put.header_len = 1;
		EXPECT_ERR(EFAULT, zct_put(self->s.fd, &put));
		put.header = 0;
		put.header_len = 0;
		put.etag = bad[i];
		put.etag_len = ZC_ETAG_MAX;
		EXPECT_ERR(EFAULT, zct_put(self->s.fd, &put));
		put.etag = 0;
		put.etag_len = 0;
		put.type = bad[i];
		put.type_len = 1;
		EXPECT_ERR(EFAULT, zct_put(self->s.fd, &put));
		/* an address without a length is not looked at */
		put.type_len = 0;
		put.etag = bad[i];
		put.header = bad[i];
		put.data = 0;
		put.data_len = 0;
		EXPECT_OK(zct_put(self->s.fd, &put));
		EXPECT_OK(zct_put_data(self->s.fd, key, data, sizeof(data), NULL));
	}
	/* nothing of all this changed the object or is held */
	EXPECT_EQ(used, zct_used(&self->s));
	EXPECT_EQ((ssize_t)sizeof(data), zct_get_data(self->s.fd, key, room, sizeof(room), 0));
	EXPECT_EQ(0, memcmp(room, data, sizeof(data)));
}

TEST_F(abi, put_lengths)
{
	static const struct {
		size_t at;
		__u32 max;
	} blobs[] = {
		{ offsetof(struct zc_put, header_len), ZC_HEADER_MAX },
		{ offsetof(struct zc_put, etag_len), ZC_ETAG_MAX },
		{ offsetof(struct zc_put, type_len), ZC_TYPE_MAX },
	};
	char *blob = zct_alloc(ZC_HEADER_MAX + 1);
	struct zc_put put;
	unsigned int i, k;
	int err;

	for (i = 0; i < ARRAY_SIZE(blobs); i++) {
		const __u32 over[] = { blobs[i].max + 1, 0x80000000, ~0U };
		__u32 *len = (__u32 *)((char *)&put + blobs[i].at);

		put = (struct zc_put)PUT_ARGS;
		put.header = put.etag = put.type = ZC_ADDR(blob);
		for (k = 0; k < ARRAY_SIZE(over); k++) {
			*len = over[k];
			EXPECT_ERR(EINVAL, zct_put(self->s.fd, &put));
			put.data = 0;
			EXPECT_ERR(EINVAL, zct_fill(self->s.fd, &put));
			put.data = ZC_ADDR(data);
		}
		*len = blobs[i].max;
		EXPECT_OK(zct_put(self->s.fd, &put));
	}
	put = (struct zc_put)PUT_ARGS;
	/* too long for any store, and more than user memory has behind it */
	put.data_len = ~0ULL;
	err = zct_put(self->s.fd, &put);
	EXPECT_TRUE(err == -EFBIG || err == -EFAULT) TH_LOG("%d", err);
	put.data_len = 1ULL << 63;
	err = zct_put(self->s.fd, &put);
	EXPECT_TRUE(err == -EFBIG || err == -EFAULT) TH_LOG("%d", err);
	put.data_len = 8 * MiB + 1;
	EXPECT_ERR(EFBIG, zct_put(self->s.fd, &put));
	put.data = 0;
	EXPECT_ERR(EFBIG, zct_fill(self->s.fd, &put));
	put.data_len = ~0ULL;
	EXPECT_ERR(EFBIG, zct_fill(self->s.fd, &put));
	/* a time before there was time */
	put = (struct zc_put)PUT_ARGS;
	put.expires_ns = -1;
	EXPECT_ERR(EINVAL, zct_put(self->s.fd, &put));
}

TEST_F(abi, out_addresses)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP };
	struct zc_put put = PUT_ARGS;
	struct zc_stat stat;
	struct zc_get get;
	unsigned int i;

	put.header = put.etag = put.type = ZC_ADDR(data);
	put.header_len = put.etag_len = put.type_len = 4;
	ASSERT_OK(zct_put(self->s.fd, &put));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		get = (struct zc_get){ .key = ZC_ADDR(key), .key_len = 3, .buf = bad[i],
				       .buf_len = 1 };
		EXPECT_ERR(EFAULT, zct_get(self->s.fd, &get));
		get.buf_len = ~0ULL;
		EXPECT_ERR(EFAULT, zct_get(self->s.fd, &get));
		stat = (struct zc_stat){ .key = ZC_ADDR(key), .key_len = 3, .header = bad[i],
					 .header_len = 4 };
		EXPECT_ERR(EFAULT, zct_stat(self->s.fd, &stat));
		stat.header_len = 0;
		stat.etag = bad[i];
		stat.etag_len = ~0U;
		EXPECT_ERR(EFAULT, zct_stat(self->s.fd, &stat));
		stat.etag_len = 0;
		stat.type = bad[i];
		stat.type_len = 128;
		EXPECT_ERR(EFAULT, zct_stat(self->s.fd, &stat));
	}
	get = (struct zc_get){ .key = ZC_ADDR(key), .key_len = 3 };
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ(0, get.copied);
	/* offsets and lengths that wrap */
	get = (struct zc_get){ .key = ZC_ADDR(key), .key_len = 3, .buf = ZC_ADDR(room),
			       .buf_len = 8, .offset = ~0ULL };
	EXPECT_ERR(ERANGE, zct_get(self->s.fd, &get));
	get.offset = ~0ULL - 7;
	EXPECT_ERR(ERANGE, zct_get(self->s.fd, &get));
	get.offset = 1ULL << 63;
	EXPECT_ERR(ERANGE, zct_get(self->s.fd, &get));
}

TEST_F(abi, modes)
{
	struct zc_put put = PUT_ARGS;
	unsigned char buf[512];
	int ro, wo, rw = self->s.fd;

	ro = open(self->s.path, O_RDONLY);
	ASSERT_FD(ro);
	wo = open(self->s.path, O_WRONLY);
	ASSERT_FD(wo);
	FOR_EACH_CALL(c) {
		bool writes = c->cmd == ZC_IOC_PUT || c->cmd == ZC_IOC_FILL ||
			      c->cmd == ZC_IOC_DELETE || c->cmd == ZC_IOC_PURGE ||
			      c->cmd == ZC_IOC_TOUCH;

		if (c->cmd == ZC_IOC_COMMIT || c->cmd == ZC_IOC_INFO)
			continue;
		good(self, c, buf);
		self->s.fd = writes ? ro : wo;
		EXPECT_ERR(EBADF, call(self, c, buf)) NAMED(c);
		self->s.fd = writes ? wo : ro;
		EXPECT_OK(call(self, c, buf)) NAMED(c);
		self->s.fd = rw;
	}
	EXPECT_OK(zct_put(wo, &put));
	close(ro);
	close(wo);
	/* a node is not a file of bytes */
	EXPECT_EQ(-1, read(rw, buf, 1));
	EXPECT_EQ(-1, write(rw, buf, 1));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, rw, 0));
}

TEST_F(abi, info)
{
	struct zc_info info = { 0 };
	unsigned int i;

	ASSERT_OK(zct_delete_key(self->s.fd, key));
	memset(info.name, 0xff, sizeof(info.name));
	ASSERT_OK(zct_info(self->s.fd, &info));
	EXPECT_EQ(sizeof(info), info.size);
	EXPECT_EQ(ZC_ABI_VERSION, info.abi);
	EXPECT_EQ(2048, info.inline_limit);
	EXPECT_EQ(ZC_FEAT_SEND_SPLICE, info.features & ZC_FEAT_SEND_SPLICE);
	EXPECT_EQ(0, info.features & ~(ZC_FEAT_SEND_SPLICE | ZC_FEAT_LARGE_FOLIOS));
	EXPECT_EQ(8 * MiB, info.capacity);
	EXPECT_EQ(0, info.used);
	EXPECT_EQ(0, info.objects);
	EXPECT_EQ(8 * MiB, info.max_object_size);
	EXPECT_EQ(4096, info.splice_threshold);
	EXPECT_EQ(100, info.max_key_len);
	EXPECT_STREQ(self->s.name, info.name);
	/* no byte of the kernel's stack behind the name */
	for (i = strlen(info.name); i < sizeof(info.name); i++)
		EXPECT_EQ(0, info.name[i]);
}

TEST_F(abi, wrong_files)
{
	struct zc_info info = { .size = sizeof(info) };
	int null = open("/dev/null", O_RDWR);

	EXPECT_ERR(EBADF, zct_info(-1, &info));
	EXPECT_ERR(EBADF, zct_info(9999, &info));
	EXPECT_ERR(ENOTTY, zct_info(null, &info));
	close(null);
	EXPECT_EQ(-1, open("/dev/zcache/no-such-store", O_RDWR));
	EXPECT_EQ(ENOENT, errno);
}

TEST_HARNESS_MAIN
