#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Tests the report parser with canned logs: each file of report-test/ has a
# description, what a guest left, and the results that must come of it.
# Speaks KTAP.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

cases=("$VM_DIR"/report-test/*)
tmpdir_near tmp "${TMPDIR:-/tmp}/report"
: "${tmp:?}"
failed=0

echo "TAP version 13"
echo "1..${#cases[@]}"
for i in "${!cases[@]}"; do
	name=$(basename "${cases[i]}")
	echo 0 >"$tmp/ended"
	awk -v dir="$tmp" '
		/^--- / { file = dir "/" $2; printf "" >file; next }
		file != "" { print >file }' "${cases[i]}"
	awk -f "$VM_DIR/trouble.awk" -f "$VM_DIR/report.awk" \
		kernel=K ended="$(cat "$tmp/ended")" phase=tests "$tmp/tests" \
		phase=console "$tmp/console" phase=ktap "$tmp/ktap" |
		awk -F'\t' '{ print $1 " " $3 ($4 == "" ? "" : " " $4) }' >"$tmp/got"
	if diff -u --label expected --label got "$tmp/expected" "$tmp/got" >"$tmp/diff"; then
		echo "ok $((i + 1)) $name"
	else
		sed 's/^/# /' "$tmp/diff"
		echo "not ok $((i + 1)) $name"
		failed=1
	fi
done
exit $failed
