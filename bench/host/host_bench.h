/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of the benches that need no module: one program per published claim, one
 * table per program.
 *
 * A program has cells (what is done: a size, a depth) and rows (ways to do it). The frame
 * opens a row, has it do the work of a cell once untimed, and then has all rows take turns:
 * in each repetition every row has one, and each repetition begins with another row.
 * System calls are counted in a run of its own, in a traced child, so that counting costs
 * the timed turns nothing.
 */
#ifndef HOST_BENCH_H
#define HOST_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HB_MAX_ROWS 16
#define HB_MAX_CELLS 64
#define HB_MAX_REPS 99

/**
 * struct hb_cell - the work of one turn
 * @name: what it is called in the table, as "1 MiB, depth 8"
 * @size: bytes of one operation
 * @depth: operations under way at a time, where a row has such a thing; or 0
 * @ops: operations in a turn
 */
struct hb_cell {
	const char *name;
	uint64_t size;
	unsigned int depth;
	unsigned int ops;
};

/**
 * struct hb_row - one way to do the work
 * @name: what it is called in the table
 * @open: makes ready whatever a turn is not to be charged for, and leaves it in *state; a
 *        receiver is a child process, whose CPU time and calls are then not counted.
 *        0 or -errno; after an error *why may say what could not be done, the row is left
 *        out of the cell and named as skipped. May be NULL.
 * @turn: does the work of a cell, all of it. *digest is what it came to (a sum of what was
 *        read, say), or stays 0: rows of a cell that differ in it end the run.
 *        0 or -errno, which ends the run.
 * @close: undoes open. May be NULL.
 */
struct hb_row {
	const char *name;
	int (*open)(const struct hb_cell *cell, void **state, const char **why);
	int (*turn)(const struct hb_cell *cell, void *state, uint64_t *digest);
	void (*close)(void *state);
};

/**
 * struct hb_claim - what one program measures
 * @id: the row of the inventory, as "R4"
 * @title: the claim as it was published, one line
 * @cells: what is done
 * @nr_cells: their number
 * @rows: the ways to do it; the first is what the others are compared with
 * @nr_rows: their number
 * @prepare: makes what all cells need, after the options are known: 0 or -errno. May be NULL.
 * @verdict: says by hb_goal() what was to be reached and whether it was. May be NULL.
 */
struct hb_claim {
	const char *id, *title;
	const struct hb_cell *cells;
	unsigned int nr_cells;
	const struct hb_row *rows;
	unsigned int nr_rows;
	int (*prepare)(void);
	void (*verdict)(void);
};

/**
 * hb_main() - measures a claim and prints its table
 * @claim: what to measure
 * @argc: of main
 * @argv: of main; see --help
 *
 * Return: what main returns: 0, or 1 if something failed, or with --gate a goal was missed.
 */
int hb_main(const struct hb_claim *claim, int argc, char **argv);

/**
 * hb_dir() - a folder for files
 *
 * Return: its path: what --dir says, or /tmp.
 */
const char *hb_dir(void);

/**
 * hb_ratio() - how much faster a row is than another
 * @cell: number of the cell
 * @row: name of the row
 * @base: name of the row it is compared with
 * @cpu: by CPU time instead of elapsed time
 *
 * The median over all repetitions of (time of @base / time of @row), each pair from the
 * same repetition.
 *
 * Return: the ratio, or 0 if one of them was not measured.
 */
double hb_ratio(unsigned int cell, const char *row, const char *base, bool cpu);

/**
 * hb_syscalls() - how many system calls a turn of a row made
 * @cell: number of the cell
 * @row: name of the row
 *
 * Return: their number, or -1 if it is not known.
 */
long hb_syscalls(unsigned int cell, const char *row);

/**
 * hb_goal() - states a goal in the verdict
 * @reached: whether it was
 * @format: of the sentence, with the figure
 */
void hb_goal(bool reached, const char *format, ...) __attribute__((format(printf, 2, 3)));

/**
 * hb_count() - counts the system calls of one turn
 * @row: who has the turn
 * @cell: what it does
 *
 * The row is opened, has an untimed turn, a counted one, and is closed, in a child that is
 * traced. Threads of the child count, processes that it starts do not.
 *
 * Return: their number, or -1 if it cannot be found out.
 */
long hb_count(const struct hb_row *row, const struct hb_cell *cell);

/**
 * hb_sum() - reads every byte
 * @p: what to read, aligned to 8 bytes
 * @len: how much, a multiple of 8
 *
 * What a caller does with bytes, for rows that are compared by how they get at them.
 *
 * Return: the sum of all 64-bit words.
 */
uint64_t hb_sum(const void *p, size_t len);

/**
 * struct hb_result - what was measured of a row in a cell
 * @measured: it took part
 * @why: if not, the reason
 * @syscalls: of a turn, or -1
 * @seconds: of each repetition
 * @cpu: seconds of CPU time of this process with its threads and its io_uring workers
 */
struct hb_result {
	bool measured;
	char why[120];
	long syscalls;
	double seconds[HB_MAX_REPS], cpu[HB_MAX_REPS];
};

/**
 * struct hb_options - what the command line says
 * @reps: repetitions
 * @dir: folder for files
 * @json: file that gets a line for each row and cell, or NULL
 * @cells: pattern of cells to measure, or NULL
 * @rows: pattern of rows to measure, or NULL
 * @gate: a goal that was missed is an error
 * @count: count system calls
 */
struct hb_options {
	unsigned int reps;
	const char *dir, *json, *cells, *rows;
	bool gate, count;
};

/**
 * hb_table() - prints a cell
 * @claim: whose
 * @cell: its number
 * @results: of each row
 * @reps: repetitions
 */
void hb_table(const struct hb_claim *claim, unsigned int cell, const struct hb_result *results,
	      unsigned int reps);

/**
 * hb_json() - appends a cell to a file
 * @path: the file, or NULL
 * @claim: whose
 * @cell: its number
 * @results: of each row
 * @reps: repetitions
 */
void hb_json(const char *path, const struct hb_claim *claim, unsigned int cell,
	     const struct hb_result *results, unsigned int reps);

/**
 * hb_median() - the middle of some values
 * @v: the values
 * @nr: their number, at most HB_MAX_REPS
 * @least: gets the smallest, unless NULL
 * @most: gets the largest, unless NULL
 *
 * Return: the median.
 */
double hb_median(const double *v, unsigned int nr, double *least, double *most);

/**
 * hb_median_ratio() - the middle of the ratios of pairs
 * @above: numerators
 * @below: denominators
 * @nr: their number
 *
 * Return: the median.
 */
double hb_median_ratio(const double *above, const double *below, unsigned int nr);

#endif /* HOST_BENCH_H */
