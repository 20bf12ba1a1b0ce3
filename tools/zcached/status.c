// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <json.h>

#include "metrics.h"
#include "status.h"
#include "store.h"
#include "stores.h"
#include "tags.h"

static void put(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_uint64(v));
}

/* Names as those of "zcachectl --json stats". */
static struct json_object *counters_json(const struct store *s)
{
	struct json_object *o = json_object_new_object();
	char name[64], *p;
	int i;

	for (i = 0; i < ZC_C_NR; i++) {
		snprintf(name, sizeof(name), "%s", counters[i].name);
		for (p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		put(o, name, s->counter[i]);
	}
	return o;
}

static struct json_object *policy_json(struct managed *m)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "name",
			       json_object_new_string(m->choice.ops ? m->choice.ops->name : "none"));
	json_object_object_add(o, "state", json_object_new_string(store_state_name(m->state)));
	put(o, "objects", tracked_objects(&m->tracked));
	put(o, "resyncs", m->resyncs);
	put(o, "spared", m->spared);
	return o;
}

/* A number of 64 bits is not exact in JavaScript, so a name is text. */
static struct json_object *tags_json(const struct top_tags *t)
{
	struct json_object *a = json_object_new_array();
	char id[24];
	size_t i;

	for (i = 0; i < t->n; i++) {
		struct json_object *o = json_object_new_object();

		snprintf(id, sizeof(id), "%" PRIu64, t->v[i].id);
		json_object_object_add(o, "id", json_object_new_string(id));
		put(o, "objects", t->v[i].objects);
		put(o, "used", t->v[i].used);
		put(o, "hits", t->v[i].hits);
		put(o, "sent_bytes", t->v[i].sent);
		json_object_array_add(a, o);
	}
	return a;
}

static struct json_object *store_json(const struct view *view, const struct top_tags *tags)
{
	struct json_object *o = json_object_new_object();
	const struct store *s = view->store;

	json_object_object_add(o, "name", json_object_new_string(s->name));
	put(o, "capacity", s->capacity);
	put(o, "used", s->used);
	put(o, "data", s->data);
	put(o, "pinned", s->pinned);
	put(o, "objects", s->objects);
	put(o, "high_watermark", s->high_watermark);
	put(o, "low_watermark", s->low_watermark);
	json_object_object_add(o, "policy", view->managed ? policy_json(view->managed) : NULL);
	json_object_object_add(o, "counters", counters_json(s));
	put(o, "tags", tags->all);
	json_object_object_add(o, "top_tags", tags_json(tags));
	return o;
}

char *status_json(const struct view *views, const struct top_tags *const *tags, size_t n,
		  uint64_t now_ms)
{
	struct json_object *o = json_object_new_object(), *stores = json_object_new_array();
	char *text;
	size_t i;

	json_object_object_add(o, "version", json_object_new_string(VERSION));
	put(o, "time_ms", now_ms);
	for (i = 0; i < n; i++)
		json_object_array_add(stores, store_json(&views[i], tags[i]));
	json_object_object_add(o, "stores", stores);
	text = strdup(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
	json_object_put(o);
	return text;
}
