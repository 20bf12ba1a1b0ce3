// SPDX-License-Identifier: GPL-2.0-only
/* The same calls from a 32-bit program. */
#include <fcntl.h>

#include "zc_harness.h"

FIXTURE(compat) {
	struct zct_store s;
	int sv[2];
	char mark[96];
};

FIXTURE_SETUP(compat)
{
	ZCT_START(compat);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
}

FIXTURE_TEARDOWN(compat)
{
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/*
 * The 32-bit program makes a put, a get, a stat, an open, a send, a batch and a
 * delete, and tells by its exit code where it stopped.
 */
TEST_F(compat, calls)
{
	char program[256], sock[16], *slash;
	char bytes[32] = { 0 };
	int status;
	pid_t pid;
	ssize_t n;

	n = readlink("/proc/self/exe", program, sizeof(program) - 16);
	ASSERT_LT(0, n);
	program[n] = '\0';
	slash = strrchr(program, '/');
	strcpy(slash + 1, "zc_abi32");
	if (access(program, X_OK))
		SKIP(return, "no compiler for 32-bit programs at build time");
	snprintf(sock, sizeof(sock), "%d", self->sv[0]);
	fcntl(self->sv[0], F_SETFD, 0);
	fflush(NULL);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		execl(program, program, self->s.path, sock, NULL);
		_exit(errno == ENOEXEC ? 126 : 127);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_TRUE(WIFEXITED(status));
	if (WEXITSTATUS(status) == 126)
		SKIP(return, "this kernel runs no 32-bit programs");
	EXPECT_EQ(0, WEXITSTATUS(status));
	/* what it sent: "hello" and the second half of "0123456789abcdef", twice */
	ASSERT_OK(zct_read_all(self->sv[1], bytes, 26));
	EXPECT_EQ(0, memcmp(bytes, "hello89abcdefhello89abcdef", 26));
	EXPECT_OK(zct_silent(self->sv));
}

TEST_HARNESS_MAIN
