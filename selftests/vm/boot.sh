#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Boots one guest and waits for its end.
#   boot.sh [-m MEGABYTES] [-a "KERNEL ARGUMENTS"] [-d SECONDS] [-i] \
#           [-r FOLDER] [-w FOLDER] BZIMAGE CONSOLE OUTPUT INITRAMFS...
# CONSOLE gets the kernel log; OUTPUT what the guest writes to its second serial
# port, "-" being our stdout. -i: the console is our terminal instead. -r, -w:
# folders that the guest may read, and write, by 9p under the tags root, results.
# Exit code: 0 the guest ended by itself, 124 the deadline passed.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

memory=2048 arguments='' deadline=600 interactive='' shares=()
while getopts m:a:d:ir:w: option; do
	case $option in
	m) memory=$OPTARG ;;
	a) arguments=$OPTARG ;;
	d) deadline=$OPTARG ;;
	i) interactive=1 ;;
	r) shares+=(-virtfs "local,path=$OPTARG,mount_tag=root,security_model=none,multidevs=remap,readonly=on") ;;
	w) shares+=(-virtfs "local,path=$OPTARG,mount_tag=results,security_model=none,multidevs=remap") ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 4 ] || die "usage: boot.sh [options] BZIMAGE CONSOLE OUTPUT INITRAMFS..."
bzimage=$1 console=$2 output=$3
shift 3

tmp=
tmpdir_near tmp "$console"
cat "$@" >"$tmp/initramfs"

machine=(-no-reboot -nodefaults -display none -m "$memory" -smp 2
	 -kernel "$bzimage" -initrd "$tmp/initramfs" "${shares[@]}")
case ${ACCEL:=$("$VM_DIR/accel.sh")} in
kvm)
	machine+=(-accel kvm -cpu host) ;;
tcg)
	# With erms and fsrm a copy would run byte by byte, several times slower
	# in proportion than on real hardware, and flatter every measurement.
	machine+=(-accel "tcg,thread=multi" -cpu "max,-erms,-fsrm") ;;
*)
	die "ACCEL is kvm or tcg, not $ACCEL" ;;
esac

if [ -n "$interactive" ]; then
	# Ctrl-C belongs to the guest; Ctrl-A X ends it.
	machine+=(-serial mon:stdio -serial null)
else
	machine+=(-serial "file:$console")
	case $output in
	-) machine+=(-chardev "stdio,id=output,signal=off" -serial chardev:output) ;;
	*) machine+=(-serial "file:$output") ;;
	esac
	exec </dev/null
fi

# The stock kernels boot with a panic for an oops as well: what happens after
# one means nothing. Emulation is slow and its clocks are wild: neither is news.
append="console=ttyS0,115200 panic=-1 oops=panic tsc=reliable no_timer_check
	watchdog_thresh=30 rcupdate.rcu_cpu_stall_timeout=60 mitigations=off random.trust_cpu=on rdinit=/init $arguments"

qemu=(qemu-system-x86_64 "${machine[@]}" -append "${append//[$'\n\t']/ }")
if [ -n "$interactive" ]; then
	"${qemu[@]}"
	exit
fi

code=0
timeout --foreground -k 5 "$deadline" "${qemu[@]}" &
child=$!
trap 'kill "$child" 2>/dev/null || true; _drop_tmpdirs' EXIT
wait "$child" || code=$?
trap _drop_tmpdirs EXIT
exit "$code"
