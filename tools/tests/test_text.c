// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "tap.h"
#include "text.h"

static void sizes(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t bytes;
	} t[] = {
		{ "0", 0, 0 },
		{ "1", 0, 1 },
		{ "4096", 0, 4096 },
		{ "64k", 0, 65536 },
		{ "64K", 0, 65536 },
		{ "256M", 0, 268435456 },
		{ "1G", 0, 1073741824 },
		{ "1.5G", 0, 1610612736 },
		{ "0.5k", 0, 512 },
		{ "2T", 0, 2199023255552 },
		{ "1.000000T", 0, 1099511627776 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "16777215.999999T", -EINVAL, 0 },
		{ "16777215.5T", 0, 18446743523953737728ULL },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "16777216T", -ERANGE, 0 },
		{ "17179869184G", -ERANGE, 0 },
		{ "0.1k", -EINVAL, 0 },
		{ "1.5", -EINVAL, 0 },
		{ "1.0000000G", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ "1g", -EINVAL, 0 },
		{ "1GB", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ ".5G", -EINVAL, 0 },
		{ "1.G", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
		{ "1e9", -EINVAL, 0 },
	};
	char name[80];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t bytes = 0;
		int err = parse_size(t[i].text, &bytes);

		snprintf(name, sizeof(name), "size '%s' gives error %d", t[i].text, t[i].err);
		is_int(err, t[i].err, name);
		snprintf(name, sizeof(name), "size '%s' is %" PRIu64 " bytes", t[i].text,
			 t[i].bytes);
		ok(bytes == t[i].bytes, name);
	}
}

static void durations(void)
{
	static const struct {
		const char *text;
		int err;
		uint64_t ms;
	} t[] = {
		{ "0", 0, 0 },
		{ "0d", 0, 0 },
		{ "1", 0, 1000 },
		{ "1ms", 0, 1 },
		{ "90s", 0, 90000 },
		{ "5m", 0, 300000 },
		{ "12h", 0, 43200000 },
		{ "7d", 0, 604800000 },
		{ "36525d", 0, 3155760000000 },
		{ "0.001", 0, 1 },
		{ "1.5h", 0, 5400000 },
		{ "0.000001d", -EINVAL, 0 },
		{ "0.5ms", -EINVAL, 0 },
		{ "18446744073709551615ms", 0, UINT64_MAX },
		{ "18446744073709551.615", 0, UINT64_MAX },
		{ "18446744073709551.616", -ERANGE, 0 },
		{ "18446744073709551616ms", -ERANGE, 0 },
		{ "213503982335d", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "1M", -EINVAL, 0 },
		{ "1 s", -EINVAL, 0 },
		{ "1sec", -EINVAL, 0 },
		{ "1h30m", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "1.s", -EINVAL, 0 },
		{ "never", -EINVAL, 0 },
	};
	char name[80], buf[DURATION_TEXT];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		uint64_t ms = 0;
		int err = parse_duration(t[i].text, &ms);

		snprintf(name, sizeof(name), "time '%s' gives error %d", t[i].text, t[i].err);
		is_int(err, t[i].err, name);
		snprintf(name, sizeof(name), "time '%s' is %" PRIu64 " ms", t[i].text, t[i].ms);
		ok(ms == t[i].ms, name);
	}
	is_str(format_duration(1, buf), "1ms", "1 ms");
	is_str(format_duration(1500, buf), "1500ms", "1.5 s");
	is_str(format_duration(10000, buf), "10s", "10 s");
	is_str(format_duration(5400000, buf), "90m", "90 min");
	is_str(format_duration(90000000, buf), "25h", "25 h");
	is_str(format_duration(3155760000000, buf), "36525d", "a hundred years");
	is_str(format_duration(UINT64_MAX, buf), "18446744073709551615ms", "all 64 bits of ms");
}

static void numbers(void)
{
	uint64_t v = 7;

	is_int(parse_u64("1024", 1024, &v), 0, "a number at its bound is taken");
	is_int(v, 1024, "it has its value");
	is_int(parse_u64("1025", 1024, &v), -ERANGE, "a number above its bound is not");
	is_int(parse_u64("12a", 1024, &v), -EINVAL, "a number has digits only");
	is_int(parse_u64("", 1024, &v), -EINVAL, "nothing is no number");
	is_int(v, 1024, "a refusal leaves the value alone");
}

static void formats(void)
{
	char buf[SIZE_TEXT];

	is_str(format_size(0, buf), "0 B", "0 bytes");
	is_str(format_size(1023, buf), "1023 B", "1023 bytes");
	is_str(format_size(1024, buf), "1.0 KiB", "1 KiB");
	is_str(format_size(1610612736, buf), "1.5 GiB", "1.5 GiB");
	is_str(format_size(1048575, buf), "1023.9 KiB", "rounded down");
	is_str(format_size(UINT64_MAX, buf), "15.9 EiB", "all 64 bits");
}

static void spans(void)
{
	char buf[NS_TEXT];

	is_str(format_ns(0, buf), "0 ns", "no time");
	is_str(format_ns(999, buf), "999 ns", "999 ns");
	is_str(format_ns(1024, buf), "1.02 us", "1024 ns");
	is_str(format_ns(16384, buf), "16.4 us", "16384 ns");
	is_str(format_ns(524288, buf), "524 us", "524288 ns");
	is_str(format_ns(1048576, buf), "1.05 ms", "2^20 ns");
	is_str(format_ns(1073741824, buf), "1.07 s", "2^30 ns");
	is_str(format_ns(119000000000, buf), "119 s", "almost two minutes");
	is_str(format_ns(274877906944, buf), "4.58 min", "2^38 ns");
	is_str(format_ns(UINT64_MAX, buf), "307445735 min", "all 64 bits");
}

static void escapes(void)
{
	unsigned char all[256];
	char *s;
	int i;

	s = escape_bytes("/a b\\c\n\0\x7f\xc3\xa4", 11);
	is_str(s, "/a b\\\\c\\x0a\\x00\\x7f\\xc3\\xa4", "bytes that do not print are escaped");
	free(s);
	for (i = 0; i < 256; i++)
		all[i] = i;
	s = escape_bytes(all, 256);
	is_int(strlen(s), 94 + 2 + 161 * 4, "all bytes have their length");
	free(s);
	s = hex_bytes("\x00\xff\x1a", 3);
	is_str(s, "00ff1a", "hex");
	free(s);
}

static void hex(void)
{
	unsigned char buf[4];

	is_int(unhex("00fFa1", buf, sizeof(buf)), 3, "three pairs are three bytes");
	is_lit(buf, 3, "\x00\xff\xa1", "they have their values");
	is_int(unhex("", buf, sizeof(buf)), 0, "no pairs are no bytes");
	is_int(unhex("0", buf, sizeof(buf)), -EINVAL, "half a pair is refused");
	is_int(unhex("0g", buf, sizeof(buf)), -EINVAL, "other letters are refused");
	is_int(unhex("0011223344", buf, sizeof(buf)), -ERANGE, "too many bytes are refused");
}

static void utf8(void)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool valid;
	} t[] = {
		{ "", 0, true },
		{ "plain", 5, true },
		{ "\0", 1, true },
		{ "\xc3\xa4", 2, true },
		{ "\xe2\x82\xac", 3, true },
		{ "\xf0\x9f\x98\x80", 4, true },
		{ "\xf4\x8f\xbf\xbf", 4, true },
		{ "\xf4\x90\x80\x80", 4, false },
		{ "\xc0\x80", 2, false },
		{ "\xc1\xbf", 2, false },
		{ "\xe0\x9f\xbf", 3, false },
		{ "\xf0\x8f\xbf\xbf", 4, false },
		{ "\xed\xa0\x80", 3, false },
		{ "\x80", 1, false },
		{ "\xc3", 1, false },
		{ "\xe2\x82", 2, false },
		{ "\xff", 1, false },
	};
	char name[40];
	size_t i;

	for (i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(name, sizeof(name), "utf8 case %zu is %svalid", i,
			 t[i].valid ? "" : "in");
		ok(utf8_valid(t[i].bytes, t[i].len) == t[i].valid, name);
	}
}

int main(void)
{
	sizes();
	durations();
	numbers();
	formats();
	spans();
	escapes();
	hex();
	utf8();
	return tap_end();
}
