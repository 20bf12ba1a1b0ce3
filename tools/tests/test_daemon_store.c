// SPDX-License-Identifier: GPL-2.0-only
/* One store of zcached against a model of the kernel. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "fail.h"
#include "fake_policy.h"
#include "nl.h"
#include "store.h"
#include "tap.h"

#define CAPACITY 1000000

static char said[1024];
static struct nlc nlc = { .family = 99 };
static struct managed s;
static struct model *m;
static uint64_t now;		/* milliseconds */

int fail(enum exit_code code, const char *fmt, ...)
{
	(void)fmt;
	return code;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

static struct choice policy(const char *name)
{
	return (struct choice){ .ops = name ? zp_find(name) : NULL,
				.options = { .a = -1, .large_main = true } };
}

static void begin(const char *name)
{
	struct choice c = policy(name);

	model_batch = 1000;
	m = model_new("web", CAPACITY);
	store_begin(&s, &nlc, "web", &c, 10000);
}

static void end(void)
{
	store_end(&s);
	model_del(m);
}

/* Until there is nothing more; long after what was done before. */
static void steps(void)
{
	now += 10000;
	while (!store_step(&s, now))
		;
}

/* What the daemon knows is what the kernel has. */
static bool agrees(void)
{
	uint64_t used = 0;
	uint32_t slot;

	if (tracked_objects(&s.tracked) != m->objects)
		return false;
	for (slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct model_object *o = &m->slot[slot];
		uint32_t ref = slot < s.tracked.nr_slots ? s.tracked.ref[slot] : 0;

		if (o->there != !!ref)
			return false;
		if (!o->there)
			continue;
		used += o->charge;
		if (s.tracked.generation[slot] != o->generation)
			return false;
		/* one that was refused has no entry */
		if (ref < s.tracked.nr_refs &&
		    (s.tracked.slot[ref] != slot || zp_entry(&s.tracked.zp, ref)->id != o->id ||
		     zp_entry(&s.tracked.zp, ref)->size != o->charge))
			return false;
	}
	return used == m->used && s.used == m->used;
}

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
	store_begin(&s, &nlc, "web", &c, 10000);
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

/* LRU, so that who leaves is known beforehand. */
static void watermarks(void)
{
	uint32_t slot[10];
	int i;

	begin("lru");
	for (i = 0; i < 9; i++)
		slot[i] = model_put(m, i, 105000);
	steps();
	is_int(m->evicts, 0, "below the high watermark nobody is named");
	slot[9] = model_put(m, 9, 5000);
	steps();
	is_int(m->used, 845000, "at the high watermark room is made down to the low one");
	is_int(m->evicts, 1, "by one call");
	ok(!m->slot[slot[0]].there && m->slot[slot[1]].there, "of the oldest");
	ok(agrees(), "and what left is known");
	model_put(m, 10, 100000);
	steps();
	is_int(m->evicts, 1, "between the watermarks nothing happens");

	model_touch(m, slot[1]);
	steps();
	m->slot[slot[2]].pinned = true;
	model_put(m, 11, 5000);
	steps();
	ok(m->slot[slot[1]].there, "what was used stays");
	ok(m->slot[slot[2]].there, "what is in use stays");
	ok(!m->slot[slot[3]].there && m->slot[slot[4]].there, "the next one leaves");
	is_int(s.spared, 1, "one was spared");
	is_int(m->used, 845000, "room was made all the same");
	ok(agrees(), "and all that is known");
	end();
}

/* Who has expired makes room before all others, and no sooner than it is wanted. */
static void expired(void)
{
	uint32_t slot[10];
	int i;

	begin("lru");
	for (i = 0; i < 9; i++)
		slot[i] = model_put(m, i, 100000);
	steps();
	m->slot[slot[6]].expired = true;
	m->slot[slot[7]].expired = true;
	steps();
	is_int(m->sweeps, 0, "with room what has expired is not asked for");
	model_put(m, 9, 55000);
	steps();
	is_int(m->used, 855000, "without, it makes room");
	is_int(m->sweeps, 1, "by one call");
	ok(!m->slot[slot[6]].there && m->slot[slot[7]].there, "as much as is wanted");
	is_int(m->evicts, 0, "and nobody else has to leave");
	ok(agrees() && !s.full, "which is known");

	m->slot[slot[7]].pinned = true;
	model_put(m, 10, 100000);
	steps();
	is_int(m->sweeps, 2, "if there is nothing expired to leave");
	is_int(m->evicts, 1, "others have to");
	ok(!m->slot[slot[0]].there && m->slot[slot[1]].there, "the oldest first");
	ok(agrees(), "which is known, too");
	end();
}

/* Nobody may leave: that is tried once a step, and not for ever. */
static void all_in_use(void)
{
	int i, evicts;

	begin("s3fifo");
	for (i = 0; i < 96; i++)
		m->slot[model_put(m, i, 10000)].pinned = true;
	steps();
	evicts = m->evicts;
	ok(s.full && s.fruitless == 100, "room is wanted, and tried for again in a moment");
	is_int(evicts, 2, "a few are spared, and then all");
	is_int(tracked_objects(&s.tracked), 96, "and kept");
	steps();
	is_int(m->evicts, evicts + 2, "tried again at the next step");
	is_int(store_step(&s, now), now + 400, "which is later each time");
	steps();
	is_int(store_step(&s, now), now + 1000, "up to a second");
	for (i = 0; i < MODEL_SLOTS; i++)
		m->slot[i].pinned = false;
	steps();
	is_int(m->used, 890000, "then they may leave, until less than the low one is used");
	ok(agrees(), "which is known");
	end();
}

/* Objects are used faster than it is told. */
static void restless(void)
{
	struct choice c = policy("fifo");
	int i;

	begin("lru");
	for (i = 0; i < 94; i++)
		model_put(m, i, 10000);
	m->restless = true;
	is_int(store_step(&s, now), 0, "there is more");
	is_int(m->evicts, 0, "but room");
	model_put(m, i, 10000);
	store_step(&s, now);
	is_int(m->used, 890000, "at the high watermark room is made all the same");
	m->slot[model_put(m, 100, 60000)].pinned = true;
	m->slot[10].pinned = true;
	store_step(&s, now);
	store_step(&s, now);
	ok(m->used < 900000 && m->slot[10].there, "again and again");
	is_int(s.tracked.nr_chosen, 2, "what was spared, and what left but now, is on hold");
	is_int(tracked_objects(&s.tracked), m->objects + 1, "but known");
	store_choose(&s, &c, 10000);
	is_int(s.tracked.nr_chosen, 0, "for another policy it is given back");
	m->restless = false;
	steps();
	ok(agrees(), "all is known in the end");
	end();

	begin("lru");
	model_batch = 1;
	m->restless = true;
	for (i = 0; i < 96; i++)
		model_put(m, i, 10000);
	store_step(&s, now);
	store_step(&s, now);
	is_int(m->evicts, 0, "nobody is named while few are known");
	store_step(&s, now);
	is_int(m->evicts, 1, "and before all are, if more than is to stay");
	end();
}

/* A victim is used just then: the kernel spares it and says so in the next drain. */
static void used_meanwhile(void)
{
	struct zc_policy_victim v[VICTIMS_MAX];
	struct zc_policy_record r;
	uint32_t slot;

	begin("fifo");
	slot = model_put(m, 1, 100);
	model_put(m, 2, 100);
	steps();
	is_int(tracked_choose(&s.tracked, 1, v), 1, "a victim");
	is_int(v[0].slot, slot, "the oldest");
	is_int(tracked_objects(&s.tracked), 2, "is known all the same");
	r = (struct zc_policy_record){ .generation = v[0].generation, .slot = slot,
				       .what = ZC_POLICY_TOUCHED, .uses = 1 };
	is_int(tracked_record(&s.tracked, &r), 0, "it was used");
	is_int(tracked_settle(&s.tracked), 0, "it stays");
	is_int(s.tracked.zp.objects, 2, "in the policy");

	is_int(tracked_choose(&s.tracked, 1, v), 1, "another victim");
	r.slot = v[0].slot;
	r.generation = v[0].generation + 100;
	r.what = ZC_POLICY_NEW;
	r.id = 3;
	r.charge = 300;
	is_int(tracked_record(&s.tracked, &r), 0, "left, and another is there already");
	is_int(tracked_settle(&s.tracked), 0, "that one is no victim");
	is_int(s.tracked.zp.used, 400, "and the old one is forgotten");
	r.generation--;
	is_int(tracked_record(&s.tracked, &r), 0, "old news");
	r.generation++;
	r.charge = 999;
	is_int(tracked_record(&s.tracked, &r), 0, "news that are known");
	r.generation++;
	r.what = ZC_POLICY_GONE;
	is_int(tracked_record(&s.tracked, &r), 0, "and another one's end");
	is_int(s.tracked.zp.used, 400, "change nothing");
	end();
}

/* What is told anew keeps its place, here that of LRU, and what is not told is forgotten. */
static void resync(void)
{
	struct zc_policy_record r = { .generation = 1000, .id = 1, .charge = 100, .slot = 5,
				      .what = ZC_POLICY_NEW };
	struct zc_policy_victim v[VICTIMS_MAX];
	uint32_t slot[6];
	int i;

	begin("lru");
	for (i = 0; i < 5; i++)
		slot[i] = model_put(m, i, 100);
	steps();
	model_touch(m, slot[0]);
	steps();
	model_touch(m, slot[1]);
	model_remove(m, slot[2], ZC_POLICY_GONE_OTHER);
	slot[5] = model_put(m, 5, 100);
	model_overflow(m);
	model_batch = 2;
	steps();
	ok(agrees() && s.resyncs == 2, "all is told anew, and known");
	is_int(tracked_choose(&s.tracked, 500, v), 5, "in the order of their uses");
	ok(v[0].slot == slot[3] && v[1].slot == slot[4] && v[2].slot == slot[0] &&
	   v[3].slot == slot[1] && v[4].slot == slot[5],
	   "is what was there before, and then what is new");
	tracked_settle(&s.tracked);

	is_int(tracked_record(&s.tracked, &r), 0, "an object");
	is_int(tracked_resync(&s.tracked), 0, "all is told anew");
	is_int(s.tracked.unseen, 600, "nothing is sure");
	is_int(tracked_choose(&s.tracked, 1, v), 0, "so nobody is named");
	is_int(s.tracked.zp.objects, 0, "and who would be is forgotten");
	is_int(tracked_record(&s.tracked, &r), 0, "told again");
	is_int(s.tracked.zp.objects, 1, "it is there");
	is_int(tracked_resync(&s.tracked), 0, "once more");
	r.id = 2;
	is_int(tracked_record(&s.tracked, &r), 0, "another store's of the same generation");
	is_int(zp_entry(&s.tracked.zp, s.tracked.ref[5])->id, 2, "is another object");
	is_int(tracked_resync(&s.tracked), 0, "and again");
	r.generation = 7;
	is_int(tracked_record(&s.tracked, &r), 0, "and of a lower one");
	tracked_sweep(&s.tracked);
	is_int(s.tracked.zp.objects, 1, "is there");
	is_int(s.tracked.generation[5], 7, "as it is told");
	is_int(tracked_resync(&s.tracked), 0, "at last");
	tracked_sweep(&s.tracked);
	is_int(tracked_objects(&s.tracked), 0, "nothing is told, and nothing left");
	is_int(s.tracked.unseen, 0, "nor expected");
	end();
}

static void refused(void)
{
	struct choice c = policy("s3fifo");

	m = model_new("web", CAPACITY);
	c.options.large_main = false;
	store_begin(&s, &nlc, "web", &c, 10000);
	model_put(m, 1, 1000);
	model_put(m, 2, 500000);
	steps();
	is_int(m->used, 1000, "an object that the policy does not want leaves at once");
	is_int(m->evicts, 1, "by one call");
	ok(agrees(), "which is known");
	m->slot[model_put(m, 3, 500000)].pinned = true;
	steps();
	is_int(tracked_objects(&s.tracked), 2, "unless it is in use");
	ok(agrees(), "it is known then");
	end();
}

static int count_ids(uint64_t from, uint64_t to)
{
	int i, n = 0;

	for (i = 0; i < MODEL_SLOTS; i++)
		n += m->slot[i].there && m->slot[i].id >= from && m->slot[i].id < to;
	return n;
}

/* What was used often stays, and what came but now leaves, if room is wanted. */
static void admission(void)
{
	struct choice c = policy("lru");
	int i;

	m = model_new("web", CAPACITY);
	c.options.frequency = true;
	store_begin(&s, &nlc, "web", &c, 10000);
	for (i = 0; i < 80; i++)
		model_touch(m, model_put(m, i, 10000));
	for (i = 0; i < 14; i++)
		model_put(m, 1000 + i, 10000);
	steps();
	is_int(m->evicts, 0, "with room all are let in");
	model_put(m, 1014, 10000);
	steps();
	is_int(m->used, 890000, "room is made");
	is_int(count_ids(0, 80), 80, "not of what was used twice");
	is_int(count_ids(1005, 1011), 0, "but of what was used once, and is new");
	ok(agrees(), "which is known");
	model_touch(m, model_put(m, 1005, 10000));
	for (i = 0; i < 5; i++)
		model_put(m, 2000 + i, 10000);
	steps();
	is_int(m->used, 890000, "again");
	is_int(count_ids(0, 80), 79, "this time one of the others leaves");
	is_int(count_ids(1005, 1006), 1, "for what was used more often, though it had left");
	ok(agrees(), "which is known, too");
	end();

	m = model_new("web", CAPACITY);
	c.options.frequency = false;
	c.options.admit_size = 5000;
	store_begin(&s, &nlc, "web", &c, 10000);
	model_put(m, 1, 5000);
	model_put(m, 2, 5001);
	steps();
	is_int(m->used, 5000, "what is larger than it may be leaves at once");
	c.options.admit_size = 0;
	store_choose(&s, &c, 10000);
	model_put(m, 3, 5001);
	steps();
	is_int(m->used, 10001, "until it may be");
	ok(agrees(), "which is known as well");
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
	watermarks();
	expired();
	all_in_use();
	restless();
	used_meanwhile();
	resync();
	refused();
	admission();
	switching();
	for (i = 0; zp_all[i]; i++)
		random_operations(zp_all[i]->name, 1 + i);
	memory();
	return tap_end();
}
