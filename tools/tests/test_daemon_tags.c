// SPDX-License-Identifier: GPL-2.0-only
/* A look at very many tags keeps nobody waiting, and is not made too often. */
#include <errno.h>
#include <time.h>

#include <linux/zcache_netlink.h>

#include "fail.h"
#include "nl.h"
#include "tags.h"
#include "tap.h"

#define PIECES 100
#define PER_PIECE 200
#define MS 1000000ull

int __wrap_nlc_open(struct nlc *nlc);
void __wrap_nlc_close(struct nlc *nlc);
int __wrap_nlc_ask(struct nlc *nlc, struct nl_msg *msg);
int __wrap_nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

static uint64_t now = 1000000 * MS;
static int open_sockets, asked, pieces, broken;

int fail(enum exit_code code, const char *fmt, ...)
{
	(void)fmt;
	return code;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	ts->tv_sec = now / (1000 * MS);
	ts->tv_nsec = now % (1000 * MS);
	return 0;
}

int __wrap_nlc_open(struct nlc *nlc)
{
	memset(nlc, 0, sizeof(*nlc));
	open_sockets++;
	return 0;
}

void __wrap_nlc_close(struct nlc *nlc)
{
	(void)nlc;
	open_sockets--;
}

int __wrap_nlc_ask(struct nlc *nlc, struct nl_msg *msg)
{
	(void)nlc;
	nlmsg_free(msg);
	asked++;
	pieces = 0;
	return 0;
}

/* Each takes three milliseconds; later tags have more hits. */
int __wrap_nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	int i;

	(void)nlc;
	now += 3 * MS;
	for (i = 0; i < PER_PIECE; i++) {
		struct nl_msg *msg = nlmsg_alloc();
		uint64_t id = pieces * PER_PIECE + i + 1;

		genlmsg_put(msg, 0, 0, 99, 0, 0, ZCACHE_CMD_TAG_GET, ZCACHE_FAMILY_VERSION);
		nla_put_u64(msg, ZCACHE_A_TAG_ID, id);
		nla_put_u64(msg, ZCACHE_A_TAG_HITS, id + asked);
		fn(nlmsg_hdr(msg), arg);
		nlmsg_free(msg);
	}
	if (++pieces == broken)
		return -EIO;
	return pieces < PIECES;
}

int main(void)
{
	struct top_tags t = { 0 };
	uint64_t start = now;
	int turns = 1;

	is_int(tags_update("web", &t), 0, "a look begins");
	is_int(pieces, 4, "for some ten milliseconds");
	is_int(t.n, 0, "nothing is shown before its end");
	is_int(tags_update("web", &t), 0, "whoever asks meanwhile");
	is_int(pieces, 4, "makes it no faster");
	while (tags_go_on(&t))
		turns++;
	is_int(turns, 24, "it takes as many turns as it needs");
	is_int(pieces, PIECES, "to the end");
	is_int(t.all, PIECES * PER_PIECE, "all were seen");
	is_int(t.v[0].id, PIECES * PER_PIECE, "the most used is the first");
	is_int(t.n, TOP_TAGS, "of ten");
	is_int(open_sockets, 0, "nothing is left open");
	is_int(now - start, 300 * MS, "that took three tenths of a second");
	is_int(t.next - now, 15000 * MS, "so the next one is in fifteen");
	ok(!tags_go_on(&t), "until then there is nothing to go on with");
	is_int(tags_update("web", &t), 0, "nor is one begun");
	is_int(asked, 1, "by whoever asks");

	now = t.next;
	is_int(tags_update("web", &t), 0, "then another one");
	is_int(t.v[0].hits, PIECES * PER_PIECE + 1, "what was seen last is shown meanwhile");
	broken = 50;
	while (tags_go_on(&t))
		;
	is_int(t.v[0].hits, PIECES * PER_PIECE + 1, "also if it breaks");
	is_int(open_sockets, 0, "of which nothing is left");
	now = t.next;
	broken = 1;
	is_int(tags_update("web", &t), -EIO, "at once, that is told");
	now = t.next;
	broken = 0;
	is_int(tags_update("web", &t), 0, "one more");
	is_int(open_sockets, 1, "is under way");
	tags_end(&t);
	is_int(open_sockets, 0, "and given up");
	return tap_end();
}
