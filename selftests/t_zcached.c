// SPDX-License-Identifier: GPL-2.0-only
/* zcached with the module: it evicts in time, and nothing needs it to live. */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_policy.h"
#include "zc_tag.h"

#define OBJECT	MiB

struct daemon {
	pid_t pid;
	FILE *says;
	char config[64];
	char http[64];
};

FIXTURE(zcached) {
	struct zct_store s;
	int events;
	struct zct_policy p;
	char folder[32];
	struct daemon d, other;
	char mark[96];
};

static const char *program(void)
{
	static char path[256];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 16);

	path[n > 0 ? n : 0] = '\0';
	strcpy(strrchr(path, '/') ?: path, "/zcached");
	return path;
}

static int configure(const struct daemon *d, const char *policy, const char *more)
{
	FILE *f = fopen(d->config, "w");

	if (!f)
		return -errno;
	fprintf(f, "listen = unix:%s\ninterval = 50ms\npolicy = %s\n%s", d->http, policy, more);
	return fclose(f) ? -errno : 0;
}

/* What it says comes to us, and it dies with us. */
static int begin(struct daemon *d, const char *folder, const char *name, const char *policy)
{
	int p[2];

	snprintf(d->config, sizeof(d->config), "%s/%s.conf", folder, name);
	snprintf(d->http, sizeof(d->http), "%s/%s.http", folder, name);
	if (configure(d, policy, "") || pipe(p))
		return -errno;
	d->pid = fork();
	if (!d->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(p[1], 2);
		close(p[0]);
		close(p[1]);
		execl(program(), "zcached", "--config", d->config, NULL);
		_exit(127);
	}
	close(p[1]);
	d->says = fdopen(p[0], "r");
	return d->pid < 0 || !d->says ? -errno : 0;
}

/* Its exit code, or 128 + signal. */
static int end(struct daemon *d, int sig)
{
	int status;

	if (!d->pid)
		return -ECHILD;
	kill(d->pid, sig);
	kill(d->pid, SIGCONT);
	if (waitpid(d->pid, &status, 0) != d->pid)
		return -errno;
	d->pid = 0;
	fclose(d->says);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reads what it says up to a line that has this, or its end. */
static bool says(struct daemon *d, const char *what)
{
	char line[1024];

	while (fgets(line, sizeof(line), d->says))
		if (strstr(line, what))
			return true;
	return false;
}

/* The next event of this kind. */
static int await(FIXTURE_DATA(zcached) *self, int cmd)
{
	int got;

	do
		got = zct_policy_event(self->events, &self->p);
	while (got >= 0 && got != cmd);
	return got;
}

#define EXPECT_EVENT(command, policy_name) \
	do { \
		EXPECT_EQ(ZCACHE_CMD_POLICY_##command##_NTF, \
			  await(self, ZCACHE_CMD_POLICY_##command##_NTF)); \
		EXPECT_STREQ(policy_name, self->p.name); \
	} while (0)

FIXTURE_SETUP(zcached)
{
	const struct zc_nl_cfg cfg = { .capacity = 64 * MiB };

	ZCT_START(zcached);
	if (access(program(), X_OK))
		SKIP(return, "zcached is not next to this program");
	strcpy(self->folder, "/tmp/zcached-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->folder));
	self->events = zc_nl_listen();
	ASSERT_FD(self->events);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	ASSERT_OK(begin(&self->d, self->folder, "one", "lru"));
	EXPECT_TRUE(says(&self->d, "ready"));
	EXPECT_EVENT(NEW, "lru");
}

FIXTURE_TEARDOWN(zcached)
{
	char command[64];

	end(&self->d, SIGKILL);
	end(&self->other, SIGKILL);
	close(self->events);
	EXPECT_OK(zct_store_end(&self->s));
	snprintf(command, sizeof(command), "rm -r %s", self->folder);
	EXPECT_OK(system(command));
	ZCT_END();
}

static int put(const struct zct_store *s, int from, int to)
{
	char key[32];
	int i, err = 0;

	for (i = from; !err && i < to; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		err = zct_put_pattern(s->fd, key, 1, 1, OBJECT, NULL);
	}
	return err;
}

/* Until room was made, by the daemon; it is counted when its call is through. */
static void wait_low(const struct zct_store *s)
{
	while (zct_used(s) > 64 * MiB / 100 * 91 || !zct_count(s, ZC_C_POLICY_EVICTIONS))
		sched_yield();
}

static bool is_there(const struct zct_store *s, const char *key)
{
	struct zc_stat st = { 0 };

	return !zct_stat_key(s->fd, key, &st);
}

static const char *ask(const struct daemon *d, const char *path)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), n = 0, got = 0;
	static char text[256 << 10];

	strcpy(un.sun_path, d->http);
	if (!connect(fd, (struct sockaddr *)&un, sizeof(un)))
		dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
	while (n < (int)sizeof(text) - 1 &&
	       (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = '\0';
	close(fd);
	return text;
}

/* What is used stays, and the oldest leaves before the store is full. */
TEST_F(zcached, watermarks)
{
	char byte, want[128];
	int i;

	ASSERT_OK(put(&self->s, 0, 40));
	for (i = 0; i < 20; i++) {
		ASSERT_EQ(1, zct_get_data(self->s.fd, "k0", &byte, 1, 0));
		ASSERT_OK(put(&self->s, 40 + i, 41 + i));
	}
	ASSERT_OK(put(&self->s, 60, 62));
	wait_low(&self->s);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EVICTIONS));
	EXPECT_TRUE(is_there(&self->s, "k0"));
	EXPECT_FALSE(is_there(&self->s, "k1"));
	EXPECT_TRUE(is_there(&self->s, "k61"));
	snprintf(want, sizeof(want), "zcache_policy_info{store=\"%s\",policy=\"lru\",state=\"owned\"} 1\n",
		 self->s.name);
	EXPECT_NE(NULL, strstr(ask(&self->d, "/metrics"), want));
	snprintf(want, sizeof(want), "zcache_policy_objects{store=\"%s\"} %llu\n", self->s.name,
		 zct_objects(&self->s));
	/* it hears of what left with its next look */
	while (!strstr(ask(&self->d, "/metrics"), want))
		sched_yield();
	EXPECT_NE(NULL, strstr(ask(&self->d, "/healthz"), "\r\n\r\nok\n"));
	EXPECT_EQ(0, end(&self->d, SIGTERM));
	EXPECT_EVENT(LOST, "lru");
	EXPECT_EQ(ZCACHE_POLICY_REASON_RELEASED, self->p.reason);
}

/* Without it the kernel evicts; when it is back it learns of all. */
TEST_F(zcached, killed)
{
	ASSERT_OK(put(&self->s, 0, 30));
	EXPECT_EQ(128 + SIGKILL, end(&self->d, SIGKILL));
	EXPECT_EVENT(LOST, "lru");
	EXPECT_EQ(ZCACHE_POLICY_REASON_CLOSED, self->p.reason);
	ASSERT_OK(put(&self->s, 30, 200));
	EXPECT_LT(0, zct_count(&self->s, ZC_C_EVICTIONS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_POLICY_EVICTIONS));
	ASSERT_OK(begin(&self->d, self->folder, "one", "s3fifo"));
	EXPECT_EVENT(NEW, "s3fifo");
	wait_low(&self->s);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

TEST_F(zcached, two)
{
	ASSERT_OK(begin(&self->other, self->folder, "two", "fifo"));
	EXPECT_TRUE(says(&self->other, "another process owns its policy; waiting for it to end"));
	EXPECT_TRUE(says(&self->other, "ready"));
	EXPECT_EQ(0, end(&self->d, SIGTERM));
	EXPECT_EVENT(LOST, "lru");
	EXPECT_EVENT(NEW, "fifo");
	EXPECT_EQ(0, end(&self->other, SIGTERM));
}

TEST_F(zcached, silent)
{
	ASSERT_OK(kill(self->d.pid, SIGSTOP));
	ASSERT_OK(put(&self->s, 0, 200));
	EXPECT_LT(0, zct_count(&self->s, ZC_C_EVICTIONS));
	EXPECT_EVENT(LOST, "lru");
	EXPECT_EQ(ZCACHE_POLICY_REASON_SILENT, self->p.reason);
	ASSERT_OK(kill(self->d.pid, SIGCONT));
	EXPECT_EVENT(NEW, "lru");
	EXPECT_FALSE(self->p.late);
	wait_low(&self->s);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* What the administrator sets, and a store that comes later. */
TEST_F(zcached, live)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .policy = "gdsf",
				 .set = ZC_NL_SET(POLICY) };
	struct zct_store late;

	ASSERT_OK(put(&self->s, 0, 30));
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_EVENT(NEW, "gdsf");
	EXPECT_EQ(30, zct_objects(&self->s));
	ASSERT_OK(put(&self->s, 30, 62));
	wait_low(&self->s);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EVICTIONS));

	ASSERT_OK(zct_store_new(&late, NULL));
	EXPECT_EVENT(NEW, "lru");
	EXPECT_STREQ(late.name, self->p.store);
	EXPECT_OK(zct_store_end(&late));
	EXPECT_TRUE(says(&self->d, "it is gone"));
	ASSERT_OK(kill(self->d.pid, SIGHUP));
	EXPECT_TRUE(says(&self->d, "ready"));
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

static int reload(struct daemon *d, const char *more)
{
	int err = configure(d, "lru", more);

	if (!err && kill(d->pid, SIGHUP))
		err = -errno;
	return err ?: says(d, "ready") ? 0 : -ECHILD;
}

static int put_tagged(const struct zct_store *s, const char *prefix, int n, __u64 tag)
{
	char key[32];
	int i, err = 0;

	for (i = 0; !err && i < n; i++) {
		snprintf(key, sizeof(key), "%s%d", prefix, i);
		err = zct_put_tag(s->fd, key, OBJECT, tag);
	}
	return err;
}

static __u64 threshold(const struct zct_store *s)
{
	struct zc_nl_store store;

	return zc_nl_store_get(s->name, &store) ? 0 : store.splice_threshold;
}

/* What the configuration says of tags counts, until it does not any more. */
TEST_F(zcached, limits)
{
	struct zct_tag t;
	char more[256];

	snprintf(more, sizeof(more),
		 "store %s {\n\tthreshold = 16k\n\ttag 7 { quota = 8M }\n\ttag 8 { floor = 4M }\n}\n",
		 self->s.name);
	ASSERT_OK(reload(&self->d, more));
	ASSERT_OK(zct_tag_get(&self->s, 7, &t));
	EXPECT_EQ(8 * MiB, t.quota);
	EXPECT_EQ(0, t.floor);
	ASSERT_OK(zct_tag_get(&self->s, 8, &t));
	EXPECT_EQ(4 * MiB, t.floor);
	while (threshold(&self->s) != 16384)
		sched_yield();

	ASSERT_OK(put_tagged(&self->s, "q", 20, 7));
	ASSERT_OK(zct_tag_get(&self->s, 7, &t));
	EXPECT_GE(8 * MiB, t.used);
	EXPECT_EQ(20, t.commits);
	EXPECT_LE(13, t.evictions);
	ASSERT_OK(put_tagged(&self->s, "f", 3, 8));
	ASSERT_OK(put(&self->s, 0, 200));
	ASSERT_OK(zct_tag_get(&self->s, 8, &t));
	EXPECT_EQ(3, t.objects);

	ASSERT_OK(reload(&self->d, "threshold = 4k\n"));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 7, &t));
	ASSERT_OK(zct_tag_get(&self->s, 8, &t));
	EXPECT_EQ(0, t.floor);
	while (threshold(&self->s) != 4096)
		sched_yield();
	ASSERT_OK(put(&self->s, 200, 400));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 8, &t));
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* An object that is too large for the configuration leaves, though there is room. */
TEST_F(zcached, admit_size)
{
	char known[96];

	ASSERT_OK(put(&self->s, 0, 1));
	/* what it knows of stays */
	snprintf(known, sizeof(known), "zcache_policy_objects{store=\"%s\"} 1\n", self->s.name);
	while (!strstr(ask(&self->d, "/metrics"), known))
		sched_yield();
	ASSERT_OK(reload(&self->d, "admit-size = 512k\n"));
	ASSERT_OK(put(&self->s, 1, 3));
	zct_wait_count(&self->s, ZC_C_POLICY_EVICTIONS, 2);
	EXPECT_EQ(1, zct_objects(&self->s));
	EXPECT_TRUE(is_there(&self->s, "k0"));
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

TEST_HARNESS_MAIN
