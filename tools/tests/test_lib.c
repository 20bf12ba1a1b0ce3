// SPDX-License-Identifier: GPL-2.0-only
/* libzcache against the stand-in for the module. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <zcache.h>

#include "tap.h"
#include "util.h"

static struct zc_cache *cache;

static void opening(void)
{
	static const struct {
		const char *name;
		int flags, err;
	} t[] = {
		{ "kmod:web", O_RDONLY, 0 },
		{ "kmod:web", O_RDWR, 0 },
		{ "kmod:none", O_RDONLY, -ENOENT },
		{ "kmod:web", O_WRONLY, -EINVAL },
		{ "kmod:web", O_RDWR | O_CREAT, -EINVAL },
		{ "kmod:", O_RDONLY, -EINVAL },
		{ "kmod:..", O_RDONLY, -EINVAL },
		{ "kmod:../web", O_RDONLY, -EINVAL },
		{ "kmod:.web", O_RDONLY, -EINVAL },
		{ "kmod:a b", O_RDONLY, -EINVAL },
		{ "kmod:a23456789012345678901234567890123", O_RDONLY, -EINVAL },
		{ "web", O_RDONLY, -EINVAL },
		{ "kmodweb", O_RDONLY, -EINVAL },
		{ "other:web", O_RDONLY, -EINVAL },
		{ "", O_RDONLY, -EINVAL },
		{ NULL, O_RDONLY, -EINVAL },
	};
	struct zc_cache *c;
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int err = zc_open(t[i].name, t[i].flags, &c);

		snprintf(name, sizeof(name), "open '%s' flags %#x", t[i].name ?: "NULL",
			 t[i].flags);
		is_int(err, t[i].err, name);
		if (!err)
			zc_close(c);
	}
	is_int(zc_open("kmod:web", O_RDONLY, NULL), -EINVAL, "open needs a place for the result");
	zc_close(NULL);
	ok(true, "closing nothing is allowed");
}

static void whole_objects(void)
{
	char buf[16];
	struct zc_stat s;
	struct zc_get g = {
		.key = zc_ptr("k"), .key_len = 1, .offset = 3,
		.buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};
	struct zc_delete d = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_info i = { 0 };

	is_int(zc_info(cache, &i), 0, "info");
	is_int(i.abi, ZC_ABI_VERSION, "it has the ABI");
	is_int(put_object(cache, "k", "0123456789", 10, "H", "\"e\"", "t/p"), 0, "put");
	is_str(object_differs(cache, "k", "0123456789", "H", "\"e\"", "t/p", &s) ?: "nothing",
	       "nothing", "what differs of it");
	is_int(zc_get(cache, &g), 0, "get");
	is_mem(buf, g.copied, "3456789", 7, "it has the bytes from the offset on");
	is_int(g.generation, s.generation, "and the same generation");
	d.generation = s.generation + 1;
	is_int(zc_delete(cache, &d), -ESTALE, "delete of another version is refused");
	d.generation = 0;
	is_int(zc_delete(cache, &d), 0, "delete");
	is_int(d.generation, s.generation, "tells the version");
	is_int(zc_delete(cache, &d), -ENOENT, "a second time it is gone");
}

static void fills(void)
{
	struct zc_put p = { .key = zc_ptr("f"), .key_len = 1, .data_len = 6 };
	struct zc_open o = { .key = zc_ptr("f"), .key_len = 1 };
	uint64_t generation = 0;
	char buf[8];
	int fd;

	fd = zc_fill(cache, &p);
	ok(fd >= 0 && fd == p.fd, "fill returns its fd");
	is_int(zc_commit(cache, fd, &generation), -ENODATA, "commit of holes is refused");
	is_int(pwrite(fd, "def", 3, 3) + pwrite(fd, "abc", 3, 0), 6, "pwrite in any order");
	is_int(zc_open_object(cache, &o), -ENOENT, "not visible before the commit");
	is_int(zc_commit(cache, fd, &generation), 0, "commit");
	ok(generation != 0, "gives a generation");
	is_int(zc_commit(cache, fd, NULL), -EALREADY, "but once");
	close(fd);
	fd = zc_open_object(cache, &o);
	ok(fd >= 0 && fd == o.fd, "open returns the object fd");
	is_int(o.data_len, 6, "it has the size");
	is_int(o.generation, generation, "and the generation");
	is_mem(buf, pread(fd, buf, sizeof(buf), 0), "abcdef", 6, "and the bytes");
	close(fd);
}

static int count_calls(void *arg, uint64_t done)
{
	*(uint64_t *)arg = done;
	return 0;
}

static int give_up(void *arg, uint64_t done)
{
	(void)arg;
	(void)done;
	return 1;
}

static bool object_is(const char *key, const char *want, size_t len)
{
	struct zc_open o = { .key = zc_ptr(key), .key_len = strlen(key) };
	int fd = zc_open_object(cache, &o);
	char *buf = malloc(len + 1);
	bool same = fd >= 0 && pread(fd, buf, len + 1, 0) == (ssize_t)len &&
		    !memcmp(buf, want, len);

	free(buf);
	close(fd);
	return same;
}

static void files(void)
{
	static char data[5 << 20];
	struct zc_put p = { .key = zc_ptr("file"), .key_len = 4, .data_len = sizeof(data) };
	uint64_t done = 0;
	int fd, pipes[2];

	fill_pattern(data, sizeof(data), 1);
	fd = open(test_file("data", data, sizeof(data)), O_RDONLY);
	is_int(zc_put_file(cache, &p, fd, count_calls, &done), 0, "put_file of a file");
	is_int(done, sizeof(data), "progress ends with all the bytes");
	ok(p.generation != 0, "the generation is told");
	is_int(p.fd, 0, "the struct can be used again");
	ok(object_is("file", data, sizeof(data)), "the object has the bytes");
	is_int(zc_put_file(cache, &p, fd, NULL, NULL), -ENODATA, "at the file's end there is no more");
	lseek(fd, 0, SEEK_SET);
	is_int(zc_put_file(cache, &p, fd, give_up, NULL), -ECANCELED, "progress may give up");
	lseek(fd, 1000, SEEK_SET);
	p.data_len = 100;
	is_int(zc_put_file(cache, &p, fd, NULL, NULL), 0, "from the file position on");
	ok(object_is("file", data + 1000, 100), "just so many bytes");
	p.flags = ZC_PUT_EXCL;
	is_int(zc_put_file(cache, &p, fd, NULL, NULL), -EEXIST, "flags are passed on");
	close(fd);

	ok(!pipe(pipes) && write(pipes[1], data, 4096) == 4096, "a pipe");
	p.flags = 0;
	p.data_len = 4096;
	done = 0;
	is_int(zc_put_file(cache, &p, pipes[0], count_calls, &done), 0, "put_file of a pipe");
	is_int(done, 4096, "progress of a pipe");
	ok(object_is("file", data, 4096), "the bytes of a pipe");
	ok(write(pipes[1], data, 10) == 10 && !close(pipes[1]), "a pipe that ends early");
	is_int(zc_put_file(cache, &p, pipes[0], NULL, NULL), -ENODATA, "is refused");
	ok(object_is("file", data, 4096), "and leaves the older version alone");
	p.data_len = 0;
	is_int(zc_put_file(cache, &p, pipes[0], NULL, NULL), 0, "an empty object");
	ok(object_is("file", data, 0), "has no bytes");
	close(pipes[0]);
}

static void sending(void)
{
	struct zc_part parts[] = {
		{ .type = ZC_PART_HEADER },
		{ .type = ZC_PART_INLINE, .addr = zc_ptr("--"), .length = 2 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END, .offset = 1 },
	};
	struct zc_send s = {
		.key = zc_ptr("s"), .key_len = 1, .nr_parts = 3, .parts = zc_ptr(parts),
	};
	char buf[32];
	int sv[2];

	put_object(cache, "s", "Xbody", 5, "head", NULL, NULL);
	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv), "sockets");
	s.sock = sv[0];
	is_int(zc_send(cache, &s), 0, "send");
	is_int(s.sent, 10, "it tells what went");
	is_int(s.total, 10, "and what there was");
	is_mem(buf, recv(sv[1], buf, sizeof(buf), 0), "head--body", 10, "the bytes arrive");
	s.skip = 7;
	is_int(zc_send(cache, &s), 0, "send with a skip");
	is_mem(buf, recv(sv[1], buf, sizeof(buf), 0), "ody", 3, "the rest arrives");
	s.key = zc_ptr("nokey");
	s.key_len = 5;
	is_int(zc_send(cache, &s), -ENOENT, "send of nothing");
	close(sv[0]);
	close(sv[1]);
}

static void arrived(int sock, const char *want, const char *name)
{
	char buf[64];
	ssize_t n = recv(sock, buf, sizeof(buf), MSG_DONTWAIT);

	is_mem(buf, n < 0 ? 0 : n, want, strlen(want), name);
}

static void several_objects(void)
{
	struct zc_open o = { .key = zc_ptr("two"), .key_len = 3 };
	struct zc_part parts[] = {
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .length = 2 },
		{ .type = ZC_PART_SELECT, .addr = zc_ptr("two"), .length = 3 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .length = 100 },
		{ .type = ZC_PART_SELECT, .flags = ZC_PART_FD },
		{ .type = ZC_PART_OBJECT, .offset = 1, .length = 1 },
	};
	struct zc_send s = {
		.key = zc_ptr("one"), .key_len = 3, .nr_parts = 5, .parts = zc_ptr(parts),
	};
	int sv[2];

	put_object(cache, "one", "first", 5, NULL, NULL, NULL);
	put_object(cache, "two", "2nd", 3, NULL, NULL, NULL);
	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv), "sockets");
	s.sock = sv[0];
	parts[3].offset = zc_open_object(cache, &o);
	is_int(zc_send(cache, &s), 0, "send of two objects");
	is_int(s.total, 6, "with all their bytes");
	arrived(sv[1], "st2ndn", "the bytes arrive");
	is_int(parts[1].generation, o.generation, "the version of the second is told");
	is_int(parts[3].generation, o.generation, "also by fd");
	parts[1].generation++;
	is_int(zc_send(cache, &s), -ESTALE, "another version of it is refused");
	arrived(sv[1], "", "and nothing is sent");
	close(parts[3].offset);
	close(sv[0]);
	close(sv[1]);
}

static void conditions_and_pins(void)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send s = {
		.key = zc_ptr("c"), .key_len = 1, .nr_parts = 1, .parts = zc_ptr(&part),
		.flags = ZC_SEND_IF_NONE_MATCH, .etag = zc_ptr("\"e\""), .etag_len = 3,
	};
	uint64_t first;
	int sv[2];

	put_object(cache, "c", "0123456789", 10, NULL, "\"e\"", NULL);
	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv), "sockets");
	s.sock = sv[0];
	is_int(zc_send(cache, &s), -ECANCELED, "IF_NONE_MATCH with the tag");
	is_int(s.data_len, 10, "tells of the object");
	arrived(sv[1], "", "but sends nothing");
	s.flags = ZC_SEND_IF_MATCH | ZC_SEND_PIN;
	s.max_bytes = 4;
	is_int(zc_send(cache, &s), 0, "IF_MATCH with the tag, and a bound");
	is_int(s.sent, 4, "sends so much");
	ok(s.pinned > 0, "and pins the version");
	first = s.generation;
	put_object(cache, "c", "another", 7, NULL, NULL, NULL);
	s = (struct zc_send) {
		.flags = ZC_SEND_FD | ZC_SEND_PIN, .fd = s.pinned, .sock = sv[0],
		.nr_parts = 1, .parts = zc_ptr(&part), .skip = 4,
	};
	is_int(zc_send(cache, &s), 0, "the rest goes by the fd");
	is_int(s.generation, first, "of the same version");
	is_int(s.pinned, -1, "and needs no other");
	arrived(sv[1], "0123456789", "all its bytes arrive");
	close(s.fd);
	close(sv[0]);
	close(sv[1]);
}

static void batches(void)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send s[3] = {
		{ .key = zc_ptr("one"), .key_len = 3, .nr_parts = 1, .parts = zc_ptr(&part) },
		{ .key = zc_ptr("none"), .key_len = 4, .nr_parts = 1, .parts = zc_ptr(&part) },
		{ .key = zc_ptr("two"), .key_len = 3, .nr_parts = 1, .parts = zc_ptr(&part) },
	};
	int32_t results[3] = { 1, 1, 1 };
	struct zc_send_batch b = { .nr = 3, .sends = zc_ptr(s), .results = zc_ptr(results) };
	int sv[2], i;

	ok(!socketpair(AF_UNIX, SOCK_STREAM, 0, sv), "sockets");
	for (i = 0; i < 3; i++)
		s[i].sock = sv[0];
	is_int(zc_send_batch(cache, &b), 0, "a batch of three");
	is_int(b.done, 3, "all were tried");
	is_int(results[0], 0, "the first went");
	is_int(results[1], -ENOENT, "the second has no object");
	is_int(results[2], 0, "the third went");
	is_int(s[2].sent, 3, "and tells how much");
	arrived(sv[1], "first2nd", "the bytes arrive in order");
	b.nr = 0;
	is_int(zc_send_batch(cache, &b), -EINVAL, "a batch of none is refused");
	b = (struct zc_send_batch) { .nr = 1, .results = zc_ptr(results) };
	is_int(zc_send_batch(cache, &b), -EFAULT, "as is one that is nowhere");
	s[0].size = 0;
	b = (struct zc_send_batch) { .nr = 1, .flags = 1, .sends = zc_ptr(s) };
	is_int(zc_send_batch(cache, &b), -EINVAL, "and one with unknown flags");
	is_int(s[0].size, 0, "before a message is touched");
	b = (struct zc_send_batch) { .sends = zc_ptr(s), .results = zc_ptr(results) };
	b.nr = ZC_BATCH_MAX + 1;
	is_int(zc_send_batch(cache, &b), -EINVAL, "and one of too many");
	b.nr = 1;
	b.sends = 0;
	is_int(zc_send_batch(cache, &b), -EFAULT, "one that is nowhere");
	b.sends = zc_ptr(s);
	b.results = 0;
	is_int(zc_send_batch(cache, &b), -EFAULT, "or has no place for results");
	b.results = zc_ptr(results);
	s[0].size = 4711;
	b.flags = 1;
	is_int(zc_send_batch(cache, &b), -EINVAL, "an unknown flag");
	b.flags = 0;
	b.__reserved = 1;
	is_int(zc_send_batch(cache, &b), -EINVAL, "or something reserved");
	is_int(s[0].size, 4711, "before any element is touched");
	close(sv[0]);
	close(sv[1]);
}

#define YEAR_2100 4102444800000000000

static int get_flags(const char *key, uint32_t flags)
{
	char buf[16];
	struct zc_get g = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key),
		.buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};

	return zc_get(cache, &g);
}

static void lives(void)
{
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("l"), .key_len = 1 };
	struct zc_touch t = { .key = zc_ptr("l"), .key_len = 1 };
	uint64_t generation;

	is_int(zc_touch(cache, &t), -ENOENT, "touch of nothing");
	put_object(cache, "l", "bytes", 5, NULL, NULL, NULL);
	is_int(zc_touch(cache, &t), 0, "touch");
	is_int(t.expires_ns, 0, "tells that it does not expire");
	generation = t.generation;
	ok(generation != 0, "and the version");
	is_int(zc_delete(cache, &d), 0, "a soft delete");
	is_int(d.generation, generation, "tells the version as well");
	is_int(get_flags("l", 0), -ENOENT, "then it has expired");
	is_int(get_flags("l", ZC_GET_EXPIRED_OK), 0, "but is there");
	t.flags = ZC_TOUCH_EXPIRES;
	t.expires_ns = YEAR_2100;
	is_int(zc_touch(cache, &t), -ENOENT, "also for touch");
	t.flags |= ZC_TOUCH_EXPIRED_OK;
	is_int(zc_touch(cache, &t), 0, "unless it asks for expired ones");
	is_int(get_flags("l", 0), 0, "then it is fresh");
	t.flags = 0;
	is_int(zc_touch(cache, &t), -EINVAL, "a time without its flag is refused");
	t.expires_ns = 0;
	is_int(zc_touch(cache, &t), 0, "without a time");
	is_int(t.expires_ns, YEAR_2100, "the time is told");
	t.expires_ns = 0;
	t.generation++;
	is_int(zc_touch(cache, &t), -ESTALE, "touch of another version is refused");
	d.flags = 0;
	is_int(zc_delete(cache, &d), 0, "a hard delete");
	is_int(get_flags("l", ZC_GET_EXPIRED_OK), -ENOENT, "leaves nothing");
}

static int purge(const char *prefix, uint32_t flags, struct zc_purge *p)
{
	*p = (struct zc_purge){
		.flags = flags, .key = zc_ptr(prefix), .key_len = prefix ? strlen(prefix) : 0,
	};
	return zc_purge(cache, p);
}

static void purges(void)
{
	struct zc_touch t = { .key = zc_ptr("p/1"), .key_len = 3 };
	struct zc_cache *reader;
	struct zc_purge p;

	is_int(purge(NULL, 0, &p), 0, "purge of all there is");
	put_object(cache, "p/1", "one", 3, NULL, NULL, NULL);
	put_object(cache, "p/2", "second", 6, NULL, NULL, NULL);
	put_object(cache, "q", "another", 7, NULL, NULL, NULL);
	is_int(purge("none", 0, &p), 0, "purge of nothing");
	is_int(p.objects, 0, "takes nothing");
	is_int(purge("p/", ZC_PURGE_SOFT, &p), 0, "a soft purge of a prefix");
	is_int(p.objects, 2, "takes two");
	is_int(p.bytes, 9, "with their bytes");
	is_int(get_flags("p/1", 0), -ENOENT, "they have expired");
	is_int(get_flags("p/1", ZC_GET_EXPIRED_OK), 0, "but are there");
	is_int(get_flags("q", 0), 0, "others have not");
	is_int(purge("p/", ZC_PURGE_SOFT, &p), 0, "again");
	is_int(p.objects, 0, "takes nothing more");
	is_int(purge("p/2", 0, &p), 0, "a hard one");
	is_int(p.objects, 1, "takes what has expired");
	is_int(get_flags("p/2", ZC_GET_EXPIRED_OK), -ENOENT, "which is gone");
	is_int(purge(NULL, 0, &p), 0, "purge of all");
	is_int(p.objects, 2, "takes the others");
	is_int(p.bytes, 10, "with their bytes");
	is_int(purge("", 0, &p), -EINVAL, "an address without bytes is refused");
	is_int(zc_open("kmod:web", O_RDONLY, &reader), 0, "a reader");
	p = (struct zc_purge){ 0 };
	is_int(zc_purge(reader, &p), -EBADF, "purges nothing");
	is_int(zc_touch(reader, &t), -EBADF, "and touches nothing");
	zc_close(reader);
}

static void tags(void)
{
	static const uint64_t many[] = { 1, UINT64_MAX, 3, 4, 5, 6, 7, 8, 9 };
	static const uint64_t bad[] = { 5, 5, 0 };
	struct zc_put f = {
		.key = zc_ptr("t/fill"), .key_len = 6, .tags = zc_ptr(many), .nr_tags = 2,
	};
	uint64_t got[ZC_TAGS_MAX] = { 0 };
	struct zc_stat s = { .key = zc_ptr("t/8"), .key_len = 3 };
	struct zc_purge p = { .flags = ZC_PURGE_TAG, .tag = 3 };
	int fd;

	is_int(put_tagged(cache, "t/0", NULL, 0), 0, "put without tags");
	is_int(put_tagged(cache, "t/8", many, 8), 0, "put with eight");
	is_int(put_tagged(cache, "t/9", many, 9), -EINVAL, "but not with nine");
	is_int(put_tagged(cache, "t/9", bad, 2), -EINVAL, "nor with one twice");
	is_int(put_tagged(cache, "t/9", bad + 2, 1), -EINVAL, "nor with 0");
	fd = zc_fill(cache, &f);
	is_int(zc_commit(cache, fd, NULL), 0, "a fill with two");
	close(fd);

	is_int(zc_stat(cache, &s), 0, "stat without room for tags");
	is_int(s.nr_tags, 8, "tells how many there are");
	s.tags = zc_ptr(got);
	s.nr_tags = 7;
	is_int(zc_stat(cache, &s), -EMSGSIZE, "with too little room");
	is_int(s.nr_tags, 8, "it tells as well");
	is_int(got[0], 0, "but nothing more");
	is_int(zc_stat(cache, &s), 0, "with enough");
	is_mem(got, 8 * s.nr_tags, many, 64, "it tells which");
	s.key = zc_ptr("t/0");
	s.generation = 0;
	s.nr_tags = ZC_TAGS_MAX;
	is_int(zc_stat(cache, &s), 0, "stat of an object without");
	is_int(s.nr_tags, 0, "tells of none");

	is_int(zc_purge(cache, &p), 0, "purge by a tag");
	is_int(p.objects, 1, "takes one");
	is_int(p.bytes, 5, "with its bytes");
	is_int(get_flags("t/8", ZC_GET_EXPIRED_OK), -ENOENT, "which is gone");
	is_int(get_flags("t/0", 0), 0, "others are not");
	p.flags |= ZC_PURGE_SOFT;
	p.tag = UINT64_MAX;
	is_int(zc_purge(cache, &p), 0, "a soft purge by a tag");
	is_int(p.objects, 1, "takes one as well");
	is_int(get_flags("t/fill", 0), -ENOENT, "which has expired");
	is_int(get_flags("t/fill", ZC_GET_EXPIRED_OK), 0, "but is there");
	p.tag = 0;
	is_int(zc_purge(cache, &p), -EINVAL, "purge by no tag is refused");
	p = (struct zc_purge){ .tag = 3 };
	is_int(zc_purge(cache, &p), -EINVAL, "and a tag without its flag");
	p = (struct zc_purge){
		.flags = ZC_PURGE_TAG, .tag = 3, .key = zc_ptr("t"), .key_len = 1,
	};
	is_int(zc_purge(cache, &p), -EINVAL, "and a tag with a key");
}

static void *many_calls(void *arg)
{
	char buf[8];
	int i;

	for (i = 0; i < 500; i++) {
		struct zc_get g = {
			.key = zc_ptr("t"), .key_len = 1, .buf = zc_ptr(buf), .buf_len = 8,
		};

		if (zc_get(cache, &g) || g.copied != 4 || memcmp(buf, "same", 4))
			*(int *)arg += 1;
	}
	return NULL;
}

static void threads(void)
{
	int bad[4] = { 0 }, i;
	pthread_t t[4];

	put_object(cache, "t", "same", 4, NULL, NULL, NULL);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, many_calls, &bad[i]);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	is_int(bad[0] + bad[1] + bad[2] + bad[3], 0, "four threads on one handle");
}

int main(void)
{
	test_store();
	cache = test_open();
	is_int(zc_caps(cache), ZC_CAP_COVERAGE | ZC_CAP_FROZEN | ZC_CAP_HELD | ZC_CAP_TAG_LIMITS,
	       "what the module can do");
	opening();
	whole_objects();
	fills();
	files();
	sending();
	several_objects();
	conditions_and_pins();
	batches();
	lives();
	purges();
	tags();
	threads();
	zc_close(cache);
	return tap_end();
}
