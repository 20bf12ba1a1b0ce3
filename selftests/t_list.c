// SPDX-License-Identifier: GPL-2.0-only
/*
 * The listing of many objects: each of them once, in the way of nobody, and with
 * a word when it may have missed some. How long it takes is told and no test.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_raw.h"

ZCT_STORE_FIXTURE(list, .capacity = 256 * MiB)

#define MANY	100000
#define SOME	1500		/* in a table of 2048: chains are long */

/* What a dump listed. */
struct listing {
	unsigned char seen[MANY];	/* times, of the keys "key-NUMBER" */
	unsigned int order[MANY];	/* the numbers, as they came */
	unsigned int nr, others;
	bool interrupted, done;
	int err;
};

static void list_key(struct listing *l, const unsigned char *key, size_t len)
{
	char text[16] = { 0 };
	unsigned int i;

	memcpy(text, key, len < sizeof(text) ? len : sizeof(text) - 1);
	if (len != 9 || sscanf(text, "key-%5u", &i) != 1 || l->nr == MANY) {
		l->others++;
		return;
	}
	l->seen[i]++;
	l->order[l->nr++] = i;
}

static void on_object(const struct zc_nl_object *o, void *arg)
{
	list_key(arg, o->key, o->key_len);
}

static void on_message(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[ZCACHE_A_OBJECT_MAX + 1];
	struct listing *l = arg;

	l->interrupted |= !!(nlh->nlmsg_flags & NLM_F_DUMP_INTR);
	if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR) {
		l->done = true;
		memcpy(&l->err, nlmsg_data(nlh), sizeof(l->err));
	} else if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_OBJECT_MAX, NULL) >= 0 &&
		   tb[ZCACHE_A_OBJECT_KEY]) {
		list_key(l, nla_data(tb[ZCACHE_A_OBJECT_KEY]), nla_len(tb[ZCACHE_A_OBJECT_KEY]));
	}
}

/* A dump of which only its first packet was made. Return: its socket or -errno. */
static int start_dump(const char *store)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_OBJECT_GET, NLM_F_DUMP);
	int sock = zc_raw_open(), err;

	if (sock < 0 || !msg)
		return sock;
	nla_put_string(msg, ZCACHE_A_OBJECT_STORE, store);
	err = zc_raw_send(sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	if (err)
		close(sock);
	return err ?: sock;
}

static const char *key_of(unsigned int i)
{
	static __thread char key[16];

	snprintf(key, sizeof(key), "key-%05u", i);
	return key;
}

static int put_all(int fd, unsigned int nr)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++)
		err = zct_put_data(fd, key_of(i), key_of(i), 9, NULL);
	return err;
}

/*
 * A table that still grows is walked anew, and the listing says so. Once that is
 * over there is one that says nothing, and it has each exactly once.
 */
static int list_settled(const struct zct_store *s, struct listing *l)
{
	int err;

	do {
		memset(l, 0, sizeof(*l));
		err = zc_nl_object_dump(s->name, NULL, 0, on_object, l);
	} while (!err && zc_nl_interrupted());
	return err;
}

TEST_F(list, all)
{
	unsigned int i, nr = zct_slow() ? 5000 : MANY;
	static struct listing l;
	__u64 begin;

	ASSERT_OK(put_all(self->s.fd, nr));
	ASSERT_OK(list_settled(&self->s, &l));
	EXPECT_EQ(nr, l.nr);
	EXPECT_EQ(0, l.others);
	for (i = 0; i < nr; i++) {
		ASSERT_EQ(1, l.seen[i]) TH_LOG("object %u", i);
	}
	memset(&l, 0, sizeof(l));
	begin = zct_clock(CLOCK_MONOTONIC);
	ASSERT_OK(zc_nl_object_dump(self->s.name, NULL, 0, on_object, &l));
	printf("# %u objects listed in %llu ms\n", nr,
	       (zct_clock(CLOCK_MONOTONIC) - begin) / 1000000);
	fflush(stdout);
	if (!zc_nl_interrupted())
		EXPECT_EQ(nr, l.nr);
}

/* Read to its end; those from @first on were there all along. */
static void finish_dump(struct __test_metadata *_metadata, int sock, struct listing *l,
			unsigned int first, unsigned int nr)
{
	unsigned int i;

	while (!l->done)
		ASSERT_LT(0, zc_raw_next(sock, on_message, l));
	EXPECT_EQ(0, l->err);
	for (i = first; i < nr && !l->interrupted; i++) {
		ASSERT_EQ(1, l->seen[i]) TH_LOG("object %u", i);
	}
	printf("# the dump %s\n", l->interrupted ? "says it was interrupted" : "is whole");
	fflush(stdout);
	close(sock);
}

/*
 * A dump whose reader does not read stands still, wherever it is. Whatever else
 * there is to do is done meanwhile, by this very thread: a lock that a dump held
 * would stop it for good.
 */
TEST_F(list, stopped)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .inline_limit = 1000,
				 .set = ZC_NL_SET(INLINE_LIMIT) };
	struct zc_purge purge = { .key = ZC_ADDR("new"), .key_len = 3 };
	struct zc_touch touch = { .key = ZC_ADDR("key-00010"), .key_len = 9 };
	static struct listing l, other;
	struct zc_nl_object ob;
	struct zc_nl_store st;
	int sock, second, fd;
	unsigned int i;

	ASSERT_OK(put_all(self->s.fd, SOME));
	sock = start_dump(self->s.name);
	ASSERT_FD(sock);
	ASSERT_LT(0, zc_raw_next(sock, on_message, &l));
	ASSERT_LT(l.nr, SOME / 2);
	ASSERT_FALSE(l.done);

	for (i = 0; i < SOME; i++) {
		char got[16];
		struct zc_stat stat;

		ASSERT_EQ(9, zct_get_data(self->s.fd, key_of(i), got, sizeof(got), 0));
		ASSERT_EQ(0, memcmp(key_of(i), got, 9));
		ASSERT_OK(zct_stat_key(self->s.fd, key_of(i), &stat));
	}
	EXPECT_ERR(ENOENT, zct_delete_key(self->s.fd, "key-none"));
	for (i = 0; i < 5; i++)
		EXPECT_OK(zct_delete_key(self->s.fd, key_of(i)));
	for (; i < 10; i++)
		EXPECT_OK(zct_put_data(self->s.fd, key_of(i), "other", 5, NULL));
	EXPECT_OK(zct_put_data(self->s.fd, "new-1", "x", 1, NULL));
	fd = zct_fill_key(self->s.fd, "new-2", 1, 0);
	ASSERT_FD(fd);
	ASSERT_EQ(1, write(fd, "x", 1));
	EXPECT_OK(zct_commit_fd(fd, NULL));
	close(fd);
	EXPECT_OK(zct_touch(self->s.fd, &touch));
	EXPECT_OK(zct_purge(self->s.fd, &purge));
	EXPECT_EQ(2, purge.objects);
	fd = zct_open_key(self->s.fd, key_of(10));
	ASSERT_FD(fd);
	close(fd);
	/* control too, and other dumps: whole ones, and one that is given up */
	EXPECT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(SOME - 5, st.objects);
	EXPECT_OK(zc_nl_store_set(&cfg));
	EXPECT_OK(zc_nl_store_dump(NULL, NULL));
	EXPECT_OK(zc_nl_object_get(self->s.name, key_of(10), 9, &ob));
	second = start_dump(self->s.name);
	ASSERT_FD(second);
	EXPECT_OK(list_settled(&self->s, &other));
	EXPECT_EQ(SOME - 5, other.nr);
	close(second);

	finish_dump(_metadata, sock, &l, 10, SOME);
	EXPECT_EQ(0, l.others);
}

/* The table grows under a dump. It does not wait, and the dump tells of it. */
TEST_F(list, growing)
{
	static struct listing l;
	unsigned int k = 0, end;
	char key[16];
	int sock;

	ASSERT_OK(put_all(self->s.fd, SOME));
	sock = start_dump(self->s.name);
	ASSERT_FD(sock);
	while (!l.done && !l.interrupted) {
		ASSERT_LT(0, zc_raw_next(sock, on_message, &l));
		for (end = k + 200; k < end; k++) {
			snprintf(key, sizeof(key), "more-%u", k);
			ASSERT_OK(zct_put_data(self->s.fd, key, "x", 1, NULL));
		}
	}
	finish_dump(_metadata, sock, &l, 0, SOME);
	/* nothing went, so that its place was never lost */
	for (k = 0; k < SOME; k++) {
		ASSERT_LE(1, l.seen[k]) TH_LOG("object %u", k);
	}
}

struct lister {
	struct zct_store *s;
	pthread_t thread;
	volatile bool stop;
	volatile unsigned int dumps;
	int err;
};

static void *list_on(void *arg)
{
	struct lister *l = arg;

	while (!l->stop && !l->err) {
		l->err = zc_nl_object_dump(l->s->name, NULL, 0, NULL, NULL);
		l->dumps++;
	}
	return NULL;
}

/* Lookups while one dump follows the other: there is no miss. */
TEST_F(list, while_looking)
{
	struct lister lister = { .s = &self->s };
	unsigned int i, hits = 0, nr = zct_times(10000);
	struct zc_stat st;
	char got[16];

	ASSERT_OK(put_all(self->s.fd, nr));
	ASSERT_EQ(0, pthread_create(&lister.thread, NULL, list_on, &lister));
	for (i = 0; i < 2 * nr || lister.dumps < 4; i++) {
		if (zct_get_data(self->s.fd, key_of(i % nr), got, sizeof(got), 0) != 9 ||
		    memcmp(got, key_of(i % nr), 9) ||
		    zct_stat_key(self->s.fd, key_of(i % nr), &st) || lister.err)
			break;
		hits++;
	}
	lister.stop = true;
	pthread_join(lister.thread, NULL);
	EXPECT_EQ(i, hits) TH_LOG("object %u", i % nr);
	EXPECT_LE(2 * nr, hits);
	EXPECT_EQ(0, lister.err);
	EXPECT_EQ(hits, zct_count(&self->s, ZC_C_HITS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_MISSES));
}

/* A store that goes takes its dumps' objects along, and another gets its name. */
TEST_F(list, store_goes)
{
	const struct zc_nl_cfg again = { .name = self->s.name, .capacity = MiB };
	static struct listing l;
	int sock;

	ASSERT_OK(put_all(self->s.fd, SOME));
	sock = start_dump(self->s.name);
	ASSERT_FD(sock);
	ASSERT_LT(0, zc_raw_next(sock, on_message, &l));
	ASSERT_LT(l.nr, SOME / 2);
	/* a dump is no use of a store */
	close(self->s.fd);
	ASSERT_OK(zc_nl_store_del(self->s.name, false));
	ASSERT_OK(zc_nl_store_new(&again));
	self->s.fd = open(self->s.path, O_RDWR | O_CLOEXEC);
	ASSERT_FD(self->s.fd);
	ASSERT_OK(zct_put_data(self->s.fd, "of the new one", "x", 1, NULL));
	while (!l.done)
		ASSERT_LT(0, zc_raw_next(sock, on_message, &l));
	EXPECT_EQ(0, l.err);
	EXPECT_EQ(0, l.others);
	EXPECT_LT(l.nr, SOME);
	close(sock);
}

/*
 * A dump stands at an object between its packets. When that goes, and the ones
 * before it do, it cannot know which come next: it lists all that stayed, or says
 * that it may have not. Two dumps list in the same order, so that the first tells
 * where the second stands: one packet, made already, after the last that was read.
 */
TEST_F(list, place_lost)
{
	unsigned int nr, i, at, packet = 0, begun, k;
	struct zc_purge all = { 0 };
	static struct listing l, before;
	static unsigned int place[SOME];
	static bool gone[SOME];
	int sock;

	/* the order is another one each time */
	for (nr = SOME; nr > SOME - 250; nr -= 50) {
		ASSERT_OK(put_all(self->s.fd, nr));
		ASSERT_OK(list_settled(&self->s, &before));
		ASSERT_EQ(nr, before.nr);
		for (i = 0; i < nr; i++)
			place[before.order[i]] = i;
		memset(&l, 0, sizeof(l));
		memset(gone, 0, sizeof(gone));
		sock = start_dump(self->s.name);
		ASSERT_FD(sock);
		while (!l.done) {
			begun = l.nr;
			ASSERT_LT(0, zc_raw_next(sock, on_message, &l));
			packet = l.nr - begun;
			if (!packet)
				continue;
			at = place[l.order[l.nr - 1]];
			for (k = 0; k <= packet && at + 1 < nr; k += !gone[before.order[at]])
				at++;
			for (k = 0; k < 8; k++) {
				i = before.order[at - k];
				if (!gone[i])
					ASSERT_OK(zct_delete_key(self->s.fd, key_of(i)));
				gone[i] = true;
			}
		}
		close(sock);
		EXPECT_EQ(0, l.err);
		for (i = 0; i < nr && !l.interrupted; i++) {
			EXPECT_TRUE(gone[i] || l.seen[i] == 1)
				TH_LOG("of %u, object %u stayed, and was listed %u times", nr, i,
				       l.seen[i]);
		}
		ASSERT_OK(zct_purge(self->s.fd, &all));
	}
}

TEST_HARNESS_MAIN
