// SPDX-License-Identifier: GPL-2.0-only
/* Who leaves a store that the daemon owns, and when. */
#include "daemon_store.h"

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

static int drains_then;

static void at_eviction(struct model *model)
{
	drains_then = model->drains;
}

/* Objects are used faster than it is told. */
static void restless(void)
{
	struct choice c = policy("fifo");
	int i, drains;

	begin("lru");
	for (i = 0; i < 94; i++)
		model_put(m, i, 10000);
	m->restless = true;
	is_int(store_step(&s, now), 0, "there is more");
	is_int(m->evicts, 0, "but room");
	model_put(m, i, 10000);
	drains = m->drains;
	model_evicted = at_eviction;
	store_step(&s, now);
	model_evicted = NULL;
	is_int(m->used, 890000, "at the high watermark room is made all the same");
	is_int(drains_then, drains + 1, "before more is drained");
	m->slot[model_put(m, 100, 60000)].pinned = true;
	m->slot[10].pinned = true;
	store_step(&s, now);
	store_step(&s, now);
	ok(m->used < 900000 && m->slot[10].there, "again and again");
	is_int(s.tracked.nr_chosen, 2, "what was spared, and what left but now, is on hold");
	is_int(tracked_objects(&s.tracked), m->objects, "and what is there is known");
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

static void put_one(struct model *model)
{
	model_put(model, 1000 + model->evicts, 10000);
}

/* Somebody goes on writing: room is made from the high watermark on, not all the time. */
static void writer(void)
{
	int i;

	begin("lru");
	for (i = 0; i < 95; i++)
		model_put(m, i, 10000);
	model_evicted = put_one;
	steps();
	is_int(m->evicts, 1, "what comes after an eviction does not cause another one");
	is_int(m->used, 900000, "though it is more than the low watermark");
	for (i = 0; i < 5; i++)
		model_put(m, 2000 + i, 10000);
	steps();
	is_int(m->evicts, 2, "until the high one is reached");
	model_evicted = NULL;
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

/* Those that have to stay do not keep others from being named. */
static void refused_many(void)
{
	const struct zp_options o = { .capacity = 1 << 30, .a = -1, .large_main = true,
				      .admit_size = 1000 };
	struct zc_policy_record r = { .charge = 5000, .what = ZC_POLICY_NEW };
	static struct zc_policy_victim v[VICTIMS_MAX];
	struct tracked t = { 0 };

	is_int(tracked_begin(&t, zp_find("gdsf2"), &o), 0, "a policy");
	for (r.slot = 0; r.slot < VICTIMS_MAX + 100; r.slot++) {
		r.id = ++r.generation;
		if (tracked_record(&t, &r))
			break;
	}
	is_int(t.nr_refused, VICTIMS_MAX + 100, "objects that are too large for it");
	is_int(tracked_unwanted(&t, v), VICTIMS_MAX, "are named, as many as can be");
	is_int(v[0].slot, 0, "the first ones");
	is_int(tracked_unwanted(&t, v), VICTIMS_MAX, "and as many the next time");
	is_int(v[0].slot, VICTIMS_MAX, "the others first");
	is_int(v[100].slot, 0, "and the first ones again");
	tracked_end(&t);
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
	r.what = ZC_POLICY_TOUCHED;
	r.uses = 1;
	is_int(tracked_record(&s.tracked, &r), 0, "a use may be told before its object");
	r.what = ZC_POLICY_NEW;
	r.uses = 0;
	is_int(s.tracked.unseen, 600, "of which that says nothing");
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
	store_begin(&s, &kernel_steer, &nlc, "web", &c, 10000);
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
	store_begin(&s, &kernel_steer, &nlc, "web", &c, 10000);
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
	store_begin(&s, &kernel_steer, &nlc, "web", &c, 10000);
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

int main(void)
{
	watermarks();
	expired();
	all_in_use();
	restless();
	writer();
	used_meanwhile();
	resync();
	refused_many();
	refused();
	admission();
	return tap_end();
}
