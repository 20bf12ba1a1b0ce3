/* SPDX-License-Identifier: GPL-2.0-only */
/* A zcached that owns a mirror, one at a time. */
#ifndef SERVED_DAEMON_H
#define SERVED_DAEMON_H

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

static struct {
	pid_t pid;
	int out, err, manager;
	char told[64];		/* what its manager was told last */
} d;

/* Its manager, as systemd(1) would be. */
static inline void daemon_init(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	d.manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/manager", test_folder());
	if (bind(d.manager, (struct sockaddr *)&address, sizeof(address)))
		abort();
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
}

/* A line of its standard error, or what is there at the end. */
static inline const char *daemon_line(void)
{
	static char text[1024];
	size_t n = 0;

	while (n < sizeof(text) - 1 && read(d.err, text + n, 1) == 1 && text[n++] != '\n')
		;
	text[n] = '\0';
	return text;
}

/* Until it says that it is ready. */
static inline void daemon_ready(void)
{
	const char *line;
	ssize_t n;

	/* whose policy it owns is tested elsewhere */
	do {
		line = daemon_line();
	} while (!strncmp(line, "zcached: store ", 15));
	if (strcmp(line, "zcached: ready\n"))
		abort();
	while ((n = recv(d.manager, d.told, sizeof(d.told) - 1, MSG_DONTWAIT)) > 0)
		d.told[n] = '\0';
}

/* socket and config may be NULL. */
static inline void daemon_begin(const char *folder, const char *socket, const char *config)
{
	const char *argv[8] = { test_program("zcached"), "--mirror", folder };
	int n = 3;

	if (socket) {
		argv[n++] = "--socket";
		argv[n++] = socket;
	}
	if (config) {
		argv[n++] = "--config";
		argv[n++] = config;
	}
	if (d.pid) {
		close(d.out);
		close(d.err);
	}
	d.told[0] = '\0';
	d.pid = start(argv, 0, &d.out, &d.err);
	daemon_ready();
}

static inline pid_t daemon_pid(void)
{
	return d.pid;
}

static inline void daemon_reload(void)
{
	kill(d.pid, SIGHUP);
	daemon_ready();
}

/* Returns the exit code, or 128 + signal. */
static inline int daemon_end(int sig)
{
	int status;

	kill(d.pid, sig);
	waitpid(d.pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline int daemon_fds(void)
{
	char path[64];
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", d.pid);
	dir = opendir(path);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* Its rights, as a number. */
static inline int64_t daemon_caps(void)
{
	unsigned long long caps = ~0ULL;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", d.pid);
	f = fopen(path, "r");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "CapPrm: %llx", &caps) == 1)
			break;
	fclose(f);
	return caps;
}

/* A name for zc_open(); valid until the next call. */
static inline const char *served_name(const char *path)
{
	static char name[400];

	snprintf(name, sizeof(name), "served:%s", path);
	return name;
}

#endif /* SERVED_DAEMON_H */
