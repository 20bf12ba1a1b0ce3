// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: tags, by which objects are counted, limited and protected together. A
 * tag exists while an object has it or it has limits. Its objects are in a list,
 * so what is done to a tag costs what it has, and not what the store has.
 */

#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "event.h"
#include "object.h"
#include "policy.h"
#include "reclaim.h"
#include "store.h"
#include "tag.h"

/* Objects looked at, and taken, while the lock is held once. */
#define ZC_TAG_SCAN	128
#define ZC_TAG_BATCH	32

const struct rhashtable_params zc_tag_params = {
	.head_offset		= offsetof(struct zc_tag, node),
	.key_offset		= offsetof(struct zc_tag, id),
	.key_len		= sizeof(u64),
	.automatic_shrinking	= true,
};

/* What a tag takes of the capacity: its struct and a cache line a CPU. */
static u64 zc_tag_cost(void)
{
	return sizeof(struct zc_tag) +
	       num_possible_cpus() * sizeof(struct zc_tag_stats);
}

static void zc_tag_free(struct zc_tag *tag)
{
	free_percpu(tag->stats);
	kfree(tag);
}

static void zc_tag_free_rcu(struct rcu_head *rcu)
{
	zc_tag_free(container_of(rcu, struct zc_tag, rcu));
}

static struct zc_tag *zc_tag_alloc(struct zc_store *store, u64 id)
{
	const gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN;
	struct mem_cgroup *old = set_active_memcg(store->memcg);
	struct zc_tag *tag = kzalloc(sizeof(*tag), gfp);

	if (tag) {
		tag->stats = __alloc_percpu_gfp(sizeof(*tag->stats),
						sizeof(*tag->stats), gfp);
		if (!tag->stats) {
			kfree(tag);
			tag = NULL;
		}
	}
	set_active_memcg(old);
	if (!tag)
		return NULL;
	tag->id = id;
	tag->users = 1;
	INIT_LIST_HEAD(&tag->objects);
	INIT_LIST_HEAD(&tag->sweep);
	INIT_LIST_HEAD(&tag->entry);
	return tag;
}

/**
 * zc_tag_find() - find a tag
 * @store: where
 * @id: which
 *
 * Context: process.
 * Return: the tag, to be dropped with zc_tag_put(), or NULL.
 */
struct zc_tag *zc_tag_find(struct zc_store *store, u64 id)
{
	struct zc_tag *tag;

	spin_lock(&store->lock);
	tag = rhashtable_lookup_fast(&store->tags, &id, zc_tag_params);
	if (tag)
		tag->users++;
	spin_unlock(&store->lock);
	return tag;
}

/**
 * zc_tag_miss() - count a lookup in vain
 * @store: where
 * @id: the tag that it was for; if there is none nothing is counted
 *
 * Takes no lock, as the lookup took none.
 *
 * Context: process.
 */
void zc_tag_miss(struct zc_store *store, u64 id)
{
	struct zc_tag *tag;

	rcu_read_lock();
	tag = rhashtable_lookup(&store->tags, &id, zc_tag_params);
	if (tag)
		atomic64_inc(&tag->misses);
	rcu_read_unlock();
}

/**
 * zc_tag_get() - find a tag, or make it
 * @store: where
 * @id: which
 * @wanted: the object that is to have it, or NULL
 *
 * Context: process; may sleep.
 * Return: the tag, to be dropped with zc_tag_put(), or an error pointer: -ENOMEM
 * and those of zc_reclaim_charge().
 */
struct zc_tag *zc_tag_get(struct zc_store *store, u64 id,
			  const struct zc_object *wanted)
{
	struct zc_tag *tag = zc_tag_find(store, id), *new;
	int err;

	if (tag)
		return tag;
	new = zc_tag_alloc(store, id);
	if (!new)
		return ERR_PTR(-ENOMEM);
	err = zc_reclaim_charge(store, zc_tag_cost(), wanted);
	if (err)
		goto err_free;
	spin_lock(&store->lock);
	/* Somebody may have been faster. */
	tag = rhashtable_lookup_fast(&store->tags, &id, zc_tag_params);
	if (tag)
		tag->users++;
	else
		err = rhashtable_insert_fast(&store->tags, &new->node,
					     zc_tag_params);
	spin_unlock(&store->lock);
	if (!tag && !err)
		return new;

	zc_store_uncharge(store, zc_tag_cost());
err_free:
	zc_tag_free(new);
	return tag ?: ERR_PTR(err == -ENODEV || err == -EINTR ||
			      err == -ENOSPC ? err : -ENOMEM);
}

/**
 * zc_tag_put() - drop what zc_tag_find() or zc_tag_get() returned
 * @store: the tag's
 * @tag: the tag
 *
 * Context: process.
 */
void zc_tag_put(struct zc_store *store, struct zc_tag *tag)
{
	bool last;

	spin_lock(&store->lock);
	last = !--tag->users;
	if (last)
		rhashtable_remove_fast(&store->tags, &tag->node, zc_tag_params);
	spin_unlock(&store->lock);
	if (last) {
		zc_store_uncharge(store, zc_tag_cost());
		call_rcu(&tag->rcu, zc_tag_free_rcu);
	}
}

static int zc_tag_read(u64 *ids, u64 from, u32 nr)
{
	u32 i, k;

	if (copy_from_user(ids, u64_to_user_ptr(from), nr * sizeof(*ids)))
		return -EFAULT;
	for (i = 0; i < nr; i++) {
		for (k = 0; k < i && ids[k] != ids[i]; k++)
			;
		if (!ids[i] || k < i)
			return -EINVAL;
	}
	return 0;
}

static void zc_tag_add_link(struct zc_object *object, struct zc_tag *tag)
{
	struct zc_tag_link *link = zc_object_links(object) + object->nr_tags++;

	link->tag = tag;
	link->object = object;
	link->fresh = 0;
	INIT_LIST_HEAD(&link->entry);
}

/**
 * zc_tag_attach() - give a new object its tags
 * @object: the object, with room for them; what was attached before an error is
 *	to be detached as well
 * @ids: user address of the tags
 * @nr: how many
 *
 * Context: process; may sleep and fault.
 * Return: 0, -EINVAL if one is 0 or there twice, -EFAULT, and those of
 * zc_tag_get().
 */
int zc_tag_attach(struct zc_object *object, u64 ids, u32 nr)
{
	struct zc_store *store = object->store;
	u64 id[ZC_TAGS_MAX];
	struct zc_tag *tag;
	int err = zc_tag_read(id, ids, nr);
	u32 i, left = 0;

	if (err)
		return err;
	/* Those that are there may have floors, and so room for the others. */
	for (i = 0; i < nr; i++) {
		tag = zc_tag_find(store, id[i]);
		if (tag)
			zc_tag_add_link(object, tag);
		else
			id[left++] = id[i];
	}
	for (i = 0; i < left; i++) {
		tag = zc_tag_get(store, id[i], object);
		if (IS_ERR(tag))
			return PTR_ERR(tag);
		zc_tag_add_link(object, tag);
	}
	return 0;
}

/** zc_tag_detach() - the end of zc_tag_attach(); process context */
void zc_tag_detach(struct zc_object *object)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++)
		zc_tag_put(object->store, links[i].tag);
}

static bool zc_tag_has(const struct zc_object *object, const struct zc_tag *tag)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++)
		if (links[i].tag == tag)
			return true;
	return false;
}

/**
 * zc_tag_keeps() - is an object protected from eviction?
 * @object: a linked object
 * @wanted: the object that room is wanted for, or NULL
 *
 * Context: the store's lock is held.
 * Return: whether what a tag has that @wanted does not is no more than its floor.
 */
bool zc_tag_keeps(const struct zc_object *object,
		  const struct zc_object *wanted)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++) {
		const struct zc_tag *tag = links[i].tag;

		if (tag->floor && tag->linked_charge <= tag->floor &&
		    !(wanted && zc_tag_has(wanted, tag)))
			return true;
	}
	return false;
}

/*
 * One of an object's tags that has no room for so many bytes more: first one that
 * never has, for which nothing is evicted from others.
 */
static struct zc_tag *zc_tag_over(const struct zc_object *object, u64 bytes)
{
	const struct zc_tag_link *links = zc_object_links(object);
	struct zc_tag *over = NULL;
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++) {
		struct zc_tag *tag = links[i].tag;

		if (!tag->quota)
			continue;
		if (bytes > tag->quota)
			return tag;
		if (!over && tag->used > tag->quota - bytes)
			over = tag;
	}
	return over;
}

/* Takes some objects of a tag out. Returns whether to go on. */
static bool zc_tag_evict_batch(struct zc_store *store, struct zc_tag *tag,
			       const struct zc_object *wanted, u64 want,
			       u64 *scan, u64 *freed)
{
	struct zc_object *victims[ZC_TAG_BATCH];
	unsigned int nr = 0, seen, i;
	struct zc_tag_link *link;
	struct zc_object *object;
	struct zc_round round;
	u64 bytes = 0;

	spin_lock(&store->lock);
	for (seen = 0; seen < ZC_TAG_SCAN && nr < ZC_TAG_BATCH && *scan &&
	     *freed + bytes < want && !list_empty(&tag->objects); seen++) {
		link = list_last_entry(&tag->objects, struct zc_tag_link,
				       entry);
		object = link->object;
		--*scan;
		if (zc_tag_keeps(object, wanted) || zc_reclaim_spares(object)) {
			list_move(&link->entry, &tag->objects);
			continue;
		}
		bytes += object->charge;
		zc_object_unlink(object, ZC_POLICY_GONE_KERNEL);
		victims[nr++] = object;
	}
	if (nr)
		zc_round_link(store, &round);
	spin_unlock(&store->lock);

	for (i = 0; i < nr; i++)
		zc_reclaim_drop(victims[i], ZCACHE_OBJECT_REASON_EVICTED);
	if (nr)
		zc_reclaim_end(store, &round);
	*freed += bytes;
	zc_store_count(store, ZC_C_EVICTIONS, nr);
	zc_store_count(store, ZC_C_EVICTED_BYTES, bytes);
	cond_resched();
	return *freed < want && *scan && seen && !fatal_signal_pending(current);
}

/*
 * Evicts objects of a tag: CLOCK, as their order is. What others protect stays,
 * unless @wanted has their tag too. Returns bytes of charge.
 */
static u64 zc_tag_evict(struct zc_store *store, struct zc_tag *tag,
			const struct zc_object *wanted, u64 want)
{
	u64 scan, freed = 0;

	/* Twice round: once to clear marks, once to take what had them. */
	scan = 2 * READ_ONCE(tag->linked) + 1;
	while (zc_tag_evict_batch(store, tag, wanted, want, &scan, &freed))
		;
	return freed;
}

static void zc_tag_recharge(struct zc_object *object, u64 bytes)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	lockdep_assert_held(&object->store->lock);
	for (i = 0; i < object->nr_tags; i++)
		links[i].tag->used += bytes;
}

/*
 * Takes bytes from the quotas if they are there: NULL. Else the tag that has not
 * got them, and how many are wanted; 0 if it never has so many.
 */
static struct zc_tag *zc_tag_try(struct zc_object *object, u64 bytes, u64 *need)
{
	struct zc_store *store = object->store;
	struct zc_tag *tag;

	spin_lock(&store->lock);
	tag = zc_tag_over(object, bytes);
	if (!tag)
		zc_tag_recharge(object, bytes);
	else
		*need = bytes > tag->quota ? 0 :
			tag->used + bytes - tag->quota;
	spin_unlock(&store->lock);
	return tag;
}

/**
 * zc_tag_charge() - take bytes from the quotas of an object's tags
 * @object: the object
 * @bytes: how many
 *
 * Evicts others that have them if need be.
 *
 * Context: process; may sleep.
 * Return: 0; -EDQUOT if everything with a tag that is not in use is gone and they
 * still do not fit, -EINTR on a fatal signal, -ENODEV if the store was deleted.
 */
int zc_tag_charge(struct zc_object *object, u64 bytes)
{
	struct zc_store *store = object->store;
	struct zc_tag *tag, *last = NULL;
	u64 need = 0, until = 0;
	int waited;

	while ((tag = zc_tag_try(object, bytes, &need))) {
		if (tag != last)
			until = 0;
		last = tag;
		if (!need)
			return -EDQUOT;
		if (READ_ONCE(store->dead))
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (zc_tag_evict(store, tag, object, need)) {
			until = 0;
			continue;
		}
		waited = zc_reclaim_wait(store, &until);
		if (waited < 0)
			return waited;
		if (!waited)
			return zc_tag_try(object, bytes, &need) ? -EDQUOT : 0;
	}
	return 0;
}

/** zc_tag_uncharge() - give bytes back to the quotas; process context */
void zc_tag_uncharge(struct zc_object *object, u64 bytes)
{
	spin_lock(&object->store->lock);
	zc_tag_recharge(object, -bytes);
	spin_unlock(&object->store->lock);
}

/** zc_tag_link() - an object was linked; the store's lock is held */
void zc_tag_link(struct zc_object *object)
{
	struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	lockdep_assert_held(&object->store->lock);
	for (i = 0; i < object->nr_tags; i++) {
		WRITE_ONCE(links[i].fresh, object->generation);
		list_add(&links[i].entry, &links[i].tag->objects);
		links[i].tag->linked++;
		links[i].tag->linked_charge += object->charge;
	}
}

/** zc_tag_unlink() - an object is unlinked; the store's lock is held */
void zc_tag_unlink(struct zc_object *object)
{
	struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	lockdep_assert_held(&object->store->lock);
	for (i = 0; i < object->nr_tags; i++) {
		list_del_init(&links[i].entry);
		links[i].tag->linked--;
		links[i].tag->linked_charge -= object->charge;
	}
}

/**
 * zc_tag_grow() - a linked object's charge grew
 * @object: the object
 * @bytes: by how many bytes
 *
 * Context: the store's lock is held.
 */
void zc_tag_grow(struct zc_object *object, u64 bytes)
{
	struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	lockdep_assert_held(&object->store->lock);
	for (i = 0; i < object->nr_tags; i++)
		links[i].tag->linked_charge += bytes;
}

/**
 * zc_tag_set() - give a tag limits
 * @store: the tag's
 * @tag: the tag
 * @quota: bytes that its objects may use, 0 for as many as there are
 * @floor: while its objects use no more, none is evicted for others; 0 for none
 *
 * Context: process. The caller excludes others that set limits.
 * Return: 0, or -ENOSPC if the floors together are above the capacity.
 */
int zc_tag_set(struct zc_store *store, struct zc_tag *tag, u64 quota, u64 floor)
{
	u64 others, capacity = store->config.capacity;
	bool had, has = quota || floor;
	int err = -ENOSPC;

	spin_lock(&store->lock);
	others = store->floors - tag->floor;
	if (others <= capacity && floor <= capacity - others) {
		had = tag->quota || tag->floor;
		store->floors = others + floor;
		tag->quota = quota;
		tag->floor = floor;
		/* The caller has another: it does not go here. */
		tag->users += has - had;
		err = 0;
	}
	spin_unlock(&store->lock);
	return err;
}

/**
 * zc_tag_fit() - evict what a tag has above its quota
 * @store: the tag's
 * @tag: the tag
 *
 * What is in use stays above it until it is let go; a fatal signal ends it.
 *
 * Context: process; may sleep.
 */
void zc_tag_fit(struct zc_store *store, struct zc_tag *tag)
{
	u64 over;

	spin_lock(&store->lock);
	over = tag->quota && tag->used > tag->quota ?
	       tag->used - tag->quota : 0;
	spin_unlock(&store->lock);
	if (over)
		zc_tag_evict(store, tag, NULL, over);
}

/**
 * zc_tag_sum() - add up the counters of all CPUs
 * @tag: the tag
 * @sums: the sums
 *
 * Context: any.
 */
void zc_tag_sum(const struct zc_tag *tag, struct zc_tag_stats *sums)
{
	int cpu;

	memset(sums, 0, sizeof(*sums));
	for_each_possible_cpu(cpu) {
		const struct zc_tag_stats *one = per_cpu_ptr(tag->stats, cpu);

		sums->hits += READ_ONCE(one->hits);
		sums->hit_bytes += READ_ONCE(one->hit_bytes);
		sums->sent_bytes += READ_ONCE(one->sent_bytes);
		sums->expired += READ_ONCE(one->expired);
		sums->commits += READ_ONCE(one->commits);
		sums->fill_bytes += READ_ONCE(one->fill_bytes);
		sums->evictions += READ_ONCE(one->evictions);
		sums->evicted_bytes += READ_ONCE(one->evicted_bytes);
	}
}

/**
 * zc_tag_init() - a new store's part of this
 * @store: the store
 *
 * Return: 0 or -ENOMEM.
 */
int zc_tag_init(struct zc_store *store)
{
	zc_tag_purge_init(store);
	return rhashtable_init(&store->tags, &zc_tag_params);
}

static void zc_tag_end(void *tag, void *arg)
{
	zc_tag_free(tag);
}

/** zc_tag_exit() - the end of zc_tag_init(): tags with limits are left */
void zc_tag_exit(struct zc_store *store)
{
	rhashtable_free_and_destroy(&store->tags, zc_tag_end, NULL);
}
