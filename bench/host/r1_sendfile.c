// SPDX-License-Identifier: GPL-2.0-only
/*
 * R1: SendFile against copying, over a TCP connection.
 *
 * The published figures had buffers on both ends; here there is a socket. The file is in
 * the page cache. A turn ends when the other end has all of its bytes. That one drops them
 * (as if it were another machine) or, where the cell says so, reads them.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcache_xfer.h>

#include "host_bench.h"
#include "wire.h"

/* What programs copy with: io.Copy() of Go has 32 KiB, most others 64. */
#define PIECE (64U << 10)

static const struct hb_cell cells[] = {
	{ "1 KiB", 1 << 10, 0, 8000 },
	{ "64 KiB", 64 << 10, 0, 2000 },
	{ "1 MiB", 1 << 20, 0, 200 },
	{ "1 MiB, the peer reads", 1 << 20, 1, 200 },
};

struct state {
	struct wire wire;
	int file;
	char *buf;
};

static int open_wire(const struct hb_cell *cell, void **state, const char **why)
{
	struct state *s = calloc(1, sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	*why = hb_dir();
	s->buf = malloc(PIECE);
	s->file = wire_file(cell->size);
	if (s->file < 0 || !s->buf)
		return s->file < 0 ? s->file : -ENOMEM;
	/* The depth of a cell says here whether the peer reads. */
	err = wire_open(&s->wire, cell->size * cell->ops, cell->depth);
	*state = s;
	return err;
}

static void close_wire(void *state)
{
	struct state *s = state;

	wire_close(&s->wire);
	close(s->file);
	free(s->buf);
	free(s);
}

static int write_all(int sock, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(sock, buf, len);

		if (n <= 0)
			return -errno;
		buf += n;
		len -= n;
	}
	return 0;
}

static int send_copy(struct state *s, uint64_t size)
{
	uint64_t at = 0;
	int err = 0;

	while (at < size && !err) {
		ssize_t n = pread(s->file, s->buf, size - at < PIECE ? size - at : PIECE, at);

		if (n <= 0)
			return n ? -errno : -ENODATA;
		err = write_all(s->wire.sock, s->buf, n);
		at += n;
	}
	return err;
}

static int send_sendfile(struct state *s, uint64_t size)
{
	off_t at = 0;

	while ((uint64_t)at < size)
		if (sendfile(s->wire.sock, s->file, &at, size - at) <= 0)
			return -errno;
	return 0;
}

static int send_library(struct state *s, uint64_t size)
{
	int64_t at = 0;

	while ((uint64_t)at < size) {
		int64_t n = zc_sendfile(s->wire.sock, s->file, &at, size - at, 0);

		if (n <= 0)
			return n;
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

static int turn_copy(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	(void)digest;
	return turns(cell, state, send_copy);
}

static int turn_sendfile(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	(void)digest;
	return turns(cell, state, send_sendfile);
}

static int turn_library(const struct hb_cell *cell, void *state, uint64_t *digest)
{
	(void)digest;
	return turns(cell, state, send_library);
}

static const struct hb_row rows[] = {
	{ "pread+write", open_wire, turn_copy, close_wire },
	{ "sendfile", open_wire, turn_sendfile, close_wire },
	{ "zc_sendfile", open_wire, turn_library, close_wire },
};

static void verdict(void)
{
	double most = hb_ratio(2, "zc_sendfile", "pread+write", false);
	double least = hb_ratio(0, "zc_sendfile", "pread+write", false);

	if (most)
		hb_goal(most >= 1.3,
			"1 MiB: zc_sendfile() is %.2f times as fast as copying, goal 1.30 "
			"(%.2f by CPU time)",
			most, hb_ratio(2, "zc_sendfile", "pread+write", true));
	/* Equal is what two rows that do the same come to within a few parts of a hundred. */
	if (least)
		hb_goal(least >= 0.97,
			"1 KiB: zc_sendfile() is %.2f times as fast as copying, goal 1 "
			"(%.2f by CPU time)", least, hb_ratio(0, "zc_sendfile", "pread+write", true));
}

int main(int argc, char **argv)
{
	static const struct hb_claim claim = {
		.id = "R1",
		.title = "SendFile against copying: 1 KiB 0.83, 64 KiB 0.88, 1 MiB 0.99 times, "
			 "without a socket; more than 1.3 expected with one",
		.cells = cells, .nr_cells = sizeof(cells) / sizeof(cells[0]),
		.rows = rows, .nr_rows = sizeof(rows) / sizeof(rows[0]),
		.verdict = verdict,
	};

	return hb_main(&claim, argc, argv);
}
