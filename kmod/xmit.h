/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_XMIT_H
#define ZC_XMIT_H

#include <linux/types.h>
#include <uapi/linux/zcache.h>

struct socket;
struct zc_object;
struct zc_store;

/*
 * Parts and INLINE bytes that need no memory of their own: a usual answer is a
 * header, some lines and a body. Debian's kernels zero what they allocate,
 * which a small answer would notice.
 */
#define ZC_XMIT_PIECES	4
#define ZC_XMIT_SMALL	256

/**
 * struct zc_piece - one part of a message, resolved
 * @data: its bytes in kernel memory; NULL for a range of the object's pages
 * @addr: until it is resolved, the user's address of INLINE bytes or a key
 * @object: whose pages or header it is; a SELECT holds a reference
 * @offset: of the range; of a SELECT, the object fd
 * @len: bytes
 * @generation: of a SELECT, the version wanted
 * @type: ZC_PART_*
 * @flags: ZC_PART_*
 * @splice: goes by reference
 */
struct zc_piece {
	union {
		const u8 *data;
		u64 addr;
	};
	struct zc_object *object;
	u64 offset;
	u64 len;
	u64 generation;
	u32 type;
	u32 flags;
	bool splice;
};

/**
 * struct zc_xmit - a message on its way to a socket
 * @store: the store, for its counters
 * @sock: the socket
 * @msg_flags: MSG_* for every message
 * @more: the caller has more to send
 * @ulp: the socket has kernel TLS on it
 * @pos: bytes of the message that are gone, with the skipped ones
 * @end: where this call ends
 * @total: bytes of the message
 * @current_piece: the piece that @pos is in
 * @piece_pos: and where in it
 * @nr: pieces
 * @piece: the pieces; @few or memory of their own
 * @inline_len: bytes of all INLINE parts
 * @inline_data: those bytes; @small or memory of their own
 * @few: a few pieces
 * @small: a few INLINE bytes
 */
struct zc_xmit {
	struct zc_store *store;
	struct socket *sock;
	int msg_flags;
	bool more;
	bool ulp;
	u64 pos;
	u64 end;
	u64 total;
	unsigned int current_piece;
	u64 piece_pos;
	unsigned int nr;
	struct zc_piece *piece;
	size_t inline_len;
	u8 *inline_data;
	struct zc_piece few[ZC_XMIT_PIECES];
	u8 small[ZC_XMIT_SMALL];
};

int zc_xmit_check(struct zc_xmit *x);
void zc_xmit_splices(struct zc_xmit *x, u64 threshold, bool copy);
void zc_xmit_advance(struct zc_xmit *x, u64 bytes);
int zc_xmit_run(struct zc_xmit *x);

#endif /* ZC_XMIT_H */
