// SPDX-License-Identifier: GPL-2.0-only
/* Who owns a store's policy, as zcachectl tells it, against the stand-in for netlink. */
#include <stdlib.h>

#include "ctl_run.h"
#include "json_document.h"

#define SOME_COUNTERS \
	" policy-evictions=300 policy-evicted-bytes=5000 policy-spared=7 touches-lost=8 evictions=100"

#define COUNTERS \
	"policy-evictions   300 objects\n" \
	"policy-evicted-bytes 5000 bytes\n" \
	"policy-spared      7 objects\n" \
	"touches-lost       8 uses\n" \
	"evictions          100 objects\n" \
	"fallback-share     25.0 % of 400 evictions\n"

#define JSON_COUNTERS \
	"\"policy_evictions\":300,\"policy_evicted_bytes\":5000,\"policy_spared\":7," \
	"\"touches_lost\":8,\"evictions\":100"

static void show(void)
{
	fake("policy", "show", "web");
	is_int(r.code, 0, "to have no owner is no error");
	is_str(r.err, "", "nor a note");
	is_str(r.out,
	       "store              web\n"
	       "wanted             default\n"
	       "running            sieve (by the kernel; nobody owns the policy)\n"
	       "owner              none\n"
	       "state              none\n" COUNTERS, "show without an owner");
	requested("3 2=77656200\n19 2=77656200\n", "asks for the store and for the owner");
	fake("--json", "policy", "show", "web");
	is_str(r.out,
	       "{\"store\":\"web\",\"wanted\":null,\"running\":\"sieve\",\"owner\":null,"
	       "\"watchdog_ms\":null,\"state\":\"none\"," JSON_COUNTERS "}\n",
	       "show without an owner as JSON");
	setenv("FAKE_NL_OWNER", "s3fifo 4711 2500", 1);
	setenv("FAKE_NL_POLICY", "gdsf2", 1);
	fake("policy", "show", "web");
	is_str(r.out,
	       "store              web\n"
	       "wanted             gdsf2\n"
	       "running            s3fifo\n"
	       "owner              4711\n"
	       "watchdog           2500ms\n"
	       "state              active\n" COUNTERS, "show with one, who may run another policy");
	setenv("FAKE_NL_OWNER", "s3fifo 4294967295 2500 late", 1);
	fake("--json", "policy", "show", "web");
	is_str(r.out,
	       "{\"store\":\"web\",\"wanted\":\"gdsf2\",\"running\":\"s3fifo\",\"owner\":4294967295,"
	       "\"watchdog_ms\":2500,\"state\":\"silent\"," JSON_COUNTERS "}\n",
	       "show with a silent one as JSON");
	setenv("FAKE_NL_STORE", " hits=1", 1);
	fake("policy", "show", "web");
	ok(!strstr(r.out, "fallback-share"), "without evictions there is no share of them");
	setenv("FAKE_NL_STORE", SOME_COUNTERS, 1);
	unsetenv("FAKE_NL_OWNER");
	unsetenv("FAKE_NL_POLICY");
	forget_requests();
}

static void status(void)
{
	struct json_object *o;

	setenv("FAKE_NL_OWNER", "gdsf2 4711 10000 late", 1);
	fake("policy", "status");
	is_int(r.code, 0, "status");
	is_str(r.out,
	       "STORE            WANTED     RUNNING    STATE       OWNER WATCHDOG POLICY-EVICT       SPARED TOUCHES-LOST    EVICTIONS FALLBACK\n"
	       "web              default    gdsf2      silent       4711      10s          300            7            8          100    25.0%\n"
	       "second           default    sieve      none            -        -          300            7            8          100    25.0%\n",
	       "is a table of all stores");
	requested("3 dump\n19 2=77656200\n19 2=7365636f6e6400\n", "asks for each store's owner");
	fake("--json", "policy", "status");
	is_str(r.out,
	       "{\"stores\":[{\"store\":\"web\",\"wanted\":null,\"running\":\"gdsf2\",\"owner\":4711,"
	       "\"watchdog_ms\":10000,\"state\":\"silent\"," JSON_COUNTERS "},"
	       "{\"store\":\"second\",\"wanted\":null,\"running\":\"sieve\",\"owner\":null,"
	       "\"watchdog_ms\":null,\"state\":\"none\"," JSON_COUNTERS "}]}\n", "status as JSON");
	setenv("FAKE_NL_STORE", " hits=1", 1);
	unsetenv("FAKE_NL_OWNER");
	fake("policy", "status");
	ok(strstr(r.out, "           0        -\n") != NULL, "no share of no evictions");
	setenv("FAKE_NL_INTR", "1000", 1);
	fake("--json", "policy", "status");
	is_int(r.code, 0, "a list that is never whole");
	o = json_document(r.out);
	ok(json_object_get_boolean(json_object_object_get(o, "inconsistent")), "says so");
	is_str(r.err, "zcachectl: note: stores come and go faster than they can be listed; the list may be incomplete\n",
	       "also for people");
	json_object_put(o);
	unsetenv("FAKE_NL_INTR");
	setenv("FAKE_NL_STORE", SOME_COUNTERS, 1);
	forget_requests();
}

static void refusals(void)
{
	fake("policy", "show");
	refused(1, "zcachectl: too few words; right is: zcachectl policy show STORE\n", "no store");
	fake("policy", "status", "web");
	refused(1, "zcachectl: unknown word 'web'; 'zcachectl help' lists what is known\n",
		"status of one");
	requested("", "nothing was asked of the kernel");
	setenv("FAKE_NL_FAIL", "2:there is no store of this name", 1);
	fake("--json", "policy", "show", "web");
	refused(3, "zcachectl: policy of store web: there is no store of this name: No such file or directory (ENOENT)\n",
		"no such store");
	setenv("FAKE_NL_FAIL", "1", 1);
	fake("policy", "status");
	refused(2, "zcachectl: cannot list the policies: this needs CAP_NET_ADMIN, try as root: Operation not permitted (EPERM)\n",
		"without rights");
	unsetenv("FAKE_NL_FAIL");
	setenv("FAKE_NL_OWNER", "12", 1);
	fake("policy", "show", "web");
	refused(2, "zcachectl: policy of store web: Cannot allocate memory (ENOMEM)\n",
		"no answer about the owner");
	fake("--json", "policy", "status");
	refused(2, "zcachectl: cannot list the policies: Cannot allocate memory (ENOMEM)\n",
		"nor about those of all");
	setenv("FAKE_NL_OWNER", "gdsf2 4711", 1);
	fake("policy", "show", "web");
	refused(2, "zcachectl: policy of store web: Bad message (EBADMSG)\n",
		"an answer that lacks something");
	unsetenv("FAKE_NL_OWNER");
	forget_requests();
}

static void wishes(void)
{
	struct json_object *o, *one;

	fake("store", "create", "web", "capacity", "1M", "policy", "gdsf2");
	requested("1 2=77656200 3=0000100000000000 27=676473663200\n", "a store made with a wish");
	fake("store", "set", "web", "policy", "s3fifo");
	is_int(r.code, 0, "a wish");
	is_int(r.out_len + r.err_len, 0, "is silent");
	requested("5 2=77656200 27=73336669666f00\n", "sent by its name");
	fake("store", "set", "web", "policy", "default");
	requested("5 2=77656200 27=00\n", "default is an empty one");
	fake("store", "set", "web", "policy", "none");
	requested("5 2=77656200 27=6e6f6e6500\n", "none is a name like others");
	fake("store", "set", "web", "policy", "of-mine.2");
	requested("5 2=77656200 27=6f662d6d696e652e3200\n", "one that only its owner knows");
	setenv("FAKE_NL_FAIL", "22:policy takes letters, digits, dots and dashes", 1);
	fake("store", "set", "web", "policy", "A B");
	refused(2, "zcachectl: cannot change store web: policy takes letters, digits, dots and dashes: Invalid argument (EINVAL)\n",
		"the kernel's sentence");
	unsetenv("FAKE_NL_FAIL");
	fake("store", "show", "web");
	ok(strstr(r.out, "\n  policy             default\n") != NULL, "show of none");
	fake("--json", "store", "show", "web");
	ok(strstr(r.out, ",\"policy\":null,") != NULL, "as JSON");
	setenv("FAKE_NL_POLICY", "gdsf2", 1);
	fake("store", "show", "web");
	ok(strstr(r.out, "\n  policy             gdsf2\n") != NULL, "show of one");
	fake("--json", "store", "list");
	o = json_document(r.out);
	one = json_object_array_get_idx(json_object_object_get(o, "stores"), 1);
	is_str(json_object_get_string(json_object_object_get(one, "policy")) ?: "", "gdsf2",
	       "list as JSON");
	json_object_put(o);
	unsetenv("FAKE_NL_POLICY");
	forget_requests();
}

int main(void)
{
	test_store();
	log_requests("FAKE_ZCACHE_LOG");
	setenv("FAKE_NL_STORE", SOME_COUNTERS, 1);
	show();
	status();
	refusals();
	wishes();
	return tap_end();
}
