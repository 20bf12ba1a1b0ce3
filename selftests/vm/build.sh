#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds what goes into a guest.
#   build.sh module NAME KERNEL-FOLDER  the module for one kernel; prints the file
#   build.sh wire NAME KERNEL-FOLDER    the same for the one of the benchmarks
#   build.sh copy NAME                  only the copy of its sources
#   build.sh programs                   tools and tests, once for all kernels
# A part of the tree that is not there is left out.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# The module is built from a copy: kbuild writes next to the sources, and each
# kernel needs objects of its own. Objects of the last build stay.
copy_sources() {
	local out=$1 part parts=()
	mkdir -p "$out"
	for part in Kbuild kmod uapi; do
		if [ -e "$TOP/$part" ]; then parts+=("$TOP/$part"); fi
	done
	rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
		--exclude='*.mod.c' --exclude='.*.cmd' --exclude='*.order' \
		--exclude='Module.symvers' "${parts[@]}" "$out/"
	if [ -e "$TOP/bench/wire" ]; then
		mkdir -p "$out/bench"
		rsync -a --delete --exclude='*.o' --exclude='*.ko' \
			"$TOP/bench/wire" "$out/bench/"
	fi
}

# kbuild LOGFILE KERNEL-FOLDER SOURCES ARGUMENTS...
kbuild() {
	local log=$1 kernel=$2 src=$3 make=(make -C "$2/build")
	shift 3
	if [ -e "$kernel/root/usr/bin/make" ]; then
		make=("$VM_DIR/root.sh" run "$kernel/root" "$src" make -C
		      "/usr/src/linux-headers-$(cat "$kernel/release")")
	fi
	run_logged "$log" "${make[@]}" -j"$JOBS" W=1 \
		KCFLAGS="-Werror ${KCFLAGS:-}" "$@" modules
}

module() {
	local name=$1 kernel=$2 src=$BUILD/$1/src start=$SECONDS
	[ -e "$TOP/Kbuild" ] || return 0
	lock "build-$(echo "$BUILD/$name" | sha256sum | cut -c1-12)"
	copy_sources "$src"
	kbuild "$BUILD/log/module-$name.log" "$kernel" "$src" M="$src"
	[ $((SECONDS - start)) -lt 3 ] ||
		say "module built for $name ($(seconds_since "$start"))"
	echo "$src/zcache.ko"
}

# After "module": it uses its sources and may use its symbols.
wire() {
	local name=$1 kernel=$2 src=$BUILD/$1/src
	[ -e "$TOP/bench/wire/Kbuild" ] || return 0
	lock "build-$(echo "$BUILD/$name" | sha256sum | cut -c1-12)"
	kbuild "$BUILD/log/wire-$name.log" "$kernel" "$src" \
		M="$src/bench/wire" KBUILD_EXTRA_SYMBOLS="$src/Module.symvers"
	find "$src/bench/wire" -name '*.ko'
}

programs() {
	local part harness start=$SECONDS
	harness=$("$VM_DIR/source.sh" tools)/tools/testing/selftests
	lock "build-$(echo "$BUILD/programs" | sha256sum | cut -c1-12)"
	for part in tools selftests bench; do
		[ -e "$TOP/$part/Makefile" ] || continue
		mkdir -p "$BUILD/$part"
		run_logged "$BUILD/log/$part.log" \
			make -C "$TOP/$part" -j"$JOBS" O="$BUILD/$part" \
			KSELFTEST="$harness"
	done
	[ $((SECONDS - start)) -lt 3 ] ||
		say "programs built ($(seconds_since "$start"))"
}

case ${1:-} in
copy)
	copy_sources "$BUILD/$2/src" ;;
module)
	module "$2" "$3" ;;
wire)
	wire "$2" "$3" ;;
programs)
	programs ;;
*)
	die "usage: build.sh module|wire NAME KERNEL-FOLDER | copy NAME | programs" ;;
esac
