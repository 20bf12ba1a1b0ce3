// SPDX-License-Identifier: GPL-2.0-only
/* SEND: the message arrives as asked for, byte by byte, and is counted so. */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "zc_harness.h"

#define HEADER_LEN	300
#define BIG		((zct_slow() ? 1 : 3) * MiB + 77)

FIXTURE(send) {
	struct zct_store s;
	int sv[2];
	struct zct_rx rx;
	unsigned char *want;		/* what is to arrive */
	size_t len;
	struct zc_part parts[ZC_PARTS_MAX + 1];
	unsigned int nr;
	unsigned char inl[ZC_INLINE_BYTES_MAX + 1];
	unsigned char header[HEADER_LEN];
	char mark[96];
};

FIXTURE_VARIANT(send) {
	enum zct_family family;
	size_t chunk;
};

FIXTURE_VARIANT_ADD(send, v4) { .family = ZCT_V4 };
FIXTURE_VARIANT_ADD(send, v6) { .family = ZCT_V6, .chunk = 5000 };

static int put_object(FIXTURE_DATA(send) *self, const char *key, unsigned int id, size_t len)
{
	unsigned char *data = zct_alloc(len);
	struct zc_put put = {
		.key = ZC_ADDR(key), .key_len = strlen(key), .data = ZC_ADDR(data),
		.data_len = len, .header = ZC_ADDR(self->header), .header_len = HEADER_LEN,
	};
	int err;

	zct_pattern(data, len, id, 1, 0);
	err = zct_put(self->s.fd, &put);
	munmap(data, len + 1);
	return err;
}

FIXTURE_SETUP(send)
{
	ZCT_START(send);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	zct_pattern(self->header, HEADER_LEN, 1000, 1, 0);
	zct_pattern(self->inl, sizeof(self->inl), 2000, 1, 0);
	ASSERT_OK(put_object(self, "big", 1, BIG));
	ASSERT_OK(put_object(self, "tiny", 2, 100));
	self->want = zct_alloc(64 * MiB);
	ASSERT_OK(zct_tcp_pair(variant->family, self->sv));
	self->rx.chunk = variant->chunk;
	ASSERT_OK(zct_rx_start(&self->rx, self->sv[1]));
}

FIXTURE_TEARDOWN(send)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static void part_inline(FIXTURE_DATA(send) *self, size_t at, size_t len)
{
	self->parts[self->nr++] = (struct zc_part){
		.type = ZC_PART_INLINE, .addr = ZC_ADDR(self->inl + at), .length = len };
	memcpy(self->want + self->len, self->inl + at, len);
	self->len += len;
}

static void part_header(FIXTURE_DATA(send) *self)
{
	self->parts[self->nr++] = (struct zc_part){ .type = ZC_PART_HEADER };
	memcpy(self->want + self->len, self->header, HEADER_LEN);
	self->len += HEADER_LEN;
}

static void part_object(FIXTURE_DATA(send) *self, unsigned int id, size_t at, size_t len)
{
	self->parts[self->nr++] = (struct zc_part){
		.type = ZC_PART_OBJECT, .offset = at, .length = len };
	zct_pattern(self->want + self->len, len, id, 1, at);
	self->len += len;
}

static void part_to_end(FIXTURE_DATA(send) *self, unsigned int id, size_t at, size_t size)
{
	part_object(self, id, at, size - at);
	self->parts[self->nr - 1].flags = ZC_PART_TO_END;
	self->parts[self->nr - 1].length = 0;
}

#define SEND_ARGS(name) { \
		.key = ZC_ADDR(name), .key_len = strlen(name), .sock = self->sv[0], \
		.nr_parts = self->nr, .parts = ZC_ADDR(self->parts), \
	}

/* One message, blocking: all of it goes in one call. */
#define SEND_WHOLE(name, how) \
	do { \
		struct zc_send send_ = SEND_ARGS(name); \
		size_t from_ = self->len; \
		for (unsigned int i_ = 0; i_ < self->nr; i_++) \
			from_ -= part_length(&self->parts[i_], size_of(name)); \
		send_.flags = how; \
		EXPECT_OK(zct_send(self->s.fd, &send_)); \
		EXPECT_EQ(self->len - from_, send_.sent); \
		EXPECT_EQ(self->len - from_, send_.total); \
		EXPECT_EQ(size_of(name), send_.data_len); \
		EXPECT_NE(0, send_.generation); \
		self->nr = 0; \
	} while (0)

static size_t size_of(const char *name)
{
	return !strcmp(name, "big") ? BIG : !strcmp(name, "tiny") ? 100 : 0;
}

static size_t part_length(const struct zc_part *p, size_t size)
{
	if (p->type == ZC_PART_HEADER)
		return HEADER_LEN;
	return p->flags & ZC_PART_TO_END ? size - p->offset : p->length;
}

/* The stream ends, and it was what was wanted. */
#define EXPECT_STREAM() \
	do { \
		EXPECT_OK(shutdown(self->sv[0], SHUT_WR)); \
		EXPECT_OK(zct_rx_join(&self->rx)); \
		EXPECT_EQ(self->len, self->rx.len); \
		EXPECT_EQ(0, memcmp(self->want, self->rx.data, \
				    self->len < self->rx.len ? self->len : self->rx.len)); \
		close(self->sv[0]); \
		close(self->sv[1]); \
	} while (0)

TEST_F(send, one_of_each)
{
	part_inline(self, 0, 11);
	SEND_WHOLE("big", 0);
	part_header(self);
	SEND_WHOLE("big", 0);
	part_object(self, 1, 0, BIG);
	SEND_WHOLE("big", 0);
	part_to_end(self, 1, 0, BIG);
	SEND_WHOLE("big", 0);
	part_to_end(self, 2, 0, 100);
	SEND_WHOLE("tiny", 0);
	part_inline(self, 5, 100);
	part_header(self);
	part_object(self, 1, 4095, 70000);
	part_inline(self, 0, 3);
	part_to_end(self, 1, BIG - 1, BIG);
	SEND_WHOLE("big", 0);
	EXPECT_STREAM();
}

TEST_F(send, ranges)
{
	const size_t middle = zct_slow() ? MiB / 2 : 2 * MiB;
	const size_t at[] = { 0, 1, 4095, 4096, 4097, 65535, middle - 1, middle, BIG - 65536,
			      BIG - 1, BIG };
	static const size_t len[] = { 0, 1, 4096, 4097, 65535, 65536, 65537, 1 * MiB };
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		for (k = 0; k < ARRAY_SIZE(len); k++) {
			if (at[i] + len[k] > BIG)
				continue;
			part_object(self, 1, at[i], len[k]);
			SEND_WHOLE("big", 0);
		}
		part_to_end(self, 1, at[i], BIG);
		SEND_WHOLE("big", 0);
	}
	for (i = 0; i <= 100; i += 25) {
		part_object(self, 2, i, 100 - i);
		SEND_WHOLE("tiny", 0);
	}
	EXPECT_STREAM();
}

#define EXPECT_BYTES(before, spliced, copied) \
	do { \
		struct zc_nl_store now_; \
		ASSERT_OK(zc_nl_store_get(self->s.name, &now_)); \
		EXPECT_EQ(spliced, now_.count[ZC_C_SPLICED_BYTES] - \
			  (before)->count[ZC_C_SPLICED_BYTES]); \
		EXPECT_EQ(copied, now_.count[ZC_C_COPIED_BYTES] - \
			  (before)->count[ZC_C_COPIED_BYTES]); \
		*(before) = now_; \
	} while (0)

/* Which way the bytes go, at the threshold to the byte. */
TEST_F(send, threshold)
{
	struct zc_nl_store before;

	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	part_object(self, 1, 0, 4095);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, 0, 4095);
	part_object(self, 1, 0, 4096);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, 4096, 0);
	part_object(self, 1, 1, 4097);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, 4097, 0);
	part_to_end(self, 1, 0, BIG);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, BIG, 0);
	part_to_end(self, 1, BIG - 4095, BIG);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, 0, 4095);
	/* each range by itself, and what is not a range is copied */
	part_inline(self, 0, 65536);
	part_header(self);
	part_object(self, 1, 5, 70000);
	part_object(self, 1, 5, 4000);
	SEND_WHOLE("big", 0);
	EXPECT_BYTES(&before, 70000, 65536 + HEADER_LEN + 4000);
	/* on demand, all is copied */
	part_to_end(self, 1, 3, BIG);
	SEND_WHOLE("big", ZC_SEND_COPY);
	EXPECT_BYTES(&before, 0, BIG - 3);
	/* what lives in slab memory is copied */
	part_object(self, 2, 0, 100);
	SEND_WHOLE("tiny", 0);
	EXPECT_BYTES(&before, 0, 100);
	EXPECT_EQ(8, before.count[ZC_C_SENDS]);
	EXPECT_EQ(0, before.count[ZC_C_SENDS_PARTIAL]);
	EXPECT_EQ(0, before.count[ZC_C_SENDS_FAILED]);
	/* of which one was asked for */
	EXPECT_EQ(1, before.count[ZC_C_FALLBACKS]);
	EXPECT_EQ(1, before.count[ZC_C_FALLBACKS_ASKED]);
	EXPECT_EQ(8, before.count[ZC_C_HITS]);
	EXPECT_STREAM();
}

TEST_F(send, other_thresholds)
{
	static const __u64 thresholds[] = { 0, 1, 4096, 1 * MiB, ~0ULL };
	struct zc_nl_store before;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(thresholds); i++) {
		const struct zc_nl_cfg cfg = {
			.splice_threshold = thresholds[i],
			.set = ZC_NL_SET(SPLICE_THRESHOLD),
		};
		struct zct_store mine = self->s, other;
		size_t spliced = 0, len = thresholds[i] > BIG ? BIG : thresholds[i];

		ASSERT_OK(zct_store_new(&other, &cfg));
		self->s = other;
		ASSERT_OK(put_object(self, "big", 1, BIG));
		ASSERT_OK(zc_nl_store_get(self->s.name, &before));
		part_object(self, 1, 0, len);
		SEND_WHOLE("big", 0);
		/* a few bytes of a large object are copied in any case */
		if (len >= thresholds[i] && len >= 4096)
			spliced = len;
		EXPECT_BYTES(&before, spliced, len - spliced);
		self->s = mine;
		EXPECT_OK(zct_store_end(&other));
	}
	EXPECT_STREAM();
}

TEST_F(send, many_parts)
{
	struct zc_send send;
	unsigned int i;

	/* the same range again and again, overlapping ones, empty ones */
	for (i = 0; i < ZC_PARTS_MAX; i++) {
		if (i % 8 == 1)
			part_header(self);
		else if (i % 8 == 3)
			part_inline(self, i, 0);
		else if (i % 8 == 5)
			part_inline(self, i, 1000);
		else if (i % 8 == 6)
			part_object(self, 1, 500, 0);
		else
			part_object(self, 1, 500 * (i % 3), 66000 + i);
	}
	SEND_WHOLE("big", 0);
	self->nr = ZC_PARTS_MAX + 1;
	send = (struct zc_send)SEND_ARGS("big");
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	send.nr_parts = 0;
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	send.nr_parts = ~0U;
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	/* the most inline bytes, in many parts */
	self->nr = 0;
	for (i = 0; i < ZC_PARTS_MAX; i++)
		part_inline(self, i * 1024, 1024);
	SEND_WHOLE("tiny", 0);
	EXPECT_STREAM();
}

TEST_F(send, nothing)
{
	struct zc_send send;

	part_object(self, 1, 0, 0);
	SEND_WHOLE("big", 0);
	part_inline(self, 0, 0);
	SEND_WHOLE("big", 0);
	/* a message that went out before: 0 bytes are left */
	self->nr = 1;
	self->parts[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 1000 };
	send = (struct zc_send)SEND_ARGS("big");
	send.skip = 1000;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(0, send.sent);
	EXPECT_EQ(1000, send.total);
	EXPECT_STREAM();
}

/* Every place at which a message can be taken up again. */
TEST_F(send, skip)
{
	struct zc_part parts[4];
	struct zc_send send;
	size_t total, skip, i;

	part_inline(self, 0, 100);
	part_header(self);
	part_object(self, 1, 4000, 70000);
	part_object(self, 1, 10, 5000);
	memcpy(parts, self->parts, sizeof(parts));
	total = self->len;
	self->nr = 4;
	const size_t at[] = { 0, 1, 99, 100, 101, 399, 400, 401, 400 + 96, 400 + 69999,
			      400 + 70000, 400 + 70001, total - 1, total };

	self->len = 0;
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		skip = at[i];
		send = (struct zc_send)SEND_ARGS("big");
		send.skip = skip;
		EXPECT_OK(zct_send(self->s.fd, &send));
		EXPECT_EQ(total - skip, send.sent);
		EXPECT_EQ(total, send.total);
		/* the same again, but of all of it */
		self->nr = 0;
		size_t from = self->len;

		part_inline(self, 0, 100);
		part_header(self);
		part_object(self, 1, 4000, 70000);
		part_object(self, 1, 10, 5000);
		memmove(self->want + from, self->want + from + skip, total - skip);
		self->len = from + total - skip;
	}
	send = (struct zc_send)SEND_ARGS("big");
	send.skip = total + 1;
	EXPECT_ERR(ERANGE, zct_send(self->s.fd, &send));
	send.skip = ~0ULL;
	EXPECT_ERR(ERANGE, zct_send(self->s.fd, &send));
	EXPECT_STREAM();
}

/* The message in pieces of so many bytes. */
TEST_F(send, max_bytes)
{
	static const __u64 pieces[] = { 1, 99, 100, 4096, 30000, 65536, 100000, ~0ULL };
	struct zc_nl_store before;
	struct zc_send send;
	unsigned int i, calls;
	size_t done, total, want;

	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		total = pieces[i] == 1 ? 450 :
			400 + (pieces[i] < 4096 ? zct_times(150000) : 150000);
		part_inline(self, 0, 100);
		part_header(self);
		part_object(self, 1, 123, total - 400);
		ASSERT_OK(zc_nl_store_get(self->s.name, &before));
		for (done = 0, calls = 0; done < total; done += send.sent, calls++) {
			send = (struct zc_send)SEND_ARGS("big");
			send.skip = done;
			send.max_bytes = pieces[i];
			ASSERT_OK(zct_send(self->s.fd, &send));
			want = total - done < pieces[i] ? total - done : pieces[i];
			ASSERT_EQ(want, send.sent);
			ASSERT_EQ(total, send.total);
		}
		self->nr = 0;
		/* all that was asked for went out, each time */
		EXPECT_EQ(before.count[ZC_C_SENDS] + calls, zct_count(&self->s, ZC_C_SENDS));
	}
	EXPECT_STREAM();
}

TEST_F(send, object_fd)
{
	struct zc_send send;
	int fd;

	fd = zct_open_key(self->s.fd, "big");
	ASSERT_FD(fd);
	/* the fd's version, also when there is another or none */
	ASSERT_OK(put_object(self, "big", 3, 1000));
	part_header(self);
	part_to_end(self, 1, 5, BIG);
	send = (struct zc_send)SEND_ARGS("big");
	send.flags = ZC_SEND_FD;
	send.fd = fd;
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	send.key = 0;
	send.key_len = 0;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(HEADER_LEN + BIG - 5, send.sent);
	EXPECT_EQ(BIG, send.data_len);
	ASSERT_OK(zct_delete_key(self->s.fd, "big"));
	self->nr = 0;
	part_object(self, 1, 100, 10);
	send.nr_parts = 1;
	EXPECT_OK(zct_send(self->s.fd, &send));
	close(fd);
	EXPECT_ERR(EBADF, zct_send(self->s.fd, &send));
	EXPECT_STREAM();
}

TEST_F(send, generation)
{
	struct zc_send send;
	__u64 gen;

	part_object(self, 1, 0, 10);
	send = (struct zc_send)SEND_ARGS("big");
	EXPECT_OK(zct_send(self->s.fd, &send));
	gen = send.generation;
	part_object(self, 1, 0, 10);
	EXPECT_OK(zct_send(self->s.fd, &send));
	ASSERT_OK(put_object(self, "big", 3, 1000));
	EXPECT_ERR(ESTALE, zct_send(self->s.fd, &send));
	self->nr = 0;
	part_object(self, 3, 0, 10);
	send.generation = 0;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_LT(gen, send.generation);
	EXPECT_STREAM();
}

/* MORE holds the last segment back, and what follows lets it go. */
TEST_F(send, more)
{
	part_object(self, 1, 0, 100);
	SEND_WHOLE("big", ZC_SEND_MORE);
	part_object(self, 1, 100, 65536);
	SEND_WHOLE("big", ZC_SEND_MORE);
	part_inline(self, 0, 1);
	SEND_WHOLE("big", 0);
	EXPECT_STREAM();
}

/* A socket that takes little at a time and may not block. */
TEST_F(send, nonblocking)
{
	unsigned int again = 0, rounds;
	struct zc_send send;
	size_t total, done = 0;
	int err, way;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 5000));
	/* once by the socket's own flag, once by the call's */
	for (way = 0; way < 2; way++) {
		ASSERT_OK(zct_nonblock(self->sv[0], way == 0));
		part_inline(self, 0, 1000);
		part_header(self);
		part_object(self, 1, 77, BIG - 77);
		part_object(self, 1, 0, 5000);
		total = 1300 + BIG - 77 + 5000;
		done = 0;
		for (rounds = 0; done < total && rounds < 10000000; rounds++) {
			send = (struct zc_send)SEND_ARGS("big");
			send.flags = way ? ZC_SEND_NOWAIT : 0;
			send.skip = done;
			err = zct_send(self->s.fd, &send);
			if (err == -EAGAIN) {
				struct pollfd p = { self->sv[0], POLLOUT, 0 };

				again++;
				ASSERT_EQ(1, poll(&p, 1, -1));
				continue;
			}
			ASSERT_OK(err);
			ASSERT_LT(0, send.sent);
			ASSERT_GE(total - done, send.sent);
			ASSERT_EQ(total, send.total);
			done += send.sent;
		}
		EXPECT_EQ(total, done);
		self->nr = 0;
	}
	/* a test in which it never was full proves nothing */
	EXPECT_LT(0, again + zct_count(&self->s, ZC_C_SENDS_PARTIAL));
	EXPECT_STREAM();
}

TEST_F(send, v4_mapped)
{
	close(self->sv[0]);
	EXPECT_OK(zct_rx_join(&self->rx));
	zct_rx_free(&self->rx);
	close(self->sv[1]);
	ASSERT_OK(zct_tcp_pair(ZCT_V4MAPPED, self->sv));
	ASSERT_OK(zct_rx_start(&self->rx, self->sv[1]));
	part_header(self);
	part_to_end(self, 1, 1, BIG);
	SEND_WHOLE("big", 0);
	EXPECT_EQ(BIG - 1, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	EXPECT_STREAM();
}

/* By IPv4 what is sent in most other programs. */
ZCT_MAIN_SLOW_WITHOUT("-Vv4")
