/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A route that is not the loopback: another network name space and a pair of
 * devices, zcv0 here and zcv1 there.
 */
#ifndef ZC_NET_H
#define ZC_NET_H

#include "zc_test.h"

struct zct_net {
	pid_t peer;		/* owns the other name space and does nothing else */
};

/* Return: 0, or -EOPNOTSUPP if there are no such devices or no tool. */
int zct_net_new(struct zct_net *n);
void zct_net_end(struct zct_net *n);
/*
 * [0] sends, here; [1] receives, there. Signed segments (@md5) cannot be
 * segmented by a device: -ENOPROTOOPT if the kernel has none.
 */
int zct_net_pair(const struct zct_net *n, enum zct_family family, bool md5, int sv[2]);
/* Whether our device takes packets in several pieces. */
int zct_net_sg(bool on);
/* Gives a line to the shell. Return: its exit code. */
int zct_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* ZC_NET_H */
