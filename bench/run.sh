#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Entry of the Makefile: run.sh bench | bench-host | bench-gate, configured by
# KERNEL in the environment. BENCH has options for send_bench that replace those
# of the plan (BENCH='--reps 1 --seconds 0.01' for a quick try), BENCH_SERVERS
# some for servers.sh, BENCH_CLAIMS some for the programs of host/.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../selftests/vm/lib.sh"

HERE=$TOP/bench
RESULTS=$BUILD/bench
DEADLINE=7200

# What else runs is told, and left to who reads it to judge.
say_if_others_run() {
	local others
	others=$(pgrep -c qemu-system || true)
	[ "$others" = 0 ] ||
		say "this machine is not quiet: $others other virtual machines run"
}

say_if_busy() {
	local load
	load=$(cut -d' ' -f1 /proc/loadavg)
	say_if_others_run
	awk -v load="$load" 'BEGIN { exit load < 0.7 }' || return 0
	say "this machine is not quiet: its load is $load"
}

# fresh FOLDER: results of an earlier run would be taken for this one's.
fresh() {
	rm -rf "$1"
	mkdir -p "$1"
}

report() {
	local out=$1 files=("$1/send.json") gnuplot=gnuplot
	[ ! -s "$out/servers.json" ] || files+=("$out/servers.json")
	if ! type -P gnuplot >/dev/null; then
		gnuplot="$VM_DIR/root.sh run $("$VM_DIR/root.sh" bench) @ gnuplot"
	fi
	GNUPLOT=$gnuplot "$HERE/report" "${files[@]}" >"$out/report.html"
	say "results: $out (report.html, send.json, send.csv)"
}

# in_guest KERNEL PLAN FOLDER
in_guest() {
	local kernel=$1 plan=$2 out=$3 root
	root=$("$VM_DIR/root.sh" bench)
	fresh "$out"
	say "$kernel: measuring"
	say_if_busy
	VM_ROOT=$root VM_RESULTS=$out VM_DEADLINE=${VM_DEADLINE:-$DEADLINE} \
		"$VM_DIR/guest.sh" "$kernel" cmd \
		"/zc/bench $plan /results ${BENCH:-}" | tee "$out/send.txt"
	say_if_others_run
}

# in_guest_servers KERNEL FOLDER: a guest of its own, as nothing else has run.
# A server that fails is no reason to lose what was measured before.
failed=0
in_guest_servers() {
	local kernel=$1 out=$2
	say "$kernel: measuring servers"
	VM_ROOT=$("$VM_DIR/root.sh" bench) VM_RESULTS=$out \
		VM_DEADLINE=${VM_DEADLINE:-$DEADLINE} \
		"$VM_DIR/guest.sh" "$kernel" cmd \
		"/zc/servers.sh ${BENCH_SERVERS:-} >/results/servers.json" || {
		say "$kernel: not all servers were measured"
		failed=1
	}
}

bench() {
	local kernel
	for kernel in ${KERNEL:-6.1 6.12 7.2}; do
		in_guest "$kernel" full "$RESULTS/$kernel"
		in_guest_servers "$kernel" "$RESULTS/$kernel"
		report "$RESULTS/$kernel"
	done
	return "$failed"
}

bench_gate() {
	local kernel kernels=${KERNEL:-6.1 6.12} folders=()
	for kernel in $kernels; do
		in_guest "$kernel" gate "$RESULTS/gate-$kernel" >/dev/null
		in_guest_servers "$kernel" "$RESULTS/gate-$kernel"
		folders+=("$kernel=$RESULTS/gate-$kernel")
	done
	"$HERE/gate" "${folders[@]}"
}

# The published claims, one program and one table each. CLAIMS='r3 r4' in the
# environment has them alone.
claims() {
	local out=$RESULTS/claims program failed=0
	make -s -C "$HERE" O="$RESULTS" host
	fresh "$out"
	say_if_busy
	for program in "$RESULTS"/host/*; do
		[[ -z ${CLAIMS:-} || " $CLAIMS " == *" $(basename "${program%%_*}") "* ]] ||
			continue
		# shellcheck disable=SC2086 # several words
		"$program" --dir "$out" --json "$out/claims.json" ${BENCH_CLAIMS:-} |
			tee -a "$out/claims.txt" || failed=1
		echo | tee -a "$out/claims.txt"
	done
	say "results: $out (claims.txt, claims.json)"
	return "$failed"
}

# The machine's own kernel, which has no zcache.
bench_host() {
	local out=$RESULTS/host
	claims
	[ -z "${CLAIMS:-}" ] || return 0
	make -s -C "$HERE" O="$RESULTS" "$RESULTS/send_bench"
	fresh "$out"
	mkdir "$out/files"
	say_if_busy
	# shellcheck disable=SC2086 # several words
	"$RESULTS/send_bench" --rows host --dir "$out/files" \
		--connections 1,16 --json "$out/send.json" \
		--csv "$out/send.csv" ${BENCH:-} | tee "$out/send.txt"
	rmdir "$out/files"
	report "$out"
}

type -P python3 >/dev/null || die "python3 is needed for the report"
mkdir -p "$RESULTS"
case ${1:-} in
bench) bench ;;
bench-gate) bench_gate ;;
bench-host) bench_host ;;
*) die "usage: run.sh bench | bench-host | bench-gate" ;;
esac
