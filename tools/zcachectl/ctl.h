/* SPDX-License-Identifier: GPL-2.0-only */
/* zcachectl: the commands, their arguments and their exit codes. */
#ifndef CTL_H
#define CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"

/* "name VALUE" if value is set, else the lone word "name". */
struct keyword {
	const char *name;
	const char **value;
	bool *flag;
};

struct command {
	const char *name;
	int min_args;		/* words that must follow, before the keywords */
	const char *args;	/* as help shows them */
	const char *sentence;
	const struct keyword *keywords;
	int (*run)(int argc, char **argv);
};

/* An object of the command line; one without a name of its commands has one. */
struct object {
	const char *name;
	const struct command *commands;
};

extern const struct command store_commands[];
extern const struct command object_commands[];
extern const struct command tag_commands[];
extern const struct command stats_commands[];
extern const struct command event_commands[];
extern const struct command top_commands[];
extern const struct command bench_commands[];
extern const struct command info_commands[];
extern const struct command features_commands[];
extern const struct command doctor_commands[];
extern const struct command trace_commands[];
extern const struct command policy_commands[];

/* Of policy_commands, those that ask the kernel. */
int run_policy_show(int argc, char **argv);
int run_policy_status(int argc, char **argv);

/* All of them; the last has no name. */
extern const struct object objects[];

/* NULL if there is none. Without names, an object's one command is found by any. */
const struct object *find_object(const char *name);
const struct command *find_command(const struct object *o, const char *name);

/* The last of the words is unfinished. */
int complete(int argc, char **argv);

bool module_loaded(void);

/* Takes all of argv; each word must be a keyword, none twice. */
int parse_keywords(int argc, char **argv, const struct keyword *keywords);

/* A hundred years, the longest time to live, in milliseconds. */
#define TTL_MAX 3155760000000

/* Each refuses with one sentence that names what; absent text keeps *out. */
int arg_size(const char *what, const char *text, uint64_t *out);
int arg_duration(const char *what, const char *text, uint64_t max, uint64_t *ms);
int arg_u64(const char *what, const char *text, uint64_t max, uint64_t *out);
/* A number of 64 bits that is not 0, decimal or after "0x" in hex. */
int arg_tag(const char *text, uint64_t *tag);
/* yes is 1, no is 0. */
int arg_yes(const char *what, const char *text, uint32_t *out);
int arg_mode(const char *text, uint32_t *out);
int arg_owner(const char *text, uint32_t *uid);
int arg_group(const char *text, uint32_t *gid);

/* "hex:..." or the bytes of text themselves. */
struct key {
	unsigned char bytes[1024];
	size_t len;
};

int arg_key(const char *text, struct key *key);

#endif /* CTL_H */
