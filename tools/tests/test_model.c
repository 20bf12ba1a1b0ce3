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
	static const struct maker liar = { "liar", liar_start, liar_stop };
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

static void mirror(void)
{
	static const struct maker maker = { "mirror", mirror_start, mirror_stop };
	const struct run_conf conf = { .makers = &maker, .nr_makers = 1, .store = store };
	const char *lists = getenv("ZC_MODEL_LISTS"), *seed = getenv("ZCACHE_SEED");
	const struct search what = {
		.seed = seed ? strtoul(seed, NULL, 0) : (unsigned int)time(NULL),
		.lists = lists ? strtoul(lists, NULL, 0) : 100, .length = 1024, .seconds = 60,
		.program = program_invocation_name,
	};
	long done = search(&conf, &what);

	printf("# %ld operations, from ZCACHE_SEED=%u on\n", done, what.seed);
	ok(done > 0, "a mirror does what the model does");
	/* A short search, or a list of one's own, is not asked for all. */
	ok(done < 50000 || search_saw_all(), "and was asked all that there is to ask");
}

int main(void)
{
	a_lie();
	mirror();
	return tap_end();
}
