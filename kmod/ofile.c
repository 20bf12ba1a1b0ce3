// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the object fd, a read-only file that pins one version. The page
 * cache's own functions read and map it; what is spliced from it is copied,
 * since a pipe hands its pages to code that may write to them.
 */

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/splice.h>

#include "compat.h"
#include "object.h"
#include "ofile.h"
#include "pages.h"
#include "splice.h"
#include "store.h"

static int zc_ofile_release(struct inode *inode, struct file *file)
{
	struct zc_object *object = file->private_data;

	zc_store_del_fd(object->store);
	zc_object_put(object);
	return 0;
}

/* All bytes are in memory and stay there, whatever the user advises. */
static int zc_ofile_fadvise(struct file *file, loff_t offset, loff_t len,
			    int advice)
{
	return 0;
}

static int zc_ofile_mmap(struct file *file, struct vm_area_struct *vma)
{
	const struct zc_object *object = file->private_data;
	u64 from = (u64)vma->vm_pgoff << PAGE_SHIFT;
	int err = generic_file_readonly_mmap(file, vma);

	if (err)
		return err;
	zc_store_count(object->store, ZC_C_MMAP_READS, 1);
	if (from < object->size)
		zc_store_count(object->store, ZC_C_MMAP_BYTES,
			       min_t(u64, vma->vm_end - vma->vm_start,
				     object->size - from));
	return 0;
}

static ssize_t zc_ofile_splice_read(struct file *file, loff_t *pos,
				    struct pipe_inode_info *pipe, size_t len,
				    unsigned int flags)
{
	const struct zc_object *object = file->private_data;
	ssize_t ret = copy_splice_read(file, pos, pipe, len, flags);

	if (ret > 0) {
		zc_store_count(object->store, ZC_C_SENDFILE_TRANSFERS, 1);
		zc_store_count(object->store, ZC_C_SENDFILE_BYTES, ret);
	}
	return ret;
}

static const struct file_operations zc_ofile_fops = {
	.owner		= THIS_MODULE,
	.release	= zc_ofile_release,
	.llseek		= generic_file_llseek,
	.read_iter	= generic_file_read_iter,
	.mmap		= zc_ofile_mmap,
	.splice_read	= zc_ofile_splice_read,
	.fadvise	= zc_ofile_fadvise,
};

/**
 * zc_ofile_new() - make an object fd's file
 * @object: a committed object; its reference is the file's from here on, and
 *	is dropped on error
 *
 * Context: process; may sleep.
 * Return: the file, to be dropped with fput(), or an error pointer.
 */
struct file *zc_ofile_new(struct zc_object *object)
{
	struct inode *inode = zc_object_inode(object);
	struct file *file;
	int err;

	if (IS_ERR(inode)) {
		err = PTR_ERR(inode);
		goto err_object;
	}
	err = zc_store_add_fd(object->store);
	if (err)
		goto err_object;
	file = zc_pages_file(inode, &zc_ofile_fops);
	if (IS_ERR(file)) {
		err = PTR_ERR(file);
		goto err_fd;
	}
	file->private_data = object;
	return file;

err_fd:
	zc_store_del_fd(object->store);
err_object:
	zc_object_put(object);
	return ERR_PTR(err);
}

/**
 * zc_ofile_find() - find the object of an object fd
 * @store: the store it must be of
 * @fd: the fd
 *
 * Return: the object with a reference, or an error pointer: -EBADF if there
 * is no such fd, -EINVAL if it is of something else, -EXDEV if it is of
 * another store.
 */
struct zc_object *zc_ofile_find(struct zc_store *store, int fd)
{
	struct zc_object *object;
	struct fd f = fdget(fd);

	if (!fd_file(f))
		return ERR_PTR(-EBADF);
	object = fd_file(f)->private_data;
	if (fd_file(f)->f_op != &zc_ofile_fops) {
		object = ERR_PTR(-EINVAL);
	} else if (object->store != store) {
		object = ERR_PTR(-EXDEV);
	} else {
		/* The file has a reference, and we have the file. */
		refcount_inc(&object->refs);
	}
	fdput(f);
	return object;
}
