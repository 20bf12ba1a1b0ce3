// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring itself fails while operations are under way: all that the kernel has is waited
 * for, all that it has not is told, and what it never tells of keeps its memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

#if defined(HAVE_LIBURING) && !defined(ZC_NO_URING)
#include <liburing.h>

#define SIZE 1000003

/* The errors of these calls from now on, which are not made then; or 0. */
static int submit_fails, wait_fails;
/* Written to the pipe at the first pause after a failure. */
static int late = -1;
static unsigned int pauses, frees;
/* What completions say, as if the thread that submitted had ended; or 0. */
static int left_with;
static unsigned int left;
/* So no time is to be lost by waiting for it. */
static bool nothing_comes;

static void leave(struct io_uring *uring)
{
	struct io_uring_cqe *cqe;
	unsigned int head;

	io_uring_for_each_cqe(uring, head, cqe) {
		if (left_with && cqe->res != left_with) {
			cqe->res = left_with;
			left++;
		}
	}
}

/* As the linker names them: --wrap. */
int __real_io_uring_submit(struct io_uring *uring);
int __wrap_io_uring_submit(struct io_uring *uring);
int __wrap_io_uring_submit(struct io_uring *uring)
{
	int n = submit_fails ? submit_fails : __real_io_uring_submit(uring);

	leave(uring);
	return n;
}

int __real_io_uring_submit_and_wait(struct io_uring *uring, unsigned int nr);
int __wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned int nr);
int __wrap_io_uring_submit_and_wait(struct io_uring *uring, unsigned int nr)
{
	int n = wait_fails ? wait_fails : __real_io_uring_submit_and_wait(uring, nr);

	leave(uring);
	return n;
}

int __real_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left);
int __wrap_nanosleep(const struct timespec *t, struct timespec *left)
{
	pauses++;
	if (late >= 0) {
		is_int(write(late, "0123456789", 10), 10, "ten bytes come now");
		late = -1;
	}
	return nothing_comes ? 0 : __real_nanosleep(t, left);
}

int __real_zc_pool_free(struct zc_pool *pool);
int __wrap_zc_pool_free(struct zc_pool *pool);
int __wrap_zc_pool_free(struct zc_pool *pool)
{
	frees++;
	return __real_zc_pool_free(pool);
}

static unsigned char *want;
static int pipes[2];
static char text[100];

/* A ring with a read of 100 bytes under way, of a pipe that is empty. */
static struct zc_ring *waiting(void *to)
{
	struct zc_ring_op op = { .op = ZC_RING_READ, .buf = to, .len = 100, .tag = 1 };
	struct zc_ring *ring;

	submit_fails = wait_fails = 0;
	nothing_comes = false;
	pauses = frees = 0;
	memset(text, 0, sizeof(text));
	if (pipe(pipes) || zc_ring_new(NULL, &ring))
		exit(1);
	op.fd = pipes[0];
	if (to)
		is_int(zc_ring_submit(ring, &op, 1), 1, "a read of a pipe is under way");
	return ring;
}

static void close_pipe(void)
{
	close(pipes[0]);
	close(pipes[1]);
}

/* What the kernel has not taken ends, what it has goes on. */
static void not_submitted(void)
{
	struct zc_ring *ring = waiting(text);
	int fd = io_file(want, SIZE, 0), i;
	unsigned char buf[2][8];
	struct zc_ring_op op[2];
	struct zc_ring_done done[3];

	for (i = 0; i < 2; i++)
		op[i] = (struct zc_ring_op){
			.op = ZC_RING_READ, .fd = fd, .buf = buf[i], .len = 8, .tag = 2 + i,
		};
	submit_fails = -ENOMEM;
	is_int(zc_ring_submit(ring, op, 2), 2, "two more are taken");
	is_int(zc_ring_complete(ring, done, 3, 2), 2, "they come to an end");
	is_int(done[0].result, -ENOMEM, "as io_uring did");
	is_int(done[1].result, -ENOMEM, "both");
	is_int(done[0].tag + done[1].tag, 5, "by their tags");
	is_int(zc_ring_submit(ring, op, 1), -ENOMEM, "nothing is taken any more");
	is_int(zc_ring_read_at(ring, fd, buf[0], 8, 0), -ENOMEM, "nor read");
	late = pipes[1];
	is_int(zc_ring_complete(ring, done, 3, 1), 1, "the first one goes on");
	is_int(done[0].tag, 1, "as itself");
	is_int(done[0].result, 10, "up to where it would be submitted again");
	is_mem(text, 10, "0123456789", 10, "with its bytes");
	is_int(pauses, 1, "as soon as it came");
	is_int(zc_ring_complete(ring, done, 3, 1), 0, "that was all");
	zc_ring_free(ring);
	close(fd);
	close_pipe();
}

/* Who waits for one does so until the kernel is done with the memory. */
static void waited_for(void)
{
	struct zc_ring *ring = waiting(NULL);
	int fd = io_file(want, SIZE, 0);
	char buf[8];

	wait_fails = -EOWNERDEAD;
	late = pipes[1];
	is_int(zc_ring_read_at(ring, pipes[0], text, 100, 0), 10, "a read is awaited nevertheless");
	is_mem(text, 10, "0123456789", 10, "with its bytes");
	is_int(zc_ring_read_at(ring, fd, buf, 8, 0), -EOWNERDEAD, "it was the last one");
	zc_ring_free(ring);

	close_pipe();
	ring = waiting(NULL);
	submit_fails = -EBADR;
	is_int(zc_ring_read_at(ring, fd, buf, 8, 0), -EBADR, "one that the kernel has not is over");
	is_int(pauses, 0, "at once");
	zc_ring_free(ring);

	close_pipe();
	ring = waiting(text);
	wait_fails = -EOWNERDEAD;
	late = pipes[1];
	zc_ring_free(ring);
	is_int(late, -1, "the end of the ring waits as well");
	is_mem(text, 10, "0123456789", 10, "until its bytes are there");
	close(fd);
	close_pipe();
}

/* What is allocated between these two is to be lost: there with a sanitizer only. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

static void losing(bool on)
{
	if (on && __lsan_disable)
		__lsan_disable();
	else if (!on && __lsan_enable)
		__lsan_enable();
}

/* What the kernel never tells of has its memory for ever. */
static void lost(void)
{
	struct zc_ring *ring = waiting(NULL);
	struct zc_ring_done done;
	struct zc_pool *pool;
	struct zc_ring_op op = { .op = ZC_RING_READ, .fd = pipes[0], .len = 100 };

	losing(true);
	if (zc_pool_new(4096, 1, 0, &pool))
		exit(1);
	losing(false);
	zc_pool_get(pool, 0, &op.buf);
	is_int(zc_ring_register(ring, pool), 0, "a registered pool");
	is_int(zc_ring_submit(ring, &op, 1), 1, "a read to its buffer");
	wait_fails = -EOWNERDEAD;
	nothing_comes = true;
	is_int(zc_ring_complete(ring, &done, 1, 1), -EOWNERDEAD, "it never ends");
	is_int(pauses, 5000, "which is found after five seconds");
	is_int(zc_ring_complete(ring, &done, 1, 1), -EOWNERDEAD, "and then known");
	is_int(pauses, 5000, "at once");
	zc_ring_free(ring);
	zc_pool_put(pool, op.buf);
	is_int(zc_pool_free(pool), -EBUSY, "the pool stays");
	close_pipe();
}

static struct zc_writer *writer_to(int fd)
{
	struct zc_writer_conf conf;
	struct zc_writer *w;
	int i;

	zc_writer_conf_init(&conf);
	conf.extent = 4096;
	if (zc_writer_new(fd, &conf, &w))
		exit(1);
	is_str(zc_writer_kind(w), "io_uring", "a writer");
	for (i = 0; i < 4; i++)
		is_int(zc_writer_write(w, want + i * 2048, 2048), 0, "half an extent");
	return w;
}

static void writers(void)
{
	int fd = io_file("", 0, 0), flags;
	unsigned char back[8193];
	uint64_t written = 7;
	struct zc_writer *w;

	zc_ring_free(waiting(NULL));
	w = writer_to(fd);
	submit_fails = -ENOMEM;
	is_int(zc_writer_write(w, want, 2048), 0, "and");
	is_int(zc_writer_write(w, want, 2048), 0, "one that the kernel does not take");
	is_int(zc_writer_close(w, &written), -ENOMEM, "is told");
	is_int(written, 8192, "with what went before it");
	is_int(pread(fd, back, sizeof(back), 0), 8192, "which is there");
	is_mem(back, 8192, want, 8192, "as it was given");
	is_int(frees, 1, "no memory is lost");
	close(fd);
	close_pipe();

	/* A pipe that is full: what is written to it is under way for ever. */
	zc_ring_free(waiting(NULL));
	flags = fcntl(pipes[1], F_GETFL);
	fcntl(pipes[1], F_SETFL, flags | O_NONBLOCK);
	while (write(pipes[1], want, 4096) > 0)
		;
	fcntl(pipes[1], F_SETFL, flags);
	losing(true);
	w = writer_to(pipes[1]);
	losing(false);
	wait_fails = -EOWNERDEAD;
	nothing_comes = true;
	is_int(zc_writer_close(w, &written), -EOWNERDEAD, "extents that never end");
	is_int(written, 0, "nothing surely went");
	is_int(frees, 0, "their buffers stay for ever");
	close_pipe();
}

static void readers(void)
{
	struct zc_reader_conf conf;
	struct zc_reader *r;
	int fd = io_file(want, SIZE, 0);
	unsigned char *back = malloc(SIZE);

	zc_ring_free(waiting(NULL));
	zc_reader_conf_init(&conf);
	conf.use_mmap = 0;
	conf.prefetch_size = 4096;
	conf.queue_depth = 4;
	if (zc_open_reader_fd(fd, &conf, &r))
		exit(1);
	is_str(zc_reader_kind(r), "io_uring", "a reader");
	is_int(zc_reader_read(r, back, 5000), 5000, "some bytes");
	submit_fails = wait_fails = -EOWNERDEAD;
	is_int(zc_reader_read(r, back + 5000, SIZE - 5000), 11384, "what the kernel had");
	is_mem(back, 16384, want, 16384, "is what it is to be");
	is_int(zc_reader_read(r, back, SIZE), -EOWNERDEAD, "then the error");
	is_int(zc_reader_read(r, back, SIZE), -EOWNERDEAD, "stays");
	zc_reader_close(r);
	is_int(frees, 1, "no memory is lost");
	free(back);
	close(fd);
	close_pipe();
}

/* What a thread had under way when it ended is done again by who needs it. */
static void thread_ended(void)
{
	static const int errors[] = { -EFAULT, -ECANCELED };
	unsigned char *back = malloc(SIZE);
	struct zc_reader_conf conf;
	uint64_t written;
	unsigned int i;
	struct zc_reader *r;
	struct zc_writer *w;
	int fd;

	zc_ring_free(waiting(NULL));
	close_pipe();
	zc_reader_conf_init(&conf);
	conf.use_mmap = 0;
	conf.prefetch_size = 65536;
	for (i = 0; i < 2; i++) {
		fd = io_file(want, SIZE, 0);
		left = 0;
		left_with = errors[i];
		if (zc_open_reader_fd(fd, &conf, &r))
			exit(1);
		is_str(zc_reader_kind(r), "io_uring", "a reader");
		memset(back, 0, SIZE);
		is_int(zc_reader_read(r, back, SIZE), SIZE, "all bytes come");
		ok(!memcmp(back, want, SIZE), "as they are");
		ok(left >= 10, "though reads were given up");
		zc_reader_close(r);
		close(fd);

		fd = io_file("", 0, 0);
		left = 0;
		w = writer_to(fd);
		is_int(zc_writer_close(w, &written), 0, "all is written");
		ok(left > 0, "though writes were given up");
		is_int(written, 8192, "so many bytes");
		is_int(pread(fd, back, SIZE, 0), 8192, "and no more");
		is_mem(back, 8192, want, 8192, "as they were given");
		close(fd);
		left_with = 0;
	}
	free(back);
}

static void all(void)
{
	not_submitted();
	waited_for();
	lost();
	writers();
	readers();
	thread_ended();
}
#endif

int main(void)
{
	test_folder();
#if defined(HAVE_LIBURING) && !defined(ZC_NO_URING)
	want = io_bytes(SIZE);
	if (io_have_uring())
		all();
	else
		ok(true, "io_uring # SKIP not here");
	free(want);
#else
	ok(true, "io_uring # SKIP not built in");
#endif
	return tap_end();
}
