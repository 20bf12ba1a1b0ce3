// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl bench: what it says, what it refuses, and that nothing is left of it. */
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_run.h"
#include "json_document.h"

static char tmpdir[128];

#define bench(...) run(&r, NULL, "zcachectl", "bench", __VA_ARGS__, NULL)

/* How many names in the folder end so. */
static int count(const char *folder, const char *end)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d))) {
		size_t len = strlen(e->d_name);

		if (e->d_name[0] != '.' && len >= strlen(end))
			n += !strcmp(e->d_name + len - strlen(end), end);
	}
	closedir(d);
	return n;
}

/* The stand-in keeps what it knows of an object in such a file. */
static void nothing_left(const char *name)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/stores/web", test_folder());
	is_int(count(folder, ".m"), 0, name);
	is_int(count(tmpdir, ""), 0, name);
}

static void usage(void)
{
	run(&r, NULL, "zcachectl", "bench", NULL);
	refused(1, "zcachectl: too few words; right is: zcachectl bench STORE [size SIZE] [seconds N]\n",
		"without a store");
	bench("web", "size");
	refused(1, "zcachectl: 'size' needs a value\n", "size without a value");
	bench("web", "size", "1MB");
	refused(1, "zcachectl: size '1MB': a size is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G\n",
		"a size that is none");
	bench("web", "size", "0");
	refused(1, "zcachectl: size '0' is not that of an object to send\n", "nothing to send");
	bench("web", "size", "8388608T");
	refused(1, "zcachectl: size '8388608T' is not that of an object to send\n",
		"more than an object can have");
	bench("web", "seconds", "0");
	refused(1, "zcachectl: seconds '0': one is the least\n", "no time");
	bench("web", "seconds", "3601");
	refused(1, "zcachectl: seconds '3601' is not a number from 0 to 3600\n", "too much time");
	bench("web", "seconds", "1.5");
	refused(1, "zcachectl: seconds '1.5' is not a number from 0 to 3600\n", "half a second");
	bench("web", "now");
	refused(1, "zcachectl: unknown word 'now'; 'zcachectl help' lists what is known\n",
		"an unknown word");
	bench("../x");
	refused(1, "zcachectl: store '../x': a name has 1 to 32 letters, digits, dots, dashes and underscores and begins with no dot\n",
		"a bad name");
}

static bool has_line(const char *start)
{
	char find[64];

	snprintf(find, sizeof(find), "\n%s ", start);
	return strstr(r.out, find);
}

static const char *const names[] = { "zcache", "sendfile", "read+write" };

static void text(void)
{
	size_t i;

	fake("bench", "web", "size", "100k", "seconds", "1");
	is_int(r.code, 0, "it runs");
	is_int(r.err_len, 0, "in silence");
	ok(strstr(r.out, "store              web\nsize               102400 bytes (100.0 KiB)\nturns              9\n") == r.out,
	   "what was measured");
	for (i = 0; i < 3; i++)
		ok(has_line(names[i]), names[i]);
	ok(strstr(r.out, "\nThis was one connection over loopback"), "how it was measured");
	ok(strstr(r.out, "\nNot measured: networks and their drivers, TLS"), "what was not");
	ok(strstr(r.out, "'make bench'"), "and where it is");
	nothing_left("nothing is left");
}

static double number(struct json_object *o, const char *name)
{
	return json_object_get_double(json_object_object_get(o, name));
}

/* SEND goes on where it ended, whatever it took. */
static void json(void)
{
	struct json_object *o, *ways, *first;
	size_t i;

	setenv("FAKE_ZCACHE_MAX", "1000", 1);
	fake("--json", "bench", "web", "size", "70001", "seconds", "1");
	unsetenv("FAKE_ZCACHE_MAX");
	is_int(r.code, 0, "as JSON, with short sends");
	is_int(r.err_len, 0, "in silence");
	o = json_document(r.out);
	if (!ok(o != NULL, "a document"))
		return;
	is_int(number(o, "size"), 70001, "the size");
	is_int(number(o, "turns"), 9, "the turns");
	ways = json_object_object_get(o, "ways");
	is_int(json_object_array_length(ways), 3, "the ways");
	for (i = 0; i < 3; i++) {
		struct json_object *way = json_object_array_get_idx(ways, i);

		is_str(json_object_get_string(json_object_object_get(way, "way")), names[i],
		       names[i]);
		ok(number(way, "time_us") > 0 && number(way, "cpu_us") > 0 &&
		   number(way, "mb_per_s") > 0 && number(way, "requests") >= 1,
		   "took some time");
	}
	first = json_object_array_get_idx(ways, 0);
	ok(number(first, "time_ratio") == 1 && number(first, "cpu_ratio") == 1,
	   "zcache is the measure");
	json_object_put(o);
	nothing_left("nothing is left");
}

static void one_byte(void)
{
	fake("bench", "web", "size", "1", "seconds", "1");
	is_int(r.code, 0, "a single byte");
	is_int(r.err_len, 0, "in silence");
	nothing_left("nothing is left");
}

static void fails(const char *what, const char *sentence)
{
	setenv("FAKE_ZCACHE_FAIL", what, 1);
	fake("--json", "bench", "web", "size", "1k", "seconds", "1");
	unsetenv("FAKE_ZCACHE_FAIL");
	/* the key is another each time */
	is_int(r.code, 2, what);
	is_int(r.out_len, 0, what);
	ok(!strncmp(r.err, sentence, strlen(sentence)), what);
	is_int(strcspn(r.err, "\n"), r.err_len - 1, "one sentence");
}

static void failures(void)
{
	fails("FILL=28", "zcachectl: cannot put zcachectl-bench-");
	nothing_left("no room");
	fails("COMMIT=12", "zcachectl: cannot put zcachectl-bench-");
	nothing_left("no commit");
	fails("SEND=5", "zcachectl: zcache: cannot send: Input/output error (EIO)\n");
	nothing_left("no sends");
	fails("SEND=2", "zcachectl: zcache: the object was evicted or deleted meanwhile: No such file or directory (ENOENT)\n");
	nothing_left("evicted");
	fails("CORRUPT=1", "zcachectl: zcache: the receiver got other bytes: Bad message (EBADMSG)\n");
	nothing_left("other bytes");
	fake("bench", "web", "size", "1G");
	is_int(r.code, 2, "an object too large");
	ok(strstr(r.err, ": the store takes objects of up to 67108864 bytes: File too large (EFBIG)\n"),
	   "says so");
	nothing_left("too large");
	fake("bench", "none");
	refused(3, "zcachectl: no store none: No such file or directory (ENOENT)\n", "no store");
	setenv("TMPDIR", "/nonexistent", 1);
	fake("bench", "web");
	refused(2, "zcachectl: cannot make a file in /nonexistent: No such file or directory (ENOENT)\n",
		"no place for a file");
	setenv("TMPDIR", tmpdir, 1);
	nothing_left("no file");
}

/* Whether the stand-in was called for a SEND. */
static bool has_sent(const char *log)
{
	char text[512];
	FILE *f = fopen(log, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return strstr(text, "SEND\n");
}

/* The object is there while it sends, and a signal ends that as it ends other programs. */
static void interrupted(int sig, const char *name)
{
	const char *argv[] = { test_program("zcachectl-fake"), "bench", "web", "size", "4k",
			       "seconds", "3600", NULL };
	char log[128], byte;
	int out, err, status;
	pid_t pid;

	strcpy(log, test_file("log", "", 0));
	setenv("FAKE_ZCACHE_LOG", log, 1);
	pid = start(argv, 0, &out, &err);
	while (!has_sent(log) && !waitpid(pid, &status, WNOHANG))
		sched_yield();
	unsetenv("FAKE_ZCACHE_LOG");
	kill(pid, sig);
	is_int(waitpid(pid, &status, 0), pid, name);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == sig, name);
	is_int(read(out, &byte, 1), 0, name);
	is_int(read(err, &byte, 1), 0, name);
	nothing_left(name);
	close(out);
	close(err);
}

/* An object that cannot be deleted is not passed over in silence. */
static void not_deleted(void)
{
	fails("DELETE=5", "zcachectl: cannot delete zcachectl-bench-");
	fake("--json", "object", "purge", "web", "prefix", "zcachectl-bench-");
	ok(strstr(r.out, "\"objects\":1"), "the object that was told of is still there");
}

int main(void)
{
	usage();
	test_store();
	snprintf(tmpdir, sizeof(tmpdir), "%s/tmp", test_folder());
	if (mkdir(tmpdir, 0777))
		abort();
	setenv("TMPDIR", tmpdir, 1);
	text();
	json();
	one_byte();
	failures();
	interrupted(SIGINT, "SIGINT");
	interrupted(SIGTERM, "SIGTERM");
	not_deleted();
	return tap_end();
}
