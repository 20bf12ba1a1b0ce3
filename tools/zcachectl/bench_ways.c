// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl bench: the object, the file, the receiver, and the ways to send. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zcache.h>

#include "bench.h"
#include "ctl.h"
#include "objects.h"
#include "stop.h"

#define CHUNK 65536UL		/* as web servers read and write */
#define DISCARD (1UL << 20)
#define LIFE 7200		/* seconds; longer than the longest run */
#define PATIENCE 30		/* seconds until bytes that were sent are missing */

static char chunk[CHUNK];

/* What the receiver is to take; its answer is one byte, 1 if they are others. */
struct order {
	uint64_t n;
	bool compare;
};

static size_t at_most(uint64_t left, size_t most)
{
	return left < most ? left : most;
}

static ssize_t zcache_send(struct bench *b, uint64_t done)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send s = {
		.key = zc_ptr(b->key),
		.key_len = strlen(b->key),
		.sock = b->sock,
		.nr_parts = 1,
		.parts = zc_ptr(&part),
		.skip = done,
		.generation = done ? b->generation : 0,
	};
	int err = zc_send(b->cache, &s);

	return err ? err : (ssize_t)s.sent;
}

static ssize_t sendfile_send(struct bench *b, uint64_t done)
{
	off_t at = done;
	ssize_t n = sendfile(b->sock, b->file, &at, b->size - done);

	return n < 0 ? -errno : n;
}

static ssize_t read_write_send(struct bench *b, uint64_t done)
{
	ssize_t n = pread(b->file, chunk, at_most(b->size - done, CHUNK), done);

	if (n > 0)
		n = write(b->sock, chunk, n);
	return n < 0 ? -errno : n;
}

const struct way ways[WAYS] = {
	{ "zcache", zcache_send },
	{ "sendfile", sendfile_send },
	{ "read+write", read_write_send },
};

static void pattern(uint64_t *x, size_t len)
{
	size_t i;

	for (i = 0; i < len; i += sizeof(*x)) {
		*x ^= *x << 13;
		*x ^= *x >> 7;
		*x ^= *x << 17;
		memcpy(chunk + i, x, sizeof(*x));
	}
}

/* Whether the object came, and *same whether it was this one. */
static bool receive_compared(int sock, const struct bench *b, bool *same)
{
	static char got[CHUNK];
	uint64_t x = b->seed, left;
	size_t len;

	for (left = b->size; left; left -= len) {
		len = at_most(left, CHUNK);
		if (recv(sock, got, len, MSG_WAITALL) != (ssize_t)len)
			return false;
		pattern(&x, len);
		if (memcmp(got, chunk, len))
			*same = false;
	}
	return true;
}

/*
 * With a CPU to spare it does not sleep while bytes come: to wake up a client is no
 * work of a server's, and would weigh on one way more than on another.
 */
static bool receive_discarded(int sock, uint64_t left, bool sleeps)
{
	struct pollfd fd = { .fd = sock, .events = POLLIN };

	while (left) {
		ssize_t n;

		while (!sleeps && !poll(&fd, 1, 0))
			;
		n = recv(sock, NULL, at_most(left, DISCARD), MSG_TRUNC);
		if (n <= 0)
			return false;
		left -= n;
	}
	return true;
}

/* Ends with the sender, as both its sockets end. */
static void __attribute__((noreturn)) receiver(const struct bench *b, int sock, int orders)
{
	bool sleeps = true, good = true;
	struct order order;
	cpu_set_t cpus;

	/* those of the terminal are for the sender */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		sleeps = CPU_COUNT(&cpus) < 2;
	while (good && recv(orders, &order, sizeof(order), 0) == sizeof(order)) {
		bool same = true;
		char answer;

		if (order.compare)
			good = receive_compared(sock, b, &same);
		else
			good = receive_discarded(sock, order.n * b->size, sleeps);
		answer = !same;
		if (good)
			good = send(orders, &answer, 1, MSG_NOSIGNAL) == 1;
	}
	_exit(0);
}

static bool same_address(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
	return a->sin_port == b->sin_port && a->sin_addr.s_addr == b->sin_addr.s_addr;
}

/* Both ends of a connection; whoever else connects meanwhile is sent away. */
static int connect_both(int *from, int *to)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	}, own, peer;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1, err = 0;
	socklen_t len = sizeof(addr);

	*to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || *to < 0 || bind(listener, (void *)&addr, len) ||
	    listen(listener, 1) || getsockname(listener, (void *)&addr, &len) ||
	    connect(*to, (void *)&addr, len) || getsockname(*to, (void *)&own, &len))
		err = -errno;
	while (!err) {
		*from = accept4(listener, (void *)&peer, &len, SOCK_CLOEXEC);
		if (*from < 0 || setsockopt(*from, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)))
			err = -errno;
		else if (same_address(&own, &peer))
			break;
		if (*from >= 0)
			close(*from);
		*from = -1;
	}
	if (listener >= 0)
		close(listener);
	return err;
}

static int start_receiver(struct bench *b)
{
	const struct timeval patience = { .tv_sec = PATIENCE };
	int orders[2] = { -1, -1 }, sock = -1;
	int err = connect_both(&b->sock, &sock);

	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, orders))
		err = -errno;
	if (!err) {
		b->orders = orders[0];
		setsockopt(b->orders, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
		b->receiver = fork();
		if (b->receiver < 0)
			err = -errno;
	}
	if (!err && !b->receiver) {
		zc_close(b->cache);
		close(b->file);
		close(b->sock);
		close(b->orders);
		receiver(b, sock, orders[1]);
	}
	if (sock >= 0)
		close(sock);
	if (orders[1] >= 0)
		close(orders[1]);
	return err ? fail(CTL_REFUSED, "cannot connect to a receiver over loopback: %s",
			  error_name(err)) : CTL_OK;
}

/* Its name goes at once, so nothing is left of it whatever ends this process. */
static int write_file(struct bench *b)
{
	const char *folder = getenv("TMPDIR");
	uint64_t x = b->seed, left;
	char path[PATH_MAX];
	int err = 0;

	if (!folder || !*folder)
		folder = "/tmp";
	if (snprintf(path, sizeof(path), "%s/zcachectl-XXXXXX", folder) >= (int)sizeof(path))
		return fail(CTL_REFUSED, "cannot make a file in %s: %s", folder,
			    error_name(-ENAMETOOLONG));
	b->file = mkostemp(path, O_CLOEXEC);
	if (b->file < 0)
		return fail(CTL_REFUSED, "cannot make a file in %s: %s", folder,
			    error_name(-errno));
	unlink(path);
	for (left = b->size; left && !err && !stopped();) {
		size_t len = at_most(left, CHUNK);
		ssize_t n;

		pattern(&x, len);
		n = write(b->file, chunk, len);
		if (n != (ssize_t)len)
			err = n < 0 ? -errno : -ENOSPC;
		left -= len;
	}
	if (err)
		return fail(CTL_REFUSED, "cannot write %" PRIu64 " bytes to a file in %s: %s",
			    b->size, folder, error_name(err));
	return CTL_OK;
}

static int give_up(void *arg, uint64_t done)
{
	(void)arg;
	(void)done;
	return stopped();
}

/* Should this process be killed, the object expires. */
static int put_object(struct bench *b)
{
	struct timespec now;
	struct zc_put p = {
		.flags = ZC_PUT_EXCL,
		.key = zc_ptr(b->key),
		.key_len = strlen(b->key),
		.data_len = b->size,
	};
	int err;

	clock_gettime(CLOCK_REALTIME, &now);
	p.expires_ns = (now.tv_sec + LIFE) * INT64_C(1000000000);
	if (lseek(b->file, 0, SEEK_SET))
		return fail(CTL_REFUSED, "cannot read the file: %s", error_name(-errno));
	err = zc_put_file(b->cache, &p, b->file, give_up, NULL);
	b->generation = err ? 0 : p.generation;
	return err && !stopped() ? refused(b->cache, err, "put", b->key) : CTL_OK;
}

int bench_open(struct bench *b, const char *store)
{
	uint64_t name;
	int code;

	b->cache = NULL;
	b->file = b->sock = b->orders = -1;
	b->receiver = -1;
	b->generation = 0;
	if (getrandom(&name, sizeof(name), 0) != sizeof(name) ||
	    getrandom(&b->seed, sizeof(b->seed), 0) != sizeof(b->seed))
		return fail(CTL_REFUSED, "no random numbers: %s", error_name(-errno));
	b->seed |= 1;	/* from 0 only zeros follow */
	snprintf(b->key, sizeof(b->key), "zcachectl-bench-%016" PRIx64, name);
	code = open_store(store, O_RDWR, &b->cache);
	if (!code)
		code = write_file(b);
	if (!code)
		code = start_receiver(b);
	if (!code && !stopped())
		code = put_object(b);
	return code;
}

static int delete_object(struct bench *b)
{
	struct zc_delete d = {
		.key = zc_ptr(b->key),
		.key_len = strlen(b->key),
		.generation = b->generation,
	};
	int err = zc_delete(b->cache, &d);

	/* it may have been evicted, or replaced by others */
	if (err && err != -ENOENT && err != -ESTALE)
		return refused(b->cache, err, "delete", b->key);
	return CTL_OK;
}

int bench_close(struct bench *b)
{
	int fds[] = { b->file, b->sock, b->orders }, code = CTL_OK;
	size_t i;

	if (b->generation)
		code = delete_object(b);
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	while (b->receiver > 0 && waitpid(b->receiver, NULL, 0) < 0 && errno == EINTR)
		;
	if (b->cache)
		zc_close(b->cache);
	return code;
}

static int send_once(struct bench *b, const struct way *way)
{
	uint64_t done = 0;

	while (done < b->size) {
		ssize_t n = way->send(b, done);

		if (n == -EINTR && !stopped())
			continue;
		if (n <= 0)
			return n ? n : -ENODATA;
		done += n;
	}
	return 0;
}

int bench_send(struct bench *b, const struct way *way, uint64_t n, bool compare)
{
	struct order order = { .n = n, .compare = compare };
	int err = send(b->orders, &order, sizeof(order), MSG_NOSIGNAL) < 0 ? -errno : 0;
	char different = 0;
	ssize_t got;

	while (n-- && !err && !stopped())
		err = send_once(b, way);
	if (stopped())
		return CTL_OK;
	if (err == -ENOENT || err == -ESTALE)
		return fail(CTL_REFUSED, "%s: the object was evicted or deleted meanwhile: %s",
			    way->name, error_name(err));
	if (err)
		return fail(CTL_REFUSED, "%s: cannot send: %s", way->name, error_name(err));
	do
		got = recv(b->orders, &different, 1, 0);
	while (got < 0 && errno == EINTR && !stopped());
	if (stopped())
		return CTL_OK;
	if (got != 1)
		return fail(CTL_REFUSED, "%s: the receiver did not get all bytes: %s", way->name,
			    error_name(got ? -errno : -EPIPE));
	if (different)
		return fail(CTL_REFUSED, "%s: the receiver got other bytes: %s", way->name,
			    error_name(-EBADMSG));
	return CTL_OK;
}
