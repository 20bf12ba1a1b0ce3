/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* The mirror's files and its index, as they lie on the disk and in shared memory. */
#ifndef ZC_MIRROR_FORMAT_H
#define ZC_MIRROR_FORMAT_H

#include <pthread.h>
#include <stdint.h>
#include <linux/zcache_counters.h>

#include "zcache_owner.h"

#define ZCM_NS_PER_MS		1000000
#define ZCM_PAGE		4096	/* what charges are rounded up to */
#define ZCM_FILLS_MAX		4096	/* fills under way at once, of all processes */
#define ZCM_PAST_MAX		1024	/* versions that are gone of which the end is known */
#define ZCM_SLOTS_MIN		1024	/* entries of a new index */
#define ZCM_SLOTS_MAX		(1U << 30)
#define ZCM_KEY_START		32	/* bytes of a key that its entry has */
#define ZCM_GENERATIONS		(1U << 20)	/* reserved in the superblock at once */
#define ZCM_TTL_MAX_MS		3155760000000ULL
#define ZCM_CACHE_MAX		256	/* objects that a process keeps open */
#define ZCM_KNOWN_BUCKETS	1024
#define ZCM_CACHE_BYTES		(4ULL << 30)	/* and what is mapped of them */

/* Names in the folder, with room for their longest. */
#define ZCM_NAME		64

/**
 * struct zcm_super - DIR/store: what a mirror is
 * @magic: "zcmirror"
 * @version: ZCM_VERSION
 * @size: sizeof(struct zcm_super)
 * @id: random; the seconds of the times of its data files, see zcm_stamp()
 * @max_key_len: bytes of the longest key
 * @hash_key: random; names of metadata files are hashes of keys with it
 * @high_water: no generation above it was ever given
 * @capacity: as in struct zc_mirror_conf, as are those that follow
 * @max_object_size: see there
 * @splice_threshold: see there
 * @default_ttl_ms: see there
 * @grace_ms: 0 for none
 * @flags: ZC_MIRROR_*
 * @__reserved: 0
 * @crc: of all before it
 */
struct zcm_super {
	char magic[8];
	uint32_t version;
	uint32_t size;
	uint32_t id;
	uint32_t max_key_len;
	uint8_t hash_key[16];
	uint64_t high_water;
	uint64_t capacity;
	uint64_t max_object_size;
	uint64_t splice_threshold;
	uint64_t default_ttl_ms;
	uint32_t grace_ms;
	uint32_t flags;
	uint32_t __reserved;
	uint32_t crc;
};

#define ZCM_VERSION	1

/**
 * struct zcm_meta - how a metadata file begins; key, etag, type, header follow
 * @magic: ZCM_META_MAGIC
 * @version: ZCM_VERSION
 * @nr_tags: tags in @tags
 * @key_len: bytes of the key
 * @etag_len: bytes of the entity tag
 * @type_len: bytes of the content type
 * @header_len: bytes of the header blob
 * @flags: of a fill: ZC_PUT_*; and ZCM_META_CHANGED
 * @body_crc: of what follows the struct
 * @generation: the version; in a fill 0, or what it may become
 * @data_len: bytes of the object
 * @created_ns: CLOCK_REALTIME of the commit; 0 in a fill
 * @expires_ns: when it stops being served; in a fill as the caller gave it
 * @tags: whom it belongs to
 * @__reserved: 0
 * @crc: of all before it
 */
struct zcm_meta {
	uint32_t magic;
	uint16_t version;
	uint16_t nr_tags;
	uint32_t key_len;
	uint32_t etag_len;
	uint32_t type_len;
	uint32_t header_len;
	uint32_t flags;
	uint32_t body_crc;
	uint64_t generation;
	uint64_t data_len;
	int64_t created_ns;
	int64_t expires_ns;
	uint64_t tags[ZC_TAGS_MAX];
	uint32_t __reserved;
	uint32_t crc;
};

/* It was given another time after its commit. */
#define ZCM_META_CHANGED	(1U << 30)

#define ZCM_META_MAGIC	0x4d435a01u

/**
 * struct zcm_hash - what a key is known by
 * @w: SipHash-2-4 of 128 bits with the mirror's random key
 */
struct zcm_hash {
	uint64_t w[2];
};

/**
 * struct zcm_entry - an object in the index; all members under zcm_head.lock
 *
 * The table of entries is also the hash table and the heap of what expires: @bucket
 * and @heap belong to the place, not to the object that is in it.
 *
 * @bucket: first entry of the hash chain of this number
 * @heap: entry at this place of the heap, whose root is place 1
 * @next: next entry of the chain, or free one
 * @heap_at: its place in the heap, 0 if it does not expire
 * @newer: neighbour in the queue, towards the newest
 * @older: neighbour in the queue, towards the oldest
 * @hash: of its key
 * @generation: the version; 0 in a free entry
 * @data_len: bytes of the object
 * @charge: bytes it takes of the capacity
 * @created_ns: when it was committed
 * @expires_ns: when it stops being served, 0 for never
 * @hits: times it was found
 * @tags: its tags
 * @key_len: bytes of its key
 * @nr_tags: how many tags it has
 * @visited: found since the hand passed last
 * @key: how its key begins
 * @changed: it was given another time after its commit
 * @uses: since the owner of the policy was told, up to ZC_POLICY_USES_MAX
 * @news: of which the owner is to be told, see mirror_news.c
 * @reason: why @told left, if it did: ZC_POLICY_GONE_*
 * @told: the newest version in this place that the owner was told of
 * @news_next: next place with news, in the order in which they are told
 * @news_prev: the one before
 */
struct zcm_entry {
	uint32_t bucket;
	uint32_t heap;
	uint32_t next;
	uint32_t heap_at;
	uint32_t newer;
	uint32_t older;
	struct zcm_hash hash;
	uint64_t generation;
	uint64_t data_len;
	uint64_t charge;
	int64_t created_ns;
	int64_t expires_ns;
	uint64_t hits;
	uint64_t tags[ZC_TAGS_MAX];
	uint16_t key_len;
	uint8_t nr_tags;
	uint8_t visited;
	uint8_t key[ZCM_KEY_START];
	uint8_t changed;
	uint8_t uses;
	uint8_t news;
	uint8_t reason;
	uint32_t news_next;
	uint32_t news_prev;
	uint64_t told;
};

/**
 * struct zcm_fill - a fill under way; all members under zcm_head.lock
 * @id: DIR/fill/ID is the file, DIR/fill/ID.m its metadata
 * @dev: the file's device
 * @ino: and inode
 * @hash: of the key
 * @data_len: bytes it is to have
 * @charge: bytes taken from the capacity
 * @generation: what its metadata says that it becomes, 0 for none yet
 * @flags: ZC_PUT_*, and ZCM_FILL_PUT
 * @__reserved: 0
 */
struct zcm_fill {
	uint64_t id;
	uint64_t dev;
	uint64_t ino;
	struct zcm_hash hash;
	uint64_t data_len;
	uint64_t charge;
	uint64_t generation;
	uint32_t flags;
	uint32_t __reserved;
};

/**
 * struct zcm_past - a version that is gone, and had another time than at its commit
 * @generation: which
 * @expires_ns: the time it had last; for who has it open still
 */
struct zcm_past {
	uint64_t generation;
	int64_t expires_ns;
};

#define ZCM_FILL_PUT	(1U << 31)	/* of zc_put(): not counted as a fill */

/**
 * struct zcm_head - how DIR/index begins; shared by all processes
 * @magic: ZCM_HEAD_MAGIC
 * @layout: of what it was compiled, see zcm_layout()
 * @boot: of which run of the system it is; a power cut makes it worthless
 * @ready: it was made in whole
 * @dirty: files and index may differ: somebody is changing, or died in it
 * @torn: a file that was to go could not be removed; it stays dirty
 * @__reserved2: 0
 * @lock: protects all that follows but @counters; robust
 * @capacity: as in struct zcm_super, as are those that follow
 * @max_object_size: see there
 * @splice_threshold: see there
 * @default_ttl_ms: see there
 * @grace_ms: see there
 * @flags: see there
 * @__reserved: 0
 * @slots: entries in the table, a power of two; the first is not used
 * @used: charge of all objects and fills
 * @objects: how many there are
 * @generation: the last one given
 * @high_water: as in struct zcm_super
 * @fill_id: the last one given
 * @free: first free entry, linked by @next
 * @newest: head of the queue
 * @oldest: its tail
 * @hand: of SIEVE: the entry to look at next, 0 for @oldest
 * @expiring: entries in the heap
 * @nr_fills: how many of @fill are used
 * @rebuilds: times the index was made from the files
 * @corrupt: objects that were dropped as their files were damaged
 * @orphans: files that nobody had any more, removed
 * @news_end: what happens to entries below it is noted for the owner of the policy; 0 if
 *	there is none
 * @news_first: the entry with news to be told first, 0 if there is none
 * @news_last: and last
 * @resync: the owner is to be told that all is told anew
 * @policy: name of its policy, "" if there is no owner
 * @counters: by enum zc_counter, atomic
 * @nr_past: versions that were noted in @past; the oldest are forgotten
 * @past: versions that are gone
 * @fill: fills under way
 * @data: bytes of all objects
 */
struct zcm_head {
	uint64_t magic;
	uint64_t layout;
	uint8_t boot[16];
	uint32_t ready;
	uint32_t dirty;
	uint32_t torn;
	uint32_t __reserved2;
	pthread_mutex_t lock; /* protects what follows */
	uint64_t capacity;
	uint64_t max_object_size;
	uint64_t splice_threshold;
	uint64_t default_ttl_ms;
	uint32_t grace_ms;
	uint32_t flags;
	uint32_t __reserved;
	uint32_t slots;
	uint64_t used;
	uint64_t objects;
	uint64_t generation;
	uint64_t high_water;
	uint64_t fill_id;
	uint32_t free;
	uint32_t newest;
	uint32_t oldest;
	uint32_t hand;
	uint32_t expiring;
	uint32_t nr_fills;
	uint64_t rebuilds;
	uint64_t corrupt;
	uint64_t orphans;
	uint32_t news_end;
	uint32_t news_first;
	uint32_t news_last;
	uint32_t resync;
	char policy[ZC_POLICY_NAME_ROOM];
	uint64_t counters[ZC_C_NR];
	uint64_t nr_past;
	struct zcm_past past[ZCM_PAST_MAX];
	struct zcm_fill fill[ZCM_FILLS_MAX];
	uint64_t data;
};

#define ZCM_HEAD_MAGIC	0x7865646e696d637aULL
/* The table is mapped by itself, from what is a page on every machine. */
#define ZCM_HEAD_ALIGN	65536
#define ZCM_HEAD_LEN	((sizeof(struct zcm_head) + ZCM_HEAD_ALIGN - 1) / ZCM_HEAD_ALIGN * \
			 ZCM_HEAD_ALIGN)

#endif /* ZC_MIRROR_FORMAT_H */
