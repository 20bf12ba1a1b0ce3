// SPDX-License-Identifier: GPL-2.0-only
/* What is sent: random bytes, as files, mappings and objects of a store. */
#include <errno.h>
#include <fcntl.h>
#include <linux/zcache.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "send_bench.h"
#include "wire/zc_wire.h"

#define HUGE_PAGE	(2UL << 20)

unsigned char *data;
size_t data_len;
unsigned char header[HEADER_LEN];
int node;

static struct object objects[MAX_SIZES + 1];
static unsigned int nr_objects;

/* splitmix64: the same sequence for the same start, everywhere. */
uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/*
 * Huge pages are what a program would choose that registers its buffers for
 * good, so they are here for send_zc.
 */
static void make_bytes(void)
{
	uint64_t state = 2026;
	size_t i;
	char *at;

	at = mmap(NULL, data_len + HUGE_PAGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		die("mmap");
	at += -(uintptr_t)at % HUGE_PAGE;
	data = (unsigned char *)at;
	madvise(data, data_len, MADV_HUGEPAGE);
	for (i = 0; i < data_len; i += sizeof(uint64_t)) {
		uint64_t r = mix(&state);

		memcpy(data + i, &r, sizeof(r));
	}
	i = snprintf((char *)header, HEADER_LEN,
		     "HTTP/1.1 200 OK\r\nServer: send_bench\r\nX-Fill: ");
	memset(header + i, 'x', HEADER_LEN - i);
	memcpy(header + HEADER_LEN - 4, "\r\n\r\n", 4);
}

static void make_file(struct object *o)
{
	size_t done = 0;

	snprintf(o->path, sizeof(o->path), "%s/send_bench.%d.%zu", opt.dir,
		 getpid(), o->size);
	o->file = open(o->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (o->file < 0)
		die(o->path);
	while (done < o->size) {
		ssize_t n = write(o->file, data + done, o->size - done);

		if (n <= 0)
			die(o->path);
		done += n;
	}
	/* Writing back is not to happen later, while something is measured. */
	if (fsync(o->file))
		die(o->path);
	o->map = mmap(NULL, o->size, PROT_READ, MAP_SHARED | MAP_POPULATE,
		      o->file, 0);
	if (o->map == MAP_FAILED)
		die("mmap");
}

static void put_object(const struct object *o, const char *key)
{
	struct zc_put put = {
		.size = sizeof(put),
		.key = (uintptr_t)key,
		.key_len = strlen(key),
		.header = (uintptr_t)header,
		.header_len = HEADER_LEN,
		.data = (uintptr_t)data,
		.data_len = o->size,
	};

	if (ioctl(node, ZC_IOC_PUT, &put))
		die("ZC_IOC_PUT");
}

static void delete_object(const char *key)
{
	struct zc_delete del = {
		.size = sizeof(del),
		.key = (uintptr_t)key,
		.key_len = strlen(key),
	};

	ioctl(node, ZC_IOC_DELETE, &del);
}

/*
 * Opening a small object gives it pages, which the rows that send by key are
 * not to meet: what is sent by object fd is an object of its own.
 */
static void open_object(struct object *o)
{
	struct zc_open op = { .size = sizeof(op) };
	char key[sizeof(o->key) + 3];

	snprintf(key, sizeof(key), "%s/fd", o->key);
	put_object(o, key);
	op.key = (uintptr_t)key;
	op.key_len = strlen(key);
	if (ioctl(node, ZC_IOC_OPEN, &op))
		die("ZC_IOC_OPEN");
	o->fd = op.fd;
	/* It lives as long as the fd. */
	delete_object(key);
}

static bool wants_fd(void)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		if (rows[i] == &row_zcache_fd)
			return opt.row[i];
	return false;
}

static void open_store(void)
{
	char path[256];

	node = -ENODEV;
	if (!opt.store)
		return;
	snprintf(path, sizeof(path), "/dev/zcache/%s", opt.store);
	node = open(path, O_RDWR | O_CLOEXEC);
	if (node < 0)
		node = -errno;
}

static void add_object(size_t size)
{
	struct object *o = &objects[nr_objects++];

	o->size = size;
	o->fd = -1;
	make_file(o);
	if (node < 0)
		return;
	snprintf(o->key, sizeof(o->key), "send_bench/%zu", size);
	put_object(o, o->key);
	if (wants_fd())
		open_object(o);
}

void data_prepare(void)
{
	bool range = false;
	unsigned int i;

	for (i = 0; i < nr_kinds; i++)
		range |= opt.kind[i] && kinds[i].range;
	data_len = ZC_WIRE_BYTES;
	if (range)
		data_len = RANGE_OBJECT;
	for (i = 0; i < opt.nr_sizes; i++)
		data_len = MAX(data_len, opt.sizes[i]);
	data_len = (data_len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	make_bytes();
	open_store();
	if (range)
		add_object(RANGE_OBJECT);
	for (i = 0; i < opt.nr_sizes; i++)
		if (!range || opt.sizes[i] != RANGE_OBJECT)
			add_object(opt.sizes[i]);
}

const struct object *object_of(size_t size)
{
	unsigned int i;

	for (i = 0; i < nr_objects; i++)
		if (objects[i].size == size)
			return &objects[i];
	fail("there is no object of %zu bytes", size);
}

/* Leaves no files and objects behind, also when something failed. */
void data_release(void)
{
	unsigned int i;

	for (i = 0; i < nr_objects; i++) {
		unlink(objects[i].path);
		if (objects[i].key[0])
			delete_object(objects[i].key);
	}
}
