/* SPDX-License-Identifier: GPL-2.0-only */
/* Byte sizes, times, numbers and arbitrary bytes as text, and back. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIZE_RULE "a size is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G"
#define DURATION_RULE "a time is a number of seconds, or a number with ms, s, m, h or d such as 500ms or 1.5h"

/* Digits only; -EINVAL, or -ERANGE above max. */
int parse_u64(const char *s, uint64_t max, uint64_t *out);

/* See SIZE_RULE; -EINVAL, also if not a whole number of bytes, or -ERANGE. */
int parse_size(const char *s, uint64_t *out);

/* "1.5 GiB", always rounded down; at most SIZE_TEXT bytes with the NUL. */
#define SIZE_TEXT 24
const char *format_size(uint64_t bytes, char buf[SIZE_TEXT]);

/* See DURATION_RULE; -EINVAL, also if not a whole number of ms, or -ERANGE. */
int parse_duration(const char *s, uint64_t *ms);

/* "90m", in the largest unit that makes it a whole number. */
#define DURATION_TEXT 24
const char *format_duration(uint64_t ms, char buf[DURATION_TEXT]);

/* "1.02 us", "4.58 min": about three digits. */
#define NS_TEXT 24
const char *format_ns(uint64_t ns, char buf[NS_TEXT]);

/*
 * Bytes for a terminal: printable ASCII as it is, a backslash doubled, the rest
 * as \xHH. Returns malloc()ed text, NULL without memory.
 */
char *escape_bytes(const void *bytes, size_t len);

char *hex_bytes(const void *bytes, size_t len);

/* Returns the number of bytes, or -EINVAL if not pairs of hex digits, -ERANGE above room. */
int unhex(const char *s, void *buf, size_t room);

/* Valid UTF-8 without surrogates and overlong forms. */
bool utf8_valid(const void *bytes, size_t len);

/* The value of a hex digit, or -1. */
int hex_digit(int c);

#endif /* TEXT_H */
