// SPDX-License-Identifier: GPL-2.0-only
/* Owning a store, errors, other policies, and whatever happens; all that is known is right. */
#include <errno.h>

#include "daemon_store.h"

static void owning(void)
{
	begin("lru");
	is_int(s.state, STORE_OWNED, "a store without an owner is owned");
	is_str(m->owner, "lru", "by name");
	is_str(said, "store web: its policy is lru now", "which is told");
	is_int(m->drains, 0, "nothing is drained yet");
	model_put(m, 1, 100);
	steps();
	is_int(s.resyncs, 1, "the first drain tells of all");
	ok(s.synced && agrees(), "and all is known");
	is_int(m->drains, 1, "by one call");
	end();
	is_int(s.state, STORE_KERNEL, "given up");

	begin(NULL);
	is_int(m->calls, 0, "a store that is left to the kernel is let be");
	ok(store_step(&s, now) == STORE_IDLE, "with nothing to do");
	end();
}

static void busy(void)
{
	struct choice c = policy("lru");

	m = model_new("web", CAPACITY);
	m->foreign = true;
	store_begin(&s, &kernel_steer, &nlc, "web", &c, 10000);
	is_int(s.state, STORE_BUSY, "another process owns it");
	is_str(said, "store web: another process owns its policy; waiting for it to end: owned by another socket: Device or resource busy (EBUSY)",
	       "which is told");
	said[0] = '\0';
	store_retry(&s);
	is_str(said, "", "but once");
	ok(store_step(&s, now) == STORE_IDLE, "nothing is drained");
	m->foreign = false;
	store_retry(&s);
	is_int(s.state, STORE_OWNED, "then it is free");
	steps();
	m->foreign = true;
	steps();
	is_int(s.state, STORE_BUSY, "taken away");
	is_str(said, "store web: another process took its policy; waiting for it to end",
	       "which is told too");
	is_int(tracked_objects(&s.tracked), 0, "and nothing is known any more");
	m->foreign = false;
	m->owner[0] = '\0';
	store_retry(&s);
	steps();
	ok(s.state == STORE_OWNED && agrees() && s.resyncs == 2, "all is told anew");
	m->owner[0] = '\0';
	model_put(m, 1, 100);
	steps();
	steps();
	ok(s.state == STORE_OWNED && agrees() && s.resyncs == 3,
	   "what nobody owns any more is owned again at once");
	model_fail = 1;
	model_error = EINVAL;
	steps();
	is_int(s.state, STORE_FAILED, "what the kernel does not understand");
	is_str(said, "store web: lost its policy, trying again: Invalid argument (EINVAL)",
	       "is told");
	is_str(m->owner, "", "and the policy given up");
	store_retry(&s);
	steps();
	ok(s.state == STORE_OWNED && agrees() && s.resyncs == 4, "and begun anew");
	end();
}

/* What passes costs a moment, and twice as long when it does not. */
static void passing_errors(void)
{
	begin("lru");
	model_put(m, 1, 100);
	steps();
	model_put(m, 2, 100);
	model_fail = 7;
	model_error = ENOMEM;
	is_int(store_step(&s, now) - now, 100, "without memory it is tried again in a moment");
	is_str(said, "store web: trying again in a moment: Cannot allocate memory (ENOMEM)",
	       "which is told");
	said[0] = '\0';
	is_int(m->drains, 1, "nothing was drained");
	is_int(store_step(&s, now + 99) - now, 100, "nor is it before");
	is_int(model_fail, 6, "not even tried");
	now += 100;
	is_int(store_step(&s, now) - now, 200, "later the next time");
	now += 5000;
	is_int(store_step(&s, now) - now, 400, "and later");
	while (model_fail)
		now = store_step(&s, now);
	is_int(s.wait - s.pause, now - 5000, "up to some seconds");
	is_int(s.pause, 5000, "which are five");
	is_str(said, "", "told once");
	is_int(store_step(&s, now), -1, "then there is nothing left to do");
	ok(s.state == STORE_OWNED && agrees() && s.resyncs == 1 && m->owns == 1,
	   "and nothing was lost");

	model_put(m, 3, 100);
	model_fail = 1;
	model_error = EIO;
	is_int(store_step(&s, now) - now, 100, "an answer was lost");
	is_int(tracked_objects(&s.tracked), 2, "what is known may be wrong, but is not forgotten");
	is_int(s.state, STORE_OWNED, "but the store is ours");
	steps();
	ok(agrees() && s.resyncs == 2 && m->owns == 2, "and all told anew");
	end();

	begin("lru");
	model_put(m, 1, 960000);
	model_put(m, 2, 100);
	s.wait = 0;
	model_batch = 1;
	store_step(&s, now);
	is_int(m->used, 100, "an eviction");
	model_put(m, 3, 960000);
	is_int(store_step(&s, now), -1, "and another");
	ok(agrees(), "is known");
	end();
}

/* So does what is in the way of owning it, and what is not is left to a longer time. */
static void passing_refusals(void)
{
	struct choice c = policy("fifo");

	model_error = ENOMEM;
	model_fail_own = 3;
	begin("lru");
	is_int(s.state, STORE_FAILED, "it cannot be owned without memory");
	is_str(said, "store web: cannot own its policy, trying again: Cannot allocate memory (ENOMEM)",
	       "which is told");
	said[0] = '\0';
	is_int(store_step(&s, now) - now, 100, "it is tried again in a moment");
	is_int(store_step(&s, now + 99) - now, 100, "and not before");
	is_int(model_fail_own, 2, "not even tried");
	now += 100;
	is_int(store_step(&s, now) - now, 200, "later the next time");
	now += 200;
	is_int(store_step(&s, now) - now, 400, "and later");
	is_str(said, "", "told once");
	now += 400;
	model_put(m, 1, 100);
	is_int(store_step(&s, now), -1, "then it is ours");
	ok(s.state == STORE_OWNED && agrees(), "and all is known");

	model_fail_own = 1;
	store_choose(&s, &c, 10000);
	is_int(s.state, STORE_FAILED, "another policy that cannot be had");
	is_str(said, "store web: lost its policy, trying again: Cannot allocate memory (ENOMEM)",
	       "is told");
	is_int(store_step(&s, now) - now, 100, "and tried again in a moment, too");
	now += 100;
	is_int(store_step(&s, now), -1, "then it is ours");
	ok(s.state == STORE_OWNED && agrees() && !strcmp(m->owner, "fifo"), "as it was to be");

	model_fail_own = 1;
	model_error = EINVAL;
	m->owner[0] = '\0';
	is_int(store_step(&s, now), -1, "what would not be otherwise in a moment");
	is_int(s.state, STORE_FAILED, "is not tried in a moment");
	is_int(store_step(&s, now + 5000), -1, "nor later");
	store_retry(&s);
	is_int(s.state, STORE_OWNED, "but with the others");
	end();
}

static void switching(void)
{
	struct choice c = policy("gdsf");
	int i;

	begin("lru");
	for (i = 0; i < 50; i++)
		model_put(m, i, 1000);
	steps();
	store_choose(&s, &c, 10000);
	is_str(m->owner, "gdsf", "another policy");
	is_str(said, "store web: its policy is gdsf now", "which is told");
	is_int(s.resyncs, 1, "begins with what is known");
	is_int(s.tracked.zp.objects, 50, "of all objects");
	steps();
	ok(agrees(), "and nothing was flushed");
	said[0] = '\0';
	store_choose(&s, &c, 10000);
	is_str(said, "", "the same one changes nothing");
	c.options.a = 1;
	store_choose(&s, &c, 10000);
	is_int(s.tracked.zp.options.a, 1, "other options do");
	m->capacity *= 2;
	steps();
	is_int(s.tracked.zp.options.capacity, 2 * CAPACITY, "a new capacity is passed on");
	c = policy(NULL);
	store_choose(&s, &c, 10000);
	is_str(m->owner, "", "left to the kernel");
	is_str(said, "store web: its policy is left to the kernel", "which is told");
	c = policy("sieve");
	store_choose(&s, &c, 10000);
	steps();
	ok(s.state == STORE_OWNED && agrees(), "and taken again");
	end();
}

static uint32_t some_slot(void)
{
	uint32_t slot = rand() % 256, i;

	for (i = 0; i < MODEL_SLOTS; i++)
		if (m->slot[(slot + i) % MODEL_SLOTS].there)
			return (slot + i) % MODEL_SLOTS;
	return MODEL_SLOTS;
}

static void something(void)
{
	struct zc_policy_record old = { .what = ZC_POLICY_TOUCHED, .uses = 1 };
	uint32_t slot = some_slot();
	int what = rand() % 100;

	if (what < 45 || slot == MODEL_SLOTS)
		model_put(m, rand() % 500, 1 + rand() % 20000);
	else if (what < 80)
		model_touch(m, slot);
	else if (what < 90)
		model_remove(m, slot, ZC_POLICY_GONE_OTHER);
	else if (what < 94)
		m->slot[slot].pinned = !m->slot[slot].pinned;
	else if (what < 95)
		model_overflow(m);
	else if (m->slot[slot].generation > 1) {
		old.slot = slot;
		old.what = 1 + rand() % 3;
		old.generation = m->slot[slot].generation - 1;
		/* it is old only after the new one was told */
		if (!m->nr_log && !m->resync && s.synced)
			model_old_news(m, &old);
	}
}

static void random_operations(const char *name, unsigned int seed)
{
	int i, j, n, wrong = 0, above = 0;
	struct choice c;

	srand(seed);
	begin(name);
	for (i = 0; i < 3000; i++) {
		for (j = rand() % 20; j; j--)
			something();
		model_batch = 1 + rand() % 50;
		if (rand() % 500 == 0) {
			for (n = 0; zp_all[n]; n++)
				;
			c = policy(zp_all[rand() % n]->name);
			c.options.large_main = rand() % 2;
			c.options.frequency = rand() % 2;
			store_choose(&s, &c, 10000);
		}
		m->restless = rand() % 4 == 0;
		if (m->restless)
			store_step(&s, now);
		m->restless = false;
		steps();
		wrong += !agrees();
		/* with few in use there is always room to be made */
		above += m->used > m->high + 200000;
	}
	is_int(wrong, 0, name);
	is_int(above, 0, "room is made");
	ok(m->policy_evictions > 1000, "by the policy");
	is_int(s.state, STORE_OWNED, "and the store is ours to the end");
	end();
}

/* What an object costs beyond the policy's own: its entry, and what is known by slot. */
static void memory(void)
{
	struct zc_policy_record r = { .what = ZC_POLICY_NEW, .charge = 1 };
	struct zp_options o = { .capacity = 1 << 30, .a = -1, .large_main = true };
	struct tracked t = { 0 };
	uint32_t i, n = 1000000;
	uint64_t bytes;

	tracked_begin(&t, zp_find("lru"), &o);
	for (i = 0; i < n; i++) {
		r.slot = i;
		r.id = i;
		r.generation = i + 1;
		if (tracked_record(&t, &r))
			break;
	}
	is_int(i, n, "a million objects");
	bytes = t.zp.nr_entries * (uint64_t)sizeof(*t.zp.entries) +
		t.nr_slots * (uint64_t)(sizeof(*t.generation) + sizeof(*t.ref)) +
		t.nr_refs * (uint64_t)sizeof(*t.slot);
	ok(bytes <= 64ull * n, "cost at most 64 bytes each");
	tracked_end(&t);
}

int main(void)
{
	size_t i;

	owning();
	busy();
	passing_errors();
	passing_refusals();
	switching();
	for (i = 0; zp_all[i]; i++)
		random_operations(zp_all[i]->name, 1 + i);
	memory();
	return tap_end();
}
