// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: opening it, and objects that come and go. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>
#include <linux/zcache_counters.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

static struct zc_cache *cache;

static void hashing(void)
{
	/* The first and the last vector of its authors: key 0, 1, ..., 15, data 0, 1, ... */
	static const uint8_t empty[16] = {
		0xa3, 0x81, 0x7f, 0x04, 0xba, 0x25, 0xa8, 0xe6,
		0x6d, 0xf6, 0x72, 0x14, 0xc7, 0x55, 0x02, 0x93,
	};
	static const uint8_t bytes63[16] = {
		0x51, 0x50, 0xd1, 0x77, 0x2f, 0x50, 0x83, 0x4a,
		0x50, 0x3e, 0x06, 0x9a, 0x97, 0x3f, 0xbd, 0x7c,
	};
	struct zc_mirror m = { 0 };
	struct zcm_hash hash;
	uint8_t data[63];
	int i;

	for (i = 0; i < 16; i++)
		m.super.hash_key[i] = i;
	for (i = 0; i < 63; i++)
		data[i] = i;
	zcm_hash(&m, data, 0, &hash);
	is_mem(&hash, sizeof(hash), empty, sizeof(empty), "SipHash-2-4 of nothing");
	zcm_hash(&m, data, 63, &hash);
	is_mem(&hash, sizeof(hash), bytes63, sizeof(bytes63), "and of 63 bytes");
	is_int(zcm_crc(0, "123456789", 9), 0xcbf43926, "CRC-32 of its check string");
}

static void opening(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf) };
	struct zc_cache *c;
	char path[300], name[320];

	snprintf(path, sizeof(path), "%s/open", test_folder());
	snprintf(name, sizeof(name), "mirror:%s", path);
	is_int(zc_open(name, O_RDONLY, &c), -ENOENT, "there is no such folder");
	mkdir(path, 0777);
	is_int(zc_open(name, O_RDONLY, &c), -EMEDIUMTYPE, "a folder that is no mirror");
	conf.size = 8;
	is_int(zc_mirror_create(path, &conf), -EINVAL, "a struct that is too small");
	conf.size = sizeof(conf);
	conf.flags = 2;
	is_int(zc_mirror_create(path, &conf), -EINVAL, "unknown flags");
	is_int(zc_mirror_create("", NULL), -EINVAL, "no folder");
	is_int(zc_mirror_create(path, NULL), 0, "a mirror is made");
	is_int(zc_mirror_create(path, NULL), -EEXIST, "but once");
	is_int(zc_open(name, O_RDWR, &c), 0, "opened");
	is_str(zc_backend(c), "mirror", "it is one");
	is_int(zc_caps(c), ZC_CAP_PERSISTENT | ZC_CAP_COUNTERS, "what it can do");
	zc_close(c);
	is_int(zc_open("mirror:", O_RDWR, &c), -EINVAL, "no name");
	is_int(zc_open(name, O_WRONLY, &c), -EINVAL, "for writing alone");

	snprintf(name, sizeof(name), "auto:none,%s", path);
	is_int(zc_open(name, O_RDWR, &c), 0, "no such node: the mirror");
	is_str(zc_backend(c), "mirror", "says what it is");
	zc_close(c);
	snprintf(name, sizeof(name), "auto:web,%s", path);
	is_int(zc_open(name, O_RDWR, &c), 0, "the node is there");
	is_str(zc_backend(c), "kmod", "so it is the module's");
	is_int(zc_counters(c, NULL, 0), -EOPNOTSUPP, "whose counters come by netlink");
	zc_close(c);
	is_int(zc_open("auto:web", O_RDWR, &c), -EINVAL, "auto without a folder");
	is_int(zc_open("auto:../x,/tmp", O_RDWR, &c), -EINVAL, "auto with a bad name");
	is_int(zc_open("auto:,/tmp", O_RDWR, &c), -EINVAL, "auto without a name");
	snprintf(name, sizeof(name), "mirror:%s/store", path);
	is_int(zc_open(name, O_RDWR, &c), -EMEDIUMTYPE, "a file is no mirror");
}

/* Who has a version open is told that it expired, also when it has gone since. */
static void expired_and_gone(void)
{
	struct zc_open o = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("k"), .key_len = 1 };
	struct zc_get g = { .flags = ZC_GET_FD };

	put_object(cache, "k", "v", 1, NULL, NULL, NULL);
	g.fd = zc_open_object(cache, &o);
	is_int(zc_delete(cache, &d), 0, "a soft delete");
	is_int(zc_get(cache, &g), -ENOENT, "get by the fd");
	d.flags = 0;
	is_int(zc_delete(cache, &d), 0, "a hard one");
	is_int(zc_get(cache, &g), -ENOENT, "it stays so");
	g.flags |= ZC_GET_EXPIRED_OK;
	is_int(zc_get(cache, &g), 0, "unless it is to be had");
	close(g.fd);
}

static void come_and_go(void)
{
	char etag[ZC_ETAG_MAX], buf[16];
	struct zc_stat s;
	struct zc_get g = {
		.key = zc_ptr("k"), .key_len = 1, .offset = 3,
		.buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};
	struct zc_open o = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_delete d = { .key = zc_ptr("k"), .key_len = 1 };
	struct zc_info i = { 0 };
	struct stat st;
	uint64_t first;
	int fd;

	is_int(zc_info(cache, &i), 0, "info");
	is_int(i.abi, ZC_ABI_VERSION, "it has the ABI");
	is_int(i.used, 0, "nothing is used");
	is_int(i.max_key_len, ZC_KEY_MAX, "the longest key");
	is_str(i.name, "m", "its name is the folder's");
	is_int(put_object(cache, "k", "0123456789", 10, "H", "\"e\"", "t/p"), 0, "put");
	is_int(zc_info(cache, &i), 0, "info");
	is_int(i.used, 8192, "a page of data and one of metadata are used");
	is_int(i.objects, 1, "by one object");
	is_str(object_differs(cache, "k", "0123456789", "H", "\"e\"", "t/p", &s) ?: "nothing",
	       "nothing", "what differs of it");
	is_int(s.charge, 8192, "it has the charge");
	first = s.generation;
	is_int(zc_get(cache, &g), 0, "get");
	is_mem(buf, g.copied, "3456789", 7, "it has the bytes from the offset on");
	is_int(g.generation, first, "and the same generation");
	fd = zc_open_object(cache, &o);
	ok(fd >= 0 && fd == o.fd, "open returns the object fd");
	is_int(o.data_len, 10, "it has the size");
	ok(!fstat(fd, &st) && st.st_size == 10, "as fstat tells");
	is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "it is close-on-exec");
	is_int(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY, "and read-only");

	is_int(put_object(cache, "k", "new", 3, NULL, NULL, NULL), 0, "another version");
	is_mem(buf, pread(fd, buf, sizeof(buf), 0), "0123456789", 10, "the fd has the old one");
	g = (struct zc_get) {
		.flags = ZC_GET_FD, .fd = fd, .buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};
	is_int(zc_get(cache, &g), 0, "get by the fd");
	is_mem(buf, g.copied, "0123456789", 10, "has its bytes");
	is_int(g.generation, first, "and its generation");
	s = (struct zc_stat) {
		.flags = ZC_STAT_FD, .fd = fd, .etag = zc_ptr(etag), .etag_len = sizeof(etag),
	};
	is_int(zc_stat(cache, &s), 0, "stat by the fd");
	is_mem(etag, s.etag_len, "\"e\"", 3, "has its etag");
	d.generation = first;
	is_int(zc_delete(cache, &d), -ESTALE, "delete of the old one is refused");
	is_int(d.generation, first, "and changes nothing");
	d.generation = 0;
	is_int(zc_delete(cache, &d), 0, "delete");
	ok(d.generation > first, "tells the version");
	is_int(zc_delete(cache, &d), -ENOENT, "a second time it is gone");
	is_int(zc_get(cache, &g), 0, "but not for the fd");
	close(fd);
	g.fd = 0;
	is_int(zc_get(cache, &g), -EINVAL, "get by what is no object");
	g.fd = -1;
	is_int(zc_get(cache, &g), -EBADF, "or no fd");
	expired_and_gone();
	is_int(zc_info(cache, &i), 0, "info");
	is_int(i.used, 0, "nothing is used any more");
	is_int(files_in("m/meta") + files_in("m/data") + files_in("m/fill"), 0, "nor left behind");
}

static void again(void)
{
	char buf[8];
	struct zc_get g = {
		.key = zc_ptr("stay"), .key_len = 4, .buf = zc_ptr(buf), .buf_len = sizeof(buf),
	};
	uint64_t counters[ZC_C_NR];

	is_int(put_object(cache, "stay", "here", 4, NULL, NULL, NULL), 0, "put");
	zc_close(cache);
	cache = mirror_open("m", O_RDWR);
	is_int(zc_get(cache, &g), 0, "it outlives the handle");
	is_mem(buf, g.copied, "here", 4, "with its bytes");
	is_int(zc_counters(cache, counters, ZC_C_NR), 0, "counters");
	is_int(counters[ZC_C_PUTS], 4, "they do as well: puts");
	is_int(counters[ZC_C_REPLACES], 1, "replaces");
	is_int(counters[ZC_C_DELETES], 3, "deletes");
	is_int(counters[ZC_C_GETS], 6, "gets");
	is_int(counters[ZC_C_HITS], 8, "hits");
	is_int(counters[ZC_C_FILL_BYTES], 18, "bytes");
}

int main(void)
{
	test_store();
	cache = mirror_new("m", NULL);
	hashing();
	opening();
	come_and_go();
	again();
	zc_close(cache);
	return tap_end();
}
