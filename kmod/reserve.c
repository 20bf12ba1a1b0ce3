// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: reservations: of many who miss a key one fills it, and the others can
 * wait. A reservation is in the store's table from the start of its fill until
 * the commit, or the end of the fill fd; each who waits holds it.
 */

#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/refcount.h>
#include <linux/rhashtable.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/string_helpers.h>
#include <linux/uaccess.h>
#include <linux/wait.h>
#include <uapi/linux/zcache.h>

#include "event.h"
#include "object.h"
#include "reserve.h"
#include "store.h"

/**
 * struct zc_reserve - a key that somebody is filling
 * @node: in zc_store.reserved until it ends; protected by zc_store.lock
 * @rcu: for the grace period of lookups in the table
 * @refs: one for the fill, one for each who waits
 * @waited: somebody waited for it
 * @ended: the fill was committed or given up, or the store deleted
 * @wait: who waits for that
 * @key_len: bytes of the key
 * @key: the key
 */
struct zc_reserve {
	struct rhash_head node;
	struct rcu_head rcu;
	refcount_t refs;
	unsigned int waited;
	bool ended;
	wait_queue_head_t wait;
	u32 key_len;
	u8 key[];
};

static u32 zc_reserve_hash_key(const void *data, u32 len, u32 seed)
{
	const struct zc_key *key = data;

	return jhash(key->data, key->len, seed);
}

static u32 zc_reserve_hash(const void *data, u32 len, u32 seed)
{
	const struct zc_reserve *reserve = data;

	return jhash(reserve->key, reserve->key_len, seed);
}

static int zc_reserve_cmp(struct rhashtable_compare_arg *arg, const void *data)
{
	const struct zc_key *key = arg->key;
	const struct zc_reserve *reserve = data;

	return key->len != reserve->key_len ||
	       memcmp(key->data, reserve->key, key->len);
}

const struct rhashtable_params zc_reserve_params = {
	.head_offset		= offsetof(struct zc_reserve, node),
	.hashfn			= zc_reserve_hash_key,
	.obj_hashfn		= zc_reserve_hash,
	.obj_cmpfn		= zc_reserve_cmp,
	.automatic_shrinking	= true,
};

static void zc_reserve_put(struct zc_reserve *reserve)
{
	/* The table may still be looking at it on another CPU. */
	if (refcount_dec_and_test(&reserve->refs))
		kfree_rcu(reserve, rcu);
}

static int zc_reserve_insert(struct zc_store *store, struct zc_reserve *reserve)
{
	const struct zc_key key = {
		.data = reserve->key,
		.len = reserve->key_len,
	};
	const struct zc_object *object;
	int err;

	lockdep_assert_held(&store->lock);
	rcu_read_lock();
	object = rhashtable_lookup(&store->index, &key, zc_object_params);
	if (store->dead)
		err = -ENODEV;
	else if (object && !zc_object_expired(object) &&
		 !zc_object_purged(object))
		err = -EEXIST;
	else if (rhashtable_lookup(&store->reserved, &key, zc_reserve_params))
		err = -EBUSY;
	else
		err = rhashtable_insert_fast(&store->reserved, &reserve->node,
					     zc_reserve_params) ? -ENOMEM : 0;
	rcu_read_unlock();
	return err;
}

/**
 * zc_reserve_new() - reserve the key of a fill
 * @store: where
 * @put: what the user says of the object
 *
 * Context: process; may sleep and fault.
 * Return: the reservation, to be ended with zc_reserve_end(), or an error
 * pointer: -EEXIST if the key has an object, -EBUSY if it is reserved, -ENODEV,
 * -EINVAL, -ENAMETOOLONG, -EFAULT, -ENOMEM.
 */
struct zc_reserve *zc_reserve_new(struct zc_store *store,
				  const struct zc_put *put)
{
	struct zc_reserve *reserve;
	int err;

	if (!put->key_len)
		return ERR_PTR(-EINVAL);
	if (put->key_len > store->config.max_key_len)
		return ERR_PTR(-ENAMETOOLONG);
	reserve = kmalloc(struct_size(reserve, key, put->key_len),
			  GFP_KERNEL_ACCOUNT);
	if (!reserve)
		return ERR_PTR(-ENOMEM);
	refcount_set(&reserve->refs, 1);
	reserve->waited = 0;
	reserve->ended = false;
	init_waitqueue_head(&reserve->wait);
	reserve->key_len = put->key_len;
	err = -EFAULT;
	if (copy_from_user(reserve->key, u64_to_user_ptr(put->key),
			   put->key_len))
		goto err_free;
	spin_lock(&store->lock);
	err = zc_reserve_insert(store, reserve);
	spin_unlock(&store->lock);
	if (!err)
		return reserve;

err_free:
	kfree(reserve);
	return ERR_PTR(err);
}

/**
 * zc_reserve_end() - end a reservation, and wake who waits for it
 * @store: where
 * @reserve: the reservation; the caller's reference is dropped
 *
 * Context: process.
 */
void zc_reserve_end(struct zc_store *store, struct zc_reserve *reserve)
{
	spin_lock(&store->lock);
	rhashtable_remove_fast(&store->reserved, &reserve->node,
			       zc_reserve_params);
	spin_unlock(&store->lock);
	WRITE_ONCE(reserve->ended, true);
	wake_up_all(&reserve->wait);
	zc_reserve_put(reserve);
}

/**
 * zc_reserve_stop() - wake who waits in a dead store
 * @store: the store; nothing is reserved there any more
 *
 * Its fills cannot be committed, but may stay open.
 *
 * Context: process; may sleep.
 */
void zc_reserve_stop(struct zc_store *store)
{
	struct rhashtable_iter iter;
	struct zc_reserve *reserve;

	rhashtable_walk_enter(&store->reserved, &iter);
	rhashtable_walk_start(&iter);
	while ((reserve = rhashtable_walk_next(&iter))) {
		/* The table grew or shrank: it begins anew. */
		if (IS_ERR(reserve))
			continue;
		WRITE_ONCE(reserve->ended, true);
		wake_up_all(&reserve->wait);
	}
	rhashtable_walk_stop(&iter);
	rhashtable_walk_exit(&iter);
}

/**
 * zc_reserve_show() - print a reservation
 * @m: where to
 * @entry: the reservation
 *
 * Context: RCU read section.
 */
void zc_reserve_show(struct seq_file *m, const void *entry)
{
	const struct zc_reserve *reserve = entry;

	seq_printf(m, "refs %u waited %u ended %d key ",
		   refcount_read(&reserve->refs), READ_ONCE(reserve->waited),
		   READ_ONCE(reserve->ended));
	seq_escape_mem(m, reserve->key, reserve->key_len,
		       ESCAPE_NP | ESCAPE_HEX, NULL);
	seq_putc(m, '\n');
}

static struct zc_reserve *zc_reserve_find(struct zc_store *store, u64 addr,
					  u32 len)
{
	struct zc_reserve *reserve;
	struct zc_key key;
	void *data;

	if (!len)
		return ERR_PTR(-EINVAL);
	if (len > store->config.max_key_len)
		return ERR_PTR(-ENAMETOOLONG);
	data = memdup_user(u64_to_user_ptr(addr), len);
	if (IS_ERR(data))
		return data;
	key.data = data;
	key.len = len;
	spin_lock(&store->lock);
	reserve = rhashtable_lookup_fast(&store->reserved, &key,
					 zc_reserve_params);
	/* What is in the table has the fill's reference. */
	if (reserve)
		refcount_inc(&reserve->refs);
	spin_unlock(&store->lock);
	kfree(data);
	return reserve ?: ERR_PTR(-ENOENT);
}

static __poll_t zc_wait_poll(struct file *file, poll_table *wait)
{
	struct zc_reserve *reserve = file->private_data;

	poll_wait(file, &reserve->wait, wait);
	return READ_ONCE(reserve->ended) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int zc_wait_release(struct inode *inode, struct file *file)
{
	zc_reserve_put(file->private_data);
	return 0;
}

static const struct file_operations zc_wait_fops = {
	.owner		= THIS_MODULE,
	.release	= zc_wait_release,
	.poll		= zc_wait_poll,
	.llseek		= noop_llseek,
};

/* Gives a fd to poll. The reference is the file's from here on, also on error. */
static long zc_wait_fd(struct zc_call *call, struct zc_wait *wait,
		       struct zc_reserve *reserve)
{
	struct file *file;
	int fd, err;

	file = anon_inode_getfile("[zcache-wait]", &zc_wait_fops, reserve,
				  O_RDONLY);
	if (IS_ERR(file)) {
		zc_reserve_put(reserve);
		return PTR_ERR(file);
	}
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		fput(file);
		return fd;
	}
	wait->fd = fd;
	err = zc_ioctl_reply(call, wait);
	if (err) {
		fput(file);
		put_unused_fd(fd);
		return err;
	}
	fd_install(fd, file);
	return 0;
}

static long zc_wait_now(struct zc_reserve *reserve, s32 timeout_ms)
{
	long timeout = timeout_ms < 0 ? MAX_SCHEDULE_TIMEOUT :
		       msecs_to_jiffies(timeout_ms);
	long left;

	left = wait_event_interruptible_timeout(reserve->wait,
						READ_ONCE(reserve->ended),
						timeout);
	zc_reserve_put(reserve);
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

/**
 * zc_wait_call() - the WAIT call
 * @call: the call
 * @cmd: its struct zc_wait
 *
 * Context: process; may sleep, as long as the user likes.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_wait_call(struct zc_call *call, void *cmd)
{
	struct zc_wait *wait = cmd;
	struct zc_reserve *reserve;
	long err;

	if (wait->flags & ~ZC_WAIT_FD || wait->__reserved || wait->fd ||
	    wait->timeout_ms < -1 ||
	    (wait->flags & ZC_WAIT_FD && wait->timeout_ms))
		return -EINVAL;
	reserve = zc_reserve_find(call->store, wait->key, wait->key_len);
	if (IS_ERR(reserve))
		return PTR_ERR(reserve);
	/* Who only asks, for no time, does not wait. */
	if ((wait->timeout_ms || wait->flags & ZC_WAIT_FD) &&
	    !xchg(&reserve->waited, 1))
		zc_event_waiting(call->store, reserve->key, reserve->key_len);
	if (wait->flags & ZC_WAIT_FD)
		return zc_wait_fd(call, wait, reserve);
	err = zc_wait_now(reserve, wait->timeout_ms);
	return !err && READ_ONCE(call->store->dead) ? -ENODEV : err;
}
