/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* The inside of a ring; the library's own, not installed. */
#ifndef ZC_RING_H
#define ZC_RING_H

#include <errno.h>
#include <stdbool.h>

#include "zcache_io.h"

#if defined(HAVE_LIBURING) && !defined(ZC_NO_URING)
#define ZCR_URING 1
#include <liburing.h>
#endif

/* Operations of the library's own, beside those of the header. */
#define ZCR_POPULATE	16	/* maps len bytes of pages from buf on, which may not be there */
#define ZCR_WILLNEED	17	/* has len bytes of the file from offset on read */

/**
 * struct zcr_wait - who waits for one operation of the library's own
 * @done: it is complete
 * @result: as in struct zc_ring_done
 */
struct zcr_wait {
	bool done;
	int64_t result;
};

/**
 * struct zcr_slot - an operation under way
 * @op: what was asked for
 * @wait: who is told, or NULL: zc_ring_complete()
 * @total: bytes asked for
 * @done: bytes so far
 * @iov: those that are left, or NULL
 * @iovs: the memory of @iov
 * @nr_iov: their number
 * @fixed: index of the registered buffer, or -1
 * @next: the next free slot, or -1
 * @queued: the ring's @queued when it was last handed to io_uring, or 0
 */
struct zcr_slot {
	struct zc_ring_op op;
	struct zcr_wait *wait;
	uint64_t total, done;
	struct iovec *iov, *iovs;
	unsigned int nr_iov;
	int fixed, next;
	uint64_t queued;
};

/**
 * struct zc_ring - a ring
 * @slots: as many as may be under way
 * @free: the first free slot, or -1
 * @depth: number of slots
 * @busy: slots that are not free
 * @alignment: what all must be aligned to, or 0
 * @ready: what zc_ring_complete() is to tell, a queue of @depth
 * @ready_first: its first
 * @ready_nr: their number
 * @pool: whose buffers are registered, or NULL
 * @registered: the kernel knows of them
 * @broken: io_uring itself failed: -errno. Nothing is submitted any more.
 * @info: what zc_ring_info() tells
 * @uring: the kernel's ring
 * @queued: how often something was handed to @uring
 * @pending: something is in @uring that is not submitted
 * @on: @uring is there
 * @lost: after that, the kernel did not tell of all that it had taken
 */
struct zc_ring {
	struct zcr_slot *slots;
	int free;
	unsigned int depth, busy, alignment;
	struct zc_ring_done *ready;
	unsigned int ready_first, ready_nr;
	struct zc_pool *pool;
	bool registered;
	int broken;
	struct zc_ring_info info;
#ifdef ZCR_URING
	struct io_uring uring;
#endif
	uint64_t queued;
	bool pending, on, lost;
};

/**
 * zcr_submit() - submits operations, as zc_ring_submit()
 * @ring: where
 * @ops: which
 * @nr: how many
 * @wait: who waits for them, of each, or NULL. Must stay until they are done.
 *
 * Return: how many, or -errno.
 */
int zcr_submit(struct zc_ring *ring, const struct zc_ring_op *ops, unsigned int nr,
	       struct zcr_wait *wait);

/**
 * zcr_wait() - waits for one operation
 * @ring: where it was submitted
 * @wait: who waits
 *
 * Return: its result, or -errno.
 */
int64_t zcr_wait(struct zc_ring *ring, struct zcr_wait *wait);

/**
 * zcr_queue() - queues one operation, for zcr_flush() or zcr_wait() to submit
 * @ring: where
 * @op: which; known to be well-formed
 * @wait: who waits for it, until it is done
 *
 * Return: 0 or -errno.
 */
int zcr_queue(struct zc_ring *ring, const struct zc_ring_op *op, struct zcr_wait *wait);

/**
 * zcr_left() - whether an operation was given up, as the thread that submitted it ended
 * @result: what it came to
 *
 * That says nothing about the file or the memory; who has the bytes does it again.
 *
 * Return: true if it may be so.
 */
static inline bool zcr_left(int64_t result)
{
	return result == -EFAULT || result == -ECANCELED || result == -EINTR;
}

/**
 * zcr_free() - zc_ring_free()
 * @ring: NULL is allowed
 *
 * Return: whether all operations are done. If not, the kernel may read and write their
 * memory at any time, so it must never be used for anything else.
 */
bool zcr_free(struct zc_ring *ring);

/**
 * zcr_flush() - submits what is queued, and takes what is complete, without waiting
 * @ring: where
 */
void zcr_flush(struct zc_ring *ring);

/**
 * zcr_step() - takes what one system call or completion came to
 * @ring: where
 * @slot: whose
 * @result: bytes, or -errno
 *
 * Return: whether the operation is complete; else it goes on with what is left of it.
 */
bool zcr_step(struct zc_ring *ring, struct zcr_slot *slot, int64_t result);

/* By io_uring; these are there if it is built in. */

/**
 * zcr_uring_start() - makes the kernel's ring
 * @ring: for which
 * @conf: the configuration
 *
 * Return: 0 or -errno.
 */
int zcr_uring_start(struct zc_ring *ring, const struct zc_ring_conf *conf);

/**
 * zcr_uring_stop() - ends the kernel's ring
 * @ring: for which
 */
void zcr_uring_stop(struct zc_ring *ring);

/**
 * zcr_uring_queue() - queues what is left of an operation
 * @ring: where; if it is broken, that is the operation's end
 * @slot: which
 */
void zcr_uring_queue(struct zc_ring *ring, struct zcr_slot *slot);

/**
 * zcr_uring_enter() - submits what is queued, and takes completions
 * @ring: where; becomes broken by an error, which ends all operations that the kernel
 *	has not taken
 * @wait: wait for one, if there is none
 */
void zcr_uring_enter(struct zc_ring *ring, bool wait);

/**
 * zcr_uring_reap() - takes completions of a ring that is broken
 * @ring: where; something is under way
 *
 * Return: whether there was one. If not, none came in a time in which one should have.
 */
bool zcr_uring_reap(struct zc_ring *ring);

/**
 * zcr_uring_register() - registers the buffers of the pool
 * @ring: where; has the pool
 *
 * Return: 0 or -errno.
 */
int zcr_uring_register(struct zc_ring *ring);

/**
 * zcr_uring_unregister() - undoes it
 * @ring: where
 */
void zcr_uring_unregister(struct zc_ring *ring);

/**
 * zcr_plain_run() - does an operation by preadv or pwritev, all of it
 * @ring: where
 * @slot: which
 */
void zcr_plain_run(struct zc_ring *ring, struct zcr_slot *slot);

/**
 * zcr_part() - what of an operation with vectors goes to the kernel at once
 * @slot: which
 * @buf: if that is a part of one vector, where it is
 * @len: and how long
 *
 * Return: how many vectors, or 0 for @buf and @len.
 */
unsigned int zcr_part(const struct zcr_slot *slot, void **buf, uint64_t *len);

/*
 * The most bytes that go to the kernel at once: what a registered buffer may have. The
 * kernel itself would end at a number that is a multiple of a page only.
 */
#define ZCR_PIECE (1U << 30)

#endif /* ZC_RING_H */
