// SPDX-License-Identifier: GPL-2.0-only
/* The one loop that sends: exact bytes by every way, and what a socket does to it. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <xfer.h>

#include "io_util.h"
#include "shim.h"
#include "sockets.h"
#include "tap.h"
#include "util.h"

#define LEN	(3 * 1024 * 1024 + 77)
#define HEAD	1000

/* What the library was built without; what it then does instead. */
#ifdef ZC_NO_SENDFILE
#define HAS_SENDFILE 0
#else
#define HAS_SENDFILE 1
#endif
#ifdef ZC_NO_MMAP
#define HAS_MMAP 0
#else
#define HAS_MMAP 1
#endif

#if defined(HAVE_LIBURING) && !defined(ZC_NO_URING)
#define BUILT_URING 1
#else
#define BUILT_URING 0
#endif

static int has_uring;

static int way_of(int path)
{
	if (path == ZCX_URING && !has_uring)
		path = ZCX_SENDFILE;
	if (path == ZCX_SENDFILE && !HAS_SENDFILE)
		path = ZCX_MMAP;
	return path == ZCX_MMAP && !HAS_MMAP ? ZCX_READ : path;
}

static char data[LEN], head[HEAD];
static int file, family;
static const struct pair_way hold = { .hold = true, .buffer = 100000 };
static const struct pair_way tiny = { .hold = true, .buffer = 5000 };
static struct pair p;
static struct zcx_counts counts;
static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch(int sig)
{
	struct sigaction act = { .sa_handler = on_signal };

	signals = 0;
	sigaction(sig, &act, NULL);
}

static struct zcx_seg memory(const void *mem, size_t len)
{
	return (struct zcx_seg){ .mem = mem, .len = len };
}

static struct zcx_seg range(uint64_t at, uint64_t len, enum zcx_path path)
{
	return (struct zcx_seg){ .fd = file, .offset = at, .len = len, .path = path };
}

static int64_t send_segs(const struct zcx_seg *seg, unsigned int nr, unsigned int flags)
{
	counts = (struct zcx_counts){ 0 };
	return zcx_send(p.sock, seg, nr, 0, 0, flags, &counts);
}

/* Head, range, tail by one way: they arrive so, and are counted so. */
static void whole(enum zcx_path path, uint64_t at, uint64_t len)
{
	struct zcx_seg seg[] = { memory(head, HEAD), range(at, len, path), memory(head, 3) };
	char name[80];
	int i;

	pair_new(&p, family, NULL);
	pair_want(&p, head, HEAD);
	pair_want(&p, data + at, len);
	pair_want(&p, head, 3);
	snprintf(name, sizeof(name), "way %d, from %d, %d bytes", path, (int)at, (int)len);
	is_int(send_segs(seg, 3, 0), HEAD + len + 3, name);
	pair_arrived(&p, "it");
	is_int(counts.mem_bytes, HEAD + 3, "bytes of memory");
	for (i = 0; i < ZCX_PATHS; i++) {
		is_int(counts.bytes[i], i == way_of(path) ? len : 0, "bytes by each way");
		is_int(counts.fallbacks[i], i >= (int)path && i < way_of(path), "given up");
	}
}

static void ways(void)
{
	int path;

	for (path = 0; path < ZCX_PATHS; path++) {
		whole(path, 0, LEN);
		whole(path, 0, 1);
		whole(path, 4095, 4098);
		whole(path, LEN - 1, 1);
		whole(path, 5, 2 << 20);
		whole(path, 100001, 300000);
	}
}

/* Many small pieces, some without bytes, and ranges by all ways between them. */
static void pieces(void)
{
	struct zcx_seg seg[64];
	uint64_t total = 0;
	int i;

	pair_new(&p, family, NULL);
	for (i = 0; i < 64; i++) {
		size_t len = i % 5 ? i * 700 : 0;

		seg[i] = i % 2 ? memory(i % 6 ? head + i : NULL, i % 6 ? 900 : 0) :
			range(i * 11, len, i / 2 % ZCX_PATHS);
		if (seg[i].mem)
			pair_want(&p, seg[i].mem, seg[i].len);
		else
			pair_want(&p, data + seg[i].offset, seg[i].len);
		total += seg[i].len;
	}
	is_int(send_segs(seg, 64, 0), total, "64 pieces");
	pair_arrived(&p, "64 pieces");
	is_int(send_segs(seg, 0, 0), 0, "no pieces");
	seg[0] = range(0, 0, ZCX_SENDFILE);
	is_int(send_segs(seg, 1, 0), 0, "nothing of a file");
}

/* Every place at which a message can be taken up, and bounds of a call. */
static void resuming(void)
{
	struct zcx_seg seg[] = {
		memory(head, 100), range(7, 70000, ZCX_SENDFILE), range(9, 5000, ZCX_READ),
		range(100, 40000, ZCX_MMAP),
	};
	static const uint64_t bounds[] = {
		1, 99, 100, 101, 4096, 70100, 70101, 115099, 1ULL << 50,
	};
	const uint64_t total = 115100;
	int64_t n, done;
	size_t i;

	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		uint64_t stop = bounds[i] == 1 ? 150 : total;

		pair_new(&p, family, NULL);
		pair_want(&p, head, 100);
		pair_want(&p, data + 7, 70000);
		pair_want(&p, data + 9, 5000);
		pair_want(&p, data + 100, 40000);
		p.want_len = stop;
		for (done = 0; done < (int64_t)stop; done += n) {
			uint64_t want = total - done < bounds[i] ? total - done : bounds[i];

			n = zcx_send(p.sock, seg, 4, done, bounds[i], 0, &counts);
			if (n != (int64_t)want) {
				is_int(n, want, "a bounded call");
				break;
			}
		}
		pair_arrived(&p, "a message in calls");
	}
	is_int(zcx_send(p.sock, seg, 4, total, 0, 0, &counts), 0, "all was skipped");
	is_int(zcx_send(p.sock, seg, 4, total + 1, 0, 0, &counts), -ERANGE, "more than there is");
	seg[0].len = ~0ULL - 10;
	is_int(zcx_send(p.sock, seg, 4, 0, 0, 0, &counts), -ERANGE, "more than can be counted");
}

/* --- system calls that are not there, or fail, or are short */

static void missing(void)
{
	static const char *const errors[] = { "ENOSYS", "EINVAL", "EXDEV", "EOPNOTSUPP" };
	struct zcx_seg seg[] = { memory(head, 10), range(0, LEN, ZCX_SENDFILE) };
	char plan[100];
	size_t i;

	if (!HAS_SENDFILE || !HAS_MMAP)
		return;
	for (i = 0; i < 4; i++) {
		pair_new(&p, family, NULL);
		pair_want(&p, head, 10);
		pair_want(&p, data, LEN);
		snprintf(plan, sizeof(plan), "sendfile:1+:%s", errors[i]);
		shim_plan(plan);
		is_int(send_segs(seg, 2, 0), LEN + 10, plan);
		is_int(shim_calls("sendfile"), 1, "it was tried once");
		is_int(counts.fallbacks[ZCX_SENDFILE], 1, "and given up");
		is_int(counts.bytes[ZCX_SENDFILE], 0, "without a byte");
		is_int(counts.bytes[ZCX_MMAP], LEN, "so all was mapped");
		pair_arrived(&p, "it");

		pair_new(&p, family, NULL);
		pair_want(&p, head, 10);
		pair_want(&p, data, LEN);
		snprintf(plan, sizeof(plan), "sendfile:1+:%s,mmap:2+:ENODEV", errors[i]);
		shim_plan(plan);
		is_int(send_segs(seg, 2, 0), LEN + 10, plan);
		is_int(counts.fallbacks[ZCX_MMAP], 1, "mapping was given up, too");
		is_int(counts.bytes[ZCX_MMAP], 2 << 20, "after what was mapped");
		is_int(counts.bytes[ZCX_READ], LEN - (2 << 20), "and the rest read");
		pair_arrived(&p, "it");
	}
	shim_plan(NULL);
}

/* What breaks off in the middle is told, and what hinders the first byte is an error. */
static void failing(void)
{
	static const struct {
		const char *plan;
		enum zcx_path path;
		int64_t sent;		/* with a head of 10 bytes before it */
		int64_t alone;		/* without */
	} t[] = {
		{ "sendfile:1:EIO", ZCX_SENDFILE, 10, -EIO },
		{ "sendfile:1:EPIPE", ZCX_SENDFILE, 10, -EPIPE },
		{ "sendfile:1:EAGAIN", ZCX_SENDFILE, 10, -EAGAIN },
		{ "sendfile:1:EINTR", ZCX_SENDFILE, 10, -EINTR },
		{ "sendfile:1:short=5000", ZCX_SENDFILE, 5010, 5000 },
		{ "pread:1+:EIO", ZCX_READ, 10, -EIO },
		{ "pread:2+:EIO", ZCX_READ, 262154, 262144 },
		{ "pread:1-3:EINTR", ZCX_READ, LEN + 10, LEN },
		{ "pread:*:short=100000", ZCX_READ, LEN + 10, LEN },
		{ "sendmsg:1:short=7,send:1:short=7", ZCX_READ, 7, 7 },
		{ "sendmsg:1:EAGAIN,send:1:EAGAIN", ZCX_MMAP, -EAGAIN, -EAGAIN },
		{ "send:2:ECONNRESET", ZCX_MMAP, LEN + 10, 2097152 },
		{ "send:1:ECONNRESET", ZCX_MMAP, 2097162, -ECONNRESET },
		{ "mmap:2:ENOMEM", ZCX_MMAP, LEN + 10, LEN },
	};
	size_t i;
	int alone;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		for (alone = 0; alone < 2; alone++) {
			struct zcx_seg seg[] = { memory(head, 10), range(0, LEN, t[i].path) };
			int64_t want = alone ? t[i].alone : t[i].sent;

			if (way_of(t[i].path) != (int)t[i].path)
				continue;
			pair_new(&p, family, NULL);
			if (!alone)
				pair_want(&p, head, 10);
			pair_want(&p, data, LEN);
			p.want_len = want < 0 ? 0 : want;
			shim_plan(t[i].plan);
			/* a file is read in pieces that begin where those before it end */
			is_int(send_segs(seg + alone, 2 - alone, 0), want, t[i].plan);
			shim_plan(NULL);
			pair_arrived(&p, "it");
		}
	}
	/* a signal before the first byte is no end where it is not to be one */
	pair_new(&p, family, NULL);
	pair_want(&p, data, 100000);
	shim_plan("sendfile:1-2:EINTR,send:1:EINTR");
	is_int(send_segs((struct zcx_seg[]){ range(0, 100000, ZCX_SENDFILE) }, 1, ZCX_RESTART),
	       100000, "signals, and all went nevertheless");
	shim_plan(NULL);
	pair_arrived(&p, "signals");
}

/* --- a file that gets shorter */

static void shorter(void)
{
	static const int keep[] = { 0, 4096, 5000, 65536 };
	int path, fd, whole_file = file;
	size_t i;

	fd = open(test_file("short", data, 200000), O_RDWR);
	file = fd;
	for (path = 0; path < ZCX_PATHS; path++) {
		for (i = 0; i < 4; i++) {
			struct zcx_seg seg[] = { memory(head, 10), range(0, 200000, path) };

			ok(!ftruncate(fd, keep[i]), "the file gets shorter");
			pair_new(&p, family, NULL);
			pair_want(&p, head, 10);
			pair_want(&p, data, keep[i]);
			is_int(send_segs(seg, 2, 0), 10 + keep[i], "what is there goes");
			is_int(zcx_send(p.sock, seg, 2, 10 + keep[i], 0, 0, &counts), -ENODATA,
			       "what is not is an error");
			pair_arrived(&p, "a shorter file");
			ok(!ftruncate(fd, 0) && pwrite(fd, data, 200000, 0) == 200000, "whole again");
		}
	}
	close(fd);
	file = whole_file;
}

struct cutter {
	int fd;
	atomic_bool stop;
};

static void *cut(void *arg)
{
	struct cutter *c = arg;

	while (!c->stop)
		if (ftruncate(c->fd, 4096) || pwrite(c->fd, data, 1 << 20, 0) != 1 << 20)
			return "";
	return NULL;
}

/* While it is sent: nobody dies of it, and no call is without end. */
static void shorter_meanwhile(void)
{
	int fd = open(test_file("short", data, 1 << 20), O_RDWR), whole_file = file, path, i;
	struct cutter c = { .fd = fd };
	pthread_t thread;
	bool good = true;
	void *failed;

	file = fd;
	pthread_create(&thread, NULL, cut, &c);
	for (path = 0; path < ZCX_PATHS; path++) {
		pair_new(&p, family, &(struct pair_way){ .discard = true });
		p.want_len = -1;
		for (i = 0; i < 50; i++) {
			struct zcx_seg seg = range(0, 1 << 20, path);
			int64_t n = send_segs(&seg, 1, 0);

			good &= (n > 0 && n <= 1 << 20) || n == -ENODATA;
		}
		pair_arrived(&p, "whatever was there");
	}
	ok(good, "a file that changes is sent in part, or not");
	c.stop = true;
	pthread_join(thread, &failed);
	ok(!failed, "it did change");
	close(fd);
	file = whole_file;
}

/* --- sockets */

static int64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* A socket that does not block: progress, then EAGAIN, and all of it in the end. */
static void full(void)
{
	int way, path;

	for (way = 0; way < 2; way++) {
		for (path = 0; path < ZCX_PATHS; path++) {
			struct zcx_seg seg[] = { memory(head, HEAD), range(0, LEN, path) };
			int64_t n, done = 0, again = 0;

			pair_new(&p, family, way ? &hold : &tiny);
			if (!way)
				fcntl(p.sock, F_SETFL, O_NONBLOCK);
			pair_want(&p, head, HEAD);
			pair_want(&p, data, LEN);
			while (done < HEAD + LEN) {
				n = zcx_send(p.sock, seg, 2, done, 0, way ? ZCX_NOWAIT : 0, &counts);
				if (n > 0) {
					done += n;
					continue;
				}
				if (n != -EAGAIN)
					break;
				if (!again++)
					pair_go(&p);
				poll(&(struct pollfd){ p.sock, POLLOUT, 0 }, 1, -1);
			}
			ok(again > 0, "it was full");
			is_int(done, HEAD + LEN, way ? "by the call's flag" : "by the socket's");
			pair_arrived(&p, "a full socket");
		}
	}
}

/* NOWAIT on a socket that blocks: sendfile would wait, so it is not used. */
static void nowait(void)
{
	struct zcx_seg seg = range(0, LEN, ZCX_SENDFILE);

	pair_new(&p, family, NULL);
	pair_want(&p, data, 100000);
	seg.len = 100000;
	is_int(send_segs(&seg, 1, ZCX_NOWAIT), 100000, "all of it fits");
	is_int(counts.fallbacks[ZCX_SENDFILE], 1, "sendfile was given up");
	is_int(counts.bytes[way_of(ZCX_MMAP)], 100000, "for another way");
	pair_arrived(&p, "without waiting");
	pair_new(&p, family, NULL);
	fcntl(p.sock, F_SETFL, O_NONBLOCK);
	pair_want(&p, data, 100000);
	is_int(send_segs(&seg, 1, ZCX_NOWAIT), 100000, "the same on one that never blocks");
	is_int(counts.bytes[way_of(ZCX_SENDFILE)], 100000, "by sendfile");
	pair_arrived(&p, "without waiting");
}

/*
 * A timer that interrupts what blocks, without SA_RESTART: again and again, as on a slow
 * machine it may come before anything blocks.
 */
static timer_t interrupt_each(int ms)
{
	const struct timespec each = { .tv_nsec = ms * 1000000L };
	const struct itimerspec when = { each, each };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	timer_t timer;

	catch(SIGALRM);
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &when, NULL);
	return timer;
}

/*
 * Sends until there is an error: what is full may get room once more, as the receiver's
 * kernel makes some. *done bytes went before, and go.
 */
static int64_t until_error(const struct zcx_seg *seg, int64_t *done, unsigned int flags)
{
	int64_t n;

	do {
		n = zcx_send(p.sock, seg, 1, *done, 0, flags, &counts);
		if (n > 0)
			*done += n;
	} while (n > 0 && *done < LEN);
	return n;
}

/* Blocked, it sleeps; a signal ends it, with what went or with EINTR. */
static void blocked(void)
{
	int path;

	for (path = 0; path < ZCX_PATHS; path++) {
		struct zcx_seg seg = range(0, LEN, path);
		int64_t used, n;
		timer_t timer;

		pair_new(&p, family, &hold);
		pair_want(&p, data, LEN);
		timer = interrupt_each(200);
		used = cpu_us();
		shim_plan(NULL);
		n = send_segs(&seg, 1, 0);
		used = cpu_us() - used;
		ok(n > 0 && n < LEN, "what went before the signal");
		ok(used < 100000, "it slept");
		ok(shim_calls("sendfile") + shim_calls("send") < 20, "in few calls");
		is_int(until_error(&seg, &n, 0), -EINTR, "none went");
		ok(signals > 1, "signals came");
		timer_delete(timer);
		pair_go(&p);
		is_int(zcx_send(p.sock, &seg, 1, n, 0, 0, &counts), LEN - n, "the rest");
		pair_arrived(&p, "an interrupted message");
	}
}

/* A time out of the socket is as a socket that does not block. */
static void timed_out(void)
{
	struct timeval timeout = { .tv_usec = 100000 }, none = { 0 };
	int path;

	for (path = 0; path < ZCX_PATHS; path++) {
		struct zcx_seg seg = range(0, LEN, path);
		int64_t n;

		pair_new(&p, family, &hold);
		pair_want(&p, data, LEN);
		setsockopt(p.sock, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		n = send_segs(&seg, 1, 0);
		ok(n > 0 && n < LEN, "what went in time");
		is_int(until_error(&seg, &n, ZCX_RESTART), -EAGAIN, "none in time");
		setsockopt(p.sock, SOL_SOCKET, SO_SNDTIMEO, &none, sizeof(none));
		pair_go(&p);
		do
			n += zcx_send(p.sock, &seg, 1, n, 0, 0, &counts);
		while (n > 0 && n < LEN);
		is_int(n, LEN, "all of it in the end");
		pair_arrived(&p, "a slow message");
	}
}

/* A peer that goes: an error, and never a signal. */
static void gone(void)
{
	sigset_t set, pending;
	struct zcx_seg seg;
	int path, n;

	catch(SIGPIPE);
	for (path = 0; path < ZCX_PATHS; path++) {
		struct zcx_seg segs[] = { memory(head, 10), range(0, LEN, path) };

		pair_new(&p, family, NULL);
		p.want_len = -1;
		shutdown(p.sock, SHUT_WR);
		is_int(send_segs(segs, 2, 0), -EPIPE, "shut down");
		is_int(send_segs(segs + 1, 1, 0), -EPIPE, "and again");
		pair_arrived(&p, "nothing");
		/* in the middle of it, after some bytes */
		pair_new(&p, family, &(struct pair_way){ .quit = true, .bytes = 300000, .buffer = 100000 });
		n = send_segs(segs + 1, 1, 0);
		ok(n >= 300000 && n < LEN, "what the peer read, and what was on its way");
		n = send_segs(segs + 1, 1, 0);
		ok(n == -EPIPE || n == -ECONNRESET, "then the error");
		is_int(send_segs(segs + 1, 1, 0), -EPIPE, "and again");
		pair_wait(&p);
		pair_end(&p);
		/* a reset that comes before anything */
		pair_new(&p, family, &(struct pair_way){ .quit = true, .reset = true });
		pair_wait(&p);
		n = send_segs(segs + 1, 1, 0);
		ok(n == -EPIPE || n == -ECONNRESET, "a reset");
		is_int(send_segs(segs + 1, 1, 0), -EPIPE, "and again");
		pair_end(&p);
	}
	is_int(signals, 0, "no signal");
	/* one that is blocked stays as it was: not there, or there */
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pair_new(&p, family, NULL);
	p.want_len = -1;
	shutdown(p.sock, SHUT_WR);
	seg = range(0, LEN, ZCX_SENDFILE);
	is_int(send_segs(&seg, 1, 0), -EPIPE, "blocked");
	sigpending(&pending);
	is_int(sigismember(&pending, SIGPIPE), 0, "no signal waits");
	raise(SIGPIPE);
	seg = range(0, LEN, ZCX_SENDFILE);
	is_int(send_segs(&seg, 1, 0), -EPIPE, "blocked");
	sigpending(&pending);
	is_int(sigismember(&pending, SIGPIPE), 1, "the one that waited before still does");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	is_int(signals, 1, "and is heard");
	pair_arrived(&p, "nothing");
}

/* A file of more bytes than a system call takes; it has none on the disk. */
static void large(void)
{
	const int64_t size = 0x80000000LL + 12345;
	int fd = open(test_file("large", "", 0), O_RDWR), whole_file = file;
	struct zcx_seg seg;

	file = fd;
	ok(!ftruncate(fd, size), "a large file");
	seg = range(0, size, ZCX_SENDFILE);
	pair_new(&p, family, &(struct pair_way){ .discard = true });
	p.want_len = size;
	is_int(send_segs(&seg, 1, 0), size, "all of it in one call");
	if (HAS_SENDFILE)
		is_int(counts.calls[ZCX_SENDFILE], 2, "of two of the system");
	pair_arrived(&p, "all of it");
	close(fd);
	file = whole_file;
}

/* In a child: one that comes from a fork has a ring of its own, or none. */
static int without_uring(void)
{
	struct zcx_seg seg = range(0, LEN, ZCX_URING);

	if (send_segs(&seg, 1, 0) != LEN)
		return 1;
	if (io_refuse_uring(EPERM))
		return 100;
	/* What it has made is there still. */
	if (send_segs(&seg, 1, 0) != LEN)
		return 2;
	return counts.bytes[way_of(ZCX_URING)] == LEN ? 0 : 3;
}

/* And one in which it is refused before. */
static int refused_uring(void)
{
	struct zcx_seg seg = range(0, LEN, ZCX_URING);

	if (io_refuse_uring(EPERM))
		return 100;
	if (send_segs(&seg, 1, 0) != LEN)
		return 1;
	return counts.fallbacks[ZCX_URING] == 1 && counts.bytes[way_of(ZCX_SENDFILE)] == LEN ? 0 : 2;
}

static void forked(void)
{
	int i, ret;

	for (i = 0; i < 2; i++) {
		pair_new(&p, family, NULL);
		pair_want(&p, data, LEN);
		pair_want(&p, data, i ? 0 : LEN);
		ret = io_child(i ? refused_uring : without_uring);
		if (ret == 100)
			ok(true, "a child # SKIP no filter of system calls here");
		else
			is_int(ret, 0, i ? "a child that may not" : "a child that has forked");
		if (ret != 100)
			pair_arrived(&p, "it");
		else
			pair_end(&p);
	}
}

int main(void)
{
	static const int families[] = { AF_INET, AF_UNIX };
	size_t i;

	/* In a child: the end of a ring interrupts whoever waits in a call, once, at any time. */
	has_uring = BUILT_URING && io_child(io_have_uring) == 1;
	fill_pattern(data, sizeof(data), 1);
	fill_pattern(head, sizeof(head), 2);
	file = open(test_file("data", data, sizeof(data)), O_RDONLY);
	for (i = 0; i < 2; i++) {
		family = families[i];
		ways();
		pieces();
		resuming();
		missing();
		failing();
		shorter();
		shorter_meanwhile();
		full();
		nowait();
		blocked();
		timed_out();
		gone();
		forked();
	}
	family = AF_INET;
	large();
	is_int(zcx_choose(ZCX_SENDFILE_MIN, false), ZCX_SENDFILE, "by reference");
	is_int(zcx_choose(ZCX_SENDFILE_MIN - 1, false), ZCX_READ, "too small for it");
	is_int(zcx_choose(ZCX_MMAP_MIN, true), ZCX_MMAP, "copied, and large");
	is_int(zcx_choose(ZCX_MMAP_MIN - 1, true), ZCX_READ, "copied, and small");
	is_int(send_segs((struct zcx_seg[]){ memory(head, 1) }, 1, 0), -EBADF, "no socket");
	return tap_end();
}
