// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the module: linked with --wrap, it answers open(2), access(2) and
 * ioctl(2) of nodes from folders, so that programs run unchanged without the
 * kernel's side and several of them see the same store.
 *
 * FAKE_ZCACHE       folder of the stores; each is a folder in it
 * FAKE_ZCACHE_LOG   file to which each call's name is appended, if set
 * FAKE_ZCACHE_MAX   most bytes that one SEND sends, if set
 * FAKE_ZCACHE_FAIL  "CALL=ERRNO": that call fails with that number, if set; PIN is
 *                   no call, but then SEND cannot pin, nor is CORRUPT, but then the
 *                   first byte of what SEND sends of an object is another
 *
 * An object is KEY.m (struct meta and the blobs) and KEY.GENERATION (the bytes),
 * with the key in hex.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zcache.h>

#include "fake_kmod.h"
#include "text.h"

#define FDS 4096
#define CAPACITY (1ULL << 30)
#define MAX_OBJECT (64ULL << 20)

static struct fd *fds[FDS];

/* The module's calls need no fds, but these do: kept for them, also when all are used. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int spare[4] = { -1, -1, -1, -1 };

int __real_open(const char *path, int flags, ...);
int __real_access(const char *path, int mode);
int __real_ioctl(int fd, unsigned long nr, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_access(const char *path, int mode);
int __wrap_ioctl(int fd, unsigned long nr, ...);

struct fd *fake_remember(int fd, int kind)
{
	if (!fds[fd])
		fds[fd] = calloc(1, sizeof(*fds[fd]));
	else
		memset(fds[fd], 0, sizeof(*fds[fd]));
	fds[fd]->kind = kind;
	return fds[fd];
}

static void keep_spare(void)
{
	size_t i;

	for (i = 0; i < sizeof(spare) / sizeof(spare[0]); i++)
		if (spare[i] < 0)
			spare[i] = __real_open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void use_spare(void)
{
	size_t i;

	for (i = 0; i < sizeof(spare) / sizeof(spare[0]); i++)
		if (spare[i] >= 0)
			close(spare[i]);
	memset(spare, 0xff, sizeof(spare));
}

static const char *root(void)
{
	return getenv("FAKE_ZCACHE");
}

int __wrap_access(const char *path, int mode)
{
	if (root() && !strcmp(path, "/dev/zcache"))
		return 0;
	return __real_access(path, mode);
}

int __wrap_open(const char *path, int flags, ...)
{
	char real[512];
	mode_t mode = 0;
	va_list ap;
	int fd;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	if (!root() || strncmp(path, "/dev/zcache/", 12)) {
		fd = __real_open(path, flags, mode);
		if (fd >= 0 && fd < FDS && fds[fd])
			fds[fd]->kind = FD_OTHER;
		return fd;
	}
	snprintf(real, sizeof(real), "%s/%s", root(), path + 12);
	keep_spare();
	fd = __real_open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		fake_remember(fd, FD_NODE)->writable = (flags & O_ACCMODE) == O_RDWR;
	return fd;
}

static void log_call(const char *name)
{
	const char *file = getenv("FAKE_ZCACHE_LOG");
	int fd = file ? __real_open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;

	if (fd < 0)
		return;
	dprintf(fd, "%s\n", name);
	close(fd);
}

int fake_injected(const char *name)
{
	const char *fail = getenv("FAKE_ZCACHE_FAIL");
	size_t len = strlen(name);

	return fail && !strncmp(fail, name, len) && fail[len] == '=' ? -atoi(fail + len + 1) : 0;
}

int64_t fake_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

int fake_hex_name(uint64_t key, uint32_t len, char name[80])
{
	char *hex;

	if (!key || !len)
		return -EINVAL;
	/* The names of files are shorter than those of objects. */
	if (len > 32)
		return -ENAMETOOLONG;
	hex = hex_bytes((void *)(uintptr_t)key, len);
	strcpy(name, hex);
	free(hex);
	return 0;
}

int fake_read_meta(int dir, const char *name, struct meta *m)
{
	char file[100];
	int fd, n;

	snprintf(file, sizeof(file), "%s.m", name);
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, m, sizeof(*m));
	close(fd);
	return n == sizeof(*m) ? 0 : -EIO;
}

void fake_write_meta(int dir, const char *name, const struct meta *m)
{
	char file[100], temporary[100];
	int fd;

	snprintf(file, sizeof(file), "%s.m", name);
	snprintf(temporary, sizeof(temporary), "%s.t", name);
	fd = openat(dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (write(fd, m, sizeof(*m)) != sizeof(*m) || renameat(dir, temporary, dir, file))
		abort();
	close(fd);
}

bool fake_expired(const struct meta *m)
{
	return m->expires_ns && m->expires_ns <= fake_now();
}

static int open_data(int dir, const char *name, uint64_t generation)
{
	char file[120];
	int fd;

	snprintf(file, sizeof(file), "%s.%llu", name, (unsigned long long)generation);
	fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int fake_find(int dir, int object_fd, bool by_fd, uint64_t key, uint32_t key_len,
	      uint64_t generation, bool expired_ok, struct meta *m, int *data)
{
	char name[80];
	int err, tries;

	if (by_fd) {
		if (object_fd < 0 || object_fd >= FDS || !fds[object_fd] ||
		    fds[object_fd]->kind != FD_OBJECT)
			return -EBADF;
		*m = fds[object_fd]->meta;
		*data = dup(object_fd);
		return 0;
	}
	err = fake_hex_name(key, key_len, name);
	if (err)
		return err;
	/* A replacement between the two looks like a missing file. */
	for (tries = 0; tries < 100; tries++) {
		err = fake_read_meta(dir, name, m);
		if (err)
			return err;
		if (generation && m->generation != generation)
			return -ESTALE;
		if (!expired_ok && fake_expired(m))
			return -ENOENT;
		*data = open_data(dir, name, m->generation);
		if (*data >= 0)
			return 0;
	}
	return *data;
}

static uint64_t next_generation(int dir)
{
	uint64_t generation = 0;
	int fd = openat(dir, "generation", O_RDWR | O_CREAT | O_CLOEXEC, 0666);

	flock(fd, LOCK_EX);
	if (pread(fd, &generation, sizeof(generation), 0) < 0)
		abort();
	generation++;
	if (pwrite(fd, &generation, sizeof(generation), 0) != sizeof(generation))
		abort();
	close(fd);
	return generation;
}

static int publish(int dir, const char *name, struct meta *m, int data, bool excl)
{
	char file[120];
	struct meta old;
	off_t at = 0;
	int fd, had;

	had = !fake_read_meta(dir, name, &old);
	if (had && excl)
		return -EEXIST;
	m->generation = next_generation(dir);
	m->created_ns = fake_now();
	snprintf(file, sizeof(file), "%s.%llu", name, (unsigned long long)m->generation);
	fd = openat(dir, file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	while ((uint64_t)at < m->data_len)
		if (sendfile(fd, data, &at, m->data_len - at) <= 0)
			abort();
	close(fd);
	fake_write_meta(dir, name, m);
	if (had) {
		snprintf(file, sizeof(file), "%s.%llu", name, (unsigned long long)old.generation);
		unlinkat(dir, file, 0);
	}
	return 0;
}

/* Without bytes there need not be an address. */
static void blob(char *to, uint64_t from, uint32_t len)
{
	if (len)
		memcpy(to, (void *)(uintptr_t)from, len);
}

/* Different numbers that are not 0. */
static int copy_tags(const struct zc_put *p, struct meta *m)
{
	uint32_t i, j;

	if (p->nr_tags > ZC_TAGS_MAX || p->__reserved2)
		return -EINVAL;
	m->nr_tags = p->nr_tags;
	blob((char *)m->tags, p->tags, p->nr_tags * sizeof(*m->tags));
	for (i = 0; i < m->nr_tags; i++) {
		if (!m->tags[i])
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (m->tags[j] == m->tags[i])
				return -EINVAL;
	}
	return 0;
}

static int check_put(const struct fd *node, const struct zc_put *p, uint32_t flags, struct meta *m,
		     char name[80])
{
	int err = fake_hex_name(p->key, p->key_len, name);

	if (err)
		return err;
	if (!node->writable)
		return -EBADF;
	if (p->size != sizeof(*p) || p->flags & ~flags || p->fd || p->__reserved ||
	    p->header_len > ZC_HEADER_MAX || p->etag_len > ZC_ETAG_MAX || p->type_len > ZC_TYPE_MAX)
		return -EINVAL;
	if (p->data_len > MAX_OBJECT)
		return -EFBIG;
	memset(m, 0, sizeof(*m));
	m->data_len = p->data_len;
	m->expires_ns = p->expires_ns;
	m->header_len = p->header_len;
	m->etag_len = p->etag_len;
	m->type_len = p->type_len;
	blob(m->header, p->header, p->header_len);
	blob(m->etag, p->etag, p->etag_len);
	blob(m->type, p->type, p->type_len);
	return copy_tags(p, m);
}

static int do_put(int dir, const struct fd *node, struct zc_put *p)
{
	struct meta m;
	char name[80];
	int err = check_put(node, p, ZC_PUT_EXCL, &m, name), data;

	if (err)
		return err;
	data = memfd_create("put", MFD_CLOEXEC);
	if (p->data_len && write(data, (void *)(uintptr_t)p->data, p->data_len) != (ssize_t)p->data_len)
		abort();
	err = publish(dir, name, &m, data, p->flags & ZC_PUT_EXCL);
	close(data);
	p->generation = m.generation;
	return err;
}

static int do_fill(int dir, const struct fd *node, struct zc_put *p)
{
	struct meta m;
	struct fd *fill;
	char name[80];
	int err = check_put(node, p, ZC_PUT_EXCL | ZC_PUT_RESERVE, &m, name), fd;
	bool reserve = p->flags & ZC_PUT_RESERVE;

	if (err)
		return err;
	if (p->data)
		return -EINVAL;
	fd = reserve ? fake_reserve(dir, name) : memfd_create("fill", MFD_CLOEXEC);
	if (fd < 0)
		return fd;
	p->fd = fd;
	fill = fake_remember(fd, FD_FILL);
	fill->reserved = reserve;
	fill->dir = dir;
	fill->meta = m;
	fill->excl = p->flags & ZC_PUT_EXCL;
	strcpy(fill->name, name);
	return 0;
}

static int do_commit(int fd, struct fd *fill, struct zc_commit *c)
{
	struct stat st;
	int err;

	if (fill->kind == FD_DONE)
		return -EALREADY;
	fstat(fd, &st);
	if ((uint64_t)st.st_size < fill->meta.data_len)
		return -ENODATA;
	err = publish(fill->dir, fill->name, &fill->meta, fd, fill->excl);
	if (err)
		return err;
	if (fill->reserved)
		fake_unreserve(fd);
	fill->kind = FD_DONE;
	c->generation = fill->meta.generation;
	return 0;
}

static int do_info(struct zc_info *i)
{
	i->abi = ZC_ABI_VERSION;
	i->features = ZC_FEAT_LARGE_FOLIOS;
	i->capacity = CAPACITY;
	i->max_object_size = MAX_OBJECT;
	i->splice_threshold = 4096;
	i->max_key_len = 32;
	return 0;
}

static int do_stat(int dir, struct zc_stat *s)
{
	struct meta m;
	int err, data;

	err = fake_find(dir, s->fd, s->flags & ZC_STAT_FD, s->key, s->key_len, s->generation,
			s->flags & ZC_STAT_EXPIRED_OK, &m, &data);
	if (err)
		return err;
	close(data);
	err = (s->header_len && s->header_len < m.header_len) ||
	      (s->etag_len && s->etag_len < m.etag_len) ||
	      (s->type_len && s->type_len < m.type_len) ||
	      (s->nr_tags && s->nr_tags < m.nr_tags) ? -EMSGSIZE : 0;
	if (!err) {
		blob((char *)(uintptr_t)s->header, zc_ptr(m.header), s->header_len ? m.header_len : 0);
		blob((char *)(uintptr_t)s->etag, zc_ptr(m.etag), s->etag_len ? m.etag_len : 0);
		blob((char *)(uintptr_t)s->type, zc_ptr(m.type), s->type_len ? m.type_len : 0);
		blob((char *)(uintptr_t)s->tags, zc_ptr(m.tags),
		     s->nr_tags ? m.nr_tags * sizeof(*m.tags) : 0);
	}
	s->generation = m.generation;
	s->data_len = s->resident = s->charge = m.data_len;
	s->expires_ns = m.expires_ns;
	s->created_ns = m.created_ns;
	s->hits = 0;
	s->state = fake_expired(&m) ? ZC_STATE_EXPIRED : 0;
	s->header_len = m.header_len;
	s->etag_len = m.etag_len;
	s->type_len = m.type_len;
	s->nr_tags = m.nr_tags;
	return err;
}

static int do_get(int dir, struct zc_get *g)
{
	struct meta m;
	int err, data;

	err = fake_find(dir, g->fd, g->flags & ZC_GET_FD, g->key, g->key_len, g->generation,
			g->flags & ZC_GET_EXPIRED_OK, &m, &data);
	if (err)
		return err;
	if (g->offset > m.data_len)
		err = -ERANGE;
	else
		g->copied = pread(data, (void *)(uintptr_t)g->buf, g->buf_len, g->offset);
	g->generation = m.generation;
	g->data_len = m.data_len;
	close(data);
	return err;
}

static int do_open(int dir, struct zc_open *o)
{
	struct meta m;
	int err, data;

	if (o->fd)
		return -EINVAL;
	err = fake_find(dir, 0, false, o->key, o->key_len, o->generation,
			o->flags & ZC_OPEN_EXPIRED_OK, &m, &data);
	if (err)
		return err;
	fake_remember(data, FD_OBJECT)->meta = m;
	o->fd = data;
	o->generation = m.generation;
	o->data_len = m.data_len;
	return 0;
}

static const char *name_of(unsigned long nr)
{
	static const char *const names[] = {
		"INFO", "PUT", "FILL", "COMMIT", "STAT", "GET", "OPEN", "SEND", "DELETE", "SEND_BATCH",
		"PURGE", "TOUCH", "WAIT",
	};

	return names[(nr & 0xff) - 0x80];
}

static int answer(int fd, struct fd *f, unsigned long nr, void *arg)
{
	int err = fake_injected(name_of(nr));

	log_call(name_of(nr));
	if (err)
		return err;
	if (nr == ZC_IOC_COMMIT)
		return f->kind == FD_FILL || f->kind == FD_DONE ? do_commit(fd, f, arg) : -ENOTTY;
	if (f->kind != FD_NODE)
		return -ENOTTY;
	switch (nr) {
	case ZC_IOC_INFO: return do_info(arg);
	case ZC_IOC_PUT: return do_put(fd, f, arg);
	case ZC_IOC_FILL: return do_fill(fd, f, arg);
	case ZC_IOC_STAT: return do_stat(fd, arg);
	case ZC_IOC_GET: return do_get(fd, arg);
	case ZC_IOC_OPEN: return do_open(fd, arg);
	case ZC_IOC_SEND: return fake_send(fd, arg);
	case ZC_IOC_SEND_BATCH: return fake_send_batch(fd, arg);
	case ZC_IOC_DELETE: return fake_delete(fd, f, arg);
	case ZC_IOC_PURGE: return fake_purge(fd, f, arg);
	case ZC_IOC_TOUCH: return fake_touch(fd, f, arg);
	case ZC_IOC_WAIT: return fake_wait(fd, arg);
	default: return -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long nr, ...)
{
	va_list ap;
	void *arg;
	int err;

	va_start(ap, nr);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (fd < 0 || fd >= FDS || !fds[fd] || fds[fd]->kind == FD_OTHER ||
	    nr >> 8 != ZC_IOC_INFO >> 8)
		return __real_ioctl(fd, nr, arg);
	pthread_mutex_lock(&lock);
	use_spare();
	err = answer(fd, fds[fd], nr, arg);
	keep_spare();
	pthread_mutex_unlock(&lock);
	if (!err && nr == ZC_IOC_WAIT)
		err = fake_wait_end(arg);
	if (!err)
		return 0;
	errno = -err;
	return -1;
}
