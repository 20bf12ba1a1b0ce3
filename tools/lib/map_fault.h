/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* Faults in mappings of files that became shorter; the library's own, not installed. */
#ifndef ZC_MAP_FAULT_H
#define ZC_MAP_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* A mapping that the handler of SIGBUS knows. */
struct zcf_range;

/**
 * zcf_add() - takes an entry, with no memory yet; installs the handler if it is the first
 * @range: gets the entry, which zcf_del() ends
 *
 * Return: 0 or -ENOMEM.
 */
int zcf_add(struct zcf_range **range);

/**
 * zcf_set() - says what memory an entry is for
 * @range: the entry
 * @start: first byte, or NULL before the memory is unmapped
 * @len: how much
 *
 * One thread at a time calls it for an entry.
 */
void zcf_set(struct zcf_range *range, void *start, size_t len);

/**
 * zcf_failed() - whether there was a fault since zcf_add()
 * @range: the entry
 *
 * Return: whether.
 */
bool zcf_failed(const struct zcf_range *range);

/**
 * zcf_del() - gives an entry back
 * @range: the entry, or NULL
 */
void zcf_del(struct zcf_range *range);

#endif /* ZC_MAP_FAULT_H */
