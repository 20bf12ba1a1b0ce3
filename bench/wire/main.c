// SPDX-License-Identifier: GPL-2.0
/*
 * zc_wire: what sending costs when there is nothing to look up and nothing to
 * gather: one ready-made compound page, handed to the socket by the code that
 * zcache hands its pages over with. For bench/send_bench alone: it trusts who
 * may open the node.
 */

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/net.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "splice.h"
#include "zc_wire.h"

static struct page *zc_wire_page;

static_assert(IS_ALIGNED(ZC_WIRE_BYTES, PAGE_SIZE));

static int zc_wire_header(struct socket *sock, const struct zc_wire_send *arg,
			  int flags)
{
	char header[ZC_WIRE_HEADER_MAX];
	struct kvec kvec = { .iov_base = header, .iov_len = arg->header_len };
	struct msghdr msg = { .msg_flags = flags };

	if (copy_from_user(header, u64_to_user_ptr(arg->header),
			   arg->header_len))
		return -EFAULT;
	if (arg->length)
		msg.msg_flags |= MSG_MORE;
	return kernel_sendmsg(sock, &msg, &kvec, 1, arg->header_len);
}

/* Sends header and page until the socket takes less than it is given. */
static int zc_wire_send(struct socket *sock, struct zc_wire_send *arg)
{
	int flags = MSG_NOSIGNAL, ret;
	u64 done = 0;

	if (sock->file->f_flags & O_NONBLOCK)
		flags |= MSG_DONTWAIT;
	arg->sent = 0;
	if (arg->header_len) {
		ret = zc_wire_header(sock, arg, flags);
		if (ret < 0)
			return ret;
		arg->sent = ret;
		if (ret < arg->header_len)
			return 0;
	}
	while (done < arg->length) {
		unsigned int at = (arg->offset + done) % ZC_WIRE_BYTES;
		struct bio_vec bvec = {
			.bv_page = zc_wire_page,
			.bv_offset = at,
			.bv_len = min_t(u64, ZC_WIRE_BYTES - at,
					arg->length - done),
		};
		unsigned int asked = bvec.bv_len;
		int more = done + asked < arg->length ? MSG_MORE : 0;

		ret = zc_compat_splice(sock, false, &bvec, 1, asked,
				       flags | more);
		if (ret < 0)
			return arg->sent ? 0 : ret;
		done += ret;
		arg->sent += ret;
		if (ret < asked)
			break;
	}
	return 0;
}

static long zc_wire_ioctl(struct file *file, unsigned int cmd,
			  unsigned long addr)
{
	struct zc_wire_send arg;
	struct socket *sock;
	int ret;

	if (cmd != ZC_WIRE_SEND)
		return -ENOTTY;
	if (copy_from_user(&arg, (void __user *)addr, sizeof(arg)))
		return -EFAULT;
	if (arg.header_len > ZC_WIRE_HEADER_MAX)
		return -EINVAL;
	sock = sockfd_lookup(arg.sock, &ret);
	if (!sock)
		return ret;
	ret = -EOPNOTSUPP;
	if (sock->type == SOCK_STREAM && sock->sk->sk_protocol == IPPROTO_TCP)
		ret = zc_wire_send(sock, &arg);
	sockfd_put(sock);
	if (!ret && copy_to_user((void __user *)addr, &arg, sizeof(arg)))
		ret = -EFAULT;
	return ret;
}

static ssize_t zc_wire_write(struct file *file, const char __user *from,
			     size_t len, loff_t *pos)
{
	return simple_write_to_buffer(page_address(zc_wire_page),
				      ZC_WIRE_BYTES, pos, from, len);
}

static const struct file_operations zc_wire_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = zc_wire_ioctl,
	.write = zc_wire_write,
	.llseek = default_llseek,
};

static struct miscdevice zc_wire_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "zc_wire",
	.fops = &zc_wire_fops,
	.mode = 0600,
};

static int __init zc_wire_init(void)
{
	unsigned int order = get_order(ZC_WIRE_BYTES);
	int err;

	zc_wire_page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, order);
	if (!zc_wire_page)
		return -ENOMEM;
	err = misc_register(&zc_wire_device);
	if (err)
		__free_pages(zc_wire_page, order);
	return err;
}

static void __exit zc_wire_exit(void)
{
	misc_deregister(&zc_wire_device);
	/* Sockets may still hold it: the last reference frees it whole. */
	put_page(zc_wire_page);
}

module_init(zc_wire_init);
module_exit(zc_wire_exit);

MODULE_DESCRIPTION("Sends one ready-made page to a socket: a limit for benchmarks");
MODULE_LICENSE("GPL");
