// SPDX-License-Identifier: GPL-2.0-only
/*
 * The threshold that follows what sends take, against a model of the kernel whose sends
 * have a cost by their way.
 */
#include <errno.h>

#include "fake_policy.h"
#include "nl.h"
#include "said.h"
#include "stores.h"
#include "tap.h"
#include "threshold.h"

#define SECOND 1000ull
#define HOUR (3600 * SECOND)
#define SENDS 5000		/* in ten seconds */

static const struct threshold_choice adaptive = { .mode = THRESHOLD_ADAPTIVE };

static struct nlc nlc = { .family = 99 };
static struct threshold t;
static struct model *m;
static uint64_t now, seed;
/* Nanoseconds of a send by reference, and of a KiB that is copied. */
static uint64_t by_reference, by_copy;
static unsigned int noise;	/* percent from one ten seconds to the next */
static int changes, looks;	/* of the best one; of all */

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) * n >> 31;
}

static void count(uint64_t ns)
{
	size_t i = 0;

	while (i < MODEL_BUCKETS - 1 && ns >= latency_bound(i))
		i++;
	m->took[i]++;
}

/* Ten seconds of objects from 2 to 100 KiB, and how long their sends take, more or less. */
static void serve(int sends)
{
	static const uint64_t kib[] = { 2, 6, 12, 24, 48, 100 };
	uint64_t level = 100 - noise + (noise ? chance(2 * noise) : 0), cost;
	int i;

	for (i = 0; i < sends; i++) {
		uint64_t size = kib[chance(6)];

		if (size << 10 >= m->splice_threshold) {
			m->more[ZC_C_SPLICED_BYTES] += size << 10;
			cost = by_reference;
		} else {
			m->more[ZC_C_COPIED_BYTES] += size << 10;
			cost = by_copy * size;
		}
		count((1000 + cost) * (50 + chance(100)) / 100 * level / 100);
	}
}

static void run(uint64_t hours, int sends)
{
	uint64_t end = now + hours * HOUR, best = t.at;

	for (; now < end; now += 10 * SECOND) {
		uint64_t set = m->splice_threshold;

		/* While nobody looks, few: they may not count, and are most of the time. */
		serve(now >= t.due ? sends : sends / 100);
		threshold_step(&t, &nlc, "web", now);
		looks += m->splice_threshold != set;
		changes += best && t.at != best;
		best = t.at;
	}
}

static void begin(uint64_t reference, uint64_t copy, uint64_t threshold)
{
	m = model_new("web", 1 << 30);
	m->splice_threshold = threshold;
	by_reference = reference;
	by_copy = copy;
	noise = 0;
	seed = 1;
	changes = looks = 0;
	t = (struct threshold){ 0 };
	threshold_choose(&t, &nlc, "web", adaptive);
}

static void end(void)
{
	threshold_choose(&t, &nlc, "web", (struct threshold_choice){ .mode = THRESHOLD_KEEP });
	model_del(m);
}

/* Where 24 KiB are copied as fast as passed, and more are not. */
static void converges(void)
{
	begin(9000, 250, 4096);
	run(1, SENDS);
	is_int(t.at, 32768, "from below it comes to where copies are not dearer");
	is_int(changes, 3, "a step at a time");
	changes = 0;
	run(100, SENDS);
	is_int(t.at, 32768, "and stays there");
	is_int(changes, 0, "for good");
	looks = 0;
	run(100, SENDS);
	ok(looks > 100 && looks < 220, "which is tried once an hour");
	by_reference = 500;
	changes = 0;
	run(10, SENDS);
	is_int(t.at, 4096, "what becomes cheap is followed");
	is_int(changes, 3, "a step at a time");
	end();

	begin(9000, 250, 1 << 20);
	threshold_step(&t, &nlc, "web", now);
	is_int(m->splice_threshold, THRESHOLD_MAX, "what is out of the range is set to its end");
	run(4, SENDS);
	is_int(t.at, 32768, "from above it comes there, too");
	end();
	begin(1000000, 1, 4096);
	run(4, SENDS);
	is_int(t.at, THRESHOLD_MAX, "however dear, it stays in the range");
	end();
}

static void stable(void)
{
	begin(4000, 0, 16384);
	by_copy = 0;
	by_reference = 0;
	run(100, SENDS);
	is_int(t.at, 16384, "without a difference it stays");
	is_int(changes, 0, "all the time");
	end();

	begin(0, 0, 16384);
	noise = 30;
	run(1000, SENDS);
	is_int(changes, 0, "as it does in a thousand hours of noise");
	end();

	begin(9000, 250, 16384);
	run(100, 10);
	is_int(changes, 0, "who sends little tells nothing");
	end();
}

/* A trial of which nothing remains. */
static void others(void)
{
	begin(9000, 250, 4096);
	run(1, SENDS);
	m->splice_threshold = 8192;
	run(0, 0);
	threshold_step(&t, &nlc, "web", now += HOUR);
	is_int(t.at, 8192, "what somebody else has set is where it begins");
	while (t.phase != THRESHOLD_DURING) {
		serve(SENDS);
		threshold_step(&t, &nlc, "web", now += 10 * SECOND);
	}
	is_int(m->splice_threshold, 16384, "a trial");
	threshold_choose(&t, &nlc, "web", adaptive);
	is_int(m->splice_threshold, 16384, "goes on if nothing is changed");
	threshold_choose(&t, &nlc, "web", (struct threshold_choice){ .mode = THRESHOLD_KEEP });
	is_int(m->splice_threshold, 8192, "and ends with the mode");
	run(10, SENDS);
	is_int(m->splice_threshold, 8192, "then nothing is tried");
	threshold_choose(&t, &nlc, "web",
			 (struct threshold_choice){ .mode = THRESHOLD_FIXED, .bytes = 70000 });
	model_fail = 2;
	model_error = ENOMEM;
	threshold_step(&t, &nlc, "web", now);
	is_str(said, "store web: cannot set its threshold, trying again: Cannot allocate memory (ENOMEM)",
	       "what cannot be set is told");
	said[0] = '\0';
	threshold_step(&t, &nlc, "web", now += 10 * SECOND);
	is_str(said, "", "once");
	threshold_step(&t, &nlc, "web", now += 10 * SECOND);
	is_int(m->splice_threshold, 70000, "and set later");
	m->splice_threshold = 1;
	threshold_step(&t, &nlc, "web", now += HOUR);
	is_int(m->splice_threshold, 1, "but not again and again");
	end();
}

/* The kernel has what was to be, sooner or later, and no trial counts that was disturbed. */
static void errors(void)
{
	uint64_t deadline = now + 500 * HOUR;

	begin(9000, 250, 4096);
	while (now < deadline && t.at != 32768) {
		serve(SENDS);
		model_fail = chance(4) == 0;
		model_error = EIO;
		threshold_step(&t, &nlc, "web", now += 10 * SECOND);
	}
	model_fail = 0;
	is_int(t.at, 32768, "errors only make it slow");
	while (t.phase != THRESHOLD_BEFORE) {
		serve(SENDS);
		threshold_step(&t, &nlc, "web", now += 10 * SECOND);
	}
	is_int(m->splice_threshold, 32768, "and leave nothing behind");
	end();
}

int main(void)
{
	converges();
	stable();
	others();
	errors();
	return tap_end();
}
