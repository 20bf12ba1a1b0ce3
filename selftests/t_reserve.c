// SPDX-License-Identifier: GPL-2.0-only
/* Reservations: of many who miss a key one fills it, and the others can wait. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "zc_harness.h"

ZCT_STORE_FIXTURE(reserve, .capacity = 32 * MiB, .grace = 3600000, .set = ZC_NL_SET(GRACE))

#define LEN	3000

static int reserve(int fd, const char *key)
{
	return zct_fill_key(fd, key, LEN, ZC_PUT_RESERVE);
}

static int fill_in(int fill, unsigned int id)
{
	unsigned char data[LEN];

	zct_pattern(data, LEN, id, 1, 0);
	if (pwrite(fill, data, LEN, 0) != LEN)
		return -EIO;
	return zct_commit_fd(fill, NULL);
}

static int wait_for(int fd, const char *key, int timeout_ms)
{
	struct zc_wait w = { .key = ZC_ADDR(key), .key_len = strlen(key),
			     .timeout_ms = timeout_ms };

	return zct_wait(fd, &w);
}

/* A fd to poll, or -errno. */
static int wait_fd(int fd, const char *key)
{
	struct zc_wait w = { .key = ZC_ADDR(key), .key_len = strlen(key), .flags = ZC_WAIT_FD };
	int err = zct_wait(fd, &w);

	return err ? err : w.fd;
}

/* What poll() says of a fd at once. */
static int polled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

TEST_F(reserve, one)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .flags = ZC_PUT_RESERVE };
	int fill, other, plain;

	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	EXPECT_ERR(EBUSY, reserve(self->s.fd, "k"));
	other = reserve(self->s.fd, "kk");
	ASSERT_FD(other);
	/* it binds nobody who does not ask */
	plain = zct_fill_key(self->s.fd, "k", LEN, 0);
	ASSERT_FD(plain);
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 2, 2, 100, NULL));
	/* now there is an object, and whoever comes is told */
	EXPECT_ERR(EEXIST, reserve(self->s.fd, "k"));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_ERR(EBUSY, reserve(self->s.fd, "k"));
	/* the commit ends it, the fill fd stays open */
	ASSERT_OK(fill_in(fill, 1));
	EXPECT_ERR(EEXIST, reserve(self->s.fd, "k"));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, LEN));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	close(plain);
	plain = reserve(self->s.fd, "k");
	ASSERT_FD(plain);
	close(fill);
	/* as does the close; that of the one before did not end this one */
	EXPECT_ERR(EBUSY, reserve(self->s.fd, "k"));
	close(plain);
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	close(fill);
	close(other);
	/* PUT has no use for it */
	EXPECT_ERR(EINVAL, zct_put(self->s.fd, &put));
}

TEST_F(reserve, expired_is_missing)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data = ZC_ADDR("x"), .data_len = 1 };
	struct timespec t;
	int fill;

	clock_gettime(CLOCK_REALTIME, &t);
	put.expires_ns = (t.tv_sec - 1) * 1000000000LL;
	ASSERT_OK(zct_put(self->s.fd, &put));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	EXPECT_ERR(EBUSY, reserve(self->s.fd, "k"));
	ASSERT_OK(fill_in(fill, 1));
	close(fill);
	EXPECT_ERR(EEXIST, reserve(self->s.fd, "k"));
}

/* Who is told EBUSY made no room, and who failed holds nothing. */
TEST_F(reserve, no_room_for_losers)
{
	struct zc_nl_store before;
	int fill, i;

	ASSERT_OK(zct_put_pattern(self->s.fd, "old", 1, 1, 8 * MiB, NULL));
	fill = zct_fill_key(self->s.fd, "k", 16 * MiB, ZC_PUT_RESERVE);
	ASSERT_FD(fill);
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	for (i = 0; i < 20; i++)
		EXPECT_ERR(EBUSY, zct_fill_key(self->s.fd, "k", 16 * MiB, ZC_PUT_RESERVE));
	EXPECT_OK(zct_deltas(&self->s, &before, NULL, 0));
	EXPECT_OK(zct_verify_key(self->s.fd, "old", 1, 1, 8 * MiB));
	close(fill);
	EXPECT_ERR(EFBIG, zct_fill_key(self->s.fd, "k", 33 * MiB, ZC_PUT_RESERVE));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	close(fill);
}

TEST_F(reserve, refused)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .flags = ZC_PUT_RESERVE, .data_len = 1 };
	struct zc_wait w = { .key = ZC_ADDR("k"), .key_len = 1, .timeout_ms = -2 };
	char long_key[1026];
	int fill;

	memset(long_key, 'x', sizeof(long_key));
	EXPECT_ERR(EINVAL, zct_fill(self->s.fd, &put));
	put.key_len = 1025;
	put.key = ZC_ADDR(long_key);
	EXPECT_ERR(ENAMETOOLONG, zct_fill(self->s.fd, &put));
	put.key_len = 10;
	put.key = ZC_BAD_LOW;
	EXPECT_ERR(EFAULT, zct_fill(self->s.fd, &put));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.timeout_ms = 1;
	w.flags = ZC_WAIT_FD;
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.timeout_ms = 0;
	w.flags = 2;
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.flags = 0;
	w.fd = 1;
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.fd = 0;
	w.__reserved = 1;
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.__reserved = 0;
	w.key_len = 0;
	EXPECT_ERR(EINVAL, zct_wait(self->s.fd, &w));
	w.key_len = 1025;
	w.key = ZC_ADDR(long_key);
	EXPECT_ERR(ENAMETOOLONG, zct_wait(self->s.fd, &w));
	w.key_len = 10;
	w.key = ZC_BAD_KERNEL;
	EXPECT_ERR(EFAULT, zct_wait(self->s.fd, &w));
	close(fill);
}

struct waiter {
	pthread_t thread;
	int fd, err;
};

static void *wait_long(void *arg)
{
	struct waiter *w = arg;

	w->err = wait_for(w->fd, "k", -1);
	return NULL;
}

TEST_F(reserve, wait)
{
	struct waiter w[4];
	unsigned int i;
	int fill;

	EXPECT_ERR(ENOENT, wait_for(self->s.fd, "k", -1));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	EXPECT_ERR(ETIMEDOUT, wait_for(self->s.fd, "k", 0));
	EXPECT_ERR(ETIMEDOUT, wait_for(self->s.fd, "k", 20));
	EXPECT_ERR(ENOENT, wait_for(self->s.fd, "other", 0));
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].fd = self->s.fd;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL, wait_long, &w[i]));
	}
	/* whether they wait already or come too late */
	ASSERT_OK(fill_in(fill, 1));
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_TRUE(!w[i].err || w[i].err == -ENOENT);
	}
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, LEN));
	close(fill);
}

/* A filler that dies hands over at once. */
TEST_F(reserve, filler_dies)
{
	int go[2], status, fill, ready, err;
	char c;
	pid_t pid;

	ASSERT_OK(pipe(go));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (reserve(self->s.fd, "k") < 0 || write(go[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	ASSERT_EQ(1, read(go[0], &c, 1));
	EXPECT_ERR(EBUSY, reserve(self->s.fd, "k"));
	ready = wait_fd(self->s.fd, "k");
	ASSERT_FD(ready);
	EXPECT_EQ(0, polled(ready));
	kill(pid, SIGKILL);
	err = wait_for(self->s.fd, "k", -1);
	EXPECT_TRUE(!err || err == -ENOENT);
	EXPECT_EQ(POLLIN, polled(ready));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	close(fill);
	close(ready);
	close(go[0]);
	close(go[1]);
}

static void on_alarm(int signal)
{
	(void)signal;
}

TEST_F(reserve, signal)
{
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, off = { { 0 } };
	struct sigaction act = { .sa_handler = on_alarm };
	int fill = reserve(self->s.fd, "k");

	ASSERT_FD(fill);
	ASSERT_OK(sigaction(SIGALRM, &act, NULL));
	ASSERT_OK(setitimer(ITIMER_REAL, &often, NULL));
	EXPECT_ERR(EINTR, wait_for(self->s.fd, "k", -1));
	/* also where a call is to be restarted: the time would begin anew */
	act.sa_flags = SA_RESTART;
	ASSERT_OK(sigaction(SIGALRM, &act, NULL));
	EXPECT_ERR(EINTR, wait_for(self->s.fd, "k", -1));
	ASSERT_OK(setitimer(ITIMER_REAL, &off, NULL));
	close(fill);
}

TEST_F(reserve, poll)
{
	int fill, one, two;
	char c;

	EXPECT_ERR(ENOENT, wait_fd(self->s.fd, "k"));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	one = wait_fd(self->s.fd, "k");
	two = wait_fd(self->s.fd, "k");
	ASSERT_FD(one);
	ASSERT_FD(two);
	EXPECT_EQ(FD_CLOEXEC, fcntl(one, F_GETFD));
	EXPECT_EQ(0, polled(one));
	/* nothing but to poll can be done with it */
	EXPECT_EQ(-1, read(one, &c, 1));
	EXPECT_EQ(EINVAL, errno);
	close(two);
	ASSERT_OK(fill_in(fill, 1));
	EXPECT_EQ(POLLIN, polled(one));
	EXPECT_EQ(POLLIN, polled(one));
	close(fill);
	/* it tells of that reservation, not of the next */
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	fill = reserve(self->s.fd, "k");
	ASSERT_FD(fill);
	EXPECT_EQ(POLLIN, polled(one));
	close(one);
	close(fill);
}

/* A store that is deleted by force leaves reservations and their waiters whole. */
TEST_F(reserve, store_deleted)
{
	struct zct_store s;
	struct waiter w;
	int fill, ready;

	ASSERT_OK(zct_store_new(&s, NULL));
	fill = reserve(s.fd, "k");
	ASSERT_FD(fill);
	ready = wait_fd(s.fd, "k");
	ASSERT_FD(ready);
	w.fd = s.fd;
	ASSERT_EQ(0, pthread_create(&w.thread, NULL, wait_long, &w));
	ASSERT_OK(zc_nl_store_del(s.name, true));
	/* a fill that cannot be committed is nothing to wait for */
	pthread_join(w.thread, NULL);
	EXPECT_EQ(-ENODEV, w.err);
	EXPECT_ERR(ENODEV, reserve(s.fd, "k"));
	EXPECT_ERR(ENODEV, wait_for(s.fd, "k", 0));
	EXPECT_EQ(POLLIN, polled(ready));
	close(s.fd);
	close(fill);
	EXPECT_EQ(POLLIN, polled(ready));
	close(ready);
}

#define KEYS	40

struct herd {
	pthread_t thread;
	struct zct_store *s;
	unsigned int seed;
	int give_up;		/* every so many fills; 0 never */
	int fills, errors;
};

/* Gets every key, whatever that takes. */
static void *herd_get(void *arg)
{
	struct herd *h = arg;
	unsigned int i, n = 0;
	char key[16], buf[LEN];
	int err, fill;
	ssize_t got;

	for (i = 0; i < KEYS; ) {
		snprintf(key, sizeof(key), "key-%u", i);
		got = zct_get_data(h->s->fd, key, buf, LEN, 0);
		if (got != -ENOENT) {
			h->errors += got != LEN || zct_check(buf, LEN, i + 1, 1, 0) != -1;
			i++;
			continue;
		}
		fill = reserve(h->s->fd, key);
		if (fill >= 0) {
			if (h->give_up && ++n % h->give_up == 0) {
				close(fill);
				continue;
			}
			h->errors += !!fill_in(fill, i + 1);
			h->fills++;
			close(fill);
		} else if (fill == -EBUSY) {
			err = wait_for(h->s->fd, key, -1);
			h->errors += err && err != -ENOENT;
		} else {
			h->errors += fill != -EEXIST;
		}
	}
	return NULL;
}

static void run_herd(struct __test_metadata *_metadata, struct zct_store *s, int give_up)
{
	struct herd h[12];
	int fills = 0;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(h); i++) {
		h[i] = (struct herd){ .s = s, .give_up = give_up };
		ASSERT_EQ(0, pthread_create(&h[i].thread, NULL, herd_get, &h[i]));
	}
	for (i = 0; i < ARRAY_SIZE(h); i++) {
		pthread_join(h[i].thread, NULL);
		EXPECT_EQ(0, h[i].errors);
		fills += h[i].fills;
	}
	/* each key was filled once */
	EXPECT_EQ(KEYS, fills);
	EXPECT_EQ(0, zct_count(s, ZC_C_REPLACES));
}

TEST_F(reserve, herd)
{
	run_herd(_metadata, &self->s, 0);
}

TEST_F(reserve, herd_that_gives_up)
{
	run_herd(_metadata, &self->s, 2);
}

TEST_HARNESS_MAIN
