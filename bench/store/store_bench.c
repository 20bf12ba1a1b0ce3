// SPDX-License-Identifier: GPL-2.0-only
/*
 * store_bench STORE TMPFS-FOLDER [OBJECTS]: what a store costs apart from
 * sending.
 *
 * 1. PUT, and FILL with write(2) and COMMIT, beside write(2) into a new file of
 *    a tmpfs: rows take turns, median of 9 repetitions. Only the writing is
 *    timed, from open to close; the bytes before go untimed.
 * 2. A million small objects, or as many as told: nanoseconds for an insert, a
 *    lookup (STAT) and a delete, for each tenth, and what the store charges for
 *    one object beyond its key and data.
 * 3. They are put again and the store is deleted by zcachectl, bound to this
 *    CPU, while a real-time thread on it wakes each millisecond: the longest it
 *    had to wait is the longest the kernel held the CPU. The same is told of a
 *    program that spins, which the kernel has no part in.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/zcache.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define REPS		9
#define WRITE_BYTES	(1UL << 20)	/* of one write(2) */
#define SMALL_BYTES	100
#define TENTHS		10
#define MAX_SIZE	(100UL << 20)
#define SPIN_NS		5000000000LL

static const size_t sizes[] = { 1UL << 20, 10UL << 20, MAX_SIZE };

static int node = -1;
static unsigned char *data;
static char tmpfs_path[256];

static void die(const char *what)
{
	fprintf(stderr, "store_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void write_all(int fd, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t want = len - done < WRITE_BYTES ? len - done :
							 WRITE_BYTES;
		ssize_t n = write(fd, data + done, want);

		if (n <= 0)
			die("write");
		done += n;
	}
}

static void row_tmpfs(size_t len)
{
	int fd = open(tmpfs_path, O_WRONLY | O_CREAT | O_EXCL, 0600);

	if (fd < 0)
		die(tmpfs_path);
	write_all(fd, len);
	close(fd);
}

static struct zc_put put_of(const void *key, size_t key_len, size_t len)
{
	return (struct zc_put){ .size = sizeof(struct zc_put),
				.key = (uintptr_t)key, .key_len = key_len,
				.data_len = len };
}

static void row_put(size_t len)
{
	struct zc_put put = put_of("k", 1, len);

	put.data = (uintptr_t)data;
	if (ioctl(node, ZC_IOC_PUT, &put))
		die("ZC_IOC_PUT");
}

static void row_fill(size_t len)
{
	struct zc_put put = put_of("k", 1, len);
	struct zc_commit commit = { .size = sizeof(commit) };

	if (ioctl(node, ZC_IOC_FILL, &put))
		die("ZC_IOC_FILL");
	write_all(put.fd, len);
	if (ioctl(put.fd, ZC_IOC_COMMIT, &commit))
		die("ZC_IOC_COMMIT");
	close(put.fd);
}

static void remove_object(void)
{
	struct zc_delete del = { .size = sizeof(del), .key = (uintptr_t)"k",
				 .key_len = 1 };

	if (ioctl(node, ZC_IOC_DELETE, &del))
		die("ZC_IOC_DELETE");
}

static void remove_file(void)
{
	if (unlink(tmpfs_path))
		die(tmpfs_path);
}

static const struct row {
	const char *name;
	void (*write)(size_t len);
	void (*remove)(void);
} rows[] = {
	{ "tmpfs write", row_tmpfs, remove_file },
	{ "PUT", row_put, remove_object },
	{ "FILL", row_fill, remove_object },
};

#define NR_ROWS	(sizeof(rows) / sizeof(rows[0]))

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure_writes(size_t len)
{
	double us[NR_ROWS][REPS];
	size_t r, rep;

	for (rep = 0; rep < REPS; rep++) {
		for (r = 0; r < NR_ROWS; r++) {
			const struct row *row = &rows[(r + rep) % NR_ROWS];
			int64_t start = now_ns();

			row->write(len);
			us[row - rows][rep] = (now_ns() - start) / 1e3;
			row->remove();
		}
	}
	for (r = 0; r < NR_ROWS; r++)
		qsort(us[r], REPS, sizeof(us[r][0]), compare);
	for (r = 0; r < NR_ROWS; r++)
		printf("%4zu MiB  %-12s %10.1f us (%.1f..%.1f)  %.2f times the speed of tmpfs\n",
		       len >> 20, rows[r].name, us[r][REPS / 2], us[r][0],
		       us[r][REPS - 1], us[0][REPS / 2] / us[r][REPS / 2]);
	fflush(stdout);
}

static size_t small_key(char *key, unsigned long i)
{
	return sprintf(key, "key-%012lu", i);
}

static void small_put(unsigned long i)
{
	char key[32];
	struct zc_put put = put_of(key, small_key(key, i), SMALL_BYTES);

	put.data = (uintptr_t)data;
	if (ioctl(node, ZC_IOC_PUT, &put))
		die("ZC_IOC_PUT");
}

static void small_stat(unsigned long i)
{
	char key[32];
	struct zc_stat stat = { .size = sizeof(stat), .key = (uintptr_t)key };

	stat.key_len = small_key(key, i);
	if (ioctl(node, ZC_IOC_STAT, &stat))
		die("ZC_IOC_STAT");
}

static void small_delete(unsigned long i)
{
	char key[32];
	struct zc_delete del = { .size = sizeof(del), .key = (uintptr_t)key };

	del.key_len = small_key(key, i);
	if (ioctl(node, ZC_IOC_DELETE, &del))
		die("ZC_IOC_DELETE");
}

static void measure_small(const char *name, void (*one)(unsigned long i),
			  unsigned long nr)
{
	double ns[TENTHS];
	unsigned long i = 0;
	unsigned int t;

	for (t = 0; t < TENTHS; t++) {
		int64_t start = now_ns();

		for (; i < nr / TENTHS * (t + 1); i++)
			one(i);
		ns[t] = (double)(now_ns() - start) / (nr / TENTHS);
	}
	printf("%-8s", name);
	for (t = 0; t < TENTHS; t++)
		printf(" %6.0f", ns[t]);
	printf("  ns, a tenth each; last %.2f times the first\n",
	       ns[TENTHS - 1] / ns[0]);
	fflush(stdout);
}

static uint64_t used(void)
{
	struct zc_info info = { .size = sizeof(info) };

	if (ioctl(node, ZC_IOC_INFO, &info))
		die("ZC_IOC_INFO");
	return info.used;
}

static atomic_bool stop;
static atomic_long longest;

static void *watch(void *arg)
{
	struct timespec ms = { .tv_nsec = 1000000 };

	(void)arg;
	while (!atomic_load(&stop)) {
		int64_t start = now_ns(), took;

		nanosleep(&ms, NULL);
		took = now_ns() - start - ms.tv_nsec;
		if (took > atomic_load(&longest))
			atomic_store(&longest, took);
	}
	return NULL;
}

static void measure_delete(const char *store, unsigned long nr)
{
	struct sched_param param = { .sched_priority = 50 };
	char command[128];
	pthread_t thread;
	pthread_attr_t attr;
	cpu_set_t cpu;
	int64_t start, base;
	int err;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		die("sched_setaffinity");
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &param);
	err = pthread_create(&thread, &attr, watch, NULL);
	if (err) {
		errno = err;
		die("a real-time thread");
	}
	/* What the machine itself takes away is no work of the kernel's. */
	start = now_ns();
	while (now_ns() - start < SPIN_NS)
		;
	base = atomic_exchange(&longest, 0);
	close(node);
	snprintf(command, sizeof(command), "zcachectl store delete %s", store);
	start = now_ns();
	if (system(command)) {
		fprintf(stderr, "store_bench: failed: %s\n", command);
		exit(1);
	}
	start = now_ns() - start;
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("deleting a store of %lu objects: %.0f ms, the CPU held for %.2f ms at most; for %.2f ms while a program span for 5 s\n",
	       nr, start / 1e6, atomic_load(&longest) / 1e6, base / 1e6);
}

int main(int argc, char **argv)
{
	unsigned long nr = 1000000, i;
	char path[256], key[32];
	uint64_t before;
	size_t s;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "usage: store_bench STORE TMPFS-FOLDER [OBJECTS]\n");
		return 1;
	}
	if (argc == 4)
		nr = strtoul(argv[3], NULL, 10);
	if (nr < TENTHS) {
		fprintf(stderr, "store_bench: OBJECTS must be %d or more\n",
			TENTHS);
		return 1;
	}
	snprintf(path, sizeof(path), "/dev/zcache/%s", argv[1]);
	node = open(path, O_RDWR | O_CLOEXEC);
	if (node < 0)
		die(path);
	snprintf(tmpfs_path, sizeof(tmpfs_path), "%s/store_bench.%d", argv[2],
		 getpid());
	data = malloc(MAX_SIZE);
	if (!data)
		die("malloc");
	memset(data, 0x5a, MAX_SIZE);

	for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		measure_writes(sizes[s]);

	before = used();
	measure_small("insert", small_put, nr);
	printf("charge of one beyond key and data: %.1f bytes\n",
	       (double)(used() - before) / nr - small_key(key, 0) -
	       SMALL_BYTES);
	measure_small("lookup", small_stat, nr);
	measure_small("delete", small_delete, nr);
	for (i = 0; i < nr; i++)
		small_put(i);
	measure_delete(argv[1], nr);
	return 0;
}
