/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_PURGE_H
#define ZC_PURGE_H

#include "ioctl.h"

long zc_purge_call(struct zc_call *call, void *cmd);
long zc_touch_call(struct zc_call *call, void *cmd);

#endif /* ZC_PURGE_H */
