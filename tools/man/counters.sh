#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# counters.sh PAGE.in INCLUDE-FOLDER: fills the list of counters into a page, from
# the one table that declares them.
set -eu

rows=$(printf '%s\n' '#include <linux/zcache_counters.h>' \
	'#define ROW(id, name, unit, sentence) @row name unit sentence' \
	'ZC_COUNTERS(ROW)' |
	"${CC:-cc}" -E -P -isystem "$2" - | tr '\n' ' ' | sed 's/@row/\n@row/g' |
	sed -n 's/^@row *"\([^"]*\)" *"\([^"]*\)" *"\([^"]*\)" *$/.It Li \1 Pq \2\n\3/p')
[ -n "$rows" ]
ROWS=$rows awk '$0 == "@COUNTERS@" { print ENVIRON["ROWS"]; next } { print }' "$1"
