// SPDX-License-Identifier: GPL-2.0-only
/* The mapped reader: its bytes, and files that become shorter under it. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

static size_t page;

static struct zc_map *map_of(int fd, uint64_t max, unsigned int flags)
{
	struct zc_map_conf conf;
	struct zc_map *map = NULL;

	zc_map_conf_init(&conf);
	conf.max_bytes = max;
	conf.flags = flags;
	is_int(zc_map_open(fd, &conf, &map), 0, "open a map");
	return map;
}

/* All bytes by zc_map_data(), then again by reads at random places. */
static bool same_bytes(struct zc_map *map, const unsigned char *want, size_t len, uint64_t max)
{
	static unsigned char buf[40000];
	const void *data;
	uint64_t seed = len;
	size_t at = 0, n;
	int i;

	if (zc_map_size(map) != len)
		return false;
	for (;;) {
		if (zc_map_seek(map, at) || zc_map_data(map, &data, &n))
			return false;
		if (!n)
			break;
		if ((max && n > max) || zc_map_remaining(map) != len - at ||
		    n > len - at || memcmp(data, want + at, n))
			return false;
		at += n;
	}
	for (i = 0; i < 300; i++) {
		size_t from = io_random(&seed, len + 1), ask = io_random(&seed, sizeof(buf));
		size_t expect = ask < len - from ? ask : len - from;

		if (zc_map_seek(map, from) || zc_map_read(map, buf, ask) != (ssize_t)expect ||
		    memcmp(buf, want + from, expect) || zc_map_tell(map) != from + expect)
			return false;
	}
	return at == len && !zc_map_check(map);
}

static void bytes(void)
{
	size_t sizes[] = {
		0, 1, page - 1, page, page + 1, 4 * page - 1, 4 * page, 4 * page + 1,
		8 * page, 8 * page + 1, 1000001, (4 << 20) + 4097,
	};
	uint64_t windows[] = { 0, 1, 4 * page, 4 * page + 1, 4 << 20 };
	unsigned char *want = io_bytes(5 << 20);
	size_t i, j;
	char name[80];

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		int fd = io_file(want, sizes[i], 0);

		for (j = 0; j < sizeof(windows) / sizeof(*windows); j++) {
			struct zc_map *map = map_of(fd, windows[j], j % 2 ? ZC_MAP_POPULATE : 0);
			uint64_t most = (windows[j] + page - 1) / page * page;

			snprintf(name, sizeof(name), "%zu bytes in windows of %" PRIu64, sizes[i],
				 windows[j]);
			ok(same_bytes(map, want, sizes[i], most), name);
			zc_map_close(map);
		}
		close(fd);
	}
	free(want);
}

static void refused(void)
{
	struct zc_map_conf conf;
	struct zc_map *map = NULL;
	char path[128];
	int fd, pipes[2];

	snprintf(path, sizeof(path), "%s/wronly", test_folder());
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	is_int(write(fd, "x", 1), 1, "a file for writing only");
	is_int(zc_map_open(fd, NULL, &map), -EACCES, "cannot be mapped");
	close(fd);
	is_int(zc_map_open(fd, NULL, &map), -EBADF, "nor can a closed one");
	is_int(pipe(pipes), 0, "a pipe");
	is_int(zc_map_open(pipes[0], NULL, &map), -EINVAL, "has nothing to map");
	close(pipes[0]);
	close(pipes[1]);
	fd = io_file("abc", 3, 0);
	is_int(zc_map_open(fd, NULL, NULL), -EINVAL, "it needs a place for the result");
	zc_map_conf_init(&conf);
	conf.advice = ZC_ADVICE_DONTNEED + 1;
	is_int(zc_map_open(fd, &conf, &map), -EINVAL, "and advice that there is");
	zc_map_conf_init(&conf);
	conf.flags = 2;
	is_int(zc_map_open(fd, &conf, &map), -EINVAL, "and flags");
	conf.flags = 0;
	conf.size--;
	is_int(zc_map_open(fd, &conf, &map), -EINVAL, "and its own size");
	ok(!map, "the result stays as it was");
	is_int(zc_map_open(fd, NULL, &map), 0, "without a configuration there is a default");
	is_int(zc_map_seek(map, 4), -EINVAL, "no position is beyond the end");
	is_int(zc_map_tell(map), 0, "and it stays");
	is_int(zc_map_advise(map, ZC_ADVICE_RANDOM), 0, "other advice");
	is_int(zc_map_advise(map, ZC_ADVICE_DONTNEED), 0, "and other");
	is_int(zc_map_advise(map, 9), -EINVAL, "but no unknown one");
	close(fd);
	is_int(zc_map_check(map), 0, "the map has a duplicate of the fd");
	zc_map_close(map);
	zc_map_close(NULL);
}

static void cut_while_mapped(void)
{
	unsigned char *want = io_bytes(16 * page), zero[16] = { 0 };
	int fd = io_file(want, 16 * page, 0);
	struct zc_map *map = map_of(fd, 0, 0);
	const unsigned char *p;
	char buf[32];
	const void *data;
	size_t n;

	is_int(zc_map_data(map, &data, &n), 0, "data of a map");
	p = data;
	is_int(n, 16 * page, "which is all of it");
	is_int(ftruncate(fd, 4 * page), 0, "the file becomes shorter");
	errno = 4711;
	is_mem(p + 8 * page, 16, zero, 16, "what is gone reads as zeros");
	is_int(errno, 4711, "without a trace in errno");
	is_mem(p + page, 16, want + page, 16, "what is there is as it was");
	is_int(zc_map_check(map), -EIO, "check says it");
	is_int(zc_map_data(map, &data, &n), -EIO, "and data");
	is_int(zc_map_read(map, buf, 8), -EIO, "and read");
	is_int(zc_map_seek(map, 0), -EIO, "and seek");
	is_int(zc_map_advise(map, 0), -EIO, "and advice");
	is_int(ftruncate(fd, 16 * page), 0, "the file becomes longer again");
	is_int(zc_map_check(map), -EIO, "that undoes nothing");
	zc_map_close(map);

	map = map_of(fd, 0, 0);
	is_int(ftruncate(fd, page), 0, "it becomes shorter before a read");
	is_int(zc_map_seek(map, 2 * page), 0, "seek beyond its new end");
	is_int(zc_map_read(map, buf, 8), -EIO, "the read finds it");
	is_int(zc_map_tell(map), 2 * page, "and leaves the position");
	zc_map_close(map);

	map = map_of(fd, 0, 0);
	is_int(zc_map_data(map, &data, &n), 0, "data of one page");
	is_int(ftruncate(fd, page - 100), 0, "cut within the page");
	is_mem((const char *)data + page - 16, 16, zero, 16, "zeros, and no fault");
	is_int(zc_map_seek(map, page), 0, "so seek cannot know");
	is_int(zc_map_data(map, &data, &n), -EIO, "the end of the file is not believed");
	zc_map_close(map);

	map = map_of(fd, 0, 0);
	is_int(ftruncate(fd, 10), 0, "cut within the page");
	is_int(zc_map_read(map, buf, 32), 32, "amid the file that is not seen");
	is_int(zc_map_check(map), -EIO, "but by check");
	zc_map_close(map);

	is_int(ftruncate(fd, 0), 0, "an empty file");
	is_int(pwrite(fd, want, 8 * page, 0), 8 * page, "grows");
	map = map_of(fd, 2 * page, 0);
	is_int(ftruncate(fd, 6 * page), 0, "it becomes shorter beyond the window");
	is_int(zc_map_read(map, buf, 8), 8, "the window is good");
	is_int(zc_map_seek(map, 2 * page), 0, "the next one");
	is_int(zc_map_data(map, &data, &n), -EIO, "is not opened");
	zc_map_close(map);
	close(fd);
	free(want);
}

/* Each thread reads its own map over and over, until it is told of the end. */
static void *read_until_cut(void *arg)
{
	struct zc_map *map = arg;
	char buf[5000];
	ssize_t n;

	for (;;) {
		n = zc_map_read(map, buf, sizeof(buf));
		if (n < 0)
			return (void *)(intptr_t)n;
		if (!n && zc_map_seek(map, 0))
			return (void *)-1;
	}
}

static void cut_by_another_thread(void)
{
	enum { THREADS = 4, ROUNDS = 8 };
	unsigned char *want = io_bytes(64 * page);
	int round, i, good = 0;

	for (round = 0; round < ROUNDS; round++) {
		int fd[THREADS];
		struct zc_map *map[THREADS];
		pthread_t thread[THREADS];
		void *result;

		for (i = 0; i < THREADS; i++) {
			struct zc_map_conf conf;

			fd[i] = io_file(want, 64 * page, 0);
			zc_map_conf_init(&conf);
			/* Half of them have windows that move, and faults in others' meanwhile. */
			conf.max_bytes = i % 2 ? 4 * page : 0;
			if (zc_map_open(fd[i], &conf, &map[i]) ||
			    pthread_create(&thread[i], NULL, read_until_cut, map[i]))
				exit(1);
		}
		for (i = 0; i < THREADS; i++)
			ftruncate(fd[i], i * page);
		for (i = 0; i < THREADS; i++) {
			pthread_join(thread[i], &result);
			good += (intptr_t)result == -EIO && zc_map_check(map[i]) == -EIO;
			zc_map_close(map[i]);
			close(fd[i]);
		}
	}
	is_int(good, THREADS * ROUNDS, "every reader is told, whichever thread cut the file");
	free(want);
}

static void many(void)
{
	enum { MAPS = 200 };
	struct zc_map *map[MAPS];
	unsigned char *want = io_bytes(2 * page);
	int fd[2] = { io_file(want, 2 * page, 0), io_file(want, 2 * page, 0) };
	int i, good = 0;
	char c;

	for (i = 0; i < MAPS; i++)
		if (zc_map_open(fd[i % 2], NULL, &map[i]))
			exit(1);
	is_int(ftruncate(fd[1], 0), 0, "every second file of many maps is cut");
	for (i = 0; i < MAPS; i++)
		good += zc_map_read(map[i], &c, 1) == (i % 2 ? -EIO : 1);
	is_int(good, MAPS, "these fail and no others do");
	for (i = 0; i < MAPS; i++)
		zc_map_close(map[i]);
	close(fd[0]);
	close(fd[1]);
	free(want);
}

static sigjmp_buf back;
static volatile sig_atomic_t former_calls, former_code;
static void *volatile former_at;

static void former(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	former_calls++;
	former_code = info->si_code;
	former_at = info->si_addr;
	if (info->si_code == BUS_ADRERR)
		siglongjmp(back, 1);
}

/* A fault that is none of the library's, as another part of the program may have. */
static char foreign_fault(void)
{
	int fd = io_file("x", 1, 0);
	char *p = mmap(NULL, 4 * page, PROT_READ, MAP_SHARED, fd, 0);

	close(fd);
	return *(volatile char *)(p + 2 * page);
}

/* Runs first: former() is there before the first map. */
static void passes_on(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	int fd = io_file("abc", 3, 0);
	struct zc_map *map;

	action.sa_sigaction = former;
	sigaction(SIGBUS, &action, NULL);
	map = map_of(fd, 0, 0);
	if (!sigsetjmp(back, 1))
		foreign_fault();
	is_int(former_calls, 1, "a fault elsewhere goes to the former handler");
	is_int(former_code, BUS_ADRERR, "as what it is");
	ok(former_at != NULL, "with its address");
	is_int(raise(SIGBUS), 0, "so does a signal that was sent");
	is_int(former_calls, 2, "once");
	is_int(former_code, SI_TKILL, "as what it is");
	is_int(zc_map_check(map), 0, "a map has no part in it");
	zc_map_close(map);
	close(fd);
}

/* In a child that has no handler of its own. */
static int with_default(bool fault, void (*handler)(int))
{
	struct zc_map *map;
	int fd = io_file("abc", 3, 0);

	signal(SIGBUS, handler);
	if (zc_map_open(fd, NULL, &map))
		return 1;
	if (fault)
		foreign_fault();
	else
		raise(SIGBUS);
	return 0;
}

static int child_fault(void)
{
	return with_default(true, SIG_DFL);
}

static int child_sent(void)
{
	return with_default(false, SIG_DFL);
}

static int child_ignored(void)
{
	return with_default(false, SIG_IGN);
}

static int child_fault_ignored(void)
{
	return with_default(true, SIG_IGN);
}

static void default_effect(void)
{
	is_int(io_child(child_fault), 128 + SIGBUS, "without a former handler a fault ends it");
	is_int(io_child(child_sent), 128 + SIGBUS, "and a signal that was sent");
	is_int(io_child(child_ignored), 0, "which is ignored if it was");
	is_int(io_child(child_fault_ignored), 128 + SIGBUS, "a fault cannot be");
}

int main(void)
{
	page = sysconf(_SC_PAGESIZE);
#ifdef ZC_NO_MMAP
	struct zc_map *map;
	int fd = io_file("abc", 3, 0);

	is_int(zc_map_open(fd, NULL, &map), -EOPNOTSUPP, "built without mmap");
	(void)bytes, (void)refused, (void)cut_while_mapped, (void)cut_by_another_thread;
	(void)many, (void)passes_on, (void)default_effect;
	return tap_end();
#endif
	test_folder();
	/* Children, which install the handler anew, come before this process does. */
	default_effect();
	passes_on();
	bytes();
	refused();
	cut_while_mapped();
	cut_by_another_thread();
	many();
	return tap_end();
}
