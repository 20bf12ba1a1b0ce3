// SPDX-License-Identifier: GPL-2.0-only
/* Lists of operations that fail, made short; and the search for them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run.h"

static bool fails(const struct run_conf *conf, const struct op *ops, int nr)
{
	char why[200];
	int where;

	return run_ops(conf, ops, nr, &where, why, sizeof(why)) == 1;
}

/* Copies the list without @nr operations from @from. */
static int without(const struct op *ops, int all, int from, int nr, struct op *to)
{
	if (from + nr > all)
		nr = all - from;
	memcpy(to, ops, from * sizeof(*ops));
	memcpy(to + from, ops + from + nr, (all - from - nr) * sizeof(*ops));
	return all - nr;
}

/* Takes out pieces, large ones first, until no single operation can go. */
static int drop(const struct run_conf *conf, struct op *ops, int nr, struct op *trial)
{
	int piece, from, left;
	bool gone;

	for (piece = nr / 2; piece > 0; piece = gone ? piece : piece / 2) {
		gone = false;
		for (from = 0; from < nr;) {
			left = without(ops, nr, from, piece, trial);
			if (!fails(conf, trial, left)) {
				from += piece;
				continue;
			}
			memcpy(ops, trial, left * sizeof(*ops));
			nr = left;
			gone = true;
		}
		if (piece > nr)
			gone = false;
	}
	return nr;
}

/* Makes each number of each operation as small as can be while the list fails. */
static void simplify(const struct run_conf *conf, struct op *ops, int nr)
{
	unsigned int k, *member, passes, failing;
	int i;

	for (i = 0; i < nr; i++)
		for (k = 0; k < op_members; k++) {
			member = op_member(&ops[i], k);
			failing = *member;
			if (!failing)
				continue;
			*member = passes = 0;
			if (fails(conf, ops, nr))
				continue;
			while (failing - passes > 1) {
				*member = passes + (failing - passes) / 2;
				if (fails(conf, ops, nr))
					failing = *member;
				else
					passes = *member;
			}
			*member = failing;
		}
}

/* The same key, slot or tag in several operations: it can be another only in all. */
static void unify(const struct run_conf *conf, struct op *ops, int nr, struct op *trial)
{
	unsigned int k, value;
	int i, j;

	for (k = 0; k < op_members; k++)
		for (i = 0; i < nr; i++) {
			value = *op_member(&ops[i], k);
			if (!value)
				continue;
			memcpy(trial, ops, nr * sizeof(*ops));
			for (j = 0; j < nr; j++)
				if (*op_member(&trial[j], k) == value)
					*op_member(&trial[j], k) = 0;
			if (fails(conf, trial, nr))
				memcpy(ops, trial, nr * sizeof(*ops));
		}
}

int shrink_ops(const struct run_conf *conf, struct op *ops, int nr)
{
	struct op *trial = calloc(nr + 1, sizeof(*trial));

	if (!trial)
		abort();
	nr = drop(conf, ops, nr, trial);
	unify(conf, ops, nr, trial);
	simplify(conf, ops, nr);
	/* What is simple may need less before it. */
	nr = drop(conf, ops, nr, trial);
	free(trial);
	return nr;
}

static void print_ops(const struct op *ops, int nr, const char *between, const char *before)
{
	char text[400];
	int i;

	for (i = 0; i < nr; i++) {
		op_print(&ops[i], text, sizeof(text));
		printf("%s%s%s", before, text, i < nr - 1 ? between : "");
	}
}

/* Return: whether the list fails; if so it is told of, as short as can be. */
static bool judge(const struct run_conf *conf, struct op *ops, int nr,
		  const struct search *what)
{
	char why[200] = "";
	int where = 0, err, first;

	err = run_ops(conf, ops, nr, &where, why, sizeof(why));
	if (!err)
		return false;
	if (err < 0) {
		printf("# %s\n", why);
		return true;
	}
	printf("# operation %d of %d: %s\n", where + 1, nr, why);
	first = nr;
	/* What follows the first difference had no part in it. */
	nr = shrink_ops(conf, ops, where < nr ? where + 1 : nr);
	if (run_ops(conf, ops, nr, &where, why, sizeof(why)) != 1)
		printf("# it does not fail each time\n");
	printf("# shrunk from %d to %d operations, the last of which differs: %s\n", first, nr,
	       why);
	print_ops(ops, nr, "\n", "#   ");
	printf("\n# again: %sZC_MODEL_RUN=%s ZC_MODEL_TTL=%llu ZC_MODEL_CAPACITY=%llu ZC_MODEL_OPS='",
	       what->guest ? "make vm CMD=\"" : "", what->name,
	       (unsigned long long)conf->store.default_ttl_ms,
	       (unsigned long long)conf->store.capacity);
	print_ops(ops, nr, "; ", "");
	printf("' %s%s\n", what->program, what->guest ? "\"" : "");
	fflush(stdout);
	return true;
}

static const struct {
	enum op_kind kind;
	int errors[18];
} endings[] = {
	{ OP_PUT, { EINVAL, ENAMETOOLONG, EFBIG, EEXIST, ENOSPC } },
	{ OP_FILL, { EINVAL, ENAMETOOLONG, EFBIG, EEXIST, EBUSY } },
	{ OP_WRITE, { 0 } },
	{ OP_COMMIT, { ENODATA, EALREADY, EEXIST } },
	{ OP_CLOSE, { 0 } },
	{ OP_STAT, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE, EBADF, EMSGSIZE,
		     EXDEV } },
	{ OP_GET, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE, EBADF, ERANGE, EXDEV } },
	{ OP_OPEN, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE } },
	{ OP_READ, { 0 } },
	{ OP_SEND, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE, EBADF, ERANGE, EAGAIN, EPIPE,
		     ENOTCONN, ENOTSOCK, ECANCELED, ENODATA, EOPNOTSUPP, EMSGSIZE,
		     EXDEV } },
	{ OP_BATCH, { EINVAL } },
	{ OP_DELETE, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE } },
	{ OP_PURGE, { EINVAL, ENAMETOOLONG } },
	{ OP_TOUCH, { EINVAL, ENAMETOOLONG, ENOENT, ESTALE } },
	{ OP_WAIT, { EINVAL, ENAMETOOLONG, ENOENT, ETIMEDOUT } },
	{ OP_POLL, { 0 } },
	{ OP_INFO, { EINVAL } },
	{ OP_COUNT, { 0 } },
	{ OP_REOPEN, { 0 } },
};

bool search_saw_all(void)
{
	size_t i, k, n = sizeof(endings[0].errors) / sizeof(endings[0].errors[0]);
	const struct op none = { 0 };
	bool all = true;
	struct op op;
	char name[80];

	for (i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		for (k = 0; k < n; k++) {
			/* Each ends well, too: the zeros at the end say so. */
			if (run_seen[endings[i].kind][endings[i].errors[k]])
				continue;
			op = none;
			op.kind = endings[i].kind;
			op_print(&op, name, sizeof(name));
			printf("# %s never gave error %d\n", name, endings[i].errors[k]);
			all = false;
		}
	return all;
}

static long long now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

#define OPS_MAX 4096

long search(const struct run_conf *conf, const struct search *what)
{
	const char *text = getenv("ZC_MODEL_OPS"), *ttl = getenv("ZC_MODEL_TTL");
	const char *only = getenv("ZC_MODEL_RUN"), *capacity = getenv("ZC_MODEL_CAPACITY");
	struct op *ops = calloc(OPS_MAX, sizeof(*ops));
	long long until = now_s() + what->seconds;
	struct run_conf c = *conf;
	unsigned int list, i;
	uint64_t state;
	long done = 0;
	int nr;

	if (!ops)
		return -1;
	if (text && only && strcmp(only, what->name)) {
		free(ops);
		return 1;
	}
	if (text) {
		nr = op_parse(text, ops, OPS_MAX);
		c.store.default_ttl_ms = ttl ? strtoull(ttl, NULL, 0) : 0;
		c.store.capacity = capacity ? strtoull(capacity, NULL, 0) : c.store.capacity;
		if (nr < 0)
			printf("# no list of operations: %s\n", text);
		done = nr < 0 || judge(&c, ops, nr, what) ? -1 : nr;
		free(ops);
		return done;
	}
	for (list = 0; list < what->lists; list++) {
		if (now_s() > until)
			break;
		state = (uint64_t)(what->seed + list) * 0x9e3779b97f4a7c15ULL + 1;
		/* Every fourth store has a time for what has none. */
		c.store.default_ttl_ms = op_draw(&state, 4) ? 0 : 3600000;
		/* From what a large object does not fit into, to what all keys do. */
		if (c.store.charge)
			c.store.capacity = 4096 * (6 + op_draw(&state, 40));
		else if (c.store.follows)
			c.store.capacity = 4096 * (24 + op_draw(&state, 12));
		for (i = 0; i < what->length; i++)
			op_random(&ops[i], &state);
		if (judge(&c, ops, what->length, what)) {
			printf("# seed: ZCACHE_SEED=%u\n", what->seed + list);
			done = -1;
			break;
		}
		done += what->length;
	}
	free(ops);
	return done;
}
