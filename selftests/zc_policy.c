// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include <netlink/genl/genl.h>

#include "zc_policy.h"

int zct_policy_set(const char *store, const struct zct_policy_set *set)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_SET, 0);

	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	if (set->name)
		nla_put_string(msg, ZCACHE_A_POLICY_NAME, set->name);
	if (set->watchdog)
		nla_put_u32(msg, ZCACHE_A_POLICY_WATCHDOG, set->watchdog);
	if (set->takeover)
		nla_put_flag(msg, ZCACHE_A_POLICY_TAKEOVER);
	return zc_nl_call(msg, NULL, NULL);
}

int zct_policy_own(const struct zct_store *s, const char *name)
{
	return zct_policy_set(s->name, &(struct zct_policy_set){ .name = name });
}

int zct_policy_del(const char *store)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_DEL, 0);

	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	return zc_nl_call(msg, NULL, NULL);
}

int zct_policy_parse(struct nlmsghdr *nlh, struct zct_policy *p)
{
	struct nlattr *tb[ZCACHE_A_POLICY_MAX + 1];
	unsigned int seen = p->seen;

	memset(p, 0, sizeof(*p));
	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_POLICY_MAX, NULL) < 0)
		return -EBADMSG;
	p->seen = seen + 1;
	if (tb[ZCACHE_A_POLICY_STORE])
		nla_strlcpy(p->store, tb[ZCACHE_A_POLICY_STORE], sizeof(p->store));
	if (tb[ZCACHE_A_POLICY_NAME])
		nla_strlcpy(p->name, tb[ZCACHE_A_POLICY_NAME], sizeof(p->name));
	if (tb[ZCACHE_A_POLICY_OWNER])
		p->owner = nla_get_u32(tb[ZCACHE_A_POLICY_OWNER]);
	if (tb[ZCACHE_A_POLICY_WATCHDOG])
		p->watchdog = nla_get_u32(tb[ZCACHE_A_POLICY_WATCHDOG]);
	if (tb[ZCACHE_A_POLICY_REASON])
		p->reason = nla_get_u32(tb[ZCACHE_A_POLICY_REASON]);
	p->late = tb[ZCACHE_A_POLICY_LATE];
	return genlmsg_hdr(nlh)->cmd;
}

static void on_policy(struct nlmsghdr *nlh, void *arg)
{
	zct_policy_parse(nlh, arg);
}

int zct_policy_get(const char *store, struct zct_policy *p)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_GET, store ? 0 : NLM_F_DUMP);

	memset(p, 0, sizeof(*p));
	if (store)
		nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	return zc_nl_call(msg, on_policy, p);
}

int zct_policy_event(int fd, struct zct_policy *p)
{
	char buf[16 << 10] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = recv(fd, buf, sizeof(buf), 0);

	if (len < 0)
		return -errno;
	if (!nlmsg_ok(nlh, len) || !genlmsg_valid_hdr(nlh, 0))
		return -EBADMSG;
	return zct_policy_parse(nlh, p);
}

static __u64 u64_of(struct nlattr **tb, int type)
{
	return tb[type] ? nla_get_u64(tb[type]) : 0;
}

static void on_drained(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ZCACHE_A_POLICY_MAX + 1], *records;
	struct zct_drained *d = arg;

	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_POLICY_MAX, NULL) < 0)
		return;
	records = tb[ZCACHE_A_POLICY_RECORDS];
	if (records && (size_t)nla_len(records) <= sizeof(d->record)) {
		memcpy(d->record, nla_data(records), nla_len(records));
		d->nr = nla_len(records) / sizeof(*d->record);
	}
	d->resync = tb[ZCACHE_A_POLICY_RESYNC];
	d->more = tb[ZCACHE_A_POLICY_MORE];
	d->used = u64_of(tb, ZCACHE_A_POLICY_USED);
	d->capacity = u64_of(tb, ZCACHE_A_POLICY_CAPACITY);
	d->high = u64_of(tb, ZCACHE_A_POLICY_HIGH);
	d->low = u64_of(tb, ZCACHE_A_POLICY_LOW);
}

int zct_policy_drain(const char *store, struct zct_drained *d)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_DRAIN, 0);

	memset(d, 0, sizeof(*d));
	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	return zc_nl_call(msg, on_drained, d);
}

const struct zc_policy_record *zct_drained_record(const struct zct_drained *d, unsigned int i,
						  __u8 what)
{
	static const struct zc_policy_record none;

	return i < d->nr && d->record[i].what == what ? &d->record[i] : &none;
}

static void on_evicted(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ZCACHE_A_POLICY_MAX + 1];
	struct zct_evicted *e = arg;

	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_POLICY_MAX, NULL) < 0)
		return;
	*e = (struct zct_evicted){
		.evicted = u64_of(tb, ZCACHE_A_POLICY_EVICTED),
		.bytes = u64_of(tb, ZCACHE_A_POLICY_EVICTED_BYTES),
		.spared = u64_of(tb, ZCACHE_A_POLICY_SPARED),
		.gone = u64_of(tb, ZCACHE_A_POLICY_GONE),
		.used = u64_of(tb, ZCACHE_A_POLICY_USED),
	};
}

int zct_policy_evict(const char *store, const void *victims, size_t bytes, __u64 target,
		     struct zct_evicted *e)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_EVICT, 0);

	memset(e, 0, sizeof(*e));
	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	if (victims && nla_put(msg, ZCACHE_A_POLICY_VICTIMS, bytes, victims) < 0) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	if (target != ZCT_NO_TARGET)
		nla_put_u64(msg, ZCACHE_A_POLICY_TARGET, target);
	return zc_nl_call(msg, on_evicted, e);
}

int zct_policy_evict_expired(const char *store, __u64 target, struct zct_evicted *e)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_POLICY_EVICT, 0);

	memset(e, 0, sizeof(*e));
	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	nla_put_flag(msg, ZCACHE_A_POLICY_EXPIRED);
	if (target != ZCT_NO_TARGET)
		nla_put_u64(msg, ZCACHE_A_POLICY_TARGET, target);
	return zc_nl_call(msg, on_evicted, e);
}

static void forget(struct zct_view *v, struct zc_policy_record *known)
{
	v->objects--;
	v->charge -= known->charge;
	known->what = 0;
}

int zct_view_apply(struct zct_view *v, const struct zct_drained *d)
{
	unsigned int i;

	if (d->resync) {
		memset(v->known, 0, sizeof(v->known));
		v->objects = 0;
		v->charge = 0;
		v->resyncs++;
	}
	for (i = 0; i < d->nr; i++) {
		const struct zc_policy_record *r = &d->record[i];
		struct zc_policy_record *known;

		if (r->slot >= ZCT_VIEW_MAX || r->__reserved || !r->generation || !r->charge)
			return -EPROTO;
		known = &v->known[r->slot];
		/* old news, see the header */
		if (known->generation > r->generation)
			continue;
		switch (r->what) {
		case ZC_POLICY_NEW:
			if (!r->id || r->reason)
				return -EPROTO;
			if (known->generation == r->generation)
				break;	/* told again, and perhaps gone since */
			/* the one before must have left */
			if (known->what)
				return -EPROTO;
			*known = *r;
			v->objects++;
			v->charge += r->charge;
			break;
		case ZC_POLICY_TOUCHED:
			if (!r->uses || r->uses > ZC_POLICY_USES_MAX || r->reason)
				return -EPROTO;
			v->touched++;
			break;
		case ZC_POLICY_GONE:
			if (r->uses || !r->reason || r->reason > ZC_POLICY_GONE_OWNER)
				return -EPROTO;
			/* so that a copy of its coming that is told later is old */
			if (known->what && known->generation == r->generation)
				forget(v, known);
			known->generation = r->generation;
			break;
		default:
			return -EPROTO;
		}
	}
	return 0;
}

int zct_view_drain(struct zct_view *v, const char *store)
{
	struct zct_drained d;
	int err;

	do {
		err = zct_policy_drain(store, &d);
		if (!err)
			err = zct_view_apply(v, &d);
	} while (!err && d.more);
	return err;
}

unsigned int zct_view_victims(const struct zct_view *v, struct zc_policy_victim *to,
			      unsigned int max)
{
	unsigned int i, n = 0;

	for (i = 0; i < ZCT_VIEW_MAX && n < max; i++)
		if (v->known[i].what)
			to[n++] = (struct zc_policy_victim){
				.generation = v->known[i].generation, .slot = i };
	return n;
}

int zct_put_many(int fd, const char *prefix, int n, size_t len)
{
	char key[32];
	int i, err = 0;

	for (i = 0; !err && i < n; i++) {
		snprintf(key, sizeof(key), "%s%d", prefix, i);
		err = zct_put_pattern(fd, key, 1, 1, len, NULL);
	}
	return err;
}

int zct_use_key(int fd, const char *key)
{
	char byte;
	ssize_t n = zct_get_data(fd, key, &byte, 1, 0);

	return n == 1 ? 0 : n;
}
