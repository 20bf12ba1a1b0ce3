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
#define SMALL	2000	/* bytes of what a writer writes */
#define FEWER	50	/* where inserts are slow: so many times fewer, and larger */

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

/* Somebody who inserts, all the time; what the store uses is looked at after each. */
struct writer {
	const struct zct_store *s;
	pthread_t thread;
	bool stop;
	int written, err;
	__u64 most;
};

static void *write_on(void *arg)
{
	struct zc_info info = { 0 };
	struct writer *w = arg;
	static char body[FEWER * SMALL];
	size_t len = zct_slow() ? sizeof(body) : SMALL;
	char key[32];

	while (!w->err && !__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		snprintf(key, sizeof(key), "w%d", w->written);
		w->err = zct_put_data(w->s->fd, key, body, len, NULL);
		if (!w->err)
			w->err = zct_info(w->s->fd, &info);
		if (info.used > w->most)
			w->most = info.used;
		__atomic_store_n(&w->written, w->written + 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static int begin_writer(struct writer *w, const struct zct_store *s)
{
	*w = (struct writer){ .s = s };
	return -pthread_create(&w->thread, NULL, write_on, w);
}

/* Waits until so many more are written; a writer that failed writes no more. */
static void wait_written(struct writer *w, int more)
{
	int until = __atomic_load_n(&w->written, __ATOMIC_RELAXED) +
		    (zct_slow() ? (more + FEWER - 1) / FEWER : more);

	while (__atomic_load_n(&w->written, __ATOMIC_RELAXED) < until &&
	       !__atomic_load_n(&w->err, __ATOMIC_RELAXED))
		sched_yield();
}

/* Each object is there or was evicted, by either: that is counted when a call is through. */
static void wait_counted(const struct writer *w)
{
	struct zc_nl_store now;

	do
		zc_nl_store_get(w->s->name, &now);
	while (now.objects + now.count[ZC_C_EVICTIONS] + now.count[ZC_C_POLICY_EVICTIONS] !=
	       (__u64)w->written);
}

/* Every insert went well, the limit was kept, and nothing is lost. */
#define END_WRITER(w) \
	do { \
		__atomic_store_n(&(w)->stop, true, __ATOMIC_RELAXED); \
		ASSERT_OK(pthread_join((w)->thread, NULL)); \
		ASSERT_OK((w)->err); \
		EXPECT_GE(64 * MiB, (w)->most); \
		EXPECT_LT(64 * MiB / 100 * 80, (w)->most); \
		wait_counted(w); \
	} while (0)

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

static int connect_to(const struct daemon *d)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(un.sun_path, d->http);
	return connect(fd, (struct sockaddr *)&un, sizeof(un)) ? -errno : fd;
}

static const char *ask(const struct daemon *d, const char *path)
{
	int fd = connect_to(d), n = 0, got = 0;
	static char text[256 << 10];

	dprintf(fd, "GET %s HTTP/1.0\r\n\r\n", path);
	while (n < (int)sizeof(text) - 1 &&
	       (got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += got;
	text[n] = '\0';
	close(fd);
	return text;
}

/* Until the daemon knows as many objects as there are: it is asked again and again. */
static void wait_known(const struct daemon *d, const struct zct_store *s)
{
	char want[128];

	do
		snprintf(want, sizeof(want), "zcache_policy_objects{store=\"%s\"} %llu\n", s->name,
			 zct_objects(s));
	while (!strstr(ask(d, "/metrics"), want));
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
	/* it hears of what left with its next look */
	wait_known(&self->d, &self->s);
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

/* Stopped while somebody writes, until the kernel says so; what it missed it hears then. */
TEST_F(zcached, silent)
{
	struct writer w;
	__u64 evicted;

	ASSERT_OK(begin_writer(&w, &self->s));
	wait_written(&w, 1000);
	ASSERT_OK(kill(self->d.pid, SIGSTOP));
	EXPECT_EVENT(LOST, "lru");
	EXPECT_EQ(ZCACHE_POLICY_REASON_SILENT, self->p.reason);
	wait_written(&w, 40000);
	EXPECT_LT(0, zct_count(&self->s, ZC_C_EVICTIONS));
	evicted = zct_count(&self->s, ZC_C_POLICY_EVICTIONS);
	ASSERT_OK(kill(self->d.pid, SIGCONT));
	EXPECT_EVENT(NEW, "lru");
	EXPECT_FALSE(self->p.late);
	while (zct_count(&self->s, ZC_C_POLICY_EVICTIONS) == evicted)
		wait_written(&w, 1);
	END_WRITER(&w);
	wait_known(&self->d, &self->s);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* Another policy, and another, while somebody writes. */
TEST_F(zcached, switched)
{
	static const char *const policies[] = {
		"gdsf2", "s3fifo", "wtinylfu", "lhd", "auto", "fifo", "clock", "sieve", "lru",
	};
	struct writer w;
	unsigned int i;

	ASSERT_OK(begin_writer(&w, &self->s));
	while (!zct_count(&self->s, ZC_C_POLICY_EVICTIONS))
		wait_written(&w, 100);
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_OK(configure(&self->d, policies[i], ""));
		ASSERT_OK(kill(self->d.pid, SIGHUP));
		EXPECT_EVENT(NEW, policies[i]);
		wait_written(&w, 2000);
	}
	/* and two policies and none, by turns, without waiting */
	for (i = 0; i < 20; i++) {
		ASSERT_OK(configure(&self->d, i % 3 ? policies[i % 3] : "none", ""));
		ASSERT_OK(kill(self->d.pid, SIGHUP));
		wait_written(&w, 100);
	}
	ASSERT_OK(configure(&self->d, "fifo", ""));
	ASSERT_OK(kill(self->d.pid, SIGHUP));
	do {
		ASSERT_EQ(ZCACHE_CMD_POLICY_NEW_NTF, await(self, ZCACHE_CMD_POLICY_NEW_NTF));
	} while (strcmp(self->p.name, "fifo"));
	END_WRITER(&w);
	wait_known(&self->d, &self->s);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* Killed again and again while somebody writes; each time it learns of all. */
TEST_F(zcached, killed_often)
{
	struct writer w;
	int i;

	ASSERT_OK(begin_writer(&w, &self->s));
	for (i = 0; i < 5; i++) {
		wait_written(&w, 5000);
		EXPECT_EQ(128 + SIGKILL, end(&self->d, SIGKILL));
		EXPECT_EVENT(LOST, "lru");
		EXPECT_EQ(ZCACHE_POLICY_REASON_CLOSED, self->p.reason);
		wait_written(&w, 1000);
		ASSERT_OK(begin(&self->d, self->folder, "one", "lru"));
		EXPECT_EVENT(NEW, "lru");
	}
	END_WRITER(&w);
	wait_known(&self->d, &self->s);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* Sends bytes to a netlink socket of another process, as root may. */
static int tell(__u32 port, const void *data, size_t len)
{
	struct sockaddr_nl to = { .nl_family = AF_NETLINK, .nl_pid = port };
	int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	ssize_t n = sendto(fd, data, len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to));
	/* what nobody reads has no more room at some time */
	int err = n == (ssize_t)len || errno == EAGAIN ? 0 : -errno;

	close(fd);
	return err;
}

/* The netlink sockets of a process are found by their ports, which the kernel lists. */
static int tell_all(pid_t pid, const void *data, size_t len)
{
	unsigned int protocol, told = 0;
	FILE *f = fopen("/proc/net/netlink", "r");
	char line[256];
	__u32 port;

	while (f && fgets(line, sizeof(line), f)) {
		/* a port is the pid, or has it in its lower bits */
		if (sscanf(line, "%*x %u %u", &protocol, &port) != 2 ||
		    protocol != NETLINK_GENERIC || (port & 0x3fffff) != (__u32)pid)
			continue;
		if (tell(port, data, len))
			break;
		told++;
	}
	if (f)
		fclose(f);
	return told;
}

/* Only root may send it anything; what makes no sense is no reason to end. */
TEST_F(zcached, garbage)
{
	unsigned int seed = zct_seed();
	static unsigned char bytes[40000];
	int i, k, told = 0;
	struct writer w;
	size_t len;

	ASSERT_OK(begin_writer(&w, &self->s));
	for (i = 0; i < 200; i++) {
		for (k = 0; k < (int)sizeof(bytes); k += 4)
			memcpy(bytes + k, &(unsigned int){ zct_random(&seed) }, 4);
		/* a byte, bytes, a message without attributes, and too many bytes */
		len = i % 4 == 0 ? 1 : i % 4 == 3 ? sizeof(bytes) : 1 + zct_random(&seed) % 4096;
		if (i % 4 == 2) {
			len = NLMSG_HDRLEN + GENL_HDRLEN;
			*(struct nlmsghdr *)bytes = (struct nlmsghdr){
				.nlmsg_len = len, .nlmsg_type = zc_nl_family() };
			bytes[NLMSG_HDRLEN] = i / 4;	/* the command */
		}
		told += tell_all(self->d.pid, bytes, len);
	}
	/* it has at least three; the list may leave one out while others come and go */
	EXPECT_LT(400, told);
	for (i = 0; i < 20; i++) {
		int fd = connect_to(&self->d);

		ASSERT_FD(fd);
		/* it may hang up before it has read all */
		send(fd, bytes, zct_random(&seed) % sizeof(bytes), MSG_NOSIGNAL);
		close(fd);
	}
	EXPECT_NE(NULL, strstr(ask(&self->d, "/healthz"), "\r\n\r\nok\n"));
	while (!zct_count(&self->s, ZC_C_POLICY_EVICTIONS))
		wait_written(&w, 100);
	END_WRITER(&w);
	wait_known(&self->d, &self->s);
	ASSERT_OK(zct_policy_get(self->s.name, &self->p));
	EXPECT_STREQ("lru", self->p.name);
	EXPECT_EQ(0, end(&self->d, SIGTERM));
}

/* How long it takes until it knows all; told, and no test. */
TEST_F(zcached, resync)
{
	int i, nr = zct_slow() ? 10000 : 100000;
	char key[32], body[100] = "";
	__u64 begun, owned;

	EXPECT_EQ(128 + SIGKILL, end(&self->d, SIGKILL));
	EXPECT_EVENT(LOST, "lru");
	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "o%d", i);
		ASSERT_OK(zct_put_data(self->s.fd, key, body, sizeof(body), NULL));
	}
	ASSERT_EQ(nr, zct_objects(&self->s));
	begun = zct_now();
	ASSERT_OK(begin(&self->d, self->folder, "one", "lru"));
	EXPECT_EVENT(NEW, "lru");
	owned = zct_now();
	wait_known(&self->d, &self->s);
	printf("# %d objects were told in %llu ms, %llu ms after the daemon was started\n", nr,
	       (zct_now() - owned) / 1000000, (zct_now() - begun) / 1000000);
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
