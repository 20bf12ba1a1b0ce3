// SPDX-License-Identifier: GPL-2.0-only
/* Words of the command line to values; each refusal says what would be right. */
#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>

#include <linux/zcache.h>

#include "ctl.h"
#include "text.h"

_Static_assert(sizeof(((struct key *)0)->bytes) == ZC_KEY_MAX, "a key has to fit");

static const struct keyword *find(const struct keyword *k, const char *word)
{
	for (; k && k->name; k++)
		if (!strcmp(k->name, word))
			return k;
	return NULL;
}

int parse_keywords(int argc, char **argv, const struct keyword *keywords)
{
	int i;

	for (i = 0; i < argc; i++) {
		const struct keyword *k = find(keywords, argv[i]);

		if (!k)
			return fail(CTL_USAGE, "unknown word '%s'; 'zcachectl help' lists what is known",
				    argv[i]);
		if (k->value ? *k->value != NULL : *k->flag)
			return fail(CTL_USAGE, "'%s' is given twice", k->name);
		if (!k->value) {
			*k->flag = true;
			continue;
		}
		if (++i == argc)
			return fail(CTL_USAGE, "'%s' needs a value", k->name);
		*k->value = argv[i];
	}
	return CTL_OK;
}

int arg_size(const char *what, const char *text, uint64_t *out)
{
	int err;

	if (!text)
		return CTL_OK;
	err = parse_size(text, out);
	if (err == -ERANGE)
		return fail(CTL_USAGE, "%s '%s' is above 2^64 - 1 bytes", what, text);
	if (err)
		return fail(CTL_USAGE, "%s '%s': " SIZE_RULE, what, text);
	return CTL_OK;
}

int arg_duration(const char *what, const char *text, uint64_t max, uint64_t *ms)
{
	char longest[DURATION_TEXT];
	uint64_t v = 0;
	int err;

	if (!text)
		return CTL_OK;
	err = parse_duration(text, &v);
	if (err == -EINVAL)
		return fail(CTL_USAGE, "%s '%s': " DURATION_RULE, what, text);
	if (err || v > max)
		return fail(CTL_USAGE, "%s '%s' is longer than %s", what, text,
			    format_duration(max, longest));
	*ms = v;
	return CTL_OK;
}

int arg_u64(const char *what, const char *text, uint64_t max, uint64_t *out)
{
	if (!text)
		return CTL_OK;
	if (parse_u64(text, max, out))
		return fail(CTL_USAGE, "%s '%s' is not a number from 0 to %" PRIu64,
			    what, text, max);
	return CTL_OK;
}

/* 16 digits are all that fit. */
static bool parse_hex(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	int i;

	for (i = 0; i < 16 && hex_digit(s[i]) >= 0; i++)
		v = v << 4 | hex_digit(s[i]);
	*out = v;
	return i && !s[i];
}

int arg_tag(const char *text, uint64_t *tag)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');

	if ((hex ? !parse_hex(text + 2, tag) : parse_u64(text, UINT64_MAX, tag)) || !*tag)
		return fail(CTL_USAGE, "tag '%s' is not a number from 1 to 2^64 - 1, decimal or after 0x in hex",
			    text);
	return CTL_OK;
}

int arg_yes(const char *what, const char *text, uint32_t *out)
{
	if (!text)
		return CTL_OK;
	*out = !strcmp(text, "yes");
	if (!*out && strcmp(text, "no"))
		return fail(CTL_USAGE, "%s '%s' is neither yes nor no", what, text);
	return CTL_OK;
}

int arg_mode(const char *text, uint32_t *out)
{
	uint32_t mode = 0;
	const char *p;

	if (!text)
		return CTL_OK;
	for (p = text; *p >= '0' && *p <= '7' && mode <= 0777; p++)
		mode = mode * 8 + (*p - '0');
	if (*p || p == text || mode > 0777)
		return fail(CTL_USAGE, "mode '%s' is not an octal number from 0 to 777", text);
	*out = mode;
	return CTL_OK;
}

/* The number (uid_t)-1 means "no user" to the kernel. */
static bool numeric_id(const char *text, uint32_t *id)
{
	uint64_t v;

	if (parse_u64(text, UINT32_MAX - 1, &v))
		return false;
	*id = v;
	return true;
}

int arg_owner(const char *text, uint32_t *uid)
{
	const struct passwd *pw;

	if (!text)
		return CTL_OK;
	pw = getpwnam(text);
	if (pw)
		*uid = pw->pw_uid;
	else if (!numeric_id(text, uid))
		return fail(CTL_USAGE, "owner '%s' is neither a user of this system nor a number",
			    text);
	return CTL_OK;
}

int arg_group(const char *text, uint32_t *gid)
{
	const struct group *gr;

	if (!text)
		return CTL_OK;
	gr = getgrnam(text);
	if (gr)
		*gid = gr->gr_gid;
	else if (!numeric_id(text, gid))
		return fail(CTL_USAGE, "group '%s' is neither a group of this system nor a number",
			    text);
	return CTL_OK;
}

int arg_key(const char *text, struct key *key)
{
	size_t len = strlen(text);

	if (!strncmp(text, "hex:", 4)) {
		int n = unhex(text + 4, key->bytes, sizeof(key->bytes));

		if (n == -EINVAL)
			return fail(CTL_USAGE, "key '%s': after 'hex:' come pairs of hex digits",
				    text);
		len = n == -ERANGE ? sizeof(key->bytes) + 1 : (size_t)n;
	} else if (len <= sizeof(key->bytes)) {
		memcpy(key->bytes, text, len);
	}
	if (len < 1 || len > sizeof(key->bytes))
		return fail(CTL_USAGE, "a key has 1 to %d bytes", ZC_KEY_MAX);
	key->len = len;
	return CTL_OK;
}
