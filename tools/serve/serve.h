/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * zcache-serve: workers, each with an epoll loop of its own and the connections
 * it accepted. Nothing but the counts in struct server is shared between them.
 */
#ifndef SERVE_H
#define SERVE_H

#include <http_parser.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <zcache.h>

#include "http.h"

/* Bytes of a request's line and fields; also the most read from a socket at once. */
#define REQUEST_MAX (16U << 10)

/* One slot per second; a later deadline stays in its slot for another round. */
#define WHEEL_SLOTS 64

struct options {
	const char *store, *listen, *load;
	unsigned int workers, keep_alive_timeout, client_timeout, max_connections;
	uint64_t budget;
};

struct server {
	struct zc_cache *cache;
	struct options opt;
	int listen_fd;
	unsigned int connections;	/* of all workers, atomic */
};

struct counters {
	uint64_t connections, requests, bytes;
	uint64_t status[6];		/* by hundreds */
};

enum conn_state {
	CONN_READ,			/* waits for a request, or for the rest of one */
	CONN_SEND,			/* an answer is under way */
	CONN_LINGER,			/* answered and shut down; drops what still comes */
};

/* A header field that matters, cut off when it is longer than any sensible one. */
struct field {
	unsigned int len;
	bool cut, given;		/* given: perhaps without a value */
	char text[256];
};

struct request {
	/* A request begins with zeroes from here on, */
	size_t url_len;
	char name[16];			/* of the field being parsed */
	unsigned int name_len;
	bool in_value;
	struct field *field;		/* its value goes here; NULL: nowhere */
	unsigned int hosts;
	bool head_only, has_body, keep_alive;
	bool bad;			/* what lies before us may read it otherwise */
	unsigned int key_len;

	/* The answer: text alone if nr_parts is 0, else parts, of which text is one. */
	int status;
	unsigned int text_len;
	unsigned int nr_parts;
	uint64_t skip, generation;
	const char *etag;		/* SEND is to insist on it, if etag_len is not 0 */
	uint32_t etag_len;
	int object_fd;			/* pins the version after a short send; or -1 */
	unsigned int restarts;

	/* with empty fields, */
	struct field range, if_range, none_match, match;

	/* and with what the one before left here; the room for the URL is used again. */
	char *url;
	size_t url_room;
	struct zc_part part[3];
	unsigned char key[ZC_KEY_MAX];
	char text[HTTP_HEAD_MAX];
};

struct conn {
	struct worker *worker;
	int fd;
	enum conn_state state;
	uint32_t events;		/* what epoll watches for */
	bool queued;			/* in the run queue */
	struct conn *run_next;
	struct conn *wheel_next, **wheel_link;
	uint64_t deadline;		/* second of the monotonic clock */
	struct http_parser parser;
	struct request *req;
	char *left;			/* received, not yet parsed */
	size_t left_len;
	size_t discarded;		/* CONN_LINGER: bytes dropped */
};

/* The end of a head as it is for one second. */
struct tail {
	time_t second;
	unsigned int len;
	char text[HTTP_TAIL_MAX];
};

struct worker {
	struct server *srv;
	pthread_t thread;
	int epoll_fd, stop_fd;
	bool accepting, stop_asked, stopping;
	unsigned int conns;
	struct conn *wheel[WHEEL_SLOTS];
	uint64_t now;			/* second of the monotonic clock, at the last event */
	uint64_t tick;			/* last second whose slot was looked at */
	struct conn *run_first, **run_last;
	struct tail tail[2];		/* without keep-alive, and with */
	struct request *spare;		/* mostly one request ends before another begins */
	struct counters count;
	char buf[REQUEST_MAX];
};

/* worker.c */
int worker_start(struct worker *w, struct server *srv);
void worker_stop(struct worker *w);
void worker_join(struct worker *w);
void worker_queue(struct worker *w, struct conn *c);
void worker_watch(struct worker *w, struct conn *c, uint32_t events);
void worker_deadline(struct worker *w, struct conn *c, unsigned int seconds);

bool worker_adopt(struct worker *w, struct conn *c, int fd);
void worker_forget(struct worker *w, struct conn *c);

/* conn.c; each may free c */
void conn_new(struct worker *w, int fd);
void conn_event(struct worker *w, struct conn *c, uint32_t events);
void conn_run(struct worker *w, struct conn *c);
void conn_timeout(struct worker *w, struct conn *c);
void conn_stop(struct worker *w, struct conn *c);
void conn_close(struct worker *w, struct conn *c);

/* request.c: the parser's callbacks fill in the request of a connection */
extern const struct http_parser_settings request_settings;
void request_end(struct conn *c);
void request_free(struct request *r);

/* answer.c */
enum answer_result {
	ANSWER_DONE,
	ANSWER_BLOCKED,			/* the socket takes nothing now */
	ANSWER_BUDGET,			/* there is more, after the others' turn */
	ANSWER_BROKEN,			/* cannot be completed; close */
};

/* Decides the answer to the request that was just parsed. */
void answer_begin(struct worker *w, struct conn *c);
/* An answer without a request that could be understood. */
void answer_error(struct conn *c, int status);
/* Sends at most one budget's worth and adds the bytes to *sent. */
enum answer_result answer_step(struct worker *w, struct conn *c, uint64_t *sent);

/* load.c: -errno only if nothing could be done at all, having said why */
int load_directory(struct zc_cache *cache, const char *dir);

/* listen.c: returns the socket, or -errno having said why */
int listen_bind(const char *where);
int listen_start(int fd);
/* "listening on ADDR:PORT" without a line end, with the port that was chosen */
void listen_print(int fd);

void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* SERVE_H */
