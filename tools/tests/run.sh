#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh COMMAND...: runs the unit tests and joins their TAP into one, with one
# plan at the end. A program that dies, or gives fewer results than it planned, is
# a failure of its own. RUN is what they run under, if set.
set -u

out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
n=0
bad=0

for program; do
	name=$(basename "${program%% *}" .sh)
	name=${name%.py}
	# shellcheck disable=SC2086 # a program and its arguments
	timeout 120 ${RUN:-} $program >"$out" 2>"$out.err"
	code=$?
	awk -v n="$n" -v name="$name" -v code="$code" '
	/^1\.\.0 # SKIP/ {
		printf "ok %d - %s # SKIP %s\n", n + ++got, name, substr($0, 12)
		plan = got
		next
	}
	/^1\.\.[0-9]+/ { plan = substr($0, 4) + 0; next }
	/^(not )?ok / {
		got++
		failed += /^not/
		text = $0
		sub(/^(not )?ok [0-9]+ - /, "", text)
		printf "%s %d - %s: %s\n", /^not/ ? "not ok" : "ok", n + got, name, text
		next
	}
	{ print }
	END {
		if (got != plan || (code != 0 && !failed)) {
			printf "# %s:0: exit code %d, %d of %d results\n", name, code, got, plan
			printf "not ok %d - %s: runs to its end\n", n + ++got, name
			failed++
		}
		print "#count", got + 0, failed + 0
	}' "$out" >"$out.tap"
	sed 's/^/# /' "$out.err" >&2
	grep -v '^#count' "$out.tap"
	set_counts=$(sed -n 's/^#count //p' "$out.tap")
	n=$((n + ${set_counts% *}))
	bad=$((bad + ${set_counts#* }))
	rm -f "$out.err" "$out.tap"
done
echo "1..$n"
[ "$bad" -eq 0 ]
