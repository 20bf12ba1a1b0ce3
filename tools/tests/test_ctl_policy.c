// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl policy: the traces it reads, what it counts, and what it refuses. */
#include <stdlib.h>
#include <unistd.h>

#include "ctl_run.h"
#include "json_document.h"

#define simulate(...) run(&r, NULL, "zcachectl", "--json", "policy", "simulate", __VA_ARGS__, NULL)
#define as_text(...) run(&r, NULL, "zcachectl", "policy", "simulate", __VA_ARGS__, NULL)

static const char *write_text(const char *name, const char *text)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s", test_file(name, text, strlen(text)));
	return path;
}

/* A whole number of the document, or of its n-th run. */
static int64_t number(int n, const char *name)
{
	struct json_object *o = json_document(r.out), *part = o, *value;
	int64_t v = -1;

	if (n >= 0)
		part = json_object_array_get_idx(json_object_object_get(o, "runs"), n);
	if (json_object_object_get_ex(part, name, &value))
		v = json_object_get_int64(value);
	json_object_put(o);
	return v;
}

/* requests, their bytes, objects, footprint */
static void totals(const char *name, int64_t requests, int64_t bytes, int64_t objects,
		   int64_t footprint)
{
	if (!ok(!r.code && !r.err_len, name))
		printf("# exit code %d: %s\n", r.code, r.err);
	is_int(number(-1, "requests"), requests, name);
	is_int(number(-1, "requested_bytes"), bytes, name);
	is_int(number(-1, "objects"), objects, name);
	is_int(number(-1, "footprint"), footprint, name);
}

/* As refused(), of a part of the sentence. */
static void refused_with(int code, const char *part, const char *name)
{
	is_int(r.code, code, name);
	ok(strstr(r.err, part), name);
	if (!strstr(r.err, part))
		printf("# got %s", r.err);
	is_int(r.out_len, 0, name);
}

static void formats(void)
{
	static const unsigned char record[48] = {
		1, 0, 0, 0,  7, 0, 0, 0, 0, 0, 0, 128,  0, 1, 0, 0,  1, 0, 0, 0, 0, 0, 0, 0,
		2, 0, 0, 0,  7, 0, 0, 0, 0, 0, 0, 128,  0, 1, 0, 0,  255, 255, 255, 255,
		255, 255, 255, 255,
	};
	char path[512];

	simulate(write_text("t", "1 5 100\n2\t6  50\r\n\n# x\n3 5 100"));
	totals("tr", 3, 250, 2, 150);
	simulate(write_text("t", "1 5 100\n2 5 50\n"));
	totals("tr: another size is another object", 2, 150, 2, 150);
	simulate(write_text("t", "1 5 100\n2 5 50\n"), "object", "id");
	totals("tr: unless that is not wanted", 2, 150, 1, 50);
	simulate(write_text("t", "1,/a,100\n2,/b,50\n3,/a,100\n"));
	totals("csv", 3, 250, 2, 150);
	simulate(write_text("t", "1,/a,100\n2,/a,50\n"), "object", "id-size");
	totals("csv with sizes as objects", 2, 150, 2, 150);
	simulate(write_text("t", "version,time,op,size,lbn\n1,2,2a,512,9\n1,2,2a,1024,9\n"));
	totals("csv with a header", 2, 1536, 1, 1024);
	simulate(write_text("t", "a,b,c\n1,2,3\n4,2,6\n"), "columns", "c,a");
	totals("csv with columns by name", 2, 5, 2, 5);
	simulate(write_text("t", "1,2,3\n4,2,6\n"), "columns", "2,1");
	totals("csv with columns by number", 2, 5, 1, 4);
	simulate(write_text("t", "b\r\na\r\n*\r\nb\r\n"));
	totals("ids", 3, 3, 2, 2);
	snprintf(path, sizeof(path), "%s", test_file("x.ORACLEgeneral.bin", record, 48));
	simulate(path);
	totals("oraclegeneral by its name", 2, 512, 1, 256);
	snprintf(path, sizeof(path), "%s", test_file("t", record, 48));
	simulate(path, "format", "oraclegeneral");
	totals("oraclegeneral by name", 2, 512, 1, 256);
	snprintf(path, sizeof(path), "%s", test_file("t", record, 47));
	simulate(path, "format", "oraclegeneral");
	refused_with(1, "the last of 2 records is cut short", "one that is cut short");
}

static void packed(void)
{
	/* "a\nb\na\n" as gzip -n writes it */
	static const unsigned char gz[] = {
		0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x4b, 0xe4,
		0x4a, 0xe2, 0x4a, 0xe4, 0x02, 0x00, 0x5b, 0x6c, 0x51, 0x38, 0x06, 0x00,
		0x00, 0x00,
	};
	char path[512];

	snprintf(path, sizeof(path), "%s", test_file("t.gz", gz, sizeof(gz)));
	simulate(path);
	totals("a file of gzip", 3, 3, 2, 2);
	snprintf(path, sizeof(path), "%s", test_file("t.gz", gz, sizeof(gz) - 9));
	simulate(path);
	refused_with(2, "cannot unpack", "a broken one");
}

static void counts(void)
{
	/* room for two of a hundred bytes: a b a c, where LRU evicts b and FIFO a */
	simulate(write_text("t", "1 1 100\n2 2 100\n3 1 100\n4 3 100\n5 1 100\n6 9 1000\n"),
		 "policy", "lru,fifo", "size", "20%,200,100%");
	is_int(number(0, "capacity"), 200, "the smallest size first");
	is_int(number(1, "capacity"), 260, "a percentage");
	is_int(number(2, "capacity"), 1300, "all");
	is_int(number(0, "misses"), 4, "LRU");
	is_int(number(0, "missed_bytes"), 1300, "LRU: one is larger than the cache");
	is_int(number(3, "misses"), 5, "FIFO");
	is_int(number(3, "missed_bytes"), 1400, "FIFO");
	is_int(number(5, "misses"), 4, "all but the first requests are hits");
	as_text(write_text("t", "1 1 100\n2 2 100\n3 1 100\n4 3 100\n"), "policy", "lru", "size",
		"200");
	ok(strstr(r.out, "requests           4\n"), "as text");
	ok(strstr(r.out, "lru                       200            3                300   0.7500  0.7500 "),
	   "a line of the table");
	is_int(r.err_len, 0, "no progress without a terminal");

	simulate(write_text("t", "1 1 900\n2 1 900\n3 2 100\n4 3 100\n5 1 900\n"),
		 "policy", "lru", "size", "1000", "admission", "none");
	is_int(number(0, "misses"), 4, "for a new one the oldest leaves");
	simulate(write_text("t", "1 1 900\n2 1 900\n3 2 100\n4 3 100\n5 1 900\n"),
		 "policy", "lru", "size", "1000", "admission", "frequency");
	is_int(number(0, "misses"), 3, "or the one before, which was used less");
	simulate(write_text("t", "1 1 100\n2 2 100\n3 3 150\n4 2 100\n5 3 150\n"),
		 "policy", "lru", "size", "250", "admit-size", "100");
	is_int(number(0, "misses"), 4, "what is too large is not stored, and evicts nobody");
	simulate(write_text("t", "1 1 100\n"), "admission", "all");
	refused(1, "zcachectl: admission 'all' is none of none, frequency\n", "a wrong admission");

	/* one of 100 bytes too many evicts half of all */
	simulate(write_text("t", "1 1 100\n2 2 100\n3 3 100\n4 4 100\n5 5 100\n6 2 100\n7 3 100\n"),
		 "policy", "fifo", "size", "400", "batch", "50%");
	is_int(number(0, "misses"), 6, "with batches 2 is gone, and 3 is there");
	simulate(write_text("t", "1 1 100\n2 2 100\n3 3 100\n4 4 100\n5 5 100\n6 2 100\n7 3 100\n"),
		 "policy", "fifo", "size", "400");
	is_int(number(0, "misses"), 5, "else both");

	/* a large and two small ones, where only one of them fits beside */
	simulate(write_text("t", "1 2 10\n2 1 90\n3 3 10\n4 2 10\n"), "policy", "gdsf",
		 "size", "100", "optimise", "objects");
	is_int(number(0, "misses"), 3, "the small ones stay for objects");
	is_int(number(0, "missed_bytes"), 110, "with their bytes");
	simulate(write_text("t", "1 1 90\n2 2 10\n3 1 90\n4 3 10\n5 1 90\n6 2 10\n"), "policy",
		 "gdsf", "size", "100", "exponent", "1");
	is_int(number(0, "misses"), 4, "the large one stays for bytes");
	is_int(number(0, "missed_bytes"), 120, "with its bytes");

	simulate(write_text("t", "1 1 90\n2 1 90\n"), "policy", "s3fifo", "size", "100");
	is_int(number(0, "misses"), 1, "large objects are taken");
	simulate(write_text("t", "1 1 90\n2 1 90\n"), "policy", "s3fifo", "size", "100", "large",
		 "refuse");
	is_int(number(0, "misses"), 2, "or not");
}

static void plot(void)
{
	char picture[512], text[16384];
	size_t n;
	FILE *f;

	snprintf(picture, sizeof(picture), "%s/p.svg", test_folder());
	simulate(write_text("t", "1 1 1000\n2 2 1000\n"), "plot", picture, "policy", "lru,sieve");
	is_int(r.code, 0, "a plot");
	is_int(number(8, "capacity"), 1000, "of nine sizes");
	f = fopen(picture, "r");
	n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;
	text[n] = '\0';
	if (f)
		fclose(f);
	ok(!strncmp(text, "<svg ", 5) && n > 7 && !strcmp(text + n - 7, "</svg>\n"), "a picture");
	ok(strstr(text, ">Byte miss ratio<") && strstr(text, ">sieve<"), "with its texts");
	simulate(write_text("t", "1 1 1000\n2 2 1000\n"), "plot", "/nonexistent/p.svg");
	is_int(r.code, 2, "where it cannot be written");
	ok(strstr(r.err, "cannot write /nonexistent/p.svg: No such file"), "with the reason");
}

static void usage(void)
{
	simulate("/nonexistent");
	refused_with(1, "cannot read /nonexistent: No such file", "no file");
	simulate(write_text("t", ""));
	refused_with(1, "there are no requests", "an empty file");
	simulate(write_text("t", "1 2 3\n1 2 x\n"));
	refused_with(1, "t, line 2: this is no request of a tr trace", "a broken line");
	simulate(write_text("t", "1 2 3\n1 2\n"));
	refused_with(1, "t, line 2: this is no request", "a short line");
	simulate(write_text("t", "1 2 3\n"), "columns", "1,2");
	refused_with(1, "columns are for csv traces, this is tr", "columns of another format");
	simulate(write_text("t", "a,b\n1,2\n"), "columns", "a,c");
	refused_with(1, "there are no columns 'a,c'", "columns that are not there");
	simulate(write_text("t", "a,b\n1,2\n"), "columns", "a");
	refused_with(1, "columns 'a' are not two", "one column");
	simulate(write_text("t", "1 2 3\n"), "policy", "lru,frob");
	refused_with(1, "no policy 'frob'", "an unknown policy");
	simulate(write_text("t", "1 2 3\n"), "policy", "lru,");
	refused_with(1, "an empty word among the values of 'policy'", "an empty policy");
	simulate(write_text("t", "1 2 3\n"), "size", "5x");
	refused_with(1, "size '5x': a size is", "a size that is none");
	simulate(write_text("t", "1 2 3\n"), "size", "x%");
	refused_with(1, "size 'x%' is neither", "a percentage that is none");
	simulate(write_text("t", "1 2 3\n"), "size", "0");
	refused_with(1, "size '0' is no byte", "a cache of no bytes");
	simulate(write_text("t", "1 2 3\n"), "size", "0.0%");
	refused_with(1, "size '0.0%' is no byte", "a percentage that is none of it");
	simulate(write_text("t", "1 2 3\n"), "batch", "5");
	refused_with(1, "batch '5' is not a percentage", "a batch that is none");
	simulate(write_text("t", "1 2 3\n"), "batch", "100%");
	refused_with(1, "batch '100%' is not a percentage", "a batch of all");
	simulate(write_text("t", "1 2 3\n"), "exponent", "1.1");
	refused_with(1, "exponent '1.1' is not a number from 0 to 1", "an exponent above 1");
	simulate(write_text("t", "1 2 3\n"), "exponent", "nan");
	refused_with(1, "exponent 'nan' is not", "an exponent that is none");
	simulate(write_text("t", "1 2 3\n"), "optimise", "x");
	refused_with(1, "optimise 'x' is none of balanced, objects, bytes", "an unknown goal");
	simulate(write_text("t", "1 2 3\n"), "format", "auto");
	refused_with(1, "format 'auto' is none of", "an unknown format");
	simulate(write_text("t", "1 2 3\n"), "frob");
	refused_with(1, "unknown word 'frob'", "an unknown word");
}

static void list(void)
{
	run(&r, NULL, "zcachectl", "policy", "list", NULL);
	is_int(r.code, 0, "the list");
	ok(!strncmp(r.out, "fifo         Evicts what came first.\n", 37), "begins with fifo");
	run(&r, NULL, "zcachectl", "policy", "list", "x", NULL);
	is_int(r.code, 1, "it takes no words");
}

int main(void)
{
	formats();
	packed();
	counts();
	plot();
	usage();
	list();
	return tap_end();
}
