/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * The mirror: a store kept in plain files; the library's own, not installed.
 * MIRROR.md tells the format of the folder, what a kill leaves, and the locks.
 */
#ifndef ZC_MIRROR_H
#define ZC_MIRROR_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <linux/zcache_counters.h>

#include "backend.h"
#include "mirror_format.h"

/**
 * struct zcm_info - the metadata of one version, in memory; never changes
 * @refs: who has it, atomic
 * @meta: lengths, times, tags
 * @hash: of the key
 * @body: key, entity tag, content type, header blob
 */
struct zcm_info {
	unsigned int refs;
	struct zcm_meta meta;
	struct zcm_hash hash;
	uint8_t body[];
};

/**
 * struct zcm_version - one version, open, shared by those who found it
 * @refs: who has it, atomic; the cache is one
 * @fd: the data file
 * @hash: of its key
 * @generation: which it is
 * @data_len: bytes of it
 * @dev: the file's device
 * @ino: and inode
 * @info: its metadata; NULL if nobody asked for it yet; under zc_mirror.lock
 * @bytes: in memory, see zcm_map(); under zc_mirror.lock
 * @mapped: @bytes is a mapping, else allocated
 * @chain: next of its hash chain in the cache
 * @newer: in the cache, the one used next after
 * @older: and next before
 */
struct zcm_version {
	unsigned int refs;
	int fd;
	struct zcm_hash hash;
	uint64_t generation;
	uint64_t data_len;
	dev_t dev;
	ino_t ino;
	struct zcm_info *info;
	void *bytes;
	bool mapped;
	struct zcm_version *chain;
	struct zcm_version *newer;
	struct zcm_version *older;
};

/**
 * struct zcm_object - what a lookup found; the caller's until zcm_put()
 * @fd: the data file. Not to be closed, and its position not to be moved
 * @state: ZC_STATE_*
 * @generation: the version
 * @data_len: bytes of the object
 * @charge: bytes it takes of the capacity
 * @hits: times it was found
 * @created_ns: when it was committed
 * @expires_ns: when it stops being served, 0 for never
 * @etag: the entity tag; NULL if it was found with ZCM_BARE
 * @type: the content type, likewise
 * @header: the header blob, likewise
 * @etag_len: bytes of the entity tag
 * @type_len: bytes of the content type
 * @header_len: bytes of the header blob
 * @nr_tags: how many tags it has
 * @tags: its tags
 * @hash: of its key
 * @version: what it is of; NULL if @fd is the user's
 * @info: the metadata, referenced; NULL if it was found with ZCM_BARE
 */
struct zcm_object {
	int fd;
	uint32_t state;
	uint64_t generation;
	uint64_t data_len;
	uint64_t charge;
	uint64_t hits;
	int64_t created_ns;
	int64_t expires_ns;
	const uint8_t *etag;
	const uint8_t *type;
	const uint8_t *header;
	uint32_t etag_len;
	uint32_t type_len;
	uint32_t header_len;
	uint32_t nr_tags;
	uint64_t tags[ZC_TAGS_MAX];
	struct zcm_hash hash;
	struct zcm_version *version;
	struct zcm_info *info;
};

/**
 * struct zcm_change - another time for an object, see zcm_set_expires()
 * @fd: the metadata file, which has no name, on the disk; -1 for none
 * @hash: of the object's key
 * @generation: the version
 * @expires_ns: the time
 * @tries: how often it was prepared
 */
struct zcm_change {
	int fd;
	struct zcm_hash hash;
	uint64_t generation;
	int64_t expires_ns;
	unsigned int tries;
};

#define ZCM_NO_CHANGE	{ .fd = -1 }

struct zcm_known;
struct zcm_served;

/**
 * struct zc_mirror - an open mirror
 * @cache: the handle
 * @path: of the folder, absolute
 * @dir: the folder; its flock says that the mirror is in use
 * @index: the file of the index
 * @dev: the device of its files
 * @writable: opened with O_RDWR
 * @direct: the index cannot be written: each lookup asks the files, or @served
 * @served: who owns the mirror is asked: there is neither folder nor index, @head has the
 *	threshold and counters that are to be told, and hashes of keys are of no use elsewhere
 * @super: as it was at open
 * @head: the index
 * @entry: its table; under the index's lock
 * @slots: how many of the table are mapped here; under the index's lock
 * @send_path: of zc_send(), ZC_XFER_AUTO or enum zc_xfer_path; atomic
 * @reaped_ns: when it looked for dead fills to make room; under the index's lock
 * @owner: zc_process() of who owns the policy with this handle, 0 for none; likewise
 * @torn: a file that was to go could not be removed; it stays dirty
 * @__reserved2: 0
 * @lock: protects all that follows; taken after the index's lock, or alone
 * @bucket: open objects, by generation
 * @newest: the one used last
 * @oldest: the one used longest ago
 * @nr_cached: how many
 * @mapped: bytes of them in memory
 * @known: versions that were opened for the user, by inode
 * @nr_known: how many
 * @known_max: above which those are forgotten that are not open any more
 */
struct zc_mirror {
	struct zc_cache cache;
	char *path;
	int dir;
	int index;
	dev_t dev;
	bool writable;
	bool direct;
	struct zcm_served *served;
	struct zcm_super super;
	struct zcm_head *head;
	struct zcm_entry *entry;
	uint32_t slots;
	int send_path;
	int64_t reaped_ns;
	uint32_t owner;
	pthread_mutex_t lock; /* protects what follows */
	struct zcm_version *bucket[ZCM_CACHE_MAX];
	struct zcm_version *newest;
	struct zcm_version *oldest;
	unsigned int nr_cached;
	uint64_t mapped;
	struct zcm_known *known[ZCM_KNOWN_BUCKETS];
	unsigned int nr_known;
	unsigned int known_max;
};

/* Flags of zcm_find() and zcm_find_fd(). */
#define ZCM_EXPIRED_OK	(1U << 0)	/* also if it has expired */
#define ZCM_NO_COUNT	(1U << 1)	/* neither hit nor miss nor use */
#define ZCM_HIT_LATER	(1U << 2)	/* count a miss; the caller calls zcm_hit() */
#define ZCM_BARE	(1U << 3)	/* etag, type, header and tags are not needed */
#define ZCM_USE		(1U << 4)	/* with ZCM_NO_COUNT: but a use for eviction */

/*
 * What the calls are made of. All return 0 or -errno unless said otherwise.
 */

/* mirror_find.c: finding objects, as struct zc_get and others name them. */

/* A key as the user gives it. */
int zcm_key_check(const struct zc_mirror *m, const void *key, size_t len);

/*
 * Finds the object of a key, in this generation if that is not 0. -EINVAL,
 * -ENAMETOOLONG, -EFAULT, -ENOENT, -ESTALE, -EIO.
 */
int zcm_find(struct zc_mirror *m, const void *key, size_t key_len, uint64_t generation,
	     uint64_t miss_tag, unsigned int flags, struct zcm_object **obj);

/*
 * The same by an object fd, which stays open for the call: also -EBADF; -EINVAL: it is of
 * something else; -EXDEV: of another mirror, or of a version that nobody knows any more.
 */
int zcm_find_fd(struct zc_mirror *m, int fd, uint64_t generation, unsigned int flags,
		struct zcm_object **obj);

/*
 * What zcm_find_fd() asks the index about a version that is known: obj has its hash,
 * generation, length and the time of its commit to expire.
 */
int zcm_find_held(struct zc_mirror *m, struct zcm_object *obj, uint64_t generation,
		  unsigned int flags);

/* Counts what ZCM_HIT_LATER left. */
void zcm_hit(struct zc_mirror *m, const struct zcm_object *obj);

/* Ends what zcm_find() and zcm_find_fd() gave. */
void zcm_put(struct zc_mirror *m, struct zcm_object *obj);

/* Opens its file once more: a fd with a position of its own, or -errno. */
int zcm_reopen(struct zc_mirror *m, const struct zcm_object *obj);

/* Metadata in memory, with room for so many bytes; and that of it an object tells. */
struct zcm_info *zcm_info_alloc(size_t body);
void zcm_use_info(struct zcm_object *obj, struct zcm_info *info);
struct zcm_version *zcm_version_new(const struct zcm_object *obj, int fd, const struct stat *st);

/* mirror_bytes.c. Reads bytes within the object; -EIO if the file has fewer. */
int zcm_read(const struct zcm_object *obj, uint64_t offset, void *buf, uint64_t len);

/*
 * The object's bytes in memory, mapped if map is set and the build has mmap; they
 * stay as long as the object. Not for one that was found by an fd.
 */
int zcm_map(struct zc_mirror *m, struct zcm_object *obj, bool map, const void **bytes);

/* mirror_cache.c: versions that are open, and those that were opened for the user. */
struct zcm_version *zcm_version_get(struct zc_mirror *m, uint64_t generation);
void zcm_version_put(struct zcm_version *v);
void zcm_cache_add(struct zc_mirror *m, struct zcm_version *v);
void zcm_cache_drop(struct zc_mirror *m, uint64_t generation);
void zcm_cache_check(struct zc_mirror *m);
int zcm_open(struct zc_mirror *m, int dir, const char *name, int flags);
void zcm_cache_exit(struct zc_mirror *m);
void zcm_known_add(struct zc_mirror *m, const struct stat *st, struct zcm_info *info);
struct zcm_info *zcm_known_find(struct zc_mirror *m, const struct stat *st);
void zcm_known_exit(struct zc_mirror *m);

/* mirror_index.c: the shared index. */
int zcm_index_open(struct zc_mirror *m);
void zcm_index_close(struct zc_mirror *m);

/* Limits that can be changed. */
void zcm_take_conf(struct zcm_head *h, const struct zcm_super *super);

/* Takes the lock, and makes the index right again if somebody died with it. */
int zcm_lock(struct zc_mirror *m);
void zcm_unlock(struct zc_mirror *m);

/* mirror_check.c. Whether the index that the last user left can be used. */
bool zcm_table_good(const struct zc_mirror *m);

/* mirror_entry.c. All below want the lock. The entry is 0 if there is none. */
uint32_t zcm_entry_find(struct zc_mirror *m, const struct zcm_hash *hash);

/* The same of what is there at a time: what is over the grace is not, swept or not. */
uint32_t zcm_entry_live(struct zc_mirror *m, const struct zcm_hash *hash, int64_t now);
int zcm_entry_room(struct zc_mirror *m);
void zcm_entry_rehash(struct zc_mirror *m, uint32_t old);
uint32_t zcm_entry_add(struct zc_mirror *m, const struct zcm_info *info);
void zcm_entry_del(struct zc_mirror *m, uint32_t i, uint8_t reason);
int64_t zcm_past_expires(struct zc_mirror *m, uint64_t generation, int64_t expires_ns);
void zcm_entry_expires(struct zc_mirror *m, uint32_t i, int64_t expires_ns);
void zcm_index_clear(struct zc_mirror *m);

/* mirror_meta.c: files. */
void zcm_meta_name(char *name, const struct zcm_hash *hash);
void zcm_data_name(char *name, uint64_t generation);
void zcm_fill_name(char *name, uint64_t id, bool meta);
uint64_t zcm_meta_charge(const struct zcm_meta *meta);
struct zcm_info *zcm_info_new(const struct zc_mirror *m, const struct zc_put *put);
struct zcm_info *zcm_info_get(struct zcm_info *info);
void zcm_info_put(struct zcm_info *info);

/* Removes a file that nobody is to have; if it cannot, the index is made anew. */
void zcm_unlink(struct zc_mirror *m, const char *name);

/* -ENOENT, -EIO, -ENOMEM, -EUCLEAN: it is damaged. */
int zcm_info_read(struct zc_mirror *m, const char *name, struct zcm_info **info);

/* Writes a metadata file anew; or its first part only, that changes with the commit. */
int zcm_info_write(struct zc_mirror *m, const char *name, struct zcm_info *info, bool sync);
int zcm_info_rewrite(struct zc_mirror *m, const char *name, struct zcm_info *info);
int zcm_info_write_unnamed(struct zc_mirror *m, struct zcm_info *info);

/* Marks a data file as a version of this mirror, and tells that it is. */
void zcm_stamp(const struct zc_mirror *m, int fd, uint64_t generation);
bool zcm_stamped(const struct zc_mirror *m, const struct stat *st);
bool zcm_marked(const struct stat *st, uint64_t generation);

/* mirror.c: zcm_lock(), and takes back what is over. */
int zcm_lock_fresh(struct zc_mirror *m);

/* mirror_super.c: DIR/store. */
int zcm_super_read(int dir, struct zcm_super *super);
int zcm_super_write(int dir, struct zcm_super *super, bool create);
int zcm_conf_check(struct zcm_super *super, const struct zc_mirror_conf *conf);

/* mirror_hash.c */
void zcm_hash(const struct zc_mirror *m, const void *key, size_t len, struct zcm_hash *hash);
uint32_t zcm_crc(uint32_t crc, const void *data, size_t len);

/* mirror_evict.c: room. With the lock. */
bool zcm_expired(int64_t expires_ns, int64_t now);
int64_t zcm_now(void);
int zcm_remove(struct zc_mirror *m, uint32_t i, uint8_t reason);
unsigned int zcm_sweep(struct zc_mirror *m);
bool zcm_over(const struct zc_mirror *m, int64_t expires_ns, int64_t now);
#define ZCM_EVICT_MAX	32
int zcm_reserve(struct zc_mirror *m, uint64_t charge, unsigned int most);
int zcm_shrink(struct zc_mirror *m);
void zcm_reap(struct zc_mirror *m);

/* mirror_news.c: what the policy's owner is to be told. With the lock. */
void zcm_news_begin(struct zcm_head *h, bool owned);
void zcm_news_came(struct zc_mirror *m, uint32_t i);
void zcm_news_left(struct zc_mirror *m, uint32_t i, uint8_t reason);
void zcm_news_used(struct zc_mirror *m, uint32_t i);
void zcm_news_drain(struct zc_mirror *m, struct zc_policy_drain *drain);

/* mirror_policy.c. With the lock. */
void zcm_owner_check(struct zc_mirror *m);
void zcm_owner_forget(struct zcm_head *h);

/* mirror_expires.c. */
int zcm_set_expires(struct zc_mirror *m, uint32_t i, int64_t expires_ns,
		    struct zcm_change *change);
void zcm_change_prepare(struct zc_mirror *m, struct zcm_change *change);
void zcm_change_end(struct zcm_change *change);

/*
 * mirror_object.c. Returns an object fd of it, the user's to close; for zc_open_object() and
 * ZC_SEND_PIN.
 */
int zcm_pin(struct zc_mirror *m, struct zcm_object *obj);

/* mirror_fill.c: also the back end's calls. With the lock. */
struct zcm_fill *zcm_fill_reserved(struct zc_mirror *m, const struct zcm_hash *hash);
struct zcm_fill *zcm_fill_of(struct zc_mirror *m, const struct stat *st);
bool zcm_fresh(struct zc_mirror *m, uint32_t i);
bool zcm_fill_dead(struct zc_mirror *m, const struct zcm_fill *fill);
void zcm_fill_end(struct zc_mirror *m, struct zcm_fill *fill);

/* mirror_commit.c: the fill becomes an object. Without the lock. */
int zcm_commit(struct zc_mirror *m, int fd, const struct stat *st, struct zcm_info *info,
	       enum zc_counter counter);

/* mirror_rebuild.c: makes the index from the files. With the lock. */
int zcm_rebuild(struct zc_mirror *m);

/* The back end's calls. */
int zcm_call_put(struct zc_cache *cache, struct zc_put *put);
int zcm_call_fill(struct zc_cache *cache, struct zc_put *fill);
int zcm_call_commit(struct zc_cache *cache, int fill_fd, struct zc_commit *commit);
int zcm_call_stat(struct zc_cache *cache, struct zc_stat *stat);
int zcm_call_get(struct zc_cache *cache, struct zc_get *get);
int zcm_call_open(struct zc_cache *cache, struct zc_open *open);
int zcm_call_send(struct zc_cache *cache, struct zc_send *send);
int zcm_call_send_batch(struct zc_cache *cache, struct zc_send_batch *batch);
int zcm_call_delete(struct zc_cache *cache, struct zc_delete *del);
int zcm_call_purge(struct zc_cache *cache, struct zc_purge *purge);
int zcm_call_touch(struct zc_cache *cache, struct zc_touch *touch);
int zcm_call_wait(struct zc_cache *cache, struct zc_wait *wait);
int zcm_call_lookup(struct zc_cache *cache, struct zc_lookup *lookup);
void zcm_call_release(struct zc_cache *cache, struct zc_lookup *lookup);

static inline struct zc_mirror *zcm_mirror(struct zc_cache *cache)
{
	return (struct zc_mirror *)cache;
}

/* An object was used: for SIEVE, and for the owner of the policy. With the lock. */
static inline void zcm_use(struct zc_mirror *m, uint32_t i)
{
	m->entry[i].visited = 1;
	if (m->head->news_end)
		zcm_news_used(m, i);
}

/*
 * Around every change of the index or the files, under the lock: who is killed
 * between the two leaves it to the next one to look at the files.
 */
static inline void zcm_dirty(struct zc_mirror *m)
{
	__atomic_store_n(&m->head->dirty, 1, __ATOMIC_SEQ_CST);
}

static inline void zcm_clean(struct zc_mirror *m)
{
	if (!m->head->torn)
		__atomic_store_n(&m->head->dirty, 0, __ATOMIC_SEQ_CST);
}

static inline bool zcm_durable(const struct zc_mirror *m)
{
	return __atomic_load_n(&m->head->flags, __ATOMIC_RELAXED) & ZC_MIRROR_DURABLE;
}

/* Counts; takes no lock. */
static inline void zcm_count(struct zc_mirror *m, enum zc_counter c, uint64_t n)
{
	__atomic_fetch_add(&m->head->counters[c], n, __ATOMIC_RELAXED);
}

#endif /* ZC_MIRROR_H */
