// SPDX-License-Identifier: GPL-2.0-only
/* The owner of a store's policy: who it is, what it may do, and how it ends. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_policy.h"
#include "zc_tag.h"

#define CAPACITY	(16 * MiB)

FIXTURE(policy) {
	struct zct_store s;
	int events;
	struct zct_policy p;
	struct zct_drained d;
	struct zct_view *view;
	char mark[96];
};

FIXTURE_SETUP(policy)
{
	const struct zc_nl_cfg cfg = { .capacity = CAPACITY };

	ZCT_START(policy);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->events = zc_nl_listen();
	ASSERT_FD(self->events);
	self->view = calloc(1, sizeof(*self->view));
	ASSERT_NE(NULL, self->view);
}

FIXTURE_TEARDOWN(policy)
{
	free(self->view);
	close(self->events);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define EXPECT_EVENT(command, policy_name) \
	do { \
		EXPECT_EQ(ZCACHE_CMD_POLICY_##command##_NTF, \
			  zct_policy_event(self->events, &self->p)); \
		EXPECT_STREQ(self->s.name, self->p.store); \
		EXPECT_STREQ(policy_name, self->p.name); \
	} while (0)

/* Another socket's attempt. */
struct other {
	const char *store;
	struct zct_policy_set set;
	int set_err, drain_err, evict_err, del_err;
};

static void *other_owner(void *arg)
{
	struct zc_policy_victim victim = { .generation = 1 };
	struct other *o = arg;
	struct zct_evicted e;
	struct zct_drained d;

	o->set_err = zct_policy_set(o->store, &o->set);
	o->drain_err = zct_policy_drain(o->store, &d);
	o->evict_err = zct_policy_evict(o->store, &victim, sizeof(victim), ZCT_NO_TARGET, &e);
	o->del_err = zct_policy_del(o->store);
	return NULL;
}

static void run_other(struct other *o)
{
	pthread_t t;

	if (pthread_create(&t, NULL, other_owner, o))
		abort();
	pthread_join(t, NULL);
}

TEST_F(policy, one_owner)
{
	struct other o = { .store = self->s.name, .set = { .name = "other" } };

	ASSERT_ERR(ENOENT, zct_policy_get(self->s.name, &self->p));
	EXPECT_STREQ("nobody owns the policy of this store; the kernel evicts by itself",
		     zc_nl_extack());
	EXPECT_ERR(EPERM, zct_policy_drain(self->s.name, &self->d));
	EXPECT_STREQ("this socket does not own the policy of the store", zc_nl_extack());
	EXPECT_ERR(EPERM, zct_policy_del(self->s.name));

	ASSERT_OK(zct_policy_own(&self->s, "lru"));
	EXPECT_EVENT(NEW, "lru");
	ASSERT_OK(zct_policy_get(self->s.name, &self->p));
	EXPECT_STREQ("lru", self->p.name);
	EXPECT_EQ(10000, self->p.watchdog);
	EXPECT_NE(0, self->p.owner);
	EXPECT_FALSE(self->p.late);
	ASSERT_OK(zct_policy_get(NULL, &self->p));
	EXPECT_EQ(1, self->p.seen);

	run_other(&o);
	EXPECT_ERR(EBUSY, o.set_err);
	EXPECT_ERR(EPERM, o.drain_err);
	EXPECT_ERR(EPERM, o.evict_err);
	EXPECT_ERR(EPERM, o.del_err);

	/* the owner changes what it is, and is told nothing anew */
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_TRUE(self->d.resync);
	ASSERT_OK(zct_policy_set(self->s.name, &(struct zct_policy_set){ .name = "sieve",
									 .watchdog = 5000 }));
	EXPECT_EVENT(NEW, "sieve");
	EXPECT_EQ(5000, self->p.watchdog);
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_FALSE(self->d.resync);

	/* the other takes over, gives up, and nobody is left */
	o.set.takeover = true;
	run_other(&o);
	EXPECT_OK(o.set_err);
	EXPECT_OK(o.drain_err);
	EXPECT_OK(o.evict_err);
	EXPECT_OK(o.del_err);
	EXPECT_EVENT(LOST, "sieve");
	EXPECT_EQ(ZCACHE_POLICY_REASON_REPLACED, self->p.reason);
	EXPECT_EVENT(NEW, "other");
	EXPECT_EVENT(LOST, "other");
	EXPECT_EQ(ZCACHE_POLICY_REASON_RELEASED, self->p.reason);
	EXPECT_ERR(EPERM, zct_policy_drain(self->s.name, &self->d));
	EXPECT_ERR(ENOENT, zct_policy_get(self->s.name, &self->p));
}

TEST_F(policy, refused)
{
	static const char *const bad[] = { "", "a b", "a/b", "a_b", "\xc3\xa4" };
	struct zct_policy_set set = { 0 };
	struct zc_nl_cfg cfg = { .name = "policy-bad", .capacity = MiB };
	size_t i;

	EXPECT_ERR(EINVAL, zct_policy_set(self->s.name, &set));
	EXPECT_STREQ("the name of the policy is missing", zc_nl_extack());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		set.name = bad[i];
		EXPECT_ERR(EINVAL, zct_policy_set(self->s.name, &set));
		EXPECT_STREQ("name takes letters, digits, dots and dashes, at least one",
			     zc_nl_extack());
	}
	set.name = "a-name-of-thirty-two-characters-";
	EXPECT_ERR(EINVAL, zct_policy_set(self->s.name, &set));
	set.name = "lru";
	set.watchdog = 99;
	EXPECT_ERR(ERANGE, zct_policy_set(self->s.name, &set));
	set.watchdog = 3600001;
	EXPECT_ERR(EINVAL, zct_policy_set(self->s.name, &set));
	EXPECT_STREQ("watchdog must be 100 to 3600000 milliseconds", zc_nl_extack());
	set.watchdog = 0;
	EXPECT_ERR(ENOENT, zct_policy_set("policy-none", &set));
	EXPECT_ERR(ENOENT, zct_policy_get(self->s.name, &self->p));

	cfg.policy = "a b";
	cfg.set = ZC_NL_SET(POLICY);
	EXPECT_ERR(EINVAL, zc_nl_store_new(&cfg));
	EXPECT_STREQ("policy takes letters, digits, dots and dashes", zc_nl_extack());
}

TEST_F(policy, permission)
{
	int status;
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(1000) || setuid(1000))
			_exit(1);
		_exit(zct_policy_own(&self->s, "lru") != -EPERM ||
		      zct_policy_drain(self->s.name, &self->d) != -EPERM ||
		      zct_policy_get(self->s.name, &self->p) != -EPERM);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

/* What the administrator wants is the store's, and told with it. */
TEST_F(policy, wanted)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .policy = "gdsf",
				 .set = ZC_NL_SET(POLICY) };
	struct zc_nl_store st;

	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_STREQ("", st.policy);
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_EQ(ZCACHE_CMD_STORE_SET_NTF, zc_nl_event(self->events, &st));
	EXPECT_STREQ("gdsf", st.policy);
	cfg.policy = "";
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_STREQ("", st.policy);
}

/* An owner that ends, in whatever way, leaves a store that the kernel keeps. */
TEST_F(policy, killed)
{
	int status, ready[2];
	pid_t pid;
	char c;

	ASSERT_OK(pipe(ready));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		c = zct_policy_own(&self->s, "mortal") ? 'x' : 'o';
		if (write(ready[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(ready[0], &c, 1));
	ASSERT_EQ('o', c);
	EXPECT_EVENT(NEW, "mortal");
	ASSERT_OK(kill(pid, SIGKILL));
	EXPECT_EVENT(LOST, "mortal");
	EXPECT_EQ(ZCACHE_POLICY_REASON_CLOSED, self->p.reason);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_ERR(ENOENT, zct_policy_get(self->s.name, &self->p));
	/* four times what fits */
	EXPECT_OK(zct_put_many(self->s.fd, "after", 64, MiB));
	ASSERT_OK(zct_policy_own(&self->s, "heir"));
	EXPECT_OK(zct_view_drain(self->view, self->s.name));
	EXPECT_EQ(zct_objects(&self->s), self->view->objects);
	close(ready[0]);
	close(ready[1]);
}

TEST_F(policy, silent)
{
	ASSERT_OK(zct_policy_set(self->s.name, &(struct zct_policy_set){ .name = "sleepy",
									 .watchdog = 100 }));
	EXPECT_EVENT(NEW, "sleepy");
	EXPECT_EVENT(LOST, "sleepy");
	EXPECT_EQ(ZCACHE_POLICY_REASON_SILENT, self->p.reason);
	ASSERT_OK(zct_policy_get(self->s.name, &self->p));
	EXPECT_TRUE(self->p.late);
	/* the next call wakes it, and it can fall asleep again */
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_EVENT(NEW, "sleepy");
	EXPECT_FALSE(self->p.late);
	EXPECT_EVENT(LOST, "sleepy");
	EXPECT_EQ(ZCACHE_POLICY_REASON_SILENT, self->p.reason);
}

TEST_F(policy, evict)
{
	struct zc_policy_victim v[12];
	struct zct_evicted e;
	__u64 used;
	int fd;

	ASSERT_OK(zct_policy_own(&self->s, "test"));
	ASSERT_OK(zct_put_many(self->s.fd, "k", 10, 8192));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	ASSERT_EQ(10, zct_view_victims(self->view, v, 10));
	/* slots are given in their order */
	v[10] = (struct zc_policy_victim){ .generation = v[0].generation, .slot = v[1].slot };
	v[11] = (struct zc_policy_victim){ .generation = 1, .slot = ~0U };

	/* used since, or in use */
	ASSERT_OK(zct_use_key(self->s.fd, "k3"));
	fd = zct_open_key(self->s.fd, "k4");
	ASSERT_FD(fd);
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	ASSERT_OK(zct_use_key(self->s.fd, "k3"));
	used = zct_used(&self->s);
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(v), ZCT_NO_TARGET, &e));
	EXPECT_EQ(8, e.evicted);
	EXPECT_EQ(used / 10 * 8, e.bytes);
	EXPECT_EQ(2, e.spared);
	EXPECT_EQ(2, e.gone);
	EXPECT_EQ(used - e.bytes, e.used);
	EXPECT_EQ(2, zct_objects(&self->s));
	EXPECT_EQ(8, zct_count(&self->s, ZC_C_POLICY_EVICTIONS));
	EXPECT_EQ(e.bytes, zct_count(&self->s, ZC_C_POLICY_EVICTED_BYTES));
	EXPECT_EQ(2, zct_count(&self->s, ZC_C_POLICY_SPARED));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EVICTIONS));
	/* told, it may go; in use, it may not */
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	EXPECT_EQ(9, self->d.nr);
	EXPECT_EQ(ZC_POLICY_GONE_OWNER, zct_drained_record(&self->d, 0, ZC_POLICY_GONE)->reason);
	EXPECT_EQ(v[3].slot, zct_drained_record(&self->d, 8, ZC_POLICY_TOUCHED)->slot);
	EXPECT_OK(zct_view_apply(self->view, &self->d));
	EXPECT_EQ(2, self->view->objects);
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(v), ZCT_NO_TARGET, &e));
	EXPECT_EQ(1, e.evicted);
	EXPECT_EQ(1, e.spared);
	EXPECT_EQ(10, e.gone);
	close(fd);
}

TEST_F(policy, target)
{
	struct zc_policy_victim v[100];
	struct zct_evicted e;
	struct zct_tag t;
	__u64 used;

	ASSERT_OK(zct_policy_own(&self->s, "test"));
	ASSERT_OK(zct_put_many(self->s.fd, "k", 100, 8192));
	ASSERT_OK(zct_view_drain(self->view, self->s.name));
	ASSERT_EQ(100, zct_view_victims(self->view, v, 100));
	used = zct_used(&self->s);
	/* what is reached already */
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(v), used, &e));
	EXPECT_EQ(0, e.evicted + e.spared + e.gone);
	/* no more than needed, to the object */
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(v), used - 1, &e));
	EXPECT_EQ(1, e.evicted);
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(v), used / 2, &e));
	EXPECT_EQ(49, e.evicted);
	EXPECT_EQ(1, e.gone);
	EXPECT_EQ(used / 2, e.used);
	/* what a floor protects is no victim */
	ASSERT_OK(zct_put_tag(self->s.fd, "kept", 8192, 7));
	ASSERT_OK(zct_tag_set(&self->s, 7, ZCT_KEEP, MiB));
	memset(self->view, 0, sizeof(*self->view));
	ASSERT_OK(zct_policy_own(&self->s, "test"));
	ASSERT_OK(zct_policy_drain(self->s.name, &self->d));
	for (unsigned int i = 0; i < self->d.nr; i++)
		if (self->d.record[i].what == ZC_POLICY_NEW)
			v[0] = (struct zc_policy_victim){ self->d.record[i].generation,
							  self->d.record[i].slot };
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(*v), ZCT_NO_TARGET, &e));
	EXPECT_EQ(1, e.spared);
	ASSERT_OK(zct_tag_set(&self->s, 7, ZCT_KEEP, 0));
	ASSERT_OK(zct_policy_evict(self->s.name, v, sizeof(*v), ZCT_NO_TARGET, &e));
	EXPECT_EQ(1, e.evicted);
	ASSERT_ERR(ENOENT, zct_tag_get(&self->s, 7, &t));
}

/* Grace or not, when the owner wants room; but for what is in use or protected. */
TEST_F(policy, expired)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .grace = 3600000,
				       .set = ZC_NL_SET(GRACE) };
	struct zc_put put = { .key_len = 2, .data = ZC_ADDR("data"), .data_len = 4 };
	struct zc_purge purge = { .key = ZC_ADDR("k"), .key_len = 1,
				  .flags = ZC_PURGE_SOFT };
	struct zct_evicted e;
	__u64 used;
	char key[8];
	int fd;

	ASSERT_OK(zct_policy_own(&self->s, "test"));
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zct_put_many(self->s.fd, "k", 100, 8192));
	ASSERT_OK(zct_put_many(self->s.fd, "n", 10, 8192));
	used = zct_used(&self->s);
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(0, e.evicted);
	/* the oldest first, used or not */
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "o%d", i);
		put.key = ZC_ADDR(key);
		put.expires_ns = zct_now() - 1;
		ASSERT_OK(zct_put(self->s.fd, &put));
	}
	EXPECT_EQ(120, zct_objects(&self->s));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EXPIRIES));
	ASSERT_OK(zct_policy_evict_expired(self->s.name, zct_used(&self->s) - 1, &e));
	EXPECT_EQ(1, e.evicted);
	EXPECT_EQ(0, e.gone);
	EXPECT_EQ(119, zct_objects(&self->s));
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(9, e.evicted);
	EXPECT_EQ(used, e.used);
	EXPECT_EQ(110, zct_objects(&self->s));

	fd = zct_open_key(self->s.fd, "k4");
	ASSERT_FD(fd);
	ASSERT_OK(zct_purge(self->s.fd, &purge));
	EXPECT_EQ(110, zct_objects(&self->s));
	ASSERT_OK(zct_policy_evict_expired(self->s.name, used / 2, &e));
	EXPECT_EQ(55, e.evicted);
	EXPECT_EQ(used / 2, e.used);
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(44, e.evicted);
	EXPECT_EQ(11, zct_objects(&self->s));
	EXPECT_EQ(109, zct_count(&self->s, ZC_C_POLICY_EVICTIONS));
	close(fd);
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(1, e.evicted);
	EXPECT_EQ(10, zct_objects(&self->s));

	/* no more at once than can be named at once */
	ASSERT_OK(zct_put_many(self->s.fd, "k", 1100, 10));
	ASSERT_OK(zct_purge(self->s.fd, &purge));
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(1024, e.evicted);
	ASSERT_OK(zct_policy_evict_expired(self->s.name, ZCT_NO_TARGET, &e));
	EXPECT_EQ(76, e.evicted);
}

TEST_F(policy, bad_victims)
{
	static struct zc_policy_victim v[1024];
	struct zct_evicted e;
	int i;

	ASSERT_OK(zct_policy_own(&self->s, "test"));
	EXPECT_ERR(EINVAL, zct_policy_evict(self->s.name, NULL, 0, ZCT_NO_TARGET, &e));
	EXPECT_STREQ("victims must be 1 to 1024 structs of 16 bytes", zc_nl_extack());
	for (i = 0; i < 40; i++)
		if (i % 16)
			EXPECT_ERR(EINVAL, zct_policy_evict(self->s.name, v, i, ZCT_NO_TARGET, &e));
	ASSERT_OK(zct_policy_evict(self->s.name, v, 16, ZCT_NO_TARGET, &e));
	EXPECT_EQ(1, e.gone);
	v[1].__reserved = 1;
	EXPECT_ERR(EINVAL, zct_policy_evict(self->s.name, v, 32, ZCT_NO_TARGET, &e));
	EXPECT_STREQ("the reserved member of each of the victims must be 0", zc_nl_extack());
}

/* A store that goes takes its policy with it. */
TEST_F(policy, store_deleted)
{
	const struct zc_nl_cfg cfg = { .capacity = MiB };
	struct zct_store s;

	ASSERT_OK(zct_store_new(&s, &cfg));
	ASSERT_OK(zct_policy_own(&s, "test"));
	ASSERT_OK(zct_put_many(s.fd, "k", 10, 100));
	ASSERT_OK(zc_nl_store_del(s.name, true));
	EXPECT_ERR(ENOENT, zct_policy_drain(s.name, &self->d));
	EXPECT_ERR(ENOENT, zct_policy_del(s.name));
	close(s.fd);
}

TEST_HARNESS_MAIN
