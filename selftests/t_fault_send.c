// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation and every access to user memory of a SEND of several objects,
 * of one that pins, of one on a condition and of a batch fails once: each
 * message arrives as its result says.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "zc_fault.h"
#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_tls.h"

#define LEN	100000
#define BATCH	3

/* What the steps of a walk share; there is one walk at a time. */
static struct {
	struct zct_msg m;
	struct zc_send send[BATCH];
	__s32 result[BATCH];
	struct zc_send_batch batch;
	int sv[BATCH][2];
	unsigned int nr;		/* messages of a call */
	bool tls, un;
	bool breaks;			/* a failure may break the connection later */
	__u32 flags;
	__u64 max_bytes;
} now;

static char long_key[ZC_KEY_MAX + 1];

FIXTURE(fault_send) {
	struct zct_fault f;
	struct zct_obj k, other;
	unsigned char *bytes;
	int fd;
	char mark[96];
};

FIXTURE_SETUP(fault_send)
{
	unsigned int i;

	ZCT_START(fault_send);
	SET_UP_FAULTS(LEN);
	memset(long_key, 'k', ZC_KEY_MAX);
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300, "tag" };
	self->other = (struct zct_obj){ long_key, 2, 1, LEN, 100 };
	ASSERT_OK(zct_obj_put(self->f.s.fd, &self->k));
	ASSERT_OK(zct_obj_put(self->f.s.fd, &self->other));
	self->fd = zct_open_key(self->f.s.fd, "k");
	ASSERT_FD(self->fd);
	/* all that a call may need memory for: parts, names, bytes */
	self->bytes = zct_alloc(10000);
	memset(self->bytes, 'i', 10000);
	zct_msg_new(&now.m, MiB);
	zct_msg_inline(&now.m, self->bytes, 10000);
	zct_msg_header(&now.m, &self->k);
	zct_msg_range(&now.m, &self->k, 1, 70000);
	zct_msg_select(&now.m, long_key, 0);
	zct_msg_header(&now.m, &self->other);
	for (i = 0; i < 20; i++)
		zct_msg_range(&now.m, &self->other, i, 100);
	zct_msg_select_fd(&now.m, self->fd, 0);
	zct_msg_suffix(&now.m, &self->k, 1000);
	for (i = 0; i < BATCH; i++)
		now.sv[i][0] = now.sv[i][1] = -1;
}

FIXTURE_TEARDOWN(fault_send)
{
	unsigned int i;

	for (i = 0; i < BATCH; i++) {
		close(now.sv[i][0]);
		close(now.sv[i][1]);
	}
	close(self->fd);
	zct_msg_free(&now.m);
	EXPECT_OK(zct_store_end(&self->f.s));
	ZCT_END();
}

/* New connections for each try: after a failure one may be of no use. */
static int connect_all(struct zct_fault *self)
{
	unsigned int i;
	int err = 0;

	(void)self;
	for (i = 0; i < now.nr && !err; i++) {
		close(now.sv[i][0]);
		close(now.sv[i][1]);
		err = now.un ? socketpair(AF_UNIX, SOCK_STREAM, 0, now.sv[i]) :
		      zct_tcp_pair(ZCT_V4, now.sv[i]);
		if (!err && now.tls)
			err = zct_tls(now.sv[i], TLS_1_3_VERSION, ZCT_GCM128);
		now.send[i] = zct_msg_send(&now.m, "k", now.sv[i][0]);
		now.send[i].size = sizeof(now.send[i]);
		now.send[i].flags = now.flags | ZC_SEND_NOWAIT;
		now.send[i].max_bytes = now.max_bytes;
		if (now.flags & ZC_SEND_IF_MATCH) {
			now.send[i].etag = ZC_ADDR("tag");
			now.send[i].etag_len = 3;
		}
		now.result[i] = 0x5555;
	}
	for (i = 0; i < now.m.nr; i++)
		now.m.part[i].generation = 0;
	return err;
}

/* The stream on @i ends, and was the beginning of the message: @least bytes. */
static int check_stream(unsigned int i, size_t least, size_t most)
{
	unsigned char *got = zct_alloc(now.m.len + 1);
	size_t len = 0;
	ssize_t n;

	shutdown(now.sv[i][0], SHUT_WR);
	while ((n = read(now.sv[i][1], got + len, now.m.len + 1 - len)) > 0)
		len += n;
	n = len < least || len > most || memcmp(got, now.m.want, len);
	munmap(got, now.m.len + 2);
	return n ? -EBADMSG : 0;
}

/* What a message's result says is what arrives. */
static int check_message(unsigned int i, int err)
{
	struct zc_send *send = &now.send[i];
	int bad;

	if (err)
		/* when the reply cannot be written the bytes may be gone */
		return check_stream(i, 0, err == -EFAULT ? now.m.len : 0);
	if (send->total != now.m.len || send->sent > now.m.len || !send->sent)
		return -EIO;
	bad = check_stream(i, now.breaks ? 0 : send->sent, send->sent);
	if (!bad && now.flags & ZC_SEND_PIN && send->pinned >= 0) {
		bad = zct_verify_fd(send->pinned, 1, 1, LEN);
		close(send->pinned);
	}
	return bad;
}

static int send_one(struct zct_fault *self)
{
	return zct_send(self->s.fd, &now.send[0]);
}

static int check_one(struct zct_fault *self)
{
	return check_message(0, self->err);
}

static int check_failed(struct zct_fault *self)
{
	return self->err ? check_message(0, self->err) : 0;
}

TEST_F(fault_send, objects)
{
	now.nr = 1;
	EXPECT_WALK(6, "send of several objects", connect_all, send_one, check_one, check_failed);
	now.flags = ZC_SEND_COPY;
	EXPECT_WALK(6, "the same by copy", connect_all, send_one, check_one, check_failed);
	now.un = true;
	now.flags = 0;
	EXPECT_WALK(6, "the same to a UNIX socket", connect_all, send_one, check_one,
		    check_failed);
}

TEST_F(fault_send, pinned)
{
	unsigned int fds;

	now.nr = 1;
	now.flags = ZC_SEND_PIN;
	now.max_bytes = 20000;
	ASSERT_OK(connect_all(&self->f));
	fds = zct_count_fds();
	EXPECT_WALK(8, "send that pins", connect_all, send_one, check_one, check_failed);
	/* none is left over, whatever failed */
	EXPECT_EQ(fds, zct_count_fds());
}

TEST_F(fault_send, conditional)
{
	now.nr = 1;
	now.flags = ZC_SEND_IF_MATCH;
	EXPECT_WALK(7, "send on a condition", connect_all, send_one, check_one, check_failed);
}

static int send_batch(struct zct_fault *self)
{
	now.batch = (struct zc_send_batch){
		.nr = BATCH, .send_size = sizeof(struct zc_send),
		.sends = ZC_ADDR(now.send), .results = ZC_ADDR(now.result),
	};
	return zct_send_batch(self->s.fd, &now.batch);
}

static int check_batch(struct zct_fault *self)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < BATCH && !err; i++) {
		/* without a reply to the call nothing is known */
		if (self->err)
			err = check_stream(i, 0, now.m.len);
		else if (i >= now.batch.done)
			err = now.result[i] == 0x5555 || !now.result[i] ?
			      check_stream(i, 0, 0) : -EIO;
		else if (now.result[i] && !clean_error(now.result[i], false))
			err = now.result[i];
		else
			err = check_message(i, now.result[i]);
	}
	return err;
}

static int check_failed_batch(struct zct_fault *self)
{
	return self->err ? check_batch(self) : 0;
}

TEST_F(fault_send, batch)
{
	now.nr = BATCH;
	EXPECT_WALK(18, "batch", connect_all, send_batch, check_batch, check_failed_batch);
}

TEST_F(fault_send, tls)
{
	int err;

	now.nr = 1;
	now.tls = true;
	err = connect_all(&self->f);
	if (err == -EOPNOTSUPP)
		SKIP(return, "this kernel has no TLS, or not this cipher");
	ASSERT_OK(err);
	/* what it cannot encrypt after it took it ends the connection, by itself */
	now.breaks = true;
	EXPECT_WALK(6, "send over TLS", connect_all, send_one, check_one, check_failed);
	now.breaks = false;
	ASSERT_OK(connect_all(&self->f));
	ASSERT_OK(send_one(&self->f));
	EXPECT_OK(check_message(0, 0));
}

TEST_HARNESS_MAIN
