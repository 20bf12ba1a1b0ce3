// SPDX-License-Identifier: GPL-2.0-only
/* zcache-serve: options, start, signals, stop. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"
#include "text.h"

#define WORKERS_MAX 256

/* As those of zcachectl. */
enum { EXIT_OK, EXIT_USAGE, EXIT_REFUSED, EXIT_NOT_FOUND, EXIT_NO_MODULE };

static const char usage[] =
	"zcache-serve --store NAME [OPTION]...\n"
	"\n"
	"Answers HTTP requests with the objects of a zcache store, whose keys are paths.\n"
	"\n"
	"  --store NAME              the store, /dev/zcache/NAME; or mirror:DIR, a mirror;\n"
	"                            or auto:NAME,DIR, the mirror if there is no such node;\n"
	"                            or served:SOCKET, a mirror that zcached owns\n"
	"  --listen ADDR:PORT        where to listen; [::]:8080 if not given, port 0 for any\n"
	"  --load DIR                first put the files of DIR into the store\n"
	"  --workers N               threads; one per processor if not given\n"
	"  --keep-alive-timeout S    seconds that an idle connection is kept; 60\n"
	"  --client-timeout S        seconds for a request to arrive, or for any bytes of\n"
	"                            an answer to leave; 30\n"
	"  --max-connections N       connections at a time; 10000\n"
	"  --budget SIZE             bytes of an answer sent before others have their turn;\n"
	"                            2M, 0 for no bound\n"
	"  --help, --version\n";

void say(const char *fmt, ...)
{
	char text[512];
	va_list ap;

	/* In one piece, since workers speak at the same time. */
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "zcache-serve: %s\n", text);
}

static void number(const char *option, const char *text, uint64_t min, uint64_t max,
		   unsigned int *out)
{
	uint64_t v;

	if (parse_u64(text, max, &v) || v < min) {
		say("--%s %s: right is a number from %" PRIu64 " to %" PRIu64, option, text, min,
		    max);
		exit(EXIT_USAGE);
	}
	*out = v;
}

static void parse_options(int argc, char **argv, struct options *o)
{
	enum { STORE = 1, LISTEN, LOAD, WORKERS, KEEP_ALIVE, CLIENT, MAX_CONNS, BUDGET, HELP,
	       VERS };
	static const struct option options[] = {
		{ "store", required_argument, NULL, STORE },
		{ "listen", required_argument, NULL, LISTEN },
		{ "load", required_argument, NULL, LOAD },
		{ "workers", required_argument, NULL, WORKERS },
		{ "keep-alive-timeout", required_argument, NULL, KEEP_ALIVE },
		{ "client-timeout", required_argument, NULL, CLIENT },
		{ "max-connections", required_argument, NULL, MAX_CONNS },
		{ "budget", required_argument, NULL, BUDGET },
		{ "help", no_argument, NULL, HELP },
		{ "version", no_argument, NULL, VERS },
		{ NULL, 0, NULL, 0 },
	};
	int opt, index = 0;

	while ((opt = getopt_long(argc, argv, "", options, &index)) != -1) {
		const char *name = options[index].name;

		switch (opt) {
		case STORE: o->store = optarg; break;
		case LISTEN: o->listen = optarg; break;
		case LOAD: o->load = optarg; break;
		case WORKERS: number(name, optarg, 1, WORKERS_MAX, &o->workers); break;
		case KEEP_ALIVE: number(name, optarg, 1, 86400, &o->keep_alive_timeout); break;
		case CLIENT: number(name, optarg, 1, 86400, &o->client_timeout); break;
		case MAX_CONNS: number(name, optarg, 1, 10000000, &o->max_connections); break;
		case BUDGET:
			if (!parse_size(optarg, &o->budget))
				break;
			say("--budget %s: " SIZE_RULE, optarg);
			exit(EXIT_USAGE);
		case HELP:
			fputs(usage, stdout);
			exit(EXIT_OK);
		case VERS:
			printf("zcache-serve %s (ABI %d)\n", VERSION, ZC_ABI_VERSION);
			exit(EXIT_OK);
		default:
			/* getopt_long() has said what is wrong. */
			exit(EXIT_USAGE);
		}
	}
	if (optind < argc)
		say("unexpected word '%s'; 'zcache-serve --help' lists the options", argv[optind]);
	else if (!o->store)
		say("which store? --store NAME is needed");
	else
		return;
	exit(EXIT_USAGE);
}

/* Of a name that says which back end it means. */
static int open_named(struct server *srv)
{
	const char *store = srv->opt.store;
	int err = zc_open(store, srv->opt.load ? O_RDWR : O_RDONLY, &srv->cache);

	switch (err) {
	case 0:
		return EXIT_OK;
	case -EINVAL:
		say("--store %s: right is mirror:DIR, served:SOCKET, or auto:NAME,DIR with the name of a store", store);
		return EXIT_USAGE;
	case -EMEDIUMTYPE:
		say("no store %s: the folder is no mirror", store);
		return EXIT_NOT_FOUND;
	case -EPROTONOSUPPORT:
		say("cannot open the store %s: it is of another version", store);
		return EXIT_REFUSED;
	case -EUCLEAN:
		say("cannot open the store %s: it is damaged", store);
		return EXIT_REFUSED;
	}
	say("cannot open the store %s: %s", store, strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

static bool is_named(const char *store)
{
	return !strncmp(store, "mirror:", 7) || !strncmp(store, "auto:", 5) ||
	       !strncmp(store, "served:", 7);
}

/* "mirror:DIR" or "kmod:NAME", whichever it came to. */
static void print_named(const struct server *srv)
{
	const char *name = strchr(srv->opt.store, ':') + 1, *comma = strchr(name, ',');
	const char *backend = zc_backend(srv->cache);

	if (strncmp(srv->opt.store, "auto:", 5))
		printf(", serving %s\n", srv->opt.store);
	else if (!strcmp(backend, "mirror"))
		printf(", serving %s:%s\n", backend, comma + 1);
	else
		printf(", serving %s:%.*s\n", backend, (int)(comma - name), name);
}

static int open_store(struct server *srv)
{
	char spec[8 + ZC_NAME_MAX];
	int err = -EINVAL;

	if (is_named(srv->opt.store))
		return open_named(srv);
	if (snprintf(spec, sizeof(spec), "kmod:%s", srv->opt.store) < (int)sizeof(spec))
		err = zc_open(spec, srv->opt.load ? O_RDWR : O_RDONLY, &srv->cache);
	if (!err)
		return EXIT_OK;
	if (err == -EINVAL) {
		say("--store %s: a name has 1 to %d letters, digits, dots, dashes and underscores and begins with no dot",
		    srv->opt.store, ZC_NAME_MAX);
		return EXIT_USAGE;
	}
	if (access("/sys/module/zcache", F_OK) && access("/dev/zcache", F_OK)) {
		say("the zcache module is not loaded");
		return EXIT_NO_MODULE;
	}
	say("cannot open the store %s: %s", srv->opt.store, strerror(-err));
	return err == -ENOENT ? EXIT_NOT_FOUND : EXIT_REFUSED;
}

/* Each connection is a fd, and each answer that is blocked another. */
static void raise_fd_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static void summary(struct worker *const *w, unsigned int n)
{
	struct counters all = { 0 };
	unsigned int i, j;

	for (i = 0; i < n; i++) {
		all.connections += w[i]->count.connections;
		all.requests += w[i]->count.requests;
		all.bytes += w[i]->count.bytes;
		for (j = 0; j < sizeof(all.status) / sizeof(all.status[0]); j++)
			all.status[j] += w[i]->count.status[j];
	}
	say("%" PRIu64 " connections, %" PRIu64 " requests: %" PRIu64 " 2xx, %" PRIu64 " 3xx, %" PRIu64 " 4xx, %" PRIu64 " 5xx; %" PRIu64 " bytes sent",
	    all.connections, all.requests, all.status[2], all.status[3], all.status[4],
	    all.status[5], all.bytes);
}

static void stop_workers(struct worker **w, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		worker_stop(w[i]);
	for (i = 0; i < n; i++)
		worker_join(w[i]);
}

static void free_workers(struct worker **w, unsigned int n)
{
	while (n--)
		free(w[n]);
}

static int start_workers(struct server *srv, struct worker **w, unsigned int n)
{
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		w[i] = calloc(1, sizeof(*w[i]));
		err = w[i] ? worker_start(w[i], srv) : -ENOMEM;
		if (!err)
			continue;
		say("cannot start a worker: %s", strerror(-err));
		/* The others must not serve what is about to be closed. */
		stop_workers(w, i);
		free_workers(w, i + 1);
		return EXIT_REFUSED;
	}
	return EXIT_OK;
}

/* Returns once the first signal has ended all connections; a second one kills. */
static int serve(struct server *srv)
{
	struct worker *workers[WORKERS_MAX];
	sigset_t signals;
	int sig, code;

	/* Before the threads, so that only this one takes them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	code = start_workers(srv, workers, srv->opt.workers);
	if (code)
		return code;
	listen_print(srv->listen_fd);
	if (is_named(srv->opt.store))
		print_named(srv);
	else
		putchar('\n');
	fflush(stdout);
	sigwait(&signals, &sig);
	/* Who comes now is refused, and does not wait for those being served. */
	shutdown(srv->listen_fd, SHUT_RD);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	stop_workers(workers, srv->opt.workers);
	summary(workers, srv->opt.workers);
	free_workers(workers, srv->opt.workers);
	return EXIT_OK;
}

/* Bound before the load, so that a mistake shows at once; open only after it. */
static int prepare(struct server *srv)
{
	http_parser_set_max_header_size(REQUEST_MAX);
	raise_fd_limit();
	srv->listen_fd = listen_bind(srv->opt.listen);
	if (srv->listen_fd < 0)
		return srv->listen_fd == -EINVAL ? EXIT_USAGE : EXIT_REFUSED;
	if (srv->opt.load && load_directory(srv->cache, srv->opt.load))
		return EXIT_REFUSED;
	return listen_start(srv->listen_fd) ? EXIT_REFUSED : EXIT_OK;
}

int main(int argc, char **argv)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct server srv = {
		.opt = {
			.listen = "[::]:8080",
			.workers = processors < WORKERS_MAX ? processors : WORKERS_MAX,
			.keep_alive_timeout = 60,
			.client_timeout = 30,
			.max_connections = 10000,
			.budget = 2 << 20,
		},
	};
	int code;

	parse_options(argc, argv, &srv.opt);
	code = open_store(&srv);
	if (code)
		return code;
	code = prepare(&srv);
	if (!code)
		code = serve(&srv);
	zc_close(srv.cache);
	return code;
}
