// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "address.h"
#include "config.h"
#include "text.h"

#define INTERVAL_MIN 10
#define INTERVAL_MAX 60000

#define FILE_MAX (1 << 20)

/*
 * Put after the file's text: libconfuse takes the end of a file for that of a section,
 * which does not know it.
 */
#define LAST_WORD "end-of-file"

/* Those that stand in a section and outside of sections. */
#define STORE_KEYS "policy, optimise, exponent, large, admission, admit-size, threshold"

/* libconfuse gives its messages no argument of ours. */
static const char *error_file;
static char *error_text;
static bool at_end;		/* the last word was read */

/* As much as has room. */
static void append(const char *text)
{
	size_t n = strlen(error_text);

	snprintf(error_text + n, CONFIG_ERROR_ROOM - n, "%s", text);
}

/*
 * The first error is the one to be repaired. Which one it is the format tells, for in the
 * text there may be anything that somebody wrote into the file.
 */
static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char text[CONFIG_ERROR_ROOM];

	if (error_text[0])
		return;
	snprintf(error_text, CONFIG_ERROR_ROOM, "%s:%d: ", error_file, cfg->line);
	vsnprintf(text, sizeof(text), fmt, ap);
	if (!strstr(fmt, "no such option")) {
		append(text);
		if (strstr(fmt, "missing title"))
			append(strcmp(cfg_name(cfg), "store") ? ": right is store NAME { ... }" :
			       ": right is tag NUMBER { ... }");
	} else if (strstr(text, "'" LAST_WORD "'")) {
		append("a section has no closing brace");
	} else {
		append(text);
		append(!strcmp(cfg_name(cfg), "store") ? "; a store has " STORE_KEYS " and tag" :
		       !strcmp(cfg_name(cfg), "tag") ? "; a tag has quota and floor" :
		       "; there are listen, socket-mode, interval, " STORE_KEYS " and store");
	}
}

const char *config_policies(void)
{
	static char text[256];
	size_t i, n = 0;

	for (i = 0; zp_all[i]; i++)
		n += snprintf(text + n, sizeof(text) - n, "%s%s", i ? ", " : "", zp_all[i]->name);
	return text;
}

static int wrong(cfg_t *cfg, cfg_opt_t *opt, const char *rule)
{
	cfg_error(cfg, "%s %s: right is %s", cfg_opt_name(opt), cfg_opt_getnstr(opt, 0), rule);
	return -1;
}

static int parse_policy(const char *text, const struct zp_ops **ops)
{
	*ops = zp_find(text);
	return *ops || !strcmp(text, "none") ? 0 : -EINVAL;
}

static int parse_goal(const char *text, enum zp_goal *goal)
{
	static const char *const names[] = {
		[ZP_BALANCED] = "balanced", [ZP_OBJECTS] = "objects", [ZP_BYTES] = "bytes",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], text))
			continue;
		*goal = i;
		return 0;
	}
	return -EINVAL;
}

static int parse_exponent(const char *text, double *a)
{
	char *end;

	*a = strtod(text, &end);
	return end != text && !*end && *a >= 0 && *a <= 1 ? 0 : -EINVAL;
}

static int parse_large(const char *text, bool *large_main)
{
	*large_main = !strcmp(text, "main");
	return *large_main || !strcmp(text, "refuse") ? 0 : -EINVAL;
}

static int parse_admission(const char *text, bool *frequency)
{
	*frequency = !strcmp(text, "frequency");
	return *frequency || !strcmp(text, "none") ? 0 : -EINVAL;
}

static int parse_interval(const char *text, uint64_t *ms)
{
	return parse_duration(text, ms) || *ms < INTERVAL_MIN || *ms > INTERVAL_MAX ? -EINVAL : 0;
}

/* Octal, as chmod(1) takes it. */
static int parse_mode(const char *text, mode_t *mode)
{
	size_t len = strlen(text);

	if (strspn(text, "01234567") != len || (len != 3 && (len != 4 || text[0] != '0')))
		return -EINVAL;
	*mode = strtoul(text, NULL, 8);
	return 0;
}

static int check_policy(cfg_t *cfg, cfg_opt_t *opt)
{
	const struct zp_ops *ops;
	char rule[300];

	if (!parse_policy(cfg_opt_getnstr(opt, 0), &ops))
		return 0;
	snprintf(rule, sizeof(rule), "one of %s, or none to leave it to the kernel",
		 config_policies());
	return wrong(cfg, opt, rule);
}

static int check_goal(cfg_t *cfg, cfg_opt_t *opt)
{
	enum zp_goal goal;

	return parse_goal(cfg_opt_getnstr(opt, 0), &goal) ?
	       wrong(cfg, opt, "balanced, objects or bytes") : 0;
}

static int check_exponent(cfg_t *cfg, cfg_opt_t *opt)
{
	double a;

	return parse_exponent(cfg_opt_getnstr(opt, 0), &a) ?
	       wrong(cfg, opt, "a number from 0 to 1 such as 0.5") : 0;
}

static int check_large(cfg_t *cfg, cfg_opt_t *opt)
{
	bool large_main;

	return parse_large(cfg_opt_getnstr(opt, 0), &large_main) ?
	       wrong(cfg, opt, "main or refuse") : 0;
}

/* 0 for none. */
static int parse_limit(const char *text, uint64_t *bytes)
{
	*bytes = 0;
	return text && strcmp(text, "none") ? parse_size(text, bytes) : 0;
}

static int check_limit(cfg_t *cfg, cfg_opt_t *opt)
{
	uint64_t bytes;

	return parse_limit(cfg_opt_getnstr(opt, 0), &bytes) ?
	       wrong(cfg, opt, "none, a number of bytes, or a number with k, M, G or T such as 256M") :
	       0;
}

static int check_admission(cfg_t *cfg, cfg_opt_t *opt)
{
	bool frequency;

	return parse_admission(cfg_opt_getnstr(opt, 0), &frequency) ?
	       wrong(cfg, opt, "none or frequency") : 0;
}

static int parse_threshold(const char *text, struct threshold_choice *t)
{
	*t = (struct threshold_choice){ .mode = THRESHOLD_FIXED };
	if (!strcmp(text, "keep"))
		t->mode = THRESHOLD_KEEP;
	else if (!strcmp(text, "adaptive"))
		t->mode = THRESHOLD_ADAPTIVE;
	else
		return parse_size(text, &t->bytes);
	return 0;
}

static int check_threshold(cfg_t *cfg, cfg_opt_t *opt)
{
	struct threshold_choice t;

	return parse_threshold(cfg_opt_getnstr(opt, 0), &t) ?
	       wrong(cfg, opt, "keep, adaptive, or a number of bytes such as 16k") : 0;
}

static struct limit read_limit(cfg_t *section)
{
	struct limit limit;

	parse_u64(cfg_title(section), UINT64_MAX, &limit.tag);
	parse_limit(cfg_getstr(section, "quota"), &limit.quota);
	parse_limit(cfg_getstr(section, "floor"), &limit.floor);
	return limit;
}

/* The title is the tag, so a tag has but one way to be written. */
static int check_tag(cfg_t *cfg, cfg_opt_t *opt)
{
	cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
	const char *title = cfg_title(section);
	struct limit limit;
	uint64_t tag;

	if (title[0] == '0' || parse_u64(title, UINT64_MAX, &tag)) {
		cfg_error(cfg, "tag %s: a tag is a number from 1 to %llu", title,
			  (unsigned long long)UINT64_MAX);
		return -1;
	}
	limit = read_limit(section);
	if (!limit.quota || limit.floor <= limit.quota)
		return 0;
	cfg_error(cfg, "tag %s: floor %s: right is at most the quota, %s", title,
		  cfg_getstr(section, "floor"), cfg_getstr(section, "quota"));
	return -1;
}

static int check_interval(cfg_t *cfg, cfg_opt_t *opt)
{
	uint64_t ms;

	return parse_interval(cfg_opt_getnstr(opt, 0), &ms) ?
	       wrong(cfg, opt, "a time from 10ms to 60s") : 0;
}

static int check_mode(cfg_t *cfg, cfg_opt_t *opt)
{
	mode_t mode;

	return parse_mode(cfg_opt_getnstr(opt, 0), &mode) ?
	       wrong(cfg, opt, "an octal number from 0000 to 0777 such as 0660") : 0;
}

static int check_listen(cfg_t *cfg, cfg_opt_t *opt)
{
	struct address a;

	return address_parse(cfg_opt_getnstr(opt, 0), &a) ?
	       wrong(cfg, opt, "none, an address of this machine alone and a port such as 127.0.0.1:9629 or [::1]:9629, or unix:/PATH") :
	       0;
}

static int check_store(cfg_t *cfg, cfg_opt_t *opt)
{
	const char *name = cfg_title(cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1));
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

	if (len && !name[len] && len <= ZC_NAME_MAX && name[0] != '.')
		return 0;
	cfg_error(cfg, "store %s: a name has 1 to %d letters, digits, dots, dashes and underscores and begins with no dot",
		  name, ZC_NAME_MAX);
	return -1;
}

/* Keys that are not there change nothing; those that are were checked. */
static void read_threshold(cfg_t *cfg, struct threshold_choice *t)
{
	const char *text = cfg_getstr(cfg, "threshold");

	if (text)
		parse_threshold(text, t);
}

static void read_choice(cfg_t *cfg, struct choice *c)
{
	const char *text;

	text = cfg_getstr(cfg, "policy");
	if (text)
		parse_policy(text, &c->ops);
	text = cfg_getstr(cfg, "optimise");
	if (text)
		parse_goal(text, &c->options.goal);
	text = cfg_getstr(cfg, "exponent");
	if (text)
		parse_exponent(text, &c->options.a);
	text = cfg_getstr(cfg, "large");
	if (text)
		parse_large(text, &c->options.large_main);
	text = cfg_getstr(cfg, "admission");
	if (text)
		parse_admission(text, &c->options.frequency);
	text = cfg_getstr(cfg, "admit-size");
	if (text)
		parse_limit(text, &c->options.admit_size);
}

static int read_limits(cfg_t *section, struct config_store *s)
{
	size_t n = cfg_size(section, "tag");

	s->limits = calloc(n + 1, sizeof(*s->limits));
	if (!s->limits)
		return -ENOMEM;
	for (; s->nr_limits < n; s->nr_limits++)
		s->limits[s->nr_limits] = read_limit(cfg_getnsec(section, "tag", s->nr_limits));
	return 0;
}

static int read_all(cfg_t *cfg, struct config *c)
{
	const char *listen = cfg_getstr(cfg, "listen");
	size_t i;

	snprintf(c->listen, sizeof(c->listen), "%s", strcmp(listen, "none") ? listen : "");
	parse_mode(cfg_getstr(cfg, "socket-mode"), &c->socket_mode);
	parse_interval(cfg_getstr(cfg, "interval"), &c->interval);
	c->choice = (struct choice){
		.ops = zp_find("gdsf2"),
		.options = { .a = -1, .large_main = true },
	};
	read_choice(cfg, &c->choice);
	read_threshold(cfg, &c->threshold);
	c->nr_stores = cfg_size(cfg, "store");
	c->stores = calloc(c->nr_stores + 1, sizeof(*c->stores));
	if (!c->stores)
		return -ENOMEM;
	for (i = 0; i < c->nr_stores; i++) {
		cfg_t *section = cfg_getnsec(cfg, "store", i);

		snprintf(c->stores[i].name, sizeof(c->stores[i].name), "%s", cfg_title(section));
		c->stores[i].choice = c->choice;
		read_choice(section, &c->stores[i].choice);
		c->stores[i].threshold = c->threshold;
		read_threshold(section, &c->stores[i].threshold);
		if (read_limits(section, &c->stores[i]))
			return -ENOMEM;
	}
	return 0;
}

static int on_end(cfg_t *cfg, cfg_opt_t *opt, int argc, const char **argv)
{
	at_end = true;
	(void)cfg;
	(void)opt;
	(void)argc;
	(void)argv;
	return 0;
}

static cfg_t *new_parser(void)
{
	static cfg_opt_t tag[] = {
		CFG_STR("quota", NULL, CFGF_NODEFAULT),
		CFG_STR("floor", NULL, CFGF_NODEFAULT),
		CFG_END()
	};
	static cfg_opt_t store[] = {
		CFG_STR("policy", NULL, CFGF_NODEFAULT),
		CFG_STR("optimise", NULL, CFGF_NODEFAULT),
		CFG_STR("exponent", NULL, CFGF_NODEFAULT),
		CFG_STR("large", NULL, CFGF_NODEFAULT),
		CFG_STR("admission", NULL, CFGF_NODEFAULT),
		CFG_STR("admit-size", NULL, CFGF_NODEFAULT),
		CFG_STR("threshold", NULL, CFGF_NODEFAULT),
		CFG_SEC("tag", tag, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END()
	};
	static cfg_opt_t all[] = {
		CFG_STR("listen", "127.0.0.1:9629", CFGF_NONE),
		CFG_STR("socket-mode", "0600", CFGF_NONE),
		CFG_STR("interval", "100ms", CFGF_NONE),
		CFG_STR("policy", NULL, CFGF_NODEFAULT),
		CFG_STR("optimise", NULL, CFGF_NODEFAULT),
		CFG_STR("exponent", NULL, CFGF_NODEFAULT),
		CFG_STR("large", NULL, CFGF_NODEFAULT),
		CFG_STR("admission", NULL, CFGF_NODEFAULT),
		CFG_STR("admit-size", NULL, CFGF_NODEFAULT),
		CFG_STR("threshold", NULL, CFGF_NODEFAULT),
		CFG_FUNC(LAST_WORD, on_end),
		CFG_SEC("store", store, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
		CFG_END()
	};
	cfg_t *cfg = cfg_init(all, CFGF_NONE);

	if (!cfg)
		return NULL;
	cfg_set_error_function(cfg, on_error);
	cfg_set_validate_func(cfg, "listen", check_listen);
	cfg_set_validate_func(cfg, "socket-mode", check_mode);
	cfg_set_validate_func(cfg, "interval", check_interval);
	cfg_set_validate_func(cfg, "policy", check_policy);
	cfg_set_validate_func(cfg, "optimise", check_goal);
	cfg_set_validate_func(cfg, "exponent", check_exponent);
	cfg_set_validate_func(cfg, "large", check_large);
	cfg_set_validate_func(cfg, "admission", check_admission);
	cfg_set_validate_func(cfg, "admit-size", check_limit);
	cfg_set_validate_func(cfg, "threshold", check_threshold);
	cfg_set_validate_func(cfg, "store", check_store);
	cfg_set_validate_func(cfg, "store|policy", check_policy);
	cfg_set_validate_func(cfg, "store|optimise", check_goal);
	cfg_set_validate_func(cfg, "store|exponent", check_exponent);
	cfg_set_validate_func(cfg, "store|large", check_large);
	cfg_set_validate_func(cfg, "store|admission", check_admission);
	cfg_set_validate_func(cfg, "store|admit-size", check_limit);
	cfg_set_validate_func(cfg, "store|threshold", check_threshold);
	cfg_set_validate_func(cfg, "store|tag", check_tag);
	cfg_set_validate_func(cfg, "store|tag|quota", check_limit);
	cfg_set_validate_func(cfg, "store|tag|floor", check_limit);
	return cfg;
}

/* The text, with the last word; or why it cannot be read, as -errno. */
static int read_file(const char *file, char **text)
{
	FILE *f = fopen(file, "r");
	size_t n = 0;
	int err = 0;

	if (!f)
		return -errno;
	*text = malloc(FILE_MAX + sizeof("\n" LAST_WORD "()"));
	if (*text) {
		n = fread(*text, 1, FILE_MAX, f);
		memcpy(*text + n, "\n" LAST_WORD "()", sizeof("\n" LAST_WORD "()"));
	}
	if (!*text || ferror(f))
		err = -errno;
	else if (n == FILE_MAX)
		err = -EFBIG;
	else if (strlen(*text) < n)
		err = -EILSEQ;
	fclose(f);
	return err;
}

int config_load(const char *file, struct config *c, char error[CONFIG_ERROR_ROOM])
{
	cfg_t *cfg = new_parser();
	char *text = NULL;
	int err = read_file(file, &text);

	memset(c, 0, sizeof(*c));
	error[0] = '\0';
	error_file = file;
	error_text = error;
	at_end = false;
	if (!err && !cfg)
		err = -ENOMEM;
	if (!err && cfg_parse_buf(cfg, text) != CFG_SUCCESS)
		err = -EINVAL;
	if (!err && !at_end) {
		snprintf(error, CONFIG_ERROR_ROOM, "%s: a comment has no end", file);
		err = -EINVAL;
	}
	if (!err)
		err = read_all(cfg, c);
	if (err)
		config_free(c);
	if (err && !error[0])
		snprintf(error, CONFIG_ERROR_ROOM, "%s: %s", file, strerror(-err));
	if (cfg)
		cfg_free(cfg);
	free(text);
	return err;
}

void config_free(struct config *c)
{
	while (c->stores && c->nr_stores)
		free(c->stores[--c->nr_stores].limits);
	free(c->stores);
	memset(c, 0, sizeof(*c));
}

static const struct config_store *section_of(const struct config *c, const char *store)
{
	size_t i;

	for (i = 0; i < c->nr_stores; i++)
		if (!strcmp(c->stores[i].name, store))
			return &c->stores[i];
	return NULL;
}

struct threshold_choice config_threshold(const struct config *c, const char *store)
{
	const struct config_store *section = section_of(c, store);

	return section ? section->threshold : c->threshold;
}

const struct limit *config_limits(const struct config *c, const char *store, size_t *n)
{
	const struct config_store *section = section_of(c, store);

	*n = section ? section->nr_limits : 0;
	return section ? section->limits : NULL;
}

struct choice config_choice(const struct config *c, const char *store, const char *wants)
{
	const struct config_store *section = section_of(c, store);
	struct choice choice = section ? section->choice : c->choice;
	const struct zp_ops *ops;

	if (wants[0] && !parse_policy(wants, &ops))
		choice.ops = ops;
	return choice;
}
