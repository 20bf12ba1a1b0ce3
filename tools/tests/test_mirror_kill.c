// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror: a process is killed before each of the system calls that change files, and
 * at any other time, and each of these calls fails. Whatever it was at, each key has one
 * version in whole, the counts are those of the files, and nothing is left behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define ROUNDS	150	/* of kills at any time */

/* Calls left until the kill, or the failure; 0 for none. */
static int countdown;
static int failure;

/* Whether the call is to fail. */
static bool step(void)
{
	if (!countdown || --countdown)
		return false;
	if (!failure)
		kill(getpid(), SIGKILL);
	errno = failure;
	return true;
}

/* What the mirror changes files with. */
#define WRAP(type, name, args, pass)		\
	type __real_##name args;		\
	type __wrap_##name args;		\
	type __wrap_##name args			\
	{					\
		if (step())			\
			return -1;		\
		return __real_##name pass;	\
	}

WRAP(int, renameat, (int a, const char *b, int c, const char *d), (a, b, c, d))
WRAP(int, linkat, (int a, const char *b, int c, const char *d, int e), (a, b, c, d, e))
WRAP(int, unlinkat, (int a, const char *b, int c), (a, b, c))
WRAP(int, flock, (int a, int b), (a, b))
WRAP(int, futimens, (int a, const struct timespec *b), (a, b))
WRAP(ssize_t, writev, (int a, const struct iovec *b, int c), (a, b, c))
WRAP(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))
WRAP(int, fallocate, (int a, int b, off_t c, off_t d), (a, b, c, d))
WRAP(int, fsync, (int a), (a))

int __real_openat(int dir, const char *path, int flags, ...);
int __wrap_openat(int dir, const char *path, int flags, ...);

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	int mode = 0;

	va_start(ap, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, int);
	va_end(ap);
	if (flags & (O_CREAT | O_WRONLY) && step())
		return -1;
	return __real_openat(dir, path, flags, mode);
}

static int fill_key(struct zc_cache *c, const char *key, size_t len, unsigned int seed)
{
	char etag[16], *data = malloc(len);
	struct zc_put p = {
		.key = zc_ptr(key), .key_len = strlen(key), .data_len = len,
		.etag = zc_ptr(etag), .etag_len = sprintf(etag, "%u", seed),
	};
	int fd = zc_fill(c, &p), err = fd < 0 ? fd : 0;

	fill_pattern(data, len, seed);
	if (!err && write(fd, data, len) != (ssize_t)len)
		err = -errno;
	if (!err)
		err = zc_commit(c, fd, NULL);
	if (fd >= 0)
		close(fd);
	free(data);
	return err;
}

/* Does what can be done to a mirror, once each. */
static int work(struct zc_cache *c)
{
	struct zc_delete d = { .key = zc_ptr("gone"), .key_len = 4 };
	struct zc_delete soft = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("soft"), .key_len = 4 };
	struct zc_purge p = { .key = zc_ptr("p/"), .key_len = 2 };

	return put_seeded(c, "a", 3000, 2) ?: put_seeded(c, "new", 5000, 3) ?:
	       fill_key(c, "b", 4000, 4) ?: zc_delete(c, &d) ?: zc_delete(c, &soft) ?:
	       zc_purge(c, &p) ?: put_seeded(c, "evicts", 7 * 4096, 5);
}

static void prepare(struct zc_cache *c)
{
	struct zc_purge all = { 0 };

	zc_purge(c, &all);
	put_seeded(c, "old", 10, 9);
	put_seeded(c, "a", 2000, 1);
	put_seeded(c, "b", 2000, 1);
	put_seeded(c, "gone", 2000, 1);
	put_seeded(c, "soft", 2000, 1);
	put_seeded(c, "p/1", 20, 1);
	put_seeded(c, "p/2", 20, 1);
}

/* Of which version the object of a key is; 0 for none. */
static int seed_of(struct zc_cache *c, const char *key)
{
	char etag[16] = "";
	struct zc_stat s = {
		.key = zc_ptr(key), .key_len = strlen(key), .etag = zc_ptr(etag),
		.etag_len = sizeof(etag) - 1,
	};

	return zc_stat(c, &s) ? 0 : atoi(etag);
}

/* How far work() came, by what is there; -1 if that cannot be. */
static int came_to(struct zc_cache *c)
{
	bool done[] = {
		seed_of(c, "a") != 1, seed_of(c, "new") != 0 || seed_of(c, "a") == 0,
		seed_of(c, "b") != 1, !seed_of(c, "gone"), !seed_of(c, "soft"),
		!seed_of(c, "p/1") || !seed_of(c, "p/2"), seed_of(c, "evicts") != 0,
	};
	int i, n = 0;

	while (n < 7 && done[n])
		n++;
	for (i = n; i < 7; i++)
		if (done[i])
			return -1;
	return n;
}

/* Who comes to make the index anew is killed as well. */
static void kill_mender(const char *name, int steps)
{
	pid_t pid = fork();

	if (!pid) {
		countdown = steps;
		mirror_open(name, O_RDWR);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/*
 * Kills a child at each step. Those who have the mirror open find out by its mutex,
 * others when they open it.
 */
static void each_step(const char *name, bool stay, uint32_t flags)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .flags = flags, .capacity = 17 * 4096, .grace_ms = 3600000,
	};
	const char *wrong = NULL;
	struct zc_cache *c = mirror_new(name, &conf);
	int n, status, last = 0, bad = 0, orders = 0;
	struct zc_mirror_status st;
	pid_t pid;

	fflush(stdout);
	for (n = 1; !wrong && n < 1000; n++) {
		prepare(c);
		if (!stay)
			zc_close(c);
		pid = fork();
		if (!pid) {
			struct zc_cache *mine = mirror_open(name, O_RDWR);

			countdown = n;
			n = work(mine);
			countdown = 0;
			_exit(n != 0);
		}
		waitpid(pid, &status, 0);
		if (!stay) {
			kill_mender(name, 1 + n % 4);
			c = mirror_open(name, O_RDWR);
		}
		wrong = mirror_wrong(c, name);
		if (wrong)
			printf("# killed at step %d: %s\n", n, wrong);
		status = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
		if (status >= 0) {
			bad += status;
			break;
		}
		orders += came_to(c) < last;
		last = came_to(c);
		/* It can be gone on with. */
		bad += put_seeded(c, "old", 11, 8) != 0;
	}
	ok(!wrong, stay ? "killed at each step beside others" : "killed at each step alone");
	printf("# %s\n", name);
	printf("# %d steps\n", n - 1);
	ok(n > 50 && n < 1000, "these were many");
	is_int(bad, 0, "what is done then works");
	is_int(orders, 0, "a later kill finds no less done");
	is_int(zc_mirror_status(c, &st), 0, "status");
	ok(st.rebuilds > 20, "the index was made anew");
	ok(st.orphans > 5, "and files removed that nobody had");
	is_int(st.corrupt, 0, "no object was damaged");
	zc_close(c);
}

/*
 * A fill whose fd two processes have: one is killed at each step of its commit. The other
 * is told that it was committed if it was, and else commits it.
 */
static void commit_shared(const char *name, uint32_t flags)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .flags = flags };
	struct zc_cache *c = mirror_new(name, &conf);
	struct zc_put p = {
		.key = zc_ptr("k"), .key_len = 1, .data_len = 3000, .etag = zc_ptr("2"),
		.etag_len = 1,
	};
	int n, fd, err, status, was, before = 0, after = 0, bad = 0;
	char data[3000];
	pid_t pid;

	fill_pattern(data, sizeof(data), 2);
	fflush(stdout);
	for (n = 1; n < 1000; n++) {
		put_seeded(c, "k", 2000, 1);
		p.fd = 0;
		fd = zc_fill(c, &p);
		bad += write(fd, data, sizeof(data)) != sizeof(data);
		pid = fork();
		if (!pid) {
			countdown = n;
			err = zc_commit(c, fd, NULL);
			countdown = 0;
			_exit(err != 0);
		}
		waitpid(pid, &status, 0);
		was = seed_of(c, "k");
		err = zc_commit(c, fd, NULL);
		if (WIFSIGNALED(status)) {
			before += was == 1;
			after += was == 2;
		}
		if (err != (was == 2 ? -EALREADY : 0)) {
			printf("# killed at step %d, version %d: %d\n", n, was, err);
			bad++;
		}
		close(fd);
		bad += seed_of(c, "k") != 2 || mirror_wrong(c, name);
		if (!WIFSIGNALED(status))
			break;
	}
	is_int(bad, 0, "one of two is killed in a commit");
	ok(before > 3 && after > 0, "before it and after it");
	printf("# %d before, %d after\n", before, after);
	zc_close(c);
}

/* Each step fails instead, as when the disk is full or broken. */
static void each_fails(int error, const char *name)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = 17 * 4096, .grace_ms = 3600000,
	};
	struct zc_cache *c = mirror_new(name, &conf);
	const char *wrong = NULL;
	int n, err, told = 0, others = 0;

	failure = error;
	for (n = 1; !wrong && n < 1000; n++) {
		prepare(c);
		countdown = n;
		err = work(c);
		if (countdown)
			break;
		told += err == -error;
		others += err && err != -error;
		wrong = mirror_wrong(c, name);
		if (wrong)
			printf("# step %d failed: %s\n", n, wrong);
		if (came_to(c) < 0)
			wrong = "what failed was done";
	}
	countdown = 0;
	failure = 0;
	is_str(wrong ?: "well", "well", "each step fails");
	ok(told > 25, "most are told of");
	is_int(others, 0, "as what they are");
	zc_close(c);
}

static unsigned int next(unsigned int *x)
{
	*x = *x * 1103515245 + 12345;
	return *x >> 8;
}

/* Puts, fills and deletes for ever. Each object is known by its seed. */
static void storm(const char *name, unsigned int x)
{
	struct zc_cache *c = mirror_open(name, O_RDWR);
	struct zc_delete d = { 0 };
	struct zc_touch t = { .flags = ZC_TOUCH_EXPIRES };
	char key[64];

	for (;;) {
		unsigned int what = next(&x) % 8;

		snprintf(key, sizeof(key), "key/%u", next(&x) % 40);
		switch (what) {
		case 0:
			d = (struct zc_delete) { .key = zc_ptr(key), .key_len = strlen(key) };
			zc_delete(c, &d);
			break;
		case 1:
			t.key = zc_ptr(key);
			t.key_len = strlen(key);
			t.expires_ns = from_now(1000000000LL * (next(&x) % 100));
			zc_touch(c, &t);
			break;
		case 2:
			fill_key(c, key, 1 + next(&x) % 20000, next(&x));
			break;
		default:
			put_seeded(c, key, 1 + next(&x) % 20000, next(&x) % 1000);
		}
	}
}

static void any_time(void)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = 60 * 4096, .grace_ms = 3600000,
	};
	struct zc_cache *c = mirror_new("storm", &conf);
	const char *wrong = NULL;
	uint64_t puts = 0;
	unsigned int x = 1;
	pid_t pid[2];
	int i, n;

	fflush(stdout);
	for (n = 0; n < ROUNDS && !wrong; n++) {
		for (i = 0; i < 2; i++) {
			pid[i] = fork();
			if (!pid[i])
				storm("storm", n * 2 + i);
		}
		/* At a time that they know nothing of; and not before they do something. */
		puts = counted(c, ZC_C_PUTS) + next(&x) % 20;
		while (counted(c, ZC_C_PUTS) < puts)
			sched_yield();
		for (i = 0; i < 2; i++)
			kill(pid[i], SIGKILL);
		for (i = 0; i < 2; i++)
			waitpid(pid[i], NULL, 0);
		wrong = mirror_wrong(c, "storm");
	}
	is_str(wrong ?: "well", "well", "two processes killed at any time");
	is_int(n, ROUNDS, "many times");
	ok(counted(c, ZC_C_EVICTIONS) > 10, "while room was short");
	zc_close(c);
}

int main(void)
{
	if (!test_robust())
		return test_skip("who dies with a lock is not told of here");
	each_step("stay", true, 0);
	each_step("leave", false, 0);
	each_step("durable", true, ZC_MIRROR_DURABLE);
	commit_shared("shared", 0);
	commit_shared("shared-durable", ZC_MIRROR_DURABLE);
	each_fails(ENOSPC, "full");
	each_fails(EIO, "broken");
	each_fails(EROFS, "read_only");
	each_fails(EACCES, "not_ours");
	any_time();
	return tap_end();
}
