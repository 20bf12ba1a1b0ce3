// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fail.h"
#include "store.h"

/* So many answers of at most 1000 records before other stores have their turn. */
#define ROUNDS 32

/* Each time that no victim leaves, so many times more are named (log2). */
#define TRIES 3
#define MORE 4

/* Milliseconds to the next step when one was in vain, twice as many each time. */
#define DELAY_MIN 100
#define FRUITLESS_MAX 1000
#define PAUSE_MAX 5000

const char *store_state_name(enum store_state state)
{
	static const char *const names[] = {
		[STORE_KERNEL] = "kernel", [STORE_OWNED] = "owned", [STORE_BUSY] = "busy",
		[STORE_FAILED] = "failed",
	};

	return names[state];
}

/* The store's words, if it had any. */
static const char *why(const struct managed *s, int err)
{
	const char *words = s->steer->words(s->at);
	static char text[400];

	snprintf(text, sizeof(text), "%s%s%s", words, words[0] ? ": " : "", error_name(err));
	return text;
}

/* All is told anew; what is known of those that are there still counts then. */
static void restart(struct managed *s)
{
	s->full = false;
	s->tries = 0;
	s->synced = false;
	s->anew = false;
}

static void forget(struct managed *s)
{
	tracked_end(&s->tracked);
	restart(s);
}

static uint64_t longer(uint64_t delay, uint64_t max)
{
	delay = delay ? delay * 2 : DELAY_MIN;
	return delay < max ? delay : max;
}

/* A moment later it may be otherwise. */
static bool passes(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -ENOBUFS || err == -EIO ||
	       err == -ETIMEDOUT || err == -EPROTO;
}

/* Not owned: whether to try again soon, and when the next step says. */
static void refused(struct managed *s, int err)
{
	s->passes = passes(err);
	s->pause = longer(s->pause, PAUSE_MAX);
	s->wait = 0;	/* the next step knows the time */
}

static void own(struct managed *s)
{
	enum store_state before = s->state;
	int err = s->steer->own(s->at, s->name, s->choice.ops->name, s->watchdog);

	restart(s);
	s->wait = 0;
	if (err) {
		forget(s);
		refused(s, err);
	}
	s->state = !err ? STORE_OWNED : err == -EBUSY ? STORE_BUSY : STORE_FAILED;
	if (!err)
		note("store %s: its policy is %s now", s->name, s->choice.ops->name);
	else if (before == STORE_OWNED && err == -EBUSY)
		note("store %s: another process took its policy; waiting for it to end", s->name);
	else if (s->state != before && err == -EBUSY)
		note("store %s: another process owns its policy; waiting for it to end: %s",
		     s->name, why(s, err));
	else if (s->state != before)
		note("store %s: cannot own its policy, trying again: %s", s->name, why(s, err));
}

/* What the kernel told may be lost, so it must tell all anew, to a new owner. */
static void lose(struct managed *s, int err)
{
	forget(s);
	refused(s, err);
	s->state = STORE_FAILED;
	/* that the store is gone is told elsewhere */
	if (err == -ENOENT)
		return;
	note("store %s: lost its policy, trying again: %s", s->name, why(s, err));
	s->steer->release(s->at, s->name);
}

/* When there is something to be done for a store that is not ours. */
static uint64_t rest(struct managed *s, uint64_t now)
{
	if (s->state != STORE_FAILED || !s->passes)
		return STORE_IDLE;
	if (!s->wait)
		s->wait = now + s->pause;
	return s->wait;
}

static uint64_t trouble(struct managed *s, int err, uint64_t now)
{
	bool anew = s->anew;

	if (err == -EPERM) {
		own(s);
	} else if (passes(err)) {
		if (!s->pause)
			note("store %s: trying again in a moment: %s", s->name, why(s, err));
		/* half of a record may have been taken in, and this makes room */
		if (anew && err == -ENOMEM)
			forget(s);
		s->anew = anew;
	} else {
		lose(s, err);
	}
	if (s->state != STORE_OWNED)
		return rest(s, now);
	s->pause = longer(s->pause, PAUSE_MAX);
	s->wait = now + s->pause;
	return s->wait;
}

void store_begin(struct managed *s, const struct steer *steer, void *at, const char *name,
		 const struct choice *c, uint32_t watchdog)
{
	memset(s, 0, sizeof(*s));
	s->steer = steer;
	s->at = at;
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->choice = *c;
	s->watchdog = watchdog;
	if (c->ops)
		own(s);
}

void store_end(struct managed *s)
{
	if (s->state == STORE_OWNED)
		s->steer->release(s->at, s->name);
	forget(s);
	s->state = STORE_KERNEL;
}

static bool same(const struct choice *a, const struct choice *b)
{
	return a->ops == b->ops && a->options.goal == b->options.goal &&
	       a->options.a == b->options.a && a->options.large_main == b->options.large_main &&
	       a->options.frequency == b->options.frequency &&
	       a->options.admit_size == b->options.admit_size;
}

void store_choose(struct managed *s, const struct choice *c, uint32_t watchdog)
{
	struct zp_options options = c->options;
	bool renamed = c->ops != s->choice.ops || watchdog != s->watchdog;
	int err = 0;

	if (same(c, &s->choice) && !renamed)
		return;
	s->choice = *c;
	s->watchdog = watchdog;
	if (!c->ops) {
		store_end(s);
		note("store %s: its policy is left to %s", s->name, s->steer->alone);
		return;
	}
	if (s->state != STORE_OWNED) {
		own(s);
		return;
	}
	if (s->tracked.begun) {
		options.capacity = s->tracked.zp.options.capacity;
		err = tracked_switch(&s->tracked, c->ops, &options);
	}
	if (!err && renamed)
		err = s->steer->own(s->at, s->name, c->ops->name, watchdog);
	if (err)
		lose(s, err);
	else
		note("store %s: its policy is %s now", s->name, c->ops->name);
}

void store_retry(struct managed *s)
{
	if (s->state == STORE_BUSY || s->state == STORE_FAILED)
		own(s);
}

struct drain {
	struct drained d;
	struct managed *s;
};

static int begin(void *arg)
{
	struct drain *drain = arg;
	struct managed *s = drain->s;
	struct zp_options options = s->choice.options;

	options.capacity = drain->d.capacity;
	s->resyncs++;
	s->synced = false;
	return s->tracked.begun ? tracked_resync(&s->tracked) :
	       tracked_begin(&s->tracked, s->choice.ops, &options);
}

/* The kernel says "resync" before its first record. */
static int record(const struct zc_policy_record *r, void *arg)
{
	struct drain *drain = arg;

	return drain->s->tracked.begun ? tracked_record(&drain->s->tracked, r) : -EPROTO;
}

/*
 * 1 if there is more. An answer that the kernel could not send it tells anew by itself;
 * of one that was lost on the way, or not taken in to its end, it knows nothing.
 */
static int drain(struct managed *s)
{
	struct drain drain = { .d = { .fn = record, .begin = begin, .arg = &drain }, .s = s };
	int err = s->steer->drain(s->at, s->name, &drain.d);

	if (!err && !s->tracked.begun)
		err = -EPROTO;
	if (err) {
		s->anew = drain.d.told || err == -EIO || err == -ETIMEDOUT;
		return err;
	}
	s->pause = 0;
	s->used = drain.d.used;
	s->high = drain.d.high;
	s->low = drain.d.low;
	if (s->tracked.zp.options.capacity != drain.d.capacity)
		zp_resize(&s->tracked.zp, drain.d.capacity);
	return drain.d.more;
}

/* The kernel thinks of pressure until less than the low watermark is used. */
static uint64_t target_of(const struct managed *s)
{
	return s->low > 1 ? s->low - 1 : s->low;
}

/*
 * Who has expired goes before all others. When that is, the kernel knows, which keeps it
 * for a while for those who ask for such. 1 if some left.
 */
static int sweep(struct managed *s, uint64_t target)
{
	struct evicted e;
	int err;

	err = s->steer->evict_expired(s->at, s->name, target, &e);
	/* there may be more: not all of them leave at once */
	s->swept = !e.evicted;
	if (e.evicted)
		s->fruitless = 0;
	return passes(err) ? 0 : err ?: e.evicted > 0;
}

/* 1 if some were named; what became of each is drained. */
static int evict(struct managed *s, bool unwanted)
{
	struct zc_policy_victim victims[VICTIMS_MAX];
	uint64_t target = target_of(s);
	struct evicted e;
	bool all = true;
	size_t n = 0;
	int err;

	if (unwanted && !s->tries)
		n = tracked_unwanted(&s->tracked, victims);
	if (!n) {
		s->full = s->used > target && (s->full || s->used >= s->high);
		if (!s->full || s->tries == TRIES)
			return 0;
		err = s->swept ? 0 : sweep(s, target);
		if (err)
			return err;
		n = tracked_choose(&s->tracked, (s->used - target) << s->tries * MORE, victims);
		all = false;
	}
	if (!n)
		return 0;
	err = s->steer->evict(s->at, s->name, victims, n, all ? NULL : &target, &e);
	s->spared += e.spared;
	s->tries = e.evicted ? 0 : !all && !s->tracked.zp.objects ? TRIES : s->tries + 1;
	if (e.evicted)
		s->fruitless = 0;
	/* what came meanwhile may wait for the high watermark, or we would chase who writes */
	if (!err && e.used <= target)
		s->full = false;
	/* those that left are drained; what could not be done now is done in the next step */
	return passes(err) ? 0 : err ?: 1;
}

/*
 * Where objects are used all the time no drain may tell all, and that is when room is
 * wanted: who was used since stays anyway. Those that the policy does not want are not
 * named again and again meanwhile.
 */
static int evict_amid(struct managed *s)
{
	if (s->tracked.zp.used - s->tracked.unseen >= s->low)
		s->synced = true;
	return s->synced ? evict(s, false) : 0;
}

uint64_t store_step(struct managed *s, uint64_t now)
{
	int i, more = 1, err = 0;

	if (s->state != STORE_OWNED) {
		if (rest(s, now) > now)
			return rest(s, now);
		own(s);
	}
	if (s->state == STORE_OWNED && now < s->wait)
		return s->wait;
	if (s->anew) {
		/* to whom owns it already nothing is told anew */
		err = s->steer->release(s->at, s->name);
		if (err && err != -EPERM && err != -ENOENT)
			return trouble(s, err, now);
		err = 0;
		own(s);
	}
	if (s->state != STORE_OWNED)
		return rest(s, now);
	s->tries = 0;
	s->swept = false;
	for (i = 0; i < ROUNDS && more > 0; i++) {
		more = drain(s);
		if (more > 0 && s->synced && s->used >= s->high)
			err = evict(s, false);
		if (err < 0)
			return trouble(s, err, now);
		if (more)
			continue;
		s->synced = true;
		tracked_sweep(&s->tracked);
		more = tracked_settle(&s->tracked);
		s->anew = more;
		if (!more)
			more = evict(s, true);
	}
	if (more > 0)
		err = evict_amid(s);
	if (more < 0 || err < 0)
		return trouble(s, more < 0 ? more : err, now);
	if (more)
		return 0;
	if (!s->full)
		return STORE_IDLE;
	s->fruitless = longer(s->fruitless, FRUITLESS_MAX);
	return now + s->fruitless;
}
