/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages with a model: the parts of a SEND and the bytes that must arrive grow
 * together.
 */
#ifndef ZC_MSG_H
#define ZC_MSG_H

#include <time.h>

#include "zc_test.h"

/* An object of known bytes. Its header blob has the pattern of ZCT_HEADER_ID. */
struct zct_obj {
	const char *key;
	unsigned int id, version;
	size_t len;
	size_t header_len;
	const char *etag;	/* NULL: none */
	__s64 expires_ns;
	__u64 generation;	/* of the last zct_obj_put() */
};

#define ZCT_HEADER_ID(id)	((id) | 0x8000)

int zct_obj_put(int fd, struct zct_obj *o);

struct zct_msg {
	struct zc_part part[ZC_PARTS_MAX + 1];
	unsigned int nr;
	unsigned char *want;
	size_t len, room;
};

void zct_msg_new(struct zct_msg *m, size_t room);
void zct_msg_free(struct zct_msg *m);
void zct_msg_clear(struct zct_msg *m);
/* @bytes stay the caller's, and must stay. */
void zct_msg_inline(struct zct_msg *m, const void *bytes, size_t len);
void zct_msg_header(struct zct_msg *m, const struct zct_obj *o);
void zct_msg_range(struct zct_msg *m, const struct zct_obj *o, size_t at, size_t len);
void zct_msg_to_end(struct zct_msg *m, const struct zct_obj *o, size_t at);
void zct_msg_suffix(struct zct_msg *m, const struct zct_obj *o, size_t len);
void zct_msg_select(struct zct_msg *m, const char *key, __u64 generation);
void zct_msg_select_fd(struct zct_msg *m, int fd, __u64 generation);

/* The call for @m: by key, or by an object fd if @key is NULL. */
struct zc_send zct_msg_send(const struct zct_msg *m, const char *key, int sock);

/*
 * Send what is left of @send, in as many calls as it takes: waits for a full
 * socket by poll(). Adds to send->skip; send->sent is of the last call. Return:
 * 0 or -errno.
 */
int zct_send_rest(int fd, struct zc_send *send, unsigned int *calls);
/* In a test: all of @m that went out of @sock arrived at @rx, and then the stream ends. */
#define EXPECT_MESSAGE(m, sock, rx) \
	do { \
		const struct zct_msg *m_ = (m); \
		struct zct_rx *r_ = (rx); \
		shutdown(sock, SHUT_WR); \
		EXPECT_OK(zct_rx_join(r_)); \
		EXPECT_EQ(m_->len, r_->len); \
		EXPECT_EQ(0, memcmp(r_->data, m_->want, \
				    r_->len < m_->len ? r_->len : m_->len)); \
		zct_rx_free(r_); \
	} while (0)
/* Read exactly the bytes of @m and compare. Return: 0, -errno or -EBADMSG. */
int zct_msg_receive(const struct zct_msg *m, int sock);

/*
 * Run an event loop for a second on a socket that nobody reads. Adds to
 * send->skip. Return: the percentage of that time for which it used a CPU, or
 * -errno.
 */
int zct_loop_cpu(int fd, struct zc_send *send);
/* Nanoseconds on a clock. */
__u64 zct_clock(clockid_t clock);

/* File descriptors that this process has open. */
unsigned int zct_count_fds(void);

#endif /* ZC_MSG_H */
