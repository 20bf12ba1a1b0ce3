// SPDX-License-Identifier: GPL-2.0-only
/* zcached as a process: its configuration, its answers, its signals. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/zcache_netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "policy.h"
#include "tap.h"
#include "util.h"

#define PATH_ROOM 100
#define DEADLINE 20		/* seconds */

static struct result r;
static char policies[256];	/* the names of all */
static int listener, manager;
static char config_path[256], http_path[PATH_ROOM];

static struct {
	pid_t pid;
	int kernel;		/* the other end of its socket */
	int out, err, port;
} d;

static int unix_socket(const char *name, int type, char path[PATH_ROOM])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	snprintf(path, PATH_ROOM, "%s/%s", test_folder(), name);
	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return fd;
}

/* A line, or what is there at the end. */
static const char *line(void)
{
	static char text[4096];
	size_t n = 0;

	while (n < sizeof(text) - 1 && read(d.err, text + n, 1) == 1 && text[n++] != '\n')
		;
	text[n] = '\0';
	return text;
}

/* What it told its manager, "" if it says nothing in time. */
static const char *told(void)
{
	static char text[256];
	struct pollfd p = { .fd = manager, .events = POLLIN };
	ssize_t n = poll(&p, 1, DEADLINE * 1000) == 1 ? recv(manager, text, 255, 0) : 0;

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void configure(const char *text)
{
	snprintf(config_path, sizeof(config_path), "%s", test_file("zcached.conf", text, strlen(text)));
}

/* Up to the line that says where it listens, if it is to listen to the network. */
static void begin(const char *config)
{
	const char *argv[] = { test_program("zcached-fake"), "--config", config_path, NULL };
	const char *colon, *text;

	configure(config);
	d.pid = start(argv, 0, &d.out, &d.err);
	d.kernel = accept(listener, NULL, NULL);
	d.port = 0;
	if (!strstr(config, "listen = 127"))
		return;
	text = line();
	colon = strrchr(text, ':');
	ok(!strncmp(text, "zcached: listening on 127.0.0.1:", 32), "it says where it listens");
	d.port = colon ? atoi(colon + 1) : 0;
}

static void end(const char *name)
{
	int status;

	kill(d.pid, SIGTERM);
	waitpid(d.pid, &status, 0);
	is_int(status, 0, name);
	close(d.kernel);
	close(d.out);
	close(d.err);
}

static void tell(const char *command)
{
	if (send(d.kernel, command, strlen(command), 0) < 0)
		abort();
}

static int reach(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(d.port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct timeval deadline = { .tv_sec = DEADLINE };
	int fd = socket(d.port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, http_path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &deadline, sizeof(deadline));
	if (connect(fd, d.port ? (struct sockaddr *)&in : (struct sockaddr *)&un,
		    d.port ? sizeof(in) : sizeof(un))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* All that comes until the connection ends. */
static const char *ask_bytes(const char *request, size_t len)
{
	static char text[1 << 20];
	int fd = reach();
	size_t n = 0;
	ssize_t got;

	if (fd >= 0 && send(fd, request, len, MSG_NOSIGNAL) < 0)
		shutdown(fd, SHUT_WR);
	while (fd >= 0 && n < sizeof(text) - 1 &&
	       (got = recv(fd, text + n, sizeof(text) - 1 - n, 0)) > 0)
		n += got;
	text[n] = '\0';
	close(fd);
	return text;
}

#define ASK(request) ask_bytes(request, sizeof(request) - 1)

static const char *get(const char *path, const char *fields)
{
	char request[1024];
	int n = snprintf(request, sizeof(request),
			 "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", path, fields);

	return ask_bytes(request, n);
}

static bool starts(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool comes(const char *path, const char *what)
{
	time_t deadline = time(NULL) + DEADLINE;

	while (time(NULL) < deadline)
		if (strstr(get(path, ""), what))
			return true;
	printf("# %s\n", get(path, ""));
	return false;
}

static void wrong_config(const char *text, const char *sentence)
{
	char want[1024];

	configure(text);
	run(&r, NULL, "zcached", "--config", config_path, "--check", NULL);
	is_int(r.code, 1, sentence);
	snprintf(want, sizeof(want), "zcached: %s:%s\n", config_path, sentence);
	is_str(r.err, want, "the sentence");
}

#define STORE_KEYS "policy, optimise, exponent, large, admission, admit-size, threshold"
#define KEYS "listen, socket-mode, interval, " STORE_KEYS " and store"
#define TAG_RULE "a tag is a number from 1 to 18446744073709551615"
#define LISTEN_RULE "right is none, an address of this machine alone and a port such as 127.0.0.1:9629 or [::1]:9629, or unix:/PATH"

/* What is said has an end, whatever the file and its path are. */
static void long_texts(void)
{
	char text[1024] = "policy = \"missing title no such option ";
	size_t n = strlen(text);

	memset(text + n, 'A', 600);
	strcpy(text + n + 600, "\"");
	configure(text);
	run(&r, NULL, "zcached", "--config", config_path, "--check", NULL);
	is_int(r.code, 1, "a long value");
	is_int(strlen(r.err), strlen("zcached: \n") + 511, "is told in part");
	ok(!strstr(r.err, "store NAME") && !strstr(r.err, "there are"),
	   "as what it is, not as what it says");
	memset(text, '/', 600);
	snprintf(text + 600, sizeof(text) - 600, "%s", config_path);
	run(&r, NULL, "zcached", "--config", text, "--check", NULL);
	is_int(r.code, 1, "a long path");
	is_int(strlen(r.err), strlen("zcached: \n") + 511, "is told in part, too");
}

static void configurations(void)
{
	char rule[512];

	configure("# all keys\n"
		  "listen = \"unix:/run/zcached/http\"\ninterval = 1.5s\npolicy = gdsf\n"
		  "optimise = bytes\nexponent = 0.5\nlarge = refuse\nadmission = frequency\nadmit-size = 64M\n"
		  "threshold = adaptive\nstore other { threshold = keep }\n"
		  "store web { policy = none }\n"
		  "store \"cdn.example\" {\n\tpolicy = lru // more\n\toptimise = objects\n\texponent = 1\n\tlarge = main\n\tadmission = none\n\tadmit-size = none\n\tthreshold = 16k\n"
		  "\ttag 7 { quota = 1.5G floor = 100M }\n\ttag 18446744073709551615 { floor = none }\n\ttag 8 { }\n}\n");
	run(&r, NULL, "zcached", "--config", config_path, "--check", NULL);
	is_int(r.code, 0, "all keys");
	is_str(r.err, "", "without complaint");
	configure("");
	run(&r, NULL, "zcached", "--config", config_path, "--check", NULL);
	is_int(r.code, 0, "no key");

	wrong_config("polcy = lru", "1: no such option 'polcy'; there are " KEYS);
	wrong_config("\nstore web { interval = 1s }",
		     "2: no such option 'interval'; a store has " STORE_KEYS " and tag");
	snprintf(rule, sizeof(rule), "1: policy best: right is one of %s, or none to leave it to the kernel", policies);
	wrong_config("policy = best", rule);
	rule[0] = '2';
	wrong_config("store web {\n\tpolicy = best\n}", rule);
	wrong_config("optimise = speed", "1: optimise speed: right is balanced, objects or bytes");
	wrong_config("exponent = 1.01", "1: exponent 1.01: right is a number from 0 to 1 such as 0.5");
	wrong_config("exponent = nan", "1: exponent nan: right is a number from 0 to 1 such as 0.5");
	wrong_config("large = yes", "1: large yes: right is main or refuse");
	wrong_config("admission = all", "1: admission all: right is none or frequency");
	wrong_config("admit-size = 1.3", "1: admit-size 1.3: right is none, a number of bytes, or a number with k, M, G or T such as 256M");
	wrong_config("threshold = low", "1: threshold low: right is keep, adaptive, or a number of bytes such as 16k");
	wrong_config("interval = 9ms", "1: interval 9ms: right is a time from 10ms to 60s");
	wrong_config("interval = 61s", "1: interval 61s: right is a time from 10ms to 60s");
	wrong_config("listen = 0.0.0.0:9629", "1: listen 0.0.0.0:9629: " LISTEN_RULE);
	wrong_config("store a/b { }", "1: store a/b: a name has 1 to 32 letters, digits, dots, dashes and underscores and begins with no dot");
	wrong_config("store a { }\nstore a { }", "2: found duplicate title 'a'");
	wrong_config("store { }", "1: missing title for section 'store': right is store NAME { ... }");
	wrong_config("store a { policy = lru", "2: a section has no closing brace");
	wrong_config("store a { tag 0 { } }", "1: tag 0: " TAG_RULE);
	wrong_config("store a { tag 07 { } }", "1: tag 07: " TAG_RULE);
	wrong_config("store a { tag x { } }", "1: tag x: " TAG_RULE);
	wrong_config("store a { tag 18446744073709551616 { } }",
		     "1: tag 18446744073709551616: " TAG_RULE);
	wrong_config("store a {\n\ttag 7 {\n\t\tquota = much\n\t}\n}",
		     "3: quota much: right is none, a number of bytes, or a number with k, M, G or T such as 256M");
	wrong_config("store a {\n\ttag 7 {\n\t\tquota = 1M\n\t\tfloor = 2M\n\t}\n}",
		     "5: tag 7: floor 2M: right is at most the quota, 1M");
	wrong_config("store a { tag 7 { ceiling = 1M } }",
		     "1: no such option 'ceiling'; a tag has quota and floor");
	wrong_config("store a { tag 7 { }\ntag 7 { } }", "2: found duplicate title '7'");
	wrong_config("store a { tag { } }", "1: missing title for section 'tag': right is tag NUMBER { ... }");
	wrong_config("tag 7 { }", "1: no such option 'tag'; there are " KEYS);
	wrong_config("policy = { lru }", "1: unexpected token '{'");
	wrong_config("}", "1: unexpected closing brace");
	wrong_config("/* ", " a comment has no end");
	long_texts();
	run(&r, NULL, "zcached", "--config", "/nonexistent", "--check", NULL);
	is_str(r.err, "zcached: /nonexistent: No such file or directory\n", "no file");
	run(&r, NULL, "zcached", "--config", "/", "--check", NULL);
	is_str(r.err, "zcached: /: Is a directory\n", "no regular file");
	is_int(r.code, 1, "is wrong too");
	run(&r, NULL, "zcached", "now", NULL);
	is_str(r.err, "zcached: unexpected word 'now'; 'zcached --help' lists the options\n",
	       "a word too many");
	run(&r, NULL, "zcached", "--version", NULL);
	is_str(r.out, "zcached " VERSION "\n", "its version");
	configure("listen = none\n");
	setenv("FAKE_NO_RIGHTS", "1", 1);
	run(&r, NULL, "zcached-fake", "--config", config_path, NULL);
	unsetenv("FAKE_NO_RIGHTS");
	is_str(r.err, "zcached: this needs CAP_NET_ADMIN, try as root\n", "without rights");
	is_int(r.code, 2, "it is refused");
}

/* What it is told comes at once then. */
static void pause_it(void)
{
	int status;

	kill(d.pid, SIGSTOP);
	waitpid(d.pid, &status, WUNTRACED);
}

static void stores(void)
{
	char want[1024];

	begin("listen = 127.0.0.1:0\ninterval = 20ms\npolicy = lru\nstore kept { policy = none }\n");
	is_str(line(), "zcached: ready\n", "then it is ready");
	is_str(told(), "READY=1", "as its manager hears");
	tell("!new web 1000000");
	is_str(line(), "zcached: store web: its policy is lru now\n", "a store comes");
	tell("!put web 80 10000");
	ok(comes("/status.json", "\"policy\":{\"name\":\"lru\",\"state\":\"owned\",\"objects\":80,"),
	   "its objects are known");
	tell("!put web 15 10000");
	ok(comes("/metrics", "zcache_used_bytes{store=\"web\"} 890000\n"),
	   "at the high watermark room is made");
	ok(strstr(get("/metrics", ""), "zcache_evictions_total{store=\"web\",reason=\"policy\"} 6\n"),
	   "by the policy");
	tell("!wants web s3fifo");
	is_str(line(), "zcached: store web: its policy is s3fifo now\n", "what a store asks for");
	ok(comes("/status.json", "\"name\":\"s3fifo\",\"state\":\"owned\",\"objects\":89,\"resyncs\":1,"),
	   "it gets, and nothing is forgotten");
	tell("!wants web best");
	snprintf(want, sizeof(want), "zcached: store web: it asks for the policy 'best'; there are %s; it gets what %s says\n",
		 policies, config_path);
	is_str(line(), want, "unless there is no such");
	is_str(line(), "zcached: store web: its policy is lru now\n", "then it gets what the configuration says");
	tell("!wants web");
	tell("!new kept 1000000");
	ok(comes("/metrics", "zcache_policy_info{store=\"kept\",policy=\"none\",state=\"kernel\"} 1\n"),
	   "a store that is left to the kernel");
	tell("!del kept");
	is_str(line(), "zcached: store kept: it is gone\n", "a store goes");
	tell("!quiet late 1000000");
	is_str(line(), "zcached: store late: its policy is lru now\n",
	       "of a store whose event was lost it knows");
	tell("!quiet brief 1000000");
	is_str(line(), "zcached: store brief: its policy is lru now\n", "and of one");
	tell("!vanish brief");
	is_str(line(), "zcached: store brief: it is gone\n", "that went so, too");
	pause_it();
	tell("!quiet one 1000000");
	tell("!silent two 1000000");
	kill(d.pid, SIGCONT);
	is_str(line(), "zcached: store one: its policy is lru now\n", "what comes while they are lost");
	is_str(line(), "zcached: store two: its policy is lru now\n", "is listed only then");
	tell("!del one");
	is_str(line(), "zcached: store one: it is gone\n", "one goes");
	tell("!del two");
	is_str(line(), "zcached: store two: it is gone\n", "and the other");
	tell("!foreign late");
	is_str(line(), "zcached: store late: another process took its policy; waiting for it to end\n",
	       "another process takes one");
	ok(comes("/metrics", "zcache_policy_info{store=\"late\",policy=\"lru\",state=\"busy\"} 1\n"),
	   "which is told");
	tell("!free late");
	is_str(line(), "zcached: store late: its policy is lru now\n", "until that ends");
}

static void reconfigure(const char *text)
{
	configure(text);
	kill(d.pid, SIGHUP);
}

/* Without losing what it knows. */
static void reload(void)
{
	char want[1024];

	reconfigure("policy = best\n");
	ok(starts(told(), "RELOADING=1\nMONOTONIC_USEC="), "its manager hears that it reloads");
	snprintf(want, sizeof(want), "zcached: nothing is changed: %s:1: policy best: right is one of %s, or none to leave it to the kernel\n",
		 config_path, policies);
	is_str(line(), want, "a wrong file changes nothing");
	is_str(line(), "zcached: ready\n", "and it goes on");
	is_str(told(), "READY=1", "as its manager hears");

	reconfigure("listen = 127.0.0.1:0\ninterval = 20ms\npolicy = gdsf\n");
	is_str(line(), "zcached: store web: its policy is gdsf now\n", "a right one does");
	is_str(line(), "zcached: store late: its policy is gdsf now\n", "for each store");
	is_str(line(), "zcached: ready\n", "then it is ready again");
	told();
	told();
	ok(comes("/status.json", "\"name\":\"gdsf\",\"state\":\"owned\",\"objects\":89,\"resyncs\":1,"),
	   "no object was forgotten, and none told anew");

	snprintf(want, sizeof(want), "listen = unix:%s\npolicy = gdsf\n", http_path);
	reconfigure(want);
	snprintf(want, sizeof(want), "zcached: listening on unix:%s\n", http_path);
	is_str(line(), want, "it listens elsewhere");
	is_str(line(), "zcached: ready\n", "and is ready");
	told();
	told();
	is_int(reach(), -1, "and no longer where it did");
	d.port = 0;
	ok(starts(get("/healthz", ""), "HTTP/1.1 200 OK\r\n"), "but there");
	reconfigure("listen = unix:/nonexistent/http\npolicy = gdsf\n");
	is_str(line(), "zcached: cannot listen on unix:/nonexistent/http: No such file or directory (ENOENT)\n",
	       "where it cannot listen");
	is_str(line(), "zcached: ready\n", "it stays where it is");
	told();
	told();
	ok(starts(get("/healthz", ""), "HTTP/1.1 200 OK\r\n"), "and answers");
}

static void has(const char *path, const char *fields, const char *what, const char *name)
{
	const char *text = get(path, fields);

	ok(strstr(text, what) != NULL, name);
	if (!strstr(text, what))
		printf("# %.300s\n", text);
}

static void answers(void)
{
	has("/", "", "\r\nContent-Type: text/html; charset=utf-8\r\n", "the page");
	has("/", "", "\r\nContent-Security-Policy: default-src 'none'; ", "which takes nothing from elsewhere");
	has("/", "", "</html>\n", "to its end");
	has("/status.css", "", "\r\nContent-Type: text/css; charset=utf-8\r\n", "its style");
	has("/status.js", "", "\r\nContent-Type: text/javascript; charset=utf-8\r\n", "its script");
	has("/status.js", "", "\nupdate();\n", "to its end");
	has("/status.json", "", "\r\nContent-Type: application/json\r\n", "its figures");
	has("/status.json", "",
	    "\"tags\":12,\"top_tags\":[{\"id\":\"5\",\"objects\":1,\"used\":500,\"hits\":5,\"sent_bytes\":7},{\"id\":\"11\",",
	    "its tags, the most used first");
	has("/metrics", "", "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n",
	    "metrics as text");
	has("/metrics", "Accept: application/openmetrics-text\r\n",
	    "\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
	    "or as OpenMetrics");
	has("/metrics", "Accept: application/openmetrics-text\r\n", "\n# EOF\n", "to the end");
	has("/healthz", "", "\r\n\r\nok\n", "its health");
	has("/none", "", "HTTP/1.1 404 Not Found\r\n", "nothing else");
	has("/../etc/passwd", "", "HTTP/1.1 404 Not Found\r\n", "no files");
}

/* The connection ends, and those of others go on. */
static void hostile(void)
{
	static char big[100000];
	const char *text;
	int fd[80], i;

	text = ASK("HEAD /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
	ok(starts(text, "HTTP/1.1 200 OK\r\n") && !strcmp(strstr(text, "\r\n\r\n"), "\r\n\r\n"),
	   "HEAD has no body");
	text = ASK("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n");
	ok(starts(text, "HTTP/1.1 405 ") && strstr(text, "\r\nAllow: GET, HEAD\r\n"),
	   "POST, whose body is not waited for");
	text = ASK("DELETE /metrics HTTP/1.0\r\n\r\n");
	ok(starts(text, "HTTP/1.0 405 ") || starts(text, "HTTP/1.1 405 "), "DELETE");
	text = ASK("\1\2 \3 HTTP\r\n\r\n");
	ok(!strstr(text, " 200 "), "what is no HTTP");
	text = ASK("GET / HTTP/9.9\r\n\r\n");
	ok(!strstr(text, " 200 "), "a version that is none");
	memset(big, 'x', sizeof(big));
	memcpy(big, "GET /", 5);
	text = ask_bytes(big, sizeof(big));
	ok(!strstr(text, " 200 "), "a path without end");
	memcpy(big, "GET / HTTP/1.1\r\nHost: localhost\r\nA: ", 36);
	text = ask_bytes(big, sizeof(big));
	ok(!strstr(text, " 200 "), "a field without end");
	for (i = 0; i < 80; i++)
		fd[i] = reach();
	for (i = 0; i < 80; i++)
		close(fd[i]);
	ok(comes("/healthz", "\r\n\r\nok\n"), "more connections than it takes at a time");
}

/* All that it told its manager. */
static void hear_end(void)
{
	const char *text;

	do
		text = told();
	while (text[0] && strcmp(text, "STOPPING=1"));
}

/* The next lines tell of these thresholds, in any order. */
static bool split(const char *one, const char *two)
{
	char lines[512];

	snprintf(lines, sizeof(lines), "%s", line());
	snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines), "%s", line());
	return strstr(lines, one) && strstr(lines, two);
}

/* What the file no longer has is taken back, and no more. */
static void limits(void)
{
	begin("listen = none\npolicy = none\n"
	      "store web {\n\ttag 7 { quota = 1k floor = 100 }\n\ttag 8 { floor = 200 }\n}\n");
	line();
	told();
	tell("!new other 1000000");
	tell("!new web 1000000");
	is_str(line(), "kernel: store web tag 7 quota 1024 floor 100\n", "limits of a store that comes");
	is_str(line(), "kernel: store web tag 8 quota 0 floor 200\n", "are set");
	reconfigure("listen = none\npolicy = none\n"
		    "store web {\n\ttag 7 { quota = 2k }\n\ttag 9 { floor = 999999 }\n}\n");
	is_str(line(), "kernel: store web tag 8 quota 0 floor 0\n", "one that is no longer in the file");
	is_str(line(), "kernel: store web tag 7 quota 2048 floor 0\n", "a key that is no longer");
	is_str(line(), "kernel: store web tag 9 quota 0 floor 999999\n", "and a new one");
	line();
	reconfigure("listen = none\npolicy = none\nstore web { tag 9 { floor = 1000001 } }\n");
	is_str(line(), "kernel: store web tag 7 quota 0 floor 0\n", "what cannot be");
	is_str(line(), "zcached: store web: cannot set the limits of tag 9, trying again: the floors are too high: No space left on device (ENOSPC)\n",
	       "is told");
	line();
	reconfigure("listen = none\npolicy = none\n");
	is_str(line(), "kernel: store web tag 9 quota 0 floor 0\n", "and none without a section");
	line();
	reconfigure("listen = none\npolicy = none\nstore web { tag 7 { floor = 5 } }\n");
	is_str(line(), "kernel: store web tag 7 quota 0 floor 5\n", "one again");
	line();
	reconfigure("listen = none\npolicy = none\nthreshold = 8k\nstore web {\n\tthreshold = 16k\n\ttag 7 { floor = 5 }\n}\n");
	is_str(line(), "kernel: store web tag 7 quota 0 floor 5\n", "with a threshold");
	line();
	ok(split("kernel: store other threshold 8192\n", "kernel: store web threshold 16384\n"),
	   "that is set, too");
	tell("!quiet late 1000000");
	is_str(line(), "kernel: store web tag 7 quota 0 floor 5\n",
	       "when events were lost it may be another store");
	ok(split("kernel: store other threshold 8192\n", "kernel: store web threshold 16384\n"),
	   "as are thresholds");
	is_str(line(), "kernel: store late threshold 8192\n", "and that of a new one");
	end("and it ends");
	hear_end();
}

/* What it is told is too long for it, as that of a later module may be. */
static void too_long(void)
{
	static char big[17 << 10];

	begin("listen = none\npolicy = lru\n");
	line();
	told();
	tell("!silent web 1000000");
	if (send(d.kernel, big, sizeof(big), 0) < 0)
		abort();
	is_str(line(), "zcached: store web: its policy is lru now\n",
	       "what is too long is lost, so it looks at all stores");
	end("and goes on");
	hear_end();
}

/* What the kernel says amid an answer to something else is not waited for. */
static void told_meanwhile(void)
{
	begin("listen = 127.0.0.1:0\ninterval = 60s\npolicy = lru\n");
	line();
	told();
	tell("!new web 1000000");
	line();
	tell("!late web 7 1000");
	ok(comes("/status.json", "\"state\":\"owned\",\"objects\":7,"),
	   "what is told amid a drain is drained at once");
	end("and it ends");
	told();
}

static void module_goes(void)
{
	struct nl_msg *msg = nlmsg_alloc();
	int status;

	begin("listen = none\n");
	is_str(line(), "zcached: ready\n", "without anybody to answer");
	told();
	genlmsg_put(msg, 0, 0, GENL_ID_CTRL, 0, 0, CTRL_CMD_DELFAMILY, 1);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, "zcache");
	if (send(d.kernel, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0) < 0)
		abort();
	nlmsg_free(msg);
	is_str(line(), "zcached: the zcache module was unloaded\n", "the module goes");
	waitpid(d.pid, &status, 0);
	is_int(WEXITSTATUS(status), 4, "which is its end");
}

static void watchdog(void)
{
	const char *text;
	int i;

	setenv("WATCHDOG_USEC", "200000", 1);
	begin("listen = none\n");
	unsetenv("WATCHDOG_USEC");
	for (i = 0; i < 10; i++) {
		text = told();
		if (strcmp(text, "READY=1"))
			break;
	}
	is_str(text, "WATCHDOG=1", "it feeds its manager's watchdog");
	end("and ends");
}

int main(void)
{
	char path[PATH_ROOM];
	size_t i;

	listener = unix_socket("events", SOCK_SEQPACKET, path);
	setenv("FAKE_NL_EVENTS", path, 1);
	if (listen(listener, 4))
		abort();
	manager = unix_socket("manager", SOCK_DGRAM, path);
	setenv("NOTIFY_SOCKET", path, 1);
	snprintf(http_path, sizeof(http_path), "%s/http", test_folder());
	for (i = 0; zp_all[i]; i++)
		sprintf(policies + strlen(policies), "%s%s", i ? ", " : "", zp_all[i]->name);
	configurations();
	stores();
	reload();
	answers();
	hostile();
	end("SIGTERM");
	is_str(told(), "STOPPING=1", "of which its manager hears");
	is_int(access(http_path, F_OK), -1, "and leaves no socket behind");
	limits();
	too_long();
	told_meanwhile();
	module_goes();
	watchdog();
	return tap_end();
}
