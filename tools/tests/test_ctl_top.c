// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl top: on a terminal that the test has the other end of, and without one. */
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "ctl_run.h"
#include "json_document.h"

static int terminal;
static pid_t pid;

static void begin(int rows, int columns, const char *count)
{
	struct winsize size = { .ws_row = rows, .ws_col = columns };

	fflush(stdout);
	pid = forkpty(&terminal, NULL, NULL, &size);
	if (pid < 0)
		abort();
	if (!pid) {
		execl(test_program("zcachectl-fake"), "zcachectl-fake", "top", "interval", "1h",
		      count ? "count" : NULL, count, NULL);
		_exit(127);
	}
}

/* What is drawn up to and with these bytes, or to the end; without CRs. */
static const char *drawn(const char *until)
{
	static char text[8192];
	size_t n = 0, len = strlen(until);
	char c;

	while (n < sizeof(text) - 1 && read(terminal, &c, 1) == 1) {
		if (c == '\r')
			continue;
		text[n++] = c;
		if (len && n >= len && !memcmp(text + n - len, until, len))
			break;
	}
	text[n] = '\0';
	return text;
}

static void press(const char *key)
{
	if (write(terminal, key, strlen(key)) < 0)
		abort();
}

#define ENTER "\033[?1049h\033[?25l"
#define LEAVE "\033[?25h\033[?1049l"
#define TOP "\033[H"
#define LINE "\033[K\n"
#define END "\033[K\033[J"

#define HEAD TOP "2 stores, every 1h; q quits, space looks at once" LINE LINE \
	"NAME         USED   CAPACITY   OBJECTS   HIT%    HITS/S     SENT/S EVICT/S" LINE

#define FIRST HEAD \
	"web       1.5 KiB    1.0 MiB         3      -         -          -       -" LINE \
	"second    1.5 KiB    1.0 MiB         3      -         -          -       -" END

#define SECOND HEAD \
	"web       1.5 KiB    1.0 MiB         3   33.3       500   21.9 KiB    5500" LINE \
	"second    1.5 KiB    1.0 MiB         3   33.3       500   21.9 KiB    5500" END

static bool cooked(void)
{
	struct termios t;

	return !tcgetattr(terminal, &t) && t.c_lflag & ICANON && t.c_lflag & ECHO;
}

static void end(const char *name)
{
	int status;

	is_str(drawn(LEAVE), LEAVE, name);
	waitpid(pid, &status, 0);
	is_int(status, 0, name);
	ok(cooked(), name);
	close(terminal);
}

static void on_a_terminal(void)
{
	begin(24, 80, NULL);
	is_str(drawn("\033[J"), ENTER FIRST, "the first frame has no rates yet");
	ok(!cooked(), "keys come one by one");
	press(" ");
	is_str(drawn("\033[J"), SECOND, "the next one has");
	press("x ");
	is_str(drawn("\033[J"), SECOND, "other keys do nothing");
	press("q");
	end("q ends it");

	begin(24, 80, NULL);
	drawn("\033[J");
	press("\003");
	end("so does the key for interrupting");

	begin(24, 80, NULL);
	drawn("\033[J");
	kill(pid, SIGTERM);
	end("and SIGTERM");

	begin(24, 80, "2");
	drawn("\033[J");
	press(" ");
	is_str(drawn("\033[J"), SECOND, "the last frame of two");
	end("is the end");
}

static void sizes(void)
{
	struct winsize size = { .ws_row = 4, .ws_col = 20 };

	begin(24, 80, NULL);
	is_str(drawn("\033[J"), ENTER FIRST, "a window");
	ioctl(terminal, TIOCSWINSZ, &size);
	is_str(drawn("\033[J"), TOP "2 stores, every 1h; " LINE LINE "NAME         USED   " LINE
	       "and 2 more" END, "that gets smaller is drawn anew");
	size.ws_row = 5;
	ioctl(terminal, TIOCSWINSZ, &size);
	is_str(drawn("\033[J"), TOP "2 stores, every 1h; " LINE LINE "NAME         USED   " LINE
	       "web       1.5 KiB   " LINE "second    1.5 KiB   " END, "and larger again");
	press("Q");
	end("Q ends it as well");
}

/* The module goes while the screen is drawn. */
static void broken(void)
{
	int status;

	setenv("FAKE_NL_FAIL", "2", 1);
	begin(24, 80, NULL);
	unsetenv("FAKE_NL_FAIL");
	is_str(drawn(""), ENTER LEAVE "zcachectl: the zcache module was unloaded\n",
	       "without the module the screen is given back");
	waitpid(pid, &status, 0);
	is_int(WEXITSTATUS(status), 4, "and the exit code says so");
	close(terminal);
}

#define LINES_HEAD \
	"TIME                 NAME                                   USED   CAPACITY   OBJECTS   HIT%    HITS/S     SENT/S EVICT/S\n"

#define LINES_WEB \
	"0000-00-00T00:00:00Z web                                 1.5 KiB    1.0 MiB         3   33.3       500   21.9 KiB    5500\n"

#define LINES_SECOND \
	"0000-00-00T00:00:00Z second                              1.5 KiB    1.0 MiB         3   33.3       500   21.9 KiB    5500\n"

/* Every digit of the time becomes a 0. */
static void mask_times(char *p)
{
	int i;

	for (; *p; p = strchrnul(p, '\n') + 1)
		for (i = 0; i < 20 && p[i] && p[i] != '\n'; i++)
			if (p[i] >= '0' && p[i] <= '9')
				p[i] = '0';
}

static void without_terminal(void)
{

	fake("top", "interval", "100ms", "count", "1");
	is_int(r.code, 0, "without a terminal there are lines");
	mask_times(r.out);
	is_str(r.out, LINES_HEAD LINES_WEB LINES_SECOND, "one for each store");
	fake("top", "interval", "100ms", "count", "2");
	mask_times(r.out);
	is_str(r.out, LINES_HEAD LINES_WEB LINES_SECOND LINES_WEB LINES_SECOND, "again");
}

static void as_json(void)
{
	const char *stores;

	fake("--json", "top", "interval", "100ms", "count", "1");
	is_int(r.code, 0, "as JSON");
	stores = strstr(r.out, ",\"stores\"");
	ok(!strncmp(r.out, "{\"time\":", 8), "with the time");
	is_str(stores ?: "",
	       ",\"stores\":["
	       "{\"name\":\"web\",\"used\":1536,\"capacity\":1048576,\"objects\":3,\"hits_per_s\":500.0,\"misses_per_s\":1000.0,\"sent_bytes_per_s\":22500.0,\"evictions_per_s\":5500.0},"
	       "{\"name\":\"second\",\"used\":1536,\"capacity\":1048576,\"objects\":3,\"hits_per_s\":500.0,\"misses_per_s\":1000.0,\"sent_bytes_per_s\":22500.0,\"evictions_per_s\":5500.0}]}\n",
	       "and the stores");
	fake("--json", "top", "interval", "100ms", "count", "3");
	ok(r.out[0] == '{', "each line is a document");
	for (stores = r.out; (stores = strchr(stores, '\n')); stores++)
		ok(!stores[1] || stores[1] == '{', "another one");
}

static void usage(void)
{
	run(&r, NULL, "zcachectl", "top", "interval", "99ms", NULL);
	refused(1, "zcachectl: interval '99ms' is shorter than 100ms\n", "a short interval");
	run(&r, NULL, "zcachectl", "top", "interval", "25h", NULL);
	refused(1, "zcachectl: interval '25h' is longer than 1d\n", "a long interval");
	run(&r, NULL, "zcachectl", "top", "count", "x", NULL);
	refused(1, "zcachectl: count 'x' is not a number from 0 to 18446744073709551615\n",
		"a bad count");
	setenv("FAKE_NL_FAIL", "1", 1);
	fake("top");
	refused(2, "zcachectl: cannot list the stores: this needs CAP_NET_ADMIN, try as root: Operation not permitted (EPERM)\n",
		"without rights");
	unsetenv("FAKE_NL_FAIL");
}

int main(void)
{
	setenv("FAKE_CLOCK", "2", 1);
	setenv("FAKE_NL_STEP", "1000", 1);
	on_a_terminal();
	sizes();
	broken();
	without_terminal();
	as_json();
	usage();
	return tap_end();
}
