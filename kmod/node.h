/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_NODE_H
#define ZC_NODE_H

struct cdev;

void zc_node_init(struct cdev *cdev);

#endif /* ZC_NODE_H */
