// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>

#include <linux/zcache_netlink.h>

#include "kernel.h"
#include "nl.h"

/* Room for a full batch of victims, which libnl's one page may not be. */
#define REQUEST_ROOM (VICTIMS_MAX * sizeof(struct zc_policy_victim) + 512)

static struct nla_policy policy_policy[ZCACHE_A_POLICY_MAX + 1] = {
	[ZCACHE_A_POLICY_RECORDS] = { .type = NLA_UNSPEC },
	[ZCACHE_A_POLICY_RESYNC] = { .type = NLA_FLAG },
	[ZCACHE_A_POLICY_MORE] = { .type = NLA_FLAG },
	[ZCACHE_A_POLICY_USED] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_CAPACITY] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_HIGH] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_LOW] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_EVICTED] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_EVICTED_BYTES] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_SPARED] = { .type = NLA_U64 },
	[ZCACHE_A_POLICY_GONE] = { .type = NLA_U64 },
};

static struct nl_msg *request(struct nlc *nlc, int cmd, const char *store)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_ROOM);

	if (msg && genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nlc->family, 0, 0, cmd,
			       ZCACHE_FAMILY_VERSION) &&
	    !nla_put_string(msg, ZCACHE_A_POLICY_STORE, store))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int own(void *nlc, const char *store, const char *policy, uint32_t watchdog)
{
	struct nl_msg *msg = request(nlc, ZCACHE_CMD_POLICY_SET, store);

	if (!msg || nla_put_string(msg, ZCACHE_A_POLICY_NAME, policy) ||
	    nla_put_u32(msg, ZCACHE_A_POLICY_WATCHDOG, watchdog)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return nlc_call(nlc, msg, NULL, NULL);
}

static int release(void *nlc, const char *store)
{
	return nlc_call(nlc, request(nlc, ZCACHE_CMD_POLICY_DEL, store), NULL, NULL);
}

static uint64_t u64_of(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static int take_records(struct drained *d, struct nlattr *attr)
{
	size_t n = attr ? nla_len(attr) / sizeof(struct zc_policy_record) : 0, i;
	struct zc_policy_record r;

	if (attr && nla_len(attr) % sizeof(r))
		return -EBADMSG;
	for (i = 0; i < n; i++) {
		int err;

		/* an attribute is aligned to 4 bytes only */
		memcpy(&r, (char *)nla_data(attr) + i * sizeof(r), sizeof(r));
		err = d->fn(&r, d->arg);
		if (err)
			return err;
	}
	return 0;
}

static int on_drained(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_POLICY_MAX + 1];
	struct drained *d = arg;

	d->told = true;
	d->err = -EBADMSG;
	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_POLICY_MAX, policy_policy) ||
	    !a[ZCACHE_A_POLICY_USED] || !a[ZCACHE_A_POLICY_CAPACITY])
		return 0;
	d->used = u64_of(a[ZCACHE_A_POLICY_USED]);
	d->capacity = u64_of(a[ZCACHE_A_POLICY_CAPACITY]);
	d->high = u64_of(a[ZCACHE_A_POLICY_HIGH]);
	d->low = u64_of(a[ZCACHE_A_POLICY_LOW]);
	d->more = a[ZCACHE_A_POLICY_MORE];
	d->resync = a[ZCACHE_A_POLICY_RESYNC];
	d->err = d->resync ? d->begin(d->arg) : 0;
	if (!d->err)
		d->err = take_records(d, a[ZCACHE_A_POLICY_RECORDS]);
	return 0;
}

static int drain(void *nlc, const char *store, struct drained *d)
{
	int err;

	d->told = false;
	err = nlc_call(nlc, request(nlc, ZCACHE_CMD_POLICY_DRAIN, store), on_drained, d);
	/* then nothing is lost with what ends the call */
	if (d->told)
		return d->err;
	return err ?: -EBADMSG;
}

static int on_evicted(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_POLICY_MAX + 1];
	struct evicted *e = arg;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_POLICY_MAX, policy_policy))
		return 0;
	e->evicted = u64_of(a[ZCACHE_A_POLICY_EVICTED]);
	e->bytes = u64_of(a[ZCACHE_A_POLICY_EVICTED_BYTES]);
	e->spared = u64_of(a[ZCACHE_A_POLICY_SPARED]);
	e->gone = u64_of(a[ZCACHE_A_POLICY_GONE]);
	e->used = u64_of(a[ZCACHE_A_POLICY_USED]);
	return 0;
}

static int evict_expired(void *nlc, const char *store, uint64_t target, struct evicted *e)
{
	struct nl_msg *msg = request(nlc, ZCACHE_CMD_POLICY_EVICT, store);

	memset(e, 0, sizeof(*e));
	if (!msg || nla_put_flag(msg, ZCACHE_A_POLICY_EXPIRED) ||
	    nla_put_u64(msg, ZCACHE_A_POLICY_TARGET, target)) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return nlc_call(nlc, msg, on_evicted, e);
}

static int evict(void *nlc, const char *store, const struct zc_policy_victim *v, size_t n,
		 const uint64_t *target, struct evicted *e)
{
	struct nl_msg *msg = request(nlc, ZCACHE_CMD_POLICY_EVICT, store);

	memset(e, 0, sizeof(*e));
	if (!msg || nla_put(msg, ZCACHE_A_POLICY_VICTIMS, n * sizeof(*v), v) ||
	    (target && nla_put_u64(msg, ZCACHE_A_POLICY_TARGET, *target))) {
		nlmsg_free(msg);
		return -ENOMEM;
	}
	return nlc_call(nlc, msg, on_evicted, e);
}

static const char *words(const void *nlc)
{
	return ((const struct nlc *)nlc)->sentence;
}

const struct steer kernel_steer = {
	.alone = "the kernel",
	.own = own,
	.release = release,
	.drain = drain,
	.evict_expired = evict_expired,
	.evict = evict,
	.words = words,
};
