// SPDX-License-Identifier: GPL-2.0-only
/*
 * R2: read and write against sendfile, and the way that a mirror chooses.
 *
 * Two comparisons. Of the way alone: a file that stays open, by pread and write, by
 * sendfile, and by zc_sendfile(). Of a request: a key of a cache of files is looked up and
 * its object sent; by hand that is open, fstat and one of the two, and close. All files
 * are in the page cache, and the other end drops what it gets.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>
#include <zcache_xfer.h>

#include "host_bench.h"
#include "wire.h"

#define PIECE (64U << 10)

static const struct hb_cell cells[] = {
	{ "4 KiB", 4 << 10, 0, 4000 },
	{ "64 KiB", 64 << 10, 0, 1500 },
	{ "1 MiB", 1 << 20, 0, 150 },
	{ "10 MiB", 10 << 20, 0, 15 },
};

struct state {
	struct wire wire;
	const char *name;
	char path[600];
	int file;
	char *buf;
};

static char folder[500];
static struct zc_cache *cache;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_all(void)
{
	zc_close(cache);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A mirror with an object of each size, and a file of each beside it. */
static int prepare(void)
{
	char name[600], *data = malloc(cells[3].size);
	unsigned int i;
	int err, fd;

	snprintf(folder, sizeof(folder), "%s/zcache-r2-%d", hb_dir(), getpid());
	snprintf(name, sizeof(name), "%s/mirror", folder);
	if (!data || mkdir(folder, 0700))
		return -errno;
	memset(data, 'x', cells[3].size);
	err = zc_mirror_create(name, NULL);
	snprintf(name, sizeof(name), "mirror:%s/mirror", folder);
	if (!err)
		err = zc_open(name, O_RDWR, &cache);
	atexit(remove_all);
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]) && !err; i++) {
		struct zc_put put = {
			.key = zc_ptr(cells[i].name), .key_len = strlen(cells[i].name),
			.data = zc_ptr(data), .data_len = cells[i].size,
		};

		err = zc_put(cache, &put);
		snprintf(name, sizeof(name), "%s/%s", folder, cells[i].name);
		fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, data, cells[i].size) != (ssize_t)cells[i].size)
			err = -EIO;
		if (fd >= 0)
			close(fd);
	}
	free(data);
	/* What is still to be written would be, while rows have their turns. */
	sync();
	return err;
}

static int open_wire(const struct hb_cell *cell, void **state, const char **why)
{
	struct state *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	*why = folder;
	s->name = cell->name;
	s->buf = malloc(PIECE);
	snprintf(s->path, sizeof(s->path), "%s/%s", folder, cell->name);
	s->file = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->file < 0 || !s->buf)
		return -errno;
	*state = s;
	return wire_open(&s->wire, cell->size * cell->ops, false);
}

static void close_wire(void *state)
{
	struct state *s = state;

	wire_close(&s->wire);
	close(s->file);
	free(s->buf);
	free(s);
}

static int by_copy(struct state *s, int file, uint64_t size)
{
	uint64_t at = 0;

	while (at < size) {
		ssize_t n = pread(file, s->buf, size - at < PIECE ? size - at : PIECE, at);

		if (n <= 0 || write(s->wire.sock, s->buf, n) != n)
			return -EIO;
		at += n;
	}
	return 0;
}

static int by_sendfile(struct state *s, int file, uint64_t size)
{
	off_t at = 0;

	while ((uint64_t)at < size)
		if (sendfile(s->wire.sock, file, &at, size - at) <= 0)
			return -EIO;
	return 0;
}

/* A request by hand: the name of the file is the key. */
static int request(struct state *s, int (*way)(struct state *s, int file, uint64_t size))
{
	int file = open(s->path, O_RDONLY | O_CLOEXEC), err;
	struct stat st;

	if (file < 0)
		return -errno;
	err = fstat(file, &st) ? -errno : way(s, file, st.st_size);
	close(file);
	return err;
}

static int copy(struct state *s, uint64_t size)
{
	return by_copy(s, s->file, size);
}

static int send_file(struct state *s, uint64_t size)
{
	return by_sendfile(s, s->file, size);
}

static int library(struct state *s, uint64_t size)
{
	int64_t at = 0;

	while ((uint64_t)at < size) {
		int64_t n = zc_sendfile(s->wire.sock, s->file, &at, size - at, 0);

		if (n <= 0)
			return -EIO;
	}
	return 0;
}

static int open_copy(struct state *s, uint64_t size)
{
	(void)size;
	return request(s, by_copy);
}

static int open_sendfile(struct state *s, uint64_t size)
{
	(void)size;
	return request(s, by_sendfile);
}

static int mirror(struct state *s, uint64_t size)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = {
		.key = zc_ptr(s->name), .key_len = strlen(s->name), .sock = s->wire.sock,
		.parts = zc_ptr(&part), .nr_parts = 1,
	};
	int err;

	for (; send.skip < size; send.skip += send.sent) {
		err = zc_send(cache, &send);
		if (err)
			return err;
	}
	return 0;
}

static int turns(const struct hb_cell *cell, struct state *s,
		 int (*send_one)(struct state *s, uint64_t size))
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < cell->ops && !err; i++)
		err = send_one(s, cell->size);
	return err ? err : wire_done(&s->wire);
}

#define TURN(way) \
static int turn_##way(const struct hb_cell *cell, void *state, uint64_t *digest) \
{ \
	(void)digest; \
	return turns(cell, state, way); \
}

TURN(copy)
TURN(send_file)
TURN(library)
TURN(open_copy)
TURN(open_sendfile)
TURN(mirror)

static const struct hb_row rows[] = {
	{ "pread+write", open_wire, turn_copy, close_wire },
	{ "sendfile", open_wire, turn_send_file, close_wire },
	{ "zc_sendfile", open_wire, turn_library, close_wire },
	{ "open+pread+write", open_wire, turn_open_copy, close_wire },
	{ "open+sendfile", open_wire, turn_open_sendfile, close_wire },
	{ "zc_send, mirror", open_wire, turn_mirror, close_wire },
};

/* Against two others: not slower than the slower of them, and large ones much faster. */
static void compare(unsigned int cell, const char *ours, const char *by_read, const char *by_file)
{
	double read = hb_ratio(cell, ours, by_read, false), file = hb_ratio(cell, ours, by_file, false);
	double slower = read > file ? read : file;

	if (!read || !file)
		return;
	hb_goal(slower >= 0.97, "%s: %s is %.2f times as fast as the slower of %s and %s, goal 1",
		cells[cell].name, ours, slower, by_read, by_file);
	if (cells[cell].size >= 1 << 20)
		hb_goal(read >= 1.8, "%s: %s is %.2f times as fast as %s, goal 1.80 (%.2f by CPU time)",
			cells[cell].name, ours, read, by_read, hb_ratio(cell, ours, by_read, true));
}

static void verdict(void)
{
	unsigned int i;

	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		compare(i, "zc_sendfile", "pread+write", "sendfile");
		compare(i, "zc_send, mirror", "open+pread+write", "open+sendfile");
	}
}

int main(int argc, char **argv)
{
	static const struct hb_claim claim = {
		.id = "R2",
		.title = "read+write against sendfile: 1.14, 1.22, 2.6 and 2.76 times at 4 KiB, "
			 "64 KiB, 1 MiB and 10 MiB",
		.cells = cells, .nr_cells = sizeof(cells) / sizeof(cells[0]),
		.rows = rows, .nr_rows = sizeof(rows) / sizeof(rows[0]),
		.prepare = prepare, .verdict = verdict,
	};

	return hb_main(&claim, argc, argv);
}
