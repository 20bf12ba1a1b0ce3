// SPDX-License-Identifier: GPL-2.0-only
/* zcached --mirror as a process: it decides what leaves the mirror. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <zcache_owner.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define DEADLINE	20	/* seconds */
#define CHARGE		8192

static struct zc_cache *c;
static char folder[256], config_path[256];
static int out, err;

/* A line of standard error, or what is there at the end. */
static const char *line(void)
{
	static char text[4096];
	size_t n = 0;

	while (n < sizeof(text) - 1 && read(err, text + n, 1) == 1 && text[n++] != '\n')
		;
	text[n] = '\0';
	return text;
}

static void configure(const char *text)
{
	snprintf(config_path, sizeof(config_path), "%s", test_file("conf", text, strlen(text)));
}

static pid_t begin(void)
{
	const char *argv[] = { test_program("zcached"), "--mirror", folder, "--config",
			       config_path, NULL };

	return start(argv, 0, &out, &err);
}

static int end(pid_t pid, int how)
{
	int status;

	kill(pid, how);
	waitpid(pid, &status, 0);
	close(out);
	close(err);
	return status;
}

static bool all_told(void)
{
	struct zc_mirror *m = zcm_mirror(c);
	bool told;

	zcm_lock(m);
	told = m->head->news_end == UINT32_MAX && !m->head->news_first;
	zcm_unlock(m);
	return told;
}

static bool few(void)
{
	return objects(c) == 89;
}

/* Until it is so, which is as soon as the daemon had its turn. */
static bool becomes(bool (*so)(void))
{
	time_t end = time(NULL) + DEADLINE;

	while (!so()) {
		if (time(NULL) > end)
			return false;
		sched_yield();
	}
	return true;
}

static void put_numbers(int from, int to)
{
	char key[16];
	int i;

	for (i = from; i < to; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put_object(c, key, "x", 1, NULL, NULL, NULL);
	}
}

static void steers(void)
{
	char name[ZC_POLICY_NAME_ROOM];
	pid_t pid;

	configure("interval = 10ms\npolicy = lru\n");
	pid = begin();
	is_str(line(), "zcached: store web: its policy is lru now\n", "it owns the policy");
	is_str(line(), "zcached: ready\n", "and is ready");
	is_int(zc_policy_owner(c, name), 1, "which is known");
	is_str(name, "lru", "by name");
	is_int(zc_policy_own(c, "mine"), -EBUSY, "so nobody else can");
	put_numbers(0, 94);
	ok(becomes(all_told), "it hears what comes");
	get_key(c, "0", 0);
	ok(becomes(all_told), "and what is used");
	is_int(objects(c), 94, "and lets it be");
	put_numbers(94, 95);
	ok(becomes(few), "until the high watermark is reached");
	is_int(get_key(c, "0", 0), 0, "what was used stays");
	is_int(get_key(c, "6", 0), -ENOENT, "what was not");
	is_int(get_key(c, "7", 0), 0, "leaves, until the low one is");
	is_int(counted(c, ZC_C_POLICY_EVICTIONS), 6, "which is counted as its work");
	is_int(counted(c, ZC_C_EVICTIONS), 0, "and not as the library's");

	configure("interval = 10ms\npolicy = lru\nstore web { policy = fifo }\n");
	kill(pid, SIGHUP);
	is_str(line(), "zcached: store web: its policy is fifo now\n",
	       "the section of its name comes before the rest");
	is_str(line(), "zcached: ready\n", "and it goes on");
	configure("interval = 10ms\npolicy = none\n");
	kill(pid, SIGHUP);
	is_str(line(), "zcached: store web: its policy is left to the library\n", "or lets be");
	is_str(line(), "zcached: ready\n", "going on with the rest");
	is_int(zc_policy_own(c, "mine"), 0, "then another may own the policy");
	configure("interval = 10ms\npolicy = s3fifo\n");
	kill(pid, SIGHUP);
	is_str(line(), "zcached: store web: another process owns its policy; waiting for it to end: Device or resource busy (EBUSY)\n",
	       "for whom it waits");
	is_str(line(), "zcached: ready\n", "and does the rest");
	zc_policy_release(c);
	configure("interval = 10ms\npolicy = gdsf2\n");
	kill(pid, SIGHUP);
	is_str(line(), "zcached: store web: its policy is gdsf2 now\n", "until it ends");
	is_int(end(pid, SIGTERM), 0, "it ends");
	is_int(zc_policy_owner(c, name), 0, "and owns nothing");
}

static void killed(void)
{
	char name[ZC_POLICY_NAME_ROOM];
	pid_t pid = begin();

	line();
	ok(becomes(all_told), "another one hears of all");
	is_int(end(pid, SIGKILL), SIGKILL, "it is killed");
	zcm_mirror(c)->reaped_ns = 0;
	put_numbers(100, 200);
	is_int(objects(c), 100, "without it the mirror becomes full");
	ok(counted(c, ZC_C_EVICTIONS) == 89, "and the library evicts");
	is_int(zc_policy_owner(c, name), 0, "and nobody owns");
	pid = begin();
	is_str(line(), "zcached: store web: its policy is gdsf2 now\n", "until the next one");
	ok(becomes(few), "which makes room at once");
	is_str(mirror_wrong(c, "web") ?: "", "", "the mirror is whole");
	is_int(end(pid, SIGTERM), 0, "the end");
}

int main(void)
{
	const struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 100 * CHARGE };

	c = mirror_new("web", &conf);
	snprintf(folder, sizeof(folder), "%s", mirror_path("web"));
	steers();
	killed();
	zc_close(c);
	return tap_end();
}
