// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>

#include "http.h"
#include "mime.h"
#include "tap.h"

static void ranges(void)
{
	static const struct {
		const char *value;
		uint64_t size;
		enum http_range kind;
		uint64_t first, length;
	} t[] = {
		{ "bytes=0-0", 100, HTTP_RANGE_ONE, 0, 1 },
		{ "bytes=10-19", 100, HTTP_RANGE_ONE, 10, 10 },
		{ "bytes=90-200", 100, HTTP_RANGE_ONE, 90, 10 },
		{ "bytes=99-", 100, HTTP_RANGE_ONE, 99, 1 },
		{ "bytes=0-", 100, HTTP_RANGE_ONE, 0, 100 },
		{ "bytes=-5", 100, HTTP_RANGE_ONE, 95, 5 },
		{ "bytes=-500", 100, HTTP_RANGE_ONE, 0, 100 },
		{ "BYTES=1-2", 100, HTTP_RANGE_ONE, 1, 2 },
		{ " bytes= 1-2 ", 100, HTTP_RANGE_ONE, 1, 2 },
		{ "bytes=0-99999999999999999999999", 100, HTTP_RANGE_ONE, 0, 100 },
		{ "bytes=0-18446744073709551615", UINT64_MAX, HTTP_RANGE_ONE, 0, UINT64_MAX },
		{ "bytes=100-", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=100-200", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=99999999999999999999999-", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=-0", 100, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=0-", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=-1", 0, HTTP_RANGE_UNSATISFIABLE, 0, 0 },
		{ "bytes=5-4", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=0-1,3-4", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=-", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=--5", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=1", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=a-b", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=1-2x", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "bytes=-5x", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "items=0-1", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "byte", 100, HTTP_RANGE_NONE, 0, 0 },
		{ "", 100, HTTP_RANGE_NONE, 0, 0 },
	};
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t first = 0, length = 0;
		enum http_range kind;

		kind = http_range(t[i].value, strlen(t[i].value), t[i].size, &first, &length);
		snprintf(name, sizeof(name), "range '%s' of %" PRIu64, t[i].value, t[i].size);
		ok(kind == t[i].kind && first == t[i].first && length == t[i].length, name);
	}
}

static void paths(void)
{
	unsigned char key[8];
	int n;

	n = http_decode_path("/a%20b", 6, key, sizeof(key));
	is_lit(key, n, "/a b", "an escape becomes its byte");
	n = http_decode_path("/%00%fF", 7, key, sizeof(key));
	is_lit(key, n, "/\0\xff", "any byte may be escaped");
	n = http_decode_path("/../x", 5, key, sizeof(key));
	is_lit(key, n, "/../x", "dots are bytes as others");
	n = http_decode_path("/a+b", 4, key, sizeof(key));
	is_lit(key, n, "/a+b", "a plus is a plus");
	is_int(http_decode_path("/%", 2, key, sizeof(key)), -EINVAL, "a lone % is refused");
	is_int(http_decode_path("/%4", 3, key, sizeof(key)), -EINVAL, "half an escape is refused");
	is_int(http_decode_path("/%4x", 4, key, sizeof(key)), -EINVAL, "a bad digit is refused");
	is_int(http_decode_path("/%-1", 4, key, sizeof(key)), -EINVAL, "a sign is refused");
	is_int(http_decode_path("/1234567", 8, key, sizeof(key)), 8, "a key that just fits");
	is_int(http_decode_path("/12345678", 9, key, sizeof(key)), -ENAMETOOLONG,
	       "a key too long by one");
	is_int(http_decode_path("/%31%32%33%34%35%36%37", 22, key, sizeof(key)), 8,
	       "only decoded bytes count");
}

static bool none_match(const char *value, const char *etag)
{
	return http_none_match(value, strlen(value), etag, strlen(etag));
}

static bool if_match(const char *value, const char *etag)
{
	return http_if_match(value, strlen(value), etag, strlen(etag));
}

static void one_tag(const char *value, const char *want, const char *name)
{
	const char *tag;
	size_t len = http_one_tag(value, strlen(value), &tag);

	is_mem(tag, len, want, strlen(want), name);
}

static bool if_range(const char *value, const char *etag)
{
	return http_if_range(value, strlen(value), etag, strlen(etag));
}

static void etags(void)
{
	ok(none_match("\"a\"", "\"a\""), "a tag matches itself");
	ok(none_match("\"x\", \"a\"", "\"a\""), "second in a list");
	ok(none_match("\"x\",W/\"a\"", "\"a\""), "weakly");
	ok(none_match("\"a\"", "W/\"a\""), "weakly the other way");
	ok(none_match(" * ", "\"a\""), "a star matches all");
	ok(none_match("*", ""), "a star matches an object without a tag");
	ok(!none_match("\"b\"", "\"a\""), "another tag does not match");
	ok(!none_match("a", "\"a\""), "a tag without quotes does not");
	ok(!none_match("\"a", "\"a\""), "nor an unfinished one");
	ok(!none_match("", ""), "nothing does not match nothing");
	ok(!none_match("\"\"", ""), "an empty tag does not match none");
	ok(none_match("\"a,b\"", "\"a,b\""), "a comma within a tag");
	ok(if_match("\"a\"", "\"a\""), "If-Match with the tag");
	ok(if_match("\"b\", \"a\"", "\"a\""), "in a list");
	ok(!if_match("\"b\"", "\"a\""), "with another");
	ok(!if_match("W/\"a\"", "\"a\""), "weak tags do not match");
	ok(!if_match("W/\"a\"", "W/\"a\""), "not even each other");
	ok(if_match("*", ""), "a star matches what is there");
	ok(!if_match("", "\"a\""), "nothing does not match");
	one_tag(" \"a\"\t", "\"a\"", "one tag is cut out");
	one_tag("\"a\", \"b\"", "", "two are not one");
	one_tag("W/\"a\"", "", "a weak one is none");
	one_tag("*", "", "nor is a star");
	one_tag("", "", "nor nothing");
	ok(if_range("\"a\"", "\"a\""), "If-Range with the tag");
	ok(!if_range("\"b\"", "\"a\""), "with another");
	ok(!if_range("W/\"a\"", "W/\"a\""), "weak tags do not count");
	ok(!if_range("Sat, 01 Jan 2000 00:00:00 GMT", "\"a\""), "a date does not match");
	ok(!if_range("\"a\", \"b\"", "\"a\""), "nor does a list");
	ok(http_etag_ok("\"a\"", 3), "a good tag");
	ok(http_etag_ok("W/\"a\"", 5), "a good weak tag");
	ok(!http_etag_ok("a", 1), "a tag needs quotes");
	ok(!http_etag_ok("\"a\r\nX: y\"", 9), "a tag with a line end is not sent");
	ok(!http_etag_ok("\"a\"b\"", 5), "nor one with a quote in it");
	ok(!http_etag_ok("\"", 1), "nor half of one");
	ok(!http_etag_ok("W/", 2), "nor less");
	ok(http_field_ok("text/plain; a=b", 15), "a good field");
	ok(!http_field_ok("a\nb", 3), "a field with a line end");
	ok(!http_field_ok("", 0), "no field");
}

static void heads(void)
{
	struct http_head h = {
		.status = 206,
		.type = "text/plain",
		.type_len = 10,
		.etag = "\"e\"",
		.etag_len = 3,
		.size = 100,
		.first = 10,
		.length = 20,
	};
	char buf[HTTP_HEAD_MAX], long_type[128], long_etag[128], stored[ZC_HEADER_MAX];
	int n;

	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 206 Partial Content\r\nContent-Type: text/plain\r\n"
	       "Content-Length: 20\r\nContent-Range: bytes 10-29/100\r\nETag: \"e\"\r\n"
	       "Accept-Ranges: bytes\r\n", "206");
	h.status = 200;
	h.type = "a\r\nEvil: yes";
	h.type_len = strlen(h.type);
	h.etag_len = 0;
	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
	       "Content-Length: 100\r\nAccept-Ranges: bytes\r\n", "200 with a type that is not sent");
	h.status = 416;
	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */100\r\n"
	       "Content-Length: 0\r\nAccept-Ranges: bytes\r\n", "416");
	h.status = 304;
	h.etag_len = 3;
	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nAccept-Ranges: bytes\r\n", "304");
	h.stored = "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\nVary: x,\r\n y\r\nCONTENT-LENGTH: 100\r\n"
		   "Content-Range: no,\r\n\tnot this\r\nno field\r\netag: \"h\"\r\nLast: 1";
	h.stored_len = strlen(h.stored);
	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 304 Not Modified\r\nAccept-Ranges: bytes\r\nVary: x,\r\n y\r\n"
	       "etag: \"h\"\r\nLast: 1\r\n", "304 with stored fields");
	h.status = 206;
	n = http_head(buf, sizeof(buf), &h);
	is_lit(buf, n, "HTTP/1.1 206 Partial Content\r\nContent-Length: 20\r\n"
	       "Content-Range: bytes 10-29/100\r\nAccept-Ranges: bytes\r\ncontent-type: a/b\r\n"
	       "Vary: x,\r\n y\r\netag: \"h\"\r\nLast: 1\r\n", "206 with stored fields");
	n = http_tail(buf, sizeof(buf), 0, true);
	is_lit(buf, n, "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nServer: zcache-serve\r\n"
	       "Connection: keep-alive\r\n\r\n", "tail");
	n = http_message(buf, sizeof(buf), 405, false, 784111777, false);
	is_lit(buf, n, "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
	       "Content-Length: 19\r\nAllow: GET, HEAD\r\n"
	       "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nServer: zcache-serve\r\n"
	       "Connection: close\r\n\r\nMethod Not Allowed\n", "405");
	n = http_message(buf, sizeof(buf), 404, true, 784111777, true);
	is_lit(buf, n, "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\n"
	       "Content-Length: 10\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
	       "Server: zcache-serve\r\nConnection: keep-alive\r\n\r\n", "404 for HEAD has no body");

	memset(long_type, 'a', sizeof(long_type));
	memset(long_etag, 'b', sizeof(long_etag));
	long_etag[0] = long_etag[127] = '"';
	h = (struct http_head) {
		.status = 206, .type = long_type, .type_len = 128, .etag = long_etag,
		.etag_len = 128, .size = UINT64_MAX, .first = UINT64_MAX - 10, .length = 10,
	};
	n = http_head(buf, sizeof(buf), &h);
	ok(n + HTTP_TAIL_MAX < HTTP_HEAD_MAX && !memcmp(buf + n - 22, "Accept-Ranges: bytes\r\n", 22),
	   "the longest head fits");
	memset(stored, 'c', sizeof(stored));
	stored[9] = '\n';
	stored[10] = ':';
	h.stored = stored;
	h.stored_len = sizeof(stored);
	is_int(http_head(buf, sizeof(buf) - HTTP_TAIL_MAX, &h), n + ZC_HEADER_MAX - 10 + 2,
	       "also with the longest stored header");
	n = http_head(buf, 64, &h);
	is_int(n, 63, "what does not fit is cut");
}

static void types(void)
{
	is_str(mime_type("/a/b.html"), "text/html; charset=utf-8", "html");
	is_str(mime_type("/a/b.JPG"), "image/jpeg", "letter case does not matter");
	is_str(mime_type("/a.b/c"), "application/octet-stream", "no extension");
	is_str(mime_type("/a/.png"), "application/octet-stream", "a hidden file has none");
	is_str(mime_type("/a/x."), "application/octet-stream", "an empty one");
	is_str(mime_type("x.tar.gz"), "application/gzip", "the last one counts");
}

int main(void)
{
	ranges();
	paths();
	etags();
	heads();
	types();
	return tap_end();
}
