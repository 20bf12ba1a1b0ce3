// SPDX-License-Identifier: GPL-2.0-only
/* zcached: options, rights, and the daemon until its end. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cap-ng.h>

#include "daemon.h"
#include "fail.h"
#include "mirror_daemon.h"

#ifndef CONFIG_FILE
#define CONFIG_FILE "/etc/zcached.conf"
#endif

static const char usage[] =
	"zcached [OPTION]...\n"
	"zcached --mirror DIR [OPTION]...\n"
	"\n"
	"Decides what leaves the stores of zcache when they are full, and tells how they do;\n"
	"or owns a mirror, and lets processes read it that have only a socket.\n"
	"\n"
	"  --mirror DIR    the folder of the mirror\n"
	"  --socket PATH   where its clients find it; DIR/socket if not given\n"
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

/**
 * struct wishes - what the command line says
 * @config: the configuration, or NULL
 * @mirror: the folder of the mirror, or NULL
 * @socket: its socket, or NULL
 * @check: only look at the configuration
 */
struct wishes {
	const char *config, *mirror, *socket;
	bool check;
};

static struct wishes parse_options(int argc, char **argv)
{
	enum { CONFIG = 1, CHECK, MIRROR, SOCKET, HELP, VERS };
	static const struct option options[] = {
		{ "mirror", required_argument, NULL, MIRROR },
		{ "socket", required_argument, NULL, SOCKET },
		{ "config", required_argument, NULL, CONFIG },
		{ "check", no_argument, NULL, CHECK },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERS },
		{ NULL, 0, NULL, 0 },
	};
	struct wishes w = { .check = false };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case CONFIG: w.config = optarg; break;
		case CHECK: w.check = true; break;
		case MIRROR: w.mirror = optarg; break;
		case SOCKET: w.socket = optarg; break;
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
	if (w.socket && !w.mirror)
		exit(fail(CTL_USAGE, "--socket is that of a mirror: --mirror is missing"));
	return w;
}

/* Nothing but what is left after capng_clear(), nor ever more. */
static int drop_rights(void)
{
	/* who may not change the bounding set has nothing in it that it could get */
	if (capng_apply(CAPNG_SELECT_ALL) && capng_apply(CAPNG_SELECT_CAPS))
		return fail(CTL_REFUSED, "cannot give up rights");
	return CTL_OK;
}

static int run_stores(const char *file, const struct config *config)
{
	struct daemon d = { .file = file, .config = *config };
	int code;

	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_ADMIN))
		return fail(CTL_REFUSED, "this needs CAP_NET_ADMIN, try as root");
	capng_clear(CAPNG_SELECT_ALL);
	/* netlink asks for it */
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_ADMIN);
	code = drop_rights() ?: daemon_run(&d);
	config_free(&d.config);
	return code;
}

static int run_mirror(const char *file, const struct config *config, const struct wishes *w)
{
	struct mirror_daemon d = {
		.file = file, .config = *config, .folder = w->mirror, .socket = w->socket,
	};
	int code;

	capng_clear(CAPNG_SELECT_ALL);
	code = drop_rights() ?: mirror_daemon_run(&d);
	config_free(&d.config);
	return code;
}

/* A mirror does without a configuration, unless one is asked for. */
static const char *config_file(const struct wishes *w)
{
	if (w->config)
		return w->config;
	return w->mirror && access(CONFIG_FILE, F_OK) ? "/dev/null" : CONFIG_FILE;
}

int main(int argc, char **argv)
{
	struct wishes w = parse_options(argc, argv);
	const char *file = config_file(&w);
	char error[CONFIG_ERROR_ROOM];
	struct config config;

	if (config_load(file, &config, error))
		return fail(CTL_USAGE, "%s", error);
	if (!w.check)
		return w.mirror ? run_mirror(file, &config, &w) : run_stores(file, &config);
	printf("%s is valid\n", file);
	config_free(&config);
	return CTL_OK;
}
