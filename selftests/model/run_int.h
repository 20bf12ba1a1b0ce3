/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files that run operations. */
#ifndef ZC_RUN_INT_H
#define ZC_RUN_INT_H

#include <string.h>

#include "run.h"

#define DATA_MAX	70016
#define RECEIVED_MAX	(256 << 10)
/* What a socket takes while nobody reads. */
#define SEND_MAX	60000
#define BATCH_MOST	6
#define RUN_PROCESSES	4

/* What a store said to an operation, in words that all stores share. */
struct answer {
	int err;
	unsigned int nr;
	struct {
		const char *name;
		uint64_t value;
	} said[512];
	unsigned char *bytes;
	size_t len;
};

struct run {
	const struct run_conf *conf;
	unsigned int nr;
	struct subject subject[RUN_SUBJECTS];
	struct answer answer[RUN_SUBJECTS];
	bool open[SLOTS];
	unsigned int owner[SLOTS];	/* the process that has it */
	int taken;		/* the slot that the operation put a descriptor into, or -1 */
	int64_t began_ns;
	/* What the operation at hand needs to know of the model, before it is run there. */
	const struct op *op;
	uint64_t generation;
	uint64_t part_generation[BATCH_MOST][ZC_PARTS_MAX];
	uint64_t max_bytes[BATCH_MOST];
	unsigned char data[DATA_MAX];
	/* Of a store that is followed (run_follow.c): which keys it had. */
	bool there[16];
	uint64_t evictions;
	/* Of several processes (run_shared.c). */
	unsigned int me, turn, turns;
	int peer[RUN_PROCESSES], hidden[SLOTS];
	pid_t child[RUN_PROCESSES];
};

struct run_key {
	const unsigned char *bytes;
	uint32_t len;
};

/* The bytes of a wrong key are there too. */
struct run_key run_key(unsigned int i);
uint64_t run_generation_in(const struct subject *s, uint64_t generation);
uint64_t run_choose_generation(const struct run *r, unsigned int gen, unsigned int key);
/* Of 64 bits: the @i-th that follows from @seed. */
unsigned int run_derive(unsigned int seed, unsigned int i, unsigned int below);
void run_pattern(void *buf, size_t len, unsigned int seed);
void run_etag(unsigned int which, const unsigned char **etag, uint32_t *len);

void run_say(struct answer *a, const char *name, uint64_t value);
void run_say_bytes(struct answer *a, const void *bytes, size_t len);
void run_say_generation(struct answer *a, const struct subject *s, uint64_t generation);
void run_add_generation(struct subject *s, uint64_t generation);
/* It is taken into a slot of all, in place of what is there. */
void run_take_fd(struct run *r, struct subject *s, unsigned int slot, int fd);

static inline unsigned int run_object_slot(const struct op *op)
{
	return op->slot % 6;
}

static inline unsigned int run_fill_slot(const struct op *op)
{
	return 6 + op->slot % 4;
}

static inline unsigned int run_wait_slot(const struct op *op)
{
	return 10 + op->slot % 2;
}

typedef void (*run_fn)(struct run *r, struct subject *s, struct answer *a);
extern const run_fn run_kinds[OP_KINDS];

/* --- several processes (run_shared.c) */

/* Says whose turn it is, and hides from the model what that process has not. */
void run_turn(struct run *r, const struct op *op);
void run_turn_ends(struct run *r);
/* What came of it, by the one whose turn it was. Return: as run_one(), of all. */
int run_share(struct run *r, int err, char *why, size_t room);
/* Starts the store in all processes; and their end, which is that of all but one. */
int run_fork(struct run *r, const struct maker *maker, struct subject *s);
void run_join(struct run *r);

/* --- following (run_follow.c) */

/* Whether the store is to do it first. */
bool run_follows(const struct run *r);
/* Before the store does it, between, and when the model has done it as well. */
void run_before(struct run *r);
void run_follow(struct run *r);
void run_followed(struct run *r, struct answer *model, struct answer *a);

/* --- sends (run_send.c) */

/* Whether it is one of which the header says how it ends; chooses what depends on it. */
bool run_plan_send(struct run *r);
void run_send(struct run *r, struct subject *s, struct answer *a);
void run_batch(struct run *r, struct subject *s, struct answer *a);

/* --- calls (run_calls.c, run_life.c) */

/* Runs @call on @arg and notes what was written to @arg although it failed. */
#define RUN_CALL(a, call, arg, may_write) \
	do { \
		typeof(*(arg)) _before; \
		(arg)->size = sizeof(*(arg)); \
		memcpy(&_before, arg, sizeof(_before)); \
		(a)->err = call; \
		run_say(a, "argument left alone", \
			(a)->err >= 0 || (may_write) || !memcmp(&_before, arg, sizeof(_before))); \
	} while (0)

/* A fd is a number of its store's. */
static inline int run_fd_out(struct answer *a, int fd)
{
	if (a->err > 0)
		a->err = 0;
	return fd;
}

static inline uint64_t run_addr(const void *p)
{
	return (uintptr_t)p;
}

int64_t run_time(const struct run *r, unsigned int i);
/* A time as it is compared: that of a call, and of the default, are not the same twice. */
uint64_t run_time_out(const struct run *r, int64_t t);
/* The key is none, or too long, if that is what is to be wrong. */
void run_spoil_key(unsigned int bad, __u64 *key, __u32 *key_len);
extern const uint64_t run_tags[4];

void run_delete(struct run *r, struct subject *s, struct answer *a);
void run_purge(struct run *r, struct subject *s, struct answer *a);
void run_touch(struct run *r, struct subject *s, struct answer *a);
void run_wait(struct run *r, struct subject *s, struct answer *a);
void run_reopen(struct run *r, struct subject *s, struct answer *a);
void run_poll(struct run *r, struct subject *s, struct answer *a);

#endif /* ZC_RUN_INT_H */
