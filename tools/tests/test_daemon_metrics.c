// SPDX-License-Identifier: GPL-2.0-only
/*
 * What Prometheus and the status page read. With "openmetrics" or "prometheus" as
 * argument: prints it, for programs that know the forms.
 */
#include <json.h>
#include <stdarg.h>
#include <stdlib.h>

#include "accept.h"
#include "address.h"
#include "fail.h"
#include "metrics.h"
#include "status.h"
#include "store.h"
#include "stores.h"
#include "tags.h"
#include "tap.h"

static struct store stores[2] = {
	{ .name = "web", .capacity = 1 << 20, .used = 1000, .data = 700, .metadata = 300,
	  .pinned = 50, .objects = 3, .high_watermark = 95, .low_watermark = 90 },
	{ .name = "cdn.example-1", .capacity = 1 << 30 },
};

static struct managed managed = { .name = "web", .state = STORE_OWNED, .resyncs = 2, .spared = 4 };
static struct view views[2] = { { &stores[0], &managed }, { &stores[1], NULL } };
static char *text;

int fail(enum exit_code code, const char *fmt, ...)
{
	(void)fmt;
	return code;
}

void note(const char *fmt, ...)
{
	(void)fmt;
}

/* Each counter has a value of its own, so that none can be taken for another. */
static void fill(void)
{
	int i;

	for (i = 0; i < ZC_C_NR; i++)
		stores[0].counter[i] = 7000 + i;
	stores[0].send_latency = (struct latency){ .n = 30, .count = { 5, 0, 2, [29] = 1 } };
	stores[1].send_latency.n = 30;
	stores[0].fill_latency.n = 30;
	stores[1].fill_latency.n = 30;
	managed.choice.ops = zp_find("s3fifo");
}

static void print(FILE *f, bool openmetrics, size_t n)
{
	metrics_print(f, openmetrics, views, n);
}

static void make(bool openmetrics, size_t n)
{
	size_t len;
	FILE *f;

	free(text);
	f = open_memstream(&text, &len);
	print(f, openmetrics, n);
	fclose(f);
}

static int times(const char *what)
{
	const char *p = text;
	int n = 0;

	for (; (p = strstr(p, what)); p += strlen(what))
		n++;
	return n;
}

static void every_counter(void)
{
	char value[16];
	int i, missed = 0;

	make(true, 1);
	for (i = 0; i < ZC_C_NR; i++) {
		snprintf(value, sizeof(value), "} %d\n", 7000 + i);
		missed += times(value) != 1;
	}
	is_int(missed, 0, "every counter is there once");
}

#define HAS(s, name) is_int(times(s), 1, name)

static void openmetrics(void)
{
	make(true, 2);
	HAS("# HELP zcache_lookups Lookups of objects.\n"
	    "# TYPE zcache_lookups counter\n"
	    "zcache_lookups_total{store=\"web\",result=\"hit\"} 7000\n"
	    "zcache_lookups_total{store=\"web\",result=\"miss\"} 7001\n"
	    "zcache_lookups_total{store=\"cdn.example-1\",result=\"hit\"} 0\n"
	    "zcache_lookups_total{store=\"cdn.example-1\",result=\"miss\"} 0\n"
	    "# HELP ", "a counter with labels");
	HAS("# TYPE zcache_send_bytes counter\n# UNIT zcache_send_bytes bytes\n"
	    "zcache_send_bytes_total{store=\"web\",path=\"splice\"} ", "one with a unit");
	HAS("# HELP zcache_fills Fills started.\n# TYPE zcache_fills counter\n"
	    "zcache_fills_total{store=\"web\"} 7004\nzcache_fills_total{store=\"cdn.example-1\"} 0\n",
	    "one that has no family");
	HAS("# HELP zcache_send_duration_seconds How long SEND calls took that found their object and had something to send.\n"
	    "# TYPE zcache_send_duration_seconds histogram\n"
	    "# UNIT zcache_send_duration_seconds seconds\n"
	    "zcache_send_duration_seconds_bucket{store=\"web\",le=\"0.000001024\"} 5\n"
	    "zcache_send_duration_seconds_bucket{store=\"web\",le=\"0.000002048\"} 5\n"
	    "zcache_send_duration_seconds_bucket{store=\"web\",le=\"0.000004096\"} 7\n",
	    "a histogram");
	HAS("zcache_send_duration_seconds_bucket{store=\"web\",le=\"274.877906944\"} 7\n"
	    "zcache_send_duration_seconds_bucket{store=\"web\",le=\"+Inf\"} 8\n", "its end");
	is_int(times("_seconds_count") + times("_seconds_sum"), 0,
	       "without a sum there is no count of its own");
	HAS("# TYPE zcache_used_bytes gauge\n# UNIT zcache_used_bytes bytes\n"
	    "zcache_used_bytes{store=\"web\"} 1000\nzcache_used_bytes{store=\"cdn.example-1\"} 0\n",
	    "a gauge");
	HAS("# HELP zcache_policy The eviction policy, and who decides by it.\n"
	    "# TYPE zcache_policy info\n"
	    "zcache_policy_info{store=\"web\",policy=\"s3fifo\",state=\"owned\"} 1\n"
	    "# HELP zcache_policy_objects Objects that the policy knows.\n"
	    "# TYPE zcache_policy_objects gauge\nzcache_policy_objects{store=\"web\"} 0\n"
	    "# HELP zcache_policy_resyncs Times that the kernel had to tell the policy of all objects.\n"
	    "# TYPE zcache_policy_resyncs counter\nzcache_policy_resyncs_total{store=\"web\"} 2\n"
	    "# EOF\n", "the policy of what the daemon knows, and the end");
	make(true, 0);
	is_int(times("{"), 0, "without stores there are no samples");
}

static void prometheus(void)
{
	make(false, 1);
	HAS("# HELP zcache_lookups_total Lookups of objects.\n"
	    "# TYPE zcache_lookups_total counter\n"
	    "zcache_lookups_total{store=\"web\",result=\"hit\"} 7000\n", "the older form's names");
	HAS("# TYPE zcache_policy_info gauge\n", "its types");
	HAS("zcache_send_duration_seconds_bucket{store=\"web\",le=\"+Inf\"} 8\n"
	    "zcache_send_duration_seconds_count{store=\"web\"} 8\n"
	    "# HELP zcache_fill_duration_seconds ", "a histogram has a count, and no sum");
	stores[0].send_latency.n = 0;
	make(false, 1);
	is_int(times("zcache_send_duration_seconds_"), 0, "unless the kernel has none");
	stores[0].send_latency.n = 30;
	is_int(times("# UNIT") + times("# EOF"), 0, "it has no units and no end");
}

static void status(void)
{
	static const struct top_tags none, some = {
		.n = 1, .all = 12, .v = { { .id = UINT64_MAX, .used = 1, .objects = 2, .hits = 3,
					    .sent = 4 } },
	};
	const struct top_tags *tags[] = { &some, &none };
	char *json = status_json(views, tags, 2, 1700000000123), *counters;

	counters = strstr(json, ",\"counters\":{\"hits\":7000,\"misses\":7001,");
	ok(counters != NULL, "the counters of a store");
	is_lit(json, counters ? counters - json : 0,
	       "{\"version\":\"" VERSION "\",\"time_ms\":1700000000123,\"stores\":[{\"name\":\"web\",\"capacity\":1048576,\"used\":1000,\"data\":700,\"pinned\":50,\"objects\":3,\"high_watermark\":95,\"low_watermark\":90,\"policy\":{\"name\":\"s3fifo\",\"state\":\"owned\",\"objects\":0,\"resyncs\":2,\"spared\":4}",
	       "what the page shows of a store");
	ok(strstr(json, "},\"tags\":12,\"top_tags\":[{\"id\":\"18446744073709551615\",\"objects\":2,\"used\":1,\"hits\":3,\"sent_bytes\":4}]},{\"name\":\"cdn.example-1\",") != NULL,
	   "its tags");
	ok(strstr(json, "\"policy\":null,") != NULL, "a store that the daemon does not know yet");
	free(json);
	json = status_json(NULL, NULL, 0, 0);
	is_str(json, "{\"version\":\"" VERSION "\",\"time_ms\":0,\"stores\":[]}", "no stores");
	free(json);
}

static void negotiation(void)
{
	ok(!accept_openmetrics(NULL), "no field");
	ok(!accept_openmetrics(""), "an empty one");
	ok(!accept_openmetrics("*/*"), "anything");
	ok(accept_openmetrics("application/openmetrics-text"), "OpenMetrics");
	ok(accept_openmetrics("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
	   "what Prometheus sends");
	ok(!accept_openmetrics("text/plain, application/openmetrics-text; q=0.5"), "rather text");
	ok(!accept_openmetrics("application/openmetrics-text; q=0"), "not OpenMetrics");
	ok(!accept_openmetrics("application/openmetrics-textual"), "a longer word");
	ok(accept_openmetrics(" , Application/OpenMetrics-Text ;Q=0.2 ,"), "in other letters");
}

static bool good(const char *where, int family)
{
	struct address a;

	return !address_parse(where, &a) && (a.len ? a.sa.any.sa_family : 0) == family;
}

static bool bad(const char *where)
{
	struct address a;

	return address_parse(where, &a);
}

static void addresses(void)
{
	char path[120] = "unix:/";

	ok(good("none", 0) && good("", 0), "nowhere");
	ok(good("127.0.0.1:80", AF_INET) && good("127.1.2.3:0", AF_INET), "this machine");
	ok(good("[::1]:80", AF_INET6), "by IPv6");
	ok(good("unix:/run/x", AF_UNIX), "a path");
	ok(bad("0.0.0.0:80") && bad("[::]:80") && bad("192.0.2.1:80"), "other machines");
	ok(bad("::1:80") && bad("[::1]") && bad("127.0.0.1") && bad("127.0.0.1:") && bad(":80") &&
	   bad("[]:80") && bad("127.0.0.1:65536") && bad("127.0.0.1:+1") && bad("localhost:80"),
	   "what is no address");
	ok(bad("unix:x") && bad("unix:"), "a path that is none");
	memset(path + 6, 'x', 107);
	ok(bad(path), "one that is too long");
	path[6 + 106] = '\0';
	ok(good(path, AF_UNIX), "the longest");
}

static void hosts(void)
{
	static const char *const right[] = {
		"localhost", "LocalHost:9629", "127.0.0.1", "127.0.0.1:9629", "127.255.0.9:1",
		"[::1]", "[::1]:65535",
	};
	static const char *const wrong[] = {
		"", "evil.example", "evil.example:9629", "localhost.evil.example", "127.0.0.1.evil.example",
		"128.0.0.1", "127.1", "0.0.0.0:9629", "localhost:", "localhost:x", "localhost:65536",
		"localhost:9629:1", "::1", "[::1", "[::1]9629", "[::2]", "[127.0.0.1]", "[localhost]",
		" localhost", "localhost ", "a-name-that-is-longer-than-any-address-and-has-no-end-in-sight-at-all",
	};
	size_t i;

	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++)
		ok(address_local_host(right[i]), right[i]);
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ok(!address_local_host(wrong[i]), wrong[i][0] ? wrong[i] : "no host");
}

int main(int argc, char **argv)
{
	fill();
	if (argc == 2) {
		print(stdout, !strcmp(argv[1], "openmetrics"), 2);
		return 0;
	}
	every_counter();
	openmetrics();
	prometheus();
	status();
	negotiation();
	addresses();
	hosts();
	return tap_end();
}
