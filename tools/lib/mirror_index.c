// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The mirror's index: memory that all processes share. The head is mapped once; the
 * table, which grows, again by each process when it finds it larger. The table is
 * looked at with the lock only, so nobody has a pointer into it when it moves.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

/* How long to try for an index that is there in whole. */
#define TRIES		20
#define TRIES_US	10000

/* What a mutex and an entry are differs by C library, word size and version. */
static uint64_t layout(void)
{
#ifdef __GLIBC__
	const uint64_t libc = 1;
#else
	const uint64_t libc = 2;
#endif
	return libc << 56 | (uint64_t)ZCM_VERSION << 48 | (uint64_t)sizeof(void *) << 40 |
	       (uint64_t)sizeof(struct zcm_entry) << 24 | sizeof(struct zcm_head);
}

/* Nothing where it is not told: then no index outlives its users. */
static void boot_id(uint8_t id[16])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char text[36] = "";
	size_t i, n = 0;

	memset(id, 0, 16);
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(text)) == sizeof(text)) {
		for (i = 0; i < sizeof(text); i++) {
			char digit[2] = { text[i] };

			if (text[i] == '-')
				continue;
			id[n / 2] = id[n / 2] << 4 | (strtoul(digit, NULL, 16) & 15);
			n++;
		}
	}
	close(fd);
}

static size_t table_len(uint32_t slots)
{
	return (size_t)slots * sizeof(struct zcm_entry);
}

/*
 * Gives the file its room on the disk: a mapped page that finds none there is a
 * SIGBUS, for whoever looks at it.
 */
static int allocate(int fd, size_t len)
{
	static const char zeros[65536];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	do {
		if (!fallocate(fd, 0, 0, len))
			return 0;
	} while (errno == EINTR);
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return -errno;
	while ((size_t)st.st_size < len) {
		size_t left = len - st.st_size;
		ssize_t n = pwrite(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros),
				   st.st_size);

		if (n <= 0)
			return n ? -errno : -ENOSPC;
		st.st_size += n;
	}
	return 0;
}

static int map_table(struct zc_mirror *m, uint32_t slots)
{
	struct zcm_entry *table;

	if (m->direct) {
		table = realloc(m->entry, table_len(slots));
		if (!table)
			return -ENOMEM;
		memset(table + m->slots, 0, table_len(slots) - table_len(m->slots));
	} else {
		table = mmap(NULL, table_len(slots), PROT_READ | PROT_WRITE, MAP_SHARED,
			     m->index, ZCM_HEAD_LEN);
		if (table == MAP_FAILED)
			return -errno;
		if (m->entry)
			munmap(m->entry, table_len(m->slots));
	}
	m->entry = table;
	m->slots = slots;
	return 0;
}

/**
 * zcm_index_clear() - make the index one of an empty store; its numbers stay
 * @m: the mirror, locked
 */
void zcm_index_clear(struct zc_mirror *m)
{
	struct zcm_head *h = m->head;
	uint32_t i;

	memset(m->entry, 0, table_len(m->slots));
	for (i = m->slots - 1; i > 0; i--) {
		m->entry[i].next = i + 1 < m->slots ? i + 1 : 0;
	}
	h->free = 1;
	h->used = 0;
	h->data = 0;
	h->objects = 0;
	h->newest = 0;
	h->oldest = 0;
	h->hand = 0;
	h->expiring = 0;
	h->nr_fills = 0;
	zcm_news_begin(h, h->news_end);
}

static int init_lock(struct zcm_head *h)
{
	pthread_mutexattr_t attr;
	int err;

	/* What is there may be of a process that died with it. */
	memset(&h->lock, 0, sizeof(h->lock));
	err = pthread_mutexattr_init(&attr);
	if (err)
		return -err;
	err = pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	if (!err)
		err = pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!err)
		err = pthread_mutex_init(&h->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	return -err;
}

/** zcm_take_conf() - take the limits of a superblock; some are read without the lock */
void zcm_take_conf(struct zcm_head *h, const struct zcm_super *super)
{
	h->capacity = super->capacity;
	__atomic_store_n(&h->max_object_size, super->max_object_size, __ATOMIC_RELAXED);
	__atomic_store_n(&h->splice_threshold, super->splice_threshold, __ATOMIC_RELAXED);
	h->default_ttl_ms = super->default_ttl_ms;
	__atomic_store_n(&h->grace_ms, super->grace_ms, __ATOMIC_RELAXED);
	__atomic_store_n(&h->flags, super->flags, __ATOMIC_RELAXED);
	h->high_water = super->high_water;
}

/* Whether a table may be mapped: beyond the end of the file is a SIGBUS. */
static bool slots_good(const struct zc_mirror *m, uint32_t slots)
{
	struct stat st;

	return slots >= ZCM_SLOTS_MIN && slots <= ZCM_SLOTS_MAX && !(slots & (slots - 1)) &&
	       !fstat(m->index, &st) && (uint64_t)st.st_size >= ZCM_HEAD_LEN + table_len(slots);
}

static bool head_good(const struct zc_mirror *m, const uint8_t boot[16])
{
	static const uint8_t none[16];
	const struct zcm_head *h = m->head;

	return h->magic == ZCM_HEAD_MAGIC && h->layout == layout() && h->ready && !h->dirty &&
	       memcmp(boot, none, sizeof(none)) && !memcmp(h->boot, boot, sizeof(none)) &&
	       slots_good(m, h->slots);
}

/* The first user of the mirror: takes the index as it is, or makes it anew. */
static int first(struct zc_mirror *m)
{
	struct zcm_head *h = m->head;
	uint8_t boot[16];
	int err;

	boot_id(boot);
	if (head_good(m, boot)) {
		err = map_table(m, h->slots);
		if (err)
			return err;
		if (zcm_table_good(m)) {
			zcm_take_conf(h, &m->super);
			/* It would have the mirror open. */
			zcm_owner_forget(h);
			return init_lock(h);
		}
	}
	h->ready = 0;
	err = allocate(m->index, ZCM_HEAD_LEN + table_len(ZCM_SLOTS_MIN));
	if (!err && ftruncate(m->index, ZCM_HEAD_LEN + table_len(ZCM_SLOTS_MIN)))
		err = -errno;
	if (err)
		return err;
	if (h->magic != ZCM_HEAD_MAGIC || h->layout != layout())
		memset(h, 0, sizeof(*h));
	zcm_owner_forget(h);
	h->magic = ZCM_HEAD_MAGIC;
	h->layout = layout();
	memcpy(h->boot, boot, sizeof(boot));
	zcm_take_conf(h, &m->super);
	h->slots = ZCM_SLOTS_MIN;
	/* Which was the last one is not known; none above this was given. */
	h->generation = h->high_water;
	err = map_table(m, h->slots);
	if (!err)
		err = init_lock(h);
	if (err)
		return err;
	err = zcm_rebuild(m);
	if (!err)
		__atomic_store_n(&h->ready, 1, __ATOMIC_RELEASE);
	return err;
}

/* A folder that cannot be written has no index that could: the files are asked. */
static int open_direct(struct zc_mirror *m)
{
	int err;

	m->direct = true;
	m->head = calloc(1, sizeof(*m->head));
	if (!m->head)
		return -ENOMEM;
	zcm_take_conf(m->head, &m->super);
	m->head->slots = ZCM_SLOTS_MIN;
	err = map_table(m, ZCM_SLOTS_MIN);
	if (err)
		return err;
	zcm_index_clear(m);
	return init_lock(m->head);
}

static int open_file(struct zc_mirror *m)
{
	struct stat st;
	int err;

	m->index = openat(m->dir, "index", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (m->index < 0)
		return -errno;
	if (fstat(m->index, &st))
		return -errno;
	if ((uint64_t)st.st_size < ZCM_HEAD_LEN) {
		err = allocate(m->index, ZCM_HEAD_LEN);
		if (err)
			return err;
	}
	m->head = mmap(NULL, ZCM_HEAD_LEN, PROT_READ | PROT_WRITE, MAP_SHARED, m->index, 0);
	if (m->head == MAP_FAILED) {
		m->head = NULL;
		return -errno;
	}
	return 0;
}

/*
 * Who cannot write the index asks the files, without any lock: one that he held would
 * keep the next who can from making the index anew.
 */
static bool index_usable(const struct zc_mirror *m)
{
	int fd = openat(m->dir, "index", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

	if (fd < 0)
		return errno != EROFS && errno != EACCES && errno != EPERM;
	close(fd);
	return true;
}

/**
 * zcm_index_open() - get at the index, and make it if need be
 * @m: the mirror; its folder and superblock are open
 *
 * Who uses the mirror holds a lock (flock) of the folder, shared; who can have it
 * alone is the first one and may make the index. It is the folder's, and not the
 * index's, so that it holds as well if somebody removes that.
 *
 * Return: 0; -EBUSY if the index was removed or cut while others use it; or -errno. After
 * an error zcm_index_close() is called as well.
 */
int zcm_index_open(struct zc_mirror *m)
{
	unsigned int tries = 0;
	uint32_t slots;
	int err;

	if (!m->writable && !index_usable(m))
		return open_direct(m);
	for (;;) {
		bool alone = !flock(m->dir, LOCK_EX | LOCK_NB);

		if (!alone && errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (!alone)
			while (flock(m->dir, LOCK_SH))
				if (errno != EINTR)
					return -errno;
		/* It may have been changed until then; from now on the index has it. */
		err = zcm_super_read(m->dir, &m->super);
		if (!err)
			err = open_file(m);
		if (err)
			return err;
		if (alone) {
			err = first(m);
			/*
			 * Others may come first between the two locks. They take the
			 * index as it is; nobody has its mutex yet.
			 */
			while (!err && flock(m->dir, LOCK_SH))
				if (errno != EINTR)
					err = -errno;
			return err;
		}
		slots = m->head->slots;
		if (m->head->magic == ZCM_HEAD_MAGIC && m->head->layout == layout() &&
		    __atomic_load_n(&m->head->ready, __ATOMIC_ACQUIRE) && slots_good(m, slots))
			return map_table(m, slots);
		/*
		 * Who was to make it died, or others use one that has no name any more,
		 * or that somebody has cut.
		 */
		zcm_index_close(m);
		if (flock(m->dir, LOCK_UN))
			return -errno;
		/* Another may make it now, or look just as this one does. */
		if (++tries == TRIES)
			return -EBUSY;
		usleep(TRIES_US);
	}
}

/** zcm_index_close() - the end of zcm_index_open() */
void zcm_index_close(struct zc_mirror *m)
{
	if (m->direct) {
		free(m->entry);
		free(m->head);
	} else {
		if (m->entry)
			munmap(m->entry, table_len(m->slots));
		if (m->head)
			munmap(m->head, ZCM_HEAD_LEN);
	}
	if (m->index >= 0)
		close(m->index);
	m->entry = NULL;
	m->head = NULL;
	m->index = -1;
}

/**
 * zcm_lock() - lock the index
 * @m: the mirror
 *
 * Whoever died with the lock may have left files and index in disagreement. Then
 * the files are right.
 *
 * Return: 0, with the lock, or -errno, without it.
 */
int zcm_lock(struct zc_mirror *m)
{
	struct zcm_head *h = m->head;
	int err = pthread_mutex_lock(&h->lock);
	uint32_t slots;

	/*
	 * What is not dirty is as it should be, wherever its owner died; but for the list of
	 * news, which a use changes as well.
	 */
	if (err == EOWNERDEAD) {
		err = pthread_mutex_consistent(&h->lock);
		zcm_news_begin(h, h->news_end);
	}
	if (err)
		return -err;
	slots = h->slots;
	if (m->slots != slots)
		err = slots_good(m, slots) ? map_table(m, slots) : -EIO;
	if (!err && h->dirty)
		err = zcm_rebuild(m);
	if (err)
		zcm_unlock(m);
	return err;
}

/** zcm_unlock() - the end of zcm_lock() */
void zcm_unlock(struct zc_mirror *m)
{
	pthread_mutex_unlock(&m->head->lock);
}

/**
 * zcm_entry_room() - see to it that the next zcm_entry_add() works
 * @m: the mirror, locked; may become dirty
 *
 * Return: 0, -ENOSPC or -ENOMEM.
 */
int zcm_entry_room(struct zc_mirror *m)
{
	uint32_t old = m->slots;
	int err;

	if (m->head->free)
		return 0;
	if (old >= ZCM_SLOTS_MAX)
		return -ENOSPC;
	err = m->direct ? 0 : allocate(m->index, ZCM_HEAD_LEN + table_len(2 * old));
	if (!err)
		err = map_table(m, 2 * old);
	if (!err)
		zcm_entry_rehash(m, old);
	return err;
}
