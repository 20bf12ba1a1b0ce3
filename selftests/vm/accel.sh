#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Prints kvm or tcg. There are machines whose /dev/kvm accepts everything and
# then hangs the guest, so it counts only after a stock kernel has booted with
# it. The answer holds until the machine is booted again.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

DEADLINE=30

probe() {
	local tmp kernel start=$SECONDS
	[ -w /dev/kvm ] || return 1
	say "trying hardware virtualisation (at most $DEADLINE s)"
	tmpdir_near tmp "$CACHE/accel"
	mkdir "$tmp/zc" "$tmp/zc/job"
	echo probe >"$tmp/zc/job/mode"
	"$VM_DIR/image.sh" job "$tmp/zc" "$tmp/job.cpio"
	kernel=$("$VM_DIR/kernel.sh" 6.1)
	ACCEL=kvm "$VM_DIR/boot.sh" -m 512 -d $DEADLINE "$kernel/bzImage" \
		"$tmp/console" /dev/null "$("$VM_DIR/image.sh" base)" \
		"$tmp/job.cpio" >/dev/null 2>&1 || true
	grep -q 'zcache-vm: probe works' "$tmp/console" 2>/dev/null || {
		say "it does not work here, emulating ($(seconds_since "$start"))"
		return 1
	}
}

boot_id=$(cat /proc/sys/kernel/random/boot_id)
if ! grep -qs "^$boot_id " "$CACHE/accel"; then
	lock accel
	if ! grep -qs "^$boot_id " "$CACHE/accel"; then
		if probe; then answer=kvm; else answer=tcg; fi
		mkdir -p "$CACHE"
		echo "$boot_id $answer" >"$CACHE/accel.new"
		mv "$CACHE/accel.new" "$CACHE/accel"
	fi
	unlock accel
fi
cut -d' ' -f2 "$CACHE/accel"
