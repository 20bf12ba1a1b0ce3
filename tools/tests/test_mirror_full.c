// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror on a file system of its own that is full, read-only, or in folders that
 * may not be written: each call says so, loses nothing, and goes on when it can.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/capability.h>
#include <unistd.h>

#include <zcache.h>
#include <zcache_xfer.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define LEN	20000

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		printf("# cannot write %s\n", path);
	close(fd);
}

/* Mounts of one's own. */
static bool may_mount(void)
{
	char map[40];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return false;
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %u 1", gid);
	write_file("/proc/self/gid_map", map);
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* An empty file system in a new folder. */
static bool mount_new(const char *name, const char *options)
{
	mkdir(mirror_path(name), 0755);
	return !mount("none", mirror_path(name), "tmpfs", 0, options);
}

/* Takes all the room that there is, and gives it back. */
static void take_room(const char *name)
{
	static const char zeros[4096];
	int fd = open(mirror_path(name), O_WRONLY | O_CREAT | O_TRUNC, 0666);

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
}

static void give_room(const char *name)
{
	unlink(mirror_path(name));
}

static struct zc_touch touch_of(const char *key)
{
	return (struct zc_touch) {
		.flags = ZC_TOUCH_EXPIRES, .key = zc_ptr(key), .key_len = strlen(key),
		.expires_ns = from_now(3600000000000LL),
	};
}

static int delete_key(struct zc_cache *c, const char *key, uint32_t flags)
{
	struct zc_delete d = { .flags = flags, .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_delete(c, &d);
}

static int begin_fill(struct zc_cache *c, const char *key, size_t len)
{
	struct zc_put p = { .key = zc_ptr(key), .key_len = strlen(key), .data_len = len };

	return zc_fill(c, &p);
}

static int64_t expires_of(struct zc_cache *c, const char *key)
{
	struct zc_stat s = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_stat(c, &s) ? -1 : s.expires_ns;
}

/* All that would write a file gives @err; what is there stays as it is. */
static void refused(struct zc_cache *c, const char *name, int err)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf) }, now = { .size = sizeof(now) };
	struct zc_purge soft = { .flags = ZC_PURGE_SOFT };
	struct zc_touch t = touch_of("a");
	uint64_t had = used(c), nr = objects(c);

	is_int(put_seeded(c, "new", LEN, 9), err, "no new object");
	is_int(put_seeded(c, "a", LEN, 9), err, "no new version");
	is_int(begin_fill(c, "new", LEN), err, "no fill");
	is_int(zc_touch(c, &t), err, "no other time");
	is_int(delete_key(c, "a", ZC_DELETE_SOFT), err, "no soft delete");
	is_int(zc_purge(c, &soft), err, "no soft purge");
	is_int(expires_of(c, "a"), 0, "it has the time it had");
	zc_mirror_get(c, &conf);
	conf.capacity /= 2;
	is_int(zc_mirror_set(c, &conf), err, "no other limits");
	zc_mirror_get(c, &now);
	is_int(now.capacity, 2 * conf.capacity, "it has those it had");
	is_int(used(c), had, "no room is taken");
	is_int(objects(c), nr, "nothing is lost");
	is_str(mirror_wrong(c, name) ?: "well", "well", "and all is as it was");
}

static struct zc_cache *three(const char *name)
{
	struct zc_cache *c = mirror_new(name, NULL);

	put_seeded(c, "a", LEN, 1);
	put_seeded(c, "b", LEN, 2);
	put_seeded(c, "c", LEN, 3);
	return c;
}

/* From the beginning to the end of a mirror, where there is no room. */
static void full_from_the_start(void)
{
	char full[600];
	struct zc_cache *c;

	mount_new("fs", "size=1m");
	take_room("fs/filler");
	is_int(zc_mirror_create(mirror_path("fs/m"), NULL), -ENOSPC, "full: none is made");
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("fs/m"));
	is_int(zc_open(full, O_RDWR, &c), -EMEDIUMTYPE, "nor half of one");
	give_room("fs/filler");
	is_int(zc_mirror_create(mirror_path("fs/m"), NULL), 0, "with room it is");
	take_room("fs/filler");
	is_int(zc_open(full, O_RDWR, &c), -ENOSPC, "no room for its index");
	give_room("fs/filler");
	c = mirror_open("fs/m", O_RDWR);
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "with room there is");
	zc_close(c);
	take_room("fs/filler");
	is_int(zc_mirror_delete(mirror_path("fs/m"), 0), 0, "it goes where there is no room");
	umount2(mirror_path("fs"), MNT_DETACH);
}

static void full(void)
{
	struct zc_cache *c;
	struct zc_purge all = { 0 };
	char *data = calloc(1, LEN);
	struct zc_touch t;
	uint64_t generation;
	int whole, half, i;
	ssize_t n;

	mount_new("fs", "size=2m");
	c = three("fs/m");
	whole = begin_fill(c, "whole", LEN);
	half = begin_fill(c, "half", LEN);
	is_int(write(whole, data, LEN), LEN, "a fill that has its bytes");
	is_int(write(half, data, LEN / 2), LEN / 2, "and one that has some");
	take_room("fs/filler");
	/* What the page has that it began. */
	n = pwrite(half, data, LEN / 2, LEN / 2);
	is_int(n > 0 && n < LEN / 2 ? pwrite(half, data, LEN / 2 - n, LEN / 2 + n) : n, -1,
	       "full: a fill gets no more bytes");
	is_int(errno, ENOSPC, "as there is no room");
	is_int(zc_commit(c, half, &generation), -ENODATA, "and is not whole");
	is_int(zc_commit(c, whole, &generation), 0, "one that has all becomes an object");
	close(whole);
	give_room("fs/filler");
	is_int(pwrite(half, data, LEN / 2, LEN / 2), LEN / 2, "with room it goes on");
	is_int(zc_commit(c, half, &generation), 0, "to its end");
	close(half);
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "all is there");

	take_room("fs/filler");
	refused(c, "fs/m", -ENOSPC);
	zc_close(c);
	c = mirror_open("fs/m", O_RDWR);
	is_int(objects(c), 5, "it is opened while it is full");
	is_int(delete_key(c, "half", 0), 0, "what goes needs no room");
	take_room("fs/filler");
	is_int(zc_purge(c, &all), 0, "nor does a purge");
	is_int(all.objects, 4, "of all");
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "all is gone");
	give_room("fs/filler");
	for (i = 0; i < 3; i++)
		n = put_seeded(c, "a", LEN, i);
	is_int(n, 0, "with room it goes on");
	t = touch_of("a");
	is_int(zc_touch(c, &t), 0, "as ever");
	is_int(expires_of(c, "a"), t.expires_ns, "with another time");

	/* The index is made from the files as soon as it can be. */
	zc_close(c);
	unlink(mirror_path("fs/m/index"));
	take_room("fs/filler");
	is_int(files_in("fs/m/meta") + files_in("fs/m/data"), 2, "lost, the index");
	give_room("fs/filler");
	c = mirror_open("fs/m", O_RDWR);
	is_int(objects(c), 1, "has again what there is");
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "and all of it");
	zc_close(c);
	umount2(mirror_path("fs"), MNT_DETACH);
	free(data);
}

/* Room there is, but no more files. */
static void no_more_files(void)
{
	struct zc_cache *c;
	char name[40];
	int i, fd;

	mount_new("fs", "size=2m,nr_inodes=700");
	c = three("fs/m");
	for (i = 0, fd = -1; !i || fd >= 0; i++) {
		close(fd);
		snprintf(name, sizeof(name), "fs/filler%d", i);
		fd = open(mirror_path(name), O_WRONLY | O_CREAT, 0666);
	}
	refused(c, "fs/m", -ENOSPC);
	unlink(mirror_path("fs/filler0"));
	is_int(put_seeded(c, "new", LEN, 9), -ENOSPC, "for two files it takes two");
	unlink(mirror_path("fs/filler1"));
	is_int(put_seeded(c, "new", LEN, 9), 0, "and then there is one more");
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "all of them are there");
	zc_close(c);
	umount2(mirror_path("fs"), MNT_DETACH);
}

static void read_only(void)
{
	struct zc_cache *c;
	char full[600];

	mount_new("fs", "size=2m");
	c = three("fs/m");
	zc_close(c);
	mount(NULL, mirror_path("fs"), NULL, MS_REMOUNT | MS_RDONLY, NULL);
	is_int(zc_mirror_create(mirror_path("fs/n"), NULL), -EROFS, "read-only: none is made");
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("fs/m"));
	is_int(zc_open(full, O_RDWR, &c), -EROFS, "none is opened to write");
	is_int(zc_mirror_delete(mirror_path("fs/m"), ZC_MIRROR_FORCE), -EROFS, "none goes");
	c = mirror_open("fs/m", O_RDONLY);
	is_int(put_seeded(c, "new", LEN, 9), -EBADF, "who reads puts nothing");
	is_int(get_key(c, "c", 0), 0, "but gets");
	is_int(objects(c), 3, "all that there is");
	zc_close(c);
	mount(NULL, mirror_path("fs"), NULL, MS_REMOUNT, NULL);
	c = mirror_open("fs/m", O_RDWR);
	is_int(put_seeded(c, "new", LEN, 9), 0, "to be written again, it goes on");
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "and has all");
	zc_close(c);
	umount2(mirror_path("fs"), MNT_DETACH);
}

/* Bytes of an object to a file of another file system, which shares none with it. */
static void elsewhere(void)
{
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_xfer_counts before, after;
	int64_t from = 100, to = 7, at = 100;
	char want[LEN], got[LEN];
	struct zc_cache *c;
	int fd, out;
	bool shares;

	mount_new("fs", "size=2m");
	mount_new("other", "size=2m");
	c = three("fs/m");
	fd = zc_open_object(c, &o);
	out = open(mirror_path("other/out"), O_RDWR | O_CREAT, 0666);
	/* Some kernels copy where nothing can be shared. */
	shares = copy_file_range(fd, &(loff_t){ 0 }, out, &(loff_t){ 0 }, 1, 0) == 1;
	fill_pattern(want, LEN, 1);
	zc_xfer_counts(&before, sizeof(before));
	is_int(zc_copy_range(out, &to, fd, &from, LEN - 100), LEN - 100, "another file system");
	zc_xfer_counts(&after, sizeof(after));
	is_int(after.fallbacks[ZC_XFER_COPY_RANGE] - before.fallbacks[ZC_XFER_COPY_RANGE], !shares,
	       "shares no bytes");
	is_int(after.bytes[ZC_XFER_READ] - before.bytes[ZC_XFER_READ], shares ? 0 : LEN - 100,
	       "so they are read and written");
	is_int(pread(out, got, LEN, 7), LEN - 100, "they are there");
	ok(!memcmp(got, want + 100, LEN - 100), "each of them");
	is_int(from, LEN, "all of it was read");
	is_int(to, LEN - 100 + 7, "and written");
	lseek(out, 0, SEEK_SET);
	is_int(zc_sendfile(out, fd, &at, LEN, 0), LEN - 100, "or they are sent there");
	is_int(pread(out, got, LEN - 100, 0), LEN - 100, "and are there");
	ok(!memcmp(got, want + 100, LEN - 100), "each of them");
	take_room("other/filler");
	from = 0;
	to = LEN;
	is_int(zc_copy_range(out, &to, fd, &from, LEN) < LEN, 1, "where it is full it ends");
	is_int(zc_copy_range(out, &to, fd, &from, LEN), -ENOSPC, "and says why");
	is_str(mirror_wrong(c, "fs/m") ?: "well", "well", "the mirror is as it was");
	close(out);
	close(fd);
	zc_close(c);
	umount2(mirror_path("other"), MNT_DETACH);
	umount2(mirror_path("fs"), MNT_DETACH);
}

static void chmod_all(const char *name, mode_t mode)
{
	static const char *const folders[] = { "fill", "meta", "data" };
	char path[100];
	unsigned int i, k;

	for (i = 0; i < 3; i++) {
		for (k = 0; i && k < 256; k++) {
			snprintf(path, sizeof(path), "%s/%s/%02x", name, folders[i], k);
			chmod(mirror_path(path), mode);
		}
		snprintf(path, sizeof(path), "%s/%s", name, folders[i]);
		chmod(mirror_path(path), mode);
	}
	chmod(mirror_path(name), mode);
}

/* Without the rights by which root writes anywhere. */
static bool as_others(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	return !syscall(SYS_capset, &head, none);
}

static void no_rights(void)
{
	struct zc_purge all = { 0 };
	struct zc_cache *c;
	char full[600];

	c = three("m");
	chmod_all("m", 0555);
	refused(c, "m", -EACCES);
	is_int(delete_key(c, "a", 0), -EACCES, "nothing goes");
	is_int(zc_purge(c, &all), -EACCES, "nor all of it");
	is_int(objects(c), 3, "nothing is lost");
	is_int(zc_mirror_delete(mirror_path("m"), ZC_MIRROR_FORCE), -EACCES, "nor the mirror");
	is_int(zc_mirror_create(mirror_path("m/n"), NULL), -EACCES, "none is made there");
	zc_close(c);
	chmod_all("m", 0755);
	c = mirror_open("m", O_RDWR);
	is_int(objects(c), 3, "with the right to, it goes on");
	is_int(put_seeded(c, "new", LEN, 9), 0, "and gets more");
	is_int(delete_key(c, "a", 0), 0, "or less");
	is_str(mirror_wrong(c, "m") ?: "well", "well", "and has all");
	zc_close(c);
	chmod(mirror_path("m/index"), 0444);
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("m"));
	is_int(zc_open(full, O_RDWR, &c), -EACCES, "an index that may only be read");
}

int main(void)
{
	fflush(stdout);
	test_folder();
	if (may_mount()) {
		full_from_the_start();
		full();
		no_more_files();
		read_only();
		elsewhere();
	} else {
		ok(true, "a full file system # SKIP no mounts of one's own");
	}
	if (as_others())
		no_rights();
	return tap_end();
}
