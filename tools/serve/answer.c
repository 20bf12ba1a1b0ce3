// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a request to the bytes of its answer. A plain GET or HEAD is answered by
 * one SEND that looks the object up as well; only ranges, and conditions that SEND
 * does not know, need a STAT first, whose generation the SEND then insists on.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

/* A key replaced more often than that while it is asked for is answered with 503. */
#define RESTARTS_MAX 8

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts.tv_sec;
}

static void message(struct request *r, int status)
{
	r->status = status;
	r->nr_parts = 0;
	r->skip = 0;
	r->text_len = http_message(r->text, sizeof(r->text), status, r->head_only, now(),
				   r->keep_alive);
}

/* The text ends with the tail; what head it already has stays. */
static void add_tail(struct worker *w, struct request *r)
{
	struct tail *tail = &w->tail[r->keep_alive];
	time_t second = now();

	if (tail->second != second) {
		tail->second = second;
		tail->len = http_tail(tail->text, sizeof(tail->text), second, r->keep_alive);
	}
	memcpy(r->text + r->text_len, tail->text, tail->len);
	r->text_len += tail->len;
}

static void part(struct request *r, uint32_t type, uint64_t offset, uint64_t length)
{
	struct zc_part *p = &r->part[r->nr_parts++];

	memset(p, 0, sizeof(*p));
	p->type = type;
	if (type == ZC_PART_INLINE) {
		p->addr = zc_ptr(r->text);
		p->length = r->text_len;
	} else if (type == ZC_PART_OBJECT) {
		p->offset = offset;
		p->length = length;
		p->flags = length ? 0 : ZC_PART_TO_END;
	}
}

/* With the stored header, which says all but what add_tail() says. */
static void whole_object(struct worker *w, struct request *r)
{
	r->status = 200;
	r->text_len = 0;
	r->nr_parts = 0;
	add_tail(w, r);
	part(r, ZC_PART_HEADER, 0, 0);
	part(r, ZC_PART_INLINE, 0, 0);
	if (!r->head_only)
		part(r, ZC_PART_OBJECT, 0, 0);
}

static void failed(struct request *r, int err)
{
	switch (err) {
	case -ENOENT:
	case -ENAMETOOLONG:
		message(r, 404);
		break;
	case -ENODEV:
	case -ENOMEM:
	case -ESTALE:
		message(r, 503);
		break;
	default:
		say("an answer failed: %s", strerror(-err));
		message(r, 500);
	}
}

static int status_of(const struct request *r, struct http_head *h)
{
	bool if_range = !r->if_range.given ||
			(!r->if_range.cut && http_if_range(r->if_range.text, r->if_range.len,
							   h->etag, h->etag_len));

	/* Half a list is none: who insists on a tag is not to get another's bytes. */
	if (r->match.given &&
	    (r->match.cut || !http_if_match(r->match.text, r->match.len, h->etag, h->etag_len)))
		return 412;
	if (r->none_match.len && !r->none_match.cut &&
	    http_none_match(r->none_match.text, r->none_match.len, h->etag, h->etag_len))
		return 304;
	if (r->head_only || !r->range.len || r->range.cut || !if_range)
		return 200;
	switch (http_range(r->range.text, r->range.len, h->size, &h->first, &h->length)) {
	case HTTP_RANGE_ONE:
		return 206;
	case HTTP_RANGE_UNSATISFIABLE:
		return 416;
	default:
		return 200;
	}
}

static void by_stat(struct worker *w, struct request *r)
{
	char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	struct zc_stat s = {
		.key = zc_ptr(r->key),
		.key_len = r->key_len,
		.header = zc_ptr(header),
		.header_len = sizeof(header),
		.etag = zc_ptr(etag),
		.etag_len = sizeof(etag),
		.type = zc_ptr(type),
		.type_len = sizeof(type),
	};
	struct http_head h = { .etag = etag, .type = type, .stored = header };
	int err = zc_stat(w->srv->cache, &s);

	if (err) {
		failed(r, err);
		return;
	}
	h.etag_len = s.etag_len;
	h.type_len = s.type_len;
	h.stored_len = s.header_len;
	h.size = s.data_len;
	h.status = status_of(r, &h);
	r->generation = s.generation;
	if (h.status == 412) {
		message(r, 412);
		return;
	}
	if (h.status == 200 && s.header_len) {
		whole_object(w, r);
		return;
	}
	r->status = h.status;
	r->nr_parts = 0;
	r->text_len = http_head(r->text, sizeof(r->text) - HTTP_TAIL_MAX, &h);
	add_tail(w, r);
	if (r->head_only || h.status == 304 || h.status == 416)
		return;
	part(r, ZC_PART_INLINE, 0, 0);
	if (h.status == 206)
		part(r, ZC_PART_OBJECT, h.first, h.length);
	else
		part(r, ZC_PART_OBJECT, 0, 0);
}

static void decide(struct worker *w, struct request *r)
{
	r->generation = 0;
	r->skip = 0;
	r->etag_len = 0;
	if (r->match.given && !r->match.cut)
		r->etag_len = http_one_tag(r->match.text, r->match.len, &r->etag);
	if (r->range.len || r->none_match.len || (r->match.given && !r->etag_len))
		by_stat(w, r);
	else
		whole_object(w, r);
}

/* The path that is asked for; false if there is none to be made out. */
static bool find_path(const struct request *r, const char **path, size_t *len)
{
	struct http_parser_url url;

	/* Who takes us for no proxy asks for a path, whose bytes have been checked. */
	if (r->url_len && r->url[0] == '/') {
		*path = r->url;
		for (*len = 1; *len < r->url_len; ++*len)
			if (r->url[*len] == '?' || r->url[*len] == '#')
				break;
		return true;
	}
	http_parser_url_init(&url);
	if (!r->url_len || http_parser_parse_url(r->url, r->url_len, 0, &url))
		return false;
	*path = "/";
	*len = 1;
	if (url.field_set & (1 << UF_PATH)) {
		*path = r->url + url.field_data[UF_PATH].off;
		*len = url.field_data[UF_PATH].len;
	}
	return true;
}

/* Returns 0 with the key, or the status of a refusal. */
static int find_key(struct request *r)
{
	const char *path;
	size_t len;
	int n;

	if (!find_path(r, &path, &len))
		return 400;
	n = http_decode_path(path, len, r->key, sizeof(r->key));
	if (n < 0)
		return n == -ENAMETOOLONG ? 414 : 400;
	r->key_len = n;
	return 0;
}

static int refusal(const struct http_parser *p, struct request *r)
{
	if (p->http_major != 1)
		return 505;
	/* Which host does not matter here, but what lies in between must not disagree. */
	if (r->bad || r->hosts > 1 || (!r->hosts && p->http_minor))
		return 400;
	if (p->method != HTTP_GET && p->method != HTTP_HEAD)
		return 405;
	return find_key(r);
}

void answer_begin(struct worker *w, struct conn *c)
{
	struct request *r = c->req;
	int status = refusal(&c->parser, r);

	if (w->stopping || status == 505 || status == 400)
		r->keep_alive = false;
	if (status)
		message(r, status);
	else
		decide(w, r);
}

void answer_error(struct conn *c, int status)
{
	c->req->keep_alive = false;
	message(c->req, status);
}

static enum answer_result step_text(struct conn *c, uint64_t *sent)
{
	struct request *r = c->req;
	ssize_t n = send(c->fd, r->text + r->skip, r->text_len - r->skip,
			 MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0 && errno == EINTR)
		return ANSWER_BUDGET;
	if (n < 0)
		return errno == EAGAIN ? ANSWER_BLOCKED : ANSWER_BROKEN;
	r->skip += n;
	*sent += n;
	return r->skip == r->text_len ? ANSWER_DONE : ANSWER_BLOCKED;
}

static int send_parts(struct worker *w, struct conn *c, struct zc_send *s)
{
	struct request *r = c->req;

	*s = (struct zc_send) {
		.flags = ZC_SEND_NOWAIT,
		.sock = c->fd,
		.nr_parts = r->nr_parts,
		.parts = zc_ptr(r->part),
		.skip = r->skip,
		.max_bytes = w->srv->opt.budget,
		.generation = r->generation,
	};
	if (r->object_fd >= 0) {
		s->flags |= ZC_SEND_FD;
		s->fd = r->object_fd;
	} else {
		s->flags |= ZC_SEND_PIN;
		s->key = zc_ptr(r->key);
		s->key_len = r->key_len;
	}
	/* Expiry and conditions end new answers, not one that has begun. */
	if (r->skip) {
		s->flags |= ZC_SEND_EXPIRED_OK;
	} else if (r->etag_len) {
		s->flags |= ZC_SEND_IF_MATCH;
		s->etag = zc_ptr(r->etag);
		s->etag_len = r->etag_len;
	}
	return zc_send(w->srv->cache, s);
}

/* No byte of the answer has left, so it may still become another one. */
static enum answer_result other_answer(struct worker *w, struct request *r, int err)
{
	bool again = r->restarts++ < RESTARTS_MAX;

	if (err == -ECANCELED)
		message(r, 412);
	else if (again && err == -ENODATA)
		by_stat(w, r);		/* the object has no header of its own */
	else if (again && err == -ESTALE)
		decide(w, r);
	else
		failed(r, err);
	return ANSWER_BUDGET;
}

static enum answer_result step_parts(struct worker *w, struct conn *c, uint64_t *sent)
{
	struct request *r = c->req;
	struct zc_send s;
	int err = send_parts(w, c, &s);

	switch (err) {
	case 0:
		break;
	case -EAGAIN:
		return ANSWER_BLOCKED;
	case -EINTR:
		return ANSWER_BUDGET;
	case -EPIPE:
	case -ECONNRESET:
	case -ENOTCONN:
	case -ETIMEDOUT:
		return ANSWER_BROKEN;
	default:
		return r->skip ? ANSWER_BROKEN : other_answer(w, r, err);
	}
	r->skip += s.sent;
	*sent += s.sent;
	if (r->skip == s.total)
		return ANSWER_DONE;
	/* Without a fd, since there are limits, the generation at least notices. */
	r->generation = s.generation;
	if (r->object_fd < 0)
		r->object_fd = s.pinned;
	/* Short of the budget, it was the socket that took no more. */
	return w->srv->opt.budget && s.sent >= w->srv->opt.budget ? ANSWER_BUDGET
								  : ANSWER_BLOCKED;
}

enum answer_result answer_step(struct worker *w, struct conn *c, uint64_t *sent)
{
	return c->req->nr_parts ? step_parts(w, c, sent) : step_text(c, sent);
}
