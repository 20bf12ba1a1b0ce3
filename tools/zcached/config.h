/* SPDX-License-Identifier: GPL-2.0-only */
/* zcached.conf. */
#ifndef CONFIG_H
#define CONFIG_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "limit.h"
#include "store.h"
#include "threshold.h"

#define LISTEN_ROOM 128

/**
 * struct config_store - what a section says of one store
 * @name: of the store
 * @choice: its policy
 * @threshold: from how many bytes on it sends by reference
 * @limits: of its tags
 * @nr_limits: how many
 */
struct config_store {
	char name[ZC_NAME_MAX + 1];
	struct choice choice;
	struct threshold_choice threshold;
	struct limit *limits;
	size_t nr_limits;
};

/**
 * struct config - the configuration
 * @listen: an address and a port, "unix:" and a path, or empty for nothing
 * @socket_mode: of that path
 * @interval: milliseconds between two drains
 * @choice: the policy of stores that have no section
 * @threshold: theirs
 * @stores: those that have one
 * @nr_stores: how many
 */
struct config {
	char listen[LISTEN_ROOM];
	mode_t socket_mode;
	uint64_t interval;
	struct choice choice;
	struct threshold_choice threshold;
	struct config_store *stores;
	size_t nr_stores;
};

#define CONFIG_ERROR_ROOM 512

/*
 * 0, or -errno with a sentence that names the file and what is wrong with which line.
 * Only then is there nothing to be freed.
 */
int config_load(const char *file, struct config *c, char error[CONFIG_ERROR_ROOM]);
void config_free(struct config *c);

/* What a store is to have that says itself what it wants: a policy's name, or "". */
struct choice config_choice(const struct config *c, const char *store, const char *wants);

struct threshold_choice config_threshold(const struct config *c, const char *store);

/* The limits of its tags, and how many. */
const struct limit *config_limits(const struct config *c, const char *store, size_t *n);

/* The names of all policies, with commas between. */
const char *config_policies(void);

#endif /* CONFIG_H */
