/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs a list of operations on several stores at once, the first of which is the
 * model, and compares what they answer.
 */
#ifndef ZC_RUN_H
#define ZC_RUN_H

#include "model.h"
#include "op.h"

struct zc_cache;
struct subject;

/* The calls on a store and on what it gave; 0 or -errno where nothing else is said. */
struct calls {
	int (*info)(struct subject *s, struct zc_info *arg);
	int (*put)(struct subject *s, struct zc_put *arg);
	int (*fill)(struct subject *s, struct zc_put *arg);
	int (*commit)(struct subject *s, int fd, uint64_t *generation);
	int (*stat)(struct subject *s, struct zc_stat *arg);
	int (*get)(struct subject *s, struct zc_get *arg);
	int (*open)(struct subject *s, struct zc_open *arg);
	int (*send)(struct subject *s, struct zc_send *arg);
	int (*send_batch)(struct subject *s, struct zc_send_batch *arg);
	int (*del)(struct subject *s, struct zc_delete *arg);
	int (*purge)(struct subject *s, struct zc_purge *arg);
	int (*touch)(struct subject *s, struct zc_touch *arg);
	int (*wait)(struct subject *s, struct zc_wait *arg);
	ssize_t (*write)(struct subject *s, int fd, const void *buf, size_t len, uint64_t off);
	ssize_t (*read)(struct subject *s, int fd, void *buf, size_t len, uint64_t off);
	/* The whole of it, by a mapping; bytes. */
	ssize_t (*map)(struct subject *s, int fd, void *buf, size_t room);
	/* By fstat() and lseek(), if they agree and it cannot be written. */
	int64_t (*size)(struct subject *s, int fd);
	bool (*readable)(struct subject *s, int fd);
	void (*close)(struct subject *s, int fd);
	/* What stands for this kind of socket. */
	int (*sock)(struct subject *s, enum model_sock kind);
	/* Takes what arrived there, of which there should be so much. */
	size_t (*receive)(struct subject *s, enum model_sock kind, uint64_t expect, void *buf,
			  size_t room);
	int (*counters)(struct subject *s, uint64_t *count);
	/* Closes the store and opens it again; @bare: without what it can make anew. */
	int (*reopen)(struct subject *s, bool bare);
};

#define SLOTS 12

struct subject {
	const char *name;
	const struct calls *calls;
	struct model *model;		/* of the model, and of what wraps one */
	struct zc_cache *cache;		/* of a back end of the library */
	void *own;			/* its maker's */
	bool bare;			/* has lost its counters */
	bool late_aborts;		/* counts a fill given up when somebody looks */
	int fd[SLOTS];
	uint64_t *generation;		/* in the order of their commits */
	unsigned int nr_generations;
	int foreign;			/* an object fd of another store */
};

/* Makes the stores of a back end. */
struct maker {
	const char *name;
	/* Sets the calls, and what they need. */
	int (*start)(struct subject *s, const struct model_conf *conf);
	void (*stop)(struct subject *s);
	/* Of those that several processes can have: opens the one that @own said. */
	int (*join)(struct subject *s, const struct model_conf *conf, const char *own);
	void (*leave)(struct subject *s);
};

extern const struct maker model_maker;
extern const struct maker mirror_maker;
/* What an object takes of a mirror. */
uint64_t mirror_charge(const struct zc_put *put);
extern const struct calls model_calls;
/* Of a library's cache; counters are its maker's own business. */
extern const struct calls library_calls;

#define RUN_SUBJECTS 4
#define ZC_ERRNOS 134

struct run_conf {
	const struct maker *makers;	/* without the model */
	unsigned int nr_makers;
	unsigned int processes;		/* in turn, on the one store of the one maker; 0: 1 */
	struct model_conf store;
};

/* How often a kind of operation ended so, in the model; by errno. */
extern unsigned long run_seen[OP_KINDS][ZC_ERRNOS];

/*
 * Runs them on new stores. Return: 0; 1 if answers differ, of which @why tells, with
 * the operation's number in *@where; -errno if there is no store.
 */
int run_ops(const struct run_conf *conf, const struct op *ops, int nr, int *where, char *why,
	    size_t room);

/* --- many of them (shrink.c) */

/* Takes out of a list that fails what is not needed. Return: how many are left. */
int shrink_ops(const struct run_conf *conf, struct op *ops, int nr);

struct search {
	unsigned int seed;		/* of the first list */
	unsigned int lists, length;
	unsigned int seconds;		/* to end early after, where all is slow */
	const char *name;		/* of several in a program */
	const char *program;		/* which runs it again */
	bool guest;			/* in a guest */
};

/*
 * Runs lists made by chance, or the one of $ZC_MODEL_OPS, and prints what fails, made
 * as short as can be. Return: how many operations were run, or -1 if one failed.
 */
long search(const struct run_conf *conf, const struct search *what);

/*
 * Whether each kind of operation ended in each way that it can, so that the search
 * looked there; prints those that did not.
 */
bool search_saw_all(void);

#endif /* ZC_RUN_H */
