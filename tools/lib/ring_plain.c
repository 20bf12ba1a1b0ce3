// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The operations of a ring without io_uring. */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "ring.h"

static int64_t once(const struct zcr_slot *slot)
{
	const struct zc_ring_op *op = &slot->op;
	uint64_t left = slot->total - slot->done, at = op->offset + slot->done;
	void *buf = (char *)op->buf + slot->done;
	unsigned int nr = slot->iov ? zcr_part(slot, &buf, &left) : 0;
	ssize_t n;

	if (left > ZCR_PIECE)
		left = ZCR_PIECE;
	if (nr)
		n = op->op == ZC_RING_READ ? preadv(op->fd, slot->iov, nr, at) :
			pwritev(op->fd, slot->iov, nr, at);
	else
		n = op->op == ZC_RING_READ ? pread(op->fd, buf, left, at) :
			pwrite(op->fd, buf, left, at);
	return n < 0 ? -errno : n;
}

void zcr_plain_run(struct zc_ring *ring, struct zcr_slot *slot)
{
	/* Hints that only io_uring can take without waiting for them. */
	if (slot->op.op > ZC_RING_WRITE) {
		zcr_step(ring, slot, -EOPNOTSUPP);
		return;
	}
	while (!zcr_step(ring, slot, once(slot)))
		;
}
