/* SPDX-License-Identifier: GPL-2.0-only */
/* The simulator of zcachectl policy simulate: traces, runs and their plot. */
#ifndef SIM_H
#define SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <policy.h>

/* How the requests stand in a file. */
enum sim_format {
	SIM_AUTO,
	SIM_ORACLE_GENERAL,
	SIM_CSV,
	SIM_TR,
	SIM_IDS,
};

/* What makes an object: its id, or its id and its size, so that a change is another. */
enum sim_object {
	SIM_BY_FORMAT,
	SIM_BY_ID,
	SIM_BY_ID_SIZE,
};

/**
 * struct sim_request - somebody wants an object
 * @size: its bytes
 * @object: its number, by first appearance
 */
struct sim_request {
	uint64_t size;
	uint32_t object;
};

/**
 * struct sim_trace - requests
 * @format: what the file was
 * @requests: in their order
 * @nr: how many
 * @bytes: of these
 * @objects: different ones
 * @footprint: bytes of these, of each the last size
 */
struct sim_trace {
	enum sim_format format;
	struct sim_request *requests;
	uint64_t nr;
	uint64_t bytes;
	uint32_t objects;
	uint64_t footprint;
};

const char *sim_format_name(enum sim_format format);
/* SIM_AUTO if there is none of that name. */
enum sim_format sim_format_find(const char *name);

/*
 * Reads a file, also one that gzip, xz or zstd wrote. @columns is "ID,SIZE" of a csv
 * file, by number or name, or NULL. An exit code; after CTL_OK sim_trace_free() is due.
 */
int sim_trace_read(const char *file, enum sim_format format, const char *columns,
		   enum sim_object object, struct sim_trace *t);
void sim_trace_free(struct sim_trace *t);

/**
 * struct sim_run - one policy with one size, and what came of it
 * @ops: the policy
 * @options: how it behaves
 * @batch: the part of the capacity that is free after an eviction; 0 evicts no more
 *	than is needed
 * @misses: requests of objects that were not there
 * @missed_bytes: of these
 * @seconds: of a processor, that it took
 */
struct sim_run {
	const struct zp_ops *ops;
	struct zp_options options;
	double batch;
	uint64_t misses;
	uint64_t missed_bytes;
	double seconds;
};

/* Called now and then with the number of requests that are done. */
typedef void sim_progress(uint64_t done, void *arg);

/* 0 or -ENOMEM */
int sim_run(struct sim_run *r, const struct sim_trace *t, sim_progress *progress, void *arg);

/* Miss ratios over sizes as an SVG file, of runs sorted by policy. 0 or -errno. */
int sim_plot(const char *file, const struct sim_trace *t, const struct sim_run *runs, size_t nr);

#endif /* SIM_H */
