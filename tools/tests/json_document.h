/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef JSON_DOCUMENT_H
#define JSON_DOCUMENT_H

#include <string.h>
#include <json-c/json.h>

/* The document in text, or NULL unless it is exactly one and a line end. */
static inline struct json_object *json_document(const char *text)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o = json_tokener_parse_ex(t, text, strlen(text));
	const char *rest = text + json_tokener_get_parse_end(t);

	/* json-c may or may not take the line end along. */
	if (json_tokener_get_error(t) != json_tokener_success ||
	    (*rest && strcmp(rest, "\n")) || text[strlen(text) - 1] != '\n') {
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(t);
	return o;
}

#endif /* JSON_DOCUMENT_H */
