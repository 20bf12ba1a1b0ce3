/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/*
 * zcache: the ioctl interface of a store, /dev/zcache/NAME.
 */
#ifndef _UAPI_LINUX_ZCACHE_H
#define _UAPI_LINUX_ZCACHE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * DOC: rules that hold for every call
 *
 * Every argument is a struct whose first member is its own size in bytes, as
 * the program was compiled. A smaller struct than the first published one is
 * refused (EINVAL), as is one that is no multiple of 8 bytes up to the size
 * that this kernel knows; a larger one is taken if all the bytes that this kernel
 * does not know are zero, else refused (E2BIG). Unknown flags and non-zero
 * reserved members are refused (EINVAL). Addresses are user addresses in
 * 64-bit members. Members marked (out) are written only on success, unless
 * said otherwise; (in/out) members are read first.
 *
 * Lengths and offsets are bytes. Keys are 1 to ZC_KEY_MAX arbitrary bytes.
 * A generation names one version of a key, is never 0, and is never used
 * twice within a store.
 *
 * Calls that name an object take either key and key_len, or the object fd
 * that ZC_IOC_OPEN returned together with the call's ..._FD flag; then key and
 * key_len must be zero. An object fd names the version it was opened for,
 * also when that version has been replaced or deleted. It must come from the
 * same store (EXDEV).
 *
 * Reading calls need a node opened for reading; PUT, FILL, DELETE, PURGE and
 * TOUCH one opened for writing (EBADF). SEND, GET and WAIT may sleep.
 *
 * Errors of every call:
 *
 * ========== ==============================================================
 * E2BIG      the struct is larger than this kernel knows, and not zero there
 * EBADF      the node, object fd or fill fd is closed or not open for this
 * EFAULT     an address is not readable or not writable. The struct itself is
 *            tried before the call acts; only one whose memory goes away in
 *            the middle of the call gives this after the call did its work
 * EINVAL     struct too small, unknown flag, reserved member not zero, key
 *            empty, or an argument outside the range given at the member
 * ENAMETOOLONG the key is longer than the store allows
 * EIO        memory failed and took bytes of the object with it
 * ENODEV     the store was deleted
 * ENOENT     no such key, or the object has expired
 * ENOMEM     the kernel has no memory for it
 * ENOTTY     no such call
 * ESTALE     the object exists, in another generation than the one asked for
 * EXDEV      the object fd is of another store
 * ========== ==============================================================
 */

/** ZC_ABI_VERSION - counts incompatible changes of this header. */
#define ZC_ABI_VERSION		1

#define ZC_KEY_MAX		1024	/* bytes in a key */
#define ZC_HEADER_MAX		4096	/* bytes in an object's header blob */
#define ZC_ETAG_MAX		128	/* bytes in an entity tag */
#define ZC_TYPE_MAX		128	/* bytes in a content type */
#define ZC_TAGS_MAX		8	/* tags of one object */
#define ZC_PARTS_MAX		64	/* parts of one SEND */
#define ZC_INLINE_BYTES_MAX	65536	/* bytes of all INLINE parts of one SEND */
#define ZC_BATCH_MAX		1024	/* messages of one SEND_BATCH */
#define ZC_NAME_MAX		32	/* bytes in a store's name, without the NUL */

/* Numbers are unique; a number that was published is not reused. */
#define ZC_IOC_TYPE		'z'
#define ZC_IOC_INFO		_IO(ZC_IOC_TYPE, 0x80)	/* struct zc_info */
#define ZC_IOC_PUT		_IO(ZC_IOC_TYPE, 0x81)	/* struct zc_put */
#define ZC_IOC_FILL		_IO(ZC_IOC_TYPE, 0x82)	/* struct zc_put */
#define ZC_IOC_COMMIT		_IO(ZC_IOC_TYPE, 0x83)	/* struct zc_commit */
#define ZC_IOC_STAT		_IO(ZC_IOC_TYPE, 0x84)	/* struct zc_stat */
#define ZC_IOC_GET		_IO(ZC_IOC_TYPE, 0x85)	/* struct zc_get */
#define ZC_IOC_OPEN		_IO(ZC_IOC_TYPE, 0x86)	/* struct zc_open */
#define ZC_IOC_SEND		_IO(ZC_IOC_TYPE, 0x87)	/* struct zc_send */
#define ZC_IOC_DELETE		_IO(ZC_IOC_TYPE, 0x88)	/* struct zc_delete */
#define ZC_IOC_SEND_BATCH	_IO(ZC_IOC_TYPE, 0x89)	/* struct zc_send_batch */
#define ZC_IOC_PURGE		_IO(ZC_IOC_TYPE, 0x8a)	/* struct zc_purge */
#define ZC_IOC_TOUCH		_IO(ZC_IOC_TYPE, 0x8b)	/* struct zc_touch */
#define ZC_IOC_WAIT		_IO(ZC_IOC_TYPE, 0x8c)	/* struct zc_wait */

/* Bits of zc_info.features: what a program may rely on. */
#define ZC_FEAT_SEND_SPLICE	(1ULL << 0)	/* SEND passes pages by reference */
#define ZC_FEAT_LARGE_FOLIOS	(1ULL << 1)	/* objects use multi-page folios */

/**
 * struct zc_info - argument of ZC_IOC_INFO: the store and its limits
 * @size: sizeof(struct zc_info)
 * @flags: must be 0
 * @abi: (out) ZC_ABI_VERSION of the kernel
 * @inline_limit: (out) objects up to this many bytes live in slab memory
 * @features: (out) ZC_FEAT_* bits
 * @capacity: (out) bytes the store may use, data and metadata
 * @used: (out) bytes it uses now
 * @objects: (out) objects visible now
 * @max_object_size: (out) bytes of the largest object
 * @splice_threshold: (out) object ranges of at least this many bytes are sent
 *	by reference, shorter ones by copy
 * @max_key_len: (out) bytes of the longest key
 * @__reserved: must be 0
 * @name: (out) the store's name, NUL-terminated
 */
struct zc_info {
	__u32 size;
	__u32 flags;
	__u32 abi;
	__u32 inline_limit;
	__aligned_u64 features;
	__aligned_u64 capacity;
	__aligned_u64 used;
	__aligned_u64 objects;
	__aligned_u64 max_object_size;
	__aligned_u64 splice_threshold;
	__u32 max_key_len;
	__u32 __reserved;
	char name[40];
};

/* Flags of ZC_IOC_PUT and ZC_IOC_FILL. */
#define ZC_PUT_EXCL		(1U << 0)	/* EEXIST if the key exists at commit */
#define ZC_PUT_RESERVE		(1U << 1)	/* FILL: nobody else has the key reserved */

/**
 * struct zc_put - argument of ZC_IOC_PUT and ZC_IOC_FILL: a new object
 * @size: sizeof(struct zc_put)
 * @flags: ZC_PUT_*
 * @key: address of the key
 * @key_len: bytes of the key, 1 to zc_info.max_key_len
 * @header_len: bytes of the header blob, 0 to ZC_HEADER_MAX
 * @header: address of the header blob, which SEND's HEADER part sends
 * @etag: address of the entity tag
 * @type: address of the content type
 * @etag_len: bytes of the entity tag, 0 to ZC_ETAG_MAX
 * @type_len: bytes of the content type, 0 to ZC_TYPE_MAX
 * @expires_ns: CLOCK_REALTIME nanoseconds at which the object stops being
 *	served; 0: as the store's default says, or never; where there is a
 *	default, the largest number is never
 * @data: PUT: address of the bytes; FILL: must be 0
 * @data_len: bytes of the object, which may be 0
 * @generation: (out) PUT: the new version; FILL: not written
 * @fd: (out) FILL: the fill fd, close-on-exec; PUT: not written; 0 on entry
 * @__reserved: must be 0
 * @tags: address of @nr_tags different 64-bit numbers other than 0, the tags:
 *	whom the object belongs to, by which it is counted, limited and purged
 * @nr_tags: how many, 0 to ZC_TAGS_MAX
 * @__reserved2: must be 0
 *
 * PUT makes the object visible in one step, in place of any older version.
 * FILL reserves the room and returns a fd to write(2), pwrite(2) in any order,
 * splice(2) or sendfile(2) the bytes into. The fill is invisible until
 * ZC_IOC_COMMIT on that fd; closing its last copy without leaves no trace.
 * A write past @data_len gives EFBIG. Of two fills of one key the later commit
 * wins; a delete ends the versions committed before it, not a fill under way.
 *
 * FILL with ZC_PUT_RESERVE begins only if the key is missing, or has expired, and
 * no other such fill of it is under way: of many who miss a key one fills it. Who
 * gets EEXIST finds the object now; who gets EBUSY is told to wait (ZC_IOC_WAIT) or
 * to do without. The reservation ends with the commit, or with the last copy of the
 * fill fd, also when its process dies. It binds nobody who does not ask for one.
 *
 * EEXIST: the key exists and ZC_PUT_EXCL was given. EFBIG: @data_len is above
 * the store's limit. ENOSPC: all that could be evicted is gone and the
 * object still does not fit. EDQUOT: the same of what has a tag with a quota.
 * EINTR: a signal ended a PUT, nothing changed.
 */
struct zc_put {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__u32 header_len;
	__aligned_u64 header;
	__aligned_u64 etag;
	__aligned_u64 type;
	__u32 etag_len;
	__u32 type_len;
	__s64 __attribute__((aligned(8))) expires_ns;
	__aligned_u64 data;
	__aligned_u64 data_len;
	__aligned_u64 generation;
	__s32 fd;
	__u32 __reserved;
	__aligned_u64 tags;
	__u32 nr_tags;
	__u32 __reserved2;
};

/**
 * struct zc_commit - argument of ZC_IOC_COMMIT, on the fill fd
 * @size: sizeof(struct zc_commit)
 * @flags: must be 0
 * @generation: (out) the new version
 *
 * ENODATA: bytes are missing; the fill goes on. EALREADY: it was committed
 * before (a write to it then gives EALREADY too). EEXIST: the key exists and
 * ZC_PUT_EXCL was given; the fill goes on.
 */
struct zc_commit {
	__u32 size;
	__u32 flags;
	__aligned_u64 generation;
};

/* Flags of ZC_IOC_STAT. */
#define ZC_STAT_FD		(1U << 0)	/* the object is zc_stat.fd */
#define ZC_STAT_EXPIRED_OK	(1U << 1)	/* also if it has expired */

/* Bits of zc_stat.state. */
#define ZC_STATE_INLINE		(1U << 0)	/* lives in slab memory, sent by copy */
#define ZC_STATE_EXPIRED	(1U << 1)	/* past expires_ns, or purged softly */

/**
 * struct zc_stat - argument of ZC_IOC_STAT: what is known of an object
 * @size: sizeof(struct zc_stat)
 * @flags: ZC_STAT_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @fd: object fd with ZC_STAT_FD, else 0
 * @generation: (in/out) in: the version wanted, 0 for any; out: the version
 * @data_len: (out) bytes of the object
 * @resident: (out) bytes of it that are in memory
 * @charge: (out) bytes it takes of the store's capacity
 * @expires_ns: (out) CLOCK_REALTIME nanoseconds at which it stops being
 *	served, 0 for never
 * @created_ns: (out) CLOCK_REALTIME nanoseconds of the commit
 * @hits: (out) times it was found, approximately
 * @state: (out) ZC_STATE_* bits
 * @__reserved: must be 0
 * @header: address for the header blob, used if @header_len is not 0
 * @etag: address for the entity tag, used if @etag_len is not 0
 * @type: address for the content type, used if @type_len is not 0
 * @header_len: (in/out) in: room at @header; out: bytes of the header blob
 * @etag_len: (in/out) in: room at @etag; out: bytes of the entity tag
 * @type_len: (in/out) in: room at @type; out: bytes of the content type
 * @__reserved2: must be 0
 * @tags: address for the tags, used if @nr_tags is not 0
 * @nr_tags: (in/out) in: room at @tags, in tags; out: how many there are
 * @__reserved3: must be 0
 *
 * STAT does not count as a use. EMSGSIZE: a room that was given is too small;
 * all (out) members are written, the lengths as needed, but no blob.
 */
struct zc_stat {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__s32 fd;
	__aligned_u64 generation;
	__aligned_u64 data_len;
	__aligned_u64 resident;
	__aligned_u64 charge;
	__s64 __attribute__((aligned(8))) expires_ns;
	__s64 __attribute__((aligned(8))) created_ns;
	__aligned_u64 hits;
	__u32 state;
	__u32 __reserved;
	__aligned_u64 header;
	__aligned_u64 etag;
	__aligned_u64 type;
	__u32 header_len;
	__u32 etag_len;
	__u32 type_len;
	__u32 __reserved2;
	__aligned_u64 tags;
	__u32 nr_tags;
	__u32 __reserved3;
};

/* Flags of ZC_IOC_GET. */
#define ZC_GET_FD		(1U << 0)	/* the object is zc_get.fd */
#define ZC_GET_EXPIRED_OK	(1U << 1)	/* also if it has expired */

/**
 * struct zc_get - argument of ZC_IOC_GET: copy a range to user memory
 * @size: sizeof(struct zc_get)
 * @flags: ZC_GET_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @fd: object fd with ZC_GET_FD, else 0
 * @generation: (in/out) in: the version wanted, 0 for any; out: the version
 * @offset: first byte wanted
 * @buf: address to copy to
 * @buf_len: room at @buf; fewer bytes are copied at the end of the object
 * @copied: (out) bytes copied
 * @data_len: (out) bytes of the object
 * @miss_tag: the tag whose miss it is if the object is missing or has expired,
 *	counted there if the tag exists; 0 for none
 *
 * ERANGE: @offset is past the end of the object (at the end: 0 bytes).
 */
struct zc_get {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__s32 fd;
	__aligned_u64 generation;
	__aligned_u64 offset;
	__aligned_u64 buf;
	__aligned_u64 buf_len;
	__aligned_u64 copied;
	__aligned_u64 data_len;
	__aligned_u64 miss_tag;
};

/* Flags of ZC_IOC_OPEN. */
#define ZC_OPEN_EXPIRED_OK	(1U << 0)	/* also if it has expired */

/**
 * struct zc_open - argument of ZC_IOC_OPEN: pin one version behind a fd
 * @size: sizeof(struct zc_open)
 * @flags: ZC_OPEN_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @fd: (out) the object fd: read-only, close-on-exec; 0 on entry
 * @generation: (in/out) in: the version wanted, 0 for any; out: the version
 * @data_len: (out) bytes of the object
 * @miss_tag: as in struct zc_get
 *
 * read(2), pread(2), read-only or private mmap(2), sendfile(2), splice(2),
 * fstat(2) and lseek(2) work on the fd as on a file. The bytes stay, and stay
 * charged to the store, until the last fd and mapping are gone.
 */
struct zc_open {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__s32 fd;
	__aligned_u64 generation;
	__aligned_u64 data_len;
	__aligned_u64 miss_tag;
};

/* zc_part.type */
#define ZC_PART_INLINE		1	/* bytes of the caller */
#define ZC_PART_HEADER		2	/* the header blob stored with the object */
#define ZC_PART_OBJECT		3	/* a range of the object */
#define ZC_PART_SELECT		4	/* no bytes: names another object */

/* Flags of a part. */
#define ZC_PART_TO_END		(1U << 0)	/* OBJECT: from offset to the end */
#define ZC_PART_SUFFIX		(1U << 1)	/* OBJECT: the last length bytes */
#define ZC_PART_FD		(1U << 2)	/* SELECT: by the object fd in offset */

/**
 * struct zc_part - one piece of a message
 * @type: ZC_PART_INLINE, ZC_PART_HEADER, ZC_PART_OBJECT or ZC_PART_SELECT
 * @flags: ZC_PART_*; TO_END and SUFFIX exclude each other
 * @addr: INLINE: address of the bytes; SELECT: address of the key; else 0
 * @offset: OBJECT: first byte of the range, 0 with ZC_PART_SUFFIX; SELECT: the
 *	object fd with ZC_PART_FD; else 0
 * @length: INLINE: bytes at @addr; OBJECT: bytes of the range, 0 with
 *	ZC_PART_TO_END; SELECT: bytes of the key, 0 with ZC_PART_FD; HEADER: 0
 * @generation: (in/out) SELECT: in: the version wanted, 0 for any; out: the
 *	version, written before the first byte leaves and also when none does
 *	(set it to 0 again to take any version); else 0
 *
 * HEADER and OBJECT are of the object that the last SELECT before them names,
 * or of the call's own object where there is none. A suffix longer than the
 * object is all of it, as in HTTP.
 */
struct zc_part {
	__u32 type;
	__u32 flags;
	__aligned_u64 addr;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 generation;
};

/* Flags of ZC_IOC_SEND. */
#define ZC_SEND_FD		(1U << 0)	/* the object is zc_send.fd */
#define ZC_SEND_EXPIRED_OK	(1U << 1)	/* also if it has expired */
#define ZC_SEND_NOWAIT		(1U << 2)	/* as if the socket had O_NONBLOCK */
#define ZC_SEND_MORE		(1U << 3)	/* more follows: as MSG_MORE */
#define ZC_SEND_COPY		(1U << 4)	/* by copy, whatever the size */
#define ZC_SEND_PIN		(1U << 5)	/* an object fd after a short send */
#define ZC_SEND_IF_MATCH	(1U << 6)	/* only if the entity tag is etag */
#define ZC_SEND_IF_NONE_MATCH	(1U << 7)	/* only if it is not */

/**
 * struct zc_send - argument of ZC_IOC_SEND: look up, and send to a socket
 * @size: sizeof(struct zc_send)
 * @flags: ZC_SEND_*; IF_MATCH and IF_NONE_MATCH exclude each other
 * @key: address of the key
 * @key_len: bytes of the key
 * @fd: object fd with ZC_SEND_FD, else 0
 * @sock: a connected stream socket: TCP over IPv4 or IPv6, with or without
 *	kernel TLS, or UNIX
 * @nr_parts: 1 to ZC_PARTS_MAX
 * @parts: address of an array of struct zc_part, sent in this order
 * @skip: bytes of the message that went out before and are left out now
 * @max_bytes: send at most this many bytes in this call; 0: no such bound
 * @generation: (in/out) in: the version wanted, 0 for any; out: the version
 * @sent: (out) bytes that the socket took in this call
 * @total: (out) bytes of the whole message, with the skipped ones
 * @data_len: (out) bytes of the object
 * @etag: address of an entity tag, with ZC_SEND_IF_MATCH or IF_NONE_MATCH;
 *	else 0
 * @etag_len: its bytes, 1 to ZC_ETAG_MAX; else 0
 * @state: (out) ZC_STATE_* bits of the object
 * @threshold: OBJECT parts of at least this many bytes go by reference,
 *	shorter ones by copy; 0: as the store says. Where fewer than 4096
 *	bytes of a larger object are to go in this call, they are copied
 * @pinned: (out) with ZC_SEND_PIN, after a send that is short of @total: an
 *	object fd of the call's own object, close-on-exec, to go on with; -1
 *	if none was needed or none could be had. Not written without
 *	ZC_SEND_PIN; 0 on entry
 * @__reserved: must be 0
 * @miss_tag: as in struct zc_get, also for the objects of SELECT parts
 *
 * The message is the parts, one after the other. Everything the caller gives
 * is read and checked before the first byte leaves. To go on after a short
 * send, call again with the same parts, @skip raised by @sent, and
 * @generation as returned (ESTALE tells that the version is gone), or with
 * the object fd @pinned, which cannot go. What goes on, so has a @skip, is
 * no lookup of its own: neither a hit nor a miss is counted. Nor is the call's
 * own object a hit when its parts cannot be had (ENODATA, ERANGE).
 *
 * By reference means that the socket gets the object's pages; the bytes are
 * not copied. Pages go to TCP only, plain or with kernel TLS; to a UNIX socket,
 * over a route without scatter-gather, and where the call or the store asks
 * for it, everything is copied.
 *
 * Returns 0 if any byte went out or none was asked for; @sent may be short
 * when the socket is not blocking, a signal arrived, @max_bytes was reached or
 * the connection broke. An error means that no byte went out:
 *
 * EAGAIN: the socket takes nothing now and may not block. EPIPE, ECONNRESET:
 * the peer or shutdown(2) closed it; SIGPIPE is never raised. ENOTCONN: not
 * connected, or listening. ENOTSOCK, EBADF: @sock is no socket, no fd.
 * ECANCELED: ZC_SEND_IF_MATCH or IF_NONE_MATCH does not hold; @generation,
 * @data_len and @state are written. Entity tags are compared byte by byte.
 * ENODATA: a HEADER part, and its object has no header blob.
 * EOPNOTSUPP: a socket of another kind. ERANGE: a part reaches past the end
 * of its object, or @skip past the end of the message. EINTR: a signal.
 * EMSGSIZE: INLINE parts above ZC_INLINE_BYTES_MAX together. EOVERFLOW: the
 * message is longer than 2^63 - 1 bytes.
 */
struct zc_send {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__s32 fd;
	__s32 sock;
	__u32 nr_parts;
	__aligned_u64 parts;
	__aligned_u64 skip;
	__aligned_u64 max_bytes;
	__aligned_u64 generation;
	__aligned_u64 sent;
	__aligned_u64 total;
	__aligned_u64 data_len;
	__aligned_u64 etag;
	__u32 etag_len;
	__u32 state;
	__aligned_u64 threshold;
	__s32 pinned;
	__u32 __reserved;
	__aligned_u64 miss_tag;
};

/**
 * struct zc_send_batch - argument of ZC_IOC_SEND_BATCH: many messages
 * @size: sizeof(struct zc_send_batch)
 * @flags: must be 0
 * @nr: messages, 1 to ZC_BATCH_MAX
 * @send_size: bytes from one element of @sends to the next, which is also the
 *	size member of each
 * @sends: address of an array of struct zc_send
 * @results: address of an array of __s32: (out) 0 or -errno of each message
 * @done: (out) messages that were tried; the results of others are not written
 * @__reserved: must be 0
 *
 * Does each message as ZC_IOC_SEND with ZC_SEND_NOWAIT does, in their order:
 * a batch never waits for a socket. @done is short of @nr only when a signal
 * that kills arrived or the memory of an element or result is gone. An error of
 * the call itself means that no message was tried.
 */
struct zc_send_batch {
	__u32 size;
	__u32 flags;
	__u32 nr;
	__u32 send_size;
	__aligned_u64 sends;
	__aligned_u64 results;
	__u32 done;
	__u32 __reserved;
};

/* Flags of ZC_IOC_DELETE. */
#define ZC_DELETE_SOFT		(1U << 0)	/* it expires now, and stays */

/**
 * struct zc_delete - argument of ZC_IOC_DELETE: make a key's object vanish
 * @size: sizeof(struct zc_delete)
 * @flags: ZC_DELETE_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @__reserved: must be 0
 * @generation: (in/out) in: delete only this version (else ESTALE), 0 for any;
 *	out: the version deleted
 *
 * An expired object counts as existing here. With ZC_DELETE_SOFT the object
 * expires instead, at the time of CLOCK_REALTIME: it stays for the store's
 * grace, for calls that are made with ..._EXPIRED_OK. One that has expired
 * stays as it is.
 */
struct zc_delete {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__u32 __reserved;
	__aligned_u64 generation;
};

/* Flags of ZC_IOC_PURGE. */
#define ZC_PURGE_SOFT		(1U << 0)	/* they expire now, and stay */
#define ZC_PURGE_TAG		(1U << 1)	/* those with the tag zc_purge.tag */

/**
 * struct zc_purge - argument of ZC_IOC_PURGE: make many objects vanish
 * @size: sizeof(struct zc_purge)
 * @flags: ZC_PURGE_*
 * @key: address of the bytes with which the keys begin; 0 if there are none
 * @key_len: how many; 0 for all objects
 * @__reserved: must be 0
 * @objects: (out) how many vanished or, with ZC_PURGE_SOFT, expired
 * @bytes: (out) what they took of the store's capacity
 * @tag: the tag with ZC_PURGE_TAG, else 0
 *
 * With ZC_PURGE_TAG there is no key, and the call takes the same time however many
 * objects there are: from its return on none of them is found, or each has
 * expired, and their room comes back in the background. @objects are those that
 * had the tag, also such as an earlier purge has not got to yet; @bytes is what
 * they took, with fills under way and objects that are only held. A soft one
 * counts those that had expired too, and sets expires_ns in the background. A tag
 * that no object has is no error.
 *
 * What is committed after the call began stays. Objects that have expired
 * count, but not with ZC_PURGE_SOFT, for which see ZC_DELETE_SOFT. EINTR: a
 * signal that kills ended it; what was done is done.
 */
struct zc_purge {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__u32 __reserved;
	__aligned_u64 objects;
	__aligned_u64 bytes;
	__aligned_u64 tag;
};

/* Flags of ZC_IOC_TOUCH. */
#define ZC_TOUCH_EXPIRES	(1U << 0)	/* give it the time expires_ns */
#define ZC_TOUCH_EXPIRED_OK	(1U << 1)	/* also if it has expired */

/**
 * struct zc_touch - argument of ZC_IOC_TOUCH: use an object without its bytes
 * @size: sizeof(struct zc_touch)
 * @flags: ZC_TOUCH_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @__reserved: must be 0
 * @generation: (in/out) in: the version wanted, 0 for any; out: the version
 * @expires_ns: (in/out) in: with ZC_TOUCH_EXPIRES, CLOCK_REALTIME nanoseconds
 *	at which it stops being served, 0 for never; else 0. out: the time it has
 *
 * Counts as a use for eviction, not as a hit. An object that was found to be
 * still right, expired or not, is made fresh by TOUCH with both flags; nobody
 * who reads it meanwhile notices.
 */
struct zc_touch {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__u32 __reserved;
	__aligned_u64 generation;
	__s64 __attribute__((aligned(8))) expires_ns;
};

/* Flags of ZC_IOC_WAIT. */
#define ZC_WAIT_FD		(1U << 0)	/* return a fd to poll, and do not wait */

/**
 * struct zc_wait - argument of ZC_IOC_WAIT: wait for who fills a missing key
 * @size: sizeof(struct zc_wait)
 * @flags: ZC_WAIT_*
 * @key: address of the key
 * @key_len: bytes of the key
 * @timeout_ms: milliseconds to wait at most, -1 for as long as it takes; with
 *	ZC_WAIT_FD 0
 * @fd: (out) with ZC_WAIT_FD: becomes readable (POLLIN) when the reservation
 *	ends, and stays so; close-on-exec; 0 on entry
 * @__reserved: must be 0
 *
 * Waits until no FILL with ZC_PUT_RESERVE of the key is under way. It may have been
 * committed or given up: look the key up, and if it is still missing, ask for the
 * reservation. ENOENT: there is none; look now. ETIMEDOUT: there still is one.
 * EINTR: a signal came.
 */
struct zc_wait {
	__u32 size;
	__u32 flags;
	__aligned_u64 key;
	__u32 key_len;
	__s32 timeout_ms;
	__s32 fd;
	__u32 __reserved;
};

#endif /* _UAPI_LINUX_ZCACHE_H */
