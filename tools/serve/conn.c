// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a connection: requests are read, answered in order, one at a time,
 * and what a client sent too early waits in c->left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

/* A client that has been refused gets this long, and this much, to notice. */
#define LINGER_SECONDS 5
#define LINGER_BYTES (1U << 20)

/* A flood of small requests in one read is interrupted for others like one big answer. */
#define ANSWERS_PER_TURN 16

void conn_close(struct worker *w, struct conn *c)
{
	request_end(c);
	free(c->left);
	close(c->fd);
	worker_forget(w, c);
	free(c);
}

void conn_new(struct worker *w, int fd)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (!c || !worker_adopt(w, c, fd)) {
		close(fd);
		free(c);
		return;
	}
	http_parser_init(&c->parser, HTTP_REQUEST);
	c->parser.data = c;
	worker_deadline(w, c, w->srv->opt.client_timeout);
}

/* Keeps what is not parsed yet. False without memory. */
static bool keep(struct conn *c, const char *data, size_t len)
{
	if (!len)
		return true;
	c->left = malloc(len);
	if (!c->left)
		return false;
	memcpy(c->left, data, len);
	c->left_len = len;
	return true;
}

/*
 * Closing with unread bytes makes the kernel reset the connection, and the answer
 * may be lost with it. So end our side, and drop what still comes.
 */
static void linger(struct worker *w, struct conn *c)
{
	request_end(c);
	free(c->left);
	c->left = NULL;
	c->left_len = 0;
	c->state = CONN_LINGER;
	shutdown(c->fd, SHUT_WR);
	worker_watch(w, c, EPOLLIN);
	worker_deadline(w, c, LINGER_SECONDS);
}

static void drop_input(struct worker *w, struct conn *c)
{
	ssize_t n = recv(c->fd, w->buf, sizeof(w->buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->discarded += n;
	if (n <= 0 || c->discarded > LINGER_BYTES)
		conn_close(w, c);
}

static void finished(struct worker *w, struct conn *c)
{
	w->count.requests++;
	w->count.status[c->req->status / 100]++;
	if (!c->req->keep_alive) {
		linger(w, c);
		return;
	}
	request_end(c);
	c->state = CONN_READ;
	worker_watch(w, c, EPOLLIN);
	worker_deadline(w, c, w->srv->opt.keep_alive_timeout);
}

/* Sends for one turn. False if c is gone. */
static bool advance(struct worker *w, struct conn *c, uint64_t *sent)
{
	uint64_t before = *sent;
	enum answer_result result = answer_step(w, c, sent);

	w->count.bytes += *sent - before;
	switch (result) {
	case ANSWER_DONE:
		finished(w, c);
		return true;
	case ANSWER_BLOCKED:
		worker_watch(w, c, EPOLLOUT);
		break;
	case ANSWER_BUDGET:
		worker_queue(w, c);
		break;
	case ANSWER_BROKEN:
		conn_close(w, c);
		return false;
	}
	if (*sent != before)
		worker_deadline(w, c, w->srv->opt.client_timeout);
	return true;
}

static int status_of_error(enum http_errno err)
{
	switch (err) {
	case HPE_HEADER_OVERFLOW:
		return 431;
	case HPE_INVALID_METHOD:
		return 501;
	case HPE_INVALID_VERSION:
		return 505;
	default:
		return 400;
	}
}

/* The request cannot be understood, and so neither what follows it. */
static bool refuse(struct worker *w, struct conn *c, int status, uint64_t *sent)
{
	if (!c->req && request_settings.on_message_begin(&c->parser)) {
		conn_close(w, c);
		return false;
	}
	c->state = CONN_SEND;
	answer_error(c, status);
	return advance(w, c, sent);
}

static bool turn_over(const struct worker *w, unsigned int answers, uint64_t sent)
{
	return answers == ANSWERS_PER_TURN ||
	       (w->srv->opt.budget && sent >= w->srv->opt.budget);
}

static void parse(struct worker *w, struct conn *c, const char *data, size_t len)
{
	unsigned int answers = 0;
	uint64_t sent = 0;

	while (len && c->state == CONN_READ) {
		bool idle = !c->req;
		enum http_errno err;
		size_t n;

		if (turn_over(w, answers, sent)) {
			worker_queue(w, c);
			break;
		}
		n = http_parser_execute(&c->parser, &request_settings, data, len);
		err = HTTP_PARSER_ERRNO(&c->parser);
		data += n;
		len -= n;
		if (err == HPE_OK) {
			/* From the first byte on, however slowly the others follow. */
			if (idle && c->req)
				worker_deadline(w, c, w->srv->opt.client_timeout);
			continue;
		}
		answers++;
		if (err != HPE_PAUSED) {
			if (!refuse(w, c, status_of_error(err), &sent))
				return;
			len = 0;
			break;
		}
		http_parser_pause(&c->parser, 0);
		c->state = CONN_SEND;
		answer_begin(w, c);
		if (!advance(w, c, &sent))
			return;
	}
	if (c->state != CONN_LINGER && !keep(c, data, len))
		conn_close(w, c);
}

static void read_input(struct worker *w, struct conn *c)
{
	ssize_t n = recv(c->fd, w->buf, sizeof(w->buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		conn_close(w, c);
		return;
	}
	parse(w, c, w->buf, n);
}

static void parse_left(struct worker *w, struct conn *c)
{
	char *data = c->left;
	size_t len = c->left_len;

	c->left = NULL;
	c->left_len = 0;
	parse(w, c, data, len);
	free(data);
}

void conn_run(struct worker *w, struct conn *c)
{
	uint64_t sent = 0;

	if (c->state == CONN_SEND && !advance(w, c, &sent))
		return;
	if (c->state == CONN_READ && c->left && !c->queued)
		parse_left(w, c);
}

void conn_event(struct worker *w, struct conn *c, uint32_t events)
{
	/* The run queue has its turn; it will meet the same error, if it is one. */
	if (c->queued)
		return;
	switch (c->state) {
	case CONN_READ:
		read_input(w, c);
		break;
	case CONN_LINGER:
		drop_input(w, c);
		break;
	case CONN_SEND:
		if (events & EPOLLERR)
			conn_close(w, c);
		else
			conn_run(w, c);
		break;
	}
}

void conn_timeout(struct worker *w, struct conn *c)
{
	uint64_t sent = 0;

	/* Half a request is worth a word; an idle connection or a stuck one is not. */
	if (c->state == CONN_READ && c->req)
		refuse(w, c, 408, &sent);
	else
		conn_close(w, c);
}

void conn_stop(struct worker *w, struct conn *c)
{
	if (c->state == CONN_READ && !c->req && !c->left)
		conn_close(w, c);
	else if (c->req)
		c->req->keep_alive = false;
}
