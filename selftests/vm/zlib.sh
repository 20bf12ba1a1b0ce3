#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# zlib.sh NAME COMPILER: zlib as an archive for a target that there is no package of
# it for, from the release's own sources. Prints its folder, which has the headers too.

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

name=$1 compiler=$2

version() {
	local newest
	newest=$(apt_newest zlib1g)
	[ -n "$newest" ] || die "no package zlib1g"
	echo "$newest"
}

apt_ready
version=$(apt_memo zlib version)
dir=$CACHE/zlib/$version/$name
if [ ! -e "$dir" ]; then
	lock "zlib-$name"
	if [ ! -e "$dir" ]; then
		start=$SECONDS
		tmpdir_near tmp "$dir"
		: "${tmp:?}"
		apt_source_into "$tmp/source" zlib
		export CC=$compiler CHOST
		CHOST=$("$compiler" -dumpmachine)
		(cd "$tmp/source" && ./configure --static && make -j"$JOBS" libz.a) \
			>"$tmp/log" 2>&1 || { cat "$tmp/log" >&2; die "zlib does not build"; }
		mkdir "$tmp/zlib"
		cp "$tmp"/source/{libz.a,zlib.h,zconf.h} "$tmp/zlib"
		publish "$tmp/zlib" "$dir"
		keep_newest 1 "$CACHE/zlib/"*
		say "zlib $version for $name built ($(seconds_since "$start"))"
	fi
	unlock "zlib-$name"
fi
echo "$dir"
