// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a mirror's owner and its clients say to each other. Bit 0 of the first byte chooses who
 * hears it: 0 the owner, 1 a client; of a client bit 1 says that its greetings are of the
 * input, too. Then come messages, each after two bytes with its length, whose two highest bits
 * say how many fds come with it; in those to a client ANY stands for the version that is asked
 * for, or is there. What a good request gets is a good answer; whatever a client hears, it
 * has no more files open afterwards, and reads nothing that is not the object's.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "mirror_files.h"

#include "../zcached/mirror_answer.h"

#define TURNS 64
#define ANY UINT64_MAX

static struct zc_cache *mirror;
static const uint8_t *input;
static size_t left;
static uint64_t generation;
static uint32_t number;		/* of the request */
static int object = -1;		/* the file of one */
static bool greeted, own_greeting;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);

static size_t take(void *to, size_t room, unsigned int *nr_fds)
{
	size_t len, n;

	if (left < 2)
		return 0;
	len = input[0] | (input[1] & 0x3f) << 8;
	*nr_fds = input[1] >> 6;
	input += 2;
	left -= 2;
	n = len < left ? len : left;
	memcpy(to, input, n < room ? n : room);
	input += n;
	left -= n;
	return n;
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	(void)fd;
	(void)address;
	(void)len;
	greeted = own_greeting;
	number = 0;
	return 0;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	static struct zcs_request_msg ask;
	size_t len = msg->msg_iov[0].iov_len;

	(void)fd;
	(void)flags;
	must(len == sizeof(ask.head) && msg->msg_iov[1].iov_len <= sizeof(ask.body));
	memcpy(&ask.head, msg->msg_iov[0].iov_base, len);
	if (msg->msg_iov[1].iov_len)
		memcpy(ask.body, msg->msg_iov[1].iov_base, msg->msg_iov[1].iov_len);
	len += msg->msg_iov[1].iov_len;
	must(zcs_request_good(&ask, len));
	number = ask.head.number;
	return len;
}

static void give_fds(struct msghdr *msg, unsigned int nr)
{
	struct cmsghdr *c = msg->msg_control;
	unsigned int i, room = (msg->msg_controllen - CMSG_LEN(0)) / sizeof(int);
	int fd;

	if (nr > room)
		msg->msg_flags |= MSG_CTRUNC;
	for (i = 0; i < nr && i < room; i++) {
		fd = dup(i ? 0 : object);
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	}
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(i * sizeof(int));
	msg->msg_controllen = i ? CMSG_SPACE(i * sizeof(int)) : 0;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct zcs_answer_msg *answer = msg->msg_iov->iov_base;
	size_t room = msg->msg_iov->iov_len, len;
	unsigned int nr_fds = 0;

	(void)fd;
	(void)flags;
	msg->msg_flags = 0;
	if (!greeted) {
		greeted = true;
		msg->msg_controllen = 0;
		return mirror_greeting(zcm_mirror(mirror), answer, 0);
	}
	len = take(answer, room, &nr_fds);
	if (len > room) {
		msg->msg_flags |= MSG_TRUNC;
		len = room;
	}
	/* an input that has none means it */
	if (len >= sizeof(answer->head) && !answer->head.number)
		answer->head.number = number;
	if (len >= sizeof(answer->head) + sizeof(answer->found) &&
	    answer->found.generation == ANY)
		answer->found.generation = generation;
	give_fds(msg, nr_fds);
	return len;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };

	(void)argc;
	(void)argv;
	mirror_make();
	must(!zc_open(mirror_spec(), O_RDWR, &mirror));
	object = zc_open_object(mirror, &o);
	must(object >= 0);
	generation = o.generation;
	return 0;
}

static void owner(void)
{
	struct zcs_answer_msg answer;
	struct zcs_request_msg ask;
	unsigned int nr_fds;
	int fd, turns;
	size_t len;

	for (turns = 0; turns < TURNS && left; turns++) {
		memset(&ask, 0, sizeof(ask));
		len = take(&ask, sizeof(ask), &nr_fds);
		/* which it is the input cannot know */
		if (ask.head.have == ANY)
			ask.head.have = generation;
		if (len > sizeof(ask) || !zcs_request_good(&ask, len))
			continue;
		len = mirror_answer(zcm_mirror(mirror), &ask, &answer, &fd);
		must(ZCS_QUIET(ask.head.op) ? !len :
		     zcs_answer_good(&ask.head, &answer, len, fd >= 0));
		if (fd >= 0)
			close(fd);
	}
}

/* The bytes are the file's: of it is the object that the client has. */
static void is_object(const void *bytes, size_t len)
{
	char real[64];

	must(len <= sizeof(real) && pread(object, real, sizeof(real), 0) == (ssize_t)len &&
	     !memcmp(bytes, real, len));
}

static void use(struct zc_cache *c)
{
	char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX], bytes[64];
	uint64_t tags[ZC_TAGS_MAX], n[ZC_C_NR];
	struct zc_stat stat = {
		.key = zc_ptr("a"), .key_len = 1, .header = zc_ptr(header),
		.header_len = sizeof(header), .etag = zc_ptr(etag), .etag_len = sizeof(etag),
		.type = zc_ptr(type), .type_len = sizeof(type), .tags = zc_ptr(tags),
		.nr_tags = ZC_TAGS_MAX,
	};
	struct zc_get get = {
		.key = zc_ptr("a"), .key_len = 1, .buf = zc_ptr(bytes), .buf_len = sizeof(bytes),
	};
	struct zc_open o = { .key = zc_ptr("a"), .key_len = 1 };
	struct zc_lookup l = { .key = "a", .key_len = 1 };
	struct zc_info info = { 0 };

	if (!zc_get(c, &get))
		is_object(bytes, get.copied);
	if (!zc_stat(c, &stat))
		must(stat.etag_len <= ZC_ETAG_MAX && stat.nr_tags <= ZC_TAGS_MAX);
	if (!zc_lookup(c, &l)) {
		is_object(l.data, l.data_len);
		zc_release(c, &l);
	}
	stat = (struct zc_stat) { .flags = ZC_STAT_FD, .fd = zc_open_object(c, &o) };
	if (stat.fd >= 0) {
		zc_stat(c, &stat);
		close(stat.fd);
	}
	(void)zc_info(c, &info);
	(void)zc_counters(c, n, ZC_C_NR);
}

static void client(void)
{
	struct zc_cache *c;
	int first = dup(0), last;

	close(first);
	if (!zc_open("served:/x", O_RDONLY, &c)) {
		use(c);
		zc_close(c);
	}
	last = dup(0);
	close(last);
	must(first == last);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	input = data + 1;
	left = size - 1;
	own_greeting = data[0] & 2;
	if (data[0] & 1)
		client();
	else
		owner();
	return 0;
}
