#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetches one stock kernel of the distribution, image and headers, without
# installing it: of the release or its backports or, when there is none of this
# series, of sid. Prints its folder:
#   release   its uname -r
#   bzImage   the image
#   modroot/  lib/modules/RELEASE, from which image.sh packs what guests use
#   build/    for make -C
#   root/     where the headers are. Those of sid want compiler and C library of
#             sid as well: then this is a whole root to build modules in, see
#             root.sh, and build/ lies at /usr/src/linux-headers-RELEASE in it.
#
# It is the full flavour, not the cloud one: that lacks dummy and 9p, and once
# only the modules a guest uses are packed it boots no faster.

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

# newest_abi SERIES: the newest kernel for which there are image and headers, and
# its version; where it comes from (release, security updates or backports) does
# not matter. Nothing if there is none.
newest_abi() {
	local series=${1//./\\.} abi version best='' best_version=0
	while read -r abi; do
		version=$(apt_newest "linux-image-$abi")
		[ "$version" = "$(apt_newest "linux-headers-$abi")" ] || continue
		if dpkg --compare-versions "$version" gt "$best_version"; then
			best=$abi best_version=$version
		fi
	done < <(apt_private apt-cache pkgnames "linux-image-$1." |
		sed -n "s/^linux-image-\($series\.[0-9][0-9.+a-z-]*-amd64\)\$/\1/p" |
		grep -Ev -- '-(cloud|rt)-amd64$' | sort -V | tail -n 4)
	[ -z "$best" ] || echo "$best $best_version"
}

# dependency PACKAGE=VERSION REGEX: the packages it needs that match.
dependency() {
	apt_private apt-cache show "$1" | sed -n 's/^Depends: //p' | head -n 1 |
		tr ',|' '\n' | awk '{ print $1 }' | grep -E "$2"
}

# Header packages name each other by absolute paths of an installed system.
relocate() {
	local root=$1 final=$2 file link
	grep -rlIE '/usr/(src|lib)/linux-' "$root/usr/src" --include=Makefile \
			--include='*.mk' --include='.kernelvariables' 2>/dev/null |
	while read -r file; do
		sed -i -E "s#(^|[^[:alnum:]/.])/usr/(src|lib)/linux-#\1$final/usr/\2/linux-#g" "$file"
	done
	find "$root/usr/src" "$root/lib" "$root/usr/lib" -type l 2>/dev/null |
	while read -r link; do
		file=$(readlink "$link")
		case $file in
		/usr/*) ln -sfn "$final$file" "$link" ;;
		esac
	done
}

# fetch_image FOLDER ABI VERSION: newer kernels split the image's package up.
fetch_image() {
	local dir=$1 abi=$2 version=$3 all=$1/image packages
	mapfile -t packages < <(dependency "linux-image-$abi=$version" \
		'^linux-(base|binary|modules)-')
	apt_fetch_into "$all" "linux-image-$abi=$version" \
		"${packages[@]/%/=$version}"
	mkdir -p "$dir/modroot/lib/modules"
	mv "$(find "$all" -type d -path "*/lib/modules/$abi")" "$dir/modroot/lib/modules/"
	mv "$(find "$dir" -name "vmlinuz*" -type f)" "$dir/bzImage"
	rm -rf "$all"
	# No guest has a sound card, and these are most of the bytes.
	(cd "$dir/modroot/lib/modules/$abi/kernel" && rm -rf sound \
		drivers/{gpu,media,infiniband,staging,scsi,iio,usb} \
		drivers/net/{ethernet,wireless})
	/sbin/depmod -b "$dir/modroot" "$abi"
}

fetch_headers() {
	local dir=$1 final=$2 headers=linux-headers-$3=$4 version=$4 packages
	if [ "$APT_SUITE" = "$CODENAME" ]; then
		mapfile -t packages < <(dependency "$headers" \
			'^linux-(headers-.*-common|kbuild-.*)$')
		apt_fetch_into "$dir/root" "$headers" "${packages[@]/%/=$version}"
		relocate "$dir/root" "$final/root"
	else
		apt_root_into "$dir/root" make "$headers"
	fi
	ln -s "root/usr/src/linux-headers-$3" "$dir/build"
	# With it there, kbuild wants pahole, for debug data that nobody reads.
	rm -f "$dir/build/vmlinux"
}

main() {
	local series=$1 suite abi version dir tmp start=$SECONDS
	for suite in "$CODENAME" sid; do
		apt_ready "$suite"
		read -r abi version < <(apt_memo "kernel-$series" newest_abi "$series") || abi=
		[ -z "$abi" ] || break
	done
	[ -n "$abi" ] || die "no kernel $series in the package lists"
	dir=$CACHE/kernel/$abi-$version
	if [ ! -e "$dir" ]; then
		lock "kernel-$series"
		if [ ! -e "$dir" ]; then
			tmpdir_near tmp "$dir"
			fetch_image "$tmp" "$abi" "$version"
			fetch_headers "$tmp" "$dir" "$abi" "$version"
			echo "$abi" >"$tmp/release"
			publish "$tmp" "$dir"
			keep_newest 2 "$CACHE/kernel/$series."*
			say "fetched kernel $abi ($(seconds_since "$start"))"
		fi
		unlock "kernel-$series"
	fi
	echo "$dir"
}

[ $# = 1 ] || die "usage: kernel.sh SERIES"
main "$1"
