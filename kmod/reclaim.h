/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_RECLAIM_H
#define ZC_RECLAIM_H

#include <linux/list.h>
#include <linux/types.h>

struct zc_object;
struct zc_store;

/**
 * struct zc_round - objects are being unlinked and freed
 * @entry: in zc_store.rounds
 * @nr: zc_store.round when it began
 */
struct zc_round {
	struct list_head entry;
	u64 nr;
};

int zc_reclaim_charge(struct zc_store *store, u64 bytes,
		      const struct zc_object *wanted);
u64 zc_reclaim_evict(struct zc_store *store, u64 bytes);
bool zc_reclaim_spares(struct zc_object *object);
void zc_reclaim_drop(struct zc_object *object, u32 reason);
int zc_reclaim_wait(struct zc_store *store, u64 *until);
int zc_reclaim_new(struct zc_store *store);
void zc_reclaim_del(struct zc_store *store);
void zc_reclaim_flush(struct zc_store *store);
void zc_reclaim_begin(struct zc_store *store, struct zc_round *round);
void zc_reclaim_end(struct zc_store *store, struct zc_round *round);
void zc_round_link(struct zc_store *store, struct zc_round *round);

#endif /* ZC_RECLAIM_H */
