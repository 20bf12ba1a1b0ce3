#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The kernel source package, from which come the debug kernel, the kselftest
# harness, checkpatch, and generator and client of netlink specs.
#   source.sh version        prints the newest version of the package
#   source.sh unpack FOLDER  unpacks all that a build for x86 needs
#   source.sh tools          prints a folder with the few files of use to tests

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

PACKAGE=linux-source-6.12

# Files that other parts of the tree use, under their names in the kernel.
TOOL_FILES=(
	tools/testing/selftests/kselftest_harness.h
	tools/testing/selftests/kselftest.h
	scripts/checkpatch.pl
	scripts/spelling.txt
	scripts/const_structs.checkpatch
	tools/net/ynl/cli.py
	tools/net/ynl/ynl-gen-c.py
	tools/net/ynl/lib/__init__.py
	tools/net/ynl/lib/nlspec.py
	tools/net/ynl/lib/ynl.py
	Documentation/netlink/genetlink-legacy.yaml
)

version() {
	local newest
	newest=$(apt_memo source apt_newest "$PACKAGE")
	[ -n "$newest" ] || die "no package $PACKAGE"
	echo "$newest"
}

tarball() {
	local version dir tmp
	version=$(version)
	dir=$CACHE/source/$version
	if [ ! -e "$dir" ]; then
		lock source
		if [ ! -e "$dir" ]; then
			say "fetching $PACKAGE $version"
			tmpdir_near tmp "$dir"
			apt_fetch_into "$tmp" "$PACKAGE=$version"
			publish "$tmp" "$dir"
			keep_newest 1 "$CACHE/source/"*
		fi
		unlock source
	fi
	echo "$dir/usr/src/$PACKAGE.tar.xz"
}

# Other architectures, documents and the big graphics drivers are two thirds of
# the files and part of no build here; their Kconfig files are read, though.
unpack() {
	local file
	file=$(tarball)
	tar -C "$1" --strip-components=1 -xJf "$file" --wildcards \
		--exclude='*/Documentation/*/*' \
		--exclude='*/drivers/gpu/drm/*/*.[ch]' \
		--exclude='*/arch/[!x]*/*.[chS]' \
		--exclude='*/arch/*.dts*' \
		--exclude='*/sound/*.[ch]'
}

tools() {
	local version dir tmp file
	version=$(version)
	dir=$CACHE/kselftest/$version-$(echo "${TOOL_FILES[*]}" | sha256sum | cut -c1-12)
	if [ ! -e "$dir" ]; then
		file=$(tarball)
		lock kselftest
		if [ ! -e "$dir" ]; then
			tmpdir_near tmp "$dir"
			tar -C "$tmp" --strip-components=1 -xJf "$file" \
				"${TOOL_FILES[@]/#/$PACKAGE/}"
			publish "$tmp" "$dir"
		fi
		unlock kselftest
	fi
	echo "$dir"
}

apt_ready
case ${1:-} in
version)
	version ;;
unpack)
	unpack "$2" ;;
tools)
	tools ;;
*)
	die "usage: source.sh version | unpack FOLDER | tools" ;;
esac
