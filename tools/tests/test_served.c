// SPDX-License-Identifier: GPL-2.0-only
/* zcached that owns a mirror: its start and end, and clients in processes of their own. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mirror_util.h"
#include "served_daemon.h"
#include "tap.h"
#include "util.h"

#define DEADLINE 20		/* seconds */

#define CLIENTS	4
#define ROUNDS	250

static struct result r;
static char wanted[1024];

static mode_t mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? 0 : st.st_mode;
}

/* What ends at once, with what it says. */
static void refused(int code, const char *says, const char *name, const char *folder,
		    const char *socket)
{
	run(&r, NULL, "zcached", "--mirror", folder,
	    socket ? "--socket" : NULL, socket, NULL);
	is_int(r.code, code, name);
	is_str(r.err, says, "and is told");
}

static int listener(const char *path, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

	strcpy(address.sun_path, path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1))
		abort();
	return fd;
}

static void refusals(void)
{
	char folder[300], path[300];
	int fd;

	run(&r, NULL, "zcached", "--socket", "/x", NULL);
	is_int(r.code, 1, "--socket without --mirror");
	is_str(r.err, "zcached: --socket is that of a mirror: --mirror is missing\n", "and is told");
	refused(3, "zcached: there is no mirror /nonexistent: No such file or directory (ENOENT)\n",
		"no folder", "/nonexistent", NULL);
	snprintf(wanted, sizeof(wanted), "zcached: there is no mirror %s: Wrong medium type (EMEDIUMTYPE)\n",
		 test_folder());
	refused(3, wanted, "a folder that is no mirror", test_folder(), NULL);
	zc_close(mirror_new("plain", NULL));
	snprintf(folder, sizeof(folder), "%s", mirror_path("plain"));
	snprintf(path, sizeof(path), "%s", test_file("here", "precious", 8));
	snprintf(wanted, sizeof(wanted), "zcached: cannot listen on %s: Address already in use (EADDRINUSE)\n",
		 path);
	refused(2, wanted, "a file where the socket is to be", folder, path);
	ok(S_ISREG(mode_of(path)), "the file stays");
	unlink(path);
	fd = listener(path, SOCK_SEQPACKET);
	refused(2, wanted, "a socket of somebody else", folder, path);
	ok(S_ISSOCK(mode_of(path)), "it stays");
	close(fd);
	unlink(path);
	fd = listener(path, SOCK_STREAM);
	refused(2, wanted, "one of another kind", folder, path);
	ok(S_ISSOCK(mode_of(path)), "it stays, too");
	close(fd);
	unlink(path);
	snprintf(wanted, sizeof(wanted), "zcached: cannot listen on %0200d: File name too long (ENAMETOOLONG)\n", 0);
	snprintf(path, sizeof(path), "%0200d", 0);
	refused(2, wanted, "a long name", folder, path);
}

static void life(void)
{
	char folder[300], path[320], config[300];
	struct zc_cache *c, *w = mirror_new("life", NULL);
	int status;

	snprintf(folder, sizeof(folder), "%s", mirror_path("life"));
	snprintf(path, sizeof(path), "%s/socket", folder);
	daemon_begin(folder, NULL, NULL);
	is_int(mode_of(path), S_IFSOCK | 0600, "a socket of its own in the folder");
	is_int(daemon_caps(), 0, "without any right");
	is_str(d.told, "READY=1", "its manager is told");
	snprintf(wanted, sizeof(wanted), "zcached: the mirror %s has another zcached\n", folder);
	refused(2, wanted, "a second one", folder, NULL);
	ok(S_ISSOCK(mode_of(path)), "which leaves the socket alone");
	is_int(daemon_end(SIGTERM), 0, "SIGTERM ends it");
	is_int(mode_of(path), 0, "the socket is gone");
	snprintf(config, sizeof(config), "%s", test_file("c", "socket-mode = 0660\n", 19));
	daemon_begin(folder, NULL, config);
	is_int(mode_of(path), S_IFSOCK | 0660, "the mode is that of the configuration");
	test_file("c", "socket-mode = 0606\n", 19);
	daemon_reload();
	is_int(mode_of(path), S_IFSOCK | 0606, "also if it is read again");
	test_file("c", "socket-mode = 9\n", 16);
	kill(daemon_pid(), SIGHUP);
	ok(strstr(daemon_line(), "nothing is changed: "), "what is wrong is told");
	is_str(daemon_line(), "zcached: ready\n", "and that it goes on");
	is_int(mode_of(path), S_IFSOCK | 0606, "as it was");
	kill(daemon_pid(), SIGKILL);
	waitpid(daemon_pid(), &status, 0);
	ok(S_ISSOCK(mode_of(path)), "a kill leaves the socket");
	is_int(zc_open(served_name(path), O_RDONLY, &c), -ECONNREFUSED, "which nobody serves");
	daemon_begin(folder, NULL, NULL);
	is_int(zc_open(served_name(path), O_RDONLY, &c), 0, "until the next one takes its place");
	zc_close(c);
	unlink(path);
	close(listener(path, SOCK_SEQPACKET));
	is_int(daemon_end(SIGINT), 0, "SIGINT ends it");
	ok(S_ISSOCK(mode_of(path)), "what is another's now stays");
	zc_close(w);
	is_int(zc_mirror_delete(folder, 0), 0, "nothing of the daemon is in the way of the mirror's end");
	is_int(mode_of(path), S_IFSOCK | 0755, "but what is another's");
}

static int client(const char *name)
{
	struct zc_cache *c;
	int i, bad = 0;
	char key[8];

	if (zc_open(name, O_RDONLY, &c))
		return 200;
	for (i = 0; i < ROUNDS; i++) {
		snprintf(key, sizeof(key), "k%d", i % 5);
		bad += check_seeded(c, key);
		bad += get_key(c, "none", 0) != -ENOENT;
	}
	zc_close(c);
	return bad > 100 ? 100 : bad;
}

static void processes(void)
{
	struct zc_cache *w = mirror_new("many", NULL);
	char path[300], name[400], key[8];
	int i, status, bad = 0, fds;
	pid_t pid[CLIENTS];

	for (i = 0; i < 5; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		put_seeded(w, key, 3000 * i, i);
	}
	snprintf(path, sizeof(path), "%s", mirror_path("elsewhere"));
	snprintf(name, sizeof(name), "%s", served_name(path));
	daemon_begin(mirror_path("many"), path, NULL);
	fds = daemon_fds();
	fflush(stdout);
	for (i = 0; i < CLIENTS; i++) {
		pid[i] = fork();
		if (!pid[i])
			_exit(client(name));
	}
	for (i = 0; i < 400; i++) {
		snprintf(key, sizeof(key), "k%d", i % 5);
		bad += put_seeded(w, key, 3000 * (i % 5) + i, 1000 + i) != 0;
	}
	is_int(bad, 0, "objects are replaced");
	for (i = 0; i < CLIENTS; i++) {
		waitpid(pid[i], &status, 0);
		is_int(status, 0, "while a process reads them in whole");
	}
	is_int(counted(w, ZC_C_HITS), CLIENTS * ROUNDS, "each lookup is one hit");
	is_int(counted(w, ZC_C_MISSES), CLIENTS * ROUNDS, "or one miss");
	is_int(counted(w, ZC_C_MMAP_READS) + counted(w, ZC_C_MMAP_SKIPPED), CLIENTS * ROUNDS,
	       "what clients did themselves is counted");
	/* it keeps open what its clients asked for, and no more */
	ok(daemon_fds() <= fds + 5 + 4, "thousands of lookups later nothing more is open");
	is_str(mirror_wrong(w, "many") ?: "well", "well", "all is well");
	is_int(daemon_end(SIGTERM), 0, "it ends");
	zc_close(w);
}

/* Killed at any point; what clients have stays, and the next one serves them. */
static void kills(void)
{
	struct zc_cache *w = mirror_new("kills", NULL), *c;
	struct zc_lookup l = { .key = "a", .key_len = 1 };
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	char folder[300], want[16000], got[16000];
	int i, fd, status, bad = 0;

	snprintf(folder, sizeof(folder), "%s", mirror_path("kills"));
	put_seeded(w, "a", sizeof(want), 1);
	fill_pattern(want, sizeof(want), 1);
	daemon_begin(folder, NULL, NULL);
	is_int(zc_open(served_name(mirror_path("kills/socket")), O_RDONLY, &c), 0, "a client");
	is_int(zc_lookup(c, &l), 0, "has an object in memory");
	fd = zc_open_object(c, &o);
	ok(fd >= 0, "and another open");
	for (i = 0; i < 5; i++) {
		kill(daemon_pid(), SIGKILL);
		waitpid(daemon_pid(), &status, 0);
		bad += get_key(c, "a", 0) != -ECONNREFUSED;
		daemon_begin(folder, NULL, NULL);
		bad += check_seeded(c, "a");
		bad += put_seeded(w, "a", 10 + i, 2 + i) != 0;
		bad += check_seeded(c, "a");
	}
	is_int(bad, 0, "it is killed, and clients go on with the next one");
	is_mem(l.data, l.data_len, want, sizeof(want), "what was mapped stays");
	is_int(pread(fd, got, sizeof(got), 0), sizeof(got), "and what was open");
	ok(!memcmp(got, want, sizeof(got)), "with its bytes");
	is_str(mirror_wrong(w, "kills") ?: "well", "well", "the mirror is well");
	is_int(daemon_end(SIGTERM), 0, "it ends");
	is_int(get_key(c, "a", 0), -ENOENT, "then there is no socket");
	close(fd);
	zc_release(c, &l);
	zc_close(c);
	zc_close(w);
}

static int watched;

static int watch(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type == FTW_D && inotify_add_watch(watched, path, IN_DELETE) < 0;
}

/* Looks again whenever one is removed. */
static void wait_for_files(const char *folder, int nr, const char *name)
{
	struct pollfd p = { .events = POLLIN };
	char events[4096];

	p.fd = watched = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watched < 0 || nftw(mirror_path(folder), watch, 16, FTW_PHYS))
		abort();
	while (files_in(folder) != nr && poll(&p, 1, DEADLINE * 1000) == 1)
		while (read(watched, events, sizeof(events)) > 0)
			;
	is_int(files_in(folder), nr, name);
	close(watched);
}

/* Nobody asks for it: what is over goes by itself. */
static void ticks(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .grace_ms = ZC_MIRROR_NO_GRACE };
	struct zc_cache *w = mirror_new("ticks", &conf);
	struct zc_put put = {
		.key = zc_ptr("a"), .key_len = 1, .data = zc_ptr("a"), .data_len = 1,
	};
	char key[8];
	int i, fd;

	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "%d", i);
		put.key = zc_ptr(key);
		put.key_len = strlen(key);
		put.expires_ns = i < 99 ? from_now(1000000) : 0;
		zc_put(w, &put);
	}
	put = (struct zc_put) { .key = zc_ptr("f"), .key_len = 1, .data_len = 5 };
	fd = zc_fill(w, &put);
	close(fd);
	daemon_begin(mirror_path("ticks"), NULL, test_file("c", "interval = 10ms\n", 16));
	wait_for_files("ticks/data", 1, "what expired is swept");
	wait_for_files("ticks/fill", 0, "and what a fill left");
	is_int(counted(w, ZC_C_ABORTS), 1, "which was given up");
	is_int(daemon_end(SIGTERM), 0, "it ends");
	zc_close(w);
}

/* Another user has nothing but the socket. */
static int stranger(const char *name, const char *folder)
{
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_cache *c;
	int fd, other;

	if (setgid(65534) || setuid(65534) || !access(folder, R_OK))
		return 1;
	if (zc_open(name, O_RDONLY, &c) || get_key(c, "a", 0))
		return 2;
	fd = zc_open_object(c, &o);
	o.fd = 0;
	other = zc_open_object(c, &o);
	if (fd < 0 || other < 0)
		return 3;
	if (lseek(fd, 3, SEEK_SET) != 3 || lseek(other, 0, SEEK_CUR))
		return 4;
	zc_close(c);
	return 0;
}

static void strangers(void)
{
	struct zc_cache *w;
	char path[300], name[400], folder[300];
	int status;
	pid_t pid;

	if (getuid()) {
		printf("ok %d - another user # SKIP who is not root is none\n", ++tap_count);
		return;
	}
	umask(077);
	w = mirror_new("mine", NULL);
	put_seeded(w, "a", 10, 1);
	umask(022);
	chmod(test_folder(), 0711);
	snprintf(folder, sizeof(folder), "%s", mirror_path("mine"));
	snprintf(path, sizeof(path), "%s", mirror_path("open"));
	snprintf(name, sizeof(name), "%s", served_name(path));
	daemon_begin(folder, path, test_file("c", "socket-mode = 0666\n", 19));
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(stranger(name, folder));
	waitpid(pid, &status, 0);
	is_int(status, 0, "who cannot read the folder reads its objects");
	is_int(daemon_end(SIGTERM), 0, "it ends");
	zc_close(w);
}

int main(void)
{
	daemon_init();
	refusals();
	life();
	processes();
	kills();
	ticks();
	strangers();
	return tap_end();
}
