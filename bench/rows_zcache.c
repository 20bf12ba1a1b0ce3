// SPDX-License-Identifier: GPL-2.0-only
/* zcache: SEND by key, by object fd, many in a call, and by copy. */
#include <errno.h>
#include <linux/zcache.h>
#include <string.h>
#include <sys/ioctl.h>

#include "send_bench.h"

#define BATCH	16U	/* messages of a call */

struct message {
	struct zc_send send;
	struct zc_part part[2];
};

/* The whole message each time; skip says how much of it is gone. */
static void message_make(struct message *m, const struct conn *c,
			 uint32_t flags)
{
	unsigned int nr = 0;

	memset(m, 0, sizeof(*m));
	if (c->header)
		m->part[nr++].type = ZC_PART_HEADER;
	m->part[nr].type = ZC_PART_OBJECT;
	m->part[nr].offset = c->offset;
	if (c->offset + c->length == c->object->size)
		m->part[nr].flags = ZC_PART_TO_END;
	else
		m->part[nr].length = c->length;
	nr++;

	m->send.size = sizeof(m->send);
	m->send.flags = flags;
	m->send.sock = c->sock;
	m->send.nr_parts = nr;
	m->send.parts = (uintptr_t)m->part;
	m->send.skip = c->done;
	if (flags & ZC_SEND_FD) {
		m->send.fd = c->object->fd;
	} else {
		m->send.key = (uintptr_t)c->object->key;
		m->send.key_len = strlen(c->object->key);
		m->send.generation = c->done ? c->generation : 0;
	}
}

static ssize_t send_message(struct conn *c, uint32_t flags)
{
	struct message m;

	message_make(&m, c, flags);
	if (ioctl(node, ZC_IOC_SEND, &m.send))
		return -errno;
	c->generation = m.send.generation;
	return m.send.sent;
}

static ssize_t key_step(struct conn *c)
{
	return send_message(c, 0);
}

static ssize_t fd_step(struct conn *c)
{
	return send_message(c, ZC_SEND_FD);
}

static ssize_t copy_step(struct conn *c)
{
	return send_message(c, ZC_SEND_COPY);
}

static void batch_step(struct conn **c, unsigned int nr, ssize_t *took)
{
	struct zc_send send[BATCH];
	struct message m[BATCH];
	int32_t result[BATCH];
	struct zc_send_batch batch = {
		.size = sizeof(batch),
		.nr = nr,
		.send_size = sizeof(send[0]),
		.sends = (uintptr_t)send,
		.results = (uintptr_t)result,
	};
	unsigned int i;

	for (i = 0; i < nr; i++) {
		message_make(&m[i], c[i], 0);
		send[i] = m[i].send;
	}
	if (ioctl(node, ZC_IOC_SEND_BATCH, &batch))
		die("ZC_IOC_SEND_BATCH");
	for (i = 0; i < nr; i++) {
		if (i >= batch.done)
			took[i] = -EAGAIN;
		else if (result[i])
			took[i] = result[i];
		else
			took[i] = send[i].sent;
		if (took[i] > 0)
			c[i]->generation = send[i].generation;
	}
}

static int store_open(const char **why)
{
	*why = "the store";
	return node < 0 ? node : 0;
}

/* A kernel without the call: told apart from one that has it by its error. */
static int batch_open(const char **why)
{
	struct zc_send_batch batch = { .size = sizeof(batch) };
	int err = store_open(why);

	if (err)
		return err;
	*why = "ZC_IOC_SEND_BATCH";
	if (ioctl(node, ZC_IOC_SEND_BATCH, &batch) && errno == ENOTTY)
		return -ENOTTY;
	return 0;
}

const struct row row_zcache = {
	.name = "zcache",
	.what = "SEND by key",
	.needs_module = true,
	.open = store_open,
	.step = key_step,
};

const struct row row_zcache_fd = {
	.name = "zcache-fd",
	.what = "SEND by object fd",
	.needs_module = true,
	.open = store_open,
	.step = fd_step,
};

const struct row row_zcache_batch = {
	.name = "zcache-batch",
	.what = "SEND_BATCH, up to 16 connections in a call",
	.needs_module = true,
	.batch = BATCH,
	.open = batch_open,
	.step_batch = batch_step,
};

const struct row row_zcache_copy = {
	.name = "zcache-copy",
	.what = "SEND by key with ZC_SEND_COPY",
	.needs_module = true,
	.open = store_open,
	.step = copy_step,
};
