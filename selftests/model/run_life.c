// SPDX-License-Identifier: GPL-2.0-only
/* Operations that end versions, and that wait. */
#include <errno.h>

#include "run_int.h"

void run_delete(struct run *r, struct subject *s, struct answer *a)
{
	struct run_key k = run_key(r->op->key % 10);
	struct zc_delete d = {
		.flags = r->op->flags, .key = run_addr(k.bytes), .key_len = k.len,
		.generation = run_generation_in(s, r->generation),
	};

	run_spoil_key(r->op->bad, &d.key, &d.key_len);
	d.flags |= r->op->bad == 3 ? 0x100 : 0;
	d.__reserved = r->op->bad == 4;
	RUN_CALL(a, s->calls->del(s, &d), &d, false);
	if (!a->err)
		run_say_generation(a, s, d.generation);
}

void run_purge(struct run *r, struct subject *s, struct answer *a)
{
	const struct op *op = r->op;
	struct run_key k = run_key(op->key % 10);
	struct zc_purge p = { .flags = op->flags };

	if (op->flags & ZC_PURGE_TAG) {
		p.tag = run_tags[op->tags % 4];
	} else {
		/* a key's first bytes, or all of it, or none */
		p.key_len = op->off % 4 < k.len ? op->off % 4 : k.len;
		p.key = p.key_len ? run_addr(k.bytes) : 0;
	}
	switch (op->bad) {
	case 2:
		run_spoil_key(2, &p.key, &p.key_len);
		break;
	case 3:
		p.flags |= 0x100;
		break;
	case 4:
		p.__reserved = 1;
		break;
	case 5:
		p.tag = !p.tag;
		break;
	case 6:
		p.key = run_addr(k.bytes);
		p.key_len = p.flags & ZC_PURGE_TAG ? 1 : 0;
		break;
	}
	RUN_CALL(a, s->calls->purge(s, &p), &p, false);
	if (a->err)
		return;
	run_say(a, "objects", p.objects);
	/* How many bytes they took is the back end's. */
	if (r->conf->store.charge)
		run_say(a, "bytes", p.bytes);
	else
		run_say(a, "bytes of them", s->model || !p.objects || p.bytes > 0);
}

void run_touch(struct run *r, struct subject *s, struct answer *a)
{
	const struct op *op = r->op;
	struct run_key k = run_key(op->key % 10);
	struct zc_touch t = {
		.flags = op->flags, .key = run_addr(k.bytes), .key_len = k.len,
		.generation = run_generation_in(s, r->generation),
		.expires_ns = run_time(r, op->expires),
	};

	run_spoil_key(op->bad, &t.key, &t.key_len);
	switch (op->bad) {
	case 3:
		t.flags |= 0x100;
		break;
	case 4:
		t.__reserved = 1;
		break;
	case 5:
		t.expires_ns = -1;
		break;
	case 6:
		t.flags &= ~ZC_TOUCH_EXPIRES;
		t.expires_ns = 1;
		break;
	}
	RUN_CALL(a, s->calls->touch(s, &t), &t, false);
	if (a->err)
		return;
	run_say_generation(a, s, t.generation);
	run_say(a, "expires_ns", run_time_out(r, t.expires_ns));
}

void run_wait(struct run *r, struct subject *s, struct answer *a)
{
	const struct op *op = r->op;
	struct run_key k = run_key(op->key % 10);
	struct zc_wait w = {
		.flags = op->flags, .key = run_addr(k.bytes), .key_len = k.len,
		.timeout_ms = op->flags & ZC_WAIT_FD ? 0 : op->seed % 2,
	};

	run_spoil_key(op->bad, &w.key, &w.key_len);
	switch (op->bad) {
	case 3:
		w.flags |= 0x100;
		break;
	case 4:
		w.__reserved = 1;
		break;
	case 5:
		w.timeout_ms = -2;
		break;
	case 6:
		w.fd = 1;
		break;
	case 7:
		w.flags |= ZC_WAIT_FD;
		w.timeout_ms = 1;
		break;
	}
	RUN_CALL(a, s->calls->wait(s, &w), &w, false);
	if (a->err >= 0 && w.flags & ZC_WAIT_FD) {
		run_say(a, "fd", a->err == w.fd);
		run_take_fd(r, s, run_wait_slot(op), run_fd_out(a, w.fd));
	}
}

void run_poll(struct run *r, struct subject *s, struct answer *a)
{
	run_say(a, "readable", s->calls->readable(s, s->fd[run_wait_slot(r->op)]));
}

/* What is open is closed before. */
void run_reopen(struct run *r, struct subject *s, struct answer *a)
{
	unsigned int slot;

	for (slot = 0; slot < SLOTS; slot++) {
		if (r->open[slot])
			s->calls->close(s, s->fd[slot]);
		s->fd[slot] = -1;
	}
	/* Without the index nobody opens what others have open. */
	a->err = s->calls->reopen(s, r->op->parts && r->conf->processes < 2);
}
