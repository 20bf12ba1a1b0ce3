/* SPDX-License-Identifier: GPL-2.0-only */
/* zcachectl doctor: how its parts say what they found. */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

struct nlc;

enum check_state { CHECK_OK, CHECK_WARN, CHECK_FAIL };

/*
 * What was found, perhaps what to do, both half a sentence; then check() makes
 * them a line.
 */
void found(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void advise(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void check(const char *name, enum check_state state);

/* Whether the module is loaded. */
bool doctor_module(void);

/* Memory, TLS. capacity: of all stores together, 0 if not known. */
void doctor_kernel(uint64_t capacity);

/* The lines from here on are about this store. nlc NULL: it may not be asked. */
void doctor_store(struct nlc *nlc, const char *name);

/* The processes that have the store's node open. */
void doctor_users(const char *name);

#endif /* DOCTOR_H */
