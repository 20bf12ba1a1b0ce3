// SPDX-License-Identifier: GPL-2.0-only
/*
 * zc_replay make REQUESTS: prints a trace, always the same one.
 *
 * zc_replay run STORE TRACE CHARGED DIVISOR RATE: does what a server does, with the
 * store: looks each object of a trace ("time,id,size" a line) up, and puts it there
 * when it is missing. Sizes are divided. It is at most so many requests a second, as many
 * as can be for 0; for "wait" nothing comes while the store is above its high watermark,
 * so that however busy the machine is it goes on when room was made. The same requests
 * go to CHARGED, with what each object takes of the capacity in place of its size: for
 * the simulator. What came of it is printed as "name=number" lines.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "zc_test.h"

/* A trace: popular objects, some of which change, and a scan. */
#define POPULAR		150000
#define SCANNED_OF_100	10
#define DRIFT_EVERY	40	/* requests, by one object */
#define SIZE_MEDIAN	512
#define SIZE_SIGMA	1.0
#define SIZE_LEAST	32
#define SIZE_MOST	(32 * KiB)

#define PACE		64	/* requests without a break */

/* An object of the trace; the index of @charges is its number. */
struct object {
	uint64_t id, size;
	uint32_t charge;	/* 0 until it is known */
};

struct replay {
	struct object *objects;
	uint32_t nr_objects;
	uint32_t *slots;	/* numbers of objects, plus 1 */
	uint32_t nr_slots;	/* a power of 2 */
	uint32_t *requests;	/* numbers of objects */
	uint64_t nr_requests;
	uint64_t misses, refused;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "zc_replay: %s: %s\n", what, strerror(-err));
	exit(1);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccd;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

/* Above 0, up to 1. */
static double fraction(uint64_t x)
{
	return ((mix(x) >> 11) + 1) / 9007199254740992.0;
}

/* Lognormal, and always the same for an object. */
static uint64_t size_of(uint64_t id)
{
	double normal = sqrt(-2 * log(fraction(2 * id))) * cos(2 * M_PI * fraction(2 * id + 1));
	double size = SIZE_MEDIAN * exp(SIZE_SIGMA * normal);

	return size < SIZE_LEAST ? SIZE_LEAST : size > SIZE_MOST ? SIZE_MOST : size;
}

/* The popular are Zipf's, exponent 1. */
static void make(uint64_t nr)
{
	uint64_t i, id, scanned = 0;

	for (i = 0; i < nr; i++) {
		if (mix(2 * i) % 100 < SCANNED_OF_100)
			id = (1ULL << 32) + scanned++;
		else
			id = i / DRIFT_EVERY + exp(log(POPULAR) * fraction(2 * i + 1));
		printf("%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", i, id, size_of(id));
	}
}

static void *more(void *array, uint64_t nr, size_t size)
{
	void *p = realloc(array, nr * size);

	if (!p)
		die("no memory", -ENOMEM);
	return p;
}

static uint32_t *slot_of(const struct replay *r, uint64_t id, uint64_t size)
{
	uint32_t at = mix(id ^ mix(size)) & (r->nr_slots - 1);
	const struct object *o;

	for (; r->slots[at]; at = (at + 1) & (r->nr_slots - 1)) {
		o = &r->objects[r->slots[at] - 1];
		if (o->id == id && o->size == size)
			break;
	}
	return &r->slots[at];
}

/* Half of the slots stay free. */
static void grow(struct replay *r)
{
	uint32_t i;

	r->nr_slots = r->nr_slots ? 2 * r->nr_slots : 1024;
	r->objects = more(r->objects, r->nr_slots / 2, sizeof(*r->objects));
	free(r->slots);
	r->slots = more(NULL, r->nr_slots, sizeof(*r->slots));
	memset(r->slots, 0, r->nr_slots * sizeof(*r->slots));
	for (i = 0; i < r->nr_objects; i++)
		*slot_of(r, r->objects[i].id, r->objects[i].size) = i + 1;
}

/* An id whose size changes is another object each time. */
static void read_trace(struct replay *r, const char *file, uint64_t divisor)
{
	FILE *f = fopen(file, "r");
	uint64_t id, size;
	uint32_t *slot;

	if (!f)
		die(file, -errno);
	while (fscanf(f, "%*u,%" SCNu64 ",%" SCNu64 "\n", &id, &size) == 2) {
		if (2 * r->nr_objects >= r->nr_slots)
			grow(r);
		if (r->nr_requests % 4096 == 0)
			r->requests = more(r->requests, r->nr_requests + 4096,
					   sizeof(*r->requests));
		slot = slot_of(r, id, size);
		if (!*slot) {
			r->objects[r->nr_objects] = (struct object){ .id = id, .size = size };
			*slot = ++r->nr_objects;
		}
		r->requests[r->nr_requests++] = *slot - 1;
	}
	if (!feof(f) || !r->nr_requests)
		die(file, -EINVAL);
	fclose(f);
	for (slot = NULL, id = 0; id < r->nr_objects; id++)
		r->objects[id].size = (r->objects[id].size + divisor - 1) / divisor;
}

static void request(struct replay *r, int store, uint32_t number)
{
	struct object *o = &r->objects[number];
	static char body[64 * MiB];
	struct zc_stat st;
	char key[16], byte;
	ssize_t err;

	snprintf(key, sizeof(key), "%08x", number);
	err = zct_get_data(store, key, &byte, 1, 0);
	if (err == -ENOENT) {
		r->misses++;
		if (o->size > sizeof(body))
			die("an object is too large", -EFBIG);
		err = zct_put_data(store, key, body, o->size, NULL);
		if (err)
			die("an insert failed", err);
		if (!o->charge && !zct_stat_key(store, key, &st))
			o->charge = st.charge;
	} else if (err < 0) {
		die("a lookup failed", err);
	}
}

static void write_charged(const struct replay *r, const char *file)
{
	FILE *f = fopen(file, "w");
	const struct object *o;
	uint64_t i;

	if (!f)
		die(file, -errno);
	for (i = 0; i < r->nr_requests; i++) {
		o = &r->objects[r->requests[i]];
		if (!o->charge)
			die("the charge of an object is not known", -ENOENT);
		fprintf(f, "%" PRIu64 ",%" PRIu32 ",%" PRIu32 "\n", i, r->requests[i], o->charge);
	}
	if (fclose(f))
		die(file, -errno);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Time that was lost is not caught up with. */
static void pace(uint64_t rate, double *last)
{
	double rest = *last + (double)PACE / rate - seconds();

	if (rest > 0)
		nanosleep(&(struct timespec){ .tv_nsec = rest * 1e9 }, NULL);
	*last = seconds();
}

static void run(const char *name, const char *trace, const char *charged, uint64_t divisor,
		const char *how)
{
	uint64_t rate = strtoull(how, NULL, 0);
	bool waits = !strcmp(how, "wait");
	struct replay r = { 0 };
	struct zct_store s;
	struct zc_nl_store now;
	uint64_t i, high;
	double begun, last;
	int err;

	snprintf(s.path, sizeof(s.path), "/dev/zcache/%s", name);
	s.fd = open(s.path, O_RDWR | O_CLOEXEC);
	if (s.fd < 0)
		die(s.path, -errno);
	err = zc_nl_store_get(name, &now);
	if (err)
		die(name, err);
	high = now.capacity * now.high_watermark / 100;
	read_trace(&r, trace, divisor);
	begun = last = seconds();
	for (i = 0; i < r.nr_requests; i++) {
		request(&r, s.fd, r.requests[i]);
		if (rate && i % PACE == 0)
			pace(rate, &last);
		while (waits && zct_used(&s) >= high)
			sched_yield();
	}
	begun = seconds() - begun;
	err = zc_nl_store_get(name, &now);
	if (err)
		die(name, err);
	close(s.fd);
	write_charged(&r, charged);
	printf("requests=%" PRIu64 "\nstore-misses=%" PRIu64 "\nmilliseconds=%.0f\n", r.nr_requests,
	       r.misses, begun * 1000);
#define PRINT(id, name, unit, sentence) printf("%s=%llu\n", name, now.count[ZC_C_##id]);
	ZC_COUNTERS(PRINT)
#undef PRINT
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "make"))
		make(strtoull(argv[2], NULL, 0));
	else if (argc == 7 && !strcmp(argv[1], "run"))
		run(argv[2], argv[3], argv[4], strtoull(argv[5], NULL, 0), argv[6]);
	else
		return 2;
	return 0;
}
