/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_RECLAIM_H
#define ZC_RECLAIM_H

#include <linux/types.h>

struct zc_store;

int zc_reclaim_charge(struct zc_store *store, u64 bytes);
u64 zc_reclaim_evict(struct zc_store *store, u64 bytes);
int zc_reclaim_new(struct zc_store *store);
void zc_reclaim_del(struct zc_store *store);
void zc_reclaim_flush(struct zc_store *store);
void zc_reclaim_begin(struct zc_store *store);
void zc_reclaim_end(struct zc_store *store);

#endif /* ZC_RECLAIM_H */
