#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test_api.sh HEADER-FOLDER UAPI-FOLDER: what the library promises to others: its
# header is C and C++, its symbols are those of the map, and each has its manual.
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

printf '%s\n' '#include <zcache.h>' 'int main(void) { return 0; }' >"$tmp/use.c"
"${CC:-cc}" -std=c99 -Wall -Wextra -Wpedantic -Werror -I"$1" -isystem "$2" \
	-fsyntax-only "$tmp/use.c" >"$tmp/log" 2>&1
result $? "the header is C99"
if command -v c++ >/dev/null; then
	c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I"$1" -isystem "$2" \
		-fsyntax-only -x c++ "$tmp/use.c" >"$tmp/log" 2>&1
	result $? "the header is C++11"
fi

sed -n 's/^\t\(zc_[a-z_]*\);$/\1/p' "$1/libzcache.map" | sort >"$tmp/map"
nm -D --defined-only "$BIN/libzcache.so" | sed -n 's/.* T \(.*\)@@ZCACHE_0.1$/\1/p' |
	sort >"$tmp/so"
diff "$tmp/map" "$tmp/so" >"$tmp/log"
result $? "the library has the symbols of the map, in their version"
"${CC:-cc}" -E -P -I"$1" -isystem "$2" "$1/zcache.h" |
	grep -o 'zc_[a-z_]*(' | tr -d '(' | grep -v -x zc_ptr | sort -u |
	diff "$tmp/map" - >"$tmp/log"
result $? "the header has the functions of the map"
: >"$tmp/log"
while read -r f; do
	grep -q "^\.It Fn $f\$" "$1/../man/libzcache.3" || echo "$f" >>"$tmp/log"
done <"$tmp/map"
[ ! -s "$tmp/log" ]
result $? "each function is described in libzcache.3"
echo "1..$n"
