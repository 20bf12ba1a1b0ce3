/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_DEBUGFS_H
#define ZC_DEBUGFS_H

struct zc_store;

void zc_debugfs_init(void);
void zc_debugfs_exit(void);
void zc_debugfs_new(struct zc_store *store);
void zc_debugfs_del(struct zc_store *store);

#endif /* ZC_DEBUGFS_H */
