/* SPDX-License-Identifier: GPL-2.0-only */
/* What anyone may see of the module and of this kernel. */
#ifndef PROBE_H
#define PROBE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zc_info;

/* The bits of zc_info.features; the last has no name. */
struct feature {
	const char *name;
	uint64_t bit;
};

extern const struct feature features[];

/* The first line of a file, without its end. */
bool read_line(const char *path, char *buf, size_t size);

/* The version of the module that is loaded. */
bool module_version(char *buf, size_t size);

/* Whether depmod knows a module of this name for the running kernel. */
bool module_installed(const char *name);

/* The nodes that exist, as scandir(3) gives them: each is freed, and then the array. */
int list_nodes(struct dirent ***nodes);

/* INFO of a store that this user can open, or -errno. */
int store_info(const char *name, struct zc_info *info);

/* ABI and features are those of the module, so any store tells them. */
bool module_info(struct zc_info *info);

/* TLS_LOADABLE: only for who may load modules. */
enum kernel_tls { TLS_NONE, TLS_LOADABLE, TLS_READY };
enum kernel_tls kernel_tls(void);

#endif /* PROBE_H */
