/* SPDX-License-Identifier: GPL-2.0-only */
/* zcachectl bench: the same bytes as an object and as a file, and ways to send them. */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define KEY_TEXT 33

struct zc_cache;

struct bench {
	struct zc_cache *cache;
	uint64_t size, seed;	/* the bytes follow from the seed */
	uint64_t generation;	/* of the object; 0 before it is put */
	char key[KEY_TEXT];
	int file;		/* has no name any more */
	int sock;		/* the sender's end */
	int orders;		/* to the receiver, and its answers */
	pid_t receiver;
};

struct way {
	const char *name;
	/* What is left after done bytes, or some of it: bytes or -errno. */
	ssize_t (*send)(struct bench *b, uint64_t done);
};

#define WAYS 3
/* The first is zcache. */
extern const struct way ways[WAYS];

/*
 * Makes all that is needed. Returns an exit code, having said what is wrong;
 * bench_close() takes away what there is in any case.
 */
int bench_open(struct bench *b, const char *store);
int bench_close(struct bench *b);

/*
 * Sends the bytes n times and waits until they are received. compare: the receiver
 * looks at them, else it discards them. Returns an exit code, having said what is
 * wrong.
 */
int bench_send(struct bench *b, const struct way *way, uint64_t n, bool compare);

#endif /* BENCH_H */
