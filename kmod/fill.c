// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: an object being written, behind a fill fd. Its room is taken from
 * the capacity at the start, so that a fill that began is not refused half
 * way. Which bytes are there is kept as ranges in a maple tree; only a fill
 * whose one range is the whole object can be committed.
 */

#include <linux/anon_inodes.h>
#include <linux/fs.h>
#include <linux/maple_tree.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/splice.h>
#include <linux/timekeeping.h>
#include <linux/uio.h>
#include <linux/xarray.h>
#include <uapi/linux/zcache.h>

#include "fill.h"
#include "ioctl.h"
#include "object.h"
#include "reclaim.h"
#include "reserve.h"
#include "store.h"
#include "trace.h"

/*
 * What one more range costs: a maple tree node of 256 bytes holds at least
 * four ranges when it is least full. The first ranges are paid for with the
 * fill, so that only one with its bytes all over the place can be refused
 * half way.
 */
#define ZC_FILL_RANGE_COST	64
#define ZC_FILL_RANGES_PAID	32

/* Ranges are of unsigned long, and must hold any position. */
static_assert(IS_ENABLED(CONFIG_64BIT));

/**
 * struct zc_fill - a fill under way
 * @lock: protects the members below and the bytes of @object; taken by each
 *	write and commit, so that they exclude each other
 * @object: the object, referenced
 * @reserve: its reservation of the key, or NULL; ends with the commit
 * @covered: the bytes that are there, as ranges that do not touch
 * @ranges: upper bound of the number of ranges in @covered
 * @charge: bytes taken from the capacity for them
 * @start_ns: ktime_get_ns() of its start
 * @excl: ZC_PUT_EXCL was given
 * @committed: the object is public, and nothing may change any more
 */
struct zc_fill {
	struct mutex lock; /* protects: see above */
	struct zc_object *object;
	struct zc_reserve *reserve;
	struct maple_tree covered;
	u64 ranges;
	u64 charge;
	u64 start_ns;
	bool excl;
	bool committed;
};

/* The range of @covered that has byte @pos, if any, widens *@first, *@last. */
static bool zc_fill_widen(struct zc_fill *fill, unsigned long pos,
			  unsigned long *first, unsigned long *last)
{
	MA_STATE(mas, &fill->covered, pos, pos);
	bool found;

	rcu_read_lock();
	found = mas_walk(&mas);
	rcu_read_unlock();
	if (found) {
		*first = min(*first, mas.index);
		*last = max(*last, mas.last);
	}
	return found;
}

/* Notes that bytes were written, joined with the ranges they touch. */
static int zc_fill_cover(struct zc_fill *fill, unsigned long pos, size_t len)
{
	struct zc_store *store = fill->object->store;
	unsigned long first = pos, last = pos + len - 1;
	bool joined = false;
	int err;

	lockdep_assert_held(&fill->lock);
	if (first)
		joined |= zc_fill_widen(fill, pos - 1, &first, &last);
	joined |= zc_fill_widen(fill, pos, &first, &last);
	joined |= zc_fill_widen(fill, pos + len - 1, &first, &last);
	joined |= zc_fill_widen(fill, pos + len, &first, &last);
	if (!joined && fill->ranges++ >= ZC_FILL_RANGES_PAID) {
		err = zc_reclaim_charge(store, ZC_FILL_RANGE_COST,
					fill->object);
		if (err)
			return err;
		fill->charge += ZC_FILL_RANGE_COST;
	}
	return mtree_store_range(&fill->covered, first, last, xa_mk_value(1),
				 GFP_KERNEL_ACCOUNT | __GFP_NORETRY |
				 __GFP_NOWARN);
}

static bool zc_fill_complete(struct zc_fill *fill)
{
	unsigned long first = 0, last = 0;

	lockdep_assert_held(&fill->lock);
	return !fill->object->size ||
	       (zc_fill_widen(fill, 0, &first, &last) &&
		last == fill->object->size - 1);
}

static ssize_t zc_fill_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	struct zc_fill *fill = iocb->ki_filp->private_data;
	struct zc_object *object = fill->object;
	loff_t pos = iocb->ki_pos;
	ssize_t done;
	int err;

	if (!iov_iter_count(from))
		return 0;
	if (mutex_lock_interruptible(&fill->lock))
		return -ERESTARTSYS;
	if (fill->committed) {
		done = -EALREADY;
	} else if (READ_ONCE(object->store->dead)) {
		done = -ENODEV;
	} else if (pos < 0 || pos >= object->size) {
		done = -EFBIG;
	} else {
		iov_iter_truncate(from, object->size - pos);
		done = zc_object_write(object, pos, from);
		if (done > 0) {
			err = zc_fill_cover(fill, pos, done);
			if (err)
				done = err;
			else
				iocb->ki_pos += done;
		}
	}
	mutex_unlock(&fill->lock);
	return done;
}

static long zc_fill_commit(struct zc_fill *fill, struct zc_commit *commit)
{
	struct zc_object *object = fill->object;
	struct zc_store *store = object->store;
	long err;

	if (commit->flags)
		return -EINVAL;
	if (mutex_lock_interruptible(&fill->lock))
		return -ERESTARTSYS;
	if (fill->committed)
		err = -EALREADY;
	else if (!zc_fill_complete(fill))
		err = READ_ONCE(store->dead) ? -ENODEV : -ENODATA;
	else
		err = zc_object_add(object, fill->excl);
	if (!err) {
		fill->committed = true;
		if (fill->reserve)
			zc_reserve_end(store, fill->reserve);
		fill->reserve = NULL;
		commit->generation = object->generation;
		zc_store_count(store, ZC_C_COMMITS, 1);
		zc_store_count(store, ZC_C_FILL_BYTES, object->size);
		zc_store_time(store, ZC_LATENCY_FILL,
			      ktime_get_ns() - fill->start_ns);
	}
	mutex_unlock(&fill->lock);
	return err;
}

static long zc_fill_ioctl(struct file *file, unsigned int nr, unsigned long arg)
{
	struct zc_fill *fill = file->private_data;
	struct zc_call call = {
		.file = file,
		.store = fill->object->store,
		.user = (void __user *)arg,
	};
	struct zc_commit commit;
	long err;

	BUILD_BUG_ON(sizeof(commit) != 16);
	if (nr != ZC_IOC_COMMIT)
		return -ENOTTY;
	err = zc_ioctl_copy_in(&call, &commit, sizeof(commit), sizeof(commit));
	if (err)
		return err;
	return zc_fill_commit(fill, &commit) ?: zc_ioctl_reply(&call, &commit);
}

static int zc_fill_release(struct inode *inode, struct file *file)
{
	struct zc_fill *fill = file->private_data;
	struct zc_store *store = fill->object->store;

	if (!fill->committed)
		zc_store_count(store, ZC_C_ABORTS, 1);
	if (fill->reserve)
		zc_reserve_end(store, fill->reserve);
	mtree_destroy(&fill->covered);
	zc_store_uncharge(store, fill->charge);
	zc_store_del_fd(store);
	/* Maybe the store's last reference with the object's: so it is last. */
	zc_object_put(fill->object);
	kfree(fill);
	return 0;
}

static const struct file_operations zc_fill_fops = {
	.owner		= THIS_MODULE,
	.release	= zc_fill_release,
	.write_iter	= zc_fill_write_iter,
	.splice_write	= iter_file_splice_write,
	.unlocked_ioctl	= zc_fill_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/**
 * zc_fill_new() - start a fill
 * @store: where
 * @put: what the user says of the object
 *
 * Context: process; may sleep and fault.
 * Return: the fill's file, to be dropped with fput(), or an error pointer.
 */
struct file *zc_fill_new(struct zc_store *store, const struct zc_put *put)
{
	struct zc_fill *fill;
	struct file *file;
	int err;

	fill = kzalloc(sizeof(*fill), GFP_KERNEL_ACCOUNT);
	if (!fill)
		return ERR_PTR(-ENOMEM);
	mutex_init(&fill->lock);
	mt_init(&fill->covered);
	fill->start_ns = ktime_get_ns();
	fill->excl = put->flags & ZC_PUT_EXCL;
	fill->charge = ZC_FILL_RANGES_PAID * ZC_FILL_RANGE_COST;
	/* First: who is not to fill makes no room for it. */
	if (put->flags & ZC_PUT_RESERVE) {
		fill->reserve = zc_reserve_new(store, put);
		if (IS_ERR(fill->reserve)) {
			err = PTR_ERR(fill->reserve);
			goto err_free;
		}
	}
	fill->object = zc_object_new(store, put);
	if (IS_ERR(fill->object)) {
		err = PTR_ERR(fill->object);
		goto err_reserve;
	}
	err = zc_reclaim_charge(store, fill->charge, fill->object);
	if (err)
		goto err_object;
	err = zc_store_add_fd(store);
	if (err)
		goto err_uncharge;
	file = anon_inode_getfile("[zcache-fill]", &zc_fill_fops, fill,
				  O_WRONLY | O_LARGEFILE);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}
	file->f_mode |= FMODE_PREAD | FMODE_PWRITE | FMODE_ATOMIC_POS;
	zc_store_count(store, ZC_C_FILLS, 1);
	trace_zcache_fill(fill->object);
	return file;

err_fd:
	zc_store_del_fd(store);
err_uncharge:
	zc_store_uncharge(store, fill->charge);
err_object:
	zc_object_put(fill->object);
err_reserve:
	if (fill->reserve)
		zc_reserve_end(store, fill->reserve);
err_free:
	kfree(fill);
	return ERR_PTR(err);
}
