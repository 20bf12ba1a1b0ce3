/* SPDX-License-Identifier: GPL-2.0 */
/*
 * zcache: what differs between kernels and is not a header of its own. The
 * names are those of the newest kernel where it has one.
 */
#ifndef ZC_COMPAT_H
#define ZC_COMPAT_H

#include <linux/err.h>
#include <linux/file.h>
#include <linux/pagemap.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/version.h>

/*
 * filemap_get_folio() says NULL before 6.4 and an error pointer from then on
 * when there is none.
 */
static inline struct folio *zc_compat_get_folio(struct address_space *mapping,
						pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	return IS_ERR(folio) ? NULL : folio;
}

/* filemap_alloc_folio() takes a memory policy from 6.19 on. */
static inline struct folio *zc_compat_alloc_folio(gfp_t gfp,
						  unsigned int order)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
	return filemap_alloc_folio(gfp, order, NULL);
#else
	return filemap_alloc_folio(gfp, order);
#endif
}

/*
 * For arrays that are written before they are read, in every call: Debian's
 * kernels zero what is on the stack, and that shows in a small answer. A name
 * of the kernel's own from 6.14 on.
 */
#ifndef __uninitialized
#define __uninitialized __attribute__((__uninitialized__))
#endif

/* A struct fd is a tagged pointer from 6.12 on. */
#ifndef fd_file
#define fd_file(f) ((f).file)
#endif

/* inode_operations.permission's first argument changed its type in 6.3. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define ZC_COMPAT_IDMAP struct mnt_idmap
#else
#define ZC_COMPAT_IDMAP struct user_namespace
#endif

/* The workqueue for work that is not bound to a CPU has a new name. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define zc_compat_unbound_wq system_dfl_wq
#else
#define zc_compat_unbound_wq system_unbound_wq
#endif

/* Memory that failed leaves the mapping; by page before 6.8. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define ZC_COMPAT_ERROR_REMOVE	.error_remove_folio = generic_error_remove_folio,
#else
#define ZC_COMPAT_ERROR_REMOVE	.error_remove_page = generic_error_remove_page,
#endif

/* device_type.devnode's device became const in 6.2. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 2, 0)
#define ZC_COMPAT_DEVNODE_CONST const
#else
#define ZC_COMPAT_DEVNODE_CONST
#endif

/* Shrinkers are allocated by the kernel from 6.7 on. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
struct zc_compat_shrinker {
	struct shrinker shrinker;
	void *private_data;
};

static inline void *zc_compat_shrinker_data(struct shrinker *shrinker)
{
	return container_of(shrinker, struct zc_compat_shrinker,
			    shrinker)->private_data;
}

static inline struct shrinker *
zc_compat_shrinker_new(unsigned long (*count)(struct shrinker *,
					      struct shrink_control *),
		       unsigned long (*scan)(struct shrinker *,
					     struct shrink_control *),
		       void *data, const char *name)
{
	struct zc_compat_shrinker *s = kzalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->private_data = data;
	s->shrinker.count_objects = count;
	s->shrinker.scan_objects = scan;
	s->shrinker.seeks = DEFAULT_SEEKS;
	if (register_shrinker(&s->shrinker, "zcache-%s", name)) {
		kfree(s);
		return NULL;
	}
	return &s->shrinker;
}

static inline void zc_compat_shrinker_del(struct shrinker *shrinker)
{
	unregister_shrinker(shrinker);
	kfree(container_of(shrinker, struct zc_compat_shrinker, shrinker));
}
#else
static inline void *zc_compat_shrinker_data(struct shrinker *shrinker)
{
	return shrinker->private_data;
}

static inline struct shrinker *
zc_compat_shrinker_new(unsigned long (*count)(struct shrinker *,
					      struct shrink_control *),
		       unsigned long (*scan)(struct shrinker *,
					     struct shrink_control *),
		       void *data, const char *name)
{
	struct shrinker *s = shrinker_alloc(0, "zcache-%s", name);

	if (!s)
		return NULL;
	s->count_objects = count;
	s->scan_objects = scan;
	s->private_data = data;
	shrinker_register(s);
	return s;
}

static inline void zc_compat_shrinker_del(struct shrinker *shrinker)
{
	shrinker_free(shrinker);
}
#endif

#endif /* ZC_COMPAT_H */
