// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "mirror_util.h"
#include "util.h"

static int nr_files;

const char *mirror_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_folder(), name);
	return path;
}

struct zc_cache *mirror_open(const char *name, int flags)
{
	char full[600];
	struct zc_cache *c;
	int err;

	snprintf(full, sizeof(full), "mirror:%s", mirror_path(name));
	err = zc_open(full, flags, &c);
	if (!err)
		return c;
	printf("Bail out! %s: %s\n", full, strerror(-err));
	exit(1);
}

struct zc_cache *mirror_new(const char *name, const struct zc_mirror_conf *conf)
{
	int err = zc_mirror_create(mirror_path(name), conf);

	if (err) {
		printf("Bail out! create %s: %s\n", name, strerror(-err));
		exit(1);
	}
	return mirror_open(name, O_RDWR);
}

static int count_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	nr_files += type == FTW_F;
	return 0;
}

int files_in(const char *name)
{
	nr_files = 0;
	nftw(mirror_path(name), count_file, 16, FTW_PHYS);
	return nr_files;
}

uint64_t counted(struct zc_cache *c, enum zc_counter counter)
{
	uint64_t values[ZC_C_NR];

	if (zc_counters(c, values, ZC_C_NR))
		abort();
	return values[counter];
}

static const char *object_wrong(struct zc_cache *c, const struct zc_mirror_object *o)
{
	struct zc_stat s = { .flags = ZC_STAT_EXPIRED_OK, .key = zc_ptr(o->key), .key_len = o->key_len };
	char *data = malloc(o->data_len + 1), *want = malloc(o->data_len + 1);
	struct zc_get g = {
		.flags = ZC_GET_EXPIRED_OK, .key = s.key, .key_len = o->key_len,
		.generation = o->generation, .buf = zc_ptr(data), .buf_len = o->data_len + 1,
	};
	const char *wrong = NULL;
	char etag[16] = "";

	s.etag = zc_ptr(etag);
	s.etag_len = sizeof(etag) - 1;
	s.generation = o->generation;
	if (zc_stat(c, &s))
		wrong = "an object is listed that stat does not find";
	else if (zc_get(c, &g) || g.copied != o->data_len)
		wrong = "an object cannot be read in whole";
	else if (etag[0] >= '0' && etag[0] <= '9')
		fill_pattern(want, o->data_len, atoi(etag));
	else if (o->data_len)
		memcpy(want, data, o->data_len);
	if (!wrong && memcmp(data, want, o->data_len))
		wrong = "an object has bytes of another version";
	free(data);
	free(want);
	return wrong;
}

const char *mirror_wrong(struct zc_cache *c, const char *name)
{
	struct zc_mirror_object o;
	struct zc_info info = { 0 };
	uint64_t charge = 0, nr = 0, cursor = 0;
	const char *wrong;
	char path[128];
	int more;

	if (zc_info(c, &info))
		return "info fails";
	while ((more = zc_mirror_list(c, &cursor, &o)) == 1) {
		nr++;
		charge += o.charge;
		wrong = object_wrong(c, &o);
		if (wrong)
			return wrong;
	}
	if (more)
		return "the list fails";
	if (info.objects != nr || info.used != charge)
		return "the counts are not those of the objects";
	if (info.used > info.capacity)
		return "more than the capacity is used";
	snprintf(path, sizeof(path), "%s/meta", name);
	if ((uint64_t)files_in(path) != nr)
		return "there is metadata of no object";
	snprintf(path, sizeof(path), "%s/data", name);
	if ((uint64_t)files_in(path) != nr)
		return "there is data of no object";
	snprintf(path, sizeof(path), "%s/fill", name);
	return files_in(path) ? "there are files of a fill" : NULL;
}

int put_seeded(struct zc_cache *c, const char *key, size_t len, unsigned int seed)
{
	char etag[16], *data = malloc(len + 1);
	int err;

	snprintf(etag, sizeof(etag), "%u", seed);
	fill_pattern(data, len, seed);
	err = put_object(c, key, data, len, NULL, etag, NULL);
	free(data);
	return err;
}

int check_seeded(struct zc_cache *c, const char *key)
{
	struct zc_lookup l = { .key = key, .key_len = strlen(key) };
	char etag[16] = "", *want;
	struct zc_stat stat = {
		.key = zc_ptr(key), .key_len = strlen(key), .etag = zc_ptr(etag), .etag_len = 15,
	};
	int bad = 0, err = zc_lookup(c, &l);

	if (err)
		return 1;
	stat.generation = l.generation;
	err = zc_stat(c, &stat);
	if (!err) {
		want = malloc(l.data_len + 1);
		fill_pattern(want, l.data_len, atoi(etag));
		bad = memcmp(want, l.data, l.data_len) != 0;
		free(want);
	}
	zc_release(c, &l);
	/* It may be replaced meanwhile. */
	return bad || (err && err != -ESTALE);
}

int64_t from_now(int64_t ns)
{
	return zcm_now() + ns;
}

int get_key(struct zc_cache *c, const char *key, uint32_t flags)
{
	char buf[16];
	struct zc_get g = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key),
		.buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};

	return zc_get(c, &g);
}

uint64_t used(struct zc_cache *c)
{
	struct zc_info i = { 0 };

	return zc_info(c, &i) ? UINT64_MAX : i.used;
}

uint64_t objects(struct zc_cache *c)
{
	struct zc_info i = { 0 };

	return zc_info(c, &i) ? UINT64_MAX : i.objects;
}
