/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* A file to a socket by io_uring; the library's own, not installed. */
#ifndef ZCX_XFER_URING_H
#define ZCX_XFER_URING_H

#include <stdbool.h>
#include <stdint.h>

/**
 * zcx_uring_send() - send a range of a file, of which more is read while it is sent
 * @sock: the socket
 * @fd: the file
 * @at: where the range begins
 * @len: its bytes, more than 0
 * @nowait: as if the socket had O_NONBLOCK
 * @more: more follows after the range
 * @err: set to why it sent less than @len, a positive errno; 0: the socket took less.
 *	Of ENOSYS, before the first byte, there is no io_uring, or not for this file
 *
 * Return: the bytes that went.
 */
uint64_t zcx_uring_send(int sock, int fd, uint64_t at, uint64_t len, bool nowait, bool more,
			int *err);

#endif /* ZCX_XFER_URING_H */
