// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "zc_nl.h"

/*
 * One socket per thread, so that threads and forked children do not read each
 * other's answers. It is opened by the process that uses it.
 */
struct conn {
	struct nl_sock *sk;
	pid_t pid;
	int family;
	unsigned int seq;
	bool interrupted;
	char extack[256];
};

static __thread struct conn conn;

static int conn_open(void)
{
	int on = 1, size = 1 << 20;

	if (conn.sk && conn.pid == getpid())
		return 0;
	/* A parent's socket is left alone: its port is the parent's. */
	memset(&conn, 0, sizeof(conn));
	conn.sk = nl_socket_alloc();
	if (!conn.sk)
		return -ENOMEM;
	if (genl_connect(conn.sk) < 0) {
		nl_socket_free(conn.sk);
		conn.sk = NULL;
		return -ENOTCONN;
	}
	conn.pid = getpid();
	setsockopt(nl_socket_get_fd(conn.sk), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(conn.sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(conn.sk), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	conn.family = genl_ctrl_resolve(conn.sk, ZCACHE_FAMILY_NAME);
	return 0;
}

const char *zc_nl_extack(void)
{
	return conn.extack;
}

bool zc_nl_interrupted(void)
{
	return conn.interrupted;
}

int zc_nl_family(void)
{
	int err = conn_open();

	if (err)
		return err;
	return conn.family < 0 ? -ENOENT : conn.family;
}

int zc_nl_fd(void)
{
	return nl_socket_get_fd(conn.sk);
}

struct nl_msg *zc_nl_msg_of(int family, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(16 << 10);

	if (msg && !genlmsg_put(msg, 0, 0, family, 0, flags, cmd, ZCACHE_FAMILY_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

struct nl_msg *zc_nl_msg(int cmd, int flags)
{
	int family = zc_nl_family();

	if (family < 0)
		return NULL;
	return zc_nl_msg_of(family, cmd, flags | NLM_F_REQUEST);
}

static void read_extack(struct nlmsghdr *nlh, size_t skip)
{
	size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(skip);
	struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || nlh->nlmsg_len <= head)
		return;
	attr = nla_find((struct nlattr *)((char *)nlh + head), nlh->nlmsg_len - head,
			NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(conn.extack, sizeof(conn.extack), "%.*s", nla_len(attr),
			 (char *)nla_data(attr));
}

/* One message of an answer. Return: 1 to go on, else the end: 0 or -errno. */
static int one_message(struct nlmsghdr *nlh, zc_nl_fn fn, void *arg)
{
	size_t skip;
	int err;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		conn.interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_ERROR:
		err = ((struct nlmsgerr *)nlmsg_data(nlh))->error;
		skip = sizeof(struct nlmsgerr);
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			skip += ((struct nlmsgerr *)nlmsg_data(nlh))->msg.nlmsg_len -
				sizeof(struct nlmsghdr);
		read_extack(nlh, skip);
		return err;
	case NLMSG_DONE:
		if (nlmsg_datalen(nlh) < (int)sizeof(int))
			return 0;
		memcpy(&err, nlmsg_data(nlh), sizeof(err));
		read_extack(nlh, sizeof(int));
		return err < 0 ? err : 0;
	default:
		if (fn)
			fn(nlh, arg);
		return 1;
	}
}

int zc_nl_call(struct nl_msg *msg, zc_nl_fn fn, void *arg)
{
	static __thread char buf[256 << 10];
	struct nlmsghdr *nlh;
	unsigned int seq;
	int fd, len, err;

	if (!msg)
		return zc_nl_family() < 0 ? zc_nl_family() : -ENOMEM;
	conn.extack[0] = '\0';
	conn.interrupted = false;
	nlh = nlmsg_hdr(msg);
	nlh->nlmsg_seq = seq = ++conn.seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	fd = nl_socket_get_fd(conn.sk);
	err = send(fd, nlh, nlh->nlmsg_len, 0) < 0 ? -errno : 0;
	nlmsg_free(msg);
	while (!err) {
		len = recv(fd, buf, sizeof(buf), 0);
		if (len < 0)
			return -errno;
		for (nlh = (struct nlmsghdr *)buf; nlmsg_ok(nlh, len);
		     nlh = nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			err = one_message(nlh, fn, arg);
			if (err <= 0)
				return err;
			err = 0;
		}
	}
	return err;
}

static int store_config(int cmd, const struct zc_nl_cfg *cfg, __u32 set)
{
	struct nl_msg *msg = zc_nl_msg(cmd, 0);

	if (!msg)
		return zc_nl_call(NULL, NULL, NULL);
	if (cfg->name)
		nla_put_string(msg, ZCACHE_A_STORE_NAME, cfg->name);
	if (set & ZC_NL_SET(CAPACITY))
		nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, cfg->capacity);
	if (set & ZC_NL_SET(MAX_OBJECT_SIZE))
		nla_put_u64(msg, ZCACHE_A_STORE_MAX_OBJECT_SIZE, cfg->max_object_size);
	if (set & ZC_NL_SET(MAX_KEY_LEN))
		nla_put_u32(msg, ZCACHE_A_STORE_MAX_KEY_LEN, cfg->max_key_len);
	if (set & ZC_NL_SET(INLINE_LIMIT))
		nla_put_u32(msg, ZCACHE_A_STORE_INLINE_LIMIT, cfg->inline_limit);
	if (set & ZC_NL_SET(SPLICE_THRESHOLD))
		nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, cfg->splice_threshold);
	if (set & ZC_NL_SET(MODE))
		nla_put_u32(msg, ZCACHE_A_STORE_MODE, cfg->mode);
	if (set & ZC_NL_SET(UID))
		nla_put_u32(msg, ZCACHE_A_STORE_UID, cfg->uid);
	if (set & ZC_NL_SET(GID))
		nla_put_u32(msg, ZCACHE_A_STORE_GID, cfg->gid);
	if (set & ZC_NL_SET(COPY))
		nla_put_u32(msg, ZCACHE_A_STORE_COPY, cfg->copy);
	if (set & ZC_NL_SET(DEFAULT_TTL))
		nla_put_u64(msg, ZCACHE_A_STORE_DEFAULT_TTL, cfg->default_ttl);
	if (set & ZC_NL_SET(GRACE))
		nla_put_u32(msg, ZCACHE_A_STORE_GRACE, cfg->grace);
	if (set & ZC_NL_SET(HIGH_WATERMARK))
		nla_put_u32(msg, ZCACHE_A_STORE_HIGH_WATERMARK, cfg->high_watermark);
	if (set & ZC_NL_SET(LOW_WATERMARK))
		nla_put_u32(msg, ZCACHE_A_STORE_LOW_WATERMARK, cfg->low_watermark);
	if (set & ZC_NL_SET(OBJECT_EVENTS))
		nla_put_u32(msg, ZCACHE_A_STORE_OBJECT_EVENTS, cfg->object_events);
	if ((set & ZC_NL_SET(POLICY)) && cfg->policy)
		nla_put_string(msg, ZCACHE_A_STORE_POLICY, cfg->policy);
	return zc_nl_call(msg, NULL, NULL);
}

int zc_nl_store_new(const struct zc_nl_cfg *cfg)
{
	return store_config(ZCACHE_CMD_STORE_NEW, cfg, cfg->set | ZC_NL_SET(CAPACITY));
}

int zc_nl_store_set(const struct zc_nl_cfg *cfg)
{
	return store_config(ZCACHE_CMD_STORE_SET, cfg, cfg->set);
}

int zc_nl_store_del(const char *name, bool force)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_STORE_DEL, 0);

	if (!msg)
		return zc_nl_call(NULL, NULL, NULL);
	nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	if (force)
		nla_put_flag(msg, ZCACHE_A_STORE_FORCE);
	return zc_nl_call(msg, NULL, NULL);
}

static __u64 get_u64(struct nlattr **tb, int type)
{
	return tb[type] ? nla_get_u64(tb[type]) : 0;
}

static __u32 get_u32(struct nlattr **tb, int type)
{
	return tb[type] ? nla_get_u32(tb[type]) : 0;
}

static void get_latency(struct nlattr **tb, int type, __u64 *buckets)
{
	const size_t len = ZC_NL_BUCKETS * sizeof(*buckets);

	if (tb[type] && nla_len(tb[type]) == (int)len)
		memcpy(buckets, nla_data(tb[type]), len);
}

static void parse_store(struct nlmsghdr *nlh, struct zc_nl_store *s)
{
	struct nlattr *tb[ZCACHE_A_STORE_MAX + 1], *st[ZCACHE_A_STATS_MAX + 1];
	int i;

	memset(s, 0, sizeof(*s));
	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_STORE_MAX, NULL) < 0)
		return;
	for (i = 1; i <= ZCACHE_A_STORE_MAX; i++)
		if (tb[i])
			s->seen |= 1U << i;
	if (tb[ZCACHE_A_STORE_NAME])
		nla_strlcpy(s->name, tb[ZCACHE_A_STORE_NAME], sizeof(s->name));
	if (tb[ZCACHE_A_STORE_POLICY])
		nla_strlcpy(s->policy, tb[ZCACHE_A_STORE_POLICY], sizeof(s->policy));
	s->capacity = get_u64(tb, ZCACHE_A_STORE_CAPACITY);
	s->max_object_size = get_u64(tb, ZCACHE_A_STORE_MAX_OBJECT_SIZE);
	s->max_key_len = get_u32(tb, ZCACHE_A_STORE_MAX_KEY_LEN);
	s->inline_limit = get_u32(tb, ZCACHE_A_STORE_INLINE_LIMIT);
	s->splice_threshold = get_u64(tb, ZCACHE_A_STORE_SPLICE_THRESHOLD);
	s->mode = get_u32(tb, ZCACHE_A_STORE_MODE);
	s->uid = get_u32(tb, ZCACHE_A_STORE_UID);
	s->gid = get_u32(tb, ZCACHE_A_STORE_GID);
	s->copy = get_u32(tb, ZCACHE_A_STORE_COPY);
	s->default_ttl = get_u64(tb, ZCACHE_A_STORE_DEFAULT_TTL);
	s->grace = get_u32(tb, ZCACHE_A_STORE_GRACE);
	s->high_watermark = get_u32(tb, ZCACHE_A_STORE_HIGH_WATERMARK);
	s->low_watermark = get_u32(tb, ZCACHE_A_STORE_LOW_WATERMARK);
	s->data = get_u64(tb, ZCACHE_A_STORE_DATA);
	s->metadata = get_u64(tb, ZCACHE_A_STORE_METADATA);
	s->pinned = get_u64(tb, ZCACHE_A_STORE_PINNED);
	get_latency(tb, ZCACHE_A_STORE_SEND_LATENCY, s->send_latency);
	get_latency(tb, ZCACHE_A_STORE_FILL_LATENCY, s->fill_latency);
	s->used = get_u64(tb, ZCACHE_A_STORE_USED);
	s->objects = get_u64(tb, ZCACHE_A_STORE_OBJECTS);
	s->opens = get_u32(tb, ZCACHE_A_STORE_OPENS);
	s->object_events = get_u32(tb, ZCACHE_A_STORE_OBJECT_EVENTS);
	if (!tb[ZCACHE_A_STORE_STATS] ||
	    nla_parse_nested(st, ZCACHE_A_STATS_MAX, tb[ZCACHE_A_STORE_STATS], NULL) < 0)
		return;
	for (i = 0; i < ZC_C_NR; i++) {
		/* attribute 1 is the padding */
		if (!st[ZCACHE_A_STATS_PAD + 1 + i])
			continue;
		s->count[i] = nla_get_u64(st[ZCACHE_A_STATS_PAD + 1 + i]);
		s->counters++;
	}
}

static void on_store(struct nlmsghdr *nlh, void *arg)
{
	parse_store(nlh, arg);
}

int zc_nl_store_get(const char *name, struct zc_nl_store *out)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_STORE_GET, 0);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return zc_nl_call(NULL, NULL, NULL);
	nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	return zc_nl_call(msg, on_store, out);
}

struct store_dump {
	zc_nl_store_fn fn;
	void *arg;
};

static void on_dumped_store(struct nlmsghdr *nlh, void *arg)
{
	struct store_dump *dump = arg;
	struct zc_nl_store store;

	parse_store(nlh, &store);
	if (dump->fn)
		dump->fn(&store, dump->arg);
}

int zc_nl_store_dump(zc_nl_store_fn fn, void *arg)
{
	struct store_dump dump = { .fn = fn, .arg = arg };

	return zc_nl_call(zc_nl_msg(ZCACHE_CMD_STORE_GET, NLM_F_DUMP), on_dumped_store, &dump);
}

static void parse_object(struct nlmsghdr *nlh, struct zc_nl_object *o)
{
	struct nlattr *tb[ZCACHE_A_OBJECT_MAX + 1];
	int i;

	memset(o, 0, sizeof(*o));
	if (genlmsg_parse(nlh, 0, tb, ZCACHE_A_OBJECT_MAX, NULL) < 0)
		return;
	for (i = 1; i <= ZCACHE_A_OBJECT_MAX; i++)
		if (tb[i])
			o->seen |= 1U << i;
	if (tb[ZCACHE_A_OBJECT_KEY]) {
		o->key_len = nla_len(tb[ZCACHE_A_OBJECT_KEY]);
		if (o->key_len <= sizeof(o->key))
			memcpy(o->key, nla_data(tb[ZCACHE_A_OBJECT_KEY]), o->key_len);
	}
	o->generation = get_u64(tb, ZCACHE_A_OBJECT_GENERATION);
	o->size = get_u64(tb, ZCACHE_A_OBJECT_SIZE);
	o->charge = get_u64(tb, ZCACHE_A_OBJECT_CHARGE);
	o->resident = get_u64(tb, ZCACHE_A_OBJECT_RESIDENT_BYTES);
	o->hits = get_u64(tb, ZCACHE_A_OBJECT_HITS);
	o->created = get_u64(tb, ZCACHE_A_OBJECT_CREATED);
	o->expires = get_u64(tb, ZCACHE_A_OBJECT_EXPIRES);
	if (tb[ZCACHE_A_OBJECT_STORE])
		nla_strlcpy(o->store, tb[ZCACHE_A_OBJECT_STORE], sizeof(o->store));
	o->reason = get_u32(tb, ZCACHE_A_OBJECT_REASON);
}

static void on_object(struct nlmsghdr *nlh, void *arg)
{
	parse_object(nlh, arg);
}

int zc_nl_object_get(const char *store, const void *key, size_t key_len,
		     struct zc_nl_object *out)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_OBJECT_GET, 0);

	memset(out, 0, sizeof(*out));
	if (!msg)
		return zc_nl_call(NULL, NULL, NULL);
	nla_put_string(msg, ZCACHE_A_OBJECT_STORE, store);
	nla_put(msg, ZCACHE_A_OBJECT_KEY, key_len, key);
	return zc_nl_call(msg, on_object, out);
}

struct object_dump {
	zc_nl_object_fn fn;
	void *arg;
};

static void on_dumped_object(struct nlmsghdr *nlh, void *arg)
{
	struct object_dump *dump = arg;
	struct zc_nl_object object;

	parse_object(nlh, &object);
	if (dump->fn)
		dump->fn(&object, dump->arg);
}

int zc_nl_object_dump_filter(const char *store, const struct zc_nl_filter *filter,
			     zc_nl_object_fn fn, void *arg)
{
	struct object_dump dump = { .fn = fn, .arg = arg };
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_OBJECT_GET, NLM_F_DUMP);

	if (!msg)
		return zc_nl_call(NULL, NULL, NULL);
	nla_put_string(msg, ZCACHE_A_OBJECT_STORE, store);
	if (filter->set & ZC_NL_WANT(KEY))
		nla_put(msg, ZCACHE_A_OBJECT_KEY, filter->prefix_len, filter->prefix);
	if (filter->set & ZC_NL_WANT(MIN_SIZE))
		nla_put_u64(msg, ZCACHE_A_OBJECT_MIN_SIZE, filter->min_size);
	if (filter->set & ZC_NL_WANT(MAX_SIZE))
		nla_put_u64(msg, ZCACHE_A_OBJECT_MAX_SIZE, filter->max_size);
	if (filter->set & ZC_NL_WANT(MIN_AGE))
		nla_put_u64(msg, ZCACHE_A_OBJECT_MIN_AGE, filter->min_age);
	if (filter->set & ZC_NL_WANT(MAX_AGE))
		nla_put_u64(msg, ZCACHE_A_OBJECT_MAX_AGE, filter->max_age);
	if (filter->set & ZC_NL_WANT(EXPIRED))
		nla_put_u32(msg, ZCACHE_A_OBJECT_EXPIRED, filter->expired);
	if (filter->set & ZC_NL_WANT(TAG))
		nla_put_u64(msg, ZCACHE_A_OBJECT_TAG, filter->tag);
	if (filter->set & ZC_NL_WANT(RESIDENT))
		nla_put_u32(msg, ZCACHE_A_OBJECT_RESIDENT, filter->resident);
	return zc_nl_call(msg, on_dumped_object, &dump);
}

int zc_nl_object_dump(const char *store, const void *prefix, size_t prefix_len,
		      zc_nl_object_fn fn, void *arg)
{
	const struct zc_nl_filter filter = { .prefix = prefix, .prefix_len = prefix_len,
					     .set = prefix ? ZC_NL_WANT(KEY) : 0 };

	return zc_nl_object_dump_filter(store, &filter, fn, arg);
}

int zc_nl_listen_to(const char *name)
{
	int err = conn_open(), group, fd, size = 1 << 20;
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };

	if (err)
		return err;
	group = genl_ctrl_resolve_grp(conn.sk, ZCACHE_FAMILY_NAME, name);
	if (group < 0)
		return -ENOENT;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&local, sizeof(local)) ||
	    setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int zc_nl_listen(void)
{
	return zc_nl_listen_to(ZCACHE_MCGRP_EVENTS);
}

/* One message into @buf. Return: its command, or -errno. */
static int receive(int fd, char *buf, size_t size)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = recv(fd, buf, size, 0);

	if (len < 0)
		return -errno;
	if (!nlmsg_ok(nlh, len) || !genlmsg_valid_hdr(nlh, 0))
		return -EBADMSG;
	return genlmsg_hdr(nlh)->cmd;
}

int zc_nl_event(int fd, struct zc_nl_store *store)
{
	char buf[16 << 10] __attribute__((aligned(8)));
	int cmd = receive(fd, buf, sizeof(buf));

	if (cmd >= 0)
		parse_store((struct nlmsghdr *)buf, store);
	return cmd;
}

int zc_nl_object_event(int fd, struct zc_nl_object *object)
{
	char buf[16 << 10] __attribute__((aligned(8)));
	int cmd = receive(fd, buf, sizeof(buf));

	if (cmd >= 0)
		parse_object((struct nlmsghdr *)buf, object);
	return cmd;
}
