// SPDX-License-Identifier: GPL-2.0-only
/* zcached: options, rights, and the daemon until its end. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cap-ng.h>

#include "daemon.h"
#include "fail.h"

#ifndef CONFIG_FILE
#define CONFIG_FILE "/etc/zcached.conf"
#endif

static const char usage[] =
	"zcached [OPTION]...\n"
	"\n"
	"Decides what leaves the stores of zcache when they are full, and tells how they do.\n"
	"\n"
	"  --config FILE   the configuration; " CONFIG_FILE " if not given\n"
	"  --check         only say whether the configuration is valid\n"
	"  --help, --version\n";

/* In one piece, for whoever reads along. */
static void say(const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	fprintf(stderr, "zcached: %s\n", text);
}

int fail(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return code;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

/* Returns whether only to check. */
static bool parse_options(int argc, char **argv, struct daemon *d)
{
	enum { CONFIG = 1, CHECK, HELP, VERS };
	static const struct option options[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "check", no_argument, NULL, CHECK },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERS },
		{ NULL, 0, NULL, 0 },
	};
	bool check = false;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case CONFIG: d->file = optarg; break;
		case CHECK: check = true; break;
		case HELP:
			fputs(usage, stdout);
			exit(CTL_OK);
		case VERS:
			printf("zcached %s\n", VERSION);
			exit(CTL_OK);
		default:
			/* getopt_long() has said what is wrong. */
			exit(CTL_USAGE);
		}
	}
	if (optind < argc)
		exit(fail(CTL_USAGE, "unexpected word '%s'; 'zcached --help' lists the options",
			  argv[optind]));
	return check;
}

/* Nothing but what netlink asks for, nor ever more. */
static int drop_rights(void)
{
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return fail(CTL_REFUSED, "this needs CAP_NET_ADMIN, try as root");
	capng_clear(CAPNG_SELECT_ALL);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	/* who may not change the bounding set has nothing in it that it could get */
	if (capng_apply(CAPNG_SELECT_ALL) && capng_apply(CAPNG_SELECT_CAPS))
		return fail(CTL_REFUSED, "cannot give up rights");
	return CTL_OK;
}

int main(int argc, char **argv)
{
	struct daemon d = { .file = CONFIG_FILE };
	bool check = parse_options(argc, argv, &d);
	char error[CONFIG_ERROR_ROOM];
	int code;

	if (config_load(d.file, &d.config, error))
		return fail(CTL_USAGE, "%s", error);
	if (check) {
		printf("%s is valid\n", d.file);
		code = CTL_OK;
	} else {
		code = drop_rights() ?: daemon_run(&d);
	}
	config_free(&d.config);
	return code;
}
