// SPDX-License-Identifier: GPL-2.0-only
/*
 * A trial is three looks at what sends take: as it is, with twice or half of the
 * threshold, and again as it was. All sends of a store are in one histogram, with
 * whatever else makes them fast or slow, so the first and the last look have to agree,
 * and the bytes that change their way have to be seen, before a difference counts.
 */
#include <errno.h>
#include <stdlib.h>

#include <linux/zcache_netlink.h>

#include "fail.h"
#include "nl.h"
#include "stores.h"
#include "threshold.h"

/* Milliseconds. What sends take is looked at for so long, and for so many of them. */
#define LOOK 10000
#define SENDS_MIN 1000
#define LOOK_MAX 120000

/* Between two trials, twice as long after each that was in vain. */
#define REST_MIN 30000
#define REST_MAX 3600000

/* Until what cannot be set is tried again. */
#define RETRY 10000

/*
 * A send has to take less by this part, in so many trials in a row, and two looks at the
 * same may not differ by more: the buckets of the histogram double, and what is in them is
 * taken for their middle. Where looks differ by chance by 30 %, about one trial in ten is
 * taken for a gain, so one is not enough.
 */
#define GAIN 0.05
#define TIMES 4

/* Of the bytes, so many change their way in a trial that says something. */
#define MOVED 0.01

static uint64_t middle(size_t bucket, size_t n)
{
	uint64_t bound = latency_bound(bucket);

	return bucket + 1 == n ? bound / 2 : bound - bound / 4;
}

static struct threshold_sample sample_of(const struct store *s)
{
	struct threshold_sample sample = {
		.spliced = s->counter[ZC_C_SPLICED_BYTES],
		.copied = s->counter[ZC_C_COPIED_BYTES],
	};
	size_t i;

	for (i = 0; i < s->send_latency.n; i++) {
		sample.sends += s->send_latency.count[i];
		sample.ns += s->send_latency.count[i] * middle(i, s->send_latency.n);
	}
	return sample;
}

static void enter(struct threshold *t, enum threshold_phase phase, const struct store *s,
		  uint64_t now, uint64_t delay)
{
	t->phase = phase;
	t->from = sample_of(s);
	t->since = now;
	t->due = now + delay;
}

static uint64_t clamp(uint64_t bytes)
{
	return bytes < THRESHOLD_MIN ? THRESHOLD_MIN :
	       bytes > THRESHOLD_MAX ? THRESHOLD_MAX : bytes;
}

static void begin(struct threshold *t, const struct store *s, uint64_t now)
{
	t->begun = true;
	t->up = true;
	t->at = clamp(s->splice_threshold);
	t->gains = 0;
	t->rest = REST_MIN;
	enter(t, THRESHOLD_REST, s, now, LOOK);
}

/* Up or down, and the other way at the end of the range. */
static uint64_t other(struct threshold *t)
{
	if (clamp(t->up ? t->at * 2 : t->at / 2) == t->at)
		t->up = !t->up;
	return clamp(t->up ? t->at * 2 : t->at / 2);
}

static void judge(struct threshold *t, uint64_t tried)
{
	double before = t->cost[THRESHOLD_BEFORE], after = t->cost[THRESHOLD_AFTER];
	double low = before < after ? before : after, high = before + after - low;
	double moved = t->share[THRESHOLD_DURING] - t->share[THRESHOLD_BEFORE];

	/* if these differ, something else changed meanwhile, and nothing is known */
	if (high < low * (1 + GAIN) && (moved > MOVED || moved < -MOVED) &&
	    t->cost[THRESHOLD_DURING] < low * (1 - GAIN)) {
		t->rest = REST_MIN;
		if (++t->gains < TIMES)
			return;
		t->at = tried;
	} else {
		t->up = !t->up;
		t->rest = t->rest * 2 < REST_MAX ? t->rest * 2 : REST_MAX;
	}
	t->gains = 0;
}

/* Whether there were enough sends to know what one takes. */
static bool measure(struct threshold *t, const struct store *s)
{
	struct threshold_sample now = sample_of(s);
	uint64_t sends = now.sends - t->from.sends;
	uint64_t spliced = now.spliced - t->from.spliced;
	uint64_t bytes = spliced + now.copied - t->from.copied;

	if (sends < SENDS_MIN || !bytes)
		return false;
	t->cost[t->phase] = (double)(now.ns - t->from.ns) / sends;
	t->share[t->phase] = (double)spliced / bytes;
	return true;
}

/* Returns the threshold that the store is to have from now on. */
static uint64_t look(struct threshold *t, const struct store *s, uint64_t now)
{
	/* somebody else has set it, or this is another store */
	if (!t->begun || s->splice_threshold != t->set || sample_of(s).sends < t->from.sends) {
		begin(t, s, now);
		return t->at;
	}
	if (t->phase == THRESHOLD_REST) {
		enter(t, THRESHOLD_BEFORE, s, now, LOOK);
		return t->at;
	}
	if (!measure(t, s)) {
		if (now - t->since >= LOOK_MAX)
			enter(t, THRESHOLD_REST, s, now, t->rest);
		else
			t->due = now + LOOK;
		return t->phase == THRESHOLD_DURING ? t->set : t->at;
	}
	switch (t->phase) {
	case THRESHOLD_BEFORE:
		enter(t, THRESHOLD_DURING, s, now, LOOK);
		return other(t);
	case THRESHOLD_DURING:
		enter(t, THRESHOLD_AFTER, s, now, LOOK);
		return t->at;
	default:
		judge(t, clamp(t->up ? t->at * 2 : t->at / 2));
		enter(t, THRESHOLD_REST, s, now, t->rest);
		return t->at;
	}
}

static int set(struct threshold *t, struct nlc *nlc, const char *store, uint64_t bytes)
{
	struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_STORE_SET, 0);
	int err;

	if (msg && (nla_put_string(msg, ZCACHE_A_STORE_NAME, store) ||
		    nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, bytes))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = nlc_call(nlc, msg, NULL, NULL);
	if (err && !t->told)
		note("store %s: cannot set its threshold, trying again: %s%s%s", store,
		     nlc->sentence, nlc->sentence[0] ? ": " : "", error_name(err));
	t->told = err;
	if (!err)
		t->set = bytes;
	return err;
}

void threshold_choose(struct threshold *t, struct nlc *nlc, const char *store,
		      struct threshold_choice choice)
{
	bool same = choice.mode == THRESHOLD_ADAPTIVE && t->choice.mode == THRESHOLD_ADAPTIVE;

	if (same)
		return;
	/* what is only tried is not to stay */
	if (t->begun && t->set != t->at)
		set(t, nlc, store, t->at);
	*t = (struct threshold){ .choice = choice };
}

void threshold_step(struct threshold *t, struct nlc *nlc, const char *store, uint64_t now)
{
	struct stores stores = { 0 };
	uint64_t bytes;
	int err;

	if (t->choice.mode == THRESHOLD_KEEP || now < t->due)
		return;
	if (t->choice.mode == THRESHOLD_FIXED) {
		t->due = set(t, nlc, store, t->choice.bytes) ? now + RETRY : UINT64_MAX;
		return;
	}
	err = get_stores(nlc, store, &stores);
	if (!err) {
		bytes = look(t, &stores.v[0], now);
		if (bytes == stores.v[0].splice_threshold)
			t->set = bytes;
		else
			err = set(t, nlc, store, bytes);
	}
	/* what the kernel has is not what was to be looked at; the next look sets it */
	if (err) {
		t->phase = THRESHOLD_REST;
		t->due = now + RETRY;
	}
	free(stores.v);
}
