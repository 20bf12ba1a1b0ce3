// SPDX-License-Identifier: GPL-2.0-only
/* Messages that no tool would send, and the listing of objects. */
#include <stdlib.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"
#include "zc_raw.h"

ZCT_STORE_FIXTURE(netlink, .capacity = 64 * MiB)

/* A refusal has an errno and a sentence. */
#define EXPECT_REFUSED(error, call) \
	do { \
		EXPECT_ERR(error, call); \
		EXPECT_LT(5, strlen(zc_nl_extack())) TH_LOG("no sentence with " #error); \
	} while (0)

/* The same of a dump. */
#define EXPECT_DUMP_REFUSED(error, call) \
	do { \
		EXPECT_ERR(error, call); \
		if (zc_raw_dumps_say_why()) \
			EXPECT_LT(5, strlen(zc_nl_extack())) TH_LOG("no sentence with " #error); \
	} while (0)

static struct nl_msg *new_msg(const char *name)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_STORE_NEW, 0);

	nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	return msg;
}

#define NAME	"t_netlink"

TEST_F(netlink, malformed)
{
	struct zc_nl_store st;
	struct nl_msg *msg;
	struct nlattr *attr;
	int i;

	/* no capacity; no name; neither */
	EXPECT_REFUSED(EINVAL, zc_nl_call(new_msg(NAME), NULL, NULL));
	msg = zc_nl_msg(ZCACHE_CMD_STORE_NEW, 0);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	EXPECT_REFUSED(EINVAL, zc_nl_call(zc_nl_msg(ZCACHE_CMD_STORE_NEW, 0), NULL, NULL));
	EXPECT_REFUSED(EINVAL, zc_nl_call(zc_nl_msg(ZCACHE_CMD_STORE_DEL, 0), NULL, NULL));
	EXPECT_REFUSED(EINVAL, zc_nl_call(zc_nl_msg(ZCACHE_CMD_STORE_GET, 0), NULL, NULL));
	EXPECT_REFUSED(EINVAL, zc_nl_call(zc_nl_msg(ZCACHE_CMD_OBJECT_GET, 0), NULL, NULL));
	EXPECT_DUMP_REFUSED(EINVAL, zc_nl_call(zc_nl_msg(ZCACHE_CMD_OBJECT_GET, NLM_F_DUMP),
					       NULL, NULL));
	/* a number of the wrong size */
	msg = new_msg(NAME);
	nla_put_u32(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	msg = new_msg(NAME);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	nla_put_u64(msg, ZCACHE_A_STORE_MODE, 0600);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	/* an attribute that is none of the call's */
	msg = new_msg(NAME);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	nla_put_u64(msg, ZCACHE_A_STORE_USED, 0);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	/* one that nobody knows */
	msg = new_msg(NAME);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	nla_put_u32(msg, ZCACHE_A_STORE_MAX + 1, 1);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	msg = new_msg(NAME);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	nla_put_u32(msg, 1000, 1);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	/* a name without its end */
	msg = zc_nl_msg(ZCACHE_CMD_STORE_NEW, 0);
	nla_put(msg, ZCACHE_A_STORE_NAME, 4, "abcd");
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	/* one with an end in the middle is the part before it, or refused */
	msg = zc_nl_msg(ZCACHE_CMD_STORE_DEL, 0);
	nla_put(msg, ZCACHE_A_STORE_NAME, 0, "");
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	/* a flag with bytes */
	msg = zc_nl_msg(ZCACHE_CMD_STORE_DEL, 0);
	nla_put_string(msg, ZCACHE_A_STORE_NAME, self->s.name);
	nla_put_u32(msg, ZCACHE_A_STORE_FORCE, 1);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	/* lengths that lie */
	for (i = 0; i < 8; i++) {
		msg = new_msg(NAME);
		attr = nlmsg_attrdata(nlmsg_hdr(msg), GENL_HDRLEN);
		attr->nla_len = (const int[]){ 0, 1, 3, 5, 100, 0x7fff, 0xffff, 0xfffc }[i];
		EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	}
	/* a command that is none */
	EXPECT_NE(0, zc_nl_call(zc_nl_msg(0, 0), NULL, NULL));
	EXPECT_NE(0, zc_nl_call(zc_nl_msg(ZCACHE_CMD_MAX + 1, 0), NULL, NULL));
	EXPECT_NE(0, zc_nl_call(zc_nl_msg(255, 0), NULL, NULL));
	EXPECT_NE(0, zc_nl_call(zc_nl_msg(ZCACHE_CMD_STORE_NEW, NLM_F_DUMP), NULL, NULL));
	/* and nothing came of all that */
	EXPECT_ERR(ENOENT, zc_nl_store_get(NAME, &st));
	EXPECT_OK(zc_nl_store_get(self->s.name, &st));
}

/* Bytes at random, in the shape of messages; the answer does not matter. */
TEST_F(netlink, random)
{
	unsigned int seed = zct_seed(), i, k, len, rounds = zct_times(3000);
	unsigned char junk[200];
	struct zc_nl_store st;
	struct nl_msg *msg;

	for (i = 0; i < rounds; i++) {
		msg = zc_nl_msg(zct_random(&seed) % 6, zct_random(&seed) % 3 ? 0 : NLM_F_DUMP);
		for (k = zct_random(&seed) % 5; k; k--) {
			len = zct_random(&seed) % (k & 1 ? sizeof(junk) : 10);
			for (unsigned int b = 0; b < len; b++)
				junk[b] = zct_random(&seed);
			/* the name of the store that is there, with whatever follows */
			if (zct_random(&seed) % 3 == 0)
				nla_put_string(msg, ZCACHE_A_STORE_NAME, self->s.name);
			nla_put(msg, zct_random(&seed) % 20 | (zct_random(&seed) % 8 == 0 ?
				NLA_F_NESTED : 0), len, junk);
		}
		zc_nl_call(msg, NULL, NULL);
	}
	/* it is in use, so no random message can have deleted it without force */
	if (zc_nl_store_get(self->s.name, &st)) {
		/* with force, one can: then there is a new one for the teardown */
		close(self->s.fd);
		ASSERT_OK(zct_store_new(&self->s, NULL));
	}
}

struct seen {
	unsigned char count[5000];
	unsigned int total, wrong;
	const char *prefix;
};

static void on_object(const struct zc_nl_object *o, void *arg)
{
	struct seen *seen = arg;
	char key[32] = { 0 };
	unsigned int i;

	seen->total++;
	memcpy(key, o->key, o->key_len < 31 ? o->key_len : 31);
	if (sscanf(key, "key-%04u", &i) != 1 || i >= 5000 || o->key_len != 8 ||
	    o->size != i % 100 || !o->generation || !o->created || o->expires || !o->charge)
		seen->wrong++;
	else
		seen->count[i]++;
}

TEST_F(netlink, objects)
{
	static struct seen seen;
	struct zc_nl_object ob;
	unsigned int i, n = zct_slow() ? 1000 : 5000;
	__u64 gen = 0;
	struct zc_stat st;
	char key[16], data[100] = { 0 };

	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "key-%04u", i);
		ASSERT_OK(zct_put_data(self->s.fd, key, data, i % 100, &gen));
	}
	ASSERT_OK(zc_nl_object_dump(self->s.name, NULL, 0, on_object, &seen));
	EXPECT_FALSE(zc_nl_interrupted());
	EXPECT_EQ(n, seen.total);
	EXPECT_EQ(0, seen.wrong);
	for (i = 0; i < n; i++)
		EXPECT_EQ(1, seen.count[i]);

	memset(&seen, 0, sizeof(seen));
	ASSERT_OK(zc_nl_object_dump(self->s.name, "key-012", 7, on_object, &seen));
	EXPECT_EQ(10, seen.total);
	for (i = 120; i < 130; i++)
		EXPECT_EQ(1, seen.count[i]);
	memset(&seen, 0, sizeof(seen));
	ASSERT_OK(zc_nl_object_dump(self->s.name, "key-0123", 8, on_object, &seen));
	EXPECT_EQ(1, seen.total);
	memset(&seen, 0, sizeof(seen));
	ASSERT_OK(zc_nl_object_dump(self->s.name, "key-01234", 9, on_object, &seen));
	EXPECT_EQ(0, seen.total);

	ASSERT_OK(zc_nl_object_get(self->s.name, "key-0077", 8, &ob));
	ASSERT_OK(zct_stat_key(self->s.fd, "key-0077", &st));
	EXPECT_EQ(8, ob.key_len);
	EXPECT_EQ(0, memcmp(ob.key, "key-0077", 8));
	EXPECT_EQ(st.generation, ob.generation);
	EXPECT_EQ(77, ob.size);
	EXPECT_EQ(st.charge, ob.charge);
	EXPECT_EQ(st.created_ns, ob.created);
	EXPECT_EQ(0, ob.hits);
	EXPECT_REFUSED(ENOENT, zc_nl_object_get(self->s.name, "key", 3, &ob));
	EXPECT_REFUSED(ENOENT, zc_nl_object_get("no-such-store", "key", 3, &ob));
	EXPECT_DUMP_REFUSED(ENOENT, zc_nl_object_dump("no-such-store", NULL, 0, NULL, NULL));
}

/* Looking is no use: neither the counters nor the objects' hits move. */
TEST_F(netlink, looking_is_no_use)
{
	struct zc_nl_store before;
	struct zc_nl_object ob;

	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(zc_nl_object_get(self->s.name, "k", 1, &ob));
	ASSERT_OK(zc_nl_object_dump(self->s.name, NULL, 0, NULL, NULL));
	ASSERT_OK(zc_nl_object_get(self->s.name, "k", 1, &ob));
	EXPECT_EQ(0, ob.hits);
	EXPECT_EQ(0, zct_deltas(&self->s, &before, NULL, 0));
}

TEST_F(netlink, long_keys)
{
	static unsigned char key[ZC_KEY_MAX + 1];
	struct zc_put put = { .key = ZC_ADDR(key), .key_len = ZC_KEY_MAX };
	struct zc_nl_object ob;

	zct_pattern(key, sizeof(key), 1, 1, 0);
	ASSERT_OK(zct_put(self->s.fd, &put));
	ASSERT_OK(zc_nl_object_get(self->s.name, key, ZC_KEY_MAX, &ob));
	EXPECT_EQ(ZC_KEY_MAX, ob.key_len);
	EXPECT_EQ(0, memcmp(key, ob.key, ZC_KEY_MAX));
	EXPECT_NE(0, zc_nl_object_get(self->s.name, key, ZC_KEY_MAX + 1, &ob));
	EXPECT_LT(0, strlen(zc_nl_extack()));
	EXPECT_REFUSED(EINVAL, zc_nl_object_get(self->s.name, key, 0, &ob));
}

static void *changer(void *arg)
{
	const struct zct_store *s = arg;
	unsigned int i;
	char key[16];

	for (i = 0; i < zct_times(3000); i++) {
		snprintf(key, sizeof(key), "mv-%04u", i % 500);
		zct_put_data(s->fd, key, "x", 1, NULL);
		snprintf(key, sizeof(key), "mv-%04u", (i + 250) % 500);
		zct_delete_key(s->fd, key);
	}
	return NULL;
}

/* Objects that stay are listed at least once, whatever comes and goes. */
TEST_F(netlink, dump_while_changing)
{
	static struct seen seen;
	pthread_t thread;
	unsigned int i, rounds = zct_times(20), k;
	char key[16], data[100] = { 0 };

	for (i = 0; i < 500; i++) {
		snprintf(key, sizeof(key), "key-%04u", i);
		ASSERT_OK(zct_put_data(self->s.fd, key, data, i % 100, NULL));
	}
	ASSERT_EQ(0, pthread_create(&thread, NULL, changer, &self->s));
	for (k = 0; k < rounds; k++) {
		memset(&seen, 0, sizeof(seen));
		EXPECT_OK(zc_nl_object_dump(self->s.name, "key", 3, on_object, &seen));
		EXPECT_EQ(0, seen.wrong);
		for (i = 0; i < 500; i++)
			if (!zc_nl_interrupted())
				ASSERT_EQ(1, seen.count[i]);
	}
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
