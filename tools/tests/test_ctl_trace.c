// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl trace, with a tracefs made of files. */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "ctl_run.h"
#include "json_document.h"
#include "tree.h"

#define TRACING "/sys/kernel/tracing"
#define INSTANCE TRACING "/instances/zcachectl"

static void no_tracefs(void)
{
	fake("trace", "list");
	refused(2, "zcachectl: this kernel has no tracefs, see CONFIG_TRACING: No such file or directory (ENOENT)\n",
		"a kernel without tracefs");
	tree_folder(TRACING);
	fake("trace", "on");
	refused(2, "zcachectl: tracefs is not mounted; as root 'mount -t tracefs tracefs /sys/kernel/tracing': No such file or directory (ENOENT)\n",
		"tracefs is not mounted");
	tree_folder(TRACING "/events");
	fake("trace", "on");
	refused(2, "zcachectl: the module has no events, as its kernel was built without tracing: No such file or directory (ENOENT)\n",
		"a module without events");
	fake("trace", "show");
	refused(3, "zcachectl: nothing is recorded; 'zcachectl trace on' begins: No such file or directory (ENOENT)\n",
		"nothing to show");
	fake("trace", "off");
	is_int(r.code, 0, "off is no mistake then");
}

static void contents(const char *file, const char *want, const char *name)
{
	FILE *f = fopen(tree_path(file), "r");
	char text[64];
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	is_mem(text, n, want, strlen(want), name);
	if (f)
		fclose(f);
}

static void on_and_off(void)
{
	tree_file(TRACING "/events/zcache/enable", "0\n");
	tree_file(TRACING "/events/zcache/filter", "none\n");
	tree_file(TRACING "/events/zcache/zcache_lookup/enable", "1\n");
	tree_file(TRACING "/events/zcache/zcache_evict/enable", "1\n");
	fake("trace", "list");
	is_str(r.out, "evict      off\nlookup     off\n", "what others trace is not ours");
	fake("trace", "on", "lookup");
	refused(2, "zcachectl: cannot make a buffer for the events: No such file or directory (ENOENT)\n",
		"a kernel without instances");
	tree_folder(TRACING "/instances");
	fake("trace", "on", "lookup");
	refused(2, "zcachectl: cannot turn on lookup: No such file or directory (ENOENT)\n",
		"an event that is not there");
	ok(!access(tree_path(INSTANCE), F_OK), "there is a buffer now");
	fake("trace", "off");
	is_int(r.code, 0, "off");
	is_int(r.out_len + r.err_len, 0, "is silent");
	ok(access(tree_path(INSTANCE), F_OK), "and takes the buffer away");

	tree_file(INSTANCE "/events/zcache/enable", "0\n");
	tree_file(INSTANCE "/events/zcache/zcache_lookup/enable", "0\n");
	tree_file(INSTANCE "/events/zcache/zcache_evict/enable", "0\n");
	fake("trace", "on", "lookup");
	is_int(r.code, 0, "on");
	is_int(r.out_len + r.err_len, 0, "is silent");
	contents(INSTANCE "/events/zcache/zcache_lookup/enable", "1\n", "one event is on");
	contents(INSTANCE "/events/zcache/zcache_evict/enable", "0\n", "another is not");
	contents(INSTANCE "/events/zcache/enable", "0\n", "nor all");
	fake("trace", "list");
	is_str(r.out, "evict      off\nlookup     on\n", "the list knows");
	fake("--json", "trace", "on", "evict", "lookup");
	is_str(r.out, "{\"events\":[{\"event\":\"evict\",\"on\":true},{\"event\":\"lookup\",\"on\":true}]}\n",
	       "two events, as JSON");
	fake("trace", "on");
	contents(INSTANCE "/events/zcache/enable", "1\n", "all events");
	fake("trace", "on", "lookups");
	refused(1, "zcachectl: unknown word 'lookups'; 'zcachectl help' lists what is known\n",
		"an event that does not exist");
	fake("trace", "off");
	refused(2, "zcachectl: cannot forget the events, perhaps they are being read: Directory not empty (ENOTEMPTY)\n",
		"a buffer that does not go");
	contents(INSTANCE "/events/zcache/enable", "0\n", "but all events are off");
}

#define HEAD "# tracer: nop\n#\n#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
#define LOOKUP "            curl-1234    [003] .....  1234.567890: zcache_lookup: store=web key=/a: b result=hit generation=1 size=5\n"
#define LOST "CPU:1 [LOST 23 EVENTS]\n"
/* The name of a task may look like anything. */
#define ODD "    -1 [7] \x1b\xff: 4-77      [000] d..1.     0.000001: zcache_shrink: store=web\n"

#define LOOKUP_JSON "{\"time\":\"1234.567890\",\"task\":\"curl\",\"pid\":1234,\"cpu\":3,\"event\":\"lookup\",\"text\":\"store=web key=/a: b result=hit generation=1 size=5\"}"

static void show(void)
{
	tree_file(INSTANCE "/trace", HEAD);
	fake("trace", "show");
	is_int(r.code, 0, "an empty buffer");
	is_int(r.out_len, 0, "has no lines");
	fake("--json", "trace", "show");
	is_str(r.out, "{\"events\":[]\n}\n", "and is a document");
	tree_file(INSTANCE "/trace", HEAD LOOKUP LOST ODD);
	fake("trace", "show");
	is_str(r.out, LOOKUP LOST
	       "    -1 [7] \\x1b\\xff: 4-77      [000] d..1.     0.000001: zcache_shrink: store=web\n",
	       "the events, fit for a terminal");
	fake("--json", "trace", "show");
	is_str(r.out, "{\"events\":[\n" LOOKUP_JSON
	       ",\n{\"text\":\"CPU:1 [LOST 23 EVENTS]\"}"
	       ",\n{\"time\":\"0.000001\",\"task_hex\":\"2d31205b375d201bff3a2034\",\"pid\":77,\"cpu\":0,\"event\":\"shrink\",\"text\":\"store=web\"}]\n}\n",
	       "the events as JSON");
	tree_file(INSTANCE "/trace_pipe", LOOKUP);
	fake("--json", "trace", "show", "follow");
	is_int(r.code, 0, "follow ends with the events");
	is_str(r.out, "{\"events\":[\n" LOOKUP_JSON "]\n}\n", "and shows them");
}

/* follow waits for more; a signal ends it in good order. */
static void interrupted(int sig, const char *name)
{
	const char *argv[] = { test_program("zcachectl-fake"), "--json", "trace", "show", "follow",
			       NULL };
	int writer, out, err, status;
	char text[1024];
	size_t len = 0;
	ssize_t n;
	pid_t pid;

	unlink(tree_path(INSTANCE "/trace_pipe"));
	if (mkfifo(tree_path(INSTANCE "/trace_pipe"), 0600))
		abort();
	pid = start(argv, 0, &out, &err);
	writer = open(tree_path(INSTANCE "/trace_pipe"), O_WRONLY | O_CLOEXEC);
	if (write(writer, LOOKUP, strlen(LOOKUP)) < 0)
		abort();
	/* what it read is shown at once, though more may come */
	while (len < strlen("{\"events\":[\n" LOOKUP_JSON) &&
	       (n = read(out, text + len, sizeof(text) - len)) > 0)
		len += n;
	is_mem(text, len, "{\"events\":[\n" LOOKUP_JSON, strlen("{\"events\":[\n" LOOKUP_JSON), name);
	kill(pid, sig);
	while ((n = read(out, text + len, sizeof(text) - len)) > 0)
		len += n;
	is_mem(text, len, "{\"events\":[\n" LOOKUP_JSON "]\n}\n",
	       strlen("{\"events\":[\n" LOOKUP_JSON "]\n}\n"), name);
	waitpid(pid, &status, 0);
	is_int(status, 0, name);
	close(writer);
	close(out);
	close(err);
}

static void no_module(void)
{
	if (!access("/sys/module/zcache", F_OK) || !access("/dev/zcache", F_OK)) {
		printf("ok %d - without the module # SKIP the module is loaded\n", ++tap_count);
		return;
	}
	ctl("trace", "on");
	refused(4, "zcachectl: the zcache module is not loaded\n", "on without the module");
	ctl("trace", "list");
	refused(4, "zcachectl: the zcache module is not loaded\n", "list without the module");
}

int main(void)
{
	no_module();
	test_store();
	tree_new();
	no_tracefs();
	on_and_off();
	show();
	interrupted(SIGINT, "SIGINT");
	interrupted(SIGTERM, "SIGTERM");
	return tap_end();
}
