#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks that each test that INVENTORY.md names is there: `PROGRAM` or `PROGRAM:TEST`,
# in which a * stands for any part of a name.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

selftests=$TOP/selftests

# tests_of SOURCE: their names, as the harness gives them.
tests_of() {
	awk -F '[(), ]+' '
		/^FIXTURE_VARIANT_ADD\(/ { variants[$2] = variants[$2] " " $3 }
		/^TEST_F(_TIMEOUT|_SIGNAL)?\(/ { fixture[++n] = $2; name[n] = $3 }
		/^TEST(_SIGNAL)?\(/ { fixture[++n] = "global"; name[n] = $2 }
		END {
			for (i = 1; i <= n; i++) {
				nr = split(variants[fixture[i]], v, " ")
				if (!nr)
					print fixture[i] "." name[i]
				for (j = 1; j <= nr; j++)
					print fixture[i] "." v[j] "." name[i]
			}
		}' "$1"
}

# has_test SOURCE PATTERN
has_test() {
	local name
	while read -r name; do
		# shellcheck disable=SC2053 # a pattern is meant
		[[ $name == $2 ]] && return
	done < <(tests_of "$1")
	return 1
}

# There is such a program, and such a test in it if one is named.
is_there() {
	local program=${1%%:*}
	case $1 in
	*:*) awk -v program="$program" '$1 == program { n++ } END { exit !n }' "$selftests/tests" &&
		has_test "$selftests/$program.c" "${1#*:}" ;;
	*) [ -e "$selftests/$program" ] ||
		compgen -G "$TOP/tools/tests/${program%.sh}.*" >/dev/null ;;
	esac
}

# shellcheck disable=SC2016 # Markdown's quotes
mapfile -t names < <(grep -oE '`(t|test)_[^`*]+(:[^`]+)?`' "$selftests/INVENTORY.md" |
	tr -d '`' | sort -u)
bad=0
for name in "${names[@]}"; do
	is_there "$name" && continue
	echo "error: INVENTORY.md names $name, which is not there"
	bad=1
done
echo "${#names[@]} names"
[ ${#names[@]} -gt 0 ] || bad=1
exit $bad
