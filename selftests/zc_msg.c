// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "zc_msg.h"

int zct_obj_put(int fd, struct zct_obj *o)
{
	unsigned char header[ZC_HEADER_MAX];
	unsigned char *data = zct_alloc(o->len);
	struct zc_put put = {
		.key = ZC_ADDR(o->key), .key_len = strlen(o->key),
		.data = ZC_ADDR(data), .data_len = o->len,
		.header = ZC_ADDR(header), .header_len = o->header_len,
		.etag = ZC_ADDR(o->etag), .etag_len = o->etag ? strlen(o->etag) : 0,
		.expires_ns = o->expires_ns,
	};
	int err;

	zct_pattern(data, o->len, o->id, o->version, 0);
	zct_pattern(header, o->header_len, ZCT_HEADER_ID(o->id), o->version, 0);
	err = zct_put(fd, &put);
	if (!err)
		o->generation = put.generation;
	munmap(data, o->len + 1);
	return err;
}

void zct_msg_new(struct zct_msg *m, size_t room)
{
	m->want = zct_alloc(room);
	m->room = room;
	zct_msg_clear(m);
}

void zct_msg_free(struct zct_msg *m)
{
	munmap(m->want, m->room + 1);
}

void zct_msg_clear(struct zct_msg *m)
{
	m->nr = 0;
	m->len = 0;
}

/* A test that asks for more than it made room for is wrong itself. */
static unsigned char *grow(struct zct_msg *m, const struct zc_part *part, size_t len)
{
	if (m->nr >= ZC_PARTS_MAX + 1 || len > m->room - m->len) {
		fprintf(stderr, "# a message of %u parts and %zu bytes is full\n", m->nr, m->len);
		abort();
	}
	m->part[m->nr++] = *part;
	m->len += len;
	return m->want + m->len - len;
}

void zct_msg_inline(struct zct_msg *m, const void *bytes, size_t len)
{
	const struct zc_part part = { .type = ZC_PART_INLINE, .addr = ZC_ADDR(bytes),
				      .length = len };

	memcpy(grow(m, &part, len), bytes, len);
}

void zct_msg_header(struct zct_msg *m, const struct zct_obj *o)
{
	const struct zc_part part = { .type = ZC_PART_HEADER };

	zct_pattern(grow(m, &part, o->header_len), o->header_len, ZCT_HEADER_ID(o->id),
		    o->version, 0);
}

static void add_object(struct zct_msg *m, const struct zct_obj *o, const struct zc_part *part,
		       size_t at, size_t len)
{
	zct_pattern(grow(m, part, len), len, o->id, o->version, at);
}

void zct_msg_range(struct zct_msg *m, const struct zct_obj *o, size_t at, size_t len)
{
	const struct zc_part part = { .type = ZC_PART_OBJECT, .offset = at, .length = len };

	add_object(m, o, &part, at, len);
}

void zct_msg_to_end(struct zct_msg *m, const struct zct_obj *o, size_t at)
{
	const struct zc_part part = { .type = ZC_PART_OBJECT, .offset = at,
				      .flags = ZC_PART_TO_END };

	add_object(m, o, &part, at, o->len - at);
}

void zct_msg_suffix(struct zct_msg *m, const struct zct_obj *o, size_t len)
{
	const struct zc_part part = { .type = ZC_PART_OBJECT, .length = len,
				      .flags = ZC_PART_SUFFIX };

	len = len < o->len ? len : o->len;
	add_object(m, o, &part, o->len - len, len);
}

void zct_msg_select(struct zct_msg *m, const char *key, __u64 generation)
{
	const struct zc_part part = { .type = ZC_PART_SELECT, .addr = ZC_ADDR(key),
				      .length = strlen(key), .generation = generation };

	grow(m, &part, 0);
}

void zct_msg_select_fd(struct zct_msg *m, int fd, __u64 generation)
{
	const struct zc_part part = { .type = ZC_PART_SELECT, .flags = ZC_PART_FD,
				      .offset = fd, .generation = generation };

	grow(m, &part, 0);
}

struct zc_send zct_msg_send(const struct zct_msg *m, const char *key, int sock)
{
	return (struct zc_send){
		.flags = key ? 0 : ZC_SEND_FD, .key = ZC_ADDR(key),
		.key_len = key ? strlen(key) : 0, .sock = sock,
		.nr_parts = m->nr, .parts = ZC_ADDR(m->part),
	};
}

int zct_send_rest(int fd, struct zc_send *send, unsigned int *calls)
{
	int err;

	do {
		send->pinned = 0;
		err = zct_send(fd, send);
		if (calls)
			++*calls;
		if (err == -EAGAIN) {
			poll(&(struct pollfd){ send->sock, POLLOUT, 0 }, 1, -1);
			continue;
		}
		if (err)
			return err;
		send->skip += send->sent;
	} while (err || send->skip < send->total);
	return 0;
}

int zct_msg_receive(const struct zct_msg *m, int sock)
{
	unsigned char *buf = zct_alloc(m->len);
	int err = zct_read_all(sock, buf, m->len);

	if (!err && memcmp(buf, m->want, m->len))
		err = -EBADMSG;
	munmap(buf, m->len + 1);
	return err;
}

__u64 zct_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int zct_loop_cpu(int fd, struct zc_send *send)
{
	__u64 cpu = zct_clock(CLOCK_THREAD_CPUTIME_ID), begin = zct_clock(CLOCK_MONOTONIC), now;
	struct epoll_event ev = { .events = EPOLLOUT };
	int err = 0, ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, send->sock, &ev))
		return -errno;
	for (now = begin; now - begin < 1000000000; now = zct_clock(CLOCK_MONOTONIC)) {
		/* the wait is what is measured, there is no event to wait for */
		if (epoll_wait(ep, &ev, 1, 1000) != 1)
			continue;
		err = zct_send(fd, send);
		if (!err)
			send->skip += send->sent;
		else if (err != -EAGAIN)
			break;
		else
			err = 0;
	}
	close(ep);
	cpu = zct_clock(CLOCK_THREAD_CPUTIME_ID) - cpu;
	return err ?: (int)(cpu * 100 / (now - begin));
}

unsigned int zct_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	/* without ".", ".." and the folder itself */
	return n - 3;
}
