// SPDX-License-Identifier: GPL-2.0-only
/*
 * R0: objects are looked up, and the caller uses their bytes.
 *
 * The published figures are of 50 objects of 1 MB. A regular lookup opens the file that
 * has the name of the key, and reads it into memory of its own. What a caller does with
 * the bytes is the same for all rows, and in two ways: it reads all of them, or one of
 * each page, as who parses a header or looks at an index of the object does. All files are
 * in the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "host_bench.h"
#include "store.h"

#define OBJECTS 50
#define SIZE 1000000
#define PAGE 4096

/* The depth of a cell is the distance of the bytes that the caller reads. */
static const struct hb_cell cells[] = {
	{ "1 MB, every byte is read", SIZE, 1, OBJECTS },
	{ "1 MB, one byte of each page", SIZE, PAGE, OBJECTS },
};

static char names[OBJECTS][16];

static int prepare(void)
{
	uint64_t *data = malloc(SIZE);
	int err = data ? store_open() : -ENOMEM;
	unsigned int i, w;

	for (i = 0; i < OBJECTS && !err; i++) {
		for (w = 0; w < SIZE / sizeof(*data); w++)
			data[w] = (w + 1) * (i + 1) * 0x9e3779b97f4a7c15;
		snprintf(names[i], sizeof(names[i]), "object-%u", i);
		err = store_add(names[i], data, SIZE);
	}
	free(data);
	return err;
}

static uint64_t use(const struct hb_cell *cell, const void *data)
{
	const unsigned char *bytes = data;
	uint64_t sum = 0, at;

	if (cell->depth == 1)
		return hb_sum(data, SIZE);
	for (at = 0; at < SIZE; at += cell->depth)
		sum += bytes[at];
	return sum;
}

static int open_file(const char *name, struct stat *st)
{
	char path[600];
	int fd;

	store_path(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!fstat(fd, st))
		return fd;
	close(fd);
	return -EIO;
}

static int by_read(const struct hb_cell *cell, const char *name, uint64_t *digest)
{
	struct stat st;
	int fd = open_file(name, &st), err = -ENOMEM;
	char *buf;

	if (fd < 0)
		return fd;
	buf = malloc(st.st_size);
	if (buf)
		err = read(fd, buf, st.st_size) == st.st_size ? 0 : -EIO;
	if (!err)
		*digest += use(cell, buf);
	free(buf);
	close(fd);
	return err;
}

static int by_mmap(const struct hb_cell *cell, const char *name, uint64_t *digest)
{
	struct stat st;
	int fd = open_file(name, &st);
	void *p;

	if (fd < 0)
		return fd;
	p = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return -errno;
	*digest += use(cell, p);
	munmap(p, st.st_size);
	return 0;
}

static int by_lookup(const struct hb_cell *cell, const char *name, uint64_t *digest)
{
	struct zc_lookup lookup = { .key = name, .key_len = strlen(name) };
	int err = zc_lookup(store_cache(), &lookup);

	if (err)
		return err;
	*digest += use(cell, lookup.data);
	zc_release(store_cache(), &lookup);
	return 0;
}

#define TURN(way) \
static int turn_##way(const struct hb_cell *cell, void *state, uint64_t *digest) \
{ \
	unsigned int i; \
	int err = 0; \
\
	(void)state; \
	for (i = 0; i < OBJECTS && !err; i++) \
		err = by_##way(cell, names[i], digest); \
	return err; \
}

TURN(read)
TURN(mmap)
TURN(lookup)

static const struct hb_row rows[] = {
	{ .name = "open+read", .turn = turn_read },
	{ .name = "open+mmap", .turn = turn_mmap },
	{ .name = "zc_lookup", .turn = turn_lookup },
};

static void verdict(void)
{
	static const double goals[] = { 1, 15 };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		double ratio = hb_ratio(i, "zc_lookup", "open+read", false);

		if (ratio)
			hb_goal(ratio >= goals[i],
				"%s: zc_lookup() is %.2f times as fast as open+read, goal %.0f "
				"(%.2f by CPU time)", cells[i].name, ratio, goals[i],
				hb_ratio(i, "zc_lookup", "open+read", true));
	}
}

int main(int argc, char **argv)
{
	static const struct hb_claim claim = {
		.id = "R0",
		.title = "50 objects of 1 MB: lookup by read 67.2 ms, by mmap 5.9 ms, 11.4 times",
		.cells = cells, .nr_cells = 2,
		.rows = rows, .nr_rows = sizeof(rows) / sizeof(rows[0]),
		.prepare = prepare, .verdict = verdict,
	};

	return hb_main(&claim, argc, argv);
}
