// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl info: needs no rights, so it looks at what anyone may see: sysfs, the
 * folder of the nodes, and INFO of the nodes and mirrors that this user may open.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <zcache.h>

#include "ctl.h"
#include "mirror.h"
#include "objects.h"
#include "out.h"
#include "probe.h"

static void print_features(uint64_t bits)
{
	const struct feature *f;
	char text[128] = "";

	if (out_json())
		out_array_begin("features");
	for (f = features; f->name; f++) {
		if (!(bits & f->bit))
			continue;
		if (out_json()) {
			out_str(NULL, f->name);
		} else {
			strcat(text, text[0] ? " " : "");
			strcat(text, f->name);
		}
	}
	if (out_json())
		out_array_end();
	else
		out_str("features", text[0] ? text : "none");
}

static void print_store(const char *name)
{
	struct zc_info info;
	int err = store_info(name, &info);

	out_object_begin(out_json() ? NULL : name);
	if (out_json())
		out_str("name", name);
	if (err) {
		out_str("error", error_name(err));
	} else {
		out_size("capacity", info.capacity);
		out_size("used", info.used);
		out_u64("objects", info.objects, NULL);
	}
	out_object_end();
}

static void print_kernel_side(void)
{
	struct zc_info info;

	if (!module_info(&info))
		return;
	out_u64("kernel-abi", info.abi, NULL);
	print_features(info.features);
}

static void print_stores(const char *only)
{
	struct dirent **names;
	int i, n = 0;

	out_array_begin("stores");
	if (only)
		print_store(only);
	else
		n = list_nodes(&names);
	for (i = 0; i < n; i++) {
		print_store(names[i]->d_name);
		free(names[i]);
	}
	if (!only)
		free(names);
	out_array_end();
}

/* The sentence for a store that was asked for and cannot be opened. */
static int check_store(const char *store)
{
	struct zc_cache *cache;
	int code = open_store(store, O_RDONLY, &cache);

	if (!code)
		zc_close(cache);
	return code;
}

static int run_info(int argc, char **argv)
{
	const char *store = argc ? argv[0] : NULL;
	bool loaded = module_loaded();
	char version[64];
	int code;

	code = argc ? parse_keywords(argc - 1, argv + 1, NULL) : CTL_OK;
	if (!code && store && mirror_folder(store))
		code = mirror_check(store);
	if (code)
		return code;
	out_bool("loaded", loaded);
	if (module_version(version, sizeof(version)))
		out_str("version", version);
	out_str("tool-version", VERSION);
	out_u64("tool-abi", ZC_ABI_VERSION, NULL);
	print_kernel_side();
	print_stores(store);
	out_finish();
	if (store)
		return check_store(store);
	return loaded ? CTL_OK
		      : fail(CTL_NO_MODULE, "the zcache module is not loaded");
}

const struct command info_commands[] = {
	{ NULL, 0, "[STORE]",
	  "Show whether the module is loaded, its version, features and stores, or this store.",
	  NULL, run_info },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
