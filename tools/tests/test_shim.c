// SPDX-License-Identifier: GPL-2.0-only
/* The shim that the other tests rely on: it does what its plan says, and no more. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shim.h"
#include "tap.h"
#include "util.h"

static const char text[] = "0123456789";
static char buf[16];
static int fd;

static void plans(void)
{
	static const char *const bad[] = {
		"read", "read:1", "read:1:", "none:1:EIO", "read:0:EIO", "read:1:ENONSENSE",
		"read:1:EIO,write",
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_int(shim_plan(bad[i]), -1, bad[i]);
	is_int(shim_plan("read:1:EIO,write:2-3:short=1,rename:4+:kill,unlink:*:5"), 0, "a plan");
	is_int(shim_plan(NULL), 0, "no plan");
	is_int(shim_calls("nothing"), -1, "a call that is not met");
}

static void fails(void)
{
	int i;

	is_int(shim_plan("pread:2:ENOSPC,pread:3-4:EINTR,pread:6+:EIO"), 0, "errors by number");
	for (i = 1; i <= 7; i++) {
		static const int want[] = { 0, ENOSPC, EINTR, EINTR, 0, EIO, EIO };
		ssize_t n = pread(fd, buf, sizeof(buf), 0);

		is_int(n < 0 ? errno : 0, want[i - 1], "a pread of the plan");
		is_int(n, want[i - 1] ? -1 : 10, "what it returned");
	}
	is_int(shim_calls("pread"), 7, "seven calls");
	is_int(shim_calls("pwrite"), 0, "none of another");
	shim_plan("mmap:1:ENODEV");
	ok(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
	   "memory of its own can be had");
	ok(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV,
	   "a mapping of a file cannot");
	shim_plan("ftruncate:1:after=EIO");
	is_int(ftruncate(fd, 5), -1, "a call that was made and says it was not");
	is_int(errno, EIO, "its error");
	is_int(lseek(fd, 0, SEEK_END), 5, "what it did");
	is_int(ftruncate(fd, 0), 0, "the next is as ever");
	is_int(pwrite(fd, text, 10, 0), 10, "written again");
}

static void shorts(void)
{
	struct iovec iov[] = { { buf, 3 }, { buf + 3, 5 } };

	shim_plan("pread:1:short=4,readv:1:short=5,readv:2:short=2,pwrite:*:short=1");
	is_int(pread(fd, buf, 10, 0), 4, "a short read");
	is_int(pread(fd, buf, 10, 0), 10, "a whole one");
	lseek(fd, 0, SEEK_SET);
	is_int(readv(fd, iov, 2), 5, "short in the second piece");
	is_int(readv(fd, iov, 2), 2, "in the first one");
	is_int(readv(fd, iov, 2), 3, "up to the end of the file");
	is_mem(buf, 3, "789", 3, "with its bytes");
	is_int(pwrite(fd, text, 10, 0), 1, "a short write");
}

static void kills(void)
{
	static const char *const plan[] = { "unlink:1:kill", "unlink:1:killed" };
	int i, status;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		const char *path = test_file("victim", "x", 1);

		pid = fork();
		if (!pid) {
			shim_plan(plan[i]);
			unlink(path);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		is_int(WIFSIGNALED(status) ? WTERMSIG(status) : 0, SIGKILL, plan[i]);
		is_int(access(path, F_OK), i ? -1 : 0, "before the call, or after it");
	}
}

/* The same by preloading, in a program that knows nothing of it. */
static void preloaded(void)
{
	char shim[4096];
	const char *path = test_file("data", text, 10);

	snprintf(shim, sizeof(shim), "%s", test_program("tests/shim.so"));
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
	setenv("F", path, 1);
	setenv("S", shim, 1);
	is_int(system("LD_PRELOAD=$S ZC_SHIM=unlinkat:1:EROFS rm \"$F\" 2>\"$F.err\""), 1 << 8,
	       "rm is refused");
	is_int(system("grep -q Read-only \"$F.err\""), 0, "with the error that was planned");
	is_int(system("LD_PRELOAD=$S ZC_SHIM_PATH=elsewhere ZC_SHIM=unlinkat:1:EROFS rm \"$F\""), 0,
	       "a plan for other files does not meet it");
	is_int(system("LD_PRELOAD=$S ZC_SHIM=nonsense /bin/true 2>\"$F.err\""), 99 << 8,
	       "a bad plan ends the program");
}

int main(void)
{
	fd = open(test_file("file", text, 10), O_RDWR);
	plans();
	fails();
	shorts();
	kills();
	preloaded();
	return tap_end();
}
