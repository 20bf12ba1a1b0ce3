/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of zc_send() and the bytes that must arrive, which grow together; for the
 * programs that test sending from a mirror.
 */
#ifndef MIRROR_MSG_H
#define MIRROR_MSG_H

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "mirror_util.h"
#include "sockets.h"
#include "tap.h"
#include "util.h"

#define BIG	(3 * 1024 * 1024 + 77)
#define HEADER	300

/**
 * struct object - what the store has of a key
 * @key: the key
 * @seed: its bytes follow from it
 * @len: how many
 * @header_len: bytes of its header blob
 * @etag: its entity tag, or NULL
 * @expires_ns: as in struct zc_put
 * @generation: once it is put
 * @data: its bytes
 * @header: its header blob
 */
struct object {
	const char *key;
	unsigned int seed;
	size_t len;
	size_t header_len;
	const char *etag;
	int64_t expires_ns;
	uint64_t generation;
	char *data;
	char header[ZC_HEADER_MAX];
};

static struct object a = { "a", 1, BIG, HEADER, "\"v1\"", 0, 0, NULL, "" };
static struct object b = { "b", 2, 200001, 17, NULL, 0, 0, NULL, "" };
static struct object tiny = { "tiny", 3, 100, 0, NULL, 0, 0, NULL, "" };
static struct object empty = { "empty", 4, 0, 40, NULL, 0, 0, NULL, "" };

static struct zc_cache *cache;
static struct pair p;
static int family = AF_INET;
static struct zc_part part[ZC_PARTS_MAX + 1];
static unsigned int nr;
static char text[ZC_INLINE_BYTES_MAX + 1];
static struct zc_send s;
static uint64_t before[ZC_C_NR];

static inline void put(struct object *o)
{
	struct zc_put put = {
		.key = zc_ptr(o->key), .key_len = strlen(o->key), .data_len = o->len,
		.header = zc_ptr(o->header), .header_len = o->header_len,
		.etag = zc_ptr(o->etag), .etag_len = o->etag ? strlen(o->etag) : 0,
		.expires_ns = o->expires_ns,
	};

	o->data = realloc(o->data, o->len + 1);
	fill_pattern(o->data, o->len, o->seed);
	fill_pattern(o->header, o->header_len, o->seed + 1000);
	put.data = zc_ptr(o->data);
	is_int(zc_put(cache, &put), 0, "put");
	o->generation = put.generation;
}

static inline int drop(const char *key)
{
	struct zc_delete d = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_delete(cache, &d);
}

static inline int open_key(const char *key)
{
	struct zc_open o = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_open_object(cache, &o);
}

/* --- messages: parts and the bytes that must arrive grow together */

static inline void message(const struct pair_way *way)
{
	pair_new(&p, family, way);
	nr = 0;
}

static inline void add(const struct zc_part *new, const void *bytes, size_t len)
{
	part[nr++] = *new;
	pair_want(&p, bytes, len);
}

static inline void add_inline(size_t at, size_t len)
{
	add(&(struct zc_part){ .type = ZC_PART_INLINE, .addr = zc_ptr(text + at), .length = len },
	    text + at, len);
}

static inline void add_header(const struct object *o)
{
	add(&(struct zc_part){ .type = ZC_PART_HEADER }, o->header, o->header_len);
}

static inline void add_range(const struct object *o, size_t at, size_t len)
{
	add(&(struct zc_part){ .type = ZC_PART_OBJECT, .offset = at, .length = len },
	    o->data + at, len);
}

static inline void add_to_end(const struct object *o, size_t at)
{
	add(&(struct zc_part){ .type = ZC_PART_OBJECT, .offset = at, .flags = ZC_PART_TO_END },
	    o->data + at, o->len - at);
}

static inline void add_suffix(const struct object *o, uint64_t len)
{
	size_t most = len < o->len ? len : o->len;

	add(&(struct zc_part){ .type = ZC_PART_OBJECT, .length = len, .flags = ZC_PART_SUFFIX },
	    o->data + o->len - most, most);
}

static inline void add_select(const char *key, uint64_t generation)
{
	add(&(struct zc_part){ .type = ZC_PART_SELECT, .addr = zc_ptr(key),
			       .length = strlen(key), .generation = generation }, NULL, 0);
}

static inline void add_select_fd(int fd, uint64_t generation)
{
	add(&(struct zc_part){ .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = fd,
			       .generation = generation }, NULL, 0);
}

/* The call for the message: by key, or by an fd that is still to be given. */
static inline void call_for(const char *key)
{
	s = (struct zc_send){
		.flags = key ? 0 : ZC_SEND_FD, .key = zc_ptr(key),
		.key_len = key ? strlen(key) : 0, .sock = p.sock, .nr_parts = nr,
		.parts = zc_ptr(part),
	};
}

static bool untouched;

/* The call. One that fails leaves its argument alone, but for what ECANCELED tells. */
static inline int go(void)
{
	struct zc_send old = s;
	int err;

	err = zc_send(cache, &s);
	if (!err)
		return 0;
	old.size = s.size;
	if (err == -ECANCELED) {
		old.generation = s.generation;
		old.data_len = s.data_len;
		old.state = s.state;
	}
	untouched &= !memcmp(&old, &s, sizeof(s));
	return err;
}

static inline void note(void)
{
	zc_counters(cache, before, ZC_C_NR);
}

static inline int64_t since(enum zc_counter c)
{
	return counted(cache, c) - before[c];
}

/* All of it goes in one call, and arrives. */
static inline void sent_whole(const char *key, unsigned int flags, const char *name)
{
	call_for(key);
	s.flags |= flags;
	is_int(go(), 0, name);
	is_int(s.sent, p.want_len, "all bytes went");
	is_int(s.total, p.want_len, "and were all");
	pair_arrived(&p, "it");
}

/* Nothing of it goes. */
static inline void refused(int err, const char *name)
{
	call_for("a");
	is_int(go(), -err, name);
	p.want_len = 0;
	pair_arrived(&p, "nothing");
}

/* The mirror with its objects, and its end. */
static inline void begin(void)
{
	static const struct zc_mirror_conf conf = {
		.size = sizeof(conf), .splice_threshold = 4096, .grace_ms = 3600000,
	};

	untouched = true;
	fill_pattern(text, sizeof(text), 50);
	cache = mirror_new("m", &conf);
	put(&a);
	put(&b);
	put(&tiny);
	put(&empty);
}

static inline int end(void)
{
	ok(untouched, "calls that failed left their arguments alone");
	zc_close(cache);
	free(a.data);
	free(b.data);
	free(tiny.data);
	free(empty.data);
	return tap_end();
}

#endif /* MIRROR_MSG_H */
