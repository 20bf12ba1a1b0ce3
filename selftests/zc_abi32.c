// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit caller, without a C library: zc_abi32 NODE SOCKET. The exit code is
 * 0, or the number of the step that went wrong. Started by t_compat.
 */
#include <linux/types.h>
#include <linux/zcache.h>
#include <asm/unistd.h>

_Static_assert(sizeof(void *) == 4, "this is to be a 32-bit program");
_Static_assert(sizeof(struct zc_info) == 112, "zc_info");
_Static_assert(sizeof(struct zc_put) == 112, "zc_put");
_Static_assert(sizeof(struct zc_commit) == 16, "zc_commit");
_Static_assert(sizeof(struct zc_stat) == 144, "zc_stat");
_Static_assert(sizeof(struct zc_get) == 80, "zc_get");
_Static_assert(sizeof(struct zc_open) == 48, "zc_open");
_Static_assert(sizeof(struct zc_part) == 40, "zc_part");
_Static_assert(sizeof(struct zc_send) == 128, "zc_send");
_Static_assert(sizeof(struct zc_delete) == 32, "zc_delete");
_Static_assert(sizeof(struct zc_purge) == 48, "zc_purge");
_Static_assert(sizeof(struct zc_touch) == 40, "zc_touch");
_Static_assert(sizeof(struct zc_wait) == 32, "zc_wait");

#define O_RDWR		2
#define ADDR(p)		((__u64)(unsigned long)(p))
#define KEY		.key = ADDR("32"), .key_len = 2

static int call(int nr, unsigned long a, unsigned long b, unsigned long c)
{
	int ret;

	__asm__ volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
	return ret;
}

static int ioctl(int fd, unsigned long cmd, void *arg)
{
	return call(__NR_ioctl, fd, cmd, (unsigned long)arg);
}

static int same(const char *a, const char *b, int len)
{
	while (len--)
		if (a[len] != b[len])
			return 0;
	return 1;
}

static int number(const char *s)
{
	int n = 0;

	while (*s)
		n = n * 10 + *s++ - '0';
	return n;
}

static int steps(const char *node, int sock)
{
	static char bytes[32];
	struct zc_info info = { .size = sizeof(info) };
	struct zc_put put = { .size = sizeof(put), KEY, .data = ADDR("0123456789abcdef"),
			      .data_len = 16 };
	struct zc_put fill = { .size = sizeof(fill), KEY, .data_len = 16 };
	struct zc_commit commit = { .size = sizeof(commit) };
	struct zc_stat stat = { .size = sizeof(stat), KEY };
	struct zc_get get = { .size = sizeof(get), KEY, .buf = ADDR(bytes), .buf_len = 32 };
	struct zc_open open = { .size = sizeof(open), KEY };
	struct zc_part parts[] = {
		{ .type = ZC_PART_INLINE, .addr = ADDR("hello"), .length = 5 },
		{ .type = ZC_PART_OBJECT, .offset = 8, .length = 8 },
	};
	struct zc_send send = { .size = sizeof(send), .flags = ZC_SEND_FD, .sock = sock,
				.nr_parts = 2, .parts = ADDR(parts) };
	int result = -1;
	struct zc_send_batch batch = { .size = sizeof(batch), .nr = 1,
				       .send_size = sizeof(send), .sends = ADDR(&send),
				       .results = ADDR(&result) };
	struct zc_delete del = { .size = sizeof(del), KEY };
	int fd = call(__NR_open, (unsigned long)node, O_RDWR, 0);

	if (fd < 0)
		return 1;
	if (ioctl(fd, ZC_IOC_INFO, &info) || info.abi != ZC_ABI_VERSION)
		return 2;
	if (ioctl(fd, ZC_IOC_PUT, &put) || !put.generation)
		return 3;
	if (ioctl(fd, ZC_IOC_STAT, &stat) || stat.data_len != 16)
		return 4;
	if (ioctl(fd, ZC_IOC_FILL, &fill) || fill.fd <= 2)
		return 5;
	if (call(__NR_write, fill.fd, (unsigned long)"0123456789abcdef", 16) != 16)
		return 6;
	if (ioctl(fill.fd, ZC_IOC_COMMIT, &commit) || commit.generation <= put.generation)
		return 7;
	if (ioctl(fd, ZC_IOC_GET, &get) || get.copied != 16 ||
	    !same(bytes, "0123456789abcdef", 16))
		return 8;
	if (ioctl(fd, ZC_IOC_OPEN, &open) || open.generation != commit.generation)
		return 9;
	send.fd = open.fd;
	if (ioctl(fd, ZC_IOC_SEND, &send) || send.sent != 13 || send.total != 13)
		return 10;
	if (ioctl(fd, ZC_IOC_SEND_BATCH, &batch) || batch.done != 1 || result ||
	    send.sent != 13)
		return 11;
	if (ioctl(fd, ZC_IOC_DELETE, &del) || del.generation != commit.generation)
		return 12;
	return 0;
}

/* The kernel starts a program with its arguments on the stack. */
__attribute__((used)) void start_c(unsigned long *stack)
{
	int code = 99;

	if (stack[0] == 3)
		code = steps((const char *)stack[2], number((const char *)stack[3]));
	call(__NR_exit, code, 0, 0);
}

__asm__(".globl _start\n_start:\n\tmov %esp, %eax\n\tand $-16, %esp\n\tsub $12, %esp\n"
	"\tpush %eax\n\tcall start_c\n\thlt\n");
