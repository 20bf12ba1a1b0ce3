// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zcache.h>

#include "mirror.h"
#include "probe.h"
#include "system.h"

const struct feature features[] = {
	{ "send-splice", ZC_FEAT_SEND_SPLICE },
	{ "large-folios", ZC_FEAT_LARGE_FOLIOS },
	{ NULL, 0 },
};

bool read_line(const char *path, char *buf, size_t size)
{
	FILE *f = fopen(path, "re");
	bool good;

	buf[0] = '\0';
	if (!f)
		return false;
	good = fgets(buf, size, f) || !ferror(f);
	fclose(f);
	buf[strcspn(buf, "\n")] = '\0';
	return good;
}

bool module_version(char *buf, size_t size)
{
	char path[PATH_MAX];

	return read_line(sys_path(path, "/sys/module/zcache/version"), buf, size);
}

/* Lines are "kernel/net/tls/tls.ko.xz: what it needs". */
static bool is_module(const char *line, const char *name)
{
	const char *end = strchr(line, ':'), *base = line, *p;
	size_t len = strlen(name);

	for (p = line; end && p < end; p++)
		if (*p == '/')
			base = p + 1;
	return end && !strncmp(base, name, len) && !strncmp(base + len, ".ko", 3);
}

bool module_installed(const char *name)
{
	char path[PATH_MAX], release[128], *line = NULL;
	bool found = false;
	size_t room = 0;
	FILE *f = NULL;

	if (read_line(sys_path(path, "/proc/sys/kernel/osrelease"), release, sizeof(release)))
		f = fopen(sys_path(path, "/lib/modules/%s/modules.dep", release), "re");
	while (f && !found && getline(&line, &room, f) >= 0)
		found = is_module(line, name);
	free(line);
	if (f)
		fclose(f);
	return found;
}

static int no_dots(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

int list_nodes(struct dirent ***nodes)
{
	char path[PATH_MAX];
	int n;

	*nodes = NULL;
	n = scandir(sys_path(path, "/dev/zcache"), nodes, no_dots, alphasort);
	return n < 0 ? 0 : n;
}

int store_info(const char *name, struct zc_info *info)
{
	char spec[8 + NAME_MAX];
	struct zc_cache *cache;
	int err;

	memset(info, 0, sizeof(*info));
	snprintf(spec, sizeof(spec), "kmod:%s", name);
	err = zc_open(mirror_folder(name) ? name : spec, O_RDONLY, &cache);
	if (err)
		return err;
	err = zc_info(cache, info);
	zc_close(cache);
	return err;
}

bool module_info(struct zc_info *info)
{
	struct dirent **nodes;
	int n = list_nodes(&nodes), i;
	bool told = false;

	for (i = 0; i < n; i++) {
		if (!told)
			told = !store_info(nodes[i]->d_name, info);
		free(nodes[i]);
	}
	free(nodes);
	return told;
}

enum kernel_tls kernel_tls(void)
{
	char path[PATH_MAX], text[256], *rest = text, *word;

	read_line(sys_path(path, "/proc/sys/net/ipv4/tcp_available_ulp"), text, sizeof(text));
	while ((word = strsep(&rest, " \t")))
		if (!strcmp(word, "tls"))
			return TLS_READY;
	return module_installed("tls") ? TLS_LOADABLE : TLS_NONE;
}
