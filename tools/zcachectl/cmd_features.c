// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl features: what this module on this kernel can do. Needs no rights. */
#include <stdio.h>

#include <linux/zcache.h>

#include "ctl.h"
#include "out.h"
#include "probe.h"
#include "system.h"

static const char *const tls_words[] = {
	[TLS_NONE] = "none",
	[TLS_LOADABLE] = "not loaded",
	[TLS_READY] = "ready",
};

static const struct {
	const char *name;
	uint64_t value;
	const char *unit;
} limits[] = {
	{ "store-name", ZC_NAME_MAX, "bytes" },
	{ "key", ZC_KEY_MAX, "bytes" },
	{ "header", ZC_HEADER_MAX, "bytes" },
	{ "etag", ZC_ETAG_MAX, "bytes" },
	{ "type", ZC_TYPE_MAX, "bytes" },
	{ "parts", ZC_PARTS_MAX, NULL },
	{ "inline-bytes", ZC_INLINE_BYTES_MAX, "bytes" },
	{ "batch", ZC_BATCH_MAX, NULL },
};

static void print_versions(void)
{
	char path[PATH_MAX], text[128];

	if (module_version(text, sizeof(text)))
		out_str("version", text);
	out_str("tool-version", VERSION);
	if (read_line(sys_path(path, "/proc/sys/kernel/osrelease"), text, sizeof(text)))
		out_str("kernel", text);
}

/* Bits that this program does not know are those of a newer module. */
static void print_features(uint64_t bits)
{
	const struct feature *f;

	out_object_begin("features");
	for (f = features; f->name; f++) {
		out_bool(f->name, bits & f->bit);
		bits &= ~f->bit;
	}
	if (bits)
		out_u64("unknown-bits", bits, NULL);
	out_object_end();
}

static int run_features(int argc, char **argv)
{
	struct zc_info info;
	bool loaded, told;
	int code;
	size_t i;

	code = parse_keywords(argc, argv, NULL);
	if (code)
		return code;
	loaded = module_loaded();
	told = loaded && module_info(&info);
	out_bool("loaded", loaded);
	print_versions();
	if (told)
		out_u64("kernel-abi", info.abi, NULL);
	out_u64("tool-abi", ZC_ABI_VERSION, NULL);
	out_str("kernel-tls", tls_words[kernel_tls()]);
	if (told)
		print_features(info.features);
	out_object_begin("limits");
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		out_u64(limits[i].name, limits[i].value, limits[i].unit);
	out_object_end();
	out_finish();
	if (!loaded)
		return fail(CTL_NO_MODULE, "the zcache module is not loaded");
	if (!told)
		note("a store tells what the module can do, and this user can open none");
	return CTL_OK;
}

const struct command features_commands[] = {
	{ NULL, 0, "",
	  "Show what the module and this kernel can do: versions, features and limits.",
	  NULL, run_features },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
