// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl features and doctor, in a system made of files. */
#include <grp.h>
#include <pwd.h>

#include "ctl_run.h"
#include "json_document.h"
#include "tree.h"

/* One line of the output is this. */
#define has(line) is_line(line, __LINE__)

static void is_line(const char *line, int at)
{
	const char *p = r.out;
	size_t len = strlen(line);

	while (*p && (strncmp(p, line, len) || p[len] != '\n'))
		p = strchrnul(p, '\n') + 1;
	if (!*p)
		printf("# of %s", r.out);
	tap_ok(*p, line, __FILE__, at);
}

static bool really_loaded(void)
{
	return !access("/sys/module/zcache", F_OK) || !access("/dev/zcache", F_OK);
}

static void set_id(const char *variable, unsigned int id)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", id);
	setenv(variable, text, 1);
}

static void healthy(void)
{
	/* who made the files of this system */
	set_id("FAKE_NL_UID", geteuid());
	set_id("FAKE_NL_GID", getegid());
	tree_file("/proc/sys/kernel/osrelease", "6.12.1-test\n");
	tree_file("/proc/sys/net/ipv4/tcp_available_ulp", "espintcp mptcp tls\n");
	tree_file("/proc/meminfo", "MemTotal:       16000000 kB\nMemFree: 1 kB\n");
	tree_file("/proc/self/cgroup", "1:name=systemd:/x\n0::/user/shell\n");
	tree_file("/sys/module/zcache/version", VERSION "\n");
	tree_file("/sys/module/zcache/initstate", "live\n");
	tree_file("/dev/zcache/web", "");
	chmod(tree_path("/dev/zcache/web"), 0640);
	setenv("FAKE_NL_STORE", " capacity=1048576 used=1536 objects=3 splice-threshold=4096"
	       " hits=90 misses=10 sends=80 spliced-bytes=4000000 copied-bytes=2000000", 1);
}

static void all_well(void)
{
	const struct passwd *pw = getpwuid(geteuid());
	const struct group *gr = getgrgid(getegid());
	char user[32], group[32], want[4096];

	snprintf(user, sizeof(user), "%u", geteuid());
	snprintf(group, sizeof(group), "%u", getegid());
	fake("doctor");
	is_int(r.code, 0, "nothing fails");
	is_str(r.err, "", "and nothing is said about that");
	snprintf(want, sizeof(want),
		 "ok    module:              version " VERSION " is loaded\n"
		 "ok    netlink:             the family zcache answers\n"
		 "ok    control:             this user may make and change stores\n"
		 "ok    abi:                 the module speaks ABI 1\n"
		 "ok    large-folios:        objects may use folios of up to 2 MiB\n"
		 "ok    kernel-tls:          kernel TLS is there\n"
		 "ok    cgroup:              no cgroup limits the memory of this process\n"
		 "ok    memory:              the stores may use 2.0 MiB, the system has 15.2 GiB\n"
		 "ok    web node:            mode 0640 of %s:%s, which this user may read and write\n"
		 "ok    web users:           no process that this user may look into has the node open\n"
		 "ok    web room:            3 objects use 1.5 KiB of 1.0 MiB\n"
		 "ok    web hits:            90 of 100 lookups found their object\n"
		 "ok    web evictions:       0 objects were evicted to make room, for 90 hits\n"
		 "ok    web pressure:        the system never ran short of memory\n"
		 "ok    web sends:           80 calls sent all, 0 a part and 0 nothing\n"
		 "ok    web fallbacks:       nothing was copied that could go by reference\n"
		 "ok    web copies:          1.9 MiB went by copy and 3.8 MiB by reference, which is for ranges from 4.0 KiB on\n",
		 pw ? pw->pw_name : user, gr ? gr->gr_name : group);
	is_str(r.out, want, "all is well");
}

static const char *member(struct json_object *o, const char *name)
{
	return json_object_get_string(json_object_object_get(o, name)) ?: "(none)";
}

static void as_json(void)
{
	struct json_object *o, *checks, *one;

	setenv("FAKE_NL_STORE", " objects=1 refusals=2", 1);
	fake("--json", "doctor", "web");
	is_int(r.code, 0, "a warning is no failure");
	o = json_document(r.out);
	checks = json_object_object_get(o, "checks");
	is_int(json_object_array_length(checks), 17, "one document with all checks");
	one = json_object_array_get_idx(checks, 0);
	is_str(json_object_to_json_string_ext(one, JSON_C_TO_STRING_PLAIN),
	       "{\"check\":\"module\",\"state\":\"ok\",\"found\":\"version " VERSION " is loaded\",\"advice\":\"\"}",
	       "a check of the system");
	one = json_object_array_get_idx(checks, 10);
	is_str(member(one, "store"), "web", "a check of a store names it");
	is_str(member(one, "check"), "room", "and itself");
	is_str(member(one, "state"), "warn", "and tells its state");
	is_str(member(one, "advice"),
	       "raise the capacity or lower max-object with 'zcachectl store set web', or have readers close objects sooner",
	       "and what to do");
	json_object_put(o);
	healthy();
}

static void with(const char *store)
{
	setenv("FAKE_NL_STORE", store, 1);
	fake("doctor", "web");
}

static void room(void)
{
	with(" objects=1 refusals=2");
	has("warn  web room:            2 new objects found no room: too large, or the others were in use; raise the capacity or lower max-object with 'zcachectl store set web', or have readers close objects sooner");
	with(" capacity=2048 used=1536 objects=0");
	has("fail  web room:            no object is left, but what is still open holds 1.5 KiB of 2.0 KiB; have readers close objects and fills, or raise the capacity");
	is_int(r.code, 2, "which is a failure");
	is_str(r.err, "zcachectl: 1 of the checks failed\n", "and is said to be one");
	with(" shrinks=3 shrunk-bytes=4096");
	has("warn  web pressure:        3 objects of 4.0 KiB were given back as the system ran short of memory; lower the capacity to what the system can spare");
}

static void hits(void)
{
	with(" hits=49 misses=51");
	has("warn  web hits:            49 of 100 lookups found their object; 'zcachectl trace on lookup' shows which keys are asked for in vain");
	with(" hits=49 misses=51 expired=26");
	has("warn  web hits:            49 of 100 lookups found their object; most others found an expired one: give objects a longer ttl");
	with(" hits=49 misses=51 evictions=26");
	has("warn  web hits:            49 of 100 lookups found their object; many objects were evicted: raise the capacity");
	has("ok    web evictions:       26 objects were evicted to make room, for 49 hits");
	with(" hits=50 misses=50");
	has("ok    web hits:            50 of 100 lookups found their object");
	with(" hits=1 misses=98");
	has("ok    web hits:            1 of 99 lookups found their object");
	with(" hits=3 evictions=4");
	has("warn  web evictions:       4 objects were evicted to make room, for 3 hits; they leave before they are asked for: raise the capacity with 'zcachectl store set web capacity SIZE', or put fewer");
}

static void sends(void)
{
	with(" sends=8 sends-failed=2");
	has("warn  web sends:           8 calls sent all, 0 a part and 2 nothing; a socket was full or its peer gone: wait until it is writable before sending");
	with(" sends=9 sends-failed=1");
	has("ok    web sends:           9 calls sent all, 0 a part and 1 nothing");
	with(" sends=1 sends-partial=9 spliced-bytes=655359");
	has("warn  web sends:           1 calls sent all, 9 a part and 0 nothing; sockets take little at a time: raise net.ipv4.tcp_wmem, unless clients are slow");
	with(" sends=1 sends-partial=9 spliced-bytes=655360");
	has("ok    web sends:           1 calls sent all, 9 a part and 0 nothing");
	with(" sends=10 copied-bytes=1048576 splice-threshold=65536");
	has("warn  web copies:          1.0 MiB went by copy and 0 B by reference, which is for ranges from 64.0 KiB on; 'zcachectl store set web splice-threshold 4k' copies less");
	with(" sends=10 copied-bytes=1048576 splice-threshold=65536 fallbacks=2 fallbacks-unix=2");
	has("ok    web copies:          1.0 MiB went by copy and 0 B by reference, which is for ranges from 64.0 KiB on");
}

static void fallbacks(void)
{
	with(" sends=10 fallbacks=10 fallbacks-route=2 fallbacks-unix=2 fallbacks-local=3 fallbacks-asked=2 fallbacks-inline=1");
	has("warn  web fallbacks-route: 2 of 10 calls copied: the way to the peer takes no pages; 'ethtool -K DEVICE tx on sg on', and let sockets connect before sending");
	has("warn  web fallbacks-unix:  2 of 10 calls copied: the socket is a UNIX one; only TCP takes pages: use it for large objects");
	has("warn  web fallbacks-local: 3 of 10 calls copied: the client is on this machine; 'zcachectl store set web copy never' ends it, if all clients may share pages");
	has("warn  web fallbacks-asked: 2 of 10 calls copied: the store or the call wants copies; the program asks for it with ZC_SEND_COPY, or the store did so earlier");
	has("ok    web fallbacks-inline: 1 of 10 calls copied: the object is kept inline");
	ok(!strstr(r.out, "web fallbacks:"), "each reason is told alone");
	setenv("FAKE_NL_COPY", "2", 1);
	with(" sends=10 fallbacks=4 fallbacks-asked=2 fallbacks-inline=2");
	has("warn  web fallbacks-asked: 2 of 10 calls copied: the store or the call wants copies; 'zcachectl store set web copy never' ends it, if all clients may share pages");
	has("warn  web fallbacks-inline: 2 of 10 calls copied: the object is kept inline; a splice-threshold above the inline-limit, or an inline-limit of 0, ends it");
	unsetenv("FAKE_NL_COPY");
	healthy();
}

static void record(void)
{
	char line[512];

	chmod(tree_path("/dev/zcache/web"), 0604);
	set_id("FAKE_NL_GID", getegid() + 1);
	fake("doctor", "web");
	is_int(r.code, 0, "a node of another mode may be meant so");
	snprintf(line, sizeof(line),
		 "warn  web record:          the node has mode 0604, owner %u and group %u, the store was given 0640, %u and %u; 'zcachectl store set web mode 640' gives the node what the store has; or give 'mode', 'owner' and 'group' as they should be",
		 geteuid(), getegid(), geteuid(), getegid() + 1);
	has(line);
	healthy();
	fake("doctor", "web");
	ok(!strstr(r.out, "web record:"), "of what agrees nothing is said");
}

static void users(void)
{
	tree_file("/proc/42/comm", "se\x1brver\n");
	tree_file("/proc/42/limits", "Limit  Soft  Hard  Units\nMax open files  10  20  files\n");
	tree_folder("/proc/42/fd");
	if (symlink("/dev/zcache/web", tree_path("/proc/42/fd/3")) ||
	    symlink("/dev/null", tree_path("/proc/42/fd/4")))
		abort();
	fake("doctor", "web");
	has("ok    web users:           processes with the node open: 1; se?rver (process 42) has 2 of 10 files open");
	tree_file("/proc/43/comm", "full\n");
	tree_file("/proc/43/limits", "Max open files            1                    20  files\n");
	tree_folder("/proc/43/fd");
	if (symlink("/dev/zcache/web", tree_path("/proc/43/fd/9")))
		abort();
	fake("doctor", "web");
	has("warn  web users:           processes with the node open: 2; full (process 43) has 1 of 1 files open; raise its limit: LimitNOFILE= of its unit, or 'ulimit -n' where it is started");
	unlink(tree_path("/proc/42/fd/3"));
	unlink(tree_path("/proc/43/fd/9"));
}

static void kernel(void)
{
	tree_file("/sys/fs/cgroup/user/memory.max", "1000000\n");
	tree_file("/sys/fs/cgroup/user/memory.current", "950000\n");
	tree_file("/sys/fs/cgroup/user/memory.stat", "anon 5\ninactive_file 0\n");
	tree_file("/sys/fs/cgroup/user/shell/memory.max", "max\n");
	fake("doctor", "web");
	has("warn  cgroup:              /user has 927.7 KiB in use of at most 976.5 KiB; objects are charged to the cgroup of who made the store: raise its memory.max, or make the store from another");
	tree_file("/sys/fs/cgroup/user/memory.stat", "inactive_file 100000\nactive_file 50000\n");
	fake("doctor", "web");
	has("ok    cgroup:              /user has 781.2 KiB in use of at most 976.5 KiB");
	unlink(tree_path("/sys/fs/cgroup/user/memory.max"));

	tree_file("/proc/meminfo", "MemTotal:       2000 kB\n");
	fake("doctor", "web");
	has("warn  memory:              the stores may use 2.0 MiB, the system has 1.9 MiB; lower their capacities with 'zcachectl store set'");

	tree_file("/proc/sys/net/ipv4/tcp_available_ulp", "espintcp mptcp\n");
	tree_file("/lib/modules/6.12.1-test/modules.dep",
		  "kernel/x/mytls.ko:\nkernel/net/tls/tls.ko.xz: kernel/x.ko\n");
	fake("doctor", "web");
	has("ok    kernel-tls:          kernel TLS is not loaded, and only root can load it; 'modprobe tls' if TLS is to be sent");
	tree_file("/lib/modules/6.12.1-test/modules.dep", "kernel/x/mytls.ko: kernel/tls.ko\n");
	fake("doctor", "web");
	has("ok    kernel-tls:          this kernel has no TLS; a kernel with CONFIG_TLS if TLS is to be sent");
	healthy();
}

static void rights(void)
{
	setenv("FAKE_NL_FAIL", "1", 1);
	fake("doctor", "web");
	is_int(r.code, 0, "a store can be used without the right to control it");
	has("warn  control:             this user has no CAP_NET_ADMIN in the initial user namespace; as root stores can be changed and their counters seen");
	has("ok    web room:            0 objects use 0 B of 1.0 GiB");
	ok(!strstr(r.out, "web hits:"), "but its counters are not told");
	fake("doctor", "none");
	is_int(r.code, 2, "a store that does not exist");
	has("fail  none node:           there is no /dev/zcache/none; 'zcachectl store create' makes a store, 'zcachectl store list' lists them");
	setenv("FAKE_NL_FAIL", "12:no memory", 1);
	fake("doctor", "web");
	has("fail  control:             the stores cannot be listed: no memory: Cannot allocate memory (ENOMEM); 'dmesg' may say more");
	unsetenv("FAKE_NL_FAIL");
	/* the stand-in has a store of any name */
	fake("doctor", "none");
	has("fail  none node:           the store exists, but not its node /dev/zcache/none; /dev has to be a devtmpfs, and a container has to be given the node");

	unlink(tree_path("/dev/zcache/web"));
	fake("doctor");
	has("ok    stores:              there is none; 'zcachectl store create' makes one");
	has("warn  large-folios:        this kernel has none, so each page of an object goes by itself; a kernel with CONFIG_TRANSPARENT_HUGEPAGE is faster, whatever its setting");
	tree_folder("/sys/kernel/mm/transparent_hugepage");
	fake("doctor");
	has("ok    large-folios:        objects may use folios of up to 2 MiB");
	healthy();
	fake("doctor", "../x");
	is_int(r.code, 1, "a bad name");
	is_str(r.err, "zcachectl: store '../x': a name has 1 to 32 letters, digits, dots, dashes and underscores and begins with no dot\n",
	       "is a mistake of the command line");
	fake("doctor", "web", "now");
	is_int(r.code, 1, "as is another word");
	is_int(r.out_len, 0, "nothing is looked at then");
}

static void module(void)
{
	tree_file("/sys/module/zcache/version", "0.0.9\n");
	fake("doctor", "web");
	has("warn  module:              version 0.0.9 is loaded, this program is of version " VERSION "; install the module and the tools of one version");
	tree_file("/sys/module/zcache/initstate", "going\n");
	fake("doctor", "web");
	has("fail  module:              it is going; wait until it is loaded or gone");
	healthy();
}

static void no_module(void)
{
	static const char old[] = "\177ELF\0x\0junkvermagic=6.1.0-1 SMP mod_unload \0";
	static const char fit[] = "\177ELF\0vermagic=6.12.1-test SMP mod_unload \0";

	fake("doctor", "web");
	is_int(r.code, 2, "without the module");
	has("fail  module:              not loaded, and not installed for kernel 6.12.1-test; 'insmod zcache.ko' where it was built");
	has("ok    kernel-tls:          kernel TLS is there");
	ok(!strstr(r.out, "web"), "nothing is said about a store then");
	tree_data("/lib/modules/6.1.0-1/extra/zcache.ko", fit, sizeof(fit));
	fake("doctor");
	has("fail  module:              not loaded, and built for kernel 6.1.0-1 while this is 6.12.1-test; build it for this kernel: 'make' where its sources are");
	tree_data("/lib/modules/6.12.1-test/updates/dkms/zcache.ko", old, sizeof(old));
	fake("doctor");
	has("fail  module:              not loaded, and updates/dkms/zcache.ko is built for kernel 6.1.0-1 while this is 6.12.1-test; build it for this kernel: 'make' where its sources are");
	tree_data("/lib/modules/6.12.1-test/updates/dkms/zcache.ko", fit, sizeof(fit));
	fake("doctor");
	has("fail  module:              not loaded, but installed as updates/dkms/zcache.ko; 'depmod -a', then 'modprobe zcache'");
	tree_file("/lib/modules/6.12.1-test/modules.dep", "updates/dkms/zcache.ko:\n");
	fake("doctor");
	has("fail  module:              not loaded, but installed as updates/dkms/zcache.ko; 'modprobe zcache'; if that is refused, 'dmesg' says why");
	tree_file("/sys/module/module/parameters/sig_enforce", "Y\n");
	fake("doctor");
	has("fail  module:              not loaded, but installed as updates/dkms/zcache.ko; 'modprobe zcache'; this kernel takes modules only if they are signed");
	unlink(tree_path("/lib/modules/6.12.1-test/updates/dkms/zcache.ko"));
	tree_file("/lib/modules/6.12.1-test/kernel/zcache.ko.xz", "\3757zXZ");
	tree_file("/lib/modules/6.12.1-test/modules.dep", "");
	fake("doctor");
	has("fail  module:              not loaded, but installed as kernel/zcache.ko.xz; 'depmod -a', then 'modprobe zcache'");
}

#define LIMITS "\"limits\":{\"store_name\":32,\"key\":1024,\"header\":4096,\"etag\":128,\"type\":128,\"parts\":64,\"inline_bytes\":65536,\"batch\":1024}}\n"

static void features(void)
{
	fake("--json", "features");
	is_int(r.code, 0, "features");
	is_str(r.out, "{\"loaded\":true,\"version\":\"" VERSION "\",\"tool_version\":\"" VERSION
	       "\",\"kernel\":\"6.12.1-test\",\"kernel_abi\":1,\"tool_abi\":1,\"kernel_tls\":\"ready\","
	       "\"features\":{\"send_splice\":false,\"large_folios\":true}," LIMITS,
	       "are those of the module, the kernel and the tool");
	unlink(tree_path("/dev/zcache/web"));
	fake("--json", "features");
	is_int(r.code, 0, "features without a store");
	is_str(r.out, "{\"loaded\":true,\"version\":\"" VERSION "\",\"tool_version\":\"" VERSION
	       "\",\"kernel\":\"6.12.1-test\",\"tool_abi\":1,\"kernel_tls\":\"ready\"," LIMITS,
	       "are fewer");
	is_str(r.err, "zcachectl: note: a store tells what the module can do, and this user can open none\n",
	       "and why is said");
	healthy();
	fake("features");
	has("kernel-tls         ready");
	has("  send-splice        no");
	has("  key                1024 bytes");
	has("  parts              64");
	fake("features", "now");
	is_int(r.code, 1, "features of nothing");
}

static void no_features(void)
{
	ctl("--json", "features");
	is_int(r.code, 4, "features without the module");
	is_str(r.err, "zcachectl: the zcache module is not loaded\n", "says so");
	ok(strstr(r.out, "{\"loaded\":false,\"tool_version\":\"" VERSION "\",") == r.out,
	   "and is a document all the same");
}

int main(void)
{
	tree_new();
	if (really_loaded()) {
		printf("ok %d - without the module # SKIP the module is loaded\n", ++tap_count);
	} else {
		tree_file("/proc/sys/kernel/osrelease", "6.12.1-test\n");
		tree_file("/proc/sys/net/ipv4/tcp_available_ulp", "tls\n");
		no_module();
		no_features();
	}
	test_store();
	healthy();
	all_well();
	as_json();
	room();
	hits();
	sends();
	fallbacks();
	record();
	users();
	kernel();
	rights();
	module();
	features();
	return tap_end();
}
