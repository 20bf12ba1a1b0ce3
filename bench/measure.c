// SPDX-License-Identifier: GPL-2.0-only
/*
 * The turns of one cell. Rows take turns within a repetition, and each
 * repetition begins with another row, so that what drifts drifts for all.
 * Nothing is left out of the results.
 */
#include <string.h>

#include "send_bench.h"

static struct result result[MAX_ROWS];
static struct turn turn;

static void take_turn(struct result *r, struct peer *p, double seconds,
		      unsigned int seed)
{
	memset(&turn, 0, sizeof(turn));
	turn.row = r->row;
	turn.peer = p;
	turn.kind = r->kind;
	turn.object = object_of(r->kind->range ? RANGE_OBJECT : r->size);
	turn.seconds = seconds;
	turn.seed = seed;
	turn_run(&turn);
}

static void sum_up(struct result *r)
{
	double cpu[MAX_REPS], us[MAX_REPS], rate[MAX_REPS], mb[MAX_REPS];
	unsigned int i;

	for (i = 0; i < r->reps; i++) {
		const struct sample *s = &r->rep[i];

		cpu[i] = s->cpu / s->requests * 1e6;
		us[i] = s->seconds / s->requests * 1e6;
		rate[i] = s->requests / s->seconds;
		mb[i] = s->bytes / s->seconds * 1e-6;
	}
	r->cpu_us = summarize(cpu, r->reps);
	r->us = summarize(us, r->reps);
	r->rate = summarize(rate, r->reps);
	r->mb = summarize(mb, r->reps);
}

void measure_cell(unsigned int conns, enum receiver receiver,
		  const struct kind *kind, size_t size, const bool *usable)
{
	static struct peer peer;
	unsigned int nr = 0, i, rep;

	memset(result, 0, sizeof(result));
	for (i = 0; i < nr_rows; i++) {
		if (!usable[i] || (rows[i]->answers_only && !kind->header))
			continue;
		result[nr++] = (struct result){
			.row = rows[i],
			.kind = kind,
			.receiver = receiver,
			.size = size,
			.conns = conns,
			.reps = opt.reps,
		};
	}
	if (!nr)
		return;
	peer_start(&peer, conns, receiver);
	/* Buffers grow to their size before anything is counted. */
	for (i = 0; i < nr; i++)
		take_turn(&result[i], &peer, opt.seconds * 0.2, 1);
	for (rep = 0; rep < opt.reps; rep++) {
		for (i = 0; i < nr; i++) {
			struct result *r = &result[(rep + i) % nr];

			take_turn(r, &peer, opt.seconds, rep + 1);
			r->rep[rep] = turn.result;
			hist_merge(&r->hist, &turn.hist);
		}
	}
	peer_stop(&peer);
	for (i = 0; i < nr; i++)
		sum_up(&result[i]);
	output_cell(result, nr);
}
