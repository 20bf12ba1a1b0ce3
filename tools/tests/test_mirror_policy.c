// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: what the owner of its policy is told, and who leaves as it says. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "owner_util.h"
#include "tap.h"

static void log_is_told(void)
{
	struct zc_cache *c = mirror_new("log", &conf);
	char name[ZC_POLICY_NAME_ROOM];
	struct zc_info info = { 0 };

	put(c, "a");
	put(c, "b");
	is_int(get_key(c, "a", 0), 0, "a use before there is an owner");
	is_int(zc_policy_owner(c, name), 0, "nobody owns the policy");
	is_str(name, "", "which has no name");
	is_int(zc_policy_own(c, "lru"), 0, "now somebody does");
	is_int(zc_policy_owner(c, name), 1, "as is told");
	is_str(name, "lru", "with the policy");
	is_str(told_once(c), "all +1:1 +2:2", "all that is there is told");
	is_int(last.used, 2 * CHARGE, "with what they take");
	is_int(last.capacity, 100 * CHARGE, "of which capacity");
	is_int(last.high, 95 * CHARGE, "95 % are the high watermark");
	is_int(last.low, 90 * CHARGE, "90 % the low one");
	is_str(told_once(c), "", "and once");

	get_key(c, "b", 0);
	put(c, "c");
	get_key(c, "a", 0);
	is_str(told_once(c), "*2:2/1 +3:3 *1:1/1", "what happens is told in its order");
	get_key(c, "a", 0);
	get_key(c, "b", 0);
	get_key(c, "a", 0);
	is_str(told_once(c), "*1:1/2 *2:2/1", "uses of one object at once");
	for (int i = 0; i < 5; i++)
		get_key(c, "c", 0);
	is_str(told_once(c), "*3:3/3", "and of so many, three or more");
	generation_of(c, "c");
	zc_info(c, &info);
	is_str(told_once(c), "", "to ask for its state is no use");

	drop(c, "b");
	is_str(told_once(c), "-2:2/1", "a delete");
	put(c, "d");
	drop(c, "d");
	is_str(told_once(c), "", "what came and left is not told");
	put(c, "d");
	get_key(c, "d", 0);
	is_str(told_once(c), "+2:5/1", "uses of what is new come with it");
	put(c, "d");
	is_str(told_once(c), "-2:5/1 +2:6", "another version is another object");
	get_key(c, "a", 0);
	drop(c, "a");
	put(c, "e");
	put(c, "f");
	is_str(told_once(c), "-1:1/1 +1:7 +4:8", "as is one in a slot that was another's");
	put(c, "e");
	put(c, "e");
	is_str(told_once(c), "-1:7/1 +1:10", "and what was between is not told");

	is_int(zc_policy_own(c, "s3fifo"), 0, "the owner may change the name");
	zc_policy_owner(c, name);
	is_str(name, "s3fifo", "which is told");
	is_str(told_once(c), "", "and nothing else");
	is_int(zc_policy_release(c), 0, "or end it");
	is_int(zc_policy_owner(c, name), 0, "which is told as well");
	is_str(name, "", "without a name");
	is_str(told_once(c), "Operation not permitted", "nothing more is told");
	is_int(evict(c, 1, 10, 0), -EPERM, "nobody leaves");
	is_int(zc_policy_release(c), -EPERM, "and it cannot end twice");
	zc_close(c);
}

/* Of what came at the same time the first is told first, wherever it was put. */
static void order(void)
{
	struct zc_cache *c = mirror_new("order", &conf);

	zc_policy_own(c, "lru");
	put_numbers(c, 0, 3);
	told_once(c);
	drop(c, "0");
	drop(c, "1");
	drop(c, "2");
	put_numbers(c, 3, 6);
	is_str(told_once(c), "-3:3/1 +3:4 -2:2/1 +2:5 -1:1/1 +1:6", "in the order they came in");
	drop(c, "3");
	drop(c, "5");
	put(c, "6");
	is_str(told_once(c), "-3:4/1 -1:6/1 +1:7", "what left keeps its turn");
	drop(c, "4");
	put(c, "7");
	room = 1;
	is_str(told_once(c), "-2:5/1 more", "with room for one");
	drop(c, "7");
	put(c, "8");
	is_str(told_once(c), "+2:9", "the other one is told as it is then");
	put_numbers(c, 20, 22);
	is_str(told_once(c), "+3:10 more", "one");
	is_str(told_once(c), "+4:11", "by one");
	room = ROOM;
	zc_close(c);
}

static void resync(void)
{
	struct zc_cache *c = mirror_new("resync", &conf);
	struct zcm_head *h = zcm_mirror(c)->head;

	put_numbers(c, 0, 4);
	zc_policy_own(c, "lru");
	put(c, "4");
	room = 2;
	is_str(told_once(c), "all +1:1 +2:2 more", "a part");
	get_key(c, "0", 0);
	get_key(c, "3", 0);
	drop(c, "1");
	drop(c, "2");
	put(c, "5");
	is_str(told_once(c), "+3:6 +4:4/1 more", "what is not told yet is told as it is");
	is_str(told_once(c), "+5:5 *1:1/1 more", "then what happened to the first part");
	is_str(told_once(c), "-2:2/1", "up to now");
	room = ROOM;

	get_key(c, "0", 0);
	zcm_lock(zcm_mirror(c));
	zcm_dirty(zcm_mirror(c));
	zcm_unlock(zcm_mirror(c));
	is_str(told_once(c), "all +1:1 +2:4 +3:5 +4:6", "an index that is made anew is told anew");
	is_int(h->rebuilds, 2, "as it is another");
	get_key(c, "0", 0);
	is_str(told_once(c), "*1:1/1", "then all goes on");
	zc_policy_release(c);
	is_int(h->news_end, 0, "without an owner nothing is noted");
	get_key(c, "0", 0);
	drop(c, "0");
	is_int(h->news_first, 0, "whatever happens");
	zc_policy_own(c, "lru");
	is_str(told_once(c), "all +2:4 +3:5 +4:6", "and the next one hears of what is there");

	/* As two durable fills leave it: the one that was named first is published last. */
	put(c, "9");
	is_str(told_once(c), "+1:7", "a version");
	drop(c, "9");
	zcm_mirror(c)->entry[1].told = 9;
	put(c, "9");
	is_str(told_once(c), "all +1:8 +2:4 +3:5 +4:6", "in a slot that had a later one tells all");
	zc_close(c);
}

/* A table that grows keeps the numbers. */
static void growth(void)
{
	const struct zc_mirror_conf large = { .size = sizeof(large), .capacity = 1 << 30 };
	struct zc_cache *c = mirror_new("growth", &large), *other = mirror_open("growth", O_RDWR);
	uint64_t seen = 0, wrong = 0, nr = 0;
	uint32_t i;

	zc_policy_own(c, "lru");
	put_numbers(c, 0, ZCM_SLOTS_MIN - 1);
	told_once(c);
	told_once(c);
	is_int(last.nr + last.more, ZCM_SLOTS_MIN - 1 - ROOM, "a table is full, and told");
	get_key(c, "0", 0);
	put_numbers(other, ZCM_SLOTS_MIN - 1, 2 * ZCM_SLOTS_MIN);
	get_key(other, "1", 0);
	drop(c, "2");
	do {
		told_once(c);
		wrong += last.resync;
		for (i = 0; i < last.nr; i++) {
			const struct zc_policy_record *r = &last.records[i];

			nr++;
			if (r->what == ZC_POLICY_NEW)
				seen++;
			else
				wrong += r->slot != (r->what == ZC_POLICY_GONE ? 3 :
						     nr == 1 ? 1 : 2);
		}
	} while (last.more);
	is_int(seen, ZCM_SLOTS_MIN + 1, "what came when it grew is told");
	is_int(nr - seen, 3, "with what happened to others");
	is_int(wrong, 0, "in slots that are the same");
	is_int(zcm_mirror(c)->head->slots, 4 * ZCM_SLOTS_MIN, "of more than there were");
	zc_close(other);
	zc_close(c);
}

static void victims(void)
{
	struct zc_cache *c = mirror_new("victims", &conf);
	struct zc_policy_victim v[ZC_POLICY_VICTIMS_MAX + 1] = { 0 };
	uint64_t g[6];
	int i;

	zc_policy_own(c, "lru");
	put_numbers(c, 0, 5);
	told_once(c);
	for (i = 0; i < 5; i++) {
		char key[2] = { '0' + i };

		g[i] = generation_of(c, key);
	}
	is_int(evict(c, 1, g[0], 0), 0, "a victim");
	is_int(evicted.evicted, 1, "leaves");
	is_int(evicted.bytes, CHARGE, "with its charge");
	is_int(evicted.used, 4 * CHARGE, "which is free then");
	is_int(evicted.spared + evicted.gone, 0, "and nothing else");
	is_int(get_key(c, "0", 0), -ENOENT, "nobody finds it");
	is_str(told_once(c), "-1:1/3", "and that it left is told, with the reason");
	is_int(evict(c, 1, g[0], 0), 0, "again");
	is_int(evicted.gone, 1, "it is gone");
	is_int(evict(c, 2, g[1] + 1, 0), 0, "another version");
	is_int(evicted.gone, 1, "is gone");
	is_int(evict(c, 0, g[1], 0), 0, "no slot");
	is_int(evicted.gone, 1, "neither");
	is_int(evict(c, UINT32_MAX, g[1], 0), 0, "nor one beyond all");
	is_int(evicted.gone, 1, "has one");
	is_int(evict(c, 700, 0, 0), 0, "nor a free one");
	is_int(evicted.gone, 1, "has a version 0");
	get_key(c, "1", 0);
	is_int(evict(c, 2, g[1], 0), 0, "what was used since it was told");
	is_int(evicted.spared, 1, "stays");
	is_str(told_once(c), "*2:2/1", "and is told of");
	is_int(evict(c, 2, g[1], 0), 0, "then");
	is_int(evicted.evicted, 1, "it may leave");
	is_int(evict(c, 3, g[2], 3 * CHARGE), 0, "when the target is reached");
	is_int(evicted.evicted + evicted.spared + evicted.gone, 0, "nobody is looked at");
	is_int(evict(c, 3, g[2], 3 * CHARGE - 1), 0, "and above it");
	is_int(evicted.evicted, 1, "somebody leaves");
	is_int(counted(c, ZC_C_POLICY_EVICTIONS), 3, "the counters say how many");
	is_int(counted(c, ZC_C_POLICY_EVICTED_BYTES), 3 * CHARGE, "and what they took");
	is_int(counted(c, ZC_C_POLICY_SPARED), 1, "and who stayed");
	is_int(counted(c, ZC_C_EVICTIONS), 0, "of which none is the library's");

	v[0].__reserved = 1;
	evicted = (struct zc_policy_evict){ .victims = v, .nr = 1 };
	is_int(zc_policy_evict(c, &evicted), -EINVAL, "a reserved member");
	v[0].__reserved = 0;
	evicted.nr = 0;
	is_int(zc_policy_evict(c, &evicted), -EINVAL, "no victims");
	evicted.nr = ZC_POLICY_VICTIMS_MAX + 1;
	is_int(zc_policy_evict(c, &evicted), -EINVAL, "too many");
	evicted.nr--;
	is_int(zc_policy_evict(c, &evicted), 0, "as many as can be");
	is_int(evicted.gone, ZC_POLICY_VICTIMS_MAX, "are all looked at");
	evicted.flags = 2;
	is_int(zc_policy_evict(c, &evicted), -EINVAL, "a flag that is none");
	evicted = (struct zc_policy_evict){ .nr = 1 };
	is_int(zc_policy_evict(c, &evicted), -EFAULT, "victims nowhere");
	last = (struct zc_policy_drain){ .room = 1 };
	is_int(zc_policy_drain(c, &last), -EFAULT, "records nowhere");
	last.room = 0;
	is_int(zc_policy_drain(c, &last), -EINVAL, "no room for any");
	zc_close(c);
}

static int put_until(struct zc_cache *c, const char *key, int64_t expires_ns)
{
	struct zc_put p = {
		.key = zc_ptr(key), .key_len = strlen(key), .data = zc_ptr("x"), .data_len = 1,
		.expires_ns = expires_ns,
	};

	return zc_put(c, &p);
}

static void expired(void)
{
	struct zc_cache *c = mirror_new("expired", &conf);
	int64_t past = from_now(-1000000000);
	char key[16];
	int i;

	zc_policy_own(c, "lru");
	put(c, "a");
	put_until(c, "late", past + 100);
	put_until(c, "early", past);
	put_until(c, "later", from_now(3600000000000));
	is_str(told_once(c), "all +1:1 +2:2 +3:3 +4:4", "of time nothing is told");
	evicted = (struct zc_policy_evict){
		.flags = ZC_POLICY_EVICT_EXPIRED, .target = 3 * CHARGE,
	};
	is_int(zc_policy_evict(c, &evicted), 0, "what has expired");
	is_int(evicted.evicted, 1, "leaves, down to the target");
	is_str(told_once(c), "-3:3/3", "the oldest first");
	get_key(c, "late", ZC_GET_EXPIRED_OK);
	evicted.target = 0;
	is_int(zc_policy_evict(c, &evicted), 0, "or all of it");
	is_int(evicted.evicted, 1, "whenever it was used");
	is_int(evicted.used, 2 * CHARGE, "and nothing else");
	is_str(told_once(c), "-2:2/3", "which is told");
	for (i = 0; i < 70; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put_until(c, key, past + i);
	}
	told_once(c);
	evicted.target = 3 * CHARGE;
	is_int(zc_policy_evict(c, &evicted), 0, "many");
	is_int(evicted.evicted, 69, "leave by one call");
	is_int(get_key(c, "69", ZC_GET_EXPIRED_OK), 0, "up to the last");
	is_int(zc_policy_drain(c, &last), 0, "of which");
	is_int(last.nr, 70, "each is told, and a use");
	zc_close(c);
}

/* Nobody waits for the owner: who needs room evicts as without one. */
static void library_evicts(void)
{
	struct zc_cache *c = mirror_new("alone", &conf);

	zc_policy_own(c, "lru");
	is_int(put_numbers(c, 0, 100), 0, "a mirror is full");
	told_once(c);
	get_key(c, "0", 0);
	is_int(put(c, "more"), 0, "and takes more");
	is_str(told_once(c), "*1:1/1 -2:2/2 +2:101", "in place of who SIEVE says");
	is_int(counted(c, ZC_C_EVICTIONS), 1, "which is counted as the library's");
	is_int(counted(c, ZC_C_POLICY_EVICTIONS), 0, "and not the owner's");
	zc_close(c);
}

static void others(void)
{
	struct zc_cache *c = mirror_new("others", &conf), *d = mirror_open("others", O_RDWR);
	struct zc_cache *r = mirror_open("others", O_RDONLY);
	char name[ZC_POLICY_NAME_ROOM];

	is_int(zc_policy_own(c, ""), -EINVAL, "a policy has a name");
	is_int(zc_policy_own(c, "a-name-of-32-bytes--------------"), -EINVAL, "of up to 31 bytes");
	is_int(zc_policy_own(r, "lru"), -EBADF, "for reading it cannot be owned");
	is_int(zc_policy_own(c, "lru"), 0, "one owner");
	is_int(zc_policy_own(d, "fifo"), -EBUSY, "keeps others out");
	is_str(told_once(d), "Operation not permitted", "who are told nothing");
	is_int(evict(d, 1, 1, 0), -EPERM, "and have nobody leave");
	is_int(zc_policy_owner(d, name), 1, "but know of it");
	is_str(name, "lru", "and its name");
	told_once(c);
	put(d, "a");
	get_key(r, "a", 0);
	is_str(told_once(c), "+1:1/1", "what others do is told");
	zc_policy_release(c);
	is_int(zc_policy_own(d, "fifo"), 0, "after it comes another");
	is_str(told_once(d), "all +1:1", "who hears of all");
	zc_close(d);
	is_int(zc_policy_owner(c, name), 0, "who closes the mirror owns no more");
	zc_close(r);
	zc_close(c);
}

/* Whatever the last user of the index wrote where news are, nobody looks at it. */
static void wild(void)
{
	struct zc_cache *c = mirror_new("wild", &conf);
	char name[ZC_POLICY_NAME_ROOM];
	struct zcm_entry *e;
	struct zcm_head *h;
	uint8_t *map;
	int fd, i;

	put_numbers(c, 0, 4);
	zc_policy_own(c, "lru");
	zc_close(c);
	fd = open(mirror_path("wild/index"), O_RDWR);
	map = mmap(NULL, ZCM_HEAD_LEN + ZCM_SLOTS_MIN * sizeof(struct zcm_entry),
		   PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	h = (struct zcm_head *)map;
	e = (struct zcm_entry *)(map + ZCM_HEAD_LEN);
	h->news_end = UINT32_MAX;
	h->news_first = 0x7fffffff;
	h->news_last = 0x7ffffff0;
	h->resync = 77;
	memset(h->policy, 'x', sizeof(h->policy));
	for (i = 1; i < ZCM_SLOTS_MIN; i++) {
		e[i].news = 0xff;
		e[i].uses = 3;
		e[i].told = i * 1000;
		e[i].news_next = i;
		e[i].news_prev = 0x7fffffff;
	}
	munmap(map, ZCM_HEAD_LEN + ZCM_SLOTS_MIN * sizeof(struct zcm_entry));
	c = mirror_open("wild", O_RDWR);
	is_int(zcm_mirror(c)->head->rebuilds, 1, "an index whose news are wild is used");
	is_int(zc_policy_owner(c, name), 0, "without an owner");
	is_str(name, "", "or its name");
	get_key(c, "0", 0);
	drop(c, "1");
	zc_policy_own(c, "lru");
	put(c, "5");
	is_str(told_once(c), "all +1:1/3 +2:5 +3:3/3 +4:4/3", "a new one hears of all");
	put(c, "6");
	drop(c, "2");
	get_key(c, "0", 0);
	is_str(told_once(c), "+5:6 -3:3/1 *1:1/1", "and of what happens then");
	zc_close(c);
}

int main(void)
{
	test_folder();
	log_is_told();
	order();
	resync();
	growth();
	victims();
	expired();
	library_evicts();
	others();
	wild();
	return tap_end();
}
