// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/zcache_netlink.h>

#include "nl.h"
#include "tags.h"

/* A look is worth at most this part of the time. */
#define PART 50
#define PAUSE_MIN 1000000000	/* ns */

/* So long at a time: a piece of some 200 tags takes much less. */
#define TURN 10000000		/* ns */

/**
 * struct tag_look - one that is under way
 * @nlc: a socket of its own, as a dump takes all of it
 * @seen: so far
 * @took: nanoseconds so far
 */
struct tag_look {
	struct nlc nlc;
	struct top_tags seen;
	uint64_t took;
};

static struct nla_policy tag_policy[ZCACHE_A_TAG_MAX + 1] = {
	[ZCACHE_A_TAG_ID] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_USED] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_OBJECTS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_HITS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_SENT_BYTES] = { .type = NLA_U64 },
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static uint64_t u64_of(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

/* The same order each time also among equals. */
static bool above(const struct tag *a, const struct tag *b)
{
	return a->hits != b->hits ? a->hits > b->hits : a->id < b->id;
}

static void take_tag(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_TAG_MAX + 1];
	struct top_tags *t = arg;
	struct tag tag;
	size_t i;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_TAG_MAX, tag_policy) || !a[ZCACHE_A_TAG_ID])
		return;
	tag.id = u64_of(a[ZCACHE_A_TAG_ID]);
	/* where tags come and go meanwhile the kernel begins anew */
	for (i = 0; i < t->n; i++)
		if (t->v[i].id == tag.id)
			return;
	t->all++;
	tag.used = u64_of(a[ZCACHE_A_TAG_USED]);
	tag.objects = u64_of(a[ZCACHE_A_TAG_OBJECTS]);
	tag.hits = u64_of(a[ZCACHE_A_TAG_HITS]);
	tag.sent = u64_of(a[ZCACHE_A_TAG_SENT_BYTES]);
	for (i = t->n; i && above(&tag, &t->v[i - 1]); i--)
		if (i < TOP_TAGS)
			t->v[i] = t->v[i - 1];
	if (i == TOP_TAGS)
		return;
	t->v[i] = tag;
	t->n += t->n < TOP_TAGS;
}

static int ask(struct nlc *nlc, const char *store)
{
	struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_TAG_GET, NLM_F_DUMP);

	if (msg && nla_put_string(msg, ZCACHE_A_TAG_STORE, store)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nlc_ask(nlc, msg);
}

static int begin(const char *store, struct top_tags *t)
{
	struct tag_look *look = calloc(1, sizeof(*look));
	int err;

	if (!look || nlc_open(&look->nlc)) {
		free(look);
		return -ENOMEM;
	}
	t->look = look;
	err = ask(&look->nlc, store);
	if (err)
		tags_end(t);
	return err;
}

static void finish(struct top_tags *t, bool good)
{
	uint64_t pause = t->look->took * PART;
	struct top_tags seen = t->look->seen;

	tags_end(t);
	if (good)
		*t = seen;
	t->next = now_ns() + (pause > PAUSE_MIN ? pause : PAUSE_MIN);
}

/* 1 if there is more. */
static int turn(struct top_tags *t)
{
	uint64_t start = now_ns(), took;
	int err;

	do {
		err = nlc_piece(&t->look->nlc, take_tag, &t->look->seen);
		took = now_ns() - start;
	} while (err == 1 && took < TURN);
	t->look->took += took;
	if (err != 1)
		finish(t, !err);
	return err;
}

int tags_update(const char *store, struct top_tags *t)
{
	int err;

	if (t->look || now_ns() < t->next)
		return 0;
	err = begin(store, t) ?: turn(t);
	return err < 0 ? err : 0;
}

bool tags_go_on(struct top_tags *t)
{
	return t->look && turn(t) == 1;
}

void tags_end(struct top_tags *t)
{
	if (!t->look)
		return;
	nlc_close(&t->look->nlc);
	free(t->look);
	t->look = NULL;
}
