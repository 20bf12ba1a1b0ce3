// SPDX-License-Identifier: GPL-2.0-only
/* Messages and objects of more than 2 GiB: no length is 31 or 32 bits wide. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define BLOCK	(64 * MiB)

FIXTURE(big) {
	struct zct_store s;
	int sv[2];
	unsigned char *block;		/* what all blocks are made of */
	char mark[96];
};

static __u64 available(void)
{
	char line[128];
	__u64 kib = 0;
	FILE *f = fopen("/proc/meminfo", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * KiB;
}

FIXTURE_SETUP(big)
{
	ZCT_START(big);
	self->block = zct_alloc(BLOCK);
	zct_pattern(self->block, BLOCK, 1, 1, 0);
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
}

FIXTURE_TEARDOWN(big)
{
	munmap(self->block, BLOCK + 1);
	close(self->sv[0]);
	close(self->sv[1]);
	ZCT_END();
}

/* Every page of a block begins with the block's number, if it is numbered. */
static void number(unsigned char *block, __u64 nr)
{
	__u64 at;

	for (at = 0; at < BLOCK; at += 4096)
		memcpy(block + at, &nr, sizeof(nr));
}

/* Reads and compares blocks; the stream begins in one at @skip. */
struct reader {
	pthread_t thread;
	int fd;
	bool numbered;
	unsigned char *block;
	__u64 skip, len;
	bool bad;
};

static void *read_blocks(void *arg)
{
	struct reader *r = arg;
	unsigned char *want = zct_alloc(BLOCK), *buf = zct_alloc(1 * MiB);
	__u64 pos = r->skip, nr = ~0ULL;
	ssize_t n;

	memcpy(want, r->block, BLOCK);
	while (!r->bad && (n = read(r->fd, buf, 1 * MiB - pos % MiB)) > 0) {
		if (r->numbered && nr != pos / BLOCK) {
			nr = pos / BLOCK;
			number(want, nr);
		}
		r->bad = memcmp(buf, want + pos % BLOCK, n);
		pos += n;
	}
	r->len = pos - r->skip;
	return NULL;
}

#define START(...) \
	struct reader r = { .fd = self->sv[1], .block = self->block, __VA_ARGS__ }; \
	ASSERT_EQ(0, pthread_create(&r.thread, NULL, read_blocks, &r))

#define EXPECT_ARRIVED(bytes) \
	do { \
		shutdown(self->sv[0], SHUT_WR); \
		pthread_join(r.thread, NULL); \
		EXPECT_FALSE(r.bad); \
		EXPECT_EQ(bytes, r.len); \
	} while (0)

static int new_store(FIXTURE_DATA(big) *self, __u64 blocks, const char *key)
{
	const struct zc_nl_cfg cfg = { .capacity = (blocks + 1) * BLOCK };
	int fd, err = zct_store_new(&self->s, &cfg);
	__u64 i;

	if (err)
		return err;
	fd = zct_fill_key(self->s.fd, key, blocks * BLOCK, 0);
	if (fd < 0)
		return fd;
	for (i = 0; i < blocks && !err; i++) {
		if (blocks > 1)
			number(self->block, i);
		err = zct_write_all(fd, self->block, BLOCK);
	}
	err = err ?: zct_commit_fd(fd, NULL);
	close(fd);
	return err;
}

/* A message of 4 GiB, and the end of it as its second half. */
TEST_F(big, message)
{
	struct zc_part part[ZC_PARTS_MAX];
	struct zc_send send = { .key = ZC_ADDR("k"), .key_len = 1, .nr_parts = ZC_PARTS_MAX,
				.parts = ZC_ADDR(part), .sock = self->sv[0] };
	const __u64 total = ZC_PARTS_MAX * BLOCK, half = (1ULL << 31) + 4097;
	unsigned int i;

	ASSERT_OK(new_store(self, 1, "k"));
	START();
	for (i = 0; i < ZC_PARTS_MAX; i++)
		part[i] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = BLOCK };
	send.max_bytes = half;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(half, send.sent);
	EXPECT_EQ(total, send.total);
	send.skip = half;
	send.max_bytes = 0;
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(total - half, send.sent);
	EXPECT_EQ(total, send.total);
	EXPECT_EQ(BLOCK, send.data_len);
	EXPECT_ARRIVED(total);
	EXPECT_EQ(total, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	EXPECT_OK(zct_store_end(&self->s));
}

TEST_F(big, object)
{
	const __u64 blocks = 33, total = blocks * BLOCK, at = 5;
	struct zc_part part = { .type = ZC_PART_OBJECT, .offset = at,
				.flags = ZC_PART_TO_END };
	struct zc_send send = { .key = ZC_ADDR("k"), .key_len = 1, .nr_parts = 1,
				.parts = ZC_ADDR(&part), .sock = self->sv[0] };
	__u64 word;

	if (available() < total + 16 * BLOCK)
		SKIP(return, "%llu MiB are available, %llu are needed", available() / MiB,
		     (total + 16 * BLOCK) / MiB);
	ASSERT_OK(new_store(self, blocks, "k"));
	START(.numbered = true, .skip = at);
	EXPECT_OK(zct_send(self->s.fd, &send));
	EXPECT_EQ(total - at, send.sent);
	EXPECT_EQ(total - at, send.total);
	EXPECT_EQ(total, send.data_len);
	EXPECT_ARRIVED(total - at);
	EXPECT_EQ(total - at, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	/* and a range of it beyond 2 GiB, by GET */
	ASSERT_EQ(8, zct_get_data(self->s.fd, "k", &word, 8, 32 * BLOCK + 4096));
	EXPECT_EQ(32, word);
	EXPECT_OK(zct_store_end(&self->s));
}

TEST_HARNESS_MAIN
