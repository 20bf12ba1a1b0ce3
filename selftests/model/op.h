/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of the model-based test: numbers that say all of a call but what the
 * stores know, so that a list of them means something whatever is taken out of it.
 */
#ifndef ZC_OP_H
#define ZC_OP_H

#include <stddef.h>
#include <stdint.h>

enum op_kind {
	OP_PUT, OP_FILL, OP_WRITE, OP_COMMIT, OP_CLOSE, OP_STAT, OP_GET, OP_OPEN, OP_READ,
	OP_SEND, OP_BATCH, OP_DELETE, OP_PURGE, OP_TOUCH, OP_WAIT, OP_POLL, OP_INFO, OP_COUNT,
	OP_REOPEN,
	OP_KINDS
};

/* What a member means is a matter of the kind; 0 is the simplest. */
struct op {
	unsigned int kind;
	unsigned int key;	/* index of a key */
	unsigned int slot;	/* where a descriptor is, or goes */
	unsigned int flags;	/* ZC_..., of the call */
	unsigned int gen;	/* which version: see plan_generation() */
	unsigned int len, off;
	unsigned int expires;	/* index of a time */
	unsigned int tags;	/* bits: which tags */
	unsigned int blobs;	/* which header, etag and type; rooms for them */
	unsigned int bad;	/* which argument is wrong, 0 for none */
	unsigned int sock;	/* enum model_sock */
	unsigned int seed;	/* of bytes, and of parts */
	unsigned int parts, skip, max;
};

/* A stream of numbers; the state must not be 0. */
unsigned int op_draw(uint64_t *state, unsigned int below);
void op_random(struct op *op, uint64_t *state);
/* As op_parse() reads it. Return: bytes, as snprintf(). */
int op_print(const struct op *op, char *buf, size_t room);
/* Reads "put key=3 len=5; get key=3". Return: how many, or -1 if it is no such list. */
int op_parse(const char *text, struct op *ops, int room);

/* The members in turn, for who makes an operation simpler. */
extern const unsigned int op_members;
unsigned int *op_member(struct op *op, unsigned int i);

#endif /* ZC_OP_H */
