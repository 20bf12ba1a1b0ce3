// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The one loop that sends. Bytes that are copied and follow each other go in one
 * sendmsg(2), so that a header and a small body share a segment; a large range goes
 * by sendfile(2) after them.
 *
 * A socket that takes less than it was given ends the call, as it does in the module:
 * it may not block, was interrupted, timed out, or broke. What went out is told; the
 * error, if it lasts, comes with the next call. So there is nothing to wait for here,
 * and nothing to spin on: a blocking socket blocks in the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "xfer.h"
#include "xfer_uring.h"

/* Pieces of one message; more are sent by the next. */
#define PIECES		16

/*
 * Bytes that are read at once: few on the stack, where a small answer finds them
 * without asking for memory, and else what stays in a cache until it is sent.
 */
#define STACK_ROOM	16384
#define HEAP_ROOM	(256U << 10)

/*
 * Bytes at the end that are copied where more follows: sendfile(2) has no flag for that,
 * and what it gives last goes out. As many as a segment has on most networks.
 */
#define TAIL		4096

/* Bytes mapped at once. */
#define WINDOW		(2U << 20)

/**
 * struct run - a call of zcx_send() under way
 * @sock: the socket
 * @flags: ZCX_*
 * @seg: the piece that is next
 * @nr: pieces from that one on
 * @pos: bytes of it that are gone
 * @left: bytes that are to go in this call
 * @sent: bytes that went
 * @lost: ways that were given up, by bit
 * @tail: what is left is to be held back for what follows
 * @counts: what is counted
 * @quiet: for sendfile(2)
 * @shorter: it took less than it was given
 * @room: memory to read to: @stack, or memory of its own
 * @room_len: bytes of it
 * @stack: a little memory
 */
struct run {
	int sock;
	unsigned int flags;
	const struct zcx_seg *seg;
	unsigned int nr;
	uint64_t pos;
	uint64_t left;
	uint64_t sent;
	unsigned int lost;
	bool tail;
	struct zcx_counts *counts;
	struct zcx_quiet quiet;
	bool shorter;
	char *room;
	size_t room_len;
	char *stack;
};

/**
 * zcx_choose() - the way for a range of a file
 * @len: its bytes
 * @copy: no page may go by reference
 *
 * Return: the way to try first.
 */
enum zcx_path zcx_choose(uint64_t len, bool copy)
{
	if (!copy && len >= ZCX_SENDFILE_MIN)
		return ZCX_SENDFILE;
	return len >= ZCX_MMAP_MIN ? ZCX_MMAP : ZCX_READ;
}

/**
 * zcx_unsupported() - whether an error means that another way may do
 * @err: a positive errno
 *
 * Return: true for those by which a system call says that it is not for this.
 */
bool zcx_unsupported(int err)
{
	return err == ENOSYS || err == EINVAL || err == EXDEV || err == EOPNOTSUPP;
}

/**
 * zcx_sendfile() - sendfile(2)
 * @out: where to
 * @in: where from
 * @offset: from which offset on
 * @len: how many bytes
 *
 * Return: as it does; -1 and ENOSYS where the library is built without it, as a system
 * would say that lacks it.
 */
ssize_t zcx_sendfile(int out, int in, off_t *offset, size_t len)
{
#ifdef ZC_NO_SENDFILE
	(void)out;
	(void)in;
	(void)offset;
	(void)len;
	errno = ENOSYS;
	return -1;
#else
	return sendfile(out, in, offset, len);
#endif
}

/**
 * zcx_quiet_begin() - hold SIGPIPE back from this thread
 * @quiet: what to give to zcx_quiet_end()
 */
void zcx_quiet_begin(struct zcx_quiet *quiet)
{
	sigset_t set, old, pending;

	if (quiet->on)
		return;
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	_Static_assert(sizeof(old) <= sizeof(quiet->old), "the mask has room");
	pthread_sigmask(SIG_BLOCK, &set, &old);
	memcpy(quiet->old, &old, sizeof(old));
	quiet->on = true;
	quiet->blocked = sigismember(&old, SIGPIPE) == 1;
	/* One that waits already is not ours to take. */
	quiet->pending = false;
	if (quiet->blocked && !sigpending(&pending))
		quiet->pending = sigismember(&pending, SIGPIPE) == 1;
}

/**
 * zcx_quiet_end() - let SIGPIPE come again
 * @quiet: what zcx_quiet_begin() filled in; nothing is done if it was not called
 * @maybe: a call took less than it was given, so there may be a signal to take away
 */
void zcx_quiet_end(struct zcx_quiet *quiet, bool maybe)
{
	const struct timespec now = { 0 };
	sigset_t set, old;

	if (!quiet->on)
		return;
	if (maybe && !quiet->pending) {
		sigemptyset(&set);
		sigaddset(&set, SIGPIPE);
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			;
	}
	memcpy(&old, quiet->old, sizeof(old));
	if (!quiet->blocked)
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	quiet->on = false;
}

static enum zcx_path path_of(const struct run *r, const struct zcx_seg *seg)
{
	enum zcx_path path = r->tail ? ZCX_READ : seg->path;

	while (path < ZCX_READ && r->lost & 1U << path)
		path++;
	return path;
}

/* Gives a way up for this call. */
static void lose(struct run *r, enum zcx_path path)
{
	r->lost |= 1U << path;
	r->counts->fallbacks[path]++;
}

/* Goes on by @bytes, and counts them. */
static void advance(struct run *r, uint64_t bytes)
{
	r->sent += bytes;
	r->left -= bytes;
	while (r->nr) {
		uint64_t part = r->seg->len - r->pos;

		if (part > bytes)
			part = bytes;
		if (r->seg->mem)
			r->counts->mem_bytes += part;
		else
			r->counts->bytes[path_of(r, r->seg)] += part;
		r->pos += part;
		bytes -= part;
		if (r->pos < r->seg->len)
			break;
		r->seg++;
		r->nr--;
		r->pos = 0;
	}
}

enum step { GO_ON, DONE };

/* Less than was asked: the socket is full, broken, out of time, or a signal came. */
static enum step taken(struct run *r, ssize_t got, uint64_t asked, enum zcx_path path)
{
	r->counts->calls[path]++;
	advance(r, got);
	return (uint64_t)got < asked ? DONE : GO_ON;
}

/* sendfile(2) has no flag for it, so it is for sockets that do not block anyway. */
static bool may_wait(const struct run *r)
{
	int flags;

	if (!(r->flags & ZCX_NOWAIT))
		return false;
	flags = fcntl(r->sock, F_GETFL);
	return flags >= 0 && !(flags & O_NONBLOCK);
}

/*
 * What was said to be followed by more stays in a socket that is full of it, if it is
 * less than a segment, for 200 ms; so what ends early says that nothing follows. That is
 * what turning off TCP_CORK does, which is the caller's if it is on.
 */
static void push(const struct run *r)
{
	int cork;
	socklen_t len = sizeof(cork);

	if (!getsockopt(r->sock, IPPROTO_TCP, TCP_CORK, &cork, &len) && !cork)
		setsockopt(r->sock, IPPROTO_TCP, TCP_CORK, &cork, len);
}

static enum step step_sendfile(struct run *r, int *err)
{
	off_t at = r->seg->offset + r->pos;
	uint64_t ask = r->seg->len - r->pos;
	ssize_t got;

	if (!r->quiet.on) {
		if (may_wait(r)) {
			lose(r, ZCX_SENDFILE);
			return GO_ON;
		}
		zcx_quiet_begin(&r->quiet);
	}
	if (ask >= r->left)
		ask = r->left - (r->flags & ZCX_MORE ? TAIL : 0);
	if (ask > ZCX_CALL_MAX)
		ask = ZCX_CALL_MAX;
	got = zcx_sendfile(r->sock, r->seg->fd, &at, ask);
	r->shorter |= got < 0 || (uint64_t)got < ask;
	if (got > 0)
		return taken(r, got, ask, ZCX_SENDFILE);
	if (got < 0 && zcx_unsupported(errno)) {
		lose(r, ZCX_SENDFILE);
		return GO_ON;
	}
	/* 0: the file got shorter. */
	*err = got ? errno : ENODATA;
	return DONE;
}

static enum step step_uring(struct run *r, int *err)
{
	uint64_t ask = r->seg->len - r->pos, got;
	bool more;

	if (ask >= r->left)
		ask = r->left - (r->flags & ZCX_MORE ? TAIL : 0);
	more = ask < r->left || r->flags & ZCX_MORE;
	got = zcx_uring_send(r->sock, r->seg->fd, r->seg->offset + r->pos, ask,
			     r->flags & ZCX_NOWAIT, more, err);
	if (!got && *err == ENOSYS) {
		*err = 0;
		lose(r, ZCX_URING);
		return GO_ON;
	}
	return got ? taken(r, got, ask, ZCX_URING) : DONE;
}

/* Room to read @len bytes to, or as many as are sensible. */
static size_t need_room(struct run *r, uint64_t len)
{
	char *more;

	if (len > HEAP_ROOM)
		len = HEAP_ROOM;
	if (len <= r->room_len)
		return len;
	/* It is nothing but a matter of speed. */
	more = r->room == r->stack ? malloc(HEAP_ROOM) : NULL;
	if (!more)
		return r->room_len;
	r->room = more;
	r->room_len = HEAP_ROOM;
	return len;
}

/**
 * struct message - what goes in one sendmsg(2)
 * @iov: its pieces
 * @nr: how many
 * @len: their bytes
 * @map: a mapping, or NULL
 * @map_len: its bytes
 * @path: the way of the bytes of files, ZCX_READ if there are none
 */
struct message {
	struct iovec iov[PIECES];
	unsigned int nr;
	uint64_t len;
	char *map;
	size_t map_len;
	enum zcx_path path;
};

static void add(struct message *m, const void *base, size_t len)
{
	m->iov[m->nr].iov_base = (void *)base;
	m->iov[m->nr].iov_len = len;
	m->nr++;
	m->len += len;
}

/*
 * Adds a window of a mapping. What the kernel reads of it gives EFAULT if the file
 * gets shorter, and no signal; before that, what is not there is not sent as zeros.
 * Return: bytes, 0 if there is no mapping to be had, -errno.
 */
static int64_t add_mapping(struct message *m, const struct zcx_seg *seg, uint64_t at, uint64_t len)
{
#ifdef ZC_NO_MMAP
	(void)m;
	(void)seg;
	(void)at;
	(void)len;
	return 0;
#else
	size_t skew = at & (sysconf(_SC_PAGESIZE) - 1);
	struct stat st;

	/* Others have no size that could be looked at. */
	if (fstat(seg->fd, &st) || !S_ISREG(st.st_mode))
		return 0;
	/* Files of the kernel have bytes and no size: where the end is, reading tells. */
	if (at >= (uint64_t)st.st_size)
		return 0;
	if (len > WINDOW - skew)
		len = WINDOW - skew;
	if (len > st.st_size - at)
		len = st.st_size - at;
	m->map_len = skew + len;
	m->map = mmap(NULL, m->map_len, PROT_READ, MAP_SHARED | MAP_POPULATE, seg->fd, at - skew);
	if (m->map == MAP_FAILED) {
		m->map = NULL;
		return 0;
	}
	add(m, m->map + skew, len);
	m->path = ZCX_MMAP;
	return len;
#endif
}

static int64_t add_read(struct run *r, struct message *m, const struct zcx_seg *seg, uint64_t at,
			uint64_t len, size_t used)
{
	ssize_t got;

	/* What was read for this message before must stay where it is. */
	if (!used)
		need_room(r, len);
	if (len > r->room_len - used)
		len = r->room_len - used;
	if (!len)
		return 0;
	do
		got = pread(seg->fd, r->room + used, len, at);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return got ? -errno : -ENODATA;
	add(m, r->room + used, got);
	return got;
}

/* Collects what can go in one message. Return: 0, or what hinders the first byte. */
static int collect(struct run *r, struct message *m)
{
	const struct zcx_seg *seg = r->seg, *end = r->seg + r->nr;
	uint64_t pos = r->pos, len;
	size_t used = 0;
	int64_t got;

	while (seg < end && m->nr < PIECES && m->len < r->left) {
		len = seg->len - pos;
		if (len > r->left - m->len)
			len = r->left - m->len;
		if (len > ZCX_CALL_MAX - m->len)
			len = ZCX_CALL_MAX - m->len;
		if (seg->mem) {
			got = len;
			if (len)
				add(m, (const char *)seg->mem + pos, len);
		} else if (!len) {
			got = 0;
		} else if (path_of(r, seg) <= ZCX_SENDFILE) {
			break;
		} else if (path_of(r, seg) == ZCX_MMAP) {
			if (m->map)
				break;
			got = add_mapping(m, seg, seg->offset + pos, len);
			if (!got) {
				lose(r, ZCX_MMAP);
				continue;
			}
		} else {
			got = add_read(r, m, seg, seg->offset + pos, len, used);
			if (!got)
				break;
			used += got > 0 ? got : 0;
		}
		if (got < 0)
			return m->len ? 0 : got;
		pos += got;
		if (pos < seg->len)
			break;
		seg++;
		pos = 0;
	}
	return 0;
}

static enum step step_copy(struct run *r, int *err)
{
	struct msghdr msg = { .msg_iov = NULL };
	int flags = MSG_NOSIGNAL;
	struct message m;
	ssize_t got;

	m.nr = 0;
	m.len = 0;
	m.map = NULL;
	m.path = ZCX_READ;
	*err = -collect(r, &m);
	if (*err)
		return DONE;
	if (r->flags & ZCX_NOWAIT)
		flags |= MSG_DONTWAIT;
	/* Left set at the end it would hold the last segment for 200 ms. */
	if (m.len < r->left || r->flags & ZCX_MORE)
		flags |= MSG_MORE;
	if (m.nr == 1) {
		/* The kernel has less to read. */
		got = send(r->sock, m.iov->iov_base, m.iov->iov_len, flags);
	} else {
		msg.msg_iov = m.iov;
		msg.msg_iovlen = m.nr;
		got = sendmsg(r->sock, &msg, flags);
	}
	*err = got < 0 ? errno : 0;
	if (m.map)
		munmap(m.map, m.map_len);
	if (got >= 0)
		return taken(r, got, m.len, m.path);
	/* It is no socket, which has no segments to hold back. */
	if (*err == ENOTSOCK && r->tail && r->sent) {
		r->flags &= ~ZCX_MORE;
		return GO_ON;
	}
	if (*err != EFAULT || !m.map)
		return DONE;
	/* The file got shorter in the middle; reading tells where. */
	lose(r, ZCX_MMAP);
	return GO_ON;
}

/* Sets out at @skip. Return: false if there is not as much. */
static bool begin(struct run *r, uint64_t skip, uint64_t max_bytes)
{
	uint64_t total = 0;
	unsigned int i;

	for (i = 0; i < r->nr; i++)
		if (__builtin_add_overflow(total, r->seg[i].len, &total))
			return false;
	if (skip > total)
		return false;
	while (r->nr && skip >= r->seg->len) {
		skip -= r->seg->len;
		total -= r->seg->len;
		r->seg++;
		r->nr--;
	}
	r->pos = skip;
	r->left = total - skip;
	if (max_bytes && max_bytes < r->left)
		r->left = max_bytes;
	return r->left <= INT64_MAX;
}

/**
 * zcx_send() - send pieces of memory and files to a socket
 * @sock: a socket
 * @segs: the pieces
 * @nr: how many
 * @skip: bytes of them that went before
 * @max_bytes: send at most as many; 0: all
 * @flags: ZCX_*
 * @counts: what was done is added to it
 *
 * Never raises SIGPIPE. Blocks if the socket does and ZCX_NOWAIT was not given.
 *
 * Return: the bytes that went, and if that is none though some were to go -errno:
 * -EAGAIN, -EINTR, -EPIPE and other errors of the socket; -ENODATA if a file has
 * fewer bytes than were asked for, -EIO if they cannot be read, -ERANGE if @skip is
 * past the end.
 */
int64_t zcx_send(int sock, const struct zcx_seg *segs, unsigned int nr, uint64_t skip,
		 uint64_t max_bytes, unsigned int flags, struct zcx_counts *counts)
{
	char stack[STACK_ROOM];
	struct run r = {
		.sock = sock, .flags = flags, .seg = segs, .nr = nr, .counts = counts,
		.room = stack, .room_len = sizeof(stack), .stack = stack,
	};
	enum step step;
	int err = 0;

	if (!begin(&r, skip, max_bytes))
		return -ERANGE;
	while (r.left) {
		r.tail = r.flags & ZCX_MORE && r.left <= TAIL;
		if (!r.seg->mem && path_of(&r, r.seg) == ZCX_URING)
			step = step_uring(&r, &err);
		else if (!r.seg->mem && path_of(&r, r.seg) == ZCX_SENDFILE)
			step = step_sendfile(&r, &err);
		else
			step = step_copy(&r, &err);
		if (step == DONE && (r.sent || err != EINTR || !(flags & ZCX_RESTART)))
			break;
	}
	if (r.left && r.sent)
		push(&r);
	zcx_quiet_end(&r.quiet, r.shorter);
	if (r.room != stack)
		free(r.room);
	return r.sent ? (int64_t)r.sent : -err;
}
