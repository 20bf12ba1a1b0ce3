#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The closed loop: what a store misses while zcached evicts from it is what the
# simulator says, and nobody but zcached evicts. Prints TAP.
set -u

here=$(dirname "$(realpath "$0")")
PATH=$here:$PATH
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
bad=0

echo "TAP version 13"
if ! command -v zcached >/dev/null || ! command -v zcachectl >/dev/null; then
	echo "1..0 # SKIP no zcached, or no zcachectl, next to this script"
	exit 4
fi

# is NAME CONDITION: an arithmetic one
is() {
	n=$((n + 1))
	if (($2)); then
		echo "ok $n - $1"
		return
	fi
	bad=1
	echo "# t_closed_loop.sh:0: $1: $2"
	echo "not ok $n - $1"
}

# loop POLICY RATE: sets misses, simulated, kernel and daemon.
loop() {
	local line policy requests lost ms

	misses=0 simulated=0 kernel=0 daemon=0
	line=$(zc_closed_loop.sh "$tmp/trace" 20M "$1" 1 "$2" 2>"$tmp/err")
	read -r policy requests misses simulated kernel daemon lost ms <<<"$line"
	is "$1: it ran" "${requests:-0} == 150000"
	[ -n "$requests" ] || { sed 's/^/# /' "$tmp/err"; return 1; }
	echo "# $policy: $misses misses, the simulator $simulated; evictions: $daemon by the daemon, $kernel by the kernel; $lost uses lost; $ms ms"
}

zc_replay make 150000 >"$tmp/trace"
for policy in gdsf2 s3fifo lru; do
	loop $policy wait || continue
	is "$policy: misses as the simulator, within 1 %" \
		"100 * (misses - simulated) <= simulated && 100 * (simulated - misses) <= simulated"
	is "$policy: none of the evictions is the kernel's" "kernel == 0"
	is "$policy: many were evicted" "daemon > 20000"
done
# Where nobody waits the kernel's share hangs on the machine: it is told, and not judged.
loop gdsf2 0
echo "1..$n"
exit $bad
