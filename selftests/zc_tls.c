// SPDX-License-Identifier: GPL-2.0-only
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "zc_tls.h"

#ifndef TCP_ULP
#define TCP_ULP	31
#endif
#ifndef SOL_TLS
#define SOL_TLS	282
#endif

/* Key, salt and first number are the same on both sides; any will do. */
static int set_keys(int sock, int direction, unsigned int version, enum zct_cipher cipher)
{
	union {
		struct tls_crypto_info info;
		struct tls12_crypto_info_aes_gcm_128 gcm128;
		struct tls12_crypto_info_aes_gcm_256 gcm256;
		struct tls12_crypto_info_chacha20_poly1305 chacha;
	} keys;
	static const struct { unsigned int type; socklen_t len; } kinds[] = {
		[ZCT_GCM128] = { TLS_CIPHER_AES_GCM_128, sizeof(keys.gcm128) },
		[ZCT_GCM256] = { TLS_CIPHER_AES_GCM_256, sizeof(keys.gcm256) },
		[ZCT_CHACHA] = { TLS_CIPHER_CHACHA20_POLY1305, sizeof(keys.chacha) },
	};

	memset(&keys, 0x5c, sizeof(keys));
	keys.info.version = version;
	keys.info.cipher_type = kinds[cipher].type;
	return setsockopt(sock, SOL_TLS, direction, &keys, kinds[cipher].len) ? -errno : 0;
}

int zct_tls(int sv[2], unsigned int version, enum zct_cipher cipher)
{
	int i, err;

	for (i = 0; i < 2; i++) {
		if (setsockopt(sv[i], IPPROTO_TCP, TCP_ULP, "tls", 4))
			return errno == ENOENT || errno == ENOPROTOOPT ? -EOPNOTSUPP : -errno;
		err = set_keys(sv[i], i ? TLS_RX : TLS_TX, version, cipher);
		/* ENOENT is the crypto code's: it has no such cipher */
		if (err)
			return err == -ENOENT ? -EOPNOTSUPP : err;
	}
	return 0;
}
