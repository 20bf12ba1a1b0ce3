// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * An object's bytes as an address, of a mirror: mapped from the threshold on, and
 * copied below. Both stay with the open version, so another lookup of it asks the
 * index and nobody else.
 */
#include <errno.h>

#include "mirror.h"

/** zcm_call_lookup() - zc_lookup() */
int zcm_call_lookup(struct zc_cache *cache, struct zc_lookup *lookup)
{
	struct zc_mirror *m = zcm_mirror(cache);
	unsigned int flags = ZCM_BARE;
	struct zcm_object *obj;
	const void *data;
	bool map;
	int err;

	if (lookup->flags & ZC_LOOKUP_EXPIRED_OK)
		flags |= ZCM_EXPIRED_OK;
	err = zcm_find(m, lookup->key, lookup->key_len, lookup->generation, lookup->miss_tag,
		       flags, &obj);
	if (err)
		return err;
	map = obj->data_len >= __atomic_load_n(&m->head->splice_threshold, __ATOMIC_RELAXED);
	err = zcm_map(m, obj, map, &data);
	/* No room for another mapping, or a file system that has none. */
	if (err < 0 && map)
		err = zcm_map(m, obj, false, &data);
	if (err < 0) {
		zcm_put(m, obj);
		return err;
	}
	if (err) {
		zcm_count(m, ZC_C_MMAP_READS, 1);
		zcm_count(m, ZC_C_MMAP_BYTES, obj->data_len);
	} else {
		zcm_count(m, ZC_C_MMAP_SKIPPED, 1);
	}
	lookup->mapped = err;
	lookup->data = data;
	lookup->data_len = obj->data_len;
	lookup->generation = obj->generation;
	lookup->expires_ns = obj->expires_ns;
	lookup->state = obj->state;
	lookup->held = obj;
	return 0;
}

/** zcm_call_release() - zc_release() */
void zcm_call_release(struct zc_cache *cache, struct zc_lookup *lookup)
{
	zcm_put(zcm_mirror(cache), (struct zcm_object *)lookup->held);
}
