// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mirror that is read through its owner's socket: all calls do what they do with the
 * folder, and count the same; others' changes are seen, threads and processes share it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/process.h"
#include "mirror_util.h"
#include "served_owner.h"
#include "sockets.h"
#include "tap.h"
#include "util.h"

#define BIG	100000

static void errors(void)
{
	char name[300];
	struct zc_cache *c;

	is_int(zc_open(s.name, O_RDWR, &c), -EROFS, "it is read");
	is_int(zc_open("served:", O_RDONLY, &c), -EINVAL, "no name");
	snprintf(name, sizeof(name), "served:%s/none", test_folder());
	is_int(zc_open(name, O_RDONLY, &c), -ENOENT, "no socket");
	snprintf(name, sizeof(name), "served:%s", test_file("plain", "", 0));
	is_int(zc_open(name, O_RDONLY, &c), -ECONNREFUSED, "no socket, but a file");
	snprintf(name, sizeof(name), "served:/%0200d", 0);
	is_int(zc_open(name, O_RDONLY, &c), -ENAMETOOLONG, "a long name");
}

static void add(char *log, int value)
{
	sprintf(log + strlen(log), "%d ", value);
}

static void one_stat(struct zc_cache *c, char *log, struct zc_stat stat)
{
	char etag[ZC_ETAG_MAX] = "", type[ZC_TYPE_MAX] = "", header[ZC_HEADER_MAX] = "";
	uint64_t tags[ZC_TAGS_MAX] = { 0 };

	stat.etag = zc_ptr(etag);
	stat.etag_len = sizeof(etag);
	stat.type = zc_ptr(type);
	stat.type_len = sizeof(type);
	stat.header = zc_ptr(header);
	stat.header_len = sizeof(header);
	stat.tags = zc_ptr(tags);
	stat.nr_tags = ZC_TAGS_MAX;
	add(log, zc_stat(c, &stat));
	sprintf(log + strlen(log), "[%u %ju %ju %ju %u '%.*s' '%.*s' '%.*s' %u %ju %ju] ",
		(unsigned int)stat.generation % 1000000, (uintmax_t)stat.data_len,
		(uintmax_t)stat.charge, (uintmax_t)stat.hits, stat.state, (int)stat.etag_len, etag,
		(int)stat.type_len, type, (int)stat.header_len, header, stat.nr_tags,
		(uintmax_t)tags[0], (uintmax_t)tags[1]);
}

static void one_get(struct zc_cache *c, char *log, struct zc_get get)
{
	static char buf[BIG + 1];

	get.buf = zc_ptr(buf);
	get.buf_len = sizeof(buf);
	memset(buf, 0, sizeof(buf));
	add(log, zc_get(c, &get));
	sprintf(log + strlen(log), "%ju:%08x ", (uintmax_t)get.copied,
		zcm_crc(0, buf, sizeof(buf)));
}

static void one_lookup(struct zc_cache *c, char *log, const char *key, uint32_t flags)
{
	struct zc_lookup l = { .flags = flags, .key = key, .key_len = strlen(key) };
	int err = zc_lookup(c, &l);

	add(log, err);
	if (!err)
		sprintf(log + strlen(log), "%u:%ju:%08x ", l.mapped, (uintmax_t)l.data_len,
			zcm_crc(0, l.data, l.data_len));
	zc_release(c, &l);
}

static void one_send(struct zc_cache *c, char *log, const char *key, uint32_t flags, const char *etag,
		     uint64_t max)
{
	struct zc_part parts[] = {
		{ .type = ZC_PART_HEADER },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END },
	};
	struct zc_send send = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key), .max_bytes = max,
		.parts = zc_ptr(parts), .nr_parts = 2, .etag = zc_ptr(etag), .etag_len = etag ? strlen(etag) : 0,
	};
	struct pair p;
	int err;

	pair_new(&p, AF_INET, NULL);
	send.sock = p.sock;
	err = zc_send(c, &send);
	add(log, err);
	if (!err)
		sprintf(log + strlen(log), "%ju/%ju:%d ", (uintmax_t)send.sent,
			(uintmax_t)send.total, send.pinned > 0);
	if (!err && flags & ZC_SEND_PIN && send.pinned > 0) {
		one_stat(c, log, (struct zc_stat) { .flags = ZC_STAT_FD, .fd = send.pinned });
		close(send.pinned);
	}
	shutdown(p.sock, SHUT_WR);
	pair_wait(&p);
	sprintf(log + strlen(log), "%zd:%08x ", p.got_len, zcm_crc(0, p.got, p.got_len));
	pair_end(&p);
}

static void one_open(struct zc_cache *c, char *log, const char *key)
{
	struct zc_open o = { .key = zc_ptr(key), .key_len = strlen(key) };
	int fd = zc_open_object(c, &o), other;

	add(log, fd < 0 ? fd : 0);
	if (fd < 0)
		return;
	o.fd = 0;
	other = zc_open_object(c, &o);
	add(log, lseek(fd, 5, SEEK_SET));
	add(log, lseek(other, 0, SEEK_CUR));
	add(log, fcntl(fd, F_GETFL) & O_ACCMODE);
	close(other);
	one_get(c, log, (struct zc_get) { .flags = ZC_GET_FD, .fd = fd });
	one_get(c, log, (struct zc_get) { .flags = ZC_GET_FD, .fd = fd, .generation = o.generation + 1 });
	close(fd);
	one_get(c, log, (struct zc_get) { .flags = ZC_GET_FD, .fd = STDIN_FILENO });
}

/* Each kind of call, found or not, and what it told. */
static void use_all(struct zc_cache *c, char *log)
{
	static const char *const keys[] = { "big", "small", "empty", "old", "none" };
	static const char longest[ZC_KEY_MAX + 1];
	size_t i;

	log[0] = '\0';
	for (i = 0; i < 5; i++) {
		struct zc_get get = { .key = zc_ptr(keys[i]), .key_len = strlen(keys[i]) };

		one_stat(c, log, (struct zc_stat) { .key = get.key, .key_len = get.key_len });
		one_stat(c, log, (struct zc_stat) { .key = get.key, .key_len = get.key_len,
						    .flags = ZC_STAT_EXPIRED_OK });
		one_get(c, log, get);
		get.offset = 7;
		one_get(c, log, get);
		get.generation = 1;
		one_get(c, log, get);
		get.flags = ZC_GET_EXPIRED_OK;
		get.generation = 0;
		one_get(c, log, get);
		one_lookup(c, log, keys[i], 0);
		one_lookup(c, log, keys[i], ZC_LOOKUP_EXPIRED_OK);
		one_send(c, log, keys[i], 0, NULL, 0);
		one_send(c, log, keys[i], ZC_SEND_PIN, NULL, 100);
		one_send(c, log, keys[i], ZC_SEND_IF_MATCH, "1", 0);
		one_send(c, log, keys[i], ZC_SEND_IF_NONE_MATCH, "1", 0);
		one_open(c, log, keys[i]);
		strcat(log, "\n");
	}
	one_get(c, log, (struct zc_get) { .key = zc_ptr(longest), .key_len = ZC_KEY_MAX });
	one_get(c, log, (struct zc_get) { .key = zc_ptr(longest), .key_len = ZC_KEY_MAX + 1 });
	one_get(c, log, (struct zc_get) { .key = zc_ptr(longest) });
}

static void fill_up(struct zc_cache *c)
{
	static char longest[ZC_HEADER_MAX], key[ZC_KEY_MAX], data[BIG];
	uint64_t tags[] = { 5, 77 };
	struct zc_put put = {
		.key = zc_ptr("big"), .key_len = 3, .data = zc_ptr(data), .data_len = BIG,
		.etag = zc_ptr("1"), .etag_len = 1, .type = zc_ptr("text/plain"), .type_len = 10,
		.header = zc_ptr(longest), .header_len = ZC_HEADER_MAX, .tags = zc_ptr(tags),
		.nr_tags = 2,
	};

	fill_pattern(data, sizeof(data), 1);
	memset(longest, 'h', sizeof(longest));
	is_int(zc_put(c, &put), 0, "an object with all there is");
	put_object(c, "small", "0123456789", 10, "header", "2", NULL);
	put_object(c, "empty", "", 0, "header", NULL, NULL);
	put = (struct zc_put) {
		.key = zc_ptr("old"), .key_len = 3, .data = zc_ptr("old"), .data_len = 3,
		.expires_ns = 1,
	};
	is_int(zc_put(c, &put), 0, "one that has expired");
	put = (struct zc_put) {
		.key = zc_ptr(key), .key_len = sizeof(key), .data = zc_ptr("k"), .data_len = 1,
	};
	is_int(zc_put(c, &put), 0, "one with the longest key");
}

/* Through the socket and with the folder: the same is told, and counted. */
static void same(void)
{
	struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = 64 << 20, .grace_ms = 3600000,
	};
	struct zc_cache *one = mirror_new("one", &conf), *two = mirror_new("two", &conf), *c;
	static char log[2][1 << 17];
	struct zc_info info[2] = { 0 };
	uint64_t n[2][ZC_C_NR];

	fill_up(one);
	fill_up(two);
	serve_begin(one);
	errors();
	c = served();
	is_str(zc_backend(c), "served", "the back end");
	is_int(zc_caps(c), zc_caps(two), "what it can do");
	use_all(c, log[0]);
	use_all(two, log[1]);
	is_str(log[0], log[1], "all calls do the same");
	is_int(zc_counters(c, n[0], ZC_C_NR), 0, "its counters");
	is_int(zc_counters(two, n[1], ZC_C_NR), 0, "and those of the other one");
	is_mem(n[0], sizeof(n[0]), n[1], sizeof(n[1]), "are the same");
	ok(n[0][ZC_C_HITS] > 30 && n[0][ZC_C_MISSES] > 10 && n[0][ZC_C_GETS] > 10, "and count");
	is_int(zc_info(c, &info[0]), 0, "what the mirror is");
	is_int(zc_info(one, &info[1]), 0, "is told");
	is_mem(&info[0], sizeof(info[0]), &info[1], sizeof(info[1]), "as it is");
	zc_close(two);
	zc_close(c);
	serve_end();
	zc_close(one);
}

static void writes(struct zc_cache *c)
{
	struct zc_put put = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_delete del = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_touch touch = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_purge purge = { .flags = 0 };
	struct zc_wait wait = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_mirror_conf conf;
	uint64_t generation;
	int fd = open(test_file("file", "", 0), O_RDWR);

	is_int(zc_put(c, &put), -EBADF, "no put");
	is_int(zc_fill(c, &put), -EBADF, "no fill");
	is_int(zc_commit(c, fd, &generation), -EBADF, "no commit");
	is_int(zc_delete(c, &del), -EBADF, "no delete");
	is_int(zc_touch(c, &touch), -EBADF, "no touch");
	is_int(zc_purge(c, &purge), -EBADF, "no purge");
	is_int(zc_wait(c, &wait), -ENOENT, "nobody is waited for");
	is_int(zc_mirror_get(c, &conf), -EOPNOTSUPP, "and its limits are not to be had");
	close(fd);
}

/* What others do with the folder is seen at once; what is open stays. */
static void changes(void)
{
	struct zc_cache *w = mirror_new("changes", NULL), *c;
	struct zc_lookup l = { .key = "a", .key_len = 1 }, next = l;
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_touch touch = { .flags = ZC_TOUCH_EXPIRES, .key = zc_ptr("a"), .key_len = 1 };
	struct zc_delete d = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_stat stat = { .flags = ZC_STAT_FD };
	struct zc_mirror_conf conf;
	static char want[BIG];
	int fd;

	serve_begin(w);
	c = served();
	writes(c);
	is_int(zc_lookup(c, &l), -ENOENT, "nothing yet");
	put_seeded(w, "a", BIG, 1);
	is_int(zc_lookup(c, &l), 0, "a put is seen");
	fd = zc_open_object(c, &o);
	ok(fd >= 0, "an object fd");
	put_seeded(w, "a", 5000, 2);
	is_int(zc_lookup(c, &next), 0, "a replacement is seen");
	fill_pattern(want, 5000, 2);
	is_mem(next.data, next.data_len, want, 5000, "it is the newer version");
	zc_release(c, &next);
	fill_pattern(want, BIG, 1);
	ok(l.data_len == BIG && !memcmp(l.data, want, BIG), "the older one stays");
	stat.fd = fd;
	is_int(zc_stat(c, &stat), 0, "and is known by its fd");
	is_int(stat.generation, l.generation, "its version");
	is_int(stat.data_len, BIG, "its size");
	/* a time to expire in a second, and one that is over */
	touch.expires_ns = from_now(3600000000000);
	is_int(zc_touch(w, &touch), 0, "another time to expire");
	next.generation = 0;
	is_int(zc_lookup(c, &next), 0, "is seen");
	is_int(next.expires_ns, touch.expires_ns, "as it is");
	zc_release(c, &next);
	touch.expires_ns = 1;
	is_int(zc_touch(w, &touch), 0, "one that is over");
	is_int(get_key(c, "a", 0), -ENOENT, "is seen, too");
	put_seeded(w, "a", 10, 3);
	is_int(zc_mirror_get(w, &conf), 0, "the threshold");
	conf.splice_threshold = 10;
	is_int(zc_mirror_set(w, &conf), 0, "is changed");
	next.generation = 0;
	is_int(zc_lookup(c, &next), 0, "the next lookup");
#ifndef ZC_NO_MMAP
	is_int(next.mapped, 1, "has heard of it");
#endif
	zc_release(c, &next);
	is_int(zc_delete(w, &d), 0, "a delete");
	is_int(get_key(c, "a", 0), -ENOENT, "is seen");
	is_int(zcm_mirror(c)->nr_cached, 0, "and nothing that has gone is kept open");
	serve_end();
	is_int(get_key(c, "a", 0), -ECONNREFUSED, "the owner ends");
	ok(!memcmp(l.data, want, BIG), "what is mapped stays");
	is_int(pread(fd, want, 1, 0), 1, "and what is open");
	close(fd);
	zc_release(c, &l);
	zc_close(c);
	zc_close(w);
}

/* After another start of the owner clients go on; with another mirror they do not. */
static void restarts(void)
{
	struct zc_cache *w = mirror_new("restarts", NULL), *other = mirror_new("other", NULL), *c;

	put_seeded(w, "a", 10, 1);
	put_seeded(other, "a", 10, 1);
	serve_begin(w);
	c = served();
	is_int(get_key(c, "a", 0), 0, "an object");
	serve_end();
	serve_begin(w);
	is_int(get_key(c, "a", 0), 0, "is there with the next owner");
	serve_end();
	serve_begin(other);
	is_int(get_key(c, "a", 0), -ENODEV, "another mirror is another");
	serve_end();
	serve_begin(w);
	is_int(get_key(c, "a", 0), 0, "until it is gone");
	zc_close(c);
	serve_end();
	is_int(counted(w, ZC_C_HITS), 3, "each was one hit");
	is_int(counted(w, ZC_C_GETS), 3, "and one get");
	zc_close(w);
	zc_close(other);
}

static struct zc_cache *shared;

static void *many_lookups(void *arg)
{
	int i, *bad = arg;
	char key[8];

	for (i = 0; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", i % 7);
		*bad += check_seeded(shared, key);
	}
	return NULL;
}

static int threads(struct zc_cache *c, struct zc_cache *w)
{
	pthread_t t[4];
	int bad[4] = { 0 }, i, sum = 0;
	char key[8];

	shared = c;
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, many_lookups, &bad[i]);
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%d", i % 7);
		sum += put_seeded(w, key, 3000 + i, 100 + i) != 0;
	}
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		sum += bad[i];
	}
	return sum;
}

static void sharing(void)
{
	struct zc_cache *w = mirror_new("sharing", NULL), *c;
	int i, status, before = open_fds();
	char key[8];
	pid_t pid;

	for (i = 0; i < 7; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put_seeded(w, key, 5000, i);
	}
	serve_begin(w);
	c = served();
	is_int(threads(c, w), 0, "four threads, while objects are replaced");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		/* without threads: ThreadSanitizer takes none after a fork() with some */
		status = 0;
		for (i = 0; i < 4; i++)
			many_lookups(&status);
		zc_close(c);
		_exit(status > 255 ? 255 : status);
	}
	is_int(threads(c, w), 0, "and while a child does the same");
	waitpid(pid, &status, 0);
	is_int(status, 0, "which does as well");
	ok(s.nr_taken <= 2 * ZCS_IDLE + 2, "connections are used again");
	is_int(counted(c, ZC_C_HITS), 3 * 4 * 300, "each lookup is one hit");
	is_int(counted(c, ZC_C_MISSES), 0, "and none is a miss");
	is_int(counted(c, ZC_C_MMAP_READS) + counted(c, ZC_C_MMAP_SKIPPED), 3 * 4 * 300,
	       "how each was read is counted once");
	zc_close(c);
	serve_end();
	zcm_cache_exit(zcm_mirror(w));
	is_int(open_fds(), before, "nothing is left open");
	zc_close(w);
}

/* A child is another process, also where its number is the same. */
static void processes(void)
{
	uint32_t parent = zc_process();
	int code = -1;
	pid_t pid = fork();

	if (!pid)
		_exit((zc_process() ^ (uint32_t)getpid()) == (parent ^ (uint32_t)getppid()) ? 1 : 0);
	waitpid(pid, &code, 0);
	is_int(code, 0, "a child differs in more than its number");
	ok(zc_process() == parent, "from its parent, which stays the same");
}

int main(void)
{
	same();
	changes();
	restarts();
	sharing();
	processes();
	return tap_end();
}
