// SPDX-License-Identifier: GPL-2.0-only
/* The commands of zcachectl that use netlink, against the stand-in for it. */
#include <stdlib.h>
#include <unistd.h>

#include <linux/zcache_counters.h>

#include "ctl_run.h"
#include "json_document.h"

static struct json_object *in(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

static void create_and_delete(void)
{
	fake("store", "create", "web", "capacity", "1M");
	is_int(r.code, 0, "create");
	is_int(r.out_len + r.err_len, 0, "is silent");
	requested("1 2=77656200 3=0000100000000000\n", "sends only what was given");
	fake("store", "create", "web", "capacity", "1.5k", "max-object", "1k", "max-key", "16",
	     "inline-limit", "0", "splice-threshold", "64k", "copy", "local",
	     "default-ttl", "1.5h", "grace", "500ms", "high-watermark", "80", "low-watermark", "60",
	     "object-events", "yes", "mode", "0640", "owner", "1000", "group", "0");
	requested("1 2=77656200 3=0006000000000000 4=0004000000000000 5=10000000 6=00000000 "
		  "7=0000010000000000 16=01000000 17=c065520000000000 18=f4010000 "
		  "19=50000000 20=3c000000 26=01000000 8=a0010000 9=e8030000 10=00000000\n", "sends all of it");
	fake("--json", "store", "create", "web", "capacity", "1M");
	is_str(r.out, "{\"name\":\"web\"}\n", "create as JSON");
	forget_requests();
	fake("store", "delete", "web");
	requested("2 2=77656200\n", "delete");
	fake("store", "delete", "web", "force");
	requested("2 2=77656200 11=\n", "delete by force");

	setenv("FAKE_NL_FAIL", "17:there is one already", 1);
	fake("store", "create", "web", "capacity", "1M");
	refused(2, "zcachectl: cannot create store web: there is one already: File exists (EEXIST)\n",
		"the kernel's sentence");
	setenv("FAKE_NL_FAIL", "1", 1);
	fake("store", "list");
	refused(2, "zcachectl: cannot list the stores: this needs CAP_NET_ADMIN, try as root: Operation not permitted (EPERM)\n",
		"without rights");
	setenv("FAKE_NL_FAIL", "2", 1);
	fake("store", "show", "web");
	refused(3, "zcachectl: store web: No such file or directory (ENOENT)\n", "no such store");
	fake("--json", "object", "list", "web");
	refused(3, "zcachectl: cannot list the objects of store web: No such file or directory (ENOENT)\n",
		"no such store for its objects");
	setenv("FAKE_NL_FAIL", "19", 1);
	fake("store", "delete", "web");
	is_int(r.code, 3, "a store that goes meanwhile");
	unsetenv("FAKE_NL_FAIL");
	forget_requests();
}

static void set(void)
{
	fake("store", "set", "web", "splice-threshold", "16k");
	is_int(r.code, 0, "set");
	is_int(r.out_len + r.err_len, 0, "is silent");
	requested("5 2=77656200 7=0040000000000000\n", "sends only what was given");
	fake("store", "set", "web", "copy", "always", "splice-threshold", "0");
	requested("5 2=77656200 7=0000000000000000 16=02000000\n", "both");
	fake("--json", "store", "set", "web", "copy", "never");
	is_str(r.out, "{\"name\":\"web\"}\n", "set as JSON");
	requested("5 2=77656200 16=00000000\n", "never is sent as well");
	fake("store", "set", "web", "capacity", "1M", "max-object", "1k", "inline-limit", "7",
	     "default-ttl", "never", "grace", "0");
	requested("5 2=77656200 3=0000100000000000 4=0004000000000000 6=07000000 "
		  "17=0000000000000000 18=00000000\n", "all that has a size or a time");
	fake("store", "set", "web", "default-ttl", "36525d", "grace", "4294967295ms");
	requested("5 2=77656200 17=002cf4c1de020000 18=ffffffff\n", "the longest times");
	fake("store", "set", "web", "low-watermark", "0", "high-watermark", "100");
	requested("5 2=77656200 19=64000000 20=00000000\n", "both watermarks");
	fake("store", "set", "web", "low-watermark", "50");
	requested("5 2=77656200 20=32000000\n", "one of them");
	fake("store", "set", "web", "object-events", "yes");
	requested("5 2=77656200 26=01000000\n", "object events");
	fake("store", "set", "web", "object-events", "no");
	requested("5 2=77656200 26=00000000\n", "none");
	fake("store", "set", "web", "object-events", "maybe");
	refused(1, "zcachectl: object-events 'maybe' is neither yes nor no\n", "neither");
	setenv("FAKE_NL_FAIL", "0:more is in use", 1);
	fake("store", "set", "web", "capacity", "1M");
	is_int(r.code, 0, "a warning of the kernel is no failure");
	is_int(r.out_len, 0, "it is no output");
	is_str(r.err, "zcachectl: note: store web: more is in use\n", "but a note");
	fake("--json", "store", "set", "web", "capacity", "1M");
	is_str(r.out, "{\"name\":\"web\",\"note\":\"more is in use\"}\n", "also in JSON");
	is_str(r.err, "zcachectl: note: store web: more is in use\n", "besides");
	forget_requests();
	setenv("FAKE_NL_FAIL", "2", 1);
	fake("store", "set", "web", "copy", "local");
	refused(3, "zcachectl: cannot change store web: No such file or directory (ENOENT)\n",
		"set of none");
	unsetenv("FAKE_NL_FAIL");
	forget_requests();
}

static void show_copy(const char *value, const char *want)
{
	struct json_object *o;
	char line[64];

	setenv("FAKE_NL_COPY", value, 1);
	fake("store", "show", "web");
	snprintf(line, sizeof(line), "\n  copy               %s\n", want);
	ok(strstr(r.out, line) != NULL, line + 1);
	fake("--json", "store", "show", "web");
	o = json_document(r.out);
	is_str(json_object_get_string(in(o, "copy")) ?: "", want, "also in JSON");
	json_object_put(o);
	unsetenv("FAKE_NL_COPY");
}

static void show_times(void)
{
	struct json_object *o;

	fake("store", "show", "web");
	ok(strstr(r.out, "\n  default-ttl        never\n  grace              none\n") != NULL,
	   "no times");
	setenv("FAKE_NL_TTL", "5400000", 1);
	fake("store", "show", "web");
	ok(strstr(r.out, "\n  default-ttl        90m\n  grace              45m\n") != NULL,
	   "some times");
	fake("--json", "store", "show", "web");
	o = json_document(r.out);
	is_int(json_object_get_int64(in(o, "default_ttl_ms")), 5400000, "also in JSON");
	is_int(json_object_get_int64(in(o, "grace_ms")), 2700000, "both");
	json_object_put(o);
	unsetenv("FAKE_NL_TTL");
}

#define HEAD \
	"web\n" \
	"  capacity           1048576 bytes (1.0 MiB)\n" \
	"  used               1536 bytes (1.5 KiB)\n" \
	"  data               1100 bytes (1.0 KiB)\n" \
	"  metadata           336 bytes\n" \
	"  pinned             100 bytes\n" \
	"  high-watermark     95 percent\n" \
	"  low-watermark      90 percent\n" \
	"  objects            3\n"

static void show(void)
{
	static const char *const names[] = {
#define NAME(id, name, unit, sentence) name,
		ZC_COUNTERS(NAME)
	};
	struct json_object *o;
	char name[64], *p;
	int i, good = 0;

	fake("store", "show", "web");
	is_int(r.code, 0, "show");
	requested("3 2=77656200\n", "asks for one");
	is_mem(r.out, strlen(HEAD) < r.out_len ? strlen(HEAD) : r.out_len, HEAD, strlen(HEAD),
	       "begins with the limits");
	ok(strstr(r.out, "\n    fill-bytes         107 bytes\n") != NULL, "has counters and units");
	ok(strstr(r.out, "\n    hit-ratio          49.8 % of 201 lookups\n") != NULL,
	   "and the hit ratio");
	fake("--json", "store", "show", "web");
	o = json_document(r.out);
	ok(o != NULL, "show is a document");
	is_str(json_object_get_string(in(o, "mode")) ?: "", "0640", "with the mode");
	is_int(json_object_get_int(in(o, "opens")), 4, "the opens");
	is_int(json_object_get_int(in(o, "data")), 1100, "the data");
	is_int(json_object_get_int(in(o, "metadata")), 336, "the metadata");
	is_int(json_object_get_int(in(o, "pinned")), 100, "what is pinned");
	is_int(json_object_get_int(in(o, "high_watermark")), 95, "the high watermark");
	is_int(json_object_get_int(in(o, "low_watermark")), 90, "the low watermark");
	for (i = 0; i < ZC_C_NR; i++) {
		snprintf(name, sizeof(name), "%s", names[i]);
		for (p = name; *p; p++)
			if (*p == '-')
				*p = '_';
		good += json_object_get_int(in(in(o, "counters"), name)) == 100 + i;
	}
	is_int(good, ZC_C_NR, "and all counters");
	ok(!in(in(o, "counters"), "hit_ratio"), "but nothing derived");
	json_object_put(o);
	show_copy("0", "never");
	show_copy("1", "local");
	show_copy("2", "always");
	show_copy("3", "unknown");
	show_times();
	forget_requests();
}

static void show_stats(void)
{
	const char *rest;

	setenv("FAKE_NL_STORE", " hits=3 misses=1 hit-bytes=100 miss-bytes=900 mmap-reads=6 mmap-skipped=2", 1);
	setenv("FAKE_NL_LATENCY", "0,600,0,200,0,1", 1);
	fake("stats", "show", "web");
	is_int(r.code, 0, "stats");
	requested("3 2=77656200\n", "ask for one store");
	ok(!strncmp(r.out, "web\n  counters\n    hits               3 lookups\n", 45),
	   "begin with the counters");
	ok(strstr(r.out, "\n    hit-bytes          100 bytes\n") != NULL, "with units");
	rest = strstr(r.out, "  hit-ratio");
	is_str(rest ?: "",
	       "  hit-ratio            75.0 % of 4 lookups\n"
	       "  byte-hit-ratio       10.0 % of 1000 bytes\n"
	       "  mmap-efficiency      75.0 % of 8 object fds\n"
	       "  send-latency         801 calls\n"
	       "    <  2.05 us                  600  74.9 %\n"
	       "    <  8.19 us                  200  25.0 %\n"
	       "    >= 16.4 us                    1   0.1 %\n"
	       "  fill-latency         802 calls\n"
	       "    <  1.02 us                    1   0.1 %\n"
	       "    <  2.05 us                  600  74.8 %\n"
	       "    <  8.19 us                  200  24.9 %\n"
	       "    >= 16.4 us                    1   0.1 %\n", "and tell what is derived");
	setenv("FAKE_NL_LATENCY", "7", 1);
	fake("stats", "show", "web");
	ok(strstr(r.out, "  send-latency         7 calls\n"
		  "    >= 0 ns                       7 100.0 %\n") != NULL, "a single bucket");
	setenv("FAKE_NL_LATENCY", "0,0", 1);
	setenv("FAKE_NL_STORE", " hits=0", 1);
	fake("stats", "show", "web");
	rest = strstr(r.out, "    touches-lost ");
	is_str(rest ?: "",
	       "    touches-lost       0 uses\n"
	       "  send-latency         0 calls\n"
	       "  fill-latency         1 calls\n"
	       "    <  1.02 us                    1 100.0 %\n", "a store without use");
	unsetenv("FAKE_NL_STORE");
	forget_requests();
}

static void show_all_stats(void)
{
	struct json_object *o, *one;

	setenv("FAKE_NL_LATENCY", "5,6,7", 1);
	fake("--json", "stats", "show");
	requested("3 dump\n", "without a store all are asked for");
	o = json_document(r.out);
	is_int(json_object_array_length(in(o, "stores")), 2, "stats as JSON");
	one = json_object_array_get_idx(in(o, "stores"), 1);
	is_str(json_object_get_string(in(one, "name")) ?: "", "second", "with names");
	is_int(json_object_get_int(in(in(one, "counters"), "shrinker_calls")),
	       100 + ZC_C_SHRINKER_CALLS, "counters");
	is_str(json_object_to_json_string_ext(in(one, "send_latency"), JSON_C_TO_STRING_PLAIN),
	       "[{\"below_ns\":1024,\"count\":5},{\"below_ns\":2048,\"count\":6},{\"below_ns\":null,\"count\":7}]",
	       "and latencies");
	json_object_put(o);
	unsetenv("FAKE_NL_LATENCY");
	fake("--json", "stats", "show", "web");
	o = json_document(r.out);
	one = json_object_array_get_idx(in(o, "stores"), 0);
	is_int(json_object_array_length(in(one, "fill_latency")), 0, "a module without latencies");
	json_object_put(o);
	setenv("FAKE_NL_INTR", "1000", 1);
	fake("--json", "stats", "show");
	o = json_document(r.out);
	ok(json_object_get_boolean(in(o, "inconsistent")), "stats that are never whole say so");
	is_str(r.err, "zcachectl: note: stores come and go faster than they can be listed; the list may be incomplete\n",
	       "also for people");
	json_object_put(o);
	unsetenv("FAKE_NL_INTR");
	setenv("FAKE_NL_FAIL", "2", 1);
	fake("stats", "show", "web");
	refused(3, "zcachectl: store web: No such file or directory (ENOENT)\n", "stats of none");
	unsetenv("FAKE_NL_FAIL");
	forget_requests();
}

static void list(void)
{
	struct json_object *o;

	fake("store", "list");
	is_str(r.out,
	       "NAME                 CAPACITY         USED      OBJECTS  MODE HIGH  LOW         DATA     METADATA       PINNED\n"
	       "web                   1.0 MiB      1.5 KiB            3  0640  95%  90%      1.0 KiB        336 B        100 B\n"
	       "second                1.0 MiB      1.5 KiB            3  0640  95%  90%      1.0 KiB        336 B        100 B\n",
	       "list");
	requested("3 dump\n", "is one dump");
	setenv("FAKE_NL_INTR", "3", 1);
	fake("--json", "store", "list");
	o = json_document(r.out);
	is_int(json_object_array_length(in(o, "stores")), 2, "an interrupted list has each store once");
	ok(!in(o, "inconsistent"), "and is whole in the end");
	json_object_put(o);
	requested("3 dump\n3 dump\n3 dump\n3 dump\n", "after as many dumps as it takes");
	setenv("FAKE_NL_INTR", "1000", 1);
	fake("--json", "store", "list");
	is_int(r.code, 0, "a list that is never whole");
	o = json_document(r.out);
	ok(json_object_get_boolean(in(o, "inconsistent")), "says so");
	is_str(r.err, "zcachectl: note: stores come and go faster than they can be listed; the list may be incomplete\n",
	       "also for people");
	json_object_put(o);
	unsetenv("FAKE_NL_INTR");
	forget_requests();
}

static void objects(void)
{
	struct json_object *o, *first;

	fake("--json", "object", "list", "web");
	is_str(r.out, "{\"store\":\"web\",\"objects\":[]\n}\n", "no objects");
	requested("4 dump 2=77656200\n", "asks for the store's");
	setenv("FAKE_NL_OBJECTS", "2", 1);
	fake("object", "list", "web", "prefix", "hex:6b00");
	is_str(r.out,
	       "  GENERATION           SIZE         CHARGE       HITS              CREATED              EXPIRES KEY\n"
	       "           1              0           4096          7 2023-11-14T22:13:20Z                never k\\x00\\x00\n"
	       "           2             10           4096          7 2023-11-14T22:13:20Z 2027-01-15T08:00:00Z k\\x00\\x01\n",
	       "two objects");
	requested("4 dump 2=77656200 3=6b00\n", "asks with the prefix");
	fake("object", "list", "web", "min-size", "1k", "max-size", "1.5M", "min-age", "0", "max-age",
	     "36525d", "expired", "no");
	requested("4 dump 2=77656200 10=0004000000000000 11=0000180000000000 12=0000000000000000 "
		  "13=002cf4c1de020000 14=00000000\n", "asks with all filters");
	fake("object", "list", "web", "expired", "yes", "prefix", "k", "min-age", "1.5s");
	requested("4 dump 2=77656200 3=6b 12=dc05000000000000 14=01000000\n", "with some");
	fake("object", "list", "web", "tag", "0xA1");
	requested("4 dump 2=77656200 15=a100000000000000\n", "with a tag");
	fake("object", "list", "web", "resident", "no");
	requested("4 dump 2=77656200 18=00000000\n", "those that memory failed under");
	fake("object", "list", "web", "resident", "1");
	refused(1, "zcachectl: resident '1' is neither yes nor no\n", "neither");
	fake("--json", "object", "list", "web");
	ok(strstr(r.out, "\"size\":10,\"resident\":9,\"charge\"") != NULL, "what is in memory");
	forget_requests();
	setenv("FAKE_NL_OBJECTS", "300", 1);
	fake("--json", "object", "list", "web");
	o = json_document(r.out);
	is_int(json_object_array_length(in(o, "objects")), 300, "many objects are one document");
	first = json_object_array_get_idx(in(o, "objects"), 1);
	is_str(json_object_get_string(in(first, "key_hex")) ?: "", "6b0001", "with the key");
	is_int(json_object_get_int64(in(first, "expires")), 1800000000000000000, "and the expiry");
	is_str(json_object_to_json_string_ext(in(first, "tags"), JSON_C_TO_STRING_PLAIN),
	       "[1,18446744073709551615]", "and the tags");
	first = json_object_array_get_idx(in(o, "objects"), 200);
	is_int(json_object_array_length(in(first, "tags")), 0, "which may be none");
	ok(!in(first, "key"), "a key that is no UTF-8 is hex only");
	json_object_put(o);
	fake("--json", "object", "list", "web", "limit", "5");
	o = json_document(r.out);
	is_int(json_object_array_length(in(o, "objects")), 5, "a limit");
	json_object_put(o);
	fake("object", "list", "web", "limit", "0");
	is_int(r.code, 0, "a limit of 0");
	is_int(r.out_len, 0, "lists nothing");
	setenv("FAKE_NL_INTR", "1", 1);
	fake("--json", "object", "list", "web");
	o = json_document(r.out);
	ok(json_object_get_boolean(in(o, "inconsistent")), "an interrupted list says so");
	is_str(r.err, "zcachectl: note: objects came or went meanwhile; the list may miss some or show some twice\n",
	       "also for people");
	json_object_put(o);
	unsetenv("FAKE_NL_INTR");
	setenv("FAKE_NL_BREAK", "12", 1);
	fake("--json", "object", "list", "web");
	is_int(r.code, 2, "a list that breaks off");
	o = json_document(r.out);
	ok(json_object_get_boolean(in(o, "failed")), "is a document that says so");
	json_object_put(o);
	is_str(r.err, "zcachectl: cannot list the objects of store web: Cannot allocate memory (ENOMEM)\n",
	       "and a sentence");
}

int main(void)
{
	test_store();
	log_requests("FAKE_ZCACHE_LOG");
	create_and_delete();
	set();
	show();
	show_stats();
	show_all_stats();
	list();
	objects();
	return tap_end();
}
