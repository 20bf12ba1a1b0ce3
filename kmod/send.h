/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_SEND_H
#define ZC_SEND_H

struct zc_call;

long zc_send_call(struct zc_call *call, void *cmd);
long zc_send_batch_call(struct zc_call *call, void *cmd);

#endif /* ZC_SEND_H */
