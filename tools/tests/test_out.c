// SPDX-License-Identifier: GPL-2.0-only
/* The output of zcachectl, in text and as JSON documents. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "json_document.h"
#include "out.h"
#include "tap.h"

static int stdout_copy;
static char text[65536];

static void capture(void)
{
	int fd = memfd_create("out", MFD_CLOEXEC);

	fflush(stdout);
	stdout_copy = dup(1);
	dup2(fd, 1);
	close(fd);
}

static const char *captured(void)
{
	ssize_t n;

	fflush(stdout);
	n = pread(1, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	dup2(stdout_copy, 1);
	close(stdout_copy);
	return text;
}

static bool valid(const char *s)
{
	struct json_object *o = json_document(s);

	json_object_put(o);
	return o != NULL;
}

static void members(void)
{
	out_str("max-object", "a\"b");
	out_u64("number", UINT64_MAX, "bytes");
	out_size("size", 1536);
	out_time("never", 0, "never");
	out_time("when", 1700000000123456789, NULL);
	out_duration("no-time", 0, "none");
	out_duration("some-time", 5400000, "none");
	out_mode("mode", 0640);
	out_bool("flag", true);
	if (out_json())
		out_null("nothing");
	out_key("/a\n", 3);
	out_object_begin("inner");
	out_bytes("blob", "\xff\x00", 2);
	out_array_begin("list");
	out_str(NULL, "x");
	out_str(NULL, "y");
	out_array_end();
	out_object_end();
	out_finish();
}

static void documents(void)
{
	out_init(true);
	capture();
	members();
	is_str(captured(),
	       "{\"max_object\":\"a\\\"b\",\"number\":18446744073709551615,\"size\":1536,"
	       "\"never\":0,\"when\":1700000000123456789,\"no_time_ms\":0,"
	       "\"some_time_ms\":5400000,\"mode\":\"0640\",\"flag\":true,\"nothing\":null,"
	       "\"key\":\"/a\\n\",\"key_hex\":\"2f610a\","
	       "\"inner\":{\"blob_hex\":\"ff00\",\"list\":[\"x\",\"y\"]}}\n", "a document");
	ok(valid(text), "it is valid");

	out_init(true);
	capture();
	out_key("\xff", 1);
	out_finish();
	is_str(captured(), "{\"key_hex\":\"ff\"}\n", "a key that is no UTF-8 has only its hex");

	out_init(false);
	capture();
	members();
	is_str(captured(),
	       "max-object         a\"b\n"
	       "number             18446744073709551615 bytes\n"
	       "size               1536 bytes (1.5 KiB)\n"
	       "never              never\n"
	       "when               2023-11-14T22:13:20Z\n"
	       "no-time            none\n"
	       "some-time          90m\n"
	       "mode               0640\n"
	       "flag               yes\n"
	       "key                /a\\x0a\n"
	       "inner\n"
	       "  blob               \\xff\\x00\n"
	       "  list\n"
	       "    -                  x\n"
	       "    -                  y\n", "the same as text");
}

static void stream(unsigned int items, bool before, bool after, const char *want, const char *name)
{
	char what[80];
	unsigned int i;

	out_init(true);
	capture();
	if (before)
		out_str("store", "web");
	out_stream_begin("objects");
	for (i = 0; i < items; i++) {
		out_stream_item_begin();
		out_u64("n", i, NULL);
		out_stream_item_end();
	}
	out_stream_end(false, after);
	out_finish();
	is_str(captured(), want, name);
	snprintf(what, sizeof(what), "%s: valid", name);
	ok(valid(text), what);
}

int main(void)
{
	documents();
	stream(0, false, false, "{\"objects\":[]\n}\n", "an empty stream");
	stream(0, true, true, "{\"store\":\"web\",\"objects\":[]\n,\"inconsistent\":true}\n",
	       "an empty stream with all around");
	stream(1, true, false, "{\"store\":\"web\",\"objects\":[\n{\"n\":0}]\n}\n", "one element");
	stream(3, false, true,
	       "{\"objects\":[\n{\"n\":0},\n{\"n\":1},\n{\"n\":2}]\n,\"inconsistent\":true}\n",
	       "several elements");
	return tap_end();
}
