/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A TCP connection over loopback to a child that takes what is sent, and files to send.
 */
#ifndef HOST_WIRE_H
#define HOST_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct wire - a connection
 * @sock: the end that sends
 * @child: who has the other one
 */
struct wire {
	int sock;
	pid_t child;
};

/**
 * wire_open() - connects to a new child
 * @wire: the connection
 * @turn: bytes of a turn, after which the child says so
 * @reads: it reads the bytes to memory; else it drops them from its queue, as a peer on
 *	another machine would that takes no time of this one
 *
 * Return: 0 or -errno.
 */
int wire_open(struct wire *wire, uint64_t turn, bool reads);

/**
 * wire_done() - waits until the child has all bytes of a turn
 * @wire: the connection
 *
 * Return: 0 or -errno.
 */
int wire_done(struct wire *wire);

/**
 * wire_close() - ends the connection and the child
 * @wire: the connection
 */
void wire_close(struct wire *wire);

/**
 * wire_file() - makes a file that is in the page cache, without a name
 * @len: its bytes
 *
 * Return: the fd or -errno.
 */
int wire_file(uint64_t len);

#endif /* HOST_WIRE_H */
