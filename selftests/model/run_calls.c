// SPDX-License-Identifier: GPL-2.0-only
/* Each operation as a call on one store, and its answer in words that all share. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "run_int.h"

#define BOGUS		UINT64_MAX
#define SECOND		1000000000LL
#define YEAR		(365 * 86400 * SECOND)

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* --- what operations are made of */

struct run_key run_key(unsigned int i)
{
	static unsigned char name[11][ZC_KEY_MAX + 8];
	static const char *const names[] = { "a", "a/b", "a/b/c", "a/bc", "b", "\xff" };
	static uint32_t lens[11];

	if (!lens[0]) {
		for (i = 0; i < 6; i++) {
			lens[i] = strlen(names[i]);
			memcpy(name[i], names[i], lens[i]);
		}
		/* "", with zeros in it; long ones, of which one is the other's beginning */
		lens[6] = 1;
		memcpy(name[7], "a\0b", lens[7] = 3);
		run_pattern(name[8], lens[8] = 200, 1);
		run_pattern(name[9], lens[9] = ZC_KEY_MAX, 1);
		run_pattern(name[10], lens[10] = ZC_KEY_MAX + 1, 1);
		return run_key(0);
	}
	return (struct run_key){ name[i % 11], lens[i % 11] };
}

unsigned int run_derive(unsigned int seed, unsigned int i, unsigned int below)
{
	uint64_t state = ((uint64_t)seed << 20 | i) * 0x9e3779b97f4a7c15ULL + 1;

	op_draw(&state, 2);
	return op_draw(&state, below);
}

void run_pattern(void *buf, size_t len, unsigned int seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ULL + 1, word;
	unsigned char *p = buf;
	size_t n;

	for (; len; p += n, len -= n) {
		n = len < sizeof(word) ? len : sizeof(word);
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		word = state * 2685821657736338717ULL;
		memcpy(p, &word, n);
	}
}

int64_t run_time(const struct run *r, unsigned int i)
{
	const int64_t times[] = {
		0,
		/* What expired longer ago than the store's grace leaves at any time. */
		r->began_ns - 10 * SECOND,
		r->began_ns + 100 * YEAR,
		INT64_MAX,
		-1,
	};

	return times[i % 5];
}

uint64_t run_time_out(const struct run *r, int64_t t)
{
	int64_t ttl = r->conf->store.default_ttl_ms * 1000000, now = now_ns();

	if (t >= r->began_ns && t <= now)
		return 1;
	if (ttl && t >= r->began_ns + ttl && t <= now + ttl)
		return 2;
	return t;
}

void run_etag(unsigned int which, const unsigned char **etag, uint32_t *len)
{
	static const uint32_t lens[] = { 0, 2, 2, ZC_ETAG_MAX };
	static unsigned char etags[4][ZC_ETAG_MAX];

	run_pattern(etags[which % 4], ZC_ETAG_MAX, 77 + which % 4);
	*etag = etags[which % 4];
	*len = lens[which % 4];
}

uint64_t run_choose_generation(const struct run *r, unsigned int gen, unsigned int key)
{
	struct model *m = r->subject[0].model;
	struct run_key k = run_key(key);

	switch (gen) {
	case 0:
		return 0;
	case 1:
		return BOGUS;
	case 2:
		return model_generation(m, k.bytes, k.len) ?: BOGUS;
	default:
		return model_newest(m) > gen - 3 ? model_newest(m) - (gen - 3) : BOGUS;
	}
}

/* --- answers */

void run_say(struct answer *a, const char *name, uint64_t value)
{
	if (a->nr == sizeof(a->said) / sizeof(a->said[0]))
		abort();
	a->said[a->nr].name = name;
	a->said[a->nr++].value = value;
}

void run_say_bytes(struct answer *a, const void *bytes, size_t len)
{
	a->bytes = realloc(a->bytes, a->len + len + 1);
	if (!a->bytes)
		abort();
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

/*
 * Generations are compared by their order: a version is the n-th of its store, and
 * what a store calls it is its own business.
 */
uint64_t run_generation_in(const struct subject *s, uint64_t generation)
{
	if (!generation || generation > s->nr_generations)
		return generation;
	return s->generation[generation - 1];
}

void run_say_generation(struct answer *a, const struct subject *s, uint64_t generation)
{
	unsigned int i;

	for (i = s->nr_generations; i > 0; i--)
		if (s->generation[i - 1] == generation)
			break;
	run_say(a, "generation", i ? i : generation ? BOGUS : 0);
}

void run_add_generation(struct subject *s, uint64_t generation)
{
	unsigned int n = s->nr_generations;

	s->generation = realloc(s->generation, (n + 1) * sizeof(*s->generation));
	if (!s->generation)
		abort();
	s->generation[n] = generation;
	s->nr_generations++;
}

static void say_new_generation(struct answer *a, struct subject *s, uint64_t generation)
{
	unsigned int n = s->nr_generations;

	run_say(a, "generation above those before",
		generation && generation != BOGUS && (!n || generation > s->generation[n - 1]));
	run_add_generation(s, generation);
}

void run_take_fd(struct run *r, struct subject *s, unsigned int slot, int fd)
{
	if (r->open[slot])
		s->calls->close(s, s->fd[slot]);
	s->fd[slot] = fd;
	r->taken = slot;
}

/* --- the calls, one after the other */

void run_spoil_key(unsigned int bad, __u64 *key, __u32 *key_len)
{
	struct run_key k = run_key(10);

	if (bad == 1) {
		*key_len = 0;
	} else if (bad == 2) {
		*key = run_addr(k.bytes);
		*key_len = k.len;
	}
}

static void spoil_put(unsigned int bad, struct zc_put *p)
{
	static uint64_t tags[ZC_TAGS_MAX + 1] = { 5, 6, 5, 8, 9, 10, 11, 12, 13 };
	static const uint64_t no_tag[1];

	run_spoil_key(bad, &p->key, &p->key_len);
	switch (bad) {
	case 3:
		p->flags |= 0x100;
		break;
	case 4:
		p->header_len = ZC_HEADER_MAX + 1;
		break;
	case 5:
		p->etag_len = ZC_ETAG_MAX + 1;
		break;
	case 6:
		p->type_len = ZC_TYPE_MAX + 1;
		break;
	case 7:
	case 8:
		/* too many; one twice */
		p->tags = run_addr(tags);
		p->nr_tags = bad == 7 ? ZC_TAGS_MAX + 1 : 3;
		break;
	case 9:
		p->tags = run_addr(no_tag);
		p->nr_tags = 1;
		break;
	case 10:
		p->expires_ns = -1;
		break;
	case 11:
		p->fd = 1;
		break;
	case 12:
		p->__reserved = 1;
		break;
	case 13:
		p->__reserved2 = 1;
		break;
	case 14:
		p->flags |= 0x80000000;
		break;
	case 15:
		p->data_len = 1 << 20;
		break;
	}
}

const uint64_t run_tags[4] = { 1, 7, UINT64_MAX, 42 };

static void make_put(const struct run *r, struct zc_put *p)
{
	static unsigned char header[ZC_HEADER_MAX], type[ZC_TYPE_MAX];
	static const uint32_t header_lens[] = { 0, 1, 100, ZC_HEADER_MAX };
	static const uint32_t type_lens[] = { 0, 9, ZC_TYPE_MAX };
	static uint64_t tags[ZC_TAGS_MAX];
	const struct op *op = r->op;
	struct run_key k = run_key(op->key % 10);
	const unsigned char *etag;
	unsigned int i;

	run_pattern(header, sizeof(header), op->seed + 1);
	run_pattern(type, sizeof(type), op->seed + 2);
	run_etag(op->blobs / 4, &etag, &p->etag_len);
	p->flags = op->flags;
	p->key = run_addr(k.bytes);
	p->key_len = k.len;
	p->etag = run_addr(etag);
	p->header = run_addr(header);
	p->header_len = header_lens[op->blobs % 4];
	p->type = run_addr(type);
	p->type_len = type_lens[op->blobs / 16 % 3];
	p->expires_ns = run_time(r, op->expires);
	p->data_len = op->len;
	p->tags = run_addr(tags);
	/* Tags have room of their own where nobody can say how much. */
	for (i = 0; i < 4 && !r->conf->store.follows; i++)
		if (op->tags & 1 << i)
			tags[p->nr_tags++] = run_tags[op->seed & 1 ? i : 3 - i];
}

static void do_put(struct run *r, struct subject *s, struct answer *a)
{
	struct zc_put p = { 0 };

	make_put(r, &p);
	p.data = run_addr(r->data);
	spoil_put(r->op->bad, &p);
	RUN_CALL(a, s->calls->put(s, &p), &p, false);
	if (!a->err)
		say_new_generation(a, s, p.generation);
}

static void do_fill(struct run *r, struct subject *s, struct answer *a)
{
	struct zc_put p = { 0 };

	make_put(r, &p);
	spoil_put(r->op->bad, &p);
	RUN_CALL(a, s->calls->fill(s, &p), &p, false);
	if (a->err >= 0) {
		run_say(a, "fd", a->err == p.fd);
		run_take_fd(r, s, run_fill_slot(r->op), run_fd_out(a, p.fd));
	}
}

/* Of all of it, or of @parts pieces but for the one that is left out. */
static void do_write(struct run *r, struct subject *s, struct answer *a)
{
	const struct op *op = r->op;
	unsigned int slot = run_fill_slot(op), parts = op->parts, i, piece;
	uint64_t size = model_fill_len(r->subject[0].model, r->subject[0].fd[slot]);
	uint64_t from, to;

	if (!parts) {
		from = op->off < size ? op->off : size;
		to = from + (op->len < size - from ? op->len : size - from);
		if (to > from)
			run_say(a, "written", s->calls->write(s, s->fd[slot], r->data + from,
							      to - from, from));
		return;
	}
	for (i = 0; i < parts; i++) {
		/* an order that is not theirs: 7 and 11 divide no small number of pieces */
		piece = (i * (parts % 7 ? 7 : 11) + op->seed) % parts;
		if (piece + 1 == op->skip)
			continue;
		from = size * piece / parts;
		to = size * (piece + 1) / parts;
		if (to > from)
			run_say(a, "written", s->calls->write(s, s->fd[slot], r->data + from,
							      to - from, from));
	}
}

static void do_commit(struct run *r, struct subject *s, struct answer *a)
{
	uint64_t generation = 12345;

	a->err = s->calls->commit(s, s->fd[run_fill_slot(r->op)], &generation);
	if (!a->err)
		say_new_generation(a, s, generation);
	else
		run_say(a, "argument left alone", generation == 12345);
}

static void do_close(struct run *r, struct subject *s, struct answer *a)
{
	unsigned int slot = r->op->slot % SLOTS;

	s->calls->close(s, s->fd[slot]);
	s->fd[slot] = -1;
	run_say(a, "closed", slot);
}

/* Names the object by key, or by the fd of a slot, which may have none. */
#define NAME(r, s, arg, with_fd) \
	do { \
		const struct op *_op = (r)->op; \
		struct run_key _k = run_key(_op->key % 10); \
		(arg)->flags = _op->flags; \
		(arg)->generation = run_generation_in(s, (r)->generation); \
		if (with_fd) { \
			(arg)->fd = (s)->fd[run_object_slot(_op)]; \
		} else { \
			(arg)->key = run_addr(_k.bytes); \
			(arg)->key_len = _k.len; \
			run_spoil_key(_op->bad, &(arg)->key, &(arg)->key_len); \
		} \
		if (_op->bad == 3) \
			(arg)->flags |= 0x100; \
		if (_op->bad == 4 && !(with_fd)) \
			(arg)->fd = 3; \
		if (_op->bad == 5 && (with_fd)) \
			(arg)->key_len = 1; \
		if (_op->bad == 6 && (with_fd)) \
			(arg)->fd = (s)->fd[run_fill_slot(_op)]; \
		if (_op->bad == 9 && (with_fd)) \
			(arg)->fd = (s)->foreign; \
	} while (0)

static int compare_tags(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void do_stat(struct run *r, struct subject *s, struct answer *a)
{
	static unsigned char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	uint64_t tags[ZC_TAGS_MAX] = { 0 };
	unsigned int rooms = r->op->blobs;
	struct zc_stat st = { 0 };

	NAME(r, s, &st, r->op->flags & ZC_STAT_FD);
	st.header = run_addr(header);
	st.etag = run_addr(etag);
	st.type = run_addr(type);
	st.tags = run_addr(tags);
	/* all that there may be, too little, or none */
	st.header_len = (const uint32_t[]){ sizeof(header), 1, 0 }[rooms % 3];
	st.etag_len = (const uint32_t[]){ sizeof(etag), 1, 0 }[rooms / 3 % 3];
	st.type_len = (const uint32_t[]){ sizeof(type), 1, 0 }[rooms / 9 % 3];
	st.nr_tags = (const uint32_t[]){ ZC_TAGS_MAX, 1, 0 }[rooms / 27 % 3];
	memset(header, 0xee, sizeof(header));
	memset(etag, 0xee, sizeof(etag));
	memset(type, 0xee, sizeof(type));
	if (r->op->bad == 7)
		st.__reserved = 1;
	if (r->op->bad == 8)
		st.__reserved3 = 1;
	RUN_CALL(a, s->calls->stat(s, &st), &st, a->err == -EMSGSIZE);
	run_say_bytes(a, header, sizeof(header));
	run_say_bytes(a, etag, sizeof(etag));
	run_say_bytes(a, type, sizeof(type));
	/* They are a set. */
	qsort(tags, ZC_TAGS_MAX, sizeof(tags[0]), compare_tags);
	run_say_bytes(a, tags, sizeof(tags));
	if (a->err && a->err != -EMSGSIZE)
		return;
	/*
	 * How much memory it takes, and whether of slab, is the back end's; hits are
	 * approximate.
	 */
	if (r->conf->store.charge)
		run_say(a, "charge", st.charge);
	run_say_generation(a, s, st.generation);
	run_say(a, "data_len", st.data_len);
	run_say(a, "expires_ns", run_time_out(r, st.expires_ns));
	run_say(a, "created_ns since the test began",
		st.created_ns >= r->began_ns - 20000000 && st.created_ns <= now_ns());
	run_say(a, "state", st.state & ~ZC_STATE_INLINE);
	run_say(a, "header_len", st.header_len);
	run_say(a, "etag_len", st.etag_len);
	run_say(a, "type_len", st.type_len);
	run_say(a, "nr_tags", st.nr_tags);
}

static void do_get(struct run *r, struct subject *s, struct answer *a)
{
	static unsigned char buf[DATA_MAX + 64];
	const struct op *op = r->op;
	struct zc_get g = { 0 };
	size_t len;

	NAME(r, s, &g, op->flags & ZC_GET_FD);
	g.offset = op->off;
	g.buf = run_addr(buf);
	g.buf_len = op->len;
	if (!buf[DATA_MAX])
		memset(buf, 0xee, sizeof(buf));
	RUN_CALL(a, s->calls->get(s, &g), &g, false);
	/* And not a byte more; the next one finds all as this one did. */
	len = a->err || g.copied > DATA_MAX ? 64 : g.copied + 64;
	run_say_bytes(a, buf, len);
	memset(buf, 0xee, len);
	if (a->err)
		return;
	run_say_generation(a, s, g.generation);
	run_say(a, "copied", g.copied);
	run_say(a, "data_len", g.data_len);
}

static void do_open(struct run *r, struct subject *s, struct answer *a)
{
	struct zc_open o = { 0 };

	NAME(r, s, &o, false);
	RUN_CALL(a, s->calls->open(s, &o), &o, false);
	if (a->err < 0)
		return;
	run_say(a, "fd", a->err == o.fd);
	run_say_generation(a, s, o.generation);
	run_say(a, "data_len", o.data_len);
	run_take_fd(r, s, run_object_slot(r->op), run_fd_out(a, o.fd));
}

static void do_read(struct run *r, struct subject *s, struct answer *a)
{
	static unsigned char buf[DATA_MAX];
	const struct op *op = r->op;
	int fd = s->fd[run_object_slot(op)];
	int64_t n;

	switch (op->parts % 3) {
	case 0:
		n = s->calls->read(s, fd, buf, op->len < DATA_MAX ? op->len : DATA_MAX, op->off);
		run_say(a, "read", n);
		run_say_bytes(a, buf, n > 0 ? n : 0);
		break;
	case 1:
		n = s->calls->map(s, fd, buf, sizeof(buf));
		run_say(a, "mapped", n);
		run_say_bytes(a, buf, n > 0 ? n : 0);
		break;
	case 2:
		run_say(a, "size", s->calls->size(s, fd));
		break;
	}
}

static void do_info(struct run *r, struct subject *s, struct answer *a)
{
	struct zc_info info = { .flags = r->op->bad == 3, .__reserved = r->op->bad == 4 };

	RUN_CALL(a, s->calls->info(s, &info), &info, false);
	if (a->err)
		return;
	/* What is sent by reference is the back end's, and what is used by how much. */
	run_say(a, "used within the capacity", info.used <= info.capacity);
	if (r->conf->store.charge)
		run_say(a, "used", info.used);
	run_say(a, "abi", info.abi);
	run_say(a, "capacity", info.capacity);
	run_say(a, "objects", info.objects);
	run_say(a, "max_object_size", info.max_object_size);
	run_say(a, "max_key_len", info.max_key_len);
}

static void do_count(struct run *r, struct subject *s, struct answer *a)
{
	const uint64_t *model = model_counters(r->subject[0].model);
	uint64_t c[ZC_C_NR] = { 0 };

	a->err = s->calls->counters(s, c);
	if (a->err)
		return;
#define SAY(counter) run_say(a, "counter " #counter, c[ZC_C_##counter])
	SAY(HITS);
	SAY(MISSES);
	SAY(EXPIRED);
	SAY(PUTS);
	SAY(FILLS);
	SAY(COMMITS);
	/* Where nobody is told of a last close, it counts when somebody looks. */
	if (s->late_aborts && c[ZC_C_ABORTS] < model[ZC_C_ABORTS])
		c[ZC_C_ABORTS] = model[ZC_C_ABORTS];
	SAY(ABORTS);
	SAY(FILL_BYTES);
	SAY(REPLACES);
	SAY(DELETES);
	SAY(EVICTIONS);
	if (r->conf->store.charge || r->conf->store.follows)
		SAY(EVICTED_BYTES);
	SAY(REFUSALS);
	SAY(OPENS);
	SAY(GETS);
	SAY(GET_BYTES);
	SAY(SENDS);
	SAY(SENDS_PARTIAL);
	SAY(SENDS_FAILED);
	SAY(CONDITIONS_FAILED);
	SAY(BATCHES);
	SAY(PURGES);
	SAY(PURGED_OBJECTS);
	SAY(HIT_BYTES);
	SAY(MISS_BYTES);
	/* Which way they go is the back end's, and so why they do not go by reference. */
	run_say(a, "bytes sent", c[ZC_C_SPLICED_BYTES] + c[ZC_C_COPIED_BYTES]);
}

const run_fn run_kinds[OP_KINDS] = {
	[OP_PUT] = do_put, [OP_FILL] = do_fill,
	[OP_WRITE] = do_write, [OP_COMMIT] = do_commit, [OP_CLOSE] = do_close,
	[OP_STAT] = do_stat, [OP_GET] = do_get, [OP_OPEN] = do_open,
	[OP_READ] = do_read, [OP_SEND] = run_send, [OP_BATCH] = run_batch,
	[OP_DELETE] = run_delete, [OP_PURGE] = run_purge, [OP_TOUCH] = run_touch,
	[OP_WAIT] = run_wait, [OP_POLL] = run_poll, [OP_INFO] = do_info,
	[OP_COUNT] = do_count, [OP_REOPEN] = run_reopen,
};
