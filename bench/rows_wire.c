// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wire limit: a kernel module that hands one ready-made page to the socket,
 * over and over, with nothing looked up. Longer bodies than the page are its
 * bytes again.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "send_bench.h"
#include "wire/zc_wire.h"

static int wire = -1;

static int wire_open(const char **why)
{
	size_t done = 0;

	*why = "/dev/zc_wire";
	wire = open("/dev/zc_wire", O_RDWR | O_CLOEXEC);
	if (wire < 0)
		return -errno;
	while (done < ZC_WIRE_BYTES) {
		ssize_t n = write(wire, data + done, ZC_WIRE_BYTES - done);

		if (n <= 0)
			die("writing to /dev/zc_wire");
		done += n;
	}
	return 0;
}

static void wire_close(void)
{
	close(wire);
}

static ssize_t wire_step(struct conn *c)
{
	size_t pos = body_done(c);
	struct zc_wire_send send = {
		.sock = c->sock,
		.offset = c->offset + pos,
		.length = c->length - pos,
	};

	if (c->done < c->header) {
		send.header = (uintptr_t)header + c->done;
		send.header_len = c->header - c->done;
	}
	return ioctl(wire, ZC_WIRE_SEND, &send) ? -errno : (ssize_t)send.sent;
}

const struct row row_wire = {
	.name = "wire",
	.what = "the limit: a page that is ready, and no lookup",
	.needs_module = true,
	.repeats = ZC_WIRE_BYTES,
	.open = wire_open,
	.close = wire_close,
	.step = wire_step,
};
