#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test_api.sh HEADER-FOLDER UAPI-FOLDER: what the library promises to others: its
# headers are C and C++, its symbols are those of the map, and each has its manual.
set -u

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
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

# compiles NAME COMPILER LANGUAGE STANDARD: each header on its own, then all at once.
compiles() {
	if ! command -v "$2" >/dev/null; then
		n=$((n + 1))
		echo "ok $n - the headers are $1 # SKIP there is no $2"
		return
	fi
	: >"$tmp/log"
	for use in "$tmp"/use/*.c; do
		"$2" -x "$3" -std="$4" -Wall -Wextra -Wpedantic -Werror -I"$dir" \
			-isystem "$uapi" -fsyntax-only "$use" >>"$tmp/log" 2>&1 ||
			echo "$use" >>"$tmp/log"
	done
	[ ! -s "$tmp/log" ]
	result $? "the headers are $1"
}

dir=$1
uapi=$2
mkdir "$tmp/use"
for header in "$dir"/zcache*.h; do
	name=$(basename "$header")
	printf '#include <%s>\nextern int nothing;\n' "$name" >"$tmp/use/${name%.h}.c"
done
cat "$tmp"/use/zcache*.c >"$tmp/use/all.c"
compiles "C99" "${CC:-cc}" c c99
compiles "C++11 of g++" g++ c++ c++11
compiles "C++11 of clang++" clang++ c++ c++11
compiles "C++20 of g++" g++ c++ c++20

sed -n 's/^\t\(zc_[a-z0-9_]*\);$/\1/p' "$dir/libzcache.map" | sort >"$tmp/map"
nm -D --defined-only "$BIN/libzcache.so" | grep -v ' A ZCACHE_' |
	sed 's/.* T \(.*\)@@ZCACHE_0.1$/\1/' | sort >"$tmp/so"
diff "$tmp/map" "$tmp/so" >"$tmp/log"
result $? "the library has the symbols of the map, in their version, and no others"
"${CC:-cc}" -E -P -I"$dir" -isystem "$uapi" "$tmp/use/all.c" | grep -v '^static ' |
	grep -o '\bzc_[a-z0-9_]*(' | tr -d '(' | sort -u | diff "$tmp/map" - >"$tmp/log"
result $? "the headers have the functions of the map"
nm --defined-only "$BIN/libzcache.a" | awk '$2 ~ /[A-Z]/ && $3 !~ /^zc/ { print $3 }' \
	>"$tmp/log"
[ ! -s "$tmp/log" ]
result $? "the archive's symbols cannot clash with a program's"
: >"$tmp/log"
while read -r f; do
	grep -q "^\.It Fn $f\( \|$\)" "$dir/../man/libzcache.3" || echo "$f" >>"$tmp/log"
done <"$tmp/map"
[ ! -s "$tmp/log" ]
result $? "each function is described in libzcache.3"
echo "1..$n"
