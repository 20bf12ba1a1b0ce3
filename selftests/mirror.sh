#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# mirror.sh FOLDER: runs the tests of mirror.list, of which the programs are in FOLDER,
# on stores that are mirrors. Their results are joined into one list; those that need
# the kernel are in it as skipped, with the reason.
set -u

list=$(dirname "$0")/mirror.list
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
n=0
bad=0

programs=$(awk '!/^#/ && !seen[$1]++ { print $1 }' "$list")
for program in $programs; do
	without=$(awk -v p="$program" '$1 == p && $2 { print "-T", $2 }' "$list")
	# shellcheck disable=SC2086 # options
	timeout 120 "$1/$program" $without >"$out" 2>&1
	code=$?
	awk -v n="$n" -v name="$program" -v code="$code" '
	FILENAME != "-" {
		if ($1 == name && $2) {
			test = $2
			sub(/^[^\t]*\t+[^\t]*\t+/, "")
			printf "ok %d %s.%s # SKIP needs the kernel: %s\n", n + ++got, name, test, $0
		}
		next
	}
	/^(not )?ok / {
		text = $0
		sub(/^(not )?ok [0-9]+ /, "", text)
		printf "%s %d %s.%s\n", /^not/ ? "not ok" : "ok", n + ++got, name, text
		failed += /^not/
		next
	}
	/^1\.\.|^TAP version/ { next }
	{ print }
	END {
		if (code != 0 && !failed)
			printf "not ok %d %s runs to its end\n", n + ++got, name
		print "#count", got + 0, failed + (code != 0 && !failed)
	}' "$list" - <"$out" >"$out.tap"
	grep -v '^#count' "$out.tap"
	counts=$(sed -n 's/^#count //p' "$out.tap")
	rm -f "$out.tap"
	n=$((n + ${counts% *}))
	bad=$((bad + ${counts#* }))
done
echo "1..$n"
[ "$bad" -eq 0 ]
