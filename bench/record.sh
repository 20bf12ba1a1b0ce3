#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs in the guest: record.sh. What recording of uses adds to a hit: record_bench
# with a store that is left to the kernel and one that zcached owns, for few objects,
# each used often between two drains, and for many, each used once. First with two that
# are left to the kernel, which tells what is noise; then with a daemon that stands
# still, so that nothing but the recording is in the way; then with one that drains.
set -eu

here=$(dirname "$0")
conf=/tmp/record.conf

"$here/zcachectl" store create free capacity 400M
"$here/zcachectl" store create free2 capacity 400M
"$here/zcachectl" store create owned capacity 400M
cat >$conf <<-'END'
	listen = none
	store free {
		policy = none
	}
	store free2 {
		policy = none
	}
END
# Its CPU is not that of record_bench.
taskset 2 "$here/zcached" --config $conf 2>/dev/null &
daemon=$!
until [ "$("$here/zcachectl" policy show owned | grep -c gdsf2)" != 0 ]; do
	sleep 0.1
done
for objects in 1000 50000; do
	echo "noise:"
	"$here/record_bench" free free2 $objects
	kill -STOP $daemon
	echo "recording:"
	"$here/record_bench" free owned $objects
	kill -CONT $daemon
	echo "recording and draining:"
	"$here/record_bench" free owned $objects
done
kill $daemon
for store in free free2 owned; do
	"$here/zcachectl" store show $store | grep -E '^ *(hits|touches-lost)' || :
	"$here/zcachectl" store delete $store
done
