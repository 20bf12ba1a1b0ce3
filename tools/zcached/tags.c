// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <linux/zcache_netlink.h>

#include "nl.h"
#include "tags.h"

/* A look is worth at most this part of the time. */
#define PART 50
#define PAUSE_MIN 1000000000	/* ns */

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

static int take_tag(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_TAG_MAX + 1];
	struct top_tags *t = arg;
	struct tag tag;
	size_t i;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_TAG_MAX, tag_policy) || !a[ZCACHE_A_TAG_ID])
		return 0;
	t->all++;
	tag.id = u64_of(a[ZCACHE_A_TAG_ID]);
	tag.used = u64_of(a[ZCACHE_A_TAG_USED]);
	tag.objects = u64_of(a[ZCACHE_A_TAG_OBJECTS]);
	tag.hits = u64_of(a[ZCACHE_A_TAG_HITS]);
	tag.sent = u64_of(a[ZCACHE_A_TAG_SENT_BYTES]);
	for (i = t->n; i && above(&tag, &t->v[i - 1]); i--)
		if (i < TOP_TAGS)
			t->v[i] = t->v[i - 1];
	if (i == TOP_TAGS)
		return 0;
	t->v[i] = tag;
	t->n += t->n < TOP_TAGS;
	return 0;
}

int tags_update(struct nlc *nlc, const char *store, struct top_tags *t)
{
	uint64_t start = now_ns(), took;
	struct nl_msg *msg;
	int err;

	if (start < t->next)
		return 0;
	memset(t, 0, sizeof(*t));
	msg = nlc_msg(nlc, ZCACHE_CMD_TAG_GET, NLM_F_DUMP);
	if (msg && nla_put_string(msg, ZCACHE_A_TAG_STORE, store)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = nlc_call(nlc, msg, take_tag, t);
	took = now_ns() - start;
	t->next = start + (took * PART > PAUSE_MIN ? took * PART : PAUSE_MIN);
	return err;
}
