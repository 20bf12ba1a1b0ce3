// SPDX-License-Identifier: GPL-2.0-only
/*
 * The loop of one worker: events, then one turn for each connection that has
 * more to send than its budget, then the timers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

#define EVENTS 64
#define ACCEPTS_PER_TURN 16

/* A slot's list may hold deadlines of later rounds; those stay. */
_Static_assert((WHEEL_SLOTS & (WHEEL_SLOTS - 1)) == 0, "slots are chosen by a mask");

static uint64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec;
}

static void wheel_remove(struct conn *c)
{
	if (!c->wheel_link)
		return;
	*c->wheel_link = c->wheel_next;
	if (c->wheel_next)
		c->wheel_next->wheel_link = c->wheel_link;
	c->wheel_link = NULL;
}

static void wheel_insert(struct worker *w, struct conn *c)
{
	struct conn **slot = &w->wheel[c->deadline & (WHEEL_SLOTS - 1)];

	c->wheel_next = *slot;
	if (*slot)
		(*slot)->wheel_link = &c->wheel_next;
	*slot = c;
	c->wheel_link = slot;
}

void worker_deadline(struct worker *w, struct conn *c, unsigned int seconds)
{
	/* One more, since the current second has partly gone. */
	uint64_t deadline = w->now + seconds + 1;

	if (c->wheel_link && c->deadline == deadline)
		return;
	wheel_remove(c);
	c->deadline = deadline;
	wheel_insert(w, c);
}

void worker_queue(struct worker *w, struct conn *c)
{
	if (c->queued)
		return;
	c->queued = true;
	c->run_next = NULL;
	*w->run_last = c;
	w->run_last = &c->run_next;
}

static void unqueue(struct worker *w, struct conn *c)
{
	struct conn **p;

	if (!c->queued)
		return;
	for (p = &w->run_first; *p != c; p = &(*p)->run_next)
		;
	*p = c->run_next;
	if (!*p)
		w->run_last = p;
	c->queued = false;
}

/* One turn for each that is queued now; those that queue again wait for the next. */
static void run_queue(struct worker *w)
{
	struct conn *last = w->run_first ? (struct conn *)((char *)w->run_last -
				offsetof(struct conn, run_next)) : NULL;
	struct conn *c;

	do {
		c = w->run_first;
		if (!c)
			return;
		unqueue(w, c);
		conn_run(w, c);
	} while (c != last);
}

void worker_watch(struct worker *w, struct conn *c, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = c };

	if (c->events == events)
		return;
	c->events = events;
	/* Modifying a watched fd allocates nothing and cannot fail. */
	epoll_ctl(w->epoll_fd, EPOLL_CTL_MOD, c->fd, &ev);
}

static void watch_listener(struct worker *w, bool on)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLEXCLUSIVE, .data.ptr = w->srv };

	if (w->accepting == on)
		return;
	/* Failing to begin again is tried anew at the next tick. */
	if (!epoll_ctl(w->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, w->srv->listen_fd, &ev))
		w->accepting = on;
}

bool worker_adopt(struct worker *w, struct conn *c, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

	if (epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return false;
	c->worker = w;
	c->fd = fd;
	c->events = ev.events;
	w->conns++;
	w->count.connections++;
	__atomic_add_fetch(&w->srv->connections, 1, __ATOMIC_RELAXED);
	return true;
}

void worker_forget(struct worker *w, struct conn *c)
{
	wheel_remove(c);
	unqueue(w, c);
	w->conns--;
	__atomic_sub_fetch(&w->srv->connections, 1, __ATOMIC_RELAXED);
	/* There is room for one, and a fd. */
	if (!w->stopping)
		watch_listener(w, true);
}

static bool full(const struct server *srv)
{
	return __atomic_load_n(&srv->connections, __ATOMIC_RELAXED) >= srv->opt.max_connections;
}

/*
 * The listener stays readable while nobody can accept, so it is not watched until
 * the next tick, rather than asked again and again.
 */
static void accept_some(struct worker *w)
{
	int i, fd;

	for (i = 0; i < ACCEPTS_PER_TURN; i++) {
		if (full(w->srv)) {
			watch_listener(w, false);
			return;
		}
		fd = accept4(w->srv->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0) {
			conn_new(w, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			say("no more connections for now: %s", strerror(errno));
			watch_listener(w, false);
			return;
		}
		/* The listener was shut down: the order to stop is on its way. */
		if (errno == EINVAL) {
			watch_listener(w, false);
			return;
		}
		/* Other errors are of the one connection that did not come about. */
		if (errno == EAGAIN)
			return;
	}
}

static void expire_slot(struct worker *w, uint64_t tick, uint64_t now)
{
	struct conn *c = w->wheel[tick & (WHEEL_SLOTS - 1)], *next;

	for (; c; c = next) {
		next = c->wheel_next;
		if (c->deadline <= now)
			conn_timeout(w, c);
	}
}

static void timers(struct worker *w)
{
	uint64_t now = w->now;

	if (now == w->tick)
		return;
	/* After a long sleep each slot is looked at once, not once per second. */
	if (now - w->tick > WHEEL_SLOTS)
		w->tick = now - WHEEL_SLOTS;
	while (w->tick < now)
		expire_slot(w, ++w->tick, now);
	if (!w->stopping)
		watch_listener(w, true);
}

static void stop(struct worker *w)
{
	struct conn *c, *next;
	int i;

	w->stopping = true;
	watch_listener(w, false);
	for (i = 0; i < WHEEL_SLOTS; i++)
		for (c = w->wheel[i]; c; c = next) {
			next = c->wheel_next;
			conn_stop(w, c);
		}
}

static void handle(struct worker *w, const struct epoll_event *ev)
{
	if (ev->data.ptr == w->srv)
		accept_some(w);
	else if (ev->data.ptr == w)
		w->stop_asked = true;
	else
		conn_event(w, ev->data.ptr, ev->events);
}

static int timeout_of(const struct worker *w)
{
	if (w->run_first)
		return 0;
	return w->conns || !w->accepting ? 1000 : -1;
}

static void *run(void *arg)
{
	struct epoll_event events[EVENTS];
	struct worker *w = arg;
	int i, n;

	while (!w->stopping || w->conns) {
		n = epoll_wait(w->epoll_fd, events, EVENTS, timeout_of(w));
		w->now = clock_now();
		for (i = 0; i < n; i++)
			handle(w, &events[i]);
		/* Only now, since it frees connections that had an event as well. */
		if (w->stop_asked && !w->stopping)
			stop(w);
		run_queue(w);
		timers(w);
	}
	return NULL;
}

static void close_fds(struct worker *w)
{
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	if (w->stop_fd >= 0)
		close(w->stop_fd);
}

int worker_start(struct worker *w, struct server *srv)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLONESHOT, .data.ptr = w };
	int err;

	w->srv = srv;
	w->now = clock_now();
	w->tick = w->now;
	w->run_last = &w->run_first;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->epoll_fd < 0 || w->stop_fd < 0 ||
	    epoll_ctl(w->epoll_fd, EPOLL_CTL_ADD, w->stop_fd, &ev)) {
		err = -errno;
		close_fds(w);
		return err;
	}
	watch_listener(w, true);
	err = pthread_create(&w->thread, NULL, run, w);
	if (err)
		close_fds(w);
	return -err;
}

void worker_stop(struct worker *w)
{
	eventfd_write(w->stop_fd, 1);
}

void worker_join(struct worker *w)
{
	pthread_join(w->thread, NULL);
	request_free(w->spare);
	close_fds(w);
}
