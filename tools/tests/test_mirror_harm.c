// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: files of others, in its folder or by a link from there, stay as they are. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

/* Makes a file with bytes that nobody is to change. */
static void make_file(const char *name)
{
	int fd = open(mirror_path(name), O_CREAT | O_EXCL | O_WRONLY, 0666);

	if (fd < 0 || write(fd, "precious", 8) != 8)
		printf("# cannot make %s\n", name);
	close(fd);
}

static bool as_it_was(const char *name)
{
	char bytes[16];
	int fd = open(mirror_path(name), O_RDONLY);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	return n == 8 && !memcmp(bytes, "precious", 8);
}

static void make_folder(const char *name)
{
	if (mkdir(mirror_path(name), 0777))
		printf("# cannot make %s\n", name);
}

/* A link from a name in the test's folder to another there. */
static void make_link(const char *to, const char *name)
{
	char target[600];

	snprintf(target, sizeof(target), "%s", mirror_path(to));
	if (symlink(target, mirror_path(name)))
		printf("# cannot link %s\n", name);
}

static void strangers(void)
{
	static const char *const name[] = {
		"own/data/aa/photo.jpg", "own/data/aa/00000000000000bb", "own/fill/notes.txt",
		"own/fill/1", "own/meta/aa/nonsense", "own/data/README",
		"victim/00000000000000cd", "victim/x",
		"victim/cd000000000000000000000000000000",
	};
	struct zc_cache *c = mirror_new("own", NULL);
	size_t i, left = 0;

	put_seeded(c, "a", 100, 1);
	zc_close(c);
	make_folder("victim");
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		make_file(name[i]);
	rmdir(mirror_path("own/data/cd"));
	make_link("victim", "own/data/cd");
	rmdir(mirror_path("own/meta/cd"));
	make_link("victim", "own/meta/cd");
	unlink(mirror_path("own/index"));
	c = mirror_open("own", O_RDWR);
	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		left += as_it_was(name[i]);
	is_int(left, i, "an index made anew removes nothing of others");
	is_int(get_key(c, "a", 0), 0, "what is the mirror's is there");
	zc_close(c);
}

static int create(const char *name)
{
	return zc_mirror_create(mirror_path(name), NULL);
}

/* A folder that somebody uses becomes no mirror. */
static void used_folders(void)
{
	make_folder("u1");
	make_folder("u1/data");
	make_folder("u1/data/ab");
	make_file("u1/data/ab/photo.jpg");
	is_int(create("u1"), -ENOTEMPTY, "a folder with data of others");
	make_folder("u2");
	make_folder("u2/fill");
	make_file("u2/fill/notes.txt");
	is_int(create("u2"), -ENOTEMPTY, "one with a folder fill");
	make_folder("u3");
	make_file("u3/index");
	is_int(create("u3"), -ENOTEMPTY, "one with an index");
	make_folder("u4");
	make_file("u4/meta");
	is_int(create("u4"), -ENOTEMPTY, "one with a file meta");
	make_folder("u5");
	make_link("u1", "u5/data");
	is_int(create("u5"), -ENOTEMPTY, "one with a link");
	make_folder("u6");
	make_folder("u6/meta");
	make_folder("u6/meta/00");
	make_file("u6/other");
	is_int(create("u6"), 0, "what was begun goes on, and what is beside it does no harm");
	is_int(create("u6"), -EEXIST, "once");
	ok(as_it_was("u1/data/ab/photo.jpg") && as_it_was("u2/fill/notes.txt") &&
	   as_it_was("u3/index") && as_it_was("u6/other"), "nothing was touched");
}

static void links(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 1 << 20 };
	struct zc_touch t = { .flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("a"), .key_len = 1 };
	struct zc_cache *c = mirror_new("links", NULL);
	char full[600], name[64];
	struct stat st;

	make_file("linked");
	snprintf(name, sizeof(name), "links/fill/%016x.m", (int)zcm_mirror(c)->head->fill_id + 1);
	make_link("linked", name);
	is_int(put_seeded(c, "a", 10, 1), 0, "put where a link is");
	snprintf(name, sizeof(name), "links/fill/%016x.m", (int)zcm_mirror(c)->head->fill_id + 1);
	make_link("linked", name);
	t.expires_ns = from_now(3600000000000);
	is_int(zc_touch(c, &t), 0, "touch where one is");
	make_link("linked", "links/store.new");
	is_int(zc_mirror_set(c, &conf), 0, "limits where one is");
	ok(as_it_was("linked"), "what it leads to is not written to");
	is_str(mirror_wrong(c, "links") ?: "well", "well", "and nothing is left of it");
	zc_close(c);
	ok(!lstat(mirror_path("links/store"), &st) && S_ISREG(st.st_mode), "store is a file");
	make_folder("links2");
	make_link("linked", "links2/store.new");
	is_int(create("links2"), 0, "a new mirror where one is");
	ok(as_it_was("linked"), "what it leads to is not written to");

	unlink(mirror_path("links/store"));
	if (mkfifo(mirror_path("links/store"), 0666))
		printf("# no pipe\n");
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("links"));
	alarm(30);
	is_int(zc_open(full, O_RDWR, &c), -EMEDIUMTYPE, "a pipe as store is no mirror");
	alarm(0);
	unlink(mirror_path("links/store"));
	make_link("links2/store", "links/store");
	is_int(zc_open(full, O_RDWR, &c), -EMEDIUMTYPE, "nor a link");
}

static void one_step(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 1 << 20 };
	struct zc_cache *c = mirror_new("step", NULL);
	char from[600];
	struct stat before, now;
	int fd = open(mirror_path("step/store"), O_RDONLY);
	struct zcm_super super, old;

	/* As who is killed while he makes a mirror leaves it. */
	snprintf(from, sizeof(from), "%s", mirror_path("step/store"));
	ok(!link(from, mirror_path("step/store.new")), "two names of a superblock");
	zcm_super_read(zcm_mirror(c)->dir, &old);
	fstat(fd, &before);
	is_int(zc_mirror_set(c, &conf), 0, "it is replaced");
	stat(from, &now);
	ok(now.st_ino != before.st_ino, "by another file");
	is_mem(&super, pread(fd, &super, sizeof(super), 0), &old, sizeof(old),
	       "the old one was not written to");
	is_int(access(mirror_path("step/store.new"), F_OK), -1, "and none is left over");
	is_int(zcm_super_read(zcm_mirror(c)->dir, &super), 0, "the new one is whole");
	is_int(super.capacity, 1 << 20, "and has the new limits");
	close(fd);
	zc_close(c);
}

/* Many make a mirror of one folder at once: one is told that he did. */
static void many_creators(void)
{
	int i, status, made = 0, others = 0;
	pid_t pid[8];

	make_folder("race");
	fflush(stdout);
	for (i = 0; i < 8; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(-create("race"));
	}
	for (i = 0; i < 8; i++) {
		waitpid(pid[i], &status, 0);
		made += status == 0;
		others += status != 0 && WEXITSTATUS(status) != EEXIST;
	}
	is_int(made, 1, "one of many made it");
	is_int(others, 0, "the others are told so");
	zc_close(mirror_open("race", O_RDWR));
}

/* A process that may read the mirror and not write it, and tells when it has it open. */
static int reader(int ready, int go)
{
	struct zc_lookup l = { .key = "b", .key_len = 1 };
	char full[600], byte = 0;
	struct zc_cache *c;
	int bad = 0;

	if (!geteuid() && setresuid(65534, 65534, 65534))
		return 100;
	alarm(60);
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("reader"));
	if (zc_open(full, O_RDONLY, &c) || !zcm_mirror(c)->direct)
		return 50;
	if (write(ready, &byte, 1) != 1 || read(go, &byte, 1) != 1)
		return 51;
	bad += zc_lookup(c, &l) == 0 ? 0 : 1;
	zc_release(c, &l);
	bad += get_key(c, "short", 0) == -ENOENT ? 0 : 2;
	bad += get_key(c, "missing", 0) == -ENOENT ? 0 : 4;
	bad += counted(c, ZC_C_MISSES) == 2 ? 0 : 8;
	zc_close(c);
	return bad;
}

static void data_file(struct zc_cache *c, const char *key, char *path)
{
	struct zc_stat s = { .key = zc_ptr(key), .key_len = strlen(key) };
	char name[ZCM_NAME];

	zc_stat(c, &s);
	zcm_data_name(name, s.generation);
	sprintf(path, "%s/%s", zcm_mirror(c)->path, name);
}

/* Who reads files has no lock of the folder, and does not ask one file for ever. */
static void direct_reader(void)
{
	struct zc_cache *c = mirror_new("reader", NULL);
	int ready[2], go[2], status;
	char path[600], full[600], byte = 0;
	pid_t pid;

	put_seeded(c, "b", 100, 2);
	put_seeded(c, "short", 100, 3);
	put_seeded(c, "missing", 100, 4);
	data_file(c, "short", path);
	is_int(truncate(path, 50), 0, "a file that is too short");
	data_file(c, "missing", path);
	is_int(unlink(path), 0, "and one that is missing");
	zc_close(c);
	chmod(test_folder(), 0755);
	chmod(mirror_path("reader/index"), 0444);
	if (pipe(ready) || pipe(go))
		return;
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(reader(ready[1], go[0]));
	is_int(read(ready[0], &byte, 1), 1, "a reader without rights has it open");
	chmod(mirror_path("reader/index"), 0644);
	alarm(30);
	snprintf(full, sizeof(full), "mirror:%s", mirror_path("reader"));
	is_int(zc_open(full, O_RDWR, &c), 0, "who writes does not wait for it");
	zc_close(c);
	unlink(mirror_path("reader/index"));
	is_int(zc_open(full, O_RDWR, &c), 0, "and makes the index anew");
	zc_close(c);
	/* That took away what is damaged, so it is damaged again. */
	alarm(0);
	c = mirror_open("reader", O_RDWR);
	put_seeded(c, "short", 100, 3);
	put_seeded(c, "missing", 100, 4);
	data_file(c, "short", path);
	is_int(truncate(path, 50), 0, "a file that is too short");
	data_file(c, "missing", path);
	is_int(unlink(path), 0, "and one that is missing");
	is_int(write(go[1], &byte, 1), 1, "the reader goes on");
	waitpid(pid, &status, 0);
	is_int(status, 0, "finds what is there, and only that");
	zc_close(c);
}

int main(void)
{
	strangers();
	used_folders();
	links();
	one_step();
	many_creators();
	direct_reader();
	return tap_end();
}
