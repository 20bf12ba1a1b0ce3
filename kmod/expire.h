/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_EXPIRE_H
#define ZC_EXPIRE_H

#include <linux/types.h>

struct zc_object;
struct zc_store;

struct zc_object *zc_expire_next(struct zc_store *store,
				 struct zc_object *object);
void zc_expire_init(struct zc_store *store);
void zc_expire_stop(struct zc_store *store);
void zc_expire_link(struct zc_object *object);
void zc_expire_unlink(struct zc_object *object);
void zc_expire_now(struct zc_object *object);
void zc_expire_set(struct zc_object *object, s64 expires_ns);
void zc_expire_rearm(struct zc_store *store);

#endif /* ZC_EXPIRE_H */
