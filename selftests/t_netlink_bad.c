// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink messages that are cut, too deep, too long or of wrong types, alone
 * and among many: each is refused with an errno and a sentence, and all stores
 * are afterwards as they were.
 */
#include <stdlib.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"
#include "zc_raw.h"
#include "zc_tag.h"

#define NEW	"t_bad-new"
#define VICTIM	"t_bad-victim"
#define HEADS	(NLMSG_HDRLEN + GENL_HDRLEN)
#define LONGEST	(0xffff - NLA_HDRLEN)	/* bytes in an attribute */

#define TAG	7

FIXTURE(bad) {
	struct zct_store s;
	struct zc_stores before;
	int sock;
	char why[256];			/* the last answer's sentence */
	char mark[96];
};

FIXTURE_SETUP(bad)
{
	const struct zc_nl_cfg victim = { .name = VICTIM, .capacity = MiB };

	ZCT_START(bad);
	zc_nl_store_del(NEW, true);
	zc_nl_store_del(VICTIM, true);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zc_nl_store_new(&victim));
	ASSERT_OK(zct_put_tag(self->s.fd, "key", 4, TAG));
	self->sock = zc_raw_open();
	ASSERT_FD(self->sock);
	ASSERT_OK(zc_stores_get(&self->before));
}

FIXTURE_TEARDOWN(bad)
{
	close(self->sock);
	zc_nl_store_del(VICTIM, true);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define EXPECT_UNCHANGED()	EXPECT_OK(zc_stores_changed(&self->before))

/* What the family knows; a dump has a policy of its own. */
static const struct kind {
	const char *name;
	int cmd;
	int flags;
} kinds[] = {
	{ "store-new", ZCACHE_CMD_STORE_NEW, 0 },
	{ "store-del", ZCACHE_CMD_STORE_DEL, 0 },
	{ "store-get", ZCACHE_CMD_STORE_GET, 0 },
	{ "dump of stores", ZCACHE_CMD_STORE_GET, NLM_F_DUMP },
	{ "store-set", ZCACHE_CMD_STORE_SET, 0 },
	{ "object-get", ZCACHE_CMD_OBJECT_GET, 0 },
	{ "dump of objects", ZCACHE_CMD_OBJECT_GET, NLM_F_DUMP },
	{ "tag-set", ZCACHE_CMD_TAG_SET, 0 },
	{ "tag-get", ZCACHE_CMD_TAG_GET, 0 },
	{ "dump of tags", ZCACHE_CMD_TAG_GET, NLM_F_DUMP },
};

#define FOR_EACH_KIND(k) \
	for (const struct kind *k = kinds; k < kinds + ARRAY_SIZE(kinds); k++)

static struct nl_msg *message(int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(256 << 10);

	if (!msg || !genlmsg_put(msg, 0, 0, zc_nl_family(), 0, NLM_F_REQUEST | NLM_F_ACK | flags,
				 cmd, ZCACHE_FAMILY_VERSION))
		abort();
	return msg;
}

static unsigned int unpadded(const char *name)
{
	return NLA_HDRLEN + strlen(name) + 1;
}

/* What names the store. */
static int store_attr(const struct kind *k)
{
	switch (k->cmd) {
	case ZCACHE_CMD_OBJECT_GET:
		return ZCACHE_A_OBJECT_STORE;
	case ZCACHE_CMD_TAG_SET:
	case ZCACHE_CMD_TAG_GET:
		return ZCACHE_A_TAG_STORE;
	default:
		return ZCACHE_A_STORE_NAME;
	}
}

/*
 * A message of this kind that would do something. Its last attribute is the name
 * of the store, without which there is nothing to do. @len: without the padding.
 */
static struct nl_msg *whole(const struct zct_store *s, const struct kind *k, size_t *len)
{
	struct nl_msg *msg = message(k->cmd, k->flags);
	const char *name = s->name;

	switch (k->cmd) {
	case ZCACHE_CMD_STORE_NEW:
		name = NEW;
		nla_put_u32(msg, ZCACHE_A_STORE_MODE, 0600);
		nla_put_u32(msg, ZCACHE_A_STORE_INLINE_LIMIT, 100);
		nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
		break;
	case ZCACHE_CMD_STORE_DEL:
		name = VICTIM;
		nla_put_flag(msg, ZCACHE_A_STORE_FORCE);
		break;
	case ZCACHE_CMD_STORE_SET:
		nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, MiB);
		nla_put_u32(msg, ZCACHE_A_STORE_INLINE_LIMIT, 100);
		break;
	case ZCACHE_CMD_OBJECT_GET:
		nla_put(msg, ZCACHE_A_OBJECT_KEY, 3, "key");
		break;
	case ZCACHE_CMD_TAG_SET:
		/* as it is */
		nla_put_u64(msg, ZCACHE_A_TAG_QUOTA, 0);
		nla_put_u64(msg, ZCACHE_A_TAG_FLOOR, 0);
		nla_put_u64(msg, ZCACHE_A_TAG_ID, TAG);
		break;
	case ZCACHE_CMD_TAG_GET:
		if (!k->flags)
			nla_put_u64(msg, ZCACHE_A_TAG_ID, TAG);
		break;
	}
	*len = nlmsg_hdr(msg)->nlmsg_len;
	/* this dump takes no attribute */
	if (k->cmd == ZCACHE_CMD_STORE_GET && k->flags & NLM_F_DUMP)
		return msg;
	nla_put_string(msg, store_attr(k), name);
	*len += unpadded(name);
	return msg;
}

struct answers {
	unsigned int nr;		/* messages */
	unsigned int data;		/* that are neither errors nor ends of dumps */
	int err;			/* of the last error */
	char *why;
	size_t room;
};

static void on_answer(struct nlmsghdr *nlh, void *arg)
{
	struct answers *a = arg;

	a->nr++;
	if (nlh->nlmsg_type == NLMSG_ERROR)
		a->err = zc_raw_error(nlh, a->why, a->room);
	else if (nlh->nlmsg_type != NLMSG_DONE)
		a->data++;
}

/* Return: the answer's error; -ENOMSG: none; -EPROTO: more than an error. */
static int tell(FIXTURE_DATA(bad) *self, const void *bytes, size_t len)
{
	struct answers a = { .why = self->why, .room = sizeof(self->why) };
	int err = zc_raw_send(self->sock, bytes, len);

	self->why[0] = '\0';
	if (err)
		return err;
	while (zc_raw_next(self->sock, on_answer, &a) >= 0)
		;
	return !a.nr ? -ENOMSG : a.err && a.nr > 1 ? -EPROTO : a.err;
}

static int tell_msg(FIXTURE_DATA(bad) *self, struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	int err = tell(self, nlh, nlh->nlmsg_len);

	nlmsg_free(msg);
	return err;
}

/* An errno, and a sentence wherever the kernel has a place for one. */
#define EXPECT_REFUSED(error, k, call, args...) \
	do { \
		EXPECT_ERR(error, call) TH_LOG(args); \
		if (!((k)->flags & NLM_F_DUMP) || zc_raw_dumps_say_why()) { \
			EXPECT_LT(5, strlen(self->why)) TH_LOG("no sentence: " args); \
		} \
	} while (0)

/* Cut at every byte, with a header that knows it and with one that does not. */
TEST_F(bad, cut)
{
	struct nlmsghdr *nlh;
	struct nl_msg *msg;
	size_t len, n;

	FOR_EACH_KIND(k) {
		msg = whole(&self->s, k, &len);
		nlh = nlmsg_hdr(msg);
		for (n = 1; n < len; n++) {
			/* of a message that goes on behind the end there is nothing */
			nlh->nlmsg_len = len;
			EXPECT_ERR(ENOMSG, tell(self, nlh, n)) TH_LOG("%s, %zu", k->name, n);
			nlh->nlmsg_len = n;
			if (n >= HEADS) {
				EXPECT_REFUSED(EINVAL, k, tell(self, nlh, n), "%s, %zu", k->name,
					       n);
				continue;
			}
			/* the kernel sees no request, or one that is not this family's yet */
			EXPECT_EQ(n < NLMSG_HDRLEN ? -ENOMSG : -EINVAL, tell(self, nlh, n))
				TH_LOG("%s, %zu", k->name, n);
		}
		nlmsg_free(msg);
	}
	EXPECT_UNCHANGED();
	/* nothing was wrong but that they were cut */
	FOR_EACH_KIND(k) {
		msg = whole(&self->s, k, &len);
		nlmsg_hdr(msg)->nlmsg_len = len;
		EXPECT_OK(tell_msg(self, msg)) TH_LOG("%s: %s", k->name, self->why);
	}
	EXPECT_NE(0, zc_stores_changed(&self->before));
	EXPECT_OK(zc_nl_store_del(NEW, false));
	EXPECT_ERR(ENOENT, zc_nl_store_del(VICTIM, false));
}

/* Attributes that nobody knows, or that are no business of the request's. */
TEST_F(bad, unknown)
{
	static const int types[] = { 0, 1, ZCACHE_A_STORE_STATS, ZCACHE_A_STORE_MAX + 1, 1000,
				     NLA_TYPE_MASK };
	struct nl_msg *msg;
	size_t len, bytes;
	unsigned int i;

	FOR_EACH_KIND(k) {
		for (i = 0; i < ARRAY_SIZE(types); i++) {
			for (bytes = 0; bytes <= 8; bytes += 4) {
				msg = whole(&self->s, k, &len);
				nla_put(msg, types[i], bytes, "\0\0\0\0\0\0\0");
				EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg),
					       "%s, type %d of %zu bytes", k->name, types[i],
					       bytes);
			}
		}
	}
	EXPECT_UNCHANGED();
}

/* Attributes in attributes in attributes. No request takes a single one. */
static void put_deep(struct nl_msg *msg, int type, unsigned int levels)
{
	struct nlattr *attr = nlmsg_reserve(msg, levels * NLA_HDRLEN, NLMSG_ALIGNTO);
	unsigned int i;

	for (i = 0; i < levels; i++) {
		attr[i].nla_len = (levels - i) * NLA_HDRLEN;
		attr[i].nla_type = (i ? 1 : type) | NLA_F_NESTED;
	}
}

TEST_F(bad, deep)
{
	static const unsigned int levels[] = { 1, 2, 20, LONGEST / NLA_HDRLEN };
	unsigned int i, type;
	struct nl_msg *msg;
	size_t len;

	FOR_EACH_KIND(k) {
		for (i = 0; i < ARRAY_SIZE(levels); i++) {
			for (type = 0; type <= 40; type++) {
				msg = whole(&self->s, k, &len);
				put_deep(msg, type < 40 ? type : 1000, levels[i]);
				EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg),
					       "%s, %u levels of type %u", k->name, levels[i],
					       type);
			}
		}
	}
	EXPECT_UNCHANGED();
}

/* Numbers and flags of every length but their own. */
TEST_F(bad, lengths)
{
	static const struct {
		int attr;
		unsigned int bytes;
		bool set;		/* store-set takes it too */
	} numbers[] = {
		{ ZCACHE_A_STORE_CAPACITY, 8, true },
		{ ZCACHE_A_STORE_MAX_OBJECT_SIZE, 8, true },
		{ ZCACHE_A_STORE_MAX_KEY_LEN, 4, false },
		{ ZCACHE_A_STORE_INLINE_LIMIT, 4, true },
		{ ZCACHE_A_STORE_SPLICE_THRESHOLD, 8, true },
		{ ZCACHE_A_STORE_MODE, 4, false },
		{ ZCACHE_A_STORE_UID, 4, false },
		{ ZCACHE_A_STORE_GID, 4, false },
		{ ZCACHE_A_STORE_COPY, 4, true },
		{ ZCACHE_A_STORE_DEFAULT_TTL, 8, true },
		{ ZCACHE_A_STORE_GRACE, 4, true },
	};
	static const char ones[17] = "\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1\1";
	const struct kind *new = &kinds[0], *del = &kinds[1], *set = &kinds[4];
	unsigned int i, n;
	struct nl_msg *msg;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (n = 0; n < sizeof(ones); n++) {
			if (n == numbers[i].bytes)
				continue;
			msg = whole(&self->s, new, &len);
			nla_put(msg, numbers[i].attr, n, ones);
			EXPECT_REFUSED(EINVAL, new, tell_msg(self, msg), "new: %d of %u",
				       numbers[i].attr, n);
			if (!numbers[i].set)
				continue;
			msg = whole(&self->s, set, &len);
			nla_put(msg, numbers[i].attr, n, ones);
			EXPECT_REFUSED(EINVAL, set, tell_msg(self, msg), "set: %d of %u",
				       numbers[i].attr, n);
		}
	}
	for (n = 1; n < sizeof(ones); n++) {
		msg = whole(&self->s, del, &len);
		nla_put(msg, ZCACHE_A_STORE_FORCE, n, ones);
		EXPECT_REFUSED(ERANGE, del, tell_msg(self, msg), "a flag of %u", n);
	}
	EXPECT_UNCHANGED();
}

/* The longest name and key that a message has room for, and then some. */
TEST_F(bad, huge)
{
	static char name[LONGEST];
	unsigned int i, attr;
	struct nl_msg *msg;
	size_t len;

	FOR_EACH_KIND(k) {
		if (k->cmd == ZCACHE_CMD_STORE_GET && k->flags)
			continue;
		attr = store_attr(k);
		/* without an end, with one where it is, with one that comes early */
		memset(name, 'n', sizeof(name));
		msg = whole(&self->s, k, &len);
		nla_put(msg, attr, sizeof(name), name);
		EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s", k->name);
		name[sizeof(name) - 1] = '\0';
		msg = whole(&self->s, k, &len);
		nla_put(msg, attr, sizeof(name), name);
		EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s", k->name);
		strcpy(name, k->cmd == ZCACHE_CMD_STORE_NEW ? NEW : VICTIM);
		msg = whole(&self->s, k, &len);
		nla_put(msg, attr, sizeof(name), name);
		EXPECT_REFUSED(ERANGE, k, tell_msg(self, msg), "%s", k->name);
		/* 192 KiB of what nobody knows */
		msg = whole(&self->s, k, &len);
		for (i = 0; i < 3; i++)
			nla_put(msg, 1000 + i, sizeof(name), name);
		EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s", k->name);
		if (k->cmd != ZCACHE_CMD_OBJECT_GET)
			continue;
		msg = whole(&self->s, k, &len);
		nla_put(msg, ZCACHE_A_OBJECT_KEY, sizeof(name), name);
		EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s", k->name);
	}
	EXPECT_UNCHANGED();
}

/* Headers: what is reserved, flags without a meaning, and what is no request. */
TEST_F(bad, headers)
{
	static const int flags[] = { NLM_F_MULTI, NLM_F_DUMP_INTR, NLM_F_ROOT, NLM_F_MATCH,
				     NLM_F_ATOMIC, 0x20, 0x800, 0x8000 };
	struct genlmsghdr *genl;
	struct nl_msg *msg;
	unsigned int i;
	size_t len;

	FOR_EACH_KIND(k) {
		msg = whole(&self->s, k, &len);
		genl = nlmsg_data(nlmsg_hdr(msg));
		genl->reserved = 1;
		EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s", k->name);
		for (i = 0; i < ARRAY_SIZE(flags); i++) {
			/* half of a dump's two flags is the dump's here */
			if (k->flags & flags[i])
				continue;
			msg = whole(&self->s, k, &len);
			nlmsg_hdr(msg)->nlmsg_flags |= flags[i];
			EXPECT_REFUSED(EINVAL, k, tell_msg(self, msg), "%s, flag 0x%x", k->name,
				       flags[i]);
		}
		/* an answer that nobody waits for is acknowledged and not read */
		msg = whole(&self->s, k, &len);
		nlmsg_hdr(msg)->nlmsg_flags &= ~NLM_F_REQUEST;
		EXPECT_OK(tell_msg(self, msg)) TH_LOG("%s", k->name);
	}
	EXPECT_UNCHANGED();
}

/* --- many messages in one send */

#define MANY	2000
#define FIRST	10000			/* the least threshold that a batch sets */

struct batch {
	char bytes[192 << 10];
	size_t len;
};

static void add(struct batch *b, struct nl_msg *msg, unsigned int seq)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);

	nlh->nlmsg_seq = seq;
	memcpy(b->bytes + b->len, nlh, nlh->nlmsg_len);
	b->len += NLMSG_ALIGN(nlh->nlmsg_len);
	nlmsg_free(msg);
}

static struct nl_msg *set_threshold(const char *name, unsigned int threshold)
{
	struct nl_msg *msg = message(ZCACHE_CMD_STORE_SET, 0);

	nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, threshold);
	return msg;
}

static struct nl_msg *get_object(const char *name, const char *key)
{
	struct nl_msg *msg = message(ZCACHE_CMD_OBJECT_GET, 0);

	nla_put_string(msg, ZCACHE_A_OBJECT_STORE, name);
	nla_put(msg, ZCACHE_A_OBJECT_KEY, strlen(key), key);
	return msg;
}

/* What each message of a batch gets as its answer. */
static const struct {
	int err;
	unsigned int data;
} wanted[] = { { 0, 0 }, { -EINVAL, 0 }, { 0, 1 }, { -EINVAL, 0 }, { -ENOENT, 0 } };

static struct nl_msg *nth_of_batch(const char *name, unsigned int i)
{
	struct nl_msg *msg;

	switch (i % ARRAY_SIZE(wanted)) {
	case 0:
		return set_threshold(name, FIRST + i);
	case 1:
		msg = set_threshold(name, 1);
		nla_put_u32(msg, ZCACHE_A_STORE_MAX + 1, 1);
		return msg;
	case 2:
		return get_object(name, "key");
	case 3:
		msg = message(ZCACHE_CMD_STORE_NEW, 0);
		nla_put_string(msg, ZCACHE_A_STORE_NAME, NEW);
		return msg;
	default:
		return get_object(name, "none");
	}
}

struct answered {
	unsigned int acks[MANY + 1], data[MANY + 1], others;
	unsigned int last;		/* the number of the last that was acknowledged */
	int err[MANY + 1];
	bool sentence[MANY + 1];
};

static void on_batch(struct nlmsghdr *nlh, void *arg)
{
	unsigned int seq = nlh->nlmsg_seq;
	struct answered *a = arg;
	char why[256];

	if (seq > MANY) {
		a->others++;
	} else if (nlh->nlmsg_type != NLMSG_ERROR) {
		a->data[seq]++;
	} else {
		a->acks[seq]++;
		a->err[seq] = zc_raw_error(nlh, why, sizeof(why));
		a->sentence[seq] = strlen(why) > 5;
		a->others += seq < a->last;
		a->last = seq;
	}
}

TEST_F(bad, batch)
{
	static struct answered got;
	static struct batch b;
	struct zc_nl_cfg back = { .name = self->s.name, .set = ZC_NL_SET(SPLICE_THRESHOLD) };
	struct zc_nl_store st;
	unsigned int i, kind;

	for (i = 0; i < MANY; i++)
		add(&b, nth_of_batch(self->s.name, i), i);
	ASSERT_LT(64 * KiB, b.len);
	ASSERT_OK(zc_raw_send(self->sock, b.bytes, b.len));
	while (zc_raw_next(self->sock, on_batch, &got) > 0)
		;
	/* in their order, one each */
	EXPECT_EQ(0, got.others);
	for (i = 0; i < MANY; i++) {
		kind = i % ARRAY_SIZE(wanted);
		ASSERT_EQ(1, got.acks[i]) TH_LOG("message %u", i);
		ASSERT_EQ(wanted[kind].err, got.err[i]) TH_LOG("message %u", i);
		ASSERT_EQ(wanted[kind].data, got.data[i]) TH_LOG("message %u", i);
		ASSERT_EQ(wanted[kind].err != 0, got.sentence[i]) TH_LOG("message %u", i);
	}
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(FIRST + MANY - ARRAY_SIZE(wanted), st.splice_threshold);
	/* and that was all of it */
	ASSERT_OK(zc_nl_store_get(VICTIM, &st));
	back.splice_threshold = st.splice_threshold;
	ASSERT_OK(zc_nl_store_set(&back));
	EXPECT_UNCHANGED();
}

/* Behind a message whose length is a lie nothing is read; what came before is done. */
TEST_F(bad, batch_with_a_lie)
{
	static const __u32 lies[] = { 0, 1, NLMSG_HDRLEN - 1, 4096, 0x7fffffff, 0xffffffff };
	static struct answered got;
	static struct batch b;
	struct zc_nl_store st;
	unsigned int i;
	size_t at;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		memset(&got, 0, sizeof(got));
		b.len = 0;
		add(&b, set_threshold(self->s.name, FIRST + i), 1);
		at = b.len;
		add(&b, set_threshold(self->s.name, 1), 2);
		((struct nlmsghdr *)(b.bytes + at))->nlmsg_len = lies[i];
		add(&b, set_threshold(self->s.name, 2), 3);
		ASSERT_OK(zc_raw_send(self->sock, b.bytes, b.len));
		while (zc_raw_next(self->sock, on_batch, &got) > 0)
			;
		EXPECT_EQ(1, got.acks[1]);
		EXPECT_EQ(0, got.err[1]);
		EXPECT_EQ(0, got.acks[2] + got.acks[3] + got.others) TH_LOG("length %u", lies[i]);
		ASSERT_OK(zc_nl_store_get(self->s.name, &st));
		EXPECT_EQ(FIRST + i, st.splice_threshold) TH_LOG("length %u", lies[i]);
	}
}

TEST_HARNESS_MAIN
