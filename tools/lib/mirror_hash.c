// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* SipHash-2-4 with 128 bits (Aumasson, Bernstein) for keys, CRC-32 for files. */
#include <endian.h>
#include <string.h>

#include "mirror.h"

#define ROTL(x, b) ((x) << (b) | (x) >> (64 - (b)))

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = ROTL(v[1], 13) ^ v[0];
	v[0] = ROTL(v[0], 32);
	v[2] += v[3];
	v[3] = ROTL(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = ROTL(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = ROTL(v[1], 17) ^ v[2];
	v[2] = ROTL(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

static uint64_t sip_end(uint64_t v[4])
{
	int i;

	for (i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint64_t load(const uint8_t *from, size_t len)
{
	uint64_t word = 0;

	memcpy(&word, from, len);
	return le64toh(word);
}

/**
 * zcm_hash() - hash a key
 * @m: the mirror whose random key it is done with
 * @key: the key
 * @len: its bytes
 * @hash: set to the hash
 */
void zcm_hash(const struct zc_mirror *m, const void *key, size_t len, struct zcm_hash *hash)
{
	uint64_t k0 = load(m->super.hash_key, 8), k1 = load(m->super.hash_key + 8, 8);
	uint64_t v[4] = {
		k0 ^ 0x736f6d6570736575ULL, k1 ^ 0x646f72616e646f6dULL ^ 0xee,
		k0 ^ 0x6c7967656e657261ULL, k1 ^ 0x7465646279746573ULL,
	};
	const uint8_t *from = key;
	size_t left = len;

	for (; left >= 8; left -= 8, from += 8)
		sip_word(v, load(from, 8));
	sip_word(v, load(from, left) | (uint64_t)len << 56);
	v[2] ^= 0xee;
	hash->w[0] = sip_end(v);
	v[1] ^= 0xdd;
	hash->w[1] = sip_end(v);
}

/**
 * zcm_crc() - CRC-32 as zlib and IEEE 802.3 have it
 * @crc: of what was before, 0 at the start
 * @data: bytes
 * @len: how many
 *
 * Four bits at a time: what is summed is short.
 *
 * Return: the sum.
 */
uint32_t zcm_crc(uint32_t crc, const void *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *from = data;

	crc = ~crc;
	for (; len; len--) {
		crc ^= *from++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}
