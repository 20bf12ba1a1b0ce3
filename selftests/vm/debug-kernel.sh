#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds the debug kernel once per source version and configuration.
# Prints the folder: bzImage, release (a file) and build/ (for modules).

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

FRAGMENT=$VM_DIR/debug.config
# Count up when a change below makes what is in caches useless.
RECIPE=1

# Every option of the fragment as written, or say which are not: kconfig drops
# an option with an unmet dependency without a word.
check_config() {
	local line name bad=0
	while read -r line; do
		case $line in
		CONFIG_*=n)
			name=${line%%=*}
			grep -q "^$name=" "$1" || continue ;;
		CONFIG_*)
			! grep -qxF "$line" "$1" || continue ;;
		*)
			continue ;;
		esac
		name=${line%%=*}
		printf 'debug.config asks %s, got %s\n' "$line" \
			"$(grep -E "^$name=|# $name " "$1" || echo nothing)" >&2
		bad=1
	done <"$FRAGMENT"
	return $bad
}

# What a module build reads stays, the objects go: they are ten times as much.
strip_tree() {
	find "$1" -type f \( -name '*.o' -o -name '*.a' -o -name '.*.cmd' \
			-o -name '*.c' -o -name '*.S' -o -name '*.order' \) \
		-not -path "$1/scripts/*" -not -path "$1/tools/objtool/*" -delete
}

build() {
	local out=$1 log=$CACHE/log/debug-kernel.log make start=$SECONDS
	make=(nice make -j"$JOBS" KBUILD_BUILD_USER=zcache KBUILD_BUILD_HOST=vm
	      KBUILD_BUILD_TIMESTAMP=@0 LOCALVERSION=-zcache-debug)
	mkdir -p "$out/build"
	"$VM_DIR/source.sh" unpack "$out/build"
	cd "$out/build" || exit 1
	run_logged "$log.config" env KCONFIG_ALLCONFIG="$FRAGMENT" \
		"${make[@]}" allnoconfig
	check_config .config || die "the debug kernel cannot be configured"
	say "building the debug kernel (this takes a while, log: $log)"
	run_logged "$log" "${make[@]}" bzImage modules
	cp arch/x86/boot/bzImage "$out/bzImage"
	cp .config "$out/config"
	"${make[@]}" -s kernelrelease >"$out/release"
	strip_tree "$out/build"
	say "debug kernel built ($(seconds_since "$start"))"
}

main() {
	local version key dir tmp
	version=$("$VM_DIR/source.sh" version)
	key=$(grep -v '^#' "$FRAGMENT" | sha256sum | cut -c1-12)-$RECIPE
	dir=$CACHE/kernel/debug-$version-$key
	if [ ! -e "$dir/release" ]; then
		lock debug-kernel
		if [ ! -e "$dir/release" ]; then
			tmpdir_near tmp "$dir"
			build "$tmp"
			publish "$tmp" "$dir"
			# branches with another debug.config want theirs kept
			keep_newest 3 "$CACHE/kernel/debug-"*
		fi
		unlock debug-kernel
	fi
	echo "$dir"
}

main
