#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs in the guest: bench PLAN RESULTS [OPTION...]. Does the measurements of a
# plan with send_bench; JSON and CSV go to RESULTS/send.json and send.csv. The
# options are send_bench's and replace the plan's.
#
# The files lie on ext4, whose sendfile is the page cache's own; a tmpfs has
# another one. The disk is a file in memory, and is not read while measured.
set -eu

here=$(dirname "$0")
plan=$1 results=$2
shift 2
disk=/tmp/bench.ext4
files=/tmp/bench-files

# One rectangle of the matrix a line.
plan_full() {
	cat <<-'END'
		--connections 1 --kinds body,answer
		--connections 1 --kinds range,range-answer --sizes 64K
		--connections 1 --kinds body --sizes 4K,64K,1M --receivers copy
		--connections 16,64,256 --kinds answer --sizes 4K,64K,1M
	END
}

# What "Must reach" names; "any size" takes all rows.
plan_gate() {
	cat <<-'END'
		--connections 1 --kinds body,answer
	END
}

clean_up() {
	"$here/zcachectl" store delete bench 2>/dev/null || :
	umount "$files" 2>/dev/null || :
	rmmod zc_wire 2>/dev/null || :
	rm -f "$disk"
}
trap clean_up EXIT

truncate -s 512M "$disk"
mkfs.ext4 -q "$disk"
mkdir -p "$files"
modprobe -a loop ext4 2>/dev/null || :
mount -t ext4 -o loop,noatime "$disk" "$files"
"$here/zcachectl" store create bench capacity 512M
# Without it, send_bench says that its row is skipped.
[ ! -e "$here/zc_wire.ko" ] || insmod "$here/zc_wire.ko"

"plan_$plan" >/tmp/bench-plan
while read -r line; do
	# shellcheck disable=SC2086 # a line is several words
	"$here/send_bench" --store bench --dir "$files" \
		--json "$results/send.json" --csv "$results/send.csv" \
		$line "$@" </dev/null
done </tmp/bench-plan

# What a store costs apart from sending. It deletes its store.
if [ "$plan" = full ]; then
	"$here/zcachectl" store create scale capacity 1G
	"$here/store_bench" scale /dev/shm | tee "$results/store.txt"
fi
