// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mirror's owner and its clients say to each other, when one of them says what it
 * should not: nothing is believed, and no fd is left open.
 */
#include <sys/resource.h>

#include "mirror_util.h"
#include "served_owner.h"
#include "tap.h"

static char plain[200];		/* a file as long as the object */

#define LIE(name, ...)								\
	static size_t name(struct zcs_answer_msg *a, size_t len, int *fd, int *more)	\
	{									\
		(void)a;							\
		(void)fd;							\
		(void)more;							\
		__VA_ARGS__;							\
		return len;							\
	}

LIE(magic, a->head.magic++)
LIE(version, a->head.version++)
LIE(operation, a->head.op = ZCS_HELD)
LIE(positive, a->head.err = 1; a->head.flags = 0; a->head.body_len = 0; len = sizeof(a->head))
LIE(unknown_error, a->head.err = -4096; a->head.flags = 0; a->head.body_len = 0; len = sizeof(a->head))
LIE(body_of_error, a->head.err = -ENOENT)
LIE(number, a->head.number++)
LIE(body_len, a->head.body_len++)
LIE(cut, len--)
LIE(cut_short, len = sizeof(a->head) - 1)
LIE(cut_body, len = sizeof(a->head); a->head.body_len = 0)
LIE(flags, a->head.flags |= 4)
LIE(no_flags, a->head.flags = 0)
LIE(same, a->head.flags = ZCS_SAME; close(*fd); *fd = -1)
LIE(both, a->head.flags |= ZCS_SAME)
LIE(no_fd, close(*fd); *fd = -1)
LIE(fd_of_error, a->head.err = -ENOENT; a->head.body_len = 0; len = sizeof(a->head))
LIE(two_fds, *more = 0)
LIE(writable, close(*fd); *fd = open(plain, O_RDWR))
LIE(write_only, close(*fd); *fd = open(plain, O_WRONLY))
LIE(path_only, close(*fd); *fd = open(plain, O_PATH))
LIE(shorter, close(*fd); *fd = open(plain, O_RDONLY); if (truncate(plain, 9)) abort())
LIE(no_file, close(*fd); *fd = open("/dev/null", O_RDONLY))
LIE(folder, close(*fd); *fd = open("/", O_RDONLY))
LIE(no_generation, a->found.generation = 0)
LIE(data_len, a->found.data_len++)
LIE(data_len_huge, a->found.data_len = 1ULL << 63)
LIE(expires, a->found.expires_ns = -1)
LIE(state, a->found.state = ZC_STATE_INLINE)
LIE(tags, a->found.nr_tags = ZC_TAGS_MAX + 1)
LIE(found_reserved, a->found.__reserved = 1)
LIE(etag, a->found.etag_len++)
LIE(etag_long, a->found.etag_len = ZC_ETAG_MAX + 1)
LIE(etag_wraps, a->found.etag_len = UINT32_MAX)
LIE(type_long, a->found.type_len = ZC_TYPE_MAX + 1)
LIE(header_long, a->found.header_len = ZC_HEADER_MAX + 1)

static const struct {
	const char *name;
	lie_fn lie;
} lies[] = {
#define L(name) { #name, name }
	L(magic), L(version), L(operation), L(positive), L(unknown_error), L(body_of_error),
	L(number), L(body_len), L(cut), L(cut_short), L(cut_body), L(flags), L(no_flags),
	L(same), L(both), L(no_fd), L(fd_of_error), L(two_fds), L(writable), L(write_only),
	L(path_only), L(shorter), L(no_file), L(folder), L(no_generation), L(data_len), L(data_len_huge),
	L(expires), L(state), L(tags), L(found_reserved), L(etag), L(etag_long), L(etag_wraps),
	L(type_long), L(header_long),
};

LIE(other_version, a->found.generation++)
LIE(other_length, a->found.data_len++)
LIE(name_without_end, memset(a->info.name, 'n', sizeof(a->info.name)))
LIE(longest_key, a->info.max_key_len = ZC_KEY_MAX + 1)
LIE(fewer_numbers, a->head.body_len -= 8; len -= 8)

static uint64_t stolen;
LIE(stolen_version, a->found.generation = stolen)

/* Each lie is found out, and does no harm to what is asked after it. */
static void lying(struct zc_cache *c)
{
	struct zc_stat stat = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_lookup l = { .key = "a", .key_len = 1 };
	int before = open_fds();
	char name[100];
	size_t i;

	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		snprintf(plain, sizeof(plain), "%s", test_file("plain", "0123456789", 10));
		s.lie = lies[i].lie;
		snprintf(name, sizeof(name), "a lie: %s", lies[i].name);
		is_int(get_key(c, "a", 0), lies[i].lie == version ? -EPROTONOSUPPORT : -EPROTO, name);
	}
	is_int(zcm_mirror(c)->nr_cached, 0, "nothing of them is kept");
	s.lie = NULL;
	is_int(get_key(c, "a", 0), 0, "the truth is heard");
	s.lie = other_length;
	is_int(get_key(c, "a", 0), -EPROTO, "the same version has another length");
	s.lie = other_version;
	is_int(get_key(c, "a", 0), -EPROTO, "another version is the same");
	s.lie = NULL;
	is_int(zc_lookup(c, &l), 0, "the version");
	zc_release(c, &l);
	stat.generation = l.generation;
	s.lie = no_generation;
	is_int(zc_stat(c, &stat), -EPROTO, "one version is asked for, another told");
	s.lie = NULL;
	is_int(zc_stat(c, &stat), 0, "it is there");
	put_seeded(s.c, "longer", 20, 1);
	stolen = l.generation;
	s.lie = stolen_version;
	is_int(get_key(c, "longer", 0), -EPROTO, "a longer object as a version that is open");
	s.lie = NULL;
	is_int(get_key(c, "longer", 0), 0, "it is another");
	/* has no fd, and comes after the owner has closed that of the last one */
	is_int(get_key(c, "longer", 0), 0, "and stays");
	zcm_cache_exit(zcm_mirror(c));
	zcm_cache_exit(zcm_mirror(s.c));
	is_int(open_fds(), before, "no fd is left");
}

static void lying_of_all(struct zc_cache *c)
{
	struct zc_info info = { 0 };
	uint64_t n[ZC_C_NR];

	s.lie = name_without_end;
	is_int(zc_info(c, &info), -EPROTO, "a name without end");
	s.lie = longest_key;
	is_int(zc_info(c, &info), -EPROTO, "too long a longest key");
	s.lie = NULL;
	is_int(zc_info(c, &info), 0, "what is right");
	s.lie = fewer_numbers;
	is_int(zc_counters(c, n, ZC_C_NR), -EPROTO, "too few counters");
	s.lie = NULL;
	is_int(zc_counters(c, n, ZC_C_NR), 0, "all of them");
}

#define FILES_MAX 64

static struct rlimit files;
static int filled[FILES_MAX], nr_filled;

/* poll() wants a limit above its own number, so what is below is filled. */
static void fill_files(void)
{
	int fd;

	while ((fd = open("/dev/null", O_RDONLY)) < FILES_MAX - 1)
		filled[nr_filled++] = fd;
	filled[nr_filled++] = fd;
	setrlimit(RLIMIT_NOFILE, &(struct rlimit) { FILES_MAX, files.rlim_max });
}

/* The owner, which is of the same process, has its fd then, above all that are allowed. */
LIE(no_more_fds, *more = *fd; *fd = fcntl(*more, F_DUPFD, FILES_MAX); close(*more); *more = -1; fill_files())

/* It is told so, and its connection stays. */
static void no_fds(struct zc_cache *c)
{
	unsigned int taken = s.nr_taken;

	put_seeded(s.c, "b", 10, 1);
	getrlimit(RLIMIT_NOFILE, &files);
	s.lie = no_more_fds;
	is_int(get_key(c, "b", 0), -EMFILE, "no more files may be open");
	s.lie = NULL;
	setrlimit(RLIMIT_NOFILE, &files);
	while (nr_filled)
		close(filled[--nr_filled]);
	is_int(get_key(c, "b", 0), 0, "until they may");
	is_int(s.nr_taken, taken, "with the same connection");
}

static struct zcs_request_msg ask;

static bool good(size_t len)
{
	return zcs_request_good(&ask, len);
}

static void begin(uint16_t op, uint32_t body)
{
	memset(&ask, 0, sizeof(ask));
	ask.head = (struct zcs_request) {
		.magic = ZCS_MAGIC, .version = ZCS_VERSION, .op = op, .body_len = body,
	};
	if (op == ZCS_HELD || op == ZCS_OPEN || op == ZCS_HIT)
		ask.head.have = 1;
}

#define WITH(op, body, member, value)							\
	(begin(op, body), ask.head.member = (value), good(sizeof(ask.head) + (body)))

static void requests(void)
{
	static const uint32_t body[] = {
		[ZCS_INFO] = 0, [ZCS_FIND] = 3, [ZCS_HELD] = 0, [ZCS_OPEN] = 0, [ZCS_HIT] = 0,
		[ZCS_COUNT] = 8 * ZC_C_NR, [ZCS_COUNTERS] = 0,
	};
	/* by operation, as bits: which member it has */
	const unsigned int flags = 1 << ZCS_FIND | 1 << ZCS_HELD, wanted = flags;
	const unsigned int one = 1 << ZCS_HELD | 1 << ZCS_OPEN | 1 << ZCS_HIT;
	const unsigned int have = one | 1 << ZCS_FIND, len = 1 << ZCS_HELD | 1 << ZCS_HIT;
	unsigned int got[6] = { 0 };
	int op, bad = 0;

	for (op = ZCS_INFO; op <= ZCS_COUNTERS; op++) {
		uint32_t n = body[op];

		begin(op, n);
		bad += !good(sizeof(ask.head) + n) || good(sizeof(ask.head) + n + 1) ||
		       good(sizeof(ask.head) + n - 1) || good(0);
		bad += WITH(op, n, magic, 0) || WITH(op, n, version, 2) ||
		       WITH(op, n, flags, 1U << 15) || WITH(op, n, expires_ns, -1) ||
		       WITH(op, n, data_len, 1ULL << 63) || WITH(op, n, body_len, n + 1);
		got[0] |= WITH(op, n, flags, ZCS_FIND_FLAGS) << op;
		got[1] |= WITH(op, n, generation, 1) << op;
		got[2] |= WITH(op, n, have, 2) << op;
		got[3] |= WITH(op, n, hash.w[1], 1) << op;
		got[4] |= WITH(op, n, data_len, INT64_MAX) << op;
		got[5] |= WITH(op, n, expires_ns, 1) << op;
	}
	is_int(bad, 0, "requests that are none");
	is_int(got[0], flags, "which have flags");
	is_int(got[1], wanted, "a version that is wanted");
	is_int(got[2], have, "one that is there");
	is_int(got[3], one, "a hash");
	is_int(got[4], len, "a length");
	is_int(got[5], 1 << ZCS_HELD, "and a time");
	ok(!WITH(ZCS_HELD, 0, have, 0) && !WITH(ZCS_OPEN, 0, have, 0) && !WITH(ZCS_HIT, 0, have, 0),
	   "those of one version name it");
	begin(ZCS_FIND, ZC_KEY_MAX);
	ok(good(sizeof(ask)), "the longest key");
	begin(0, 0);
	ok(!good(sizeof(ask.head)), "no operation");
	begin(ZCS_COUNTERS + 1, 0);
	ok(!good(sizeof(ask.head)), "another operation");
}

/* A client adds to what it does itself, and no more than there can be. */
static void counting(struct zc_cache *w)
{
	struct zcs_answer_msg answer;
	uint64_t n[ZC_C_NR], before[ZC_C_NR];
	int fd, i, wrong = 0, ours = 0;

	is_int(zc_counters(w, before, ZC_C_NR), 0, "counters");
	begin(ZCS_COUNT, sizeof(n));
	for (i = 0; i < ZC_C_NR; i++)
		ask.numbers[i] = 1000;
	is_int(mirror_answer(zcm_mirror(w), &ask, &answer, &fd), sizeof(answer.head), "are added to");
	is_int(answer.head.err, 0, "without an error");
	is_int(zc_counters(w, n, ZC_C_NR), 0, "and then");
	for (i = 0; i < ZC_C_NR; i++) {
		ours += zcs_counter_ours(i);
		wrong += n[i] - before[i] != (zcs_counter_ours(i) ? 1000 : 0);
	}
	is_int(wrong, 0, "those of clients have more, and no others");
	is_int(ours, 17, "which are so many");
	begin(ZCS_HIT, 0);
	ask.head.data_len = INT64_MAX;
	is_int(mirror_answer(zcm_mirror(w), &ask, &answer, &fd), 0, "a hit has no answer");
	is_int(counted(w, ZC_C_HITS), n[ZC_C_HITS] + 1, "it is one");
	is_int(counted(w, ZC_C_HIT_BYTES), n[ZC_C_HIT_BYTES] + zcm_mirror(w)->head->max_object_size,
	       "of no more bytes than an object can have");
	begin(ZCS_OPEN, 0);
	is_int(mirror_answer(zcm_mirror(w), &ask, &answer, &fd), sizeof(answer.head), "a version that never was");
	is_int(answer.head.err, -ENOENT, "is not opened");
	is_int(fd, -1, "and has no fd");
}

int main(void)
{
	struct zc_cache *w = mirror_new("bad", NULL), *c;

	put_seeded(w, "a", 10, 1);
	serve_begin(w);
	c = served();
	lying(c);
	lying_of_all(c);
	no_fds(c);
	zc_close(c);
	serve_end();
	requests();
	counting(w);
	zc_close(w);
	return tap_end();
}
