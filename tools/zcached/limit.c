// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache_netlink.h>

#include "fail.h"
#include "limit.h"
#include "nl.h"

static int set_one(struct nlc *nlc, const char *store, const struct limit *limit)
{
	struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_TAG_SET, 0);

	if (msg && (nla_put_string(msg, ZCACHE_A_TAG_STORE, store) ||
		    nla_put_u64(msg, ZCACHE_A_TAG_ID, limit->tag) ||
		    nla_put_u64(msg, ZCACHE_A_TAG_QUOTA, limit->quota) ||
		    nla_put_u64(msg, ZCACHE_A_TAG_FLOOR, limit->floor))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return nlc_call(nlc, msg, NULL, NULL);
}

/* The first one that cannot be set is told, and once. */
static void failed(struct limits *l, struct nlc *nlc, const char *store, uint64_t tag, int err)
{
	if (!l->told)
		note("store %s: cannot set the limits of tag %" PRIu64 ", trying again: %s%s%s", store,
		     tag, nlc->sentence, nlc->sentence[0] ? ": " : "", error_name(err));
	l->told = true;
	l->due = true;
}

static bool has(const struct limit *v, size_t n, uint64_t tag)
{
	size_t i;

	for (i = 0; i < n && v[i].tag != tag; i++)
		;
	return i < n;
}

/* Those that nobody wants any more; what could not be taken back is ours still. */
static void take_back(struct limits *l, struct nlc *nlc, const char *store,
		      const struct limit *want, size_t n)
{
	size_t i, kept = 0;

	for (i = 0; i < l->n; i++) {
		struct limit none = { .tag = l->v[i].tag };
		int err = has(want, n, none.tag) ? 0 : set_one(nlc, store, &none);

		if (!err)
			continue;
		failed(l, nlc, store, none.tag, err);
		l->v[kept++] = l->v[i];
	}
	l->n = kept;
}

/*
 * Floors are together at most the capacity, so one may have to wait until others are lower:
 * who is refused is tried again after all.
 */
static void set_all(struct limits *l, struct nlc *nlc, const char *store,
		    const struct limit *want, size_t n)
{
	size_t i, refused = 0, first = l->n;
	int err;

	for (i = 0; i < n; i++) {
		err = set_one(nlc, store, &want[i]);
		l->v[l->n++] = want[i];
		if (err == -ENOSPC) {
			l->v[l->n - 1] = l->v[first + refused];
			l->v[first + refused++] = want[i];
		} else if (err) {
			failed(l, nlc, store, want[i].tag, err);
		}
	}
	for (i = first; i < first + refused; i++) {
		err = set_one(nlc, store, &l->v[i]);
		if (err)
			failed(l, nlc, store, l->v[i].tag, err);
	}
}

void limits_set(struct limits *l, struct nlc *nlc, const char *store, const struct limit *want,
		size_t n)
{
	struct limit *v = realloc(l->v, (l->n + n + 1) * sizeof(*v));

	l->due = false;
	if (!v) {
		failed(l, nlc, store, n ? want[0].tag : 0, -ENOMEM);
		return;
	}
	l->v = v;
	take_back(l, nlc, store, want, n);
	set_all(l, nlc, store, want, n);
	l->told = l->due;
}

void limits_end(struct limits *l)
{
	free(l->v);
	memset(l, 0, sizeof(*l));
}
