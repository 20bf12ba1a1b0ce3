/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_OBJECT_H
#define ZC_OBJECT_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/rbtree_types.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/timekeeping.h>
#include <linux/types.h>
#include <uapi/linux/zcache.h>

struct inode;
struct iov_iter;
struct zc_put;
struct zc_store;
struct zc_tag_link;

/* The slot of an object that had one. */
#define ZC_SLOT_NONE	U32_MAX

/**
 * struct zc_key - a key in kernel memory
 * @data: its bytes
 * @len: how many
 */
struct zc_key {
	const u8 *data;
	u32 len;
};

/**
 * struct zc_object - immutable bytes under a key, with metadata
 * @node: in zc_store.index
 * @entry: in zc_store.queue; protected by zc_store.lock
 * @rcu: for the grace period, when @entry is needed no more
 * @refs: one for the index while @linked, one for each user: a call under way,
 *	a fill, an object fd. At zero the bytes go and the charge is given
 *	back; the struct itself stays for an RCU grace period, since lookups
 *	read @refs and the key without a reference.
 * @hits: times it was found; counted without a lock, so approximately
 * @touched: found since SIEVE's hand passed
 * @linked: in the index; changed under zc_store.lock
 * @is_inline: the bytes are in @blob, not in pages; constant
 * @etag_len: bytes of the entity tag
 * @type_len: bytes of the content type
 * @nr_tags: how many tags it has
 * @uses: uses since the owner of the policy was told, up to ZC_POLICY_USES_MAX;
 *	counted without a lock, so approximately
 * @listed: in a list of what was used, see zc_policy_use()
 * @key_len: bytes of the key
 * @header_len: bytes of the header blob
 * @slot: in zc_store.slots; ZC_SLOT_NONE once it was unlinked
 * @expiry: in zc_store.expiring while it is linked and expires; protected by
 *	zc_store.lock
 * @store: the store, referenced
 * @inode: the pages; of an inline object NULL until it is opened first
 * @size: bytes of the object
 * @generation: of this version; set when it is committed
 * @charge: bytes taken from the capacity; protected by zc_store.lock
 * @expires_ns: CLOCK_REALTIME nanoseconds, 0 for never; of a linked object
 *	changed under zc_store.lock, read without it
 * @created_ns: CLOCK_REALTIME nanoseconds of the commit
 * @blob: key, entity tag, content type, header blob, inline bytes, then the
 *	links of the tags
 */
struct zc_object {
	struct rhash_head node;
	union {
		struct list_head entry;
		struct rcu_head rcu;
	};
	refcount_t refs;
	u32 hits;
	bool touched;
	bool linked;
	bool is_inline;
	u8 etag_len;
	u8 type_len;
	u8 nr_tags;
	u8 uses;
	bool listed;
	u16 key_len;
	u16 header_len;
	u32 slot;
	struct rb_node expiry;
	struct zc_store *store;
	struct inode *inode;
	u64 size;
	u64 generation;
	u64 charge;
	s64 expires_ns;
	s64 created_ns;
	u8 blob[];
};

extern const struct rhashtable_params zc_object_params;

int zc_object_init(void);
void zc_object_exit(void);

struct zc_object *zc_object_new(struct zc_store *store,
				const struct zc_put *put);
void zc_object_end(struct zc_object *object);
ssize_t zc_object_write(struct zc_object *object, loff_t pos,
			struct iov_iter *from);
int zc_object_read(struct zc_object *object, loff_t pos, struct iov_iter *to);
int zc_object_add(struct zc_object *object, bool excl);
struct zc_object *zc_object_find(struct zc_store *store,
				 const struct zc_key *key);
int zc_object_del(struct zc_store *store, const struct zc_key *key,
		  u64 *generation, bool soft);
void zc_object_unlink(struct zc_object *object, u8 reason);
struct inode *zc_object_inode(struct zc_object *object);

/** zc_object_etag() - Return: the entity tag's bytes */
static inline const u8 *zc_object_etag(const struct zc_object *object)
{
	return object->blob + object->key_len;
}

/** zc_object_type() - Return: the content type's bytes */
static inline const u8 *zc_object_type(const struct zc_object *object)
{
	return zc_object_etag(object) + object->etag_len;
}

/** zc_object_header() - Return: the header blob's bytes */
static inline const u8 *zc_object_header(const struct zc_object *object)
{
	return zc_object_type(object) + object->type_len;
}

/** zc_object_inline() - Return: an inline object's bytes */
static inline const u8 *zc_object_inline(const struct zc_object *object)
{
	return zc_object_header(object) + object->header_len;
}

/** zc_object_links() - Return: the links of an object's tags */
static inline struct zc_tag_link *
zc_object_links(const struct zc_object *object)
{
	const u8 *end = zc_object_inline(object) +
			(object->is_inline ? object->size : 0);

	return (struct zc_tag_link *)PTR_ALIGN(end, __alignof__(u64));
}

u64 zc_pages_resident(const struct inode *inode);

/** zc_object_resident() - Return: how many of a committed object's bytes are in memory */
static inline u64 zc_object_resident(const struct zc_object *object)
{
	return object->is_inline ? object->size :
	       zc_pages_resident(object->inode);
}

bool zc_tag_purged(const struct zc_object *object);
bool zc_tag_expired(const struct zc_object *object);

/** zc_object_purged() - Return: whether a purge took a linked object */
static inline bool zc_object_purged(const struct zc_object *object)
{
	return object->nr_tags && zc_tag_purged(object);
}

/**
 * zc_object_put() - drop a reference
 * @object: the object
 *
 * Context: process; may sleep. Also called in reclaim, where it allocates
 * nothing and takes no lock under which others allocate.
 */
static inline void zc_object_put(struct zc_object *object)
{
	might_sleep();
	if (refcount_dec_and_test(&object->refs))
		zc_object_end(object);
}

/** zc_object_timed_out() - Return: whether the object's time is over */
static inline bool zc_object_timed_out(const struct zc_object *object)
{
	s64 expires_ns = READ_ONCE(object->expires_ns);

	return expires_ns && ktime_get_real_ns() >= (u64)expires_ns;
}

/** zc_object_expired() - Return: whether it is, or a soft purge says so */
static inline bool zc_object_expired(const struct zc_object *object)
{
	return (object->nr_tags && zc_tag_expired(object)) ||
	       zc_object_timed_out(object);
}

/** zc_object_state() - Return: ZC_STATE_* bits of the object */
static inline u32 zc_object_state(const struct zc_object *object)
{
	return (object->is_inline ? ZC_STATE_INLINE : 0) |
	       (zc_object_expired(object) ? ZC_STATE_EXPIRED : 0);
}

/** zc_object_touch() - note a use for SIEVE; writes only the object */
static inline void zc_object_touch(struct zc_object *object)
{
	WRITE_ONCE(object->hits, READ_ONCE(object->hits) + 1);
	if (!READ_ONCE(object->touched))
		WRITE_ONCE(object->touched, true);
}

#endif /* ZC_OBJECT_H */
