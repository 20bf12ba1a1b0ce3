// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mirror: an index that is wrong in what looks right. It is made anew, or who comes is
 * told; no call goes on for ever, and no key gets bytes of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

/* Called once by the next flock(2). */
static void (*at_flock)(void);

int __real_flock(int fd, int how);
int __wrap_flock(int fd, int how);

int __wrap_flock(int fd, int how)
{
	void (*hook)(void) = at_flock;

	at_flock = NULL;
	if (hook)
		hook();
	return __real_flock(fd, how);
}

static struct zc_mirror_status status(struct zc_cache *c)
{
	struct zc_mirror_status s = { 0 };

	zc_mirror_status(c, &s);
	return s;
}

static uint64_t generation_of(struct zc_cache *c, const char *key)
{
	struct zc_stat s = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_stat(c, &s) ? 0 : s.generation;
}

/* An open error, or 0, and then it is closed again. */
static int try_open(const char *name)
{
	char full[600];
	struct zc_cache *c;
	int err;

	snprintf(full, sizeof(full), "mirror:%s", mirror_path(name));
	err = zc_open(full, O_RDWR, &c);
	if (!err)
		zc_close(c);
	return err;
}

/* What is done to an index; a, b and c are entries of objects, b and c expire. */
struct parts {
	struct zcm_head *h;
	struct zcm_entry *e;
	uint32_t a, b, c;
};

static void nothing(struct parts *p)
{
	(void)p;
}

static void chain_loops(struct parts *p)
{
	p->e[p->a].next = p->a;
}

static void chain_of_other(struct parts *p)
{
	p->e[(p->e[p->a].hash.w[1] + 1) & (p->h->slots - 1)].bucket = p->a;
}

static void chain_lost(struct parts *p)
{
	p->e[p->e[p->a].hash.w[1] & (p->h->slots - 1)].bucket = 0;
}

static void chain_to_free(struct parts *p)
{
	p->e[p->a].next = p->h->free;
}

static void free_is_live(struct parts *p)
{
	p->h->free = p->a;
}

static void free_loops(struct parts *p)
{
	p->e[p->h->free].next = p->h->free;
}

static void free_is_short(struct parts *p)
{
	p->e[p->h->free].next = 0;
}

static void heap_of_other(struct parts *p)
{
	p->e[1].heap = p->a;
}

static void heap_at_other(struct parts *p)
{
	p->e[p->b].heap_at = 2;
}

static void heap_in_disorder(struct parts *p)
{
	p->e[p->b].expires_ns += 2000000000000000;
}

static void heap_is_short(struct parts *p)
{
	p->h->expiring = 1;
}

static void many_tags(struct parts *p)
{
	p->e[p->a].nr_tags = ZC_TAGS_MAX + 1;
}

static void no_key(struct parts *p)
{
	p->e[p->a].key_len = 0;
}

static void long_key(struct parts *p)
{
	p->e[p->a].key_len = ZC_KEY_MAX + 1;
}

static void queue_loops(struct parts *p)
{
	p->e[p->a].older = p->a;
}

static void queue_back_wrong(struct parts *p)
{
	p->e[p->b].newer = p->a;
}

static void oldest_wrong(struct parts *p)
{
	p->h->oldest = p->c;
}

static void hand_is_free(struct parts *p)
{
	p->h->hand = p->h->free;
}

static void generation_forgotten(struct parts *p)
{
	p->h->generation = 0;
}

static void generation_too_high(struct parts *p)
{
	p->h->generation = p->h->high_water + 1;
}

static void many_slots(struct parts *p)
{
	p->h->slots = 1 << 24;
}

static void odd_slots(struct parts *p)
{
	p->h->slots--;
}

static const struct {
	void (*damage)(struct parts *p);
	const char *what;
} damage[] = {
	{ chain_loops, "a chain that does not end" },
	{ chain_of_other, "an object in the chain of another key" },
	{ chain_lost, "an object in no chain" },
	{ chain_to_free, "a chain with a free entry" },
	{ free_is_live, "an object among the free entries" },
	{ free_loops, "free entries that do not end" },
	{ free_is_short, "free entries that are lost" },
	{ heap_of_other, "an object in the heap that does not expire" },
	{ heap_at_other, "a place in the heap that is not its own" },
	{ heap_in_disorder, "a heap that is none" },
	{ heap_is_short, "an expiring object that is not in the heap" },
	{ many_tags, "too many tags" },
	{ no_key, "no key" },
	{ long_key, "too long a key" },
	{ queue_loops, "a queue that does not end" },
	{ queue_back_wrong, "a queue that is none backwards" },
	{ oldest_wrong, "a wrong end of the queue" },
	{ hand_is_free, "a hand on a free entry" },
	{ generation_forgotten, "generations that were forgotten" },
	{ generation_too_high, "generations that were not given" },
	{ many_slots, "a table that is not there" },
	{ odd_slots, "a table of an odd size" },
};

static uint32_t entry_of(struct zc_cache *c, const char *key)
{
	struct zcm_hash hash;

	zcm_hash(zcm_mirror(c), key, strlen(key), &hash);
	return zcm_entry_find(zcm_mirror(c), &hash);
}

static void damage_index(const char *name, void (*fn)(struct parts *p), struct parts *p)
{
	int fd = open(mirror_path(name), O_RDWR);
	size_t len = ZCM_HEAD_LEN + ZCM_SLOTS_MIN * sizeof(struct zcm_entry);
	char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (map == MAP_FAILED) {
		printf("# cannot map %s\n", name);
		return;
	}
	p->h = (struct zcm_head *)map;
	p->e = (struct zcm_entry *)(map + ZCM_HEAD_LEN);
	fn(p);
	munmap(map, len);
}

static void put_expires(struct zc_cache *c, const char *key, unsigned int seed, int64_t s)
{
	struct zc_touch t = {
		.flags = ZC_TOUCH_EXPIRES, .key = zc_ptr(key), .key_len = strlen(key),
		.expires_ns = from_now(s * 1000000000),
	};

	put_seeded(c, key, 100, seed);
	if (zc_touch(c, &t))
		printf("# no time for %s\n", key);
}

/* What an index is wrong in is found when the first one opens it. */
static void damaged_tables(void)
{
	struct zc_cache *c = mirror_new("table", NULL);
	uint64_t rebuilds, bad;
	struct parts p;
	char key[16];
	size_t n;
	int i;

	/* Also objects that came and went, and a queue whose hand moved. */
	put_seeded(c, "gone", 100, 1);
	put_seeded(c, "a", 100, 1);
	put_expires(c, "b", 2, 100000);
	put_expires(c, "c", 3, 200000);
	put_seeded(c, "gone", 100, 2);
	zc_delete(c, &(struct zc_delete){ .key = zc_ptr("gone"), .key_len = 4 });
	rebuilds = status(c).rebuilds;
	zc_close(c);
	damage_index("table/index", nothing, &p);
	c = mirror_open("table", O_RDWR);
	is_int(status(c).rebuilds, rebuilds, "an index in which nothing is wrong stays");
	for (n = 0; n < sizeof(damage) / sizeof(damage[0]); n++) {
		p = (struct parts) {
			.a = entry_of(c, "a"), .b = entry_of(c, "b"), .c = entry_of(c, "c"),
		};
		rebuilds = status(c).rebuilds;
		zc_close(c);
		damage_index("table/index", damage[n].damage, &p);
		alarm(60);
		c = mirror_open("table", O_RDWR);
		bad = status(c).rebuilds != rebuilds + 1;
		for (i = 0; i < 3000; i++) {
			snprintf(key, sizeof(key), "none%d", i);
			bad += get_key(c, key, 0) != -ENOENT;
		}
		bad += put_seeded(c, "a", 100, n) != 0;
		bad += mirror_wrong(c, "table") != NULL;
		alarm(0);
		is_int(bad, 0, damage[n].what);
	}
	zc_close(c);
}

/* The page of the head may be lost alone, also while the mirror is in use. */
static void generations(void)
{
	struct zc_cache *c = mirror_new("given", NULL);
	struct zcm_super super;
	uint64_t old, high;

	put_seeded(c, "a", 100, 1);
	put_seeded(c, "b", 100, 2);
	old = generation_of(c, "b");
	high = zcm_mirror(c)->head->high_water;
	zcm_mirror(c)->head->generation = 0;
	is_int(put_seeded(c, "evil", 50, 3), 0, "put with an index that forgot");
	ok(generation_of(c, "evil") > high, "gets a generation that none ever had");
	ok(generation_of(c, "b") == old, "the others keep theirs");
	is_str(mirror_wrong(c, "given") ?: "well", "well", "and their bytes");
	zcm_super_read(zcm_mirror(c)->dir, &super);
	ok(super.high_water > high, "the superblock knows of them");
	zc_close(c);
}

/* A generation above all that were given would let them come again, from 0. */
static void last_generation(void)
{
	struct zc_cache *c = mirror_new("last", NULL);
	char from[600], to[600], name[ZCM_NAME], meta[ZCM_NAME];
	struct zcm_info *info;
	struct zcm_hash hash;

	put_seeded(c, "a", 100, 1);
	put_seeded(c, "b", 100, 2);
	zcm_hash(zcm_mirror(c), "a", 1, &hash);
	zcm_meta_name(meta, &hash);
	is_int(zcm_info_read(zcm_mirror(c), meta, &info), 0, "metadata");
	zcm_data_name(name, info->meta.generation);
	sprintf(from, "%s/%s", zcm_mirror(c)->path, name);
	sprintf(to, "%s/data/ff/ffffffffffffffff", zcm_mirror(c)->path);
	is_int(rename(from, to), 0, "its data gets another generation");
	info->meta.generation = UINT64_MAX;
	is_int(zcm_info_write(zcm_mirror(c), meta, info, false), 0, "as has its metadata");
	zcm_info_put(info);
	zc_close(c);
	unlink(mirror_path("last/index"));
	c = mirror_open("last", O_RDWR);
	is_int(get_key(c, "a", 0), -ENOENT, "it is no object");
	is_int(status(c).corrupt, 1, "but damaged");
	is_int(get_key(c, "b", 0), 0, "the other one is there");
	is_int(put_seeded(c, "n", 10, 3), 0, "another is put");
	ok(generation_of(c, "n") > generation_of(c, "b"), "and gets the next generation");
	is_str(mirror_wrong(c, "last") ?: "well", "well", "all is well");
	zc_close(c);
}

/* A table that ends before it should is not mapped: that would be a SIGBUS. */
static void cut_index(void)
{
	struct zc_cache *c = mirror_new("cut", NULL), *other;
	struct stat st;

	put_seeded(c, "a", 100, 1);
	other = mirror_open("cut", O_RDWR);
	zcm_mirror(c)->head->slots = 1 << 24;
	is_int(get_key(other, "a", 0), -EIO, "slots that are not there");
	is_int(try_open("cut"), -EBUSY, "also for who opens it");
	zcm_mirror(c)->head->slots = ZCM_SLOTS_MIN + 1;
	is_int(get_key(other, "a", 0), -EIO, "slots of an odd number");
	zcm_mirror(c)->head->slots = ZCM_SLOTS_MIN;
	is_int(get_key(other, "a", 0), 0, "those that are there");
	zc_close(other);
	stat(mirror_path("cut/index"), &st);
	is_int(truncate(mirror_path("cut/index"), ZCM_HEAD_LEN), 0, "an index without its table");
	is_int(try_open("cut"), -EBUSY, "is not mapped");
	zc_close(c);
	is_int(try_open("cut"), 0, "and made anew when nobody has it");
	is_int(stat(mirror_path("cut/index"), &st), 0, "there it is");
	ok((uint64_t)st.st_size > ZCM_HEAD_LEN, "in whole");
}

/* Room that was taken by who died then comes back. */
static void died_with_room(void)
{
	struct zc_cache *c = mirror_new("room", NULL);
	int code;
	pid_t pid;

	put_seeded(c, "a", 100, 1);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct zc_mirror *m = zcm_mirror(mirror_open("room", O_RDWR));

		if (!zcm_lock(m) && !zcm_reserve(m, 65536, ZCM_EVICT_MAX))
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	waitpid(pid, &code, 0);
	is_int(code, SIGKILL, "killed right after room was taken");
	is_int(used(c), 8192, "the room is free again");
	is_int(zcm_mirror(c)->head->dirty, 0, "and the index right");
	zc_close(c);
}

static void other_limits(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 12 << 20 };
	struct zc_cache *c = mirror_open("before", O_RDWR);

	if (zc_mirror_set(c, &conf) || put_seeded(c, "x", 10, 1))
		printf("# cannot set limits\n");
	zc_close(c);
}

/* The superblock may change between the first look and the lock. */
static void super_before_lock(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf) };
	struct zcm_super super;
	struct zc_cache *c;

	is_int(zc_mirror_create(mirror_path("before"), NULL), 0, "a new mirror");
	at_flock = other_limits;
	c = mirror_open("before", O_RDWR);
	ok(!at_flock, "another process was faster");
	zc_mirror_get(c, &conf);
	is_int(conf.capacity, 12 << 20, "its limits are those of all");
	is_int(zcm_mirror(c)->head->high_water, ZCM_GENERATIONS, "as are its generations");
	zcm_mirror(c)->head->high_water = 0;
	is_int(zc_mirror_set(c, &conf), 0, "limits are set");
	is_int(zcm_super_read(zcm_mirror(c)->dir, &super), 0, "the superblock");
	is_int(super.high_water, ZCM_GENERATIONS, "never tells of fewer generations");
	zc_close(c);
}

/* Who makes the capacity smaller is killed before he evicts. */
static void smaller(void)
{
	struct zc_cache *c = mirror_new("small", NULL);
	struct zcm_super super;

	put_seeded(c, "a", 100, 1);
	put_seeded(c, "b", 100, 2);
	put_seeded(c, "c", 100, 3);
	zcm_super_read(zcm_mirror(c)->dir, &super);
	super.capacity = 2 * 8192;
	is_int(zcm_super_write(zcm_mirror(c)->dir, &super, false), 0, "a smaller capacity");
	zc_close(c);
	c = mirror_open("small", O_RDWR);
	is_int(used(c), 2 * 8192, "is kept to from the next open on");
	is_int(counted(c, ZC_C_EVICTIONS), 1, "as one was evicted");
	is_str(mirror_wrong(c, "small") ?: "well", "well", "all is well");
	zc_close(c);
}

/* Changed while it is in use, by somebody who may: no more is copied than there is. */
static void changed_in_use(void)
{
	struct zc_cache *c = mirror_new("live", NULL);
	uint64_t tags[255] = { 0 }, cursor = 0;
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_stat s = { .flags = ZC_STAT_FD, .tags = zc_ptr(tags), .nr_tags = 255 };
	struct zc_purge p = { .flags = ZC_PURGE_TAG, .tag = 0x6161616161616161 };
	struct zc_mirror_object *object = malloc(sizeof(*object));
	struct zcm_entry *e;

	put_seeded(c, "a", 100, 1);
	e = &zcm_mirror(c)->entry[entry_of(c, "a")];
	e->nr_tags = 255;
	/* What lies behind the tags. */
	memset(e->key, 'a', sizeof(e->key));
	s.fd = zc_open_object(c, &o);
	is_int(zc_stat(c, &s), 0, "an object with more tags than there can be");
	is_int(s.nr_tags, ZC_TAGS_MAX, "has as many as there can be");
	is_int(zc_purge(c, &p), 0, "a purge by tag");
	is_int(p.objects, 0, "finds no tag in what is none");
	close(s.fd);
	e->key_len = UINT16_MAX;
	is_int(zc_mirror_list(c, &cursor, object), 1, "a list");
	is_int(object->key_len, 1, "tells the key that the file has");
	is_int(object->nr_tags, ZC_TAGS_MAX, "and the tags that fit");
	free(object);
	zc_close(c);
}

/* Metadata of one fill at another: neither its key nor its room is taken. */
static void swapped_fills(void)
{
	static const char *const key[] = { "x", "y" };
	struct zc_cache *c = mirror_new("swap", NULL);
	char path[2][600], name[ZCM_NAME];
	int fd[2], i;

	for (i = 0; i < 2; i++) {
		struct zc_put p = { .key = zc_ptr(key[i]), .key_len = 1, .data_len = 4 };

		fd[i] = zc_fill(c, &p);
		zcm_fill_name(name, zcm_mirror(c)->head->fill[i].id, true);
		sprintf(path[i], "%s/%s", zcm_mirror(c)->path, name);
		is_int(write(fd[i], "four", 4), 4, "a fill");
	}
	is_int(rename(path[0], path[1]), 0, "that gets the metadata of another");
	is_int(zc_commit(c, fd[1], NULL), -EIO, "becomes no object");
	is_int(objects(c), 0, "of any key");
	close(fd[0]);
	close(fd[1]);
	is_str(mirror_wrong(c, "swap") ?: "well", "well", "and leaves nothing");
	zc_close(c);
}

int main(void)
{
	changed_in_use();
	swapped_fills();
	damaged_tables();
	generations();
	last_generation();
	cut_index();
	super_before_lock();
	smaller();
	if (test_robust())
		died_with_room();
	return tap_end();
}
