/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Before 6.2 an operation is one struct genl_ops with one policy for doing
 * and dumping. zcache's generated table has split ones; the do and the dump of
 * one command follow each other there, and get the policy of which takes more: it
 * knows all that the other takes.
 */
#ifndef ZC_COMPAT_GENETLINK_H
#define ZC_COMPAT_GENETLINK_H

#include_next <net/genetlink.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
struct genl_split_ops {
	int (*doit)(struct sk_buff *skb, struct genl_info *info);
	int (*start)(struct netlink_callback *cb);
	int (*dumpit)(struct sk_buff *skb, struct netlink_callback *cb);
	int (*done)(struct netlink_callback *cb);
	const struct nla_policy *policy;
	unsigned int maxattr;
	u8 cmd;
	u8 flags;
	u8 validate;
};

#define ZC_COMPAT_GENL_OPS(family_ops, nr)				\
static struct genl_ops zc_compat_genl_ops[nr];				\
static void zc_compat_genl_init(struct genl_family *family)		\
{									\
	unsigned int i, n = 0;						\
									\
	for (i = 0; i < (nr); i++) {					\
		const struct genl_split_ops *s = &(family_ops)[i];	\
		struct genl_ops *o;					\
									\
		if (!n || zc_compat_genl_ops[n - 1].cmd != s->cmd)	\
			n++;						\
		o = &zc_compat_genl_ops[n - 1];				\
		o->cmd = s->cmd;					\
		o->flags = s->flags & GENL_ADMIN_PERM;			\
		if (s->doit)						\
			o->doit = s->doit;				\
		if (s->dumpit) {					\
			o->start = s->start;				\
			o->dumpit = s->dumpit;				\
			o->done = s->done;				\
		}							\
		if (s->policy && s->maxattr > o->maxattr) {		\
			o->policy = s->policy;				\
			o->maxattr = s->maxattr;			\
		}							\
	}								\
	family->ops = zc_compat_genl_ops;				\
	family->n_ops = n;						\
}
#else
#define ZC_COMPAT_GENL_OPS(family_ops, nr)				\
static void zc_compat_genl_init(struct genl_family *family)		\
{									\
	family->split_ops = (family_ops);				\
	family->n_split_ops = (nr);					\
}
#endif

/* The attributes of a dump's request moved in 6.6. */
static inline struct nlattr **zc_compat_dump_attrs(struct netlink_callback *cb)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)
	return genl_dumpit_info(cb)->attrs;
#else
	return genl_info_dump(cb)->attrs;
#endif
}

/*
 * Where do and dump share a policy: is there an attribute beyond @last, which is
 * the other's? Elsewhere @attrs ends with it.
 */
static inline bool zc_compat_others_attr(struct nlattr **attrs, int last,
					 int max)
{
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 2, 0)
	while (++last <= max)
		if (attrs[last])
			return true;
#endif
	return false;
}

#endif /* ZC_COMPAT_GENETLINK_H */
