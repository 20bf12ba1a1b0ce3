// SPDX-License-Identifier: GPL-2.0-only
/* SEND of many parts: several objects, suffixes, and what breaks off where. */
#include <fcntl.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define ROOM	(16 * MiB)

FIXTURE(parts) {
	struct zct_store s;
	int sv[2];
	struct zct_obj a, b, c, tiny, empty;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

FIXTURE_SETUP(parts)
{
	ZCT_START(parts);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->a = (struct zct_obj){ "a", 1, 1, 3 * MiB + 77, 300 };
	self->b = (struct zct_obj){ "b", 2, 1, 200001, 17 };
	self->c = (struct zct_obj){ "c", 3, 1, 5000, 0 };
	self->tiny = (struct zct_obj){ "tiny", 4, 1, 100, ZC_HEADER_MAX };
	self->empty = (struct zct_obj){ "empty", 5, 1, 0, 40 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->a));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->b));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->c));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tiny));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->empty));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, ROOM);
}

FIXTURE_TEARDOWN(parts)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* One call sends all of self->m, and its bytes arrive, and no more. */
#define EXPECT_SENT(key) \
	do { \
		struct zct_rx rx_ = { 0 }; \
		self->send = zct_msg_send(&self->m, key, self->sv[0]); \
		ASSERT_OK(zct_rx_start(&rx_, self->sv[1])); \
		EXPECT_OK(zct_send(self->s.fd, &self->send)); \
		EXPECT_EQ(self->m.len, self->send.sent); \
		EXPECT_EQ(self->m.len, self->send.total); \
		EXPECT_MESSAGE(&self->m, self->sv[0], &rx_); \
		NEW_PAIR(); \
	} while (0)

#define NEW_PAIR() \
	do { \
		close(self->sv[0]); \
		close(self->sv[1]); \
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv)); \
	} while (0)

#define EXPECT_REFUSED(error, key) \
	do { \
		self->send = zct_msg_send(&self->m, key, self->sv[0]); \
		EXPECT_ERR(error, zct_send(self->s.fd, &self->send)); \
		EXPECT_OK(zct_silent(self->sv)); \
	} while (0)

TEST_F(parts, objects_by_key)
{
	struct zct_msg *m = &self->m;

	zct_msg_inline(m, "begin", 5);
	zct_msg_header(m, &self->a);
	zct_msg_range(m, &self->a, 4095, 100000);
	zct_msg_select(m, "b", 0);
	zct_msg_header(m, &self->b);
	zct_msg_to_end(m, &self->b, 1);
	zct_msg_select(m, "c", self->c.generation);
	zct_msg_to_end(m, &self->c, 0);
	zct_msg_select(m, "tiny", 0);
	zct_msg_header(m, &self->tiny);
	zct_msg_range(m, &self->tiny, 10, 80);
	zct_msg_inline(m, "-", 1);
	zct_msg_select(m, "empty", 0);
	zct_msg_header(m, &self->empty);
	zct_msg_to_end(m, &self->empty, 0);
	/* the first again, by its key, and one that is named and not used */
	zct_msg_select(m, "a", 0);
	zct_msg_suffix(m, &self->a, 70000);
	zct_msg_select(m, "c", 0);
	EXPECT_SENT("a");
	/* each version is told; those of the other parts stay 0 */
	EXPECT_EQ(self->a.generation, self->send.generation);
	EXPECT_EQ(self->a.len, self->send.data_len);
	EXPECT_EQ(self->b.generation, m->part[3].generation);
	EXPECT_EQ(self->c.generation, m->part[6].generation);
	EXPECT_EQ(self->tiny.generation, m->part[8].generation);
	EXPECT_EQ(self->empty.generation, m->part[12].generation);
	EXPECT_EQ(self->a.generation, m->part[15].generation);
	EXPECT_EQ(self->c.generation, m->part[17].generation);
	EXPECT_EQ(0, m->part[0].generation);
	EXPECT_EQ(0, m->part[4].generation);
	/* that a version is wanted now changes nothing */
	EXPECT_SENT("a");
}

TEST_F(parts, objects_by_fd)
{
	int b = zct_open_key(self->s.fd, "b"), tiny = zct_open_key(self->s.fd, "tiny");
	struct zct_obj newer = { "b", 9, 9, 70000, 5 };
	struct zct_msg *m = &self->m;

	ASSERT_FD(b);
	ASSERT_FD(tiny);
	/* an fd's version goes when there is another, or none */
	ASSERT_OK(zct_obj_put(self->s.fd, &newer));
	ASSERT_OK(zct_delete_key(self->s.fd, "tiny"));
	zct_msg_select_fd(m, b, 0);
	zct_msg_header(m, &self->b);
	zct_msg_to_end(m, &self->b, 0);
	zct_msg_select_fd(m, tiny, self->tiny.generation);
	zct_msg_header(m, &self->tiny);
	zct_msg_suffix(m, &self->tiny, 99);
	zct_msg_select(m, "b", 0);
	zct_msg_header(m, &newer);
	zct_msg_range(m, &newer, 0, newer.len);
	EXPECT_SENT("c");
	EXPECT_EQ(self->b.generation, m->part[0].generation);
	EXPECT_EQ(newer.generation, m->part[6].generation);
	zct_msg_clear(m);
	zct_msg_select_fd(m, b, newer.generation);
	zct_msg_range(m, &self->b, 0, 10);
	EXPECT_REFUSED(ESTALE, "c");
	close(tiny);
	zct_msg_clear(m);
	zct_msg_select_fd(m, tiny, 0);
	EXPECT_REFUSED(EBADF, "c");
	zct_msg_clear(m);
	zct_msg_select_fd(m, self->sv[0], 0);
	EXPECT_NE(0, ({ self->send = zct_msg_send(m, "c", self->sv[0]);
			zct_send(self->s.fd, &self->send); }));
	EXPECT_OK(zct_silent(self->sv));
	close(b);
}

/* Another object that cannot be had: nothing of the message goes. */
TEST_F(parts, objects_refused)
{
	struct zct_obj old = { "old", 7, 1, 70000, 10, .expires_ns = zct_now() - 1 };
	struct zct_msg *m = &self->m;
	struct zc_nl_store before;
	struct zct_store other;
	int fd;

	ASSERT_OK(zct_obj_put(self->s.fd, &old));
	ASSERT_OK(zct_store_new(&other, NULL));
	ASSERT_OK(zct_put_pattern(other.fd, "x", 1, 1, 100000, NULL));
	fd = zct_open_key(other.fd, "x");
	ASSERT_FD(fd);
	zct_msg_range(m, &self->a, 0, 100000);
	zct_msg_select(m, "none", 0);
	EXPECT_REFUSED(ENOENT, "a");
	m->part[1] = (struct zc_part){ .type = ZC_PART_SELECT, .addr = ZC_ADDR("b"),
				       .length = 1, .generation = self->b.generation + 1 };
	EXPECT_REFUSED(ESTALE, "a");
	m->part[1].generation = self->a.generation;
	EXPECT_REFUSED(ESTALE, "a");
	m->nr = 1;
	zct_msg_select_fd(m, fd, 0);
	EXPECT_REFUSED(EXDEV, "a");
	/* ranges are those of the object that is named last */
	m->nr = 1;
	zct_msg_select(m, "c", 0);
	m->part[m->nr++] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 5001 };
	EXPECT_REFUSED(ERANGE, "a");
	m->part[m->nr - 1] = (struct zc_part){ .type = ZC_PART_OBJECT, .offset = 5001,
					       .flags = ZC_PART_TO_END };
	EXPECT_REFUSED(ERANGE, "a");
	/* and so are headers: this one has none */
	m->part[m->nr - 1] = (struct zc_part){ .type = ZC_PART_HEADER };
	EXPECT_REFUSED(ENODATA, "a");
	m->nr = 1;
	zct_msg_select(m, "old", 0);
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_REFUSED(ENOENT, "a");
	EXPECT_EQ(before.count[ZC_C_EXPIRED] + 1, zct_count(&self->s, ZC_C_EXPIRED));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SENDS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_COPIED_BYTES));
	/* EXPIRED_OK is for all the call's objects */
	self->send = zct_msg_send(m, "a", self->sv[0]);
	self->send.flags = ZC_SEND_EXPIRED_OK;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(0, self->send.state);
	EXPECT_OK(zct_msg_receive(m, self->sv[1]));
	close(fd);
	EXPECT_OK(zct_store_end(&other));
}

TEST_F(parts, select_address)
{
	struct zct_msg *m = &self->m;
	struct zc_part *ro;

	/* the version cannot be told: not a byte goes */
	ro = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, ro);
	zct_msg_inline(m, "begin", 5);
	zct_msg_select(m, "b", 0);
	zct_msg_to_end(m, &self->b, 0);
	memcpy(ro, m->part, 3 * sizeof(*ro));
	ASSERT_OK(mprotect(ro, 4096, PROT_READ));
	self->send = zct_msg_send(m, "a", self->sv[0]);
	self->send.parts = ZC_ADDR(ro);
	EXPECT_ERR(EFAULT, zct_send(self->s.fd, &self->send));
	EXPECT_OK(zct_silent(self->sv));
	munmap(ro, 4096);
}

TEST_F(parts, suffixes)
{
	static const size_t lens[] = { 0, 1, 4095, 4096, 65535, 65536, 65537, 200000, 200001,
				       200002, 1ULL << 40, (1ULL << 63) - 1, ~0ULL };
	struct zct_msg *m = &self->m;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lens); i++)
		zct_msg_suffix(m, &self->b, lens[i]);
	EXPECT_SENT("b");
	/* of an object in slab memory, and of one without bytes */
	zct_msg_clear(m);
	zct_msg_suffix(m, &self->tiny, 0);
	zct_msg_suffix(m, &self->tiny, 1);
	zct_msg_suffix(m, &self->tiny, 100);
	zct_msg_suffix(m, &self->tiny, 101);
	zct_msg_select(m, "empty", 0);
	zct_msg_suffix(m, &self->empty, 0);
	zct_msg_suffix(m, &self->empty, ~0ULL);
	EXPECT_SENT("tiny");
	zct_msg_clear(m);
	zct_msg_suffix(m, &self->empty, 1);
	EXPECT_SENT("empty");
}

/* An answer in several ranges, as HTTP has them. */
TEST_F(parts, multipart)
{
	static const struct { size_t at, len; } ranges[] = {
		{ 0, 1 }, { 4090, 12 }, { 65535, 70000 }, { 100, 100000 }, { 3 * MiB, 77 },
	};
	struct zct_msg *m = &self->m;
	char text[ARRAY_SIZE(ranges)][128];
	unsigned int i;
	int n;

	zct_msg_inline(m, "HTTP/1.1 206 Partial Content\r\n\r\n", 32);
	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		n = snprintf(text[i], sizeof(text[i]),
			     "\r\n--sep\r\nContent-Range: bytes %zu-%zu/%zu\r\n\r\n",
			     ranges[i].at, ranges[i].at + ranges[i].len - 1, self->a.len);
		zct_msg_inline(m, text[i], n);
		zct_msg_range(m, &self->a, ranges[i].at, ranges[i].len);
	}
	zct_msg_inline(m, "\r\n--sep\r\n", 9);
	zct_msg_suffix(m, &self->a, 500);
	zct_msg_inline(m, "\r\n--sep--\r\n", 11);
	EXPECT_SENT("a");
	EXPECT_EQ(170000, zct_count(&self->s, ZC_C_SPLICED_BYTES));
}

/* As many parts as there can be, all of them selections of another object. */
TEST_F(parts, most)
{
	struct zct_msg *m = &self->m;
	unsigned int i;

	for (i = 0; i < ZC_PARTS_MAX / 2; i++) {
		const struct zct_obj *o = i % 3 == 0 ? &self->a : i % 3 == 1 ? &self->b : &self->c;

		zct_msg_select(m, o->key, i % 2 ? o->generation : 0);
		zct_msg_range(m, o, i * 10, i % 5 ? 4000 : o->len - i * 10);
	}
	ASSERT_EQ(ZC_PARTS_MAX, m->nr);
	EXPECT_SENT("tiny");
	zct_msg_select(m, "a", 0);
	EXPECT_REFUSED(EINVAL, "a");
	/* nothing but names: no bytes, but all must be there */
	zct_msg_clear(m);
	for (i = 0; i < ZC_PARTS_MAX; i++)
		zct_msg_select(m, i % 2 ? "a" : "b", 0);
	EXPECT_SENT("tiny");
	m->part[ZC_PARTS_MAX - 1].addr = ZC_ADDR("x");
	EXPECT_REFUSED(ENOENT, "tiny");
}

/* --- what breaks off at every place there is */

static void random_message(FIXTURE_DATA(parts) *self, const unsigned char *bytes,
			   unsigned int *seed)
{
	const struct zct_obj *objs[] = { &self->a, &self->b, &self->c, &self->tiny };
	const struct zct_obj *o = &self->b;
	unsigned int i, n = 1 + zct_random(seed) % 12;
	struct zct_msg *m = &self->m;
	size_t at, len;

	zct_msg_clear(m);
	for (i = 0; i < n; i++) {
		at = zct_random(seed) % (o->len + 1);
		len = zct_random(seed) % (zct_random(seed) % 4 ? 9000 : 150000);
		switch (zct_random(seed) % 6) {
		case 0:
			zct_msg_inline(m, bytes + zct_random(seed) % 1000,
				       zct_random(seed) % 5000);
			break;
		case 1:
			if (o->header_len)
				zct_msg_header(m, o);
			break;
		case 2:
			o = objs[zct_random(seed) % ARRAY_SIZE(objs)];
			zct_msg_select(m, o->key, zct_random(seed) % 2 ? o->generation : 0);
			break;
		case 3:
			zct_msg_suffix(m, o, len);
			break;
		default:
			zct_msg_range(m, o, at, len < o->len - at ? len : o->len - at);
		}
	}
	/* with an object fd or key of another object than the parts begin with */
	zct_msg_range(m, o, 0, o->len < 10 ? o->len : 10);
}

/* One message in pieces of random length, over a socket that is read to the end. */
TEST_F(parts, random)
{
	unsigned int seed = zct_seed(), round, rounds = zct_times(400);
	unsigned char bytes[6000], *got = zct_alloc(ROOM);
	struct zct_msg *m = &self->m;
	__u64 budget, expect, skip;

	zct_pattern(bytes, sizeof(bytes), 77, 1, 0);
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 400000));
	for (round = 0; round < rounds; round++) {
		random_message(self, bytes, &seed);
		self->send = zct_msg_send(m, "b", self->sv[0]);
		self->send.threshold = zct_random(&seed) % 3 ? 0 : 1 + zct_random(&seed) % 20000;
		for (skip = 0; skip < m->len; skip += self->send.sent) {
			budget = 1 + zct_random(&seed) % (zct_random(&seed) % 2 ? 70000 : 5000);
			self->send.skip = skip;
			self->send.max_bytes = budget;
			expect = m->len - skip < budget ? m->len - skip : budget;
			ASSERT_OK(zct_send(self->s.fd, &self->send)) {
				TH_LOG("round %u, at %llu of %zu", round, skip, m->len);
			}
			ASSERT_EQ(m->len, self->send.total);
			ASSERT_EQ(expect, self->send.sent);
			ASSERT_OK(zct_read_all(self->sv[1], got + skip, self->send.sent));
		}
		ASSERT_EQ(0, memcmp(got, m->want, m->len)) {
			TH_LOG("round %u", round);
		}
	}
	EXPECT_OK(zct_silent(self->sv));
}

/* At every part's boundary, one byte before it and one behind it. */
TEST_F(parts, boundaries)
{
	static const size_t sizes[] = { 5, 300, 100000, 0, 17, 4096, 65536, 1, 200001, 100 };
	struct zct_msg *m = &self->m;
	size_t at = 0, stop, page;
	unsigned int i;
	int off;

	zct_msg_inline(m, "begin", 5);
	zct_msg_header(m, &self->a);
	zct_msg_range(m, &self->a, 4095, 100000);
	zct_msg_select(m, "b", 0);
	zct_msg_header(m, &self->b);
	zct_msg_range(m, &self->b, 4096, 4096);
	zct_msg_range(m, &self->b, 1, 65536);
	zct_msg_inline(m, "-", 1);
	zct_msg_suffix(m, &self->b, ~0ULL);
	zct_msg_select(m, "tiny", 0);
	zct_msg_to_end(m, &self->tiny, 0);
	self->send = zct_msg_send(m, "a", self->sv[0]);
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 2 * MiB));
	for (i = 0; i < ARRAY_SIZE(sizes); at += sizes[i++]) {
		for (off = -1; off <= 1; off++) {
			for (page = 0; page <= sizes[i]; page += 65536 + 1111) {
				struct zct_rx rx = { 0 };

				stop = at + page + off;
				if (!stop || stop >= m->len)
					continue;
				NEW_PAIR();
				self->send.sock = self->sv[0];
				ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
				self->send.skip = 0;
				self->send.max_bytes = stop;
				ASSERT_OK(zct_send(self->s.fd, &self->send));
				ASSERT_EQ(stop, self->send.sent);
				self->send.skip = stop;
				self->send.max_bytes = 0;
				ASSERT_OK(zct_send(self->s.fd, &self->send));
				ASSERT_EQ(m->len - stop, self->send.sent);
				shutdown(self->sv[0], SHUT_WR);
				ASSERT_OK(zct_rx_join(&rx));
				ASSERT_EQ(m->len, rx.len);
				ASSERT_EQ(0, memcmp(rx.data, m->want, rx.len)) {
					TH_LOG("stopped at %zu", stop);
				}
				zct_rx_free(&rx);
			}
		}
	}
}

TEST_HARNESS_MAIN
