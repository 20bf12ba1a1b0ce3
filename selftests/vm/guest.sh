#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Puts a guest together and boots it.
#   guest.sh KERNEL cmd COMMAND   runs it, its output is ours, as is its code
#   guest.sh KERNEL shell         gives a shell
#   guest.sh KERNEL check FILE    runs the tests FILE lists ("name seconds args")
# KERNEL is 6.1, 6.12 or debug. Environment: VM_DEADLINE (seconds), VM_MEMORY
# (megabytes), VM_ARGS (kernel arguments), VM_FILES (more files for /zc, each
# "name=path"), VM_DISK (a disk image).

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kernel=$1 mode=$2 what=${3:-}
logs=$BUILD/log/$kernel

case $kernel in
debug)
	folder=$("$VM_DIR/debug-kernel.sh")
	memory=3072 deadline=2400
	arguments="panic_on_warn=1 kmemleak=on" ;;
*)
	folder=$("$VM_DIR/kernel.sh" "$kernel")
	memory=2048 deadline=900
	arguments= ;;
esac

# fill FOLDER: what becomes /zc of the guest.
fill() {
	local zc=$1 part ko pair
	mkdir -p "$zc/job"
	for part in tools selftests; do
		[ -d "$BUILD/$part" ] || continue
		find "$BUILD/$part" -maxdepth 1 -type f \
			\( -perm -u+x -o -name '*.so*' \) -exec cp -t "$zc" {} +
		find "$BUILD/$part" -maxdepth 1 -type l -name '*.so*' \
			-exec cp -P -t "$zc" {} +
	done
	ko=$("$VM_DIR/build.sh" module "$kernel" "$folder")
	[ -z "$ko" ] || cp "$ko" "$zc/"
	for pair in ${VM_FILES:-}; do
		cp -L "${pair#*=}" "$zc/${pair%%=*}"
	done
	echo "$mode" >"$zc/job/mode"
	case $mode in
	cmd) printf '%s\n' "$what" >"$zc/job/cmd" ;;
	check) cp "$what" "$zc/job/tests" ;;
	esac
}

boot() {
	"$VM_DIR/boot.sh" -m "${VM_MEMORY:-$memory}" \
		-d "${VM_DEADLINE:-$deadline}" -a "$arguments ${VM_ARGS:-}" "$@" \
		"$("$VM_DIR/image.sh" base)" "$("$VM_DIR/image.sh" modules "$folder")" \
		"$tmp/job.cpio"
}

"$VM_DIR/build.sh" programs
mkdir -p "$logs"
tmp=
tmpdir_near tmp "$logs/guest"
fill "$tmp/zc"
"$VM_DIR/image.sh" job "$tmp/zc" "$tmp/job.cpio"
rm -rf "$tmp/zc"

code=0
case $mode in
shell)
	boot -i "$folder/bzImage" "$logs/console" - ;;
check)
	boot "$folder/bzImage" "$logs/console" "$logs/ktap" || code=$?
	exit $code ;;
cmd)
	boot "$folder/bzImage" "$logs/console" - || code=$?
	answer=$(sed -n 's/.*zcache-vm: exit \([0-9]*\)\r*$/\1/p' "$logs/console" | tail -n 1)
	if [ "$code" = 124 ]; then
		die "the guest was stopped after ${VM_DEADLINE:-$deadline} s (log: $logs/console)"
	fi
	[ -n "$answer" ] || {
		grep -aE "zcache-vm: failed|$(cat "$VM_DIR/trouble")" "$logs/console" >&2 || true
		die "the guest ended early (log: $logs/console)"
	}
	exit "$answer" ;;
*)
	die "unknown mode $mode" ;;
esac
