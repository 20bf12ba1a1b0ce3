// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: what is inside a store, for who looks for a fault in the module. Files
 * of root's that can be read and no more; what they have may change with each
 * version, and nothing may depend on them.
 */

#include <linux/debugfs.h>
#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "debugfs.h"
#include "object.h"
#include "reserve.h"
#include "store.h"
#include "tag.h"

/* Lines of a list; of rounds, which are printed under the store's lock. */
#define ZC_DEBUGFS_LINES	1024
#define ZC_DEBUGFS_ROUNDS	64

static struct dentry *zc_debugfs_root;

static void zc_debugfs_table(struct seq_file *m, const char *name,
			     struct rhashtable *table)
{
	const struct bucket_table *now;

	rcu_read_lock();
	now = rht_dereference_rcu(table->tbl, table);
	seq_printf(m, "%s-buckets %u\n", name, now->size);
	seq_printf(m, "%s-resizing %d\n", name,
		   !!rcu_access_pointer(now->future_tbl));
	rcu_read_unlock();
	seq_printf(m, "%s-elements %d\n", name, atomic_read(&table->nelems));
}

static int zc_debugfs_state_show(struct seq_file *m, void *unused)
{
	struct zc_store *store = m->private;
	const struct zc_object *hand;
	const struct rb_node *first;

	zc_debugfs_table(m, "index", &store->index);
	zc_debugfs_table(m, "tags", &store->tags);
	zc_debugfs_table(m, "reserved", &store->reserved);
	seq_printf(m, "generation %lld\n", atomic64_read(&store->generation));

	spin_lock(&store->lock);
	hand = store->hand ?
	       list_entry(store->hand, struct zc_object, entry) : NULL;
	first = rb_first_cached(&store->expiring);
	seq_printf(m, "queue %llu\n", store->objects);
	seq_printf(m, "hand %llu\n", hand ? hand->generation : 0);
	seq_printf(m, "expires-first %lld\n", first ?
		   rb_entry(first, struct zc_object, expiry)->expires_ns : 0);
	seq_printf(m, "linked-charge %llu\n", store->linked_charge);
	seq_printf(m, "data %llu\n", store->data);
	seq_printf(m, "used %lld\n", atomic64_read(&store->used));
	seq_printf(m, "floors %llu\n", store->floors);
	seq_printf(m, "opens %u\n", store->opens);
	seq_printf(m, "fds %u\n", store->fds);
	seq_printf(m, "sweeping-tags %d\n", !list_empty(&store->purged));
	seq_printf(m, "high %llu\n", store->high);
	seq_printf(m, "low %llu\n", store->low);
	seq_printf(m, "pressed %d\n", store->pressed);
	spin_unlock(&store->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(zc_debugfs_state);

static int zc_debugfs_rounds_show(struct seq_file *m, void *unused)
{
	struct zc_store *store = m->private;
	const struct zc_round *round;
	unsigned int nr = 0;

	spin_lock(&store->lock);
	seq_printf(m, "last %llu\n", store->round);
	seq_printf(m, "ended %u\n", store->rounds_ended);
	list_for_each_entry(round, &store->rounds, entry) {
		if (nr++ == ZC_DEBUGFS_ROUNDS) {
			seq_puts(m, "...\n");
			break;
		}
		seq_printf(m, "round %llu\n", round->nr);
	}
	spin_unlock(&store->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(zc_debugfs_rounds);

static void zc_debugfs_tag(struct seq_file *m, const void *entry)
{
	const struct zc_tag *tag = entry;

	/* Without the store's lock: each word is right, and each of its time. */
	seq_printf(m, "%llu users %llu used %llu linked %llu linked-charge %llu sweeping %d again %d hard %llu soft %llu\n",
		   tag->id, READ_ONCE(tag->users), READ_ONCE(tag->used),
		   READ_ONCE(tag->linked), READ_ONCE(tag->linked_charge),
		   READ_ONCE(tag->sweeping), READ_ONCE(tag->again),
		   READ_ONCE(tag->hard), READ_ONCE(tag->soft));
}

/* What is added or taken meanwhile may be missed; what is seen stays under RCU. */
static void zc_debugfs_walk(struct seq_file *m, struct rhashtable *table,
			    void (*show)(struct seq_file *m, const void *entry))
{
	struct rhashtable_iter iter;
	unsigned int nr = 0;
	const void *entry;

	rhashtable_walk_enter(table, &iter);
	rhashtable_walk_start(&iter);
	while ((entry = rhashtable_walk_next(&iter))) {
		if (nr++ == ZC_DEBUGFS_LINES) {
			seq_puts(m, "...\n");
			break;
		}
		/* The table grew or shrank: it begins anew. */
		if (IS_ERR(entry))
			seq_puts(m, "again\n");
		else
			show(m, entry);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

static int zc_debugfs_tags_show(struct seq_file *m, void *unused)
{
	struct zc_store *store = m->private;

	zc_debugfs_walk(m, &store->tags, zc_debugfs_tag);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(zc_debugfs_tags);

static int zc_debugfs_reserved_show(struct seq_file *m, void *unused)
{
	struct zc_store *store = m->private;

	zc_debugfs_walk(m, &store->reserved, zc_reserve_show);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(zc_debugfs_reserved);

/**
 * zc_debugfs_new() - make the files of a store
 * @store: the store
 *
 * There may be no debugfs, and no files then.
 *
 * Context: process; may sleep.
 */
void zc_debugfs_new(struct zc_store *store)
{
	struct dentry *folder;

	folder = debugfs_create_dir(store->config.name, zc_debugfs_root);
	store->debug = folder;
	debugfs_create_file("state", 0400, folder, store,
			    &zc_debugfs_state_fops);
	debugfs_create_file("rounds", 0400, folder, store,
			    &zc_debugfs_rounds_fops);
	debugfs_create_file("tags", 0400, folder, store,
			    &zc_debugfs_tags_fops);
	debugfs_create_file("reserved", 0400, folder, store,
			    &zc_debugfs_reserved_fops);
}

/**
 * zc_debugfs_del() - take the files of a store away
 * @store: the store; nobody reads them any more, who has one open gets EIO
 *
 * Context: process; may sleep.
 */
void zc_debugfs_del(struct zc_store *store)
{
	debugfs_remove(store->debug);
}

/** zc_debugfs_init() - make the folder of the stores */
void zc_debugfs_init(void)
{
	zc_debugfs_root = debugfs_create_dir("zcache", NULL);
}

/** zc_debugfs_exit() - the end of zc_debugfs_init(); there are no stores */
void zc_debugfs_exit(void)
{
	debugfs_remove(zc_debugfs_root);
}
