// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "accept.h"
#include "address.h"
#include "daemon.h"
#include "fail.h"
#include "http.h"
#include "metrics.h"
#include "page.h"
#include "status.h"

/*
 * Enough for those who watch. A connection is for one request, which has its time, however
 * little its client sends or takes now and then: who fills the connections keeps others out
 * only for so long.
 */
#define CONNECTIONS 64
#define REQUEST_TIME 10000000	/* microseconds */
#define REQUEST_ROOM 16384	/* bytes a connection may take */

#define OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
#define PROMETHEUS "text/plain; version=0.0.4; charset=utf-8"

/**
 * struct client - a connection
 * @fd: its socket; 0 if there is none
 * @end: when the answer is to have been taken
 */
struct client {
	int fd;
	uint64_t end;
};

/**
 * struct http - who listens
 * @d: what is told of
 * @mhd: the server
 * @io: it has something to do
 * @timer: so it has
 * @clients: the connections
 * @where: as the configuration says it
 * @path: of a UNIX socket, or empty
 * @made: the socket's node
 */
struct http {
	struct daemon *d;
	struct MHD_Daemon *mhd;
	sd_event_source *io, *timer;
	struct client clients[CONNECTIONS];
	char where[LISTEN_ROOM];
	char path[ADDRESS_TEXT];
	struct stat made;
};

/* The stores as they are now; the caller frees both. */
static int look(struct daemon *d, struct stores *stores, struct view **views)
{
	int err = get_stores(&d->reads, NULL, stores);
	size_t i;

	*views = calloc(stores->n + 1, sizeof(**views));
	if (err || !*views)
		return err ?: -ENOMEM;
	for (i = 0; i < stores->n; i++) {
		struct item *item = daemon_find(d, stores->v[i].name);

		(*views)[i].store = &stores->v[i];
		(*views)[i].managed = item ? &item->m : NULL;
	}
	return 0;
}

static char *metrics_text(struct daemon *d, bool openmetrics)
{
	struct stores stores = { 0 };
	struct view *views = NULL;
	char *text = NULL;
	size_t len;
	FILE *f;

	if (!look(d, &stores, &views)) {
		f = open_memstream(&text, &len);
		if (f) {
			metrics_print(f, openmetrics, views, stores.n);
			fclose(f);
		}
	}
	free(views);
	free(stores.v);
	return text;
}

static char *status_text(struct daemon *d)
{
	static const struct top_tags none;
	const struct top_tags **tags = NULL;
	struct stores stores = { 0 };
	struct view *views = NULL;
	struct timespec now;
	char *text = NULL;
	size_t i;

	clock_gettime(CLOCK_REALTIME, &now);
	if (!look(d, &stores, &views))
		tags = calloc(stores.n + 1, sizeof(*tags));
	for (i = 0; tags && i < stores.n; i++) {
		struct item *item = daemon_find(d, stores.v[i].name);

		tags[i] = &none;
		if (item && !tags_update(item->m.name, &item->tags))
			tags[i] = &item->tags;
		/* an answer that is not read holds the store, and the module */
		if (item && item->tags.look)
			sd_event_source_set_time(d->tick, 0);
	}
	if (tags)
		text = status_json(views, tags, stores.n,
				   now.tv_sec * 1000ULL + now.tv_nsec / 1000000);
	free(tags);
	free(views);
	free(stores.v);
	return text;
}

/* Well, or what is not. */
static char *health_text(struct daemon *d, int *code)
{
	char *text = NULL;
	size_t len, i;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	for (i = 0; i < d->nr_items; i++) {
		if (d->items[i]->m.state != STORE_FAILED)
			continue;
		fprintf(f, "store %s: its policy is left to the kernel, as it could not be owned\n",
			d->items[i]->m.name);
		*code = MHD_HTTP_SERVICE_UNAVAILABLE;
	}
	if (*code == MHD_HTTP_OK)
		fputs("ok\n", f);
	fclose(f);
	return text;
}

struct answer {
	int code;
	const char *type;
	struct MHD_Response *body;
};

static void own_text(struct answer *a, char *text)
{
	if (text)
		a->body = MHD_create_response_from_buffer(strlen(text), text,
							  MHD_RESPMEM_MUST_FREE);
}

static void fixed(struct answer *a, const char *type, const char *from, const char *end)
{
	a->type = type;
	a->body = MHD_create_response_from_buffer(end - from, (void *)from,
						  MHD_RESPMEM_PERSISTENT);
}

static void fixed_text(struct answer *a, int code, const char *text)
{
	a->code = code;
	fixed(a, "text/plain; charset=utf-8", text, text + strlen(text));
}

static void make_answer(struct daemon *d, struct MHD_Connection *c, const char *url,
			struct answer *a)
{
	bool openmetrics;

	if (!strcmp(url, "/")) {
		fixed(a, "text/html; charset=utf-8", page_html, page_html_end);
	} else if (!strcmp(url, "/status.css")) {
		fixed(a, "text/css; charset=utf-8", page_css, page_css_end);
	} else if (!strcmp(url, "/status.js")) {
		fixed(a, "text/javascript; charset=utf-8", page_js, page_js_end);
	} else if (!strcmp(url, "/status.json")) {
		a->type = "application/json";
		own_text(a, status_text(d));
	} else if (!strcmp(url, "/metrics")) {
		openmetrics = accept_openmetrics(MHD_lookup_connection_value(c, MHD_HEADER_KIND,
									      "Accept"));
		a->type = openmetrics ? OPENMETRICS : PROMETHEUS;
		own_text(a, metrics_text(d, openmetrics));
	} else if (!strcmp(url, "/healthz")) {
		a->type = "text/plain; charset=utf-8";
		own_text(a, health_text(d, &a->code));
	} else {
		fixed_text(a, MHD_HTTP_NOT_FOUND,
			   "There are /, /status.json, /metrics and /healthz.\n");
	}
}

static enum MHD_Result send_answer(struct MHD_Connection *c, const struct answer *a)
{
	enum MHD_Result result;

	MHD_add_response_header(a->body, "Content-Type", a->type);
	MHD_add_response_header(a->body, "Cache-Control", "no-store");
	MHD_add_response_header(a->body, "X-Content-Type-Options", "nosniff");
	MHD_add_response_header(a->body, "Content-Security-Policy",
				"default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
	if (a->code == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(a->body, "Allow", "GET, HEAD");
	result = MHD_queue_response(c, a->code, a->body);
	MHD_destroy_response(a->body);
	return result;
}

/*
 * A name of somebody else's may lead here, too, and a page of theirs would then be allowed to
 * read. Without the field it is no browser that asks, and a path has no name.
 */
static bool misled(const struct http *http, struct MHD_Connection *c)
{
	const char *host = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host");

	return host && !http->path[0] && !address_local_host(host);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *len, void **state)
{
	struct answer a = { .code = MHD_HTTP_OK };
	struct http *http = arg;

	(void)version;
	(void)data;
	(void)len;
	(void)state;
	/* A body is not waited for, so the connection ends with the answer. */
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		fixed_text(&a, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.\n");
	else if (misled(http, c))
		fixed_text(&a, MHD_HTTP_MISDIRECTED_REQUEST,
			   "The field Host is to name this machine: localhost, 127.0.0.1 or [::1].\n");
	else
		make_answer(http->d, c, url, &a);
	if (!a.body)
		fixed_text(&a, MHD_HTTP_INTERNAL_SERVER_ERROR, "The kernel did not answer.\n");
	return a.body ? send_answer(c, &a) : MHD_NO;
}

static unsigned int connections(struct http *http)
{
	return MHD_get_daemon_info(http->mhd,
				   MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

static uint64_t now_us(const struct http *http)
{
	uint64_t now;

	sd_event_now(http->d->event, CLOCK_MONOTONIC, &now);
	return now;
}

/* Its time begins. */
static void on_connection(void *arg, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct client *client = *context;
	struct http *http = arg;
	int i;

	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		client->fd = 0;
		return;
	}
	/* there are no more than the server takes */
	for (i = 0; http->clients[i].fd; i++)
		;
	*context = client = &http->clients[i];
	client->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	client->end = now_us(http) + REQUEST_TIME;
}

/* libmicrohttpd then finds that their connections ended. Returns when others are late. */
static uint64_t end_late(struct http *http)
{
	uint64_t now = now_us(http), next = UINT64_MAX;
	int i;

	for (i = 0; i < CONNECTIONS; i++) {
		struct client *client = &http->clients[i];

		if (client->fd && client->end <= now)
			shutdown(client->fd, SHUT_RDWR);
		else if (client->fd && client->end < next)
			next = client->end;
	}
	return next;
}

/*
 * The server does not listen while there are as many as it takes, and only another run
 * begins again.
 */
static int serve(struct http *http)
{
	unsigned int before = connections(http);
	MHD_UNSIGNED_LONG_LONG ms;
	uint64_t next;

	end_late(http);
	MHD_run(http->mhd);
	if (connections(http) < before)
		MHD_run(http->mhd);
	next = end_late(http);
	if (MHD_get_timeout(http->mhd, &ms) == MHD_YES && now_us(http) + ms * 1000 < next)
		next = now_us(http) + ms * 1000;
	sd_event_source_set_time(http->timer, next);
	return sd_event_source_set_enabled(http->timer, SD_EVENT_ONESHOT);
}

static int on_io(sd_event_source *src, int fd, uint32_t what, void *arg)
{
	(void)src;
	(void)fd;
	(void)what;
	return serve(arg);
}

static int on_timer(sd_event_source *src, uint64_t usec, void *arg)
{
	(void)src;
	(void)usec;
	return serve(arg);
}

static int start(struct http *http, int fd)
{
	const union MHD_DaemonInfo *info;
	int err;

	http->mhd = MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, http,
				     MHD_OPTION_LISTEN_SOCKET, fd,
				     MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS,
				     MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
				     MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_ROOM,
				     MHD_OPTION_END);
	if (!http->mhd) {
		close(fd);
		return -ENOMEM;
	}
	info = MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	err = sd_event_add_io(http->d->event, &http->io, info->epoll_fd, EPOLLIN, on_io, http);
	if (err >= 0)
		err = sd_event_add_time(http->d->event, &http->timer, CLOCK_MONOTONIC, UINT64_MAX,
					1000, on_timer, http);
	return err < 0 ? err : 0;
}

/* Whether the path still is what was made there. */
static bool is_ours(const struct http *http)
{
	struct stat st;

	return http->path[0] && !lstat(http->path, &st) && st.st_dev == http->made.st_dev &&
	       st.st_ino == http->made.st_ino;
}

static struct http *open_at(struct daemon *d, const char *where, mode_t mode, int *err)
{
	struct http *http = calloc(1, sizeof(*http));
	char name[ADDRESS_TEXT];
	struct address a;
	int fd;

	*err = http ? address_parse(where, &a) : -ENOMEM;
	fd = *err ? *err : address_listen(&a, SOCK_STREAM, mode);
	if (fd < 0) {
		*err = fd;
		http_close(http);
		return NULL;
	}
	http->d = d;
	strcpy(http->where, where);
	if (a.sa.any.sa_family == AF_UNIX) {
		snprintf(http->path, sizeof(http->path), "%s", a.sa.un.sun_path);
		lstat(http->path, &http->made);
	}
	address_name(fd, name);
	*err = start(http, fd);
	if (*err) {
		http_close(http);
		return NULL;
	}
	note("listening on %s", name);
	return http;
}

int http_move(struct http **http, struct daemon *d, const char *where, mode_t mode)
{
	struct http *next = NULL;
	int err = 0;

	if (*http && !strcmp((*http)->where, where)) {
		if (is_ours(*http) && chmod((*http)->path, mode))
			return fail(CTL_REFUSED, "cannot change the mode of %s: %s", where,
				    error_name(-errno));
		return CTL_OK;
	}
	if (where[0])
		next = open_at(d, where, mode, &err);
	if (err)
		return fail(CTL_REFUSED, "cannot listen on %s: %s", where, error_name(err));
	http_close(*http);
	*http = next;
	return CTL_OK;
}

void http_close(struct http *http)
{
	if (!http)
		return;
	sd_event_source_disable_unref(http->io);
	sd_event_source_disable_unref(http->timer);
	if (http->mhd)
		MHD_stop_daemon(http->mhd);
	if (is_ours(http))
		unlink(http->path);
	free(http);
}
