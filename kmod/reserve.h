/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_RESERVE_H
#define ZC_RESERVE_H

#include <linux/rhashtable-types.h>

#include "ioctl.h"

struct seq_file;
struct zc_put;
struct zc_reserve;
struct zc_store;

extern const struct rhashtable_params zc_reserve_params;

struct zc_reserve *zc_reserve_new(struct zc_store *store,
				  const struct zc_put *put);
void zc_reserve_end(struct zc_store *store, struct zc_reserve *reserve);
void zc_reserve_stop(struct zc_store *store);
void zc_reserve_show(struct seq_file *m, const void *entry);
long zc_wait_call(struct zc_call *call, void *cmd);

#endif /* ZC_RESERVE_H */
