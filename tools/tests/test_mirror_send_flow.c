// SPDX-License-Identifier: GPL-2.0-only
/*
 * zc_send() of the mirror and its socket: messages in several calls, batches, sockets that
 * are full, broken or none, as selftests/t_resume.c, t_batch.c and t_unix.c have it of the
 * module.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mirror_msg.h"

/* The message in pieces, and every place at which it can be taken up. */
static void pieces(void)
{
	static const uint64_t bounds[] = { 1, 99, 4096, 30000, 65536, 100000, ~0ULL };
	uint64_t done, total, calls;
	size_t i;

	for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		message(NULL);
		add_inline(0, 100);
		add_header(&a);
		add_range(&a, 123, bounds[i] < 4096 ? 50 * bounds[i] : 150000);
		total = p.want_len;
		note();
		for (done = 0, calls = 0; done < total; done += s.sent, calls++) {
			uint64_t want = total - done < bounds[i] ? total - done : bounds[i];

			call_for("a");
			s.skip = done;
			s.max_bytes = bounds[i];
			if (go() || s.sent != want || s.total != total)
				break;
		}
		is_int(done, total, "all of it in pieces");
		is_int(since(ZC_C_SENDS), calls, "each all that was asked for");
		is_int(since(ZC_C_HITS), 1, "one hit");
		pair_arrived(&p, "it");
	}
}

/* --- going on after a short send */
static void by_pin(void)
{
	s.flags |= ZC_SEND_FD;
	s.key = s.key_len = 0;
	s.fd = s.pinned;
	s.pinned = 0;
	s.skip += s.sent;
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;
	int i;

	for (i = 0; i < 1000; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void pinning(void)
{
	struct object newer = { "a", 6, 10000, 0, NULL, 0, 0, NULL, "" };
	struct rlimit old, few;
	int way, fd, last;

	for (way = 0; way < 2; way++) {
		message(NULL);
		add_inline(0, 5);
		add_header(&a);
		add_to_end(&a, 1);
		call_for("a");
		s.flags = ZC_SEND_PIN;
		s.max_bytes = 1000;
		note();
		is_int(go(), 0, "the beginning");
		is_int(s.sent, 1000, "of so many bytes");
		fd = s.pinned;
		is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "an fd to go on with");
		is_int(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY, "that can only be read");
		is_int(since(ZC_C_OPENS), 1, "counted as opened");
		if (way)
			is_int(drop("a"), 0, "the object goes");
		else
			put(&newer);
		by_pin();
		s.max_bytes = 300000;
		is_int(go(), 0, "the middle");
		last = s.pinned;
		ok(last >= 0 && last != fd, "another fd");
		close(fd);
		by_pin();
		s.max_bytes = 0;
		is_int(go(), 0, "the end");
		is_int(s.sent, p.want_len - 301000, "with all that was left");
		is_int(s.pinned, -1, "no fd");
		is_int(s.generation, a.generation, "of the same version");
		is_int(since(ZC_C_HITS), 1, "one hit");
		is_int(since(ZC_C_MISSES), 0, "no miss");
		close(last);
		pair_arrived(&p, "it");
		put(&a);
	}
	/* no room for an fd: the bytes went, and that is told */
	message(NULL);
	add_to_end(&a, 0);
	call_for("a");
	s.flags = ZC_SEND_PIN;
	s.max_bytes = 1000;
	is_int(go(), 0, "so that the file is open");
	close(s.pinned);
	s.pinned = 0;
	s.skip = 1000;
	getrlimit(RLIMIT_NOFILE, &old);
	few = old;
	few.rlim_cur = dup(0);
	close(few.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &few);
	is_int(go(), 0, "without an fd to be had");
	setrlimit(RLIMIT_NOFILE, &old);
	is_int(s.sent, 1000, "the bytes went");
	is_int(s.pinned, -1, "and no fd is told");
	p.want_len = 2000;
	pair_arrived(&p, "it");
	free(newer.data);
}

/* A socket that does not block: what it takes, EAGAIN, and in the end all of it. */
static void full(void)
{
	static const struct pair_way tight = { .hold = true, .buffer = 5000 };
	uint64_t total, again;
	int way, err = 0, fd = -1;
	unsigned int fds = 0;

	for (way = 0; way < 3; way++) {
		message(&tight);
		add_inline(0, 1000);
		add_header(&a);
		add_range(&a, 77, 2000000);
		add_select("b", 0);
		add_to_end(&b, 0);
		total = p.want_len;
		if (way == 0)
			fcntl(p.sock, F_SETFL, O_NONBLOCK);
		call_for("a");
		s.flags = (way ? ZC_SEND_NOWAIT : 0) | (way == 2 ? ZC_SEND_PIN : 0);
		note();
		for (again = 0; s.skip < total; ) {
			err = go();
			if (err == -EAGAIN) {
				if (!again++) {
					fds = open_fds();
					pair_go(&p);
				}
				poll(&(struct pollfd){ p.sock, POLLOUT, 0 }, 1, -1);
				continue;
			}
			if (err || !s.sent || s.sent > total - s.skip)
				break;
			if (way < 2) {
				s.skip += s.sent;
				continue;
			}
			if (fd >= 0)
				close(fd);
			by_pin();
			fd = s.fd;
		}
		is_int(err, 0, "to its end");
		is_int(s.skip, total, "all of it");
		ok(again > 0, "it was full");
		is_int(since(ZC_C_SENDS_FAILED), again, "each time it was counted as failed");
		is_int(since(ZC_C_SENDS), 1, "the last call sent all that was asked");
		ok(since(ZC_C_SENDS_PARTIAL) > 0, "those before it a part");
		is_int(since(ZC_C_SPLICED_BYTES) + since(ZC_C_COPIED_BYTES), total, "bytes");
		if (way)
			ok(since(ZC_C_FALLBACKS) > 0, "what would have waited was copied");
		if (way == 2)
			is_int(open_fds(), fds - 1, "no fd is left over");
		pair_arrived(&p, "it");
	}
}

/* At random: pieces of random length of random messages. */
static void random_messages(void)
{
	const struct object *objects[] = { &a, &b, &tiny, &empty };
	unsigned int round, i, n, bad = 0;
	uint64_t total;

	srandom(1);
	for (round = 0; round < 60; round++) {
		const struct object *o = &b;

		message(NULL);
		n = 1 + random() % 12;
		for (i = 0; i < n; i++) {
			size_t at = random() % (o->len + 1);
			size_t len = random() % (random() % 4 ? 9000 : 150000);

			switch (random() % 6) {
			case 0:
				add_inline(random() % 1000, random() % 5000);
				break;
			case 1:
				if (o->header_len)
					add_header(o);
				break;
			case 2:
				o = objects[random() % 4];
				add_select(o->key, random() % 2 ? o->generation : 0);
				break;
			case 3:
				add_suffix(o, len);
				break;
			default:
				add_range(o, at, len < o->len - at ? len : o->len - at);
			}
		}
		add_inline(0, 1);
		total = p.want_len;
		call_for("b");
		s.threshold = random() % 3 ? 0 : 1 + random() % 20000;
		while (s.skip < total) {
			uint64_t left = total - s.skip;

			s.max_bytes = 1 + random() % (random() % 2 ? 70000 : 5000);
			bad += go() || s.total != total ||
			       s.sent != (left < s.max_bytes ? left : s.max_bytes);
			s.skip += s.sent;
		}
		bad += !pair_matches(&p);
	}
	is_int(bad, 0, "random messages");
}

/* --- batches */
#define BATCH	12

static void batches(void)
{
	static const int want[BATCH] = { 0, EBADF, ENOENT, ESTALE, EAGAIN, EINVAL, 0, ECANCELED,
					 ENOTSOCK, ERANGE, EPIPE, 0 };
	struct zc_part parts[] = {
		{ .type = ZC_PART_INLINE, .addr = zc_ptr(text), .length = 5 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END },
	};
	struct zc_send sends[BATCH], old[BATCH];
	struct zc_send_batch batch = {
		.nr = BATCH, .sends = zc_ptr(sends),
	};
	struct pair pairs[BATCH];
	int32_t results[BATCH];
	unsigned int i;

	batch.results = zc_ptr(results);
	for (i = 0; i < BATCH; i++) {
		pair_new(&pairs[i], family, i == 4 ? &(struct pair_way){ .hold = true, .discard = true,
									 .buffer = 5000 } : NULL);
		if (!want[i]) {
			pair_want(&pairs[i], text, 5);
			pair_want(&pairs[i], b.data, b.len);
		}
		sends[i] = (struct zc_send){
			.key = zc_ptr("b"), .key_len = 1, .sock = pairs[i].sock, .nr_parts = 2,
			.parts = zc_ptr(parts), .size = sizeof(sends[i]),
		};
		results[i] = 0x5555;
	}
	sends[1].sock = -1;
	sends[2].key = zc_ptr("z");
	sends[3].generation = b.generation + 100;
	while (send(pairs[4].sock, text, 1000, MSG_DONTWAIT) > 0)
		;
	pairs[4].want_len = -1;
	sends[5].flags = 1U << 31;
	sends[7].flags = ZC_SEND_IF_MATCH;
	sends[7].etag = zc_ptr("x");
	sends[7].etag_len = 1;
	sends[8].sock = open_key("b");
	sends[9].skip = 1 << 20;
	shutdown(pairs[10].sock, SHUT_WR);
	memcpy(old, sends, sizeof(old));
	note();
	is_int(zc_send_batch(cache, &batch), 0, "a batch");
	is_int(batch.done, BATCH, "all were tried");
	is_int(since(ZC_C_BATCHES), 1, "counted once");
	is_int(since(ZC_C_SENDS), 3, "with what went");
	for (i = 0; i < BATCH; i++) {
		is_int(results[i], -want[i], "the result of a message");
		if (want[i] == ECANCELED) {
			old[i].generation = b.generation;
			old[i].data_len = b.len;
		}
		if (want[i])
			ok(!memcmp(&old[i], &sends[i], sizeof(old[i])), "it was left alone");
		else
			is_int(sends[i].sent, b.len + 5, "all of it went");
		pair_arrived(&pairs[i], "it");
	}
	close(sends[8].sock);
	batch.nr = 0;
	is_int(zc_send_batch(cache, &batch), -EINVAL, "an empty batch");
	batch.nr = ZC_BATCH_MAX + 1;
	is_int(zc_send_batch(cache, &batch), -EINVAL, "too large a batch");
	batch.nr = 1;
	batch.flags = 1;
	is_int(zc_send_batch(cache, &batch), -EINVAL, "unknown flags");
}

/* --- sockets that cannot take it */
static int send_to(int sock)
{
	call_for("a");
	s.sock = sock;
	return go();
}

static void bad_sockets(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int fd, peer, sv[2];

	nr = 0;
	part[nr++] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 100000 };
	note();
	is_int(send_to(-1), -EBADF, "no fd");
	is_int(send_to(1 << 20), -EBADF, "no open fd");
	fd = open("/dev/null", O_RDWR);
	is_int(send_to(fd), -ENOTSOCK, "a device");
	close(fd);
	fd = open("/tmp", O_PATH);
	is_int(send_to(fd), -EBADF, "a path");
	close(fd);
	if (pipe(sv))
		abort();
	is_int(send_to(sv[1]), -ENOTSOCK, "a pipe");
	close(sv[0]);
	close(sv[1]);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	peer = socket(AF_INET, SOCK_DGRAM, 0);
	bind(peer, (void *)&addr, sizeof(addr));
	getsockname(peer, (void *)&addr, &len);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ok(!connect(fd, (void *)&addr, len), "connected");
	is_int(send_to(fd), -EOPNOTSUPP, "datagrams");
	close(fd);
	close(peer);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (fd >= 0) {
		is_int(send_to(fd), -EOPNOTSUPP, "a raw socket");
		close(fd);
	}
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv);
	is_int(send_to(sv[0]), -EOPNOTSUPP, "packets");
	close(sv[0]);
	close(sv[1]);
	addr.sin_port = 0;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	is_int(send_to(fd), -ENOTCONN, "not connected");
	bind(fd, (void *)&addr, sizeof(addr));
	is_int(send_to(fd), -ENOTCONN, "bound");
	listen(fd, 1);
	is_int(send_to(fd), -ENOTCONN, "listening");
	call_for("none");
	s.sock = fd;
	is_int(go(), -ENOTCONN, "the socket comes before the key");
	close(fd);
	is_int(since(ZC_C_HITS), 0, "no hit");
	is_int(since(ZC_C_MISSES), 0, "no miss");
	is_int(since(ZC_C_SENDS_FAILED), 0, "no send");
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	is_int(send_to(fd), -ENOTCONN, "a UNIX socket that is not connected");
	close(fd);
	/* the peer has gone */
	pair_new(&p, AF_INET, &(struct pair_way){ .quit = true, .reset = true });
	pair_wait(&p);
	fd = send_to(p.sock);
	ok(fd == -ECONNRESET || fd == -EPIPE, "a reset");
	is_int(send_to(p.sock), -EPIPE, "and then a broken pipe");
	is_int(since(ZC_C_SENDS_FAILED), 3, "all of them failed");
	pair_end(&p);
}

static void other_mirror(void)
{
	struct zc_cache *mine = cache;
	struct object x = { "x", 1, 1000, 0, NULL, 0, 0, NULL, "" };
	int fd;

	cache = mirror_new("other", NULL);
	put(&x);
	fd = open_key("x");
	zc_close(cache);
	cache = mine;
	message(NULL);
	add_select_fd(fd, 0);
	refused(EXDEV, "an object of another mirror");
	close(fd);
	free(x.data);
}

/* A data file that somebody made shorter: an error, and nobody dies. */
static void damaged(void)
{
	struct object x = { "x", 1, 1 << 20, 0, NULL, 0, 0, NULL, "" };
	char path[64];
	int fd, way;

	for (way = 0; way < 2; way++) {
		put(&x);
		message(NULL);
		add_to_end(&x, 0);
		fd = open_key("x");
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		call_for(NULL);
		s.fd = fd;
		s.flags |= way ? ZC_SEND_COPY : 0;
		chmod(path, 0600);
		is_int(truncate(path, 5000), 0, "shorter");
		is_int(go(), 0, "what is there");
		is_int(s.sent, 5000, "goes");
		s.skip = 5000;
		is_int(go(), -EIO, "and then an error");
		p.want_len = 5000;
		pair_arrived(&p, "it");
		close(fd);
	}
	drop("x");
	free(x.data);
}

static void unix_sockets(void)
{
	family = AF_UNIX;
	message(NULL);
	add_inline(0, 5);
	add_header(&a);
	add_to_end(&a, 0);
	add_select("b", 0);
	add_suffix(&b, 70000);
	note();
	sent_whole("a", 0, "to a UNIX socket");
	is_int(since(ZC_C_COPIED_BYTES), s.total, "all by copy");
	is_int(since(ZC_C_FALLBACKS), 1, "a fallback");
	is_int(since(ZC_C_FALLBACKS_UNIX), 1, "for that reason");
	message(NULL);
	add_range(&a, 0, 65535);
	call_for("a");
	s.threshold = 65536;
	note();
	is_int(go(), 0, "below the threshold");
	is_int(since(ZC_C_FALLBACKS), 0, "nothing is one");
	pair_arrived(&p, "it");
	pieces();
	full();
	random_messages();
	family = AF_INET;
}

int main(void)
{
	begin();
	pieces();
	pinning();
	full();
	random_messages();
	batches();
	bad_sockets();
	other_mirror();
	damaged();
	unix_sockets();
	return end();
}
