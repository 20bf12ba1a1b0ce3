// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: stores: making, finding and deleting them, and their accounting.
 *
 * Deleting marks the store dead under its lock, takes it off the list and its
 * node away, and drops its objects. Files that are still open keep the struct
 * alive; the last reference, wherever it is dropped, frees it.
 */

#include <linux/idr.h>
#include <linux/math64.h>
#include <linux/memcontrol.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "compat.h"
#include "debugfs.h"
#include "event.h"
#include "expire.h"
#include "node.h"
#include "object.h"
#include "pages.h"
#include "policy.h"
#include "reclaim.h"
#include "reserve.h"
#include "store.h"
#include "tag.h"

/* Minor numbers, and so stores. */
#define ZC_STORE_MAX	1024

static DEFINE_MUTEX(zc_store_mutex); /* protects zc_stores, zc_store_seq */
static LIST_HEAD(zc_stores);
static unsigned int zc_store_seq = 1; /* raised by each change of the list */
static DEFINE_IDA(zc_store_minors);
static dev_t zc_store_devt;

static struct class zc_store_class = {
	.name	= "zcache",
};

static char *zc_store_devnode(ZC_COMPAT_DEVNODE_CONST struct device *dev,
			      umode_t *mode, kuid_t *uid, kgid_t *gid)
{
	const struct zc_store_config *config =
		&container_of(dev, struct zc_store, dev)->config;

	/* With its type: devtmpfs takes a mode of 0 for none given, and so 0600. */
	if (mode)
		*mode = S_IFCHR | READ_ONCE(config->mode);
	if (uid)
		*uid = READ_ONCE(config->uid);
	if (gid)
		*gid = READ_ONCE(config->gid);
	/* The device's own name is the path, with a "!" for the slash. */
	return NULL;
}

/* No member is set up later than the device, see zc_store_alloc(). */
static void zc_store_free(struct device *dev)
{
	struct zc_store *store = container_of(dev, struct zc_store, dev);

	ida_free(&zc_store_minors, MINOR(dev->devt));
	zc_pages_put_fs();
	rhashtable_destroy(&store->reserved);
	zc_tag_exit(store);
	xa_destroy(&store->slots);
	rhashtable_destroy(&store->index);
	mem_cgroup_put(store->memcg);
	free_percpu(store->stats);
	kfree(store);
}

static const struct device_type zc_store_type = {
	.name		= "store",
	.devnode	= zc_store_devnode,
	.release	= zc_store_free,
};

static void zc_store_pressure(struct work_struct *work)
{
	zc_event_pressure(container_of(work, struct zc_store, pressure));
}

/* Watermarks in bytes. */
static void zc_store_marks(struct zc_store *store,
			   const struct zc_store_config *config)
{
	WRITE_ONCE(store->high, mul_u64_u32_div(config->capacity,
						config->high_watermark, 100));
	WRITE_ONCE(store->low, mul_u64_u32_div(config->capacity,
					       config->low_watermark, 100));
}

/* So many bytes are used: is there an event to raise? */
static void zc_store_press(struct zc_store *store, u64 used)
{
	if (likely(used < READ_ONCE(store->high)) || READ_ONCE(store->pressed))
		return;
	spin_lock(&store->lock);
	if (!store->pressed && !store->dead) {
		WRITE_ONCE(store->pressed, true);
		/* It may have gone down meanwhile, unseen. */
		smp_mb();
		if (atomic64_read(&store->used) < store->low)
			WRITE_ONCE(store->pressed, false);
		queue_work(zc_compat_unbound_wq, &store->pressure);
	}
	spin_unlock(&store->lock);
}

static struct zc_store *zc_store_alloc(const struct zc_store_config *config)
{
	struct zc_store *store;
	int err, minor;

	store = kzalloc(sizeof(*store), GFP_KERNEL);
	if (!store)
		return ERR_PTR(-ENOMEM);
	store->config = *config;
	spin_lock_init(&store->lock);
	INIT_LIST_HEAD(&store->queue);
	init_waitqueue_head(&store->evicted);
	INIT_LIST_HEAD(&store->rounds);
	INIT_LIST_HEAD(&store->entry);
	xa_init_flags(&store->slots, XA_FLAGS_ALLOC | XA_FLAGS_ACCOUNT);
	zc_expire_init(store);
	zc_policy_init(store);
	INIT_WORK(&store->pressure, zc_store_pressure);
	zc_store_marks(store, config);

	store->stats = alloc_percpu(struct zc_stats);
	if (!store->stats) {
		err = -ENOMEM;
		goto err_free;
	}
	err = rhashtable_init(&store->index, &zc_object_params);
	if (err)
		goto err_stats;
	err = zc_tag_init(store);
	if (err)
		goto err_index;
	err = rhashtable_init(&store->reserved, &zc_reserve_params);
	if (err)
		goto err_tags;
	err = zc_pages_get_fs();
	if (err)
		goto err_reserved;
	minor = ida_alloc_max(&zc_store_minors, ZC_STORE_MAX - 1, GFP_KERNEL);
	if (minor < 0) {
		err = minor;
		goto err_fs;
	}
	/* The creator pays, not whoever happens to fill. */
	store->memcg = get_mem_cgroup_from_mm(current->mm);

	device_initialize(&store->dev);
	store->dev.class = &zc_store_class;
	store->dev.type = &zc_store_type;
	store->dev.devt = MKDEV(MAJOR(zc_store_devt), minor);
	err = dev_set_name(&store->dev, "zcache!%s", config->name);
	if (err) {
		put_device(&store->dev);
		return ERR_PTR(err);
	}
	zc_node_init(&store->cdev);
	return store;

err_fs:
	zc_pages_put_fs();
err_reserved:
	rhashtable_destroy(&store->reserved);
err_tags:
	zc_tag_exit(store);
err_index:
	rhashtable_destroy(&store->index);
err_stats:
	free_percpu(store->stats);
err_free:
	kfree(store);
	return ERR_PTR(err);
}

static struct zc_store *zc_store_lookup(const char *name)
{
	struct zc_store *store;

	lockdep_assert_held(&zc_store_mutex);
	list_for_each_entry(store, &zc_stores, entry)
		if (!strcmp(store->config.name, name))
			return store;
	return NULL;
}

/**
 * zc_store_new() - create a store and its node
 * @config: a checked configuration
 * @extack: for a sentence on failure
 *
 * Context: process; may sleep.
 * Return: the store with a reference, or an error pointer: -EEXIST, -ENOSPC if
 * there are too many, or another -errno.
 */
struct zc_store *zc_store_new(const struct zc_store_config *config,
			      struct netlink_ext_ack *extack)
{
	struct zc_store *store = zc_store_alloc(config);
	int err;

	if (IS_ERR(store)) {
		if (store == ERR_PTR(-ENOSPC))
			NL_SET_ERR_MSG(extack,
				       "there are 1024 stores already, the most there can be");
		else if (store == ERR_PTR(-ENODEV))
			NL_SET_ERR_MSG(extack, "the module is being unloaded");
		else
			NL_SET_ERR_MSG(extack, "no memory for another store");
		return store;
	}

	mutex_lock(&zc_store_mutex);
	if (zc_store_lookup(config->name)) {
		NL_SET_ERR_MSG(extack, "a store of this name exists");
		err = -EEXIST;
		goto err_unlock;
	}
	err = zc_reclaim_new(store);
	if (err) {
		NL_SET_ERR_MSG(extack, "no memory for another store");
		goto err_unlock;
	}
	err = cdev_device_add(&store->cdev, &store->dev);
	if (err) {
		NL_SET_ERR_MSG(extack, "cannot make the store's node");
		goto err_shrinker;
	}
	zc_debugfs_new(store);
	list_add_tail(&store->entry, &zc_stores);
	zc_store_seq++;
	/* The list has one, the caller another. */
	zc_store_get(store);
	mutex_unlock(&zc_store_mutex);
	return store;

err_shrinker:
	zc_reclaim_del(store);
err_unlock:
	mutex_unlock(&zc_store_mutex);
	zc_store_put(store);
	return ERR_PTR(err);
}

/**
 * zc_store_set() - change a store while it is in use
 * @store: the store
 * @config: its configuration, with what is to change changed
 *
 * Calls that are under way may still go by the old values. The caller excludes
 * others that set.
 *
 * Context: process; may sleep.
 */
void zc_store_set(struct zc_store *store,
		  const struct zc_store_config *config)
{
	struct zc_store_config *to = &store->config;

	/* One word each. */
	WRITE_ONCE(to->capacity, config->capacity);
	WRITE_ONCE(to->max_object_size, config->max_object_size);
	WRITE_ONCE(to->inline_limit, config->inline_limit);
	WRITE_ONCE(to->splice_threshold, config->splice_threshold);
	WRITE_ONCE(to->copy, config->copy);
	WRITE_ONCE(to->default_ttl_ms, config->default_ttl_ms);
	WRITE_ONCE(to->grace_ms, config->grace_ms);
	WRITE_ONCE(to->high_watermark, config->high_watermark);
	WRITE_ONCE(to->low_watermark, config->low_watermark);
	WRITE_ONCE(to->object_events, config->object_events);
	WRITE_ONCE(to->mode, config->mode);
	WRITE_ONCE(to->uid, config->uid);
	WRITE_ONCE(to->gid, config->gid);
	spin_lock(&store->lock);
	strscpy(to->policy, config->policy, sizeof(to->policy));
	spin_unlock(&store->lock);
	zc_store_marks(store, config);
	zc_expire_rearm(store);
	/* The marks moved: as if what is used came and went. */
	zc_store_uncharge(store, 0);
	zc_store_press(store, atomic64_read(&store->used));
}

/**
 * zc_store_announce() - tell that the node's mode, owner or group were set
 * @store: the store
 *
 * The node is made once; whoever keeps /dev sees to the rest.
 *
 * Context: process; may sleep.
 */
void zc_store_announce(struct zc_store *store)
{
	mutex_lock(&zc_store_mutex);
	/* Of a device that is gone there is nothing to tell. */
	if (!store->dead)
		kobject_uevent(&store->dev.kobj, KOBJ_CHANGE);
	mutex_unlock(&zc_store_mutex);
}

/** zc_store_holds() - Return: whether a capacity is enough for the floors */
bool zc_store_holds(struct zc_store *store, u64 capacity)
{
	bool holds;

	spin_lock(&store->lock);
	holds = store->floors <= capacity;
	spin_unlock(&store->lock);
	return holds;
}

/**
 * zc_store_fit() - make a store as small as its capacity
 * @store: the store
 * @extack: for a word of warning
 *
 * What is in use stays above it until it is let go.
 *
 * Context: process; may sleep.
 * Return: 0, or -EINTR on a fatal signal: the rest goes when room is wanted.
 */
int zc_store_fit(struct zc_store *store, struct netlink_ext_ack *extack)
{
	int err = zc_reclaim_charge(store, 0, NULL);

	if (err == -ENOSPC)
		NL_SET_ERR_MSG(extack,
			       "more than the new capacity is in use; nothing is added until it is let go");
	return err == -EINTR ? err : 0;
}

/**
 * zc_store_del() - delete a store with all its objects
 * @name: which
 * @force: even if files of it are open
 * @extack: for a sentence on failure
 *
 * Context: process; may sleep.
 * Return: what was the store, with a reference, or an error pointer: -ENOENT or
 * -EBUSY.
 */
struct zc_store *zc_store_del(const char *name, bool force,
			      struct netlink_ext_ack *extack)
{
	struct zc_store *store;

	mutex_lock(&zc_store_mutex);
	store = zc_store_lookup(name);
	if (!store) {
		mutex_unlock(&zc_store_mutex);
		NL_SET_ERR_MSG(extack, "there is no store of this name");
		return ERR_PTR(-ENOENT);
	}
	spin_lock(&store->lock);
	if (!force && (store->opens || store->fds)) {
		spin_unlock(&store->lock);
		mutex_unlock(&zc_store_mutex);
		NL_SET_ERR_MSG(extack,
			       "the store's node, an object or a fill is open; close them or use force");
		return ERR_PTR(-EBUSY);
	}
	store->dead = true;
	spin_unlock(&store->lock);

	list_del(&store->entry);
	zc_store_seq++;
	/* Before the mutex is free, so that the name can be used again then. */
	zc_reclaim_del(store);
	zc_debugfs_del(store);
	cdev_device_del(&store->cdev, &store->dev);
	mutex_unlock(&zc_store_mutex);

	/* Whoever adds work looks at dead under the lock: none comes after this. */
	zc_expire_stop(store);
	zc_tag_stop(store);
	zc_reserve_stop(store);
	zc_policy_stop(store);
	cancel_work_sync(&store->pressure);
	zc_reclaim_flush(store);
	return store;
}

/**
 * zc_store_find() - find a store by name
 * @name: the name
 *
 * Context: process; may sleep.
 * Return: the store with a reference, or NULL.
 */
struct zc_store *zc_store_find(const char *name)
{
	struct zc_store *store;

	mutex_lock(&zc_store_mutex);
	store = zc_store_lookup(name);
	if (store)
		zc_store_get(store);
	mutex_unlock(&zc_store_mutex);
	return store;
}

/**
 * zc_store_walk() - call a function for each store
 * @first: how many to leave out at the beginning
 * @seq: set to a number that changes when the list does
 * @one: the function; anything but 0 ends the walk
 * @arg: its second argument
 *
 * Context: process; may sleep.
 * Return: what the last call returned, 0 if there was none.
 */
int zc_store_walk(unsigned int first, unsigned int *seq,
		  int (*one)(struct zc_store *store, void *arg), void *arg)
{
	struct zc_store *store;
	int ret = 0;

	mutex_lock(&zc_store_mutex);
	*seq = zc_store_seq;
	list_for_each_entry(store, &zc_stores, entry) {
		if (first) {
			first--;
			continue;
		}
		ret = one(store, arg);
		if (ret)
			break;
	}
	mutex_unlock(&zc_store_mutex);
	return ret;
}

/**
 * zc_store_get_use() - find out what a store has
 * @store: the store
 * @use: set to what it has
 *
 * Context: process.
 */
void zc_store_get_use(struct zc_store *store, struct zc_store_use *use)
{
	spin_lock(&store->lock);
	use->linked_charge = store->linked_charge;
	use->data = store->data;
	use->objects = store->objects;
	use->opens = store->opens;
	strscpy(use->policy, store->config.policy, sizeof(use->policy));
	/* What is linked is charged, and stays so while it is. */
	use->used = atomic64_read(&store->used);
	spin_unlock(&store->lock);
}

/* Counts a file in @count, unless the store is dead. */
static int zc_store_add_file(struct zc_store *store, unsigned int *count)
{
	int err = 0;

	spin_lock(&store->lock);
	if (store->dead)
		err = -ENODEV;
	else
		(*count)++;
	spin_unlock(&store->lock);
	return err;
}

static void zc_store_del_file(struct zc_store *store, unsigned int *count)
{
	spin_lock(&store->lock);
	(*count)--;
	spin_unlock(&store->lock);
}

/**
 * zc_store_open() - count an open of the node
 * @store: the store
 *
 * Return: 0, or -ENODEV if the store was deleted.
 */
int zc_store_open(struct zc_store *store)
{
	return zc_store_add_file(store, &store->opens);
}

/** zc_store_release() - the end of zc_store_open() */
void zc_store_release(struct zc_store *store)
{
	zc_store_del_file(store, &store->opens);
}

/**
 * zc_store_add_fd() - count an object or fill fd
 * @store: the store
 *
 * Return: 0, or -ENODEV if the store was deleted.
 */
int zc_store_add_fd(struct zc_store *store)
{
	return zc_store_add_file(store, &store->fds);
}

/** zc_store_del_fd() - the end of zc_store_add_fd() */
void zc_store_del_fd(struct zc_store *store)
{
	zc_store_del_file(store, &store->fds);
}

/**
 * zc_store_charge() - take bytes from the capacity if they are there
 * @store: the store
 * @bytes: how many
 *
 * Context: process.
 * Return: whether they were. No reader ever sees more used than the capacity.
 */
bool zc_store_charge(struct zc_store *store, u64 bytes)
{
	s64 used = atomic64_read(&store->used);
	u64 capacity;

	do {
		capacity = READ_ONCE(store->config.capacity);
		/* More may be used: the capacity was lowered. */
		if (used > capacity || bytes > capacity - used)
			return false;
	} while (!atomic64_try_cmpxchg(&store->used, &used, used + bytes));
	/* It was lowered in between, and who did so may have looked already. */
	if (used + bytes > READ_ONCE(store->config.capacity)) {
		atomic64_sub(bytes, &store->used);
		return false;
	}
	zc_store_press(store, used + bytes);
	return true;
}

/** zc_store_uncharge() - give bytes back to the capacity; any context */
void zc_store_uncharge(struct zc_store *store, u64 bytes)
{
	u64 used = atomic64_sub_return(bytes, &store->used);

	if (READ_ONCE(store->pressed) && used < READ_ONCE(store->low))
		WRITE_ONCE(store->pressed, false);
}

/**
 * zc_store_init() - get ready for stores
 *
 * Return: 0 or -errno.
 */
int zc_store_init(void)
{
	int err = class_register(&zc_store_class);

	if (err)
		return err;
	err = alloc_chrdev_region(&zc_store_devt, 0, ZC_STORE_MAX, "zcache");
	if (err)
		class_unregister(&zc_store_class);
	else
		zc_debugfs_init();
	return err;
}

/**
 * zc_store_exit() - the end of zc_store_init()
 *
 * Stores hold the module through their file system, so there are none.
 */
void zc_store_exit(void)
{
	WARN_ON(!list_empty(&zc_stores));
	zc_debugfs_exit();
	unregister_chrdev_region(zc_store_devt, ZC_STORE_MAX);
	class_unregister(&zc_store_class);
	ida_destroy(&zc_store_minors);
}
