/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * zc_wire: /dev/zc_wire. write(2) at an offset sets the page's bytes; the
 * ioctl sends them, over and over, until the length is reached.
 */
#ifndef ZC_WIRE_H
#define ZC_WIRE_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define ZC_WIRE_BYTES		(2U << 20)	/* of the page: order 9 */
#define ZC_WIRE_HEADER_MAX	256U

/**
 * struct zc_wire_send - argument of ZC_WIRE_SEND
 * @sock: a TCP socket
 * @header_len: bytes at @header, which go by copy before the others
 * @header: address
 * @offset: of the first byte; it counts on through the repeated page
 * @length: bytes of the page to send
 * @sent: (out) bytes the socket took, of the header and of the page
 */
struct zc_wire_send {
	__s32 sock;
	__u32 header_len;
	__aligned_u64 header;
	__aligned_u64 offset;
	__aligned_u64 length;
	__aligned_u64 sent;
};

#define ZC_WIRE_SEND		_IOWR('w', 0x80, struct zc_wire_send)

#endif
