// SPDX-License-Identifier: GPL-2.0-only
/*
 * R4: a file of 1 GiB, read from its beginning to its end, every byte looked at.
 *
 * The file is in the page cache: what is measured is the way to its bytes, not a disk. How
 * it got there matters to those who map it: a file system that has large pages for what was
 * written in large pieces maps them at once. So there are two files with the same bytes: one
 * as copied by cp(1) and the like, one as the library's writer leaves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zcache_io.h>

#include "files.h"
#include "host_bench.h"

#define DEPTH 10
#define PIECE (1U << 20)

static const struct hb_cell cells[] = {
	{ .name = "1 GiB, written in 128 KiB", .size = 1 << 30, .ops = 1 },
	{ .name = "1 GiB, written in 2 MiB", .size = 1 << 30, .ops = 1 },
};

static const char *path[2];

static int make_files(void)
{
	path[0] = hb_file(cells[0].size, 128 << 10);
	path[1] = path[0] ? hb_file(cells[1].size, 2 << 20) : NULL;
	return path[1] ? 0 : -errno;
}

static const char *path_of(const struct hb_cell *cell)
{
	return path[cell - cells];
}

static int turn_read(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	char buf[4096] __attribute__((aligned(4096)));
	int fd = open(path_of(cell), O_RDONLY | O_CLOEXEC);
	uint64_t done;

	(void)state;
	if (fd < 0)
		return -errno;
	for (done = 0; done < cell->size; done += sizeof(buf)) {
		if (read(fd, buf, sizeof(buf)) != sizeof(buf))
			return -EIO;
		*digest += hb_sum(buf, sizeof(buf));
	}
	close(fd);
	return 0;
}

static int turn_mmap(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	int fd = open(path_of(cell), O_RDONLY | O_CLOEXEC);
	void *p;

	(void)state;
	if (fd < 0)
		return -errno;
	p = mmap(NULL, cell->size, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	madvise(p, cell->size, MADV_SEQUENTIAL);
	*digest = hb_sum(p, cell->size);
	munmap(p, cell->size);
	close(fd);
	return 0;
}

static int read_batches(struct io_uring *ring, int fd, char *buf, uint64_t size, uint64_t *digest)
{
	uint64_t done;
	unsigned int n, i;

	for (done = 0; done < size; done += (uint64_t)n * PIECE) {
		for (n = 0; n < DEPTH && done + n * PIECE < size; n++)
			io_uring_prep_read(io_uring_get_sqe(ring), fd, buf + n * PIECE, PIECE,
					   done + n * PIECE);
		if (io_uring_submit_and_wait(ring, n) != (int)n)
			return -EIO;
		for (i = 0; i < n; i++) {
			struct io_uring_cqe *cqe;

			if (io_uring_wait_cqe(ring, &cqe) || cqe->res != PIECE)
				return -EIO;
			io_uring_cqe_seen(ring, cqe);
		}
		*digest += hb_sum(buf, (size_t)n * PIECE);
	}
	return 0;
}

/* As published: some 100 calls, each for a batch, which is read and then looked at. */
static int turn_uring(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	int fd = open(path_of(cell), O_RDONLY | O_CLOEXEC), err;
	char *buf = aligned_alloc(4096, (size_t)DEPTH * PIECE);
	struct io_uring ring;

	(void)state;
	if (fd < 0 || !buf)
		return -errno;
	err = io_uring_queue_init(DEPTH, &ring, 0);
	if (!err) {
		err = read_batches(&ring, fd, buf, cell->size, digest);
		io_uring_queue_exit(&ring);
	}
	free(buf);
	close(fd);
	return err;
}

static int read_by(const struct hb_cell *cell, const struct zc_reader_conf *conf, uint64_t *digest)
{
	struct zc_reader *reader;
	const void *data;
	size_t len;
	int err;

	err = zc_open_reader(path_of(cell), conf, &reader);
	if (err)
		return err;
	while (!(err = zc_reader_next(reader, &data, &len)) && len)
		*digest += hb_sum(data, len);
	zc_reader_close(reader);
	return err;
}

static int turn_zcache(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	(void)state;
	return read_by(cell, NULL, digest);
}

static int turn_zcache_ring(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	struct zc_reader_conf conf;

	(void)state;
	zc_reader_conf_init(&conf);
	conf.use_mmap = 0;
	return read_by(cell, &conf, digest);
}

static int turn_zcache_mmap(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	struct zc_reader_conf conf;

	(void)state;
	zc_reader_conf_init(&conf);
	conf.use_io_uring = 0;
	return read_by(cell, &conf, digest);
}

/* The row is named after the way that the library takes, whatever that is here. */
static char ours[64] = "zcache";

static int open_ours(const struct hb_cell *cell, void **state, const char **why)
{
	struct zc_reader *reader;
	int err = zc_open_reader(path_of(cell), NULL, &reader);

	(void)state;
	*why = "zc_open_reader";
	if (err)
		return err;
	snprintf(ours, sizeof(ours), "zcache: %s", zc_reader_kind(reader));
	zc_reader_close(reader);
	return 0;
}

/*
 * What nobody can fall below: the same words in memory that is mapped already, in large
 * pages.
 */
static int open_memory(const struct hb_cell *cell, void **state, const char **why)
{
	int fd = open(path_of(cell), O_RDONLY | O_CLOEXEC), err = 0;
	uint64_t done;
	ssize_t n;
	char *p;

	*why = "memory";
	if (fd < 0)
		return -errno;
	p = mmap(NULL, cell->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		close(fd);
		return -ENOMEM;
	}
	madvise(p, cell->size, MADV_HUGEPAGE);
	for (done = 0; done < cell->size && !err; done += n) {
		n = pread(fd, p + done, cell->size - done, done);
		err = n > 0 ? 0 : -EIO;
	}
	close(fd);
	*state = p;
	return err;
}

static int turn_memory(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	*digest = hb_sum(state, cell->size);
	return 0;
}

static void close_memory(void *state)
{
	munmap(state, cells[0].size);
}

static const struct hb_row rows[] = {
	{ .name = "read 4 KiB", .turn = turn_read },
	{ .name = "mmap", .turn = turn_mmap },
	{ .name = "io_uring", .turn = turn_uring },
	{ .name = ours, .open = open_ours, .turn = turn_zcache },
	{ .name = "zcache without mmap", .turn = turn_zcache_ring },
	{ .name = "zcache without io_uring", .turn = turn_zcache_mmap },
	{ .name = "memory alone", .open = open_memory, .turn = turn_memory, .close = close_memory },
};

static void verdict(void)
{
	unsigned int c, i;

	for (c = 0; c < 2; c++) {
		const char *best = "";
		double least = 1e9;
		long calls = hb_syscalls(c, ours);

		for (i = 0; i < 3; i++) {
			double ratio = hb_ratio(c, ours, rows[i].name, false);

			if (ratio > 0 && ratio < least) {
				least = ratio;
				best = rows[i].name;
			}
		}
		if (!*best)
			continue;
		if (calls >= 0)
			hb_goal(calls < 100, "%s: %ld system calls, fewer than 100",
				cells[c].name, calls);
		/* Equal is what two rows that do the same come to within some parts of a hundred. */
		hb_goal(least >= 0.97,
			"%s: %.2f times as fast as %s, the fastest of the three; by CPU %.2f",
			cells[c].name, least, best, hb_ratio(c, ours, best, true));
		if (hb_ratio(c, "memory alone", ours, false))
			printf("         reading as many bytes of memory takes %.2f of that time\n",
			       1 / hb_ratio(c, "memory alone", ours, false));
	}
}

static const struct hb_claim claim = {
	.id = "R4",
	.title = "1 GiB file: read 850 ms / 250,000 calls, mmap 420 ms / 1, io_uring 380 ms / 100",
	.cells = cells,
	.nr_cells = 2,
	.rows = rows,
	.nr_rows = sizeof(rows) / sizeof(rows[0]),
	.prepare = make_files,
	.verdict = verdict,
};

int main(int argc, char **argv)
{
	return hb_main(&claim, argc, argv);
}
