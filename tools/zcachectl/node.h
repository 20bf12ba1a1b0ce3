/* SPDX-License-Identifier: GPL-2.0-only */
/* A store's node, /dev/zcache/NAME. */
#ifndef NODE_H
#define NODE_H

struct store;

/*
 * Gives the node the mode, owner and group that the module has noted for it. On the
 * way from the old ones to these nobody has a right that both deny. 0 or -errno:
 * -ENXIO if what lies there is not the store's node.
 */
int node_apply(const struct store *s);

#endif /* NODE_H */
