// SPDX-License-Identifier: GPL-2.0-only
/* The command line. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "send_bench.h"

struct options opt = {
	.dir = "/tmp",
	.sizes = { 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20,
		   10 << 20, 100 << 20 },
	.nr_sizes = 8,
	.conns = { 1, 16, 64, 256 },
	.nr_conns = 4,
	.receiver = { true },
	.kind = { true, true },
	.reps = 9,
	.seconds = 0.1,
};

const struct kind kinds[] = {
	{ "body", false, false },
	{ "answer", true, false },
	{ "range", false, true },
	{ "range-answer", true, true },
};

const unsigned int nr_kinds = ARRAY_SIZE(kinds);
const char *const receiver_names[] = { "discard", "copy" };

static void usage(FILE *to)
{
	unsigned int i;

	fprintf(to,
		"usage: send_bench [options]\n"
		"Sends the same bytes in different ways to TCP sockets and tells what each costs.\n"
		"\n"
		"  --store NAME      a zcache store, for the rows that need the module\n"
		"  --dir FOLDER      where the files are made (/tmp)\n"
		"  --sizes LIST      bytes of the objects: 1K,4K,16K,64K,256K,1M,10M,100M\n"
		"  --connections LIST  1,16,64,256\n"
		"  --kinds LIST      of body, answer (header and body), range, range-answer\n"
		"                    (64 KiB at random places of 100 MiB); body,answer\n"
		"  --receivers LIST  of discard, copy; discard\n"
		"  --rows LIST       of the rows below, or all, or host (need no module); all\n"
		"  --reps NUMBER     turns of each row (9)\n"
		"  --seconds NUMBER  of a turn, at least (0.1)\n"
		"  --json FILE       appends a line for each row and cell\n"
		"  --csv FILE        likewise\n"
		"\n");
	for (i = 0; i < nr_rows; i++)
		fprintf(to, "  %-16s  %s\n", rows[i]->name, rows[i]->what);
}

static void __attribute__((noreturn)) refuse(const char *what, const char *arg)
{
	fprintf(stderr, "send_bench: %s: %s (try --help)\n", what, arg);
	exit(1);
}

static unsigned long long number(const char *arg, unsigned long long most)
{
	char *end;
	unsigned long long n = strtoull(arg, &end, 10);

	if (*end == 'K')
		n <<= 10, end++;
	else if (*end == 'M')
		n <<= 20, end++;
	if (end == arg || *end || *arg == '-' || !n || n > most)
		refuse("not a number that goes here", arg);
	return n;
}

static void take_size(const char *arg)
{
	if (opt.nr_sizes == MAX_SIZES)
		refuse("too many sizes", arg);
	opt.sizes[opt.nr_sizes++] = number(arg, 1ULL << 30);
}

static void take_conns(const char *arg)
{
	if (opt.nr_conns == MAX_SIZES)
		refuse("too many numbers of connections", arg);
	opt.conns[opt.nr_conns++] = number(arg, MAX_CONNS);
}

static void take_kind(const char *arg)
{
	unsigned int i;

	for (i = 0; i < nr_kinds; i++) {
		if (!strcmp(arg, kinds[i].name)) {
			opt.kind[i] = true;
			return;
		}
	}
	refuse("no such kind", arg);
}

static void take_receiver(const char *arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(opt.receiver); i++) {
		if (!strcmp(arg, receiver_names[i])) {
			opt.receiver[i] = true;
			return;
		}
	}
	refuse("no such receiver", arg);
}

static void take_row(const char *arg)
{
	bool all = !strcmp(arg, "all"), host = !strcmp(arg, "host");
	bool found = false;
	unsigned int i;

	for (i = 0; i < nr_rows; i++) {
		if (all || (host && !rows[i]->needs_module) ||
		    !strcmp(arg, rows[i]->name))
			found = opt.row[i] = true;
	}
	if (!found)
		refuse("no such row", arg);
}

/* Calls take for each of a list's words, in a copy: results tell the original. */
static void list(const char *arg, void (*take)(const char *arg))
{
	char *words = strdup(arg), *save;
	char *word = words ? strtok_r(words, ",", &save) : NULL;

	if (!word)
		refuse("an empty list", arg);
	for (; word; word = strtok_r(NULL, ",", &save))
		take(word);
	free(words);
}

static const struct option names[] = {
	{ "store", required_argument, NULL, 'S' },
	{ "dir", required_argument, NULL, 'd' },
	{ "sizes", required_argument, NULL, 's' },
	{ "connections", required_argument, NULL, 'c' },
	{ "kinds", required_argument, NULL, 'k' },
	{ "receivers", required_argument, NULL, 'r' },
	{ "rows", required_argument, NULL, 'R' },
	{ "reps", required_argument, NULL, 'n' },
	{ "seconds", required_argument, NULL, 't' },
	{ "json", required_argument, NULL, 'j' },
	{ "csv", required_argument, NULL, 'C' },
	{ "help", no_argument, NULL, 'h' },
	{ }
};

static void take_seconds(const char *arg)
{
	char *end;

	opt.seconds = strtod(arg, &end);
	if (end == arg || *end || !(opt.seconds > 0 && opt.seconds <= 3600))
		refuse("not a number of seconds", arg);
}

static void option(int name, const char *arg)
{
	switch (name) {
	case 'S':
		opt.store = arg;
		break;
	case 'd':
		opt.dir = arg;
		break;
	case 's':
		opt.nr_sizes = 0;
		list(arg, take_size);
		break;
	case 'c':
		opt.nr_conns = 0;
		list(arg, take_conns);
		break;
	case 'k':
		memset(opt.kind, 0, sizeof(opt.kind));
		list(arg, take_kind);
		break;
	case 'r':
		memset(opt.receiver, 0, sizeof(opt.receiver));
		list(arg, take_receiver);
		break;
	case 'R':
		memset(opt.row, 0, sizeof(opt.row));
		list(arg, take_row);
		break;
	case 'n':
		opt.reps = number(arg, MAX_REPS);
		break;
	case 't':
		take_seconds(arg);
		break;
	case 'j':
		opt.json = arg;
		break;
	case 'C':
		opt.csv = arg;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		exit(1);
	}
}

void options_parse(int argc, char **argv)
{
	int name;

	take_row("all");
	while ((name = getopt_long(argc, argv, "", names, NULL)) != -1)
		option(name, optarg);
	if (optind < argc)
		refuse("not an option", argv[optind]);
}
