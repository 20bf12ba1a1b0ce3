#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The checks that need no guest. Prints results as report.awk does, for the
# kernel "host"; each check is one test, the tools' unit tests count singly.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

logs=$BUILD/log/host
mkdir -p "$logs"

result() { printf '%s\thost\t%s\t%s\n' "$@"; }

# check NAME COMMAND...: passes if COMMAND does; 4 means skipped, as everywhere
# in kselftests. The reason is the first line that looks like one.
check() {
	local name=$1 code=0 start=$SECONDS reason word
	shift
	"$@" >"$logs/$name" 2>&1 </dev/null || code=$?
	reason=$(grep -aiE -m 1 '(error|warning): |not ok|^skip' "$logs/$name") || true
	: "${reason:=$(tail -n 1 "$logs/$name")}"
	case $code in
	0) result pass "$name" '' ;;
	4) result skip "$name" "$reason" ;;
	*) result fail "$name" "$reason" ;;
	esac
	case $code in 0) word=ok ;; 4) word=skipped ;; *) word='not ok' ;; esac
	printf '    %-6s %-28s %s  (%d s)\n' host "$name" "$word" $((SECONDS - start)) >&2
}

skip() { echo "skip: $*"; exit 4; }

# Unit tests speak KTAP: read by the same parser as a guest's.
unit_tests() {
	local name=$1 code=0 start=$SECONDS
	shift
	"$@" >"$logs/$name" 2>&1 </dev/null || code=$?
	{
		echo "# zcache-test: start $name"
		cat "$logs/$name"
		echo
		echo "# zcache-test: end $name $code $((SECONDS - start))"
	} >"$logs/$name.ktap"
	awk -f "$VM_DIR/trouble.awk" -f "$VM_DIR/report.awk" host=1 kernel=host \
		phase=ktap "$logs/$name.ktap"
	awk -v kernel=host -f "$VM_DIR/progress.awk" "$logs/$name.ktap" >&2
}

# The tests that need no kernel, on mirrors.
mirror_tests() {
	local harness
	harness=$("$VM_DIR/source.sh" tools)/tools/testing/selftests
	make -C "$TOP/selftests" -s -j"$JOBS" O="$BUILD/selftests" KSELFTEST="$harness" mirror &&
		"$TOP/selftests/mirror.sh" "$BUILD/selftests/mirror"
}

scripts() {
	local f
	(cd "$TOP" && find . \( -path ./build -o -path ./.git \) -prune -o -type f -print) |
	while read -r f; do
		if head -n 1 "$TOP/$f" | grep -aE '^#!.*\b(ba|da|busybox )?sh\b' >/dev/null; then
			echo "$f"
		fi
	done
}

shell_scripts() {
	local all
	mapfile -t all < <(scripts)
	cd "$TOP" && shellcheck -x "${all[@]}"
}

# The sources that follow kernel style.
kernel_sources() {
	cd "$TOP" && find kmod uapi bench/wire -name '*.[ch]' 2>/dev/null | sort
}

style() {
	local all code=0
	mapfile -t all < <(kernel_sources)
	[ ${#all[@]} -gt 0 ] || skip "no sources yet"
	(cd "$TOP" && perl "$("$VM_DIR/source.sh" tools)/scripts/checkpatch.pl" \
		--no-tree --quiet --terse --show-types -f "${all[@]}") \
		>"$logs/checkpatch.all" || code=$?
	# 1 is for messages, which the filter judges; anything else went wrong
	[ "$code" -le 1 ] || return "$code"
	awk -f "$VM_DIR/checkpatch-filter.awk" "$VM_DIR/checkpatch.ignore" \
		phase=output "$logs/checkpatch.all"
}

# Warnings about headers of the kernel are not ours to fix.
sparse_clean() {
	local kernel out=$BUILD/sparse/src log
	[ -e "$TOP/Kbuild" ] || skip "no module yet"
	kernel=$("$VM_DIR/kernel.sh" 6.12)
	"$VM_DIR/build.sh" copy sparse
	log=$(make -C "$kernel/build" M="$out" -j"$JOBS" C=2 modules 2>&1 &&
	      make -C "$kernel/build" M="$out/bench/wire" -j"$JOBS" C=2 \
		   KBUILD_EXTRA_SYMBOLS="$out/Module.symvers" modules 2>&1) || {
		echo "$log"
		return 1
	}
	! grep -E "^($out/)?[^ /]*(kmod|uapi|bench/wire)/.*(warning|error):" <<<"$log"
}

unit_tests report-test "$VM_DIR/report-test.sh"
if [ -e "$TOP/tools/Makefile" ]; then
	unit_tests tools make -C "$TOP/tools" -s O="$BUILD/tools" check
	unit_tests variants "$VM_DIR/variants.sh"
	unit_tests fuzz make -C "$TOP/tools" -s O="$BUILD/tools" fuzz SECONDS=60
fi
unit_tests mirror mirror_tests
if [ -e "$TOP/bench/Makefile" ]; then
	check bench make -C "$TOP/bench" -s O="$BUILD/bench" check
fi
check inventory "$VM_DIR/inventory.sh"
check regen "$VM_DIR/regen.sh" check
check shellcheck shell_scripts
check checkpatch style
check sparse sparse_clean
