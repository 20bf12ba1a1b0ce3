/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the files of the model. */
#ifndef ZC_MODEL_INT_H
#define ZC_MODEL_INT_H

#include <limits.h>

#include "model.h"

/* One version of a key; never freed before the model is. */
struct version {
	unsigned char key[ZC_KEY_MAX];
	uint32_t key_len;
	unsigned char *data;
	uint64_t data_len;
	unsigned char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	uint32_t header_len, etag_len, type_len;
	uint64_t tags[ZC_TAGS_MAX];
	uint32_t nr_tags;
	int64_t expires_ns, created_ns;
	uint64_t generation;	/* 0 until it is committed */
	uint64_t charge;
	bool visited;		/* found since the hand passed last */
	bool current;		/* it is what its key has */
	bool vague;		/* see model_vague() */
};

enum handle_kind { CLOSED, OBJECT, FILL, WAIT, FOREIGN };

struct handle {
	enum handle_kind kind;
	struct version *version;	/* of an OBJECT and of a FILL */
	bool *written;			/* FILL: of each byte */
	bool excl, reserves, committed;
	int awaits;			/* WAIT: the fill's fd */
};

#define MODEL_FDS	256
#define NO_HAND		UINT_MAX

struct model {
	struct model_conf conf;
	struct version **version;
	unsigned int nr;
	uint64_t generation;
	unsigned int hand;		/* which version, or NO_HAND */
	struct handle handle[MODEL_FDS];
	unsigned char *received;
	size_t received_len, received_room;
	bool trial;			/* of a send of which nobody is to know */
	/* What is to be followed. */
	struct follow {
		uint64_t evictions;
		bool refused, wrong;
		bool lost;		/* where the hand is, from the first refusal on */
		struct version *gone[16];
		unsigned int nr_gone;
	} follow;
	const struct version *wanted;	/* being opened: it stays */
	uint64_t full_len;		/* what a full socket was to take last */
	uint64_t count[ZC_C_NR];
};

/* How a call names an object. */
struct name {
	bool by_fd, expired_ok;
	uint64_t key;
	uint32_t key_len;
	int fd;
	uint64_t generation;
};

/* What a version found counts as. */
enum counting {
	COUNTS,			/* a hit or a miss */
	COUNTS_MISSES,		/* the hit is counted later, by count_hit() */
	COUNTS_NOTHING
};

int64_t model_now(void);
int model_check_key(const struct model *m, uint32_t key_len);
int model_new_handle(struct model *m, enum handle_kind kind);
/* The fill that has a key reserved, or -1. */
int model_reserver(struct model *m, const void *key, uint32_t key_len);
int model_find(struct model *m, const struct name *name, enum counting counting,
	       struct version **found);
void model_count_hit(struct model *m, struct version *v);
bool model_expired(const struct version *v);
/* A new descriptor of a version. */
int model_open_version(struct model *m, struct version *v);

/* --- room (model_room.c) */

/* Its key has it no more. */
void model_unlink(struct model *m, struct version *v);
bool model_never_fits(const struct model *m, uint64_t charge);
/* Makes room for what comes. Return: 0 or -ENOSPC, and all is gone that could go. */
int model_reserve(struct model *m, uint64_t charge);
struct version *model_current(struct model *m, const void *key, uint32_t key_len);

static inline void *at(uint64_t address)
{
	return (void *)(uintptr_t)address;
}

#endif /* ZC_MODEL_INT_H */
