// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"
#include "util.h"

#define PATIENCE_MS 10000

static char log_file[128];

static bool read_line(int fd, char *line, size_t room)
{
	size_t n = 0;

	while (n + 1 < room && read(fd, line + n, 1) == 1)
		if (line[n++] == '\n')
			break;
	line[n] = '\0';
	return n && line[n - 1] == '\n';
}

static bool begin(struct served *s, const char *program, const char *store, va_list ap)
{
	const char *argv[32] = { test_program(program), "--store", store,
				 "--listen", "127.0.0.1:0", "--workers", "1" };
	int argc = 7, nothing;

	while ((argv[argc] = va_arg(ap, const char *)))
		argc++;
	snprintf(log_file, sizeof(log_file), "%s/calls", test_folder());
	nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	/* Only the server's calls are of interest, not those of the test. */
	setenv("FAKE_ZCACHE_LOG", log_file, 1);
	s->pid = start(argv, nothing, &s->out, &s->err);
	unsetenv("FAKE_ZCACHE_LOG");
	close(nothing);
	if (!read_line(s->out, s->line, sizeof(s->line)))
		return false;
	return sscanf(s->line, "listening on 127.0.0.1:%d", &s->port) == 1;
}

bool serve_start(struct served *s, ...)
{
	va_list ap;
	bool begun;

	va_start(ap, s);
	begun = begin(s, "zcache-serve-fake", "web", ap);
	va_end(ap);
	return begun;
}

bool serve_start_on(struct served *s, const char *store, ...)
{
	va_list ap;
	bool begun;

	va_start(ap, store);
	begun = begin(s, "zcache-serve", store, ap);
	va_end(ap);
	return begun;
}

int serve_stop(struct served *s)
{
	kill(s->pid, SIGTERM);
	return serve_wait(s);
}

int serve_wait(struct served *s)
{
	size_t len = 0;
	ssize_t n;
	int status;

	while ((n = read(s->err, s->summary + len, sizeof(s->summary) - 1 - len)) > 0)
		len += n;
	s->summary[len] = '\0';
	close(s->out);
	close(s->err);
	waitpid(s->pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

const char *serve_calls(void)
{
	static char calls[4096];
	int fd = open(log_file, O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, calls, sizeof(calls) - 1);
	char *p;

	calls[n > 0 ? n : 0] = '\0';
	for (p = calls; *p; p++)
		if (*p == '\n')
			*p = ' ';
	if (fd >= 0 && !ftruncate(fd, 0))
		close(fd);
	return calls;
}

static struct sockaddr_in address(const struct served *s)
{
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

bool client_refused(const struct served *s)
{
	struct sockaddr_in to = address(s);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool refused = connect(fd, (struct sockaddr *)&to, sizeof(to)) && errno == ECONNREFUSED;

	close(fd);
	return refused;
}

int client_connect(const struct served *s, int room)
{
	struct sockaddr_in to = address(s);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (room)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		perror("connect");
		exit(1);
	}
	return fd;
}

void client_send(int fd, const char *text)
{
	send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool answers(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

bool client_read(int fd, char *buf, size_t len)
{
	while (len) {
		ssize_t n = answers(fd) ? recv(fd, buf, len, 0) : -1;

		if (n <= 0)
			return false;
		buf += n;
		len -= n;
	}
	return true;
}

bool client_closed(int fd)
{
	char c;

	return answers(fd) && recv(fd, &c, 1, 0) == 0;
}

static void mask_date(char *answer)
{
	char *date = strstr(answer, "\r\nDate: ");

	if (date && strlen(date) > 37)
		memmove(date + 12, date + 37, strlen(date + 37) + 1);
	if (date)
		memcpy(date + 8, "DATE", 4);
}

const char *client_answer(int fd, bool head_only)
{
	static char answer[65536];
	const char *field;
	size_t n = 0, body;

	/* One byte at a time, so as to take nothing of the next answer. */
	do {
		if (n + 1 == sizeof(answer) || !client_read(fd, answer + n, 1))
			return NULL;
		answer[++n] = '\0';
	} while (n < 4 || strcmp(answer + n - 4, "\r\n\r\n"));
	field = strstr(answer, "\r\nContent-Length: ");
	body = head_only || !field ? 0 : strtoul(field + 18, NULL, 10);
	if (n + body >= sizeof(answer) || !client_read(fd, answer + n, body))
		return NULL;
	answer[n + body] = '\0';
	mask_date(answer);
	return answer;
}

const char *client_ask(int fd, const char *request)
{
	client_send(fd, request);
	return client_answer(fd, !strncmp(request, "HEAD", 4)) ?: "(no answer)";
}
