// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: what is under way while another process dies, and the index is made anew. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

/* Of this mirror's index, the unlock after which that happens, counted down. */
static struct zc_cache *watched;
static int left;

static void somebody_dies(struct zc_cache *c)
{
	pid_t pid = fork();

	if (!pid) {
		if (!zcm_lock(zcm_mirror(c)))
			zcm_dirty(zcm_mirror(c));
		raise(SIGKILL);
	}
	waitpid(pid, NULL, 0);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock);
int __real_pthread_mutex_unlock(pthread_mutex_t *lock);

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock)
{
	int err = __real_pthread_mutex_unlock(lock);

	if (left && lock == &zcm_mirror(watched)->head->lock && !--left)
		somebody_dies(watched);
	return err;
}

static int delete_key(struct zc_cache *c, const char *key, uint32_t flags)
{
	struct zc_delete d = { .flags = flags, .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_delete(c, &d);
}

/* Objects at places of the index that they do not have when it is made anew. */
static struct zc_cache *behind_holes(const char *name, int holes, int nr)
{
	struct zc_cache *c = mirror_new(name, NULL);
	uint64_t tag = 7;
	char key[16];
	int i, bad = 0;

	for (i = 0; i < holes + nr; i++) {
		struct zc_put p = {
			.key = zc_ptr(key), .key_len = snprintf(key, sizeof(key), "%d", i),
			.tags = zc_ptr(&tag), .nr_tags = 1,
		};

		bad += zc_put(c, &p) != 0;
	}
	for (i = 0; i < holes; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += delete_key(c, key, 0) != 0;
	}
	is_int(bad, 0, "objects");
	watched = c;
	return c;
}

static uint64_t rebuilds(struct zc_cache *c)
{
	struct zc_mirror_status st = { .size = sizeof(st) };

	return zc_mirror_status(c, &st) ? 0 : st.rebuilds;
}

static void purging(uint32_t flags, const char *name)
{
	struct zc_cache *c = behind_holes(name, 300, 100);
	struct zc_purge p = { .flags = flags, .tag = flags & ZC_PURGE_TAG ? 7 : 0 };
	uint64_t before = rebuilds(c);

	left = 3;
	is_int(zc_purge(c, &p), 0, "a purge");
	is_int(left, 0, "in the middle of which somebody dies");
	is_int(rebuilds(c), before + 1, "so that the index is made anew");
	is_int(p.objects, 100, "tells of each object once");
	is_int(objects(c), flags & ZC_PURGE_SOFT ? 100 : 0, "and has left");
	is_int(get_key(c, "350", 0), -ENOENT, "none that is served");
	zc_close(c);
}

static void listing(void)
{
	struct zc_cache *c = behind_holes("list", 10, 10);
	struct zc_mirror_object o = { .size = sizeof(o) };
	uint64_t cursor = 0;
	int i, nr = 0;

	for (i = 0; i < 5; i++)
		is_int(zc_mirror_list(c, &cursor, &o), 1, "an object");
	somebody_dies(c);
	is_int(zc_mirror_list(c, &cursor, &o), -EAGAIN, "that was another table");
	is_int(zc_mirror_list(c, &cursor, &o), -EAGAIN, "it stays so");
	cursor = 0;
	while (zc_mirror_list(c, &cursor, &o) == 1)
		nr++;
	is_int(nr, 10, "from the beginning it tells all");
	zc_close(c);
}

/* The time of a version that had another one than at its commit. */
static void past(void)
{
	struct zc_cache *c = mirror_new("past", NULL);
	struct zc_open o = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_stat s = { .flags = ZC_STAT_FD };

	is_int(put_seeded(c, "k", 100, 1), 0, "an object");
	s.fd = zc_open_object(c, &o);
	ok(s.fd >= 0, "that is open");
	is_int(delete_key(c, "k", ZC_DELETE_SOFT), 0, "expires");
	is_int(zc_stat(c, &s), -ENOENT, "it is not served");
	somebody_dies(c);
	is_int(delete_key(c, "k", 0), 0, "and is deleted");
	is_int(zc_stat(c, &s), -ENOENT, "nor is it then");
	close(s.fd);
	zc_close(c);
}

/* Where a file system keeps whole seconds a file may look like one that is gone. */
static void whole_seconds(void)
{
	struct zc_cache *c = mirror_new("seconds", NULL);
	struct zc_open o = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_stat s = { .flags = ZC_STAT_FD };
	char name[ZCM_NAME], path[ZCM_NAME + 16];
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	is_int(put_seeded(c, "k", 100, 1), 0, "an object");
	zcm_data_name(name, zcm_mirror(c)->head->generation);
	snprintf(path, sizeof(path), "seconds/%s", name);
	times[1].tv_sec = zcm_mirror(c)->super.id;
	is_int(utimensat(AT_FDCWD, mirror_path(path), times, 0), 0, "whose mark lost a part");
	s.fd = zc_open_object(c, &o);
	is_int(zc_stat(c, &s), 0, "is known by its name");
	is_int(delete_key(c, "k", 0), 0, "without that");
	is_int(zc_stat(c, &s), -EXDEV, "it may be any");
	close(s.fd);
	zc_close(c);
}

int main(void)
{
	if (!test_robust())
		return test_skip("who dies with a lock is not told of here");
	purging(0, "purge");
	purging(ZC_PURGE_SOFT, "soft");
	purging(ZC_PURGE_TAG, "tag");
	purging(ZC_PURGE_TAG | ZC_PURGE_SOFT, "soft-tag");
	listing();
	past();
	whole_seconds();
	return tap_end();
}
