/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MIME_H
#define MIME_H

/* The content type for the extension of a path, which is never NULL. */
const char *mime_type(const char *path);

#endif /* MIME_H */
