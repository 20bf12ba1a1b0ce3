// SPDX-License-Identifier: GPL-2.0-only
/*
 * record_bench STORE OWNED-STORE [OBJECTS]: what it adds to a hit of 4 KiB that the
 * owner of a store's policy is told of it.
 *
 * The same objects, 1000 or as many as told, go to both stores. In turns, one and the
 * other first, each has so many GETs, and SENDs to a TCP socket, of objects in one
 * random order. Only the calls are timed, by the CPU time of the thread. Told are the
 * lower quartiles of the turns, as what disturbs only adds, by how much that of the
 * second store is more, and in which range half of the turns have it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/zcache.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BYTES	4096
#define TURNS	200
#define ROUND	16		/* calls timed at once: what they send, a socket takes */
#define ROUNDS	125		/* of a turn */

static unsigned char data[BYTES * ROUND];
static unsigned int nr_objects = 1000;
static int sock, receiver;

static void die(const char *what)
{
	fprintf(stderr, "record_bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static uint64_t key_of(unsigned int i)
{
	return i * 0x9e3779b97f4a7c15;
}

static int open_store(const char *name)
{
	struct zc_put put = { .size = sizeof(put), .key_len = 8, .data_len = BYTES };
	char path[64];
	unsigned int i;
	uint64_t key;
	int node;

	snprintf(path, sizeof(path), "/dev/zcache/%s", name);
	node = open(path, O_RDWR | O_CLOEXEC);
	if (node < 0)
		die(path);
	put.key = (uintptr_t)&key;
	put.data = (uintptr_t)data;
	for (i = 0; i < nr_objects; i++) {
		key = key_of(i);
		if (ioctl(node, ZC_IOC_PUT, &put))
			die("PUT");
	}
	return node;
}

static void connect_sockets(void)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), size = 1 << 20;
	socklen_t len = sizeof(in);

	sock = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&in, len) || listen(listener, 1) ||
	    getsockname(listener, (struct sockaddr *)&in, &len) ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) ||
	    connect(sock, (struct sockaddr *)&in, len))
		die("socket");
	receiver = accept(listener, NULL, NULL);
	if (receiver < 0)
		die("accept");
}

static void get(int node, uint64_t key)
{
	struct zc_get g = { .size = sizeof(g), .key = (uintptr_t)&key, .key_len = 8,
			    .buf = (uintptr_t)data, .buf_len = BYTES };

	if (ioctl(node, ZC_IOC_GET, &g) || g.copied != BYTES)
		die("GET");
}

static void send_one(int node, uint64_t key)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_send s = { .size = sizeof(s), .key = (uintptr_t)&key, .key_len = 8,
			     .sock = sock, .nr_parts = 1, .parts = (uintptr_t)&part };

	if (ioctl(node, ZC_IOC_SEND, &s) || s.sent != BYTES)
		die("SEND");
}

static void discard(void)
{
	size_t left = BYTES * ROUND;
	ssize_t n;

	for (; left; left -= n) {
		n = recv(receiver, NULL, left, MSG_TRUNC);
		if (n <= 0)
			die("recv");
	}
}

/* Nanoseconds of a turn. */
static int64_t turn(int node, void (*call)(int node, uint64_t key), uint64_t seed)
{
	int64_t took = 0;
	int i, k;

	for (i = 0; i < ROUNDS; i++) {
		took -= cpu_ns();
		for (k = 0; k < ROUND; k++) {
			seed = seed * 6364136223846793005 + 1442695040888963407;
			call(node, key_of((seed >> 33) % nr_objects));
		}
		took += cpu_ns();
		if (call == send_one)
			discard();
	}
	return took;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void measure(const char *what, void (*call)(int node, uint64_t key), const int node[2])
{
	double more[TURNS], ns[2][TURNS];
	int64_t took[2];
	int i, k;

	for (i = -2; i < TURNS; i++) {
		for (k = 0; k < 2; k++)
			took[(i ^ k) & 1] = turn(node[(i ^ k) & 1], call, i);
		/* the first ones warm up */
		if (i < 0)
			continue;
		for (k = 0; k < 2; k++)
			ns[k][i] = (double)took[k] / ROUND / ROUNDS;
		more[i] = 100.0 * took[1] / took[0] - 100;
	}
	for (k = 0; k < 2; k++)
		qsort(ns[k], TURNS, sizeof(**ns), compare);
	qsort(more, TURNS, sizeof(*more), compare);
	printf("%s of %u objects: %.0f ns, %.0f ns, %+.2f %% (%+.2f..%+.2f)\n", what, nr_objects,
	       ns[0][TURNS / 4], ns[1][TURNS / 4],
	       100 * ns[1][TURNS / 4] / ns[0][TURNS / 4] - 100, more[TURNS / 4],
	       more[TURNS * 3 / 4]);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	cpu_set_t cpu;
	int node[2];

	if (argc < 3)
		return 2;
	if (argc > 3)
		nr_objects = atoi(argv[3]);
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		die("sched_setaffinity");
	node[0] = open_store(argv[1]);
	node[1] = open_store(argv[2]);
	connect_sockets();
	measure("GET", get, node);
	measure("SEND", send_one, node);
	return 0;
}
