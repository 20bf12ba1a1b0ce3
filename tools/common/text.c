// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Six decimals of a T still fit 64 bits. */
#define DECIMALS_MAX 6

static int digits(const char **s, uint64_t *out)
{
	const char *p = *s;
	uint64_t v = 0;

	for (; *p >= '0' && *p <= '9'; p++) {
		unsigned int d = *p - '0';

		if (v > (UINT64_MAX - d) / 10)
			return -ERANGE;
		v = v * 10 + d;
	}
	if (p == *s)
		return -EINVAL;
	*s = p;
	*out = v;
	return 0;
}

int parse_u64(const char *s, uint64_t max, uint64_t *out)
{
	uint64_t v;
	int err = digits(&s, &v);

	if (err)
		return err;
	if (*s)
		return -EINVAL;
	if (v > max)
		return -ERANGE;
	*out = v;
	return 0;
}

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit sizes[] = {
	{ "", 1 }, { "k", 1ULL << 10 }, { "K", 1ULL << 10 }, { "M", 1ULL << 20 },
	{ "G", 1ULL << 30 }, { "T", 1ULL << 40 }, { NULL, 0 },
};

/* The largest first, as format_duration() wants them. */
static const struct unit durations[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	{ "", 1000 }, { NULL, 0 },
};

/* A number, perhaps with decimals, and the name of a unit. */
static int parse_units(const char *s, const struct unit *unit, uint64_t *out)
{
	uint64_t whole, fraction = 0, scale = 1;
	int err;

	err = digits(&s, &whole);
	if (err)
		return err;
	if (*s == '.') {
		const char *start = ++s;

		err = digits(&s, &fraction);
		if (err || s - start > DECIMALS_MAX)
			return -EINVAL;
		while (start++ < s)
			scale *= 10;
	}
	while (unit->name && strcmp(unit->name, s))
		unit++;
	if (!unit->name)
		return -EINVAL;
	fraction *= unit->factor;
	if (fraction % scale)
		return -EINVAL;
	fraction /= scale;
	if (whole > (UINT64_MAX - fraction) / unit->factor)
		return -ERANGE;
	*out = whole * unit->factor + fraction;
	return 0;
}

int parse_size(const char *s, uint64_t *out)
{
	return parse_units(s, sizes, out);
}

int parse_duration(const char *s, uint64_t *ms)
{
	return parse_units(s, durations, ms);
}

const char *format_duration(uint64_t ms, char buf[DURATION_TEXT])
{
	const struct unit *unit = durations;

	while (ms % unit->factor)
		unit++;
	snprintf(buf, DURATION_TEXT, "%" PRIu64 "%s", ms / unit->factor, unit->name);
	return buf;
}

const char *format_size(uint64_t bytes, char buf[SIZE_TEXT])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	uint64_t v = bytes;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(buf, SIZE_TEXT, "%" PRIu64 " B", bytes);
		return buf;
	}
	while (v >= 1024 * 1024) {
		v >>= 10;
		i++;
	}
	snprintf(buf, SIZE_TEXT, "%" PRIu64 ".%" PRIu64 " %s", v / 1024,
		 v % 1024 * 10 / 1024, units[i]);
	return buf;
}

const char *format_ns(uint64_t ns, char buf[NS_TEXT])
{
	static const struct {
		const char *name;
		double factor, end;	/* from end on there is the next unit */
	} units[] = {
		{ "ns", 1, 1000 }, { "us", 1e3, 1000 }, { "ms", 1e6, 1000 }, { "s", 1e9, 120 },
		{ "min", 6e10, 0 },
	};
	size_t i = 0;
	double v;

	while (units[i].end && ns >= units[i].factor * units[i].end)
		i++;
	v = ns / units[i].factor;
	snprintf(buf, NS_TEXT, "%.*f %s", !i || v >= 100 ? 0 : v >= 10 ? 1 : 2, v, units[i].name);
	return buf;
}

char *escape_bytes(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	char *text = malloc(4 * len + 1);
	char *p = text;
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < len; i++) {
		if (b[i] == '\\')
			p += sprintf(p, "\\\\");
		else if (b[i] >= 0x20 && b[i] < 0x7f)
			*p++ = b[i];
		else
			p += sprintf(p, "\\x%02x", b[i]);
	}
	*p = '\0';
	return text;
}

char *hex_bytes(const void *bytes, size_t len)
{
	const unsigned char *b = bytes;
	char *text = malloc(2 * len + 1);
	size_t i;

	if (!text)
		return NULL;
	for (i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", b[i]);
	text[2 * len] = '\0';
	return text;
}

int hex_digit(int c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int unhex(const char *s, void *buf, size_t room)
{
	unsigned char *out = buf;
	size_t n;

	for (n = 0; s[0]; n++, s += 2) {
		int hi = hex_digit((unsigned char)s[0]);
		int lo = hi < 0 ? -1 : hex_digit((unsigned char)s[1]);

		if (lo < 0)
			return -EINVAL;
		if (n == room)
			return -ERANGE;
		out[n] = hi << 4 | lo;
	}
	return n;
}

bool utf8_valid(const void *bytes, size_t len)
{
	const unsigned char *b = bytes, *end = b + len;

	while (b < end) {
		unsigned int c = *b++, more, min;

		if (c < 0x80)
			continue;
		if (c >= 0xc2 && c < 0xe0) {
			more = 1;
			min = 0x80;
			c &= 0x1f;
		} else if (c >= 0xe0 && c < 0xf0) {
			more = 2;
			min = 0x800;
			c &= 0xf;
		} else if (c >= 0xf0 && c < 0xf5) {
			more = 3;
			min = 0x10000;
			c &= 7;
		} else {
			return false;
		}
		if ((size_t)(end - b) < more)
			return false;
		for (; more; more--, b++) {
			if ((*b & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*b & 0x3f);
		}
		if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
	}
	return true;
}
