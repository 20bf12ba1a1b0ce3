// SPDX-License-Identifier: GPL-2.0-only
/* What the owner of a store's policy is told: the log that it drains. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "zc_harness.h"
#include "zc_policy.h"

#define CAPACITY	(16 * MiB)

FIXTURE(policy_log) {
	struct zct_store s;
	struct zct_policy p;
	struct zct_drained d;
	struct zct_view *view;
	char mark[96];
};

FIXTURE_SETUP(policy_log)
{
	const struct zc_nl_cfg cfg = { .capacity = CAPACITY };

	ZCT_START(policy_log);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->view = calloc(1, sizeof(*self->view));
	ASSERT_NE(NULL, self->view);
}

FIXTURE_TEARDOWN(policy_log)
{
	free(self->view);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

TEST_F(policy_log, records)
{
	const struct zc_policy_record *r;
	__u64 generation, id, other;
	struct zc_stat st = { 0 };
	__u32 slot;
	int i;

	ASSERT_OK(zct_put_pattern(self->s.fd, "old", 1, 1, 100, NULL));
	ASSERT_OK(zct_policy_own(&self->s, "test"));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_TRUE(self->d.resync);
	EXPECT_FALSE(self->d.more);
	EXPECT_EQ(CAPACITY, self->d.capacity);
	EXPECT_EQ(CAPACITY * 95 / 100, self->d.high);
	EXPECT_EQ(CAPACITY * 90 / 100, self->d.low);
	EXPECT_EQ(zct_used(&self->s), self->d.used);
	ASSERT_EQ(1, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_NEW);
	other = r->id;
	EXPECT_NE(0, other);
	EXPECT_EQ(zct_used(&self->s), r->charge);

	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_EQ(0, self->d.nr);
	EXPECT_FALSE(self->d.resync);

	/* it comes, */
	ASSERT_OK(zct_put_pattern(self->s.fd, "key", 1, 1, 50000, &generation));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	ASSERT_EQ(1, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_NEW);
	EXPECT_EQ(generation, r->generation);
	EXPECT_LT(50000, r->charge);
	EXPECT_EQ(0, r->uses);
	EXPECT_NE(other, r->id);
	id = r->id;
	slot = r->slot;
	/* is used, once to many times, and each is told once */
	for (i = 1; i <= 5; i++) {
		int n = i;

		while (n--)
			ASSERT_OK(zct_use_key(self->s.fd, "key"));
		ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
		ASSERT_EQ(1, self->d.nr);
		r = zct_drained_record(&self->d, 0, ZC_POLICY_TOUCHED);
		EXPECT_EQ(generation, r->generation);
		EXPECT_EQ(slot, r->slot);
		EXPECT_EQ(i < 3 ? i : 3, r->uses);
	}
	/* a look is no use */
	ASSERT_OK(zct_stat_key(self->s.fd, "key", &st));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_EQ(0, self->d.nr);
	/* is replaced: the old one goes, the new one has the same id, */
	ASSERT_OK(zct_put_pattern(self->s.fd, "key", 1, 2, 100, &generation));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	ASSERT_EQ(2, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_GONE);
	EXPECT_EQ(slot, r->slot);
	EXPECT_EQ(ZC_POLICY_GONE_OTHER, r->reason);
	r = zct_drained_record(&self->d, 1, ZC_POLICY_NEW);
	EXPECT_EQ(generation, r->generation);
	EXPECT_EQ(id, r->id);
	/* and is deleted. What was used is told no more. */
	ASSERT_OK(zct_use_key(self->s.fd, "key"));
	ASSERT_OK(zct_delete_key(self->s.fd, "key"));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	ASSERT_EQ(1, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_GONE);
	EXPECT_EQ(generation, r->generation);
	EXPECT_EQ(ZC_POLICY_GONE_OTHER, r->reason);
}

/* What one owner did not hear of the next one does, and of uses after that. */
TEST_F(policy_log, heir)
{
	const struct zc_policy_record *r;

	ASSERT_OK(zct_policy_own(&self->s, "deaf"));
	ASSERT_OK(zct_put_data(self->s.fd, "key", "bytes", 5, NULL));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	ASSERT_OK(zct_use_key(self->s.fd, "key"));
	ASSERT_OK(zct_policy_del(self->s.name));
	ASSERT_OK(zct_use_key(self->s.fd, "key"));
	ASSERT_OK(zct_policy_own(&self->s, "heir"));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	ASSERT_EQ(1, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_NEW);
	EXPECT_EQ(1, r->uses);
	ASSERT_OK(zct_use_key(self->s.fd, "key"));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	ASSERT_EQ(1, self->d.nr);
	r = zct_drained_record(&self->d, 0, ZC_POLICY_TOUCHED);
	EXPECT_EQ(1, r->uses);
}

/* What the kernel evicts is told as that. */
TEST_F(policy_log, fallback)
{
	unsigned int i, gone = 0;
	__u64 before = zct_count(&self->s, ZC_C_EVICTIONS);

	ASSERT_OK(zct_policy_own(&self->s, "dead"));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_OK(zct_put_many(self->s.fd, "k", 50, MiB));
	do {
		ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
		for (i = 0; i < self->d.nr; i++)
			gone += self->d.record[i].reason == ZC_POLICY_GONE_KERNEL;
		EXPECT_OK(zct_view_apply(self->view, &self->d));
	} while (self->d.more);
	EXPECT_LT(0, gone);
	EXPECT_EQ(zct_count(&self->s, ZC_C_EVICTIONS) - before, gone);
	EXPECT_EQ(zct_objects(&self->s), self->view->objects);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_POLICY_EVICTIONS));
}

static int put_tiny(const struct zct_store *s, int n)
{
	char key[32];
	int i, err = 0;

	for (i = 0; !err && i < n; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		err = zct_put_data(s->fd, key, "tiny", 4, NULL);
	}
	return err;
}

/* The log overflows: all is told anew, and nothing is wrong afterwards. */
TEST_F(policy_log, overflow)
{
	int i;

	ASSERT_OK(zct_policy_own(&self->s, "late"));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(1, self->view->resyncs);
	ASSERT_OK(put_tiny(&self->s, 1500));
	/* the old one leaves, the new one comes */
	for (i = 0; i < 7500; i++)
		ASSERT_OK(zct_put_data(self->s.fd, "comes", "again", 5, NULL));
	ASSERT_OK(zct_delete_key(self->s.fd, "comes"));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(2, self->view->resyncs);
	EXPECT_EQ(1500, self->view->objects);
	EXPECT_EQ(zct_used(&self->s), self->view->charge);
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_EQ(0, self->d.nr);
	EXPECT_FALSE(self->d.resync);
}

/* A full list forgets uses, which is counted; the next drain finds them again. */
TEST_F(policy_log, touches_lost)
{
	char key[32];
	cpu_set_t one;
	int i, round;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	ASSERT_OK(sched_setaffinity(0, sizeof(one), &one));
	ASSERT_OK(put_tiny(&self->s, 2100));
	ASSERT_OK(zct_policy_own(&self->s, "late"));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	for (round = 1; round <= 2; round++) {
		self->view->touched = 0;
		for (i = 0; i < 2100; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			ASSERT_OK(zct_use_key(self->s.fd, key));
		}
		EXPECT_EQ(round * 52, zct_count(&self->s, ZC_C_TOUCHES_LOST));
		ASSERT_OK(zct_view_drain(self->view, self->s.name));
		EXPECT_EQ(2048, self->view->touched);
	}
}

/* The owner is told when there is much to drain, once. */
TEST_F(policy_log, told)
{
	char key[32];
	int i, fd;

	ASSERT_OK(zct_policy_own(&self->s, "busy"));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	fd = zc_nl_fd();
	for (i = 0; i < 4200; i++)
		ASSERT_OK(zct_put_data(self->s.fd, "comes", "again", 5, NULL));
	EXPECT_EQ(ZCACHE_CMD_POLICY_DRAIN_NTF, zct_policy_event(fd, &self->p));
	EXPECT_STREQ(self->s.name, self->p.store);
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	/* and of uses */
	ASSERT_OK(put_tiny(&self->s, 2100));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	for (i = 0; i < 2100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ASSERT_OK(zct_use_key(self->s.fd, key));
	}
	EXPECT_EQ(ZCACHE_CMD_POLICY_DRAIN_NTF, zct_policy_event(fd, &self->p));
}

/* What the owner's socket has no room for is not lost. */
TEST_F(policy_log, no_room)
{
	struct nl_msg *msg;
	int i, fd, small = 1, sent = 0;
	char junk[64];

	ASSERT_OK(zct_policy_own(&self->s, "full"));
	ASSERT_OK(put_tiny(&self->s, 500));
	fd = zc_nl_fd();
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	/* one that is not read makes the next ones too many */
	for (i = 0; i < 3; i++) {
		msg = zc_nl_msg(ZCACHE_CMD_POLICY_DRAIN, 0);
		nla_put_string(msg, ZCACHE_A_POLICY_STORE, self->s.name);
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_REQUEST;
		sent += send(fd, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) > 0;
		nlmsg_free(msg);
	}
	EXPECT_EQ(3, sent);
	while (recv(fd, junk, sizeof(junk), MSG_DONTWAIT) >= 0 || errno == ENOBUFS)
		;
	small = 1 << 20;
	ASSERT_OK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(1, self->view->resyncs);
	EXPECT_EQ(500, self->view->objects);
}

struct storm {
	struct zct_store *s;
	unsigned int seed;
	int stop, errors;
};

static void *storm(void *arg)
{
	unsigned int seed = __atomic_fetch_add(&((struct storm *)arg)->seed, 1, __ATOMIC_RELAXED);
	struct storm *w = arg;
	char key[32];
	int err;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		snprintf(key, sizeof(key), "k%u", zct_random(&seed) % 700);
		switch (zct_random(&seed) % 8) {
		case 0:
			err = zct_delete_key(w->s->fd, key);
			break;
		case 1 ... 3:
			err = zct_put_pattern(w->s->fd, key, 1, 1,
					      zct_random(&seed) % 4 ? 100 : 300000, NULL);
			break;
		default:
			err = zct_use_key(w->s->fd, key);
		}
		if (err && err != -ENOENT && err != -ENOSPC)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* Is what the owner knows what is there? */
static void compare(const struct zc_nl_object *o, void *arg)
{
	struct zct_view *v = arg;
	unsigned int i;

	for (i = 0; i < ZCT_VIEW_MAX; i++)
		if (v->known[i].what && v->known[i].generation == o->generation) {
			v->known[i].what = 0;
			v->objects--;
			return;
		}
	v->objects += 1000000;
}

TEST_F(policy_log, race)
{
	struct storm w = { .s = &self->s, .seed = zct_seed() };
	struct zc_policy_victim v[64];
	unsigned int i, n, evicted = 0;
	struct zct_evicted e;
	pthread_t t[3];
	char key[32];

	ASSERT_OK(zct_policy_own(&self->s, "storm"));
	for (i = 0; i < ARRAY_SIZE(t); i++)
		ASSERT_OK(pthread_create(&t[i], NULL, storm, &w));
	for (i = 0; i < zct_times(400); i++) {
		EXPECT_OK(zct_view_drain(self->view, self->s.name));
		n = zct_view_victims(self->view, v, ARRAY_SIZE(v));
		if (!n)
			continue;
		ASSERT_OK(zct_policy_evict(self->s.name, v, n * sizeof(*v), 12 * MiB, &e));
		EXPECT_GE(n, e.evicted + e.spared + e.gone);
		evicted += e.evicted;
		/* an heir in the middle of it */
		if (i % 50 == 49) {
			ASSERT_OK(zct_policy_del(self->s.name));
			ASSERT_OK(zct_policy_own(&self->s, "storm"));
		}
	}
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	EXPECT_EQ(0, w.errors);
	EXPECT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(zct_objects(&self->s), self->view->objects);
	EXPECT_OK(zc_nl_object_dump(self->s.name, NULL, 0, compare, self->view));
	EXPECT_EQ(0, self->view->objects);
	EXPECT_EQ(evicted, zct_count(&self->s, ZC_C_POLICY_EVICTIONS));
	/* none is taken for one that is in a list */
	self->view->touched = 0;
	for (i = n = 0; i < 700; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		n += !zct_use_key(self->s.fd, key);
	}
	EXPECT_LT(0, n);
	EXPECT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(n, self->view->touched);
}

TEST_HARNESS_MAIN
