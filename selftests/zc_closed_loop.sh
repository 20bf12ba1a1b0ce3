#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# zc_closed_loop.sh TRACE CAPACITY POLICY [DIVISOR [RATE]]: replays a trace
# ("time,id,size" a line) through a store of its own, which zcached evicts from at the
# default watermarks, and then through the simulator, with what the objects take of the
# capacity. The rate is as zc_replay has it: requests a second, 0 or "wait".
# Prints one line: policy, requests, misses of the store, misses of the simulator,
# evictions by the kernel, evictions by the daemon, touches that were lost, milliseconds.
# The programs are next to this script.
set -eu

here=$(dirname "$(realpath "$0")")
PATH=$here:$PATH
trace=$1 capacity=$2 policy=$3 divisor=${4:-1} rate=${5:-0}
store=closed-loop
tmp=$(mktemp -d)
daemon=

# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
	[ -z "$daemon" ] || kill "$daemon"
	zcachectl store delete $store force 2>/dev/null || :
	rm -rf "$tmp"
}
trap finish EXIT

# member NAME: a number of the JSON in $out.
member() {
	[[ $out =~ \"$1\":([0-9]*) ]]
	echo "${BASH_REMATCH[1]}"
}

# begin: the daemon says that it is ready once it owns the store's policy.
begin() {
	local line says

	printf 'listen = none\npolicy = %s\n' "$policy" >"$tmp/conf"
	mkfifo "$tmp/says"
	zcached --config "$tmp/conf" 2>"$tmp/says" &
	daemon=$!
	exec {says}<"$tmp/says"
	until [[ ${line:-} == *ready ]]; do
		read -r line <&"$says"
		echo "$line" >&2
	done
}

declare -A is
zcachectl store create $store capacity "$capacity"
begin
zc_replay run $store "$trace" "$tmp/charged" "$divisor" "$rate" >"$tmp/result"
while IFS='=' read -r name value; do
	is[$name]=$value
done <"$tmp/result"

# The daemon evicts from the high watermark down to the low one.
out=$(zcachectl --json store show $store)
bytes=$(member capacity) high=$(member high_watermark) low=$(member low_watermark)
batch=$(((high - low) * 100000000 / high))
out=$(zcachectl --json policy simulate "$tmp/charged" policy "$policy" \
	size $((bytes * high / 100)) batch "$((batch / 1000000)).$(printf %06d $((batch % 1000000)))%")
echo "$policy ${is[requests]} ${is[store-misses]} $(member misses) ${is[evictions]}" \
	"${is[policy-evictions]} ${is[touches-lost]} ${is[milliseconds]}"
