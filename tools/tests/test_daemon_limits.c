// SPDX-License-Identifier: GPL-2.0-only
/* The limits of tags, against a model of the kernel. */
#include <errno.h>
#include <inttypes.h>

#include "fake_policy.h"
#include "limit.h"
#include "nl.h"
#include "said.h"
#include "tap.h"

static struct nlc nlc = { .family = 99 };
static struct limits l;
static struct model *m;

#define SET(...) do { \
	const struct limit want[] = { __VA_ARGS__ }; \
\
	limits_set(&l, &nlc, "web", want, sizeof(want) / sizeof(want[0])); \
} while (0)

/* "TAG QUOTA FLOOR, ..." as the kernel has them */
static const char *has(void)
{
	static char text[256];
	size_t i, n = 0;

	text[0] = '\0';
	for (i = 0; i < m->nr_tags; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%" PRIu64 " %" PRIu64 " %" PRIu64,
			      i ? ", " : "", m->tag[i].id, m->tag[i].quota, m->tag[i].floor);
	return text;
}

/* Some floors can be raised only when others are lower, whatever their order. */
static void order(void)
{
	m = model_new("web", 1000);
	SET({ 1, 0, 400 }, { 2, 500, 500 }, { 3, 7, 0 });
	is_str(has(), "1 0 400, 2 500 500, 3 7 0", "limits");
	ok(!l.due, "are set");
	SET({ 1, 0, 600 }, { 2, 0, 300 }, { 4, 0, 100 });
	is_str(has(), "1 0 600, 2 0 300, 4 0 100", "one raised, one lowered, one new, one gone");
	ok(!l.due && l.n == 3, "are as they are to be");
	is_int(m->limits, 8, "by one call each, and one more");
	limits_set(&l, &nlc, "web", NULL, 0);
	is_str(has(), "", "none is wanted");
	is_int(l.n, 0, "and none is left");
	model_del(m);
}

static void refused(void)
{
	m = model_new("web", 1000);
	SET({ 1, 0, 600 }, { 2, 0, 600 }, { 3, 9, 0 });
	is_str(has(), "1 0 600, 3 9 0", "more than there is");
	is_str(said, "store web: cannot set the limits of tag 2, trying again: the floors are too high: No space left on device (ENOSPC)",
	       "is told");
	ok(l.due, "and due");
	said[0] = '\0';
	m->capacity = 2000;
	SET({ 1, 0, 600 }, { 2, 0, 600 }, { 3, 9, 0 });
	is_str(said, "", "but once");
	is_str(has(), "1 0 600, 3 9 0, 2 0 600", "later there is room");
	ok(!l.due, "and all is done");
	model_fail = 1;
	model_error = ENOMEM;
	SET({ 1, 0, 600 }, { 3, 9, 0 });
	is_str(said, "store web: cannot set the limits of tag 2, trying again: Cannot allocate memory (ENOMEM)",
	       "what cannot be taken back");
	ok(l.due && l.n == 3, "is ours still");
	SET({ 1, 0, 600 }, { 3, 9, 0 });
	is_str(has(), "1 0 600, 3 9 0", "and is tried again");
	ok(!l.due && l.n == 2, "until it is done");
	model_del(m);
}

int main(void)
{
	order();
	refused();
	limits_end(&l);
	return tap_end();
}
