/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A store as uapi/linux/zcache.h tells it, in plain memory: every version that
 * ever was stands in one array, and what a key has is found by looking at all of
 * them. It has no index, no lock and no files, so that it can be read against the
 * header. What the library's back ends answer is compared with it.
 *
 * The calls take the structs of the header and give 0 or -errno. Descriptors are
 * numbers of its own, and so are sockets, which are kinds.
 */
#ifndef ZC_MODEL_H
#define ZC_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <linux/zcache.h>
#include <linux/zcache_counters.h>

struct model_conf {
	uint64_t capacity, max_object_size;
	uint32_t max_key_len;
	uint64_t default_ttl_ms;	/* 0 for none */
	uint64_t grace_ms;
	/* What an object takes of the capacity; NULL: room never runs out. */
	uint64_t (*charge)(const struct zc_put *put);
	bool follows;		/* that is the store's business: see model_follow() */
	bool holds;		/* what is open stays, and is charged */
};

/* What a message is sent to. */
enum model_sock {
	MODEL_UNIX,		/* takes all, and is empty before each send */
	MODEL_TCP,		/* the same */
	MODEL_NO_FD,
	MODEL_NO_SOCKET,	/* a file */
	MODEL_DATAGRAM,
	MODEL_LISTENS,		/* TCP */
	MODEL_UNCONNECTED,	/* UNIX */
	MODEL_SHUT,		/* shut down by its owner, who wrote to it; UNIX */
	MODEL_GONE,		/* closed by its peer; UNIX */
	MODEL_FULL,		/* takes nothing; UNIX */
	MODEL_SOCKS
};

struct model;

struct model *model_new(const struct model_conf *conf);
void model_free(struct model *m);

int model_info(struct model *m, struct zc_info *info);
int model_put(struct model *m, struct zc_put *put);
int model_fill(struct model *m, struct zc_put *fill);		/* the fd */
int model_commit(struct model *m, int fd, uint64_t *generation);
int model_stat(struct model *m, struct zc_stat *stat);
int model_get(struct model *m, struct zc_get *get);
int model_open(struct model *m, struct zc_open *open);		/* the fd */
int model_send(struct model *m, struct zc_send *send);
int model_send_batch(struct model *m, struct zc_send_batch *batch);
int model_delete(struct model *m, struct zc_delete *del);
int model_purge(struct model *m, struct zc_purge *purge);
int model_touch(struct model *m, struct zc_touch *touch);
int model_wait(struct model *m, struct zc_wait *wait);		/* 0 or the fd */

/* What the kernel does with descriptors. */
ssize_t model_write(struct model *m, int fd, const void *buf, size_t len, uint64_t offset);
ssize_t model_read(struct model *m, int fd, void *buf, size_t len, uint64_t offset);
bool model_readable(struct model *m, int fd);
void model_close(struct model *m, int fd);
/* What went to the socket since it was asked last. */
const unsigned char *model_received(struct model *m, size_t *len);

const uint64_t *model_counters(const struct model *m);
/* What objects and fills have of the capacity. */
uint64_t model_used(const struct model *m);
/*
 * What a store did that was to make room, before the model does it: so many went, and
 * there was room then or not. What its objects took is told before, and then which keys
 * have none any more.
 */
void model_charge(struct model *m, const void *key, size_t key_len, uint64_t charge);
void model_follow(struct model *m, uint64_t evictions, bool refused);
void model_gone(struct model *m, const void *key, size_t key_len);
/* Whether all of that was as it may be. */
bool model_followed(const struct model *m);
/* The store was opened without what it knew besides its objects. */
void model_forget(struct model *m);
/* A descriptor of an object of another store. */
int model_foreign(struct model *m);

/* What the one who chooses the calls has to know beforehand. */
enum model_gap { MODEL_COMPLETE, MODEL_GAP, MODEL_FINE_GAP };
/*
 * What a fill lacks. A gap is one that files can tell: the last byte, or a whole
 * page. A fine one is known only to who counts bytes.
 */
enum model_gap model_fill_lacks(struct model *m, int fd);
/* Whether it is a fill that was not committed. */
bool model_filling(struct model *m, int fd);
uint64_t model_fill_len(struct model *m, int fd);
/* The version that a key has now, expired or not; 0 for none. */
uint64_t model_generation(struct model *m, const void *key, size_t key_len);
uint64_t model_newest(const struct model *m);
/*
 * Whether the header does not say if the version behind an object fd has expired: it
 * had left before a soft purge of its tag.
 */
bool model_vague(struct model *m, int fd);
/* Bytes of the message that a send would send, if it may be sent. */
uint64_t model_message(struct model *m, const struct zc_send *send);

#endif /* ZC_MODEL_H */
