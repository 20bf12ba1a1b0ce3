// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is kept of a request while it is parsed. Everything may come in pieces of
 * any size; the parser bounds the whole to REQUEST_MAX.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "serve.h"

static struct request *of(struct http_parser *p)
{
	return ((struct conn *)p->data)->req;
}

static void clear(struct field *f)
{
	f->len = 0;
	f->cut = false;
	f->given = false;
}

static int on_begin(struct http_parser *p)
{
	struct conn *c = p->data;
	struct worker *w = c->worker;
	struct request *r = w->spare;

	if (!r)
		r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	w->spare = NULL;
	memset(r, 0, offsetof(struct request, range));
	clear(&r->range);
	clear(&r->if_range);
	clear(&r->none_match);
	clear(&r->match);
	r->object_fd = -1;
	c->req = r;
	return 0;
}

static int on_url(struct http_parser *p, const char *at, size_t len)
{
	struct request *r = of(p);

	if (len > r->url_room - r->url_len) {
		size_t room = r->url_len + len + 256;
		char *url = realloc(r->url, room);

		if (!url)
			return -1;
		r->url = url;
		r->url_room = room;
	}
	memcpy(r->url + r->url_len, at, len);
	r->url_len += len;
	return 0;
}

static int on_field(struct http_parser *p, const char *at, size_t len)
{
	struct request *r = of(p);

	if (r->in_value) {
		r->in_value = false;
		r->name_len = 0;
	}
	/* Others may take "Host :" for Host, or for no field at all. */
	if (memchr(at, ' ', len) || memchr(at, '\t', len))
		r->bad = true;
	/* A name that does not fit is none of ours; keep it from looking like one. */
	if (len > sizeof(r->name) - r->name_len)
		len = sizeof(r->name) - r->name_len;
	memcpy(r->name + r->name_len, at, len);
	r->name_len += len;
	return 0;
}

static bool name_is(const struct request *r, const char *name)
{
	return r->name_len == strlen(name) && !strncasecmp(r->name, name, r->name_len);
}

static void append(struct field *f, const char *at, size_t len)
{
	if (len > sizeof(f->text) - f->len) {
		len = sizeof(f->text) - f->len;
		f->cut = true;
	}
	memcpy(f->text + f->len, at, len);
	f->len += len;
}

static void begin_value(struct request *r)
{
	r->in_value = true;
	r->field = NULL;
	if (name_is(r, "host"))
		r->hosts++;
	else if (name_is(r, "range"))
		r->field = &r->range;
	else if (name_is(r, "if-range"))
		r->field = &r->if_range;
	else if (name_is(r, "if-none-match"))
		r->field = &r->none_match;
	else if (name_is(r, "if-match"))
		r->field = &r->match;
	if (!r->field)
		return;
	/* A field given twice is one list. */
	if (r->field->len)
		append(r->field, ",", 1);
	r->field->given = true;
}

static int on_value(struct http_parser *p, const char *at, size_t len)
{
	struct request *r = of(p);

	if (!r->in_value)
		begin_value(r);
	if (r->field)
		append(r->field, at, len);
	return 0;
}

static int on_headers(struct http_parser *p)
{
	struct request *r = of(p);

	/*
	 * The parser would refuse a coding that does not end in chunks, but not
	 * when it is told to leave the body out. Where such a body ends is open,
	 * and it must not pass for the next request.
	 */
	if (p->uses_transfer_encoding && !(p->flags & F_CHUNKED))
		r->bad = true;
	r->has_body = p->uses_transfer_encoding ||
		      (p->content_length && p->content_length != UINT64_MAX);
	r->head_only = p->method == HTTP_HEAD;
	/* Nothing is upgraded to; what follows is the next request. */
	p->upgrade = 0;
	/* A body is not waited for: the connection is closed instead. */
	return 1;
}

static int on_complete(struct http_parser *p)
{
	struct request *r = of(p);

	r->keep_alive = http_should_keep_alive(p) && !r->has_body;
	http_parser_pause(p, 1);
	return 0;
}

const struct http_parser_settings request_settings = {
	.on_message_begin = on_begin,
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_message_complete = on_complete,
};

void request_end(struct conn *c)
{
	struct worker *w = c->worker;
	struct request *r = c->req;

	if (!r)
		return;
	if (r->object_fd >= 0)
		close(r->object_fd);
	if (w->spare)
		request_free(r);
	else
		w->spare = r;
	c->req = NULL;
}

void request_free(struct request *r)
{
	if (!r)
		return;
	free(r->url);
	free(r);
}
