// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl object: through the store's node or folder, so the mode of that decides. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <zcache.h>

#include "ctl.h"
#include "mirror.h"
#include "objects.h"
#include "out.h"
#include "text.h"

#define BUFFER (1U << 20)

static struct {
	const char *header, *etag, *type, *ttl, *tag;
	bool excl;
} put;

static const struct keyword put_keywords[] = {
	{ "header", &put.header, NULL },
	{ "etag", &put.etag, NULL },
	{ "type", &put.type, NULL },
	{ "ttl", &put.ttl, NULL },
	{ "tag", &put.tag, NULL },
	{ "excl", NULL, &put.excl },
	{ NULL, NULL, NULL },
};

int open_store(const char *name, int flags, struct zc_cache **cache)
{
	char spec[8 + ZC_NAME_MAX];
	int err;

	if (mirror_folder(name) || mirror_served(name))
		return mirror_open(name, flags, cache);
	if (snprintf(spec, sizeof(spec), "kmod:%s", name) >= (int)sizeof(spec))
		err = -EINVAL;
	else
		err = zc_open(spec, flags, cache);
	if (!err)
		return CTL_OK;
	if (err == -EINVAL)
		return fail(CTL_USAGE, "store '%s': a name has 1 to %d letters, digits, dots, dashes and underscores and begins with no dot",
			    name, ZC_NAME_MAX);
	if (!module_loaded())
		return fail(CTL_NO_MODULE, "store %s: the zcache module is not loaded: %s", name,
			    error_name(err));
	if (err == -ENOENT)
		return fail(CTL_NOT_FOUND, "no store %s: %s", name, error_name(err));
	return fail(CTL_REFUSED, "cannot open the store %s: %s", name, error_name(err));
}

int open_store_key(char **argv, int flags, struct zc_cache **cache, struct key *key)
{
	int code = arg_key(argv[1], key);

	return code ? code : open_store(argv[0], flags, cache);
}

int refused(struct zc_cache *cache, int err, const char *verb, const char *key)
{
	struct zc_info info = { 0 };

	switch (err) {
	case -ENOENT:
		return fail(CTL_NOT_FOUND, "no object %s: %s", key, error_name(err));
	case -ENODEV:
		return fail(CTL_NOT_FOUND, "the store was deleted: %s", error_name(err));
	case -EFBIG:
		if (!zc_info(cache, &info))
			return fail(CTL_REFUSED, "cannot %s %s: the store takes objects of up to %" PRIu64 " bytes: %s",
				    verb, key, (uint64_t)info.max_object_size, error_name(err));
		break;
	case -ENAMETOOLONG:
		if (!zc_info(cache, &info))
			return fail(CTL_REFUSED, "cannot %s %s: the store takes keys of up to %u bytes: %s",
				    verb, key, info.max_key_len, error_name(err));
		break;
	case -EDQUOT:
		return fail(CTL_REFUSED, "cannot %s %s: there is no room in the quota of a tag: %s",
			    verb, key, error_name(err));
	case -ENODATA:
		return fail(CTL_REFUSED, "cannot %s %s: the file became shorter meanwhile: %s",
			    verb, key, error_name(err));
	}
	return fail(CTL_REFUSED, "cannot %s %s: %s", verb, key, error_name(err));
}

void begin_result(const char *store, const struct key *key)
{
	out_str("store", store);
	out_key(key->bytes, key->len);
}

/* Reads all of fd into *data, which the caller frees; returns -errno or 0. */
static int read_all(int fd, size_t limit, char **data, size_t *len)
{
	size_t room = 0;

	*data = NULL;
	*len = 0;
	for (;;) {
		ssize_t n;

		if (*len == room) {
			char *p = realloc(*data, room = room ? 2 * room : 4096);

			if (!p)
				return -ENOMEM;
			*data = p;
		}
		n = read(fd, *data + *len, room - *len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		*len += n;
		if (*len > limit)
			return -EFBIG;
	}
}

static int read_header(const char *file, char **data, size_t *len)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_all(fd, ZC_HEADER_MAX, data, len);

	if (fd >= 0)
		close(fd);
	if (err == -EFBIG)
		return fail(CTL_USAGE, "the header %s has more than %d bytes", file, ZC_HEADER_MAX);
	if (err)
		return fail(CTL_USAGE, "cannot read the header %s: %s", file, error_name(err));
	return CTL_OK;
}

static int text_attribute(const char *what, const char *text, size_t max, __u64 *addr,
			  __u32 *len)
{
	if (!text)
		return CTL_OK;
	if (strlen(text) > max)
		return fail(CTL_USAGE, "%s '%s' has more than %zu bytes", what, text, max);
	*addr = zc_ptr(text);
	*len = strlen(text);
	return CTL_OK;
}

int arg_ttl(const char *text, int64_t *ns)
{
	struct timespec now;
	uint64_t ms = 0;
	int code;

	if (!text)
		return CTL_OK;
	code = arg_duration("ttl", text, TTL_MAX, &ms);
	if (code)
		return code;
	if (!ms)
		return fail(CTL_USAGE, "ttl '%s' would expire at once; it is 1ms or more", text);
	clock_gettime(CLOCK_REALTIME, &now);
	*ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + (int64_t)ms * 1000000;
	return CTL_OK;
}

/* 0 would be what the store's default says. */
static int put_expiry(int64_t *ns)
{
	if (!put.ttl || strcmp(put.ttl, "never"))
		return arg_ttl(put.ttl, ns);
	*ns = INT64_MAX;
	return CTL_OK;
}

static bool has(const uint64_t *tags, uint32_t nr, uint64_t tag)
{
	while (nr--)
		if (tags[nr] == tag)
			return true;
	return false;
}

/* "ID,ID..."; the kernel has no sentence for what is wrong with them. */
static int put_tags(uint64_t tags[ZC_TAGS_MAX], uint32_t *nr)
{
	char *text = (char *)put.tag;	/* a word of argv, which may be written to */
	uint64_t tag = 0;
	char *word;
	int code;

	while ((word = strsep(&text, ","))) {
		code = arg_tag(word, &tag);
		if (code)
			return code;
		if (has(tags, *nr, tag))
			return fail(CTL_USAGE, "the tag %s is given twice", word);
		if (*nr == ZC_TAGS_MAX)
			return fail(CTL_USAGE, "an object has up to %d tags", ZC_TAGS_MAX);
		tags[(*nr)++] = tag;
	}
	return CTL_OK;
}

/* A pipe's length is known only at its end, so its bytes pass through memory. */
static int put_stream(struct zc_cache *cache, struct zc_put *p, int fd)
{
	struct zc_info info = { 0 };
	char *data = NULL;
	size_t len;
	int err = zc_info(cache, &info);

	if (!err)
		err = read_all(fd, info.max_object_size, &data, &len);
	if (!err) {
		p->data = zc_ptr(data);
		p->data_len = len;
		err = zc_put(cache, p);
	}
	free(data);
	return err;
}

static int put_fd(struct zc_cache *cache, struct zc_put *p, int fd)
{
	struct stat st;
	off_t at;

	if (fstat(fd, &st))
		return -errno;
	/* Files that say they are empty need not be: those of proc are not. */
	at = S_ISREG(st.st_mode) && st.st_size ? lseek(fd, 0, SEEK_CUR) : -1;
	if (at < 0)
		return put_stream(cache, p, fd);
	p->data_len = st.st_size > at ? st.st_size - at : 0;
	return zc_put_file(cache, p, fd, NULL, NULL);
}

static int do_put(struct zc_cache *cache, char **argv, const struct key *key,
		  struct zc_put *p)
{
	bool is_stdin = !strcmp(argv[2], "-");
	int fd = is_stdin ? STDIN_FILENO : open(argv[2], O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return fail(CTL_USAGE, "cannot read %s: %s", argv[2], error_name(-errno));
	err = put_fd(cache, p, fd);
	if (!is_stdin)
		close(fd);
	if (err)
		return refused(cache, err, "put", argv[1]);
	if (out_json()) {
		begin_result(argv[0], key);
		out_u64("generation", p->generation, NULL);
		out_size("size", p->data_len);
		out_finish();
	}
	return CTL_OK;
}

static int run_put(int argc, char **argv)
{
	uint64_t tags[ZC_TAGS_MAX];
	struct zc_put p = { 0 };
	struct zc_cache *cache;
	size_t header_len = 0;
	int64_t expires = 0;
	char *header = NULL;
	struct key key;
	int code;

	code = parse_keywords(argc - 3, argv + 3, put_keywords);
	if (!code)
		code = text_attribute("etag", put.etag, ZC_ETAG_MAX, &p.etag, &p.etag_len);
	if (!code)
		code = text_attribute("type", put.type, ZC_TYPE_MAX, &p.type, &p.type_len);
	if (!code)
		code = put_expiry(&expires);
	if (!code)
		code = put_tags(tags, &p.nr_tags);
	if (!code)
		code = put.header ? read_header(put.header, &header, &header_len) : CTL_OK;
	if (!code)
		code = open_store_key(argv, O_RDWR, &cache, &key);
	if (!code) {
		p.flags = put.excl ? ZC_PUT_EXCL : 0;
		p.key = zc_ptr(key.bytes);
		p.key_len = key.len;
		p.header = header_len ? zc_ptr(header) : 0;
		p.header_len = header_len;
		p.expires_ns = expires;
		p.tags = p.nr_tags ? zc_ptr(tags) : 0;
		code = do_put(cache, argv, &key, &p);
		zc_close(cache);
	}
	free(header);
	return code;
}

static struct {
	const char *offset, *length;
} get;

static const struct keyword get_keywords[] = {
	{ "offset", &get.offset, NULL },
	{ "length", &get.length, NULL },
	{ NULL, NULL, NULL },
};

static int write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= n;
	}
	return 0;
}

/* An object fd, unlike GET, gives all the bytes of one version whatever happens. */
static int copy_out(int from, uint64_t offset, uint64_t length, const char *file)
{
	int to = file ? open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
		      : STDOUT_FILENO;
	char *buf = malloc(BUFFER);
	int err = to < 0 ? -errno : buf ? 0 : -ENOMEM;

	while (!err && length) {
		ssize_t n = pread(from, buf, length < BUFFER ? length : BUFFER, offset);

		if (n <= 0) {
			err = n ? -errno : -EIO;
			break;
		}
		err = write_all(to, buf, n);
		offset += n;
		length -= n;
	}
	free(buf);
	if (file && to >= 0 && close(to) && !err)
		err = -errno;
	if (err)
		return fail(CTL_REFUSED, "cannot copy to %s: %s", file ?: "standard output",
			    error_name(err));
	return CTL_OK;
}

static int do_get(struct zc_cache *cache, char **argv, const char *file,
		  const struct key *key, uint64_t offset, uint64_t length)
{
	struct zc_open o = { .key = zc_ptr(key->bytes), .key_len = key->len };
	int fd = zc_open_object(cache, &o), code;

	if (fd < 0)
		return refused(cache, fd, "get", argv[1]);
	if (offset > o.data_len) {
		close(fd);
		return fail(CTL_REFUSED, "offset %" PRIu64 " is past the end, the object has %" PRIu64 " bytes: %s",
			    offset, (uint64_t)o.data_len, error_name(-ERANGE));
	}
	if (length > o.data_len - offset)
		length = o.data_len - offset;
	code = copy_out(fd, offset, length, file);
	close(fd);
	if (!code && out_json()) {
		begin_result(argv[0], key);
		out_u64("generation", o.generation, NULL);
		out_size("size", o.data_len);
		out_size("offset", offset);
		out_size("length", length);
		out_bytes("file", file, strlen(file));
		out_finish();
	}
	return code;
}

static int run_get(int argc, char **argv)
{
	uint64_t offset = 0, length = UINT64_MAX;
	const char *file = NULL;
	struct zc_cache *cache;
	struct key key;
	int code;

	/* The keywords come in pairs, so an odd word at the end is the file. */
	if (argc % 2)
		file = argv[--argc];
	if (file && (!strcmp(file, "offset") || !strcmp(file, "length")))
		return fail(CTL_USAGE, "'%s' needs a value", file);
	if (out_json() && !file)
		return fail(CTL_USAGE, "--json needs a FILE for the bytes of the object");
	code = parse_keywords(argc - 2, argv + 2, get_keywords);
	if (!code)
		code = arg_size("offset", get.offset, &offset);
	if (!code)
		code = arg_size("length", get.length, &length);
	if (!code)
		code = open_store_key(argv, O_RDONLY, &cache, &key);
	if (code)
		return code;
	code = do_get(cache, argv, file, &key, offset, length);
	zc_close(cache);
	return code;
}

static int do_stat(struct zc_cache *cache, char **argv, const struct key *key)
{
	char header[ZC_HEADER_MAX], etag[ZC_ETAG_MAX], type[ZC_TYPE_MAX];
	uint64_t tags[ZC_TAGS_MAX];
	struct zc_stat s = {
		.flags = ZC_STAT_EXPIRED_OK,
		.key = zc_ptr(key->bytes),
		.key_len = key->len,
		.header = zc_ptr(header),
		.header_len = sizeof(header),
		.etag = zc_ptr(etag),
		.etag_len = sizeof(etag),
		.type = zc_ptr(type),
		.type_len = sizeof(type),
		.tags = zc_ptr(tags),
		.nr_tags = ZC_TAGS_MAX,
	};
	int err = zc_stat(cache, &s);

	if (err)
		return refused(cache, err, "stat", argv[1]);
	begin_result(argv[0], key);
	out_u64("generation", s.generation, NULL);
	out_size("size", s.data_len);
	out_size("resident", s.resident);
	out_size("charge", s.charge);
	out_u64("hits", s.hits, NULL);
	out_time("created", s.created_ns, "unknown");
	out_time("expires", s.expires_ns, "never");
	out_bool("expired", s.state & ZC_STATE_EXPIRED);
	out_bool("inline", s.state & ZC_STATE_INLINE);
	out_u64s("tags", tags, s.nr_tags);
	if (s.etag_len)
		out_bytes("etag", etag, s.etag_len);
	if (s.type_len)
		out_bytes("type", type, s.type_len);
	if (s.header_len)
		out_bytes("header", header, s.header_len);
	out_finish();
	return CTL_OK;
}

static int run_stat(int argc, char **argv)
{
	struct zc_cache *cache;
	struct key key;
	int code;

	code = parse_keywords(argc - 2, argv + 2, NULL);
	if (!code)
		code = open_store_key(argv, O_RDONLY, &cache, &key);
	if (code)
		return code;
	code = do_stat(cache, argv, &key);
	zc_close(cache);
	return code;
}

const struct command object_commands[] = {
	{ "put", 3, "STORE KEY FILE|- [header FILE] [etag ETAG] [type TYPE] [ttl TIME|never] [tag ID,...] [excl]",
	  "Store a file as an object; excl only if the key is new.", put_keywords, run_put },
	{ "get", 2, "STORE KEY [offset SIZE] [length SIZE] [FILE]",
	  "Copy an object's bytes to a file, or to standard output.", get_keywords, run_get },
	{ "stat", 2, "STORE KEY", "Show what is known of an object.", NULL, run_stat },
	{ "list", 1,
	  "STORE [prefix KEY] [limit N] [min-size SIZE] [max-size SIZE] [min-age TIME] [max-age TIME] [expired yes|no] [tag ID]",
	  "List the objects of a store, or those of such keys, sizes, ages and tag, in no order.",
	  list_keywords, run_list },
	{ "touch", 2, "STORE KEY [ttl TIME|never] [expired-ok]",
	  "Use an object, and give it another time to live; expired-ok also if it has expired.",
	  touch_keywords, run_touch },
	{ "delete", 2, "STORE KEY [soft]",
	  "Delete an object; soft lets it expire instead.", delete_keywords, run_delete },
	{ "purge", 1, "STORE prefix KEY | tag ID | all [soft]",
	  "Delete the objects whose keys begin so, or that have the tag, or all; soft lets them expire instead.",
	  purge_keywords, run_purge },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
