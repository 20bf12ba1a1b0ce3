// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

static char folder[64];
static pid_t owner;

static void must(int good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	if (getpid() == owner)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *test_folder(void)
{
	if (folder[0])
		return folder;
	strcpy(folder, "/tmp/zcache-test-XXXXXX");
	must(mkdtemp(folder) != NULL, "mkdtemp");
	owner = getpid();
	atexit(remove_folder);
	return folder;
}

void test_store(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/stores", test_folder());
	must(!mkdir(path, 0777), "mkdir");
	setenv("FAKE_ZCACHE", path, 1);
	strcat(path, "/web");
	must(!mkdir(path, 0777), "mkdir");
}

struct zc_cache *test_open(void)
{
	struct zc_cache *c = NULL;

	must(!zc_open("kmod:web", O_RDWR, &c), "zc_open");
	return c;
}

const char *test_file(const char *name, const void *data, size_t len)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
	f = fopen(path, "w");
	must(f && fwrite(data, 1, len, f) == len && !fclose(f), path);
	return path;
}

const char *test_program(const char *name)
{
	static char path[512];
	size_t len = strlen(name);

	snprintf(path, sizeof(path), "%s/%s%s", getenv("BIN") ?: "build/tools",
		 len > 5 && !strcmp(name + len - 5, "-fake") ? "tests/" : "", name);
	return path;
}

pid_t start(const char *const *argv, int in, int *out, int *err)
{
	int o[2], e[2];
	pid_t pid;

	must(!pipe2(o, O_CLOEXEC) && !pipe2(e, O_CLOEXEC), "pipe");
	fflush(stdout);
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid) {
		dup2(in, 0);
		dup2(o[1], 1);
		dup2(e[1], 2);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(o[1]);
	close(e[1]);
	*out = o[0];
	*err = e[0];
	return pid;
}

/* Both at once, so that neither pipe can fill up unseen. */
static void drain(struct result *r, int out, int err)
{
	struct pollfd p[2] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	char *buf[2] = { r->out, r->err };
	size_t room[2] = { sizeof(r->out) - 1, sizeof(r->err) - 1 };
	size_t *len[2] = { &r->out_len, &r->err_len };
	int i;

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		must(poll(p, 2, -1) > 0, "poll");
		for (i = 0; i < 2; i++) {
			ssize_t n;

			if (p[i].fd < 0 || !p[i].revents)
				continue;
			n = read(p[i].fd, buf[i] + *len[i], room[i] - *len[i]);
			if (n > 0) {
				*len[i] += n;
				continue;
			}
			close(p[i].fd);
			p[i].fd = -1;
		}
	}
	r->out[r->out_len] = r->err[r->err_len] = '\0';
}

void run(struct result *r, const char *in, const char *program, ...)
{
	const char *argv[32] = { test_program(program) };
	int argc = 1, input, out, err, status;
	va_list ap;
	pid_t pid;

	va_start(ap, program);
	while ((argv[argc] = va_arg(ap, const char *)))
		argc++;
	va_end(ap);
	memset(r, 0, sizeof(*r));
	input = open(in ? test_file("input", in, strlen(in)) : "/dev/null", O_RDONLY | O_CLOEXEC);
	pid = start(argv, input, &out, &err);
	close(input);
	drain(r, out, err);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	r->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool test_robust(void)
{
	pthread_mutex_t *lock = mmap(NULL, sizeof(*lock), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;
	bool robust;
	pid_t pid;

	must(lock != MAP_FAILED, "mmap");
	must(!pthread_mutexattr_init(&attr) &&
	     !pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) &&
	     !pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST) &&
	     !pthread_mutex_init(lock, &attr), "mutex");
	pid = fork();
	must(pid >= 0, "fork");
	if (!pid)
		_exit(pthread_mutex_lock(lock));
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	robust = pthread_mutex_trylock(lock) == EOWNERDEAD;
	/* A thread has a list of those that it holds, which is not to lead here. */
	if (robust)
		must(!pthread_mutex_consistent(lock) && !pthread_mutex_unlock(lock), "mutex");
	munmap(lock, sizeof(*lock));
	return robust;
}

int test_skip(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	return 0;
}

void fill_pattern(char *buf, size_t len, unsigned int seed)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15ULL + 1;
	size_t i;

	for (i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		buf[i] = x;
	}
}

int put_object(struct zc_cache *c, const char *key, const void *data, size_t len,
	       const char *header, const char *etag, const char *type)
{
	struct zc_put p = {
		.key = zc_ptr(key),
		.key_len = strlen(key),
		.data = zc_ptr(data),
		.data_len = len,
		.header = zc_ptr(header),
		.header_len = header ? strlen(header) : 0,
		.etag = zc_ptr(etag),
		.etag_len = etag ? strlen(etag) : 0,
		.type = zc_ptr(type),
		.type_len = type ? strlen(type) : 0,
	};

	return zc_put(c, &p);
}

int wait_for(struct zc_cache *c, const char *key, uint32_t flags, int timeout_ms)
{
	struct zc_wait w = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key), .timeout_ms = timeout_ms,
	};

	return zc_wait(c, &w);
}

int put_tagged(struct zc_cache *c, const char *key, const uint64_t *tags, uint32_t nr)
{
	struct zc_put p = {
		.key = zc_ptr(key), .key_len = strlen(key), .data = zc_ptr("bytes"), .data_len = 5,
		.tags = zc_ptr(tags), .nr_tags = nr,
	};

	return zc_put(c, &p);
}

bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1 && p.revents & POLLIN;
}

static bool same_text(const char *got, size_t len, const char *want)
{
	return len == strlen(want) && !memcmp(got, want, len);
}

const char *object_differs(struct zc_cache *c, const char *key, const char *data,
			   const char *header, const char *etag, const char *type,
			   struct zc_stat *stat)
{
	char got_header[ZC_HEADER_MAX], got_etag[ZC_ETAG_MAX], got_type[ZC_TYPE_MAX], got[64];
	struct zc_get g = {
		.key = zc_ptr(key), .key_len = strlen(key), .buf = zc_ptr(got), .buf_len = sizeof(got),
	};

	*stat = (struct zc_stat) {
		.key = g.key, .key_len = g.key_len,
		.header = zc_ptr(got_header), .header_len = sizeof(got_header),
		.etag = zc_ptr(got_etag), .etag_len = sizeof(got_etag),
		.type = zc_ptr(got_type), .type_len = sizeof(got_type),
	};
	if (zc_stat(c, stat))
		return "stat fails";
	if (zc_get(c, &g))
		return "get fails";
	if (stat->data_len != strlen(data) || !same_text(got, g.copied, data))
		return "the bytes";
	if (!same_text(got_header, stat->header_len, header))
		return "the header";
	if (!same_text(got_etag, stat->etag_len, etag))
		return "the entity tag";
	if (!same_text(got_type, stat->type_len, type))
		return "the content type";
	return stat->generation == g.generation ? NULL : "the generation";
}
