/* SPDX-License-Identifier: GPL-2.0-only */
/* A mirror with two objects, the same before each input. */
#ifndef FUZZ_MIRROR_FILES_H
#define FUZZ_MIRROR_FILES_H

#include <stdint.h>

#include "mirror.h"

/* Its files; FILE_META and FILE_DATA are of the object "a". */
enum mirror_file { FILE_SUPER, FILE_INDEX, FILE_META, FILE_DATA, FILE_OTHER_META, FILE_OTHER_DATA };

/* Makes it, once. */
void mirror_make(void);

/* Its name for zc_open(). */
const char *mirror_spec(void);

/* All as it was, and of what was put since nothing. */
void mirror_restore(void);

/* Other bytes for a file, or for some of it; an offset behind its end does nothing. */
void mirror_write(enum mirror_file file, const void *bytes, size_t len);
void mirror_patch(enum mirror_file file, size_t offset, const void *bytes, size_t len);
void mirror_remove(enum mirror_file file);

/* Whether the superblock, or metadata, is one. */
int mirror_valid(enum mirror_file file);

/*
 * Opens it and makes most calls. whole: the files of "b" are as they were, so it has
 * to be there; otherwise what is found has to be right, and may be gone.
 */
void mirror_use(int whole);

#endif /* FUZZ_MIRROR_FILES_H */
