/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* Which process this is; the library's own, not installed. */
#ifndef ZC_PROCESS_H
#define ZC_PROCESS_H

#include <stdint.h>

/**
 * zc_process() - tell this process from the one that it was forked from
 *
 * Its number alone does not, as in another namespace the child may have the same one.
 *
 * Return: a number that is not 0.
 */
uint32_t zc_process(void);

#endif /* ZC_PROCESS_H */
