// SPDX-License-Identifier: GPL-2.0-only
/* Operations: by chance, as text, and back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/zcache.h>

#include "model.h"
#include "op.h"

static const char *const kinds[OP_KINDS] = {
	"put", "fill", "write", "commit", "close", "stat", "get", "open", "read",
	"send", "batch", "delete", "purge", "touch", "wait", "poll", "info", "count",
	"reopen",
};

/* How often, of their sum. */
static const unsigned int weights[OP_KINDS] = {
	[OP_PUT] = 18, [OP_FILL] = 7, [OP_WRITE] = 9, [OP_COMMIT] = 7, [OP_CLOSE] = 6,
	[OP_STAT] = 9, [OP_GET] = 12, [OP_OPEN] = 6, [OP_READ] = 5, [OP_SEND] = 12,
	[OP_BATCH] = 3, [OP_DELETE] = 4, [OP_PURGE] = 3, [OP_TOUCH] = 6, [OP_WAIT] = 3,
	[OP_POLL] = 2, [OP_INFO] = 1, [OP_COUNT] = 2, [OP_REOPEN] = 1,
};

#define MEMBER(name) { #name, offsetof(struct op, name) }
static const struct {
	const char *name;
	size_t offset;
} members[] = {
	MEMBER(key), MEMBER(slot), MEMBER(flags), MEMBER(gen), MEMBER(len), MEMBER(off),
	MEMBER(expires), MEMBER(tags), MEMBER(blobs), MEMBER(bad), MEMBER(sock),
	MEMBER(seed), MEMBER(parts), MEMBER(skip), MEMBER(max),
};

#define MEMBERS (sizeof(members) / sizeof(members[0]))
const unsigned int op_members = MEMBERS;

unsigned int *op_member(struct op *op, unsigned int i)
{
	return (unsigned int *)((char *)op + members[i].offset);
}

unsigned int op_draw(uint64_t *state, unsigned int below)
{
	/* xorshift64*: a state of 0 would stay 0 */
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (*state * 2685821657736338717ULL >> 33) % below;
}

static unsigned int one_in(uint64_t *state, unsigned int n)
{
	return !op_draw(state, n);
}

static unsigned int a_length(uint64_t *state)
{
	static const unsigned int edges[] = {
		0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 8192, 12288, 65536, 70000, 70001,
	};

	return one_in(state, 3) ? edges[op_draw(state, sizeof(edges) / sizeof(edges[0]))] :
	       op_draw(state, one_in(state, 8) ? 20000 : 3000);
}

static unsigned int a_kind(uint64_t *state)
{
	unsigned int sum = 0, i, at;

	for (i = 0; i < OP_KINDS; i++)
		sum += weights[i];
	at = op_draw(state, sum);
	for (i = 0; at >= weights[i]; i++)
		at -= weights[i];
	return i;
}

/* Flags of a call by chance, each one time in four. */
static unsigned int some_flags(uint64_t *state, unsigned int all)
{
	return all & op_draw(state, 0x400) & op_draw(state, 0x400);
}

static void random_put(struct op *op, uint64_t *state)
{
	op->len = a_length(state);
	op->expires = one_in(state, 3) ? op_draw(state, 4) : 0;
	op->tags = one_in(state, 2) ? op_draw(state, 16) : 0;
	op->blobs = one_in(state, 2) ? op_draw(state, 48) : 0;
	op->flags = one_in(state, 5) ? ZC_PUT_EXCL : 0;
	op->bad = one_in(state, 12) ? 1 + op_draw(state, 15) : 0;
	/* Whether a wrong argument or a reserved key is told of first is not said. */
	if (op->kind == OP_FILL && !op->bad && one_in(state, 2))
		op->flags |= ZC_PUT_RESERVE;
}

static void random_send(struct op *op, uint64_t *state)
{
	op->flags = some_flags(state, ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT |
			       ZC_SEND_MORE | ZC_SEND_COPY | ZC_SEND_PIN);
	op->parts = one_in(state, 40) ? ZC_PARTS_MAX : 1 + op_draw(state, 6);
	if (one_in(state, 4))
		op->flags |= one_in(state, 2) ? ZC_SEND_IF_MATCH : ZC_SEND_IF_NONE_MATCH;
	op->blobs = 1 + op_draw(state, 3);
	op->skip = one_in(state, 3) ? op_draw(state, 3000) : 0;
	op->max = one_in(state, 3) ? op_draw(state, 5000) : 0;
	op->sock = one_in(state, 3) ? MODEL_TCP :
		   one_in(state, 6) ? op_draw(state, MODEL_SOCKS) : MODEL_UNIX;
	op->bad = one_in(state, 8) ? 1 + op_draw(state, 27) : 0;
}

void op_random(struct op *op, uint64_t *state)
{
	*op = (struct op){
		.kind = a_kind(state), .key = op_draw(state, 10), .slot = op_draw(state, 12),
		.gen = one_in(state, 3) ? op_draw(state, 8) : 0,
		.seed = op_draw(state, 1000000),
	};
	switch (op->kind) {
	case OP_PUT:
	case OP_FILL:
		random_put(op, state);
		break;
	case OP_WRITE:
		/* mostly all of it, in pieces that are not in order */
		op->parts = one_in(state, 4) ? 0 : 1 + op_draw(state, 9);
		op->off = op_draw(state, 3) * 4096 + (one_in(state, 2) ? op_draw(state, 4096) : 0);
		op->len = a_length(state);
		op->skip = one_in(state, 6) ? 1 + op_draw(state, op->parts + 1) : 0;
		break;
	case OP_STAT:
		op->blobs = op_draw(state, 81);
		op->flags = some_flags(state, ZC_STAT_FD | ZC_STAT_EXPIRED_OK);
		break;
	case OP_GET:
		op->flags = some_flags(state, ZC_GET_FD | ZC_GET_EXPIRED_OK);
		op->off = one_in(state, 2) ? a_length(state) : 0;
		op->len = one_in(state, 2) ? a_length(state) : 100000;
		break;
	case OP_OPEN:
		op->flags = some_flags(state, ZC_OPEN_EXPIRED_OK);
		break;
	case OP_READ:
		op->parts = op_draw(state, 3);
		op->off = a_length(state);
		op->len = a_length(state);
		break;
	case OP_SEND:
	case OP_BATCH:
		random_send(op, state);
		break;
	case OP_DELETE:
		op->flags = one_in(state, 2) ? ZC_DELETE_SOFT : 0;
		break;
	case OP_PURGE:
		op->flags = op_draw(state, 4);
		op->tags = op_draw(state, 4);
		op->off = op_draw(state, 4);
		break;
	case OP_TOUCH:
		op->flags = op_draw(state, 4);
		op->expires = op->flags & ZC_TOUCH_EXPIRES ? op_draw(state, 4) : 0;
		break;
	case OP_REOPEN:
		/* seldom without what can be made from the rest */
		op->parts = one_in(state, 4);
		break;
	case OP_WAIT:
		op->flags = one_in(state, 2) ? ZC_WAIT_FD : 0;
		break;
	}
	switch (op->kind) {
	case OP_STAT: case OP_GET: case OP_OPEN: case OP_DELETE: case OP_PURGE:
	case OP_TOUCH: case OP_WAIT: case OP_INFO:
		op->bad = one_in(state, 12) ? 1 + op_draw(state, 9) : 0;
		break;
	}
}

int op_print(const struct op *op, char *buf, size_t room)
{
	unsigned int i, value;
	int n;

	n = snprintf(buf, room, "%s", kinds[op->kind]);
	for (i = 0; i < MEMBERS; i++) {
		value = *op_member((struct op *)op, i);
		if (value)
			n += snprintf(buf + n, (size_t)n < room ? room - n : 0, " %s=%u",
				      members[i].name, value);
	}
	return n;
}

static int parse_one(char *text, struct op *op)
{
	char *word, *value, *end, *save;
	unsigned int i;

	word = strtok_r(text, " ", &save);
	if (!word)
		return -1;
	*op = (struct op){ .kind = OP_KINDS };
	for (i = 0; i < OP_KINDS; i++)
		if (!strcmp(word, kinds[i]))
			op->kind = i;
	if (op->kind == OP_KINDS)
		return -1;
	while ((word = strtok_r(NULL, " ", &save))) {
		value = strchr(word, '=');
		if (!value)
			return -1;
		*value++ = '\0';
		for (i = 0; i < MEMBERS && strcmp(word, members[i].name); i++)
			;
		if (i == MEMBERS)
			return -1;
		*op_member(op, i) = strtoul(value, &end, 0);
		if (*end || end == value)
			return -1;
	}
	return 0;
}

int op_parse(const char *text, struct op *ops, int room)
{
	char *copy = strdup(text), *one, *save = NULL;
	int n = 0;

	if (!copy)
		return -1;
	for (one = strtok_r(copy, ";\n", &save); one; one = strtok_r(NULL, ";\n", &save))
		if (n == room || parse_one(one, &ops[n++])) {
			n = -1;
			break;
		}
	free(copy);
	return n;
}
