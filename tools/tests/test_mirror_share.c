// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: several processes and threads at once, and lookups by address. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#ifdef ZC_NO_MMAP
#define MAPPED	0
#else
#define MAPPED	1
#endif
#define KEYS	24
#define ROUNDS	400

static unsigned int next(unsigned int *x)
{
	*x = *x * 1103515245 + 12345;
	return *x >> 8;
}

/* An object's bytes and entity tag are of one version, however it is found. */
static bool whole(const void *data, size_t len, unsigned int seed)
{
	char *want = malloc(len + 1);
	bool same;

	fill_pattern(want, len, seed);
	same = !memcmp(data, want, len);
	free(want);
	return same;
}

static int check_lookup(struct zc_cache *c, const char *key)
{
	struct zc_lookup l = { .key = key, .key_len = strlen(key) };
	char etag[16] = "";
	struct zc_stat s = {
		.key = zc_ptr(key), .key_len = strlen(key),
		.etag = zc_ptr(etag), .etag_len = sizeof(etag) - 1,
	};
	int bad = 0, err = zc_lookup(c, &l);

	if (err)
		return err != -ENOENT;
	s.generation = l.generation;
	err = zc_stat(c, &s);
	if (!err)
		bad = s.data_len != l.data_len || !whole(l.data, l.data_len, atoi(etag));
	else
		bad = err != -ENOENT && err != -ESTALE;
	zc_release(c, &l);
	return bad;
}

static int check_fd(struct zc_cache *c, const char *key)
{
	struct zc_open o = { .key = zc_ptr(key), .key_len = strlen(key) };
	char etag[16] = "", *data;
	struct zc_stat s = {
		.flags = ZC_STAT_FD | ZC_STAT_EXPIRED_OK, .etag = zc_ptr(etag), .etag_len = sizeof(etag) - 1,
	};
	int bad;

	s.fd = zc_open_object(c, &o);
	if (s.fd < 0)
		return s.fd != -ENOENT;
	data = malloc(o.data_len + 1);
	bad = zc_stat(c, &s) || s.generation != o.generation ||
	      pread(s.fd, data, o.data_len + 1, 0) != (ssize_t)o.data_len ||
	      !whole(data, o.data_len, atoi(etag));
	free(data);
	close(s.fd);
	return bad;
}

/* Everything, at random. Returns how often something was wrong. */
static int mix(struct zc_cache *c, unsigned int x)
{
	struct zc_delete d = { 0 };
	struct zc_purge p = { .key = zc_ptr("k/1"), .key_len = 3 };
	int bad = 0, i, err = 0;
	char key[16];

	for (i = 0; i < ROUNDS; i++) {
		snprintf(key, sizeof(key), "k/%u", next(&x) % KEYS);
		switch (next(&x) % 8) {
		case 0:
			d = (struct zc_delete) { .key = zc_ptr(key), .key_len = strlen(key) };
			err = zc_delete(c, &d);
			bad += err && err != -ENOENT;
			break;
		case 1:
			if (i % 16)
				break;
			p.flags = next(&x) % 2 ? ZC_PURGE_SOFT : 0;
			bad += zc_purge(c, &p) != 0;
			break;
		case 2:
		case 3:
			bad += put_seeded(c, key, next(&x) % 12000, next(&x) % 1000) != 0;
			break;
		case 4:
			bad += check_fd(c, key);
			break;
		default:
			bad += check_lookup(c, key);
		}
	}
	return bad;
}

static struct zc_cache *shared;

static void *mix_thread(void *arg)
{
	*(int *)arg = mix(shared, *(int *)arg);
	return NULL;
}

/* Four threads on one handle. */
static int threads(struct zc_cache *c, unsigned int x)
{
	pthread_t t[4];
	int arg[4], i, bad = 0;

	shared = c;
	for (i = 0; i < 4; i++) {
		arg[i] = x + i;
		pthread_create(&t[i], NULL, mix_thread, &arg[i]);
	}
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		bad += arg[i];
	}
	return bad;
}

static void sharing(void)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = 50 * 4096, .grace_ms = 3600000,
	};
	struct zc_cache *c = mirror_new("share", &conf);
	int i, status, bad = 0;
	pid_t pid[3];

	is_int(threads(c, 100), 0, "four threads on one handle");
	is_str(mirror_wrong(c, "share") ?: "well", "well", "all is well then");
	fflush(stdout);
	for (i = 0; i < 3; i++) {
		pid[i] = fork();
		if (!pid[i]) {
			/* One goes on with the handle of its parent. */
			struct zc_cache *mine = i ? mirror_open("share", O_RDWR) : c;

			bad = threads(mine, 1000 * (i + 1));
			zc_close(mine);
			_exit(bad > 255 ? 255 : bad);
		}
	}
	for (i = 0; i < 3; i++) {
		waitpid(pid[i], &status, 0);
		is_int(status, 0, "three processes with four threads each");
	}
	is_str(mirror_wrong(c, "share") ?: "well", "well", "all is well then, too");
	zc_close(c);
}

static void lookups(void)
{
	struct zc_cache *c = mirror_new("lookup", NULL);
	struct zc_lookup l = { .key = "big", .key_len = 3 }, other, small;
	const void *first;
	uint64_t generation;

	is_int(zc_lookup(c, &l), -ENOENT, "lookup of nothing");
	l.flags = 2;
	is_int(zc_lookup(c, &l), -EINVAL, "unknown flags");
	l.flags = 0;
	put_seeded(c, "big", 100000, 1);
	put_seeded(c, "small", 4095, 2);
	put_seeded(c, "empty", 0, 3);
	is_int(zc_lookup(c, &l), 0, "lookup of what is large");
	is_int(l.mapped, MAPPED, "is a mapping");
	is_int(l.data_len, 100000, "of its size");
	ok(whole(l.data, l.data_len, 1), "with its bytes");
	first = l.data;
	generation = l.generation;
	other = (struct zc_lookup) { .key = "big", .key_len = 3 };
	is_int(zc_lookup(c, &other), 0, "again");
	ok(other.data == first, "it is the same mapping");
	zc_release(c, &other);
	ok(!other.data && !other.held, "a release leaves nothing");
	zc_release(c, &other);
	put_seeded(c, "big", 5000, 4);
	ok(whole(l.data, l.data_len, 1), "the older version stays");
	other.generation = generation;
	is_int(zc_lookup(c, &other), -ESTALE, "but is not found");
	other.generation = 0;
	is_int(zc_lookup(c, &other), 0, "the newer one is");
	ok(whole(other.data, 5000, 4), "with its bytes");
	zc_release(c, &other);
	zc_release(c, &l);
	small = (struct zc_lookup) { .key = "small", .key_len = 5 };
	is_int(zc_lookup(c, &small), 0, "lookup of what is small");
	is_int(small.mapped, 0, "is a copy");
	ok(whole(small.data, 4095, 2), "with its bytes");
	zc_release(c, &small);
	small = (struct zc_lookup) { .key = "empty", .key_len = 5 };
	is_int(zc_lookup(c, &small), 0, "lookup of nothing at all");
	ok(small.data && !small.data_len, "has an address");
	zc_release(c, &small);
	is_int(counted(c, ZC_C_MMAP_READS), MAPPED ? 3 : 0, "mappings are counted");
	is_int(counted(c, ZC_C_MMAP_BYTES), MAPPED ? 205000 : 0, "with their bytes");
	is_int(counted(c, ZC_C_MMAP_SKIPPED), MAPPED ? 2 : 5, "and copies");
	is_int(counted(c, ZC_C_HITS), 5, "each is a hit");
	is_int(counted(c, ZC_C_MISSES), 1, "or a miss");
	zc_close(c);
}

/* More than are kept open, in memory, and than are noted as known. */
static void many(void)
{
	struct zc_cache *c = mirror_new("many", NULL);
	int i, bad = 0, fds, round;
	struct zc_lookup l;
	char key[16];

	for (i = 0; i < 600; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += put_seeded(c, key, 4090 + i % 10, i) != 0;
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 600; i++) {
			snprintf(key, sizeof(key), "%d", i);
			l = (struct zc_lookup) { .key = key, .key_len = strlen(key) };
			bad += zc_lookup(c, &l) || !whole(l.data, l.data_len, i);
			zc_release(c, &l);
			bad += check_fd(c, key);
		}
	}
	is_int(bad, 0, "each is found");
	fds = dup(0);
	close(fds);
	ok(fds < ZCM_CACHE_MAX + 16, "but so many are not open");
	ok(zcm_mirror(c)->nr_known <= 1100, "nor remembered");
	zc_close(c);
}

static void kmod_lookups(void)
{
	static char data[9000];
	struct zc_lookup l = { .key = "big", .key_len = 3 };
	struct zc_cache *c = test_open();

	fill_pattern(data, sizeof(data), 1);
	is_int(zc_lookup(c, &l), -ENOENT, "the module: lookup of nothing");
	put_object(c, "big", data, sizeof(data), NULL, NULL, NULL);
	is_int(zc_lookup(c, &l), 0, "the module: lookup of what is large");
	is_int(l.mapped, MAPPED, "is a mapping");
	is_mem(l.data, l.data_len, data, sizeof(data), "with its bytes");
	put_object(c, "big", "small", 5, NULL, NULL, NULL);
	is_mem(l.data, l.data_len, data, sizeof(data), "that stays");
	zc_release(c, &l);
	l.generation = 0;
	is_int(zc_lookup(c, &l), 0, "the module: lookup of what is small");
	is_int(l.mapped, 0, "is a copy");
	is_mem(l.data, l.data_len, "small", 5, "with its bytes");
	l.generation++;
	zc_release(c, &l);
	is_int(zc_lookup(c, &l), -ESTALE, "another version is refused");
	zc_close(c);
}

int main(void)
{
	test_store();
	lookups();
	kmod_lookups();
	many();
	sharing();
	return tap_end();
}
