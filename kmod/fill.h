/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_FILL_H
#define ZC_FILL_H

struct file;
struct zc_put;
struct zc_store;

struct file *zc_fill_new(struct zc_store *store, const struct zc_put *put);

#endif /* ZC_FILL_H */
