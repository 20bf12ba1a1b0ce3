// SPDX-License-Identifier: GPL-2.0-only
/* zcache-serve --load: which files become which objects. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "client.h"
#include "tap.h"
#include "util.h"

static char dir[128], inside[256];
static struct zc_cache *cache;

static const char *in_dir(const char *name)
{
	snprintf(inside, sizeof(inside), "%s/%s", dir, name);
	return inside;
}

static void make_tree(const char *big, size_t big_len)
{
	snprintf(dir, sizeof(dir), "%s/tree", test_folder());
	mkdir(dir, 0777);
	mkdir(in_dir("sub"), 0777);
	mkdir(in_dir("sub/deep"), 0777);
	test_file("tree/a.txt", "some text", 9);
	test_file("tree/empty", "", 0);
	test_file("tree/sub/x y.html", "<p>", 3);
	test_file("tree/sub/deep/big.bin", big, big_len);
	test_file("tree/a name that is longer than 32 bytes", "x", 1);
	test_file("outside", "secret", 6);
	ok(!symlink("a.txt", in_dir("inner")), "a link within");
	ok(!symlink("../outside", in_dir("outer")), "a link out");
	ok(!symlink("/etc/passwd", in_dir("absolute")), "an absolute link");
	ok(!symlink("nothing", in_dir("dangling")), "a dangling link");
	ok(!symlink("sub", in_dir("folder")), "a link to a folder");
	ok(!mkfifo(in_dir("pipe"), 0666), "a pipe");
}

static void has(const char *key, const char *data, size_t len, const char *type)
{
	char etag[ZC_ETAG_MAX + 1], got_type[ZC_TYPE_MAX], header[ZC_HEADER_MAX], want[512];
	char name[80], *buf = malloc(len + 1);
	struct zc_stat s = {
		.key = zc_ptr(key), .key_len = strlen(key),
		.etag = zc_ptr(etag), .etag_len = ZC_ETAG_MAX,
		.type = zc_ptr(got_type), .type_len = sizeof(got_type),
		.header = zc_ptr(header), .header_len = sizeof(header),
	};
	struct zc_get g = {
		.key = zc_ptr(key), .key_len = strlen(key), .buf = zc_ptr(buf), .buf_len = len + 1,
	};

	snprintf(name, sizeof(name), "%s is there", key);
	is_int(zc_stat(cache, &s), 0, name);
	etag[s.etag_len] = '\0';
	snprintf(want, sizeof(want), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		 "ETag: %s\r\nAccept-Ranges: bytes\r\n", type, len, etag);
	snprintf(name, sizeof(name), "%s has its header", key);
	is_mem(header, s.header_len, want, strlen(want), name);
	snprintf(name, sizeof(name), "%s has its type", key);
	is_mem(got_type, s.type_len, type, strlen(type), name);
	snprintf(name, sizeof(name), "%s has its bytes", key);
	ok(!zc_get(cache, &g) && g.copied == len && !memcmp(buf, data, len), name);
	free(buf);
}

static void has_not(const char *key)
{
	struct zc_stat s = { .key = zc_ptr(key), .key_len = strlen(key) };

	is_int(zc_stat(cache, &s), -ENOENT, key);
}

static bool says(const struct served *s, const char *name, const char *why)
{
	char line[512];

	snprintf(line, sizeof(line), "zcache-serve: skipped %s/%s: %s\n", dir, name, why);
	return strstr(s->summary, line) != NULL;
}

static void links(void)
{
	char link[140], want[300];
	struct zc_delete d = { .key = zc_ptr("/a.txt"), .key_len = 6 };
	struct served s;
	struct result r;

	snprintf(link, sizeof(link), "%s/link", test_folder());
	ok(!symlink("tree", link) && !zc_delete(cache, &d), "a link to the folder");
	ok(serve_start(&s, "--load", link, NULL), "is loaded");
	has("/a.txt", "some text", 9, "text/plain; charset=utf-8");
	is_int(serve_stop(&s), 0, "it stops");
	snprintf(link, sizeof(link), "%s/a.txt", dir);
	run(&r, NULL, "zcache-serve-fake", "--store", "web", "--listen", "127.0.0.1:0", "--load",
	    link, NULL);
	is_int(r.code, 2, "a file is no folder");
	snprintf(want, sizeof(want), "zcache-serve: cannot load %s: right is a directory, or a link to one\n",
		 link);
	is_str(r.err, want, "and what would be right is told");
}

/* On a terminal the bar makes room for a message, and no name can steer it. */
static void terminal(void)
{
	const char *argv[] = { test_program("zcache-serve-fake"), "--store", "web", "--listen",
			       "127.0.0.1:0", "--load", dir, NULL };
	char text[8192], want[300];
	int pty = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), tty, out[2], status;
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	ok(!symlink("nothing", in_dir("\033]0;x")), "a name that steers a terminal");
	ok(pty >= 0 && !grantpt(pty) && !unlockpt(pty), "a terminal");
	tty = open(ptsname(pty), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ok(tty >= 0 && !pipe2(out, O_CLOEXEC), "and a pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		dup2(out[1], 1);
		dup2(tty, 2);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(tty);
	close(out[1]);
	ok(read(out[0], text, sizeof(text)) > 0, "the load ends");
	kill(pid, SIGTERM);
	while ((n = read(pty, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = '\0';
	waitpid(pid, &status, 0);
	is_int(status, 0, "it stops");
	snprintf(want, sizeof(want), "\r\033[Kzcache-serve: skipped %s/\\x1b]0;x: No such file or directory\r\n",
		 dir);
	ok(strstr(text, want) != NULL, "the message has a line of its own, the name is escaped");
	close(pty);
	close(out[0]);
}

static void folders(void)
{
	struct result r;

	run(&r, NULL, "zcache-serve-fake", "--store", "web", "--listen", "127.0.0.1:0", "--load",
	    "/nonexistent", NULL);
	is_int(r.code, 2, "a folder that is not there");
	is_str(r.err, "zcache-serve: cannot load /nonexistent: No such file or directory\n",
	       "says so");
	setenv("FAKE_ZCACHE_FAIL", "FILL=19", 1);
	run(&r, NULL, "zcache-serve-fake", "--store", "web", "--listen", "127.0.0.1:0", "--load",
	    dir, NULL);
	is_int(r.code, 2, "a store that is deleted meanwhile");
	unsetenv("FAKE_ZCACHE_FAIL");
}

int main(void)
{
	static char big[3000000];
	char slashes[140], *line;
	struct served s;
	int fd;

	fill_pattern(big, sizeof(big), 3);
	test_store();
	cache = test_open();
	make_tree(big, sizeof(big));
	snprintf(slashes, sizeof(slashes), "%s//", dir);
	ok(serve_start(&s, "--load", slashes, NULL), "the server starts when all is loaded");
	has("/a.txt", "some text", 9, "text/plain; charset=utf-8");
	has("/inner", "some text", 9, "application/octet-stream");
	has("/empty", "", 0, "application/octet-stream");
	has("/sub/x y.html", "<p>", 3, "text/html; charset=utf-8");
	has("/sub/deep/big.bin", big, sizeof(big), "application/octet-stream");
	has_not("/outer");
	has_not("/absolute");
	has_not("/dangling");
	has_not("/folder");
	has_not("/folder/x y.html");
	has_not("/pipe");
	fd = client_connect(&s, 0);
	line = strstr(client_ask(fd, "GET /sub/x%20y.html HTTP/1.1\r\nHost: h\r\n\r\n"),
		      "\r\n\r\n<p>");
	ok(line != NULL, "a file with a space is served");
	close(fd);
	is_int(serve_stop(&s), 0, "it stops");
	ok(says(&s, "outer", "the link leads out of the directory"), "a link out is told");
	ok(says(&s, "absolute", "the link leads out of the directory"), "an absolute one as well");
	ok(says(&s, "dangling", "No such file or directory"), "a dangling one as well");
	ok(says(&s, "folder", "it is not a regular file"), "a link to a folder as well");
	ok(says(&s, "pipe", "it is not a regular file"), "a pipe as well");
	ok(says(&s, "a name that is longer than 32 bytes", "its path is longer than the store's keys"),
	   "and a long name");
	ok(strstr(s.summary, "zcache-serve: loaded 5 files, 2.8 MiB in ") != NULL, "one line of progress");
	ok(strstr(s.summary, "/s), 6 skipped\n") != NULL, "with what was skipped");
	folders();
	links();
	terminal();
	zc_close(cache);
	return tap_end();
}
