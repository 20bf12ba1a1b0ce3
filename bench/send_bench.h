/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * send_bench: the ways of sending cached bytes to TCP sockets, side by side.
 *
 * One process with one thread sends; another one, on another CPU, receives. A
 * cell is a kind and size of request, a number of connections and a receiver;
 * a row is a way of sending; a turn is one measurement of a row in a cell.
 */
#ifndef SEND_BENCH_H
#define SEND_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define HEADER_LEN	200U
#define RANGE_LEN	65536U
#define RANGE_OBJECT	(100UL << 20)	/* ranges are cut from one of this size */
#define MAX_CONNS	256U
#define MAX_REPS	64U
#define MAX_SIZES	32U
#define CHECK_REQUESTS	4U	/* at most, on each connection */
#define SHA_LEN		32

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

/* What is sent: the same bytes as a file, a mapping and an object of a store. */
struct object {
	size_t size;
	char path[256];
	char key[32];
	int file;
	unsigned char *map;
	int fd;			/* object fd, -1 without a store */
};

/* A connection, and the request that is under way on it. */
struct conn {
	int sock;
	unsigned int index;
	const struct object *object;
	uint64_t offset;	/* of the body in the object */
	uint64_t length;	/* of the body */
	uint32_t header;	/* bytes before the body */
	uint64_t done;		/* bytes the socket took */
	uint64_t total;
	int64_t started;	/* nanoseconds; 0: no request is under way */
	bool blocked;		/* waits to be writable */
	unsigned int requests;	/* started in this turn */

	/* Of single rows, between two steps of a request. */
	unsigned char *chunk;	/* pread+write: what was read and not yet taken */
	size_t chunk_len, chunk_done;
	int pipe[2];		/* splice; -1 until it is needed */
	size_t piped;
	int file;		/* open+sendfile */
	uint64_t generation;	/* zcache */
	unsigned int pending;	/* io_uring: operations not completed */
	bool zerocopy;		/* SO_ZEROCOPY is set */
	uint32_t notified, notices;	/* MSG_ZEROCOPY: came, are to come */
};

struct turn;

struct row {
	const char *name;
	const char *what;
	bool answers_only;	/* means nothing without a header */
	bool needs_module;
	size_t repeats;		/* the body is its first bytes over and over; 0: not */
	unsigned int batch;	/* connections in one call, 0: one */

	/* Makes it ready for all cells; -errno: skipped, *why says at what. */
	int (*open)(const char **why);
	void (*close)(void);
	/* Goes on with the request: bytes the socket took, or -errno. */
	ssize_t (*step)(struct conn *c);
	/* The same for several connections, if batch is set. */
	void (*step_batch)(struct conn **c, unsigned int nr, ssize_t *took);
	/* Does a whole turn itself, instead of the steps. */
	void (*drive)(struct turn *t);
	/* After a turn: waits for what is owed for c. */
	void (*settle)(struct conn *c);
};

extern const struct row *const rows[];
extern const unsigned int nr_rows;
#define MAX_ROWS	32U

/* rows_*.c */
extern const struct row row_pread, row_mmap, row_writev;
extern const struct row row_sendfile, row_open, row_splice;
extern const struct row row_msg_zerocopy;
extern const struct row row_uring_splice, row_uring_send_zc;
extern const struct row row_zcache, row_zcache_fd, row_zcache_batch,
	row_zcache_copy;
extern const struct row row_wire;

/* rows.c: what rows share */
size_t body_done(const struct conn *c);
ssize_t send_header(struct conn *c);
int conn_pipe(struct conn *c);
size_t pipe_bytes(void);

/* options.c */
enum receiver { RECEIVER_DISCARD, RECEIVER_COPY, RECEIVER_HASH };

struct kind {
	const char *name;
	bool header, range;
};

extern const struct kind kinds[];
extern const unsigned int nr_kinds;
extern const char *const receiver_names[];

struct options {
	const char *store;	/* NULL: no rows with the module */
	const char *dir;
	const char *json, *csv;
	size_t sizes[MAX_SIZES];
	unsigned int nr_sizes;
	unsigned int conns[MAX_SIZES];
	unsigned int nr_conns;
	bool row[MAX_ROWS];
	bool kind[8];
	bool receiver[2];
	unsigned int reps;
	double seconds;
};

extern struct options opt;

void options_parse(int argc, char **argv);

/* data.c */
extern unsigned char *data;	/* RANGE_OBJECT bytes, the start of each object */
extern size_t data_len;
extern unsigned char header[HEADER_LEN];
extern int node;		/* of the store, or -errno */

void data_prepare(void);
void data_release(void);
const struct object *object_of(size_t size);
uint64_t mix(uint64_t *state);

/* peer.c */
struct peer_shared {
	uint64_t received;	/* bytes, of all connections together */
	uint64_t quota;		/* RECEIVER_HASH: bytes to a digest */
	uint32_t digests;	/* that are ready */
	unsigned char digest[MAX_CONNS][SHA_LEN];
};

struct peer {
	pid_t pid;
	clockid_t clock;
	struct peer_shared *shared;
	unsigned int nr;
	struct conn conn[MAX_CONNS];
	uint64_t sent;
};

void peer_start(struct peer *p, unsigned int nr, enum receiver how);
void peer_drain(struct peer *p, const struct row *row);
void peer_stop(struct peer *p);
void pin_to(unsigned int cpu);
unsigned int server_cpu(void), peer_cpu(void);

/* stats.c */
#define HIST_SUB	64U	/* buckets to a power of two: within 1.6 % */
#define HIST_BUCKETS	(40U * HIST_SUB)

struct histogram {
	uint64_t n;
	uint32_t bucket[HIST_BUCKETS];
};

struct summary {
	double median, min, q1, q3, max;
};

void hist_add(struct histogram *h, int64_t ns);
void hist_merge(struct histogram *to, const struct histogram *from);
double hist_us(const struct histogram *h, double part);
struct summary summarize(const double *v, unsigned int nr);

/* drive.c: one turn */
enum phase { PHASE_WARM, PHASE_TIMED, PHASE_OVER };

struct sample {
	double requests;	/* whole ones that the bytes make */
	double seconds;
	double cpu;		/* seconds of the sending process */
	double peer_cpu;	/* and of the receiving one */
	uint64_t bytes;
	uint64_t completed;
	double p50, p99, p999;	/* microseconds */
};

struct turn {
	const struct row *row;
	struct peer *peer;
	const struct object *object;
	const struct kind *kind;
	unsigned int quota;	/* requests a connection, untimed; 0: by time */
	double seconds;
	uint64_t seed;

	enum phase phase;
	int64_t start, last;	/* of the turn; of the last completion */
	uint64_t request_bytes;
	uint64_t warm;		/* requests completed before the clock runs */
	uint64_t completed, bytes;
	unsigned int active;	/* connections with a request under way */
	uint64_t rng;
	int64_t t0;
	double cpu0, peer_cpu0;
	struct sample result;
	struct histogram hist;
	void (*log)(const struct conn *c);	/* each request as it starts */
};

void turn_run(struct turn *t);
bool turn_request(struct turn *t, struct conn *c);
void turn_took(struct turn *t, struct conn *c, uint64_t bytes);
void turn_tick(struct turn *t);

/* check.c */
void check_cell(struct peer *p, const struct kind *kind, size_t size,
		const bool *usable);
uint64_t checks_done(void);

/* measure.c */
struct result {
	const struct row *row;
	const struct kind *kind;
	enum receiver receiver;
	size_t size;
	unsigned int conns;
	unsigned int reps;
	struct sample rep[MAX_REPS];
	struct histogram hist;
	struct summary cpu_us, us, rate, mb;
};

void measure_cell(unsigned int conns, enum receiver receiver,
		  const struct kind *kind, size_t size, const bool *usable);

/* output.c */
void output_open(int argc, char **argv);
void output_environment(void);
void output_close(void);
void output_skipped(const struct row *row, const char *why, int err);
void output_checked(uint64_t checks);
void output_cell(const struct result *r, unsigned int nr);
void json_string(FILE *to, const char *s);

/* env.c */
void env_json(FILE *to);

/* main.c */
void die(const char *what) __attribute__((noreturn));
void fail(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
int64_t now_ns(void);
double clock_seconds(clockid_t clock);

#endif
