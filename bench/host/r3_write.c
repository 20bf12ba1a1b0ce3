// SPDX-License-Identifier: GPL-2.0-only
/*
 * R3: writes from registered buffers, against the path that copies.
 *
 * Somebody has bytes in a buffer of a pool and wants them in a file. The path that copies
 * gets memory for each write, copies the bytes there and gives the memory to io_uring, as a
 * runtime has to that must own what it writes. The others write from where the bytes are;
 * registered buffers save the kernel looking up and pinning their pages each time.
 *
 * The file is in memory (memfd) and written over and over: a disk would hide what is
 * measured. io_uring has a worker do each write there, as with buffered writes to ext4: that
 * costs more than a small write itself, whatever its buffer, and is why pwrite(2) is a row.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zcache_io.h>

#include "host_bench.h"

#define K 1024UL
#define M (1024 * K)
#define G (1024 * M)

struct state {
	struct zc_ring *ring;
	struct zc_pool *pool;
	void **buf, **copy;	/* of each operation under way */
	struct zc_ring_op *op;
	struct zc_ring_done *done;
	unsigned int depth;
	int fd;
	bool copies;
};

/* As far as a turn writes, and then from the front again. */
#define FILE_SIZE(cell) ((cell)->size > 64 * M ? (cell)->size : 64 * M)

static void close_row(void *p)
{
	struct state *s = p;
	unsigned int i;

	if (!s)
		return;
	zc_ring_free(s->ring);
	for (i = 0; s->buf && i < s->depth; i++)
		if (s->buf[i])
			zc_pool_put(s->pool, s->buf[i]);
	zc_pool_free(s->pool);
	if (s->fd >= 0)
		close(s->fd);
	free(s->buf);
	free(s->copy);
	free(s->op);
	free(s->done);
	free(s);
}

static int fill_state(struct state *s, const struct hb_cell *cell, bool registered)
{
	struct zc_ring_conf conf;
	unsigned int i;
	int err;

	s->fd = memfd_create("r3", MFD_CLOEXEC);
	s->buf = calloc(s->depth, sizeof(*s->buf));
	s->copy = calloc(s->depth, sizeof(*s->copy));
	s->op = calloc(s->depth, sizeof(*s->op));
	s->done = calloc(s->depth, sizeof(*s->done));
	if (s->fd < 0 || !s->buf || !s->copy || !s->op || !s->done)
		return -ENOMEM;
	err = zc_pool_new(cell->size, s->depth, 4096, &s->pool);
	if (err)
		return err;
	for (i = 0; i < s->depth; i++) {
		zc_pool_get(s->pool, 0, &s->buf[i]);
		memset(s->buf[i], i + 1, cell->size);
	}
	zc_ring_conf_init(&conf);
	conf.queue_depth = s->depth;
	err = zc_ring_new(&conf, &s->ring);
	if (!err && strcmp(zc_ring_kind(s->ring), "io_uring"))
		err = -ENOSYS;
	return err || !registered ? err : zc_ring_register(s->ring, s->pool);
}

static int open_row(const struct hb_cell *cell, void **state, const char **why, bool copies,
		    bool registered)
{
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	s->depth = cell->depth;
	s->copies = copies;
	err = fill_state(s, cell, registered);
	*why = registered ? "ring with registered buffers" : "ring";
	if (err) {
		close_row(s);
		return err;
	}
	*state = s;
	return 0;
}

static int open_no_pool(const struct hb_cell *cell, void **state, const char **why)
{
	return open_row(cell, state, why, true, false);
}

static int open_pool(const struct hb_cell *cell, void **state, const char **why)
{
	return open_row(cell, state, why, false, false);
}

static int open_registered(const struct hb_cell *cell, void **state, const char **why)
{
	return open_row(cell, state, why, false, true);
}

/* An operation for the buffer of a slot. */
static int prepare(struct state *s, const struct hb_cell *cell, unsigned int slot, uint64_t nr,
		   struct zc_ring_op *op)
{
	void *from = s->buf[slot];

	if (s->copies) {
		from = s->copy[slot] = malloc(cell->size);
		if (!from)
			return -ENOMEM;
		memcpy(from, s->buf[slot], cell->size);
	}
	*op = (struct zc_ring_op){
		.op = ZC_RING_WRITE, .fd = s->fd, .buf = from, .len = cell->size,
		.offset = nr * cell->size % FILE_SIZE(cell), .tag = slot,
	};
	return 0;
}

static int turn_ring(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	struct state *s = state;
	unsigned int slots[128], free_slots = s->depth, i, n;
	uint64_t begun = 0, ended = 0;
	int done;

	for (i = 0; i < s->depth; i++)
		slots[i] = i;
	while (ended < cell->ops) {
		for (n = 0; free_slots && begun < cell->ops; n++)
			if (prepare(s, cell, slots[--free_slots], begun++, &s->op[n]))
				return -ENOMEM;
		if (n && zc_ring_submit(s->ring, s->op, n) != (int)n)
			return -EIO;
		done = zc_ring_complete(s->ring, s->done, s->depth, 1);
		if (done <= 0)
			return -EIO;
		for (i = 0; i < (unsigned int)done; i++) {
			unsigned int slot = s->done[i].tag;

			if (s->done[i].result != (int64_t)cell->size)
				return -EIO;
			free(s->copy[slot]);
			s->copy[slot] = NULL;
			slots[free_slots++] = slot;
		}
		ended += done;
	}
	*digest = ended * cell->size;
	return 0;
}

/* What everybody has: a call for each piece. */
static int turn_pwrite(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	struct state *s = state;
	unsigned int i;

	for (i = 0; i < cell->ops; i++) {
		uint64_t at = (uint64_t)i * cell->size % FILE_SIZE(cell), done = 0;

		while (done < cell->size) {
			ssize_t n = pwrite(s->fd, (char *)s->buf[i % s->depth] + done,
					   cell->size - done, at + done);

			if (n <= 0)
				return n ? -errno : -EIO;
			done += n;
		}
	}
	*digest = (uint64_t)cell->ops * cell->size;
	return 0;
}

#define CELL(name_, size_, depth_, ops_) \
	{ .name = name_ ", depth " #depth_, .size = size_, .depth = depth_, .ops = ops_ }

static const struct hb_cell cells[] = {
	CELL("1 KiB", K, 1, 16384),
	CELL("1 KiB", K, 8, 16384),
	CELL("1 KiB", K, 32, 16384),
	CELL("1 KiB", K, 128, 16384),
	CELL("64 KiB", 64 * K, 1, 1024),
	CELL("64 KiB", 64 * K, 8, 1024),
	CELL("64 KiB", 64 * K, 32, 1024),
	CELL("64 KiB", 64 * K, 128, 1024),
	CELL("1 MiB", M, 1, 128),
	CELL("1 MiB", M, 8, 128),
	CELL("1 MiB", M, 32, 128),
	CELL("1 MiB", M, 128, 128),
	CELL("16 MiB", 16 * M, 1, 8),
	CELL("16 MiB", 16 * M, 8, 8),
	CELL("128 MiB", 128 * M, 1, 2),
	CELL("1 GiB", G, 1, 1),
};

static const struct hb_row rows[] = {
	{ "no pool", open_no_pool, turn_ring, close_row },
	{ "pool", open_pool, turn_ring, close_row },
	{ "registered", open_registered, turn_ring, close_row },
	{ "pwrite", open_pool, turn_pwrite, close_row },
};

/* How many times faster from registered buffers, over the cells of some sizes. */
static void goal(uint64_t from, uint64_t to, double wanted, const char *sizes)
{
	double ratio[HB_MAX_CELLS], cpu[HB_MAX_CELLS], least, most, middle;
	unsigned int i, n = 0;

	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
		if (cells[i].size < from || cells[i].size > to)
			continue;
		ratio[n] = hb_ratio(i, "registered", "no pool", false);
		cpu[n] = hb_ratio(i, "registered", "no pool", true);
		n += ratio[n] > 0;
	}
	if (!n)
		return;
	middle = hb_median(ratio, n, &least, &most);
	hb_goal(middle >= wanted,
		"%s: registered %.2f times as fast as no pool (%.2f to %.2f), by CPU %.2f; %.1f wanted",
		sizes, middle, least, most, hb_median(cpu, n, NULL, NULL), wanted);
}

static void verdict(void)
{
	goal(K, 64 * K - 1, 0.9, "1 KiB");
	goal(64 * K, M - 1, 1, "64 KiB");
	goal(M, G, 2, "1 MiB to 1 GiB");
}

static const struct hb_claim claim = {
	.id = "R3",
	.title = "registered-buffer writes are 2 to 5 times as fast as the path that copies",
	.cells = cells,
	.nr_cells = sizeof(cells) / sizeof(cells[0]),
	.rows = rows,
	.nr_rows = sizeof(rows) / sizeof(rows[0]),
	.verdict = verdict,
};

int main(int argc, char **argv)
{
	return hb_main(&claim, argc, argv);
}
