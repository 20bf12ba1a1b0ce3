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
 * Opens a store: "kmod:NAME" is the node /dev/zcache/NAME of the kernel module,
 * "mirror:FOLDER" one of plain files, made by zc_mirror_create(),
 * "auto:NAME,FOLDER" the module's if there is such a node, else the mirror, and
 * "served:SOCKET" a mirror that "zcached --mirror" owns, for who has no right to its
 * folder; that is O_RDONLY. flags is O_RDONLY, or O_RDWR for zc_put, zc_fill, zc_delete,
 * zc_purge and zc_touch.
 * -EMEDIUMTYPE: the folder is no mirror; -EPROTONOSUPPORT: it, or its owner, is one of
 * another version; -EUCLEAN: it says of itself what cannot be; -EBUSY: its index was
 * removed while others use it; -EROFS: what is served cannot be written; -ECONNREFUSED:
 * nobody serves it now; -EUSERS: its owner has as many clients as it takes.
 */
int zc_open(const char *name, int flags, struct zc_cache **cache);
void zc_close(struct zc_cache *cache);

/* Which it is: "kmod", "mirror" or "served". */
const char *zc_backend(const struct zc_cache *cache);

/*
 * Bits of zc_caps(): what not every back end does. The module has all but the last two, a
 * mirror has only these. Without ZC_CAP_FROZEN a fill takes bytes past its end, of which
 * the commit tells, and after the commit, which changes the object and is not to be done.
 */
#define ZC_CAP_COVERAGE		(1ULL << 0)	/* a fill knows each byte that is missing */
#define ZC_CAP_FROZEN		(1ULL << 1)	/* a write that a fill is not to take fails */
#define ZC_CAP_HELD		(1ULL << 2)	/* objects that are open are charged, and stay */
#define ZC_CAP_TAG_LIMITS	(1ULL << 3)	/* quotas, floors and misses of tags */
#define ZC_CAP_PERSISTENT	(1ULL << 4)	/* objects outlive processes and the system */
#define ZC_CAP_COUNTERS		(1ULL << 5)	/* zc_counters() tells them */

uint64_t zc_caps(const struct zc_cache *cache);

/*
 * The counters, by enum zc_counter; 0 for what is not counted. -EOPNOTSUPP on kmod. Those of
 * a mirror that is served are the mirror's.
 */
int zc_counters(struct zc_cache *cache, uint64_t *values, unsigned int nr);

/* zc_mirror_conf.flags */
/*
 * Commits wait for the disk; an error of it that comes last leaves the object there.
 * Deletes, purges and evictions do not wait: after a power cut, what they took may be back.
 */
#define ZC_MIRROR_DURABLE	(1U << 0)

#define ZC_MIRROR_NO_GRACE	UINT32_MAX	/* zc_mirror_conf.grace_ms: none */

/*
 * What a mirror is to be; size is sizeof(struct zc_mirror_conf), a member that is 0
 * means what stands in brackets. Objects take of the capacity their bytes, and their
 * metadata, each rounded up to 4096.
 */
struct zc_mirror_conf {
	uint32_t size;
	uint32_t flags;
	uint64_t capacity;		/* bytes in all [1 GiB] */
	uint64_t max_object_size;	/* bytes of the largest object [the capacity] */
	uint64_t splice_threshold;	/* sent by reference, mapped from so many on [4096] */
	uint64_t default_ttl_ms;	/* of objects that do not say [no end] */
	uint32_t grace_ms;		/* how long expired ones are kept [10000] */
	uint32_t max_key_len;		/* bytes of the longest key [ZC_KEY_MAX] */
};

/*
 * Makes a mirror of a folder, which is made if it is missing. conf may be NULL.
 * -EEXIST: it is one; -ENOTEMPTY: it has files of others where the mirror's would be;
 * -EBUSY: others still have one open that was removed.
 */
int zc_mirror_create(const char *folder, const struct zc_mirror_conf *conf);

#define ZC_MIRROR_FORCE		(1U << 0)	/* zc_mirror_delete(): objects, users and damage or not */

/*
 * Removes the files of a mirror, and the folder if nothing else is in it. -ENOTEMPTY:
 * it has objects, or files of others among its own; -EBUSY: somebody has it open, and
 * with ZC_MIRROR_FORCE keeps what is open and finds nothing else. -EMEDIUMTYPE,
 * -EPROTONOSUPPORT, -EUCLEAN: as of zc_open(); nothing is removed.
 */
int zc_mirror_delete(const char *folder, unsigned int flags);

/*
 * What an open mirror is to be, and changing that, for all who have it open: get it,
 * change members, set it. max_key_len stays. A smaller capacity evicts at once.
 * These and those below give -EOPNOTSUPP for a store that is no mirror, or that is served.
 */
int zc_mirror_get(struct zc_cache *cache, struct zc_mirror_conf *conf);
int zc_mirror_set(struct zc_cache *cache, const struct zc_mirror_conf *conf);

/*
 * The same, unless another has changed it since zc_mirror_get() told that it was so:
 * -EAGAIN, get it again. So of two who change it at once none undoes what the other did.
 */
int zc_mirror_swap(struct zc_cache *cache, const struct zc_mirror_conf *was,
		   const struct zc_mirror_conf *conf);

/* How a mirror does; all members are set by the call. */
struct zc_mirror_status {
	uint32_t size;
	uint32_t fills;		/* under way now */
	uint64_t rebuilds;	/* times the index was made from the files */
	uint64_t corrupt;	/* objects dropped, as their files were damaged */
	uint64_t orphans;	/* files that a killed process left, removed */
	uint64_t data;		/* bytes of the objects */
	uint64_t metadata;	/* what they take of the capacity beyond these */
	uint64_t pinned;	/* what fills under way take of it */
};

int zc_mirror_status(struct zc_cache *cache, struct zc_mirror_status *status);

/* An object as zc_mirror_list() tells it. */
struct zc_mirror_object {
	uint32_t size;
	uint32_t key_len;
	uint64_t generation;
	uint64_t data_len;
	uint64_t charge;
	uint64_t hits;
	int64_t created_ns;
	int64_t expires_ns;
	uint32_t state;		/* ZC_STATE_* */
	uint32_t nr_tags;
	uint64_t tags[ZC_TAGS_MAX];
	uint8_t key[ZC_KEY_MAX];
};

/*
 * Tells one object a call: *cursor is 0 at first, and then as it was left. Returns 1,
 * 0 after the last, or -errno. An object that is there all the time is told once, those
 * that come or go meanwhile at most once. -EAGAIN: another process died amid a change, and
 * the index was made anew: begin again.
 */
int zc_mirror_list(struct zc_cache *cache, uint64_t *cursor, struct zc_mirror_object *object);

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

/* Flags of zc_lookup(). */
#define ZC_LOOKUP_EXPIRED_OK	(1U << 0)	/* also if it has expired */

/*
 * One version's bytes as an address. Members from data on are set by the call; held is
 * the library's. generation is the version wanted, 0 for any, and then the one found.
 */
struct zc_lookup {
	uint32_t size;
	uint32_t flags;
	const void *key;
	uint32_t key_len;
	uint32_t __reserved;
	uint64_t generation;
	uint64_t miss_tag;
	const void *data;
	uint64_t data_len;
	int64_t expires_ns;
	uint32_t state;		/* ZC_STATE_* */
	uint32_t mapped;	/* data is a mapping, and not a copy */
	void *held;
};

/*
 * Finds an object; its bytes stay, whatever becomes of it, until zc_release(), which
 * comes before zc_close(). From the store's splice threshold on they are mapped, below
 * copied. -ENOENT, -ESTALE and the others of zc_get().
 *
 * The library never makes a mirror's file shorter, but who else may write to the folder
 * can: then who reads what is mapped of it gets a SIGBUS. Who does not trust them that far
 * asks for a threshold that nothing reaches, or reads with zc_get().
 */
int zc_lookup(struct zc_cache *cache, struct zc_lookup *lookup);
void zc_release(struct zc_cache *cache, struct zc_lookup *lookup);

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
 * fd, which becomes readable then and which the caller closes. That of a mirror may not,
 * if it was made in the very moment: poll it for some seconds at most, and look again.
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
