/* SPDX-License-Identifier: GPL-2.0-only */
/* TLS in the kernel on both ends of a connection, with keys that both know. */
#ifndef ZC_TLS_H
#define ZC_TLS_H

#include <linux/tls.h>

#include "zc_test.h"

enum zct_cipher { ZCT_GCM128, ZCT_GCM256, ZCT_CHACHA };

/*
 * @sv[0] sends and @sv[1] receives from now on by TLS. @version is
 * TLS_1_2_VERSION or TLS_1_3_VERSION. Return: 0, -EOPNOTSUPP if the kernel has
 * no TLS or not this cipher, or -errno.
 */
int zct_tls(int sv[2], unsigned int version, enum zct_cipher cipher);

#endif /* ZC_TLS_H */
