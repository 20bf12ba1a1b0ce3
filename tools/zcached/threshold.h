/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From how many bytes on a store sends by reference, and copies what is shorter: as it is,
 * as the configuration says, or found out by trials.
 */
#ifndef THRESHOLD_H
#define THRESHOLD_H

#include <stdbool.h>
#include <stdint.h>

struct nlc;
struct store;

/** enum threshold_mode - who says what it is */
enum threshold_mode {
	THRESHOLD_KEEP,		/* others */
	THRESHOLD_FIXED,	/* the configuration */
	THRESHOLD_ADAPTIVE,	/* what sends take */
};

/**
 * struct threshold_choice - what a store is to have
 * @mode: who says what it is
 * @bytes: of THRESHOLD_FIXED
 */
struct threshold_choice {
	enum threshold_mode mode;
	uint64_t bytes;
};

/* Where trials may lead. */
#define THRESHOLD_MIN 4096
#define THRESHOLD_MAX 65536

/**
 * enum threshold_phase - where a trial is
 * @THRESHOLD_REST: there is none
 * @THRESHOLD_BEFORE: what sends take as it is
 * @THRESHOLD_DURING: what they take with another one
 * @THRESHOLD_AFTER: and again as it was
 */
enum threshold_phase {
	THRESHOLD_REST,
	THRESHOLD_BEFORE,
	THRESHOLD_DURING,
	THRESHOLD_AFTER,
};

/**
 * struct threshold_sample - what the kernel counts
 * @sends: calls
 * @ns: what they took together, about
 * @spliced: bytes that went by reference
 * @copied: bytes that did not
 */
struct threshold_sample {
	uint64_t sends, ns, spliced, copied;
};

/**
 * struct threshold - that of a store
 * @choice: what it is to be
 * @phase: of the trial
 * @begun: what follows is known
 * @up: the next trial is of a higher one
 * @told: that it cannot be set was said
 * @gains: trials in a row that took less time
 * @at: the best one so far
 * @set: what the kernel has of us
 * @from: counters when the phase began
 * @cost: nanoseconds of a send, by phase
 * @share: part of the bytes that went by reference, by phase
 * @since: when the phase began, in milliseconds
 * @due: when to look again
 * @rest: milliseconds until the next trial
 */
struct threshold {
	struct threshold_choice choice;
	enum threshold_phase phase;
	bool begun, up, told;
	int gains;
	uint64_t at, set;
	struct threshold_sample from;
	double cost[THRESHOLD_AFTER + 1], share[THRESHOLD_AFTER + 1];
	uint64_t since, due, rest;
};

/* Another choice, or the same for a store that may be another one. Ends a trial. */
void threshold_choose(struct threshold *t, struct nlc *nlc, const char *store,
		      struct threshold_choice choice);

/* Does what is due; now is a time in milliseconds. */
void threshold_step(struct threshold *t, struct nlc *nlc, const char *store, uint64_t now);

#endif /* THRESHOLD_H */
