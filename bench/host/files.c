// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "files.h"
#include "host_bench.h"

#define MAX_FILES 8

static char *paths[MAX_FILES];
static unsigned int nr_paths;
static pid_t owner;

static void remove_files(void)
{
	unsigned int i;

	/* Not those of whoever forked. */
	for (i = 0; i < nr_paths && getpid() == owner; i++)
		unlink(paths[i]);
}

/* Words that differ from place to place, so that a sum tells which bytes were read. */
static int fill(int fd, uint64_t size, uint64_t piece)
{
	uint64_t at, i, *words = malloc(piece);
	int err = words ? 0 : -ENOMEM;

	for (at = 0; at < size && !err; at += piece) {
		for (i = 0; i < piece / 8; i++)
			words[i] = (at + i) * 0x9e3779b97f4a7c15;
		if (pwrite(fd, words, piece, at) != (ssize_t)piece)
			err = -errno;
	}
	/* What is still to be written would be, while rows have their turns. */
	if (!err && fsync(fd))
		err = -errno;
	free(words);
	return err;
}

const char *hb_file(uint64_t size, uint64_t piece)
{
	char *path;
	int fd, err;

	if (nr_paths == MAX_FILES || asprintf(&path, "%s/zcache-bench-XXXXXX", hb_dir()) < 0)
		return NULL;
	fd = mkstemp(path);
	if (fd < 0) {
		free(path);
		return NULL;
	}
	if (!nr_paths) {
		owner = getpid();
		atexit(remove_files);
	}
	paths[nr_paths++] = path;
	err = fill(fd, size, piece);
	close(fd);
	errno = -err;
	return err ? NULL : path;
}
