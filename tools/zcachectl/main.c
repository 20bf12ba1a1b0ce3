// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl [--json] OBJECT COMMAND: finds the command and runs it. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/zcache.h>

#include "ctl.h"
#include "out.h"

const struct object objects[] = {
	{ "store", store_commands },
	{ "object", object_commands },
	{ "tag", tag_commands },
	{ "stats", stats_commands },
	{ "event", event_commands },
	{ "top", top_commands },
	{ "bench", bench_commands },
	{ "info", info_commands },
	{ "features", features_commands },
	{ "doctor", doctor_commands },
	{ "trace", trace_commands },
	{ "policy", policy_commands },
	{ "help", NULL },
	{ NULL, NULL },
};

int fail(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("zcachectl: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	return code;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("zcachectl: note: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
}

/* A built-in module without parameters has no folder there, but may have nodes. */
bool module_loaded(void)
{
	return !access("/sys/module/zcache", F_OK) || !access("/dev/zcache", F_OK);
}

static void print_command(const struct object *o, const struct command *c)
{
	printf("  %s%s%s%s%s\n      %s\n", o->name, c->name ? " " : "", c->name ?: "",
	       c->args[0] ? " " : "", c->args, c->sentence);
}

static int help_all(void)
{
	const struct command *c;
	const struct object *o;

	puts("zcachectl [--json] OBJECT COMMAND\n"
	     "\n"
	     "Controls the stores of the zcache kernel module and the objects in them.\n");
	for (o = objects; o->name; o++)
		for (c = o->commands; c && c->run; c++)
			print_command(o, c);
	puts("  help [OBJECT]\n"
	     "      This text, or the part of one object.\n"
	     "  --version\n"
	     "      The version of this program and of the ABI it speaks.\n"
	     "\n"
	     "SIZE is a number of bytes, or a number with k, M, G or T such as 256M or 1.5G.\n"
	     "TIME is a number of seconds, or a number with ms, s, m, h or d such as 500ms or 1.5h.\n"
	     "KEY is text, or hex: and pairs of hex digits for any other bytes.\n"
	     "ID is a tag: a number from 1 to 2^64 - 1, decimal or after 0x in hex.\n"
	     "Exit code: 0 done, 1 usage, 2 refused, 3 not found, 4 module not loaded.");
	return CTL_OK;
}

const struct object *find_object(const char *name)
{
	const struct object *o;

	for (o = objects; o->name; o++)
		if (!strcmp(o->name, name))
			return o;
	return NULL;
}

const struct command *find_command(const struct object *o, const char *name)
{
	const struct command *c;

	for (c = o->commands; c && c->run; c++)
		if (!c->name || (name && !strcmp(c->name, name)))
			return c;
	return NULL;
}

static int help(int argc, char **argv)
{
	const struct command *c;
	const struct object *o;

	if (!argc)
		return help_all();
	o = find_object(argv[0]);
	if (!o)
		return fail(CTL_USAGE, "no object '%s'; 'zcachectl help' lists what is known",
			    argv[0]);
	for (c = o->commands; c && c->run; c++)
		print_command(o, c);
	return CTL_OK;
}

static int missing_words(const struct object *o, const struct command *c)
{
	return fail(CTL_USAGE, "too few words; right is: zcachectl %s%s%s %s", o->name,
		    c->name ? " " : "", c->name ?: "", c->args);
}

static int run(int argc, char **argv)
{
	const struct object *o = find_object(argv[0]);
	const struct command *c;

	if (!o)
		return fail(CTL_USAGE, "no object '%s'; 'zcachectl help' lists what is known",
			    argv[0]);
	if (!o->commands)
		return help(argc - 1, argv + 1);
	c = find_command(o, argc > 1 ? argv[1] : NULL);
	if (!c && argc > 1)
		return fail(CTL_USAGE, "%s has no command '%s'; 'zcachectl help %s' lists them",
			    o->name, argv[1], o->name);
	if (!c)
		return fail(CTL_USAGE, "%s needs a command; 'zcachectl help %s' lists them",
			    o->name, o->name);
	argc -= c->name ? 2 : 1;
	argv += c->name ? 2 : 1;
	if (argc < c->min_args)
		return missing_words(o, c);
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	bool json = false;
	int i, code;

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete(argc - 2, argv + 2);
	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--json")) {
			json = true;
		} else if (!strcmp(argv[i], "--version")) {
			printf("zcachectl %s (ABI %d)\n", VERSION, ZC_ABI_VERSION);
			return CTL_OK;
		} else if (!strcmp(argv[i], "--help")) {
			return help_all();
		} else {
			return fail(CTL_USAGE, "unknown option '%s'; there are --json, --version and --help",
				    argv[i]);
		}
	}
	if (i == argc)
		return fail(CTL_USAGE, "what is to be done? 'zcachectl help' lists what can be");
	out_init(json);
	code = run(argc - i, argv + i);
	if (fflush(stdout) || ferror(stdout))
		return fail(CTL_REFUSED, "cannot write to standard output: %s",
			    error_name(-errno));
	return code;
}
