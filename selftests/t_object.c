// SPDX-License-Identifier: GPL-2.0-only
/* PUT, GET, STAT, OPEN and DELETE: what they do and what they count. */
#include <fcntl.h>

#include "zc_harness.h"

static const size_t sizes[] = {
	0, 1, 7, 8, 2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 65535, 65536, 65537,
	1 * MiB - 1, 1 * MiB, 1 * MiB + 1, 2 * MiB - 1, 2 * MiB, 2 * MiB + 1,
	3 * MiB + 12345, 5 * MiB,
};

ZCT_STORE_FIXTURE(object, .capacity = 64 * MiB)

#define NR(a)	(int)ARRAY_SIZE(a)
#define EXPECT_DELTAS(before, deltas...) \
	do { \
		const struct zct_delta _d[] = { deltas }; \
		EXPECT_EQ(0, zct_deltas(&self->s, before, _d, NR(_d))); \
		ASSERT_OK(zc_nl_store_get(self->s.name, before)); \
	} while (0)

TEST_F(object, every_size)
{
	struct zc_stat st;
	unsigned int i;
	__u64 gen;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_OK(zct_put_pattern(self->s.fd, "k", i + 1, i + 7, sizes[i], &gen));
		ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
		EXPECT_EQ(gen, st.generation);
		EXPECT_EQ(sizes[i], st.data_len);
		EXPECT_EQ(sizes[i], st.resident);
		EXPECT_EQ(sizes[i] <= 2048 ? zct_state_inline : 0, st.state);
		EXPECT_LE(sizes[i], st.charge);
		EXPECT_LT(0, st.charge);
		/* whole pages, metadata, and no more than that */
		EXPECT_GE(sizes[i] + sizes[i] / 64 + 8192, st.charge);
		EXPECT_EQ(st.charge, zct_used(&self->s));
		EXPECT_EQ(1, zct_objects(&self->s));
		EXPECT_OK(zct_verify_key(self->s.fd, "k", i + 1, i + 7, sizes[i]))
			TH_LOG("size %zu", sizes[i]);
	}
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(0, zct_objects(&self->s));
}

TEST_F(object, get_ranges)
{
	static const size_t edges[] = { 0, 1, 2047, 2048, 4095, 4096, 4097, 65535, 65536,
					100000, 149999, 150000 };
	static const size_t lengths[] = { 0, 1, 2, 4095, 4096, 4097, 65536, 150000, 200000 };
	const size_t size = 150000;
	unsigned char *buf = zct_alloc(200064);
	unsigned int i, k;
	size_t want;

	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 3, 4, size, NULL));
	for (i = 0; i < ARRAY_SIZE(edges); i++)
		for (k = 0; k < ARRAY_SIZE(lengths); k++) {
			memset(buf, 0xee, lengths[k] + 64);
			want = size - edges[i] < lengths[k] ? size - edges[i] : lengths[k];
			ASSERT_EQ((ssize_t)want, zct_get_data(self->s.fd, "k", buf, lengths[k],
							      edges[i]));
			EXPECT_EQ(-1, zct_check(buf, want, 3, 4, edges[i]))
				TH_LOG("%zu bytes from %zu", want, edges[i]);
			/* not a byte more than it said */
			EXPECT_EQ(0xee, buf[want]);
			EXPECT_EQ(0xee, buf[want + 63]);
		}
	EXPECT_ERR(ERANGE, zct_get_data(self->s.fd, "k", buf, 1, size + 1));
	EXPECT_ERR(ERANGE, zct_get_data(self->s.fd, "k", buf, 0, size + 1));
	EXPECT_EQ(0, zct_get_data(self->s.fd, "k", buf, 1, size));
	/* a buffer that ends in the middle of the copy */
	EXPECT_ERR(EFAULT, zct_get_data(self->s.fd, "k", zct_at(ZC_BAD_KERNEL), size, 0));
}

/* Bytes that the object has not, in pages that it has. */
TEST_F(object, get_huge_room)
{
	struct zc_get get = { .key = ZC_ADDR("k"), .key_len = 1, .buf_len = ~0ULL };
	char buf[100];

	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 100, NULL));
	get.buf = ZC_ADDR(buf);
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ(100, get.copied);
	EXPECT_EQ(-1, zct_check(buf, 100, 1, 1, 0));
}

TEST_F(object, keys)
{
	static unsigned char key[ZC_KEY_MAX];
	struct zc_put put = { .key = ZC_ADDR(key), .data = ZC_ADDR("x"), .data_len = 1 };
	struct zc_delete del = { .key = ZC_ADDR(key) };
	struct zc_stat st;
	unsigned int i;

	/* every byte value, every length that may matter, prefixes of each other */
	for (i = 0; i < sizeof(key); i++)
		key[i] = i;
	for (i = 1; i <= sizeof(key); i = i < 66 ? i + 1 : i == 66 ? 1023 : i + 1) {
		put.key_len = i;
		ASSERT_OK(zct_put(self->s.fd, &put));
	}
	EXPECT_EQ(68, zct_objects(&self->s));
	/* the last byte decides */
	key[ZC_KEY_MAX - 1] ^= 1;
	st = (struct zc_stat){ .key = ZC_ADDR(key), .key_len = ZC_KEY_MAX };
	EXPECT_ERR(ENOENT, zct_stat(self->s.fd, &st));
	key[ZC_KEY_MAX - 1] ^= 1;
	EXPECT_OK(zct_stat(self->s.fd, &st));
	for (i = 1; i <= sizeof(key); i = i < 66 ? i + 1 : i == 66 ? 1023 : i + 1) {
		del.key_len = i;
		del.generation = 0;
		EXPECT_OK(zct_delete(self->s.fd, &del));
		EXPECT_ERR(ENOENT, zct_delete(self->s.fd, &del));
	}
	EXPECT_EQ(0, zct_used(&self->s));
}

TEST_F(object, blobs)
{
	static unsigned char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	static unsigned char h[ZC_HEADER_MAX + 1], e[ZC_ETAG_MAX + 1], t[ZC_TYPE_MAX + 1];
	struct zc_put put = {
		.key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("x"), .data_len = 1,
		.header = ZC_ADDR(header), .header_len = sizeof(header),
		.etag = ZC_ADDR(etag), .etag_len = 17,
		.type = ZC_ADDR(type), .type_len = sizeof(type),
	};
	const struct zc_stat ask = {
		.key = ZC_ADDR("k"), .key_len = 1,
		.header = ZC_ADDR(h), .header_len = sizeof(h),
		.etag = ZC_ADDR(e), .etag_len = sizeof(e),
		.type = ZC_ADDR(t), .type_len = sizeof(t),
	};
	struct zc_stat st = ask;

	zct_pattern(header, sizeof(header), 1, 1, 0);
	zct_pattern(etag, sizeof(etag), 2, 2, 0);
	zct_pattern(type, sizeof(type), 3, 3, 0);
	memset(h, 0xee, sizeof(h));
	memset(e, 0xee, sizeof(e));
	memset(t, 0xee, sizeof(t));
	ASSERT_OK(zct_put(self->s.fd, &put));
	ASSERT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(sizeof(header), st.header_len);
	EXPECT_EQ(17, st.etag_len);
	EXPECT_EQ(sizeof(type), st.type_len);
	EXPECT_EQ(0, memcmp(h, header, sizeof(header)));
	EXPECT_EQ(0, memcmp(e, etag, 17));
	EXPECT_EQ(0, memcmp(t, type, sizeof(type)));
	EXPECT_EQ(0xee, h[sizeof(header)]);
	EXPECT_EQ(0xee, e[17]);
	EXPECT_EQ(0xee, t[sizeof(type)]);
	EXPECT_LT(sizeof(header) + sizeof(type), st.charge);

	/* no room asked for: lengths are told, and that is no error */
	ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_EQ(sizeof(header), st.header_len);
	EXPECT_EQ(17, st.etag_len);
	EXPECT_EQ(sizeof(type), st.type_len);

	/* one room too small: all is told, nothing is copied */
	memset(h, 0xee, sizeof(h));
	memset(e, 0xee, sizeof(e));
	memset(t, 0xee, sizeof(t));
	st = ask;
	st.etag_len = 16;
	EXPECT_ERR(EMSGSIZE, zct_stat(self->s.fd, &st));
	EXPECT_EQ(sizeof(header), st.header_len);
	EXPECT_EQ(17, st.etag_len);
	EXPECT_EQ(sizeof(type), st.type_len);
	EXPECT_EQ(1, st.data_len);
	EXPECT_NE(0, st.generation);
	EXPECT_EQ(0xee, h[0]);
	EXPECT_EQ(0xee, e[0]);
	EXPECT_EQ(0xee, t[0]);
	/* the exact room will do */
	EXPECT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(0, memcmp(e, etag, 17));

	/* a replacement has its own blobs, or none */
	ASSERT_OK(zct_put_data(self->s.fd, "k", "y", 1, NULL));
	st = ask;
	ASSERT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(0, st.header_len);
	EXPECT_EQ(0, st.etag_len);
	EXPECT_EQ(0, st.type_len);
}

TEST_F(object, generations)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("xy"),
			      .data_len = 1 };
	struct zc_get get = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_open open = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_stat st = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_delete del = { .key = ZC_ADDR("k"), .key_len = 1 };
	__u64 first, last = 0;
	char byte;
	int i;

	get.buf = ZC_ADDR(&byte);
	get.buf_len = 1;
	ASSERT_OK(zct_put(self->s.fd, &put));
	first = last = put.generation;
	EXPECT_NE(0, first);
	/* also over deletes and other keys: never one of before */
	for (i = 0; i < 50; i++) {
		put.key = ZC_ADDR(i & 1 ? "k" : "l");
		put.data = ZC_ADDR("xy") + (i & 1);
		ASSERT_OK(zct_put(self->s.fd, &put));
		EXPECT_LT(last, put.generation);
		last = put.generation;
		if (i % 10 == 8)
			ASSERT_OK(zct_delete_key(self->s.fd, "l"));
	}
	/* "k" is at @last now */
	get.generation = last;
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ(last, get.generation);
	EXPECT_EQ('y', byte);
	get.generation = 0;
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ(last, get.generation);
	get.generation = first;
	EXPECT_ERR(ESTALE, zct_get(self->s.fd, &get));
	get.generation = last + 1;
	EXPECT_ERR(ESTALE, zct_get(self->s.fd, &get));
	open.generation = first;
	EXPECT_ERR(ESTALE, zct_open(self->s.fd, &open));
	st.generation = first;
	EXPECT_ERR(ESTALE, zct_stat(self->s.fd, &st));
	del.generation = first;
	EXPECT_ERR(ESTALE, zct_delete(self->s.fd, &del));
	EXPECT_OK(zct_get(self->s.fd, &(struct zc_get){ .key = ZC_ADDR("k"), .key_len = 1 }));
	del.generation = last;
	EXPECT_OK(zct_delete(self->s.fd, &del));
	EXPECT_EQ(last, del.generation);
	/* the key is gone: not another version, none */
	get.generation = last;
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
}

TEST_F(object, excl)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("x"),
			      .data_len = 1, .flags = ZC_PUT_EXCL };
	__u64 used, gen;

	ASSERT_OK(zct_put(self->s.fd, &put));
	gen = put.generation;
	used = zct_used(&self->s);
	EXPECT_ERR(EEXIST, zct_put(self->s.fd, &put));
	put.data_len = 100000;
	put.data = ZC_ADDR(zct_alloc(100000));
	EXPECT_ERR(EEXIST, zct_put(self->s.fd, &put));
	EXPECT_EQ(used, zct_used(&self->s));
	EXPECT_EQ(gen, put.generation);
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_OK(zct_put(self->s.fd, &put));
}

TEST_F(object, expiry)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("x"),
			      .data_len = 1, .expires_ns = zct_now() - 1 };
	struct zc_get get = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_open open = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = { .key = ZC_ADDR("k"), .key_len = 1, .nr_parts = 1,
				.parts = ZC_ADDR(&part) };
	struct zc_nl_store before;
	struct zc_stat st;
	char byte = 0;
	int sv[2];

	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	send.sock = sv[0];
	get.buf = ZC_ADDR(&byte);
	get.buf_len = 1;
	ASSERT_OK(zct_put(self->s.fd, &put));
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
	EXPECT_DELTAS(&before, { ZC_C_MISSES, 1 }, { ZC_C_EXPIRED, 1 });
	EXPECT_ERR(ENOENT, zct_open(self->s.fd, &open));
	EXPECT_DELTAS(&before, { ZC_C_MISSES, 1 }, { ZC_C_EXPIRED, 1 });
	EXPECT_ERR(ENOENT, zct_send(self->s.fd, &send));
	EXPECT_DELTAS(&before, { ZC_C_MISSES, 1 }, { ZC_C_EXPIRED, 1 });
	EXPECT_OK(zct_silent(sv));
	EXPECT_ERR(ENOENT, zct_stat_key(self->s.fd, "k", &st));

	st = (struct zc_stat){ .key = ZC_ADDR("k"), .key_len = 1, .flags = ZC_STAT_EXPIRED_OK };
	EXPECT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(put.expires_ns, st.expires_ns);
	EXPECT_EQ(ZC_STATE_EXPIRED | zct_state_inline, st.state);
	get.flags = ZC_GET_EXPIRED_OK;
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ('x', byte);
	open.flags = ZC_OPEN_EXPIRED_OK;
	EXPECT_OK(zct_open(self->s.fd, &open));
	close(open.fd);
	send.flags = ZC_SEND_EXPIRED_OK;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(1, send.sent);

	/* far in the future is not expired */
	put.expires_ns = zct_now() + 3600 * 1000000000ULL;
	ASSERT_OK(zct_put(self->s.fd, &put));
	get.flags = 0;
	get.generation = 0;
	EXPECT_OK(zct_get(self->s.fd, &get));
	ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_EQ(put.expires_ns, st.expires_ns);
	EXPECT_EQ(zct_state_inline, st.state);

	/* to DELETE, an expired object is there */
	put.expires_ns = zct_now() - 1;
	ASSERT_OK(zct_put(self->s.fd, &put));
	EXPECT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_used(&self->s));
	close(sv[0]);
	close(sv[1]);
}

TEST_F(object, expires_while_open)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("x"),
			      .data_len = 1 };
	struct zc_get get = { .flags = ZC_GET_FD };
	struct zc_stat st = { .flags = ZC_STAT_FD };
	char byte;
	int fd;

	get.buf = ZC_ADDR(&byte);
	get.buf_len = 1;
	put.expires_ns = zct_now() - 1;
	ASSERT_OK(zct_put(self->s.fd, &put));
	{
		struct zc_open open = { .key = ZC_ADDR("k"), .key_len = 1,
					.flags = ZC_OPEN_EXPIRED_OK };
		ASSERT_OK(zct_open(self->s.fd, &open));
		fd = open.fd;
	}
	/* an fd names the version; that it has expired holds for it too */
	get.fd = st.fd = fd;
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
	get.flags |= ZC_GET_EXPIRED_OK;
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_ERR(ENOENT, zct_stat(self->s.fd, &st));
	st.flags |= ZC_STAT_EXPIRED_OK;
	EXPECT_OK(zct_stat(self->s.fd, &st));
	/* the bytes stay readable as a file's do */
	EXPECT_EQ(1, pread(fd, &byte, 1, 0));
	close(fd);
}

TEST_F(object, created)
{
	__u64 before = zct_now(), after;
	struct zc_stat st;

	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	after = zct_now();
	ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
	/* a coarse clock may be a tick behind */
	EXPECT_LE(before - 20000000, (__u64)st.created_ns);
	EXPECT_GE(after, (__u64)st.created_ns);
	EXPECT_EQ(0, st.expires_ns);
	EXPECT_EQ(0, st.hits);
	EXPECT_EQ(1, zct_get_data(self->s.fd, "k", &(char){ 0 }, 1, 0));
	ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_LT(0, st.hits);
}

TEST_F(object, missing)
{
	struct zc_stat st;
	char byte;

	EXPECT_ERR(ENOENT, zct_get_data(self->s.fd, "k", &byte, 1, 0));
	EXPECT_ERR(ENOENT, zct_open_key(self->s.fd, "k"));
	EXPECT_ERR(ENOENT, zct_stat_key(self->s.fd, "k", &st));
	EXPECT_ERR(ENOENT, zct_delete_key(self->s.fd, "k"));
}

TEST_F(object, object_fds)
{
	struct zc_get get = { .flags = ZC_GET_FD };
	struct zc_stat st = { .flags = ZC_STAT_FD };
	__u64 gen, gen2;
	char byte;
	int fd;

	get.buf = ZC_ADDR(&byte);
	get.buf_len = 1;
	ASSERT_OK(zct_put_data(self->s.fd, "k", "a", 1, &gen));
	fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	ASSERT_OK(zct_put_data(self->s.fd, "k", "b", 1, &gen2));
	/* the fd names the old version, the key the new one */
	get.fd = st.fd = fd;
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ('a', byte);
	EXPECT_EQ(gen, get.generation);
	EXPECT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(gen, st.generation);
	get.generation = gen2;
	EXPECT_ERR(ESTALE, zct_get(self->s.fd, &get));
	get.generation = 0;
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_OK(zct_get(self->s.fd, &get));
	EXPECT_EQ('a', byte);
	/* with an fd there is no key */
	get.generation = 0;
	get.key_len = 1;
	EXPECT_ERR(EINVAL, zct_get(self->s.fd, &get));
	get.key_len = 0;
	get.key = ZC_ADDR("k");
	EXPECT_ERR(EINVAL, zct_get(self->s.fd, &get));
	st.generation = 0;
	st.key_len = 1;
	EXPECT_ERR(EINVAL, zct_stat(self->s.fd, &st));
	close(fd);
	EXPECT_EQ(0, zct_used(&self->s));
}

TEST_F(object, wrong_fds)
{
	struct zct_store other;
	struct zc_get get = { .flags = ZC_GET_FD };
	struct zc_stat st = { .flags = ZC_STAT_FD };
	int fds[4], i, err;

	ASSERT_OK(zct_store_new(&other, NULL));
	ASSERT_OK(zct_put_data(other.fd, "k", "a", 1, NULL));
	get.fd = st.fd = zct_open_key(other.fd, "k");
	ASSERT_FD(get.fd);
	EXPECT_ERR(EXDEV, zct_get(self->s.fd, &get));
	EXPECT_ERR(EXDEV, zct_stat(self->s.fd, &st));
	close(get.fd);
	EXPECT_OK(zct_store_end(&other));
	EXPECT_ERR(EBADF, zct_get(self->s.fd, &get));
	get.fd = -1;
	EXPECT_ERR(EBADF, zct_get(self->s.fd, &get));

	/* things that are no objects */
	fds[0] = open("/proc/self/exe", O_RDONLY);
	fds[1] = self->s.fd;
	fds[2] = zct_fill_key(self->s.fd, "f", 1, 0);
	fds[3] = open("/dev/null", O_RDWR);
	for (i = 0; i < 4; i++) {
		get.fd = st.fd = fds[i];
		err = zct_get(self->s.fd, &get);
		EXPECT_TRUE(err == -EINVAL || err == -EBADF) TH_LOG("fd %d: %d", i, err);
		EXPECT_EQ(err, zct_stat(self->s.fd, &st));
	}
	close(fds[0]);
	close(fds[2]);
	close(fds[3]);
}

TEST_F(object, counters)
{
	char *big = zct_alloc(100000);
	struct zc_nl_store before;
	int fd;

	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_EQ(ZC_C_NR, before.counters);
	ASSERT_OK(zct_put_data(self->s.fd, "k", big, 100, NULL));
	EXPECT_DELTAS(&before, { ZC_C_PUTS, 1 }, { ZC_C_FILL_BYTES, 100 });
	ASSERT_OK(zct_put_data(self->s.fd, "k", big, 100000, NULL));
	EXPECT_DELTAS(&before, { ZC_C_PUTS, 1 }, { ZC_C_FILL_BYTES, 100000 },
		      { ZC_C_REPLACES, 1 });
	EXPECT_EQ(70000, zct_get_data(self->s.fd, "k", big, 70000, 100));
	EXPECT_DELTAS(&before, { ZC_C_HITS, 1 }, { ZC_C_GETS, 1 }, { ZC_C_GET_BYTES, 70000 });
	EXPECT_ERR(ENOENT, zct_get_data(self->s.fd, "none", big, 1, 0));
	EXPECT_DELTAS(&before, { ZC_C_MISSES, 1 });
	fd = zct_open_key(self->s.fd, "k");
	EXPECT_DELTAS(&before, { ZC_C_HITS, 1 }, { ZC_C_OPENS, 1 });
	close(fd);
	fd = zct_fill_key(self->s.fd, "f", 10, 0);
	EXPECT_DELTAS(&before, { ZC_C_FILLS, 1 });
	close(fd);
	EXPECT_DELTAS(&before, { ZC_C_ABORTS, 1 });
	fd = zct_fill_key(self->s.fd, "f", 10, 0);
	ASSERT_EQ(10, write(fd, big, 10));
	EXPECT_DELTAS(&before, { ZC_C_FILLS, 1 });
	ASSERT_OK(zct_commit_fd(fd, NULL));
	EXPECT_DELTAS(&before, { ZC_C_COMMITS, 1 }, { ZC_C_FILL_BYTES, 10 });
	close(fd);
	EXPECT_DELTAS(&before, { ZC_C_HITS, 0 });
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_DELTAS(&before, { ZC_C_DELETES, 1 });
}

FIXTURE(limits) {
	struct zct_store s;
	char mark[96];
};

FIXTURE_SETUP(limits)
{
	const struct zc_nl_cfg cfg = {
		.capacity = 16 * MiB, .max_object_size = 100000, .inline_limit = 0,
		.set = ZC_NL_SET(MAX_OBJECT_SIZE) | ZC_NL_SET(INLINE_LIMIT),
	};

	ZCT_START(limits);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(limits)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

TEST_F(limits, object_size)
{
	char *buf = zct_alloc(100001);

	EXPECT_OK(zct_put_data(self->s.fd, "k", buf, 100000, NULL));
	EXPECT_ERR(EFBIG, zct_put_data(self->s.fd, "k", buf, 100001, NULL));
	EXPECT_ERR(EFBIG, zct_fill_key(self->s.fd, "k", 100001, 0));
	EXPECT_EQ(100000, zct_get_data(self->s.fd, "k", buf, 100001, 0));
}

/* An inline limit of 0: everything lives in pages, also one byte and none. */
TEST_F(limits, nothing_inline)
{
	struct zc_stat st;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		ASSERT_OK(zct_put_pattern(self->s.fd, "k", 9, i + 1, i, NULL));
		ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
		EXPECT_EQ(i, st.data_len);
		if (i) {
			EXPECT_EQ(0, st.state);
			EXPECT_LE(4096, st.charge);
		}
		EXPECT_OK(zct_verify_key(self->s.fd, "k", 9, i + 1, i));
	}
}

TEST_HARNESS_MAIN
