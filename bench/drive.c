// SPDX-License-Identifier: GPL-2.0-only
/*
 * One turn of a row: requests back to back on every connection, each answered
 * until the socket took all of it.
 *
 * One connection blocks. Many do not: those that are ready have their turn one
 * after the other, each until its request is done or the socket full, and epoll
 * says when a full one has room again, as in an event-driven server.
 *
 * A timed turn first runs untimed until each connection could have had a
 * request, so that the queues are as full at its start as at its end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "send_bench.h"

#define TURN_MOST	600U	/* seconds, on the slowest machine */

/* Starts the next request on c; false if the turn wants no more. */
bool turn_request(struct turn *t, struct conn *c)
{
	if (t->quota ? c->requests == t->quota : t->phase == PHASE_OVER)
		return false;
	c->requests++;
	c->object = t->object;
	c->header = t->kind->header ? HEADER_LEN : 0;
	c->offset = 0;
	c->length = t->object->size;
	if (t->kind->range) {
		c->length = RANGE_LEN;
		c->offset = mix(&t->rng) % (t->object->size - RANGE_LEN + 1);
	}
	c->done = 0;
	c->total = t->request_bytes = c->header + c->length;
	if (t->log)
		t->log(c);
	c->started = now_ns();
	t->active++;
	return true;
}

static void start_clock(struct turn *t, int64_t now)
{
	t->phase = PHASE_TIMED;
	t->bytes = 0;
	t->completed = 0;
	t->peer_cpu0 = clock_seconds(t->peer->clock);
	t->cpu0 = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
	t->t0 = now;
}

static void stop_clock(struct turn *t, int64_t now)
{
	struct sample *r = &t->result;

	t->phase = PHASE_OVER;
	r->cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - t->cpu0;
	r->peer_cpu = clock_seconds(t->peer->clock) - t->peer_cpu0;
	r->seconds = (now - t->t0) * 1e-9;
	r->bytes = t->bytes;
	r->completed = t->completed;
	r->requests = (double)t->bytes / t->request_bytes;
	r->p50 = hist_us(&t->hist, 0.5);
	r->p99 = hist_us(&t->hist, 0.99);
	r->p999 = hist_us(&t->hist, 0.999);
}

/*
 * Starts and stops the clock. Called when a driver has taken in all that it was
 * told: completions that come in a bunch fall on one side of the edge together.
 */
void turn_tick(struct turn *t)
{
	unsigned int nr = t->peer->nr;

	if (t->quota)
		return;
	if (t->phase == PHASE_WARM && t->warm >= nr &&
	    t->last - t->start >= t->seconds * 0.2e9)
		start_clock(t, t->last);
	else if (t->phase == PHASE_TIMED && t->completed >= 2 * nr &&
		 t->last - t->t0 >= t->seconds * 1e9)
		stop_clock(t, t->last);
}

static void request_done(struct turn *t, struct conn *c)
{
	t->last = now_ns();
	t->active--;
	if (t->phase == PHASE_TIMED) {
		hist_add(&t->hist, t->last - c->started);
		t->completed++;
	} else {
		t->warm++;
	}
	c->started = 0;
}

/* The socket took bytes of c's request. */
void turn_took(struct turn *t, struct conn *c, uint64_t bytes)
{
	c->done += bytes;
	t->peer->sent += bytes;
	t->bytes += bytes;
	if (c->done > c->total)
		fail("%s: the socket took more than the request has",
		     t->row->name);
	if (c->done == c->total)
		request_done(t, c);
}

/* Connections that may be tried, in their order. */
static struct conn *ready[MAX_CONNS];
static unsigned int ready_head, nr_ready;

static void push(struct conn *c)
{
	c->blocked = false;
	ready[(ready_head + nr_ready++) % MAX_CONNS] = c;
}

static struct conn *pop(void)
{
	struct conn *c = ready[ready_head];

	ready_head = (ready_head + 1) % MAX_CONNS;
	nr_ready--;
	return c;
}

static void wait_ready(struct peer *p, int epoll)
{
	struct epoll_event event[MAX_CONNS];
	int i, n;

	if (p->nr == 1) {
		struct pollfd one = { .fd = p->conn[0].sock, .events = POLLOUT };

		while (poll(&one, 1, -1) < 0)
			if (errno != EINTR)
				die("poll");
		push(&p->conn[0]);
		return;
	}
	n = epoll_wait(epoll, event, MAX_CONNS, nr_ready ? 0 : -1);
	if (n < 0 && errno != EINTR)
		die("epoll_wait");
	for (i = 0; i < n; i++) {
		struct conn *c = event[i].data.ptr;

		if (c->blocked)
			push(c);
	}
}

/* What a step said; false if the connection has to wait for the socket. */
static bool took(struct turn *t, struct conn *c, ssize_t n)
{
	if (n == -EAGAIN)
		return false;
	if (n < 0 && n != -EINTR) {
		errno = -n;
		die(t->row->name);
	}
	if (n > 0)
		turn_took(t, c, n);
	return true;
}

static void step_one(struct turn *t, struct conn *c)
{
	do {
		if (!took(t, c, t->row->step(c))) {
			c->blocked = true;
			return;
		}
	} while (c->started);
	push(c);
}

static void step_many(struct turn *t, struct conn **c, unsigned int nr)
{
	ssize_t n[MAX_CONNS];
	unsigned int i;

	t->row->step_batch(c, nr, n);
	for (i = 0; i < nr; i++) {
		if (took(t, c[i], n[i]))
			push(c[i]);
		else
			c[i]->blocked = true;
	}
}

static void drive_steps(struct turn *t, int epoll)
{
	struct peer *p = t->peer;
	unsigned int most = t->row->batch ?: 1;
	unsigned int i, credit;

	ready_head = nr_ready = 0;
	for (i = 0; i < p->nr; i++)
		push(&p->conn[i]);
	for (credit = p->nr; ; credit--) {
		struct conn *c[MAX_CONNS];
		unsigned int nr = 0;

		while (nr_ready && nr < most) {
			c[nr] = pop();
			/* One with no request left is not seen again. */
			if (c[nr]->started || turn_request(t, c[nr]))
				nr++;
		}
		if (nr && t->row->step)
			step_one(t, c[0]);
		else if (nr)
			step_many(t, c, nr);
		turn_tick(t);
		if (!nr_ready && !t->active)
			return;
		/* Once in a round, as each that waits is as old as the next. */
		if (!nr_ready || (p->nr > 1 && credit <= 1)) {
			wait_ready(p, epoll);
			credit = nr_ready + 1;
		}
	}
}

static int watch(struct peer *p)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int i;

	if (epoll < 0)
		die("epoll_create1");
	for (i = 0; i < p->nr; i++) {
		struct epoll_event event = {
			.events = EPOLLOUT | EPOLLET,
			.data.ptr = &p->conn[i],
		};

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->conn[i].sock, &event))
			die("epoll_ctl");
	}
	return epoll;
}

static void set_blocking(struct peer *p, bool blocking)
{
	unsigned int i;

	for (i = 0; i < p->nr; i++) {
		int flags = fcntl(p->conn[i].sock, F_GETFL);

		flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
		if (fcntl(p->conn[i].sock, F_SETFL, flags))
			die("fcntl");
	}
}

/* A row that waits for what never comes is named. */
static const struct row *running;

static void too_long(int signal)
{
	(void)signal;
	fail("%s: a turn did not end within %u s", running->name, TURN_MOST);
}

void turn_run(struct turn *t)
{
	struct peer *p = t->peer;
	unsigned int i;
	int epoll = -1;

	t->phase = PHASE_WARM;
	t->rng = t->seed;
	t->warm = t->completed = t->bytes = 0;
	t->active = 0;
	memset(&t->hist, 0, sizeof(t->hist));
	for (i = 0; i < p->nr; i++)
		p->conn[i].requests = 0;
	set_blocking(p, p->nr == 1 || t->row->drive);
	running = t->row;
	signal(SIGALRM, too_long);
	alarm(TURN_MOST);
	t->start = now_ns();
	if (t->row->drive) {
		t->row->drive(t);
	} else {
		if (p->nr > 1)
			epoll = watch(p);
		drive_steps(t, epoll);
		if (epoll >= 0)
			close(epoll);
	}
	peer_drain(p, t->row);
	alarm(0);
}
