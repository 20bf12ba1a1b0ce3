/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Eviction policies. A policy decides which object leaves next; it neither
 * holds bytes nor knows who drives it: the daemon does with what the kernel
 * tells, the simulator with a trace.
 */
#ifndef ZP_POLICY_H
#define ZP_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zp;
struct zp_admission;

/** ZP_NONE - no object; a reference is an index, and 0 is none */
#define ZP_NONE 0

/** enum zp_goal - what a policy that can choose is to be good at */
enum zp_goal {
	ZP_BALANCED,
	ZP_OBJECTS,
	ZP_BYTES,
};

/**
 * struct zp_options - how a policy is to behave
 * @capacity: bytes of the cache; more than 0
 * @goal: what to optimise
 * @a: exponent of gdsf and gdsf2, 0 (object hits) to 1 (byte hits); below 0 for what
 *	@goal asks for
 * @large_main: an object larger than the small queue or window of a policy goes
 *	to its main queue; else it is refused (zp_add() says so)
 * @admit_size: larger objects are refused; 0 for none
 * @frequency: of a new object and the victim that would leave instead of it, the one
 *	that was used less leaves
 */
struct zp_options {
	uint64_t capacity;
	enum zp_goal goal;
	double a;
	bool large_main;
	uint64_t admit_size;
	bool frequency;
};

/**
 * struct zp_entry - an object that a policy knows; 40 bytes
 * @id: names the key, the same when it left and came back
 * @size: bytes
 * @prev: towards the newer end of its queue; never UINT32_MAX, which marks a
 *	victim that is still the caller's
 * @next: towards the older end
 * @word: the policy's own
 */
struct zp_entry {
	uint64_t id;
	uint64_t size;
	uint32_t prev;
	uint32_t next;
	/* all 0 when the policy gets it */
	union {
		uint32_t word[4];
		uint64_t dword[2];
		double real[2];
	};
};

/**
 * struct zp_ops - one policy
 * @name: as users write it
 * @summary: one sentence for help
 * @init: sets zp->priv; 0 or -errno. Makes room for zp->objects of them, so that
 *	add() cannot fail for so many.
 * @exit: frees it
 * @largest: the size above which it does not want objects; NULL if it wants all
 *	that the cache can hold. What has come already it takes all the same.
 * @add: an object came; takes it into a queue. 0 or -ENOMEM
 * @hit: it was used @n times (1 or more) since it was told last
 * @del: it left for another reason than victim()
 * @victim: chooses who leaves next and takes it out of the queues, remembering it
 *	if the policy has ghosts; ZP_NONE if there is none. The entry is valid
 *	until zp_del().
 * @resize: the capacity or the exponent changed, see zp->options; NULL if nobody
 *	minds
 */
struct zp_ops {
	const char *name;
	const char *summary;
	int (*init)(struct zp *zp);
	void (*exit)(struct zp *zp);
	uint64_t (*largest)(struct zp *zp);
	int (*add)(struct zp *zp, uint32_t ref);
	void (*hit)(struct zp *zp, uint32_t ref, unsigned int n);
	void (*del)(struct zp *zp, uint32_t ref);
	uint32_t (*victim)(struct zp *zp);
	void (*resize)(struct zp *zp);
};

/**
 * struct zp - a policy at work
 * @ops: which
 * @options: how
 * @entries: what it knows, by reference
 * @objects: how many it holds; a victim is none of them
 * @used: bytes of these
 * @requests: adds and hits so far, the policies' clock
 * @priv: the policy's own
 * @admission: who is new; NULL if frequency does not matter
 *
 * The rest is policy.c's.
 */
struct zp {
	const struct zp_ops *ops;
	struct zp_options options;
	struct zp_entry *entries;
	uint32_t objects;
	uint64_t used;
	uint64_t requests;
	void *priv;
	struct zp_admission *admission;
	uint32_t nr_entries;
	uint32_t free;
};

extern const struct zp_ops zp_fifo, zp_lru, zp_clock, zp_sieve, zp_s3fifo, zp_gdsf, zp_gdsf2,
			   zp_wtinylfu, zp_lhd, zp_auto;

extern const struct zp_ops *const zp_all[];	/* ends with NULL */

const struct zp_ops *zp_find(const char *name);

/* 0 or -errno */
int zp_init(struct zp *zp, const struct zp_ops *ops,
	    const struct zp_options *options);
void zp_exit(struct zp *zp);

/* Objects above this are refused. */
uint64_t zp_largest(struct zp *zp);
/* What waits as a victim while newcomers leave instead, no more in the policy's queues. */
uint32_t zp_waiting(const struct zp *zp);
/*
 * An object came. Returns its reference in @ref; 0, -ENOMEM, or -EFBIG if it is
 * above zp_largest(). The caller makes room before or after, as it likes.
 */
int zp_add(struct zp *zp, uint64_t id, uint64_t size, uint32_t *ref);
void zp_hit(struct zp *zp, uint32_t ref, unsigned int n);
/* It left; of a victim too, when the caller is done with it. @ref is void. */
void zp_del(struct zp *zp, uint32_t ref);
/*
 * Who leaves next. It is the caller's then: zp_del() when it left, or zp_keep()
 * when it was not to be evicted, as it was used meanwhile: it comes back and is
 * hit once. Of -ENOMEM from zp_keep() it is still the caller's.
 */
uint32_t zp_victim(struct zp *zp);
int zp_keep(struct zp *zp, uint32_t ref);
void zp_resize(struct zp *zp, uint64_t capacity);
/*
 * Goes on with another policy and the same references, which come to it in the
 * order in which the old one would have evicted them. Victims have to be given
 * back first. On an error all is as it was.
 */
int zp_switch(struct zp *zp, const struct zp_ops *ops,
	      const struct zp_options *options);

/* For policies that have references in an array: @room for @objects and some more. */
int zp_grow_refs(uint32_t **refs, uint32_t *room, uint32_t objects);

static inline struct zp_entry *zp_entry(struct zp *zp, uint32_t ref)
{
	return &zp->entries[ref];
}

#endif /* ZP_POLICY_H */
