/* SPDX-License-Identifier: GPL-2.0-only */
/* The files of a system that is not there, see fake_system.c. */
#ifndef TREE_H
#define TREE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* The path below the tree's root, valid until the next call. */
static inline const char *tree_path(const char *path)
{
	static char full[512];

	snprintf(full, sizeof(full), "%s/system%s", test_folder(), path);
	return full;
}

static inline void tree_folder(const char *path)
{
	char full[512], *p;

	strcpy(full, tree_path(path));
	for (p = full + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0777);
		*p = '/';
	}
	mkdir(full, 0777);
}

static inline void tree_data(const char *path, const void *data, size_t len)
{
	char folder[512];
	FILE *f;

	snprintf(folder, sizeof(folder), "%s", path);
	*strrchr(folder, '/') = '\0';
	tree_folder(folder);
	f = fopen(tree_path(path), "w");
	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		abort();
}

static inline void tree_file(const char *path, const char *text)
{
	tree_data(path, text, strlen(text));
}

static inline void tree_new(void)
{
	tree_folder("");
	setenv("FAKE_SYSTEM", tree_path(""), 1);
}

#endif /* TREE_H */
