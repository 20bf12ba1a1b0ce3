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
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "host_bench.h"
#include "sender.h"
#include "store.h"

static const struct hb_cell cells[] = {
	{ "4 KiB", 4 << 10, 0, 4000 },
	{ "64 KiB", 64 << 10, 0, 1500 },
	{ "1 MiB", 1 << 20, 0, 150 },
	{ "10 MiB", 10 << 20, 0, 15 },
};

/* A mirror with an object of each size, and a file of each beside it. */
static int prepare(void)
{
	char *data = malloc(cells[3].size);
	int err = data ? store_open() : -ENOMEM;
	unsigned int i;

	if (data)
		memset(data, 'x', cells[3].size);
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]) && !err; i++)
		err = store_add(cells[i].name, data, cells[i].size);
	free(data);
	return err;
}

static int open_again(const char *name)
{
	char path[600];
	int fd;

	store_path(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int open_file(const struct hb_cell *cell, void **state, const char **why)
{
	*why = cell->name;
	return sender_open(cell, open_again(cell->name), false, state);
}

/* A request by hand: the name of the file is the key. */
static int request(struct sender *s, sender_way way)
{
	int file = open_again(s->name), err;
	struct stat st;

	if (file < 0)
		return file;
	err = fstat(file, &st) ? -errno : way(s, file, st.st_size);
	close(file);
	return err;
}

static int sender_open_copy(struct sender *s, int file, uint64_t size)
{
	(void)file;
	(void)size;
	return request(s, sender_copy);
}

static int sender_open_sendfile(struct sender *s, int file, uint64_t size)
{
	(void)file;
	(void)size;
	return request(s, sender_sendfile);
}

static int sender_mirror(struct sender *s, int file, uint64_t size)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send send = {
		.key = zc_ptr(s->name), .key_len = strlen(s->name), .sock = s->wire.sock,
		.parts = zc_ptr(&part), .nr_parts = 1,
	};
	int err;

	(void)file;
	for (; send.skip < size; send.skip += send.sent) {
		err = zc_send(store_cache(), &send);
		if (err)
			return err;
	}
	return 0;
}

SENDER_TURN(copy)
SENDER_TURN(sendfile)
SENDER_TURN(library)
SENDER_TURN(ahead)
SENDER_TURN(open_copy)
SENDER_TURN(open_sendfile)
SENDER_TURN(mirror)

static const struct hb_row rows[] = {
	{ "pread+write", open_file, turn_copy, sender_close },
	{ "sendfile", open_file, turn_sendfile, sender_close },
	{ "zc_sendfile", open_file, turn_library, sender_close },
	{ "zc_sendfile, io_uring", open_file, turn_ahead, sender_close },
	{ "open+pread+write", open_file, turn_open_copy, sender_close },
	{ "open+sendfile", open_file, turn_open_sendfile, sender_close },
	{ "zc_send, mirror", open_file, turn_mirror, sender_close },
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
