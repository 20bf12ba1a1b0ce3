// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: objects, and the index from key to object.
 *
 * Life: zc_object_new() gives a private object to its filler. zc_object_add()
 * publishes it; from then on its bytes never change. zc_object_unlink() takes
 * it out of the index and the queue under the store's lock; the caller drops
 * the index's reference after unlocking. The last reference frees the pages
 * and gives the charge back; the struct waits for a grace period.
 */

#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/rhashtable.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <linux/xarray.h>

#include "event.h"
#include "expire.h"
#include "object.h"
#include "pages.h"
#include "policy.h"
#include "reclaim.h"
#include "store.h"
#include "tag.h"
#include "trace.h"

/* A hash bucket is a pointer; the table is at most half empty after growth. */
#define ZC_OBJECT_INDEX_COST	(2 * sizeof(void *) + ZC_OBJECT_SLOT_COST)

/* And a slot is a pointer, with its share of a node of 576 bytes for 64 of them. */
#define ZC_OBJECT_SLOT_COST	9

/*
 * kmalloc() rounds up to powers of two, which would waste up to half of a small
 * object's memory and of the store's capacity. Here at most
 * ZC_OBJECT_STEP - 1 bytes are lost; what is larger than the largest class has
 * a large header blob and is kmalloc()'s.
 */
static_assert(!IS_ENABLED(CONFIG_SLOB)); /* its kfree() knows kmalloc() only */
#define ZC_OBJECT_STEP		64
#define ZC_OBJECT_CLASSES	64

static struct kmem_cache *zc_object_cache[ZC_OBJECT_CLASSES];

/**
 * zc_object_init() - make the caches that objects are allocated from
 *
 * Return: 0 or -ENOMEM.
 */
int zc_object_init(void)
{
	const unsigned int head = offsetof(struct zc_object, blob);
	unsigned int i, size;
	char name[24];

	/* The first has room for a key of one byte. */
	for (i = head / ZC_OBJECT_STEP; i < ZC_OBJECT_CLASSES; i++) {
		size = (i + 1) * ZC_OBJECT_STEP;
		snprintf(name, sizeof(name), "zcache-%u", size);
		/* The blob is what users' bytes are copied into and out of. */
		zc_object_cache[i] =
			kmem_cache_create_usercopy(name, size, 8, SLAB_ACCOUNT,
						   head, size - head, NULL);
		if (!zc_object_cache[i]) {
			zc_object_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

/** zc_object_exit() - the end of zc_object_init(); there are no objects */
void zc_object_exit(void)
{
	unsigned int i;

	/* The last ones may be waiting for their grace period. */
	rcu_barrier();
	for (i = 0; i < ZC_OBJECT_CLASSES; i++) {
		kmem_cache_destroy(zc_object_cache[i]);
		zc_object_cache[i] = NULL;
	}
}

static struct zc_object *zc_object_alloc(struct zc_store *store, size_t size)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	struct mem_cgroup *old = set_active_memcg(store->memcg);
	size_t class = (size - 1) / ZC_OBJECT_STEP;
	struct zc_object *object;

	if (class < ZC_OBJECT_CLASSES)
		object = kmem_cache_alloc(zc_object_cache[class], gfp);
	else
		object = kmalloc(size, gfp);
	set_active_memcg(old);
	return object;
}

static void zc_object_free_rcu(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct zc_object, rcu));
}

static u32 zc_object_hash_key(const void *data, u32 len, u32 seed)
{
	const struct zc_key *key = data;

	return jhash(key->data, key->len, seed);
}

static u32 zc_object_hash(const void *data, u32 len, u32 seed)
{
	const struct zc_object *object = data;

	return jhash(object->blob, object->key_len, seed);
}

static int zc_object_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct zc_key *key = arg->key;
	const struct zc_object *object = data;

	return key->len != object->key_len ||
	       memcmp(key->data, object->blob, key->len);
}

const struct rhashtable_params zc_object_params = {
	.head_offset		= offsetof(struct zc_object, node),
	.hashfn			= zc_object_hash_key,
	.obj_hashfn		= zc_object_hash,
	.obj_cmpfn		= zc_object_cmp,
	.automatic_shrinking	= true,
};

static struct zc_key zc_object_key(const struct zc_object *object)
{
	return (struct zc_key){ .data = object->blob, .len = object->key_len };
}

static int zc_object_check(const struct zc_store *store,
			   const struct zc_put *put)
{
	if (!put->key_len)
		return -EINVAL;
	if (put->key_len > store->config.max_key_len)
		return -ENAMETOOLONG;
	if (put->header_len > ZC_HEADER_MAX || put->etag_len > ZC_ETAG_MAX ||
	    put->type_len > ZC_TYPE_MAX || put->nr_tags > ZC_TAGS_MAX ||
	    put->expires_ns < 0)
		return -EINVAL;
	if (put->data_len > READ_ONCE(store->config.max_object_size))
		return -EFBIG;
	return 0;
}

/* Copies the parts of the blob, in its order, from user memory. */
static int zc_object_copy_blob(struct zc_object *object,
			       const struct zc_put *put)
{
	const struct {
		u64 addr;
		u32 len;
	} part[] = {
		{ put->key, put->key_len },
		{ put->etag, put->etag_len },
		{ put->type, put->type_len },
		{ put->header, put->header_len },
	};
	u8 *to = object->blob;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(part); i++) {
		if (copy_from_user(to, u64_to_user_ptr(part[i].addr),
				   part[i].len))
			return -EFAULT;
		to += part[i].len;
	}
	return 0;
}

/* A slot of its own, which stays empty until it is added. */
static int zc_object_reserve(struct zc_object *object)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	struct zc_store *store = object->store;
	struct mem_cgroup *old = set_active_memcg(store->memcg);
	int err = xa_alloc(&store->slots, &object->slot, NULL,
			   XA_LIMIT(0, ZC_SLOT_NONE - 1), gfp);

	set_active_memcg(old);
	return err;
}

/**
 * zc_object_new() - make an object without its bytes
 * @store: where it will be; room is made there if need be
 * @put: what the user says of it
 *
 * Context: process; may sleep and fault.
 * Return: the object with one reference, to be dropped with zc_object_put(),
 * or an error pointer.
 */
struct zc_object *zc_object_new(struct zc_store *store,
				const struct zc_put *put)
{
	bool is_inline = put->data_len <=
			 READ_ONCE(store->config.inline_limit);
	struct zc_object *object;
	size_t len, size;
	int err;

	might_sleep();
	err = zc_object_check(store, put);
	if (err)
		return ERR_PTR(err);

	len = put->key_len + put->etag_len + put->type_len + put->header_len;
	if (is_inline)
		len += put->data_len;
	size = struct_size(object, blob, len);
	if (put->nr_tags)
		size = ALIGN(size, __alignof__(struct zc_tag_link)) +
		       put->nr_tags * sizeof(struct zc_tag_link);
	object = zc_object_alloc(store, size);
	if (!object)
		return ERR_PTR(-ENOMEM);
	memset(object, 0, sizeof(*object));
	refcount_set(&object->refs, 1);
	INIT_LIST_HEAD(&object->entry);
	RB_CLEAR_NODE(&object->expiry);
	object->store = store;
	object->is_inline = is_inline;
	object->key_len = put->key_len;
	object->etag_len = put->etag_len;
	object->type_len = put->type_len;
	object->header_len = put->header_len;
	object->size = put->data_len;
	object->expires_ns = put->expires_ns;
	object->charge = ksize(object) + ZC_OBJECT_INDEX_COST;
	if (!is_inline)
		object->charge += zc_pages_charge(object->size);

	err = zc_object_copy_blob(object, put);
	if (err)
		goto err_free;
	/* What never fits evicts nothing, of its tags either. */
	if (object->charge > READ_ONCE(store->config.capacity)) {
		err = -ENOSPC;
		goto err_free;
	}
	if (put->nr_tags) {
		err = zc_tag_attach(object, put->tags, put->nr_tags) ?:
		      zc_tag_charge(object, object->charge);
		if (err)
			goto err_detach;
	}
	err = zc_reclaim_charge(store, object->charge, object);
	if (err)
		goto err_untag;
	err = zc_object_reserve(object);
	if (err)
		goto err_uncharge;
	if (!is_inline) {
		object->inode = zc_pages_new(store, object->size);
		if (IS_ERR(object->inode)) {
			err = PTR_ERR(object->inode);
			goto err_slot;
		}
	}
	zc_store_get(store);
	return object;

err_slot:
	xa_erase(&store->slots, object->slot);
err_uncharge:
	zc_store_uncharge(store, object->charge);
err_untag:
	if (object->nr_tags)
		zc_tag_uncharge(object, object->charge);
err_detach:
	zc_tag_detach(object);
err_free:
	kfree(object);
	return ERR_PTR(err);
}

/* The last reference is gone: gives all back but the struct. */
void zc_object_end(struct zc_object *object)
{
	struct zc_store *store = object->store;
	u64 charge = object->charge;

	if (object->nr_tags) {
		zc_tag_uncharge(object, charge);
		zc_tag_detach(object);
	}
	if (object->inode) {
		/* That of the pages goes with them. */
		charge -= zc_pages_charge(object->size);
		iput(object->inode);
	}
	/* It was never added. */
	if (object->slot != ZC_SLOT_NONE)
		xa_erase(&store->slots, object->slot);
	zc_store_uncharge(store, charge);
	call_rcu(&object->rcu, zc_object_free_rcu);
	zc_store_put(store);
}

/**
 * zc_object_write() - write bytes of an object that is not committed yet
 * @object: the object
 * @pos: where; with the length within the object
 * @from: the bytes, possibly in user memory
 *
 * Context: process; may sleep and fault. Writers exclude each other.
 * Return: bytes written, possibly short, or -errno if none was.
 */
ssize_t zc_object_write(struct zc_object *object, loff_t pos,
			struct iov_iter *from)
{
	size_t len = iov_iter_count(from), done;

	if (!object->is_inline)
		return zc_pages_write(object->store, object->inode, pos, from);
	done = copy_from_iter((u8 *)zc_object_inline(object) + pos, len, from);
	return done || !len ? done : -EFAULT;
}

/**
 * zc_object_read() - copy bytes of a committed object
 * @object: the object
 * @pos: first byte; with the room at @to within the object
 * @to: where to, possibly user memory
 *
 * Context: process; may sleep and fault.
 * Return: 0, -EFAULT, -EINTR or -EIO.
 */
int zc_object_read(struct zc_object *object, loff_t pos, struct iov_iter *to)
{
	size_t len = iov_iter_count(to);

	if (!object->is_inline)
		return zc_pages_read(object->inode, pos, len, to);
	if (copy_to_iter(zc_object_inline(object) + pos, len, to) != len)
		return -EFAULT;
	return 0;
}

/* Takes an object out of the queue; the hand moves on if it was there. */
static void zc_object_dequeue(struct zc_object *object, u8 reason)
{
	struct zc_store *store = object->store;

	lockdep_assert_held(&store->lock);
	zc_policy_log(object, ZC_POLICY_GONE, reason);
	xa_erase(&store->slots, object->slot);
	/* Who uses it still finds nobody's slot. */
	WRITE_ONCE(object->slot, ZC_SLOT_NONE);
	if (store->hand == &object->entry)
		store->hand = object->entry.prev == &store->queue ?
			      NULL : object->entry.prev;
	list_del_init(&object->entry);
	zc_expire_unlink(object);
	zc_tag_unlink(object);
	WRITE_ONCE(object->linked, false);
	store->objects--;
	store->linked_charge -= object->charge;
	store->data -= object->size;
}

/**
 * zc_object_unlink() - take an object out of the index and the queue
 * @object: a linked object
 * @reason: ZC_POLICY_GONE_OTHER, ...
 *
 * The caller gets the index's reference, to be dropped with zc_object_put()
 * once the lock is free.
 *
 * Context: the store's lock is held.
 */
void zc_object_unlink(struct zc_object *object, u8 reason)
{
	rhashtable_remove_fast(&object->store->index, &object->node,
			       zc_object_params);
	zc_object_dequeue(object, reason);
}

/**
 * zc_object_add() - publish an object, in place of an older one of its key
 * @object: a private object, all of whose bytes are written
 * @excl: do not replace
 *
 * Sets the generation and the time of the commit.
 *
 * Context: process; may sleep.
 * Return: 0, -EEXIST, -ENODEV if the store was deleted, -EIO if memory failed
 * under the bytes, -ENOMEM. After an error the object is as before.
 */
int zc_object_add(struct zc_object *object, bool excl)
{
	struct zc_key key = zc_object_key(object);
	struct zc_store *store = object->store;
	struct zc_object *old;
	int err = 0;
	s64 expires_ns = object->expires_ns;
	bool missing;
	u64 ttl;

	might_sleep();
	if (object->inode && zc_pages_failed(object->inode))
		return -EIO;
	object->created_ns = ktime_get_real_ns();
	ttl = READ_ONCE(store->config.default_ttl_ms);
	if (!expires_ns && ttl)
		object->expires_ns = min_t(u64, S64_MAX, object->created_ns +
					   ttl * NSEC_PER_MSEC);
	/* For the index; before the object can be found. */
	refcount_inc(&object->refs);

	spin_lock(&store->lock);
	rcu_read_lock();
	old = rhashtable_lookup(&store->index, &key, zc_object_params);
	missing = !old || zc_object_expired(old) || zc_object_purged(old);
	if (store->dead)
		err = -ENODEV;
	else if (excl && !missing)
		err = -EEXIST;
	if (err)
		goto out;
	object->generation = atomic64_inc_return(&store->generation);
	if (old)
		err = rhashtable_replace_fast(&store->index, &old->node,
					      &object->node, zc_object_params);
	else
		err = rhashtable_insert_fast(&store->index, &object->node,
					     zc_object_params);
	if (err) {
		err = -ENOMEM;
		goto out;
	}
	if (old)
		zc_object_dequeue(old, ZC_POLICY_GONE_OTHER);
	/* No memory is needed: the slot was reserved. */
	xa_store(&store->slots, object->slot, object, GFP_ATOMIC);
	WRITE_ONCE(object->uses, 0);
	/*
	 * It can be found since it is in the index: a use that was drained since
	 * then found an empty slot, and it would be in a list for ever.
	 */
	smp_store_release(&object->listed, false);
	zc_policy_log(object, ZC_POLICY_NEW, 0);
	list_add(&object->entry, &store->queue);
	WRITE_ONCE(object->linked, true);
	store->objects++;
	store->linked_charge += object->charge;
	store->data += object->size;
	zc_expire_link(object);
	zc_tag_link(object);
out:
	rcu_read_unlock();
	spin_unlock(&store->lock);

	if (err) {
		/* The time begins with the commit that works. */
		object->expires_ns = expires_ns;
		/* Not the last reference: the caller has one. */
		zc_object_put(object);
		return err;
	}
	trace_zcache_commit(object);
	zc_event_new(object);
	zc_tag_add(object, commits, 1);
	zc_tag_add(object, fill_bytes, object->size);
	if (missing)
		zc_store_count(store, ZC_C_MISS_BYTES, object->size);
	if (old) {
		zc_event_del(old, ZCACHE_OBJECT_REASON_REPLACED);
		zc_object_put(old);
		zc_store_count(store, ZC_C_REPLACES, 1);
	}
	return 0;
}

/**
 * zc_object_find() - look a key up
 * @store: where
 * @key: the key
 *
 * Takes no lock and writes nothing but the object's reference count. Does not
 * look at expiry and does not count as a use.
 *
 * Context: process; may sleep.
 * Return: the object with a reference, or NULL.
 */
struct zc_object *zc_object_find(struct zc_store *store,
				 const struct zc_key *key)
{
	struct zc_object *object;
	bool linked;

again:
	rcu_read_lock();
	/*
	 * An object without references was unlinked after it was found here;
	 * the key may have a newer one by now, which a miss would deny.
	 */
	do {
		object = rhashtable_lookup(&store->index, key,
					   zc_object_params);
	} while (object && !refcount_inc_not_zero(&object->refs));
	rcu_read_unlock();
	if (likely(!object || !zc_object_purged(object)))
		return object;
	/* So it is with one that was replaced, and purged then. */
	linked = READ_ONCE(object->linked);
	zc_object_put(object);
	if (!linked)
		goto again;
	return NULL;
}

/**
 * zc_object_del() - make a key's object vanish, or expire
 * @store: where
 * @key: the key
 * @generation: in: the version to delete, 0 for any; out: the version deleted
 * @soft: it expires, and stays
 *
 * Context: process; may sleep.
 * Return: 0, -ENOENT, or -ESTALE if it is another version.
 */
int zc_object_del(struct zc_store *store, const struct zc_key *key,
		  u64 *generation, bool soft)
{
	struct zc_object *object;
	int err = 0;

	might_sleep();
	spin_lock(&store->lock);
	rcu_read_lock();
	object = rhashtable_lookup(&store->index, key, zc_object_params);
	if (!object || zc_object_purged(object))
		err = -ENOENT;
	else if (*generation && *generation != object->generation)
		err = -ESTALE;
	else if (soft)
		zc_expire_now(object);
	else
		zc_object_unlink(object, ZC_POLICY_GONE_OTHER);
	/* It may be gone once the lock is free. */
	if (!err)
		*generation = object->generation;
	rcu_read_unlock();
	spin_unlock(&store->lock);
	if (err)
		return err;

	if (!soft) {
		zc_event_del(object, ZCACHE_OBJECT_REASON_DELETED);
		zc_object_put(object);
	}
	zc_store_count(store, ZC_C_DELETES, 1);
	return 0;
}

/**
 * zc_object_inode() - get the pages of a committed object
 * @object: the object
 *
 * An inline object gets pages here when it is opened first, charged to the
 * store; they stay with it.
 *
 * Context: process; may sleep.
 * Return: the inode, which lives as long as the object, or an error pointer.
 */
struct inode *zc_object_inode(struct zc_object *object)
{
	u64 charge = zc_pages_charge(object->size);
	struct zc_store *store = object->store;
	struct iov_iter from;
	struct inode *inode;
	struct kvec kvec;
	ssize_t err;

	might_sleep();
	/* Pairs with the release below: the pages are seen as written. */
	inode = smp_load_acquire(&object->inode);
	if (inode)
		return inode;

	err = zc_tag_charge(object, charge);
	if (err)
		return ERR_PTR(err);
	err = zc_reclaim_charge(store, charge, object);
	if (err)
		goto err_tags;
	inode = zc_pages_new(store, object->size);
	if (IS_ERR(inode)) {
		zc_store_uncharge(store, charge);
		err = PTR_ERR(inode);
		goto err_tags;
	}
	kvec.iov_base = (u8 *)zc_object_inline(object);
	kvec.iov_len = object->size;
	iov_iter_kvec(&from, ITER_SOURCE, &kvec, 1, object->size);
	err = zc_pages_write(store, inode, 0, &from);
	if (err == object->size) {
		spin_lock(&store->lock);
		if (!object->inode) {
			object->charge += charge;
			if (object->linked) {
				store->linked_charge += charge;
				zc_tag_grow(object, charge);
			}
			/* Pairs with the acquire above. */
			smp_store_release(&object->inode, inode);
			spin_unlock(&store->lock);
			zc_store_count(store, ZC_C_MMAP_SKIPPED, 1);
			return inode;
		}
		spin_unlock(&store->lock);
	}
	/* Failed, or another open was first. The charge goes with the inode. */
	iput(inode);
	zc_tag_uncharge(object, charge);
	if (err != object->size)
		return ERR_PTR(err < 0 ? err : -EINTR);
	return object->inode;

err_tags:
	zc_tag_uncharge(object, charge);
	return ERR_PTR(err);
}
