// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_bench.h"
#include "wire.h"

#define ROOM (256U << 10)

/* Takes bytes until the end, and says a byte for each turn. */
static void take(int sock, uint64_t turn, bool reads)
{
	char *room = malloc(ROOM);
	uint64_t got = 0;
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (room) {
		uint64_t want = turn - got;

		n = recv(sock, room, want < ROOM || !reads ? want : ROOM, reads ? 0 : MSG_TRUNC);
		if (n <= 0)
			break;
		got += n;
		if (got < turn)
			continue;
		if (send(sock, room, 1, MSG_NOSIGNAL) != 1)
			break;
		got = 0;
	}
	_exit(0);
}

int wire_open(struct wire *wire, uint64_t turn, bool reads)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int listener, peer, one = 1;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	wire->sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (void *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &len) ||
	    connect(wire->sock, (void *)&addr, len))
		return -errno;
	peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (peer < 0)
		return -errno;
	setsockopt(wire->sock, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	close(listener);
	wire->child = fork();
	if (wire->child < 0)
		return -errno;
	if (!wire->child) {
		close(wire->sock);
		take(peer, turn, reads);
	}
	close(peer);
	return 0;
}

int wire_done(struct wire *wire)
{
	char said;
	ssize_t n = recv(wire->sock, &said, 1, 0);

	return n == 1 ? 0 : n ? -errno : -EPIPE;
}

void wire_close(struct wire *wire)
{
	close(wire->sock);
	/* Children that were made later have the socket, too: it does not end by itself. */
	kill(wire->child, SIGKILL);
	waitpid(wire->child, NULL, 0);
}

int wire_file(uint64_t len)
{
	int fd = open(hb_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char *piece = malloc(ROOM);
	uint64_t at, i;

	if (fd < 0 || !piece) {
		free(piece);
		return fd < 0 ? -errno : -ENOMEM;
	}
	for (i = 0; i < ROOM; i++)
		piece[i] = i * 7 >> 3;
	for (at = 0; at < len;) {
		ssize_t n = pwrite(fd, piece, len - at < ROOM ? len - at : ROOM, at);

		if (n < 0) {
			close(fd);
			free(piece);
			return -errno;
		}
		at += n;
	}
	free(piece);
	/* What is still to be written would be, while rows have their turns. */
	fdatasync(fd);
	return fd;
}
