// SPDX-License-Identifier: GPL-2.0-only
/* zcached that owns a mirror, and clients that are too many, silent, or hostile. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mirror_util.h"
#include "served_daemon.h"
#include "tap.h"
#include "util.h"

#include "../lib/served.h"

#define DEADLINE 20		/* seconds */
#define PLACES 8

static char path[300], name[400];

/* A connection, with the greeting taken if it is to be. */
static int reach(bool greeted)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct timeval deadline = { .tv_sec = DEADLINE };
	struct zcs_answer_msg answer;

	strcpy(address.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	if (greeted && recv(fd, &answer, sizeof(answer), 0) !=
	    sizeof(answer.head) + sizeof(answer.info))
		abort();
	return fd;
}

static struct zcs_request_msg ask;

static size_t find(const char *key)
{
	memset(&ask, 0, sizeof(ask));
	ask.head = (struct zcs_request) {
		.magic = ZCS_MAGIC, .version = ZCS_VERSION, .op = ZCS_FIND,
		.body_len = strlen(key),
	};
	memcpy(ask.body, key, strlen(key));
	return sizeof(ask.head) + strlen(key);
}

/* Whether the daemon hangs up; what it said before is taken. */
static bool cut_off(int fd)
{
	char text[6000];
	ssize_t n;

	do {
		n = recv(fd, text, sizeof(text), 0);
	} while (n > 0);
	close(fd);
	return !n || errno == ECONNRESET;
}

static bool says(const void *data, size_t len)
{
	int fd = reach(true);

	if (send(fd, data, len, MSG_NOSIGNAL) != (ssize_t)len)
		abort();
	return cut_off(fd);
}

static void hostile(void)
{
	static char zeros[100000];
	size_t len = find("a");

	ok(says("", 0), "nothing at all");
	ok(says("x", 1), "one byte");
	ok(says(&ask, sizeof(ask.head) - 1), "less than a request");
	ok(says(&ask, len - 1), "less than the key");
	ok(says(&ask, len + 1), "more than the key");
	ok(says(&ask, sizeof(ask)), "the most there is room for");
	ok(says(zeros, sizeof(zeros)), "far too much");
	ask.head.version++;
	ok(says(&ask, len), "another version");
	find("a");
	ask.head.op = 99;
	ok(says(&ask, len), "another operation");
}

/* What comes with a request is closed, whether the request is one or not. */
static void with_fds(const void *data, size_t len, unsigned int nr)
{
	int sock = reach(true), fds[200], i;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(fds))];
	} control;
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = CMSG_SPACE(nr * sizeof(int)),
	};
	char text[6000];

	for (i = 0; i < (int)nr; i++)
		fds[i] = 0;
	memset(&control, 0, sizeof(control));
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(nr * sizeof(int));
	memcpy(CMSG_DATA(&control.header), fds, nr * sizeof(int));
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0)
		abort();
	ok(recv(sock, text, sizeof(text), 0) >= 0, "it is answered, or cut off");
	close(sock);
}

/* One that is asked and answered: then all before it was dealt with. */
static void barrier(void)
{
	struct zc_cache *c;

	is_int(zc_open(name, O_RDONLY, &c), 0, "a client is taken");
	is_int(get_key(c, "a", 0), 0, "and served");
	zc_close(c);
}

/*
 * A connection that ended is noticed when its turn comes. So somebody asks, and asks again,
 * by one more connection, until all have had theirs.
 */
static void is_settled(int fds, const char *what)
{
	time_t end = time(NULL) + DEADLINE;
	struct zc_cache *c = NULL;

	do {
		if (c)
			get_key(c, "a", 0);
		else if (zc_open(name, O_RDONLY, &c))
			c = NULL;
	} while (time(NULL) < end && (!c || daemon_fds() != fds + 1));
	is_int(daemon_fds(), fds + 1, what);
	zc_close(c);
}

static void silent(int fds)
{
	int fd[PLACES - 1], i, mute = reach(false);
	size_t len = find("a");
	struct zcs_answer_msg answer;

	/* an answer that nobody takes */
	fd[0] = reach(true);
	is_int(send(fd[0], &ask, len, 0), len, "somebody asks, and does not listen");
	barrier();
	is_int(send(fd[0], &ask, len, 0), len, "and asks again");
	barrier();
	is_int(recv(fd[0], &answer, sizeof(answer), 0) > 0, 1, "the first answer is there");
	is_int(answer.head.err, 0, "and is one");
	ok(cut_off(fd[0]), "but he is cut off");
	is_int(send(mute, &ask, len, 0), len, "a greeting that is not taken");
	barrier();
	ok(cut_off(mute), "likewise");
	is_settled(fds, "both have left nothing");
	for (i = 0; i < PLACES - 1; i++)
		fd[i] = reach(true);
	barrier();
	for (i = 0; i < PLACES - 1; i++)
		close(fd[i]);
	is_settled(fds, "clients that say nothing hold nobody up");
}

static void too_many(void)
{
	struct zc_cache *c[PLACES + 1];
	int i, bad = 0;

	for (i = 0; i < PLACES; i++)
		bad += zc_open(name, O_RDONLY, &c[i]) != 0;
	is_int(bad, 0, "as many as there are places");
	is_int(zc_open(name, O_RDONLY, &c[PLACES]), -EUSERS, "one more");
	is_int(get_key(c[0], "a", 0), 0, "those who are there are served");
	zc_close(c[3]);
	while (zc_open(name, O_RDONLY, &c[3]) == -EUSERS)
		;
	is_int(get_key(c[3], "a", 0), 0, "who goes makes room");
	for (i = 0; i < PLACES; i++)
		zc_close(c[i]);
}

static void finds(int rounds)
{
	struct zc_cache *c;
	int i, bad = 0;

	if (zc_open(name, O_RDONLY, &c))
		abort();
	for (i = 0; i < rounds; i++) {
		struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
		int fd = zc_open_object(c, &o);

		bad += fd < 0 || get_key(c, "a", 0) || get_key(c, "none", 0) != -ENOENT;
		close(fd);
		/* so that a fd is sent each time */
		zcm_cache_exit(zcm_mirror(c));
	}
	is_int(bad, 0, "many lookups");
	zc_close(c);
}

/*
 * So many fds are on their way that the system lets the daemon's user send no more: the client
 * is told, and both go on.
 */
static void in_flight(void)
{
	struct rlimit few, old;
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(100 * sizeof(int))];
	} control = { .room = "" };
	struct iovec iov = { .iov_base = "x", .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct zc_cache *c;
	int pair[2];

	/* the test's own limit allows them */
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(100 * sizeof(int));
	is_int(zc_open(name, O_RDONLY, &c), 0, "a client");
	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit) { 64, old.rlim_max };
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) || sendmsg(pair[0], &msg, 0) != 1 ||
	    prlimit(daemon_pid(), RLIMIT_NOFILE, &few, NULL))
		abort();
	is_int(get_key(c, "a", 0), -ETOOMANYREFS, "too many fds are on their way");
	close(pair[0]);
	close(pair[1]);
	is_int(get_key(c, "a", 0), 0, "until they have arrived");
	if (prlimit(daemon_pid(), RLIMIT_NOFILE, &old, NULL))
		abort();
	zc_close(c);
}

int main(void)
{
	/* lib/mirror.h: what the daemon opens besides is 64 at most */
	struct rlimit files = { ZCM_CACHE_MAX + 64 + PLACES, ZCM_CACHE_MAX + 64 + PLACES };
	struct zc_cache *w = mirror_new("m", NULL);
	int fds, mine;
	size_t len;

	put_seeded(w, "a", 10, 1);
	daemon_init();
	snprintf(path, sizeof(path), "%s", mirror_path("m/socket"));
	snprintf(name, sizeof(name), "%s", served_name(path));
	setrlimit(RLIMIT_NOFILE, &files);
	daemon_begin(mirror_path("m"), NULL, NULL);
	/* the object's file is one more */
	fds = daemon_fds() + 1;
	barrier();
	is_settled(fds, "it is at rest");
	mine = dup(0);
	close(mine);
	hostile();
	len = find("a");
	with_fds(&ask, len, 1);
	with_fds(&ask, len, 200);
	with_fds("x", 1, 200);
	barrier();
	silent(fds);
	too_many();
	finds(2000);
	in_flight();
	is_settled(fds, "it has no more open than at first");
	is_int(dup(0), mine, "nor has its client");
	is_int(daemon_end(SIGTERM), 0, "it ends");
	zc_close(w);
	return tap_end();
}
