/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Walks a call through the failures of all it asks of the kernel: the n-th
 * allocation or access to user memory fails, for each n there is.
 */
#ifndef ZC_FAULT_H
#define ZC_FAULT_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <sys/mman.h>

#include "zc_test.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define MOST		3000	/* more failures than any call has */

struct zct_fault {
	struct zct_store s;
	int nth;			/* /proc/thread-self/fail-nth */
	unsigned char *buf, *out;
	int sv[2];
	int fd;				/* of the call that is walked */
	int err;			/* what it gave */
	__u64 used, objects;
};

static inline bool has_injection(void)
{
	return !access("/proc/self/fail-nth", F_OK) && !access(DEBUGFS "failslab", F_OK);
}

/* The kernel's defaults spare the very allocations that matter here. */
static inline void set_up_injection(void)
{
	static const char * const files[][2] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/cache-filter", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
		{ "fail_usercopy/verbose", "0" },
		{ "fail_make_request/verbose", "0" },
		{ "fail_futex/verbose", "0" },
	};
	char path[128];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), DEBUGFS "%s", files[i][0]);
		zct_write_file(path, files[i][1]);
	}
}

/*
 * What all walks need: a store, and a buffer of @len bytes with the pattern of id 1
 * and version 1. Memory is locked, as a fault on our own would only be retried.
 * Return: 0, -EOPNOTSUPP if the kernel injects nothing, or -errno.
 */
static inline int set_up_faults(struct zct_fault *f, size_t len)
{
	f->fd = -1;
	if (!has_injection())
		return -EOPNOTSUPP;
	f->nth = open("/proc/thread-self/fail-nth", O_RDWR);
	if (f->nth < 0)
		return -errno;
	set_up_injection();
	f->buf = zct_alloc(len);
	zct_pattern(f->buf, len, 1, 1, 0);
	return zct_store_new(&f->s, NULL) ?: mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}

/* In a fixture with a struct zct_fault f. */
#define SET_UP_FAULTS(len) \
	do { \
		int err_ = set_up_faults(&self->f, len); \
		if (err_ == -EOPNOTSUPP) \
			SKIP(return, "this kernel has no fault injection"); \
		ASSERT_OK(err_); \
	} while (0)

static inline int arm(int nth, unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	return pwrite(nth, text, len, 0) == len ? 0 : -errno;
}

/* Whether the failure that arm() asked for has happened; disarms. */
static inline bool happened(int nth)
{
	char text[16] = "";
	ssize_t n;

	/* it may hit this very read, which had none in the call then */
	n = pread(nth, text, sizeof(text) - 1, 0);
	if (n < 0)
		return false;
	arm(nth, 0);
	return text[0] == '0';
}

struct walk {
	const char *name;
	int (*prepare)(struct zct_fault *self);	/* before each try; may be NULL */
	int (*call)(struct zct_fault *self);	/* 0 or -errno; nothing else happens in it */
	/* after a success: 0 if all is as it should be; undoes the call */
	int (*undo)(struct zct_fault *self);
	int (*cleanup)(struct zct_fault *self);	/* after each try; may be NULL */
	bool nl;			/* a netlink call, whose answer may get lost */
	bool reply_last;		/* the deed comes before its answer */
};

static inline bool clean_error(int err, bool nl)
{
	if (err == -ENOMEM || err == -EFAULT)
		return true;
	/* a socket is entitled to more */
	return err == -ENOBUFS || err == -EAGAIN || (nl && err == -EINTR);
}

/* Returns the number of failures, or -1 with a complaint. */
static inline int walk(struct zct_fault *self, const struct walk *w)
{
	unsigned int n, hits = 0;
	bool hit;
	int err;

	for (n = 1; n < MOST; n++) {
		if (w->prepare && w->prepare(self)) {
			printf("# %s: cannot be prepared after failure %u\n", w->name, n - 1);
			return -1;
		}
		self->used = zct_used(&self->s);
		self->objects = zct_objects(&self->s);
		if (arm(self->nth, n))
			return -1;
		err = self->err = w->call(self);
		hit = happened(self->nth);
		if (err && !clean_error(err, w->nl)) {
			printf("# %s: failure %u gave error %d\n", w->name, n, -err);
			return -1;
		}
		if (err && !hit) {
			printf("# %s: error %d without a failure\n", w->name, -err);
			return -1;
		}
		/*
		 * When the very reply cannot be copied the deed is done, and
		 * EFAULT speaks of the reply: then it is done in whole.
		 */
		if (err == -EFAULT && w->reply_last &&
		    (self->used != zct_used(&self->s) ||
		     self->objects != zct_objects(&self->s)))
			err = 0;
		if (err && !w->nl && (self->used != zct_used(&self->s) ||
				      self->objects != zct_objects(&self->s))) {
			printf("# %s: failure %u left %lld bytes, %lld objects\n", w->name, n,
			       (long long)(zct_used(&self->s) - self->used),
			       (long long)(zct_objects(&self->s) - self->objects));
			return -1;
		}
		if (!err && w->undo && (err = w->undo(self))) {
			printf("# %s: wrong after failure %u: %d\n", w->name, n, err);
			return -1;
		}
		if (w->cleanup && (err = w->cleanup(self))) {
			printf("# %s: cannot be cleaned up after failure %u: %d\n", w->name, n,
			       err);
			return -1;
		}
		if (!hit) {
			printf("# %s: %u failures\n", w->name, hits);
			fflush(stdout);
			return hits;
		}
		hits++;
	}
	printf("# %s: no end\n", w->name);
	return -1;
}

/* In a test whose fixture has a struct zct_fault f: there are so many failures. */
#define EXPECT_WALK(at_least, steps...) \
	do { \
		const struct walk w_ = { steps }; \
		EXPECT_LE(at_least, walk(&self->f, &w_)) TH_LOG("in %s", w_.name); \
	} while (0)

#endif /* ZC_FAULT_H */
