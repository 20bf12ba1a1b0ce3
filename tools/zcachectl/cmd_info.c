// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl info: needs no rights, so it looks at what anyone may see: sysfs, the
 * folder of the nodes, and INFO of the nodes that this user may open.
 */
#include <stdlib.h>
#include <string.h>

#include <linux/zcache.h>

#include "ctl.h"
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

static int run_info(int argc, char **argv)
{
	bool loaded = module_loaded();
	struct dirent **names;
	char version[64];
	int code, i, n;

	code = parse_keywords(argc, argv, NULL);
	if (code)
		return code;
	n = list_nodes(&names);
	out_bool("loaded", loaded);
	if (module_version(version, sizeof(version)))
		out_str("version", version);
	out_str("tool-version", VERSION);
	out_u64("tool-abi", ZC_ABI_VERSION, NULL);
	print_kernel_side();
	out_array_begin("stores");
	for (i = 0; i < n; i++) {
		print_store(names[i]->d_name);
		free(names[i]);
	}
	out_array_end();
	free(names);
	out_finish();
	return loaded ? CTL_OK
		      : fail(CTL_NO_MODULE, "the zcache module is not loaded");
}

const struct command info_commands[] = {
	{ NULL, 0, "", "Show whether the module is loaded, its version, features and stores.",
	  NULL, run_info },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
