// SPDX-License-Identifier: GPL-2.0-only
/* SEND_BATCH: many messages in a call, each with its own fate. */
#include <fcntl.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define NR	16

FIXTURE(batch) {
	struct zct_store s;
	int sv[NR][2];
	struct zct_obj a, b;
	struct zct_msg m[NR];
	struct zc_send send[NR];
	__s32 result[NR];
	struct zc_send_batch batch;
	struct zc_nl_store before;
	char mark[96];
};

FIXTURE_SETUP(batch)
{
	unsigned int i;

	ZCT_START(batch);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->a = (struct zct_obj){ "a", 1, 1, 100000, 300, "\"a\"" };
	self->b = (struct zct_obj){ "b", 2, 1, 2000, 0 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->a));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->b));
	for (i = 0; i < NR; i++) {
		const struct zct_obj *o = i % 3 ? &self->a : &self->b;

		ASSERT_OK(zct_tcp_pair(i % 4 ? ZCT_V4 : ZCT_V6, self->sv[i]));
		zct_msg_new(&self->m[i], MiB);
		zct_msg_inline(&self->m[i], "begin", i % 5);
		if (o->header_len)
			zct_msg_header(&self->m[i], o);
		zct_msg_to_end(&self->m[i], o, i);
		self->send[i] = zct_msg_send(&self->m[i], o->key, self->sv[i][0]);
		self->send[i].size = sizeof(self->send[i]);
		self->result[i] = 0x5555;
	}
	self->batch = (struct zc_send_batch){
		.nr = NR, .send_size = sizeof(struct zc_send),
		.sends = ZC_ADDR(self->send), .results = ZC_ADDR(self->result),
	};
	ASSERT_OK(zc_nl_store_get(self->s.name, &self->before));
}

FIXTURE_TEARDOWN(batch)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		zct_msg_free(&self->m[i]);
		close(self->sv[i][0]);
		close(self->sv[i][1]);
	}
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* Message @i went as a whole, and nothing else to its socket. */
#define EXPECT_SENT(i) \
	do { \
		EXPECT_EQ(0, self->result[i]) TH_LOG("message %u", i); \
		EXPECT_EQ(self->m[i].len, self->send[i].sent) TH_LOG("message %u", i); \
		EXPECT_EQ(self->m[i].len, self->send[i].total); \
		EXPECT_OK(zct_msg_receive(&self->m[i], self->sv[i][1])); \
		EXPECT_OK(zct_silent(self->sv[i])); \
	} while (0)

#define EXPECT_NOT_TRIED(i) \
	do { \
		EXPECT_EQ(0x5555, self->result[i]) TH_LOG("message %u", i); \
		EXPECT_OK(zct_silent(self->sv[i])); \
	} while (0)

TEST_F(batch, all_good)
{
	unsigned int i;

	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(NR, self->batch.done);
	for (i = 0; i < NR; i++) {
		EXPECT_SENT(i);
		EXPECT_EQ(i % 3 ? self->a.generation : self->b.generation,
			  self->send[i].generation);
		EXPECT_EQ(i % 3 ? 100000 : 2000, self->send[i].data_len);
	}
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_BATCHES));
	EXPECT_EQ(NR, zct_count(&self->s, ZC_C_SENDS));
	EXPECT_EQ(NR, zct_count(&self->s, ZC_C_HITS));
}

/* Bad ones of all kinds between good ones. */
TEST_F(batch, mixed)
{
	static const int want[NR] = {
		0, EBADF, ENOENT, ESTALE, EAGAIN, EINVAL, EINVAL, EFAULT, ECANCELED, ENOTSOCK,
		ERANGE, 0, EINVAL, EFAULT, EPIPE, 0,
	};
	struct zc_send old[NR];
	ssize_t stuffed;
	unsigned int i;

	self->send[1].sock = -1;
	self->send[2].key = ZC_ADDR("none");
	self->send[2].key_len = 4;
	self->send[3].generation = self->a.generation + 100;
	stuffed = zct_stuff(self->sv[4][0]);
	ASSERT_LT(0, stuffed);
	self->send[5].flags = 1U << 31;
	self->send[6].size -= 8;
	self->send[7].parts = ZC_BAD_KERNEL;
	self->send[8].flags = ZC_SEND_IF_NONE_MATCH;
	self->send[8].etag = ZC_ADDR("\"a\"");
	self->send[8].etag_len = 3;
	self->send[9].sock = self->s.fd;
	self->send[10].skip = 1 << 20;
	self->send[12].nr_parts = 0;
	self->send[13].key = 0;
	ASSERT_OK(shutdown(self->sv[14][0], SHUT_WR));
	memcpy(old, self->send, sizeof(old));
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(NR, self->batch.done);
	for (i = 0; i < NR; i++) {
		if (!want[i]) {
			EXPECT_SENT(i);
			continue;
		}
		EXPECT_ERR(want[i], self->result[i]) TH_LOG("message %u", i);
		if (want[i] == ECANCELED) {
			EXPECT_EQ(self->a.generation, self->send[i].generation);
			EXPECT_EQ(100000, self->send[i].data_len);
			old[i].generation = self->a.generation;
			old[i].data_len = 100000;
		}
		EXPECT_EQ(0, memcmp(&old[i], &self->send[i], sizeof(old[i])))
			TH_LOG("message %u", i);
		if (i != 4 && i != 14)
			EXPECT_OK(zct_silent(self->sv[i])) TH_LOG("message %u", i);
	}
	ASSERT_OK(zct_read_all(self->sv[4][1], zct_alloc(stuffed), stuffed));
	EXPECT_OK(zct_silent(self->sv[4]));
}

/* The sockets block, and the batch does not: what fits goes. */
TEST_F(batch, never_waits)
{
	unsigned int round, i, left = NR, rounds = 0;
	size_t done[NR] = { 0 };
	struct zct_rx rx[NR];

	for (i = 0; i < NR; i++)
		ASSERT_OK(zct_bufsize(self->sv[i][0], SO_SNDBUF, 5000));
	/* without a reader two rounds fill every socket; then they say EAGAIN */
	for (round = 0; round < 4; round++) {
		EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
		EXPECT_EQ(NR, self->batch.done);
		for (i = 0; i < NR; i++) {
			EXPECT_TRUE(!self->result[i] || self->result[i] == -EAGAIN)
				TH_LOG("%d", self->result[i]);
			if (!self->result[i])
				self->send[i].skip += self->send[i].sent;
			done[i] = self->send[i].skip;
		}
	}
	for (i = 0; i < NR; i++) {
		rx[i] = (struct zct_rx){ 0 };
		ASSERT_OK(zct_rx_start(&rx[i], self->sv[i][1]));
	}
	for (rounds = 0; left && rounds < 1000000; rounds++) {
		EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
		for (i = 0, left = 0; i < NR; i++) {
			if (!self->result[i])
				self->send[i].skip += self->send[i].sent;
			done[i] = self->send[i].skip;
			left += done[i] < self->m[i].len;
		}
	}
	for (i = 0; i < NR; i++) {
		EXPECT_EQ(self->m[i].len, done[i]);
		shutdown(self->sv[i][0], SHUT_WR);
		EXPECT_OK(zct_rx_join(&rx[i]));
		EXPECT_EQ(self->m[i].len, rx[i].len);
		EXPECT_EQ(0, memcmp(rx[i].data, self->m[i].want, rx[i].len));
		zct_rx_free(&rx[i]);
	}
}

/* The most there can be, all to one socket: they keep their order. */
TEST_F(batch, most)
{
	struct zc_send *send = zct_alloc((ZC_BATCH_MAX + 1) * sizeof(*send));
	__s32 *result = zct_alloc((ZC_BATCH_MAX + 1) * sizeof(*result));
	unsigned int i;

	zct_msg_clear(&self->m[0]);
	zct_msg_range(&self->m[0], &self->a, 0, ZC_BATCH_MAX);
	for (i = 0; i <= ZC_BATCH_MAX; i++) {
		send[i] = (struct zc_send){
			.size = sizeof(*send), .key = ZC_ADDR("a"), .key_len = 1,
			.sock = self->sv[0][0], .nr_parts = 1,
			.parts = ZC_ADDR(self->m[0].part), .skip = i, .max_bytes = 1,
		};
		result[i] = 0x5555;
	}
	self->batch.sends = ZC_ADDR(send);
	self->batch.results = ZC_ADDR(result);
	self->batch.nr = 0;
	EXPECT_ERR(EINVAL, zct_send_batch(self->s.fd, &self->batch));
	self->batch.nr = ZC_BATCH_MAX + 1;
	EXPECT_ERR(EINVAL, zct_send_batch(self->s.fd, &self->batch));
	self->batch.nr = ~0U;
	EXPECT_ERR(EINVAL, zct_send_batch(self->s.fd, &self->batch));
	EXPECT_OK(zct_silent(self->sv[0]));
	ASSERT_OK(zct_bufsize(self->sv[0][0], SO_SNDBUFFORCE, 16 * MiB));
	self->batch.nr = ZC_BATCH_MAX;
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(ZC_BATCH_MAX, self->batch.done);
	for (i = 0; i < ZC_BATCH_MAX; i++) {
		ASSERT_EQ(0, result[i]) TH_LOG("message %u", i);
		ASSERT_EQ(1, send[i].sent) TH_LOG("message %u", i);
	}
	EXPECT_EQ(0x5555, result[ZC_BATCH_MAX]);
	EXPECT_OK(zct_msg_receive(&self->m[0], self->sv[0][1]));
	EXPECT_OK(zct_silent(self->sv[0]));
}

TEST_F(batch, send_sizes)
{
	static const __u32 bad[] = { 0, 4, 80, 87, 89, 92, 119, 121, 124, 0x7ffffff8, ~0U,
				     ~7U };
	const __u32 older = offsetof(struct zc_send, etag), newer = sizeof(struct zc_send) + 16;
	unsigned char room[4 * 256] __attribute__((aligned(8))) = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->batch.send_size = bad[i];
		EXPECT_ERR(EINVAL, zct_send_batch(self->s.fd, &self->batch))
			TH_LOG("send_size %u", bad[i]);
	}
	for (i = 0; i < NR; i++)
		EXPECT_NOT_TRIED(i);
	/* a program that was compiled earlier, and one that will be later */
	self->batch.nr = 3;
	self->batch.sends = ZC_ADDR(room);
	self->batch.send_size = older;
	for (i = 0; i < 3; i++) {
		memcpy(room + i * older, &self->send[i], older);
		*(__u32 *)(room + i * older) = older;
	}
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(3, self->batch.done);
	for (i = 0; i < 3; i++) {
		memcpy(&self->send[i], room + i * older, older);
		EXPECT_SENT(i);
		self->result[i] = 0x5555;
	}
	memset(room, 0, sizeof(room));
	self->batch.send_size = newer;
	for (i = 0; i < 3; i++) {
		memcpy(room + i * newer, &self->send[i + 3], sizeof(struct zc_send));
		*(__u32 *)(room + i * newer) = newer;
	}
	/* what the kernel does not know must be zero */
	room[2 * newer - 1] = 1;
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(3, self->batch.done);
	EXPECT_EQ(0, self->result[0]);
	EXPECT_ERR(E2BIG, self->result[1]);
	EXPECT_EQ(0, self->result[2]);
	EXPECT_OK(zct_msg_receive(&self->m[3], self->sv[3][1]));
	EXPECT_OK(zct_silent(self->sv[4]));
	EXPECT_OK(zct_msg_receive(&self->m[5], self->sv[5][1]));
}

/* Two pages, of which the second is not there; what is in the first ends there. */
static unsigned char *half_there(void)
{
	unsigned char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mem == MAP_FAILED || mprotect(mem + 4096, 4096, PROT_NONE) ? NULL : mem + 4096;
}

TEST_F(batch, addresses)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP };
	unsigned char *end = half_there();
	unsigned int i;

	ASSERT_NE(NULL, end);
	/* none was tried: an error */
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->batch.sends = bad[i];
		EXPECT_ERR(EFAULT, zct_send_batch(self->s.fd, &self->batch));
		self->batch.sends = ZC_ADDR(self->send);
		self->batch.results = bad[i];
		EXPECT_ERR(EFAULT, zct_send_batch(self->s.fd, &self->batch));
		self->batch.results = ZC_ADDR(self->result);
	}
	for (i = 0; i < NR; i++)
		EXPECT_NOT_TRIED(i);
	/* three were: no error */
	memcpy(end - 3 * sizeof(struct zc_send), self->send, 3 * sizeof(struct zc_send));
	self->batch.sends = ZC_ADDR(end - 3 * sizeof(struct zc_send));
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(3, self->batch.done);
	memcpy(self->send, end - 3 * sizeof(struct zc_send), 3 * sizeof(struct zc_send));
	for (i = 0; i < 3; i++)
		EXPECT_SENT(i);
	for (; i < NR; i++)
		EXPECT_NOT_TRIED(i);
	/* the same of the results: the fourth message must not go */
	for (i = 0; i < 3; i++)
		self->send[i].generation = 0;
	self->batch.done = 0;
	self->batch.sends = ZC_ADDR(self->send);
	self->batch.results = ZC_ADDR(end - 3 * sizeof(__s32));
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(3, self->batch.done);
	memcpy(self->result, end - 3 * sizeof(__s32), 3 * sizeof(__s32));
	for (i = 0; i < 3; i++)
		EXPECT_SENT(i);
	for (; i < NR; i++)
		EXPECT_NOT_TRIED(i);
	munmap(end - 4096, 8192);
}

/* An element that can be read and not written is as one that is not there. */
TEST_F(batch, read_only_elements)
{
	struct zc_send *ro = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	ASSERT_NE(MAP_FAILED, ro);
	memcpy(ro, self->send, sizeof(self->send));
	ASSERT_OK(mprotect(ro, 4096, PROT_READ));
	self->batch.sends = ZC_ADDR(ro);
	EXPECT_ERR(EFAULT, zct_send_batch(self->s.fd, &self->batch));
	for (i = 0; i < NR; i++)
		EXPECT_OK(zct_silent(self->sv[i]));
	munmap(ro, 4096);
}

TEST_F(batch, pinned)
{
	unsigned int i, fds = zct_count_fds();

	for (i = 0; i < NR; i++) {
		self->send[i].flags |= ZC_SEND_PIN;
		self->send[i].max_bytes = i % 2 ? 100 : 0;
	}
	EXPECT_OK(zct_send_batch(self->s.fd, &self->batch));
	EXPECT_EQ(fds + NR / 2, zct_count_fds());
	for (i = 0; i < NR; i++) {
		if (i % 2 == 0) {
			EXPECT_EQ(-1, self->send[i].pinned);
			EXPECT_SENT(i);
			continue;
		}
		EXPECT_EQ(100, self->send[i].sent);
		EXPECT_OK(zct_verify_fd(self->send[i].pinned, i % 3 ? 1 : 2, 1,
					i % 3 ? 100000 : 2000));
		close(self->send[i].pinned);
	}
	EXPECT_EQ(fds, zct_count_fds());
}

TEST_HARNESS_MAIN
