// SPDX-License-Identifier: GPL-2.0-only
/* zcache-serve on a mirror, where there is no module: what it says and what it answers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "mirror_util.h"
#include "served_daemon.h"
#include "tap.h"
#include "util.h"

#define TAIL "Date: DATE\r\nServer: zcache-serve\r\nConnection: keep-alive\r\n\r\n"
#define STORED "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n"
#define HEAD_A STORED TAIL
#define HOST "Host: h\r\n"
#define LARGE (8 << 20)

static struct served s;
static char store[600], wanted[700];

static void is_line(const char *store_told, const char *name)
{
	snprintf(wanted, sizeof(wanted), "listening on 127.0.0.1:%d, serving %s\n", s.port,
		 store_told);
	is_str(s.line, wanted, name);
}

static void small(int fd)
{
	is_str(client_ask(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n"), HEAD_A "0123456789", "GET");
	is_str(client_ask(fd, "HEAD /a HTTP/1.1\r\n" HOST "\r\n"), HEAD_A, "HEAD");
	is_str(client_ask(fd, "GET /a HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\n\r\n"),
	       "HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n"
	       "Content-Range: bytes 2-4/10\r\nETag: \"e1\"\r\nAccept-Ranges: bytes\r\n"
	       "Content-Type: text/plain\r\n" TAIL "234", "a range");
	is_str(client_ask(fd, "GET /a HTTP/1.1\r\n" HOST "Range: bytes=-2\r\n\r\n"),
	       "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n"
	       "Content-Range: bytes 8-9/10\r\nETag: \"e1\"\r\nAccept-Ranges: bytes\r\n"
	       "Content-Type: text/plain\r\n" TAIL "89", "the end");
	is_str(client_ask(fd, "GET /a HTTP/1.1\r\n" HOST "If-Match: \"e2\"\r\n\r\n"),
	       "HTTP/1.1 412 Precondition Failed\r\nContent-Type: text/plain\r\n"
	       "Content-Length: 20\r\n" TAIL "Precondition Failed\n", "another entity tag");
	is_str(client_ask(fd, "GET /plain HTTP/1.1\r\n" HOST "\r\n"),
	       "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	       "Content-Length: 5\r\nAccept-Ranges: bytes\r\n" TAIL "plain",
	       "an object without a head");
	is_str(client_ask(fd, "GET /none HTTP/1.1\r\n" HOST "\r\n"),
	       "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n"
	       TAIL "Not Found\n", "no object");
}

/* More than the socket takes at once, and replaced while it is sent. */
static void large(struct zc_cache *c, int fd)
{
	static char bytes[LARGE], got[LARGE];
	char head[200];

	fill_pattern(bytes, LARGE, 1);
	put_object(c, "/large", bytes, LARGE, "", "", "");
	client_send(fd, "GET /large HTTP/1.1\r\n" HOST "\r\n");
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
		 "Content-Length: %d\r\nAccept-Ranges: bytes\r\nDate: ", LARGE);
	ok(client_read(fd, got, strlen(head)), "the head of a large one");
	is_mem(got, strlen(head), head, strlen(head), "is whole");
	put_object(c, "/large", "short", 5, "", "", "");
	/* the rest of the head: the date has 29 bytes */
	ok(client_read(fd, got, 29 + strlen(TAIL) - strlen("Date: DATE")), "the rest of the head");
	ok(client_read(fd, got, LARGE), "all its bytes");
	ok(!memcmp(got, bytes, LARGE), "of the version it began with");
}

static void serving(struct zc_cache *c)
{
	int fd = client_connect(&s, 8192);

	small(fd);
	large(c, fd);
	close(fd);
}

static void refusals(void)
{
	ok(!serve_start_on(&s, "mirror:/nonexistent", NULL), "no folder");
	is_int(serve_wait(&s), 3, "ends it");
	is_str(s.summary, "zcache-serve: cannot open the store mirror:/nonexistent: No such file or directory\n",
	       "and is told");
	snprintf(store, sizeof(store), "mirror:%s", test_folder());
	ok(!serve_start_on(&s, store, NULL), "a folder that is no mirror");
	is_int(serve_wait(&s), 3, "ends it");
	snprintf(wanted, sizeof(wanted), "zcache-serve: no store %s: the folder is no mirror\n", store);
	is_str(s.summary, wanted, "and is told");
	ok(!serve_start_on(&s, "auto:web", NULL), "auto: without a folder");
	is_int(serve_wait(&s), 1, "ends it");
	is_str(s.summary, "zcache-serve: --store auto:web: right is mirror:DIR, served:SOCKET, or auto:NAME,DIR with the name of a store\n",
	       "and is told");
}

/* Who has only the socket of the mirror's owner serves the same. */
static void through_socket(struct zc_cache *c)
{
	char path[300];

	snprintf(path, sizeof(path), "%s", mirror_path("m/socket"));
	daemon_init();
	daemon_begin(mirror_path("m"), NULL, NULL);
	snprintf(store, sizeof(store), "%s", served_name(path));
	ok(serve_start_on(&s, store, NULL), "it serves what zcached owns");
	is_line(store, "and says so");
	serving(c);
	is_int(serve_stop(&s), 0, "it ends");
	ok(!serve_start_on(&s, store, "--load", mirror_path("site"), NULL), "which it cannot fill");
	is_int(serve_wait(&s), 2, "so it ends");
	snprintf(wanted, sizeof(wanted), "zcache-serve: cannot open the store %s: Read-only file system\n",
		 store);
	is_str(s.summary, wanted, "and says so");
	is_int(daemon_end(SIGTERM), 0, "the owner ends");
	ok(!serve_start_on(&s, store, NULL), "no owner");
	is_int(serve_wait(&s), 3, "ends it, too");
}

int main(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 64 << 20 };
	struct zc_cache *c = mirror_new("m", &conf);
	struct zc_send probe = { .sock = -1 };

	if (zc_send(c, &probe) == -EOPNOTSUPP) {
		zc_close(c);
		printf("1..0 # SKIP the mirror of this library does not send\n");
		return 0;
	}
	put_object(c, "/a", "0123456789", 10, STORED, "\"e1\"", "text/plain");
	put_object(c, "/plain", "plain", 5, "", "", "");
	snprintf(store, sizeof(store), "mirror:%s", mirror_path("m"));
	ok(serve_start_on(&s, store, NULL), "it serves from a mirror");
	is_line(store, "and says so");
	serving(c);
	is_int(serve_stop(&s), 0, "it ends");
	snprintf(store, sizeof(store), "auto:zc-no-such-store,%s", mirror_path("m"));
	mkdir(mirror_path("site"), 0777);
	test_file("site/b", "loaded", 6);
	ok(serve_start_on(&s, store, "--load", mirror_path("site"), NULL),
	   "where there is no node it takes the mirror, and puts files there");
	snprintf(store, sizeof(store), "mirror:%s", mirror_path("m"));
	is_line(store, "and says so");
	is_int(get_key(c, "/b", 0), 0, "what was loaded is there");
	is_int(serve_stop(&s), 0, "it ends too");
	through_socket(c);
	zc_close(c);
	refusals();
	return tap_end();
}
