// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <systemd/sd-daemon.h>

#include "fail.h"
#include "loop.h"
#include "mirror_answer.h"
#include "mirror_daemon.h"
#include "mirror_steer.h"

/* Of fds so many are not for clients: open versions, and what is open besides. */
#define FDS_OWN (ZCM_CACHE_MAX + 64)
#define CONNECTIONS_MAX 1024

/* Milliseconds until it is tried again to own the policy. */
#define RETRY 10000

/*
 * Milliseconds. To look at a fill its file is opened, with the index's lock; of the thousands
 * that there may be none is in a hurry.
 */
#define REAP 1000

/* Answers that a connection has room for; there never is more than one. */
#define SEND_ROOM 4

/**
 * struct connection - a client
 * @d: of whom
 * @source: it has something to say; NULL if there is none
 * @fd: its socket
 */
struct connection {
	struct mirror_daemon *d;
	sd_event_source *source;
	int fd;
};

static void end_connection(struct connection *c)
{
	c->source = sd_event_source_disable_unref(c->source);
	close(c->fd);
	c->d->nr_connections--;
}

static ssize_t send_answer(int sock, const struct zcs_answer_msg *answer, size_t len, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .room = "" };
	struct iovec iov = { .iov_base = (void *)answer, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
	}
	return sendmsg(sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Returns whether the client is to stay. */
static bool serve(struct mirror_daemon *d, int sock, const struct zcs_request_msg *ask)
{
	struct zcs_answer_msg answer;
	ssize_t sent;
	size_t len;
	int fd;

	len = mirror_answer(d->m, ask, &answer, &fd);
	if (!len)
		return true;
	sent = send_answer(sock, &answer, len, fd);
	/* Too many fds are on their way, to clients that do not take them. */
	if (sent < 0 && errno == ETOOMANYREFS) {
		answer.head.err = -ETOOMANYREFS;
		answer.head.flags = 0;
		answer.head.body_len = 0;
		sent = send_answer(sock, &answer, sizeof(answer.head), -1);
	}
	if (fd >= 0)
		close(fd);
	return sent >= 0;
}

/*
 * One request a turn, so that others have theirs. Who asks while an answer lies there untaken
 * goes: an answer with a fd counts against all of us, so none has two. fds that come with a
 * request the system closes, as there is no room for them here.
 */
static int on_request(sd_event_source *src, int sock, uint32_t what, void *arg)
{
	struct connection *c = arg;
	struct zcs_request_msg ask;
	int untaken = 0;
	ssize_t n;

	(void)src;
	(void)what;
	n = recv(sock, &ask, sizeof(ask), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0 || (size_t)n > sizeof(ask) || !zcs_request_good(&ask, n) ||
	    ioctl(sock, SIOCOUTQ, &untaken) || untaken || !serve(c->d, sock, &ask))
		end_connection(c);
	return 0;
}

static struct connection *free_connection(struct mirror_daemon *d)
{
	unsigned int i;

	if (d->nr_connections == d->max_connections)
		return NULL;
	for (i = 0; d->connections[i].source; i++)
		;
	return &d->connections[i];
}

static void take_client(struct mirror_daemon *d, int sock)
{
	struct connection *c = free_connection(d);
	int room = SEND_ROOM * sizeof(struct zcs_answer_msg);
	struct zcs_answer_msg answer;
	size_t len;

	setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	len = mirror_greeting(d->m, &answer, c ? 0 : -EUSERS);
	if (send_answer(sock, &answer, len, -1) < 0 || !c ||
	    sd_event_add_io(d->event, &c->source, sock, EPOLLIN, on_request, c) < 0) {
		close(sock);
		return;
	}
	c->d = d;
	c->fd = sock;
	d->nr_connections++;
}

static int on_client(sd_event_source *src, int fd, uint32_t what, void *arg)
{
	struct mirror_daemon *d = arg;
	int sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (sock >= 0)
		take_client(d, sock);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
		/* Nothing to be had now: the next tick tries again. */
		return sd_event_source_set_enabled(src, SD_EVENT_OFF);
	return 0;
}

/*
 * Takes away what is over; as much as one turn of the index's lock does, so that others have
 * theirs. now is a time in milliseconds. Returns the time at which the next step is due, 0 if
 * there is more to do at once.
 */
static uint64_t step(struct mirror_daemon *d, uint64_t now)
{
	unsigned int nr = 0;

	if (!zcm_lock(d->m)) {
		if (now >= d->reap_at) {
			zcm_reap(d->m);
			d->reap_at = now + REAP;
		}
		nr = zcm_sweep(d->m);
		zcm_unlock(d->m);
	}
	return nr ? 0 : now + d->config.interval;
}

/* Likewise, of what leaves; nobody tells that another owns the policy no more. */
static uint64_t step_policy(struct mirror_daemon *d, uint64_t now)
{
	if (now >= d->retry) {
		store_retry(&d->policy);
		d->retry = now + RETRY;
	}
	return store_step(&d->policy, now);
}

static int on_tick(sd_event_source *src, uint64_t usec, void *arg)
{
	struct mirror_daemon *d = arg;
	uint64_t now, next, at;

	(void)usec;
	sd_event_now(d->event, CLOCK_MONOTONIC, &now);
	sd_event_source_set_enabled(d->listener, SD_EVENT_ON);
	next = step(d, now / 1000);
	at = step_policy(d, now / 1000);
	return sd_event_source_set_time(src, (at < next ? at : next) * 1000);
}

static int on_end(sd_event_source *src, const struct signalfd_siginfo *info, void *arg)
{
	struct mirror_daemon *d = arg;

	(void)src;
	(void)info;
	sd_notify(0, "STOPPING=1");
	return sd_event_exit(d->event, CTL_OK);
}

/* Whether the path still is what was made there. */
static bool is_ours(const struct mirror_daemon *d)
{
	struct stat st;

	return d->listen_fd >= 0 && !lstat(d->address.sa.un.sun_path, &st) &&
	       st.st_dev == d->made.st_dev && st.st_ino == d->made.st_ino;
}

/* A section of the configuration is for the mirror whose folder has its name. */
static int begin_policy(struct mirror_daemon *d)
{
	struct zc_info info = { 0 };
	int err = zc_info(d->cache, &info);
	struct choice c;

	if (err)
		return fail(CTL_REFUSED, "cannot read the mirror %s: %s", d->folder,
			    error_name(err));
	c = config_choice(&d->config, info.name, "");
	store_begin(&d->policy, &mirror_steer, d->cache, info.name, &c, 0);
	return CTL_OK;
}

static void reload(struct mirror_daemon *d)
{
	char error[CONFIG_ERROR_ROOM];
	struct config next;
	struct choice c;

	if (config_load(d->file, &next, error)) {
		note("nothing is changed: %s", error);
		return;
	}
	if (is_ours(d) && chmod(d->address.sa.un.sun_path, next.socket_mode))
		note("cannot change the mode of %s: %s", d->address.sa.un.sun_path,
		     error_name(-errno));
	config_free(&d->config);
	d->config = next;
	c = config_choice(&d->config, d->policy.name, "");
	store_choose(&d->policy, &c, 0);
	sd_event_source_set_time(d->tick, 0);
}

static int on_reload(sd_event_source *src, const struct signalfd_siginfo *info, void *arg)
{
	(void)src;
	(void)info;
	loop_reloading();
	reload(arg);
	loop_ready();
	return 0;
}

/* Its index says who owns the mirror: it is there as long as the mirror is open. */
static int open_mirror(struct mirror_daemon *d)
{
	char name[PATH_MAX + sizeof("mirror:")];
	int err;

	snprintf(name, sizeof(name), "mirror:%s", d->folder);
	err = zc_open(name, O_RDWR, &d->cache);
	if (err == -ENOENT || err == -EMEDIUMTYPE)
		return fail(CTL_NOT_FOUND, "there is no mirror %s: %s", d->folder, error_name(err));
	if (err)
		return fail(CTL_REFUSED, "cannot open the mirror %s: %s", d->folder,
			    error_name(err));
	d->m = zcm_mirror(d->cache);
	if (!flock(d->m->index, LOCK_EX | LOCK_NB))
		return CTL_OK;
	return errno == EWOULDBLOCK ?
	       fail(CTL_REFUSED, "the mirror %s has another zcached", d->folder) :
	       fail(CTL_REFUSED, "cannot lock the mirror %s: %s", d->folder, error_name(-errno));
}

static int open_socket(struct mirror_daemon *d)
{
	char path[PATH_MAX];
	int err;

	if (d->socket)
		snprintf(path, sizeof(path), "%s", d->socket);
	else
		snprintf(path, sizeof(path), "%s/socket", d->folder);
	err = address_of_path(path, &d->address);
	if (!err) {
		err = address_listen(&d->address, SOCK_SEQPACKET, d->config.socket_mode);
		d->listen_fd = err;
	}
	if (err < 0)
		return fail(CTL_REFUSED, "cannot listen on %s: %s", path, error_name(err));
	lstat(path, &d->made);
	return CTL_OK;
}

static int open_connections(struct mirror_daemon *d)
{
	struct rlimit fds;

	if (getrlimit(RLIMIT_NOFILE, &fds))
		return fail(CTL_REFUSED, "cannot tell how many files may be open: %s",
			    error_name(-errno));
	if (fds.rlim_cur < FDS_OWN + CONNECTIONS_MAX) {
		fds.rlim_cur = fds.rlim_max < FDS_OWN + CONNECTIONS_MAX ? fds.rlim_max :
			       FDS_OWN + CONNECTIONS_MAX;
		setrlimit(RLIMIT_NOFILE, &fds);
	}
	if (fds.rlim_cur <= FDS_OWN)
		return fail(CTL_REFUSED, "this needs more than %d open files", FDS_OWN);
	d->max_connections = fds.rlim_cur - FDS_OWN < CONNECTIONS_MAX ?
			     fds.rlim_cur - FDS_OWN : CONNECTIONS_MAX;
	d->connections = calloc(d->max_connections, sizeof(*d->connections));
	return d->connections ? CTL_OK : fail(CTL_REFUSED, "%s", error_name(-ENOMEM));
}

static int open_loop(struct mirror_daemon *d)
{
	int err = loop_new(&d->event, &d->tick, on_end, on_reload, on_tick, d);

	if (err >= 0)
		err = sd_event_add_io(d->event, &d->listener, d->listen_fd, EPOLLIN, on_client, d);
	return err < 0 ? fail(CTL_REFUSED, "cannot make an event loop: %s", error_name(err)) :
			 CTL_OK;
}

int mirror_daemon_run(struct mirror_daemon *d)
{
	int code;
	unsigned int i;

	d->listen_fd = -1;
	code = open_mirror(d) ?: open_connections(d) ?: open_socket(d) ?: open_loop(d) ?:
	       begin_policy(d);
	if (!code) {
		loop_ready();
		code = sd_event_loop(d->event);
		if (code < 0)
			code = fail(CTL_REFUSED, "the event loop broke: %s", error_name(code));
	}
	for (i = 0; d->connections && i < d->max_connections; i++)
		if (d->connections[i].source)
			end_connection(&d->connections[i]);
	free(d->connections);
	sd_event_source_unref(d->listener);
	sd_event_source_unref(d->tick);
	sd_event_unref(d->event);
	if (is_ours(d))
		unlink(d->address.sa.un.sun_path);
	if (d->listen_fd >= 0)
		close(d->listen_fd);
	store_end(&d->policy);
	zc_close(d->cache);
	return code;
}
