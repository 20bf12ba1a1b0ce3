// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl as a user sees it: words, exit codes, output. */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "ctl_run.h"
#include "json_document.h"

#define TIME_SENTENCE ": a time is a number of seconds, or a number with ms, s, m, h or d such as 500ms or 1.5h\n"
#define SIZE_SENTENCE ": a size is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G\n"

static void usage(void)
{
	run(&r, NULL, "zcachectl", NULL);
	refused(1, "zcachectl: what is to be done? 'zcachectl help' lists what can be\n",
		"no words");
	ctl("frob");
	refused(1, "zcachectl: no object 'frob'; 'zcachectl help' lists what is known\n",
		"unknown object");
	ctl("store");
	refused(1, "zcachectl: store needs a command; 'zcachectl help store' lists them\n",
		"no command");
	ctl("store", "frob");
	refused(1, "zcachectl: store has no command 'frob'; 'zcachectl help store' lists them\n",
		"unknown command");
	ctl("store", "show");
	refused(1, "zcachectl: too few words; right is: zcachectl store show STORE\n",
		"missing name");
	ctl("--frob", "info");
	refused(1, "zcachectl: unknown option '--frob'; there are --json, --version and --help\n",
		"unknown option");
	ctl("store", "create", "web");
	refused(1, "zcachectl: a store needs 'capacity SIZE'\n", "no capacity");
	ctl("store", "create", "web", "capacity");
	refused(1, "zcachectl: 'capacity' needs a value\n", "keyword without value");
	ctl("store", "create", "web", "capacity", "1", "capacity", "2");
	refused(1, "zcachectl: 'capacity' is given twice\n", "keyword twice");
	ctl("store", "create", "web", "capacity", "1GB");
	refused(1, "zcachectl: capacity '1GB'" SIZE_SENTENCE, "bad capacity");
	ctl("store", "create", "web", "capacity", "16777216T");
	refused(1, "zcachectl: capacity '16777216T' is above 2^64 - 1 bytes\n", "huge capacity");
	ctl("store", "create", "web", "capacity", "1M", "max-object", "x");
	refused(1, "zcachectl: max-object 'x'" SIZE_SENTENCE, "bad max-object");
	ctl("store", "create", "web", "capacity", "1M", "max-key", "1025");
	refused(1, "zcachectl: max-key '1025' is not a number from 0 to 1024\n", "bad max-key");
	ctl("store", "create", "web", "capacity", "1M", "mode", "0888");
	refused(1, "zcachectl: mode '0888' is not an octal number from 0 to 777\n", "bad mode");
	ctl("store", "create", "web", "capacity", "1M", "mode", "1777");
	refused(1, "zcachectl: mode '1777' is not an octal number from 0 to 777\n", "big mode");
	ctl("store", "create", "web", "capacity", "1M", "owner", "no such user");
	refused(1, "zcachectl: owner 'no such user' is neither a user of this system nor a number\n",
		"bad owner");
	ctl("store", "create", "web", "capacity", "1M", "group", "4294967295");
	refused(1, "zcachectl: group '4294967295' is neither a group of this system nor a number\n",
		"bad group");
	ctl("store", "create", "web", "capacity", "1M", "copy", "sometimes");
	refused(1, "zcachectl: copy 'sometimes' is none of never, local and always\n", "bad copy");
	ctl("store", "create", "web", "capacity", "1M", "high-watermark", "0");
	refused(1, "zcachectl: high-watermark '0' is not a number of percent from 1 to 100\n",
		"a high-watermark of 0");
	ctl("store", "set", "web", "high-watermark", "101");
	refused(1, "zcachectl: high-watermark '101' is not a number of percent from 1 to 100\n",
		"a high-watermark above all");
	ctl("store", "set", "web", "low-watermark", "9%");
	refused(1, "zcachectl: low-watermark '9%' is not a number of percent from 0 to 100\n",
		"a low-watermark that is no number");
	ctl("store", "set", "web");
	refused(1, "zcachectl: what is to be changed? 'zcachectl help store' lists what can be\n",
		"set of nothing");
	ctl("store", "set", "web", "max-key", "10");
	refused(1, "zcachectl: unknown word 'max-key'; 'zcachectl help' lists what is known\n",
		"set of what does not change");
	ctl("store", "set", "web", "default-ttl", "soon");
	refused(1, "zcachectl: default-ttl 'soon'" TIME_SENTENCE, "bad default-ttl");
	ctl("store", "create", "web", "capacity", "1M", "default-ttl", "36525.5d");
	refused(1, "zcachectl: default-ttl '36525.5d' is longer than 36525d\n", "long default-ttl");
	ctl("store", "set", "web", "grace", "never");
	refused(1, "zcachectl: grace 'never'" TIME_SENTENCE, "bad grace");
	ctl("store", "set", "web", "grace", "50d");
	refused(1, "zcachectl: grace '50d' is longer than 4294967295ms\n", "long grace");
	ctl("store", "delete", "web", "now");
	refused(1, "zcachectl: unknown word 'now'; 'zcachectl help' lists what is known\n",
		"unknown keyword");
	ctl("object", "stat", "web", "hex:0");
	refused(1, "zcachectl: key 'hex:0': after 'hex:' come pairs of hex digits\n", "half a hex");
	ctl("object", "stat", "web", "");
	refused(1, "zcachectl: a key has 1 to 1024 bytes\n", "empty key");
	ctl("object", "stat", "web", "hex:");
	refused(1, "zcachectl: a key has 1 to 1024 bytes\n", "empty hex key");
	ctl("object", "get", "web", "k", "offset");
	refused(1, "zcachectl: 'offset' needs a value\n", "offset without value");
	ctl("--json", "object", "get", "web", "k");
	refused(1, "zcachectl: --json needs a FILE for the bytes of the object\n", "JSON and bytes");
	ctl("object", "put", "web", "k", "-", "ttl", "0");
	refused(1, "zcachectl: ttl '0' would expire at once; it is 1ms or more\n", "ttl 0");
	ctl("object", "put", "web", "k", "-", "ttl", "1y");
	refused(1, "zcachectl: ttl '1y'" TIME_SENTENCE, "bad ttl");
	ctl("object", "touch", "web", "k", "ttl", "99999999999999999999");
	refused(1, "zcachectl: ttl '99999999999999999999' is longer than 36525d\n", "long ttl");
	ctl("object", "touch", "web", "k", "ttl", "0ms");
	refused(1, "zcachectl: ttl '0ms' would expire at once; it is 1ms or more\n",
		"touch with ttl 0");
	ctl("object", "list", "web", "min-size", "-1");
	refused(1, "zcachectl: min-size '-1'" SIZE_SENTENCE, "bad min-size");
	ctl("object", "list", "web", "max-size", "1.5");
	refused(1, "zcachectl: max-size '1.5'" SIZE_SENTENCE, "half a byte");
	ctl("object", "list", "web", "min-age", "never");
	refused(1, "zcachectl: min-age 'never'" TIME_SENTENCE, "bad min-age");
	ctl("object", "list", "web", "max-age", "36526d");
	refused(1, "zcachectl: max-age '36526d' is longer than 36525d\n", "long max-age");
	ctl("object", "list", "web", "expired", "1");
	refused(1, "zcachectl: expired '1' is neither yes nor no\n", "bad expired");
	ctl("object", "list", "web", "expired");
	refused(1, "zcachectl: 'expired' needs a value\n", "expired without value");
	ctl("object", "purge", "web");
	refused(1, "zcachectl: what is to be purged? it takes one of 'prefix KEY', 'tag ID' and 'all'\n",
		"purge of nothing");
	ctl("object", "purge", "web", "soft");
	refused(1, "zcachectl: what is to be purged? it takes one of 'prefix KEY', 'tag ID' and 'all'\n",
		"soft purge of nothing");
	ctl("object", "purge", "web", "all", "prefix", "/");
	refused(1, "zcachectl: what is to be purged? it takes one of 'prefix KEY', 'tag ID' and 'all'\n",
		"purge of two things");
	ctl("object", "purge", "web", "prefix", "");
	refused(1, "zcachectl: a key has 1 to 1024 bytes\n", "purge of an empty prefix");
	ctl("object", "purge", "web", "/");
	refused(1, "zcachectl: unknown word '/'; 'zcachectl help' lists what is known\n",
		"purge without its word");
	ctl("object", "purge", "web", "all", "tag", "1");
	refused(1, "zcachectl: what is to be purged? it takes one of 'prefix KEY', 'tag ID' and 'all'\n",
		"purge of all and a tag");
	ctl("object", "stat", "../x", "k");
	refused(1, "zcachectl: store '../x': a name has 1 to 32 letters, digits, dots, dashes and underscores and begins with no dot\n",
		"bad store name");
}

#define TAG_SENTENCE " is not a number from 1 to 2^64 - 1, decimal or after 0x in hex\n"

static void tag_words(void)
{
	static const char *const bad[] = {
		"0", "0x0", "", "0x", "-1", "18446744073709551616", "0x10000000000000000", "0xg",
		"1 ", "x1",
	};
	char sentence[128];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(sentence, sizeof(sentence), "zcachectl: tag '%s'" TAG_SENTENCE, bad[i]);
		ctl("object", "purge", "web", "tag", bad[i]);
		refused(1, sentence, "a bad tag");
	}
	ctl("object", "list", "web", "tag", "0");
	refused(1, "zcachectl: tag '0'" TAG_SENTENCE, "list of a bad tag");
	ctl("object", "put", "web", "k", "-", "tag", "1,0");
	refused(1, "zcachectl: tag '0'" TAG_SENTENCE, "put with a bad tag");
	ctl("object", "put", "web", "k", "-", "tag", "1,");
	refused(1, "zcachectl: tag ''" TAG_SENTENCE, "put with an empty tag");
	ctl("object", "put", "web", "k", "-", "tag", "10,2,0xa");
	refused(1, "zcachectl: the tag 0xa is given twice\n", "put with one tag twice");
	ctl("object", "put", "web", "k", "-", "tag", "1,2,3,4,5,6,7,8,9");
	refused(1, "zcachectl: an object has up to 8 tags\n", "put with nine tags");
}

static void help(void)
{
	ctl("help");
	is_int(r.code, 0, "help succeeds");
	ok(strstr(r.out, "zcachectl [--json] OBJECT COMMAND\n") == r.out, "on standard output");
	is_int(r.err_len, 0, "and nowhere else");
	ctl("--help");
	is_int(r.code, 0, "--help as well");
	ctl("help", "frob");
	refused(1, "zcachectl: no object 'frob'; 'zcachectl help' lists what is known\n",
		"help about nothing");
	ctl("--version");
	is_str(r.out, "zcachectl 0.1.0 (ABI 1)\n", "version");
}

static void no_module(void)
{
	bool loaded = !access("/sys/module/zcache", F_OK) || !access("/dev/zcache", F_OK);

	if (loaded) {
		printf("ok %d - without the module # SKIP the module is loaded\n", ++tap_count);
		return;
	}
	ctl("store", "list");
	refused(4, "zcachectl: the kernel has no zcache; load the module with 'modprobe zcache' or 'insmod zcache.ko'\n",
		"store list without the module");
	ctl("object", "list", "web");
	is_int(r.code, 4, "object list without the module");
	ctl("object", "stat", "web", "k");
	refused(4, "zcachectl: store web: the zcache module is not loaded: No such file or directory (ENOENT)\n",
		"object stat without the module");
	ctl("--json", "info");
	is_int(r.code, 4, "info without the module");
	is_str(r.out, "{\"loaded\":false,\"tool_version\":\"0.1.0\",\"tool_abi\":1,\"stores\":[]}\n",
	       "info is a document all the same");
}

static struct json_object *document(const char *name)
{
	struct json_object *o = json_document(r.out);

	ok(o != NULL, name);
	return o;
}

static const char *member(struct json_object *o, const char *name)
{
	return json_object_get_string(json_object_object_get(o, name)) ?: "";
}

static void objects(void)
{
	char file[128], head[128], out[128];
	struct json_object *o;

	strcpy(file, test_file("a.txt", "hello, world", 12));
	strcpy(head, test_file("head", "X: y\r\n", 6));
	fake("object", "put", "web", "/a", file, "header", head, "etag", "\"e\"", "type",
	     "text/plain");
	is_int(r.code, 0, "put");
	is_int(r.out_len + r.err_len, 0, "is silent");
	fake("object", "get", "web", "/a");
	is_mem(r.out, r.out_len, "hello, world", 12, "get");
	fake("object", "get", "web", "hex:2f61", "offset", "7", "length", "3");
	is_mem(r.out, r.out_len, "wor", 3, "get of a range, by hex key");
	fake("object", "get", "web", "/a", "offset", "12");
	is_int(r.code, 0, "get at the end");
	is_int(r.out_len, 0, "gives nothing");
	fake("object", "get", "web", "/a", "offset", "13");
	refused(2, "zcachectl: offset 13 is past the end, the object has 12 bytes: Numerical result out of range (ERANGE)\n",
		"get past the end");
	snprintf(out, sizeof(out), "%s/out", test_folder());
	fake("--json", "object", "get", "web", "/a", "length", "5", out);
	o = document("get as JSON is a document");
	is_str(member(o, "length"), "5", "with the length");
	json_object_put(o);

	strcat(out, "\xff");
	fake("--json", "object", "get", "web", "/a", out);
	o = document("a file's name that is no text is a document too");
	is_str(member(o, "file"), "", "without the name as text");
	is_str(member(o, "file_hex") + strlen(member(o, "file_hex")) - 8, "6f7574ff", "but in hex");
	json_object_put(o);

	fake("--json", "object", "stat", "web", "/a");
	is_int(r.code, 0, "stat");
	o = document("stat is a document");
	is_str(member(o, "store"), "web", "stat: store");
	is_str(member(o, "key"), "/a", "stat: key");
	is_str(member(o, "key_hex"), "2f61", "stat: key_hex");
	is_str(member(o, "size"), "12", "stat: size");
	is_str(member(o, "etag"), "\"e\"", "stat: etag");
	is_str(member(o, "type"), "text/plain", "stat: type");
	is_str(member(o, "header"), "X: y\r\n", "stat: header");
	is_str(member(o, "expires"), "0", "stat: expires");
	is_str(member(o, "expired"), "false", "stat: expired");
	json_object_put(o);

	fake("object", "put", "web", "/proc", "/proc/self/comm");
	is_int(r.code, 0, "put of a file that says it is empty");
	fake("object", "get", "web", "/proc");
	is_str(r.out, "zcachectl-fake\n", "has its bytes");
	fake("object", "delete", "web", "/proc");
	fake("object", "put", "web", "/zero", "/dev/zero");
	refused(2, "zcachectl: cannot put /zero: the store takes objects of up to 67108864 bytes: File too large (EFBIG)\n",
		"put of a file without end");
	fake("object", "put", "web", "/a", file, "excl");
	refused(2, "zcachectl: cannot put /a: File exists (EEXIST)\n", "put of an existing key");
	run(&r, "from a file as stdin", "zcachectl-fake", "--json", "object", "put", "web",
	    "hex:ff00", "-", "ttl", "60", NULL);
	is_int(r.code, 0, "put from standard input");
	o = document("put is a document");
	is_str(member(o, "key"), "", "a key that is no text has no text");
	is_str(member(o, "key_hex"), "ff00", "but hex");
	is_str(member(o, "size"), "20", "and the size");
	json_object_put(o);
	fake("object", "stat", "web", "hex:ff00");
	ok(strstr(r.out, "key                \\xff\\x00\n") != NULL, "text shows it escaped");

	fake("object", "delete", "web", "/a");
	is_int(r.code, 0, "delete");
	fake("object", "delete", "web", "/a");
	refused(3, "zcachectl: no object /a: No such file or directory (ENOENT)\n",
		"delete of nothing");
	fake("object", "get", "web", "/a");
	is_int(r.code, 3, "get of nothing");
	fake("object", "stat", "none", "/a");
	refused(3, "zcachectl: no store none: No such file or directory (ENOENT)\n",
		"no such store");
	fake("object", "stat", "web", "123456789012345678901234567890123");
	refused(2, "zcachectl: cannot stat 123456789012345678901234567890123: the store takes keys of up to 32 bytes: File name too long (ENAMETOOLONG)\n",
		"a key too long for the store");
	fake("object", "put", "web", "/a", "/nonexistent");
	refused(1, "zcachectl: cannot read /nonexistent: No such file or directory (ENOENT)\n",
		"no such file");
	setenv("FAKE_ZCACHE_FAIL", "FILL=28", 1);
	fake("object", "put", "web", "/a", file);
	refused(2, "zcachectl: cannot put /a: No space left on device (ENOSPC)\n", "a full store");
	unsetenv("FAKE_ZCACHE_FAIL");
}

/* The expiry of /life in seconds from now, or -1 if never. */
static long life(void)
{
	struct json_object *o;
	struct timespec now;
	int64_t expires;

	fake("--json", "object", "stat", "web", "/life");
	o = json_document(r.out);
	expires = json_object_get_int64(json_object_object_get(o, "expires"));
	json_object_put(o);
	clock_gettime(CLOCK_REALTIME, &now);
	return expires ? expires / 1000000000 - now.tv_sec : -1;
}

static void lives(void)
{
	struct json_object *o;
	long left;

	run(&r, "bytes", "zcachectl-fake", "object", "put", "web", "/life", "-", "ttl", "1.5h", NULL);
	left = life();
	ok(left > 5300 && left <= 5400, "a ttl in hours");
	fake("object", "touch", "web", "/life", "ttl", "1d");
	is_int(r.code, 0, "touch");
	is_int(r.out_len + r.err_len, 0, "is silent");
	left = life();
	ok(left > 86300 && left <= 86400, "a ttl in days");
	fake("object", "touch", "web", "/life");
	is_int(r.code, 0, "touch without a time");
	left = life();
	ok(left > 86300 && left <= 86400, "leaves it");
	fake("--json", "object", "touch", "web", "/life", "ttl", "never");
	o = document("touch as JSON is a document");
	is_str(member(o, "store"), "web", "touch: store");
	is_str(member(o, "key"), "/life", "touch: key");
	ok(atoi(member(o, "generation")) > 0, "touch: generation");
	is_str(member(o, "expires"), "0", "touch: expires");
	json_object_put(o);
	is_int(life(), -1, "it never expires");
	run(&r, "bytes", "zcachectl-fake", "object", "put", "web", "/life", "-", "ttl", "never", NULL);
	fake("--json", "object", "stat", "web", "/life");
	o = document("put for ever");
	is_str(member(o, "expires"), "9223372036854775807", "brings its own time");
	json_object_put(o);
	fake("object", "stat", "web", "/life");
	ok(strstr(r.out, "expires            never\n") != NULL, "which is never");

	fake("--json", "object", "delete", "web", "/life", "soft");
	o = document("a soft delete is a document");
	ok(atoi(member(o, "generation")) > 0, "with the generation");
	json_object_put(o);
	fake("object", "get", "web", "/life");
	is_int(r.code, 3, "then it has expired");
	fake("object", "touch", "web", "/life", "ttl", "1h");
	refused(3, "zcachectl: no object /life: No such file or directory (ENOENT)\n",
		"touch of what has expired");
	fake("object", "touch", "web", "/life", "ttl", "1h", "expired-ok");
	is_int(r.code, 0, "unless that is asked for");
	fake("object", "get", "web", "/life");
	is_str(r.out, "bytes", "then it is served again");
	fake("object", "delete", "web", "/life");
	fake("object", "touch", "web", "/life", "expired-ok");
	is_int(r.code, 3, "after a delete there is nothing");
}

static void purges(void)
{
	char path[256];

	strcpy(path, test_file("purge", "12345", 5));
	fake("--json", "object", "purge", "web", "all");
	is_int(r.code, 0, "purge of all there is");
	fake("object", "put", "web", "/p/1", path);
	fake("object", "put", "web", "/p/2", path);
	fake("object", "put", "web", "hex:ff01", path);
	fake("--json", "object", "purge", "web", "prefix", "/p/", "soft");
	is_str(r.out, "{\"store\":\"web\",\"objects\":2,\"bytes\":10}\n", "a soft purge");
	fake("object", "stat", "web", "/p/1");
	is_int(r.code, 0, "leaves them");
	ok(strstr(r.out, "expired            yes\n") != NULL, "but expired");
	fake("object", "purge", "web", "prefix", "/p/1");
	is_str(r.out, "store              web\nobjects            1\nbytes              5 bytes\n",
	       "a hard one, as text");
	fake("object", "stat", "web", "/p/1");
	is_int(r.code, 3, "leaves nothing");
	fake("--json", "object", "purge", "web", "prefix", "hex:ff");
	is_str(r.out, "{\"store\":\"web\",\"objects\":1,\"bytes\":5}\n", "a prefix in hex");
	fake("--json", "object", "purge", "web", "all");
	is_str(r.out, "{\"store\":\"web\",\"objects\":1,\"bytes\":5}\n", "all the rest");
	fake("object", "purge", "none", "all");
	refused(3, "zcachectl: no store none: No such file or directory (ENOENT)\n",
		"purge of no store");
	setenv("FAKE_ZCACHE_FAIL", "PURGE=19", 1);
	fake("object", "purge", "web", "all");
	refused(3, "zcachectl: the store was deleted: No such device (ENODEV)\n",
		"purge of a store that goes");
	unsetenv("FAKE_ZCACHE_FAIL");
}

static void tags(void)
{
	struct json_object *o;
	char path[256];

	strcpy(path, test_file("tagged", "12345", 5));
	fake("object", "put", "web", "/t/1", path, "tag", "7,0xffffffffffffffff");
	is_int(r.code, 0, "put with two tags");
	run(&r, "from a pipe", "zcachectl-fake", "object", "put", "web", "/t/2", "-", "tag", "0X7",
	    NULL);
	is_int(r.code, 0, "put from standard input with one");
	fake("object", "put", "web", "/t/3", path, "tag", "1,2,3,4,5,6,8,9");
	is_int(r.code, 0, "put with eight");
	fake("object", "put", "web", "/t/4", path);
	fake("object", "stat", "web", "/t/1");
	ok(strstr(r.out, "\ntags               7,18446744073709551615\n") != NULL,
	   "stat tells them");
	fake("object", "stat", "web", "/t/4");
	is_int(r.code, 0, "stat of an object without tags");
	ok(!strstr(r.out, "tags"), "does not mention them");
	fake("--json", "object", "stat", "web", "/t/1");
	o = document("stat with tags");
	is_str(json_object_to_json_string_ext(json_object_object_get(o, "tags"),
					      JSON_C_TO_STRING_PLAIN),
	       "[7,18446744073709551615]", "they are numbers");
	json_object_put(o);
	fake("--json", "object", "stat", "web", "/t/4");
	o = document("stat without tags");
	is_int(json_object_array_length(json_object_object_get(o, "tags")), 0, "has none");
	json_object_put(o);

	fake("--json", "object", "purge", "web", "tag", "0x7", "soft");
	is_str(r.out, "{\"store\":\"web\",\"objects\":2,\"bytes\":16}\n", "a soft purge by tag");
	fake("object", "stat", "web", "/t/2");
	ok(strstr(r.out, "expired            yes\n") != NULL, "lets them expire");
	fake("object", "purge", "web", "tag", "8");
	is_str(r.out, "store              web\nobjects            1\nbytes              5 bytes\n",
	       "a hard one, as text");
	fake("object", "stat", "web", "/t/3");
	is_int(r.code, 3, "deletes them");
	fake("object", "stat", "web", "/t/4");
	is_int(r.code, 0, "but no others");
	setenv("FAKE_ZCACHE_FAIL", "FILL=122", 1);
	fake("object", "put", "web", "/t/1", path, "tag", "7");
	refused(2, "zcachectl: cannot put /t/1: there is no room in the quota of a tag: Disk quota exceeded (EDQUOT)\n",
		"a tag without room");
	unsetenv("FAKE_ZCACHE_FAIL");
	fake("object", "purge", "web", "all");
}

int main(void)
{
	usage();
	tag_words();
	help();
	no_module();
	test_store();
	objects();
	lives();
	purges();
	tags();
	return tap_end();
}
