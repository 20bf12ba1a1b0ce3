/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the daemon answers: to this machine alone. */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/**
 * struct address - where to listen
 * @sa: the address
 * @len: its length; 0 for nowhere
 */
struct address {
	union {
		struct sockaddr any;
		struct sockaddr_un un;
		struct sockaddr_storage storage;
	} sa;
	socklen_t len;
};

/*
 * "" or "none", "unix:/PATH", or a loopback address and a port, which may be 0 for any
 * that is free. 0 or -EINVAL.
 */
int address_parse(const char *text, struct address *a);

/*
 * A listening socket of a type that does not block, or -errno. Replaces a UNIX socket nobody
 * serves; mode: of the new one.
 */
int address_listen(const struct address *a, int type, mode_t mode);

/* 0 or -ENAMETOOLONG; of a UNIX socket. */
int address_of_path(const char *path, struct address *a);

/* Whether the value of a Host field, with a port or without, names this machine alone. */
bool address_local_host(const char *host);

/* "127.0.0.1:9629", "unix:/PATH": what a listening socket has. */
#define ADDRESS_TEXT 128
const char *address_name(int fd, char buf[ADDRESS_TEXT]);

#endif /* ADDRESS_H */
