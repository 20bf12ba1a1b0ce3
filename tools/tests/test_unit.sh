#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test_unit.sh CONFIG: zcached's unit has as few rights as it can, and the example CONFIG
# is what the program takes. BIN is the folder of the programs.
set -u

config=$1
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
bad=0

result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		bad=1
		sed 's/^/# /' "$tmp/out"
		echo "not ok $n - $2"
	fi
}

"$BIN/zcached" --config "$config" --check >"$tmp/out" 2>&1
result $? "the example is valid"
# Comments that begin without a blank are keys.
sed 's/^#\([a-z}	]\)/\1/' "$config" >"$tmp/all.conf"
"$BIN/zcached" --config "$tmp/all.conf" --check >"$tmp/out" 2>&1
result $? "so is what it has in comments"
grep -c ' = ' "$tmp/all.conf" >"$tmp/out"
[ "$(grep -c '^[a-z	-]* = ' "$tmp/all.conf")" = 14 ]
result $? "which are all keys, two of them for a store and two for a tag"

if ! systemd-analyze --version 2>/dev/null | grep -q systemd; then
	n=$((n + 1))
	echo "ok $n - the unit # SKIP there is no systemd-analyze"
else
	sed "s|^ExecStart=[^ ]*|ExecStart=$(realpath "$BIN/zcached")|" "$BIN/zcached.service" \
		>"$tmp/zcached.service"
	systemd-analyze verify --man=no "$tmp/zcached.service" >"$tmp/out" 2>&1 &&
		! grep zcached.service "$tmp/out"
	result $? "the unit is understood"
	systemd-analyze security --offline=yes --threshold=20 "$tmp/zcached.service" \
		>"$tmp/out" 2>&1
	result $? "its exposure is at most 2.0"
fi
echo "1..$n"
exit $bad
