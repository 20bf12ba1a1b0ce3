// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl doctor: a store's node, and what its counters tell. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zcache.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "doctor.h"
#include "nl.h"
#include "probe.h"
#include "stores.h"
#include "system.h"
#include "text.h"

/* Fewer lookups or bytes than these say nothing. */
#define LOOKUPS_MIN 100
#define BYTES_MIN (1ULL << 20)

/* From here on passing a page costs less than copying it, see kmod/DESIGN.md. */
#define THRESHOLD_BEST 4096

/* exists: the module knows such a store. */
static void no_node(const char *name, int err, bool exists)
{
	if (err != ENOENT) {
		found("/dev/zcache/%s: %s", name, error_name(-err));
		advise("/dev and /dev/zcache have to be open to this user");
	} else if (exists) {
		found("the store exists, but not its node /dev/zcache/%s", name);
		advise("/dev has to be a devtmpfs, and a container has to be given the node");
	} else {
		found("there is no /dev/zcache/%s", name);
		advise("'zcachectl store create' makes a store, 'zcachectl store list' lists them");
	}
	check("node", CHECK_FAIL);
}

static void explain_refusal(const struct stat *st, const char *group, int err)
{
	if (err == -EPERM)
		advise("the container has to be allowed to use this device");
	else if (err != -EACCES)
		advise("whoever made the store may have deleted it; make it again");
	else if (st->st_mode & 040 && st->st_gid)
		advise("this user has to be a member of the group %s", group);
	else
		advise("as root 'zcachectl store set' with 'mode', 'owner' or 'group'");
}

static void describe_node(const struct stat *st, const char *group, const char *may)
{
	const struct passwd *pw = getpwuid(st->st_uid);
	char user[32];

	snprintf(user, sizeof(user), "%u", st->st_uid);
	found("mode %04o of %s:%s, which this user may %s", st->st_mode & 0777,
	      pw ? pw->pw_name : user, group, may);
}

/* What the module noted when the store was made or set is what udev and others apply. */
static void check_record(const struct stat *st, const struct store *s)
{
	uint32_t mode = st->st_mode & 07777;

	if (mode == s->mode && st->st_uid == s->uid && st->st_gid == s->gid)
		return;
	found("the node has mode %04o, owner %u and group %u, the store was given %04o, %u and %u",
	      mode, st->st_uid, st->st_gid, s->mode, s->uid, s->gid);
	advise("'zcachectl store set %s mode %o' gives the node what the store has; or give 'mode', 'owner' and 'group' as they should be",
	       s->name, s->mode);
	check("record", CHECK_WARN);
}

static bool writable(const char *name)
{
	char spec[8 + NAME_MAX];
	struct zc_cache *cache;

	snprintf(spec, sizeof(spec), "kmod:%s", name);
	if (zc_open(spec, O_RDWR, &cache))
		return false;
	zc_close(cache);
	return true;
}

/* Returns whether this user may read it; then *info is that of the store. s may be NULL. */
static bool check_node(const char *name, const struct store *s, struct zc_info *info)
{
	char path[PATH_MAX], gid[16], may[160];
	const struct group *gr;
	const char *group;
	struct stat st;
	int err;

	if (stat(sys_path(path, "/dev/zcache/%s", name), &st)) {
		no_node(name, errno, s);
		return false;
	}
	gr = getgrgid(st.st_gid);
	snprintf(gid, sizeof(gid), "%u", st.st_gid);
	group = gr ? gr->gr_name : gid;
	err = store_info(name, info);
	if (err)
		snprintf(may, sizeof(may), "not read: %s", error_name(err));
	else
		snprintf(may, sizeof(may), "read %s write", writable(name) ? "and" : "but not");
	describe_node(&st, group, may);
	if (err)
		explain_refusal(&st, group, err);
	check("node", err ? CHECK_FAIL : CHECK_OK);
	if (s)
		check_record(&st, s);
	return !err;
}

static void check_room(const struct store *s)
{
	char used[SIZE_TEXT], capacity[SIZE_TEXT];
	uint64_t refusals = s->counter[ZC_C_REFUSALS];

	format_size(s->used, used);
	format_size(s->capacity, capacity);
	if (!s->objects && s->used > s->capacity / 2) {
		found("no object is left, but what is still open holds %s of %s", used, capacity);
		advise("have readers close objects and fills, or raise the capacity");
		check("room", CHECK_FAIL);
	} else if (refusals) {
		found("%" PRIu64 " new objects found no room: too large, or the others were in use",
		      refusals);
		advise("raise the capacity or lower max-object with 'zcachectl store set %s', or have readers close objects sooner",
		       s->name);
		check("room", CHECK_WARN);
	} else {
		found("%" PRIu64 " objects use %s of %s", s->objects, used, capacity);
		check("room", CHECK_OK);
	}
}

static void check_hits(const struct store *s)
{
	uint64_t hits = s->counter[ZC_C_HITS], misses = s->counter[ZC_C_MISSES];
	uint64_t lookups = hits + misses;

	found("%" PRIu64 " of %" PRIu64 " lookups found their object", hits, lookups);
	if (lookups < LOOKUPS_MIN || hits >= misses) {
		check("hits", CHECK_OK);
		return;
	}
	if (s->counter[ZC_C_EXPIRED] > misses / 2)
		advise("most others found an expired one: give objects a longer ttl");
	else if (s->counter[ZC_C_EVICTIONS] > misses / 2)
		advise("many objects were evicted: raise the capacity");
	else
		advise("'zcachectl trace on lookup' shows which keys are asked for in vain");
	check("hits", CHECK_WARN);
}

static void check_evictions(const struct store *s)
{
	uint64_t evictions = s->counter[ZC_C_EVICTIONS], hits = s->counter[ZC_C_HITS];

	found("%" PRIu64 " objects were evicted to make room, for %" PRIu64 " hits", evictions,
	      hits);
	if (evictions <= hits) {
		check("evictions", CHECK_OK);
		return;
	}
	advise("they leave before they are asked for: raise the capacity with 'zcachectl store set %s capacity SIZE', or put fewer",
	       s->name);
	check("evictions", CHECK_WARN);
}

static void check_shrinks(const struct store *s)
{
	char size[SIZE_TEXT];

	if (!s->counter[ZC_C_SHRINKS]) {
		found("the system never ran short of memory");
		check("pressure", CHECK_OK);
		return;
	}
	found("%" PRIu64 " objects of %s were given back as the system ran short of memory",
	      s->counter[ZC_C_SHRINKS], format_size(s->counter[ZC_C_SHRUNK_BYTES], size));
	advise("lower the capacity to what the system can spare");
	check("pressure", CHECK_WARN);
}

static void check_sends(const struct store *s)
{
	uint64_t all = s->counter[ZC_C_SENDS], part = s->counter[ZC_C_SENDS_PARTIAL];
	uint64_t none = s->counter[ZC_C_SENDS_FAILED];
	uint64_t bytes = s->counter[ZC_C_SPLICED_BYTES] + s->counter[ZC_C_COPIED_BYTES];
	enum check_state state = CHECK_WARN;

	found("%" PRIu64 " calls sent all, %" PRIu64 " a part and %" PRIu64 " nothing", all, part,
	      none);
	if (none > (all + part + none) / 10)
		advise("a socket was full or its peer gone: wait until it is writable before sending");
	else if (part > all && bytes / (all + part) < 64 << 10)
		advise("sockets take little at a time: raise net.ipv4.tcp_wmem, unless clients are slow");
	else
		state = CHECK_OK;
	check("sends", state);
}

static const struct {
	enum zc_counter id;
	const char *name, *reason;
} fallbacks[] = {
	{ ZC_C_FALLBACKS_ROUTE, "fallbacks-route", "the way to the peer takes no pages" },
	{ ZC_C_FALLBACKS_UNIX, "fallbacks-unix", "the socket is a UNIX one" },
	{ ZC_C_FALLBACKS_LOCAL, "fallbacks-local", "the client is on this machine" },
	{ ZC_C_FALLBACKS_ASKED, "fallbacks-asked", "the store or the call wants copies" },
	{ ZC_C_FALLBACKS_INLINE, "fallbacks-inline", "the object is kept inline" },
};

static void advise_fallback(const struct store *s, enum zc_counter id)
{
	if (id == ZC_C_FALLBACKS_ROUTE)
		advise("'ethtool -K DEVICE tx on sg on', and let sockets connect before sending");
	else if (id == ZC_C_FALLBACKS_UNIX)
		advise("only TCP takes pages: use it for large objects");
	else if (id == ZC_C_FALLBACKS_INLINE)
		advise("a splice-threshold above the inline-limit, or an inline-limit of 0, ends it");
	else if (id == ZC_C_FALLBACKS_ASKED && s->copy != ZCACHE_COPY_ALWAYS)
		advise("the program asks for it with ZC_SEND_COPY, or the store did so earlier");
	else
		advise("'zcachectl store set %s copy never' ends it, if all clients may share pages",
		       s->name);
}

static void check_fallbacks(const struct store *s)
{
	uint64_t calls = s->counter[ZC_C_SENDS] + s->counter[ZC_C_SENDS_PARTIAL];
	uint64_t n, other = s->counter[ZC_C_FALLBACKS];
	size_t i;

	if (!other) {
		found("nothing was copied that could go by reference");
		check("fallbacks", CHECK_OK);
	}
	for (i = 0; i < sizeof(fallbacks) / sizeof(fallbacks[0]); i++) {
		n = s->counter[fallbacks[i].id];
		if (!n)
			continue;
		found("%" PRIu64 " of %" PRIu64 " calls copied: %s", n, calls,
		      fallbacks[i].reason);
		if (n <= calls / 10) {
			check(fallbacks[i].name, CHECK_OK);
			continue;
		}
		advise_fallback(s, fallbacks[i].id);
		check(fallbacks[i].name, CHECK_WARN);
	}
}

static void check_copies(const struct store *s)
{
	uint64_t copied = s->counter[ZC_C_COPIED_BYTES], spliced = s->counter[ZC_C_SPLICED_BYTES];
	uint64_t calls = s->counter[ZC_C_SENDS] + s->counter[ZC_C_SENDS_PARTIAL];
	char one[SIZE_TEXT], other[SIZE_TEXT], threshold[SIZE_TEXT];

	found("%s went by copy and %s by reference, which is for ranges from %s on",
	      format_size(copied, one), format_size(spliced, other),
	      format_size(s->splice_threshold, threshold));
	/* Where calls fell back, that is the reason. */
	if (copied <= spliced || copied < BYTES_MIN || s->splice_threshold <= THRESHOLD_BEST ||
	    s->counter[ZC_C_FALLBACKS] > calls / 10) {
		check("copies", CHECK_OK);
		return;
	}
	advise("'zcachectl store set %s splice-threshold 4k' copies less", s->name);
	check("copies", CHECK_WARN);
}

static void check_all(const struct store *s)
{
	check_room(s);
	check_hits(s);
	check_evictions(s);
	check_shrinks(s);
	check_sends(s);
	check_fallbacks(s);
	check_copies(s);
}

void doctor_store(struct nlc *nlc, const char *name)
{
	struct stores stores = { 0 };
	struct store s = { 0 };
	struct zc_info info;
	int err = nlc ? get_stores(nlc, name, &stores) : -EPERM;

	if (check_node(name, err ? NULL : &stores.v[0], &info)) {
		doctor_users(name);
		if (err) {
			snprintf(s.name, sizeof(s.name), "%s", name);
			s.capacity = info.capacity;
			s.used = info.used;
			s.objects = info.objects;
			check_room(&s);
		}
	}
	if (err && err != -EPERM && err != -ENOENT) {
		found("they cannot be read: %s", error_name(err));
		advise("'dmesg' may say more");
		check("counters", CHECK_FAIL);
	}
	if (!err)
		check_all(&stores.v[0]);
	free(stores.v);
}
