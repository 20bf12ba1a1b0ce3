// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "zc_test.h"

__u32 zct_state_inline = ZC_STATE_INLINE;

/* Failed calls that wrote to their argument. */
static unsigned int tainted;

/* --- stores */

int zct_store_new(struct zct_store *s, const struct zc_nl_cfg *cfg)
{
	static unsigned int n;
	struct zc_nl_cfg c = { 0 };
	int err;

	if (cfg)
		c = *cfg;
	if (!c.capacity)
		c.capacity = 64 * MiB;
	/* What expires stays for the test that looks at it. */
	if (!(c.set & ZC_NL_SET(GRACE))) {
		c.grace = 3600000;
		c.set |= ZC_NL_SET(GRACE);
	}
	snprintf(s->name, sizeof(s->name), "t%d-%u", getpid(), __sync_add_and_fetch(&n, 1));
	snprintf(s->path, sizeof(s->path), "/dev/zcache/%s", s->name);
	s->fd = -1;
	if (!c.name)
		c.name = s->name;
	err = zc_nl_store_new(&c);
	if (err)
		return err;
	s->fd = open(s->path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0) {
		err = -errno;
		zc_nl_store_del(s->name, true);
		return err;
	}
	return 0;
}

/* The keys of a store, one after the other, each after its length. */
struct keys {
	unsigned char *data;
	size_t len, room;
};

static void collect_key(const struct zc_nl_object *o, void *arg)
{
	struct keys *k = arg;

	if (k->room - k->len < sizeof(o->key_len) + o->key_len) {
		k->room = 2 * k->room + 4096;
		k->data = realloc(k->data, k->room);
		if (!k->data)
			abort();
	}
	memcpy(k->data + k->len, &o->key_len, sizeof(o->key_len));
	memcpy(k->data + k->len + sizeof(o->key_len), o->key, o->key_len);
	k->len += sizeof(o->key_len) + o->key_len;
}

/* Without its objects a store uses nothing, unless somebody still has one. */
static int check_emptied(struct zct_store *s)
{
	struct keys k = { 0 };
	size_t at, len;
	int err;

	err = zc_nl_object_dump(s->name, NULL, 0, collect_key, &k);
	for (at = 0; at < k.len; at += sizeof(len) + len) {
		struct zc_delete d = { 0 };

		memcpy(&len, k.data + at, sizeof(len));
		d.key = ZC_ADDR(k.data + at + sizeof(len));
		d.key_len = len;
		/* the shrinker may have been first */
		zct_delete(s->fd, &d);
	}
	free(k.data);
	if (!err && (zct_used(s) || zct_objects(s))) {
		printf("# %s: emptied, %llu bytes and %llu objects are left\n", s->name,
		       zct_used(s), zct_objects(s));
		err = -EUCLEAN;
	}
	return err;
}

int zct_store_end(struct zct_store *s)
{
	int err, left = 0;

	if (s->fd >= 0) {
		left = check_emptied(s);
		close(s->fd);
	}
	s->fd = -1;
	err = zc_nl_store_del(s->name, false) ?: left;
	if (err == -EBUSY) {
		printf("# %s: in use at its end\n", s->name);
		zc_nl_store_del(s->name, true);
	}
	if (!err && tainted)
		err = -EBADMSG;
	tainted = 0;
	return err;
}

__u64 zct_used(const struct zct_store *s)
{
	struct zc_info info = { 0 };

	return zct_info(s->fd, &info) ? ~0ULL : info.used;
}

void zct_wait_used(const struct zct_store *s, __u64 bytes)
{
	while (zct_used(s) != bytes)
		sched_yield();
}

__u64 zct_objects(const struct zct_store *s)
{
	struct zc_info info = { 0 };

	return zct_info(s->fd, &info) ? ~0ULL : info.objects;
}

__u64 zct_count(const struct zct_store *s, enum zc_counter counter)
{
	struct zc_nl_store st;

	return zc_nl_store_get(s->name, &st) ? ~0ULL : st.count[counter];
}

void zct_wait_count(const struct zct_store *s, enum zc_counter counter, __u64 n)
{
	while (zct_count(s, counter) != n)
		sched_yield();
}

int zct_deltas(const struct zct_store *s, const struct zc_nl_store *before,
	       const struct zct_delta *deltas, int n)
{
	static const char * const names[] = {
#define NAME(id, name, unit, sentence) name,
		ZC_COUNTERS(NAME)
#undef NAME
	};
	struct zc_nl_store now;
	int i, k, bad = 0;
	bool named;
	__u64 want;

	i = zc_nl_store_get(s->name, &now);
	if (i)
		return i;
	for (i = 0; i < ZC_C_NR; i++) {
		want = 0;
		named = false;
		for (k = 0; k < n; k++) {
			if (deltas[k].counter != i)
				continue;
			want += deltas[k].by;
			named = true;
		}
		/* These go with others, and the system may want memory any time. */
		if (!named && (i == ZC_C_HIT_BYTES || i == ZC_C_MISS_BYTES ||
			       i == ZC_C_SHRINKER_CALLS))
			continue;
		if (now.count[i] - before->count[i] == want)
			continue;
		printf("# counter %s changed by %lld, not by %lld\n", names[i],
		       (long long)(now.count[i] - before->count[i]), (long long)want);
		bad++;
	}
	fflush(stdout);
	return bad;
}

/* --- calls */

/* What the call may write with this error; written over in @before. */
static void allow(unsigned long cmd, int err, void *before, const void *arg, size_t size)
{
	struct zc_send *old = before;
	const struct zc_send *send = arg;

	if (cmd == ZC_IOC_STAT && err == -EMSGSIZE) {
		memcpy(before, arg, size);
	} else if (cmd == ZC_IOC_SEND && err == -ECANCELED) {
		old->generation = send->generation;
		old->data_len = send->data_len;
		old->state = send->state;
	}
}

int zct_ioctl(int fd, unsigned long cmd, void *arg, size_t size)
{
	unsigned char before[512] __attribute__((aligned(8)));
	int err;

	if (size > sizeof(before))
		size = sizeof(before);
	memcpy(before, arg, size);
	err = ioctl(fd, cmd, arg) < 0 ? -errno : 0;
	allow(cmd, err, before, arg, size);
	if (err && memcmp(before, arg, size)) {
		printf("# call 0x%lx gave error %d and wrote to its argument\n", cmd, -err);
		fflush(stdout);
		__sync_add_and_fetch(&tainted, 1);
	}
	return err;
}

#define RAW(name, type, cmd) \
	int zct_##name(int fd, struct type *arg) \
	{ \
		if (!arg->size) \
			arg->size = sizeof(*arg); \
		return zct_ioctl(fd, cmd, arg, sizeof(*arg)); \
	}

RAW(info, zc_info, ZC_IOC_INFO)
RAW(put, zc_put, ZC_IOC_PUT)
RAW(fill, zc_put, ZC_IOC_FILL)
RAW(commit, zc_commit, ZC_IOC_COMMIT)
RAW(stat, zc_stat, ZC_IOC_STAT)
RAW(get, zc_get, ZC_IOC_GET)
RAW(open, zc_open, ZC_IOC_OPEN)
RAW(send, zc_send, ZC_IOC_SEND)
RAW(send_batch, zc_send_batch, ZC_IOC_SEND_BATCH)
RAW(delete, zc_delete, ZC_IOC_DELETE)
RAW(purge, zc_purge, ZC_IOC_PURGE)
RAW(touch, zc_touch, ZC_IOC_TOUCH)
RAW(wait, zc_wait, ZC_IOC_WAIT)

#define KEY(k)	.key = ZC_ADDR(k), .key_len = strlen(k)

int zct_put_data(int fd, const char *key, const void *data, size_t len, __u64 *generation)
{
	struct zc_put p = { KEY(key), .data = ZC_ADDR(data), .data_len = len };
	int err = zct_put(fd, &p);

	if (!err && generation)
		*generation = p.generation;
	return err;
}

int zct_put_pattern(int fd, const char *key, unsigned int id, unsigned int version,
		    size_t len, __u64 *generation)
{
	void *buf = zct_alloc(len);
	int err;

	zct_pattern(buf, len, id, version, 0);
	err = zct_put_data(fd, key, buf, len, generation);
	munmap(buf, len + 1);
	return err;
}

ssize_t zct_get_data(int fd, const char *key, void *buf, size_t len, __u64 offset)
{
	struct zc_get g = { KEY(key), .buf = ZC_ADDR(buf), .buf_len = len, .offset = offset };
	int err = zct_get(fd, &g);

	return err ? err : (ssize_t)g.copied;
}

int zct_open_key(int fd, const char *key)
{
	struct zc_open o = { KEY(key) };
	int err = zct_open(fd, &o);

	return err ? err : o.fd;
}

int zct_stat_key(int fd, const char *key, struct zc_stat *st)
{
	memset(st, 0, sizeof(*st));
	st->key = ZC_ADDR(key);
	st->key_len = strlen(key);
	return zct_stat(fd, st);
}

int zct_delete_key(int fd, const char *key)
{
	struct zc_delete d = { KEY(key) };

	return zct_delete(fd, &d);
}

int zct_fill_key(int fd, const char *key, __u64 len, __u32 flags)
{
	struct zc_put p = { KEY(key), .flags = flags, .data_len = len };
	int err = zct_fill(fd, &p);

	return err ? err : p.fd;
}

int zct_commit_fd(int fill, __u64 *generation)
{
	struct zc_commit c = { 0 };
	int err = zct_commit(fill, &c);

	if (!err && generation)
		*generation = c.generation;
	return err;
}

int zct_verify_key(int fd, const char *key, unsigned int id, unsigned int version, size_t len)
{
	void *buf = zct_alloc(len + 64);
	struct zc_get g = { KEY(key), .buf = ZC_ADDR(buf), .buf_len = len + 64 };
	int err;

	err = zct_get(fd, &g);
	if (!err && (g.copied != len || g.data_len != len ||
		     zct_check(buf, len, id, version, 0) != -1))
		err = 1;
	munmap(buf, len + 65);
	return err;
}

int zct_verify_fd(int fd, unsigned int id, unsigned int version, size_t len)
{
	unsigned char *buf = zct_alloc(len + 1);
	size_t done = 0;
	ssize_t n;
	int err = 0;

	while ((n = pread(fd, buf + done, len + 1 - done, done)) > 0)
		done += n;
	if (n < 0)
		err = -errno;
	else if (done != len || zct_check(buf, len, id, version, 0) != -1)
		err = 1;
	munmap(buf, len + 2);
	return err;
}

/* --- patterns */

/* Zeros are what unwritten memory holds: no word of a pattern looks like it. */
#define MIX	0xa5c3965a3ce1790fULL

static __u64 word_at(unsigned int id, unsigned int version, __u64 offset)
{
	return (((__u64)id << 48) | ((__u64)version << 24) | ((offset >> 3) & 0xffffff)) ^ MIX;
}

void zct_pattern(void *buf, size_t len, unsigned int id, unsigned int version, __u64 offset)
{
	unsigned char *p = buf;
	__u64 word;

	while (len) {
		unsigned int at = offset & 7, n = 8 - at;

		if (n > len)
			n = len;
		word = word_at(id, version, offset);
		memcpy(p, (unsigned char *)&word + at, n);
		p += n;
		offset += n;
		len -= n;
	}
}

ssize_t zct_check(const void *buf, size_t len, unsigned int id, unsigned int version,
		  __u64 offset)
{
	const unsigned char *p = buf;
	size_t done = 0;
	__u64 word;

	while (done < len) {
		unsigned int at = (offset + done) & 7, n = 8 - at, i;

		if (n > len - done)
			n = len - done;
		word = word_at(id, version, offset + done);
		if (memcmp(p + done, (unsigned char *)&word + at, n)) {
			for (i = 0; i < n; i++)
				if (p[done + i] != ((unsigned char *)&word)[at + i])
					return done + i;
		}
		done += n;
	}
	return -1;
}

void zct_origin(const void *buf, unsigned int *id, unsigned int *version)
{
	__u64 word;

	memcpy(&word, buf, sizeof(word));
	word ^= MIX;
	*id = word >> 48;
	*version = (word >> 24) & 0xffffff;
}

/* --- the rest */

void zct_mark(const char *what, const char *test)
{
	char line[160];
	int fd, n;

	n = snprintf(line, sizeof(line), "zcache-case: %s %s:%s", what,
		     program_invocation_short_name, test);
	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, line, n) < 0)
		perror("# kmsg");
	close(fd);
}

bool zct_slow(void)
{
	/* the guest's init says so, to tests in C and scripts alike */
	return getenv("ZCACHE_SLOW");
}

unsigned int zct_times(unsigned int n)
{
	const char *scale = getenv("ZCACHE_SCALE");
	double f = scale ? atof(scale) : zct_slow() ? 0.2 : 1;
	unsigned int times = n * f;

	return times ? times : 1;
}

unsigned int zct_seed(void)
{
	const char *s = getenv("ZCACHE_SEED");
	unsigned int seed = s ? strtoul(s, NULL, 0) : (unsigned int)zct_now();

	printf("# seed: ZCACHE_SEED=%u\n", seed);
	fflush(stdout);
	return seed ? seed : 1;
}

unsigned int zct_random(unsigned int *state)
{
	/* xorshift32: a state of 0 would stay 0 */
	unsigned int x = *state ? *state : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

int zct_wait_asleep(pid_t pid)
{
	char path[64], line[256], *state;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		f = fopen(path, "re");
		if (!f)
			return -ESRCH;
		if (!fgets(line, sizeof(line), f)) {
			fclose(f);
			return -ESRCH;
		}
		fclose(f);
		state = strrchr(line, ')');
		if (!state || state[2] == 'Z' || state[2] == 'X')
			return -ESRCH;
		if (state[2] == 'S' || state[2] == 'D')
			return 0;
		sched_yield();
	}
}

void *zct_alloc(size_t len)
{
	/* One byte more, so that a length of 0 has an address too. */
	void *p = mmap(NULL, len + 1, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (p == MAP_FAILED) {
		perror("# mmap");
		abort();
	}
	return p;
}

int zct_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

__u64 zct_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}
