// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: how long objects live, what is purged, and who goes when it is full. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define S 1000000000LL
#define YEAR_2100 4102444800000000000

static struct zc_cache *cache;

static int put_expiring(const char *key, int64_t expires_ns)
{
	struct zc_put p = {
		.key = zc_ptr(key), .key_len = strlen(key), .data = zc_ptr("x"), .data_len = 1,
		.expires_ns = expires_ns,
	};

	return zc_put(cache, &p);
}

static int touch(const char *key, uint32_t flags, int64_t expires_ns)
{
	struct zc_touch t = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key),
		.expires_ns = expires_ns,
	};

	return zc_touch(cache, &t);
}

static void lives(void)
{
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("l"), .key_len = 1 };
	struct zc_touch t = { .key = zc_ptr("l"), .key_len = 1 };
	uint64_t generation;
	char key[16];
	int i;

	is_int(zc_touch(cache, &t), -ENOENT, "touch of nothing");
	put_object(cache, "l", "bytes", 5, NULL, NULL, NULL);
	is_int(zc_touch(cache, &t), 0, "touch");
	is_int(t.expires_ns, 0, "tells that it does not expire");
	generation = t.generation;
	is_int(zc_delete(cache, &d), 0, "a soft delete");
	is_int(d.generation, generation, "tells the version");
	is_int(get_key(cache, "l", 0), -ENOENT, "then it has expired");
	is_int(get_key(cache, "l", ZC_GET_EXPIRED_OK), 0, "but is there");
	t.flags = ZC_TOUCH_EXPIRES;
	t.expires_ns = YEAR_2100;
	is_int(zc_touch(cache, &t), -ENOENT, "also for touch");
	t.flags |= ZC_TOUCH_EXPIRED_OK;
	is_int(zc_touch(cache, &t), 0, "unless it asks for expired ones");
	is_int(get_key(cache, "l", 0), 0, "then it is fresh");
	zc_close(cache);
	unlink(mirror_path("life/index"));
	cache = mirror_open("life", O_RDWR);
	t = (struct zc_touch) { .key = zc_ptr("l"), .key_len = 1 };
	is_int(zc_touch(cache, &t), 0, "after a rebuild");
	is_int(t.expires_ns, YEAR_2100, "it has that time still");
	is_int(t.generation, generation, "and is the same version");
	t.generation++;
	t.expires_ns = 0;
	is_int(zc_touch(cache, &t), -ESTALE, "touch of another is refused");
	is_int(touch("l", 0, 5), -EINVAL, "a time without its flag as well");
	is_int(touch("l", ZC_TOUCH_EXPIRES, -1), -EINVAL, "and one before time began");

	is_int(put_expiring("past", from_now(-S)), 0, "put what has expired");
	is_int(get_key(cache, "past", 0), -ENOENT, "is not served");
	is_int(get_key(cache, "past", ZC_GET_EXPIRED_OK), 0, "but in its grace");
	is_int(counted(cache, ZC_C_EXPIRED), 1, "which is counted");
	is_int(put_expiring("over", from_now(-11 * S)), 0, "put what nobody is to see");
	is_int(get_key(cache, "over", ZC_GET_EXPIRED_OK), -ENOENT, "the grace is over");
	is_int(counted(cache, ZC_C_EXPIRIES), 1, "it is swept");
	is_int(objects(cache), 2, "and gone");
	is_int(counted(cache, ZC_C_EXPIRED_BYTES), 8192, "with its charge");
	for (i = 0; i < 200; i++) {
		sprintf(key, "over/%d", i);
		put_expiring(key, 0);
	}
	for (i = 0; i < 200; i++) {
		sprintf(key, "over/%d", i);
		touch(key, ZC_TOUCH_EXPIRES, from_now(-11 * S));
	}
	is_int(zc_delete(cache, &(struct zc_delete){ .key = zc_ptr(key), .key_len = 8 }), -ENOENT,
	       "what is over is not there to delete");
	is_int(objects(cache), 2, "many are swept");
	is_int(counted(cache, ZC_C_EXPIRIES), 201, "each is counted");
}

static void defaults(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .default_ttl_ms = 60000 }, was;
	struct zc_cache *c = mirror_new("ttl", &conf);
	struct zc_stat s = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_put p = {
		.key = zc_ptr("k"), .key_len = 1, .expires_ns = INT64_MAX,
	};

	put_object(c, "k", "x", 1, NULL, NULL, NULL);
	is_int(zc_stat(c, &s), 0, "stat of what the default ends");
	is_int(s.expires_ns, s.created_ns + 60 * S, "a minute after it came");
	is_int(zc_put(c, &p), 0, "put of what never ends");
	s.generation = 0;
	is_int(zc_stat(c, &s), 0, "stat");
	is_int(s.expires_ns, INT64_MAX, "it does not");
	is_int(zc_mirror_get(c, &conf), 0, "the limits");
	is_int(conf.capacity, 1 << 30, "capacity");
	is_int(conf.default_ttl_ms, 60000, "time to live");
	is_int(conf.grace_ms, 10000, "grace");
	is_int(conf.max_key_len, ZC_KEY_MAX, "longest key");
	conf.default_ttl_ms = 0;
	conf.grace_ms = ZC_MIRROR_NO_GRACE;
	conf.max_object_size = 10;
	is_int(zc_mirror_set(c, &conf), 0, "are changed");
	p.expires_ns = 0;
	p.data_len = 11;
	p.data = zc_ptr("12345678901");
	is_int(zc_put(c, &p), -EFBIG, "larger objects are refused at once");
	zc_close(c);
	c = mirror_open("ttl", O_RDWR);
	is_int(zc_mirror_get(c, &conf), 0, "opened again");
	is_int(conf.max_object_size, 10, "they stay");
	is_int(conf.grace_ms, ZC_MIRROR_NO_GRACE, "also that there is none");
	was = conf;
	conf.grace_ms = 7;
	is_int(zc_mirror_swap(c, &was, &conf), 0, "changed, as nobody else did");
	was.grace_ms = 7;
	conf.default_ttl_ms = 8;
	is_int(zc_mirror_set(c, &conf), 0, "changed by another");
	conf = was;
	conf.capacity /= 2;
	is_int(zc_mirror_swap(c, &was, &conf), -EAGAIN, "not changed then");
	is_int(zc_mirror_get(c, &conf), 0, "the limits");
	is_int(conf.default_ttl_ms, 8, "are those of the other");
	is_int(conf.capacity, was.capacity, "alone");
	conf.max_key_len = 5;
	is_int(zc_mirror_set(c, &conf), -EINVAL, "keys keep their length");
	zc_close(c);
}

static int purge(const char *prefix, uint32_t flags, uint64_t tag, struct zc_purge *p)
{
	*p = (struct zc_purge){
		.flags = flags, .key = zc_ptr(prefix), .key_len = prefix ? strlen(prefix) : 0,
		.tag = tag,
	};
	return zc_purge(cache, p);
}

static void purges(void)
{
	static const char *const stem = "a key of more than thirty-two bytes/";
	char key[64], other[64];
	struct zc_purge p;

	snprintf(key, sizeof(key), "%s1", stem);
	snprintf(other, sizeof(other), "%sx", stem);
	is_int(purge(NULL, 0, 0, &p), 0, "purge of all there is");
	is_int(objects(cache), 0, "leaves nothing");
	put_object(cache, "p/1", "one", 3, NULL, NULL, NULL);
	put_object(cache, "p/2", "second", 6, NULL, NULL, NULL);
	put_object(cache, "q", "another", 7, NULL, NULL, NULL);
	put_object(cache, key, "long", 4, NULL, NULL, NULL);
	put_object(cache, other, "long", 4, NULL, NULL, NULL);
	is_int(purge("none", 0, 0, &p), 0, "purge of nothing");
	is_int(p.objects, 0, "takes nothing");
	is_int(purge("p/", ZC_PURGE_SOFT, 0, &p), 0, "a soft purge of a prefix");
	is_int(p.objects, 2, "takes two");
	is_int(p.bytes, 2 * 8192, "with their charge");
	is_int(get_key(cache, "p/1", 0), -ENOENT, "they have expired");
	is_int(get_key(cache, "p/1", ZC_GET_EXPIRED_OK), 0, "but are there");
	is_int(purge("p/", ZC_PURGE_SOFT, 0, &p), 0, "again");
	is_int(p.objects, 0, "takes nothing more");
	is_int(purge("p/2", 0, 0, &p), 0, "a hard one");
	is_int(p.objects, 1, "takes what has expired");
	is_int(get_key(cache, "p/2", ZC_GET_EXPIRED_OK), -ENOENT, "which is gone");
	is_int(purge(key, 0, 0, &p), 0, "a prefix longer than an entry holds");
	is_int(p.objects, 1, "takes one");
	is_int(get_key(cache, other, 0), 0, "not the other");
	is_int(purge("", 0, 0, &p), -EINVAL, "an address without bytes is refused");
	is_int(purge("p", ZC_PURGE_TAG, 3, &p), -EINVAL, "and a key with a tag");
	is_int(purge(NULL, ZC_PURGE_TAG, 0, &p), -EINVAL, "and no tag");
	is_int(purge(NULL, 0, 3, &p), -EINVAL, "and a tag without its flag");
	is_int(purge(NULL, 0, 0, &p), 0, "purge of all");
	is_int(p.objects, 3, "takes the rest");
	is_int(counted(cache, ZC_C_PURGES), 7, "calls are counted");
	is_int(counted(cache, ZC_C_PURGED_OBJECTS), 9, "and objects");
	is_str(mirror_wrong(cache, "life") ?: "well", "well", "nothing is left");
}

static void tags(void)
{
	static const uint64_t many[] = { 1, UINT64_MAX, 3, 4, 5, 6, 7, 8, 9 };
	static const uint64_t bad[] = { 5, 5, 0 };
	uint64_t got[ZC_TAGS_MAX] = { 0 };
	struct zc_stat s = { .key = zc_ptr("t/8"), .key_len = 3 };
	struct zc_purge p;

	is_int(put_tagged(cache, "t/0", NULL, 0), 0, "put without tags");
	is_int(put_tagged(cache, "t/8", many, 8), 0, "put with eight");
	is_int(put_tagged(cache, "t/2", many, 2), 0, "put with two");
	is_int(put_tagged(cache, "t/9", many, 9), -EINVAL, "but not with nine");
	is_int(put_tagged(cache, "t/9", bad, 2), -EINVAL, "nor with one twice");
	is_int(put_tagged(cache, "t/9", bad + 2, 1), -EINVAL, "nor with 0");
	is_int(zc_stat(cache, &s), 0, "stat without room for tags");
	is_int(s.nr_tags, 8, "tells how many there are");
	s.tags = zc_ptr(got);
	s.nr_tags = 7;
	is_int(zc_stat(cache, &s), -EMSGSIZE, "with too little room");
	is_int(s.nr_tags, 8, "it tells as well");
	is_int(got[0], 0, "but nothing more");
	is_int(zc_stat(cache, &s), 0, "with enough");
	is_mem(got, 8 * s.nr_tags, many, 64, "it tells which");
	is_int(purge(NULL, ZC_PURGE_TAG, 3, &p), 0, "purge by a tag");
	is_int(p.objects, 1, "takes one");
	is_int(get_key(cache, "t/8", ZC_GET_EXPIRED_OK), -ENOENT, "which is gone");
	is_int(purge(NULL, ZC_PURGE_TAG | ZC_PURGE_SOFT, UINT64_MAX, &p), 0, "a soft one");
	is_int(p.objects, 1, "takes one as well");
	is_int(get_key(cache, "t/2", 0), -ENOENT, "which has expired");
	is_int(get_key(cache, "t/2", ZC_GET_EXPIRED_OK), 0, "but is there");
	is_int(purge(NULL, ZC_PURGE_TAG | ZC_PURGE_SOFT, 1, &p), 0, "another one");
	is_int(p.objects, 1, "tells of it again");
	is_int(get_key(cache, "t/0", 0), 0, "others are as they were");
}

static void eviction(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 4 * 8192 };
	struct zc_put p = { .key = zc_ptr("f"), .key_len = 1, .data_len = 3 * 4096 };
	struct zc_cache *c = mirror_new("full", &conf);
	char big[8 * 4096] = "";
	int fd;

	put_seeded(c, "a", 1, 1);
	put_seeded(c, "b", 1, 2);
	put_seeded(c, "c", 1, 3);
	put_seeded(c, "d", 1, 4);
	is_int(used(c), conf.capacity, "full");
	is_int(get_key(c, "a", 0), 0, "a is used");
	is_int(put_seeded(c, "e", 1, 5), 0, "another one");
	is_int(get_key(c, "b", 0), -ENOENT, "b is the oldest that was not");
	is_int(get_key(c, "a", 0), 0, "a is there");
	is_int(counted(c, ZC_C_EVICTIONS), 1, "one was evicted");
	is_int(counted(c, ZC_C_EVICTED_BYTES), 8192, "with its charge");
	is_int(put_object(c, "z", big, sizeof(big), NULL, NULL, NULL), -ENOSPC, "too large");
	is_int(put_object(c, "z", NULL, 1, NULL, NULL, NULL), -EFAULT, "no address");
	is_int(get_key(c, "c", 0), -ENOENT, "for which one goes");
	is_int(put_seeded(c, "c", 1, 3), 0, "and comes back");
	is_int(counted(c, ZC_C_REFUSALS), 1, "is refused");
	is_int(objects(c), 4, "and evicts nobody");
	fd = zc_fill(c, &p);
	ok(fd >= 0, "a fill");
	is_int(used(c), 4 * 8192, "its room is reserved");
	is_int(objects(c), 2, "others went for it");
	is_int(put_object(c, "z", big, 5 * 4096, NULL, NULL, NULL), -ENOSPC, "and stays reserved");
	is_int(objects(c), 0, "though all that can be is evicted");
	close(fd);
	is_int(put_object(c, "z", big, 7 * 4096, NULL, NULL, NULL), 0, "until it is given up");
	is_int(counted(c, ZC_C_ABORTS), 1, "which is counted");
	is_int(zc_mirror_get(c, &conf), 0, "limits");
	put_seeded(c, "z", 100, 3);
	put_seeded(c, "y", 100, 3);
	conf.capacity = 8192;
	is_int(zc_mirror_set(c, &conf), 0, "a smaller capacity");
	is_int(used(c), 8192, "evicts at once");
	is_int(get_key(c, "y", 0), 0, "the older one");
	is_str(mirror_wrong(c, "full") ?: "well", "well", "the rest is well");
	zc_close(c);
}

static void listing(void)
{
	struct zc_cache *c = mirror_new("list", NULL);
	uint64_t cursor = 0, data = 0;
	struct zc_mirror_object o;
	char key[64];
	int i, nr = 0;
	bool seen[3000] = { 0 };

	for (i = 0; i < 3000; i++) {
		snprintf(key, sizeof(key), "some/long/path/to/the/object/number/%d", i);
		put_object(c, key, key, i % 7, NULL, NULL, NULL);
	}
	while (zc_mirror_list(c, &cursor, &o) == 1) {
		nr++;
		snprintf(key, sizeof(key), "%.*s", (int)o.key_len, o.key);
		seen[atoi(strrchr(key, '/') + 1)] = true;
		data += o.data_len;
	}
	for (i = 0; i < 3000 && seen[i]; i++)
		;
	is_int(i, 3000, "each is told");
	is_int(nr, 3000, "once");
	is_int(data, 8994, "with its size");
	is_int(objects(c), 3000, "the index grew");
	zc_close(c);
}

int main(void)
{
	cache = mirror_new("life", NULL);
	lives();
	purges();
	tags();
	zc_close(cache);
	defaults();
	eviction();
	listing();
	return tap_end();
}
