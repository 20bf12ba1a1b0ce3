// SPDX-License-Identifier: GPL-2.0-only
/*
 * A message that goes in several calls is of one version, whatever becomes of
 * its object meanwhile; and no byte of it comes twice or not at all.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define LEN	((zct_slow() ? MiB / 2 : MiB) + 77)

enum loss { REPLACED, DELETED, EVICTED };

FIXTURE(resume) {
	struct zct_store s;
	int sv[2];
	struct zct_obj k, other;
	struct zct_msg m;
	struct zc_send send;
	unsigned int fds;
	char mark[96];
};

FIXTURE_VARIANT(resume) {
	enum loss loss;
};

FIXTURE_VARIANT_ADD(resume, replaced) { .loss = REPLACED };
FIXTURE_VARIANT_ADD(resume, deleted) { .loss = DELETED };
FIXTURE_VARIANT_ADD(resume, evicted) { .loss = EVICTED };

FIXTURE_SETUP(resume)
{
	const struct zc_nl_cfg cfg = { .capacity = 8 * MiB };

	ZCT_START(resume);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300 };
	self->other = (struct zct_obj){ "other", 2, 1, 100000, 0 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->other));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, 4 * MiB);
	zct_msg_inline(&self->m, "begin", 5);
	zct_msg_header(&self->m, &self->k);
	zct_msg_to_end(&self->m, &self->k, 1);
	zct_msg_range(&self->m, &self->k, 100, 5000);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->fds = zct_count_fds();
}

FIXTURE_TEARDOWN(resume)
{
	/* every fd that a call made has been closed by the test */
	EXPECT_EQ(self->fds, zct_count_fds());
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* The object goes away, and its memory is used for others. */
static int lose(FIXTURE_DATA(resume) *self, enum loss loss)
{
	struct zct_obj newer = self->k;
	struct zc_stat st;
	int err;

	newer.version++;
	newer.len = 3 * MiB;
	if (loss == REPLACED)
		return zct_obj_put(self->s.fd, &newer);
	if (loss == DELETED)
		return zct_delete_key(self->s.fd, "k");
	/* what wants all the room evicts all, and may be refused for what is pinned */
	err = zct_put_pattern(self->s.fd, "all", 7, 7, 7 * MiB + 512 * KiB, NULL);
	if (err && err != -ENOSPC)
		return err;
	if (zct_stat_key(self->s.fd, "k", &st) != -ENOENT)
		return -EEXIST;
	return zct_put_pattern(self->s.fd, "some", 8, 8, 4 * MiB, NULL);
}

/* The same of one with an fd, which keeps it from being evicted. */
static int lose_pinned(FIXTURE_DATA(resume) *self, enum loss loss)
{
	int err = lose(self, loss);

	if (loss != EVICTED)
		return err;
	return err == -EEXIST ? 0 : -EBUSY;
}

/* The call that goes on, by the fd that the last one gave. */
static void by_fd(struct zc_send *send)
{
	send->flags |= ZC_SEND_FD;
	send->key = 0;
	send->key_len = 0;
	send->fd = send->pinned;
	send->pinned = 0;
	send->skip += send->sent;
}

TEST_F(resume, pin)
{
	struct zct_rx rx = { 0 };
	struct zc_send late;
	int fd, last;

	self->send.flags = ZC_SEND_PIN;
	self->send.max_bytes = 1000;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(1000, self->send.sent);
	fd = self->send.pinned;
	ASSERT_LE(0, fd);
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	EXPECT_EQ(O_RDONLY, fcntl(fd, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(self->fds + 1, zct_count_fds());
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_OPENS));
	ASSERT_OK(lose_pinned(self, variant->loss));
	/* the version by its number is gone, and by the fd it is not */
	late = self->send;
	late.pinned = 0;
	late.skip = late.sent;
	if (variant->loss != EVICTED)
		EXPECT_ERR(variant->loss == REPLACED ? ESTALE : ENOENT,
			   zct_send(self->s.fd, &late));
	EXPECT_OK(zct_verify_fd(fd, 1, 1, LEN));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	/* short again: another fd of the same */
	by_fd(&self->send);
	self->send.max_bytes = 300000;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(300000, self->send.sent);
	last = self->send.pinned;
	ASSERT_LE(0, last);
	EXPECT_NE(fd, last);
	close(fd);
	/* all of the rest: no fd */
	by_fd(&self->send);
	self->send.max_bytes = 0;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len - 301000, self->send.sent);
	EXPECT_EQ(-1, self->send.pinned);
	EXPECT_EQ(self->k.generation, self->send.generation);
	EXPECT_EQ(LEN, self->send.data_len);
	/* one message, however many calls it took and whatever became of them */
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_HITS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_MISSES));
	close(last);
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
}

/* A socket that is full, and then one that is read. */
TEST_F(resume, pin_full_socket)
{
	struct zct_rx rx = { 0 };
	unsigned int again = 0;
	int err;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 5000));
	self->send.flags = ZC_SEND_PIN | ZC_SEND_NOWAIT;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_GT(self->m.len, self->send.sent);
	ASSERT_LE(0, self->send.pinned);
	ASSERT_OK(lose_pinned(self, variant->loss));
	do {
		int before = self->send.flags & ZC_SEND_FD ? self->send.fd : -1;

		by_fd(&self->send);
		if (before >= 0)
			close(before);
		/* an error makes no fd: zct_send() sees that it tells of none */
		while ((err = zct_send(self->s.fd, &self->send)) == -EAGAIN) {
			EXPECT_EQ(self->fds + 1, zct_count_fds());
			if (!again++) {
				ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
			}
			poll(&(struct pollfd){ self->sv[0], POLLOUT, 0 }, 1, -1);
		}
		ASSERT_OK(err);
	} while (self->send.pinned >= 0);
	close(self->send.fd);
	EXPECT_EQ(self->m.len, self->send.skip + self->send.sent);
	EXPECT_LT(0, again);
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
}

/* Without PIN: the generation tells that the version is gone. */
TEST_F(resume, generation)
{
	self->send.max_bytes = 1000;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(0, self->send.pinned);
	EXPECT_EQ(self->k.generation, self->send.generation);
	self->send.skip = 1000;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_OK(lose(self, variant->loss));
	self->send.skip = 2000;
	EXPECT_ERR(variant->loss == REPLACED ? ESTALE : ENOENT,
		   zct_send(self->s.fd, &self->send));
	self->m.len = 2000;
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[1]));
	EXPECT_OK(zct_silent(self->sv));
}

/* The same of another object of the message: its version is in its part. */
TEST_F(resume, selected)
{
	zct_msg_clear(&self->m);
	zct_msg_range(&self->m, &self->other, 0, 1000);
	zct_msg_select(&self->m, "k", 0);
	zct_msg_range(&self->m, &self->k, 0, 5000);
	self->send = zct_msg_send(&self->m, "other", self->sv[0]);
	self->send.max_bytes = 2000;
	self->send.flags = ZC_SEND_PIN;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_LE(0, self->send.pinned);
	/* what is pinned is the call's own */
	EXPECT_OK(zct_verify_fd(self->send.pinned, 2, 1, 100000));
	close(self->send.pinned);
	EXPECT_EQ(self->k.generation, self->m.part[1].generation);
	ASSERT_OK(lose(self, variant->loss));
	/* the other may be gone as well then */
	ASSERT_OK(zct_obj_put(self->s.fd, &self->other));
	self->send.generation = 0;
	self->send.pinned = 0;
	self->send.skip = 2000;
	EXPECT_ERR(variant->loss == REPLACED ? ESTALE : ENOENT,
		   zct_send(self->s.fd, &self->send));
	self->m.len = 2000;
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[1]));
	EXPECT_OK(zct_silent(self->sv));
}

/* --- the rest does not depend on how the object goes */

ZCT_STORE_FIXTURE(pin, .capacity = 8 * MiB)

#define PIN_SETUP(...) \
	struct zct_obj k = { "k", 1, 1, LEN, 300, __VA_ARGS__ }; \
	struct zct_msg m; \
	struct zc_send send; \
	int sv[2]; \
	ASSERT_OK(zct_obj_put(self->s.fd, &k)); \
	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv)); \
	zct_msg_new(&m, 4 * MiB); \
	zct_msg_to_end(&m, &k, 0); \
	send = zct_msg_send(&m, "k", sv[0]); \
	send.flags = ZC_SEND_PIN; \
	send.max_bytes = 1000

/* No room for an fd: the bytes went out, and that is what is told. */
TEST_F(pin, no_fd)
{
	struct rlimit old, few;
	unsigned int i;

	PIN_SETUP();
	ASSERT_OK(getrlimit(RLIMIT_NOFILE, &old));
	few = old;
	/* descriptors are given out from the lowest: the next is beyond */
	few.rlim_cur = dup(0);
	close(few.rlim_cur);
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &few));
	for (i = 0; i < 10; i++) {
		send.pinned = 0;
		EXPECT_OK(zct_send(self->s.fd, &send));
		EXPECT_EQ(1000, send.sent);
		EXPECT_EQ(-1, send.pinned);
		send.skip += 1000;
	}
	ASSERT_OK(setrlimit(RLIMIT_NOFILE, &old));
	m.len = 10000;
	EXPECT_OK(zct_msg_receive(&m, sv[1]));
	EXPECT_EQ(10, zct_count(&self->s, ZC_C_SENDS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_OPENS));
}

TEST_F(pin, smaller_structs)
{
	PIN_SETUP();
	/* a program that was compiled before there was room for the fd */
	send.size = offsetof(struct zc_send, etag);
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	send.size = offsetof(struct zc_send, pinned);
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &send));
	EXPECT_OK(zct_silent(sv));
	/* without PIN it works, and what lies behind the struct is not touched */
	send.flags = 0;
	send.size = offsetof(struct zc_send, etag);
	memset((char *)&send + send.size, 0x55, sizeof(send) - send.size);
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(1000, send.sent);
	EXPECT_EQ(0x55555555, send.state);
	EXPECT_EQ(0x55555555, send.pinned);
	m.len = 1000;
	EXPECT_OK(zct_msg_receive(&m, sv[1]));
	EXPECT_OK(zct_silent(sv));
}

/* In slab memory, too; the fd of one has pages of its own. */
TEST_F(pin, inline_object)
{
	struct zct_obj tiny = { "tiny", 2, 1, 2000, 0 };

	PIN_SETUP();
	ASSERT_OK(zct_obj_put(self->s.fd, &tiny));
	zct_msg_clear(&m);
	zct_msg_to_end(&m, &tiny, 0);
	send = zct_msg_send(&m, "tiny", sv[0]);
	send.flags = ZC_SEND_PIN;
	send.max_bytes = 999;
	ASSERT_OK(zct_send(self->s.fd, &send));
	ASSERT_LE(0, send.pinned);
	ASSERT_OK(zct_delete_key(self->s.fd, "tiny"));
	by_fd(&send);
	send.flags &= ~ZC_SEND_PIN;
	send.max_bytes = 0;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(1001, send.sent);
	close(send.fd);
	EXPECT_OK(zct_msg_receive(&m, sv[1]));
	EXPECT_OK(zct_silent(sv));
}

/* --- at random: short sends, each of another version meanwhile */

struct churn {
	pthread_t thread;
	int fd;
	volatile bool stop;
	int err;
};

/* New versions of "k", until told to stop, in a store that holds few. */
static void *churn(void *arg)
{
	struct zct_obj k = { "k", 1, 1, LEN, 300 };
	struct churn *c = arg;

	while (!c->stop && (!c->err || c->err == -ENOSPC)) {
		k.version++;
		c->err = zct_obj_put(c->fd, &k);
		if (k.version % 3 == 0)
			zct_put_pattern(c->fd, "big", 9, k.version, 6 * MiB, NULL);
	}
	return NULL;
}

TEST_F(pin, random)
{
	unsigned int seed = zct_seed(), round, rounds = zct_times(60), version, id, shorts = 0;
	unsigned int fds = zct_count_fds() + 2;
	struct churn c = { .fd = self->s.fd };
	int err, old;

	PIN_SETUP();
	ASSERT_OK(zct_bufsize(sv[0], SO_SNDBUF, 5000));
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, churn, &c));
	for (round = 0; round < rounds; round++) {
		struct zct_rx rx = { .chunk = 1 + zct_random(&seed) % 100000 };

		close(sv[0]);
		close(sv[1]);
		ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
		ASSERT_OK(zct_bufsize(sv[0], SO_SNDBUF, 5000 << zct_random(&seed) % 8));
		ASSERT_OK(zct_rx_start(&rx, sv[1]));
		send = zct_msg_send(&m, "k", sv[0]);
		send.flags = ZC_SEND_PIN | (round % 4 ? ZC_SEND_NOWAIT : 0);
		for (;;) {
			send.max_bytes = round % 3 ? 1 + zct_random(&seed) % 200000 : 0;
			err = zct_send(self->s.fd, &send);
			if (err == -EAGAIN || err == -ENOENT) {
				if (err == -EAGAIN)
					poll(&(struct pollfd){ sv[0], POLLOUT, 0 }, 1, -1);
				continue;
			}
			ASSERT_OK(err);
			if (send.skip + send.sent == send.total)
				break;
			ASSERT_LE(0, send.pinned);
			old = send.flags & ZC_SEND_FD ? send.fd : -1;
			by_fd(&send);
			if (old >= 0)
				close(old);
			shorts++;
		}
		EXPECT_EQ(-1, send.pinned);
		if (send.flags & ZC_SEND_FD)
			close(send.fd);
		shutdown(sv[0], SHUT_WR);
		ASSERT_OK(zct_rx_join(&rx));
		ASSERT_EQ(LEN, rx.len);
		zct_origin(rx.data, &id, &version);
		ASSERT_EQ(1, id);
		ASSERT_EQ(-1, zct_check(rx.data, rx.len, 1, version, 0)) {
			TH_LOG("round %u, version %u", round, version);
		}
		zct_rx_free(&rx);
		ASSERT_EQ(fds, zct_count_fds());
	}
	c.stop = true;
	pthread_join(c.thread, NULL);
	EXPECT_TRUE(!c.err || c.err == -ENOSPC) TH_LOG("put: %d", c.err);
	EXPECT_LT(rounds, shorts);
}

TEST_HARNESS_MAIN
