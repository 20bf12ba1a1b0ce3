// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl event monitor, with the test in the place of the kernel. */
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/zcache_netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "ctl_run.h"

#define FAMILY 99	/* as fake_nl.c has it */

static int listener;

static struct {
	pid_t pid;
	int kernel;		/* the other end of its socket */
	int out, err;
} m;

static void listen_as_kernel(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/events", test_folder());
	setenv("FAKE_NL_EVENTS", address.sun_path, 1);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
		abort();
}

/* A line, or what is there at the end. */
static const char *line_of(int fd)
{
	static char text[4096];
	size_t n = 0;

	while (n < sizeof(text) - 1 && read(fd, text + n, 1) == 1 && text[n++] != '\n')
		;
	text[n] = '\0';
	return text;
}

/* The time is not known beforehand, but its form: every digit of it becomes a 0. */
static const char *timeless(const char *line)
{
	static char text[4096];
	char *p = text;

	snprintf(text, sizeof(text), "%s", line);
	if (*p == '{')
		p += strcspn(p, ":") + 1;
	for (; *p && *p != ' ' && *p != ','; p++)
		if (*p >= '0' && *p <= '9')
			*p = '0';
	return text;
}

/* words: at most four, the last of them may be NULL. */
static void begin_words(const char *option, const char *const words[4])
{
	const char *argv[] = { test_program("zcachectl-fake"), option, "event", "monitor",
			       words[0], words[1], words[2], words[3], NULL };

	if (!option) {
		argv[1] = argv[0];
		m.pid = start(argv + 1, 0, &m.out, &m.err);
	} else {
		m.pid = start(argv, 0, &m.out, &m.err);
	}
	m.kernel = accept(listener, NULL, NULL);
	is_str(line_of(m.err), "zcachectl: note: listening\n", "it says when it listens");
}

static void begin(const char *option, const char *count)
{
	const char *const words[4] = { count ? "count" : NULL, count };

	begin_words(option, words);
}

static void end(const char *name)
{
	int status;

	is_str(line_of(m.out), "", name);
	is_str(line_of(m.err), "", name);
	waitpid(m.pid, &status, 0);
	is_int(status, 0, name);
	close(m.kernel);
	close(m.out);
	close(m.err);
}

static void send_message(int type, int cmd, int attr, const char *text, bool pressure)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, type, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	if (text)
		nla_put_string(msg, attr, text);
	if (pressure) {
		nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, 1048576);
		nla_put_u64(msg, ZCACHE_A_STORE_USED, 1000000);
	}
	if (send(m.kernel, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0)
		abort();
	nlmsg_free(msg);
}

static void event(int cmd, const char *store)
{
	send_message(FAMILY, cmd, ZCACHE_A_STORE_NAME, store, cmd == ZCACHE_CMD_PRESSURE_NTF);
}

static void object_event(int cmd, const char *store, int reason)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, FAMILY, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	nla_put_string(msg, ZCACHE_A_OBJECT_STORE, store);
	nla_put(msg, ZCACHE_A_OBJECT_KEY, 5, "a \xff b");
	if (cmd != ZCACHE_CMD_FILL_WAITING_NTF) {
		nla_put_u64(msg, ZCACHE_A_OBJECT_GENERATION, 7);
		nla_put_u64(msg, ZCACHE_A_OBJECT_SIZE, 5000000000);
	}
	if (reason >= 0)
		nla_put_u32(msg, ZCACHE_A_OBJECT_REASON, reason);
	if (send(m.kernel, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0)
		abort();
	nlmsg_free(msg);
}

/* Without a name the message lacks it. */
static void policy_event(int cmd, const char *name, int attr, uint32_t value)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, FAMILY, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	nla_put_string(msg, ZCACHE_A_POLICY_STORE, "web");
	if (name)
		nla_put_string(msg, ZCACHE_A_POLICY_NAME, name);
	nla_put_u32(msg, attr, value);
	if (send(m.kernel, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0)
		abort();
	nlmsg_free(msg);
}

#define TIME "0000-00-00T00:00:00.000Z "

static void as_text(void)
{
	begin(NULL, NULL);
	event(ZCACHE_CMD_STORE_NEW_NTF, "web");
	is_str(timeless(line_of(m.out)), TIME "store-new web\n", "each line comes at once");
	event(ZCACHE_CMD_STORE_SET_NTF, "web");
	is_str(timeless(line_of(m.out)), TIME "store-set web\n", "a change");
	event(ZCACHE_CMD_PRESSURE_NTF, "web");
	is_str(timeless(line_of(m.out)), TIME "pressure web uses 1000000 of 1048576 bytes\n",
	       "pressure");
	if (send(m.kernel, "!", 1, 0) < 0)
		abort();
	is_str(timeless(line_of(m.out)), TIME "lost\n", "what was lost");
	/* what is not for us, or from a newer module, is no event */
	event(ZCACHE_CMD_STORE_GET, "web");
	event(__ZCACHE_CMD_MAX, "web");
	send_message(FAMILY + 1, ZCACHE_CMD_STORE_NEW_NTF, ZCACHE_A_STORE_NAME, "web", false);
	send_message(GENL_ID_CTRL, CTRL_CMD_DELFAMILY, CTRL_ATTR_FAMILY_NAME, "other", false);
	send_message(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, CTRL_ATTR_FAMILY_NAME, "zcache", false);
	event(ZCACHE_CMD_STORE_DEL_NTF, "web");
	is_str(timeless(line_of(m.out)), TIME "store-del web\n", "it goes on after that");
	kill(m.pid, SIGINT);
	end("SIGINT is its end");
}

static void as_json(void)
{
	begin("--json", "3");
	event(ZCACHE_CMD_STORE_NEW_NTF, "web");
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"store-new\",\"store\":\"web\"}\n",
	       "each line is an object");
	if (send(m.kernel, "!", 1, 0) < 0)
		abort();
	is_str(timeless(line_of(m.out)), "{\"time\":0000000000000000000,\"event\":\"lost\"}\n",
	       "what was lost does not count");
	event(ZCACHE_CMD_PRESSURE_NTF, "second");
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"pressure\",\"store\":\"second\",\"used\":1000000,\"capacity\":1048576}\n",
	       "pressure as JSON");
	event(ZCACHE_CMD_STORE_DEL_NTF, "web");
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"store-del\",\"store\":\"web\"}\n",
	       "the last that is counted");
	end("as many as asked for are its end");
	begin("--json", NULL);
	kill(m.pid, SIGTERM);
	end("SIGTERM is its end, also without an event");
	begin("--json", "0");
	end("none are asked for");
}

static void objects(void)
{
	static const char *const words[4] = { "objects", "store", "web" };
	static const char *const reasons[] = {
		"deleted", "replaced", "evicted", "shrunk", "expired", "purged", "policy",
		"unknown",
	};
	char group[16] = { 0 }, line[128];
	unsigned int i;

	begin_words(NULL, words);
	ok(recv(m.kernel, group, sizeof(group) - 1, 0) == 7, "it joins another group");
	is_str(group, "objects", "that of objects");
	object_event(ZCACHE_CMD_OBJECT_NEW_NTF, "other", -1);
	event(ZCACHE_CMD_STORE_SET_NTF, "other");
	object_event(ZCACHE_CMD_OBJECT_NEW_NTF, "web", -1);
	is_str(timeless(line_of(m.out)), TIME "object-new web 7 of 5000000000 bytes a \\xff b\n",
	       "an object, and none of another store");
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		object_event(ZCACHE_CMD_OBJECT_DEL_NTF, "web", i);
		snprintf(line, sizeof(line),
			 TIME "object-del web 7 of 5000000000 bytes %s a \\xff b\n", reasons[i]);
		is_str(timeless(line_of(m.out)), line, reasons[i]);
	}
	object_event(ZCACHE_CMD_FILL_WAITING_NTF, "web", -1);
	is_str(timeless(line_of(m.out)), TIME "fill-waiting web a \\xff b\n", "who waits");
	event(ZCACHE_CMD_STORE_DEL_NTF, "web");
	is_str(timeless(line_of(m.out)), TIME "store-del web\n", "and the store itself");
	kill(m.pid, SIGINT);
	end("SIGINT is the end here too");
	begin("--json", "3");
	object_event(ZCACHE_CMD_OBJECT_NEW_NTF, "web", -1);
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"object-new\",\"store\":\"web\",\"key_hex\":\"6120ff2062\",\"generation\":7,\"size\":5000000000}\n",
	       "an object as JSON");
	object_event(ZCACHE_CMD_OBJECT_DEL_NTF, "web", 2);
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"object-del\",\"store\":\"web\",\"key_hex\":\"6120ff2062\",\"generation\":7,\"size\":5000000000,\"reason\":\"evicted\"}\n",
	       "its end as JSON");
	object_event(ZCACHE_CMD_FILL_WAITING_NTF, "web", -1);
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"fill-waiting\",\"store\":\"web\",\"key_hex\":\"6120ff2062\"}\n",
	       "who waits as JSON");
	end("all of them");
}

static void policies(void)
{
	static const char *const reasons[] = {
		"unknown", "released", "closed", "silent", "replaced", "unknown",
	};
	static const char *const words[4] = { "store", "web" };
	char line[128];
	unsigned int i;

	begin_words(NULL, words);
	policy_event(ZCACHE_CMD_POLICY_NEW_NTF, "gdsf2", ZCACHE_A_POLICY_OWNER, 4711);
	is_str(timeless(line_of(m.out)), TIME "policy-new web gdsf2 owner 4711\n", "an owner");
	/* it is for the owner alone */
	policy_event(ZCACHE_CMD_POLICY_DRAIN_NTF, "gdsf2", ZCACHE_A_POLICY_OWNER, 4711);
	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		policy_event(ZCACHE_CMD_POLICY_LOST_NTF, "gdsf2", ZCACHE_A_POLICY_REASON, i);
		snprintf(line, sizeof(line), TIME "policy-lost web gdsf2 %s\n", reasons[i]);
		is_str(timeless(line_of(m.out)), line, reasons[i]);
	}
	kill(m.pid, SIGINT);
	end("SIGINT is the end of these");
	begin("--json", "2");
	policy_event(ZCACHE_CMD_POLICY_NEW_NTF, "s3fifo", ZCACHE_A_POLICY_OWNER, 4711);
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"policy-new\",\"store\":\"web\",\"policy\":\"s3fifo\",\"owner\":4711}\n",
	       "an owner as JSON");
	policy_event(ZCACHE_CMD_POLICY_LOST_NTF, "s3fifo", ZCACHE_A_POLICY_REASON,
		     ZCACHE_POLICY_REASON_CLOSED);
	is_str(timeless(line_of(m.out)),
	       "{\"time\":0000000000000000000,\"event\":\"policy-lost\",\"store\":\"web\",\"policy\":\"s3fifo\",\"reason\":\"closed\"}\n",
	       "its end as JSON");
	end("both of them");
}

/* Ends with this code and sentence. */
static void broken(int code, const char *sentence, const char *name)
{
	int status;

	is_str(line_of(m.out), "", name);
	is_str(line_of(m.err), sentence, name);
	waitpid(m.pid, &status, 0);
	is_int(WEXITSTATUS(status), code, name);
	close(m.kernel);
	close(m.out);
	close(m.err);
}

static void refusals(void)
{
	run(&r, NULL, "zcachectl", "event", "monitor", "count", "some", NULL);
	refused(1, "zcachectl: count 'some' is not a number from 0 to 18446744073709551615\n",
		"a bad count");
	setenv("FAKE_NL_FAIL", "1", 1);
	run(&r, NULL, "zcachectl-fake", "event", "monitor", NULL);
	refused(2, "zcachectl: cannot listen for events: this needs CAP_NET_ADMIN, try as root: Operation not permitted (EPERM)\n",
		"without rights");
	unsetenv("FAKE_NL_FAIL");
	begin(NULL, NULL);
	send_message(GENL_ID_CTRL, CTRL_CMD_DELFAMILY, CTRL_ATTR_FAMILY_NAME, "zcache", false);
	broken(4, "zcachectl: the zcache module was unloaded\n", "the module goes");
	begin(NULL, NULL);
	event(ZCACHE_CMD_STORE_NEW_NTF, NULL);
	broken(2, "zcachectl: cannot read the events: Bad message (EBADMSG)\n",
	       "an event that is none");
	begin(NULL, NULL);
	policy_event(ZCACHE_CMD_POLICY_NEW_NTF, NULL, ZCACHE_A_POLICY_OWNER, 1);
	broken(2, "zcachectl: cannot read the events: Bad message (EBADMSG)\n",
	       "an owner of no policy");
	begin(NULL, NULL);
	policy_event(ZCACHE_CMD_POLICY_LOST_NTF, "gdsf2", ZCACHE_A_POLICY_OWNER, 1);
	broken(2, "zcachectl: cannot read the events: Bad message (EBADMSG)\n",
	       "a loss without a reason");
}

int main(void)
{
	listen_as_kernel();
	as_text();
	as_json();
	objects();
	policies();
	refusals();
	return tap_end();
}
