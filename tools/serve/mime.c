// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "mime.h"

static const struct {
	const char *extension, *type;
} table[] = {
	{ "html", "text/html; charset=utf-8" },
	{ "htm", "text/html; charset=utf-8" },
	{ "css", "text/css; charset=utf-8" },
	{ "js", "text/javascript; charset=utf-8" },
	{ "mjs", "text/javascript; charset=utf-8" },
	{ "json", "application/json" },
	{ "map", "application/json" },
	{ "txt", "text/plain; charset=utf-8" },
	{ "md", "text/markdown; charset=utf-8" },
	{ "csv", "text/csv; charset=utf-8" },
	{ "xml", "application/xml" },
	{ "svg", "image/svg+xml" },
	{ "png", "image/png" },
	{ "jpg", "image/jpeg" },
	{ "jpeg", "image/jpeg" },
	{ "gif", "image/gif" },
	{ "webp", "image/webp" },
	{ "avif", "image/avif" },
	{ "ico", "image/vnd.microsoft.icon" },
	{ "woff", "font/woff" },
	{ "woff2", "font/woff2" },
	{ "ttf", "font/ttf" },
	{ "otf", "font/otf" },
	{ "mp3", "audio/mpeg" },
	{ "ogg", "audio/ogg" },
	{ "opus", "audio/ogg" },
	{ "wav", "audio/wav" },
	{ "flac", "audio/flac" },
	{ "mp4", "video/mp4" },
	{ "m4v", "video/mp4" },
	{ "webm", "video/webm" },
	{ "mkv", "video/matroska" },
	{ "m3u8", "application/vnd.apple.mpegurl" },
	{ "ts", "video/mp2t" },
	{ "mpd", "application/dash+xml" },
	{ "pdf", "application/pdf" },
	{ "wasm", "application/wasm" },
	{ "zip", "application/zip" },
	{ "gz", "application/gzip" },
	{ "zst", "application/zstd" },
	{ "tar", "application/x-tar" },
	{ "xz", "application/x-xz" },
	{ "iso", "application/x-iso9660-image" },
	{ "deb", "application/vnd.debian.binary-package" },
};

const char *mime_type(const char *path)
{
	const char *name = strrchr(path, '/');
	const char *dot;
	size_t i;

	name = name ? name + 1 : path;
	dot = strrchr(name, '.');
	/* A name that only begins with a dot has no extension. */
	if (dot && dot != name)
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (!strcasecmp(dot + 1, table[i].extension))
				return table[i].type;
	return "application/octet-stream";
}
