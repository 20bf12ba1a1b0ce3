/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_OFILE_H
#define ZC_OFILE_H

struct file;
struct zc_object;
struct zc_store;

struct file *zc_ofile_new(struct zc_object *object);
struct zc_object *zc_ofile_find(struct zc_store *store, int fd);

#endif /* ZC_OFILE_H */
