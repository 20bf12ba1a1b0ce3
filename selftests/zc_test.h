/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests share, without the harness: functions give -errno, tests
 * compare it.
 *
 * A call that fails must leave its argument alone ("(out) members are written
 * only on success"), but for those that the interface names. zct_ioctl() checks
 * that of every failing call of every test, and zct_store_end() reports it.
 */
#ifndef ZC_TEST_H
#define ZC_TEST_H

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>
#include <linux/zcache.h>

#include "zc_nl.h"

#ifndef ARRAY_SIZE		/* the harness has one too */
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif
#define KiB		1024ULL
#define MiB		(1024 * KiB)

#define ZC_ADDR(p)	((__u64)(uintptr_t)(p))
/* Addresses of the kernel's half, and one that wraps. */
#define ZC_BAD_KERNEL	0xffff888000000000ULL
#define ZC_BAD_TOP	(~0ULL - 4095)
#define ZC_BAD_LOW	8ULL

/* An address to hand to the kernel, which the compiler shall not judge. */
static inline void *zct_at(__u64 address)
{
	volatile __u64 a = address;

	return (void *)(uintptr_t)a;
}

/* --- stores */

struct zct_store {
	char name[ZC_NAME_MAX + 1];
	char path[ZC_NAME_MAX + 16];
	int fd;
};

/* @cfg may be NULL: 64 MiB, a grace of an hour and the defaults. Return: 0 or -errno. */
int zct_store_new(struct zct_store *s, const struct zc_nl_cfg *cfg);
/*
 * Delete all objects, then close and delete, unforced: what a test or the
 * kernel still holds gives EBUSY, or EUCLEAN if bytes stay charged. EBADMSG: a
 * failed call wrote to its argument.
 */
int zct_store_end(struct zct_store *s);
__u64 zct_used(const struct zct_store *s);
/* Until so many bytes are: room may come back in the background. */
void zct_wait_used(const struct zct_store *s, __u64 bytes);
__u64 zct_objects(const struct zct_store *s);
__u64 zct_count(const struct zct_store *s, enum zc_counter counter);
/* Until it is that: what happens in the background is counted when it is over. */
void zct_wait_count(const struct zct_store *s, enum zc_counter counter, __u64 n);
/*
 * @n pairs of counter and delta are all that changed since @before, but for the
 * bytes of hits and misses, which are compared if they are named.
 */
struct zct_delta { int counter; __u64 by; };
int zct_deltas(const struct zct_store *s, const struct zc_nl_store *before,
	       const struct zct_delta *deltas, int n);

/* --- calls: raw; a size member of 0 becomes the size of the struct */

int zct_ioctl(int fd, unsigned long cmd, void *arg, size_t size);
int zct_info(int fd, struct zc_info *arg);
int zct_put(int fd, struct zc_put *arg);
int zct_fill(int fd, struct zc_put *arg);
int zct_commit(int fd, struct zc_commit *arg);
int zct_stat(int fd, struct zc_stat *arg);
int zct_get(int fd, struct zc_get *arg);
int zct_open(int fd, struct zc_open *arg);
int zct_send(int fd, struct zc_send *arg);
int zct_send_batch(int fd, struct zc_send_batch *arg);
int zct_delete(int fd, struct zc_delete *arg);
int zct_purge(int fd, struct zc_purge *arg);
int zct_touch(int fd, struct zc_touch *arg);
int zct_wait(int fd, struct zc_wait *arg);

/* ZC_STATE_INLINE where small objects live in slab memory, and 0 where they do not. */
extern __u32 zct_state_inline;

/* --- the usual cases, with keys that are C strings */

int zct_put_data(int fd, const char *key, const void *data, size_t len, __u64 *generation);
int zct_put_pattern(int fd, const char *key, unsigned int id, unsigned int version,
		    size_t len, __u64 *generation);
/* Return: bytes copied or -errno. */
ssize_t zct_get_data(int fd, const char *key, void *buf, size_t len, __u64 offset);
int zct_open_key(int fd, const char *key);		/* object fd or -errno */
int zct_stat_key(int fd, const char *key, struct zc_stat *st);
int zct_delete_key(int fd, const char *key);
int zct_fill_key(int fd, const char *key, __u64 len, __u32 flags);	/* fill fd or -errno */
int zct_commit_fd(int fill, __u64 *generation);
/* 0 if @key has exactly @len bytes of this pattern, else -errno or 1. */
int zct_verify_key(int fd, const char *key, unsigned int id, unsigned int version, size_t len);
/* The same of a file descriptor, by pread. */
int zct_verify_fd(int fd, unsigned int id, unsigned int version, size_t len);

/* --- patterns: every 8 bytes tell key, version and their offset */

#define ZCT_ID_MAX	0xffffU
#define ZCT_VERSION_MAX	0xffffffU

void zct_pattern(void *buf, size_t len, unsigned int id, unsigned int version, __u64 offset);
/* Index of the first byte that is wrong, -1 if none is. */
ssize_t zct_check(const void *buf, size_t len, unsigned int id, unsigned int version,
		  __u64 offset);
/* What the word at @buf (offset 8-aligned) says it is. */
void zct_origin(const void *buf, unsigned int *id, unsigned int *version);

/* --- sockets (zc_sock.c) */

enum zct_family { ZCT_V4, ZCT_V6, ZCT_V4MAPPED };
/* [0] sends, [1] receives. */
int zct_tcp_pair(enum zct_family family, int sv[2]);
int zct_nonblock(int fd, bool on);
int zct_bufsize(int fd, int option, int bytes);
/* Exactly @len bytes. Return: 0, -errno, or -EPIPE at an early end. */
int zct_read_all(int fd, void *buf, size_t len);
int zct_write_all(int fd, const void *buf, size_t len);
/* 0 if nothing but what this call sends itself arrives on the pair. */
int zct_silent(int sv[2]);
/* Bytes that are not sent although no others are on their way, which they might wait for. */
int zct_held(int fd);
/* Sends until the socket takes no more, and will not until it is read. */
ssize_t zct_stuff(int fd);

/* A thread that collects what arrives until the end of the stream. */
struct zct_rx {
	pthread_t thread;
	int fd;
	size_t chunk;		/* bytes per read, 0: many */
	unsigned char *data;
	size_t len;		/* until it is joined, under the lock */
	bool ended;
	pthread_mutex_t lock;
	pthread_cond_t arrived;
	int err;
};

int zct_rx_start(struct zct_rx *rx, int fd);
/* Wait until @len bytes arrived, or the stream ended. */
void zct_rx_wait(struct zct_rx *rx, size_t len);
int zct_rx_join(struct zct_rx *rx);
void zct_rx_free(struct zct_rx *rx);

/* --- the rest */

/*
 * Mark the kernel log, so that a splat there is near the name of a test. The
 * results are read by the marks of whole programs, which look otherwise.
 */
void zct_mark(const char *what, const char *test);
/*
 * Whether every check of the kernel is on, which makes it some ten times slower:
 * do less there. What that leaves out is left to the stock kernels, which do all of
 * it: numbers of rounds and objects, lengths of bodies, variants that take no other
 * way through the module (as a cipher is none of its business). Each path that is
 * taken at all is taken under the checks, and they judge it the first time.
 */
bool zct_slow(void);
/* Iterations for this kernel. */
unsigned int zct_times(unsigned int n);
unsigned int zct_seed(void);		/* ZCACHE_SEED or of the clock; printed */
unsigned int zct_random(unsigned int *state);
/* Return once @pid sleeps (S or D); -ESRCH if it is gone. */
int zct_wait_asleep(pid_t pid);
void *zct_alloc(size_t len);		/* pages present, never fails */
int zct_write_file(const char *path, const char *text);
__u64 zct_now(void);			/* CLOCK_REALTIME, ns */

#endif /* ZC_TEST_H */
