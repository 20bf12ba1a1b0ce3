/* SPDX-License-Identifier: GPL-2.0-only */
/* How far the loading is: a bar on a terminal, else one line at the end. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	uint64_t files, bytes;		/* done */
	uint64_t all_files, all_bytes;
	double started, shown;		/* seconds */
	bool terminal;
};

void progress_begin(struct progress *p, uint64_t all_files, uint64_t all_bytes);
/* bytes: done, with those of the file that is under way. */
void progress_show(struct progress *p, uint64_t bytes);
/* Takes the bar away, for a message in its place. */
void progress_clear(const struct progress *p);
void progress_end(struct progress *p, uint64_t skipped);

#endif /* PROGRESS_H */
