// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "out.h"
#include "text.h"

#define DEPTH_MAX 8
#define NAME_WIDTH 18

static struct {
	bool json;
	bool streamed;		/* the document's beginning is printed already */
	bool item_before;	/* the next element needs a comma */
	int depth;		/* of the innermost group; 0 is the document */
	struct json_object *group[DEPTH_MAX];
} out;

/* A document cut short would still look like an answer, so give up loudly. */
static void *must(void *p)
{
	if (!p) {
		fputs("zcachectl: out of memory\n", stderr);
		abort();
	}
	return p;
}

void out_init(bool json)
{
	memset(&out, 0, sizeof(out));
	out.json = json;
	if (json)
		out.group[0] = must(json_object_new_object());
}

bool out_json(void)
{
	return out.json;
}

static const char *text_of(struct json_object *o)
{
	return must((void *)json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
}

void out_finish(void)
{
	const char *s;

	if (!out.json)
		return;
	s = text_of(out.group[0]);
	if (!out.streamed)
		puts(s);
	else if (s[1] == '}')
		puts("}");
	else
		printf(",%s\n", s + 1);
	json_object_put(out.group[0]);
	out.group[0] = NULL;
}

static void add(const char *name, struct json_object *value)
{
	struct json_object *group = out.group[out.depth];
	char key[64];
	char *p;

	if (json_object_is_type(group, json_type_array)) {
		json_object_array_add(group, value);
		return;
	}
	snprintf(key, sizeof(key), "%s", name);
	for (p = key; *p; p++)
		if (*p == '-')
			*p = '_';
	json_object_object_add(group, key, value);
}

static void begin(const char *title, struct json_object *(*make)(void))
{
	if (out.json) {
		struct json_object *o = must(make());

		add(title, o);
		out.group[out.depth + 1] = o;
	} else if (title) {
		printf("%*s%s\n", 2 * out.depth, "", title);
	}
	out.depth++;
}

void out_object_begin(const char *title)
{
	begin(title, json_object_new_object);
}

void out_object_end(void)
{
	out.depth--;
}

void out_array_begin(const char *title)
{
	begin(title, json_object_new_array);
}

void out_array_end(void)
{
	out.depth--;
}

static void label(const char *name)
{
	printf("%*s%-*s ", 2 * out.depth, "", NAME_WIDTH, name ? name : "-");
}

void out_str(const char *name, const char *value)
{
	if (out.json) {
		add(name, must(json_object_new_string(value)));
		return;
	}
	label(name);
	puts(value);
}

void out_name(const char *name, const char *value)
{
	if (*value || !out.json)
		out_str(name, *value ? value : "default");
	else
		out_null(name);
}

void out_null(const char *name)
{
	add(name, NULL);
}

void out_number(const char *name, double value, int decimals)
{
	char text[400];

	snprintf(text, sizeof(text), "%.*f", decimals, value);
	add(name, must(json_object_new_double_s(value, text)));
}

void out_bool(const char *name, bool value)
{
	if (out.json) {
		add(name, must(json_object_new_boolean(value)));
		return;
	}
	label(name);
	puts(value ? "yes" : "no");
}

void out_u64(const char *name, uint64_t value, const char *unit)
{
	if (out.json) {
		add(name, must(json_object_new_uint64(value)));
		return;
	}
	label(name);
	printf("%" PRIu64 "%s%s\n", value, unit ? " " : "", unit ? unit : "");
}

void out_u64s(const char *name, const uint64_t *values, size_t n)
{
	size_t i;

	if (out.json) {
		out_array_begin(name);
		for (i = 0; i < n; i++)
			out_u64(NULL, values[i], NULL);
		out_array_end();
		return;
	}
	for (i = 0; i < n; i++) {
		if (!i)
			label(name);
		printf("%" PRIu64 "%c", values[i], i + 1 < n ? ',' : '\n');
	}
}

void out_size(const char *name, uint64_t bytes)
{
	char buf[SIZE_TEXT];

	if (out.json || bytes < 1024) {
		out_u64(name, bytes, "bytes");
		return;
	}
	label(name);
	printf("%" PRIu64 " bytes (%s)\n", bytes, format_size(bytes, buf));
}

const char *format_time(int64_t ns, char buf[TIME_TEXT])
{
	time_t s = ns / 1000000000;
	struct tm tm;

	if (ns == INT64_MAX)
		strcpy(buf, "never");
	else if (!gmtime_r(&s, &tm) || !strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(buf, TIME_TEXT, "%" PRId64 " ns", ns);
	return buf;
}

void out_time(const char *name, int64_t ns, const char *zero)
{
	char buf[TIME_TEXT];

	if (out.json) {
		add(name, must(json_object_new_int64(ns)));
		return;
	}
	label(name);
	puts(ns ? format_time(ns, buf) : zero);
}

void out_duration(const char *name, uint64_t ms, const char *zero)
{
	char buf[DURATION_TEXT], key[64];

	if (out.json) {
		snprintf(key, sizeof(key), "%s_ms", name);
		add(key, must(json_object_new_uint64(ms)));
		return;
	}
	label(name);
	puts(ms ? format_duration(ms, buf) : zero);
}

void out_mode(const char *name, uint32_t mode)
{
	char buf[16];

	snprintf(buf, sizeof(buf), "%04o", mode);
	out_str(name, buf);
}

static void add_hex(const char *name, const void *bytes, size_t len)
{
	char *hex = must(hex_bytes(bytes, len));
	char key[64];

	snprintf(key, sizeof(key), "%s_hex", name);
	add(key, must(json_object_new_string(hex)));
	free(hex);
}

void out_bytes(const char *name, const void *bytes, size_t len)
{
	char *text;

	if (!out.json) {
		text = must(escape_bytes(bytes, len));
		label(name);
		puts(text);
		free(text);
	} else if (utf8_valid(bytes, len)) {
		add(name, must(json_object_new_string_len(bytes, len)));
	} else {
		add_hex(name, bytes, len);
	}
}

void out_key(const void *bytes, size_t len)
{
	if (!out.json || utf8_valid(bytes, len))
		out_bytes("key", bytes, len);
	if (out.json)
		add_hex("key", bytes, len);
}

void out_stream_begin(const char *name)
{
	const char *s = text_of(out.group[0]);
	size_t len = strlen(s) - 1;

	printf("%.*s%s\"%s\":[", (int)len, s, len > 1 ? "," : "", name);
	json_object_put(out.group[0]);
	out.group[0] = must(json_object_new_object());
	out.streamed = true;
}

void out_stream_item_begin(void)
{
	out.group[++out.depth] = must(json_object_new_object());
}

void out_stream_item_end(void)
{
	struct json_object *o = out.group[out.depth--];

	printf("%s\n%s", out.item_before ? "," : "", text_of(o));
	out.item_before = true;
	json_object_put(o);
}

void out_stream_end(bool failed, bool inconsistent)
{
	puts("]");
	if (failed)
		out_bool("failed", true);
	if (inconsistent)
		out_bool("inconsistent", true);
}
