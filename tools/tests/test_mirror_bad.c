// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: files that are damaged, missing, or not to be written. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

static struct zc_mirror_status status(struct zc_cache *c)
{
	struct zc_mirror_status s = { 0 };

	zc_mirror_status(c, &s);
	return s;
}

/* The path of an object's file in a mirror. */
static void file_of(struct zc_cache *c, const char *key, bool data, char *path)
{
	struct zc_stat s = { .flags = ZC_STAT_EXPIRED_OK, .key = zc_ptr(key), .key_len = strlen(key) };
	struct zcm_hash hash;
	char name[ZCM_NAME];

	zc_stat(c, &s);
	zcm_hash(zcm_mirror(c), key, strlen(key), &hash);
	if (data)
		zcm_data_name(name, s.generation);
	else
		zcm_meta_name(name, &hash);
	sprintf(path, "%s/%s", zcm_mirror(c)->path, name);
}

static void change(const char *path, off_t at, const void *bytes, size_t len)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || pwrite(fd, bytes, len, at) != (ssize_t)len)
		printf("# cannot change %s\n", path);
	close(fd);
}

static struct zc_cache *three(const char *name)
{
	struct zc_cache *c = mirror_new(name, NULL);

	put_seeded(c, "a", 100, 1);
	put_seeded(c, "b", 100, 2);
	put_seeded(c, "c", 100, 3);
	return c;
}

/* Bytes of a metadata file, and lengths of it: that object goes, no other. */
static void damaged_metadata(void)
{
	struct zc_cache *c = three("meta");
	char path[300], byte;
	struct stat st;
	int i, fd, lost = 0, others = 0, tried = 0, len;

	file_of(c, "b", false, path);
	stat(path, &st);
	len = st.st_size;
	for (i = 0; i < 2 * len; i += 3, tried++) {
		put_seeded(c, "b", 100, 2);
		zc_close(c);
		if (i < len) {
			fd = open(path, O_RDONLY);
			if (pread(fd, &byte, 1, i) == 1)
				byte ^= 1 << i % 8;
			close(fd);
			change(path, i, &byte, 1);
		} else if (truncate(path, i - len)) {
			printf("# truncate failed\n");
		}
		unlink(mirror_path("meta/index"));
		c = mirror_open("meta", O_RDWR);
		lost += get_key(c, "b", 0) == -ENOENT;
		others += get_key(c, "a", 0) || get_key(c, "c", 0);
	}
	is_int(len, sizeof(struct zcm_meta) + 2, "what a metadata file has");
	is_int(lost, tried, "with any of it wrong or missing the object is lost");
	is_int(others, 0, "and no other one");
	is_str(mirror_wrong(c, "meta") ?: "well", "well", "nothing is left of it");
	is_int(status(c).rebuilds, 1, "each index was a new one");
	is_int(status(c).corrupt, 1, "and told of the damage");
	zc_close(c);
}

/* Found damaged while the mirror is in use. */
static void damaged_in_use(void)
{
	struct zc_cache *c = three("use"), *other = mirror_open("use", O_RDWR);
	char path[300];
	struct zc_stat s = { .key = zc_ptr("b"), .key_len = 1 };
	struct zc_touch t = { .flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("b"), .key_len = 1 };

	file_of(c, "b", false, path);
	change(path, 0, "X", 1);
	is_int(zc_touch(other, &t), -EIO, "touch of damaged metadata");
	is_int(zc_stat(other, &s), -ENOENT, "stat drops it");
	is_int(status(c).corrupt, 1, "it is told of");
	is_int(get_key(c, "a", 0), 0, "another is there");
	file_of(c, "a", true, path);
	is_int(truncate(path, 50), 0, "data that is too short");
	is_int(get_key(other, "a", 0), -ENOENT, "is dropped");
	file_of(c, "c", true, path);
	is_int(unlink(path), 0, "data that is not there");
	is_int(get_key(other, "c", 0), -ENOENT, "is dropped");
	is_int(status(c).corrupt, 3, "each is told of");
	is_int(objects(c), 0, "nothing is left");
	is_str(mirror_wrong(c, "use") ?: "well", "well", "at all");
	is_int(status(c).rebuilds, 1, "and the index stayed");
	zc_close(c);
	zc_close(other);
}

static void strays(void)
{
	static const char *const stray[] = {
		"data/aa/00000000000000aa", "data/00/0000000000000000",
		"meta/aa/aa000000000000000000000000000000",
		"fill/0000000000000001", "fill/0000000000000001.m",
	};
	struct zc_cache *c = three("stray");
	char name[100];
	size_t i;

	zc_close(c);
	for (i = 0; i < sizeof(stray) / sizeof(stray[0]); i++) {
		snprintf(name, sizeof(name), "stray/%s", stray[i]);
		close(open(mirror_path(name), O_CREAT | O_WRONLY, 0666));
	}
	ok(!mkdir(mirror_path("stray/meta/bb/bb000000000000000000000000000000"), 0777),
	   "a folder among the files");
	ok(!symlink("/etc/passwd", mirror_path("stray/meta/bb/bb000000000000000000000000000001")),
	   "and a link");
	ok(!mkfifo(mirror_path("stray/meta/bb/bb000000000000000000000000000002"), 0666),
	   "and a pipe");
	unlink(mirror_path("stray/index"));
	c = mirror_open("stray", O_RDWR);
	is_int(objects(c), 3, "what does not belong there is no object");
	is_str(mirror_wrong(c, "stray") ?: "well", "well", "and is removed");
	ok(!access("/etc/passwd", F_OK), "but not what is outside");
	zc_close(c);
}

/* Any index will do, also one that never was one. */
static void damaged_index(void)
{
	static char noise[1 << 20];
	struct zc_cache *c = three("index"), *other;
	uint64_t generation;
	struct stat st;
	struct zc_stat s = { .key = zc_ptr("a"), .key_len = 1 };
	int n, bad = 0;
	char full[600];

	zc_close(c);
	for (n = 0; n < 20; n++) {
		stat(mirror_path("index/index"), &st);
		fill_pattern(noise, sizeof(noise), n);
		/* From anywhere on; what tells that it is an index is often left as it is. */
		change(mirror_path("index/index"), n ? (1 << n) % st.st_size : 0, noise,
		       n % 3 ? 64 : sizeof(noise) / 2);
		c = mirror_open("index", O_RDWR);
		bad += get_key(c, "a", 0) || get_key(c, "b", 0) || get_key(c, "c", 0);
		zc_close(c);
		if (truncate(mirror_path("index/index"), n * 5000))
			bad++;
		c = mirror_open("index", O_RDWR);
		bad += mirror_wrong(c, "index") != NULL;
		zc_close(c);
	}
	is_int(bad, 0, "an index of noise, and one that is too short");
	unlink(mirror_path("index/index"));
	c = mirror_open("index", O_RDWR);
	is_int(zc_stat(c, &s), 0, "no index at all");
	generation = s.generation;
	put_seeded(c, "a", 10, 4);
	s = (struct zc_stat) { .key = zc_ptr("a"), .key_len = 1 };
	is_int(zc_stat(c, &s), 0, "a new version then");
	ok(s.generation > generation + 2, "has a generation that never was");
	unlink(mirror_path("index/index"));
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("index"));
	is_int(zc_open(full, O_RDWR, &other), -EBUSY, "none, while others use it");
	is_int(get_key(c, "a", 0), 0, "they go on");
	zc_close(c);
	is_int(zc_open(full, O_RDWR, &other), 0, "until they do not");
	is_str(mirror_wrong(other, "index") ?: "well", "well", "all is well");
	zc_close(other);
}

static void damaged_super(void)
{
	struct zc_cache *c = three("super");
	char full[600];
	uint32_t version = 2;

	zc_close(c);
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("super"));
	change(mirror_path("super/store"), 20, "X", 1);
	is_int(zc_open(full, O_RDWR, &c), -EUCLEAN, "a superblock that is damaged");
	change(mirror_path("super/store"), 8, &version, 4);
	is_int(zc_open(full, O_RDWR, &c), -EPROTONOSUPPORT, "one of another version");
	if (truncate(mirror_path("super/store"), 20))
		printf("# truncate failed\n");
	is_int(zc_open(full, O_RDWR, &c), -EUCLEAN, "one that is too short");
	change(mirror_path("super/store"), 0, "X", 1);
	is_int(zc_open(full, O_RDWR, &c), -EMEDIUMTYPE, "one that is none");
}

static int deny(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return chmod(path, st->st_mode & ~0222);
}

static int allow(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)type;
	(void)ftw;
	return chmod(path, st->st_mode | 0200);
}

static int without_rights(void)
{
	struct zc_lookup l = { .key = "b", .key_len = 1 };
	struct zc_put p = { .key = zc_ptr("b"), .key_len = 1 };
	struct zc_open o = { .key = zc_ptr("b"), .key_len = 1 };
	struct zc_stat s = { .flags = ZC_STAT_FD };
	char full[600];
	struct zc_cache *c;
	int bad = 0;

	if (!geteuid() && setresuid(65534, 65534, 65534))
		return 100;
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("ro"));
	bad += zc_open(full, O_RDWR, &c) == -EACCES ? 0 : 1;
	if (zc_open(full, O_RDONLY, &c))
		return 50;
	bad += zc_lookup(c, &l) || l.data_len != 100 ? 2 : 0;
	zc_release(c, &l);
	s.fd = zc_open_object(c, &o);
	bad += s.fd < 0 || zc_stat(c, &s) || s.data_len != 100 ? 4 : 0;
	bad += zc_put(c, &p) == -EBADF ? 0 : 8;
	bad += objects(c) == 3 && used(c) == 3 * 8192 ? 0 : 16;
	bad += get_key(c, "none", 0) == -ENOENT && counted(c, ZC_C_MISSES) == 1 ? 0 : 32;
	zc_close(c);
	return bad;
}

static void read_only(void)
{
	struct zc_cache *c = three("ro");
	int code = 0;
	pid_t pid;

	is_int(zc_put(c, &(struct zc_put){ .size = 1 }), -EINVAL, "no key");
	zc_close(c);
	c = mirror_open("ro", O_RDONLY);
	is_int(put_object(c, "x", "x", 1, NULL, NULL, NULL), -EBADF, "open for reading: no put");
	is_int(zc_delete(c, &(struct zc_delete){ 0 }), -EBADF, "no delete");
	is_int(zc_purge(c, &(struct zc_purge){ 0 }), -EBADF, "no purge");
	is_int(zc_touch(c, &(struct zc_touch){ 0 }), -EBADF, "no touch");
	is_int(zc_fill(c, &(struct zc_put){ 0 }), -EBADF, "no fill");
	is_int(zc_mirror_set(c, &(struct zc_mirror_conf){ 0 }), -EBADF, "no other limits");
	is_int(get_key(c, "a", 0), 0, "but a get");
	zc_close(c);
	chmod(test_folder(), 0755);
	nftw(mirror_path("ro"), deny, 16, FTW_PHYS);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(without_rights());
	waitpid(pid, &code, 0);
	is_int(WEXITSTATUS(code), 0, "who may not write can read, without an index");
	nftw(mirror_path("ro"), allow, 16, FTW_PHYS);
}

int main(void)
{
	damaged_metadata();
	damaged_in_use();
	strays();
	damaged_index();
	damaged_super();
	read_only();
	return tap_end();
}
