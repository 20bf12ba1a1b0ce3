/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * libzcache: one interface to a store of immutable objects, whatever keeps it.
 *
 * The calls take the structs of <linux/zcache.h>; the library fills in their
 * size member and the caller the rest, so zero a struct before use. Every call
 * returns 0 or a value on success and -errno on failure, and may be made from
 * any thread at any time, except zc_close() while another call is under way.
 */
#ifndef ZCACHE_H
#define ZCACHE_H

#include <stddef.h>
#include <stdint.h>
#include <linux/zcache.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An open store. */
struct zc_cache;

/* The address of an object as the structs hold it. */
static inline uint64_t zc_ptr(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/*
 * Opens a store: "kmod:NAME" is the node /dev/zcache/NAME of the kernel
 * module. flags is O_RDONLY, or O_RDWR for zc_put, zc_fill, zc_delete, zc_purge
 * and zc_touch.
 */
int zc_open(const char *name, int flags, struct zc_cache **cache);
void zc_close(struct zc_cache *cache);

int zc_info(struct zc_cache *cache, struct zc_info *info);

/*
 * tags and nr_tags of a put, a fill or a file are whom the object belongs to: by a tag
 * it is counted, limited and purged. zc_stat() tells them.
 */
int zc_put(struct zc_cache *cache, struct zc_put *put);

/*
 * Returns the fill fd, which the caller closes. With ZC_PUT_RESERVE it is the only
 * such fill of a key that is missing: -EEXIST, the key has an object, look it up;
 * -EBUSY, another fills it, see zc_wait().
 */
int zc_fill(struct zc_cache *cache, struct zc_put *fill);
int zc_commit(struct zc_cache *cache, int fill_fd, uint64_t *generation);

int zc_stat(struct zc_cache *cache, struct zc_stat *stat);

/*
 * miss_tag of a get, an open and a send is the tag that a miss is counted at: nobody
 * else knows whose it would have been.
 */
int zc_get(struct zc_cache *cache, struct zc_get *get);

/* Returns the object fd, which the caller closes. */
int zc_open_object(struct zc_cache *cache, struct zc_open *open);
int zc_send(struct zc_cache *cache, struct zc_send *send);

/* Fills in send_size and the size of each message as well; never waits. */
int zc_send_batch(struct zc_cache *cache, struct zc_send_batch *batch);
int zc_delete(struct zc_cache *cache, struct zc_delete *del);
int zc_purge(struct zc_cache *cache, struct zc_purge *purge);
int zc_touch(struct zc_cache *cache, struct zc_touch *touch);

/*
 * Waits up to timeout_ms milliseconds, or if that is -1 without end, until nobody has
 * the key reserved; then look it up, and if it is still missing reserve it. -ENOENT:
 * nobody has it reserved now; -ETIMEDOUT: somebody still has. With ZC_WAIT_FD returns a
 * fd, which becomes readable then and which the caller closes.
 */
int zc_wait(struct zc_cache *cache, struct zc_wait *wait);

/*
 * Called by zc_put_file() after each piece with the bytes done so far; a
 * return other than 0 gives up with -ECANCELED.
 */
typedef int (*zc_progress_fn)(void *arg, uint64_t done);

/*
 * Makes an object of put->data_len bytes read from fd at its file position;
 * put->data must be 0. -ENODATA: the file ended before. progress may be NULL.
 */
int zc_put_file(struct zc_cache *cache, struct zc_put *put, int fd,
		zc_progress_fn progress, void *arg);

#ifdef __cplusplus
}
#endif

#endif /* ZCACHE_H */
