/* SPDX-License-Identifier: GPL-2.0-only */
/* The stand-in for the module: what its files share. */
#ifndef FAKE_KMOD_H
#define FAKE_KMOD_H

#include <stdbool.h>

#include <zcache.h>

struct meta {
	uint64_t generation, data_len;
	int64_t expires_ns, created_ns;
	uint32_t header_len, etag_len, type_len, nr_tags;
	uint64_t tags[ZC_TAGS_MAX];
	char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
};

struct fd {
	enum { FD_OTHER, FD_NODE, FD_FILL, FD_OBJECT, FD_DONE } kind;
	bool writable, excl, reserved;
	int dir;			/* FD_FILL: of the store */
	char name[80];			/* FD_FILL: the key in hex */
	struct meta meta;		/* FD_FILL, FD_OBJECT */
};

struct fd *fake_remember(int fd, int kind);

/* The error that a test wants for this call, or 0. */
int fake_injected(const char *name);

/* The current version and its data fd, or the object behind an object fd. */
int fake_find(int dir, int object_fd, bool by_fd, uint64_t key, uint32_t key_len,
	      uint64_t generation, bool expired_ok, struct meta *m, int *data);

int64_t fake_now(void);
bool fake_expired(const struct meta *m);

/* An object's name in its folder. */
int fake_hex_name(uint64_t key, uint32_t len, char name[80]);
int fake_read_meta(int dir, const char *name, struct meta *m);
void fake_write_meta(int dir, const char *name, const struct meta *m);

/* fake_life.c */
int fake_delete(int dir, const struct fd *node, struct zc_delete *d);
int fake_touch(int dir, const struct fd *node, struct zc_touch *t);
int fake_purge(int dir, const struct fd *node, struct zc_purge *p);

/* fake_reserve.c */
int fake_reserve(int dir, const char *name);
void fake_unreserve(int fd);
int fake_wait(int dir, struct zc_wait *w);
int fake_wait_end(struct zc_wait *w);

/* fake_send.c */
int fake_send(int dir, struct zc_send *s);
int fake_send_batch(int dir, struct zc_send_batch *b);

#endif /* FAKE_KMOD_H */
