// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>
#include <sys/mman.h>

#include <netlink/genl/genl.h>

#include "zc_tag.h"

static __u64 u64_of(struct nlattr **tb, int type)
{
	return tb[type] ? nla_get_u64(tb[type]) : 0;
}

void zct_on_tag(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ZCACHE_A_TAG_MAX + 1];
	struct zct_tag *t = arg;

	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_TAG_MAX, NULL) < 0)
		return;
	*t = (struct zct_tag){
		.id = u64_of(tb, ZCACHE_A_TAG_ID),
		.quota = u64_of(tb, ZCACHE_A_TAG_QUOTA),
		.floor = u64_of(tb, ZCACHE_A_TAG_FLOOR),
		.used = u64_of(tb, ZCACHE_A_TAG_USED),
		.objects = u64_of(tb, ZCACHE_A_TAG_OBJECTS),
		.hits = u64_of(tb, ZCACHE_A_TAG_HITS),
		.hit_bytes = u64_of(tb, ZCACHE_A_TAG_HIT_BYTES),
		.sent_bytes = u64_of(tb, ZCACHE_A_TAG_SENT_BYTES),
		.commits = u64_of(tb, ZCACHE_A_TAG_COMMITS),
		.fill_bytes = u64_of(tb, ZCACHE_A_TAG_FILL_BYTES),
		.expired = u64_of(tb, ZCACHE_A_TAG_EXPIRED),
		.evictions = u64_of(tb, ZCACHE_A_TAG_EVICTIONS),
		.evicted_bytes = u64_of(tb, ZCACHE_A_TAG_EVICTED_BYTES),
		.misses = u64_of(tb, ZCACHE_A_TAG_MISSES),
		.seen = t->seen + 1,
	};
}

int zct_tag_get(const struct zct_store *s, __u64 id, struct zct_tag *t)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_TAG_GET, 0);

	memset(t, 0, sizeof(*t));
	nla_put_string(msg, ZCACHE_A_TAG_STORE, s->name);
	nla_put_u64(msg, ZCACHE_A_TAG_ID, id);
	return zc_nl_call(msg, zct_on_tag, t);
}

int zct_tag_set(const struct zct_store *s, __u64 id, __u64 quota, __u64 floor)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_TAG_SET, 0);

	nla_put_string(msg, ZCACHE_A_TAG_STORE, s->name);
	nla_put_u64(msg, ZCACHE_A_TAG_ID, id);
	if (quota != ZCT_KEEP)
		nla_put_u64(msg, ZCACHE_A_TAG_QUOTA, quota);
	if (floor != ZCT_KEEP)
		nla_put_u64(msg, ZCACHE_A_TAG_FLOOR, floor);
	return zc_nl_call(msg, NULL, NULL);
}

int zct_put_tags(int fd, const char *key, size_t len, const __u64 *tags, __u32 nr)
{
	struct zc_put p = { .key = ZC_ADDR(key), .key_len = strlen(key), .data_len = len,
			    .tags = ZC_ADDR(tags), .nr_tags = nr };
	void *data = zct_alloc(len);
	int err;

	zct_pattern(data, len, 1, 1, 0);
	p.data = ZC_ADDR(data);
	err = zct_put(fd, &p);
	munmap(data, len + 1);
	return err;
}

int zct_put_tag(int fd, const char *key, size_t len, __u64 tag)
{
	return zct_put_tags(fd, key, len, &tag, 1);
}

int zct_purge_tag(int fd, __u64 tag, __u32 flags, struct zc_purge *p)
{
	*p = (struct zc_purge){ .flags = ZC_PURGE_TAG | flags, .tag = tag };
	return zct_purge(fd, p);
}

static void count_object(const struct zc_nl_object *o, void *arg)
{
	(void)o;
	++*(int *)arg;
}

int zct_tag_listed(const struct zct_store *s, __u64 tag)
{
	const struct zc_nl_filter f = { .tag = tag, .set = ZC_NL_WANT(TAG) };
	int n = 0, err = zc_nl_object_dump_filter(s->name, &f, count_object, &n);

	return err ? err : n;
}
