/* SPDX-License-Identifier: GPL-2.0-only */
/* One store and its policy: owned, drained, and evicted from when it is nearly full. */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/zcache.h>

#include "tracked.h"

/**
 * struct choice - which policy a store is to have
 * @ops: the policy; NULL leaves the store to the kernel, a mirror to the library
 * @options: how; the capacity is the store's
 */
struct choice {
	const struct zp_ops *ops;
	struct zp_options options;
};

/**
 * enum store_state - who decides what leaves a store
 * @STORE_KERNEL: the kernel, or of a mirror the library, as nobody wants to
 * @STORE_OWNED: we
 * @STORE_BUSY: another process; tried again
 * @STORE_FAILED: as of STORE_KERNEL, as we could not; tried again, soon if that may help
 */
enum store_state {
	STORE_KERNEL,
	STORE_OWNED,
	STORE_BUSY,
	STORE_FAILED,
};

/**
 * struct managed - a store
 * @steer: how it is steered
 * @at: by whom: the socket that owns, or the open mirror
 * @name: of the store
 * @choice: the policy
 * @watchdog: milliseconds after which the kernel may say that we are silent
 * @state: who decides
 * @tracked: what is known of the objects
 * @used: bytes in use, as told last
 * @high: from which room is made
 * @low: down to which
 * @full: room is being made
 * @swept: in this step what has expired made room first
 * @tries: how often in this step none of the victims left
 * @synced: all that there was to drain was drained, or as much as is to stay
 * @anew: what is known is void, so the kernel is to tell all again
 * @fruitless: milliseconds to the next step, as nobody left in this one; 0 if some did
 * @pause: milliseconds to the next step after an error; 0 if there was none
 * @wait: when that is, and nothing is done before; 0 if the next step is to say
 * @passes: what was in the way of owning it may be over in a moment
 * @resyncs: how often all had to be told anew
 * @spared: how many victims stayed
 */
struct managed {
	const struct steer *steer;
	void *at;
	char name[ZC_NAME_MAX + 1];
	struct choice choice;
	uint32_t watchdog;
	enum store_state state;
	struct tracked tracked;
	uint64_t used, high, low;
	bool full, swept, synced, anew, passes;
	int tries;
	uint64_t fruitless, pause, wait;
	uint64_t resyncs, spared;
};

/* Becomes what the choice says; drains nothing yet. */
void store_begin(struct managed *s, const struct steer *steer, void *at, const char *name,
		 const struct choice *c, uint32_t watchdog);

/* Gives the policy up if it is ours. */
void store_end(struct managed *s);

/* Another policy, without forgetting the objects; nothing if it is the same. */
void store_choose(struct managed *s, const struct choice *c, uint32_t watchdog);

/* Tries to own what could not be had. */
void store_retry(struct managed *s);

/* Any time will do. */
#define STORE_IDLE UINT64_MAX

/*
 * Drains, and evicts if that is due; now is a time in milliseconds. Returns the time at which
 * the next step is due: 0 if there is more to do at once, which is not done now so that
 * others have their turn.
 */
uint64_t store_step(struct managed *s, uint64_t now);

/* "kernel", "owned", "busy" or "failed" */
const char *store_state_name(enum store_state state);

#endif /* STORE_H */
