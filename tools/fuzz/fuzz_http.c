// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests as zcache-serve reads them. The first byte is how many bytes come at a time;
 * in pieces a connection is to say the same as in one. Then what an answer makes of
 * the fields, with an object whose stored header and tag are the input as well.
 */
#include <string.h>

#include "accept.h"
#include "fuzz.h"
#include "serve.h"

#define REQUESTS_MAX 8

/* What was understood of the requests of one connection. */
struct heard {
	struct request r[REQUESTS_MAX];
	unsigned int nr;
	enum http_errno err;
};

static struct worker worker;

/* The spare request of the worker is one of ours, so that none is freed. */
static void next_request(struct conn *c, struct heard *h)
{
	struct request *r = &h->r[h->nr++];

	r->url = malloc(c->req->url_len + 1);
	must(r->url != NULL);
	memcpy(r->url, c->req->url, c->req->url_len);
	r->url_len = c->req->url_len;
	r->hosts = c->req->hosts;
	r->head_only = c->req->head_only;
	r->has_body = c->req->has_body;
	r->keep_alive = c->req->keep_alive;
	r->bad = c->req->bad;
	r->range = c->req->range;
	r->if_range = c->req->if_range;
	r->none_match = c->req->none_match;
	r->match = c->req->match;
	request_end(c);
}

static void hear(struct heard *h, const char *data, size_t size, size_t piece)
{
	struct conn c = { .worker = &worker };
	size_t n;

	memset(h, 0, sizeof(*h));
	http_parser_init(&c.parser, HTTP_REQUEST);
	c.parser.data = &c;
	while (size && h->nr < REQUESTS_MAX) {
		n = http_parser_execute(&c.parser, &request_settings, data,
					piece < size ? piece : size);
		must(n <= size);
		data += n;
		size -= n;
		h->err = HTTP_PARSER_ERRNO(&c.parser);
		if (h->err == HPE_OK)
			continue;
		if (h->err != HPE_PAUSED)
			break;
		h->err = HPE_OK;
		http_parser_pause(&c.parser, 0);
		next_request(&c, h);
		if (!h->r[h->nr - 1].keep_alive)
			break;
	}
	request_end(&c);
}

static void same_field(const struct field *a, const struct field *b)
{
	must(a->len == b->len && a->cut == b->cut && a->given == b->given);
	must(a->len <= sizeof(a->text) && !memcmp(a->text, b->text, a->len));
}

static void same(const struct heard *a, const struct heard *b)
{
	unsigned int i;

	must(a->nr == b->nr && a->err == b->err);
	for (i = 0; i < a->nr; i++) {
		const struct request *r = &a->r[i], *s = &b->r[i];

		must(r->url_len == s->url_len && !memcmp(r->url, s->url, r->url_len));
		must(r->hosts == s->hosts && r->head_only == s->head_only &&
		     r->has_body == s->has_body && r->keep_alive == s->keep_alive &&
		     r->bad == s->bad);
		same_field(&r->range, &s->range);
		same_field(&r->if_range, &s->if_range);
		same_field(&r->none_match, &s->none_match);
		same_field(&r->match, &s->match);
	}
}

static void forget(struct heard *h)
{
	unsigned int i;

	for (i = 0; i < h->nr; i++)
		free(h->r[i].url);
}

/* An answer's head has no bytes beyond what was said, and ends a line. */
static void head(int status, const char *data, size_t size, uint64_t first, uint64_t length,
		 uint64_t whole)
{
	static char buf[HTTP_HEAD_MAX];
	size_t tag = size < ZC_ETAG_MAX ? size : ZC_ETAG_MAX;
	size_t type = size < ZC_TYPE_MAX ? size : ZC_TYPE_MAX;
	struct http_head h = {
		.status = status, .type = data, .type_len = type, .etag = data, .etag_len = tag,
		.stored = data, .stored_len = size < ZC_HEADER_MAX ? size : ZC_HEADER_MAX,
		.size = whole, .first = first, .length = length,
	};
	int len = http_head(buf, sizeof(buf), &h);

	must(len > 2 && len < (int)sizeof(buf));
	must(buf[len - 1] == '\n' && !memcmp(buf, "HTTP/1.1 ", 9));
}

static void answer(const struct request *r, const char *data, size_t size)
{
	static const uint64_t sizes[] = { 0, 1, 1000, UINT64_MAX };
	unsigned char key[ZC_KEY_MAX];
	uint64_t first, length;
	const char *tag;
	size_t i, n;
	int len;

	len = http_decode_path(r->url, r->url_len, key, sizeof(key));
	must(len <= (int)sizeof(key) && len <= (int)r->url_len);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (http_range(r->range.text, r->range.len, sizes[i], &first, &length) !=
		    HTTP_RANGE_ONE)
			continue;
		must(length && first < sizes[i] && length <= sizes[i] - first);
		head(206, data, size, first, length, sizes[i]);
	}
	n = http_one_tag(r->match.text, r->match.len, &tag);
	must(n <= r->match.len && n <= ZC_ETAG_MAX);
	if (n) {
		must(http_etag_ok(tag, n) && http_if_match(tag, n, tag, n));
		must(http_if_range(tag, n, tag, n) && http_none_match(tag, n, tag, n));
	}
	http_none_match(r->none_match.text, r->none_match.len, data, size);
	http_if_range(r->if_range.text, r->if_range.len, data, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct heard whole, pieces;
	const char *data = (const char *)bytes + 1;
	char *text;
	unsigned int i;

	if (!size--)
		return 0;
	http_parser_set_max_header_size(REQUEST_MAX);
	hear(&whole, data, size, size ?: 1);
	hear(&pieces, data, size, bytes[0] ?: 1);
	same(&whole, &pieces);
	for (i = 0; i < whole.nr; i++)
		answer(&whole.r[i], data, size);
	forget(&whole);
	forget(&pieces);
	head(200, data, size, 0, 0, 1000);
	head(304, data, size, 0, 0, 1000);
	head(416, data, size, 0, 0, 1000);
	text = strndup(data, size);
	must(text != NULL);
	accept_openmetrics(text);
	free(text);
	return 0;
}
