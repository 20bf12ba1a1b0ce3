/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of HTTP that are pure functions of their input. */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <zcache.h>

/*
 * Percent-decodes a path to key bytes; nothing else is taken away or resolved.
 * Returns their number, -EINVAL for a bad escape, -ENAMETOOLONG above room.
 */
int http_decode_path(const char *path, size_t len, unsigned char *key, size_t room);

enum http_range {
	HTTP_RANGE_NONE,		/* not understood or several: send it all */
	HTTP_RANGE_ONE,
	HTTP_RANGE_UNSATISFIABLE,
};

/* The Range field against an object of size bytes. */
enum http_range http_range(const char *value, size_t len, uint64_t size,
			   uint64_t *first, uint64_t *length);

/* If-None-Match: a list of tags or "*", compared weakly. */
bool http_none_match(const char *value, size_t len, const char *etag, size_t etag_len);

/* If-Match: a list of tags or "*", compared strongly. */
bool http_if_match(const char *value, size_t len, const char *etag, size_t etag_len);

/* The bytes of the strong tag that is all of a field and may be an object's; else 0. */
size_t http_one_tag(const char *value, size_t len, const char **tag);

/* If-Range: one tag, compared strongly; a date never matches. */
bool http_if_range(const char *value, size_t len, const char *etag, size_t etag_len);

/* A stored tag that may be sent as it is: "..." or W/"...", no controls. */
bool http_etag_ok(const char *etag, size_t len);

/* Bytes that cannot end a header field or begin another. */
bool http_field_ok(const char *value, size_t len);

#define HTTP_DATE_TEXT 32
const char *http_date(time_t t, char buf[HTTP_DATE_TEXT]);

/* The last fields of every head, and the blank line. */
#define HTTP_TAIL_MAX 128
int http_tail(char *buf, size_t room, time_t now, bool keep_alive);

/* "Partial Content"; status must be one that the server sends. */
const char *http_reason(int status);

struct http_head {
	int status;
	const char *type;		/* type, etag: sent if not empty and safe */
	size_t type_len;
	const char *etag;
	size_t etag_len;
	/*
	 * The header stored with the object, whose fields 206 and 304 repeat, but
	 * for those that tell of the whole body. They win over type and etag, as
	 * they do in the 200, which is that header.
	 */
	const char *stored;
	size_t stored_len;
	uint64_t size;			/* bytes of the whole object */
	uint64_t first, length;		/* of the range, for 206 */
};

/* Enough for any http_head(), with a tail. */
#define HTTP_HEAD_MAX (768 + ZC_HEADER_MAX)

/* The head of a 200, 206, 304 or 416 for an object, without the tail. */
int http_head(char *buf, size_t room, const struct http_head *head);

/* A whole small answer. The body is left out for HEAD. */
int http_message(char *buf, size_t room, int status, bool head_only, time_t now,
		 bool keep_alive);

#endif /* HTTP_H */
