#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Runs in the guest, for "make demo": loads two files into a store, serves them,
# fetches and compares them, and measures against the ways without zcache.
set -eu

here=$(dirname "$0")
www=/tmp/demo-www
out=/tmp/demo-out

fail() {
	echo "demo: $*" >&2
	exit 1
}

# The counters that tell how the bytes went.
counters() {
	"$here/zcachectl" store show demo | grep -E 'spliced-bytes|copied-bytes|fallbacks'
}

mkdir -p "$www"
cp "$here/vmlinuz" "$www/vmlinuz"
head -c 104857600 /dev/urandom >"$www/random.bin"

"$here/zcachectl" store create demo capacity 256M
mkfifo "$out"
"$here/zcache-serve" --store demo --listen 127.0.0.1:0 --load "$www" >"$out" &
server=$!
trap 'kill $server 2>/dev/null' EXIT
exec 3<"$out"

# The line with the port comes when the files are loaded.
url=
while read -r line <&3; do
	case $line in
	"listening on "*)
		url=http://${line#listening on }
		break ;;
	esac
done
[ -n "$url" ] || fail "zcache-serve did not start"

for name in vmlinuz random.bin; do
	want=$(sha256sum <"$www/$name")
	got=$(curl -sSf "$url/$name" | sha256sum)
	[ "$want" = "$got" ] || fail "$name came with other bytes"
	echo "$name: $(wc -c <"$www/$name") bytes fetched, SHA-256 ${got%% *} is right"
done
echo "what the store counted:"
counters
kill $server
wait $server || :
trap - EXIT
rm -r "$www"

"$here/send_bench" --store demo --rows pread+write,sendfile,mmap+write,zcache \
	--sizes 4K,64K,1M,10M --kinds body --connections 1 --reps 7 \
	--seconds 0.12 --csv /tmp/rows.csv
echo
echo "what the store counted, after that:"
counters
"$here/zcachectl" store delete demo
awk -F , -v release="$(uname -r)" '
	NR == 1 {
		for (i = 1; i <= NF; i++)
			column[$i] = i
		next
	}
	{
		us[$1, $3] = $column["us"]
		wide = $column["us_max"] / $column["us_min"]
		if ($3 >= 1048576 && wide > widest)
			widest = wide
	}
	END {
		if (widest > 1.5)
			printf "turns of one row differ by up to %.1f times: this machine is busy, measure again\n", widest
		printf "zcache: %.1f times sendfile at 1 MiB, %.1f at 10 MiB (Linux %s)\n",
			us["sendfile", 1048576] / us["zcache", 1048576],
			us["sendfile", 10485760] / us["zcache", 10485760],
			release
	}' /tmp/rows.csv
