// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: owners of its policy that die, have children, and are not alone. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "owner_util.h"
#include "tap.h"

/* Runs in a process of its own, and returns when that did what it has to. */
static pid_t in_child(void (*fn)(struct zc_cache *c), const char *name)
{
	int ready[2];
	pid_t child;
	char byte;

	if (pipe(ready))
		abort();
	child = fork();
	if (child) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			printf("Bail out! a child died\n");
		close(ready[0]);
		return child;
	}
	close(ready[0]);
	fn(mirror_open(name, O_RDWR));
	if (write(ready[1], "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void own_in_child(struct zc_cache *c)
{
	zc_policy_own(c, "lru");
	told_once(c);
}

static void killed(void)
{
	struct zc_cache *c = mirror_new("killed", &conf);
	struct zcm_head *h = zcm_mirror(c)->head;
	char name[ZC_POLICY_NAME_ROOM];
	pid_t child;

	put(c, "a");
	child = in_child(own_in_child, "killed");
	is_int(zc_policy_own(c, "fifo"), -EBUSY, "another process owns the policy");
	get_key(c, "a", 0);
	is_int(h->news_first, 1, "what is done is noted for it");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	is_int(zc_policy_owner(c, name), 0, "it is killed, which is noticed");
	is_int(h->news_end + h->news_first, 0, "and nothing is noted");

	child = in_child(own_in_child, "killed");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	put_numbers(c, 0, 99);
	is_int(h->news_end, UINT32_MAX, "with room for all nobody looks");
	zcm_mirror(c)->reaped_ns = 0;
	put(c, "b");
	is_int(h->news_end, 0, "but who misses room does");
	is_int(zc_policy_own(c, "fifo"), 0, "and the next one owns");
	zc_close(c);

	c = mirror_open("killed", O_RDWR);
	child = in_child(own_in_child, "killed");
	zc_close(c);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	c = mirror_open("killed", O_RDWR);
	is_int(zcm_mirror(c)->head->news_end, 0, "who comes when all are gone finds no owner");
	is_int(zc_policy_own(c, "fifo"), 0, "and may be it");
	zc_close(c);
}

static void die_locked(struct zc_cache *c)
{
	zcm_lock(zcm_mirror(c));
	/* In the middle of it. */
	zcm_mirror(c)->head->news_first = 77;
}

static void killed_amid(void)
{
	struct zc_cache *c = mirror_new("amid", &conf);
	pid_t child;

	put_numbers(c, 0, 2);
	zc_policy_own(c, "lru");
	told_once(c);
	child = in_child(die_locked, "amid");
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	is_str(told_once(c), "all +1:1 +2:2", "after who died with the lock all is told anew");
	zc_close(c);
}

/* A child has the handle and the lock, and is another. */
static void forked(void)
{
	struct zc_cache *c = mirror_new("forked", &conf);
	int status;
	pid_t child;

	zc_policy_own(c, "lru");
	told_once(c);
	child = fork();
	if (!child) {
		int bad = zc_policy_own(c, "fifo") != -EBUSY || zc_policy_release(c) != -EPERM;

		put(c, "a");
		zc_close(c);
		_exit(bad);
	}
	waitpid(child, &status, 0);
	is_int(status, 0, "a child of the owner owns nothing");
	is_str(told_once(c), "+1:1", "and takes nothing from it");
	zc_close(c);
}

#define KEYS	40
#define USES	6000

static void use(struct zc_cache *c, unsigned int x)
{
	char key[16];
	int i;

	for (i = 0; i < USES; i++) {
		x = x * 1103515245 + 12345;
		snprintf(key, sizeof(key), "%u", (x >> 8) % KEYS);
		if ((x >> 20) % 8 == 0)
			put(c, key);
		else if ((x >> 20) % 8 == 1)
			drop(c, key);
		else
			get_key(c, key, 0);
	}
}

/* What an owner knows by what it was told, by slot. */
struct known {
	uint64_t generation[ZCM_SLOTS_MIN];
	uint64_t wrong, records;
};

static void take_records(struct known *k)
{
	uint32_t i;

	for (i = 0; i < last.nr; i++) {
		const struct zc_policy_record *r = &last.records[i];
		uint64_t *g = &k->generation[r->slot % ZCM_SLOTS_MIN];

		k->records++;
		if (r->what == ZC_POLICY_NEW) {
			k->wrong += *g != 0;
			*g = r->generation;
		} else {
			k->wrong += *g != r->generation;
		}
		if (r->what == ZC_POLICY_GONE)
			*g = 0;
	}
}

static int left;		/* who still use it */

static void *use_in_thread(void *arg)
{
	use(arg, 7);
	__atomic_fetch_sub(&left, 1, __ATOMIC_RELEASE);
	return NULL;
}

/* Two others use it, processes or threads, this one drains and evicts. */
static void together(const char *name, bool threads)
{
	struct zc_cache *c = mirror_new(name, &conf);
	uint64_t cursor = 0, there = 0, slot;
	struct zc_mirror_object o;
	struct known k = { 0 };
	uint32_t turn = 0;
	pthread_t thread[2];
	int i;

	zc_policy_own(c, "lru");
	left = 2;
	for (i = 0; i < 2; i++) {
		if (threads) {
			pthread_create(&thread[i], NULL, use_in_thread, c);
		} else if (!fork()) {
			use(mirror_open(name, O_RDWR), i);
			_exit(0);
		}
	}
	while (__atomic_load_n(&left, __ATOMIC_ACQUIRE)) {
		told_once(c);
		take_records(&k);
		turn = turn % KEYS + 1;
		if (k.generation[turn])
			evict(c, turn, k.generation[turn], 0);
		while (!threads && left && waitpid(-1, NULL, WNOHANG) > 0)
			left--;
	}
	for (i = 0; threads && i < 2; i++)
		pthread_join(thread[i], NULL);
	do {
		told_once(c);
		take_records(&k);
	} while (last.more);
	is_int(k.wrong, 0, "while others use it what is told agrees with what was told");
	ok(k.records > 1000, "of many objects");
	while (zc_mirror_list(c, &cursor, &o) == 1) {
		there++;
		k.wrong += k.generation[(uint32_t)cursor] != o.generation;
	}
	for (slot = 0; slot < ZCM_SLOTS_MIN; slot++)
		there -= k.generation[slot] != 0;
	is_int(k.wrong, 0, "in the end all is known");
	is_int(there, 0, "and nothing else");
	is_str(mirror_wrong(c, name) ?: "", "", "and the mirror is whole");
	zc_close(c);
}

int main(void)
{
	test_folder();
	forked();
	together("processes", false);
	together("threads", true);
	killed();
	if (test_robust())
		killed_amid();
	return tap_end();
}
