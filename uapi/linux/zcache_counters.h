/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/*
 * zcache: the counters of a store, declared once. The order is the order of
 * the attributes of the netlink attribute set "stats" (see zcache.yaml) and
 * is never changed; new counters go to the end.
 */
#ifndef _UAPI_LINUX_ZCACHE_COUNTERS_H
#define _UAPI_LINUX_ZCACHE_COUNTERS_H

/* X(id, name, unit, sentence) */
#define ZC_COUNTERS(X)							\
	X(HITS, "hits", "lookups", "Lookups that found the object.")	\
	X(MISSES, "misses", "lookups", "Lookups that found no object.")	\
	X(EXPIRED, "expired", "lookups",				\
	  "Lookups that found an expired object, also counted as misses.") \
	X(PUTS, "puts", "calls", "Objects committed by PUT.")		\
	X(FILLS, "fills", "calls", "Fills started.")			\
	X(COMMITS, "commits", "calls", "Objects committed by a fill.")	\
	X(ABORTS, "aborts", "calls", "Fills closed without a commit.")	\
	X(FILL_BYTES, "fill-bytes", "bytes", "Bytes of committed objects.") \
	X(REPLACES, "replaces", "objects", "Objects replaced by a newer version.") \
	X(DELETES, "deletes", "objects", "Objects deleted by a call.")	\
	X(EVICTIONS, "evictions", "objects", "Objects evicted to make room.") \
	X(EVICTED_BYTES, "evicted-bytes", "bytes",			\
	  "Charge of the objects evicted to make room.")		\
	X(SHRINKS, "shrinks", "objects",				\
	  "Objects evicted because the system ran short of memory.")	\
	X(SHRUNK_BYTES, "shrunk-bytes", "bytes",			\
	  "Charge of the objects evicted for lack of system memory.")	\
	X(REFUSALS, "refusals", "calls",				\
	  "PUT and FILL calls refused because no room could be made.")	\
	X(OPENS, "opens", "calls", "Object fds opened.")		\
	X(GETS, "gets", "calls", "GET calls that found their object.")	\
	X(GET_BYTES, "get-bytes", "bytes", "Bytes copied to user memory by GET.") \
	X(SENDS, "sends", "calls", "SEND calls that sent all they were asked to.") \
	X(SENDS_PARTIAL, "sends-partial", "calls",			\
	  "SEND calls that sent a part of what they were asked to.")	\
	X(SENDS_FAILED, "sends-failed", "calls",			\
	  "SEND calls that found their object and sent nothing.")	\
	X(SPLICED_BYTES, "spliced-bytes", "bytes",			\
	  "Object bytes handed to a socket by reference.")		\
	X(COPIED_BYTES, "copied-bytes", "bytes",			\
	  "Bytes copied to a socket: INLINE, HEADER and OBJECT parts.")	\
	X(FALLBACKS, "fallbacks", "calls",				\
	  "SEND calls that copied what was long enough to go by reference.") \
	X(FALLBACKS_ROUTE, "fallbacks-route", "calls",			\
	  "Fallbacks because the route takes no page references.")	\
	X(FALLBACKS_UNIX, "fallbacks-unix", "calls",			\
	  "Fallbacks because the socket is a UNIX one.")		\
	X(FALLBACKS_LOCAL, "fallbacks-local", "calls",			\
	  "Fallbacks because the peer is local and the store copies for such.") \
	X(FALLBACKS_ASKED, "fallbacks-asked", "calls",			\
	  "Fallbacks because the call or the store asks for copies.")	\
	X(FALLBACKS_INLINE, "fallbacks-inline", "calls",		\
	  "Fallbacks because the object lives in slab memory.")		\
	X(CONDITIONS_FAILED, "conditions-failed", "calls",		\
	  "SEND calls whose condition on the entity tag did not hold.")	\
	X(BATCHES, "batches", "calls", "SEND_BATCH calls.")		\
	X(EXPIRIES, "expiries", "objects", "Expired objects swept.")	\
	X(EXPIRED_BYTES, "expired-bytes", "bytes",			\
	  "Charge of the expired objects swept.")			\
	X(PURGES, "purges", "calls", "PURGE calls.")			\
	X(PURGED_OBJECTS, "purged-objects", "objects",			\
	  "Objects that PURGE took, or made expire.")			\
	X(PURGED_BYTES, "purged-bytes", "bytes",			\
	  "Charge of the objects that PURGE took, or made expire.")	\
	X(HIT_BYTES, "hit-bytes", "bytes",				\
	  "Bytes of the objects that lookups found.")			\
	X(MISS_BYTES, "miss-bytes", "bytes",				\
	  "Bytes of committed objects whose key was missing or had expired.") \
	X(MMAP_READS, "mmap-reads", "calls",				\
	  "Mappings made of object fds.")				\
	X(MMAP_BYTES, "mmap-bytes", "bytes",				\
	  "Bytes of objects that were mapped.")				\
	X(MMAP_SKIPPED, "mmap-skipped", "objects",			\
	  "Object fds opened that had no pages to map, as the object is inline; its bytes were copied to some.") \
	X(SENDFILE_TRANSFERS, "sendfile-transfers", "calls",		\
	  "Calls of sendfile and splice that read from object fds, in the pieces that the kernel makes of them.") \
	X(SENDFILE_BYTES, "sendfile-bytes", "bytes",			\
	  "Bytes that they read.")					\
	X(SHRINKER_CALLS, "shrinker-calls", "calls",			\
	  "Times that the system asked for memory.")			\
	X(POLICY_EVICTIONS, "policy-evictions", "objects",		\
	  "Objects evicted because the owner of the policy named them.") \
	X(POLICY_EVICTED_BYTES, "policy-evicted-bytes", "bytes",	\
	  "Charge of the objects evicted because the policy's owner named them.") \
	X(POLICY_SPARED, "policy-spared", "objects",			\
	  "Objects that the owner of the policy named and that stayed, as they were in use, used since it was told last, or protected by a floor.") \
	X(TOUCHES_LOST, "touches-lost", "uses",				\
	  "Uses that the owner of the policy was not told of, as it drained too late.")

enum zc_counter {
#define ZC_COUNTER_ENUM(id, name, unit, sentence) ZC_C_##id,
	ZC_COUNTERS(ZC_COUNTER_ENUM)
#undef ZC_COUNTER_ENUM
	ZC_C_NR
};

#endif /* _UAPI_LINUX_ZCACHE_COUNTERS_H */
