// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on a mirror and on the model of a store, which have to answer
 * alike; and that such a search finds what is wrong. ZC_MODEL_OPS runs one list,
 * ZCACHE_SEED chooses the lists, ZC_MODEL_LISTS how many.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <zcache.h>

#include "run.h"
#include "tap.h"

static const struct model_conf store = {
	.capacity = 256 << 20, .max_object_size = 70000, .max_key_len = ZC_KEY_MAX,
	.grace_ms = 3600000,
};

static long operations;

/* --- a store that lies once */

struct liar {
	uint64_t touched;	/* a version that was */
	bool lied;
};

static int liar_touch(struct subject *s, struct zc_touch *touch)
{
	struct liar *liar = s->own;
	int err = model_touch(s->model, touch);

	if (!err && touch->flags & ZC_TOUCH_EXPIRES)
		liar->touched = touch->generation;
	return err;
}

/* Byte 1000 of a version that was touched is another than that of before. */
static int liar_get(struct subject *s, struct zc_get *get)
{
	struct liar *liar = s->own;
	int err = model_get(s->model, get);

	if (!err && get->generation == liar->touched && !get->offset && get->copied > 1000 &&
	    !liar->lied) {
		((char *)(uintptr_t)get->buf)[1000] ^= 1;
		liar->lied = true;
	}
	return err;
}

static int liar_start(struct subject *s, const struct model_conf *conf)
{
	static struct calls calls;

	calls = model_calls;
	calls.get = liar_get;
	calls.touch = liar_touch;
	s->calls = &calls;
	s->model = model_new(conf);
	s->foreign = model_foreign(s->model);
	s->own = calloc(1, sizeof(struct liar));
	return s->own ? 0 : -ENOMEM;
}

static void liar_stop(struct subject *s)
{
	model_free(s->model);
	free(s->own);
}

static void a_lie(void)
{
	static const struct maker liar = { .name = "liar", .start = liar_start, .stop = liar_stop };
	const struct run_conf conf = { .makers = &liar, .nr_makers = 1, .store = store };
	struct op ops[400], again[8];
	char text[1000] = "", why[200] = "";
	int nr = 0, i, n = 0, where = 0, found = 0;
	uint64_t state = 1;

	/* a list that is long enough to have one */
	for (i = 0; i < 20 && !found; i++) {
		for (nr = 0; nr < 400; nr++)
			op_random(&ops[nr], &state);
		found = run_ops(&conf, ops, nr, &where, why, sizeof(why));
	}
	is_int(found, 1, "a store that lies once is found out");
	nr = shrink_ops(&conf, ops, where + 1);
	for (i = 0; i < nr && n < 900; i++) {
		n += op_print(&ops[i], text + n, sizeof(text) - n);
		n += snprintf(text + n, sizeof(text) - n, ";");
	}
	is_str(text, "put len=1001;touch flags=1;get len=1001;", "and what it takes is all that is left");
	nr = op_parse(text, again, 8);
	is_int(nr, 3, "the text is a list of operations");
	is_int(run_ops(&conf, again, nr, &where, why, sizeof(why)), 1, "which fails again");
	is_int(where, 2, "at its last one");
	is_str(why, "liar: byte 1000 of 1065 differs from the model's 1065", "with the reason");
	is_int(op_parse("put len=x", again, 8), -1, "other text is refused");
	is_int(op_parse("take len=1", again, 8), -1, "and other words");
}

/* --- a process that lies, and one that dies */

static const struct calls *honest;
/* Who gets as many bytes dies. */
#define LAST_WORDS	4

static int joined_get(struct subject *s, struct zc_get *get)
{
	int err = honest->get(s, get);

	if (!err && get->copied == LAST_WORDS)
		_exit(1);
	if (!err && get->copied)
		*(char *)(uintptr_t)get->buf ^= 1;
	return err;
}

static int liar_join(struct subject *s, const struct model_conf *conf, const char *own)
{
	static struct calls calls;
	int err = mirror_maker.join(s, conf, own);

	if (err)
		return err;
	honest = s->calls;
	calls = *honest;
	calls.get = joined_get;
	s->calls = &calls;
	return 0;
}

static void shared_lie(void)
{
	const struct maker liar = {
		.name = "liar", .start = mirror_maker.start, .stop = mirror_maker.stop,
		.join = liar_join, .leave = mirror_maker.leave,
	};
	const struct run_conf conf = {
		.makers = &liar, .nr_makers = 1, .processes = 3, .store = store,
	};
	struct op ops[8];
	char why[200] = "";
	int nr, where = 0;

	/* the first one gets it right, the next one does not */
	nr = op_parse("put len=9;info;info;get len=9;get len=9;get len=9", ops, 8);
	is_int(run_ops(&conf, ops, nr, &where, why, sizeof(why)), 1, "one of several lies");
	is_int(where, 4, "when it is its turn");
	is_str(why, "process 1: liar: byte 0 of 73 differs from the model's 73", "and is named");
	nr = op_parse("put len=4;get len=4;get len=4", ops, 8);
	is_int(run_ops(&conf, ops, nr, &where, why, sizeof(why)), 1, "one of several dies");
	is_int(where, 1, "when it is its turn");
	is_str(why, "process 1 is gone", "and is missed");
}

/* Of a hundred lists, so many. */
static void mirror(const char *name, unsigned int percent, const struct model_conf *has,
		   unsigned int processes)
{
	const char *lists = getenv("ZC_MODEL_LISTS"), *seed = getenv("ZCACHE_SEED");
	const struct run_conf conf = {
		.makers = &mirror_maker, .nr_makers = 1, .processes = processes, .store = *has,
	};
	const struct search what = {
		.seed = seed ? strtoul(seed, NULL, 0) : (unsigned int)time(NULL),
		.lists = ((lists ? strtoul(lists, NULL, 0) : 100) * percent + 99) / 100,
		.length = 1024, .seconds = 30 * percent / 100, .name = name,
		.program = program_invocation_name,
	};
	long done;

	done = search(&conf, &what);
	printf("# %ld operations, from ZCACHE_SEED=%u on\n", done, what.seed);
	ok(done > 0, name);
	operations += done;
}

int main(void)
{
	struct model_conf small = store, followed = store;

	a_lie();
	shared_lie();
	small.charge = mirror_charge;
	followed.follows = true;
	mirror("a_mirror", 100, &store, 1);
	mirror("with_little_room", 50, &small, 1);
	mirror("of_several_processes", 30, &store, 3);
	mirror("of_several_with_little_room", 30, &small, 3);
	/* As the module is, of which nobody knows beforehand what an object takes. */
	mirror("followed", 10, &followed, 1);
	/* A module has so much that it comes to that too seldom to ask for it there. */
	ok(operations < 100000 || run_seen[OP_FILL][ENOSPC], "fills found no room");
	/* A short search, or a list of one's own, is not asked for all. */
	ok(operations < 100000 || search_saw_all(), "and was asked all that there is to ask");
	return tap_end();
}
