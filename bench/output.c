// SPDX-License-Identifier: GPL-2.0-only
/* Results: a table to read, JSON lines, and CSV. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "send_bench.h"

static FILE *json, *csv;

static FILE *append_to(const char *path)
{
	FILE *to;

	if (!path)
		return NULL;
	to = fopen(path, "a");
	if (!to)
		die(path);
	return to;
}

void json_string(FILE *to, const char *s)
{
	fputc('"', to);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(to, "\\%c", *s);
		else if ((unsigned char)*s < ' ')
			fprintf(to, "\\u%04x", *s);
		else
			fputc(*s, to);
	}
	fputc('"', to);
}

void output_open(int argc, char **argv)
{
	int i;

	json = append_to(opt.json);
	csv = append_to(opt.csv);
	if (json) {
		fprintf(json, "{\"type\":\"environment\",\"command\":[");
		for (i = 0; i < argc; i++) {
			fputs(i ? "," : "", json);
			json_string(json, argv[i]);
		}
		fputs("],", json);
	}
	if (csv && !ftell(csv))
		fprintf(csv, "row,kind,size,connections,receiver,reps,"
			"cpu_us,cpu_us_min,cpu_us_q1,cpu_us_q3,cpu_us_max,"
			"us,us_min,us_q1,us_q3,us_max,requests_per_s,mb_per_s,"
			"p50_us,p99_us,p999_us\n");
}

/* After the store is open: what it says of itself is part of it. */
void output_environment(void)
{
	if (!json)
		return;
	env_json(json);
	fprintf(json, "}\n");
}

static void close_file(FILE *f, const char *path)
{
	if (f && (ferror(f) || fclose(f)))
		die(path);
}

void output_close(void)
{
	close_file(json, opt.json);
	close_file(csv, opt.csv);
	if (fflush(stdout) || ferror(stdout))
		die("standard output");
}

void output_skipped(const struct row *row, const char *why, int err)
{
	printf("skipped: %s: %s: %s (%s)\n", row->name, why, strerror(err),
	       strerrorname_np(err));
	if (!json)
		return;
	fprintf(json, "{\"type\":\"skipped\",\"row\":\"%s\",\"errno\":\"%s\",\"what\":",
		row->name, strerrorname_np(err));
	json_string(json, why);
	fprintf(json, "}\n");
}

void output_checked(uint64_t checks)
{
	printf("checked: SHA-256 of what was received is right, %" PRIu64 " times\n",
	       checks);
	fflush(stdout);
	if (json)
		fprintf(json, "{\"type\":\"checked\",\"cells\":%" PRIu64 "}\n",
			checks);
}

static void json_summary(const char *name, const struct summary *s)
{
	fprintf(json, ",\"%s\":{\"median\":%.4f,\"min\":%.4f,\"q1\":%.4f,\"q3\":%.4f,\"max\":%.4f}",
		name, s->median, s->min, s->q1, s->q3, s->max);
}

static void json_result(const struct result *r)
{
	unsigned int i;

	fprintf(json, "{\"type\":\"result\",\"row\":\"%s\",\"kind\":\"%s\",\"size\":%zu,\"connections\":%u,\"receiver\":\"%s\"",
		r->row->name, r->kind->name, r->size, r->conns,
		receiver_names[r->receiver]);
	json_summary("cpu_us", &r->cpu_us);
	json_summary("us", &r->us);
	json_summary("requests_per_s", &r->rate);
	json_summary("mb_per_s", &r->mb);
	fprintf(json, ",\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"reps\":[",
		hist_us(&r->hist, 0.5), hist_us(&r->hist, 0.99),
		hist_us(&r->hist, 0.999));
	for (i = 0; i < r->reps; i++) {
		const struct sample *s = &r->rep[i];

		fprintf(json, "%s{\"requests\":%.3f,\"completed\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"peer_cpu_seconds\":%.6f,\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f}",
			i ? "," : "", s->requests, s->completed, s->bytes,
			s->seconds, s->cpu, s->peer_cpu, s->p50, s->p99,
			s->p999);
	}
	fprintf(json, "]}\n");
}

static void csv_summary(const struct summary *s)
{
	fprintf(csv, ",%.3f,%.3f,%.3f,%.3f,%.3f", s->median, s->min, s->q1,
		s->q3, s->max);
}

static void csv_result(const struct result *r)
{
	fprintf(csv, "%s,%s,%zu,%u,%s,%u", r->row->name, r->kind->name, r->size,
		r->conns, receiver_names[r->receiver], r->reps);
	csv_summary(&r->cpu_us);
	csv_summary(&r->us);
	fprintf(csv, ",%.1f,%.3f,%.3f,%.3f,%.3f\n", r->rate.median,
		r->mb.median, hist_us(&r->hist, 0.5), hist_us(&r->hist, 0.99),
		hist_us(&r->hist, 0.999));
}

static void print_size(size_t size)
{
	if (size >= 1 << 20 && size % (1 << 20) == 0)
		printf("%zu MiB", size >> 20);
	else if (size >= 1 << 10 && size % (1 << 10) == 0)
		printf("%zu KiB", size >> 10);
	else
		printf("%zu bytes", size);
}

static void print_spread(const struct summary *s)
{
	char spread[40];

	snprintf(spread, sizeof(spread), "(%.1f..%.1f)", s->min, s->max);
	printf(" %9.1f %-20s", s->median, spread);
}

static void print_cell(const struct result *r, unsigned int nr)
{
	const struct result *zcache = NULL;
	unsigned int i;

	for (i = 0; i < nr; i++)
		if (r[i].row == &row_zcache)
			zcache = &r[i];
	printf("\n%s of ", r->kind->name);
	print_size(r->size);
	printf(", %u connection%s, receiver: %s; median (smallest..largest) of %u turns\n",
	       r->conns, r->conns == 1 ? "" : "s", receiver_names[r->receiver],
	       r->reps);
	printf("%-14s %9s %-20s %9s %-20s %8s %8s %8s %8s %s\n", "", "CPU us",
	       "per request", "us", "per request", "MB/s", "p50 us", "p99 us",
	       "p99.9 us", zcache ? "CPU: times zcache's" : "");
	for (i = 0; i < nr; i++) {
		printf("%-14s", r[i].row->name);
		print_spread(&r[i].cpu_us);
		print_spread(&r[i].us);
		printf(" %8.0f %8.1f %8.1f %8.1f", r[i].mb.median,
		       hist_us(&r[i].hist, 0.5), hist_us(&r[i].hist, 0.99),
		       hist_us(&r[i].hist, 0.999));
		if (zcache)
			printf(" %6.2f",
			       r[i].cpu_us.median / zcache->cpu_us.median);
		printf("\n");
	}
	fflush(stdout);
}

void output_cell(const struct result *r, unsigned int nr)
{
	unsigned int i;

	print_cell(r, nr);
	for (i = 0; i < nr; i++) {
		if (json)
			json_result(&r[i]);
		if (csv)
			csv_result(&r[i]);
	}
	/* The receiver is a child: what is not written would be written twice. */
	if (json)
		fflush(json);
	if (csv)
		fflush(csv);
}
