// SPDX-License-Identifier: GPL-2.0-only
/* libzcache against the stand-in for the module: fills that reserve their key. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "tap.h"
#include "util.h"

static struct zc_cache *cache;

static int reserve(struct zc_put *p)
{
	*p = (struct zc_put){
		.flags = ZC_PUT_RESERVE, .key = zc_ptr("r"), .key_len = 1, .data_len = 4,
	};
	return zc_fill(cache, p);
}

static void *wait_without_end(void *arg)
{
	*(int *)arg = wait_for(cache, "r", 0, -1);
	return NULL;
}

/* Returns when another thread has begun to wait: calls are logged as they begin. */
static void commit_awaited(int fill, const char *log)
{
	struct stat st;

	while (stat(log, &st) || !st.st_size)
		sched_yield();
	is_int(zc_commit(cache, fill, NULL), 0, "the commit of a reserved key");
}

static void reservations(void)
{
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("r"), .key_len = 1 };
	char log[128], data[8];
	struct zc_get g = {
		.key = zc_ptr("r"), .key_len = 1, .buf = zc_ptr(data), .buf_len = sizeof(data),
	};
	int fill, other, fd, got = 1;
	pthread_t thread;
	struct zc_put p;

	is_int(wait_for(cache, "r", 0, -1), -ENOENT, "wait for nobody");
	fill = reserve(&p);
	ok(fill >= 0 && fill == p.fd, "a fill with a reservation");
	is_int(reserve(&p), -EBUSY, "another finds it reserved");
	p.flags = 0;
	other = zc_fill(cache, &p);
	ok(other >= 0, "unless it does not ask");
	close(other);
	is_int(wait_for(cache, "r", 0, 0), -ETIMEDOUT, "wait for no time");
	is_int(wait_for(cache, "r", 0, 1), -ETIMEDOUT, "wait for a short time");
	is_int(wait_for(cache, "s", 0, -1), -ENOENT, "another key is not reserved");
	is_int(wait_for(cache, "r", 0, -2), -EINVAL, "no such time");
	is_int(wait_for(cache, "r", ZC_WAIT_FD, 1), -EINVAL, "a time and a fd");
	fd = wait_for(cache, "r", ZC_WAIT_FD, 0);
	ok(fd >= 0, "a fd to wait with");
	ok(!readable(fd, 0), "is not readable yet");
	close(fill);
	ok(readable(fd, -1), "it is when the fill is given up");
	ok(readable(fd, 0), "and stays so");
	close(fd);

	fill = reserve(&p);
	ok(fill >= 0, "then the key can be reserved again");
	is_int(write(fill, "data", 4), 4, "bytes for it");
	snprintf(log, sizeof(log), "%s/waits", test_folder());
	setenv("FAKE_ZCACHE_LOG", log, 1);
	pthread_create(&thread, NULL, wait_without_end, &got);
	commit_awaited(fill, log);
	pthread_join(thread, NULL);
	unsetenv("FAKE_ZCACHE_LOG");
	is_int(got, 0, "who waits is told of the commit");
	is_int(wait_for(cache, "r", 0, -1), -ENOENT, "also while the fill fd is open");
	close(fill);
	is_int(zc_get(cache, &g), 0, "the object is there");
	is_mem(data, g.copied, "data", 4, "with its bytes");
	is_int(reserve(&p), -EEXIST, "which needs no fill");
	is_int(zc_delete(cache, &d), 0, "until it has expired");
	fill = reserve(&p);
	ok(fill >= 0, "then it does");
	close(fill);
	p.fd = 0;
	p.data = zc_ptr("data");
	is_int(zc_put(cache, &p), -EINVAL, "a put reserves nothing");
}

int main(void)
{
	test_store();
	cache = test_open();
	reservations();
	zc_close(cache);
	return tap_end();
}
