/* SPDX-License-Identifier: GPL-2.0-only */
/* A file and a connection, and the ways to get the one into the other. */
#ifndef HOST_SENDER_H
#define HOST_SENDER_H

#include "host_bench.h"
#include "wire.h"

/**
 * struct sender - what a row that sends has
 * @wire: the connection
 * @name: of the cell
 * @file: to be sent, open
 * @buf: what it is copied through
 */
struct sender {
	struct wire wire;
	const char *name;
	int file;
	char *buf;
};

/* A way: sends so many bytes of a file from its beginning; 0 or -errno. */
typedef int (*sender_way)(struct sender *s, int file, uint64_t size);

/**
 * sender_open() - connects
 * @cell: what is sent in a turn
 * @file: the file, or -errno; the sender's from now on
 * @reads: see wire_open()
 * @state: gets the sender
 *
 * Return: 0 or -errno.
 */
int sender_open(const struct hb_cell *cell, int file, bool reads, void **state);

/**
 * sender_close() - undoes sender_open()
 * @state: the sender
 */
void sender_close(void *state);

/* The ways: pread and write; sendfile; the library's; and its io_uring. */
int sender_copy(struct sender *s, int file, uint64_t size);
int sender_sendfile(struct sender *s, int file, uint64_t size);
int sender_library(struct sender *s, int file, uint64_t size);
int sender_ahead(struct sender *s, int file, uint64_t size);

/**
 * sender_turn() - sends the file as often as the cell says, until the other end has it
 * @cell: how often
 * @s: the sender
 * @way: how
 *
 * Return: 0 or -errno.
 */
int sender_turn(const struct hb_cell *cell, struct sender *s, sender_way way);

/* The turn of a row by one of the ways. */
#define SENDER_TURN(way) \
static int turn_##way(const struct hb_cell *cell, void *state, uint64_t *digest) \
{ \
	(void)digest; \
	return sender_turn(cell, state, sender_##way); \
}

#endif /* HOST_SENDER_H */
