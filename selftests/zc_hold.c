// SPDX-License-Identifier: GPL-2.0-only
/*
 * zc_hold node|object|fill|map|many NODE: opens that, says "ready", and holds it
 * until its input ends; "many" is the node, into which many objects were put. For
 * the tests that are scripts.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/mman.h>

#include "zc_test.h"

static int put_many(int node)
{
	char key[16];
	int i, err;

	for (i = 0, err = 0; i < 100 && !err; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		err = zct_put_pattern(node, key, 1, 1, 8, NULL);
	}
	return err ?: zct_put_pattern(node, "big", 1, 1, 3000000, NULL);
}

static int hold(const char *what, int node)
{
	int fd;

	if (!strcmp(what, "node"))
		return 0;
	if (!strcmp(what, "many"))
		return put_many(node);
	if (!strcmp(what, "fill"))
		fd = zct_fill_key(node, "filling", 100000, 0);
	else
		fd = zct_put_pattern(node, "held", 1, 1, 100000, NULL) ? -1 :
		     zct_open_key(node, "held");
	if (fd < 0)
		return fd;
	if (!strcmp(what, "map")) {
		if (mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
			return -errno;
		close(fd);
	}
	return close(node);
}

int main(int argc, char **argv)
{
	char byte;
	int node;

	if (argc != 3)
		return 2;
	node = open(argv[2], O_RDWR | O_CLOEXEC);
	if (node < 0 || hold(argv[1], node)) {
		perror(argv[2]);
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
