#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Root file systems in the cache, for what shall not be installed on the machine.
#   root.sh bench                       prints the one of the file packages.bench
#   root.sh run ROOT FOLDER COMMAND...  runs a command in one; of the machine's
#                                       files it sees FOLDER, where it starts

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# Count up when a change below makes what is in caches useless.
RECIPE=1

bench() {
	local all key dir tmp start=$SECONDS
	mapfile -t all < <(sed 's/#.*//' "$VM_DIR/packages.bench" | awk 'NF { print $1 }')
	key=$(echo $RECIPE "${all[@]}" | sha256sum | cut -c1-12)
	dir=$CACHE/root/bench-$CODENAME-$key
	if [ ! -e "$dir" ]; then
		apt_ready
		lock root-bench
		if [ ! -e "$dir" ]; then
			say "fetching what the benchmarks compare with"
			tmpdir_near tmp "$dir"
			apt_root_into "$tmp" "${all[@]}"
			ln -s gnuplot-nox "$tmp/usr/bin/gnuplot"
			publish "$tmp" "$dir"
			keep_newest 2 "$CACHE/root/bench-"*
			say "fetched ($(seconds_since "$start"))"
		fi
		unlock root-bench
	fi
	echo "$dir"
}

# The mounts are in a name space of their own: they end with the command, and
# nobody else sees them.
run() {
	local root=$1 folder=$2 user=()
	shift 2
	[ "$(id -u)" = 0 ] || user=(--map-root-user)
	mkdir -p "$root$folder"
	# shellcheck disable=SC2016 # expanded by the inner shells
	exec unshare "${user[@]}" --mount sh -euc '
		root=$1 folder=$2
		shift 2
		mount --bind "$folder" "$root$folder"
		mount --rbind /proc "$root/proc"
		mount --rbind /dev "$root/dev"
		exec chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin \
			HOME=/tmp LC_ALL=C.UTF-8 \
			sh -c "cd \"\$0\" && exec \"\$@\"" "$folder" "$@"
	' sh "$root" "$folder" "$@"
}

case ${1:-} in
bench)
	bench ;;
run)
	shift
	run "$@" ;;
*)
	die "usage: root.sh bench | run ROOT FOLDER COMMAND..." ;;
esac
