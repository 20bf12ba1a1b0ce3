/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * A mirror that another process owns: what its clients and "zcached --mirror" say to each
 * other, in messages of a SOCK_SEQPACKET UNIX socket, and the client. Not installed.
 *
 * The owner greets a connection with the answer to ZCS_INFO. Each request then has one
 * answer, but those that are ZCS_QUIET, which have none. Who asks again before he took the answer
 * is cut off, as is who sends what is no request. MIRROR.md has the whole of it.
 */
#ifndef ZC_SERVED_H
#define ZC_SERVED_H

#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <linux/zcache_counters.h>

#include "mirror.h"

#define ZCS_MAGIC	0x7372637au
#define ZCS_VERSION	1

/**
 * enum zcs_op - what is asked
 * @ZCS_INFO: how the mirror is; the answer has a struct zcs_info
 * @ZCS_FIND: the object of a key, which follows the request; the answer has a struct
 *	zcs_found, and unless ZCM_BARE is set entity tag, content type and header blob
 * @ZCS_HELD: the same of a version that the client has open; no blobs, and no fd
 * @ZCS_OPEN: another fd of a version that still is its key's; the answer has nothing else
 * @ZCS_HIT: count a hit; no answer
 * @ZCS_COUNT: add to counters, whose numbers follow the request
 * @ZCS_COUNTERS: the answer has all counters
 */
enum zcs_op {
	ZCS_INFO = 1,
	ZCS_FIND,
	ZCS_HELD,
	ZCS_OPEN,
	ZCS_HIT,
	ZCS_COUNT,
	ZCS_COUNTERS,
};

/* Whether an operation has no answer. */
#define ZCS_QUIET(op)	((op) == ZCS_HIT)

/* Flags of requests: those of zcm_find(). */
#define ZCS_FIND_FLAGS	(ZCM_EXPIRED_OK | ZCM_NO_COUNT | ZCM_HIT_LATER | ZCM_BARE | ZCM_USE)

/**
 * struct zcs_request - how a request begins; the key or the numbers follow
 * @magic: ZCS_MAGIC
 * @version: ZCS_VERSION
 * @op: enum zcs_op
 * @flags: of ZCS_FIND and ZCS_HELD: ZCS_FIND_FLAGS
 * @body_len: bytes that follow
 * @number: by which its answer is known
 * @generation: of those two: the version wanted, 0 for any
 * @have: the version that the client has open, 0 for none; of ZCS_OPEN, ZCS_HELD and
 *	ZCS_HIT the one meant
 * @hash: of these three: its key's, as an answer told it
 * @data_len: of ZCS_HELD and ZCS_HIT: bytes of it
 * @expires_ns: of ZCS_HELD: when it was to expire, as an answer told it
 */
struct zcs_request {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	uint16_t flags;
	uint16_t body_len;
	uint32_t number;
	uint64_t generation;
	uint64_t have;
	struct zcm_hash hash;
	uint64_t data_len;
	int64_t expires_ns;
};

#define ZCS_FD		(1U << 0)	/* zcs_answer.flags: an object fd comes with it */
#define ZCS_SAME	(1U << 1)	/* it is the version that the client has */

/**
 * struct zcs_answer - how an answer begins
 * @magic: ZCS_MAGIC
 * @version: ZCS_VERSION
 * @op: that of the request
 * @err: 0 or -errno; then nothing follows
 * @flags: ZCS_FD, ZCS_SAME
 * @body_len: bytes that follow
 * @number: that of the request; 0 in a greeting
 */
struct zcs_answer {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	int32_t err;
	uint32_t flags;
	uint32_t body_len;
	uint32_t number;
};

/**
 * struct zcs_info - the mirror
 * @id: the random number that marks its data files
 * @max_key_len: bytes of the longest key
 * @dev: the device of its files
 * @capacity: as in struct zc_info, as are those that follow
 * @used: see there
 * @objects: see there
 * @max_object_size: see there
 * @splice_threshold: see there
 * @name: see there, with a NUL at its end
 */
struct zcs_info {
	uint32_t id;
	uint32_t max_key_len;
	uint64_t dev;
	uint64_t capacity;
	uint64_t used;
	uint64_t objects;
	uint64_t max_object_size;
	uint64_t splice_threshold;
	char name[ZC_NAME_MAX + 8];
};

/**
 * struct zcs_found - an object, as struct zcm_object has it
 * @generation: the version
 * @data_len: bytes of it
 * @charge: bytes it takes of the capacity
 * @hits: times it was found
 * @created_ns: when it was committed
 * @expires_ns: when it stops being served, 0 for never
 * @splice_threshold: of the mirror, as it is now
 * @hash: of its key
 * @state: ZC_STATE_*
 * @nr_tags: how many tags it has
 * @etag_len: bytes of the entity tag, which follows
 * @type_len: of the content type, next
 * @header_len: of the header blob, last
 * @__reserved: 0
 * @tags: its tags
 */
struct zcs_found {
	uint64_t generation;
	uint64_t data_len;
	uint64_t charge;
	uint64_t hits;
	int64_t created_ns;
	int64_t expires_ns;
	uint64_t splice_threshold;
	struct zcm_hash hash;
	uint32_t state;
	uint32_t nr_tags;
	uint32_t etag_len;
	uint32_t type_len;
	uint32_t header_len;
	uint32_t __reserved;
	uint64_t tags[ZC_TAGS_MAX];
};

#define ZCS_BLOBS_MAX	(ZC_ETAG_MAX + ZC_TYPE_MAX + ZC_HEADER_MAX)

/**
 * struct zcs_request_msg - a request, with room for the longest
 * @head: how it begins
 * @body: what follows
 * @numbers: the same as numbers
 */
struct zcs_request_msg {
	struct zcs_request head;
	union {
		uint8_t body[ZC_KEY_MAX];
		uint64_t numbers[ZC_C_NR];
	};
};

/**
 * struct zcs_answer_msg - an answer, with room for the longest
 * @head: how it begins
 * @info: of ZCS_INFO
 * @found: of ZCS_FIND and ZCS_HELD
 * @blobs: what follows @found
 * @numbers: of ZCS_COUNTERS
 */
struct zcs_answer_msg {
	struct zcs_answer head;
	union {
		struct zcs_info info;
		struct {
			struct zcs_found found;
			uint8_t blobs[ZCS_BLOBS_MAX];
		};
		uint64_t numbers[ZC_C_NR];
	};
};

/*
 * served_msg.c. Whether what came is a request, or the answer to one: all that the numbers
 * say is then so, and the lengths are within the message. nr_fds came with it.
 */
bool zcs_request_good(const struct zcs_request_msg *msg, size_t len);
bool zcs_answer_good(const struct zcs_request *asked, const struct zcs_answer_msg *msg,
		     size_t len, unsigned int nr_fds);

/* Numbers that a client may add to: those of what it does itself. */
bool zcs_counter_ours(unsigned int counter);

#define ZCS_IDLE	8	/* connections that wait for the next request */
#define ZCS_GUESSES	1024

/**
 * struct zcm_served - the client
 * @address: of the socket
 * @address_len: bytes of it
 * @telling: held while counters are on their way to the owner
 * @process: see zc_process(); whose counters are in zc_mirror.head; atomic
 * @told_ns: when the owner was told of them; atomic
 * @idle: connections that nobody uses: the process and the fd, 0 for none; atomic. Who takes
 *	one has it for himself, so no lock is held while somebody else is waited for
 * @guess: by the hash of a key, the version it had last; atomic, and only a guess
 */
struct zcm_served {
	struct sockaddr_un address;
	socklen_t address_len;
	pthread_mutex_t telling; /* see above */
	uint32_t process;
	int64_t told_ns;
	uint64_t idle[ZCS_IDLE];
	uint64_t guess[ZCS_GUESSES];
};

/*
 * served_ask.c. Asks; body_len of the request is that of body. The answer is a good one. *fd,
 * if fd is not NULL, is set to the fd that came with it, or -1. Returns 0, the answer's -errno,
 * -EPROTO: it is no answer; -EPROTONOSUPPORT: it is one of another version; -ENODEV: another
 * mirror is there now; -EMFILE: the fd cannot be had here; or why the owner cannot be reached.
 */
int zcs_ask(struct zc_mirror *m, struct zcs_request *ask, const void *body,
	    struct zcs_answer_msg *answer, int *fd);

/* Tells what was counted here since; at once, or if that was not done for some time. */
void zcs_tell_counters(struct zc_mirror *m);
void zcs_tell_due(struct zc_mirror *m);

/* Takes the first connection, and learns of it what the mirror is. */
int zcs_begin(struct zc_mirror *m);
void zcs_end(struct zc_mirror *m);

/* served_find.c: what mirror_find.c does of a mirror whose index is here. */
int zcs_find(struct zc_mirror *m, const void *key, size_t key_len, uint64_t generation,
	     unsigned int flags, struct zcm_object **obj);
int zcs_held(struct zc_mirror *m, struct zcm_object *obj, uint64_t generation,
	     unsigned int flags);
void zcs_hit(struct zc_mirror *m, const struct zcm_object *obj);
int zcs_open(struct zc_mirror *m, const struct zcm_object *obj);

#endif /* ZC_SERVED_H */
