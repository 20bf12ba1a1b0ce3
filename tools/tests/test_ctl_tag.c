// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl tag, against the stand-in for netlink. */
#include <stdlib.h>

#include "ctl_run.h"
#include "json_document.h"

#define ID_SENTENCE " is not a number from 1 to 2^64 - 1, decimal or after 0x in hex\n"
#define SIZE_SENTENCE ": a size is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G\n"

static void usage(void)
{
	fake("tag", "show", "web");
	refused(1, "zcachectl: too few words; right is: zcachectl tag show STORE ID\n", "no tag");
	fake("tag", "show", "web", "0");
	refused(1, "zcachectl: tag '0'" ID_SENTENCE, "show of 0");
	fake("tag", "set", "web", "0x0", "quota", "1M");
	refused(1, "zcachectl: tag '0x0'" ID_SENTENCE, "set of 0");
	fake("tag", "set", "web", "1");
	refused(1, "zcachectl: what is to be changed? it takes 'quota SIZE', 'floor SIZE' or both\n",
		"set of nothing");
	fake("tag", "set", "web", "1", "quota", "never");
	refused(1, "zcachectl: quota 'never'" SIZE_SENTENCE, "a bad quota");
	fake("tag", "set", "web", "1", "floor", "1.5");
	refused(1, "zcachectl: floor '1.5'" SIZE_SENTENCE, "a bad floor");
	fake("tag", "set", "web", "1", "quota", "1M", "quota", "2M");
	refused(1, "zcachectl: 'quota' is given twice\n", "two quotas");
	fake("tag", "list", "web", "1");
	refused(1, "zcachectl: unknown word '1'; 'zcachectl help' lists what is known\n",
		"list of one");
	requested("", "nothing was asked of the kernel");
}

static void set(void)
{
	fake("tag", "set", "web", "7", "quota", "1M");
	is_int(r.code, 0, "set");
	is_int(r.out_len + r.err_len, 0, "is silent");
	requested("10 2=77656200 3=0700000000000000 4=0000100000000000\n",
		  "sends only what was given");
	fake("tag", "set", "web", "0xffffffffffffffff", "floor", "1.5k", "quota", "none");
	requested("10 2=77656200 3=ffffffffffffffff 4=0000000000000000 5=0006000000000000\n",
		  "both, and none is 0");
	fake("tag", "set", "web", "7", "floor", "0");
	requested("10 2=77656200 3=0700000000000000 5=0000000000000000\n", "as 0 is");
	fake("--json", "tag", "set", "web", "0x10", "floor", "none");
	is_str(r.out, "{\"store\":\"web\",\"id\":16}\n", "set as JSON");
	setenv("FAKE_NL_FAIL", "0:more is in use", 1);
	fake("--json", "tag", "set", "web", "7", "quota", "1M");
	is_str(r.out, "{\"store\":\"web\",\"id\":7,\"note\":\"more is in use\"}\n",
	       "a warning of the kernel");
	is_str(r.err, "zcachectl: note: tag 7 of store web: more is in use\n", "is a note");
	setenv("FAKE_NL_FAIL", "22:floor must be at most the quota", 1);
	fake("tag", "set", "web", "0x7", "quota", "1", "floor", "2");
	refused(2, "zcachectl: cannot change tag 7 of store web: floor must be at most the quota: Invalid argument (EINVAL)\n",
		"the kernel's sentence");
	setenv("FAKE_NL_FAIL", "1", 1);
	fake("tag", "set", "web", "7", "quota", "1");
	refused(2, "zcachectl: cannot change tag 7 of store web: this needs CAP_NET_ADMIN, try as root: Operation not permitted (EPERM)\n",
		"without rights");
	unsetenv("FAKE_NL_FAIL");
	forget_requests();
}

#define COUNTS \
	"hits               1008 lookups\n" \
	"hit-bytes          1009 bytes\n" \
	"misses             1016 lookups\n" \
	"expired            1013 lookups\n" \
	"sent-bytes         1010 bytes\n" \
	"commits            1011 objects\n" \
	"fill-bytes         1012 bytes\n" \
	"evictions          1014 objects\n" \
	"evicted-bytes      1015 bytes\n"

static void show(void)
{
	fake("tag", "show", "web", "0x2");
	is_str(r.out,
	       "store              web\n"
	       "id                 2\n"
	       "quota              2097152 bytes (2.0 MiB)\n"
	       "floor              100 bytes\n"
	       "used               1006 bytes\n"
	       "objects            1007\n" COUNTS, "show");
	requested("11 2=77656200 3=0200000000000000\n", "asks for one");
	fake("tag", "show", "web", "3");
	is_str(r.out,
	       "store              web\n"
	       "id                 3\n"
	       "quota              none\n"
	       "floor              none\n"
	       "used               1006 bytes\n"
	       "objects            1007\n" COUNTS, "show of one without limits");
	fake("--json", "tag", "show", "web", "3");
	is_str(r.out,
	       "{\"store\":\"web\",\"id\":3,\"quota\":0,\"floor\":0,\"used\":1006,\"objects\":1007,"
	       "\"hits\":1008,\"hit_bytes\":1009,\"misses\":1016,\"expired\":1013,\"sent_bytes\":1010,"
	       "\"commits\":1011,\"fill_bytes\":1012,\"evictions\":1014,\"evicted_bytes\":1015}\n",
	       "show as JSON");
	setenv("FAKE_NL_FAIL", "2:no object of the store has this tag, and it has no limits", 1);
	fake("tag", "show", "web", "3");
	refused(3, "zcachectl: tag 3 of store web: no object of the store has this tag, and it has no limits: No such file or directory (ENOENT)\n",
		"show of none");
	unsetenv("FAKE_NL_FAIL");
	setenv("FAKE_NL_MUTE", "1", 1);
	fake("--json", "tag", "show", "web", "3");
	refused(2, "zcachectl: tag 3 of store web: Bad message (EBADMSG)\n", "no answer");
	unsetenv("FAKE_NL_MUTE");
	forget_requests();
}

static int listed(const char *member)
{
	struct json_object *o = json_document(r.out);
	int n = json_object_array_length(json_object_object_get(o, "tags"));

	ok(json_object_get_boolean(json_object_object_get(o, member)), member);
	json_object_put(o);
	return n;
}

static void list(void)
{
	struct json_object *o;

	fake("tag", "list", "web");
	is_int(r.code, 0, "a list of no tags");
	is_int(r.out_len + r.err_len, 0, "is empty");
	requested("11 dump 2=77656200\n", "asks for the store's");
	fake("--json", "tag", "list", "web");
	is_str(r.out, "{\"store\":\"web\",\"tags\":[]\n}\n", "and as JSON");
	setenv("FAKE_NL_TAGS", "2", 1);
	fake("tag", "list", "web");
	is_str(r.out,
	       "                  ID        QUOTA        FLOOR         USED      OBJECTS         HITS       MISSES    EVICTIONS\n"
	       "                   1         none         none       1006 B         1007         1008         1016         1014\n"
	       "                   2      2.0 MiB        100 B       1006 B         1007         1008         1016         1014\n",
	       "list");
	setenv("FAKE_NL_TAGS", "300", 1);
	fake("--json", "tag", "list", "web");
	o = json_document(r.out);
	is_int(json_object_array_length(json_object_object_get(o, "tags")), 300,
	       "many tags are one document");
	ok(!json_object_object_get(o, "inconsistent"), "which is whole");
	json_object_put(o);
	setenv("FAKE_NL_INTR", "1", 1);
	fake("--json", "tag", "list", "web");
	is_int(r.code, 0, "an interrupted list");
	is_str(r.err, "zcachectl: note: tags came or went meanwhile; the list may miss some or show some twice\n",
	       "says so");
	is_int(listed("inconsistent"), 300, "also in JSON");
	unsetenv("FAKE_NL_INTR");
	setenv("FAKE_NL_BREAK", "12", 1);
	fake("--json", "tag", "list", "web");
	is_int(r.code, 2, "a list that breaks off");
	is_str(r.err, "zcachectl: cannot list the tags of store web: Cannot allocate memory (ENOMEM)\n",
	       "says so as well");
	is_int(listed("failed"), 300, "also in JSON");
	unsetenv("FAKE_NL_BREAK");
	setenv("FAKE_NL_FAIL", "2:there is no store of this name", 1);
	fake("--json", "tag", "list", "web");
	refused(3, "zcachectl: cannot list the tags of store web: there is no store of this name: No such file or directory (ENOENT)\n",
		"list of no store");
	unsetenv("FAKE_NL_FAIL");
}

int main(void)
{
	test_store();
	log_requests("FAKE_ZCACHE_LOG");
	usage();
	set();
	show();
	list();
	return tap_end();
}
