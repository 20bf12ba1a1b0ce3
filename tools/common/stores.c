// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache_netlink.h>

#include "fail.h"
#include "nl.h"
#include "stores.h"

/* A dump of so few messages is interrupted only while stores come and go. */
#define DUMP_TRIES 10

const struct counter counters[ZC_C_NR] = {
#define COUNTER(id, name, unit, sentence) { name, unit },
	ZC_COUNTERS(COUNTER)
#undef COUNTER
};

static const int counter_attr[ZC_C_NR] = {
#define ATTR(id, name, unit, sentence) ZCACHE_A_STATS_##id,
	ZC_COUNTERS(ATTR)
#undef ATTR
};

static struct nla_policy store_policy[ZCACHE_A_STORE_MAX + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_STRING, .maxlen = ZC_NAME_MAX + 1 },
	[ZCACHE_A_STORE_CAPACITY] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MAX_OBJECT_SIZE] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MAX_KEY_LEN] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_INLINE_LIMIT] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_SPLICE_THRESHOLD] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MODE] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_UID] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_GID] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_USED] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_OBJECTS] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_OPENS] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_STATS] = { .type = NLA_NESTED },
	[ZCACHE_A_STORE_COPY] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_DEFAULT_TTL] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_GRACE] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_HIGH_WATERMARK] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_LOW_WATERMARK] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_DATA] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_METADATA] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_PINNED] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_SEND_LATENCY] = { .type = NLA_UNSPEC },
	[ZCACHE_A_STORE_FILL_LATENCY] = { .type = NLA_UNSPEC },
	[ZCACHE_A_STORE_OBJECT_EVENTS] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_POLICY] = { .type = NLA_STRING, .maxlen = POLICY_ROOM },
};

static uint64_t u64_of(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

static uint32_t u32_of(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int parse_latency(struct nlattr *attr, struct latency *l)
{
	size_t len = attr ? nla_len(attr) : 0;

	if (len % sizeof(l->count[0]) || len > sizeof(l->count))
		return -EBADMSG;
	if (len)
		memcpy(l->count, nla_data(attr), len);
	l->n = len / sizeof(l->count[0]);
	return 0;
}

int parse_store(struct nlmsghdr *nlh, struct store *s)
{
	struct nlattr *a[ZCACHE_A_STORE_MAX + 1], *c[ZCACHE_A_STATS_MAX + 1];
	size_t i;

	memset(s, 0, sizeof(*s));
	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_STORE_MAX, store_policy) ||
	    !a[ZCACHE_A_STORE_NAME])
		return -EBADMSG;
	nla_strlcpy(s->name, a[ZCACHE_A_STORE_NAME], sizeof(s->name));
	if (a[ZCACHE_A_STORE_POLICY])
		nla_strlcpy(s->policy, a[ZCACHE_A_STORE_POLICY], sizeof(s->policy));
	s->capacity = u64_of(a[ZCACHE_A_STORE_CAPACITY]);
	s->max_object_size = u64_of(a[ZCACHE_A_STORE_MAX_OBJECT_SIZE]);
	s->splice_threshold = u64_of(a[ZCACHE_A_STORE_SPLICE_THRESHOLD]);
	s->default_ttl = u64_of(a[ZCACHE_A_STORE_DEFAULT_TTL]);
	s->used = u64_of(a[ZCACHE_A_STORE_USED]);
	s->data = u64_of(a[ZCACHE_A_STORE_DATA]);
	s->metadata = u64_of(a[ZCACHE_A_STORE_METADATA]);
	s->pinned = u64_of(a[ZCACHE_A_STORE_PINNED]);
	s->objects = u64_of(a[ZCACHE_A_STORE_OBJECTS]);
	s->max_key_len = u32_of(a[ZCACHE_A_STORE_MAX_KEY_LEN]);
	s->inline_limit = u32_of(a[ZCACHE_A_STORE_INLINE_LIMIT]);
	s->copy = u32_of(a[ZCACHE_A_STORE_COPY]);
	s->grace = u32_of(a[ZCACHE_A_STORE_GRACE]);
	s->high_watermark = u32_of(a[ZCACHE_A_STORE_HIGH_WATERMARK]);
	s->low_watermark = u32_of(a[ZCACHE_A_STORE_LOW_WATERMARK]);
	s->mode = u32_of(a[ZCACHE_A_STORE_MODE]);
	s->uid = u32_of(a[ZCACHE_A_STORE_UID]);
	s->gid = u32_of(a[ZCACHE_A_STORE_GID]);
	s->opens = u32_of(a[ZCACHE_A_STORE_OPENS]);
	s->object_events = u32_of(a[ZCACHE_A_STORE_OBJECT_EVENTS]);
	if (parse_latency(a[ZCACHE_A_STORE_SEND_LATENCY], &s->send_latency) ||
	    parse_latency(a[ZCACHE_A_STORE_FILL_LATENCY], &s->fill_latency))
		return -EBADMSG;
	if (!a[ZCACHE_A_STORE_STATS])
		return 0;
	if (nla_parse_nested(c, ZCACHE_A_STATS_MAX, a[ZCACHE_A_STORE_STATS], NULL))
		return -EBADMSG;
	for (i = 0; i < ZC_C_NR; i++)
		s->counter[i] = u64_of(c[counter_attr[i]]);
	return 0;
}

static int add_store(struct nlmsghdr *nlh, void *arg)
{
	struct stores *stores = arg;
	struct store *v = realloc(stores->v, (stores->n + 1) * sizeof(*v));

	if (!v) {
		stores->err = -ENOMEM;
		return 1;
	}
	stores->v = v;
	stores->err = parse_store(nlh, &v[stores->n]);
	if (stores->err)
		return 1;
	stores->n++;
	return 0;
}

int get_stores(struct nlc *nlc, const char *name, struct stores *stores)
{
	int tries = 0, err;

	do {
		struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_STORE_GET, name ? 0 : NLM_F_DUMP);

		stores->n = 0;
		stores->err = 0;
		if (msg && name && nla_put_string(msg, ZCACHE_A_STORE_NAME, name)) {
			nlmsg_free(msg);
			return -EMSGSIZE;
		}
		err = nlc_call(nlc, msg, add_store, stores);
		if (!err)
			err = stores->err;
	} while (!err && nlc->inconsistent && ++tries < DUMP_TRIES);
	if (!err && name && stores->n != 1)
		err = -EBADMSG;
	return err;
}

void note_inconsistent(void)
{
	note("stores come and go faster than they can be listed; the list may be incomplete");
}
