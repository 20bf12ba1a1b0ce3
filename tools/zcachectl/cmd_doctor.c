// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl doctor: looks for why zcache is slow or not to be had. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <zcache.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "mirror.h"
#include "doctor.h"
#include "nl.h"
#include "objects.h"
#include "out.h"
#include "probe.h"

static struct {
	const char *store;
	unsigned int failed;
	char found[512], advice[512];
} now;

static const char *const states[] = {
	[CHECK_OK] = "ok",
	[CHECK_WARN] = "warn",
	[CHECK_FAIL] = "fail",
};

/* Names of processes and files may be any bytes; a line is one line of text. */
static void format(char *buf, size_t size, const char *fmt, va_list ap)
{
	char *p;

	vsnprintf(buf, size, fmt, ap);
	for (p = buf; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

void found(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(now.found, sizeof(now.found), fmt, ap);
	va_end(ap);
}

void advise(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(now.advice, sizeof(now.advice), fmt, ap);
	va_end(ap);
}

void check(const char *name, enum check_state state)
{
	char label[64];

	if (out_json()) {
		out_object_begin(NULL);
		if (now.store)
			out_str("store", now.store);
		out_str("check", name);
		out_str("state", states[state]);
		out_str("found", now.found);
		out_str("advice", now.advice);
		out_object_end();
	} else {
		snprintf(label, sizeof(label), "%s%s%s:", now.store ?: "", now.store ? " " : "",
			 name);
		printf("%-4s  %-20s %s%s%s\n", states[state], label, now.found,
		       now.advice[0] ? "; " : "", now.advice);
	}
	now.failed += state == CHECK_FAIL;
	now.found[0] = now.advice[0] = '\0';
}

static int add_capacity(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a = nlmsg_find_attr(nlh, GENL_HDRLEN, ZCACHE_A_STORE_CAPACITY);

	if (a && nla_len(a) >= 8)
		*(uint64_t *)arg += nla_get_u64(a);
	return 0;
}

/* Whether this user may control stores; their counters are told to no others. */
static bool check_control(struct nlc *nlc, uint64_t *capacity)
{
	int err = nlc_call(nlc, nlc_msg(nlc, ZCACHE_CMD_STORE_GET, NLM_F_DUMP), add_capacity,
			   capacity);

	if (!err) {
		found("this user may make and change stores");
		check("control", CHECK_OK);
		return true;
	}
	*capacity = 0;
	if (err == -EPERM) {
		found("this user has no CAP_NET_ADMIN in the initial user namespace");
		advise("as root stores can be changed and their counters seen");
		check("control", CHECK_WARN);
	} else {
		found("the stores cannot be listed: %s%s%s", nlc->sentence,
		      nlc->sentence[0] ? ": " : "", error_name(err));
		advise("'dmesg' may say more");
		check("control", CHECK_FAIL);
	}
	return false;
}

static void check_abi(void)
{
	struct zc_info info;

	if (!module_info(&info))
		return;
	found("the module speaks ABI %u", info.abi);
	if (info.abi != ZC_ABI_VERSION) {
		found("the module speaks ABI %u, this program ABI %d", info.abi, ZC_ABI_VERSION);
		advise("install the module and the tools of one version");
	}
	check("abi", info.abi == ZC_ABI_VERSION ? CHECK_OK : CHECK_FAIL);
}

static void one_store(struct nlc *nlc, const char *name)
{
	now.store = name;
	doctor_store(nlc, name);
	now.store = NULL;
}

static void all_stores(struct nlc *nlc)
{
	struct dirent **nodes;
	int n = list_nodes(&nodes), i;

	if (!n) {
		found("there is none");
		advise("'zcachectl store create' makes one");
		check("stores", CHECK_OK);
	}
	for (i = 0; i < n; i++) {
		one_store(nlc, nodes[i]->d_name);
		free(nodes[i]);
	}
	free(nodes);
}

static void examine(const char *store)
{
	bool loaded = doctor_module(), open = false, control = false;
	uint64_t capacity = 0;
	struct nlc nlc;

	if (loaded) {
		open = !nlc_open(&nlc);
		found(open ? "the family zcache answers" : "the family zcache does not answer");
		if (!open)
			advise("load the module again and look at 'dmesg'");
		check("netlink", open ? CHECK_OK : CHECK_FAIL);
	}
	if (open)
		control = check_control(&nlc, &capacity);
	if (loaded)
		check_abi();
	doctor_kernel(capacity);
	if (loaded && store)
		one_store(control ? &nlc : NULL, store);
	else if (loaded)
		all_stores(control ? &nlc : NULL);
	if (open)
		nlc_close(&nlc);
}

/* A name that no store can have is the command line's fault; open_store() says so. */
static int check_name(const char *store)
{
	struct zc_cache *cache;
	struct zc_info info;
	int code;

	if (store_info(store, &info) != -EINVAL)
		return CTL_OK;
	code = open_store(store, O_RDONLY, &cache);
	if (!code)
		zc_close(cache);
	return code;
}

static int run_doctor(int argc, char **argv)
{
	const char *store = argc ? argv[0] : NULL;
	int code = argc ? parse_keywords(argc - 1, argv + 1, NULL) : CTL_OK;

	if (!code && store)
		code = mirror_lacks(store, "module to look at",
				    OF_THE_MODULE ", or 'store show'");
	if (!code && store)
		code = check_name(store);
	if (code)
		return code;
	out_array_begin(out_json() ? "checks" : NULL);
	examine(store);
	out_array_end();
	out_finish();
	if (now.failed)
		return fail(CTL_REFUSED, "%u of the checks failed", now.failed);
	return CTL_OK;
}

const struct command doctor_commands[] = {
	{ NULL, 0, "[STORE]",
	  "Look for why a store, or all of them, is slow or not to be had, and say what to do.",
	  NULL, run_doctor },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
