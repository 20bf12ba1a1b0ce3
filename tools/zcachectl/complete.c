// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl --complete WORD...: the words that may stand in the place of the last
 * one, for shells. They are read from what help shows of a command, so there is no
 * other list of them.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <policy.h>

#include "ctl.h"
#include "mirror.h"
#include "probe.h"

#define TOKENS_MAX 64

/* What the unfinished word begins with. */
static const char *typed;

static void offer(const char *word)
{
	if (!strncmp(word, typed, strlen(typed)))
		puts(word);
}

/* Whether the command takes a mirror for a store. */
static bool mirrors;

/* Only the shell knows the folders. */
static void offer_mirrors(void)
{
	if (!mirrors)
		return;
	if (mirror_folder(typed))
		puts(":folder");
	else
		offer("mirror:");
}

static void offer_stores(void)
{
	struct dirent **names;
	int n = list_nodes(&names), i;

	offer_mirrors();
	for (i = 0; i < n; i++) {
		offer(names[i]->d_name);
		free(names[i]);
	}
	free(names);
}

static void offer_policies(void)
{
	const struct zp_ops *const *ops;

	for (ops = zp_all; *ops; ops++)
		offer((*ops)->name);
}

/* "FILE|-" or "yes|no"; what only the shell knows it is told to look up. */
static void offer_value(char *token)
{
	char *word;

	while ((word = strsep(&token, "|"))) {
		if (!strcmp(word, "STORE"))
			offer_stores();
		else if (!strcmp(word, "NAME"))
			offer_mirrors();
		else if (!strcmp(word, "POLICY"))
			offer_policies();
		else if (!strcmp(word, "FILE"))
			puts(":file");
		else if (!strcmp(word, "USER"))
			puts(":user");
		else if (!strcmp(word, "GROUP"))
			puts(":group");
		else if (*word < 'A' || *word > 'Z')
			offer(word);
	}
}

static const struct keyword *find_keyword(const struct command *c, const char *word)
{
	const struct keyword *k;

	for (k = c->keywords; k && k->name; k++)
		if (!strcmp(k->name, word))
			return k;
	return NULL;
}

/* The words of c->args without brackets. */
static int split(char *args, char **token)
{
	char *word;
	int n = 0;

	while ((word = strsep(&args, " []")))
		if (*word && n < TOKENS_MAX)
			token[n++] = word;
	return n;
}

static bool given(int argc, char **argv, const char *word)
{
	while (argc--)
		if (!strcmp(*argv++, word))
			return true;
	return false;
}

/* Words that stand alone are offered as long as they are missing. */
static void offer_keywords(const struct command *c, char **token, int n, int argc, char **argv)
{
	const struct keyword *k;
	int i;

	for (k = c->keywords; k && k->name; k++)
		if (!given(argc, argv, k->name))
			offer(k->name);
	/* a value without a word before it is the last one */
	for (i = 0; i < n; i++) {
		k = find_keyword(c, token[i]);
		if (k && k->value)
			i++;
		else if (!k && strcmp(token[i], "|"))
			offer_value(token[i]);
	}
}

static void complete_command(const struct command *c, int argc, char **argv)
{
	char args[512], *token[TOKENS_MAX];
	const struct keyword *k = NULL;
	int n, i, first;

	snprintf(args, sizeof(args), "%s", c->args);
	n = split(args, token);
	for (first = 0; first < n && !find_keyword(c, token[first]); first++)
		if (strchr(token[first], '.'))
			break;
	if (argc < first) {
		offer_value(token[argc]);
		return;
	}
	for (i = first; i < argc; i++) {
		k = find_keyword(c, argv[i]);
		if (k && k->value && ++i == argc)
			break;
		k = NULL;
	}
	if (!k) {
		offer_keywords(c, token + first, n - first, argc - first, argv + first);
		return;
	}
	for (i = first; i < n - 1; i++)
		if (!strcmp(token[i], k->name))
			offer_value(token[i + 1]);
}

static void complete_object(const struct object *o, int argc, char **argv)
{
	const struct command *c = find_command(o, argc ? argv[0] : NULL);

	mirrors = o->commands == store_commands || o->commands == object_commands ||
		  o->commands == stats_commands || o->commands == info_commands;
	if (c) {
		complete_command(c, argc - !!c->name, argv + !!c->name);
	} else if (!argc) {
		for (c = o->commands; c->run; c++)
			offer(c->name);
	}
}

static void offer_objects(bool with_commands)
{
	const struct object *o;

	for (o = objects; o->name; o++)
		if (o->commands || !with_commands)
			offer(o->name);
}

static void offer_options(void)
{
	static const char *const options[] = { "--json", "--version", "--help" };
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		offer(options[i]);
}

int complete(int argc, char **argv)
{
	const struct object *o;

	typed = argc ? argv[--argc] : "";
	for (; argc && argv[0][0] == '-'; argc--)
		argv++;
	o = argc ? find_object(argv[0]) : NULL;
	if (o && o->commands)
		complete_object(o, argc - 1, argv + 1);
	else if (o && argc == 1)
		offer_objects(true);
	else if (!argc && typed[0] == '-')
		offer_options();
	else if (!argc)
		offer_objects(false);
	return CTL_OK;
}
