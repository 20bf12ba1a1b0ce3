/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Bytes of files to sockets and to other files, by the best way that the system, the
 * file and the socket have, and by the next one where they lack it. Needs no store.
 */
#ifndef ZCACHE_XFER_H
#define ZCACHE_XFER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of zc_sendfile(). */
#define ZC_XFER_NOWAIT	(1U << 0)	/* as if the socket had O_NONBLOCK */
#define ZC_XFER_MORE	(1U << 1)	/* more follows: as MSG_MORE */
#define ZC_XFER_COPY	(1U << 2)	/* by copy, whatever the size */
/*
 * By io_uring: more is read while the socket takes what was read before. For files that
 * are not in the page cache; of what is there it makes one more copy.
 */
#define ZC_XFER_AHEAD	(1U << 3)

/*
 * Sends len bytes of fd from *offset on, which is raised by what went; with offset NULL
 * from the file position on. Small ranges are copied, larger ones go by reference.
 *
 * Returns the bytes that went: fewer than len if the socket does not block and is full,
 * a signal came, the file ended or the connection broke; and -errno if none went: what
 * send(2) gives, without ever raising SIGPIPE; -ENODATA at the end of the file; -ESPIPE
 * for an offset in what has none; -EINVAL for an unknown flag or a negative offset.
 *
 * fd may be a pipe or a socket, and sock any fd that can be written. What is read from
 * what is neither a file nor a pipe is sent before the call returns, so that it is not
 * lost; ZC_XFER_NOWAIT is refused for those without offset (-EINVAL).
 */
int64_t zc_sendfile(int sock, int fd, int64_t *offset, uint64_t len, unsigned int flags);

/*
 * Copies len bytes of in from *in_offset on to out from *out_offset on, and raises both;
 * with NULL from the file positions on. A file system that can share the bytes does so.
 *
 * Returns the bytes copied: fewer than len at the end of in, when a fd does not block, or
 * before an error; 0 at the end of in; and -errno if none were: what read(2) and write(2)
 * give, and -EINVAL if the ranges are of one file and overlap, or for an out_offset in a
 * file that is open for appending.
 */
int64_t zc_copy_range(int out, int64_t *out_offset, int in, int64_t *in_offset, uint64_t len);

/* Ways that bytes took. */
enum zc_xfer_path {
	ZC_XFER_URING,		/* io_uring */
	ZC_XFER_SENDFILE,	/* sendfile(2) */
	ZC_XFER_MMAP,		/* a mapping, and sendmsg(2) */
	ZC_XFER_READ,		/* read(2), and sendmsg(2) or write(2) */
	ZC_XFER_SPLICE,		/* splice(2) */
	ZC_XFER_COPY_RANGE,	/* copy_file_range(2) */
	ZC_XFER_PATHS
};

/*
 * The way that zc_send() with this handle tries first for what is as large as the store's
 * splice threshold, or the call's: ZC_XFER_URING, ZC_XFER_SENDFILE, ZC_XFER_MMAP or
 * ZC_XFER_READ; those that follow it here stand in for it. ZC_XFER_AUTO, which it is at
 * first: sendfile(2). -EINVAL: another number; -EOPNOTSUPP: the store is the module's,
 * which has its own way.
 */
#define ZC_XFER_AUTO	(-1)

struct zc_cache;
int zc_send_path(struct zc_cache *cache, int path);

/* What zc_sendfile() and zc_copy_range() did in this process. */
struct zc_xfer_counts {
	uint64_t calls[ZC_XFER_PATHS];		/* system calls that moved bytes */
	uint64_t bytes[ZC_XFER_PATHS];
	uint64_t fallbacks[ZC_XFER_PATHS];	/* times this way was given up for another */
};

/* size is that of the struct, as the program was compiled. */
void zc_xfer_counts(struct zc_xfer_counts *counts, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* ZCACHE_XFER_H */
