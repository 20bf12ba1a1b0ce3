// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zcache_owner.h>

#include "fuzz.h"
#include "mirror_files.h"

#define NR_FILES (FILE_OTHER_DATA + 1)
#define A_BYTES "the bytes of an object"
#define B_BYTES "others"
#define C_BYTES "new ones"

static struct saved {
	char name[ZCM_NAME];
	char *bytes;
	size_t len;
	struct timespec times[2];	/* they are the mark of data files */
} saved[NR_FILES];

static char folder[64], spec[80];
static int dir = -1;
static pid_t maker;
static uint64_t put_generation;
static char put_name[ZCM_NAME];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_folder(void)
{
	if (getpid() == maker)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static int put(struct zc_cache *c, const char *key, const char *bytes, uint64_t *generation)
{
	static const uint64_t tags[] = { 7, 8 };
	struct zc_put p = {
		.key = zc_ptr(key), .key_len = strlen(key),
		.data = zc_ptr(bytes), .data_len = strlen(bytes),
		.etag = zc_ptr("\"v1\""), .etag_len = 4, .type = zc_ptr("text/plain"),
		.type_len = 10, .header = zc_ptr("HTTP/1.1 200 OK\r\n"), .header_len = 17,
		.tags = zc_ptr(tags), .nr_tags = 2, .expires_ns = INT64_MAX / 2,
	};
	int err = zc_put(c, &p);

	*generation = p.generation;
	return err;
}

static void name_meta(char *name, const char *key)
{
	struct zc_mirror m = { 0 };
	struct zcm_hash hash;

	must(!zcm_super_read(dir, &m.super));
	zcm_hash(&m, key, strlen(key), &hash);
	zcm_meta_name(name, &hash);
}

static void save(enum mirror_file file)
{
	struct saved *s = &saved[file];
	int fd = openat(dir, s->name, O_RDONLY | O_CLOEXEC);
	struct stat st;

	must(fd >= 0 && !fstat(fd, &st));
	s->len = st.st_size;
	s->bytes = malloc(s->len + 1);
	must(s->bytes && pread(fd, s->bytes, s->len, 0) == st.st_size);
	s->times[0] = st.st_atim;
	s->times[1] = st.st_mtim;
	close(fd);
}

void mirror_write(enum mirror_file file, const void *bytes, size_t len)
{
	int fd = openat(dir, saved[file].name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	must(!futimens(fd, saved[file].times));
	close(fd);
}

void mirror_patch(enum mirror_file file, size_t offset, const void *bytes, size_t len)
{
	int fd;

	if (offset >= saved[file].len || len > saved[file].len - offset)
		return;
	fd = openat(dir, saved[file].name, O_WRONLY | O_CLOEXEC);
	must(fd >= 0 && pwrite(fd, bytes, len, offset) == (ssize_t)len);
	close(fd);
}

void mirror_remove(enum mirror_file file)
{
	must(!unlinkat(dir, saved[file].name, 0) || errno == ENOENT);
}

int mirror_valid(enum mirror_file file)
{
	struct zc_mirror m = { .dir = dir, .super.max_key_len = ZC_KEY_MAX };
	struct zcm_info *info;
	int err;

	if (file == FILE_SUPER)
		return !zcm_super_read(dir, &m.super);
	err = zcm_info_read(&m, saved[file].name, &info);
	must(err <= 0);
	if (!err)
		zcm_info_put(info);
	return !err;
}

void mirror_restore(void)
{
	char name[ZCM_NAME];
	int i;

	if (put_generation) {
		unlinkat(dir, put_name, 0);
		zcm_data_name(name, put_generation);
		unlinkat(dir, name, 0);
		put_generation = 0;
	}
	for (i = 0; i < NR_FILES; i++)
		mirror_write(i, saved[i].bytes, saved[i].len);
}

const char *mirror_spec(void)
{
	return spec;
}

void mirror_make(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = 1 << 20 };
	struct zcm_super super;
	uint64_t generation[2];
	struct zc_cache *c;
	int i;

	strcpy(folder, "/dev/shm/zcache-fuzz-XXXXXX");
	if (!mkdtemp(folder))
		must(mkdtemp(strcpy(folder, "/tmp/zcache-fuzz-XXXXXX")) != NULL);
	maker = getpid();
	atexit(remove_folder);
	snprintf(spec, sizeof(spec), "mirror:%s", folder);
	must(!zc_mirror_create(folder, &conf));
	dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* So that an input means the same in each run. */
	must(!zcm_super_read(dir, &super));
	memset(super.hash_key, 0x5a, sizeof(super.hash_key));
	super.id = 1;
	must(!zcm_super_write(dir, &super, false));
	must(!zc_open(spec, O_RDWR, &c));
	must(!put(c, "a", A_BYTES, &generation[0]) && !put(c, "b", B_BYTES, &generation[1]));
	zc_close(c);
	strcpy(saved[FILE_SUPER].name, "store");
	strcpy(saved[FILE_INDEX].name, "index");
	name_meta(saved[FILE_META].name, "a");
	name_meta(saved[FILE_OTHER_META].name, "b");
	name_meta(put_name, "c");
	zcm_data_name(saved[FILE_DATA].name, generation[0]);
	zcm_data_name(saved[FILE_OTHER_DATA].name, generation[1]);
	for (i = 0; i < NR_FILES; i++)
		save(i);
}

/* 0 if the object is there, and then it is the one. */
static int get(struct zc_cache *c, const char *key, const char *bytes)
{
	char buf[64];
	struct zc_get g = {
		.key = zc_ptr(key), .key_len = strlen(key),
		.buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};
	int err = zc_get(c, &g);

	must(err <= 0);
	if (!err)
		must(g.copied == strlen(bytes) && !memcmp(buf, bytes, g.copied));
	return err;
}

/* Whatever it tells, it tells no more than there can be. */
static void stat_of(struct zc_cache *c, const char *key)
{
	char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	uint64_t tags[ZC_TAGS_MAX];
	struct zc_stat s = {
		.key = zc_ptr(key), .key_len = strlen(key), .header = zc_ptr(header),
		.header_len = sizeof(header), .etag = zc_ptr(etag), .etag_len = sizeof(etag),
		.type = zc_ptr(type), .type_len = sizeof(type), .tags = zc_ptr(tags),
		.nr_tags = ZC_TAGS_MAX,
	};

	if (!zc_stat(c, &s))
		must(s.header_len <= sizeof(header) && s.etag_len <= sizeof(etag) &&
		     s.type_len <= sizeof(type) && s.nr_tags <= ZC_TAGS_MAX);
}

static void open_object(struct zc_cache *c, const char *key)
{
	struct zc_open o = { .key = zc_ptr(key), .key_len = strlen(key) };
	int fd = zc_open_object(c, &o);

	if (fd >= 0)
		close(fd);
}

/* Hears of all there is, and has the first of it leave. */
static void own(struct zc_cache *c, int whole)
{
	struct zc_policy_record records[2];
	struct zc_policy_drain d = { .room = 2, .records = records };
	struct zc_policy_victim v = { .slot = 1 };
	struct zc_policy_evict e = { .flags = ZC_POLICY_EVICT_EXPIRED, .victims = &v, .nr = 1 };
	int err = zc_policy_own(c, "lru");

	must(!whole || !err);
	while (!err && !zc_policy_drain(c, &d) && d.more)
		if (d.nr)
			v = (struct zc_policy_victim){ .generation = records[0].generation,
						       .slot = records[0].slot };
	if (!err)
		zc_policy_evict(c, &e);
}

void mirror_use(int whole)
{
	struct zc_touch t = { .key = zc_ptr("a"), .key_len = 1, .flags = ZC_TOUCH_EXPIRES,
			      .expires_ns = INT64_MAX / 4 };
	struct zc_delete d = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_purge p = { .flags = ZC_PURGE_TAG, .tag = 8 };
	struct zc_info info = { 0 };
	struct zc_cache *c;
	int err;

	err = zc_open(spec, O_RDWR, &c);
	must(!whole || !err);
	if (err)
		return;
	zc_info(c, &info);
	get(c, "a", A_BYTES);
	stat_of(c, "a");
	open_object(c, "a");
	err = get(c, "b", B_BYTES);
	must(!whole || !err);
	zc_touch(c, &t);
	err = put(c, "c", C_BYTES, &put_generation);
	must(!whole || !err);
	if (!err)
		must(!get(c, "c", C_BYTES));
	zc_delete(c, &d);
	zc_purge(c, &p);
	own(c, whole);
	put(c, "c", C_BYTES, &put_generation);
	zc_close(c);
}
