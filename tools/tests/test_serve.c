// SPDX-License-Identifier: GPL-2.0-only
/* The answers of zcache-serve, byte by byte, and the calls they cost. */
#include <stdlib.h>
#include <unistd.h>

#include <zcache.h>

#include "client.h"
#include "tap.h"
#include "util.h"

#define TAIL "Date: DATE\r\nServer: zcache-serve\r\nConnection: keep-alive\r\n\r\n"
#define TAIL_CLOSE "Date: DATE\r\nServer: zcache-serve\r\nConnection: close\r\n\r\n"
#define HEAD_A "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" \
	       "ETag: \"e1\"\r\nAccept-Ranges: bytes\r\n"
#define HOST "Host: h\r\n"
#define FIELDS "Content-Encoding: gzip\r\nCache-Control: no-cache\r\nVary: *\r\n"
#define NOT_FOUND "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" \
		  TAIL "Not Found\n"

static struct served s;
static struct zc_cache *cache;
static int fd;

/* One request on the open connection, the answer and the calls. */
static void get(const char *name, const char *request, const char *want, const char *calls)
{
	char what[120];

	serve_calls();
	is_str(client_ask(fd, request), want, name);
	snprintf(what, sizeof(what), "%s: the calls", name);
	is_str(serve_calls(), calls, what);
}

/* A request after which the server closes the connection; a new one is opened. */
static void last(const char *name, const char *request, const char *want)
{
	char what[120];

	is_str(client_ask(fd, request), want, name);
	snprintf(what, sizeof(what), "%s: closes", name);
	ok(client_closed(fd), what);
	close(fd);
	fd = client_connect(&s, 0);
}

static void plain(void)
{
	get("GET", "GET /a HTTP/1.1\r\n" HOST "\r\n", HEAD_A TAIL "0123456789", "SEND ");
	get("again on the connection", "GET /a HTTP/1.1\r\n" HOST "\r\n",
	    HEAD_A TAIL "0123456789", "SEND ");
	get("HEAD", "HEAD /a HTTP/1.1\r\n" HOST "\r\n", HEAD_A TAIL, "SEND ");
	get("404", "GET /none HTTP/1.1\r\n" HOST "\r\n", NOT_FOUND, "SEND ");
	get("404 for a key longer than the store takes",
	    "GET /23456789012345678901234567890123 HTTP/1.1\r\n" HOST "\r\n", NOT_FOUND, "SEND ");
	get("HEAD of nothing", "HEAD /none HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" TAIL,
	    "SEND ");
	get("a query is not part of the key", "GET /a?x=1 HTTP/1.1\r\n" HOST "\r\n",
	    HEAD_A TAIL "0123456789", "SEND ");
	get("an absolute URL", "GET http://h/a HTTP/1.1\r\n" HOST "\r\n",
	    HEAD_A TAIL "0123456789", "SEND ");
	get("escapes", "GET /%61 HTTP/1.1\r\n" HOST "\r\n", HEAD_A TAIL "0123456789", "SEND ");
	get("dots are bytes", "GET /x/../a HTTP/1.1\r\n" HOST "\r\n", NOT_FOUND, "SEND ");
	get("field names in any letters", "GET /a HTTP/1.1\r\nhOST: h\r\nrANGE: bytes=1-2\r\n\r\n",
	    "HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\nContent-Range: bytes 1-2/10\r\n"
	    "Content-Type: text/plain\r\nETag: \"e1\"\r\nAccept-Ranges: bytes\r\n" TAIL "12",
	    "STAT SEND ");
	get("a plain object gets a head", "GET /plain HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n"
	    "Accept-Ranges: bytes\r\n" TAIL "plain", "SEND STAT SEND ");
	get("and for HEAD", "HEAD /plain HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 5\r\n"
	    "Accept-Ranges: bytes\r\n" TAIL, "SEND STAT ");
	get("an empty object", "GET /empty HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" TAIL, "SEND ");
}

#define PARTIAL(length, range) "HTTP/1.1 206 Partial Content\r\nContent-Length: " length \
	"\r\nContent-Range: bytes " range "/10\r\nContent-Type: text/plain\r\nETag: \"e1\"\r\n" \
	"Accept-Ranges: bytes\r\n" TAIL
#define RANGE_REQUEST(range) "GET /a HTTP/1.1\r\n" HOST "Range: " range "\r\n\r\n"

static void ranges(void)
{
	get("a range", RANGE_REQUEST("bytes=2-4"), PARTIAL("3", "2-4") "234", "STAT SEND ");
	get("to the end", RANGE_REQUEST("bytes=8-"), PARTIAL("2", "8-9") "89", "STAT SEND ");
	get("the last bytes", RANGE_REQUEST("bytes=-3"), PARTIAL("3", "7-9") "789", "STAT SEND ");
	get("past the end", RANGE_REQUEST("bytes=10-"),
	    "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */10\r\n"
	    "Content-Length: 0\r\nETag: \"e1\"\r\nAccept-Ranges: bytes\r\n" TAIL, "STAT ");
	get("several ranges", RANGE_REQUEST("bytes=0-1,3-4"), HEAD_A TAIL "0123456789",
	    "STAT SEND ");
	get("two Range fields", RANGE_REQUEST("bytes=0-1\r\nRange: bytes=3-4"),
	    HEAD_A TAIL "0123456789", "STAT SEND ");
	get("another unit", RANGE_REQUEST("lines=0-1"), HEAD_A TAIL "0123456789", "STAT SEND ");
	get("If-Range with the tag", RANGE_REQUEST("bytes=2-4\r\nIf-Range: \"e1\""),
	    PARTIAL("3", "2-4") "234", "STAT SEND ");
	get("If-Range with another", RANGE_REQUEST("bytes=2-4\r\nIf-Range: \"e2\""),
	    HEAD_A TAIL "0123456789", "STAT SEND ");
	get("If-Range with nothing", RANGE_REQUEST("bytes=2-4\r\nIf-Range:"),
	    HEAD_A TAIL "0123456789", "STAT SEND ");
	get("a range of an object with fields of its own",
	    "GET /fields HTTP/1.1\r\n" HOST "Range: bytes=1-2\r\n\r\n",
	    "HTTP/1.1 206 Partial Content\r\nContent-Type: text/css\r\nContent-Length: 2\r\n"
	    "Content-Range: bytes 1-2/4\r\nETag: \"e2\"\r\nAccept-Ranges: bytes\r\n" FIELDS TAIL
	    "bc", "STAT SEND ");
	get("HEAD knows no ranges", "HEAD /a HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\n\r\n",
	    HEAD_A TAIL, "STAT SEND ");
	get("a range of nothing", "GET /none HTTP/1.1\r\n" HOST "Range: bytes=2-4\r\n\r\n",
	    NOT_FOUND, "STAT ");
}

#define CONDITION(value) "GET /a HTTP/1.1\r\n" HOST "If-None-Match: " value "\r\n\r\n"
#define NOT_MODIFIED "HTTP/1.1 304 Not Modified\r\nETag: \"e1\"\r\nAccept-Ranges: bytes\r\n" TAIL

static void conditions(void)
{
	get("If-None-Match", CONDITION("\"e1\""), NOT_MODIFIED, "STAT ");
	get("weakly", CONDITION("\"x\", W/\"e1\""), NOT_MODIFIED, "STAT ");
	get("a star", CONDITION("*"), NOT_MODIFIED, "STAT ");
	get("another tag", CONDITION("\"e2\""), HEAD_A TAIL "0123456789", "STAT SEND ");
	get("before the range", CONDITION("\"e1\"\r\nRange: bytes=0-1"), NOT_MODIFIED, "STAT ");
	get("with fields of its own",
	    "GET /fields HTTP/1.1\r\n" HOST "If-None-Match: \"e2\"\r\n\r\n",
	    "HTTP/1.1 304 Not Modified\r\nETag: \"e2\"\r\nAccept-Ranges: bytes\r\n" FIELDS TAIL,
	    "STAT ");
	get("HEAD too", "HEAD /a HTTP/1.1\r\n" HOST "If-None-Match: \"e1\"\r\n\r\n", NOT_MODIFIED,
	    "STAT ");
}

#define MATCH(value) "GET /a HTTP/1.1\r\n" HOST "If-Match: " value "\r\n\r\n"
#define FAILED "HTTP/1.1 412 Precondition Failed\r\nContent-Type: text/plain\r\n" \
	       "Content-Length: 20\r\n" TAIL "Precondition Failed\n"

static void matches(void)
{
	get("If-Match", MATCH(" \"e1\" "), HEAD_A TAIL "0123456789", "SEND ");
	get("If-Match of another", MATCH("\"e2\""), FAILED, "SEND ");
	get("If-Match, weakly", MATCH("W/\"e1\""), FAILED, "STAT ");
	get("a list", MATCH("\"e2\", \"e1\""), HEAD_A TAIL "0123456789", "STAT SEND ");
	get("a list without it", MATCH("\"e2\"\r\nIf-Match: \"e3\""), FAILED, "STAT ");
	get("a star for a match", MATCH("*"), HEAD_A TAIL "0123456789", "STAT SEND ");
	get("no tag at all", MATCH(""), FAILED, "STAT ");
	get("If-Match with a range", MATCH("\"e1\"\r\nRange: bytes=2-4"), PARTIAL("3", "2-4") "234",
	    "STAT SEND ");
	get("before all others", MATCH("\"e2\"\r\nRange: bytes=2-4\r\nIf-None-Match: \"e1\""),
	    FAILED, "STAT ");
	get("a match of an object without a header",
	    "GET /tag HTTP/1.1\r\n" HOST "If-Match: \"e3\"\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 3\r\n"
	    "ETag: \"e3\"\r\nAccept-Ranges: bytes\r\n" TAIL "tag", "SEND STAT SEND ");
	get("If-Match of nothing", "GET /none HTTP/1.1\r\n" HOST "If-Match: \"e1\"\r\n\r\n",
	    NOT_FOUND, "SEND ");
	get("HEAD, too", "HEAD /a HTTP/1.1\r\n" HOST "If-Match: \"e2\"\r\n\r\n",
	    "HTTP/1.1 412 Precondition Failed\r\nContent-Type: text/plain\r\n"
	    "Content-Length: 20\r\n" TAIL, "SEND ");
}

#define REFUSED(status, length, more, body) "HTTP/1.1 " status "\r\nContent-Type: text/plain\r\n" \
	"Content-Length: " length "\r\n" more TAIL_CLOSE body "\n"
#define BAD REFUSED("400 Bad Request", "12", "", "Bad Request")

static void refusals(void)
{
	char *request = malloc(20000);

	last("no Host", "GET /a HTTP/1.1\r\n\r\n", BAD);
	last("two Hosts", "GET /a HTTP/1.1\r\n" HOST HOST "\r\n", BAD);
	last("a bad escape", "GET /%zz HTTP/1.1\r\n" HOST "\r\n", BAD);
	last("no request at all", "\x16\x03\x01\x02\r\n\r\n",
	     REFUSED("501 Not Implemented", "16", "", "Not Implemented"));
	last("a space in a name", "GET /a HTTP/1.1\r\nHo st: h\r\n\r\n", BAD);
	last("an unknown method", "FROB /a HTTP/1.1\r\n" HOST "\r\n",
	     REFUSED("501 Not Implemented", "16", "", "Not Implemented"));
	get("a known one that does nothing here", "DELETE /a HTTP/1.1\r\n" HOST "\r\n",
	    "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\nContent-Length: 19\r\n"
	    "Allow: GET, HEAD\r\n" TAIL "Method Not Allowed\n", "");
	last("a body is not read",
	     "POST /a HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello",
	     REFUSED("405 Method Not Allowed", "19", "Allow: GET, HEAD\r\n", "Method Not Allowed"));
	last("not even with GET", "GET /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nGET",
	     HEAD_A TAIL_CLOSE "0123456789");
	last("nor in chunks",
	     "GET /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	     HEAD_A TAIL_CLOSE "0123456789");
	last("a length and chunks",
	     "GET /a HTTP/1.1\r\n" HOST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", BAD);
	last("a coding whose end is open",
	     "GET /a HTTP/1.1\r\n" HOST "Transfer-Encoding: gzip\r\n\r\n"
	     "GET /b HTTP/1.1\r\n" HOST "\r\n", BAD);
	last("chunks that are not the last coding",
	     "GET /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked, identity\r\n\r\n"
	     "GET /b HTTP/1.1\r\n" HOST "\r\n", BAD);
	last("a coding after the chunks, in a field of its own",
	     "GET /a HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	     "Transfer-Encoding: identity\r\n\r\nGET /b HTTP/1.1\r\n" HOST "\r\n", BAD);
	last("a blank before the colon", "GET /a HTTP/1.1\r\n" HOST "Host : y\r\n\r\n", BAD);
	last("HTTP/2.0", "GET /a HTTP/2.0\r\n" HOST "\r\n",
	     REFUSED("505 HTTP Version Not Supported", "27", "", "HTTP Version Not Supported"));

	strcpy(request, "GET /a HTTP/1.1\r\n" HOST "X: ");
	memset(request + strlen(request), 'x', 17000);
	strcpy(request + 17000, "\r\n\r\n");
	last("a head above 16 KiB", request,
	     REFUSED("431 Request Header Fields Too Large", "32", "",
		     "Request Header Fields Too Large"));
	strcpy(request, "GET /");
	memset(request + 5, 'k', 1024);
	strcpy(request + 1029, " HTTP/1.1\r\n" HOST "\r\n");
	get("a path above the longest key", request,
	    "HTTP/1.1 414 URI Too Long\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n" TAIL
	    "URI Too Long\n", "");
	strcpy(request, "GET /a HTTP/1.1\r\n" HOST "If-None-Match: \"e1\"");
	memset(request + strlen(request), ',', 300);
	strcpy(request + 345, "\r\n\r\n");
	get("a condition too long to be kept is none", request, HEAD_A TAIL "0123456789",
	    "STAT SEND ");
	strcpy(request, "GET /a HTTP/1.1\r\n" HOST "If-Match: \"e1\"");
	memset(request + strlen(request), ',', 300);
	strcpy(request + 340, "\r\n\r\n");
	get("but one to insist on is not met", request, FAILED, "STAT ");
	free(request);
}

static void closing(void)
{
	last("Connection: close", "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n",
	     HEAD_A TAIL_CLOSE "0123456789");
	last("HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", HEAD_A TAIL_CLOSE "0123456789");
	get("HTTP/1.0 that asks to stay",
	    "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", HEAD_A TAIL "0123456789", "SEND ");
	get("an upgrade is not taken up",
	    "GET /a HTTP/1.1\r\n" HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n",
	    HEAD_A TAIL "0123456789", "SEND ");
}

static void pieces(void)
{
	const char *request = "GET /a HTTP/1.1\r\nHost: h\r\nRange: bytes=2-4\r\n\r\n";
	const char *p;
	int i;

	for (p = request; *p; p++) {
		char one[2] = { *p, '\0' };

		client_send(fd, one);
	}
	is_str(client_answer(fd, false) ?: "", PARTIAL("3", "2-4") "234", "a request byte by byte");

	client_send(fd, "GET /a HTTP/1.1\r\n" HOST "\r\nHEAD /a HTTP/1.1\r\n" HOST "\r\n"
		    "GET /none HTTP/1.1\r\n" HOST "\r\nGET /a HTTP/1.1\r\nHo");
	is_str(client_answer(fd, false) ?: "", HEAD_A TAIL "0123456789", "pipelined: first");
	is_str(client_answer(fd, true) ?: "", HEAD_A TAIL, "pipelined: second");
	is_str(client_answer(fd, false) ?: "", NOT_FOUND, "pipelined: third");
	is_str(client_ask(fd, "st: h\r\n\r\n"), HEAD_A TAIL "0123456789",
	       "pipelined: the fourth comes in two parts");

	for (i = 0; i < 100; i++)
		client_send(fd, "GET /a HTTP/1.1\r\n" HOST "\r\n");
	for (i = 0; i < 100; i++)
		if (strcmp(client_answer(fd, false) ?: "", HEAD_A TAIL "0123456789"))
			break;
	is_int(i, 100, "a hundred requests at once");

	client_send(fd, "GET /a HTTP/1.1\r\n" HOST "\r\nFROB / HTTP/1.1\r\n\r\n");
	is_str(client_answer(fd, false) ?: "", HEAD_A TAIL "0123456789", "a good one before a bad one");
	is_str(client_answer(fd, false) ?: "",
	       REFUSED("501 Not Implemented", "16", "", "Not Implemented"), "the bad one");
	ok(client_closed(fd), "and the end");
	close(fd);
	fd = client_connect(&s, 0);
	client_send(fd, "GET /a HTTP/1.1\r\n" HOST "Connection: close\r\n\r\nGET /a HTTP/1.1\r\n"
		    HOST "\r\n");
	is_str(client_answer(fd, false) ?: "", HEAD_A TAIL_CLOSE "0123456789",
	       "what follows a close is not answered");
	ok(client_closed(fd), "but closed");
	close(fd);
	fd = client_connect(&s, 0);
}

int main(void)
{
	test_store();
	cache = test_open();
	put_object(cache, "/a", "0123456789", 10, HEAD_A, "\"e1\"", "text/plain");
	put_object(cache, "/plain", "plain", 5, NULL, NULL, NULL);
	put_object(cache, "/tag", "tag", 3, NULL, "\"e3\"", NULL);
	put_object(cache, "/empty", "", 0, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", NULL, NULL);
	put_object(cache, "/fields", "abcd", 4, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n" FIELDS,
		   "\"e2\"", "text/css");
	ok(serve_start(&s, NULL), "the server starts");
	fd = client_connect(&s, 0);
	plain();
	ranges();
	conditions();
	matches();
	refusals();
	closing();
	pieces();
	close(fd);
	is_int(serve_stop(&s), 0, "the server stops");
	zc_close(cache);
	return tap_end();
}
