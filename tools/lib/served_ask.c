// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* A client's connections to who owns the mirror, and how something is asked over them. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "process.h"
#include "served.h"

/* What was counted here is told so often; and when somebody wants to know, and at the end. */
#define TELL_NS		1000000000

/* Why a connection is of no use any more, but another may be. */
static bool lost(int err)
{
	return err == -EPIPE || err == -ECONNRESET;
}

static int send_request(int sock, struct zcs_request *ask, const void *body)
{
	struct iovec iov[] = {
		{ .iov_base = ask, .iov_len = sizeof(*ask) },
		{ .iov_base = (void *)body, .iov_len = ask->body_len },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	ssize_t n;

	do {
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	/* A message of such a socket goes in whole or not at all. */
	return n < 0 ? -errno : 0;
}

/* Keeps the first fd. Returns how many came. */
static unsigned int take_fds(struct msghdr *msg, int *fd)
{
	struct cmsghdr *c;
	unsigned int nr = 0;

	*fd = -1;
	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t i, n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (i = 0; i < n; i++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (nr++)
				close(one);
			else
				*fd = one;
		}
	}
	return nr;
}

/*
 * What there is no room for the system closes itself, which it tells by MSG_CTRUNC: so it
 * does when this process can have no more fds.
 */
static int receive(int sock, const struct zcs_request *ask, struct zcs_answer_msg *answer,
		   int *fd)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = answer, .iov_len = sizeof(*answer) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	unsigned int nr;
	ssize_t n;

	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n ? -errno : -ECONNRESET;
	nr = take_fds(&msg, fd);
	if (!nr && msg.msg_flags & MSG_CTRUNC && n >= (ssize_t)sizeof(answer->head) &&
	    answer->head.flags & ZCS_FD)
		return -EMFILE;
	if (!(msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && zcs_answer_good(ask, answer, n, nr))
		return 0;
	/* Whoever else has this connection, and is waiting for that, is to make another one. */
	shutdown(sock, SHUT_RDWR);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return n >= (ssize_t)sizeof(answer->head) && answer->head.magic == ZCS_MAGIC &&
	       answer->head.version != ZCS_VERSION ? -EPROTONOSUPPORT : -EPROTO;
}

/* The first one tells which mirror it is; of another one no version here is known. */
static int know(struct zc_mirror *m, const struct zcs_info *info)
{
	if (m->super.max_key_len)
		return m->super.id == info->id && m->dev == info->dev ? 0 : -ENODEV;
	m->super.id = info->id;
	m->super.max_key_len = info->max_key_len;
	m->dev = info->dev;
	m->head->splice_threshold = info->splice_threshold;
	return 0;
}

static int greeted(struct zc_mirror *m, int sock)
{
	const struct zcs_request none = { .op = ZCS_INFO };
	struct zcs_answer_msg answer;
	int fd, err = receive(sock, &none, &answer, &fd);

	return err ?: answer.head.err ?: know(m, &answer.info);
}

static int connect_new(struct zc_mirror *m)
{
	int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), err = 0;

	if (sock < 0)
		return -errno;
	while (!err && connect(sock, (const struct sockaddr *)&m->served->address,
			       m->served->address_len))
		if (errno != EINTR)
			err = -errno;
	if (!err)
		err = greeted(m, sock);
	if (!err)
		return sock;
	close(sock);
	return err;
}

/* A connection that a fork() has copied is the parent's; here it is only closed. */
static int take_idle(struct zcm_served *s)
{
	unsigned int i;

	for (i = 0; i < ZCS_IDLE; i++) {
		uint64_t one = __atomic_exchange_n(&s->idle[i], 0, __ATOMIC_ACQ_REL);

		if (!one)
			continue;
		if (one >> 32 == zc_process())
			return one & UINT32_MAX;
		close(one & UINT32_MAX);
	}
	return -1;
}

static void give_idle(struct zcm_served *s, int sock)
{
	uint64_t one = (uint64_t)zc_process() << 32 | (uint32_t)sock, none;
	unsigned int i;

	for (i = 0; i < ZCS_IDLE; i++) {
		none = 0;
		if (__atomic_compare_exchange_n(&s->idle[i], &none, one, false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return;
	}
	close(sock);
}

static void close_idle(struct zcm_served *s)
{
	int sock;

	while ((sock = take_idle(s)) >= 0)
		close(sock);
}

/*
 * No other process asks by the same one, nor this one by it again, before long: a clone()
 * that this library does not hear of may have copied the connection and all else.
 */
static uint32_t fresh_number(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint32_t)t.tv_sec * 1000000007U ^ (uint32_t)t.tv_nsec;
}

static int ask_on(int sock, struct zcs_request *ask, const void *body,
		  struct zcs_answer_msg *answer, int *fd)
{
	int err;

	ask->number = fresh_number();
	err = send_request(sock, ask, body);
	if (err || ZCS_QUIET(ask->op))
		return err;
	return receive(sock, ask, answer, fd);
}

/* If the owner has ended since, and another one is there now, it is asked instead. */
static int ask_any(struct zc_mirror *m, struct zcs_request *ask, const void *body,
		   struct zcs_answer_msg *answer, int *fd)
{
	struct zcm_served *s = m->served;
	int sock = take_idle(s), err = -EPIPE;

	if (sock >= 0) {
		err = ask_on(sock, ask, body, answer, fd);
		if (lost(err)) {
			close(sock);
			close_idle(s);
		}
	}
	if (lost(err)) {
		sock = connect_new(m);
		if (sock < 0)
			return sock;
		err = ask_on(sock, ask, body, answer, fd);
	}
	/* After what was no answer nobody knows what the next one is the answer to. */
	if (err && err != -EMFILE)
		close(sock);
	else
		give_idle(s, sock);
	return err;
}

/**
 * zcs_ask() - ask who owns the mirror
 * @m: the mirror
 * @ask: the request; what all have is set here
 * @body: what follows it
 * @answer: set to the answer; not used by requests that have none
 * @fd: set to the fd that came with it, the caller's to close, or -1; NULL if none is due
 *
 * May wait for the owner as long as it lives.
 *
 * Return: 0 or -errno, see served.h.
 */
int zcs_ask(struct zc_mirror *m, struct zcs_request *ask, const void *body,
	    struct zcs_answer_msg *answer, int *fd)
{
	int err, none;

	fd = fd ?: &none;
	*fd = -1;
	ask->magic = ZCS_MAGIC;
	ask->version = ZCS_VERSION;
	err = ask_any(m, ask, body, answer, fd);
	return err || ZCS_QUIET(ask->op) ? err : answer->head.err;
}

static int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static bool counters_are_ours(struct zc_mirror *m)
{
	uint32_t now = zc_process(), process;
	unsigned int i;

	process = __atomic_load_n(&m->served->process, __ATOMIC_RELAXED);
	if (process == now)
		return true;
	/* After a fork() both have what was counted before; it is the parent's to tell. */
	if (__atomic_compare_exchange_n(&m->served->process, &process, now, false,
					__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		for (i = 0; i < ZC_C_NR; i++)
			__atomic_store_n(&m->head->counters[i], 0, __ATOMIC_RELAXED);
	return false;
}

/**
 * zcs_tell_counters() - tell the owner what was counted here
 * @m: the mirror
 *
 * What cannot be told now is told another time.
 */
void zcs_tell_counters(struct zc_mirror *m)
{
	struct zcs_request ask = { .op = ZCS_COUNT };
	struct zcs_answer_msg answer;
	uint64_t numbers[ZC_C_NR], any = 0;
	unsigned int i;

	if (!counters_are_ours(m))
		return;
	/* Who asks for the counters next is to find in them what another thread took here. */
	pthread_mutex_lock(&m->served->telling);
	for (i = 0; i < ZC_C_NR; i++) {
		numbers[i] = __atomic_exchange_n(&m->head->counters[i], 0, __ATOMIC_RELAXED);
		any |= numbers[i];
	}
	ask.body_len = sizeof(numbers);
	if (any && zcs_ask(m, &ask, numbers, &answer, NULL))
		for (i = 0; i < ZC_C_NR; i++)
			zcm_count(m, i, numbers[i]);
	pthread_mutex_unlock(&m->served->telling);
}

/** zcs_tell_due() - zcs_tell_counters(), if that was not done for some time */
void zcs_tell_due(struct zc_mirror *m)
{
	int64_t now = clock_ns(), told = __atomic_load_n(&m->served->told_ns, __ATOMIC_RELAXED);

	/* One of several threads does it. */
	if (!counters_are_ours(m) || now - told < TELL_NS ||
	    !__atomic_compare_exchange_n(&m->served->told_ns, &told, now, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return;
	zcs_tell_counters(m);
}

/**
 * zcs_begin() - connect, and learn what the mirror is
 * @m: the mirror; its @served has the address
 *
 * Return: 0 or -errno, as of zcs_ask().
 */
int zcs_begin(struct zc_mirror *m)
{
	int sock = connect_new(m);

	if (sock < 0)
		return lost(sock) ? -ECONNREFUSED : sock;
	m->served->process = zc_process();
	m->served->told_ns = clock_ns();
	give_idle(m->served, sock);
	return 0;
}

/** zcs_end() - the end of zcs_begin() */
void zcs_end(struct zc_mirror *m)
{
	zcs_tell_counters(m);
	close_idle(m->served);
}
