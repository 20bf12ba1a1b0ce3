// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl doctor: the limits of the processes that use a store. */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor.h"
#include "probe.h"
#include "system.h"

struct user {
	char pid[16], name[32];
	uint64_t open, limit;	/* files; limit 0: none */
};

/* Counts the process's files. Returns whether one of them is the node. */
static bool has_open(const char *pid, const char *node, uint64_t *open)
{
	char path[PATH_MAX], target[PATH_MAX];
	const struct dirent *d;
	bool has = false;
	ssize_t n;
	DIR *dir;

	*open = 0;
	dir = opendir(sys_path(path, "/proc/%s/fd", pid));
	while (dir && (d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		++*open;
		n = readlinkat(dirfd(dir), d->d_name, target, sizeof(target) - 1);
		target[n < 0 ? 0 : n] = '\0';
		has |= !strcmp(target, node);
	}
	if (dir)
		closedir(dir);
	return has;
}

static uint64_t file_limit(const char *pid)
{
	char path[PATH_MAX], line[256];
	FILE *f = fopen(sys_path(path, "/proc/%s/limits", pid), "re");
	uint64_t limit = 0;

	while (f && !limit && fgets(line, sizeof(line), f))
		if (sscanf(line, "Max open files %" SCNu64, &limit) != 1)
			limit = 0;
	if (f)
		fclose(f);
	return limit;
}

static bool fuller(const struct user *a, const struct user *b)
{
	return a->limit && (!b->limit ||
			    (double)a->open / a->limit > (double)b->open / b->limit);
}

/* How many have the node open, as far as this user may see; *fullest is one of them. */
static unsigned int find_users(const char *node, struct user *fullest)
{
	char path[PATH_MAX];
	DIR *dir = opendir(sys_path(path, "/proc"));
	const struct dirent *d;
	struct user u = { 0 };
	unsigned int n = 0;

	while (dir && (d = readdir(dir))) {
		if (!isdigit((unsigned char)d->d_name[0]) ||
		    !has_open(d->d_name, node, &u.open))
			continue;
		snprintf(u.pid, sizeof(u.pid), "%.15s", d->d_name);
		u.limit = file_limit(u.pid);
		if (!n++ || fuller(&u, fullest))
			*fullest = u;
	}
	if (dir)
		closedir(dir);
	return n;
}

void doctor_users(const char *name)
{
	char path[PATH_MAX], node[PATH_MAX], limit[32] = "";
	struct user u;
	unsigned int n;

	snprintf(node, sizeof(node), "/dev/zcache/%s", name);
	n = find_users(node, &u);
	if (!n) {
		found("no process that this user may look into has the node open");
		check("users", CHECK_OK);
		return;
	}
	read_line(sys_path(path, "/proc/%s/comm", u.pid), u.name, sizeof(u.name));
	if (u.limit)
		snprintf(limit, sizeof(limit), " of %" PRIu64, u.limit);
	found("processes with the node open: %u; %s (process %s) has %" PRIu64 "%s files open", n,
	      u.name, u.pid, u.open, limit);
	if (!u.limit || u.open < u.limit / 10 * 9) {
		check("users", CHECK_OK);
		return;
	}
	advise("raise its limit: LimitNOFILE= of its unit, or 'ulimit -n' where it is started");
	check("users", CHECK_WARN);
}
