// SPDX-License-Identifier: GPL-2.0-only
/* zc_sendfile() and zc_copy_range(): exact bytes from any fd to any, by every way. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <xfer.h>
#include <zcache_xfer.h>

#include "shim.h"
#include "sockets.h"
#include "tap.h"
#include "util.h"

#define LEN	(3 * 1024 * 1024 + 77)

/* Where the library was built without it, it reads. */
#ifdef ZC_NO_SENDFILE
#define BY_SENDFILE ZC_XFER_READ
#else
#define BY_SENDFILE ZC_XFER_SENDFILE
#endif

static char data[LEN], back[LEN + 100];
static int file;
static struct pair p;
static struct zc_xfer_counts before;

static void note(void)
{
	zc_xfer_counts(&before, sizeof(before));
}

static int64_t bytes(enum zc_xfer_path path)
{
	struct zc_xfer_counts now;

	zc_xfer_counts(&now, sizeof(now));
	return now.bytes[path] - before.bytes[path];
}

static int64_t fallbacks(enum zc_xfer_path path)
{
	struct zc_xfer_counts now;

	zc_xfer_counts(&now, sizeof(now));
	return now.fallbacks[path] - before.fallbacks[path];
}

/* --- zc_sendfile() */

static void sending(void)
{
	static const int64_t at[] = { 0, 1, 4096, 100001 };
	static const uint64_t len[] = { 1, 4096, 65536, 1 << 20 };
	static const unsigned int flags[] = { 0, ZC_XFER_COPY, ZC_XFER_AHEAD };
	int64_t offset;
	int i, k, copy;

	for (i = 0; i < 4; i++) {
		for (k = 0; k < 4; k++) {
			for (copy = 0; copy < 3; copy++) {
				pair_new(&p, AF_INET, NULL);
				pair_want(&p, data + at[i], len[k]);
				offset = at[i];
				note();
				is_int(zc_sendfile(p.sock, file, &offset, len[k],
						   flags[copy]), len[k], "sent");
				is_int(offset, at[i] + len[k], "the offset went on");
				if (copy == 2) {
					is_int(bytes(ZC_XFER_URING) + bytes(BY_SENDFILE), len[k],
					       "by io_uring, if there is one");
					pair_arrived(&p, "it");
					continue;
				}
				is_int(bytes(ZC_XFER_SENDFILE),
				       BY_SENDFILE == ZC_XFER_SENDFILE && !copy &&
				       len[k] >= ZCX_SENDFILE_MIN ? len[k] : 0,
				       "by reference");
				pair_arrived(&p, "it");
			}
		}
	}
	/* from the file position on, which goes on as well */
	pair_new(&p, AF_INET, NULL);
	pair_want(&p, data + 10, 200010);
	lseek(file, 10, SEEK_SET);
	is_int(zc_sendfile(p.sock, file, NULL, 200000, ZC_XFER_MORE), 200000, "from the position");
	is_int(zc_sendfile(p.sock, file, NULL, 10, 0), 10, "and on from there");
	is_int(lseek(file, 0, SEEK_CUR), 200020, "which went on");
	pair_arrived(&p, "it");
	/* the end of the file, and beyond */
	pair_new(&p, AF_INET, NULL);
	pair_want(&p, data + LEN - 100, 100);
	offset = LEN - 100;
	is_int(zc_sendfile(p.sock, file, &offset, 200000, 0), 100, "what is there");
	is_int(zc_sendfile(p.sock, file, &offset, 200000, 0), -ENODATA, "the end");
	is_int(zc_sendfile(p.sock, file, &offset, 10, 0), -ENODATA, "for few bytes, too");
	is_int(zc_sendfile(p.sock, file, &offset, 0, 0), 0, "nothing is no end");
	is_int(offset, LEN, "the offset stays");
	pair_arrived(&p, "it");
}

/* Bytes that a socket has not sent, as far as the system tells: 1 if it does not. */
static int unsent_of(int sock)
{
	int unsent;

	return ioctl(sock, SIOCOUTQNSD, &unsent) ? 1 : unsent;
}

/*
 * What is followed by more is not sent before that, for a while, in its last part. Of much
 * that is copied the system may send all.
 */
static void held_back(void)
{
	int tries = BY_SENDFILE == ZC_XFER_SENDFILE ? 100 : 1, unsent = 0;
	int64_t offset;

	/* Somebody may keep us from looking in time. */
	while (tries-- && !unsent) {
		pair_new(&p, AF_INET, NULL);
		pair_want(&p, data, 50010);
		offset = 0;
		note();
		is_int(zc_sendfile(p.sock, file, &offset, 50000, ZC_XFER_MORE), 50000, "and more");
		unsent = unsent_of(p.sock);
		is_int(zc_sendfile(p.sock, file, &offset, 10, 0), 10, "that comes");
		pair_arrived(&p, "all");
	}
	ok(BY_SENDFILE != ZC_XFER_SENDFILE || (unsent > 0 && unsent <= 50000),
	   "some of it waits for more");
	is_int(bytes(ZC_XFER_READ) + bytes(ZC_XFER_MMAP) + bytes(ZC_XFER_SENDFILE), 50010,
	       "each byte once");
	is_int(bytes(ZC_XFER_SENDFILE) > 40000, BY_SENDFILE == ZC_XFER_SENDFILE, "most by reference");
}

/* Files of the kernel that have bytes and no size, and that sendfile(2) may not take. */
static void sizeless(void)
{
	static const char *const plan[] = { NULL, "sendfile:*:EINVAL" };
	static const unsigned int flags[] = { 0, ZC_XFER_COPY };
	static const uint64_t len[] = { 40, 8192, 4 << 20 };
	int fd = open("/proc/version", O_RDONLY), i, k, f;
	int64_t offset, n, all = read(fd, back, sizeof(back));

	ok(all > 50 && all < 8192, "a file of the kernel");
	for (i = 0; i < 2; i++) {
		for (k = 0; k < 3; k++) {
			for (f = 0; f < 2; f++) {
				offset = 5;
				n = len[k] < 8192 ? (int64_t)len[k] : all - 5;
				pair_new(&p, AF_INET, NULL);
				pair_want(&p, back + 5, n);
				shim_plan(plan[i]);
				is_int(zc_sendfile(p.sock, fd, &offset, len[k], flags[f]), n,
				       "a file without a size");
				is_int(offset, 5 + n, "the offset went on");
				offset = all;
				is_int(zc_sendfile(p.sock, fd, &offset, len[k], flags[f]), -ENODATA,
				       "its end");
				shim_plan(NULL);
				pair_arrived(&p, "it");
			}
		}
	}
	close(fd);
}

static void refusing(void)
{
	int64_t offset = -1;
	int pfd[2];

	pair_new(&p, AF_INET, NULL);
	is_int(zc_sendfile(p.sock, file, &offset, 10, 0), -EINVAL, "a negative offset");
	offset = 10;
	is_int(zc_sendfile(p.sock, file, &offset, 10, 16), -EINVAL, "an unknown flag");
	is_int(zc_sendfile(p.sock, file, &offset, ~0ULL, 0), -EINVAL, "too many bytes");
	is_int(zc_sendfile(p.sock, file, &offset, INT64_MAX, 0), -EINVAL, "too many from there");
	is_int(zc_sendfile(-1, file, &offset, 10, 0), -EBADF, "no socket");
	is_int(zc_sendfile(p.sock, -1, &offset, 10, 0), -EBADF, "no file");
	is_int(zc_sendfile(p.sock, -1, NULL, 10, 0), -EBADF, "no position");
	if (pipe(pfd))
		abort();
	is_int(zc_sendfile(p.sock, pfd[0], &offset, 10, 0), -ESPIPE, "a pipe has no offsets");
	is_int(zc_sendfile(p.sock, pfd[0], &offset, 100000, 0), -ESPIPE, "for many bytes, too");
	is_int(zc_sendfile(p.sock, pfd[0], NULL, 10, ZC_XFER_NOWAIT), -EINVAL, "nor can it wait");
	is_int(offset, 10, "offsets stay");
	pair_arrived(&p, "nothing");
	close(pfd[0]);
	close(pfd[1]);
}

struct writer {
	int fd;
	size_t len;
	pthread_t thread;
};

static void *writing(void *arg)
{
	struct writer *w = arg;
	size_t done = 0;

	while (done < w->len) {
		ssize_t n = write(w->fd, data + done, w->len - done);

		if (n <= 0)
			break;
		done += n;
	}
	close(w->fd);
	return NULL;
}

/* From what has no offsets: a pipe is spliced, a socket is read. */
static void streams(void)
{
	int way, fd[2];

	for (way = 0; way < 3; way++) {
		struct writer w = { .len = LEN };

		if (way ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd))
			abort();
		w.fd = fd[1];
		pthread_create(&w.thread, NULL, writing, &w);
		/* the last of them with a socket that does not block, and is slow */
		pair_new(&p, AF_INET, way == 2 ? &(struct pair_way){ .buffer = 100000 } : NULL);
		if (way == 2)
			fcntl(p.sock, F_SETFL, O_NONBLOCK);
		pair_want(&p, data, LEN);
		note();
		is_int(zc_sendfile(p.sock, fd[0], NULL, 1ULL << 40, 0), LEN, "all of a stream");
		is_int(bytes(way ? ZC_XFER_READ : ZC_XFER_SPLICE), LEN, "by its way");
		is_int(zc_sendfile(p.sock, fd[0], NULL, 1, 0), -ENODATA, "its end");
		pair_arrived(&p, "it");
		pthread_join(w.thread, NULL);
		close(fd[0]);
	}
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A signal ends a call that has moved something. */
static void interrupted(void)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval often = { { .tv_usec = 10000 }, { .tv_usec = 10000 } }, never = { 0 };
	int way, fd[2];

	sigaction(SIGALRM, &action, NULL);
	for (way = 0; way < 2; way++) {
		if (way ? socketpair(AF_UNIX, SOCK_STREAM, 0, fd) : pipe(fd))
			abort();
		pair_new(&p, AF_INET, NULL);
		pair_want(&p, data, 10);
		is_int(write(fd[1], data, 10), 10, "ten bytes of a stream that goes on");
		setitimer(ITIMER_REAL, &often, NULL);
		is_int(zc_sendfile(p.sock, fd[0], NULL, 100, 0), 10, "until a signal comes");
		setitimer(ITIMER_REAL, &never, NULL);
		pair_arrived(&p, "they");
		close(fd[0]);
		close(fd[1]);
	}
}

/* To what is no socket. */
static void no_sockets(void)
{
	int64_t offset = 5;
	int fd[2], out;

	if (pipe(fd))
		abort();
	fcntl(fd[1], F_SETPIPE_SZ, 1 << 20);
	is_int(zc_sendfile(fd[1], file, &offset, 200000, 0), 200000, "to a pipe");
	is_int(zc_sendfile(fd[1], file, &offset, 100, 0), 100, "a little more");
	is_int(offset, 200105, "the offset went on");
	is_int(zc_sendfile(fd[1], file, &offset, 100000, ZC_XFER_MORE), 100000,
	       "all, though more is to follow");
	close(fd[1]);
	out = open(test_file("out", "", 0), O_RDWR);
	is_int(zc_sendfile(out, fd[0], NULL, 1 << 20, 0), 300100, "from there to a file");
	is_int(pread(out, back, sizeof(back), 0), 300100, "that has it");
	ok(!memcmp(back, data + 5, 300100), "all of it");
	close(out);
	close(fd[0]);
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

/* Nobody reads any more: an error and no signal, to sockets and to pipes. */
static void broken(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	int64_t offset = 0;
	int fd[2], i;

	sigaction(SIGPIPE, &act, NULL);
	for (i = 0; i < 2; i++) {
		uint64_t len = i ? LEN : 10;

		pair_new(&p, AF_INET, NULL);
		shutdown(p.sock, SHUT_WR);
		is_int(zc_sendfile(p.sock, file, &offset, len, 0), -EPIPE, "a socket");
		pair_arrived(&p, "nothing");
		if (pipe(fd))
			abort();
		close(fd[0]);
		is_int(zc_sendfile(fd[1], file, &offset, len, 0), -EPIPE, "a pipe");
		is_int(zc_copy_range(fd[1], NULL, file, &offset, len), -EPIPE, "by copying");
		close(fd[1]);
	}
	is_int(signals, 0, "no signal");
	is_int(offset, 0, "and the offset stays");
}

/* A socket that does not block, and a call that does not. */
static void nonblocking(void)
{
	static const struct pair_way hold = { .hold = true, .buffer = 50000 };
	int64_t offset, n;
	int way;

	for (way = 0; way < 2; way++) {
		int again = 0;

		pair_new(&p, AF_INET, &hold);
		pair_want(&p, data, LEN);
		if (!way)
			fcntl(p.sock, F_SETFL, O_NONBLOCK);
		for (offset = 0; offset < LEN;) {
			n = zc_sendfile(p.sock, file, &offset, LEN - offset,
					way ? ZC_XFER_NOWAIT : 0);
			if (n >= 0)
				continue;
			if (n != -EAGAIN)
				break;
			if (!again++)
				pair_go(&p);
			poll(&(struct pollfd){ p.sock, POLLOUT, 0 }, 1, -1);
		}
		ok(again > 0, "it was full");
		is_int(offset, LEN, "all of it in the end");
		pair_arrived(&p, "it");
	}
}

/* --- zc_copy_range() */

static bool same(int fd, int64_t at, int64_t from, size_t len)
{
	return pread(fd, back, len, at) == (ssize_t)len && !memcmp(back, data + from, len);
}

static void copying(void)
{
	static const struct {
		const char *plan;
		enum zc_xfer_path offsets, positions;
	} t[] = {
		{ NULL, ZC_XFER_COPY_RANGE, ZC_XFER_COPY_RANGE },
		{ "copy_file_range:*:EXDEV", ZC_XFER_READ, BY_SENDFILE },
		{ "copy_file_range:*:ENOSYS", ZC_XFER_READ, BY_SENDFILE },
		{ "copy_file_range:*:EOPNOTSUPP,sendfile:*:EINVAL", ZC_XFER_READ, ZC_XFER_READ },
		{ "copy_file_range:*:EPERM,sendfile:*:ENOSYS,splice:*:ENOSYS", ZC_XFER_READ,
		  ZC_XFER_READ },
		{ "copy_file_range:*:EXDEV,sendfile:*:EINVAL,pread:2:EINTR,pread:3:short=1000,"
		  "pwrite:2:short=7,pwrite:4:EINTR,read:1:short=3,write:3:short=9,write:2:EINTR",
		  ZC_XFER_READ, ZC_XFER_READ },
		{ "copy_file_range:1:short=100000,copy_file_range:2:EINTR", ZC_XFER_COPY_RANGE,
		  ZC_XFER_COPY_RANGE },
		{ "copy_file_range:*:EXDEV,sendfile:1:short=5,sendfile:3:EINTR", ZC_XFER_READ,
		  BY_SENDFILE },
	};
	int64_t from, to;
	size_t i;
	int out;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		out = open(test_file("out", "", 0), O_RDWR);
		from = 7;
		to = 100;
		shim_plan(t[i].plan);
		note();
		is_int(zc_copy_range(out, &to, file, &from, 1000000), 1000000, t[i].plan ?: "no plan");
		is_int(bytes(t[i].offsets), 1000000, "by this way");
		is_int(from, 1000007, "the offset that is read");
		is_int(to, 1000100, "and the one that is written");
		shim_plan(t[i].plan);
		note();
		lseek(file, 3, SEEK_SET);
		lseek(out, 1000100, SEEK_SET);
		is_int(zc_copy_range(out, NULL, file, NULL, 500000), 500000, "by positions");
		is_int(bytes(t[i].positions), 500000, "by this way");
		shim_plan(NULL);
		is_int(lseek(file, 0, SEEK_CUR), 500003, "the position that is read");
		is_int(lseek(out, 0, SEEK_CUR), 1500100, "and the one that is written");
		ok(same(out, 100, 7, 1000000) && same(out, 1000100, 3, 500000), "the bytes");
		from = LEN - 50;
		is_int(zc_copy_range(out, NULL, file, &from, 100), 50, "up to the end");
		is_int(zc_copy_range(out, NULL, file, &from, 100), 0, "at the end");
		close(out);
	}
}

/* An error after some bytes is told by the next call; what was read is not lost. */
static void copy_errors(void)
{
	static const char *const nothing_else = "copy_file_range:*:EXDEV,sendfile:*:EINVAL";
	int64_t from = 0, to = 0;
	char plan[200];
	int out = open(test_file("out", "", 0), O_RDWR);

	snprintf(plan, sizeof(plan), "%s,pwrite:2+:ENOSPC", nothing_else);
	shim_plan(plan);
	is_int(zc_copy_range(out, &to, file, &from, LEN), 262144, "the disk is full");
	is_int(from, 262144, "what was written was read");
	is_int(to, 262144, "and no more");
	is_int(zc_copy_range(out, &to, file, &from, LEN), -ENOSPC, "the error");
	snprintf(plan, sizeof(plan), "%s,write:1:short=1000,write:2+:EIO", nothing_else);
	shim_plan(plan);
	lseek(file, 0, SEEK_SET);
	lseek(out, 0, SEEK_SET);
	is_int(zc_copy_range(out, NULL, file, NULL, LEN), 1000, "a short write");
	is_int(lseek(file, 0, SEEK_CUR), 1000, "the position is where the bytes end");
	snprintf(plan, sizeof(plan), "%s,pread:1+:EIO", nothing_else);
	shim_plan(plan);
	is_int(zc_copy_range(out, &to, file, &from, LEN), -EIO, "a bad disk");
	shim_plan("copy_file_range:2+:EIO");
	from = to = 0;
	is_int(zc_copy_range(out, &to, file, &from, LEN), LEN, "a call that did it all");
	shim_plan("copy_file_range:1:short=10,copy_file_range:2+:EIO");
	from = to = 0;
	is_int(zc_copy_range(out, &to, file, &from, LEN), 10, "one that did not");
	shim_plan(NULL);
	is_int(zc_copy_range(out, &to, file, &from, ~0ULL), -EINVAL, "too many bytes");
	is_int(zc_copy_range(-1, NULL, file, &from, 1), -EBADF, "no file to write");
	is_int(zc_copy_range(out, NULL, -1, NULL, 1), -EBADF, "no file to read");
	is_int(zc_copy_range(file, NULL, out, NULL, 1), -EBADF, "one that cannot be written");
	close(out);
}

static void odd_files(void)
{
	int64_t from = 0, to = 0, n;
	uint64_t value = 5;
	int out, in, fd[2], err;

	/* within one file */
	out = open(test_file("out", data, 100000), O_RDWR);
	to = 200000;
	is_int(zc_copy_range(out, &to, out, &from, 100000), 100000, "one file, apart");
	ok(same(out, 200000, 0, 100000), "the bytes");
	from = 0;
	to = 50000;
	is_int(zc_copy_range(out, &to, out, &from, 100000), -EINVAL, "overlapping");
	shim_plan("copy_file_range:*:ENOSYS");
	is_int(zc_copy_range(out, &to, out, &from, 100000), -EINVAL, "and by hand");
	to = 300000;
	is_int(zc_copy_range(out, &to, out, &from, 100000), 100000, "apart, by hand");
	ok(same(out, 300000, 0, 100000), "the bytes");
	shim_plan(NULL);
	/* up to the end of the file, which is not where its own writes move it */
	from = 0;
	to = 20;
	is_int(ftruncate(out, 0), 0, "a file");
	is_int(pwrite(out, data, 10, 0), 10, "of ten bytes");
	is_int(zc_copy_range(out, &to, out, &from, 100), 10, "are no more for their copy");
	is_int(lseek(out, 0, SEEK_END), 30, "the file");
	ok(same(out, 20, 0, 10), "has them twice");
	close(out);
	/* and to its own end */
	out = open(test_file("out", data, 10), O_RDWR | O_APPEND);
	from = 0;
	is_int(zc_copy_range(out, NULL, out, &from, 1 << 20), 10, "appended");
	from = 4;
	is_int(zc_copy_range(out, NULL, out, &from, 1 << 20), 16, "and again");
	is_int(lseek(out, 0, SEEK_END), 36, "once each time");
	ok(same(out, 10, 0, 10), "the bytes");
	close(out);
	/* for appending, which copy_file_range() does not do */
	out = open(test_file("out", data, 100), O_RDWR | O_APPEND);
	from = 100;
	note();
	is_int(zc_copy_range(out, NULL, file, &from, 100000), 100000, "appended");
	is_int(fallbacks(ZC_XFER_COPY_RANGE), 1, "by another way");
	ok(same(out, 0, 0, 100100), "the bytes");
	to = 10;
	is_int(zc_copy_range(out, &to, file, &from, 100), -EINVAL, "no place in it");
	is_int(to, 10, "the offset stays");
	is_int(lseek(out, 0, SEEK_END), 100100, "and so does the file");
	close(out);
	/* a file that has bytes and no size */
	in = open("/proc/self/status", O_RDONLY);
	out = open(test_file("out", "", 0), O_RDWR);
	n = zc_copy_range(out, NULL, in, NULL, 1 << 20);
	ok(n > 100, "a file of the kernel");
	is_int(lseek(out, 0, SEEK_END), n, "was copied");
	close(in);
	/* from a pipe, and from what is nothing of it all */
	if (pipe(fd))
		abort();
	is_int(write(fd[1], data, 1000), 1000, "a pipe");
	close(fd[1]);
	to = 0;
	note();
	is_int(zc_copy_range(out, &to, fd[0], NULL, 1 << 20), 1000, "to a place in a file");
	is_int(bytes(ZC_XFER_SPLICE), 1000, "by splice");
	ok(same(out, 0, 0, 1000), "the bytes");
	is_int(zc_copy_range(out, &to, fd[0], NULL, 1 << 20), 0, "its end");
	is_int(zc_copy_range(out, &to, fd[0], &from, 1), -ESPIPE, "no offsets");
	close(fd[0]);
	in = eventfd(value, EFD_NONBLOCK);
	to = 0;
	err = zc_copy_range(out, &to, in, NULL, 8);
	is_int(err, 8, "a number of an eventfd");
	ok(pread(out, &value, 8, 0) == 8 && value == 5, "it is");
	is_int(zc_copy_range(out, &to, in, NULL, 8), -EAGAIN, "none now");
	close(in);
	close(out);
}

/* More bytes than a system call takes. */
static void large(void)
{
	const int64_t size = 0x80000000LL + 4097;
	int in = open("/dev/zero", O_RDONLY), out = open("/dev/null", O_WRONLY);

	is_int(zc_copy_range(out, NULL, in, NULL, size), size, "more than a call takes");
	close(in);
	close(out);
}

static void counts(void)
{
	struct zc_xfer_counts c;

	memset(&c, 0xff, sizeof(c));
	zc_xfer_counts(&c, 16);
	ok(c.calls[1] != ~0ULL && c.calls[2] == ~0ULL, "a struct of another size");
}

int main(void)
{
	fill_pattern(data, sizeof(data), 1);
	file = open(test_file("data", data, sizeof(data)), O_RDONLY);
	sending();
	held_back();
	sizeless();
	refusing();
	streams();
	interrupted();
	no_sockets();
	broken();
	nonblocking();
	copying();
	copy_errors();
	odd_files();
	large();
	counts();
	return tap_end();
}
