// SPDX-License-Identifier: GPL-2.0-only
/* The reader: every way has the same bytes, and which way is taken. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

#define SIZE (5 * 1024 * 1024 + 4097)
#define PAGE 4096

static unsigned char *want;
static bool uring;

/* A way, and the configuration that asks for it. */
static const struct way {
	const char *kind;
	int use_io_uring, use_mmap, direct, advice;
} ways[] = {
	{ "io_uring+mmap", 1, 1, 0, ZC_ADVICE_SEQUENTIAL },
	{ "io_uring+mmap", 1, 1, 0, ZC_ADVICE_DONTNEED },
	{ "io_uring", 1, 0, 0, ZC_ADVICE_SEQUENTIAL },
	{ "io_uring", 1, 0, 0, ZC_ADVICE_DONTNEED },
	{ "io_uring", 1, 1, 1, ZC_ADVICE_SEQUENTIAL },
	{ "io_uring", 1, 1, 0, ZC_ADVICE_RANDOM },
	{ "mmap", 0, 1, 0, ZC_ADVICE_SEQUENTIAL },
	{ "mmap", 0, 1, 0, ZC_ADVICE_RANDOM },
	{ "pread", 0, 0, 0, ZC_ADVICE_WILLNEED },
	{ "pread", 0, 0, 0, ZC_ADVICE_DONTNEED },
	{ "pread", 0, 1, 1, ZC_ADVICE_NORMAL },
};

#define NR_WAYS (sizeof(ways) / sizeof(*ways))

static void configure(struct zc_reader_conf *conf, const struct way *way)
{
	zc_reader_conf_init(conf);
	conf->use_io_uring = way->use_io_uring;
	conf->use_mmap = way->use_mmap;
	conf->direct = way->direct;
	conf->advice = way->advice;
	conf->prefetch_size = 65536;
	conf->queue_depth = 4;
}

/* The way that is left where this build or kernel lacks the one that was asked for. */
static const char *expected(const struct way *way, size_t size)
{
	bool map = way->use_mmap && !way->direct;

#ifdef ZC_NO_MMAP
	map = false;
#endif
	if (way->use_io_uring && uring && size > 65536)
		return map && way->advice != ZC_ADVICE_RANDOM ? "io_uring+mmap" : "io_uring";
	return map ? "mmap" : "pread";
}

static bool pieces(struct zc_reader *r, size_t from, size_t len)
{
	const void *p;
	size_t n, at = from;

	if (zc_reader_seek(r, from))
		return false;
	for (;;) {
		if (zc_reader_tell(r) != at || zc_reader_next(r, &p, &n))
			return false;
		if (!n)
			break;
		if (n > len - at || memcmp(p, want + at, n))
			return false;
		at += n;
	}
	return at == len;
}

static bool random_reads(struct zc_reader *r, size_t len)
{
	static unsigned char buf[300000];
	uint64_t seed = len;
	const void *p;
	size_t n;
	int i;

	for (i = 0; i < 400; i++) {
		size_t from = io_random(&seed, len + 1);
		size_t ask = io_random(&seed, i % 8 ? 5000 : sizeof(buf));
		size_t expect = ask < len - from ? ask : len - from;

		switch (io_random(&seed, 4)) {
		case 0:
			if (zc_reader_seek(r, from))
				return false;
			break;
		case 1:
			from = zc_reader_tell(r);
			if (zc_reader_next(r, &p, &n) || zc_reader_tell(r) != from + n ||
			    (n && memcmp(p, want + from, n)) || (!n && from != len))
				return false;
			continue;
		case 2:
			n = zc_reader_tell(r);
			if (zc_reader_read_at(r, buf, ask, from) != (ssize_t)expect ||
			    memcmp(buf, want + from, expect) || zc_reader_tell(r) != n)
				return false;
			continue;
		default:
			from = zc_reader_tell(r);
			expect = ask < len - from ? ask : len - from;
		}
		if (zc_reader_read(r, buf, ask) != (ssize_t)expect ||
		    memcmp(buf, want + from, expect) || zc_reader_tell(r) != from + expect)
			return false;
	}
	return true;
}

/* O_DIRECT reads whole blocks at whole blocks; the cursor goes anywhere. */
static bool direct_reads(struct zc_reader *r, size_t len)
{
	static unsigned char buf[300000];
	struct zc_aligned mine;
	uint64_t seed = len;
	bool good = true;
	int i;

	if (zc_aligned_alloc(&mine, 65536, PAGE))
		return false;
	for (i = 0; i < 200 && good; i++) {
		size_t from = io_random(&seed, len + 1), ask = io_random(&seed, 200000);
		size_t expect = ask < len - from ? ask : len - from;

		good = !zc_reader_seek(r, from) && zc_reader_read(r, buf, ask) == (ssize_t)expect &&
			!memcmp(buf, want + from, expect);
		from -= from % PAGE;
		ask = io_random(&seed, 17) * PAGE;
		expect = ask < len - from ? ask : len - from;
		good = good && zc_reader_read_at(r, mine.data, ask, from) == (ssize_t)expect &&
			!memcmp(mine.data, want + from, expect);
	}
	good = good && zc_reader_read_at(r, (char *)mine.data + 1, PAGE, 0) == -EINVAL &&
		zc_reader_read_at(r, mine.data, PAGE - 1, 0) == -EINVAL &&
		zc_reader_read_at(r, mine.data, PAGE, 512) == -EINVAL;
	zc_aligned_free(&mine);
	return good;
}

static void bytes(const struct way *way, uint64_t max_mmap, unsigned int read_ahead)
{
	static const size_t sizes[] = {
		0, 1, PAGE - 1, PAGE, PAGE + 1, 65535, 65536, 65537, 262144, 262145, SIZE,
	};
	struct zc_reader_conf conf;
	struct zc_reader *r;
	char name[100];
	size_t i;

	configure(&conf, way);
	conf.max_mmap_bytes = max_mmap;
	conf.read_ahead_pages = read_ahead;
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		size_t size = sizes[i];
		int fd = io_file(want, size, way->direct ? O_DIRECT : 0), err;

		if (fd < 0) {
			ok(true, "O_DIRECT # SKIP the file system has none");
			return;
		}
		err = zc_open_reader_fd(fd, &conf, &r);
		is_int(err, 0, "a reader");
		close(fd);
		if (err)
			continue;
		is_str(zc_reader_kind(r), expected(way, size), "takes the way that it is to");
		snprintf(name, sizeof(name), "%s%s, advice %d: %zu bytes", zc_reader_kind(r),
			 way->direct ? ", direct" : "", way->advice, size);
		ok(zc_reader_size(r) == size && pieces(r, 0, size) && pieces(r, size / 3, size) &&
		   (way->direct ? direct_reads(r, size) : random_reads(r, size)) &&
		   pieces(r, 0, size), name);
		is_int(zc_reader_seek(r, size + 1), -EINVAL, "no cursor is beyond the end");
		is_int(zc_reader_check(r), 0, "nothing happened to the file");
		zc_reader_close(r);
	}
}

static volatile unsigned char sink;

/* Reads on until the end or an error, which it returns. */
static int to_the_end(struct zc_reader *r)
{
	const void *p;
	size_t n = 1, i;
	int err = 0;

	while (!err && n) {
		err = zc_reader_next(r, &p, &n);
		for (i = 0; !err && i < n; i += 512)
			sink = ((const unsigned char *)p)[i];
	}
	return err;
}

/* Within the page that is read: what is after the end there are zeros, and no fault. */
static void cut_page(const struct way *way)
{
	unsigned char buf[8192];
	struct zc_reader_conf conf;
	struct zc_reader *r;
	int fd = io_file(want, SIZE, 0);

	if (way->direct)
		return;
	configure(&conf, way);
	conf.prefetch_size = 4096;
	conf.alignment = 4096;
	is_int(zc_open_reader_fd(fd, &conf, &r), 0, way->kind);
	is_int(ftruncate(fd, 5000), 0, "the file is cut at once");
	is_int(zc_reader_read_at(r, buf, 3000, 4096), -EIO, "its end is no zeros");
	ok(zc_reader_read(r, buf, 8192) <= 4096, "nor is it read as such");
	zc_reader_close(r);
	close(fd);
}

static void cut(const struct way *way)
{
	static unsigned char buf[400000];
	struct zc_reader_conf conf;
	struct zc_reader *r;
	int fd = io_file(want, SIZE, way->direct ? O_DIRECT : 0);

	if (fd < 0)
		return;
	configure(&conf, way);
	is_int(zc_open_reader_fd(fd, &conf, &r), 0, way->kind);
	is_int(zc_reader_read(r, buf, 100), 100, "has its bytes");
	is_int(ftruncate(fd, SIZE / 2), 0, "the file is cut");
	is_int(to_the_end(r), -EIO, "reading on finds it");
	is_int(zc_reader_check(r), -EIO, "so does a check");
	is_int(zc_reader_seek(r, SIZE - 300000), 0, "the cursor where nothing is left");
	is_int(zc_reader_read(r, buf, 1000), -EIO, "nothing can be read");
	is_int(zc_reader_tell(r), SIZE - 300000, "it stays there");
	zc_reader_close(r);
	close(fd);
}

static void by_path(void)
{
	const char *path = test_file("data", want, SIZE);
	struct zc_reader_conf conf;
	struct zc_reader *r = NULL;
	static const struct way plain = { "", 1, 1, 0, ZC_ADVICE_SEQUENTIAL };

	is_int(zc_open_reader(path, NULL, &r), 0, "a file by its path");
	is_str(zc_reader_kind(r), expected(&plain, SIZE), "has the default way");
	ok(pieces(r, 0, SIZE), "and its bytes");
	zc_reader_close(r);
	zc_reader_conf_init(&conf);
	conf.prefetch_size = SIZE;
	r = NULL;
	is_int(zc_open_reader(path, &conf, &r), 0, "one with nothing to read ahead");
	ok(!strstr(zc_reader_kind(r), "io_uring"), "has no ring");
	zc_reader_close(r);
	zc_reader_conf_init(&conf);
	conf.direct = 1;
	r = NULL;
	if (zc_open_reader(path, &conf, &r) == -EINVAL) {
		ok(true, "direct # SKIP the file system has no O_DIRECT");
	} else {
		ok(!strstr(zc_reader_kind(r), "mmap"), "direct has no mapping");
		ok(pieces(r, 0, SIZE), "and its bytes");
		zc_reader_close(r);
	}
	r = NULL;
	is_int(zc_open_reader("/nonexistent", NULL, &r), -ENOENT, "a file that is not there");
	is_int(zc_open_reader("/tmp", NULL, &r), -EINVAL, "a folder");
	is_int(zc_open_reader("/dev/null", NULL, &r), -EINVAL, "a device");
	is_int(zc_open_reader(NULL, NULL, &r), -EINVAL, "no path");
	is_int(zc_open_reader(path, NULL, NULL), -EINVAL, "no place for the result");
	is_int(zc_open_reader_fd(-1, NULL, &r), -EBADF, "a file that is not open");
	conf.direct = 0;
	conf.prefetch_size = 4095;
	is_int(zc_open_reader(path, &conf, &r), -EINVAL, "less ahead than a block");
	conf.prefetch_size = 4096;
	conf.queue_depth = 1;
	is_int(zc_open_reader(path, &conf, &r), -EINVAL, "too shallow a queue");
	conf.queue_depth = 2;
	conf.alignment = 5000;
	is_int(zc_open_reader(path, &conf, &r), -EINVAL, "an alignment that is none");
	conf.alignment = 4096;
	conf.advice = 5;
	is_int(zc_open_reader(path, &conf, &r), -EINVAL, "advice that is none");
	conf.advice = 0;
	conf.size = 0;
	is_int(zc_open_reader(path, &conf, &r), -EINVAL, "no size");
	ok(!r, "the result stays as it was");
	zc_reader_close(NULL);
}

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void objects(void)
{
	struct zc_open open = { .key = zc_ptr("k"), .key_len = 1 }, was;
	struct zc_reader_conf conf;
	struct zc_cache *cache;
	struct zc_reader *r;
	int before;

	test_store();
	cache = test_open();
	is_int(zc_open_reader_object(cache, &open, NULL, &r), -ENOENT, "an object that is not there");
	is_int(put_object(cache, "k", want, 300000, NULL, NULL, NULL), 0, "put");
	before = open_fds();
	is_int(zc_open_reader_object(cache, &open, NULL, &r), 0, "a reader of it");
	is_str(zc_reader_kind(r), "module", "has the module's pages");
	is_int(open.data_len, 300000, "open has its answers");
	is_int(open.fd, 0, "but for the fd, which is the reader's");
	ok(pieces(r, 0, 300000) && random_reads(r, 300000), "with its bytes");
	zc_reader_close(r);
	zc_reader_conf_init(&conf);
	conf.use_mmap = 0;
	is_int(zc_open_reader_object(cache, &open, &conf, &r), 0, "without a mapping");
	is_str(zc_reader_kind(r), "module", "they are read");
	ok(pieces(r, 0, 300000) && random_reads(r, 300000), "with the same bytes");
	zc_reader_close(r);
	conf.use_module = 0;
	conf.use_io_uring = 0;
	is_int(zc_open_reader_object(cache, &open, &conf, &r), 0, "as any file");
	is_str(zc_reader_kind(r), "pread", "it has the way of a file");
	ok(pieces(r, 0, 300000), "with the same bytes");
	zc_reader_close(r);
	conf.advice = 9;
	was = open = (struct zc_open){ .key = zc_ptr("k"), .key_len = 1 };
	is_int(zc_open_reader_object(cache, &open, &conf, &r), -EINVAL, "or not at all");
	ok(!memcmp(&was, &open, sizeof(open)), "which leaves the argument as it was");
	is_int(put_object(cache, "k", want, 5, NULL, NULL, NULL), 0, "another version");
	conf.advice = ZC_ADVICE_NORMAL;
	is_int(zc_open_reader_object(cache, &open, &conf, &r), 0, "is found by who tries again");
	is_int(open.data_len, 5, "as what it is");
	zc_reader_close(r);
	open = was;
	open.fd = 7;
	is_int(zc_open_reader_object(cache, &open, &conf, &r), -EINVAL, "a fd is no way to ask");
	is_int(open.fd, 7, "and stays");
	is_int(zc_open_reader_object(cache, &open, &conf, NULL), -EINVAL, "or to nowhere");
	is_int(open_fds(), before, "no fd is left open");
	zc_close(cache);
}

static int refused_child(void)
{
	struct zc_reader *r;
	int fd = io_file(want, SIZE, 0);
	static const struct way way = { "", 0, 1, 0, 0 };

	if (io_refuse_uring(ENOSYS))
		return 77;
	if (zc_open_reader_fd(fd, NULL, &r) || strcmp(zc_reader_kind(r), expected(&way, SIZE)))
		return 1;
	return !pieces(r, 0, SIZE);
}

int main(void)
{
	size_t i;
	int code;

	test_folder();
	want = io_bytes(SIZE);
	uring = io_have_uring();
	code = io_child(refused_child);
	is_int(code == 77 ? 0 : code, 0, "a kernel that refuses io_uring leaves the mapping");
	for (i = 0; i < NR_WAYS; i++) {
		bytes(&ways[i], 1 << 30, 0);
		bytes(&ways[i], 300000, 16);
		cut(&ways[i]);
		cut_page(&ways[i]);
	}
	by_path();
	objects();
	free(want);
	return tap_end();
}
