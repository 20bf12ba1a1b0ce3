#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test_install.sh ROOT: the library as installed there is found by pkg-config, and the
# examples of its manual compile and run against it. SANFLAGS are those of a library
# built with sanitizers, which must be in the program as well.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
root=$1
n=0

result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/log"
	fi
}

# Of the machine's own there is none to be found instead.
export PKG_CONFIG_SYSROOT_DIR="$root" PKG_CONFIG_PATH=
PKG_CONFIG_LIBDIR=$(dirname "$(find "$root" -name libzcache.pc)")
export PKG_CONFIG_LIBDIR

# The manual's examples are functions; what they call of the reader's own is here.
{
	echo '#include <zcache.h>'
	zcat -f "$(find "$root" -name 'libzcache.3*')" | awk '
		/^\.Sh / { on = $2 == "EXAMPLES" }
		on && /^\.Bd -literal/ { code = 1; next }
		/^\.Ed/ { code = 0 }
		code { gsub(/\\e/, "\\"); gsub(/\\-/, "-"); print }'
} >"$tmp/example.c"
cat >"$tmp/main.c" <<'EOF'
#include <errno.h>
#include <stdio.h>
#include <zcache.h>
#include <zcache_io.h>

int send_logo(int sock);
int fetch(int fill_fd);
void consume(const void *data, size_t len);
int read_file(const char *path);

int fetch(int fill_fd)
{
	return fill_fd;
}

void consume(const void *data, size_t len)
{
	fwrite(data, 1, len, stdout);
}

int main(int argc, char **argv)
{
	(void)argv;
	zc_close(NULL);
	if (read_file("/proc/self/exe") || read_file("/nonexistent") != -ENOENT)
		return 1;
	return argc > 1 ? send_logo(-1) : 0;
}
EOF

# build NAME LIBS FLAGS...
build() {
	name=$1 libs=$2
	shift 2
	# shellcheck disable=SC2046,SC2086 # several words each
	"${CC:-cc}" -Wall -Wextra -Wpedantic -Werror ${SANFLAGS:-} -o "$tmp/$name" "$@" \
		$(pkg-config --cflags libzcache) "$tmp/example.c" "$tmp/main.c" \
		$libs >"$tmp/log" 2>&1
}

pkg-config --validate libzcache >"$tmp/log" 2>&1
result $? "pkg-config finds the library valid"
build shared "$(pkg-config --libs libzcache)"
result $? "the examples compile, linked to the shared library"
lib=$(find "$root" -name libzcache.so -printf %h)
LD_LIBRARY_PATH=$lib "$tmp/shared" >"$tmp/log" 2>&1
result $? "they run with it"
readelf -d "$tmp/shared" | sed -n 's/.*(NEEDED).*\[\(libz.*\)\]/\1/p' >"$tmp/log"
[ "$(cat "$tmp/log")" = libzcache.so.0 ]
result $? "which is all that they need of it"
if [ -n "${SANFLAGS:-}" ]; then
	n=$((n + 1))
	echo "ok $n - linked to the archive # SKIP sanitizers are not for static programs"
else
	build static "$(pkg-config --static --libs libzcache)" -static
	result $? "they compile, linked to the archive"
	"$tmp/static" >"$tmp/log" 2>&1
	result $? "they run with it"
fi
echo "1..$n"
