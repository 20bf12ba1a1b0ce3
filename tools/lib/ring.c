// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* What rings have in common, whether io_uring or preadv does the work. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"
#include "ring.h"

#define MAX_DEPTH 4096
#define MAX_IOV 1024

void zc_ring_conf_init(struct zc_ring_conf *conf)
{
	*conf = (struct zc_ring_conf){ .size = sizeof(*conf), .queue_depth = 32 };
}

static int start(struct zc_ring *ring, const struct zc_ring_conf *conf)
{
	unsigned int i;

	ring->depth = conf->queue_depth;
	ring->alignment = conf->alignment;
	ring->info.queue_depth = conf->queue_depth;
	ring->slots = calloc(ring->depth, sizeof(*ring->slots));
	ring->ready = calloc(ring->depth, sizeof(*ring->ready));
	if (!ring->slots || !ring->ready)
		return -ENOMEM;
	for (i = 0; i < ring->depth; i++)
		ring->slots[i].next = i + 1 < ring->depth ? (int)i + 1 : -1;
#ifdef ZCR_URING
	if (conf->flags & ZC_RING_NO_URING)
		return 0;
	ring->info.refused = zcr_uring_start(ring, conf);
	ring->on = !ring->info.refused;
#else
	ring->info.refused = conf->flags & ZC_RING_NO_URING ? 0 : -ENOSYS;
#endif
	return 0;
}

int zc_ring_new(const struct zc_ring_conf *conf, struct zc_ring **result)
{
	struct zc_ring_conf defaults;
	struct zc_ring *ring;
	int err;

	if (!conf) {
		zc_ring_conf_init(&defaults);
		conf = &defaults;
	}
	if (!result || conf->size != sizeof(*conf) || conf->flags & ~ZC_RING_NO_URING ||
	    conf->reserved || !conf->queue_depth || conf->queue_depth > MAX_DEPTH ||
	    (conf->alignment & (conf->alignment - 1)))
		return -EINVAL;
	ring = calloc(1, sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	err = start(ring, conf);
	if (err) {
		zc_ring_free(ring);
		return err;
	}
	*result = ring;
	return 0;
}

static void free_slot(struct zc_ring *ring, struct zcr_slot *slot)
{
	free(slot->iovs);
	slot->iovs = NULL;
	slot->next = ring->free;
	ring->free = slot - ring->slots;
	ring->busy--;
}

#ifdef ZCR_URING
/* What is submitted and not complete yet; the rest only waits to be told. */
static bool under_way(const struct zc_ring *ring)
{
	return ring->busy > ring->ready_nr;
}
#endif

/* Takes completions until there is one more than before, or an error. */
static int progress(struct zc_ring *ring)
{
#ifdef ZCR_URING
	if (!ring->on || !under_way(ring))
		return 0;
	if (!ring->broken) {
		zcr_uring_enter(ring, true);
		return 0;
	}
	if (!ring->lost)
		ring->lost = !zcr_uring_reap(ring);
	return ring->lost ? ring->broken : 0;
#else
	(void)ring;
	return 0;
#endif
}

bool zcr_free(struct zc_ring *ring)
{
	unsigned int i;
	bool done;

	if (!ring)
		return true;
#ifdef ZCR_URING
	if (ring->on) {
		while (under_way(ring) && !progress(ring))
			;
		if (ring->registered)
			zcr_uring_unregister(ring);
		zcr_uring_stop(ring);
	}
#endif
	done = !ring->lost;
	/* What the kernel may still write to stays held, so that nobody can free it. */
	if (ring->pool && done)
		zcp_release(ring->pool);
	for (i = 0; ring->slots && i < ring->depth; i++)
		free(ring->slots[i].iovs);
	free(ring->slots);
	free(ring->ready);
	free(ring);
	return done;
}

void zc_ring_free(struct zc_ring *ring)
{
	zcr_free(ring);
}

const char *zc_ring_kind(const struct zc_ring *ring)
{
	return ring->on ? "io_uring" : "preadv";
}

void zc_ring_info(const struct zc_ring *ring, struct zc_ring_info *info)
{
	*info = ring->info;
	info->in_flight = ring->busy;
}

int zc_ring_register(struct zc_ring *ring, struct zc_pool *pool)
{
	int err = 0;

	if (!pool || ring->busy)
		return -EINVAL;
	if (ring->pool)
		return -EBUSY;
	ring->pool = pool;
#ifdef ZCR_URING
	if (ring->on)
		err = zcr_uring_register(ring);
#endif
	if (err) {
		ring->pool = NULL;
		return err;
	}
	ring->registered = ring->on;
	zcp_hold(pool);
	return 0;
}

int zc_ring_unregister(struct zc_ring *ring)
{
	if (!ring->pool)
		return -ENXIO;
	if (ring->busy)
		return -EINVAL;
#ifdef ZCR_URING
	if (ring->registered)
		zcr_uring_unregister(ring);
#endif
	ring->registered = false;
	zcp_release(ring->pool);
	ring->pool = NULL;
	return 0;
}

static bool aligned(const struct zc_ring *ring, uint64_t a, uint64_t b)
{
	return !ring->alignment || !((a | b) & (ring->alignment - 1));
}

/* Whether an operation is well-formed; *total becomes the bytes that it asks for. */
static bool good(const struct zc_ring *ring, const struct zc_ring_op *op, uint64_t *total)
{
	unsigned int i;

	if (op->op == ZCR_POPULATE || op->op == ZCR_WILLNEED)
		return true;
	if (op->op > ZC_RING_WRITE || op->reserved || op->offset > INT64_MAX)
		return false;
	if (op->buf) {
		*total = op->len;
		if (op->nr_iov || !aligned(ring, (uintptr_t)op->buf, op->len))
			return false;
	} else {
		if (!op->iov || !op->nr_iov || op->nr_iov > MAX_IOV || op->len)
			return false;
		for (i = 0, *total = 0; i < op->nr_iov; i++) {
			if (op->iov[i].iov_len > INT64_MAX - *total ||
			    !aligned(ring, (uintptr_t)op->iov[i].iov_base, op->iov[i].iov_len))
				return false;
			*total += op->iov[i].iov_len;
		}
	}
	return *total <= INT64_MAX - op->offset && aligned(ring, op->offset, 0);
}

/* A copy of what the caller's array says, which it may use again for something else. */
static int copy_iov(struct zcr_slot *slot, const struct zc_ring_op *op)
{
	slot->iov = slot->iovs = NULL;
	slot->nr_iov = op->nr_iov;
	if (op->buf || !op->iov)
		return 0;
	slot->iovs = malloc(op->nr_iov * sizeof(*op->iov));
	if (!slot->iovs)
		return -ENOMEM;
	memcpy(slot->iovs, op->iov, op->nr_iov * sizeof(*op->iov));
	slot->iov = slot->iovs;
	return 0;
}

/* Takes a free slot for an operation. */
static int take_slot(struct zc_ring *ring, const struct zc_ring_op *op, struct zcr_wait *wait)
{
	int index = ring->free;
	struct zcr_slot *slot = &ring->slots[index];
	int err = copy_iov(slot, op);

	if (err)
		return err;
	ring->free = slot->next;
	ring->busy++;
	slot->next = -1;
	slot->op = *op;
	slot->total = 0;
	good(ring, op, &slot->total);
	slot->done = 0;
	slot->wait = wait;
	if (wait)
		wait->done = false;
	slot->fixed = ring->registered && op->buf && op->op <= ZC_RING_WRITE ?
		zcp_index(ring->pool, op->buf, slot->total) : -1;
	return index;
}

static void run_slot(struct zc_ring *ring, struct zcr_slot *slot)
{
	ring->info.operations++;
	ring->info.fixed += slot->fixed >= 0;
#ifdef ZCR_URING
	if (ring->on) {
		zcr_uring_queue(ring, slot);
		return;
	}
#endif
	zcr_plain_run(ring, slot);
}

int zcr_submit(struct zc_ring *ring, const struct zc_ring_op *ops, unsigned int nr,
	       struct zcr_wait *wait)
{
	int first = -1, *link = &first, index = 0;
	uint64_t total;
	unsigned int i;

	if (ring->broken)
		return ring->broken;
	for (i = 0; i < nr; i++)
		if (!good(ring, &ops[i], &total))
			return -EINVAL;
	if (nr && ring->busy == ring->depth)
		return -EAGAIN;
	if (nr > ring->depth - ring->busy)
		nr = ring->depth - ring->busy;
	/* All memory first: either all of them run or none. */
	for (i = 0; i < nr && index >= 0; i++) {
		index = take_slot(ring, &ops[i], wait ? &wait[i] : NULL);
		if (index >= 0) {
			*link = index;
			link = &ring->slots[index].next;
		}
	}
	while (first >= 0) {
		struct zcr_slot *slot = &ring->slots[first];

		first = slot->next;
		if (index < 0)
			free_slot(ring, slot);
		else
			run_slot(ring, slot);
	}
	if (index < 0)
		return index;
	/* They are taken, and their ends are told, also if io_uring fails now. */
	zcr_flush(ring);
	return nr;
}

int zcr_queue(struct zc_ring *ring, const struct zc_ring_op *op, struct zcr_wait *wait)
{
	int index;

	if (ring->broken)
		return ring->broken;
	if (ring->busy == ring->depth)
		return -EAGAIN;
	index = take_slot(ring, op, wait);
	if (index < 0)
		return index;
	run_slot(ring, &ring->slots[index]);
	return 0;
}

void zcr_flush(struct zc_ring *ring)
{
#ifdef ZCR_URING
	if (ring->on && !ring->broken)
		zcr_uring_enter(ring, false);
#endif
	(void)ring;
}

/* Leaves in the slot what is left of its memory. */
static void advance(struct zcr_slot *slot, uint64_t n)
{
	slot->done += n;
	while (slot->iov && slot->nr_iov && n >= slot->iov->iov_len) {
		n -= slot->iov->iov_len;
		slot->iov++;
		slot->nr_iov--;
	}
	if (slot->iov && slot->nr_iov) {
		slot->iov->iov_base = (char *)slot->iov->iov_base + n;
		slot->iov->iov_len -= n;
	}
}

unsigned int zcr_part(const struct zcr_slot *slot, void **buf, uint64_t *len)
{
	uint64_t all = 0;
	unsigned int nr;

	for (nr = 0; nr < slot->nr_iov; nr++) {
		all += slot->iov[nr].iov_len;
		if (all > ZCR_PIECE)
			break;
	}
	if (!nr) {
		*buf = slot->iov->iov_base;
		*len = ZCR_PIECE;
	}
	return nr;
}

bool zcr_step(struct zc_ring *ring, struct zcr_slot *slot, int64_t result)
{
	bool complete = true;

	if (slot->op.op > ZC_RING_WRITE) {
		slot->done = 0;
	} else if (result == -EINTR) {
		return false;
	} else if (result > 0) {
		advance(slot, result);
		/* With O_DIRECT a read that ends amid a block has met the end of the file. */
		complete = slot->done == slot->total ||
			!aligned(ring, slot->done, 0);
		ring->info.resumed += !complete;
	}
	if (!complete)
		return false;
	if (result > 0 || slot->done)
		result = slot->done;
	if (slot->wait) {
		slot->wait->result = result;
		slot->wait->done = true;
		free_slot(ring, slot);
		return true;
	}
	/* The slot stays taken until it is told, so the queue has room for each. */
	ring->ready[(ring->ready_first + ring->ready_nr++) % ring->depth] =
		(struct zc_ring_done){ .tag = slot->op.tag, .result = result };
	free(slot->iovs);
	slot->iovs = NULL;
	slot->next = ring->free;
	ring->free = slot - ring->slots;
	return true;
}

int zc_ring_submit(struct zc_ring *ring, const struct zc_ring_op *ops, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (ops[i].op > ZC_RING_WRITE)
			return -EINVAL;
	return zcr_submit(ring, ops, nr, NULL);
}

int zc_ring_complete(struct zc_ring *ring, struct zc_ring_done *done, unsigned int max,
		     unsigned int min)
{
	unsigned int n = 0;
	int err = 0;

	if (min > max)
		min = max;
	if (ring->ready_nr < max)
		zcr_flush(ring);
	for (;;) {
		while (n < max && ring->ready_nr) {
			done[n++] = ring->ready[ring->ready_first];
			ring->ready_first = (ring->ready_first + 1) % ring->depth;
			ring->ready_nr--;
			ring->busy--;
		}
		if (n >= min || !ring->busy || err)
			return n || !err ? (int)n : err;
		err = progress(ring);
	}
}

int64_t zcr_wait(struct zc_ring *ring, struct zcr_wait *wait)
{
	unsigned int i;
	int err = 0;

	while (!wait->done && !err)
		err = progress(ring);
	if (wait->done)
		return wait->result;
	/* Should it be complete later, nobody waits any more. */
	for (i = 0; i < ring->depth; i++)
		if (ring->slots[i].wait == wait)
			ring->slots[i].wait = NULL;
	return err;
}

static ssize_t read_one(struct zc_ring *ring, const struct zc_ring_op *op)
{
	struct zcr_wait wait;
	int n = zcr_submit(ring, op, 1, &wait);

	return n < 0 ? n : (ssize_t)zcr_wait(ring, &wait);
}

ssize_t zc_ring_read_at(struct zc_ring *ring, int fd, void *buf, size_t len, uint64_t offset)
{
	struct zc_ring_op op = {
		.op = ZC_RING_READ, .fd = fd, .offset = offset, .buf = buf, .len = len,
	};

	return buf ? read_one(ring, &op) : -EINVAL;
}

ssize_t zc_ring_readv_at(struct zc_ring *ring, int fd, const struct iovec *iov,
			 unsigned int nr_iov, uint64_t offset)
{
	struct zc_ring_op op = {
		.op = ZC_RING_READ, .fd = fd, .offset = offset, .iov = iov, .nr_iov = nr_iov,
	};

	return read_one(ring, &op);
}
