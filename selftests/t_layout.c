// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layout of the structs, in numbers: what was published does not move.
 * The same numbers hold for 32-bit programs (zc_abi32 proves it by its calls).
 */
#include <stddef.h>
#include <linux/zcache_policy.h>

#include "zc_harness.h"

#define SIZE(type, bytes)	EXPECT_EQ(bytes, sizeof(struct type))
#define AT(type, member, offset, bytes) \
	do { \
		EXPECT_EQ(offset, offsetof(struct type, member)); \
		EXPECT_EQ(bytes, sizeof(((struct type *)0)->member)); \
	} while (0)

TEST(numbers)
{
	EXPECT_EQ(1, ZC_ABI_VERSION);
	EXPECT_EQ(1024, ZC_KEY_MAX);
	EXPECT_EQ(4096, ZC_HEADER_MAX);
	EXPECT_EQ(128, ZC_ETAG_MAX);
	EXPECT_EQ(128, ZC_TYPE_MAX);
	EXPECT_EQ(64, ZC_PARTS_MAX);
	EXPECT_EQ(65536, ZC_INLINE_BYTES_MAX);
	EXPECT_EQ(1024, ZC_BATCH_MAX);
	EXPECT_EQ(32, ZC_NAME_MAX);
	EXPECT_EQ(0x7a80, ZC_IOC_INFO);
	EXPECT_EQ(0x7a81, ZC_IOC_PUT);
	EXPECT_EQ(0x7a82, ZC_IOC_FILL);
	EXPECT_EQ(0x7a83, ZC_IOC_COMMIT);
	EXPECT_EQ(0x7a84, ZC_IOC_STAT);
	EXPECT_EQ(0x7a85, ZC_IOC_GET);
	EXPECT_EQ(0x7a86, ZC_IOC_OPEN);
	EXPECT_EQ(0x7a87, ZC_IOC_SEND);
	EXPECT_EQ(0x7a88, ZC_IOC_DELETE);
	EXPECT_EQ(0x7a89, ZC_IOC_SEND_BATCH);
	EXPECT_EQ(0x7a8a, ZC_IOC_PURGE);
	EXPECT_EQ(0x7a8b, ZC_IOC_TOUCH);
	EXPECT_EQ(0x7a8c, ZC_IOC_WAIT);
	EXPECT_EQ(1, ZC_WAIT_FD);
	EXPECT_EQ(2, ZC_PUT_RESERVE);
	EXPECT_EQ(2, ZC_PURGE_TAG);
	EXPECT_EQ(8, ZC_TAGS_MAX);
	EXPECT_EQ(1, ZC_DELETE_SOFT);
	EXPECT_EQ(1, ZC_PURGE_SOFT);
	EXPECT_EQ(1, ZC_TOUCH_EXPIRES);
	EXPECT_EQ(2, ZC_TOUCH_EXPIRED_OK);
	EXPECT_EQ(1, ZC_PUT_EXCL);
	EXPECT_EQ(1, ZC_STAT_FD);
	EXPECT_EQ(2, ZC_STAT_EXPIRED_OK);
	EXPECT_EQ(1, ZC_STATE_INLINE);
	EXPECT_EQ(2, ZC_STATE_EXPIRED);
	EXPECT_EQ(1, ZC_GET_FD);
	EXPECT_EQ(2, ZC_GET_EXPIRED_OK);
	EXPECT_EQ(1, ZC_OPEN_EXPIRED_OK);
	EXPECT_EQ(1, ZC_PART_INLINE);
	EXPECT_EQ(2, ZC_PART_HEADER);
	EXPECT_EQ(3, ZC_PART_OBJECT);
	EXPECT_EQ(4, ZC_PART_SELECT);
	EXPECT_EQ(1, ZC_PART_TO_END);
	EXPECT_EQ(2, ZC_PART_SUFFIX);
	EXPECT_EQ(4, ZC_PART_FD);
	EXPECT_EQ(1, ZC_SEND_FD);
	EXPECT_EQ(2, ZC_SEND_EXPIRED_OK);
	EXPECT_EQ(4, ZC_SEND_NOWAIT);
	EXPECT_EQ(8, ZC_SEND_MORE);
	EXPECT_EQ(16, ZC_SEND_COPY);
	EXPECT_EQ(32, ZC_SEND_PIN);
	EXPECT_EQ(64, ZC_SEND_IF_MATCH);
	EXPECT_EQ(128, ZC_SEND_IF_NONE_MATCH);
	EXPECT_EQ(1, ZC_FEAT_SEND_SPLICE);
	EXPECT_EQ(2, ZC_FEAT_LARGE_FOLIOS);
}

TEST(zc_info)
{
	SIZE(zc_info, 112);
	AT(zc_info, size, 0, 4);
	AT(zc_info, flags, 4, 4);
	AT(zc_info, abi, 8, 4);
	AT(zc_info, inline_limit, 12, 4);
	AT(zc_info, features, 16, 8);
	AT(zc_info, capacity, 24, 8);
	AT(zc_info, used, 32, 8);
	AT(zc_info, objects, 40, 8);
	AT(zc_info, max_object_size, 48, 8);
	AT(zc_info, splice_threshold, 56, 8);
	AT(zc_info, max_key_len, 64, 4);
	AT(zc_info, __reserved, 68, 4);
	AT(zc_info, name, 72, 40);
}

TEST(zc_put)
{
	SIZE(zc_put, 112);
	AT(zc_put, size, 0, 4);
	AT(zc_put, flags, 4, 4);
	AT(zc_put, key, 8, 8);
	AT(zc_put, key_len, 16, 4);
	AT(zc_put, header_len, 20, 4);
	AT(zc_put, header, 24, 8);
	AT(zc_put, etag, 32, 8);
	AT(zc_put, type, 40, 8);
	AT(zc_put, etag_len, 48, 4);
	AT(zc_put, type_len, 52, 4);
	AT(zc_put, expires_ns, 56, 8);
	AT(zc_put, data, 64, 8);
	AT(zc_put, data_len, 72, 8);
	AT(zc_put, generation, 80, 8);
	AT(zc_put, fd, 88, 4);
	AT(zc_put, __reserved, 92, 4);
	AT(zc_put, tags, 96, 8);
	AT(zc_put, nr_tags, 104, 4);
	AT(zc_put, __reserved2, 108, 4);
}

TEST(zc_commit)
{
	SIZE(zc_commit, 16);
	AT(zc_commit, size, 0, 4);
	AT(zc_commit, flags, 4, 4);
	AT(zc_commit, generation, 8, 8);
}

TEST(zc_purge)
{
	SIZE(zc_purge, 48);
	AT(zc_purge, size, 0, 4);
	AT(zc_purge, flags, 4, 4);
	AT(zc_purge, key, 8, 8);
	AT(zc_purge, key_len, 16, 4);
	AT(zc_purge, __reserved, 20, 4);
	AT(zc_purge, objects, 24, 8);
	AT(zc_purge, bytes, 32, 8);
	AT(zc_purge, tag, 40, 8);
}

TEST(zc_touch)
{
	SIZE(zc_touch, 40);
	AT(zc_touch, size, 0, 4);
	AT(zc_touch, flags, 4, 4);
	AT(zc_touch, key, 8, 8);
	AT(zc_touch, key_len, 16, 4);
	AT(zc_touch, __reserved, 20, 4);
	AT(zc_touch, generation, 24, 8);
	AT(zc_touch, expires_ns, 32, 8);
}

TEST(zc_stat)
{
	SIZE(zc_stat, 144);
	AT(zc_stat, size, 0, 4);
	AT(zc_stat, flags, 4, 4);
	AT(zc_stat, key, 8, 8);
	AT(zc_stat, key_len, 16, 4);
	AT(zc_stat, fd, 20, 4);
	AT(zc_stat, generation, 24, 8);
	AT(zc_stat, data_len, 32, 8);
	AT(zc_stat, resident, 40, 8);
	AT(zc_stat, charge, 48, 8);
	AT(zc_stat, expires_ns, 56, 8);
	AT(zc_stat, created_ns, 64, 8);
	AT(zc_stat, hits, 72, 8);
	AT(zc_stat, state, 80, 4);
	AT(zc_stat, __reserved, 84, 4);
	AT(zc_stat, header, 88, 8);
	AT(zc_stat, etag, 96, 8);
	AT(zc_stat, type, 104, 8);
	AT(zc_stat, header_len, 112, 4);
	AT(zc_stat, etag_len, 116, 4);
	AT(zc_stat, type_len, 120, 4);
	AT(zc_stat, __reserved2, 124, 4);
	AT(zc_stat, tags, 128, 8);
	AT(zc_stat, nr_tags, 136, 4);
	AT(zc_stat, __reserved3, 140, 4);
}

TEST(zc_get)
{
	SIZE(zc_get, 80);
	AT(zc_get, size, 0, 4);
	AT(zc_get, flags, 4, 4);
	AT(zc_get, key, 8, 8);
	AT(zc_get, key_len, 16, 4);
	AT(zc_get, fd, 20, 4);
	AT(zc_get, generation, 24, 8);
	AT(zc_get, offset, 32, 8);
	AT(zc_get, buf, 40, 8);
	AT(zc_get, buf_len, 48, 8);
	AT(zc_get, copied, 56, 8);
	AT(zc_get, data_len, 64, 8);
	AT(zc_get, miss_tag, 72, 8);
}

TEST(zc_open)
{
	SIZE(zc_open, 48);
	AT(zc_open, size, 0, 4);
	AT(zc_open, flags, 4, 4);
	AT(zc_open, key, 8, 8);
	AT(zc_open, key_len, 16, 4);
	AT(zc_open, fd, 20, 4);
	AT(zc_open, generation, 24, 8);
	AT(zc_open, data_len, 32, 8);
	AT(zc_open, miss_tag, 40, 8);
}

TEST(zc_send)
{
	SIZE(zc_part, 40);
	AT(zc_part, type, 0, 4);
	AT(zc_part, flags, 4, 4);
	AT(zc_part, addr, 8, 8);
	AT(zc_part, offset, 16, 8);
	AT(zc_part, length, 24, 8);
	AT(zc_part, generation, 32, 8);
	SIZE(zc_send, 128);
	AT(zc_send, size, 0, 4);
	AT(zc_send, flags, 4, 4);
	AT(zc_send, key, 8, 8);
	AT(zc_send, key_len, 16, 4);
	AT(zc_send, fd, 20, 4);
	AT(zc_send, sock, 24, 4);
	AT(zc_send, nr_parts, 28, 4);
	AT(zc_send, parts, 32, 8);
	AT(zc_send, skip, 40, 8);
	AT(zc_send, max_bytes, 48, 8);
	AT(zc_send, generation, 56, 8);
	AT(zc_send, sent, 64, 8);
	AT(zc_send, total, 72, 8);
	AT(zc_send, data_len, 80, 8);
	AT(zc_send, etag, 88, 8);
	AT(zc_send, etag_len, 96, 4);
	AT(zc_send, state, 100, 4);
	AT(zc_send, threshold, 104, 8);
	AT(zc_send, pinned, 112, 4);
	AT(zc_send, __reserved, 116, 4);
	AT(zc_send, miss_tag, 120, 8);
	SIZE(zc_send_batch, 40);
	AT(zc_send_batch, size, 0, 4);
	AT(zc_send_batch, flags, 4, 4);
	AT(zc_send_batch, nr, 8, 4);
	AT(zc_send_batch, send_size, 12, 4);
	AT(zc_send_batch, sends, 16, 8);
	AT(zc_send_batch, results, 24, 8);
	AT(zc_send_batch, done, 32, 4);
	AT(zc_send_batch, __reserved, 36, 4);
}

TEST(zc_delete)
{
	SIZE(zc_delete, 32);
	AT(zc_delete, size, 0, 4);
	AT(zc_delete, flags, 4, 4);
	AT(zc_delete, key, 8, 8);
	AT(zc_delete, key_len, 16, 4);
	AT(zc_delete, __reserved, 20, 4);
	AT(zc_delete, generation, 24, 8);
}

TEST(zc_wait)
{
	SIZE(zc_wait, 32);
	AT(zc_wait, size, 0, 4);
	AT(zc_wait, flags, 4, 4);
	AT(zc_wait, key, 8, 8);
	AT(zc_wait, key_len, 16, 4);
	AT(zc_wait, timeout_ms, 20, 4);
	AT(zc_wait, fd, 24, 4);
	AT(zc_wait, __reserved, 28, 4);
}

TEST(zc_policy)
{
	SIZE(zc_policy_record, 32);
	AT(zc_policy_record, generation, 0, 8);
	AT(zc_policy_record, id, 8, 8);
	AT(zc_policy_record, charge, 16, 8);
	AT(zc_policy_record, slot, 24, 4);
	AT(zc_policy_record, what, 28, 1);
	AT(zc_policy_record, uses, 29, 1);
	AT(zc_policy_record, reason, 30, 1);
	AT(zc_policy_record, __reserved, 31, 1);
	SIZE(zc_policy_victim, 16);
	AT(zc_policy_victim, generation, 0, 8);
	AT(zc_policy_victim, slot, 8, 4);
	AT(zc_policy_victim, __reserved, 12, 4);
}

/* Attribute numbers of the counters follow their enum, and both stay. */
TEST(counters)
{
	EXPECT_EQ(48, ZC_C_NR);
	EXPECT_EQ(ZC_C_NR, ZCACHE_A_STATS_MAX - ZCACHE_A_STATS_PAD);
	EXPECT_EQ(0, ZC_C_HITS);
	EXPECT_EQ(2, ZCACHE_A_STATS_HITS);
	EXPECT_EQ(3, ZC_C_PUTS);
	EXPECT_EQ(5, ZCACHE_A_STATS_PUTS);
	EXPECT_EQ(21, ZC_C_SPLICED_BYTES);
	EXPECT_EQ(23, ZCACHE_A_STATS_SPLICED_BYTES);
	EXPECT_EQ(23, ZC_C_FALLBACKS);
	EXPECT_EQ(25, ZCACHE_A_STATS_FALLBACKS);
	EXPECT_EQ(28, ZC_C_FALLBACKS_INLINE);
	EXPECT_EQ(30, ZCACHE_A_STATS_FALLBACKS_INLINE);
	EXPECT_EQ(30, ZC_C_BATCHES);
	EXPECT_EQ(32, ZCACHE_A_STATS_BATCHES);
	EXPECT_EQ(43, ZC_C_SHRINKER_CALLS);
	EXPECT_EQ(45, ZCACHE_A_STATS_SHRINKER_CALLS);
	EXPECT_EQ(47, ZC_C_TOUCHES_LOST);
	EXPECT_EQ(49, ZCACHE_A_STATS_TOUCHES_LOST);
}

TEST_HARNESS_MAIN
