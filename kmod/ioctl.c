// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the calls on a node. Each has a line in the table; the struct is
 * copied in whole, the handler checks and acts, and replies by itself, since
 * an fd may be installed only after the reply is out.
 */

#include <linux/fault-inject-usercopy.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <uapi/linux/zcache.h>

#include "compat.h"
#include "fill.h"
#include "ioctl.h"
#include "object.h"
#include "ofile.h"
#include "purge.h"
#include "reserve.h"
#include "send.h"
#include "store.h"
#include "tag.h"

/*
 * Structs are copied by 64-bit words in one window to user memory: the general
 * functions look at each object and size anew, which shows in a small answer.
 * What those do for fault injection is done here too.
 */

/**
 * zc_ioctl_copy_in() - copy a call's struct from user memory
 * @call: the call; its size is set
 * @cmd: room for the struct
 * @size: bytes this kernel knows
 * @min_size: bytes of the first published struct
 *
 * Context: process; may fault.
 * Return: 0, -EFAULT (also if it cannot be written), -EINVAL (too small, or
 * not of whole 64-bit words), -E2BIG (unknown bytes not zero).
 */
int zc_ioctl_copy_in(struct zc_call *call, void *cmd, size_t size,
		     size_t min_size)
{
	u64 __user *from = call->user;
	unsigned int i, words;
	u32 user_size;
	u64 *to = cmd;
	int err;

	might_fault();
	/* As get_user(), but that is a call. */
	if (should_fail_usercopy() ||
	    !user_read_access_begin(from, sizeof(user_size)))
		return -EFAULT;
	unsafe_get_user(user_size, (u32 __user *)from, fault_read);
	user_read_access_end();
	if (user_size < min_size)
		return -EINVAL;
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	call->size = min_t(size_t, size, user_size);
	words = call->size / sizeof(*to);
	/* Structs grow by 64 bits: another size ends within a member. */
	if (call->size % sizeof(*to))
		return -EINVAL;

	if (should_fail_usercopy() || !user_access_begin(from, call->size))
		return -EFAULT;
	for (i = 0; i < words; i++)
		unsafe_get_user(to[i], from + i, fault);
	/*
	 * A word of each of its pages, one or two, is written back as it was:
	 * memory that cannot be written is an error before the call does
	 * anything, not after it did.
	 */
	unsafe_put_user(to[0], from, fault);
	unsafe_put_user(to[words - 1], from + words - 1, fault);
	user_access_end();

	/* It may have been written in between. */
	*(u32 *)cmd = user_size;
	memset(cmd + call->size, 0, size - call->size);
	if (likely(user_size <= size))
		return 0;
	err = check_zeroed_user(call->user + size, user_size - size);
	return err < 0 ? err : err ? 0 : -E2BIG;

fault_read:
	user_read_access_end();
	return -EFAULT;
fault:
	user_access_end();
	return -EFAULT;
}

/**
 * zc_ioctl_reply() - copy a call's struct back
 * @call: the call
 * @cmd: the struct
 *
 * Size and flags, which every struct begins with, stay as the user wrote them.
 *
 * Context: process; may fault.
 * Return: 0 or -EFAULT.
 */
int zc_ioctl_reply(const struct zc_call *call, const void *cmd)
{
	unsigned int i, words = call->size / sizeof(u64);
	u64 __user *to = call->user;
	const u64 *from = cmd;

	might_fault();
	if (should_fail_usercopy() || !user_write_access_begin(to, call->size))
		return -EFAULT;
	for (i = 1; i < words; i++)
		unsafe_put_user(from[i], to + i, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

static long zc_ioctl_info(struct zc_call *call, void *cmd)
{
	const struct zc_store *store = call->store;
	struct zc_info *info = cmd;

	if (info->flags || info->__reserved)
		return -EINVAL;
	info->abi = ZC_ABI_VERSION;
	info->inline_limit = READ_ONCE(store->config.inline_limit);
	info->features = ZC_FEAT_SEND_SPLICE;
	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE))
		info->features |= ZC_FEAT_LARGE_FOLIOS;
	info->capacity = READ_ONCE(store->config.capacity);
	info->used = atomic64_read(&store->used);
	info->objects = READ_ONCE(store->objects);
	info->max_object_size = READ_ONCE(store->config.max_object_size);
	info->splice_threshold = READ_ONCE(store->config.splice_threshold);
	info->max_key_len = store->config.max_key_len;
	strscpy_pad(info->name, store->config.name, sizeof(info->name));
	return zc_ioctl_reply(call, info);
}

static bool zc_ioctl_put_valid(const struct zc_put *put, u32 flags)
{
	return !(put->flags & ~flags) && !put->fd && !put->__reserved &&
	       !put->__reserved2;
}

static long zc_ioctl_put(struct zc_call *call, void *cmd)
{
	struct zc_store *store = call->store;
	struct zc_put *put = cmd;
	struct zc_object *object;
	struct iov_iter from;
	ssize_t done;
	long err;

	if (!zc_ioctl_put_valid(put, ZC_PUT_EXCL))
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(put->data), put->data_len))
		return -EFAULT;
	object = zc_object_new(store, put);
	if (IS_ERR(object)) {
		if (object == ERR_PTR(-ENOSPC) || object == ERR_PTR(-EDQUOT))
			zc_store_count(store, ZC_C_REFUSALS, 1);
		return PTR_ERR(object);
	}
	iov_iter_ubuf(&from, ITER_SOURCE, u64_to_user_ptr(put->data),
		      put->data_len);
	/* A short write says nothing of its reason; the next one does. */
	do {
		done = zc_object_write(object, put->data_len -
				       iov_iter_count(&from), &from);
	} while (done > 0 && iov_iter_count(&from));
	err = done < 0 ? done : zc_object_add(object,
					      put->flags & ZC_PUT_EXCL);
	if (!err) {
		zc_store_count(store, ZC_C_PUTS, 1);
		zc_store_count(store, ZC_C_FILL_BYTES, object->size);
		put->generation = object->generation;
		err = zc_ioctl_reply(call, put);
	}
	zc_object_put(object);
	return err;
}

static long zc_ioctl_fill(struct zc_call *call, void *cmd)
{
	struct zc_put *put = cmd;
	struct file *file;
	long err;
	int fd;

	if (!zc_ioctl_put_valid(put, ZC_PUT_EXCL | ZC_PUT_RESERVE) || put->data)
		return -EINVAL;
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = zc_fill_new(call->store, put);
	if (IS_ERR(file)) {
		if (file == ERR_PTR(-ENOSPC) || file == ERR_PTR(-EDQUOT))
			zc_store_count(call->store, ZC_C_REFUSALS, 1);
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	put->fd = fd;
	err = zc_ioctl_reply(call, put);
	if (err) {
		fput(file);
		put_unused_fd(fd);
		return err;
	}
	fd_install(fd, file);
	return 0;
}

/* Copies one of the blobs of an object out; a room of 0 asks for none. */
static int zc_ioctl_stat_blob(u64 addr, u32 room, const u8 *blob, u32 len)
{
	if (room && copy_to_user(u64_to_user_ptr(addr), blob, len))
		return -EFAULT;
	return 0;
}

static long zc_ioctl_stat_blobs(const struct zc_object *object,
				const struct zc_stat *in)
{
	const struct zc_tag_link *links = zc_object_links(object);
	u64 tags[ZC_TAGS_MAX];
	unsigned int i;

	if ((in->nr_tags && in->nr_tags < object->nr_tags) ||
	    (in->header_len && in->header_len < object->header_len) ||
	    (in->etag_len && in->etag_len < object->etag_len) ||
	    (in->type_len && in->type_len < object->type_len))
		return -EMSGSIZE;
	for (i = 0; i < object->nr_tags; i++)
		tags[i] = links[i].tag->id;
	return zc_ioctl_stat_blob(in->tags, in->nr_tags, (const u8 *)tags,
				  object->nr_tags * sizeof(*tags)) ?:
	       zc_ioctl_stat_blob(in->header, in->header_len,
				  zc_object_header(object),
				  object->header_len) ?:
	       zc_ioctl_stat_blob(in->etag, in->etag_len,
				  zc_object_etag(object), object->etag_len) ?:
	       zc_ioctl_stat_blob(in->type, in->type_len,
				  zc_object_type(object), object->type_len);
}

static long zc_ioctl_stat(struct zc_call *call, void *cmd)
{
	struct zc_stat *stat = cmd;
	struct zc_find find = {
		.key = stat->key,
		.key_len = stat->key_len,
		.fd = stat->fd,
		.generation = stat->generation,
		.flags = ZC_FIND_QUIET,
	};
	struct zc_object *object;
	long err;

	if (stat->flags & ~(ZC_STAT_FD | ZC_STAT_EXPIRED_OK) ||
	    stat->__reserved || stat->__reserved2 || stat->__reserved3)
		return -EINVAL;
	if (stat->flags & ZC_STAT_FD)
		find.flags |= ZC_FIND_FD;
	if (stat->flags & ZC_STAT_EXPIRED_OK)
		find.flags |= ZC_FIND_EXPIRED_OK;
	object = zc_ioctl_find(call->store, &find);
	if (IS_ERR(object))
		return PTR_ERR(object);

	err = zc_ioctl_stat_blobs(object, stat);
	stat->generation = object->generation;
	stat->data_len = object->size;
	stat->resident = zc_object_resident(object);
	stat->charge = READ_ONCE(object->charge);
	stat->expires_ns = READ_ONCE(object->expires_ns);
	stat->created_ns = object->created_ns;
	stat->hits = READ_ONCE(object->hits);
	stat->state = zc_object_state(object);
	stat->header_len = object->header_len;
	stat->etag_len = object->etag_len;
	stat->type_len = object->type_len;
	stat->nr_tags = object->nr_tags;
	zc_object_put(object);
	if (!err || err == -EMSGSIZE)
		err = zc_ioctl_reply(call, stat) ?: err;
	return err;
}

static long zc_ioctl_get(struct zc_call *call, void *cmd)
{
	struct zc_get *get = cmd;
	struct zc_find find = {
		.key = get->key,
		.key_len = get->key_len,
		.fd = get->fd,
		.generation = get->generation,
		.miss_tag = get->miss_tag,
	};
	struct zc_object *object;
	struct iov_iter to;
	long err;
	u64 len;

	if (get->flags & ~(ZC_GET_FD | ZC_GET_EXPIRED_OK))
		return -EINVAL;
	if (get->flags & ZC_GET_FD)
		find.flags |= ZC_FIND_FD;
	if (get->flags & ZC_GET_EXPIRED_OK)
		find.flags |= ZC_FIND_EXPIRED_OK;
	object = zc_ioctl_find(call->store, &find);
	if (IS_ERR(object))
		return PTR_ERR(object);

	if (get->offset > object->size) {
		err = -ERANGE;
		goto out;
	}
	len = min(get->buf_len, object->size - get->offset);
	if (!access_ok(u64_to_user_ptr(get->buf), len)) {
		err = -EFAULT;
		goto out;
	}
	iov_iter_ubuf(&to, ITER_DEST, u64_to_user_ptr(get->buf), len);
	err = zc_object_read(object, get->offset, &to);
	if (err)
		goto out;
	zc_store_count(call->store, ZC_C_GETS, 1);
	zc_store_count(call->store, ZC_C_GET_BYTES, len);
	get->copied = len;
	get->generation = object->generation;
	get->data_len = object->size;
	err = zc_ioctl_reply(call, get);
out:
	zc_object_put(object);
	return err;
}

static long zc_ioctl_open(struct zc_call *call, void *cmd)
{
	struct zc_open *open = cmd;
	struct zc_find find = {
		.key = open->key,
		.key_len = open->key_len,
		.fd = open->fd,
		.generation = open->generation,
		.miss_tag = open->miss_tag,
	};
	struct zc_object *object;
	struct file *file;
	long err;
	int fd;

	if (open->flags & ~ZC_OPEN_EXPIRED_OK)
		return -EINVAL;
	if (open->flags & ZC_OPEN_EXPIRED_OK)
		find.flags |= ZC_FIND_EXPIRED_OK;
	object = zc_ioctl_find(call->store, &find);
	if (IS_ERR(object))
		return PTR_ERR(object);
	open->generation = object->generation;
	open->data_len = object->size;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0) {
		zc_object_put(object);
		return fd;
	}
	/* The file owns the reference from here on, also on error. */
	file = zc_ofile_new(object);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	open->fd = fd;
	err = zc_ioctl_reply(call, open);
	if (err) {
		fput(file);
		put_unused_fd(fd);
		return err;
	}
	zc_store_count(call->store, ZC_C_OPENS, 1);
	fd_install(fd, file);
	return 0;
}

static long zc_ioctl_delete(struct zc_call *call, void *cmd)
{
	struct zc_delete *del = cmd;
	u8 small[ZC_KEY_SMALL];
	struct zc_key key;
	int err;

	if (del->flags & ~ZC_DELETE_SOFT || del->__reserved)
		return -EINVAL;
	err = zc_ioctl_key(call->store, del->key, del->key_len, small, &key);
	if (err)
		return err;
	err = zc_object_del(call->store, &key, &del->generation,
			    del->flags & ZC_DELETE_SOFT);
	zc_ioctl_key_put(&key, small);
	return err ?: zc_ioctl_reply(call, del);
}

/**
 * struct zc_ioctl - a line of the table
 * @nr: the number
 * @size: bytes of the struct this kernel knows
 * @min_size: bytes of the first published struct
 * @mode: how the node must be open
 * @call: the handler; its struct has room for what the kernel knows
 */
struct zc_ioctl {
	unsigned int nr;
	u16 size;
	u16 min_size;
	fmode_t mode;
	long (*call)(struct zc_call *call, void *cmd);
};

union zc_ioctl_cmd {
	struct zc_info info;
	struct zc_put put;
	struct zc_stat stat;
	struct zc_get get;
	struct zc_open open;
	struct zc_send send;
	struct zc_send_batch batch;
	struct zc_delete del;
	struct zc_purge purge;
	struct zc_touch touch;
	struct zc_wait wait;
};

/*
 * The sizes are those of the first published structs, which must have no
 * holes: 32-bit programs lay them out alike.
 */
#define ZC_IOCTL(_nr, _type, _min_size, _mode, _call)			\
	[_IOC_NR(_nr) - _IOC_NR(ZC_IOC_INFO)] = {			\
		.nr = _nr,						\
		.size = sizeof(struct _type) +				\
			BUILD_BUG_ON_ZERO(sizeof(struct _type) <	\
					  (_min_size)) +		\
			BUILD_BUG_ON_ZERO(sizeof(struct _type) % 8) +	\
			BUILD_BUG_ON_ZERO(offsetof(struct _type, size)), \
		.min_size = _min_size,					\
		.mode = _mode,						\
		.call = _call,						\
	}

static const struct zc_ioctl zc_ioctls[] = {
	ZC_IOCTL(ZC_IOC_INFO, zc_info, 112, 0, zc_ioctl_info),
	ZC_IOCTL(ZC_IOC_PUT, zc_put, 96, FMODE_WRITE, zc_ioctl_put),
	ZC_IOCTL(ZC_IOC_FILL, zc_put, 96, FMODE_WRITE, zc_ioctl_fill),
	ZC_IOCTL(ZC_IOC_STAT, zc_stat, 128, FMODE_READ, zc_ioctl_stat),
	ZC_IOCTL(ZC_IOC_GET, zc_get, 72, FMODE_READ, zc_ioctl_get),
	ZC_IOCTL(ZC_IOC_OPEN, zc_open, 40, FMODE_READ, zc_ioctl_open),
	ZC_IOCTL(ZC_IOC_SEND, zc_send, 88, FMODE_READ, zc_send_call),
	ZC_IOCTL(ZC_IOC_DELETE, zc_delete, 32, FMODE_WRITE, zc_ioctl_delete),
	ZC_IOCTL(ZC_IOC_SEND_BATCH, zc_send_batch, 40, FMODE_READ,
		 zc_send_batch_call),
	ZC_IOCTL(ZC_IOC_PURGE, zc_purge, 40, FMODE_WRITE, zc_purge_call),
	ZC_IOCTL(ZC_IOC_TOUCH, zc_touch, 40, FMODE_WRITE, zc_touch_call),
	ZC_IOCTL(ZC_IOC_WAIT, zc_wait, 32, FMODE_READ, zc_wait_call),
};

/**
 * zc_ioctl_node() - a call on a node
 * @file: the open node
 * @nr: the call's number
 * @arg: user address of its struct
 *
 * Context: process; may sleep.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_ioctl_node(struct file *file, unsigned int nr, unsigned long arg)
{
	struct zc_call call = {
		.file = file,
		.store = file->private_data,
		.user = (void __user *)arg,
	};
	unsigned int i = _IOC_NR(nr) - _IOC_NR(ZC_IOC_INFO);
	union zc_ioctl_cmd cmd __uninitialized;
	const struct zc_ioctl *op;
	int err;

	if (i >= ARRAY_SIZE(zc_ioctls) || zc_ioctls[i].nr != nr)
		return -ENOTTY;
	op = &zc_ioctls[array_index_nospec(i, ARRAY_SIZE(zc_ioctls))];
	if (op->mode & ~file->f_mode)
		return -EBADF;
	err = zc_ioctl_copy_in(&call, &cmd, op->size, op->min_size);
	if (err)
		return err;
	if (READ_ONCE(call.store->dead))
		return -ENODEV;
	return op->call(&call, &cmd);
}
