/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_NETLINK_H
#define ZC_NETLINK_H

int zc_netlink_init(void);
void zc_netlink_exit(void);

#endif /* ZC_NETLINK_H */
