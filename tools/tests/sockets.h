/* SPDX-License-Identifier: GPL-2.0-only */
/* Connected sockets with a thread that reads, and what it is to read. */
#ifndef SOCKETS_H
#define SOCKETS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the reader of a pair does. */
struct pair_way {
	bool hold;		/* it waits for pair_go() */
	bool quit;		/* it closes after so many bytes */
	bool reset;		/* by a reset */
	bool discard;		/* it counts bytes and does not keep them */
	size_t bytes;
	int buffer;		/* what the one that sends holds; 0: as ever */
};

struct pair {
	int sock, peer;		/* one end sends, the other is the reader's */
	char *want;		/* what is to arrive */
	ssize_t want_len;	/* how much; -1 for anything */
	struct pair_way way;
	char *got;
	ssize_t got_len;
	int err;
	bool held;		/* until pair_go() */
	pthread_t thread;
	pthread_mutex_t lock;	/* protects held */
	pthread_cond_t go;
};

/* AF_INET, AF_INET6 or AF_UNIX; @way may be NULL. */
void pair_new(struct pair *p, int family, const struct pair_way *way);
void pair_want(struct pair *p, const void *bytes, size_t len);
void pair_go(struct pair *p);

/* The stream ends, and was what was wanted. */
bool pair_matches(struct pair *p);
#define pair_arrived(p, name) ok(pair_matches(p), name " arrives")

/* Until the reader closed; the pair is still to be ended. */
void pair_wait(struct pair *p);
void pair_end(struct pair *p);

/* Both ends of a connection, nobody reads. */
void socket_pair(int family, int sv[2]);

#endif /* SOCKETS_H */
