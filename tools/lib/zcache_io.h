/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Reading and writing files and objects with few copies and few system calls: readers over
 * io_uring, mappings or pread, a ring of reads and writes, buffers, and a writer that
 * gathers small writes.
 *
 * All sizes, offsets and lengths are in bytes. A call returns 0 or a value on success and
 * -errno on failure; errno itself has no meaning then. "May block" says that a call may
 * wait for a disk, or for another thread. What is made by a call with a "struct X **x"
 * belongs to the caller, who ends it with the call named there; after a failure *x is as it
 * was. Ending NULL is allowed.
 *
 * Threads: a pool may be used by any number of threads at the same time. Maps, rings,
 * readers and writers are used by one thread at a time, whichever; different ones by
 * different threads at the same time. Where a thread ends, operations of a ring that it
 * submitted and that are under way may end with -EFAULT, -ECANCELED or -EINTR; readers and
 * writers do them again by themselves.
 *
 * A struct whose first member is "size" is made ready by its ..._init call, which fills in
 * all members; where a pointer to one is NULL, that is what applies.
 */
#ifndef ZCACHE_IO_H
#define ZCACHE_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <zcache.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Aligned buffers.
 */

/* Memory whose address and size are multiples of alignment. Not written by the library
 * after zc_aligned_alloc(), so any thread may read the members.
 */
struct zc_aligned {
	void *data;
	size_t size;		/* as asked for, rounded up to the alignment */
	size_t alignment;
};

/*
 * Fills in buf with size bytes of zeros. alignment is a power of two from 8 on, or 0 for
 * 4096. The caller ends it with zc_aligned_free(). Does not block.
 * -EINVAL: size is 0 or too large, or the alignment is no such number; -ENOMEM.
 */
int zc_aligned_alloc(struct zc_aligned *buf, size_t size, size_t alignment);

/* Frees the memory and clears buf: a second call does nothing. */
void zc_aligned_free(struct zc_aligned *buf);

/*
 * A pool of buffers of one size: bounded, never grows, thread-safe.
 */

struct zc_pool;

/*
 * Makes a pool of count buffers (1 to 16384) of buffer_size bytes (1 byte to 1 GiB) each,
 * both rounded up to alignment as in zc_aligned_alloc(). Memory is taken at once.
 * The caller ends it with zc_pool_free().
 * -EINVAL: a number is out of its range; -ENOMEM.
 */
int zc_pool_new(size_t buffer_size, unsigned int count, size_t alignment, struct zc_pool **pool);

/*
 * Ends a pool. -EBUSY: buffers are still out, or a ring still has it registered; the pool
 * is as it was.
 */
int zc_pool_free(struct zc_pool *pool);

/*
 * Takes a buffer out and returns its index, 0 to count - 1; *buf is its address. Its bytes
 * are what the last user left. Waits up to timeout_ms milliseconds for one to come back, 0
 * to not wait, -1 to wait without end. -EAGAIN: there was none.
 */
int zc_pool_get(struct zc_pool *pool, int timeout_ms, void **buf);

/*
 * Gives a buffer back: the address that zc_pool_get() gave. -EINVAL: it is no buffer of the
 * pool; -EALREADY: it is not out (given back twice), and nothing happens.
 */
int zc_pool_put(struct zc_pool *pool, void *buf);

/* The size of each buffer; how many are in the pool right now, of how many. */
size_t zc_pool_buffer_size(const struct zc_pool *pool);
unsigned int zc_pool_free_count(struct zc_pool *pool);
unsigned int zc_pool_count(const struct zc_pool *pool);

/*
 * A ring: reads and writes of files, many under way at a time, by io_uring. Where that is
 * not to be had (built without liburing, a kernel that refuses it) the same calls work by
 * preadv(2) and pwritev(2), with the same results; then zc_ring_submit() is what blocks.
 */

struct zc_ring;

#define ZC_RING_NO_URING	(1U << 0)	/* preadv even where io_uring is to be had */

struct zc_ring_conf {
	uint32_t size;		/* of this struct */
	uint32_t flags;		/* ZC_RING_... */
	uint32_t queue_depth;	/* operations under way at most, 1 to 4096; 32 */
	/*
	 * Unless 0, a kernel thread takes what is submitted without a system call, and
	 * sleeps after that many milliseconds without work. Where the kernel does not
	 * allow it the ring works without. 0.
	 */
	uint32_t sqpoll_idle_ms;
	/*
	 * Unless 0, a power of two that addresses, offsets and lengths of all operations
	 * must be multiples of, as files opened with O_DIRECT want it (mostly 512 or 4096):
	 * others are refused, whatever the file system would have said. 0.
	 */
	uint32_t alignment;
	uint32_t reserved;	/* 0 */
};

void zc_ring_conf_init(struct zc_ring_conf *conf);

/*
 * Makes a ring, which the caller ends with zc_ring_free(). conf may be NULL.
 * -EINVAL: a member is out of its range; -ENOMEM, -EMFILE, -ENFILE. Never fails because
 * io_uring is not to be had.
 */
int zc_ring_new(const struct zc_ring_conf *conf, struct zc_ring **ring);

/* Waits for what is under way, whose buffers may be written until then, and ends the ring. */
void zc_ring_free(struct zc_ring *ring);

/* How a ring works: "io_uring" or "preadv". */
const char *zc_ring_kind(const struct zc_ring *ring);

struct zc_ring_info {
	uint32_t queue_depth;
	uint32_t in_flight;	/* submitted, and not yet told by zc_ring_complete() */
	int32_t refused;	/* why it is not io_uring: -errno; -ENOSYS: built without; 0 */
	uint32_t sqpoll;	/* 1: a kernel thread takes what is submitted */
	uint64_t operations;	/* submitted in all */
	uint64_t fixed;		/* of them to or from registered buffers, without pinning pages */
	uint64_t resumed;	/* went on after a short read or write */
};

void zc_ring_info(const struct zc_ring *ring, struct zc_ring_info *info);

/*
 * Registers all buffers of a pool: operations that lie in one of them need not look up and
 * pin its pages. A ring has one pool at a time, and the pool must outlive its registration.
 * Does nothing but remember it if the ring works by preadv.
 * -EBUSY: it has one; -EINVAL: operations are under way; -ENOMEM: more memory than may be
 * locked (RLIMIT_MEMLOCK), -EOPNOTSUPP: the kernel cannot; then all works as before.
 */
int zc_ring_register(struct zc_ring *ring, struct zc_pool *pool);

/* Undoes it. -ENXIO: there is none; -EINVAL: operations are under way. */
int zc_ring_unregister(struct zc_ring *ring);

#define ZC_RING_READ	0
#define ZC_RING_WRITE	1

/* One operation. Memory and file stay with the caller, and must be there until it is told
 * complete; iov itself only during the call.
 */
struct zc_ring_op {
	uint32_t op;		/* ZC_RING_... */
	int32_t fd;
	uint64_t offset;	/* in the file */
	void *buf;		/* to or from where; not changed by a write. NULL: iov */
	uint64_t len;		/* bytes of buf, below 2^63 */
	const struct iovec *iov;	/* if buf is NULL */
	uint32_t nr_iov;	/* 1 to 1024; 0 with buf */
	uint32_t reserved;	/* 0 */
	uint64_t tag;		/* the caller's; zc_ring_complete() gives it back */
};

/* What came of one. */
struct zc_ring_done {
	uint64_t tag;
	/*
	 * Bytes read or written, or -errno. Less than asked for only at the end of the
	 * file, or where an error came after some bytes (the next operation there finds it).
	 */
	int64_t result;
};

/*
 * Submits up to nr operations and returns how many were taken: as many as there was room
 * for below queue_depth. One system call, or none with sqpoll_idle_ms. Does not wait for
 * them, unless the ring works by preadv.
 * -EAGAIN: no room, complete some first; -EINVAL: one of the operations is malformed or
 * not aligned, and none was taken; -ENOMEM, none was taken.
 *
 * Should io_uring itself fail (its thread is gone, the kernel has no memory), the ring takes
 * nothing any more: this call returns the error from then on, and so do the operations that
 * the kernel had not begun. Those that it had are completed as ever. If for five seconds none
 * of them is, zc_ring_complete() and zc_ring_read_at() return the error: the kernel may then
 * read and write the memory of what is not told complete even after zc_ring_free(), and a
 * registered pool stays registered for ever.
 */
int zc_ring_submit(struct zc_ring *ring, const struct zc_ring_op *ops, unsigned int nr);

/*
 * Tells what is complete, in any order: up to max, waiting until it is at least min or
 * nothing is under way. Returns how many, which is 0 if nothing is under way.
 */
int zc_ring_complete(struct zc_ring *ring, struct zc_ring_done *done, unsigned int max,
		     unsigned int min);

/*
 * Read at an offset and wait for that alone; what else becomes complete meanwhile is kept
 * for zc_ring_complete(). Return bytes, fewer than asked for only at the end of the file.
 * -EAGAIN: queue_depth operations are under way; else as zc_ring_submit(), or the error of
 * the read.
 */
ssize_t zc_ring_read_at(struct zc_ring *ring, int fd, void *buf, size_t len, uint64_t offset);
ssize_t zc_ring_readv_at(struct zc_ring *ring, int fd, const struct iovec *iov,
			 unsigned int nr_iov, uint64_t offset);

/*
 * A mapped reader: a file in memory, all of it or a window that moves along.
 *
 * A file that others make shorter is an error here, and not a SIGBUS that ends the program:
 * the first zc_map_open() of a process installs a handler of SIGBUS. For a fault in a
 * mapping of a zc_map it puts a page of zeros there, so that the access goes on, and marks
 * the map as failed: the next call on it, whichever, and all further ones return -EIO. All
 * other SIGBUS go to the handler that was installed before, or have the default effect.
 *
 * What has been read from the map since the last call that succeeded may then be zeros. A
 * page that still has bytes of the shorter file faults in no way; its remaining bytes read
 * as zeros. Calls that reach the end of the file or move the window, and zc_map_check(),
 * compare the size of the file, and so find that as well.
 *
 * The handler stays for the life of the process. A program that installs a handler of
 * SIGBUS itself does so before the first zc_map_open(), or passes on to the former one. A
 * thread that blocks SIGBUS is killed by such a fault. Memory of a map given to a system
 * call does not fault: the call fails with EFAULT.
 */

struct zc_map;

#define ZC_ADVICE_NORMAL	0
#define ZC_ADVICE_SEQUENTIAL	1
#define ZC_ADVICE_RANDOM	2
#define ZC_ADVICE_WILLNEED	3
#define ZC_ADVICE_DONTNEED	4	/* read from front to back, and not again */

#define ZC_MAP_POPULATE		(1U << 0)	/* all pages of a window are mapped at once */

struct zc_map_conf {
	uint32_t size;		/* of this struct */
	uint32_t flags;		/* ZC_MAP_... */
	uint32_t advice;	/* ZC_ADVICE_...; ZC_ADVICE_SEQUENTIAL */
	uint32_t reserved;	/* 0 */
	uint64_t max_bytes;	/* of the window, rounded up to pages; 0: all of the file; 0 */
};

void zc_map_conf_init(struct zc_map_conf *conf);

/*
 * Maps the file fd, of which it keeps a duplicate, at position 0. The size of the file is
 * what it is now: bytes that come later are not seen. conf may be NULL. The caller ends it
 * with zc_map_close(). May block.
 * -EINVAL: not a regular file, or a member is out of its range; -EACCES: not open for
 * reading; -ENODEV: such a file cannot be mapped; -EOVERFLOW: larger than the address space
 * and max_bytes is 0; -EOPNOTSUPP: built without mmap; -ENOMEM, -EMFILE.
 */
int zc_map_open(int fd, const struct zc_map_conf *conf, struct zc_map **map);
void zc_map_close(struct zc_map *map);

/*
 * *data becomes the address of the byte at the position and *len how many bytes there are
 * from it on in one piece, 0 at the end of the file. If the position is not in the window,
 * moves the window there. The memory may be read until a call moves the window (this one or
 * zc_map_read(); zc_map_seek() does not) or zc_map_close(). May block.
 * -EIO: the file became shorter; -ENOMEM.
 */
int zc_map_data(struct zc_map *map, const void **data, size_t *len);

/*
 * Copies up to len bytes from the position and moves it on. Returns bytes, 0 at the end of
 * the file. May block. Errors as zc_map_data(); the position stays then.
 */
ssize_t zc_map_read(struct zc_map *map, void *buf, size_t len);

/* Moves the position, 0 to the size of the file. -EINVAL: beyond; -EIO. */
int zc_map_seek(struct zc_map *map, uint64_t offset);

uint64_t zc_map_tell(const struct zc_map *map);
uint64_t zc_map_size(const struct zc_map *map);

/* Bytes from the position to the end of the file. */
uint64_t zc_map_remaining(const struct zc_map *map);

/* Another advice, for this window and the next ones. -EINVAL: no such advice; -EIO. */
int zc_map_advise(struct zc_map *map, unsigned int advice);

/* -EIO: the file is or was shorter than when it was mapped. One system call. */
int zc_map_check(struct zc_map *map);

/*
 * A reader: a cursor over a file or an object, by the best way there is.
 */

struct zc_reader;

struct zc_reader_conf {
	uint32_t size;		/* of this struct */
	uint32_t use_module;	/* objects of the kernel module: their pages; 1 */
	uint32_t use_io_uring;	/* 1 */
	uint32_t use_mmap;	/* 1 */
	/*
	 * Of what is read ahead and of the buffers for it, a power of two from 512 to
	 * 2 MiB; 4096.
	 */
	uint32_t alignment;
	/*
	 * Pieces of prefetch_size under way, 2 to 4096; 4: so what was read is still in the
	 * processor's cache when it is looked at, and a disk has something to do. More may do
	 * with direct.
	 */
	uint32_t queue_depth;
	uint64_t prefetch_size;	/* alignment to 1 GiB, rounded up to it; 1 MiB */
	/*
	 * Unless 0, the kernel is asked to have that many pages after what is being read;
	 * 0: it finds out by itself what to read ahead. Not with direct. 0.
	 */
	uint32_t read_ahead_pages;
	uint32_t advice;	/* ZC_ADVICE_...; ZC_ADVICE_SEQUENTIAL */
	uint64_t max_mmap_bytes;	/* of a mapping; 0: all of the file; 1 GiB */
	uint32_t direct;	/* past the page cache: the file is opened with O_DIRECT; 0 */
	uint32_t sqpoll_idle_ms;	/* of the ring, see struct zc_ring_conf; 0 */
};

void zc_reader_conf_init(struct zc_reader_conf *conf);

/*
 * Opens a file for reading, and takes the first way of these that is configured and works:
 *
 *   io_uring+mmap  the file is mapped, and io_uring maps the pages ahead of the cursor
 *                  while the caller looks at those before it (use_io_uring and use_mmap;
 *                  not with advice other than sequential, willneed and dontneed)
 *   io_uring       queue_depth pieces of prefetch_size are being read into registered
 *                  buffers (use_io_uring)
 *   mmap           the file is mapped (use_mmap)
 *   pread          pieces of prefetch_size are read
 *
 * There is nothing to read ahead in a file of at most prefetch_size bytes, so no ring is made
 * for it; and with direct nothing is mapped. zc_reader_kind() says which it is. conf may be
 * NULL. The caller ends it with zc_reader_close(). May block.
 * -EINVAL: not a regular file, or a member is out of its range; -ENOMEM; errors of open(2).
 */
int zc_open_reader(const char *path, const struct zc_reader_conf *conf,
		   struct zc_reader **reader);

/* The same for a file that is open, of which it keeps a duplicate; its position is neither
 * used nor moved. With direct it must have been opened with O_DIRECT.
 */
int zc_open_reader_fd(int fd, const struct zc_reader_conf *conf, struct zc_reader **reader);

/*
 * The same for an object: open says which, as for zc_open_object(), whose answers are there
 * afterwards; its fd is closed by the reader alone. An error leaves open as it was. If the store is the kernel's, and with
 * use_module, the way is "module": the object's own pages are mapped, or read where that
 * cannot be. They are in memory and nobody can change them. Otherwise as zc_open_reader().
 * Errors also of zc_open_object(), as -ENOENT.
 */
int zc_open_reader_object(struct zc_cache *cache, struct zc_open *open,
			  const struct zc_reader_conf *conf, struct zc_reader **reader);

void zc_reader_close(struct zc_reader *reader);

/* "module", "io_uring+mmap", "io_uring", "mmap" or "pread". */
const char *zc_reader_kind(const struct zc_reader *reader);

/*
 * The next piece without a copy: *data is where it is and *len its length, 0 at the end of
 * the file; the cursor moves behind it. It may be read until the next call on the reader.
 * How long pieces are is the reader's to choose. May block.
 * -EIO: the file is shorter than it was when it was opened; errors of pread(2). An error
 * leaves the cursor where it was.
 */
int zc_reader_next(struct zc_reader *reader, const void **data, size_t *len);

/*
 * Copies len bytes from the cursor on and moves it. Returns bytes, fewer than len only at
 * the end of the file or before an error. May block. Errors as zc_reader_next().
 */
ssize_t zc_reader_read(struct zc_reader *reader, void *buf, size_t len);

/*
 * Copies from an offset; the cursor stays. Returns bytes, fewer than len only at the end of
 * the file. May block. -EINVAL: with direct, buf, len or offset is not aligned.
 */
ssize_t zc_reader_read_at(struct zc_reader *reader, void *buf, size_t len, uint64_t offset);

/* Moves the cursor, 0 to the size of the file. -EINVAL: beyond. */
int zc_reader_seek(struct zc_reader *reader, uint64_t offset);
uint64_t zc_reader_tell(const struct zc_reader *reader);
uint64_t zc_reader_size(const struct zc_reader *reader);

/* -EIO: the file is or was shorter than when it was opened. One system call. */
int zc_reader_check(struct zc_reader *reader);

/*
 * A writer: gathers small writes to one file into extents.
 */

struct zc_writer;

struct zc_writer_conf {
	uint32_t size;		/* of this struct */
	uint32_t use_io_uring;	/* extents are written while the caller goes on; 1 */
	uint64_t extent;	/* alignment to 1 GiB, rounded up to it; 2 MiB */
	uint32_t alignment;	/* of buffers and extents, a power of two, 512 to 2 MiB; 4096 */
	uint32_t queue_depth;	/* extents being written at most, 1 to 128; 4 */
	uint64_t offset;	/* in the file, of the first byte; 0 */
};

void zc_writer_conf_init(struct zc_writer_conf *conf);

/*
 * Makes a writer to the file fd, which stays the caller's and must stay open; its position
 * is neither used nor moved. With a file opened with O_DIRECT offset must be aligned, and
 * what is left below an alignment is written at the end alone, past no page cache. conf may
 * be NULL. The caller ends it with zc_writer_close().
 * -EINVAL: a member is out of its range, or not aligned, or the file is open for appending
 * (O_APPEND), where nothing can be written at an offset; -EBADF; -ENOMEM.
 *
 * Who wants an error of RLIMIT_FSIZE as -EFBIG ignores SIGXFSZ.
 */
int zc_writer_new(int fd, const struct zc_writer_conf *conf, struct zc_writer **writer);

/*
 * Appends len bytes: all of them, or returns an error. They may be in memory yet when it
 * returns. May block.
 *
 * An error of the file is told once, by the first call that learns of it, which may be a
 * later one than that whose bytes they were: -ENOSPC, -EDQUOT, -EFBIG, -EIO and whatever
 * pwrite(2) says. The writer has failed then: further writes and flushes return -ECANCELED.
 */
int zc_writer_write(struct zc_writer *writer, const void *data, size_t len);

/* Waits until all bytes so far are written to the file (not to the disk: that is fsync(2));
 * with O_DIRECT, all up to the last multiple of the alignment. Errors as zc_writer_write().
 */
int zc_writer_flush(struct zc_writer *writer);

/*
 * Flushes and ends the writer, whatever it returns. *written, unless written is NULL,
 * becomes how many bytes from the first one on are surely in the file. An error that an
 * earlier call has told is not told again: 0.
 */
int zc_writer_close(struct zc_writer *writer, uint64_t *written);

/* How it writes: "io_uring" or "pwrite". */
const char *zc_writer_kind(const struct zc_writer *writer);

#ifdef __cplusplus
}
#endif

#endif /* ZCACHE_IO_H */
