// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl on mirrors: what it prints, refuses and leaves alone. No module is there. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache_owner.h>

#include "ctl_run.h"
#include "json_document.h"
#include "mirror_util.h"
#include "served_daemon.h"

static char store[600], text[4096];

/* Exit code 0, this on standard output, nothing on standard error. */
#define done(want, name) ctl_done(want, name, __FILE__, __LINE__)

static void ctl_done(const char *want, const char *name, const char *file, int line)
{
	tap_str(r.err, "", name, file, line);
	tap_int(r.code, 0, name, file, line);
	tap_str(r.out, want, name, file, line);
}

/* The sentence has the store's name at each %s. */
#define denied(code, sentence, name) ctl_denied(code, sentence, name, __FILE__, __LINE__)

static void ctl_denied(int code, const char *sentence, const char *name, const char *file,
		       int line)
{
	const char *at = strstr(sentence, "STORE");
	size_t before = at ? (size_t)(at - sentence) : strlen(sentence);

	snprintf(text, sizeof(text), "zcachectl: %.*s%s%s\n", (int)before, sentence,
		 at ? store : "", at ? at + strlen("STORE") : "");
	ctl_refused(code, text, name, file, line);
}

static struct json_object *document(void)
{
	struct json_object *o = json_document(r.out);

	ok(o != NULL, "the output is one document");
	return o ?: json_object_new_object();
}

static int64_t number(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) ? json_object_get_int64(v) : -1;
}

static bool is_null(struct json_object *o, const char *name)
{
	struct json_object *v;

	return json_object_object_get_ex(o, name, &v) && !v;
}

static void create(void)
{
	struct json_object *o;

	ctl("store", "create", store, "capacity", "0");
	denied(2, "cannot create store STORE: capacity must be 1 to 9223372036854775807 bytes: Invalid argument (EINVAL)",
	       "a capacity of nothing");
	ctl("store", "create", store, "capacity", "1M", "max-object", "2M");
	denied(2, "cannot create store STORE: max-object-size must be 1 byte to the capacity: Invalid argument (EINVAL)",
	       "objects above the capacity");
	ctl("store", "create", store, "capacity", "1M", "max-key", "0");
	denied(2, "cannot create store STORE: max-key-len must be 1 to 1024: Invalid argument (EINVAL)",
	       "keys of nothing");
	ctl("store", "create", store, "capacity", "1M", "grace", "4294967295ms");
	denied(1, "grace '4294967295ms' is longer than 4294967294ms", "the longest grace");
	ctl("store", "create", store, "capacity", "1M", "durable", "maybe");
	denied(1, "durable 'maybe' is neither yes nor no", "bad durable");
	ctl("store", "create", "mirror:", "capacity", "1M");
	denied(1, "after 'mirror:' comes the folder of the mirror", "no folder");
	ctl("store", "create", "mirror:/nonexistent/m", "capacity", "1M");
	denied(2, "cannot create store mirror:/nonexistent/m: No such file or directory (ENOENT)",
	       "no folder above it");
	ctl("--json", "store", "create", "mirror:/tmp/\xff", "capacity", "1M");
	denied(1, "--json needs a folder whose name is UTF-8", "a folder that JSON cannot tell");
	is_int(files_in("m"), 0, "nothing was made");
	ctl("store", "create", store, "capacity", "1M", "max-object", "512k", "max-key", "100",
	    "splice-threshold", "0", "default-ttl", "1h", "grace", "0", "durable", "yes");
	done("", "create is silent");
	ctl("store", "create", store, "capacity", "1M");
	denied(2, "cannot create store STORE: File exists (EEXIST)", "twice");
	ctl("--json", "store", "show", store);
	o = document();
	is_int(number(o, "capacity"), 1 << 20, "capacity");
	is_int(number(o, "max_object_size"), 512 << 10, "max-object-size");
	is_int(number(o, "max_key_len"), 100, "max-key-len");
	is_int(number(o, "splice_threshold"), 1, "all is sent by reference");
	is_int(number(o, "default_ttl_ms"), 3600000, "default-ttl");
	is_int(number(o, "grace_ms"), 0, "grace");
	is_int(number(o, "durable"), 1, "durable");
	ok(is_null(o, "high_watermark") && is_null(o, "policy") && is_null(o, "copy"),
	   "what a mirror has not is null");
	json_object_put(o);
}

static void set(void)
{
	struct json_object *o;

	ctl("store", "set", store, "capacity", "256k");
	done("", "set is silent");
	ctl("--json", "store", "show", store);
	o = document();
	is_int(number(o, "capacity"), 256 << 10, "a lower capacity");
	is_int(number(o, "max_object_size"), 256 << 10, "bounds the objects");
	is_int(number(o, "default_ttl_ms"), 3600000, "what is not given stays");
	json_object_put(o);
	ctl("store", "set", store, "capacity", "2M", "default-ttl", "never", "grace", "5s",
	    "splice-threshold", "8k", "durable", "no");
	done("", "set of the others");
	snprintf(text, sizeof(text), "{\"name\":\"%s\"}\n", store);
	ctl("--json", "store", "set", store, "grace", "5s");
	done(text, "set as JSON");
	ctl("store", "set", store, "max-object", "3M");
	denied(2, "cannot change store STORE: max-object-size must be 1 byte to the capacity: Invalid argument (EINVAL)",
	       "objects above the capacity later on");
	ctl("store", "set", "mirror:/nonexistent", "grace", "1s");
	denied(3, "no store mirror:/nonexistent: No such file or directory (ENOENT)",
	       "set of nothing");
}

/* What text says, up to the counters. */
static void show(void)
{
	struct stat st;
	char *counters;

	stat(mirror_path("m"), &st);
	ctl("store", "show", store);
	is_int(r.code, 0, "show");
	counters = strstr(r.out, "  counters\n");
	ok(counters && strstr(counters, "\n    commits            1 calls\n"), "has counters");
	if (counters)
		*counters = '\0';
	snprintf(text, sizeof(text),
		 "%s\n"
		 "  capacity           2097152 bytes (2.0 MiB)\n"
		 "  used               8192 bytes (8.0 KiB)\n"
		 "  data               10 bytes\n"
		 "  metadata           8182 bytes (7.9 KiB)\n"
		 "  pinned             0 bytes\n"
		 "  objects            1\n"
		 "  max-object-size    2097152 bytes (2.0 MiB)\n"
		 "  max-key-len        100 bytes\n"
		 "  splice-threshold   8192 bytes (8.0 KiB)\n"
		 "  default-ttl        never\n"
		 "  grace              5s\n"
		 "  mode               %04o\n"
		 "  uid                %u\n"
		 "  gid                %u\n"
		 "  durable            no\n"
		 "  fills              0\n"
		 "  rebuilds           1\n"
		 "  corrupt            0\n"
		 "  orphans            0\n",
		 store, st.st_mode & 0777, st.st_uid, st.st_gid);
	is_str(r.out, text, "and limits");
	ctl("stats", "show", store);
	is_int(r.code, 0, "stats");
	ok(!strncmp(r.out, store, strlen(store)) &&
	   !strncmp(r.out + strlen(store), "\n  counters\n    hits               2 lookups\n", 43),
	   "have the kernel's names");
	ok(strstr(r.out, "\n  hit-ratio            66.6 % of 3 lookups\n") ||
	   strstr(r.out, "\n  hit-ratio            66.7 % of 3 lookups\n"), "and the hit ratio");
	ok(!strstr(r.out, "latency"), "and no latencies");
	ctl("--json", "stats", "show", store);
	ok(strstr(r.out, "\"hits\":2,\"misses\":1,") &&
	   strstr(r.out, ",\"send_latency\":[],\"fill_latency\":[]}]}\n"), "as JSON");
	ctl("info", store);
	ok(strstr(r.out, store) && strstr(r.out, "    objects            1\n"), "info has it");
	is_int(r.code, 0, "and needs no module");
	ctl("info", "mirror:/nonexistent");
	is_int(r.code, 3, "info of nothing");
	is_str(r.err, "zcachectl: no store mirror:/nonexistent: No such file or directory (ENOENT)\n",
	       "says so");
	ok(strstr(r.out, "    error              No such file or directory (ENOENT)\n"),
	   "and so does its document");
}

static void objects_of(void)
{
	char file[512], key[102] = "";

	snprintf(file, sizeof(file), "%s", test_file("input", "some bytes", 10));
	ctl("object", "put", store, "/a", file, "type", "t/x", "etag", "\"e\"", "tag", "7,8");
	done("", "put is silent");
	ctl("object", "put", store, "/a", file, "excl");
	denied(2, "cannot put /a: File exists (EEXIST)", "a second one");
	ctl("object", "get", store, "/a", "offset", "5", "length", "3");
	done("byt", "get");
	ctl("object", "get", store, "/none");
	denied(3, "no object /none: No such file or directory (ENOENT)", "get of nothing");
	ctl("object", "touch", store, "/a", "ttl", "never");
	done("", "touch");
	ctl("--json", "object", "stat", store, "/a");
	ok(strstr(r.out, "\"size\":10,\"resident\":10,\"charge\":8192,") &&
	   strstr(r.out, "\"inline\":false,\"tags\":[7,8],\"etag\":\"\\\"e\\\"\",\"type\":\"t/x\"}\n"),
	   "stat");
	run(&r, "x", "zcachectl", "object", "get", store, "/a", NULL);
	done("some bytes", "get of all");
	memset(key, 'k', 101);
	ctl("object", "put", store, key, file);
	is_int(r.code, 2, "a long key");
	ok(strstr(r.err, ": the store takes keys of up to 100 bytes: "), "and what would be right");
}

static void listed(const char *want, const char *name)
{
	struct json_object *o = document(), *list, *key;
	size_t i, n;

	text[0] = '\0';
	n = json_object_object_get_ex(o, "objects", &list) ? json_object_array_length(list) : 0;
	for (i = 0; i < n; i++)
		if (json_object_object_get_ex(json_object_array_get_idx(list, i), "key", &key))
			strcat(text, json_object_get_string(key));
	is_str(text, want, name);
	json_object_put(o);
}

#define list(...) ctl("--json", "object", "list", store, __VA_ARGS__)

static void lists(void)
{
	char file[512];

	snprintf(file, sizeof(file), "%s", test_file("large", "more than ten bytes", 19));
	ctl("object", "put", store, "/b", file, "tag", "9", "ttl", "never");
	ctl("object", "put", store, "x/long key of more than thirty-two bytes", file);
	ctl("object", "touch", store, "/a", "ttl", "1ms");
	ctl("--json", "object", "list", store, "limit", "0");
	listed("", "none of them");
	list("prefix", "/");
	listed("/a/b", "by prefix");
	list("prefix", "x/long key of more than thirty-two by");
	listed("x/long key of more than thirty-two bytes", "by a long one");
	list("tag", "9");
	listed("/b", "by tag");
	list("min-size", "11", "prefix", "/");
	listed("/b", "by size");
	list("max-size", "10");
	listed("/a", "by size from above");
	list("min-age", "1d");
	listed("", "by age");
	list("max-age", "1d", "limit", "1");
	listed("/a", "by age from above, and a limit");
	list("resident", "no");
	listed("", "all are resident");
	list("prefix", "/", "resident", "yes");
	listed("/a/b", "all of them");
	/* a millisecond is over when another process has begun */
	list("expired", "yes");
	listed("/a", "what has expired");
	list("expired", "no", "prefix", "/");
	listed("/b", "and what has not");
	ctl("object", "list", store, "tag", "9");
	is_int(r.code, 0, "as a table");
	ok(!strncmp(r.out, "  GENERATION           SIZE         CHARGE       HITS              CREATED              EXPIRES KEY\n", 98) &&
	   strstr(r.out, "             19           8192          0 ") && strstr(r.out, "                never /b\n"),
	   "with the size, the charge and the key");
	ctl("object", "list", store, "min-size", "2", "max-size", "1");
	denied(2, "cannot list the objects of store STORE: min-size must be at most max-size: Invalid argument (EINVAL)",
	       "sizes the wrong way round");
	ctl("object", "list", store, "min-age", "2", "max-age", "1");
	denied(2, "cannot list the objects of store STORE: min-age must be at most max-age: Invalid argument (EINVAL)",
	       "ages the wrong way round");
	ctl("object", "purge", store, "tag", "9");
	is_int(r.code, 0, "purge");
	ok(strstr(r.out, "\nobjects            1\nbytes              8192 bytes (8.0 KiB)\n"),
	   "tells what went");
	ctl("object", "delete", store, "/b");
	denied(3, "no object /b: No such file or directory (ENOENT)", "delete of nothing");
}

/* Who decides what leaves it. */
static void policy(void)
{
	struct zc_cache *c = mirror_open("m", O_RDWR);
	struct json_object *o;

	ctl("policy", "show", store);
	is_int(r.code, 0, "policy");
	ok(strstr(r.out, "\nrunning            sieve (by the library; nobody owns the policy)\n"
		  "state              none\npolicy-evictions   0 objects\n"), "of nobody");
	is_int(zc_policy_own(c, "s3fifo"), 0, "an owner");
	ctl("policy", "show", store);
	ok(strstr(r.out, "\nrunning            s3fifo\nstate              active\n"),
	   "whose it is then");
	ctl("--json", "policy", "show", store);
	o = document();
	ok(is_null(o, "owner") && is_null(o, "wanted") && is_null(o, "watchdog_ms"),
	   "it has no number");
	is_int(number(o, "policy_evictions"), 0, "nor has it evicted");
	json_object_put(o);
	zc_close(c);
	ctl("policy", "show", "mirror:/nonexistent");
	is_int(r.code, 3, "of no mirror");
}

#define FROM_THE_MODULE "the name of a store of the module"

static void lacks(void)
{
	ctl("event", "monitor", "store", store);
	denied(1, "STORE is a mirror, which has no events; right is " FROM_THE_MODULE, "events");
	ctl("tag", "set", store, "7", "quota", "1M");
	denied(1, "STORE is a mirror, which has no limits and counters of tags; right is "
	       FROM_THE_MODULE ", or 'object list' with 'tag ID'", "quota");
	ctl("tag", "show", store, "7");
	is_int(r.code, 1, "tag show");
	ctl("tag", "list", store);
	is_int(r.code, 1, "tag list");
	ctl("bench", store);
	denied(1, "STORE is a mirror, which has no way to send but sendfile; right is " FROM_THE_MODULE,
	       "bench");
	ctl("doctor", store);
	denied(1, "STORE is a mirror, which has no module to look at; right is " FROM_THE_MODULE
	       ", or 'store show'", "doctor");
	ctl("store", "create", store, "capacity", "1M", "policy", "gdsf2");
	denied(1, "STORE is a mirror, which has no policy; right is " FROM_THE_MODULE,
	       "a word of the module");
	ctl("store", "set", store, "high-watermark", "90");
	denied(1, "STORE is a mirror, which has no high-watermark; right is " FROM_THE_MODULE,
	       "another one");
	ctl("store", "create", "web", "capacity", "1M", "durable", "yes");
	denied(1, "web is a store of the module, which has no durable; right is 'mirror:' and a folder",
	       "a word of mirrors");
}

/* Who has it open when it is deleted keeps what is open. */
static void in_use(void)
{
	struct zc_cache *c = mirror_open("m", O_RDWR);
	struct zc_open o = { .key = zc_ptr("/a"), .key_len = 2 };
	struct zc_put p = { .key = zc_ptr("/n"), .key_len = 2, .data = zc_ptr("x"), .data_len = 1 };
	char bytes[16];
	int fd;

	ctl("store", "delete", store);
	denied(2, "cannot delete store STORE: it is open, 'force' deletes it all the same: Device or resource busy (EBUSY)",
	       "delete of one in use");
	put_seeded(c, "/a", 10, 1);
	fd = zc_open_object(c, &o);
	ctl("store", "delete", store, "force");
	done("", "by force");
	ok(access(mirror_path("m"), F_OK) && errno == ENOENT, "it is gone");
	is_int(pread(fd, bytes, sizeof(bytes), 0), 10, "what is open can be read");
	close(fd);
	ok(zc_put(c, &p) < 0, "nothing can be put");
	o = (struct zc_open) { .key = zc_ptr("/n"), .key_len = 2 };
	is_int(zc_open_object(c, &o), -ENOENT, "or found");
	zc_close(c);
	ctl("store", "show", store);
	denied(3, "no store STORE: No such file or directory (ENOENT)", "show of what is gone");
}

static void delete(void)
{
	char file[512];

	ctl("store", "delete", store);
	denied(2, "cannot delete store STORE: it has objects, 'force' deletes them too: Directory not empty (ENOTEMPTY)",
	       "delete of one with objects");
	ctl("--json", "object", "list", store, "prefix", "x/");
	listed("x/long key of more than thirty-two bytes", "they are there");
	in_use();
	snprintf(store, sizeof(store), "mirror:%s", mirror_path("folder"));
	mkdir(mirror_path("folder"), 0777);
	test_file("folder/store", "a file of another's, as long as a superblock or longer by a bit: "
		  "0123456789012345678901234567890123456789012345678901234567890123456789", 135);
	mkdir(mirror_path("folder/meta"), 0777);
	ctl("store", "delete", store, "force");
	denied(3, "no store STORE: this is no mirror: Wrong medium type (EMEDIUMTYPE)",
	       "a folder that is no mirror");
	is_int(files_in("folder"), 1, "is left alone");
	ok(!access(mirror_path("folder/meta"), F_OK), "with its folders");
	unlink(mirror_path("folder/store"));
	ctl("store", "create", store, "capacity", "1M");
	done("", "a mirror in a folder that is there");
	test_file("folder/mine", "x", 1);
	snprintf(text, sizeof(text), "{\"name\":\"%s\"}\n", store);
	ctl("--json", "store", "delete", store);
	done(text, "is deleted without force while it is empty");
	is_int(files_in("folder"), 1, "other files stay");
	ok(access(mirror_path("folder/data"), F_OK), "its folders do not");
	ctl("store", "create", store, "capacity", "1M");
	snprintf(file, sizeof(file), "%s", test_file("folder/data/00/mine", "x", 1));
	ctl("store", "delete", store, "force");
	denied(2, "cannot delete store STORE: there are files of others among its own: Directory not empty (ENOTEMPTY)",
	       "files of others among its own");
	ok(!access(file, F_OK), "stay");
	unlink(file);
	test_file("folder/store", "zcmirror", 8);
	ctl("store", "delete", store);
	denied(2, "cannot delete store STORE: it is damaged: Structure needs cleaning (EUCLEAN)",
	       "a damaged one");
	ctl("store", "delete", store, "force");
	done("", "goes by force");
	is_int(files_in("folder"), 1, "and nothing else does");
	ctl("store", "delete", store);
	denied(3, "no store STORE: this is no mirror: Wrong medium type (EMEDIUMTYPE)", "twice");
}

/* Who has only the socket of the mirror's owner reads its objects. */
static void through_socket(void)
{
	static char want[sizeof(r.out)];
	char path[300];
	struct zc_cache *c = mirror_new("owned", NULL);

	put_object(c, "/a", "0123456789", 10, NULL, "\"e1\"", NULL);
	snprintf(path, sizeof(path), "%s", mirror_path("owned/socket"));
	snprintf(store, sizeof(store), "mirror:%s", mirror_path("owned"));
	ctl("object", "stat", store, "/a");
	/* all but the line with the store's name */
	strcpy(want, strchr(r.out, '\n'));
	daemon_init();
	daemon_begin(mirror_path("owned"), NULL, NULL);
	snprintf(store, sizeof(store), "%s", served_name(path));
	ctl("object", "stat", store, "/a");
	is_str(strchr(r.out, '\n'), want, "stat by the socket of the owner");
	ctl("object", "get", store, "/a");
	done("0123456789", "get, likewise");
	ctl("object", "delete", store, "/a");
	denied(2, "cannot open store STORE: Read-only file system (EROFS)", "but no delete");
	is_int(daemon_end(SIGTERM), 0, "the owner ends");
	ctl("object", "get", store, "/a");
	denied(3, "no store STORE: No such file or directory (ENOENT)", "no owner");
	ctl("object", "get", "served:", "/a");
	denied(1, "after 'served:' comes the socket of the mirror's owner", "no socket");
	zc_close(c);
}

int main(void)
{
	snprintf(store, sizeof(store), "mirror:%s", mirror_path("m"));
	create();
	set();
	objects_of();
	show();
	lists();
	policy();
	lacks();
	delete();
	through_socket();
	return tap_end();
}
