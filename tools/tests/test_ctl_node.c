// SPDX-License-Identifier: GPL-2.0-only
/*
 * zcachectl store set: what is done to the node, and in which order. The stand-in has
 * a record of mode 0640, owner 1 and group 2.
 */
#include <errno.h>

#include <linux/zcache_netlink.h>

#include "ctl_run.h"
#include "tree.h"

static void failed(const char *sentence, const char *name)
{
	refused(2, sentence, name);
	requested("", name);
}

static void order(void)
{
	chmod(tree_path("/dev/zcache/web"), 0606);
	fake("store", "set", "web", "mode", "640");
	is_int(r.code, 0, "another mode");
	is_int(r.out_len + r.err_len, 0, "is silent");
	requested("mode 0600\nowner 1:2\nmode 0640\n",
		  "what both allow, then the owner, then what is new");
	chmod(tree_path("/dev/zcache/web"), 0600);
	fake("store", "set", "web", "group", "2");
	requested("owner 1:2\nmode 0640\n", "nothing is taken that is allowed later too");
	chmod(tree_path("/dev/zcache/web"), 0640);
	fake("store", "set", "web", "owner", "1");
	requested("owner 1:2\n", "the owner alone");
	fake("--json", "store", "set", "web", "owner", "1");
	is_str(r.out, "{\"name\":\"web\"}\n", "as JSON");
	requested("owner 1:2\n", "the same");
	fake("store", "set", "web", "grace", "1s");
	is_int(r.code, 0, "something else");
	requested("", "leaves the node alone");
}

/* Whose the node is already. */
static void mode_alone(void)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", geteuid());
	setenv("FAKE_NL_UID", id, 1);
	snprintf(id, sizeof(id), "%u", getegid());
	setenv("FAKE_NL_GID", id, 1);
	chmod(tree_path("/dev/zcache/web"), 0606);
	fake("store", "set", "web", "mode", "640");
	requested("mode 0640\n", "the mode alone changes in one step");
	chmod(tree_path("/dev/zcache/web"), 0640);
	fake("store", "set", "web", "mode", "640");
	is_int(r.code, 0, "nothing to change");
	requested("", "is no change");
}

static void refusals(void)
{
	char node[512];

	tree_file("/sys/class/zcache/zcache!web/dev", "0:1\n");
	fake("store", "set", "web", "mode", "640");
	failed("zcachectl: store web was changed, but not its node /dev/zcache/web: what is there is not its node\n",
	       "another device");
	tree_file("/sys/class/zcache/zcache!web/dev", "0:0\n");
	snprintf(node, sizeof(node), "%s", tree_path("/dev/zcache/web"));
	if (rename(node, tree_path("/dev/zcache/other")) || symlink("other", node))
		abort();
	fake("store", "set", "web", "mode", "640");
	failed("zcachectl: store web was changed, but not its node /dev/zcache/web: what is there is not its node\n",
	       "a link");
	unlink(tree_path("/dev/zcache/web"));
	fake("store", "set", "web", "mode", "640");
	failed("zcachectl: store web was changed, but not its node /dev/zcache/web: No such file or directory (ENOENT)\n",
	       "no node");
	setenv("FAKE_NL_FAIL", "22:uid must be a valid user id", 1);
	fake("store", "set", "web", "owner", "4294967294");
	failed("zcachectl: cannot change store web: uid must be a valid user id: Invalid argument (EINVAL)\n",
	       "what the module refuses");
	unsetenv("FAKE_NL_FAIL");
	fake("store", "set", "web", "mode", "1777");
	refused(1, "zcachectl: mode '1777' is not an octal number from 0 to 777\n",
		"a mode with other bits");
}

int main(void)
{
	char node[512];

	tree_new();
	tree_folder("/dev/zcache");
	tree_file("/sys/class/zcache/zcache!web/dev", "0:0\n");
	log_requests("FAKE_NODE_LOG");
	snprintf(node, sizeof(node), "%s", tree_path("/dev/zcache/web"));
	/* the one device that everybody may make */
	if (mknod(node, S_IFCHR | 0600, 0)) {
		printf("1..0 # SKIP no device can be made here\n");
		return 0;
	}
	order();
	mode_alone();
	refusals();
	return tap_end();
}
