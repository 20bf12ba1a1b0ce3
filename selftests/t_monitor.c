// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl event monitor that is stopped while more happens than its socket's
 * buffer holds: it says that it lost some, once, and goes on.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "zc_harness.h"

FIXTURE(monitor) {
	struct zc_nl_cfg cfg;
	char name[ZC_NAME_MAX + 1];
	pid_t pid;
	FILE *out, *err;
	char *line;
	size_t room;
	char mark[96];
};

/* The next line of @from without the time before it, and without its end. */
static const char *next_line(FIXTURE_DATA(monitor) *self, FILE *from)
{
	const char *text;

	if (getline(&self->line, &self->room, from) < 0)
		return "";
	self->line[strcspn(self->line, "\n")] = 0;
	text = strchr(self->line, ' ');
	return text ? text + 1 : self->line;
}

FIXTURE_SETUP(monitor)
{
	char event[ZC_NAME_MAX + 16];
	int out[2], err[2];

	ZCT_START(monitor);
	ASSERT_OK(pipe(out));
	ASSERT_OK(pipe(err));
	self->pid = fork();
	if (!self->pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		execlp("zcachectl", "zcachectl", "event", "monitor", NULL);
		_exit(127);
	}
	ASSERT_LT(0, self->pid);
	close(out[1]);
	close(err[1]);
	self->out = fdopen(out[0], "r");
	self->err = fdopen(err[0], "r");
	ASSERT_STREQ("note: listening", next_line(self, self->err));
	snprintf(self->name, sizeof(self->name), "monitor-%d", getpid());
	self->cfg = (struct zc_nl_cfg){ .name = self->name, .capacity = MiB };
	ASSERT_OK(zc_nl_store_new(&self->cfg));
	snprintf(event, sizeof(event), "store-new %s", self->name);
	ASSERT_STREQ(event, next_line(self, self->out));
}

FIXTURE_TEARDOWN(monitor)
{
	fclose(self->out);
	fclose(self->err);
	free(self->line);
	EXPECT_OK(zc_nl_store_del(self->name, false));
	ZCT_END();
}

/*
 * Events that did not fit the buffer of that process's socket (which its library
 * gives a port whose low 22 bits are its pid); -1 if it has no such socket.
 */
static long drops_of(pid_t pid)
{
	FILE *f = fopen("/proc/net/netlink", "r");
	unsigned int protocol, port;
	long drops, found = -1;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %u %u %*x %*d %*d %*d %*d %ld", &protocol, &port,
			   &drops) == 3 &&
		    protocol == NETLINK_GENERIC && (port & 0x3fffff) == (__u32)pid)
			found = drops;
	}
	if (f)
		fclose(f);
	return found;
}

TEST_F(monitor, loses)
{
	char event[ZC_NAME_MAX + 16];
	long i, drops, kept = 0;
	int status;

	ASSERT_OK(kill(self->pid, SIGSTOP));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, drops_of(self->pid));
	do {
		/* nobody waits for it */
		for (i = 0; i < 50; i++)
			ASSERT_OK(zc_nl_store_set(&self->cfg));
		kept += 50;
		drops = drops_of(self->pid);
		ASSERT_LE(0, drops);
	} while (!drops);
	kept -= drops;
	ASSERT_LT(0, kept);

	ASSERT_OK(kill(self->pid, SIGCONT));
	EXPECT_STREQ("lost", next_line(self, self->out));
	snprintf(event, sizeof(event), "store-set %s", self->name);
	for (i = 0; i < kept; i++)
		ASSERT_STREQ(event, next_line(self, self->out)) TH_LOG("event %ld", i);
	/* what comes now is told again */
	ASSERT_OK(zc_nl_store_set(&self->cfg));
	EXPECT_STREQ(event, next_line(self, self->out));
	ASSERT_OK(kill(self->pid, SIGINT));
	EXPECT_STREQ("", next_line(self, self->out));
	EXPECT_STREQ("", next_line(self, self->err));
	ASSERT_EQ(self->pid, waitpid(self->pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
