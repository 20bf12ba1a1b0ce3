/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_PAGES_H
#define ZC_PAGES_H

#include <linux/types.h>

struct file;
struct file_operations;
struct folio;
struct inode;
struct iov_iter;
struct zc_store;

int zc_pages_get_fs(void);
void zc_pages_put_fs(void);

struct inode *zc_pages_new(struct zc_store *store, u64 size);
u64 zc_pages_charge(u64 size);
ssize_t zc_pages_write(struct zc_store *store, struct inode *inode, loff_t pos,
		       struct iov_iter *from);
int zc_pages_read(struct inode *inode, loff_t pos, size_t len,
		  struct iov_iter *to);
u64 zc_pages_resident(const struct inode *inode);
bool zc_pages_failed(const struct inode *inode);
struct folio *zc_pages_find(struct inode *inode, loff_t pos);
struct file *zc_pages_file(struct inode *inode,
			   const struct file_operations *fops);

#endif /* ZC_PAGES_H */
