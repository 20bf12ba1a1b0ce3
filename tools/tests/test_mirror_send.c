// SPDX-License-Identifier: GPL-2.0-only
/*
 * zc_send() of the mirror: the message arrives as asked for, is counted so, and what
 * fails leaves its argument alone, as selftests/t_send.c, t_parts.c and t_cond.c have it
 * of the module.
 */
#include <time.h>
#include <unistd.h>

#include <zcache_xfer.h>

#include "mirror_msg.h"

static void one_of_each(void)
{
	message(NULL);
	add_inline(0, 11);
	sent_whole("a", 0, "INLINE");
	is_int(s.data_len, BIG, "the object's size");
	is_int(s.generation, a.generation, "its version");
	message(NULL);
	add_header(&a);
	sent_whole("a", 0, "HEADER");
	message(NULL);
	add_to_end(&a, 0);
	sent_whole("a", 0, "OBJECT");
	message(NULL);
	add_inline(5, 100);
	add_header(&a);
	add_range(&a, 4095, 70000);
	add_inline(0, 3);
	add_to_end(&a, BIG - 1);
	sent_whole("a", ZC_SEND_MORE, "all kinds");
	message(NULL);
	add_range(&a, 0, 0);
	add_inline(0, 0);
	sent_whole("a", 0, "nothing");
}

static void ranges(void)
{
	static const size_t at[] = { 0, 1, 4095, 4096, 65535, 2097151, BIG - 65536, BIG - 1, BIG };
	static const size_t len[] = { 0, 1, 4096, 65535, 65537, 1 << 20 };
	size_t i, k;

	message(NULL);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		for (k = 0; k < sizeof(len) / sizeof(len[0]); k++)
			if (at[i] + len[k] <= BIG)
				add_range(&a, at[i], len[k]);
	sent_whole("a", 0, "ranges");
	message(NULL);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		add_suffix(&b, at[i]);
	add_suffix(&b, ~0ULL);
	add_suffix(&b, 1ULL << 63);
	sent_whole("b", 0, "suffixes");
	message(NULL);
	add_suffix(&empty, 1);
	add_to_end(&empty, 0);
	sent_whole("empty", 0, "of no bytes");
}

/* What is not there is a fallback, and all is copied. */
#ifdef ZC_NO_SENDFILE
#define SPLICED(n) 0
#define MISSED(n) ((n) != 0)
#else
#define SPLICED(n) (n)
#define MISSED(n) 0
#endif

/* Which way the bytes go, at the threshold to the byte. */
static void thresholds(void)
{
	static const struct {
		size_t len;
		uint64_t threshold;
		unsigned int flags;
		uint64_t spliced;
		int asked;
	} t[] = {
		{ 4095, 4096, 0, 0, 0 },
		{ 4096, 4096, 0, 4096, 0 },
		{ 4097, 4096, 0, 4097, 0 },
		{ 65535, 65536, 0, 0, 0 },
		{ 65536, 65536, 0, 65536, 0 },
		{ 100, 1, 0, 0, 0 },
		{ 4096, 1, 0, 4096, 0 },
		{ BIG, 4096, 0, BIG, 0 },
		{ BIG, 4096, ZC_SEND_COPY, 0, 1 },
		{ BIG, ~0ULL, 0, 0, 0 },
		{ 1000, 4096, ZC_SEND_COPY, 0, 0 },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(NULL);
		add_range(&a, 0, t[i].len);
		call_for("a");
		s.flags = t[i].flags;
		s.threshold = t[i].threshold;
		note();
		is_int(go(), 0, "a range");
		is_int(since(ZC_C_SPLICED_BYTES), SPLICED(t[i].spliced), "by reference");
		is_int(since(ZC_C_COPIED_BYTES), t[i].len - SPLICED(t[i].spliced), "by copy");
		is_int(since(ZC_C_FALLBACKS), t[i].asked + MISSED(t[i].spliced), "a fallback");
		is_int(since(ZC_C_FALLBACKS_ASKED), t[i].asked, "that was asked for");
		is_int(since(ZC_C_SENDS), 1, "a send");
		is_int(since(ZC_C_HITS), 1, "a hit");
		pair_arrived(&p, "it");
	}
	/* each range by itself, and what is no range is copied */
	message(NULL);
	add_inline(0, 65536);
	add_header(&a);
	add_range(&a, 5, 70000);
	add_range(&a, 5, 4000);
	note();
	sent_whole("a", 0, "ranges by both ways");
	is_int(since(ZC_C_SPLICED_BYTES), SPLICED(70000), "by reference");
	is_int(since(ZC_C_COPIED_BYTES), 65536 + HEADER + 74000 - SPLICED(70000), "by copy");
	/* few bytes of a large object, in this call */
	message(NULL);
	add_range(&a, 5, 70000);
	call_for("a");
	s.skip = 68000;
	note();
	is_int(go(), 0, "the end of a range");
	is_int(since(ZC_C_COPIED_BYTES), 2000, "by copy");
	is_int(since(ZC_C_HITS), 0, "what goes on is no hit");
	p.want_len = -1;
	pair_arrived(&p, "it");
	/* an object that is as small goes by reference as a whole */
	message(NULL);
	add_to_end(&tiny, 0);
	call_for("tiny");
	s.threshold = 1;
	note();
	is_int(go(), 0, "a small object");
	is_int(since(ZC_C_SPLICED_BYTES), SPLICED(100), "by reference");
	pair_arrived(&p, "it");
}

static void many_parts(void)
{
	unsigned int i;

	message(NULL);
	for (i = 0; i < ZC_PARTS_MAX; i++) {
		if (i % 8 == 1)
			add_header(&a);
		else if (i % 8 == 3)
			add_inline(i, 0);
		else if (i % 8 == 5)
			add_inline(i, 1000);
		else
			add_range(&a, 500 * (i % 3), i % 8 == 6 ? 0 : 66000 + i);
	}
	sent_whole("a", 0, "as many as there can be");
	message(NULL);
	for (i = 0; i < ZC_PARTS_MAX; i++)
		add_inline(i * 1024, 1024);
	sent_whole("tiny", 0, "the most inline bytes");
	message(NULL);
	for (i = 0; i < ZC_PARTS_MAX / 2; i++) {
		const struct object *o = i % 3 == 0 ? &a : i % 3 == 1 ? &b : &tiny;

		add_select(o->key, i % 2 ? o->generation : 0);
		add_range(o, i, o->len / (i + 2));
	}
	sent_whole("empty", 0, "as many selections");
}

static void selections(void)
{
	struct object newer = { "b", 9, 70000, 5, NULL, 0, 0, NULL, "" };
	int fd = open_key("b"), fd_tiny = open_key("tiny");

	message(NULL);
	add_inline(0, 5);
	add_header(&a);
	add_range(&a, 4095, 100000);
	add_select("b", 0);
	add_header(&b);
	add_to_end(&b, 1);
	add_select("tiny", tiny.generation);
	add_range(&tiny, 10, 80);
	add_select("empty", 0);
	add_header(&empty);
	add_to_end(&empty, 0);
	add_select("a", 0);
	add_suffix(&a, 70000);
	add_select("b", 0);
	note();
	sent_whole("a", 0, "several objects");
	is_int(since(ZC_C_HITS), 6, "each was found");
	is_int(s.generation, a.generation, "the call's own version");
	is_int(part[3].generation, b.generation, "that of a part");
	is_int(part[6].generation, tiny.generation, "of another");
	is_int(part[13].generation, b.generation, "of one that was not used");
	is_int(part[4].generation, 0, "of what is none");
	/* by fd: its version, also when there is another, or none */
	put(&newer);
	is_int(drop("tiny"), 0, "deleted");
	message(NULL);
	add_select_fd(fd, 0);
	add_header(&b);
	add_to_end(&b, 0);
	add_select_fd(fd_tiny, tiny.generation);
	add_suffix(&tiny, 99);
	add_select("b", 0);
	add_header(&newer);
	add_range(&newer, 0, newer.len);
	sent_whole("a", 0, "objects by fd");
	is_int(part[0].generation, b.generation, "the version of the fd");
	is_int(part[5].generation, newer.generation, "and the newer one");
	message(NULL);
	add_select_fd(fd, newer.generation);
	refused(ESTALE, "a version that the fd has not");
	message(NULL);
	close(fd_tiny);
	add_select_fd(fd_tiny, 0);
	refused(EBADF, "a closed fd");
	close(fd);
	free(newer.data);
	put(&b);
	put(&tiny);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Another object that cannot be had, or not so: nothing of the message goes. */
static void refusals(void)
{
	struct object old = { "old", 7, 70000, 10, NULL, now() - 1, 0, NULL, "" };
	static const struct {
		struct zc_part part;
		int err;
	} t[] = {
		{ { .type = 0 }, EINVAL },
		{ { .type = 5 }, EINVAL },
		{ { .type = ZC_PART_INLINE, .flags = 1, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_INLINE, .offset = 1, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_INLINE, .length = 1 }, EFAULT },
		{ { .type = ZC_PART_INLINE, .addr = 1, .length = ZC_INLINE_BYTES_MAX + 1 }, EMSGSIZE },
		{ { .type = ZC_PART_INLINE, .addr = 1, .length = ~0ULL }, EMSGSIZE },
		{ { .type = ZC_PART_INLINE, .generation = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .offset = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .flags = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = 3 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = 4 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .offset = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .generation = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .length = BIG + 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = BIG + 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = 1, .length = ~0ULL }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = BIG + 1, .flags = ZC_PART_TO_END }, ERANGE },
		{ { .type = ZC_PART_SELECT }, EINVAL },
		{ { .type = ZC_PART_SELECT, .length = 1 }, EFAULT },
		{ { .type = ZC_PART_SELECT, .length = 1ULL << 32 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .length = ZC_KEY_MAX + 1, .addr = 1 }, ENAMETOOLONG },
		{ { .type = ZC_PART_SELECT, .flags = 2 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .offset = 1, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = 1ULL << 31 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = 1 << 20 }, EBADF },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .length = 1 }, EINVAL },
	};
	char name[80];
	size_t i;

	put(&old);
	note();
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(NULL);
		add_range(&a, 0, 100000);
		part[nr++] = t[i].part;
		snprintf(name, sizeof(name), "part %zu", i);
		refused(t[i].err, name);
	}
	is_int(since(ZC_C_HITS), 0, "a message that cannot be is no hit");
	message(NULL);
	add_range(&a, 0, 100000);
	add_select("none", 0);
	refused(ENOENT, "a key that is not there");
	message(NULL);
	add_range(&a, 0, 100000);
	add_select("b", b.generation + 1);
	refused(ESTALE, "a version that is not there");
	message(NULL);
	add_range(&a, 0, 100000);
	add_select("tiny", 0);
	add_header(&tiny);
	refused(ENODATA, "a header that is not there");
	message(NULL);
	add_select("old", 0);
	add_to_end(&old, 0);
	note();
	call_for("a");
	is_int(go(), -ENOENT, "one that has expired");
	is_int(since(ZC_C_EXPIRED), 1, "counted so");
	is_int(since(ZC_C_MISSES), 1, "and as a miss");
	is_int(since(ZC_C_SENDS_FAILED), 0, "but not as a send");
	sent_whole("a", ZC_SEND_EXPIRED_OK, "if it may have");
	is_int(s.state, 0, "the state is that of the call's own object");
	message(NULL);
	add_to_end(&old, 0);
	call_for("old");
	is_int(go(), -ENOENT, "the call's own has expired");
	sent_whole("old", ZC_SEND_EXPIRED_OK, "if it may have");
	is_int(s.state, ZC_STATE_EXPIRED, "that is told");
	message(NULL);
	add_to_end(&a, 0);
	add_to_end(&a, 0);
	nr = 0;
	refused(EINVAL, "no part");
	message(NULL);
	nr = ZC_PARTS_MAX + 1;
	refused(EINVAL, "too many parts");
	free(old.data);
}

static void wrong_calls(void)
{
	static const struct {
		struct zc_send change;
		int err;
	} t[] = {
		{ { .flags = 1U << 8 }, EINVAL },
		{ { .__reserved = 1 }, EINVAL },
		{ { .pinned = 1 }, EINVAL },
		{ { .fd = 5 }, EINVAL },
		{ { .flags = ZC_SEND_FD }, EINVAL },
		{ { .etag_len = 4 }, EINVAL },
		{ { .etag = 4 }, EINVAL },
		{ { .flags = ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH, .etag = 1, .etag_len = 1 },
		  EINVAL },
		{ { .flags = ZC_SEND_IF_MATCH, .etag = 1 }, EINVAL },
		{ { .flags = ZC_SEND_IF_MATCH, .etag = 1, .etag_len = ZC_ETAG_MAX + 1 }, EINVAL },
		{ { .flags = ZC_SEND_IF_MATCH, .etag_len = 1 }, EFAULT },
		{ { .skip = 100001 }, ERANGE },
		{ { .skip = ~0ULL }, ERANGE },
		{ { .generation = 1ULL << 40 }, ESTALE },
	};
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(NULL);
		add_range(&a, 0, 100000);
		call_for("a");
		s.flags = t[i].change.flags;
		s.__reserved = t[i].change.__reserved;
		s.pinned = t[i].change.pinned;
		s.fd = t[i].change.fd;
		s.etag = t[i].change.etag;
		s.etag_len = t[i].change.etag_len;
		s.skip = t[i].change.skip;
		s.generation = t[i].change.generation;
		snprintf(name, sizeof(name), "call %zu", i);
		is_int(go(), -t[i].err, name);
		p.want_len = 0;
		pair_arrived(&p, "nothing");
	}
	message(NULL);
	add_range(&a, 0, 10);
	call_for("a");
	s.parts = 0;
	is_int(go(), -EFAULT, "no address of parts");
	call_for("a");
	s.key_len = 0;
	is_int(go(), -EINVAL, "an empty key");
	s.key_len = ZC_KEY_MAX + 1;
	is_int(go(), -ENAMETOOLONG, "a key too long");
	call_for("none");
	note();
	is_int(go(), -ENOENT, "no such key");
	is_int(since(ZC_C_MISSES), 1, "is a miss");
	s.skip = 1;
	is_int(go(), -ENOENT, "no such key any more");
	is_int(since(ZC_C_MISSES), 1, "is none of its own");
	p.want_len = 0;
	pair_arrived(&p, "nothing");
}

static void versions(void)
{
	struct object newer = { "a", 5, 100000, 0, "\"v2\"", 0, 0, NULL, "" };
	int fd = open_key("a");

	put(&newer);
	message(NULL);
	add_range(&a, 0, 10);
	call_for("a");
	s.generation = a.generation;
	is_int(go(), -ESTALE, "another version");
	p.want_len = 0;
	pair_arrived(&p, "nothing");
	message(NULL);
	add_header(&a);
	add_to_end(&a, 5);
	call_for(NULL);
	s.fd = fd;
	s.generation = a.generation;
	is_int(go(), 0, "the fd has it");
	is_int(s.data_len, BIG, "with its size");
	pair_arrived(&p, "it");
	message(NULL);
	add_range(&newer, 0, 10);
	sent_whole("a", 0, "the newer one");
	is_int(s.generation, newer.generation, "and its version");
	message(NULL);
	close(fd);
	add_inline(0, 1);
	call_for(NULL);
	s.fd = fd;
	is_int(go(), -EBADF, "a closed fd");
	s.fd = p.sock;
	is_int(go(), -EINVAL, "a fd of something else");
	p.want_len = 0;
	pair_arrived(&p, "nothing");
	free(newer.data);
	put(&a);
}

static int on_tag(const char *key, unsigned int flags, const char *etag, size_t len)
{
	call_for(key);
	s.flags = flags;
	s.etag = zc_ptr(etag);
	s.etag_len = len;
	return go();
}

static void conditions(void)
{
	static const struct {
		unsigned int flag;
		const char *etag;
		size_t len;
		bool holds;
	} t[] = {
		{ ZC_SEND_IF_MATCH, "\"v1\"", 4, true },
		{ ZC_SEND_IF_MATCH, "\"v2\"", 4, false },
		{ ZC_SEND_IF_MATCH, "\"v1\"", 3, false },
		{ ZC_SEND_IF_MATCH, "\"v1\"\0", 5, false },
		{ ZC_SEND_IF_MATCH, "\"V1\"", 4, false },
		{ ZC_SEND_IF_NONE_MATCH, "\"v1\"", 4, false },
		{ ZC_SEND_IF_NONE_MATCH, "\"v2\"", 4, true },
		{ ZC_SEND_IF_NONE_MATCH, "\"v1\"", 3, true },
	};
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		message(NULL);
		add_inline(0, 4);
		add_to_end(&a, 0);
		note();
		is_int(on_tag("a", t[i].flag | ZC_SEND_PIN, t[i].etag, t[i].len),
		       t[i].holds ? 0 : -ECANCELED, "a condition");
		is_int(since(ZC_C_CONDITIONS_FAILED), !t[i].holds, "counted");
		is_int(since(ZC_C_HITS), 1, "a hit in any case");
		is_int(since(ZC_C_SENDS), t[i].holds, "sent, or not");
		is_int(s.generation, a.generation, "the version is told");
		is_int(s.data_len, BIG, "and the size");
		is_int(s.pinned, t[i].holds ? -1 : 0, "no fd");
		if (!t[i].holds)
			p.want_len = 0;
		pair_arrived(&p, "it");
	}
	/* an object without a tag has none that could match */
	message(NULL);
	add_to_end(&tiny, 0);
	is_int(on_tag("tiny", ZC_SEND_IF_MATCH, "x", 1), -ECANCELED, "no tag matches");
	is_int(on_tag("tiny", ZC_SEND_IF_NONE_MATCH, "x", 1), 0, "none is none");
	pair_arrived(&p, "it");
	/* what comes before the condition, and what after it */
	message(NULL);
	part[nr++] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = BIG + 1 };
	is_int(on_tag("a", ZC_SEND_IF_MATCH, "x", 1), -ECANCELED, "ranges come after it");
	is_int(on_tag("a", ZC_SEND_IF_MATCH, "\"v1\"", 4), -ERANGE, "and then they do");
	is_int(on_tag("none", ZC_SEND_IF_MATCH, "x", 1), -ENOENT, "keys before it");
	pair_arrived(&p, "nothing");
}

/* The way that is asked for, for what is not small. */
static void send_paths(void)
{
	static const int path[] = {
		ZC_XFER_URING, ZC_XFER_MMAP, ZC_XFER_READ, ZC_XFER_SENDFILE, ZC_XFER_AUTO,
	};
	size_t i;

	for (i = 0; i < sizeof(path) / sizeof(path[0]); i++) {
		is_int(zc_send_path(cache, path[i]), 0, "a way");
		message(NULL);
		add_header(&a);
		add_to_end(&a, 0);
		call_for("a");
		note();
		is_int(go(), 0, "a message");
		is_int(since(ZC_C_SENDS), 1, "in one call");
		if (path[i] == ZC_XFER_MMAP || path[i] == ZC_XFER_READ)
			is_int(since(ZC_C_SPLICED_BYTES), 0, "by copy");
		if (path[i] == ZC_XFER_SENDFILE || path[i] == ZC_XFER_AUTO)
			is_int(since(ZC_C_SPLICED_BYTES), SPLICED(BIG), "by reference");
		pair_arrived(&p, "it");
	}
	is_int(zc_send_path(cache, ZC_XFER_SPLICE), -EINVAL, "that is for no socket");
	is_int(zc_send_path(cache, -2), -EINVAL, "nor is that a way");
}

int main(void)
{
	begin();
	one_of_each();
	ranges();
	thresholds();
	send_paths();
	many_parts();
	selections();
	refusals();
	wrong_calls();
	versions();
	conditions();
	family = AF_INET6;
	one_of_each();
	return end();
}
