// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Two buffers: while the socket takes the one, the file is read to the other, both by one
 * system call. The socket is not waited for in the ring, which knows of no SO_SNDTIMEO and
 * goes on when a signal comes: what it does not take at once is sent by send(2).
 *
 * A ring takes longer to make than a send, so idle ones are kept. One that was made
 * before a fork is the parent's.
 */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "xfer.h"
#include "xfer_uring.h"

#if defined(HAVE_LIBURING) && !defined(ZC_NO_URING)
#include <liburing.h>

/* What stays in a processor's cache until it is sent. */
#define PIECE		(128U << 10)
#define MAX_IDLE	8

/* So often, and so long each time, memory for an operation is waited for. */
#define PAUSES		1000
#define PAUSE_NS	1000000

enum { SEND, READ, OPS };

/* The result of what is not known to be done. */
#define UNKNOWN		INT_MIN

/**
 * struct ring - a ring and its buffers
 * @next: of those that are idle
 * @uring: the kernel's
 * @process: whose, see zc_process()
 * @broken: it may have something under way for ever
 * @result: what operations came to
 * @buf: two pieces
 */
struct ring {
	struct ring *next;
	struct io_uring uring;
	uint32_t process;
	bool broken;
	int result[OPS];
	char *buf[2];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects what follows */
static struct ring *idle;
static unsigned int nr_idle;

static void ring_free(struct ring *r)
{
	io_uring_queue_exit(&r->uring);
	/* What the kernel may still write to must never be anything else. */
	if (!r->broken)
		free(r->buf[0]);
	free(r);
}

static struct ring *ring_new(void)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->buf[0] = malloc(2 * PIECE);
	if (!r->buf[0] || io_uring_queue_init(OPS, &r->uring, 0)) {
		free(r->buf[0]);
		free(r);
		return NULL;
	}
	r->buf[1] = r->buf[0] + PIECE;
	r->process = zc_process();
	return r;
}

/* Who forked while another thread had the lock does without. */
static struct ring *ring_get(void)
{
	const uint32_t process = zc_process();
	struct ring *r = NULL;

	if (pthread_mutex_trylock(&lock))
		return ring_new();
	while (!r && idle) {
		r = idle;
		idle = r->next;
		nr_idle--;
		if (r->process != process) {
			ring_free(r);
			r = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	return r ? r : ring_new();
}

static void ring_put(struct ring *r)
{
	if (!r->broken && !pthread_mutex_trylock(&lock)) {
		if (nr_idle < MAX_IDLE) {
			r->next = idle;
			idle = r;
			nr_idle++;
			r = NULL;
		}
		pthread_mutex_unlock(&lock);
	}
	if (r)
		ring_free(r);
}

/* Does what was queued, all of it. Return: 0, or ENOSYS: the ring is broken. */
static int run(struct ring *r, unsigned int nr)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned int pauses = 0;
	struct io_uring_cqe *cqe;
	int n;

	while (nr) {
		n = io_uring_submit_and_wait(&r->uring, 1);
		/* No memory for it right now. */
		if ((n == -EAGAIN || n == -EBUSY) && pauses++ < PAUSES)
			nanosleep(&pause, NULL);
		else if (n < 0 && n != -EINTR)
			r->broken = true;
		while (nr && !io_uring_peek_cqe(&r->uring, &cqe)) {
			r->result[io_uring_cqe_get_data64(cqe)] = cqe->res;
			io_uring_cqe_seen(&r->uring, cqe);
			nr--;
		}
		/* What was done is known by now: a send that does not wait is done when it is taken. */
		if (r->broken && nr)
			return ENOSYS;
	}
	return 0;
}

static void queue_read(struct ring *r, int fd, void *to, unsigned int len, uint64_t at)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);

	io_uring_prep_read(sqe, fd, to, len, at);
	io_uring_sqe_set_data64(sqe, READ);
}

static void queue_send(struct ring *r, int sock, const void *from, unsigned int len, int flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->uring);

	io_uring_prep_send(sqe, sock, from, len, flags | MSG_DONTWAIT);
	io_uring_sqe_set_data64(sqe, SEND);
}

/* The rest of a piece that the socket did not take at once. Return: bytes it takes. */
static unsigned int wait_for_room(int sock, const char *from, unsigned int len, int flags, int *err)
{
	ssize_t n = send(sock, from, len, flags);

	*err = n < 0 ? errno : 0;
	return n < 0 ? 0 : n;
}

/* The result of a send, with what it takes to be whole where the socket may be waited for. */
static unsigned int sent_of(int sock, const char *from, unsigned int len, int flags, int result,
			    bool nowait, int *err)
{
	unsigned int done = result > 0 ? result : 0;

	*err = result < 0 ? -result : 0;
	if (done == len || nowait || (*err && *err != EAGAIN))
		return done;
	return done + wait_for_room(sock, from + done, len - done, flags, err);
}

static unsigned int piece_of(uint64_t len)
{
	return len < PIECE ? len : PIECE;
}

/* What was read; 0 and *err if that is nothing. */
static unsigned int have_of(int result, int *err)
{
	*err = result < 0 ? -result : result ? 0 : ENODATA;
	return result > 0 ? result : 0;
}

static uint64_t pump(struct ring *r, int sock, int fd, uint64_t at, uint64_t len, bool nowait,
		     bool more, int *err)
{
	unsigned int i = 0, have, sent, ahead;
	uint64_t done = 0;
	int flags, failed;

	queue_read(r, fd, r->buf[0], piece_of(len), at);
	*err = run(r, 1);
	have = *err ? 0 : have_of(r->result[READ], err);
	while (have && !*err) {
		flags = MSG_NOSIGNAL | (more || have < len - done ? MSG_MORE : 0);
		ahead = piece_of(len - done - have);
		queue_send(r, sock, r->buf[i], have, flags);
		if (ahead)
			queue_read(r, fd, r->buf[!i], ahead, at + done + have);
		r->result[SEND] = UNKNOWN;
		*err = run(r, ahead ? 2 : 1);
		if (*err) {
			/* Another way would send again what may have gone, or goes still. */
			*err = EIO;
			if (r->result[SEND] > 0)
				done += r->result[SEND];
			break;
		}
		sent = sent_of(sock, r->buf[i], have, flags, r->result[SEND], nowait, err);
		done += sent;
		if (sent < have || *err || !ahead)
			break;
		have = have_of(r->result[READ], &failed);
		*err = failed;
		i = !i;
	}
	return done;
}

uint64_t zcx_uring_send(int sock, int fd, uint64_t at, uint64_t len, bool nowait, bool more,
			int *err)
{
	struct ring *r = ring_get();
	uint64_t done;

	*err = ENOSYS;
	if (!r)
		return 0;
	done = pump(r, sock, fd, at, len, nowait, more, err);
	/* Old kernels lack operations, and some files reading by them. */
	if (!done && zcx_unsupported(*err))
		*err = ENOSYS;
	ring_put(r);
	return done;
}
#else
uint64_t zcx_uring_send(int sock, int fd, uint64_t at, uint64_t len, bool nowait, bool more,
			int *err)
{
	(void)sock;
	(void)fd;
	(void)at;
	(void)len;
	(void)nowait;
	(void)more;
	*err = ENOSYS;
	return 0;
}
#endif
