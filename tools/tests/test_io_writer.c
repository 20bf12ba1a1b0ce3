// SPDX-License-Identifier: GPL-2.0-only
/* The writer: bytes as they are to be, and each error once. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

#define SIZE 1000003

static unsigned char *want, *back;
static bool use_uring;
static const char *kind;

static struct zc_writer *writer_of(int fd, uint64_t extent, unsigned int depth, uint64_t offset)
{
	struct zc_writer_conf conf;
	struct zc_writer *w = NULL;

	zc_writer_conf_init(&conf);
	conf.use_io_uring = use_uring;
	conf.extent = extent;
	conf.queue_depth = depth;
	conf.offset = offset;
	is_int(zc_writer_new(fd, &conf, &w), 0, "a writer");
	is_str(zc_writer_kind(w), kind, "writes as it is to");
	return w;
}

/* Pieces of random sizes, most of them small, with a flush now and then. */
static void bytes(uint64_t extent, unsigned int depth, uint32_t most, uint64_t offset, int flags)
{
	int fd = io_file("", 0, flags), plain = flags ? -1 : fd, err = 0;
	uint64_t seed = extent + depth + most, written = 0;
	struct zc_writer *w;
	size_t at = 0;
	char path[64], name[100];
	struct stat st;

	if (fd < 0) {
		ok(true, "O_DIRECT # SKIP the file system has none");
		return;
	}
	w = writer_of(fd, extent, depth, offset);
	while (at < SIZE && !err) {
		size_t n = 1 + io_random(&seed, most);

		if (n > SIZE - at)
			n = SIZE - at;
		err = zc_writer_write(w, want + at, n);
		at += n;
		if (!err && !io_random(&seed, 400)) {
			err = zc_writer_flush(w);
			fstat(fd, &st);
			if (!flags && (uint64_t)st.st_size != at + offset)
				err = 4711;
		}
	}
	is_int(err, 0, "writes and flushes, after which all is there");
	is_int(zc_writer_close(w, &written), 0, "close");
	is_int(written, SIZE, "tells how much there is");
	if (plain < 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		plain = open(path, O_RDONLY);
		ok(fcntl(fd, F_GETFL) & O_DIRECT, "O_DIRECT stays");
	}
	snprintf(name, sizeof(name), "%s, extents of %d, pieces of up to %u%s", kind, (int)extent,
		 most, flags ? ", direct" : "");
	ok(pread(plain, back, SIZE + 1, offset) == SIZE && !memcmp(back, want, SIZE), name);
	if (plain != fd)
		close(plain);
	close(fd);
}

/* Told once: by a write, a flush or close. */
static int errors_of(struct zc_writer *w, size_t len, int *first, uint64_t *written)
{
	int told = 0, err;
	size_t at;

	for (at = 0; at < len; at += 1000) {
		err = zc_writer_write(w, want + at, 1000);
		told += err && err != -ECANCELED;
		if (err && !*first)
			*first = err;
	}
	err = zc_writer_flush(w);
	told += err && err != -ECANCELED;
	if (err && !*first)
		*first = err;
	err = zc_writer_close(w, written);
	told += !!err;
	if (err && !*first)
		*first = err;
	return told;
}

static void full(void)
{
	int fd = open("/dev/full", O_WRONLY), first = 0;
	struct zc_writer *w = writer_of(fd, 4096, 4, 0);
	uint64_t written = 7;

	is_int(errors_of(w, 100000, &first, &written), 1, "an error is told once");
	is_int(first, -ENOSPC, "as what it is");
	is_int(written, 0, "and nothing is said to be written");
	w = writer_of(fd, 4096, 4, 0);
	is_int(zc_writer_write(w, "abc", 3), 0, "what is gathered has no error yet");
	is_int(zc_writer_close(w, NULL), -ENOSPC, "close has it");
	w = writer_of(fd, 4096, 4, 0);
	is_int(zc_writer_write(w, "abc", 3), 0, "or else");
	is_int(zc_writer_flush(w), -ENOSPC, "flush has it");
	is_int(zc_writer_flush(w), -ECANCELED, "which is the end");
	is_int(zc_writer_write(w, "abc", 3), -ECANCELED, "of all writes");
	is_int(zc_writer_close(w, &written), 0, "close does not tell it again");
	close(fd);
}

static void limited(void)
{
	struct rlimit was, limit;
	int fd = io_file("", 0, 0), first = 0;
	struct zc_writer *w;
	uint64_t written = 0;

	getrlimit(RLIMIT_FSIZE, &was);
	limit = was;
	limit.rlim_cur = 50001;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	w = writer_of(fd, 4096, 4, 0);
	is_int(errors_of(w, 100000, &first, &written), 1, "a limit is told once");
	setrlimit(RLIMIT_FSIZE, &was);
	is_int(first, -EFBIG, "as what it is");
	is_int(written, 50001, "and all before it is there, to the byte");
	ok(pread(fd, back, SIZE, 0) == 50001 && !memcmp(back, want, 50001), "as it was given");
	close(fd);
}

static void full_disk(void)
{
	char path[128];
	int fd, first = 0;
	uint64_t written = 0;
	struct zc_writer *w;

	snprintf(path, sizeof(path), "%s/small", test_folder());
	mkdir(path, 0700);
	if (mount("none", path, "tmpfs", 0, "size=65536")) {
		ok(true, "a full disk # SKIP it takes rights to mount a small one");
		return;
	}
	strcat(path, "/f");
	fd = open(path, O_RDWR | O_CREAT, 0600);
	w = writer_of(fd, 8192, 2, 0);
	is_int(errors_of(w, 100000, &first, &written), 1, "a full disk is told once");
	is_int(first, -ENOSPC, "as what it is");
	is_int(written, 65536, "and all before it is there");
	ok(pread(fd, back, SIZE, 0) == 65536 && !memcmp(back, want, 65536), "as it was given");
	close(fd);
	*strrchr(path, '/') = 0;
	umount(path);
}

static void refused(void)
{
	struct zc_writer_conf conf;
	struct zc_writer *w = NULL;
	int fd = io_file("", 0, 0), ro = open("/dev/null", O_RDONLY);
	int append = io_file("", 0, O_APPEND);

	is_int(zc_writer_new(-1, NULL, &w), -EBADF, "a file that is none");
	is_int(zc_writer_new(ro, NULL, &w), -EBADF, "or not for writing");
	is_int(zc_writer_new(append, NULL, &w), -EINVAL, "or for appending, whatever the offset");
	is_int(zc_writer_new(fd, NULL, NULL), -EINVAL, "it needs a place for the result");
	zc_writer_conf_init(&conf);
	conf.alignment = 511;
	is_int(zc_writer_new(fd, &conf, &w), -EINVAL, "an alignment that is none");
	conf.alignment = 4096;
	conf.extent = 4095;
	is_int(zc_writer_new(fd, &conf, &w), -EINVAL, "an extent below it");
	conf.extent = 4096;
	conf.queue_depth = 129;
	is_int(zc_writer_new(fd, &conf, &w), -EINVAL, "too deep a queue");
	conf.queue_depth = 1;
	conf.size = 4;
	is_int(zc_writer_new(fd, &conf, &w), -EINVAL, "the size of something else");
	ok(!w, "the result stays as it was");
	is_int(zc_writer_new(fd, NULL, &w), 0, "without a configuration there is a default");
	is_int(zc_writer_close(w, NULL), 0, "nothing written is no error");
	is_int(zc_writer_close(NULL, NULL), 0, "closing nothing is allowed");
	close(fd);
	close(ro);
	close(append);
}

static int refused_child(void)
{
	struct zc_writer *w;
	int fd = io_file("", 0, 0);
	char buf[4];

	if (io_refuse_uring(EPERM))
		return 77;
	if (zc_writer_new(fd, NULL, &w) || strcmp(zc_writer_kind(w), "pwrite") ||
	    zc_writer_write(w, "abc", 3) || zc_writer_close(w, NULL))
		return 1;
	return pread(fd, buf, 4, 0) != 3 || memcmp(buf, "abc", 3);
}

static void all(void)
{
	bytes(4096, 1, 300, 0, 0);
	bytes(4096, 4, 5000, 12345, 0);
	bytes(65536, 4, 3000, 0, 0);
	bytes(65536, 2, 300000, 1, 0);
	bytes(2 << 20, 4, 70000, 0, 0);
	bytes(8192, 4, 3000, 0, O_DIRECT);
	bytes(8192, 4, 30000, 4096, O_DIRECT);
	full();
	limited();
	full_disk();
}

int main(void)
{
	int code;

	test_folder();
	want = io_bytes(SIZE);
	back = malloc(SIZE + 1);
	code = io_child(refused_child);
	is_int(code == 77 ? 0 : code, 0, "a kernel that refuses io_uring");
	refused();
	kind = "io_uring";
	use_uring = true;
	if (io_have_uring())
		all();
	else
		ok(true, "io_uring # SKIP not here");
	kind = "pwrite";
	use_uring = false;
	all();
	free(want);
	free(back);
	return tap_end();
}
