// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_util.h"
#include "util.h"

uint32_t io_random(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005 + 1442695040888963407;
	return (*state >> 33) % below;
}

unsigned char *io_bytes(size_t len)
{
	unsigned char *p = malloc(len + 1);
	uint64_t x;
	size_t i;

	for (i = 0; p && i < len; i++) {
		x = (i / 8 + 1) * 0x9e3779b97f4a7c15;
		p[i] = x >> (8 + i % 8 * 7);
	}
	return p;
}

int io_file(const void *data, size_t len, int flags)
{
	char path[128];
	size_t done;
	int fd, own;

	snprintf(path, sizeof(path), "%s/io-XXXXXX", test_folder());
	fd = mkstemp(path);
	for (done = 0; fd >= 0 && done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);

		if (n <= 0) {
			perror("write");
			exit(1);
		}
		done += n;
	}
	own = open(path, O_RDWR | O_CLOEXEC | flags);
	if (fd < 0) {
		perror("mkstemp");
		exit(1);
	}
	close(fd);
	unlink(path);
	return own;
}

int io_refuse_uring(int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) ? -1 : 0;
}

int io_child(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(run());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int io_have_uring(void)
{
	struct zc_ring *ring;
	int have;

	if (zc_ring_new(NULL, &ring))
		return 0;
	have = !strcmp(zc_ring_kind(ring), "io_uring");
	zc_ring_free(ring);
	return have;
}
