#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# make check: host checks, and the selftests on every kernel. KERNEL= and
# TEST=NAME[:CASE] narrow it. The last line says how many passed, failed and
# were skipped, and the exit code is 0 only if some ran and none failed.
#
# An emulated guest keeps little more than one processor busy, so the host checks
# run beside the guests; but the debug kernel, whose tests are the slowest, is alone.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DEFAULT_SECONDS=60
# How much slower a test may be with every check of the kernel on.
DEBUG_SLOWER=5

results=$BUILD/log/results
only=${TEST:-}
read -r -a kernels <<<"${KERNEL:-6.1 6.12 7.2 debug}"

# for_kernel FILTER KERNEL: FILTER is a list of kernels, "6.12,debug", or of
# those to leave out, "!6.1".
for_kernel() {
	case $1 in
	'') return 0 ;;
	!*) [[ ",${1#!}," != *",$2,"* ]] ;;
	*) [[ ",$1," == *",$2,"* ]] ;;
	esac
}

# select_tests KERNEL FILE: the list for a guest goes to FILE, those that are
# not for this kernel become results.
select_tests() {
	local kernel=$1 name seconds filter args='' case=
	: >"$2"
	if [[ $only == *:* ]]; then
		case=${only#*:}
		# whatever the harness knows by this name: test, full name, fixture
		args="-r $case -t $case -f $case"
	fi
	while read -r name seconds filter; do
		case $name in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2053 # TEST is a pattern
		[[ -z $only || $name == ${only%%:*} ]] || continue
		if ! for_kernel "$filter" "$kernel"; then
			printf 'skip\t%s\t%s\tnot for this kernel\n' "$kernel" "$name" >>"$results"
			continue
		fi
		: "${seconds:=$DEFAULT_SECONDS}"
		[ "$kernel" != debug ] || seconds=$((seconds * DEBUG_SLOWER))
		echo "$name $seconds $args" >>"$2"
	done < <(cat "$BUILD/selftests/tests.list" 2>/dev/null)
}

guest() {
	local kernel=$1 logs=$BUILD/log/$1 code=0 start=$SECONDS
	mkdir -p "$logs"
	select_tests "$kernel" "$logs/tests"
	[ -z "$only" ] || [ -s "$logs/tests" ] || return 0
	rm -f "$logs/console" "$logs/ktap"
	say "$kernel: testing"
	"$VM_DIR/guest.sh" "$kernel" check "$logs/tests" || code=$?
	if [ ! -e "$logs/console" ]; then
		printf 'fail\t%s\tbuild\tno guest could be put together\n' "$kernel" >>"$results"
		return
	fi
	touch "$logs/ktap"
	awk -f "$VM_DIR/trouble.awk" -f "$VM_DIR/report.awk" \
		kernel="$kernel" ended="$code" \
		phase=tests "$logs/tests" phase=console "$logs/console" \
		phase=ktap "$logs/ktap" >>"$results"
	say "$kernel: done ($(seconds_since "$start"), log: $logs)"
}

# The debug kernel takes longest to have: it is built while others are tested.
early_build() {
	[[ " ${kernels[*]} " == *" debug "* ]] || return 0
	setsid nice "$VM_DIR/debug-kernel.sh" >/dev/null 2>"$BUILD/log/debug-kernel" </dev/null &
	builder=$!
}

# To results of their own: two who write into one file would mix their lines.
host() {
	nice -n 5 "$VM_DIR/host-checks.sh" >"$results.host" ||
		printf 'fail\thost\tchecks\tdid not come to their end\n' >>"$results.host"
}

host_start() {
	[ -z "$only" ] || return 0
	say "host checks"
	# a process group, which the end of this takes along
	set -m
	host </dev/null &
	other=$!
	set +m
	[ "$(nproc)" -gt 1 ] || host_wait
}

host_wait() {
	[ -n "$other" ] || return 0
	wait "$other" || printf 'fail\thost\tchecks\twere stopped\n' >>"$results"
	other=
	cat "$results.host" >>"$results"
}

# Nothing goes on when this ends, however it does.
end() {
	local group
	for group in $builder $other; do
		kill -- "-$group" 2>/dev/null || true
	done
	_drop_tmpdirs
}

summary() {
	awk -F'\t' '
		{ n[$1]++ }
		$1 == "fail" { bad[++nbad] = sprintf("  %-6s %s: %s", $2, $3, $4) }
		END {
			if (nbad) print "failed:"
			for (i = 1; i <= nbad; i++) print bad[i]
			printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"]
			exit n["fail"] > 0 || n["pass"] == 0
		}' "$results"
}

mkdir -p "$BUILD/log"
# Two checks in one build folder would write into each other's results; give
# the other one a folder of its own (ZCACHE_BUILD) to have them at once.
lock "check-$(echo "$BUILD" | sha256sum | cut -c1-12)"
: >"$results"
builder='' other=''
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
early_build
if "$VM_DIR/build.sh" programs; then
	host_start
	for kernel in "${kernels[@]}"; do
		[ "$kernel" != debug ] || host_wait
		guest "$kernel"
	done
	host_wait
else
	printf 'fail\thost\tbuild\tthe programs do not build\n' >>"$results"
fi
summary
