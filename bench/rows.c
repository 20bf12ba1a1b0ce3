// SPDX-License-Identifier: GPL-2.0-only
/* The table of rows, and what they share. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "send_bench.h"

const struct row *const rows[] = {
	&row_pread,
	&row_sendfile,
	&row_open,
	&row_mmap,
	&row_writev,
	&row_splice,
	&row_uring_splice,
	&row_uring_send_zc,
	&row_msg_zerocopy,
	&row_zcache,
	&row_zcache_fd,
	&row_zcache_batch,
	&row_zcache_copy,
	&row_wire,
};

const unsigned int nr_rows = ARRAY_SIZE(rows);
_Static_assert(ARRAY_SIZE(rows) <= MAX_ROWS, "options have room for all");

/* How far the body is: 0 while the header is going. */
size_t body_done(const struct conn *c)
{
	return c->done > c->header ? c->done - c->header : 0;
}

/* For rows whose body goes by another call: it shares the header's segment. */
ssize_t send_header(struct conn *c)
{
	ssize_t n = send(c->sock, header + c->done, c->header - c->done,
			 MSG_MORE);

	return n < 0 ? -errno : n;
}

/* What fits into a pipe at once: the most that any user may ask for. */
size_t pipe_bytes(void)
{
	return 1 << 20;
}

/*
 * A pipe for the connection: what is in it and not yet in the socket belongs
 * to one request. Without the right to one of that size it is an usual one.
 */
int conn_pipe(struct conn *c)
{
	if (c->pipe[0] >= 0)
		return 0;
	if (pipe2(c->pipe, O_CLOEXEC))
		return -errno;
	fcntl(c->pipe[0], F_SETPIPE_SZ, (int)pipe_bytes());
	return 0;
}
