// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring: splice by a pipe, and send_zc from a registered buffer.
 *
 * One ring drives all connections. What belongs to one request and must come
 * in order is linked. Sockets block: the ring waits for them by itself.
 */
#include <errno.h>
#include <liburing.h>
#include <sched.h>
#include <sys/socket.h>

#include "send_bench.h"

#define ENTRIES		(4 * MAX_CONNS)	/* three operations a connection at most */

enum op { OP_HEADER, OP_SEND, OP_IN, OP_OUT };

static struct io_uring ring;
static unsigned int notices;	/* of send_zc, that are to come */

static struct io_uring_sqe *next_sqe(void)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);

	if (!sqe)
		fail("io_uring: the ring is full");
	return sqe;
}

static void set_op(struct io_uring_sqe *sqe, struct conn *c, enum op op,
		   unsigned int flags)
{
	io_uring_sqe_set_data64(sqe, (uint64_t)c->index << 8 | op);
	io_uring_sqe_set_flags(sqe, flags);
	c->pending++;
}

/* The header goes first; what comes next is linked to it. */
static void queue_header(struct conn *c)
{
	struct io_uring_sqe *sqe;

	if (c->done >= c->header)
		return;
	sqe = next_sqe();
	io_uring_prep_send(sqe, c->sock, header + c->done, c->header - c->done,
			   MSG_MORE | MSG_WAITALL | MSG_NOSIGNAL);
	set_op(sqe, c, OP_HEADER, IOSQE_IO_LINK);
}

static void queue_send_zc(struct conn *c)
{
	size_t pos = body_done(c);
	struct io_uring_sqe *sqe;

	queue_header(c);
	sqe = next_sqe();
	io_uring_prep_send_zc_fixed(sqe, c->sock, data + c->offset + pos,
				    c->length - pos, MSG_WAITALL | MSG_NOSIGNAL,
				    0, 0);
	set_op(sqe, c, OP_SEND, 0);
}

static void queue_splice(struct conn *c)
{
	size_t pos = body_done(c), len = c->piped;
	struct io_uring_sqe *sqe;
	unsigned int more;

	if (conn_pipe(c))
		die("pipe");
	queue_header(c);
	if (!len) {
		len = MIN(c->length - pos, pipe_bytes());
		sqe = next_sqe();
		io_uring_prep_splice(sqe, c->object->file, c->offset + pos,
				     c->pipe[1], -1, len, SPLICE_F_MOVE);
		set_op(sqe, c, OP_IN, IOSQE_IO_LINK);
	}
	more = pos + len < c->length ? SPLICE_F_MORE : 0;
	sqe = next_sqe();
	io_uring_prep_splice(sqe, c->pipe[0], -1, c->sock, -1, len,
			     SPLICE_F_MOVE | more);
	set_op(sqe, c, OP_OUT, 0);
}

/* Takes one completion in: bytes the socket took. */
static size_t complete(struct conn *c, enum op op, int res)
{
	c->pending--;
	/* Cancelled: what it was linked to came short, and is queued again. */
	if (res == -ECANCELED || res == -EINTR || res == -EAGAIN)
		return 0;
	if (res < 0) {
		errno = -res;
		die("io_uring");
	}
	if (op == OP_IN)
		c->piped += res;
	else if (op == OP_OUT)
		c->piped -= res;
	return op == OP_IN ? 0 : res;
}

static void reap(struct turn *t, void (*queue)(struct conn *c))
{
	struct io_uring_cqe *cqe;
	unsigned int head, nr = 0;

	io_uring_for_each_cqe(&ring, head, cqe) {
		uint64_t id = io_uring_cqe_get_data64(cqe);
		struct conn *c = &t->peer->conn[id >> 8];
		size_t n;

		nr++;
		if (cqe->flags & IORING_CQE_F_NOTIF) {
			notices--;
			continue;
		}
		if (cqe->flags & IORING_CQE_F_MORE)
			notices++;
		n = complete(c, id & 0xff, cqe->res);
		if (n)
			turn_took(t, c, n);
		if (c->pending)
			continue;
		if (c->started || turn_request(t, c))
			queue(c);
	}
	io_uring_cq_advance(&ring, nr);
}

static void drive(struct turn *t, void (*queue)(struct conn *c))
{
	unsigned int i;

	for (i = 0; i < t->peer->nr; i++)
		if (turn_request(t, &t->peer->conn[i]))
			queue(&t->peer->conn[i]);
	while (t->active) {
		int ret = io_uring_submit_and_wait(&ring, 1);

		if (ret < 0 && ret != -EINTR) {
			errno = -ret;
			die("io_uring_enter");
		}
		reap(t, queue);
		turn_tick(t);
	}
}

static void drive_splice(struct turn *t)
{
	drive(t, queue_splice);
}

static void drive_send_zc(struct turn *t)
{
	drive(t, queue_send_zc);
}

/* Nothing is under way any more but notices. */
static void settle(struct conn *c)
{
	(void)c;
	while (notices) {
		struct io_uring_cqe *cqe;
		int ret = io_uring_wait_cqe(&ring, &cqe);

		if (ret == -EINTR)
			continue;
		if (ret < 0) {
			errno = -ret;
			die("waiting for send_zc's notices");
		}
		if (cqe->flags & IORING_CQE_F_NOTIF)
			notices--;
		io_uring_cqe_seen(&ring, cqe);
	}
}

/* Both rows use one ring in turn; the first to open it makes it. */
static unsigned int users;

static int ring_open(const char **why)
{
	cpu_set_t cpu;
	int err;

	if (users++)
		return 0;
	*why = "io_uring_queue_init";
	err = io_uring_queue_init(ENTRIES, &ring, IORING_SETUP_SINGLE_ISSUER |
				  IORING_SETUP_DEFER_TASKRUN);
	if (err == -EINVAL)
		err = io_uring_queue_init(ENTRIES, &ring, 0);
	if (err) {
		users--;
		return err;
	}
	/* Its threads are the sender's: they may not use the receiver's CPU. */
	CPU_ZERO(&cpu);
	CPU_SET(server_cpu(), &cpu);
	*why = "io_uring_register_iowq_aff";
	err = io_uring_register_iowq_aff(&ring, sizeof(cpu), &cpu);
	if (err) {
		io_uring_queue_exit(&ring);
		users--;
	}
	return err;
}

static void ring_close(void)
{
	if (!--users)
		io_uring_queue_exit(&ring);
}

static bool has_op(int op)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(&ring);
	bool has = probe && io_uring_opcode_supported(probe, op);

	io_uring_free_probe(probe);
	return has;
}

static int splice_open(const char **why)
{
	return ring_open(why);
}

static int send_zc_open(const char **why)
{
	struct iovec iov = { .iov_base = data, .iov_len = data_len };
	int err = ring_open(why);

	if (err)
		return err;
	if (!has_op(IORING_OP_SEND_ZC)) {
		*why = "IORING_OP_SEND_ZC";
		err = -EOPNOTSUPP;
	} else {
		*why = "io_uring_register_buffers";
		err = io_uring_register_buffers(&ring, &iov, 1);
	}
	if (err)
		ring_close();
	return err;
}

const struct row row_uring_splice = {
	.name = "uring-splice",
	.what = "io_uring: linked splices into a pipe of 1 MiB and out of it",
	.open = splice_open,
	.close = ring_close,
	.drive = drive_splice,
};

const struct row row_uring_send_zc = {
	.name = "uring-send_zc",
	.what = "io_uring: send_zc from a registered buffer",
	.open = send_zc_open,
	.close = ring_close,
	.drive = drive_send_zc,
	.settle = settle,
};
