#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# run.sh FOLDER SECONDS NAME...: runs each fuzzer for so long, two at a time, from its
# corpus. What it adds to that, its log and the input that it fails with go to
# FOLDER/NAME. Speaks TAP.
set -u

here=$(dirname "$0")
folder=$1 seconds=$2
shift 2

fuzz() {
	rm -rf "${folder:?}/$1"
	mkdir -p "$folder/$1/corpus" "$folder/$1/seeds"
	[ ! -d "$here/corpus/$1" ] || "$here/seeds.sh" "$here/corpus/$1" "$folder/$1/seeds"
	set -- "$1" "$folder/fuzz_$1" "$folder/$1/corpus" "$folder/$1/seeds"
	if [ -e "$here/dict/$1" ]; then
		set -- "$@" "-dict=$here/dict/$1"
	fi
	program=$2 name=$1
	shift 2
	# what the programs themselves print would drown the rest
	FUZZ_SEEDS=$folder/$name/seeds timeout $((seconds + 120)) "$program" "$@" -max_total_time="$seconds" -timeout=10 \
		-rss_limit_mb=1024 -max_len=4096 -close_fd_mask=3 -print_final_stats=1 \
		-artifact_prefix="$folder/$name/" >"$folder/$name/log" 2>&1 </dev/null
	echo $? >"$folder/$name/code"
}

pending=
for name; do
	fuzz "$name" &
	if [ -n "$pending" ]; then
		wait
		pending=
	else
		pending=1
	fi
done
wait

n=0
bad=0
for name; do
	n=$((n + 1))
	log=$folder/$name/log
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	covered=$(sed -n 's/.*cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
	if [ "$(cat "$folder/$name/code")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "ok $n - $name: $runs runs, $covered branches in $seconds s"
		continue
	fi
	bad=1
	grep -v -e '^#[0-9]' -e '^INFO' "$log" | tail -n 60 | sed 's/^/# /'
	for input in "$folder/$name"/[clot]*-*; do
		if [ -e "$input" ]; then
			echo "# input: $input"
			base64 "$input" | sed 's/^/#   /'
		fi
	done
	echo "not ok $n - $name"
done
echo "1..$n"
exit $bad
