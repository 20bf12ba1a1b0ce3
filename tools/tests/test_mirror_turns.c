// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: how much is done to files in one turn at the index's lock. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define OBJECTS	400
#define FILLS	100

/* Calls in this turn, the most in one, and those in all; of the mirror held. */
static struct zc_cache *held;
static unsigned int calls, most, flocks;

/* Syncs in this turn, the most in one; and what is done before the one after so many. */
static unsigned int syncs, most_syncs, syncs_left;

/* No file can be removed. */
static bool denied;

/* Syncs of files and folders in all. */
static unsigned int files, folders;
static void (*at_sync)(void);

static bool of_index(pthread_mutex_t *lock)
{
	return held && lock == &zcm_mirror(held)->head->lock;
}

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock);
int __real_pthread_mutex_lock(pthread_mutex_t *lock);

int __wrap_pthread_mutex_lock(pthread_mutex_t *lock)
{
	if (of_index(lock)) {
		calls = 0;
		syncs = 0;
	}
	return __real_pthread_mutex_lock(lock);
}

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock);
int __real_pthread_mutex_unlock(pthread_mutex_t *lock);

int __wrap_pthread_mutex_unlock(pthread_mutex_t *lock)
{
	if (of_index(lock)) {
		if (calls > most)
			most = calls;
		calls = 0;
		if (syncs > most_syncs)
			most_syncs = syncs;
		syncs = 0;
	}
	return __real_pthread_mutex_unlock(lock);
}

int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	int mode = 0;

	va_start(ap, flags);
	if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE)
		mode = va_arg(ap, int);
	va_end(ap);
	calls++;
	return __real_openat(dir, path, flags, mode);
}

int __wrap_unlinkat(int dir, const char *path, int flags);
int __real_unlinkat(int dir, const char *path, int flags);

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	calls++;
	if (denied) {
		errno = EACCES;
		return -1;
	}
	return __real_unlinkat(dir, path, flags);
}

int __wrap_flock(int fd, int how);
int __real_flock(int fd, int how);

int __wrap_flock(int fd, int how)
{
	flocks++;
	return __real_flock(fd, how);
}

int __wrap_fsync(int fd);
int __real_fsync(int fd);

int __wrap_fsync(int fd)
{
	void (*hook)(void) = at_sync;
	struct stat st;

	if (!fstat(fd, &st) && S_ISDIR(st.st_mode))
		folders++;
	else
		files++;
	if (held && pthread_mutex_trylock(&zcm_mirror(held)->head->lock))
		syncs++;
	else if (held)
		__real_pthread_mutex_unlock(&zcm_mirror(held)->head->lock);
	if (hook && !syncs_left--) {
		at_sync = NULL;
		hook();
	}
	return __real_fsync(fd);
}

static void watch(struct zc_cache *c)
{
	held = c;
	calls = 0;
	most = 0;
	most_syncs = 0;
	flocks = 0;
}

/* Keys whose entries do not have all of the prefix, so that each file is read. */
static void long_prefix(void)
{
	static const char prefix[] = "a/prefix/that/is/longer/than/an/entry/has/it/";
	struct zc_cache *c = mirror_new("prefix", NULL);
	struct zc_purge p = { .key = zc_ptr(prefix), .key_len = sizeof(prefix) - 1 };
	char key[64];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%.*s%s%d", (int)sizeof(prefix) - 2, prefix,
			 i % 4 ? "x" : "/", i);
		put_seeded(c, key, 10, i);
	}
	watch(c);
	is_int(zc_purge(c, &p), 0, "a purge by a long prefix");
	is_int(p.objects, OBJECTS / 4, "takes what begins so");
	ok(most <= 3 * 32, "and reads few files in a turn");
	printf("# %u calls in one turn\n", most);
	held = NULL;
	is_int(objects(c), OBJECTS - OBJECTS / 4, "the others stay");
	is_str(mirror_wrong(c, "prefix") ?: "well", "well", "all is well");
	zc_close(c);
}

/* What expired long ago goes in small parts. */
static void expired(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .grace_ms = 3600000 };
	struct zc_cache *c = mirror_new("expired", &conf);
	struct zc_purge p = { .flags = ZC_PURGE_SOFT };
	char key[16];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put_seeded(c, key, 10, i);
	}
	is_int(zc_purge(c, &p), 0, "all expire");
	conf.grace_ms = ZC_MIRROR_NO_GRACE;
	zc_mirror_get(c, &conf);
	conf.grace_ms = ZC_MIRROR_NO_GRACE;
	is_int(zc_mirror_set(c, &conf), 0, "without grace");
	watch(c);
	is_int(objects(c), 0, "nothing is there");
	ok(most <= 2 * 64 && most > 64, "what was went in some turns");
	printf("# %u calls in one turn\n", most);
	held = NULL;
	zc_close(c);
}

/* A cache is full most of the time: then a put does not look at all fills. */
static void full(void)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = (FILLS + 20) * 8192,
	};
	struct zc_cache *c = mirror_new("full", &conf);
	static char large[(FILLS + 19) * 8192];
	int fd[FILLS], i, bad = 0;
	unsigned int looks;
	char key[16];
	int64_t began;

	for (i = 0; i < FILLS; i++) {
		struct zc_put p = { .key = zc_ptr("f"), .key_len = 1, .data_len = 1 };

		fd[i] = zc_fill(c, &p);
		bad += fd[i] < 0;
	}
	watch(c);
	began = zcm_now();
	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += put_seeded(c, key, 10, i) != 0;
	}
	is_int(bad, 0, "puts into a store that is full");
	/* One is the put's own; all fills at once ten times a second only. */
	looks = (zcm_now() - began) / 100000000 + 2;
	ok(flocks >= OBJECTS && flocks <= OBJECTS + FILLS * looks,
	   "do not look at all fills each");
	printf("# %u locks of files\n", flocks);
	/* There is nothing to evict, so they are looked at. */
	for (i = 0; i < FILLS; i++)
		close(fd[i]);
	is_int(put_object(c, "big", large, sizeof(large), NULL, NULL, NULL), 0,
	       "but one that needs it has the room of dead ones");
	held = NULL;
	zc_close(c);
}

static struct zc_cache *durable;
static int fill_fd = -1;

static uint64_t generation_of(const char *key)
{
	struct zc_stat s = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_stat(durable, &s) ? 0 : s.generation;
}

/* Another has the key replaced, and then the fill committed, during a sync. */
static void put_again(void)
{
	put_seeded(durable, "k", 20, 2);
}

static void commit_again(void)
{
	is_int(zc_commit(durable, fill_fd, NULL), 0, "another thread commits it");
}

static int fill(const char *key)
{
	struct zc_put p = { .key = zc_ptr(key), .key_len = strlen(key), .data_len = 4 };
	int fd = zc_fill(durable, &p);

	if (write(fd, "four", 4) != 4)
		printf("# no fill\n");
	return fd;
}

/* Whether a file system has files without names. */
static bool unnamed(const char *folder)
{
	int fd = open(mirror_path(folder), O_WRONLY | O_TMPFILE, 0600);

	close(fd);
	return fd >= 0;
}

/* Another replaces the key while the new time is synced. */
static void touched(void)
{
	struct zc_touch t = {
		.flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("k"), .key_len = 1,
		.expires_ns = from_now(7200000000000),
	};
	const int64_t time = t.expires_ns;
	uint64_t first;

	put_seeded(durable, "k", 10, 1);
	first = generation_of("k");
	t.generation = first;
	at_sync = put_again;
	syncs_left = 0;
	is_int(zc_touch(durable, &t), unnamed("durable/fill") ? -ESTALE : 0,
	       "a touch of a version that is replaced meanwhile");
	at_sync = NULL;
	put_seeded(durable, "k", 10, 1);
	first = generation_of("k");
	t = (struct zc_touch) {
		.flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("k"), .key_len = 1, .expires_ns = time,
	};
	at_sync = put_again;
	syncs_left = 0;
	is_int(zc_touch(durable, &t), 0, "and of any");
	ok(t.generation > first, "it is the new one");
	is_int(t.expires_ns, time, "that has the time");
}

/* Nobody waits for the disk with the lock; what another does meanwhile is seen. */
static void synced(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .flags = ZC_MIRROR_DURABLE };
	struct zc_cache *c = mirror_new("durable", &conf);
	const int64_t in_an_hour = from_now(3600000000000);
	struct zc_touch t = {
		.flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("k"), .key_len = 1,
		.expires_ns = in_an_hour,
	};
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("l"), .key_len = 1 };
	struct zc_purge p = { .flags = ZC_PURGE_SOFT };
	uint64_t generation, first, before;
	int fd;

	durable = c;
	/* Generations are noted in the superblock before the first one. */
	put_seeded(c, "k", 10, 1);
	watch(c);
	folders = 0;
	put_seeded(c, "k", 10, 1);
	put_seeded(c, "l", 10, 1);
	fd = fill("m");
	is_int(zc_commit(c, fd, NULL), 0, "a durable fill");
	close(fd);
	is_int(most_syncs, 0, "no sync with the lock");
	is_int(folders, 6, "each of the three has its two names on the disk");
	is_int(zc_touch(c, &t), 0, "a touch");
	is_int(t.expires_ns, t.generation ? in_an_hour : 0, "sets the time");
	is_int(zc_delete(c, &d), 0, "a soft delete");
	is_int(zc_purge(c, &p), 0, "a soft purge");
	is_int(p.objects, 2, "of some");
	is_int(most_syncs, unnamed("durable/fill") ? 0 : 1,
	       "have none with the lock, where files need no names");
	held = NULL;
	touched();

	before = counted(c, ZC_C_REPLACES);
	fd = fill("k");
	first = generation_of("k");
	at_sync = put_again;
	syncs_left = 1;
	is_int(zc_commit(c, fd, &generation), 0, "a commit while the key is replaced");
	ok(!at_sync, "it was");
	is_int(counted(c, ZC_C_REPLACES), before + 2, "both replace");
	ok(generation > first + 2, "the later one has the higher generation");
	is_int(generation_of("k"), generation, "and is what is there");
	close(fd);
	fill_fd = fill("n");
	at_sync = commit_again;
	syncs_left = 1;
	is_int(zc_commit(c, fill_fd, NULL), -EALREADY, "a commit while the fill is committed");
	close(fill_fd);
	put_seeded(c, "k", 10, 1);
	ok(generation_of("n") != 0, "there it is");
	is_str(mirror_wrong(c, "durable") ?: "well", "well", "all is well");
	zc_close(c);
	unlink(mirror_path("durable/index"));
	c = mirror_open("durable", O_RDWR);
	is_int(zcm_mirror(c)->head->corrupt, 0, "the files agree");
	zc_close(c);
}

/* What has expired and cannot be removed stays, and is no reason to look at all files. */
static void stays(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .grace_ms = ZC_MIRROR_NO_GRACE };
	struct zc_mirror_status before = { .size = sizeof(before) }, after = before;
	struct zc_cache *c = mirror_new("stays", &conf);
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("k"), .key_len = 1 };

	put_seeded(c, "k", 10, 1);
	put_seeded(c, "l", 10, 1);
	denied = true;
	is_int(zc_delete(c, &d), 0, "a soft delete");
	zc_mirror_status(c, &before);
	is_int(objects(c), 2, "of what cannot be removed");
	is_int(get_key(c, "k", 0), -ENOENT, "which is served no more");
	is_int(get_key(c, "l", 0), 0, "while others are");
	zc_mirror_status(c, &after);
	is_int(after.rebuilds, before.rebuilds, "from the same index");
	denied = false;
	is_int(objects(c), 1, "when it can be it goes");
	zc_close(c);
}

/* Room for much is made in many turns. */
static void made_in_turns(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 1000 * 8192 };
	struct zc_put p = { .key = zc_ptr("f"), .key_len = 1, .data_len = 900 * 8192 };
	struct zc_cache *c = mirror_new("turns", &conf);
	int i, bad = 0, fd;
	char key[16];

	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += put_seeded(c, key, 10, i) != 0;
	}
	is_int(bad, 0, "a store that is full");
	watch(c);
	fd = zc_fill(c, &p);
	ok(fd >= 0, "a large fill");
	is_int(objects(c), 99, "has all the room it needs");
	ok(most >= 2 * 32 && most < 2 * 32 + 16, "by so many objects in a turn");
	printf("# %u calls in one turn\n", most);
	close(fd);
	for (i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += put_seeded(c, key, 10, i) != 0;
	}
	is_int(bad, 0, "full again");
	watch(c);
	conf.capacity = 10 * 8192;
	is_int(zc_mirror_set(c, &conf), 0, "a smaller capacity");
	is_int(objects(c), 10, "holds so many");
	ok(most < 2 * 32 + 16, "in turns as well");
	held = NULL;
	files = folders = 0;
	is_int(zc_mirror_set(c, &conf), 0, "limits");
	ok(files == 1 && folders == 1, "are on the disk, with their name");
	is_str(mirror_wrong(c, "turns") ?: "well", "well", "all is well");
	zc_close(c);
}

int main(void)
{
	synced();
	long_prefix();
	expired();
	full();
	made_in_turns();
	stays();
	return tap_end();
}
