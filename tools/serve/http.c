// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http.h"
#include "text.h"

int http_decode_path(const char *path, size_t len, unsigned char *key, size_t room)
{
	size_t i, n;

	for (i = n = 0; i < len; i++, n++) {
		int c = (unsigned char)path[i];

		if (c == '%') {
			int hi = len - i > 2 ? hex_digit((unsigned char)path[i + 1]) : -1;
			int lo = hi < 0 ? -1 : hex_digit((unsigned char)path[i + 2]);

			if (lo < 0)
				return -EINVAL;
			c = hi << 4 | lo;
			i += 2;
		}
		if (n == room)
			return -ENAMETOOLONG;
		key[n] = c;
	}
	return n;
}

static void trim(const char **s, const char **end)
{
	while (*s < *end && (**s == ' ' || **s == '\t'))
		++*s;
	while (*s < *end && ((*end)[-1] == ' ' || (*end)[-1] == '\t'))
		--*end;
}

/* Saturates, since a position past the end is as good as any other. */
static bool number(const char **s, const char *end, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; p < end && *p >= '0' && *p <= '9'; p++) {
		unsigned int d = *p - '0';

		v = v > (UINT64_MAX - d) / 10 ? UINT64_MAX : v * 10 + d;
	}
	if (p == *s)
		return false;
	*s = p;
	*out = v;
	return true;
}

static enum http_range suffix_range(const char *s, const char *end, uint64_t size,
				    uint64_t *first, uint64_t *length)
{
	uint64_t n;

	if (!number(&s, end, &n) || s != end)
		return HTTP_RANGE_NONE;
	if (!n || !size)
		return HTTP_RANGE_UNSATISFIABLE;
	*length = n < size ? n : size;
	*first = size - *length;
	return HTTP_RANGE_ONE;
}

enum http_range http_range(const char *value, size_t len, uint64_t size,
			   uint64_t *first, uint64_t *length)
{
	const char *s = value, *end = value + len;
	uint64_t from, to = UINT64_MAX;

	trim(&s, &end);
	if (end - s < 6 || strncasecmp(s, "bytes=", 6))
		return HTTP_RANGE_NONE;
	s += 6;
	trim(&s, &end);
	if (s < end && *s == '-')
		return suffix_range(s + 1, end, size, first, length);
	if (!number(&s, end, &from) || s == end || *s++ != '-')
		return HTTP_RANGE_NONE;
	if (s < end && (!number(&s, end, &to) || s != end))
		return HTTP_RANGE_NONE;
	if (to < from)
		return HTTP_RANGE_NONE;
	if (from >= size)
		return HTTP_RANGE_UNSATISFIABLE;
	*first = from;
	*length = (to < size ? to : size - 1) - from + 1;
	return HTTP_RANGE_ONE;
}

/* Cuts one tag off the front of a list; false at its end or at nonsense. */
static bool next_tag(const char **s, const char *end, const char **tag, size_t *len)
{
	const char *p = *s, *close;

	while (p < end && (*p == ' ' || *p == '\t' || *p == ','))
		p++;
	*tag = p;
	if (end - p > 2 && p[0] == 'W' && p[1] == '/')
		p += 2;
	if (p == end || *p != '"')
		return false;
	close = memchr(p + 1, '"', end - p - 1);
	if (!close)
		return false;
	*len = close + 1 - *tag;
	*s = close + 1;
	return true;
}

static void strip_weak(const char **tag, size_t *len)
{
	if (*len > 2 && (*tag)[0] == 'W' && (*tag)[1] == '/') {
		*tag += 2;
		*len -= 2;
	}
}

bool http_none_match(const char *value, size_t len, const char *etag, size_t etag_len)
{
	const char *s = value, *end = value + len, *tag;
	size_t tag_len;

	trim(&s, &end);
	if (end - s == 1 && *s == '*')
		return true;
	if (!http_etag_ok(etag, etag_len))
		return false;
	strip_weak(&etag, &etag_len);
	while (next_tag(&s, end, &tag, &tag_len)) {
		strip_weak(&tag, &tag_len);
		if (tag_len == etag_len && !memcmp(tag, etag, tag_len))
			return true;
	}
	return false;
}

bool http_if_match(const char *value, size_t len, const char *etag, size_t etag_len)
{
	const char *s = value, *end = value + len, *tag;
	size_t tag_len;

	trim(&s, &end);
	if (end - s == 1 && *s == '*')
		return true;
	if (!http_etag_ok(etag, etag_len) || etag[0] != '"')
		return false;
	while (next_tag(&s, end, &tag, &tag_len))
		if (tag_len == etag_len && !memcmp(tag, etag, tag_len))
			return true;
	return false;
}

size_t http_one_tag(const char *value, size_t len, const char **tag)
{
	const char *end = value + len;

	trim(&value, &end);
	len = end - value;
	*tag = value;
	return len <= ZC_ETAG_MAX && http_etag_ok(value, len) && value[0] == '"' ? len : 0;
}

bool http_if_range(const char *value, size_t len, const char *etag, size_t etag_len)
{
	const char *s = value, *end = value + len;

	trim(&s, &end);
	return http_etag_ok(etag, etag_len) && etag[0] == '"' &&
	       (size_t)(end - s) == etag_len && !memcmp(s, etag, etag_len);
}

bool http_etag_ok(const char *etag, size_t len)
{
	size_t i;

	strip_weak(&etag, &len);
	if (len < 2 || etag[0] != '"' || etag[len - 1] != '"')
		return false;
	for (i = 1; i < len - 1; i++) {
		unsigned char c = etag[i];

		if (c <= 0x20 || c == '"' || c == 0x7f)
			return false;
	}
	return true;
}

bool http_field_ok(const char *value, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = value[i];

		if (c < 0x20 || c == 0x7f)
			return false;
	}
	return len > 0;
}

const char *http_date(time_t t, char buf[HTTP_DATE_TEXT])
{
	struct tm tm = { 0 };

	gmtime_r(&t, &tm);
	/* No setlocale() anywhere, so the names are the English ones. */
	strftime(buf, HTTP_DATE_TEXT, "%a, %d %b %Y %H:%M:%S GMT", &tm);
	return buf;
}

int http_tail(char *buf, size_t room, time_t now, bool keep_alive)
{
	char date[HTTP_DATE_TEXT];

	return snprintf(buf, room, "Date: %s\r\nServer: zcache-serve\r\nConnection: %s\r\n\r\n",
			http_date(now, date), keep_alive ? "keep-alive" : "close");
}

const char *http_reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 206: return "Partial Content";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 408: return "Request Timeout";
	case 412: return "Precondition Failed";
	case 414: return "URI Too Long";
	case 416: return "Range Not Satisfiable";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	default: return "HTTP Version Not Supported";
	}
}

struct text {
	char *buf;
	size_t room, len;
};

static void add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->room - t->len, fmt, ap);
	va_end(ap);
	t->len += (size_t)n < t->room - t->len ? (size_t)n : t->room - t->len - 1;
}

/* Cuts the next line off, with its end, if it has one. */
static bool next_line(const char **s, const char *end, const char **line, size_t *len)
{
	const char *close;

	if (*s == end)
		return false;
	*line = *s;
	close = memchr(*s, '\n', end - *s);
	*s = close ? close + 1 : end;
	*len = *s - *line;
	return true;
}

static bool is_field(const char *line, size_t len, const char *name)
{
	size_t n = strlen(name);

	return len > n && line[n] == ':' && !strncasecmp(line, name, n);
}

static bool stored_has(const struct http_head *h, const char *name)
{
	const char *s = h->stored, *end = s + h->stored_len, *line;
	size_t len;

	if (h->status != 206 && h->status != 304)
		return false;
	while (next_line(&s, end, &line, &len))
		if (is_field(line, len, name))
			return true;
	return false;
}

static bool repeated(int status, const char *line, size_t len)
{
	return memchr(line, ':', len) && !is_field(line, len, "Content-Length") &&
	       !is_field(line, len, "Content-Range") &&
	       !(status == 304 && is_field(line, len, "Content-Type"));
}

static void add_stored(struct text *t, const struct http_head *h)
{
	const char *s = h->stored, *end = s + h->stored_len, *line;
	bool take = false;
	size_t len;

	if (h->status != 206 && h->status != 304)
		return;
	/* The first is the status line. */
	if (!next_line(&s, end, &line, &len))
		return;
	while (next_line(&s, end, &line, &len)) {
		/* A line that begins with a blank goes on with the field before it. */
		if (*line != ' ' && *line != '\t')
			take = repeated(h->status, line, len);
		if (!take || len + 2 >= t->room - t->len)
			continue;
		/* Not by format, since there may be any bytes. */
		memcpy(t->buf + t->len, line, len);
		t->len += len;
		if (line[len - 1] != '\n')
			add(t, "\r\n");
	}
}

int http_head(char *buf, size_t room, const struct http_head *h)
{
	struct text t = { .buf = buf, .room = room };

	add(&t, "HTTP/1.1 %d %s\r\n", h->status, http_reason(h->status));
	if ((h->status == 200 || h->status == 206) && !stored_has(h, "Content-Type")) {
		bool ok = http_field_ok(h->type, h->type_len);

		add(&t, "Content-Type: %.*s\r\n",
		    ok ? (int)h->type_len : (int)strlen("application/octet-stream"),
		    ok ? h->type : "application/octet-stream");
	}
	if (h->status == 200 || h->status == 206)
		add(&t, "Content-Length: %" PRIu64 "\r\n",
		    h->status == 206 ? h->length : h->size);
	if (h->status == 206)
		add(&t, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64 "\r\n",
		    h->first, h->first + h->length - 1, h->size);
	if (h->status == 416)
		add(&t, "Content-Range: bytes */%" PRIu64 "\r\nContent-Length: 0\r\n", h->size);
	if (http_etag_ok(h->etag, h->etag_len) && !stored_has(h, "ETag"))
		add(&t, "ETag: %.*s\r\n", (int)h->etag_len, h->etag);
	if (!stored_has(h, "Accept-Ranges"))
		add(&t, "Accept-Ranges: bytes\r\n");
	add_stored(&t, h);
	return t.len;
}

int http_message(char *buf, size_t room, int status, bool head_only, time_t now,
		 bool keep_alive)
{
	const char *reason = http_reason(status);
	struct text t = { .buf = buf, .room = room };

	add(&t, "HTTP/1.1 %d %s\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n",
	    status, reason, strlen(reason) + 1);
	if (status == 405)
		add(&t, "Allow: GET, HEAD\r\n");
	t.len += http_tail(t.buf + t.len, t.room - t.len, now, keep_alive);
	if (!head_only)
		add(&t, "%s\n", reason);
	return t.len;
}
