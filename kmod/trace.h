/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: tracepoints. Keys are any bytes: what does not print is shown as a
 * dot, and at most ZC_TRACE_KEY bytes are recorded.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM zcache

#if !defined(ZC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define ZC_TRACE_H

#include <linux/ctype.h>
#include <linux/tracepoint.h>
#include <uapi/linux/zcache.h>
#include <uapi/linux/zcache_counters.h>

#include "object.h"
#include "store.h"

#ifndef ZC_TRACE_KEY
#define ZC_TRACE_KEY	63

static inline void zc_trace_key(char *to, const u8 *key, u32 len)
{
	u32 i;

	len = min_t(u32, len, ZC_TRACE_KEY);
	for (i = 0; i < len; i++)
		to[i] = isascii(key[i]) && isprint(key[i]) ? key[i] : '.';
	to[len] = 0;
}
#endif

/* What became of a lookup. */
#define ZC_LOOKUP_HIT		0
#define ZC_LOOKUP_MISS		1
#define ZC_LOOKUP_EXPIRED	2
#define ZC_LOOKUP_STALE		3

TRACE_EVENT(zcache_lookup,
	TP_PROTO(const struct zc_store *store, const u8 *key, u32 key_len,
		 const struct zc_object *object, int result),
	TP_ARGS(store, key, key_len, object, result),
	TP_STRUCT__entry(
		__array(char, store, ZC_NAME_MAX + 1)
		__array(char, key, ZC_TRACE_KEY + 1)
		__field(u64, generation)
		__field(u64, size)
		__field(int, result)
	),
	TP_fast_assign(
		strscpy(__entry->store, store->config.name, ZC_NAME_MAX + 1);
		zc_trace_key(__entry->key, key, key_len);
		__entry->generation = object ? object->generation : 0;
		__entry->size = object ? object->size : 0;
		__entry->result = result;
	),
	TP_printk("store=%s key=%s result=%s generation=%llu size=%llu",
		  __entry->store, __entry->key,
		  __print_symbolic(__entry->result,
				   { ZC_LOOKUP_HIT, "hit" },
				   { ZC_LOOKUP_MISS, "miss" },
				   { ZC_LOOKUP_EXPIRED, "expired" },
				   { ZC_LOOKUP_STALE, "stale" }),
		  __entry->generation, __entry->size)
);

DECLARE_EVENT_CLASS(zc_trace_object,
	TP_PROTO(const struct zc_object *object),
	TP_ARGS(object),
	TP_STRUCT__entry(
		__array(char, store, ZC_NAME_MAX + 1)
		__array(char, key, ZC_TRACE_KEY + 1)
		__field(u64, generation)
		__field(u64, size)
		__field(u64, charge)
		__field(u32, hits)
	),
	TP_fast_assign(
		strscpy(__entry->store, object->store->config.name,
			ZC_NAME_MAX + 1);
		zc_trace_key(__entry->key, object->blob, object->key_len);
		__entry->generation = object->generation;
		__entry->size = object->size;
		__entry->charge = READ_ONCE(object->charge);
		__entry->hits = READ_ONCE(object->hits);
	),
	TP_printk("store=%s key=%s generation=%llu size=%llu charge=%llu hits=%u",
		  __entry->store, __entry->key, __entry->generation,
		  __entry->size, __entry->charge, __entry->hits)
);

/* A fill began; its object has no generation yet. */
DEFINE_EVENT(zc_trace_object, zcache_fill,
	TP_PROTO(const struct zc_object *object), TP_ARGS(object));
/* An object became visible, by PUT or by COMMIT. */
DEFINE_EVENT(zc_trace_object, zcache_commit,
	TP_PROTO(const struct zc_object *object), TP_ARGS(object));
/* An object left to make room in its store. */
DEFINE_EVENT(zc_trace_object, zcache_evict,
	TP_PROTO(const struct zc_object *object), TP_ARGS(object));
/* An object left because its time was over. */
DEFINE_EVENT(zc_trace_object, zcache_expire,
	TP_PROTO(const struct zc_object *object), TP_ARGS(object));

/* @skip bytes of @total had been sent; @err is not told if any were now. */
DECLARE_EVENT_CLASS(zc_trace_send,
	TP_PROTO(const struct zc_object *object, u64 skip, u64 sent, u64 total,
		 int err),
	TP_ARGS(object, skip, sent, total, err),
	TP_STRUCT__entry(
		__array(char, store, ZC_NAME_MAX + 1)
		__array(char, key, ZC_TRACE_KEY + 1)
		__field(u64, generation)
		__field(u64, skip)
		__field(u64, sent)
		__field(u64, total)
		__field(int, err)
	),
	TP_fast_assign(
		strscpy(__entry->store, object->store->config.name,
			ZC_NAME_MAX + 1);
		zc_trace_key(__entry->key, object->blob, object->key_len);
		__entry->generation = object->generation;
		__entry->skip = skip;
		__entry->sent = sent;
		__entry->total = total;
		__entry->err = err;
	),
	TP_printk("store=%s key=%s generation=%llu skip=%llu sent=%llu total=%llu err=%d",
		  __entry->store, __entry->key, __entry->generation,
		  __entry->skip, __entry->sent, __entry->total, __entry->err)
);

/* All that was asked for went out, or nothing did. */
DEFINE_EVENT(zc_trace_send, zcache_send,
	TP_PROTO(const struct zc_object *object, u64 skip, u64 sent, u64 total,
		 int err),
	TP_ARGS(object, skip, sent, total, err));
/* A part of it did. */
DEFINE_EVENT(zc_trace_send, zcache_partial,
	TP_PROTO(const struct zc_object *object, u64 skip, u64 sent, u64 total,
		 int err),
	TP_ARGS(object, skip, sent, total, err));

TRACE_DEFINE_ENUM(ZC_C_FALLBACKS_ROUTE);
TRACE_DEFINE_ENUM(ZC_C_FALLBACKS_UNIX);
TRACE_DEFINE_ENUM(ZC_C_FALLBACKS_LOCAL);
TRACE_DEFINE_ENUM(ZC_C_FALLBACKS_ASKED);
TRACE_DEFINE_ENUM(ZC_C_FALLBACKS_INLINE);

/* What was long enough to go by reference is copied. */
TRACE_EVENT(zcache_fallback,
	TP_PROTO(const struct zc_store *store, int reason),
	TP_ARGS(store, reason),
	TP_STRUCT__entry(
		__array(char, store, ZC_NAME_MAX + 1)
		__field(int, reason)
	),
	TP_fast_assign(
		strscpy(__entry->store, store->config.name, ZC_NAME_MAX + 1);
		__entry->reason = reason;
	),
	TP_printk("store=%s reason=%s", __entry->store,
		  __print_symbolic(__entry->reason,
				   { ZC_C_FALLBACKS_ROUTE, "route" },
				   { ZC_C_FALLBACKS_UNIX, "unix" },
				   { ZC_C_FALLBACKS_LOCAL, "local" },
				   { ZC_C_FALLBACKS_ASKED, "asked" },
				   { ZC_C_FALLBACKS_INLINE, "inline" }))
);

/* What the shrinker gave back. */
TRACE_EVENT(zcache_shrink,
	TP_PROTO(const struct zc_store *store, u64 wanted, u64 freed,
		 u64 objects),
	TP_ARGS(store, wanted, freed, objects),
	TP_STRUCT__entry(
		__array(char, store, ZC_NAME_MAX + 1)
		__field(u64, wanted)
		__field(u64, freed)
		__field(u64, objects)
	),
	TP_fast_assign(
		strscpy(__entry->store, store->config.name, ZC_NAME_MAX + 1);
		__entry->wanted = wanted;
		__entry->freed = freed;
		__entry->objects = objects;
	),
	TP_printk("store=%s wanted=%llu freed=%llu objects=%llu",
		  __entry->store, __entry->wanted, __entry->freed,
		  __entry->objects)
);

#endif /* ZC_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH kmod
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
