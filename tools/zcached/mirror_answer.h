/* SPDX-License-Identifier: GPL-2.0-only */
/* What a mirror's owner answers; the messages are those of lib/served.h. */
#ifndef MIRROR_ANSWER_H
#define MIRROR_ANSWER_H

#include <served.h>

/*
 * Does what a good request says. Returns the bytes of the answer, 0 if it has none; *fd is an
 * fd to go with it, to be closed after that, or -1.
 */
size_t mirror_answer(struct zc_mirror *m, const struct zcs_request_msg *ask,
		     struct zcs_answer_msg *answer, int *fd);

/* What a new connection is greeted with; err is 0, or why it is not taken. */
size_t mirror_greeting(struct zc_mirror *m, struct zcs_answer_msg *answer, int err);

#endif /* MIRROR_ANSWER_H */
