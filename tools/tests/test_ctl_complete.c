// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl --complete: what may come next. */
#include <stdarg.h>

#include "ctl_run.h"
#include "tree.h"

#define after(want, ...) offers(want, __LINE__, __VA_ARGS__, NULL)

/* The words are those before the cursor, the last one perhaps unfinished. */
static void offers(const char *want, int at, ...)
{
	const char *w[8] = { NULL };
	char name[256] = "after";
	va_list ap;
	int n = 0;

	va_start(ap, at);
	while ((w[n] = va_arg(ap, const char *))) {
		strcat(name, " ");
		strcat(name, *w[n] ? w[n] : "''");
		n++;
	}
	va_end(ap);
	run(&r, NULL, "zcachectl-fake", "--complete", w[0], w[1], w[2], w[3], w[4], w[5], w[6],
	    w[7], NULL);
	tap_str(r.out, want, name, __FILE__, at);
	tap_int(r.code, 0, name, __FILE__, at);
	tap_int(r.err_len, 0, name, __FILE__, at);
}

static void objects_and_commands(void)
{
	run(&r, NULL, "zcachectl-fake", "--complete", NULL);
	is_str(r.out, "store\nobject\ntag\nstats\nevent\ntop\nbench\ninfo\nfeatures\ndoctor\ntrace\npolicy\nhelp\n",
	       "without words all objects");
	after("store\nobject\ntag\nstats\nevent\ntop\nbench\ninfo\nfeatures\ndoctor\ntrace\npolicy\nhelp\n", "");
	after("store\nstats\n", "st");
	after("store\nstats\n", "--json", "st");
	after("--json\n--version\n--help\n", "-");
	after("--json\n", "--j");
	after("create\ndelete\nlist\nset\nshow\n", "store", "");
	after("set\nshow\n", "store", "s");
	after("", "store", "x");
	after("", "frob", "");
	after("", "store", "frob", "");
	after("store\nobject\ntag\nstats\nevent\ntop\nbench\ninfo\nfeatures\ndoctor\ntrace\npolicy\n", "help", "");
	after("", "help", "store", "");
	after("mirror:\n", "info", "");
}

static void words(void)
{
	after("mirror:\n", "store", "create", "");
	after("capacity\ncopy\n", "store", "create", "new", "c");
	after("copy\n", "store", "create", "new", "capacity", "1M", "c");
	after("", "store", "create", "new", "capacity", "");
	after("never\nlocal\nalways\n", "store", "set", "web", "copy", "");
	after("local\n", "store", "set", "web", "copy", "l");
	after("never\n", "store", "set", "web", "default-ttl", "");
	after(":user\n", "store", "create", "new", "owner", "");
	after(":group\n", "store", "create", "new", "group", "x");
	after("", "object", "put", "web", "");
	after(":file\n-\n", "object", "put", "web", "/key", "");
	after("header\netag\ntype\nttl\ntag\nexcl\n", "object", "put", "web", "/key", "f", "");
	after(":file\n", "object", "put", "web", "/key", "f", "header", "");
	after("offset\nlength\n:file\n", "object", "get", "web", "/key", "");
	after("length\n:file\n", "object", "get", "web", "/key", "offset", "1", "");
	after("", "object", "put", "web", "/key", "f", "tag", "");
	after("prefix\ntag\nall\nsoft\n", "object", "purge", "web", "");
	after("size\nseconds\n", "bench", "web", "");
	after("seconds\n", "bench", "web", "size", "1k", "");
	after("", "object", "purge", "web", "prefix", "");
	after("prefix\ntag\nall\n", "object", "purge", "web", "soft", "");
	after("yes\nno\n", "object", "list", "web", "expired", "");
	after("prefix\nlimit\nmin-size\nmax-size\nmin-age\nmax-age\nexpired\ntag\nresident\n", "object", "list",
	      "web", "");
	after("max-size\nmax-age\n", "object", "list", "web", "limit", "5", "ma");
	after("lookup\nfill\ncommit\nsend\npartial\nfallback\nevict\nexpire\nshrink\n", "trace",
	      "on", "");
	after("list\nshow\nset\n", "tag", "");
	after("", "tag", "show", "web", "");
	after("quota\nfloor\n", "tag", "set", "web", "1", "");
	after("none\n", "tag", "set", "web", "1", "quota", "");
	after("floor\n", "tag", "set", "web", "1", "quota", "none", "");
	after("fill\nfallback\n", "trace", "on", "lookup", "f");
	after("follow\n", "trace", "show", "");
	after("objects\nstore\ncount\n", "event", "monitor", "");
	after("list\nshow\nstatus\nsimulate\n", "policy", "");
	after("", "policy", "status", "");
	after("policy\n", "store", "create", "new", "p");
	after("sieve\ns3fifo\n", "store", "set", "web", "policy", "s");
	after("none\n", "store", "create", "new", "policy", "no");
	after(":file\n", "policy", "simulate", "");
	after("plot\n", "policy", "simulate", "t.csv", "pl");
	after("lru\nlhd\n", "policy", "simulate", "t.csv", "policy", "l");
	after("all\n", "policy", "simulate", "t.csv", "policy", "al");
	after("csv\ntr\nids\noraclegeneral\n", "policy", "simulate", "t", "format", "");
	after("", "policy", "simulate", "t", "size", "");
}

static void stores(void)
{
	after("", "doctor", "");
	tree_file("/dev/zcache/web", "");
	tree_file("/dev/zcache/other", "");
	after("other\nweb\n", "doctor", "");
	after("mirror:\nother\nweb\n", "stats", "show", "");
	after(":folder\n", "stats", "show", "mirror:/x");
	after("web\n", "store", "show", "w");
	after("other\nweb\n", "tag", "set", "");
	after("web\n", "policy", "show", "w");
	after("web\n", "--json", "object", "list", "w");
	after("", "store", "create", "w");
	after("mirror:\n", "store", "create", "m");
	after("", "doctor", "web", "");
}

int main(void)
{
	tree_new();
	objects_and_commands();
	words();
	stores();
	return tap_end();
}
