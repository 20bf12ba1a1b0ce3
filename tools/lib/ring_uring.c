// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The operations of a ring by io_uring. */
#include "ring.h"

#ifdef ZCR_URING
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include "pool.h"

/*
 * How long a broken ring is asked for a completion: five seconds without any. Longer than
 * a disk takes, and not for ever, as the kernel may have thrown completions away.
 */
#define PAUSE_NS 1000000
#define PAUSES 5000

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

/* Plain reads and writes came a year after io_uring itself. */
static int has_operations(struct io_uring *uring)
{
	struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
	int good;

	if (!probe)
		return 0;
	good = io_uring_opcode_supported(probe, IORING_OP_READ) &&
		io_uring_opcode_supported(probe, IORING_OP_WRITE) &&
		io_uring_opcode_supported(probe, IORING_OP_MADVISE);
	io_uring_free_probe(probe);
	return good;
}

int zcr_uring_start(struct zc_ring *ring, const struct zc_ring_conf *conf)
{
	struct io_uring_params p = { 0 };
	int err = -EPERM;

	if (conf->sqpoll_idle_ms) {
		p.flags = IORING_SETUP_SQPOLL;
		p.sq_thread_idle = conf->sqpoll_idle_ms;
		err = io_uring_queue_init_params(ring->depth, &ring->uring, &p);
		ring->info.sqpoll = !err;
	}
	if (err) {
		p = (struct io_uring_params){ 0 };
		err = io_uring_queue_init_params(ring->depth, &ring->uring, &p);
	}
	if (err)
		return err;
	if (!has_operations(&ring->uring)) {
		ring->info.sqpoll = 0;
		io_uring_queue_exit(&ring->uring);
		return -ENOSYS;
	}
	return 0;
}

void zcr_uring_stop(struct zc_ring *ring)
{
	io_uring_queue_exit(&ring->uring);
}

/* Whether an error of io_uring_enter(2) is about now, and not about the ring. */
static bool passes(int err)
{
	return err >= 0 || err == -EINTR || err == -EAGAIN || err == -EBUSY;
}

/*
 * The ring takes nothing any more. What the kernel has not fetched it never will, as
 * nobody submits again; its thread does, unless it is that which is gone.
 */
static void fail(struct zc_ring *ring, int err)
{
	unsigned int i, left = 0;

	ring->broken = err;
	if (!ring->info.sqpoll || err == -EOWNERDEAD)
		left = io_uring_sq_ready(&ring->uring);
	for (i = 0; i < ring->depth; i++) {
		struct zcr_slot *slot = &ring->slots[i];

		if (slot->queued && ring->queued - slot->queued < left)
			zcr_step(ring, slot, err);
	}
}

static struct io_uring_sqe *get_sqe(struct zc_ring *ring)
{
	struct io_uring_sqe *sqe;
	int err;

	/* No more slots than entries: only the kernel's thread may be behind. */
	while (!(sqe = io_uring_get_sqe(&ring->uring))) {
		err = io_uring_submit(&ring->uring);
		if (!passes(err)) {
			fail(ring, err);
			return NULL;
		}
		io_uring_sqring_wait(&ring->uring);
	}
	return sqe;
}

void zcr_uring_queue(struct zc_ring *ring, struct zcr_slot *slot)
{
	const struct zc_ring_op *op = &slot->op;
	uint64_t left = slot->total - slot->done, at = op->offset + slot->done;
	struct io_uring_sqe *sqe = ring->broken ? NULL : get_sqe(ring);
	void *buf = (char *)op->buf + slot->done;
	unsigned int nr = slot->iov ? zcr_part(slot, &buf, &left) : 0;

	if (!sqe) {
		zcr_step(ring, slot, ring->broken);
		return;
	}
	if (left > ZCR_PIECE)
		left = ZCR_PIECE;
	if (op->op == ZCR_POPULATE)
		io_uring_prep_madvise(sqe, op->buf, op->len, MADV_POPULATE_READ);
	else if (op->op == ZCR_WILLNEED)
		io_uring_prep_fadvise(sqe, op->fd, op->offset, op->len, POSIX_FADV_WILLNEED);
	else if (nr && op->op == ZC_RING_READ)
		io_uring_prep_readv(sqe, op->fd, slot->iov, nr, at);
	else if (nr)
		io_uring_prep_writev(sqe, op->fd, slot->iov, nr, at);
	else if (slot->fixed >= 0 && op->op == ZC_RING_READ)
		io_uring_prep_read_fixed(sqe, op->fd, buf, left, at, slot->fixed);
	else if (slot->fixed >= 0)
		io_uring_prep_write_fixed(sqe, op->fd, buf, left, at, slot->fixed);
	else if (op->op == ZC_RING_READ)
		io_uring_prep_read(sqe, op->fd, buf, left, at);
	else
		io_uring_prep_write(sqe, op->fd, buf, left, at);
	io_uring_sqe_set_data(sqe, slot);
	slot->queued = ++ring->queued;
	ring->pending = true;
}

/* Takes all completions that are there; returns their number. */
static unsigned int take(struct zc_ring *ring)
{
	struct io_uring_cqe *cqe;
	unsigned int n = 0;

	while (!io_uring_peek_cqe(&ring->uring, &cqe)) {
		struct zcr_slot *slot = io_uring_cqe_get_data(cqe);
		int result = cqe->res;

		io_uring_cqe_seen(&ring->uring, cqe);
		if (zcr_step(ring, slot, result)) {
			n++;
			continue;
		}
		zcr_uring_queue(ring, slot);
		/* That is an end as well, with what is done so far. */
		n += !!ring->broken;
	}
	return n;
}

bool zcr_uring_reap(struct zc_ring *ring)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned int i;

	/* To wait for one takes the call that has failed. */
	for (i = 0; i < PAUSES; i++) {
		if (take(ring))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

void zcr_uring_enter(struct zc_ring *ring, bool wait)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned int taken = take(ring);
	struct io_uring_cqe *cqe;

	for (;;) {
		bool idle = wait && !taken;
		int err;

		if (!idle && !ring->pending)
			return;
		ring->pending = false;
		err = idle ? io_uring_submit_and_wait(&ring->uring, 1) :
			io_uring_submit(&ring->uring);
		if (!passes(err)) {
			fail(ring, err);
			return;
		}
		/* One that is refused ends a batch: the rest is still to be submitted. */
		if (!ring->info.sqpoll)
			ring->pending = io_uring_sq_ready(&ring->uring);
		taken += take(ring);
		if (ring->broken)
			return;
		if (err >= 0)
			continue;
		if (!wait || taken)
			return;
		/* No memory for more right now: what is under way gives some back. */
		if (ring->busy - ring->ready_nr > io_uring_sq_ready(&ring->uring))
			io_uring_wait_cqe(&ring->uring, &cqe);
		else
			nanosleep(&pause, NULL);
		taken += take(ring);
	}
}

int zcr_uring_register(struct zc_ring *ring)
{
	unsigned int i, nr = zc_pool_count(ring->pool);
	struct iovec *iov = calloc(nr, sizeof(*iov));
	int err;

	if (!iov)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		iov[i] = (struct iovec){
			.iov_base = zcp_buffer(ring->pool, i),
			.iov_len = zc_pool_buffer_size(ring->pool),
		};
	err = io_uring_register_buffers(&ring->uring, iov, nr);
	free(iov);
	/* Old kernels take fewer. */
	return err == -EINVAL ? -EOPNOTSUPP : err;
}

void zcr_uring_unregister(struct zc_ring *ring)
{
	io_uring_unregister_buffers(&ring->uring);
}
#endif
