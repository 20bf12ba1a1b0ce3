// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The messages between a mirror's owner and its clients. Neither trusts the other one: what
 * is looked at here is all that each may believe.
 */
#include <string.h>

#include "served.h"

#define ERRNO_MAX	4095

static bool hash_none(const struct zcm_hash *hash)
{
	return !hash->w[0] && !hash->w[1];
}

/**
 * zcs_request_good() - tell whether a message is a request
 * @msg: the message
 * @len: its bytes
 *
 * Members that an operation does not have are 0.
 *
 * Return: whether it is one.
 */
bool zcs_request_good(const struct zcs_request_msg *msg, size_t len)
{
	const struct zcs_request *head = &msg->head;
	bool version = head->have && !head->body_len;

	if (len < sizeof(*head) || len - sizeof(*head) > sizeof(msg->body) ||
	    head->magic != ZCS_MAGIC || head->version != ZCS_VERSION ||
	    head->body_len != len - sizeof(*head))
		return false;
	if (head->op != ZCS_FIND && head->op != ZCS_HELD && (head->flags || head->generation))
		return false;
	if (head->flags & ~ZCS_FIND_FLAGS || (head->op != ZCS_HELD && head->expires_ns))
		return false;
	if (head->op != ZCS_HELD && head->op != ZCS_HIT && head->data_len)
		return false;
	if (head->op != ZCS_HELD && head->op != ZCS_HIT && head->op != ZCS_OPEN &&
	    !hash_none(&head->hash))
		return false;
	switch (head->op) {
	case ZCS_INFO:
	case ZCS_COUNTERS:
		return !head->body_len && !head->have;
	case ZCS_FIND:
		return true;
	case ZCS_HELD:
		return version && head->data_len <= INT64_MAX && head->expires_ns >= 0;
	case ZCS_OPEN:
		return version;
	case ZCS_HIT:
		return version && head->data_len <= INT64_MAX;
	case ZCS_COUNT:
		return !head->have && head->body_len == sizeof(msg->numbers);
	default:
		return false;
	}
}

static bool info_good(const struct zcs_info *info)
{
	return info->max_key_len && info->max_key_len <= ZC_KEY_MAX &&
	       memchr(info->name, 0, sizeof(info->name));
}

static bool found_good(const struct zcs_request *asked, const struct zcs_answer *head,
		       const struct zcs_found *found)
{
	size_t blobs = 0;

	if (found->etag_len > ZC_ETAG_MAX || found->type_len > ZC_TYPE_MAX ||
	    found->header_len > ZC_HEADER_MAX)
		return false;
	blobs += found->etag_len + found->type_len + found->header_len;
	if (asked->op == ZCS_HELD || asked->flags & ZCM_BARE ? blobs : 0)
		return false;
	return head->body_len == sizeof(*found) + blobs && found->generation &&
	       (!asked->generation || found->generation == asked->generation) &&
	       found->data_len <= INT64_MAX && found->expires_ns >= 0 &&
	       !(found->state & ~ZC_STATE_EXPIRED) && found->nr_tags <= ZC_TAGS_MAX &&
	       (found->generation == asked->have) == !!(head->flags & ZCS_SAME) &&
	       !found->__reserved;
}

/**
 * zcs_answer_good() - tell whether a message is the answer to a request
 * @asked: the request
 * @msg: the message
 * @len: its bytes
 * @nr_fds: how many fds came with it
 *
 * Return: whether it is one.
 */
bool zcs_answer_good(const struct zcs_request *asked, const struct zcs_answer_msg *msg,
		     size_t len, unsigned int nr_fds)
{
	const struct zcs_answer *head = &msg->head;

	if (len < sizeof(*head) || len > sizeof(*msg) || head->magic != ZCS_MAGIC ||
	    head->version != ZCS_VERSION || head->op != asked->op || head->err > 0 ||
	    head->err < -ERRNO_MAX || head->body_len != len - sizeof(*head) ||
	    head->flags & ~(ZCS_FD | ZCS_SAME) || head->number != asked->number ||
	    nr_fds != !!(head->flags & ZCS_FD))
		return false;
	if (head->err)
		return !head->body_len && !head->flags;
	switch (head->op) {
	case ZCS_INFO:
		return !head->flags && head->body_len == sizeof(msg->info) &&
		       info_good(&msg->info);
	case ZCS_FIND:
		return (head->flags == ZCS_FD || head->flags == ZCS_SAME) &&
		       head->body_len >= sizeof(msg->found) &&
		       found_good(asked, head, &msg->found);
	case ZCS_HELD:
		return head->flags == ZCS_SAME && head->body_len >= sizeof(msg->found) &&
		       found_good(asked, head, &msg->found);
	case ZCS_OPEN:
		return head->flags == ZCS_FD && !head->body_len;
	case ZCS_COUNT:
		return !head->flags && !head->body_len;
	case ZCS_COUNTERS:
		return !head->flags && head->body_len == sizeof(msg->numbers);
	default:
		return false;
	}
}

/** zcs_counter_ours() - Return: whether a client may add to a counter */
bool zcs_counter_ours(unsigned int counter)
{
	switch (counter) {
	case ZC_C_OPENS:
	case ZC_C_GETS:
	case ZC_C_GET_BYTES:
	case ZC_C_SENDS:
	case ZC_C_SENDS_PARTIAL:
	case ZC_C_SENDS_FAILED:
	case ZC_C_SPLICED_BYTES:
	case ZC_C_COPIED_BYTES:
	case ZC_C_FALLBACKS:
	case ZC_C_FALLBACKS_ROUTE:
	case ZC_C_FALLBACKS_UNIX:
	case ZC_C_FALLBACKS_ASKED:
	case ZC_C_CONDITIONS_FAILED:
	case ZC_C_BATCHES:
	case ZC_C_MMAP_READS:
	case ZC_C_MMAP_BYTES:
	case ZC_C_MMAP_SKIPPED:
		return true;
	default:
		return false;
	}
}
