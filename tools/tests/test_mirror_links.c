// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: an index with links that no walk would end at, or lead astray. */
#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define HEAD(member) offsetof(struct zcm_head, member)
#define ENTRY(i, member) \
	(ZCM_HEAD_LEN + (i) * sizeof(struct zcm_entry) + offsetof(struct zcm_entry, member))

static uint32_t get_u32(size_t at)
{
	int fd = open(mirror_path("m/index"), O_RDONLY | O_CLOEXEC);
	uint32_t v = 0;

	if (pread(fd, &v, sizeof(v), at) != sizeof(v))
		printf("# cannot read the index\n");
	close(fd);
	return v;
}

static void set_u32(size_t at, uint32_t v)
{
	int fd = open(mirror_path("m/index"), O_WRONLY | O_CLOEXEC);

	if (pwrite(fd, &v, sizeof(v), at) != sizeof(v))
		printf("# cannot write the index\n");
	close(fd);
}

/* The bucket that is empty, and the one of entry 1. */
static uint32_t bucket(bool empty)
{
	uint32_t i = 0;

	while (i < ZCM_SLOTS_MIN && (empty ? get_u32(ENTRY(i, bucket)) != 0 :
				     get_u32(ENTRY(i, bucket)) != 1))
		i++;
	return i;
}

static uint64_t rebuilds(struct zc_cache *c)
{
	return zcm_mirror(c)->head->rebuilds;
}

/* After the change the index is made anew, and all objects are there. */
static void is_made_anew(const char *name)
{
	uint64_t before = get_u32(HEAD(rebuilds));
	struct zc_cache *c;

	c = mirror_open("m", O_RDWR);
	is_int(rebuilds(c), before + 1, name);
	is_int(put_seeded(c, "new", 10, 4), 0, "it can be added to");
	is_int(zc_delete(c, &(struct zc_delete) { .key = zc_ptr("new"), .key_len = 3 }), 0,
	       "and taken from");
	is_str(mirror_wrong(c, "m") ?: "well", "well", "all is well then");
	is_int(zcm_mirror(c)->head->objects, 3, "no object is lost");
	zc_close(c);
}

int main(void)
{
	struct zc_cache *c = mirror_new("m", NULL);
	uint64_t before;

	put_seeded(c, "a", 100, 1);
	put_seeded(c, "b", 100, 2);
	put_seeded(c, "c", 100, 3);
	before = rebuilds(c);
	zc_close(c);
	c = mirror_open("m", O_RDWR);
	is_int(rebuilds(c), before, "a good index is taken as it is");
	zc_close(c);

	set_u32(ENTRY(1, next), 1);
	is_made_anew("a chain with a loop");
	set_u32(ENTRY(bucket(true), bucket), 1);
	is_made_anew("an object in another chain");
	set_u32(ENTRY(bucket(false), bucket), 0);
	is_made_anew("an object in none");
	set_u32(ENTRY(2, older), 3);
	is_made_anew("a queue with a loop");
	set_u32(HEAD(oldest), 3);
	is_made_anew("a queue with another end");
	set_u32(HEAD(free), 0);
	is_made_anew("nothing free");
	set_u32(ENTRY(10, next), 9);
	is_made_anew("a loop in what is free");
	set_u32(HEAD(hand), 9);
	is_made_anew("a hand at nothing");
	set_u32(HEAD(expiring), 1);
	is_made_anew("a heap with another's place");
	set_u32(ENTRY(1, key_len), get_u32(ENTRY(1, key_len)) | 0xff0000);
	is_made_anew("more tags than there can be");
	return tap_end();
}
