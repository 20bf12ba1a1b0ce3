// SPDX-License-Identifier: GPL-2.0-only
/* Every row sends the right bytes, or nothing is measured: SHA-256 compared. */
#include <openssl/evp.h>
#include <string.h>

#include "send_bench.h"

static uint64_t offsets[MAX_CONNS][CHECK_REQUESTS];
static uint64_t done;

static void log_offset(const struct conn *c)
{
	offsets[c->index][c->requests - 1] = c->offset;
}

/* Hashes a body as a row sends it. */
static void hash_body(EVP_MD_CTX *sha, uint64_t offset, uint64_t length,
		      size_t repeats)
{
	while (length) {
		uint64_t at = repeats ? offset % repeats : offset;
		uint64_t n = repeats ? MIN(length, repeats - at) : length;

		EVP_DigestUpdate(sha, data + at, n);
		offset += n;
		length -= n;
	}
}

static void expect(const struct turn *t, unsigned int conn,
		   unsigned char *digest)
{
	uint64_t length = t->kind->range ? RANGE_LEN : t->object->size;
	EVP_MD_CTX *sha = EVP_MD_CTX_new();
	unsigned int i;

	if (!sha || !EVP_DigestInit_ex(sha, EVP_sha256(), NULL))
		fail("SHA-256 cannot be had");
	for (i = 0; i < t->quota; i++) {
		if (t->kind->header)
			EVP_DigestUpdate(sha, header, HEADER_LEN);
		hash_body(sha, offsets[conn][i], length, t->row->repeats);
	}
	EVP_DigestFinal_ex(sha, digest, NULL);
	EVP_MD_CTX_free(sha);
}

static void check_row(struct turn *t)
{
	static unsigned char expected[SHA_LEN];
	static struct {
		const struct kind *kind;
		const struct object *object;
		size_t repeats;
	} last;
	struct peer *p = t->peer;
	unsigned int i;

	t->log = log_offset;
	p->shared->digests = 0;
	turn_run(t);
	if (p->shared->digests != p->nr)
		fail("%s: the receiver made %u digests, not %u", t->row->name,
		     p->shared->digests, p->nr);
	for (i = 0; i < p->nr; i++) {
		/* Whole objects are the same on all connections and rows. */
		if (t->kind->range || last.kind != t->kind ||
		    last.object != t->object || last.repeats != t->row->repeats)
			expect(t, i, expected);
		last.kind = t->kind;
		last.object = t->object;
		last.repeats = t->row->repeats;
		if (memcmp(expected, p->shared->digest[i], SHA_LEN))
			fail("%s: wrong bytes: %s of %zu bytes, connection %u of %u",
			     t->row->name, t->kind->name, t->object->size, i,
			     p->nr);
	}
	done++;
}

void check_cell(struct peer *p, const struct kind *kind, size_t size,
		const bool *usable)
{
	static struct turn t;
	uint64_t length = size + (kind->header ? HEADER_LEN : 0);
	unsigned int r;

	for (r = 0; r < nr_rows; r++) {
		if (!usable[r] || (rows[r]->answers_only && !kind->header))
			continue;
		memset(&t, 0, sizeof(t));
		t.row = rows[r];
		t.peer = p;
		t.kind = kind;
		t.object = object_of(kind->range ? RANGE_OBJECT : size);
		t.quota = size >= RANGE_LEN && !kind->range ? 1 : CHECK_REQUESTS;
		t.seed = 1;
		p->shared->quota = t.quota * length;
		check_row(&t);
	}
}

uint64_t checks_done(void)
{
	return done;
}
