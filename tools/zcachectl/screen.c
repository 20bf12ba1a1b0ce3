// SPDX-License-Identifier: GPL-2.0-only
/* The few control sequences that this takes are those of every terminal in use. */
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "screen.h"

static struct {
	struct termios saved;
	int rows, columns, used;
} screen;

static void resized(int sig)
{
	(void)sig;	/* that it ends the wait is all it is for */
}

/* No echo, each key at once; the key for suspending would leave the screen as it is. */
void screen_begin(void)
{
	struct sigaction sa = { .sa_handler = resized };
	struct termios t;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGWINCH, &sa, NULL);
	if (!tcgetattr(STDIN_FILENO, &screen.saved)) {
		t = screen.saved;
		t.c_lflag &= ~(ICANON | ECHO);
		/* Else the key that interrupts may take what is written at the end with it. */
		t.c_lflag |= NOFLSH;
		t.c_cc[VMIN] = 1;
		t.c_cc[VTIME] = 0;
		t.c_cc[VSUSP] = _POSIX_VDISABLE;
		tcsetattr(STDIN_FILENO, TCSANOW, &t);
	}
	fputs("\033[?1049h\033[?25l", stdout);
}

void screen_end(void)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (screen.saved.c_cflag)
		tcsetattr(STDIN_FILENO, TCSANOW, &screen.saved);
}

void screen_frame_begin(void)
{
	struct winsize w = { 0 };

	ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	screen.rows = w.ws_row ?: 24;
	screen.columns = w.ws_col ?: 80;
	screen.used = 0;
	fputs("\033[H", stdout);
}

int screen_room(void)
{
	return screen.rows - screen.used;
}

/* The last line has no end, or the screen would scroll. */
void screen_line(const char *text)
{
	if (screen_room() <= 0)
		return;
	printf("%s%.*s\033[K", screen.used ? "\n" : "", screen.columns, text);
	screen.used++;
}

void screen_frame_end(void)
{
	fputs("\033[J", stdout);
	fflush(stdout);
}
