// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl info: needs no rights, so it looks at what anyone may see: sysfs, the
 * folder of the nodes, and INFO of the nodes that this user may open.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache.h>

#include "ctl.h"
#include "out.h"

static const struct {
	const char *name;
	uint64_t bit;
} features[] = {
	{ "send-splice", ZC_FEAT_SEND_SPLICE },
	{ "large-folios", ZC_FEAT_LARGE_FOLIOS },
};

static void print_version(void)
{
	FILE *f = fopen("/sys/module/zcache/version", "re");
	char version[64];

	if (f && fgets(version, sizeof(version), f)) {
		version[strcspn(version, "\n")] = '\0';
		out_str("version", version);
	}
	if (f)
		fclose(f);
}

static void print_features(uint64_t bits)
{
	char text[128] = "";
	size_t i;

	if (out_json())
		out_array_begin("features");
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		if (!(bits & features[i].bit))
			continue;
		if (out_json()) {
			out_str(NULL, features[i].name);
		} else {
			strcat(text, text[0] ? " " : "");
			strcat(text, features[i].name);
		}
	}
	if (out_json())
		out_array_end();
	else
		out_str("features", text[0] ? text : "none");
}

static int store_info(const char *name, struct zc_info *info)
{
	char spec[8 + NAME_MAX];
	struct zc_cache *cache;
	int err;

	memset(info, 0, sizeof(*info));
	snprintf(spec, sizeof(spec), "kmod:%s", name);
	err = zc_open(spec, O_RDONLY, &cache);
	if (err)
		return err;
	err = zc_info(cache, info);
	zc_close(cache);
	return err;
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

static int no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* ABI and features are those of the module, so the first store tells them. */
static void print_kernel_side(struct dirent **names, int n)
{
	struct zc_info info;
	int i;

	for (i = 0; i < n; i++) {
		if (store_info(names[i]->d_name, &info))
			continue;
		out_u64("kernel-abi", info.abi, NULL);
		print_features(info.features);
		return;
	}
}

static int run_info(int argc, char **argv)
{
	bool loaded = module_loaded();
	struct dirent **names = NULL;
	int code, i, n;

	code = parse_keywords(argc, argv, NULL);
	if (code)
		return code;
	n = scandir("/dev/zcache", &names, no_dots, alphasort);
	out_bool("loaded", loaded);
	print_version();
	out_str("tool-version", VERSION);
	out_u64("tool-abi", ZC_ABI_VERSION, NULL);
	print_kernel_side(names, n);
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
