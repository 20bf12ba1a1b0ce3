// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mirror_answer.h"

static size_t end_answer(struct zcs_answer_msg *answer, int err, size_t body)
{
	answer->head.err = err;
	if (err)
		answer->head.flags = 0;
	answer->head.body_len = err ? 0 : body;
	return sizeof(answer->head) + answer->head.body_len;
}

static uint64_t threshold(struct zc_mirror *m)
{
	return __atomic_load_n(&m->head->splice_threshold, __ATOMIC_RELAXED);
}

/* What does not change, and what is looked at before each use. */
static void base_info(struct zc_mirror *m, struct zcs_info *told)
{
	*told = (struct zcs_info) {
		.id = m->super.id, .max_key_len = m->super.max_key_len, .dev = m->dev,
		.splice_threshold = threshold(m),
	};
}

static int info(struct zc_mirror *m, struct zcs_info *told)
{
	struct zc_info i = { .flags = 0 };
	int err = zc_info(&m->cache, &i);

	base_info(m, told);
	told->capacity = i.capacity;
	told->used = i.used;
	told->objects = i.objects;
	told->max_object_size = i.max_object_size;
	memcpy(told->name, i.name, sizeof(told->name));
	return err;
}

static size_t tell(struct zc_mirror *m, const struct zcm_object *obj, struct zcs_answer_msg *to)
{
	to->found = (struct zcs_found) {
		.generation = obj->generation, .data_len = obj->data_len, .charge = obj->charge,
		.hits = obj->hits, .created_ns = obj->created_ns, .expires_ns = obj->expires_ns,
		.splice_threshold = threshold(m), .hash = obj->hash, .state = obj->state,
		.nr_tags = obj->nr_tags, .etag_len = obj->etag_len, .type_len = obj->type_len,
		.header_len = obj->header_len,
	};
	memcpy(to->found.tags, obj->tags, sizeof(to->found.tags));
	/* They lie one after the other in memory, too. */
	if (obj->etag)
		memcpy(to->blobs, obj->etag, obj->etag_len + obj->type_len + obj->header_len);
	return sizeof(to->found) + obj->etag_len + obj->type_len + obj->header_len;
}

/*
 * A file of its own for each client: what one does to it, such as O_DIRECT or a lock, is
 * nothing to the others. Who gets it cannot write it.
 */
static int own_fd(struct zc_mirror *m, const struct zcm_object *obj, int *fd)
{
	*fd = zcm_reopen(m, obj);
	return *fd < 0 ? *fd : 0;
}

static int find(struct zc_mirror *m, const struct zcs_request_msg *ask,
		struct zcs_answer_msg *answer, size_t *len, int *fd)
{
	const struct zcs_request *head = &ask->head;
	struct zcm_object *obj;
	int err = zcm_find(m, ask->body, head->body_len, head->generation, 0, head->flags, &obj);

	if (err)
		return err;
	*len = tell(m, obj, answer);
	if (obj->generation == head->have)
		answer->head.flags = ZCS_SAME;
	else
		err = own_fd(m, obj, fd);
	if (*fd >= 0)
		answer->head.flags = ZCS_FD;
	zcm_put(m, obj);
	return err;
}

/* The object that a request means, as far as it says. */
static struct zcm_object meant(const struct zc_mirror *m, const struct zcs_request *head)
{
	uint64_t most = __atomic_load_n(&m->head->max_object_size, __ATOMIC_RELAXED);

	return (struct zcm_object) {
		.fd = -1, .hash = head->hash, .generation = head->have,
		.data_len = head->data_len < most ? head->data_len : most,
		.expires_ns = head->expires_ns,
	};
}

static int held(struct zc_mirror *m, const struct zcs_request *head,
		struct zcs_answer_msg *answer, size_t *len)
{
	struct zcm_object obj = meant(m, head);
	int err = zcm_find_held(m, &obj, head->generation, head->flags);

	if (err)
		return err;
	answer->head.flags = ZCS_SAME;
	*len = tell(m, &obj, answer);
	return 0;
}

/* Only by its name: a version that has none is of those alone who have it open. */
static int open_again(struct zc_mirror *m, const struct zcs_request *head,
		      struct zcs_answer_msg *answer, int *fd)
{
	struct zcm_object obj = meant(m, head);
	struct zcm_entry *e;
	int err = zcm_lock(m);

	if (err)
		return err;
	e = &m->entry[zcm_entry_find(m, &obj.hash)];
	obj.data_len = e->data_len;
	if (e->generation != obj.generation)
		err = -ENOENT;
	zcm_unlock(m);
	if (!err)
		err = own_fd(m, &obj, fd);
	answer->head.flags = ZCS_FD;
	return err;
}

static void count(struct zc_mirror *m, const uint64_t *numbers)
{
	unsigned int i;

	for (i = 0; i < ZC_C_NR; i++)
		if (numbers[i] && zcs_counter_ours(i))
			zcm_count(m, i, numbers[i]);
}

size_t mirror_answer(struct zc_mirror *m, const struct zcs_request_msg *ask,
		     struct zcs_answer_msg *answer, int *fd)
{
	struct zcm_object obj;
	size_t len = 0;
	int err = 0;

	*fd = -1;
	answer->head = (struct zcs_answer) {
		.magic = ZCS_MAGIC, .version = ZCS_VERSION, .op = ask->head.op,
		.number = ask->head.number,
	};
	switch (ask->head.op) {
	case ZCS_INFO:
		err = info(m, &answer->info);
		len = sizeof(answer->info);
		break;
	case ZCS_FIND:
		err = find(m, ask, answer, &len, fd);
		break;
	case ZCS_HELD:
		err = held(m, &ask->head, answer, &len);
		break;
	case ZCS_OPEN:
		err = open_again(m, &ask->head, answer, fd);
		break;
	case ZCS_HIT:
		obj = meant(m, &ask->head);
		zcm_hit(m, &obj);
		return 0;
	case ZCS_COUNT:
		count(m, ask->numbers);
		break;
	default:
		err = zc_counters(&m->cache, answer->numbers, ZC_C_NR);
		len = sizeof(answer->numbers);
	}
	return end_answer(answer, err, len);
}

size_t mirror_greeting(struct zc_mirror *m, struct zcs_answer_msg *answer, int err)
{
	answer->head = (struct zcs_answer) {
		.magic = ZCS_MAGIC, .version = ZCS_VERSION, .op = ZCS_INFO,
	};
	base_info(m, &answer->info);
	return end_answer(answer, err, sizeof(answer->info));
}
