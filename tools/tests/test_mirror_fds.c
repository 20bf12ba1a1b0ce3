// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror: a process that has as many files open as it may. What the library keeps
 * open by itself goes before the user is told so.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define OBJECTS	40
#define LIMIT	256

static struct zc_cache *cache;
static int taken[LIMIT], nr_taken;

/* Takes all fds that are left. */
static void take_all(void)
{
	int fd;

	while ((fd = dup(0)) >= 0)
		taken[nr_taken++] = fd;
}

static void give_back(int nr)
{
	while (nr--)
		close(taken[--nr_taken]);
}

static unsigned int kept(void)
{
	return zcm_mirror(cache)->nr_cached;
}

/* Opens some objects, which stay open with others that are, and leaves no fd. */
static void fill_up(unsigned int others)
{
	char key[16];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		get_key(cache, key, 0);
	}
	is_int(kept(), OBJECTS + others, "the library keeps some open");
	take_all();
}

static int lookup(struct zc_lookup *l, const char *key)
{
	l->key = key;
	l->key_len = strlen(key);
	return zc_lookup(cache, l);
}

static void opens(void)
{
	struct zc_open o = { .key = zc_ptr("0"), .key_len = 1 };
	int fd;

	fill_up(0);
	fd = zc_open_object(cache, &o);
	ok(fd >= 0, "an object fd, in the place of one of them");
	is_int(kept(), OBJECTS - 1, "which is the only one that goes");
	close(fd);
	give_back(nr_taken);
}

static void fills(void)
{
	struct zc_put p = { .key = zc_ptr("f"), .key_len = 1, .data_len = 4 };
	int fd;

	fill_up(0);
	fd = zc_fill(cache, &p);
	ok(fd >= 0, "a fill");
	is_int(write(fd, "four", 4), 4, "is written");
	is_int(zc_commit(cache, fd, NULL), 0, "and committed");
	close(fd);
	is_int(put_seeded(cache, "p", 10, 1), 0, "a put");
	give_back(nr_taken);
}

static void lookups(void)
{
	struct zc_lookup l[OBJECTS] = { 0 }, more = { 0 };
	char key[16];
	int i, bad = 0;

	fill_up(0);
	is_int(lookup(&more, "p"), 0, "a lookup of another");
	zc_release(cache, &more);
	more.generation = 0;
	give_back(nr_taken);

	/* Those that are in use stay, so that there is nothing to give. */
	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		bad += lookup(&l[i], key) != 0;
	}
	is_int(bad, 0, "many lookups at once");
	put_seeded(cache, "p", 10, 2);
	get_key(cache, "f", 0);
	take_all();
	is_int(lookup(&more, "p"), 0, "one more, in the place of the only idle one");
	is_int(kept(), OBJECTS + 1, "of all that are open");
	is_int(get_key(cache, "f", 0), -EMFILE, "but not without any");
	for (i = 0; i < OBJECTS; i++)
		bad += l[i].data_len != 5000 || ((const char *)l[i].data)[0] == 0;
	is_int(bad, 0, "their bytes are there");
	for (i = 0; i < OBJECTS; i++)
		zc_release(cache, &l[i]);
	is_int(get_key(cache, "f", 0), 0, "with one that is idle again");
	zc_release(cache, &more);
	give_back(nr_taken);
}

static void sends(void)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send s = {
		.key = zc_ptr("0"), .key_len = 1, .flags = ZC_SEND_PIN, .max_bytes = 100,
		.nr_parts = 1, .parts = zc_ptr(&part),
	};
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		printf("# no sockets\n");
	s.sock = sv[0];
	fill_up(2);
	is_int(zc_send(cache, &s), 0, "a send of a part");
	is_int(s.sent, 100, "of an object");
	ok(s.pinned >= 0, "has a fd to go on with");
	close(s.pinned);
	give_back(nr_taken);
	close(sv[0]);
	close(sv[1]);
}

static bool open_file(const char *path)
{
	struct stat want, st;
	int fd;

	if (stat(path, &want))
		return false;
	for (fd = 0; fd < LIMIT; fd++)
		if (!fstat(fd, &st) && st.st_dev == want.st_dev && st.st_ino == want.st_ino)
			return true;
	return false;
}

/* What is gone is not kept open by those who read it. */
static void gone(void)
{
	struct zc_delete d = { .key = zc_ptr("gone"), .key_len = 4 };
	char name[ZCM_NAME], path[ZCM_NAME + 8];
	struct stat st;
	unsigned int before;

	put_seeded(cache, "gone", 5000, 77);
	zcm_data_name(name, zcm_mirror(cache)->head->generation);
	snprintf(path, sizeof(path), "fds/%s", name);
	is_int(get_key(cache, "gone", 0), 0, "an object that was read");
	ok(open_file(mirror_path(path)), "is open");
	before = kept();
	is_int(zc_delete(cache, &d), 0, "when it is deleted");
	is_int(kept(), before - 1, "it is closed");
	is_int(stat(mirror_path(path), &st), -1, "and has no file");
}

int main(void)
{
	struct rlimit limit = { LIMIT, LIMIT };
	char key[16];
	int i;

	cache = mirror_new("fds", NULL);
	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put_seeded(cache, key, 5000, i + 1);
	}
	setrlimit(RLIMIT_NOFILE, &limit);
	opens();
	fills();
	lookups();
	sends();
	gone();
	is_str(mirror_wrong(cache, "fds") ?: "well", "well", "all is well");
	zc_close(cache);
	return tap_end();
}
