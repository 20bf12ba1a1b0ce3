// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include <zcache_xfer.h>

#include "sender.h"

/* What programs copy with: io.Copy() of Go has 32 KiB, most others 64. */
#define PIECE (64U << 10)

int sender_open(const struct hb_cell *cell, int file, bool reads, void **state)
{
	struct sender *s;

	if (file < 0)
		return file;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->name = cell->name;
	s->file = file;
	s->buf = malloc(PIECE);
	*state = s;
	return s->buf ? wire_open(&s->wire, cell->size * cell->ops, reads) : -ENOMEM;
}

void sender_close(void *state)
{
	struct sender *s = state;

	wire_close(&s->wire);
	close(s->file);
	free(s->buf);
	free(s);
}

static int write_all(int sock, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(sock, buf, len);

		if (n <= 0)
			return -errno;
		buf += n;
		len -= n;
	}
	return 0;
}

int sender_copy(struct sender *s, int file, uint64_t size)
{
	uint64_t at = 0;
	int err = 0;

	while (at < size && !err) {
		ssize_t n = pread(file, s->buf, size - at < PIECE ? size - at : PIECE, at);

		if (n <= 0)
			return n ? -errno : -ENODATA;
		err = write_all(s->wire.sock, s->buf, n);
		at += n;
	}
	return err;
}

int sender_sendfile(struct sender *s, int file, uint64_t size)
{
	off_t at = 0;

	while ((uint64_t)at < size)
		if (sendfile(s->wire.sock, file, &at, size - at) <= 0)
			return -EIO;
	return 0;
}

static int by_library(struct sender *s, int file, uint64_t size, unsigned int flags)
{
	int64_t at = 0;

	while ((uint64_t)at < size) {
		int64_t n = zc_sendfile(s->wire.sock, file, &at, size - at, flags);

		if (n <= 0)
			return n ? n : -ENODATA;
	}
	return 0;
}

int sender_library(struct sender *s, int file, uint64_t size)
{
	return by_library(s, file, size, 0);
}

int sender_ahead(struct sender *s, int file, uint64_t size)
{
	return by_library(s, file, size, ZC_XFER_AHEAD);
}

int sender_turn(const struct hb_cell *cell, struct sender *s, sender_way way)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < cell->ops && !err; i++)
		err = way(s, s->file, cell->size);
	return err ? err : wire_done(&s->wire);
}
