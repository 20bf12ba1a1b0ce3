// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the pages of an object, a private inode's page cache.
 *
 * The inodes live on an internal file system that nobody can mount. The
 * folios are allocated here, as large as the object allows, and are written
 * only before the object is committed. They leave the mapping when the inode
 * goes, as a whole and never in part: truncating a part of a large folio
 * zeroes it in place, also for a socket that still has it in its queue.
 *
 * Every folio is marked dirty and the file system cannot write back, so nobody
 * but the module takes a folio out of a mapping: invalidation on behalf of
 * posix_fadvise(2), stealing by a pipe's reader and reclaim all leave dirty
 * folios alone. Nor are they migrated: the kernel does not move a dirty folio
 * of a mapping that has no method for it, and writers here do not hold the
 * folio lock that would keep one in place. The mapping is unevictable besides,
 * which spares reclaim the look.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/uio.h>

#include "compat.h"
#include "pages.h"
#include "reclaim.h"
#include "store.h"

#define ZC_PAGES_MAGIC		0x7a636163	/* "zcac" */

/*
 * What an inode with its dentry and one xarray node for each 64 pages costs.
 * Slab sizes differ a little between kernels; these are upper bounds seen.
 */
#define ZC_PAGES_INODE_COST	1024
#define ZC_PAGES_NODE_COST	576

/*
 * Filling a cache must not get anyone killed: no allocation of pages may call
 * on the OOM killer. Large folios are welcome and never worth a wait for
 * compaction beyond the orders that the page allocator itself calls cheap. Not
 * movable, see above.
 */
#define ZC_GFP_PAGE	(GFP_HIGHUSER | __GFP_NORETRY | __GFP_NOWARN)
#define ZC_GFP_LARGE	(ZC_GFP_PAGE & ~__GFP_DIRECT_RECLAIM)

/* 2 MiB with 4 KiB pages: what x86 and arm64 can map by one entry. */
#define ZC_MAX_ORDER	(21 - PAGE_SHIFT)

/* Memory that cannot be had is worth this much of the cache. */
#define ZC_EVICT_BYTES	SZ_256K
#define ZC_EVICT_TRIES	8

static struct vfsmount *zc_pages_mnt;
static int zc_pages_mnt_count;

/* Every byte of a committed object is there; only hwpoison makes a hole. */
static int zc_pages_read_folio(struct file *file, struct folio *folio)
{
	folio_unlock(folio);
	return -EIO;
}

static const struct address_space_operations zc_pages_aops = {
	.read_folio	= zc_pages_read_folio,
	.dirty_folio	= noop_dirty_folio,
	ZC_COMPAT_ERROR_REMOVE
};

/*
 * An inode is for the object fd that was opened by the module and for nothing
 * else: whoever comes by /proc/PID/fd could hang a watch on it, which would
 * hold it when the file system goes.
 */
static int zc_pages_permission(ZC_COMPAT_IDMAP *idmap, struct inode *inode,
			       int mask)
{
	return -EACCES;
}

static const struct inode_operations zc_pages_iops = {
	.permission	= zc_pages_permission,
};

/*
 * The charge is the inode's and not the object's: an O_PATH descriptor holds
 * the inode longer. This cannot be the store's last reference where the super
 * block hangs on it: either an object or a file's mount holds that, too.
 */
static void zc_pages_evict_inode(struct inode *inode)
{
	struct zc_store *store = inode->i_private;

	truncate_inode_pages_final(&inode->i_data);
	clear_inode(inode);
	if (store) {
		zc_store_uncharge(store, zc_pages_charge(inode->i_size));
		zc_store_put(store);
	}
}

static const struct super_operations zc_pages_sops = {
	.evict_inode	= zc_pages_evict_inode,
	.statfs		= simple_statfs,
};

static int zc_pages_init_fs_context(struct fs_context *fc)
{
	struct pseudo_fs_context *ctx = init_pseudo(fc, ZC_PAGES_MAGIC);

	if (!ctx)
		return -ENOMEM;
	ctx->ops = &zc_pages_sops;
	return 0;
}

/*
 * The super block holds a reference on the owner: while an inode or a file of
 * ours is about, and be it in the last steps of a close, the module stays.
 */
static struct file_system_type zc_pages_fs = {
	.owner			= THIS_MODULE,
	.name			= "zcache",
	.init_fs_context	= zc_pages_init_fs_context,
	.kill_sb		= kill_anon_super,
};

/**
 * zc_pages_get_fs() - hold the internal file system
 *
 * Context: process; may sleep.
 * Return: 0 or -errno.
 */
int zc_pages_get_fs(void)
{
	int err;

	/* Pinning takes a reference that is not to be had any more in rmmod. */
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = simple_pin_fs(&zc_pages_fs, &zc_pages_mnt, &zc_pages_mnt_count);
	if (!err)
		zc_pages_mnt->mnt_sb->s_iflags |= SB_I_NOEXEC | SB_I_NODEV;
	module_put(THIS_MODULE);
	return err;
}

/** zc_pages_put_fs() - let go of the internal file system; may sleep */
void zc_pages_put_fs(void)
{
	simple_release_fs(&zc_pages_mnt, &zc_pages_mnt_count);
}

/**
 * zc_pages_new() - make an inode without pages
 * @store: the store, whose charge of zc_pages_charge() becomes the inode's and
 *	is given back with it
 * @size: bytes of the object
 *
 * Context: process; may sleep.
 * Return: the inode, to be dropped with iput(), or an error pointer.
 */
struct inode *zc_pages_new(struct zc_store *store, u64 size)
{
	struct mem_cgroup *old = set_active_memcg(store->memcg);
	struct inode *inode = alloc_anon_inode(zc_pages_mnt->mnt_sb);

	set_active_memcg(old);
	if (IS_ERR(inode))
		return inode;
	zc_store_get(store);
	inode->i_private = store;
	inode->i_mode = S_IFREG | 0400;
	inode->i_uid = GLOBAL_ROOT_UID;
	inode->i_gid = GLOBAL_ROOT_GID;
	inode->i_op = &zc_pages_iops;
	/*
	 * Who holds an object fd reaches the inode through /proc/PID/fd;
	 * immutable, it cannot be truncated or its mode be changed.
	 */
	inode->i_flags |= S_IMMUTABLE | S_NOATIME | S_NOCMTIME;
	inode->i_size = size;
	inode->i_blocks = DIV_ROUND_UP_ULL(size, PAGE_SIZE) << (PAGE_SHIFT - 9);
	inode->i_mapping->a_ops = &zc_pages_aops;
	mapping_set_gfp_mask(inode->i_mapping, ZC_GFP_PAGE);
	mapping_set_unevictable(inode->i_mapping);
	mapping_set_large_folios(inode->i_mapping);
	return inode;
}

/**
 * zc_pages_charge() - what an object's pages cost
 * @size: bytes of the object
 *
 * Return: bytes of memory for inode, page cache tree and pages.
 */
u64 zc_pages_charge(u64 size)
{
	u64 pages = DIV_ROUND_UP_ULL(size, PAGE_SIZE);

	return ZC_PAGES_INODE_COST + pages * PAGE_SIZE +
	       DIV_ROUND_UP_ULL(pages, 64) * ZC_PAGES_NODE_COST;
}

/*
 * The next order to use, from @order down: never 1, since a folio of two pages
 * has no room for the list that splitting it uses before 6.9.
 */
static unsigned int zc_pages_order_below(unsigned int order)
{
	return order > 2 ? order - 1 : 0;
}

/* The largest order whose naturally aligned block at @index ends by @nr. */
static unsigned int zc_pages_order(pgoff_t index, pgoff_t nr)
{
	unsigned int order = IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) ?
			     ZC_MAX_ORDER : 0;

	while (order && round_down(index, 1UL << order) + (1UL << order) > nr)
		order = zc_pages_order_below(order);
	return order;
}

/* Allocates a folio that covers @index and inserts it, without its bytes. */
static struct folio *zc_pages_add(struct zc_store *store, struct inode *inode,
				  pgoff_t index)
{
	struct address_space *mapping = inode->i_mapping;
	pgoff_t nr = DIV_ROUND_UP_ULL(inode->i_size, PAGE_SIZE);
	unsigned int order = zc_pages_order(index, nr);
	unsigned int tries = 0;
	struct mem_cgroup *old;
	struct folio *folio;
	size_t tail;
	int err;

	for (;;) {
		gfp_t gfp = order > PAGE_ALLOC_COSTLY_ORDER ? ZC_GFP_LARGE :
							      ZC_GFP_PAGE;

		folio = zc_compat_alloc_folio(gfp, order);
		err = -ENOMEM;
		if (folio) {
			old = set_active_memcg(store->memcg);
			err = filemap_add_folio(mapping, folio,
						round_down(index, 1UL << order),
						gfp);
			set_active_memcg(old);
			if (!err)
				break;
			folio_put(folio);
		}
		/* Not to be had, or in the way of smaller ones: one less. */
		if (order) {
			order = zc_pages_order_below(order);
			continue;
		}
		/* One that cannot be used is there: its memory failed. */
		if (err == -EEXIST)
			return ERR_PTR(-EIO);
		if (tries++ == ZC_EVICT_TRIES || fatal_signal_pending(current) ||
		    !zc_reclaim_evict(store, ZC_EVICT_BYTES))
			return ERR_PTR(err);
	}

	/* The bytes past the end show in a mapping of the last page. */
	if (folio_pos(folio) + folio_size(folio) > inode->i_size) {
		tail = inode->i_size - folio_pos(folio);
		folio_zero_segment(folio, tail, folio_size(folio));
	}
	folio_mark_uptodate(folio);
	folio_mark_dirty(folio);
	folio_unlock(folio);
	return folio;
}

/**
 * zc_pages_failed() - whether memory failed and took written bytes with it
 * @inode: the pages
 *
 * Return: true if it did, ever; what was written may then be a hole.
 */
bool zc_pages_failed(const struct inode *inode)
{
	return test_bit(AS_EIO, &inode->i_mapping->flags);
}

/**
 * zc_pages_write() - write bytes of an object that is not committed yet
 * @store: whose memory cgroup is charged, and where room is made if the
 *	system has no memory
 * @inode: the pages
 * @pos: where; with the length within the object
 * @from: the bytes, possibly in user memory
 *
 * Context: process; may sleep and fault. Writers exclude each other.
 * Return: bytes written, which fall short of those wanted on a bad address, a
 * fatal signal or lack of memory; -errno if none was.
 */
ssize_t zc_pages_write(struct zc_store *store, struct inode *inode, loff_t pos,
		       struct iov_iter *from)
{
	ssize_t done = 0;
	int err = 0;

	while (iov_iter_count(from)) {
		struct folio *folio;
		size_t offset, len, copied;

		if (fatal_signal_pending(current)) {
			err = -EINTR;
			break;
		}
		if (zc_pages_failed(inode)) {
			err = -EIO;
			break;
		}
		folio = zc_pages_find(inode, pos);
		if (!folio)
			folio = zc_pages_add(store, inode, pos >> PAGE_SHIFT);
		if (IS_ERR(folio)) {
			err = PTR_ERR(folio);
			break;
		}
		offset = offset_in_folio(folio, pos);
		len = min(folio_size(folio) - offset, iov_iter_count(from));
		copied = copy_page_from_iter(folio_page(folio, 0), offset, len,
					     from);
		folio_put(folio);
		pos += copied;
		done += copied;
		if (copied < len) {
			err = -EFAULT;
			break;
		}
		cond_resched();
	}
	return done ?: err;
}

/* Where memory failed, a read of the object fd leaves an empty folio. */
static bool zc_pages_whole(struct folio *folio)
{
	return likely(folio_test_uptodate(folio) &&
		      !folio_test_hwpoison(folio) &&
		      !(folio_test_large(folio) &&
			folio_test_has_hwpoisoned(folio)));
}

/**
 * zc_pages_find() - find the folio of a position
 * @inode: the pages
 * @pos: a byte of the object
 *
 * Return: the folio with a reference, or NULL if there is none. A committed
 * object has one everywhere, unless the memory failed.
 */
struct folio *zc_pages_find(struct inode *inode, loff_t pos)
{
	struct folio *folio = zc_compat_get_folio(inode->i_mapping,
						  pos >> PAGE_SHIFT);

	if (!folio)
		return NULL;
	if (zc_pages_whole(folio))
		return folio;
	folio_put(folio);
	return NULL;
}

/**
 * zc_pages_resident() - how many bytes of a committed object are in memory
 * @inode: the pages
 *
 * All of them, unless memory failed; only then they are looked at.
 *
 * Context: process, also under RCU alone where the inode is freed after it.
 * Return: how many.
 */
u64 zc_pages_resident(const struct inode *inode)
{
	u64 size = inode->i_size, bytes = 0, pos = 0;

	if (!zc_pages_failed(inode))
		return size;
	while (pos < size) {
		struct folio *folio = zc_compat_get_folio(inode->i_mapping,
							  pos >> PAGE_SHIFT);
		u64 len = folio ? folio_size(folio) - offset_in_folio(folio, pos)
				: PAGE_SIZE;

		len = min(len, size - pos);
		if (folio) {
			if (zc_pages_whole(folio))
				bytes += len;
			folio_put(folio);
		}
		pos += len;
	}
	return bytes;
}

/**
 * zc_pages_read() - copy bytes of a committed object
 * @inode: the pages
 * @pos: first byte
 * @len: how many; with @pos within the object
 * @to: where to, possibly user memory
 *
 * Context: process; may sleep and fault.
 * Return: 0; -EFAULT, -EINTR on a fatal signal, -EIO if memory failed.
 */
int zc_pages_read(struct inode *inode, loff_t pos, size_t len,
		  struct iov_iter *to)
{
	size_t done = 0;

	while (done < len) {
		size_t offset, want, copied;
		struct folio *folio;

		if (fatal_signal_pending(current))
			return -EINTR;
		folio = zc_pages_find(inode, pos);
		if (!folio)
			return -EIO;
		offset = offset_in_folio(folio, pos);
		want = min(folio_size(folio) - offset, len - done);
		copied = copy_page_to_iter(folio_page(folio, 0), offset, want,
					   to);
		folio_put(folio);
		pos += copied;
		done += copied;
		if (copied < want)
			return -EFAULT;
		cond_resched();
	}
	return 0;
}

/**
 * zc_pages_file() - make a read-only file of an object's pages
 * @inode: the pages; the file takes a reference of its own
 * @fops: its operations; their owner is referenced by the file
 *
 * Context: process; may sleep.
 * Return: the file, to be dropped with fput(), or an error pointer.
 */
struct file *zc_pages_file(struct inode *inode,
			   const struct file_operations *fops)
{
	struct file *file;

	/* alloc_file_pseudo() does not, but the last fput() drops one. */
	__module_get(fops->owner);
	ihold(inode);
	file = alloc_file_pseudo(inode, zc_pages_mnt, "zcache",
				 O_RDONLY | O_LARGEFILE, fops);
	if (IS_ERR(file)) {
		iput(inode);
		module_put(fops->owner);
		return file;
	}
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	return file;
}
