/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_EVENT_H
#define ZC_EVENT_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <uapi/linux/zcache_netlink.h>

#include "object.h"
#include "store.h"

void zc_event_pressure(struct zc_store *store);
void zc_event_waiting(struct zc_store *store, const u8 *key, u32 len);
void zc_event_object(const struct zc_object *object, u8 cmd, u32 reason);

/**
 * zc_event_new() - tell that an object came, if its store wants that told
 * @object: a committed object
 *
 * Context: process, without locks; sleeps for nothing.
 */
static inline void zc_event_new(const struct zc_object *object)
{
	if (unlikely(READ_ONCE(object->store->config.object_events)))
		zc_event_object(object, ZCACHE_CMD_OBJECT_NEW_NTF, 0);
}

/**
 * zc_event_del() - tell that an object left, if its store wants that told
 * @object: an object that was unlinked
 * @reason: enum zcache_object_reason
 *
 * Context: process, without locks; also in reclaim, as it allocates without.
 */
static inline void zc_event_del(const struct zc_object *object, u32 reason)
{
	if (unlikely(READ_ONCE(object->store->config.object_events)))
		zc_event_object(object, ZCACHE_CMD_OBJECT_DEL_NTF, reason);
}

#endif /* ZC_EVENT_H */
