// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl doctor: the module, and why it may not be loaded. */
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "doctor.h"
#include "probe.h"
#include "system.h"

/* What is found below /lib/modules. */
struct files {
	const char *release;	/* of the running kernel */
	char here[256];		/* the module's file for it, below its folder */
	char other[128];	/* another kernel that the module was built for */
};

static bool is_zcache(const char *name)
{
	static const char *const names[] = {
		"zcache.ko", "zcache.ko.gz", "zcache.ko.xz", "zcache.ko.zst",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

/* path is RELEASE/FOLDERS/FILE. */
static void note_file(struct files *files, const char *path)
{
	size_t len = strcspn(path, "/");

	if (strlen(files->release) == len && !strncmp(path, files->release, len))
		snprintf(files->here, sizeof(files->here), "%s", path + len + 1);
	else
		snprintf(files->other, sizeof(files->other), "%.*s", (int)len, path);
}

static void find_files(struct files *files)
{
	char root[PATH_MAX];
	char *const roots[] = { root, NULL };
	size_t skip;
	FTSENT *e;
	FTS *fts;

	sys_path(root, "/lib/modules/");
	skip = strlen(root);
	fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR | FTS_NOSTAT, NULL);
	while (fts && (e = fts_read(fts)))
		if (e->fts_level > 1 && e->fts_info != FTS_DP && is_zcache(e->fts_name))
			note_file(files, e->fts_path + skip);
	if (fts)
		fts_close(fts);
}

/* The kernel that an uncompressed module was built for. */
static bool built_for(const char *file, char *release, size_t size)
{
	static const char name[] = "vermagic=";
	char *text = NULL, *magic = NULL;
	FILE *f = fopen(file, "re");
	size_t room = 0;

	/* Such strings end with a NUL; before the first of them can be anything. */
	while (f && !magic && getdelim(&text, &room, '\0', f) >= 0)
		magic = strstr(text, name);
	if (magic) {
		magic += strlen(name);
		snprintf(release, size, "%.*s", (int)strcspn(magic, " "), magic);
	}
	free(text);
	if (f)
		fclose(f);
	return magic;
}

#define BUILD "build it for this kernel: 'make' where its sources are"

static bool wants_signature(void)
{
	char path[PATH_MAX], text[8];

	return read_line(sys_path(path, "/sys/module/module/parameters/sig_enforce"), text,
			 sizeof(text)) && text[0] == 'Y';
}

static void explain_file(const struct files *files)
{
	char path[PATH_MAX], release[128];

	sys_path(path, "/lib/modules/%s/%s", files->release, files->here);
	if (built_for(path, release, sizeof(release)) && strcmp(release, files->release)) {
		found("not loaded, and %s is built for kernel %s while this is %s", files->here,
		      release, files->release);
		advise(BUILD);
		return;
	}
	found("not loaded, but installed as %s", files->here);
	if (!module_installed("zcache"))
		advise("'depmod -a', then 'modprobe zcache'");
	else if (wants_signature())
		advise("'modprobe zcache'; this kernel takes modules only if they are signed");
	else
		advise("'modprobe zcache'; if that is refused, 'dmesg' says why");
}

static void explain_absence(void)
{
	char path[PATH_MAX], release[128];
	struct files files = { .release = release };

	read_line(sys_path(path, "/proc/sys/kernel/osrelease"), release, sizeof(release));
	find_files(&files);
	if (files.here[0]) {
		explain_file(&files);
	} else if (files.other[0]) {
		found("not loaded, and built for kernel %s while this is %s", files.other,
		      release);
		advise(BUILD);
	} else {
		found("not loaded, and not installed for kernel %s", release);
		advise("'insmod zcache.ko' where it was built");
	}
	check("module", CHECK_FAIL);
}

static void explain_presence(void)
{
	char path[PATH_MAX], version[64], state[16];

	if (read_line(sys_path(path, "/sys/module/zcache/initstate"), state, sizeof(state)) &&
	    strcmp(state, "live")) {
		found("it is %s", state);
		advise("wait until it is loaded or gone");
		check("module", CHECK_FAIL);
	} else if (!module_version(version, sizeof(version))) {
		found("loaded");
		check("module", CHECK_OK);
	} else if (strcmp(version, VERSION)) {
		found("version %s is loaded, this program is of version " VERSION, version);
		advise("install the module and the tools of one version");
		check("module", CHECK_WARN);
	} else {
		found("version %s is loaded", version);
		check("module", CHECK_OK);
	}
}

bool doctor_module(void)
{
	bool loaded = module_loaded();

	if (loaded)
		explain_presence();
	else
		explain_absence();
	return loaded;
}
