// SPDX-License-Identifier: GPL-2.0
/* zcache: a store's node, /dev/zcache/NAME. */

#include <linux/cdev.h>
#include <linux/fs.h>
#include <linux/module.h>

#include "ioctl.h"
#include "node.h"
#include "store.h"

static int zc_node_open(struct inode *inode, struct file *file)
{
	struct zc_store *store = container_of(inode->i_cdev, struct zc_store,
					      cdev);
	int err = zc_store_open(store);

	if (err)
		return err;
	zc_store_get(store);
	file->private_data = store;
	return nonseekable_open(inode, file);
}

static int zc_node_release(struct inode *inode, struct file *file)
{
	struct zc_store *store = file->private_data;

	zc_store_release(store);
	zc_store_put(store);
	return 0;
}

static const struct file_operations zc_node_fops = {
	.owner		= THIS_MODULE,
	.open		= zc_node_open,
	.release	= zc_node_release,
	.unlocked_ioctl	= zc_ioctl_node,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= noop_llseek,
};

/**
 * zc_node_init() - make a store's node ready to be added
 * @cdev: the store's
 */
void zc_node_init(struct cdev *cdev)
{
	cdev_init(cdev, &zc_node_fops);
	cdev->owner = THIS_MODULE;
}
