// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl trace: the module's tracepoints. They are recorded in an instance of
 * tracefs of our own, so that nobody else's tracing is disturbed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl.h"
#include "out.h"
#include "probe.h"
#include "system.h"
#include "text.h"

#define INSTANCE "instances/zcachectl"
#define PREFIX "zcache_"

static bool wanted[9];

/* As in kmod/trace.h, without the prefix. */
static const struct keyword event_keywords[] = {
	{ "lookup", NULL, &wanted[0] },
	{ "fill", NULL, &wanted[1] },
	{ "commit", NULL, &wanted[2] },
	{ "send", NULL, &wanted[3] },
	{ "partial", NULL, &wanted[4] },
	{ "fallback", NULL, &wanted[5] },
	{ "evict", NULL, &wanted[6] },
	{ "expire", NULL, &wanted[7] },
	{ "shrink", NULL, &wanted[8] },
	{ NULL, NULL, NULL },
};

/* Finds tracefs; having said what is wrong, returns an exit code. */
static int find_tracefs(char *root)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	char path[PATH_MAX];
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(root, PATH_MAX, "%s", roots[i]);
		if (!access(sys_path(path, "%s/events", root), F_OK))
			return CTL_OK;
		if (!err || err == ENOENT)
			err = errno;
	}
	if (err != ENOENT)
		return fail(CTL_REFUSED, "cannot look into %s, try as root: %s", roots[0],
			    error_name(-err));
	if (access(sys_path(path, "%s", roots[0]), F_OK))
		return fail(CTL_REFUSED, "this kernel has no tracefs, see CONFIG_TRACING: %s",
			    error_name(-err));
	return fail(CTL_REFUSED, "tracefs is not mounted; as root 'mount -t tracefs tracefs %s': %s",
		    roots[0], error_name(-err));
}

/* The same, with events in it. */
static int find_events(char *root)
{
	char path[PATH_MAX];
	int code;

	if (!module_loaded())
		return fail(CTL_NO_MODULE, "the zcache module is not loaded");
	code = find_tracefs(root);
	if (!code && access(sys_path(path, "%s/events/zcache", root), F_OK))
		return fail(CTL_REFUSED, "the module has no events, as its kernel was built without tracing: %s",
			    error_name(-errno));
	return code;
}

/* Returns 0 or -errno. */
static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		err = -errno;
	close(fd);
	return err;
}

static int is_event(const struct dirent *d)
{
	return !strncmp(d->d_name, PREFIX, strlen(PREFIX));
}

static bool is_on(const char *root, const char *event)
{
	char path[PATH_MAX], text[8];

	return read_line(sys_path(path, "%s/" INSTANCE "/events/zcache/%s/enable", root, event),
			 text, sizeof(text)) && text[0] == '1';
}

static int print_events(const char *root)
{
	struct dirent **events = NULL;
	char path[PATH_MAX];
	int n, i;

	n = scandir(sys_path(path, "%s/events/zcache", root), &events, is_event, alphasort);
	if (n < 0)
		return fail(CTL_REFUSED, "cannot list %s: %s", path, error_name(-errno));
	out_array_begin(out_json() ? "events" : NULL);
	for (i = 0; i < n; i++) {
		const char *name = events[i]->d_name + strlen(PREFIX);
		bool on = is_on(root, events[i]->d_name);

		if (out_json()) {
			out_object_begin(NULL);
			out_str("event", name);
			out_bool("on", on);
			out_object_end();
		} else {
			printf("%-10s %s\n", name, on ? "on" : "off");
		}
		free(events[i]);
	}
	out_array_end();
	free(events);
	out_finish();
	return CTL_OK;
}

static int run_list(int argc, char **argv)
{
	char root[PATH_MAX];
	int code = parse_keywords(argc, argv, NULL);

	if (!code)
		code = find_events(root);
	return code ? code : print_events(root);
}

/* event NULL: all. Returns an exit code. */
static int turn_on(const char *root, const char *event)
{
	char path[PATH_MAX];
	int err = write_text(sys_path(path, "%s/" INSTANCE "/events/zcache%s%s/enable", root,
				      event ? "/" PREFIX : "", event ?: ""), "1");

	if (!err)
		return CTL_OK;
	return fail(CTL_REFUSED, "cannot turn on %s: %s", event ?: "the events", error_name(err));
}

static int run_on(int argc, char **argv)
{
	char root[PATH_MAX], path[PATH_MAX];
	const struct keyword *k;
	int code;

	code = parse_keywords(argc, argv, event_keywords);
	if (!code)
		code = find_events(root);
	if (code)
		return code;
	if (mkdir(sys_path(path, "%s/" INSTANCE, root), 0700) && errno != EEXIST)
		return fail(CTL_REFUSED, "cannot make a buffer for the events: %s",
			    error_name(-errno));
	if (!argc)
		code = turn_on(root, NULL);
	for (k = event_keywords; k->name && !code; k++)
		if (*k->flag)
			code = turn_on(root, k->name);
	if (!code && out_json())
		code = print_events(root);
	return code;
}

/* Also when the module is gone, for its buffer may still be there. */
static int run_off(int argc, char **argv)
{
	char root[PATH_MAX], path[PATH_MAX];
	int code;

	code = parse_keywords(argc, argv, NULL);
	if (!code)
		code = find_tracefs(root);
	if (code)
		return code;
	write_text(sys_path(path, "%s/" INSTANCE "/events/zcache/enable", root), "0");
	if (rmdir(sys_path(path, "%s/" INSTANCE, root)) && errno != ENOENT)
		return fail(CTL_REFUSED, "cannot forget the events, perhaps they are being read: %s",
			    error_name(-errno));
	if (out_json())
		out_finish();
	return CTL_OK;
}

struct event {
	const char *task, *text;
	size_t task_len;
	unsigned int pid, cpu;
	char time[32], name[64];
};

/* "%16s-%-7d [%03d] flags seconds: name: text"; the name of a task can be any bytes. */
static bool parse_event(const char *line, size_t len, struct event *e)
{
	int at = 0;

	if (len < 17 || line[16] != '-')
		return false;
	sscanf(line + 17, "%u [%u] %*s %31[0-9.]: %63[^:]: %n", &e->pid, &e->cpu, e->time,
	       e->name, &at);
	if (!at)
		return false;
	e->task = line + strspn(line, " ");
	e->task_len = line + 16 > e->task ? line + 16 - e->task : 0;
	e->text = line + 17 + at;
	return true;
}

/* A line that is no event tells of events that were lost. */
static void print_json(const char *line, size_t len)
{
	struct event e;

	out_stream_item_begin();
	if (parse_event(line, len, &e)) {
		out_str("time", e.time);
		out_bytes("task", e.task, e.task_len);
		out_u64("pid", e.pid, NULL);
		out_u64("cpu", e.cpu, NULL);
		out_str("event", e.name + (strncmp(e.name, PREFIX, strlen(PREFIX)) ?
					   0 : strlen(PREFIX)));
		out_bytes("text", e.text, strlen(e.text));
	} else {
		out_bytes("text", line, len);
	}
	out_stream_item_end();
}

static void print_line(char *line, size_t len)
{
	char *text;

	if (len && line[len - 1] == '\n')
		line[--len] = '\0';
	if (!len || line[0] == '#')
		return;
	if (out_json()) {
		print_json(line, len);
	} else {
		text = escape_bytes(line, len);
		puts(text ?: "out of memory");
		free(text);
	}
	fflush(stdout);
}

static int trace_fd, null_fd;

/*
 * Reading ends at once, also if the signal comes before the read that would
 * have waited.
 */
static void end_of_trace(int sig)
{
	int err = errno;

	(void)sig;
	dup2(null_fd, trace_fd);
	errno = err;
}

static void end_on_signals(FILE *f)
{
	struct sigaction sa = { .sa_handler = end_of_trace };

	trace_fd = fileno(f);
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static bool follow;

static const struct keyword show_keywords[] = {
	{ "follow", NULL, &follow },
	{ NULL, NULL, NULL },
};

static int open_trace(FILE **f)
{
	char root[PATH_MAX], path[PATH_MAX];
	int code = find_tracefs(root);

	if (code)
		return code;
	*f = fopen(sys_path(path, "%s/" INSTANCE "/%s", root, follow ? "trace_pipe" : "trace"),
		   "re");
	if (*f)
		return CTL_OK;
	if (errno == ENOENT)
		return fail(CTL_NOT_FOUND, "nothing is recorded; 'zcachectl trace on' begins: %s",
			    error_name(-errno));
	return fail(CTL_REFUSED, "cannot read %s: %s", path, error_name(-errno));
}

static int run_show(int argc, char **argv)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	FILE *f;
	int code;

	code = parse_keywords(argc, argv, show_keywords);
	if (!code)
		code = open_trace(&f);
	if (code)
		return code;
	if (follow)
		end_on_signals(f);
	if (out_json())
		out_stream_begin("events");
	while ((len = getline(&line, &room, f)) >= 0)
		print_line(line, len);
	if (ferror(f) && errno != EINTR)
		code = fail(CTL_REFUSED, "cannot read the events: %s", error_name(-errno));
	if (out_json())
		out_stream_end(code, false);
	out_finish();
	free(line);
	fclose(f);
	return code;
}

const struct command trace_commands[] = {
	{ "list", 0, "", "List the events, and which of them are recorded.", NULL, run_list },
	{ "off", 0, "", "Record no more events and forget those recorded.", NULL, run_off },
	{ "on", 0, "[EVENT...]", "Record events, all if none is named; trace list lists them.", event_keywords, run_on },
	{ "show", 0, "[follow]",
	  "Show the events recorded; follow shows them as they come, until interrupted.",
	  show_keywords, run_show },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
