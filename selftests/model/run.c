// SPDX-License-Identifier: GPL-2.0-only
/* Operations on the model and on stores, and whether they answer alike. */
#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "run_int.h"

unsigned long run_seen[OP_KINDS][ZC_ERRNOS];

static_assert(ZC_STAT_FD == ZC_GET_FD, "they are looked at alike");

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/*
 * Looks at the model for what the operation is to be. Return: whether it means
 * something now, and the header says how it ends.
 */
static bool plan(struct run *r)
{
	struct model *m = r->subject[0].model;
	const struct op *op = r->op;
	const int *fd = r->subject[0].fd;
	unsigned int object = run_object_slot(op), fill = run_fill_slot(op), i;

	r->generation = run_choose_generation(r, op->gen, op->key % 10);
	switch (op->kind) {
	case OP_WRITE:
		return r->open[fill] && model_fill_len(m, fd[fill]);
	case OP_COMMIT:
		/* A file's holes are pages: only the module counts bytes. */
		return r->open[fill] && model_fill_lacks(m, fd[fill]) != MODEL_FINE_GAP;
	case OP_CLOSE:
		return r->open[op->slot % SLOTS];
	case OP_READ:
		return r->open[object];
	case OP_STAT:
	case OP_GET:
		if (!(op->flags & ZC_STAT_FD))
			return true;
		/* Where versions are files, a fill that is committed may be taken for one. */
		if (op->bad == 6 && r->open[fill] && !model_filling(m, fd[fill]))
			return false;
		return !model_vague(m, fd[object]);
	case OP_COUNT:
		for (i = 1; i < r->nr; i++)
			if (r->subject[i].bare)
				return false;
		return true;
	case OP_POLL:
		return r->open[run_wait_slot(op)];
	case OP_SEND:
	case OP_BATCH:
		/* What opens makes room. */
		return !(op->flags & ZC_SEND_PIN && r->conf->store.follows) && run_plan_send(r);
	default:
		return true;
	}
}

/*
 * A purge by tag is over at once for who looks a key up; what it does to the objects,
 * and counts, comes later.
 */
static void settle(struct subject *s, uint64_t purged)
{
	uint64_t count[ZC_C_NR] = { 0 };
	int64_t until = now_ns() + 2000000000LL;

	while (!s->bare && !s->calls->counters(s, count) && count[ZC_C_PURGED_OBJECTS] < purged &&
	       now_ns() < until)
		sched_yield();
}

__attribute__((format(printf, 3, 4)))
static void tell(char *why, size_t room, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, room, format, ap);
	va_end(ap);
}

/*
 * An fd that is open and no object's: that it is not open for this, a wrong argument
 * and of another store are all true of it.
 */
static bool same_error(const struct run *r, int a, int b)
{
	const struct op *op = r->op;
	bool by_fd = (op->kind == OP_STAT && op->flags & ZC_STAT_FD) ||
		     (op->kind == OP_GET && op->flags & ZC_GET_FD);

	if (a == b)
		return true;
	return by_fd && op->bad == 6 && (a == -EINVAL || a == -EXDEV || a == -EBADF) &&
	       (b == -EINVAL || b == -EXDEV || b == -EBADF);
}

static int compare(const struct run *r, unsigned int i, char *why, size_t room)
{
	const struct answer *want = &r->answer[0], *got = &r->answer[i];
	const char *name = r->subject[i].name;
	unsigned int k;
	size_t at;

	if (!same_error(r, want->err, got->err)) {
		tell(why, room, "%s gives %d, the model %d", name, got->err, want->err);
		return 1;
	}
	for (k = 0; k < want->nr && k < got->nr; k++) {
		if (want->said[k].value == got->said[k].value)
			continue;
		tell(why, room, "%s: %s is %lld, in the model %lld", name, want->said[k].name,
		     (long long)got->said[k].value, (long long)want->said[k].value);
		return 1;
	}
	if (want->nr != got->nr) {
		tell(why, room, "%s says %u things, the model %u", name, got->nr, want->nr);
		return 1;
	}
	for (at = 0; at < want->len && at < got->len && want->bytes[at] == got->bytes[at];)
		at++;
	if (at < want->len || want->len != got->len) {
		tell(why, room, "%s: byte %zu of %zu differs from the model's %zu", name, at,
		     got->len, want->len);
		return 1;
	}
	return 0;
}

/* How many bytes it may read of what it is to write. */
static size_t data_len(const struct run *r)
{
	const struct op *op = r->op;

	switch (op->kind) {
	case OP_PUT:
		return op->len < DATA_MAX ? op->len : DATA_MAX;
	case OP_WRITE:
		return model_fill_len(r->subject[0].model, r->subject[0].fd[run_fill_slot(op)]);
	case OP_SEND:
	case OP_BATCH:
		/* the offset and length of an INLINE part */
		return 4400;
	default:
		return 0;
	}
}

static void run_op(struct run *r, unsigned int i)
{
	struct answer *a = &r->answer[i];

	a->err = 0;
	a->nr = 0;
	a->len = 0;
	run_kinds[r->op->kind](r, &r->subject[i], a);
}

/* Those whose turn it is not have the model do it only. */
static int run_all(struct run *r, char *why, size_t room)
{
	unsigned int i, nr = r->turn == r->me ? r->nr : 1;
	const bool follows = run_follows(r);
	const struct op *op = r->op;
	uint64_t count[ZC_C_NR];

	run_pattern(r->data, data_len(r), op->seed);
	if (follows) {
		run_before(r);
		run_op(r, 1);
		run_follow(r);
	}
	for (i = 0; i < nr; i++) {
		if (!follows || !i)
			run_op(r, i);
		else
			run_followed(r, &r->answer[0], &r->answer[i]);
		if (i && op->kind == OP_PURGE && op->flags & ZC_PURGE_TAG) {
			model_calls.counters(&r->subject[0], count);
			settle(&r->subject[i], count[ZC_C_PURGED_OBJECTS]);
		}
		if (i && compare(r, i, why, room))
			return 1;
	}
	return 0;
}

static int run_one(struct run *r, const struct op *op, char *why, size_t room)
{
	const bool shared = r->conf->processes > 1;
	unsigned int slot;
	bool runs;
	int err = 0;

	r->op = op;
	r->taken = -1;
	if (shared)
		run_turn(r, op);
	runs = plan(r);
	if (runs)
		err = run_all(r, why, room);
	if (shared)
		run_turn_ends(r);
	if (runs && shared)
		err = run_share(r, err, why, room);
	/* Also what one store gave, and another not, is there to be closed. */
	if (r->taken >= 0) {
		r->open[r->taken] = true;
		r->owner[r->taken] = r->turn;
	}
	if (err || !runs)
		return err;
	if (r->answer[0].err > -ZC_ERRNOS)
		run_seen[op->kind][-r->answer[0].err]++;
	for (slot = 0; op->kind == OP_REOPEN && slot < SLOTS; slot++)
		r->open[slot] &= r->owner[slot] != r->turn;
	if (op->kind == OP_CLOSE)
		r->open[op->slot % SLOTS] = false;
	return 0;
}

static void end(struct run *r)
{
	unsigned int i, slot;

	for (i = 0; i < r->nr; i++) {
		struct subject *s = &r->subject[i];
		const struct maker *maker = i ? &r->conf->makers[i - 1] : &model_maker;

		for (slot = 0; slot < SLOTS; slot++)
			if (r->open[slot] && s->fd[slot] >= 0)
				s->calls->close(s, s->fd[slot]);
		if (i && r->me)
			maker->leave(s);
		/* The store goes when all have left it. */
		if (i && r->conf->processes > 1)
			run_join(r);
		maker->stop(s);
		free(s->generation);
		free(r->answer[i].bytes);
	}
	free(r);
}

int run_ops(const struct run_conf *conf, const struct op *ops, int nr, int *where, char *why,
	    size_t room)
{
	/* In the end everything is looked at once more, whatever the list looked at. */
	static const struct op last = { .kind = OP_COUNT }, info = { .kind = OP_INFO };
	struct run *r = calloc(1, sizeof(*r));
	unsigned int i, slot;
	int err = 0, at;

	if (!r)
		return -ENOMEM;
	r->conf = conf;
	r->began_ns = now_ns();
	for (i = 0; i <= conf->nr_makers; i++) {
		const struct maker *maker = i ? &conf->makers[i - 1] : &model_maker;
		struct subject *s = &r->subject[i];

		s->name = maker->name;
		for (slot = 0; slot < SLOTS; slot++)
			s->fd[slot] = -1;
		err = i && conf->processes > 1 ? run_fork(r, maker, s) :
						 maker->start(s, &conf->store);
		if (err) {
			tell(why, room, "%s: no store: %d", maker->name, err);
			goto out;
		}
		r->nr++;
	}
	for (at = 0; at < nr && !err; at++) {
		err = run_one(r, &ops[at], why, room);
		*where = at;
	}
	if (!err) {
		*where = nr;
		err = run_one(r, &info, why, room) ?: run_one(r, &last, why, room);
	}
out:
	end(r);
	return err;
}
