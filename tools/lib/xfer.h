/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * From memory and files to a socket, in one place; the library's own, not installed.
 * Whoever sends anything calls zcx_send() and learns how much went.
 */
#ifndef ZCX_XFER_H
#define ZCX_XFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Ways of a file's bytes to a socket, in the order in which one stands in for another
 * that this system, file or socket does not have.
 */
enum zcx_path {
	ZCX_URING,		/* io_uring, which reads while it sends */
	ZCX_SENDFILE,		/* sendfile(2): pages by reference */
	ZCX_MMAP,		/* a mapping, and sendmsg(2) */
	ZCX_READ,		/* pread(2), and sendmsg(2) */
	ZCX_PATHS
};

/* No system call takes more. */
#define ZCX_CALL_MAX	0x7ffff000UL

/*
 * A range by reference must have as many bytes to be worth it, and one by mapping,
 * where it is to be copied. sendfile(2) itself is faster from 1 KiB on, but two more
 * calls hold SIGPIPE back, which is made up for from 8 to 16 KiB on; a mapping is faster
 * from 512 KiB to 1 MiB on, as it must be made and undone. io_uring is chosen by nobody
 * but the user: it copies, and is for files that are not in the page cache. By two splices
 * and a pipe it would take no less CPU than sendfile(2) either. See bench/host and
 * bench/rows_uring.c.
 */
#define ZCX_SENDFILE_MIN	(16U << 10)
#define ZCX_MMAP_MIN		(1U << 20)

/**
 * struct zcx_seg - a piece of what is sent
 * @mem: its bytes, or NULL for a range of a file
 * @len: how many
 * @offset: where they begin in the file
 * @fd: the file
 * @path: the first way to try; the others follow where it is not to be had
 */
struct zcx_seg {
	const void *mem;
	uint64_t len;
	uint64_t offset;
	int fd;
	enum zcx_path path;
};

/* Flags of zcx_send(). */
#define ZCX_NOWAIT	(1U << 0)	/* as if the socket had O_NONBLOCK */
#define ZCX_MORE	(1U << 1)	/* the caller has more to send: MSG_MORE */
#define ZCX_RESTART	(1U << 2)	/* a signal before the first byte is no end */

/**
 * struct zcx_counts - what was done; zcx_send() adds to it
 * @calls: system calls that moved bytes, by way; those for memory alone are ZCX_READ's
 * @bytes: bytes of files, by way
 * @mem_bytes: bytes of memory
 * @fallbacks: how often a way was given up for the next
 */
struct zcx_counts {
	uint64_t calls[ZCX_PATHS];
	uint64_t bytes[ZCX_PATHS];
	uint64_t mem_bytes;
	uint64_t fallbacks[ZCX_PATHS];
};

enum zcx_path zcx_choose(uint64_t len, bool copy);
bool zcx_unsupported(int err);
ssize_t zcx_sendfile(int out, int in, off_t *offset, size_t len);
int64_t zcx_send(int sock, const struct zcx_seg *segs, unsigned int nr, uint64_t skip,
		 uint64_t max_bytes, unsigned int flags, struct zcx_counts *counts);

/* SIGPIPE, which sendfile(2) and splice(2) know no flag against. */

/**
 * struct zcx_quiet - a thread that shall not hear of a broken pipe
 * @on: whether anything was changed
 * @blocked: SIGPIPE was blocked before
 * @pending: and waited to be heard
 * @old: the signals that were blocked before
 */
struct zcx_quiet {
	bool on;
	bool blocked;
	bool pending;
	unsigned long old[16];
};

void zcx_quiet_begin(struct zcx_quiet *quiet);
void zcx_quiet_end(struct zcx_quiet *quiet, bool maybe);

#endif /* ZCX_XFER_H */
