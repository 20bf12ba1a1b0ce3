// SPDX-License-Identifier: GPL-2.0-only
/*
 * The receiving side: one process on a CPU of its own, so that its work is not
 * counted as the sender's. It discards (MSG_TRUNC), copies, or hashes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "send_bench.h"

#define COPY_ROOM	65536UL		/* that a client reads at once */
#define DISCARD_ROOM	(1UL << 20)

/* One connection in the receiving process. */
struct stream {
	int sock;
	EVP_MD_CTX *sha;
	uint64_t hashed;
};

static struct stream stream[MAX_CONNS];

/* The CPUs this program may use; it needs two. */
static unsigned int allowed_cpu(unsigned int which)
{
	static cpu_set_t set;
	static bool known;
	unsigned int i;

	if (!known && sched_getaffinity(0, sizeof(set), &set))
		die("sched_getaffinity");
	known = true;
	for (i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set) && !which--)
			return i;
	fail("two CPUs are needed, one for each side");
}

unsigned int server_cpu(void)
{
	return allowed_cpu(0);
}

unsigned int peer_cpu(void)
{
	return allowed_cpu(1);
}

void pin_to(unsigned int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void hash(struct peer_shared *shared, unsigned int i,
		 const unsigned char *from, size_t len)
{
	struct stream *s = &stream[i];

	if (!s->hashed && !EVP_DigestInit_ex(s->sha, EVP_sha256(), NULL))
		fail("SHA-256 cannot be had");
	EVP_DigestUpdate(s->sha, from, len);
	s->hashed += len;
	if (s->hashed > shared->quota)
		fail("the receiver got more than was sent");
	if (s->hashed == shared->quota) {
		EVP_DigestFinal_ex(s->sha, shared->digest[i], NULL);
		s->hashed = 0;
		__atomic_add_fetch(&shared->digests, 1, __ATOMIC_RELEASE);
	}
}

/* Receives once; false at the end of the stream. */
static bool receive(struct peer_shared *shared, unsigned int i,
		    enum receiver how, unsigned char *buf, int flags)
{
	size_t room = how == RECEIVER_DISCARD ? DISCARD_ROOM : COPY_ROOM;
	ssize_t n;

	if (how == RECEIVER_DISCARD)
		flags |= MSG_TRUNC;
	n = recv(stream[i].sock, buf, room, flags);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	if (n < 0)
		die("recv");
	if (how == RECEIVER_HASH && n)
		hash(shared, i, buf, n);
	/* After the digest: who sees all bytes come sees it too. */
	__atomic_add_fetch(&shared->received, n, __ATOMIC_RELEASE);
	return n;
}

/*
 * Polls without sleeping: a client is another machine, and to wake it up is no
 * work of the server's. How often a receiver that sleeps has to be woken also
 * hangs on small differences, and one row gets what another is spared.
 */
static void wait_for_bytes(const struct stream *s)
{
	struct pollfd fd = { .fd = s->sock, .events = POLLIN };

	while (!poll(&fd, 1, 0))
		;
}

static void receive_many(struct peer_shared *shared, unsigned int nr,
			 enum receiver how, unsigned char *buf)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	unsigned int i, open = nr;

	for (i = 0; i < nr; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		if (epoll_ctl(epoll, EPOLL_CTL_ADD, stream[i].sock, &event))
			die("epoll_ctl");
	}
	while (open) {
		struct epoll_event event[MAX_CONNS];
		int n = epoll_wait(epoll, event, MAX_CONNS, 0);

		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		while (n-- > 0) {
			i = event[n].data.u32;
			if (receive(shared, i, how, buf, MSG_DONTWAIT))
				continue;
			close(stream[i].sock);
			open--;
		}
	}
}

static void __attribute__((noreturn))
peer_main(const struct sockaddr_in *addr, struct peer_shared *shared,
	  unsigned int nr, enum receiver how)
{
	unsigned char *buf = malloc(MAX(COPY_ROOM, DISCARD_ROOM));
	unsigned int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin_to(peer_cpu());
	if (!buf)
		die("malloc");
	for (i = 0; i < nr; i++) {
		stream[i].sha = EVP_MD_CTX_new();
		stream[i].sock = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(stream[i].sock, (void *)addr, sizeof(*addr)))
			die("connect");
	}
	if (nr == 1)
		do
			wait_for_bytes(&stream[0]);
		while (receive(shared, 0, how, buf, 0));
	else
		receive_many(shared, nr, how, buf);
	_exit(0);
}

static void accept_conn(struct conn *c, unsigned int index, int listener)
{
	int one = 1;

	memset(c, 0, sizeof(*c));
	c->index = index;
	c->file = -1;
	c->pipe[0] = c->pipe[1] = -1;
	c->sock = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (c->sock < 0 || setsockopt(c->sock, IPPROTO_TCP, TCP_NODELAY, &one,
				      sizeof(one)))
		die("accept");
}

/* Starts a receiver and connects it nr times. */
void peer_start(struct peer *p, unsigned int nr, enum receiver how)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unsigned int i;

	if (bind(listener, (void *)&addr, len) || listen(listener, nr) ||
	    getsockname(listener, (void *)&addr, &len))
		die("listen");
	p->nr = nr;
	p->sent = 0;
	p->shared = mmap(NULL, sizeof(*p->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p->shared == MAP_FAILED)
		die("mmap");
	p->pid = fork();
	if (p->pid < 0)
		die("fork");
	if (!p->pid) {
		close(listener);
		peer_main(&addr, p->shared, nr, how);
	}
	if (clock_getcpuclockid(p->pid, &p->clock))
		fail("no clock for the receiver's CPU time");
	for (i = 0; i < nr; i++)
		accept_conn(&p->conn[i], i, listener);
	close(listener);
}

/* Waits until all that was sent has been received, and nothing else. */
void peer_drain(struct peer *p, const struct row *row)
{
	const struct timespec moment = { .tv_nsec = 50000 };
	uint64_t received;
	unsigned int i;

	for (;;) {
		received = __atomic_load_n(&p->shared->received,
					   __ATOMIC_ACQUIRE);
		if (received >= p->sent)
			break;
		if (waitpid(p->pid, NULL, WNOHANG))
			fail("%s: the receiver ended early", row->name);
		nanosleep(&moment, NULL);
	}
	if (received != p->sent)
		fail("%s: %ju bytes were sent, %ju received", row->name,
		     (uintmax_t)p->sent, (uintmax_t)received);
	for (i = 0; row->settle && i < p->nr; i++)
		row->settle(&p->conn[i]);
}

void peer_stop(struct peer *p)
{
	unsigned int i;
	int status;

	for (i = 0; i < p->nr; i++) {
		struct conn *c = &p->conn[i];

		close(c->sock);
		if (c->pipe[0] >= 0) {
			close(c->pipe[0]);
			close(c->pipe[1]);
		}
		free(c->chunk);
	}
	if (waitpid(p->pid, &status, 0) != p->pid || status)
		fail("the receiver failed");
	munmap(p->shared, sizeof(*p->shared));
}
