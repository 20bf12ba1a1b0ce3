// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* Opens a reader by the first way that is configured and works. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend.h"
#include "reader.h"

void zc_reader_conf_init(struct zc_reader_conf *conf)
{
	*conf = (struct zc_reader_conf){
		.size = sizeof(*conf),
		.use_module = 1,
		.use_io_uring = 1,
		.use_mmap = 1,
		.alignment = 4096,
		.queue_depth = 4,
		.prefetch_size = 1 << 20,
		.advice = ZC_ADVICE_SEQUENTIAL,
		.max_mmap_bytes = 1 << 30,
	};
}

/* Takes the configuration over: 0 or -EINVAL. */
static int configure(struct zc_reader *r, const struct zc_reader_conf *conf)
{
	uint64_t mask;

	if (!conf) {
		zc_reader_conf_init(&r->conf);
		return 0;
	}
	mask = (uint64_t)conf->alignment - 1;
	if (conf->size != sizeof(*conf) || conf->alignment < 512 || conf->alignment > 2 << 20 ||
	    conf->alignment & mask || conf->queue_depth < 2 || conf->queue_depth > 4096 ||
	    conf->prefetch_size < conf->alignment || conf->prefetch_size > 1 << 30 ||
	    conf->advice > ZC_ADVICE_DONTNEED)
		return -EINVAL;
	r->conf = *conf;
	r->conf.prefetch_size = (conf->prefetch_size + mask) & ~mask;
	return 0;
}

static int try_way(struct zc_reader *r, const struct zcr_way *way, const char *kind)
{
	int err = way->open(r);

	if (err) {
		way->close(r);
		return err;
	}
	r->way = way;
	r->kind = kind;
	return 0;
}

static int choose(struct zc_reader *r, int module)
{
	const struct zc_reader_conf *c = &r->conf;
	int may_map = c->use_mmap && !c->direct;
	/* To map pages ahead of somebody who does not go there would be a loss. */
	int forward = c->advice != ZC_ADVICE_NORMAL && c->advice != ZC_ADVICE_RANDOM;

	if (module) {
		if (may_map && !try_way(r, &zcr_way_map, "module"))
			return 0;
		return try_way(r, &zcr_way_pread, "module");
	}
	if (c->use_io_uring && r->size > c->prefetch_size) {
		if (may_map && forward && !try_way(r, &zcr_way_map_ring, "io_uring+mmap"))
			return 0;
		if (!try_way(r, &zcr_way_ring, "io_uring"))
			return 0;
	}
	if (may_map && !try_way(r, &zcr_way_map, "mmap"))
		return 0;
	return try_way(r, &zcr_way_pread, "pread");
}

static void advise_file(struct zc_reader *r)
{
	static const int advices[] = {
		[ZC_ADVICE_NORMAL] = POSIX_FADV_NORMAL,
		[ZC_ADVICE_SEQUENTIAL] = POSIX_FADV_SEQUENTIAL,
		[ZC_ADVICE_RANDOM] = POSIX_FADV_RANDOM,
		[ZC_ADVICE_WILLNEED] = POSIX_FADV_WILLNEED,
		[ZC_ADVICE_DONTNEED] = POSIX_FADV_SEQUENTIAL,
	};

	/* A map has advice of its own, and a hint is nothing that can fail. */
	if (!r->conf.direct && !r->map && r->conf.advice != ZC_ADVICE_NORMAL)
		posix_fadvise(r->fd, 0, 0, advices[r->conf.advice]);
}

/* Takes fd over, also if it fails. */
static int open_reader(int fd, const struct zc_reader_conf *conf, int module,
		       struct zc_reader **result)
{
	struct zc_reader *r = calloc(1, sizeof(*r));
	struct stat st;
	int err = r ? 0 : -ENOMEM;

	if (!err)
		err = configure(r, conf);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err && !S_ISREG(st.st_mode))
		err = -EINVAL;
	if (!err) {
		r->fd = fd;
		r->size = st.st_size;
		err = choose(r, module && r->conf.use_module);
	}
	if (err) {
		free(r);
		close(fd);
		return err;
	}
	advise_file(r);
	*result = r;
	return 0;
}

int zc_open_reader(const char *path, const struct zc_reader_conf *conf,
		   struct zc_reader **reader)
{
	int fd;

	if (!path || !reader)
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
		  (conf && conf->size == sizeof(*conf) && conf->direct ? O_DIRECT : 0));
	if (fd < 0)
		return -errno;
	return open_reader(fd, conf, 0, reader);
}

int zc_open_reader_fd(int fd, const struct zc_reader_conf *conf, struct zc_reader **reader)
{
	int own;

	if (!reader)
		return -EINVAL;
	own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (own < 0)
		return -errno;
	return open_reader(own, conf, 0, reader);
}

int zc_open_reader_object(struct zc_cache *cache, struct zc_open *open,
			  const struct zc_reader_conf *conf, struct zc_reader **reader)
{
	/* Who tries again after an error asks for what was wanted, not for what was there. */
	struct zc_open ask = *open;
	int fd, err;

	if (!reader)
		return -EINVAL;
	fd = zc_open_object(cache, &ask);
	if (fd < 0)
		return fd;
	err = open_reader(fd, conf, !strcmp(cache->be->prefix, "kmod"), reader);
	if (err)
		return err;
	*open = ask;
	/* The struct may be used again, and the fd is the reader's from now on. */
	open->fd = 0;
	return 0;
}

void zc_reader_close(struct zc_reader *r)
{
	if (!r)
		return;
	r->way->close(r);
	close(r->fd);
	free(r);
}

int zcr_open_ring(struct zc_reader *r, unsigned int depth)
{
	struct zc_ring_conf conf;
	int err;

	zc_ring_conf_init(&conf);
	conf.queue_depth = depth;
	conf.sqpoll_idle_ms = r->conf.sqpoll_idle_ms;
	err = zc_ring_new(&conf, &r->ring);
	if (!err && strcmp(zc_ring_kind(r->ring), "io_uring"))
		err = -ENOSYS;
	return err;
}

void zcr_hint_ahead(struct zc_reader *r, uint64_t offset)
{
	uint64_t len = (uint64_t)r->conf.read_ahead_pages * sysconf(_SC_PAGESIZE);

	if (len && !r->conf.direct)
		posix_fadvise(r->fd, offset, len, POSIX_FADV_WILLNEED);
}

void zcr_hint_passed(struct zc_reader *r, uint64_t offset, uint64_t len)
{
	if (r->conf.advice == ZC_ADVICE_DONTNEED && !r->conf.direct)
		posix_fadvise(r->fd, offset, len, POSIX_FADV_DONTNEED);
}
