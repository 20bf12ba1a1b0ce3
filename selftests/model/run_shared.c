// SPDX-License-Identifier: GPL-2.0-only
/*
 * A list of operations run by several processes in turn. Each has a model of its own,
 * and all models do all operations; the store does each in one process, which tells the
 * others what came of it before they go on. So the order is that of the list.
 *
 * A descriptor is its process's: where others name it there is none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "run_int.h"

/* What is told of an operation, and of the beginning. */
struct news {
	int err;
	uint64_t generation;	/* the version that came to be; 0 for none */
	char why[200];
};

/* The slot whose descriptor the operation cannot do without, or takes; SLOTS for none. */
static unsigned int slot_of(const struct op *op)
{
	switch (op->kind) {
	case OP_FILL:
	case OP_WRITE:
	case OP_COMMIT:
		return run_fill_slot(op);
	case OP_OPEN:
	case OP_READ:
	case OP_STAT:
	case OP_GET:
	case OP_SEND:
	case OP_BATCH:
		return run_object_slot(op);
	case OP_WAIT:
	case OP_POLL:
		return run_wait_slot(op);
	case OP_CLOSE:
		return op->slot % SLOTS;
	default:
		return SLOTS;
	}
}

void run_turn(struct run *r, const struct op *op)
{
	unsigned int slot = slot_of(op);

	if (slot < SLOTS && r->open[slot])
		r->turn = r->owner[slot];
	else
		r->turn = r->turns++ % r->conf->processes;
	memcpy(r->hidden, r->subject[0].fd, sizeof(r->hidden));
	for (slot = 0; slot < SLOTS; slot++)
		if (r->open[slot] && r->owner[slot] != r->turn)
			r->subject[0].fd[slot] = -1;
}

void run_turn_ends(struct run *r)
{
	unsigned int slot;

	for (slot = 0; slot < SLOTS; slot++)
		if (r->open[slot] && r->owner[slot] != r->turn)
			r->subject[0].fd[slot] = r->hidden[slot];
}

static int tell(const struct run *r, const struct news *news)
{
	unsigned int i;

	for (i = 0; i < r->conf->processes; i++)
		if (i != r->me &&
		    send(r->peer[i], news, sizeof(*news), MSG_NOSIGNAL) != sizeof(*news))
			return i + 1;
	return 0;
}

static int hear(const struct run *r, unsigned int from, struct news *news)
{
	return recv(r->peer[from], news, sizeof(*news), 0) == sizeof(*news) ? 0 : (int)from + 1;
}

int run_share(struct run *r, int err, char *why, size_t room)
{
	struct subject *model = &r->subject[0], *s = &r->subject[1];
	struct news news = { .err = err };
	int gone;

	if (r->turn == r->me) {
		if (!err && model->nr_generations)
			news.generation = s->generation[s->nr_generations - 1];
		memcpy(news.why, why, room < sizeof(news.why) ? room : sizeof(news.why));
		gone = tell(r, &news);
	} else {
		gone = hear(r, r->turn, &news);
		if (!gone && news.err)
			snprintf(why, room, "process %u: %.180s", r->turn, news.why);
		else if (s->nr_generations < model->nr_generations)
			run_add_generation(s, news.generation);
	}
	if (!gone)
		return news.err;
	snprintf(why, room, "process %d is gone", gone - 1);
	return 1;
}

/* Each has a socket for each of the others. */
static int make_sockets(int sv[RUN_PROCESSES][RUN_PROCESSES], unsigned int nr)
{
	unsigned int i, k;
	int pair[2];

	for (i = 0; i < nr; i++)
		for (k = 0; k < i; k++) {
			if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
				return -errno;
			sv[i][k] = pair[0];
			sv[k][i] = pair[1];
		}
	return 0;
}

static void keep_sockets(struct run *r, int sv[RUN_PROCESSES][RUN_PROCESSES])
{
	unsigned int i, k;

	for (i = 0; i < r->conf->processes; i++)
		for (k = 0; k < r->conf->processes; k++)
			if (i == r->me)
				r->peer[k] = i == k ? -1 : sv[i][k];
			else if (i != k)
				close(sv[i][k]);
}

/* The first one makes the store, and tells the others where. */
static int start(struct run *r, const struct maker *maker, struct subject *s)
{
	struct news news = { 0 };

	if (r->me)
		return hear(r, 0, &news) || news.err ? -ENOENT : maker->join(s, &r->conf->store, news.why);
	news.err = maker->start(s, &r->conf->store);
	if (!news.err)
		snprintf(news.why, sizeof(news.why), "%s", (char *)s->own);
	/* Who cannot hear it is missed when his turn comes. */
	tell(r, &news);
	return news.err;
}

int run_fork(struct run *r, const struct maker *maker, struct subject *s)
{
	int sv[RUN_PROCESSES][RUN_PROCESSES];
	int err = make_sockets(sv, r->conf->processes);
	unsigned int i;

	if (err)
		return err;
	fflush(stdout);
	for (i = 1; i < r->conf->processes && !r->me; i++) {
		r->child[i] = fork();
		if (!r->child[i])
			r->me = i;
	}
	keep_sockets(r, sv);
	return start(r, maker, s);
}

void run_join(struct run *r)
{
	unsigned int i;

	/* Their end is seen by the socket. */
	for (i = 0; i < r->conf->processes; i++)
		if (r->peer[i] >= 0)
			close(r->peer[i]);
	if (r->me)
		_exit(0);
	for (i = 1; i < r->conf->processes; i++)
		if (r->child[i] > 0)
			waitpid(r->child[i], NULL, 0);
}
