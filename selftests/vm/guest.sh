#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Puts a guest together and boots it.
#   guest.sh KERNEL cmd COMMAND   runs it, its output is ours, as is its code
#   guest.sh KERNEL shell         gives a shell
#   guest.sh KERNEL check FILE    runs the tests FILE lists ("name seconds args")
# KERNEL is 6.1, 6.12, 7.2 or debug. Environment: VM_DEADLINE (seconds),
# VM_MEMORY (megabytes), VM_ARGS (kernel arguments), VM_FILES (more files for /zc,
# each "name=path"), VM_ROOT (a root of root.sh in which the command runs),
# VM_RESULTS (a folder that the guest has as /results).

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kernel=$1 mode=$2 what=${3:-}
logs=$BUILD/log/$kernel

# An object above 2 GiB, its file and its reader want room. A guest takes from
# the machine only what it uses, but may come to use all.
stock_memory() {
	local want=5120 least=2048 free
	free=$(awk '/^MemAvailable:/ { print int($2 / 1024) - 512 }' /proc/meminfo)
	if [ "$free" -lt "$want" ]; then
		want=$((free > least ? free : least))
		[ -n "${VM_MEMORY:-}" ] ||
			say "only $free MB are free, so the guest gets $want: tests that need more skip"
	fi
	echo "$want"
}

case $kernel in
debug)
	folder=$("$VM_DIR/debug-kernel.sh")
	memory=3072 deadline=3600
	arguments="panic_on_warn=1 kmemleak=on" ;;
*)
	folder=$("$VM_DIR/kernel.sh" "$kernel")
	memory=$(stock_memory) deadline=900
	arguments= ;;
esac
# Debian's kernels zero all memory they hand out, which would hide bytes that
# nobody wrote. Newer ones keep debuggers' writes, which force their way through
# read-only mappings, from whoever is none; tests of mappings do force it.
# Measurements are made as users run the kernel.
[ "$mode" != check ] ||
	arguments="$arguments init_on_alloc=0 proc_mem.force_override=always"

# fill FOLDER: what becomes /zc of the guest.
fill() {
	local zc=$1 part ko pair
	mkdir -p "$zc/job"
	for part in tools selftests bench; do
		[ -d "$BUILD/$part" ] || continue
		find "$BUILD/$part" -maxdepth 1 -type f \
			\( -perm -u+x -o -name '*.so*' \) -exec cp -t "$zc" {} +
		find "$BUILD/$part" -maxdepth 1 -type l -name '*.so*' \
			-exec cp -P -t "$zc" {} +
	done
	ko=$("$VM_DIR/build.sh" module "$kernel" "$folder")
	[ -z "$ko" ] || cp "$ko" "$zc/"
	cp "$TOP/uapi/zcache.yaml" "$zc/"
	for pair in ${VM_FILES:-}; do
		cp -L "${pair#*=}" "$zc/${pair%%=*}"
	done
	if [ -n "${VM_ROOT:-}" ]; then
		: >"$zc/job/root"
		ko=$("$VM_DIR/build.sh" wire "$kernel" "$folder")
		[ -z "$ko" ] || cp "$ko" "$zc/"
	fi
	[ -z "${VM_RESULTS:-}" ] || : >"$zc/job/results"
	echo "$mode" >"$zc/job/mode"
	case $mode in
	cmd) printf '%s\n' "$what" >"$zc/job/cmd" ;;
	check) cp "$what" "$zc/job/tests" ;;
	esac
}

boot() {
	local images=("$("$VM_DIR/image.sh" base)" "$("$VM_DIR/image.sh" modules "$folder")")
	if [ "$mode" = check ] && grep -q '^t_ynl' "$what"; then
		images+=("$("$VM_DIR/image.sh" python)")
	fi
	"$VM_DIR/boot.sh" -m "${VM_MEMORY:-$memory}" \
		-d "${VM_DEADLINE:-$deadline}" -a "$arguments ${VM_ARGS:-}" \
		${VM_ROOT:+-r "$VM_ROOT"} ${VM_RESULTS:+-w "$VM_RESULTS"} "$@" \
		"${images[@]}" "$tmp/job.cpio"
}

"$VM_DIR/build.sh" programs
mkdir -p "$logs"
# Logs get their names at the end, so that two runs do not write into one file.
tmp=
tmpdir_near tmp "$logs/guest"
keep_logs() {
	local f
	for f in console ktap; do
		[ ! -e "$tmp/$f" ] || mv "$tmp/$f" "$logs/$f"
	done
	_drop_tmpdirs
}
trap keep_logs EXIT
fill "$tmp/zc"
"$VM_DIR/image.sh" job "$tmp/zc" "$tmp/job.cpio"
rm -rf "$tmp/zc"

# A guest that ended without a word about it: why, if the log knows.
ended_early() {
	awk -f "$VM_DIR/trouble.awk" -f "$VM_DIR/last-words.awk" "$tmp/console" >&2
	die "the guest ended early (log: $logs/console)"
}

code=0
case $mode in
shell)
	boot -i "$folder/bzImage" "$tmp/console" - ;;
check)
	boot "$folder/bzImage" "$tmp/console" - | tee "$tmp/ktap" |
		awk -v kernel="$kernel" -f "$VM_DIR/progress.awk" >&2 ||
		code=${PIPESTATUS[0]}
	exit "$code" ;;
cmd)
	boot "$folder/bzImage" "$tmp/console" - || code=$?
	[ "$code" != 124 ] ||
		die "the guest was stopped after ${VM_DEADLINE:-$deadline} s (log: $logs/console)"
	answer=$(sed -n 's/.*zcache-vm: exit \([0-9]*\)\r*$/\1/p' "$tmp/console" | tail -n 1)
	[ -n "$answer" ] || ended_early
	exit "$answer" ;;
*)
	die "unknown mode $mode" ;;
esac
