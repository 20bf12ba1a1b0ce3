// SPDX-License-Identifier: GPL-2.0-only
/*
 * send_rows STORE: how long four ways of sending cached bytes to a TCP socket
 * take, side by side.
 *
 * One sender, and one receiver that discards (MSG_TRUNC), over loopback. Every
 * row sends the same bytes: those of a file in the page cache, or of an object
 * in the store. First each row is received and compared; then the rows take
 * turns, several times over. Printed is the median of a row's turns in
 * microseconds per transfer, with the smallest and the largest, and what the
 * store counted meanwhile.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/zcache.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIZE	(10UL << 20)
#define COPY_CHUNK	65536UL	/* as nginx's and Apache's output buffers */
#define TURNS		7
#define TURN_SECONDS	0.12
#define WIDE		1.5	/* largest by smallest of a quiet machine's turns */
#define KEY		"send_rows"

static const size_t sizes[] = { 4096, 65536, 1UL << 20, MAX_SIZE };
#define NR_SIZES	(sizeof(sizes) / sizeof(sizes[0]))

static unsigned char *data;	/* what every row sends */
static unsigned char *map;	/* the file, mapped for good */
static unsigned char *chunk;
static int file = -1, node = -1, sock = -1;
static double spread;		/* the widest of rows that take long enough */

static void die(const char *what)
{
	fprintf(stderr, "send_rows: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_all(const unsigned char *from, size_t len)
{
	while (len) {
		ssize_t n = write(sock, from, len);

		if (n < 0)
			die("write");
		from += n;
		len -= n;
	}
}

static void row_pread(size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t want = len - done < COPY_CHUNK ? len - done : COPY_CHUNK;
		ssize_t n = pread(file, chunk, want, done);

		if (n <= 0)
			die("pread");
		write_all(chunk, n);
		done += n;
	}
}

static void row_sendfile(size_t len)
{
	off_t pos = 0;

	while ((size_t)pos < len)
		if (sendfile(sock, file, &pos, len - pos) <= 0)
			die("sendfile");
}

static void row_mmap(size_t len)
{
	write_all(map, len);
}

static void row_zcache(size_t len)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .length = len };
	struct zc_send send = {
		.size = sizeof(send),
		.key = (uintptr_t)KEY,
		.key_len = strlen(KEY),
		.sock = sock,
		.nr_parts = 1,
		.parts = (uintptr_t)&part,
	};

	while (send.skip < len) {
		send.generation = 0;
		if (ioctl(node, ZC_IOC_SEND, &send))
			die("ZC_IOC_SEND");
		send.skip += send.sent;
	}
}

static const struct row {
	const char *name;
	void (*send)(size_t len);
} rows[] = {
	{ "pread+write", row_pread },
	{ "sendfile", row_sendfile },
	{ "mmap+write", row_mmap },
	{ "zcache", row_zcache },
};

#define NR_ROWS		(sizeof(rows) / sizeof(rows[0]))
#define ROW_SENDFILE	1
#define ROW_ZCACHE	3

/* Checks every byte of one transfer a row and size, then discards the rest. */
static void receive(int fd)
{
	unsigned char *buf = malloc(1 << 20);
	size_t r, s;

	for (s = 0; s < NR_SIZES; s++) {
		for (r = 0; r < NR_ROWS; r++) {
			size_t done = 0;

			while (done < sizes[s]) {
				size_t want = sizes[s] - done;
				ssize_t n = recv(fd, buf, want < 1 << 20 ?
						 want : 1 << 20, 0);

				if (n <= 0)
					die("recv");
				if (memcmp(buf, data + done, n)) {
					fprintf(stderr, "send_rows: %s sent wrong bytes\n",
						rows[r].name);
					_exit(1);
				}
				done += n;
			}
		}
	}
	while (recv(fd, buf, 1 << 20, MSG_TRUNC) > 0)
		;
	_exit(0);
}

static pid_t connect_receiver(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	pid_t pid;

	if (bind(listener, (void *)&addr, len) || listen(listener, 1) ||
	    getsockname(listener, (void *)&addr, &len))
		die("listen");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (void *)&addr, sizeof(addr)))
			die("connect");
		receive(fd);
	}
	sock = accept(listener, NULL, NULL);
	if (sock < 0 || setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &one,
				   sizeof(one)))
		die("accept");
	close(listener);
	return pid;
}

static void prepare(const char *store)
{
	struct zc_put put = { .size = sizeof(put) };
	char path[256];
	size_t i;

	data = malloc(MAX_SIZE);
	chunk = malloc(COPY_CHUNK);
	if (!data || !chunk)
		die("malloc");
	for (i = 0; i < MAX_SIZE; i++)
		data[i] = i * 2654435761u >> 24;

	snprintf(path, sizeof(path), "/tmp/send_rows.%d", getpid());
	file = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	if (file < 0)
		die(path);
	unlink(path);
	for (i = 0; i < MAX_SIZE; i += COPY_CHUNK)
		if (write(file, data + i, COPY_CHUNK) != (ssize_t)COPY_CHUNK)
			die("write");
	map = mmap(NULL, MAX_SIZE, PROT_READ, MAP_SHARED | MAP_POPULATE, file,
		   0);
	if (map == MAP_FAILED)
		die("mmap");

	snprintf(path, sizeof(path), "/dev/zcache/%s", store);
	node = open(path, O_RDWR);
	if (node < 0)
		die(path);
	put.key = (uintptr_t)KEY;
	put.key_len = strlen(KEY);
	put.data = (uintptr_t)data;
	put.data_len = MAX_SIZE;
	if (ioctl(node, ZC_IOC_PUT, &put))
		die("ZC_IOC_PUT");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* One turn of a row: microseconds per transfer. */
static double turn(const struct row *row, size_t len)
{
	double start = seconds(), now;
	unsigned long done = 0;

	do {
		row->send(len);
		done++;
		now = seconds();
	} while (now - start < TURN_SECONDS);
	return (now - start) / done * 1e6;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Prints one size's line; returns sendfile's time by zcache's. */
static double measure(size_t len)
{
	double us[NR_ROWS][TURNS], zcache;
	size_t r, t;

	for (t = 0; t < TURNS; t++)
		for (r = 0; r < NR_ROWS; r++)
			us[r][t] = turn(&rows[r], len);
	for (r = 0; r < NR_ROWS; r++) {
		qsort(us[r], TURNS, sizeof(us[r][0]), compare);
		if (len >= 1 << 20 && us[r][TURNS - 1] / us[r][0] > spread)
			spread = us[r][TURNS - 1] / us[r][0];
	}
	zcache = us[ROW_ZCACHE][TURNS / 2];
	if (len < 1 << 20)
		printf("%4zu KiB", len >> 10);
	else
		printf("%4zu MiB", len >> 20);
	for (r = 0; r < NR_ROWS; r++)
		printf(" %9.1f (%.1f..%.1f)", us[r][TURNS / 2], us[r][0],
		       us[r][TURNS - 1]);
	for (r = 0; r < NR_ROWS; r++)
		if (r != ROW_ZCACHE)
			printf(" %6.2f", us[r][TURNS / 2] / zcache);
	printf("\n");
	fflush(stdout);
	return us[ROW_SENDFILE][TURNS / 2] / zcache;
}

int main(int argc, char **argv)
{
	double ratio[NR_SIZES];
	struct utsname uts;
	size_t r, s;
	int status;
	pid_t pid;

	if (argc != 2) {
		fprintf(stderr, "usage: send_rows STORE\n");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	prepare(argv[1]);
	pid = connect_receiver();
	for (s = 0; s < NR_SIZES; s++)
		for (r = 0; r < NR_ROWS; r++)
			rows[r].send(sizes[s]);

	printf("microseconds per transfer: median of %d turns (smallest..largest)\n",
	       TURNS);
	printf("        ");
	for (r = 0; r < NR_ROWS; r++)
		printf(" %s", rows[r].name);
	printf(" | times zcache's: pread+write sendfile mmap+write\n");
	for (s = 0; s < NR_SIZES; s++)
		ratio[s] = measure(sizes[s]);

	shutdown(sock, SHUT_WR);
	if (waitpid(pid, &status, 0) != pid || status) {
		fprintf(stderr, "send_rows: the receiver failed\n");
		return 1;
	}
	if (spread > WIDE)
		printf("turns of one row differ by up to %.1f times: this machine is busy, measure again\n",
		       spread);
	uname(&uts);
	printf("zcache: %.1f times sendfile at 1 MiB, %.1f at 10 MiB (Linux %s)\n",
	       ratio[2], ratio[3], uts.release);
	return 0;
}
