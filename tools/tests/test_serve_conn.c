// SPDX-License-Identifier: GPL-2.0-only
/* Connections of zcache-serve: slow ones, many, broken ones, and the end. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "client.h"
#include "tap.h"
#include "util.h"

#define SMALL "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
#define BIG_LEN (6 << 20)
#define BIG "HTTP/1.1 200 OK\r\nContent-Length: 6291456\r\n"
#define GET_SMALL "GET /small HTTP/1.1\r\nHost: h\r\n\r\n"
#define GET_BIG "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"
#define TAIL "Date: DATE\r\nServer: zcache-serve\r\nConnection: keep-alive\r\n\r\n"

static struct zc_cache *cache;
static char *first, *second, *got;

/* Reads a head byte by byte; the body is left. */
static bool skip_head(int fd)
{
	char last[4] = "";

	do {
		memmove(last, last + 1, 3);
		if (!client_read(fd, last + 3, 1))
			return false;
	} while (memcmp(last, "\r\n\r\n", 4));
	return true;
}

static int count(const char *calls, const char *name)
{
	int n = 0;

	for (; (calls = strstr(calls, name)); calls++)
		n++;
	return n;
}

static void short_sends(void)
{
	struct served s;
	int fd;

	put_object(cache, "/big", first, BIG_LEN, BIG, NULL, NULL);
	ok(serve_start(&s, "--budget", "64k", NULL), "a server with a small budget");
	fd = client_connect(&s, 4096);
	client_send(fd, GET_BIG);
	ok(skip_head(fd) && client_read(fd, got, 1000), "a slow client reads some");
	put_object(cache, "/big", second, BIG_LEN, BIG, NULL, NULL);
	ok(client_read(fd, got + 1000, BIG_LEN - 1000), "then the object is replaced");
	ok(!memcmp(got, first, BIG_LEN), "all bytes are of the version that was begun");
	is_int(count(serve_calls(), "OPEN"), 0, "which took no other call to pin");
	client_send(fd, GET_BIG);
	ok(skip_head(fd) && client_read(fd, got, BIG_LEN), "the next request");
	ok(!memcmp(got, second, BIG_LEN), "has the new version");
	client_send(fd, GET_BIG GET_SMALL);
	ok(skip_head(fd) && client_read(fd, got, BIG_LEN) && !memcmp(got, second, BIG_LEN),
	   "a big answer before another");
	is_str(client_answer(fd, false) ?: "", SMALL TAIL "small", "the other follows");
	close(fd);
	is_int(serve_stop(&s), 0, "it stops");
}

static void small_pieces(void)
{
	struct served s;
	size_t len = 1000;
	int fd, i;

	setenv("FAKE_ZCACHE_MAX", "7", 1);
	ok(serve_start(&s, NULL), "a socket that takes seven bytes at a time");
	fd = client_connect(&s, 0);
	for (i = 0; i < 3; i++)
		is_str(client_ask(fd, GET_SMALL), SMALL TAIL "small", "gets an answer in pieces");
	client_send(fd, GET_SMALL GET_SMALL);
	is_str(client_answer(fd, false) ?: "", SMALL TAIL "small", "two at once: one");
	is_str(client_answer(fd, false) ?: "", SMALL TAIL "small", "two at once: two");
	close(fd);
	is_int(serve_stop(&s), 0, "it stops");

	setenv("FAKE_ZCACHE_FAIL", "PIN=24", 1);
	ok(serve_start(&s, NULL), "without a fd to pin it");
	fd = client_connect(&s, 0);
	is_str(client_ask(fd, GET_SMALL), SMALL TAIL "small", "the generation has to do");
	close(fd);
	is_int(serve_stop(&s), 0, "it stops");
	unsetenv("FAKE_ZCACHE_MAX");

	ok(serve_start(&s, "--budget", "64k", NULL), "nor for a big one");
	fd = client_connect(&s, 4096);
	client_send(fd, GET_BIG);
	ok(skip_head(fd) && client_read(fd, got, 1000), "a slow client reads some");
	put_object(cache, "/big", first, BIG_LEN, BIG, NULL, NULL);
	while (len < BIG_LEN && client_read(fd, got + len, 1))
		len++;
	ok(len < BIG_LEN, "then the object is replaced, which cuts it off");
	ok(!memcmp(got, second, len), "but mixes nothing");
	put_object(cache, "/big", second, BIG_LEN, BIG, NULL, NULL);
	close(fd);
	is_int(serve_stop(&s), 0, "it stops");
	unsetenv("FAKE_ZCACHE_FAIL");
}

static void errors(void)
{
	static const struct {
		const char *fail, *status;
	} t[] = {
		{ "SEND=19", "HTTP/1.1 503 Service Unavailable\r\n" },
		{ "SEND=12", "HTTP/1.1 503 Service Unavailable\r\n" },
		{ "SEND=116", "HTTP/1.1 503 Service Unavailable\r\n" },
		{ "SEND=95", "HTTP/1.1 500 Internal Server Error\r\n" },
	};
	struct served s;
	size_t i;
	int fd;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		setenv("FAKE_ZCACHE_FAIL", t[i].fail, 1);
		serve_start(&s, NULL);
		fd = client_connect(&s, 0);
		ok(!strncmp(client_ask(fd, GET_SMALL), t[i].status, strlen(t[i].status)), t[i].fail);
		close(fd);
		serve_stop(&s);
	}
	setenv("FAKE_ZCACHE_FAIL", "SEND=32", 1);
	serve_start(&s, NULL);
	fd = client_connect(&s, 0);
	client_send(fd, GET_SMALL);
	ok(client_closed(fd), "a broken connection is closed");
	close(fd);
	serve_stop(&s);
	unsetenv("FAKE_ZCACHE_FAIL");
}

static void timeouts(void)
{
	struct served s;
	int idle, half, stuck, used;

	ok(serve_start(&s, "--client-timeout", "1", "--keep-alive-timeout", "1", NULL),
	   "a server of little patience");
	idle = client_connect(&s, 0);
	half = client_connect(&s, 0);
	stuck = client_connect(&s, 4096);
	used = client_connect(&s, 0);
	is_str(client_ask(used, GET_SMALL), SMALL TAIL "small", "one has its answer");
	client_send(half, "GET /small HT");
	client_send(stuck, GET_BIG);
	ok(client_closed(idle), "a client that asks nothing is closed");
	ok(client_closed(used), "one that asks nothing more as well");
	ok(!strncmp(client_answer(half, false) ?: "", "HTTP/1.1 408 Request Timeout\r\n", 30),
	   "half a request is told");
	ok(client_closed(half), "and closed");
	/* Those took longer than this one has; what is left of it are full buffers. */
	ok(!client_read(stuck, got, BIG_LEN), "a client that does not read is cut off");
	close(idle);
	close(half);
	close(stuck);
	close(used);
	is_int(serve_stop(&s), 0, "it stops");
}

static void limits(void)
{
	struct rlimit few = { 16, 16 };
	struct served s;
	int fd[30], one, two, i, answered = 0;

	ok(serve_start(&s, "--max-connections", "1", NULL), "a server for one");
	one = client_connect(&s, 0);
	is_str(client_ask(one, GET_SMALL), SMALL TAIL "small", "the first is served");
	two = client_connect(&s, 0);
	client_send(two, GET_SMALL);
	is_int(recv(two, got, 1, MSG_DONTWAIT), -1, "the second waits");
	close(one);
	is_str(client_answer(two, false) ?: "", SMALL TAIL "small", "until the first is gone");
	close(two);
	is_int(serve_stop(&s), 0, "it stops");

	ok(serve_start(&s, NULL), "a server with few fds");
	prlimit(s.pid, RLIMIT_NOFILE, &few, NULL);
	for (i = 0; i < 30; i++) {
		fd[i] = client_connect(&s, 0);
		client_send(fd[i], GET_SMALL);
	}
	for (i = 0; i < 30; i++) {
		const char *answer = client_answer(fd[i], false);

		answered += answer && !strcmp(answer, SMALL TAIL "small");
		close(fd[i]);
	}
	is_int(answered, 30, "all clients have their turn");
	is_int(serve_stop(&s), 0, "it stops");
	ok(strstr(s.summary, "no more connections for now: Too many open files\n") != NULL,
	   "and it said what was short");
}

/* Each worker has two fds; that those already begun end and leave nothing is for SAN=1. */
static void few_workers(void)
{
	struct rlimit few = { 16, 16 };
	struct result r;
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		setrlimit(RLIMIT_NOFILE, &few);
		run(&r, NULL, "zcache-serve-fake", "--store", "web", "--listen", "127.0.0.1:0",
		    "--workers", "16", NULL);
		_exit(strcmp(r.err, "zcache-serve: cannot start a worker: Too many open files\n") ?
		      99 : r.code);
	}
	waitpid(pid, &status, 0);
	is_int(status, 2 << 8, "a worker that cannot start ends the server, which says why");
}

static void stopping(void)
{
	struct served s;
	int idle, busy;

	ok(serve_start(&s, "--workers", "2", NULL), "two workers");
	idle = client_connect(&s, 0);
	is_str(client_ask(idle, GET_SMALL), SMALL TAIL "small", "an idle connection");
	busy = client_connect(&s, 4096);
	client_send(busy, GET_BIG);
	ok(skip_head(busy) && client_read(busy, got, 1000), "and a busy one");
	kill(s.pid, SIGTERM);
	ok(client_closed(idle), "the idle one is closed");
	ok(client_refused(&s), "nobody else is let in");
	ok(client_read(busy, got + 1000, BIG_LEN - 1000) && !memcmp(got, second, BIG_LEN),
	   "the busy one has all its bytes");
	ok(client_closed(busy), "and then is closed");
	close(idle);
	close(busy);
	is_int(serve_wait(&s), 0, "the exit code");
	is_str(s.summary, "zcache-serve: 2 connections, 2 requests: 2 2xx, 0 3xx, 0 4xx, 0 5xx; "
	       "6291709 bytes sent\n", "the summary");
}

static void usage(void)
{
	static const struct {
		const char *option, *value, *says;
	} t[] = {
		{ "--workers", "0", "zcache-serve: --workers 0: right is a number from 1 to 256\n" },
		{ "--budget", "1MB", "zcache-serve: --budget 1MB: a size is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G\n" },
		{ "--listen", "8080", "zcache-serve: --listen 8080: right is an address and a port such as 127.0.0.1:8080 or [::]:8080\n" },
		{ "--listen", "::1:80", "zcache-serve: --listen ::1:80: right is an address and a port such as 127.0.0.1:8080 or [::]:8080\n" },
		{ "--listen", "127.0.0.1:65536", "zcache-serve: --listen 127.0.0.1:65536: right is an address and a port such as 127.0.0.1:8080 or [::]:8080\n" },
	};
	struct result r;
	size_t i;

	run(&r, NULL, "zcache-serve-fake", NULL);
	is_int(r.code, 1, "a store is needed");
	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		run(&r, NULL, "zcache-serve-fake", "--store", "web", t[i].option, t[i].value, NULL);
		is_int(r.code, 1, t[i].value);
		is_str(r.err, t[i].says, t[i].value);
	}
	run(&r, NULL, "zcache-serve-fake", "--store", "none", NULL);
	is_int(r.code, 3, "a store that is not there");
	run(&r, NULL, "zcache-serve-fake", "--help", NULL);
	is_int(r.code, 0, "help");
	ok(strstr(r.out, "zcache-serve --store NAME") == r.out, "on standard output");
}

int main(void)
{
	first = malloc(BIG_LEN);
	second = malloc(BIG_LEN);
	got = malloc(BIG_LEN);
	fill_pattern(first, BIG_LEN, 1);
	fill_pattern(second, BIG_LEN, 2);
	test_store();
	cache = test_open();
	put_object(cache, "/small", "small", 5, SMALL, NULL, NULL);
	short_sends();
	small_pieces();
	errors();
	timeouts();
	limits();
	few_workers();
	stopping();
	usage();
	zc_close(cache);
	free(first);
	free(second);
	free(got);
	return tap_end();
}
