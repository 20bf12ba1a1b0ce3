// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache_counters.h>
#include <linux/zcache_netlink.h>

#include "fake_policy.h"
#include "nl.h"

#define FAMILY 99

int __wrap_nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg);
int __wrap_nlc_ask(struct nlc *nlc, struct nl_msg *msg);
int __wrap_nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg);

struct model *models;
size_t model_batch = 1000;
int model_fail, model_error, model_fail_own;
void (*model_drained)(struct nlc *nlc);
void (*model_evicted)(struct model *m);
void (*model_split)(const struct model *m);
void (*model_limited)(const struct model *m, const struct model_tag *t);

struct model *model_new(const char *name, uint64_t capacity)
{
	struct model *m = calloc(1, sizeof(*m)), **end = &models;
	size_t i;

	for (i = 0; i < MODEL_TAGS; i++)
		m->tag_hits[i] = (i + 1) % 6;
	snprintf(m->name, sizeof(m->name), "%s", name);
	m->capacity = capacity;
	m->high = capacity / 100 * 95;
	m->low = capacity / 100 * 90;
	m->splice_threshold = 4096;
	while (*end)
		end = &(*end)->next;
	*end = m;
	return m;
}

struct model *model_find(const char *name)
{
	struct model *m = models;

	while (m && strcmp(m->name, name))
		m = m->next;
	return m;
}

void model_del(struct model *m)
{
	struct model **p = &models;

	while (*p != m)
		p = &(*p)->next;
	*p = m->next;
	free(m->log);
	free(m);
}

void model_old_news(struct model *m, const struct zc_policy_record *r)
{
	m->log = realloc(m->log, (m->nr_log + 1) * sizeof(*m->log));
	m->log[m->nr_log++] = *r;
}

static struct zc_policy_record about(const struct model *m, uint32_t slot, int what)
{
	const struct model_object *o = &m->slot[slot];

	return (struct zc_policy_record){ .generation = o->generation, .id = o->id,
					  .charge = o->charge, .slot = slot, .what = what };
}

static void log_one(struct model *m, uint32_t slot, int what, int reason)
{
	struct zc_policy_record r = about(m, slot, what);

	r.reason = reason;
	if (m->owner[0])
		model_old_news(m, &r);
}

void model_remove(struct model *m, uint32_t slot, int reason)
{
	log_one(m, slot, ZC_POLICY_GONE, reason);
	m->slot[slot].there = false;
	m->slot[slot].pinned = false;
	m->slot[slot].uses = 0;
	m->slot[slot].expired = false;
	m->used -= m->slot[slot].charge;
	m->objects--;
	m->evictions += reason == ZC_POLICY_GONE_KERNEL;
}

uint32_t model_put(struct model *m, uint64_t id, uint64_t charge)
{
	static uint64_t generations;
	uint32_t slot;

	for (slot = 0; slot < MODEL_SLOTS && m->used + charge > m->capacity; slot++)
		if (m->slot[slot].there)
			model_remove(m, slot, ZC_POLICY_GONE_KERNEL);
	for (slot = 0; m->slot[slot].there; slot++)
		;
	m->slot[slot] = (struct model_object){ .generation = ++generations, .id = id,
					       .charge = charge, .there = true };
	m->used += charge;
	m->objects++;
	log_one(m, slot, ZC_POLICY_NEW, 0);
	return slot;
}

void model_touch(struct model *m, uint32_t slot)
{
	m->hits++;
	if (m->slot[slot].uses < ZC_POLICY_USES_MAX)
		m->slot[slot].uses++;
}

void model_overflow(struct model *m)
{
	m->nr_log = 0;
	m->resync = true;
}

static struct nl_msg *answer(int cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(65536);

	genlmsg_put(msg, 0, 0, FAMILY, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	return msg;
}

static int deliver(struct nl_msg *msg, nlc_fn fn, void *arg)
{
	int stop = fn ? fn(nlmsg_hdr(msg), arg) : 0;

	nlmsg_free(msg);
	return stop;
}

static void tell_all(struct model *m)
{
	uint32_t slot;

	for (slot = 0; slot < MODEL_SLOTS; slot++) {
		if (!m->slot[slot].there)
			continue;
		log_one(m, slot, ZC_POLICY_NEW, 0);
		m->log[m->nr_log - 1].uses = m->slot[slot].uses;
		m->slot[slot].uses = 0;
	}
}

static void tell_touched(struct model *m)
{
	struct zc_policy_record r;
	uint32_t slot;

	for (slot = 0; slot < MODEL_SLOTS; slot++) {
		if (!m->slot[slot].there || !m->slot[slot].uses)
			continue;
		r = about(m, slot, ZC_POLICY_TOUCHED);
		r.uses = m->slot[slot].uses;
		m->slot[slot].uses = 0;
		model_old_news(m, &r);
	}
}

static int drain(struct model *m, nlc_fn fn, void *arg)
{
	struct nl_msg *msg = answer(ZCACHE_CMD_POLICY_DRAIN);
	size_t n;

	m->drains++;
	if (m->resync) {
		nla_put_flag(msg, ZCACHE_A_POLICY_RESYNC);
		m->nr_log = 0;
		tell_all(m);
	}
	m->resync = false;
	tell_touched(m);
	n = m->nr_log < model_batch ? m->nr_log : model_batch;
	if (n)
		nla_put(msg, ZCACHE_A_POLICY_RECORDS, n * sizeof(*m->log), m->log);
	m->nr_log -= n;
	if (m->nr_log)
		memmove(m->log, m->log + n, m->nr_log * sizeof(*m->log));
	if (m->nr_log || m->restless)
		nla_put_flag(msg, ZCACHE_A_POLICY_MORE);
	nla_put_u64(msg, ZCACHE_A_POLICY_USED, m->used);
	nla_put_u64(msg, ZCACHE_A_POLICY_CAPACITY, m->capacity);
	nla_put_u64(msg, ZCACHE_A_POLICY_HIGH, m->high);
	nla_put_u64(msg, ZCACHE_A_POLICY_LOW, m->low);
	return deliver(msg, fn, arg);
}

/* Whatever was used lately. */
static void evict_expired(struct model *m, struct nlattr *target, uint64_t *evicted,
			  uint64_t *bytes)
{
	uint32_t slot;

	m->sweeps++;
	for (slot = 0; slot < MODEL_SLOTS && m->used > nla_get_u64(target); slot++) {
		struct model_object *o = &m->slot[slot];

		if (!o->expired || o->pinned)
			continue;
		++*evicted;
		*bytes += o->charge;
		model_remove(m, slot, ZC_POLICY_GONE_OWNER);
	}
}

static int evict(struct model *m, struct nlattr *victims, struct nlattr *target, bool expired,
		 nlc_fn fn, void *arg)
{
	const struct zc_policy_victim *v = victims ? nla_data(victims) : NULL;
	size_t n = victims ? nla_len(victims) / sizeof(*v) : 0, i;
	uint64_t evicted = 0, bytes = 0, spared = 0, gone = 0;
	struct nl_msg *msg = answer(ZCACHE_CMD_POLICY_EVICT);

	m->evicts += n > 0;
	if (expired)
		evict_expired(m, target, &evicted, &bytes);
	for (i = 0; i < n && (!target || m->used > nla_get_u64(target)); i++) {
		struct model_object *o = &m->slot[v[i].slot];

		if (v[i].slot >= MODEL_SLOTS || !o->there || o->generation != v[i].generation) {
			gone++;
		} else if (o->uses || o->pinned) {
			spared++;
		} else {
			evicted++;
			bytes += o->charge;
			model_remove(m, v[i].slot, ZC_POLICY_GONE_OWNER);
		}
	}
	m->policy_evictions += evicted;
	m->policy_evicted_bytes += bytes;
	nla_put_u64(msg, ZCACHE_A_POLICY_EVICTED, evicted);
	nla_put_u64(msg, ZCACHE_A_POLICY_EVICTED_BYTES, bytes);
	nla_put_u64(msg, ZCACHE_A_POLICY_SPARED, spared);
	nla_put_u64(msg, ZCACHE_A_POLICY_GONE, gone);
	nla_put_u64(msg, ZCACHE_A_POLICY_USED, m->used);
	return deliver(msg, fn, arg);
}

static int own(struct nlc *nlc, struct model *m, const char *name)
{
	if (m->foreign) {
		snprintf(nlc->sentence, sizeof(nlc->sentence), "owned by another socket");
		return -EBUSY;
	}
	if (m->broken)
		return -ENOMEM;
	m->owns++;
	if (model_fail_own) {
		model_fail_own--;
		return -model_error;
	}
	if (!m->owner[0])
		m->resync = true;
	snprintf(m->owner, sizeof(m->owner), "%s", name);
	return 0;
}

static int release(struct model *m)
{
	m->owner[0] = '\0';
	m->nr_log = 0;
	return 0;
}

static int policy_call(struct nlc *nlc, struct nlmsghdr *nlh, nlc_fn fn, void *arg)
{
	struct nlattr *a[ZCACHE_A_POLICY_MAX + 1];
	int cmd = genlmsg_hdr(nlh)->cmd;
	struct model *m;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_POLICY_MAX, NULL) || !a[ZCACHE_A_POLICY_STORE])
		return -EINVAL;
	m = model_find(nla_get_string(a[ZCACHE_A_POLICY_STORE]));
	if (!m)
		return -ENOENT;
	m->calls++;
	if (cmd == ZCACHE_CMD_POLICY_SET)
		return own(nlc, m, nla_get_string(a[ZCACHE_A_POLICY_NAME]));
	if (m->foreign || !m->owner[0])
		return -EPERM;
	if (cmd == ZCACHE_CMD_POLICY_DEL)
		return release(m);
	if (model_fail) {
		model_fail--;
		/* an answer that was lost on the way: the kernel thinks that it arrived */
		if (model_error == EIO)
			m->nr_log = 0;
		return -model_error;
	}
	if (cmd == ZCACHE_CMD_POLICY_DRAIN) {
		drain(m, fn, arg);
		if (model_drained)
			model_drained(nlc);
		return 0;
	}
	evict(m, a[ZCACHE_A_POLICY_VICTIMS], a[ZCACHE_A_POLICY_TARGET],
	      a[ZCACHE_A_POLICY_EXPIRED], fn, arg);
	if (model_evicted && a[ZCACHE_A_POLICY_VICTIMS])
		model_evicted(m);
	return 0;
}

static const int counter_attr[ZC_C_NR] = {
#define ATTR(id, name, unit, sentence) ZCACHE_A_STATS_##id,
	ZC_COUNTERS(ATTR)
#undef ATTR
};

static int tell_store(const struct model *m, nlc_fn fn, void *arg)
{
	struct nl_msg *msg = answer(ZCACHE_CMD_STORE_GET);
	uint64_t c[ZC_C_NR];
	struct nlattr *stats;
	int i;

	nla_put_string(msg, ZCACHE_A_STORE_NAME, m->name);
	nla_put_string(msg, ZCACHE_A_STORE_POLICY, m->policy);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, m->capacity);
	nla_put_u64(msg, ZCACHE_A_STORE_USED, m->used);
	nla_put_u64(msg, ZCACHE_A_STORE_OBJECTS, m->objects);
	nla_put_u32(msg, ZCACHE_A_STORE_HIGH_WATERMARK, 95);
	nla_put_u32(msg, ZCACHE_A_STORE_LOW_WATERMARK, 90);
	nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, m->splice_threshold);
	nla_put(msg, ZCACHE_A_STORE_SEND_LATENCY, sizeof(m->took), m->took);
	nla_put(msg, ZCACHE_A_STORE_FILL_LATENCY, sizeof(m->took), m->took);
	memcpy(c, m->more, sizeof(c));
	c[ZC_C_HITS] += m->hits;
	c[ZC_C_EVICTIONS] += m->evictions;
	c[ZC_C_POLICY_EVICTIONS] += m->policy_evictions;
	c[ZC_C_POLICY_EVICTED_BYTES] += m->policy_evicted_bytes;
	stats = nla_nest_start(msg, ZCACHE_A_STORE_STATS);
	for (i = 0; i < ZC_C_NR; i++)
		nla_put_u64(msg, counter_attr[i], c[i]);
	nla_nest_end(msg, stats);
	return deliver(msg, fn, arg);
}

static const struct model *asked;	/* whose tags are told; one look at a time */

int __wrap_nlc_ask(struct nlc *nlc, struct nl_msg *msg)
{
	asked = model_find(nla_get_string(nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN,
							  ZCACHE_A_TAG_STORE)));
	nlmsg_free(msg);
	nlc->asked = 0;
	return 0;
}

/* More of them than a page of ten shows, half of them at a time. */
int __wrap_nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	uint64_t id, end = nlc->asked += MODEL_TAGS / 2;
	int i;

	if (!asked)
		return -ENOENT;
	/* one of each piece again, as if a tag had come meanwhile */
	for (i = MODEL_TAGS / 2; i >= 0; i--) {
		struct nl_msg *msg = answer(ZCACHE_CMD_TAG_GET);

		id = end - (i ? i - 1 : 1);

		nla_put_u64(msg, ZCACHE_A_TAG_ID, id);
		nla_put_u64(msg, ZCACHE_A_TAG_USED, 100 * id);
		nla_put_u64(msg, ZCACHE_A_TAG_OBJECTS, 1);
		nla_put_u64(msg, ZCACHE_A_TAG_HITS, asked->tag_hits[id - 1]);
		nla_put_u64(msg, ZCACHE_A_TAG_SENT_BYTES, 7);
		fn(nlmsg_hdr(msg), arg);
		nlmsg_free(msg);
	}
	return end < MODEL_TAGS;
}

/* All limits at once, as only the daemon asks here. */
static int set_tag(struct nlc *nlc, struct nlmsghdr *nlh)
{
	struct nlattr *a[ZCACHE_A_TAG_MAX + 1];
	struct model_tag next, *t;
	uint64_t floors;
	struct model *m;
	size_t i;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_TAG_MAX, NULL) || !a[ZCACHE_A_TAG_STORE])
		return -EINVAL;
	m = model_find(nla_get_string(a[ZCACHE_A_TAG_STORE]));
	if (!m)
		return -ENOENT;
	m->limits++;
	if (model_fail) {
		model_fail--;
		return -model_error;
	}
	next.id = nla_get_u64(a[ZCACHE_A_TAG_ID]);
	next.quota = nla_get_u64(a[ZCACHE_A_TAG_QUOTA]);
	next.floor = nla_get_u64(a[ZCACHE_A_TAG_FLOOR]);
	t = &m->tag[m->nr_tags];
	for (i = 0, floors = next.floor; i < m->nr_tags; i++)
		if (m->tag[i].id == next.id)
			t = &m->tag[i];
		else
			floors += m->tag[i].floor;
	if (floors > m->capacity) {
		strcpy(nlc->sentence, "the floors are too high");
		return -ENOSPC;
	}
	m->nr_tags += t == &m->tag[m->nr_tags];
	*t = next;
	if (!next.quota && !next.floor)
		*t = m->tag[--m->nr_tags];
	if (model_limited)
		model_limited(m, &next);
	return 0;
}

static int set_store(struct nlmsghdr *nlh)
{
	struct nlattr *a[ZCACHE_A_STORE_MAX + 1];
	struct model *m;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_STORE_MAX, NULL) || !a[ZCACHE_A_STORE_NAME])
		return -EINVAL;
	m = model_find(nla_get_string(a[ZCACHE_A_STORE_NAME]));
	if (!m)
		return -ENOENT;
	if (model_fail) {
		model_fail--;
		return -model_error;
	}
	m->splice_threshold = nla_get_u64(a[ZCACHE_A_STORE_SPLICE_THRESHOLD]);
	if (model_split)
		model_split(m);
	return 0;
}

static int get_store(struct nlmsghdr *nlh, nlc_fn fn, void *arg)
{
	struct nlattr *name = nlmsg_find_attr(nlh, GENL_HDRLEN, ZCACHE_A_STORE_NAME);
	struct model *m;

	if (name)
		return model_find(nla_get_string(name)) ?
		       tell_store(model_find(nla_get_string(name)), fn, arg) : -ENOENT;
	for (m = models; m; m = m->next)
		tell_store(m, fn, arg);
	return 0;
}

int __wrap_nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg)
{
	int cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd, err = 0;

	nlc->sentence[0] = '\0';
	nlc->inconsistent = false;
	if (cmd == ZCACHE_CMD_TAG_SET)
		err = set_tag(nlc, nlmsg_hdr(msg));
	else if (cmd == ZCACHE_CMD_STORE_SET)
		err = set_store(nlmsg_hdr(msg));
	else if (cmd == ZCACHE_CMD_STORE_GET)
		err = get_store(nlmsg_hdr(msg), fn, arg);
	else
		err = policy_call(nlc, nlmsg_hdr(msg), fn, arg);
	nlmsg_free(msg);
	return err;
}
