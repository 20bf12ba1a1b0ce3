/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a command prints: lines of "name value" for people, or one JSON
 * document. Names are written with dashes; JSON has underscores instead.
 */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void out_init(bool json);
bool out_json(void);

/* Ends the document. */
void out_finish(void);

/* A group of members; title is its JSON name (NULL in an array) and its heading. */
void out_object_begin(const char *title);
void out_object_end(void);
void out_array_begin(const char *title);
void out_array_end(void);

void out_str(const char *name, const char *value);
/* An empty one: text says "default", JSON null. */
void out_name(const char *name, const char *value);
/* JSON only. */
void out_null(const char *name);
void out_number(const char *name, double value, int decimals);
void out_bool(const char *name, bool value);
/* unit may be NULL; only text has it. */
void out_u64(const char *name, uint64_t value, const char *unit);
/* text: with commas between, and nothing for none; JSON: an array. */
void out_u64s(const char *name, const uint64_t *values, size_t n);
void out_size(const char *name, uint64_t bytes);
/* CLOCK_REALTIME nanoseconds; zero is what text says for 0. */
void out_time(const char *name, int64_t ns, const char *zero);
/* text: in the largest unit, or zero for 0; JSON: milliseconds as name_ms. */
void out_duration(const char *name, uint64_t ms, const char *zero);
void out_mode(const char *name, uint32_t mode);
/* JSON: name if UTF-8, else name_hex. */
void out_bytes(const char *name, const void *bytes, size_t len);
/* JSON: key if UTF-8, and always key_hex. */
void out_key(const void *bytes, size_t len);

/*
 * An array of any length, whose elements are printed as they come. What was put
 * out before stands before it, what follows the end after it. The end tells of an
 * error too: what was printed before must still be one valid document.
 */
void out_stream_begin(const char *name);
void out_stream_item_begin(void);
void out_stream_item_end(void);
void out_stream_end(bool failed, bool inconsistent);

/* "2025-01-31T12:00:00Z"; the largest time is "never". */
#define TIME_TEXT 32
const char *format_time(int64_t ns, char buf[TIME_TEXT]);

#endif /* OUT_H */
