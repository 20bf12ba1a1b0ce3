// SPDX-License-Identifier: GPL-2.0-only
/*
 * R1: SendFile against copying, over a TCP connection.
 *
 * The published figures had buffers on both ends; here there is a socket. The file is in
 * the page cache. A turn ends when the other end has all of its bytes. That one drops them
 * (as if it were another machine) or, where the cell says so, reads them.
 */
#include "host_bench.h"
#include "sender.h"

static const struct hb_cell cells[] = {
	{ "1 KiB", 1 << 10, 0, 8000 },
	{ "64 KiB", 64 << 10, 0, 2000 },
	{ "1 MiB", 1 << 20, 0, 200 },
	{ "1 MiB, the peer reads", 1 << 20, 1, 200 },
};

static int open_file(const struct hb_cell *cell, void **state, const char **why)
{
	*why = hb_dir();
	/* The depth of a cell says here whether the peer reads. */
	return sender_open(cell, wire_file(cell->size), cell->depth, state);
}

SENDER_TURN(copy)
SENDER_TURN(sendfile)
SENDER_TURN(library)

static const struct hb_row rows[] = {
	{ "pread+write", open_file, turn_copy, sender_close },
	{ "sendfile", open_file, turn_sendfile, sender_close },
	{ "zc_sendfile", open_file, turn_library, sender_close },
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
