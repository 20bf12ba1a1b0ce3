#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Entry of the Makefile, whose targets are the words it takes; configured by
# KERNEL, TEST and CMD in the environment.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

vm() {
	local kernel=${KERNEL:-6.12}
	if [ -n "${CMD:-}" ]; then
		exec "$VM_DIR/guest.sh" "$kernel" cmd "$CMD"
	fi
	exec "$VM_DIR/guest.sh" "$kernel" shell
}

# The guest's own kernel is one of the files the demo serves.
demo() {
	local kernel=${KERNEL:-6.12} folder
	case $kernel in
	debug) folder=$("$VM_DIR/debug-kernel.sh") ;;
	*) folder=$("$VM_DIR/kernel.sh" "$kernel") ;;
	esac
	VM_MEMORY=${VM_MEMORY:-2048} VM_FILES="vmlinuz=$folder/bzImage" \
		exec "$VM_DIR/guest.sh" "$kernel" cmd /zc/demo
}

# A run that was killed outright could not clean up.
sweep() {
	find "$CACHE" "$BUILD" -maxdepth 3 -type d -name '.tmp.*' -mmin +1440 \
		-prune -exec rm -rf {} + 2>/dev/null || true
}

sweep
case ${1:-} in
vm | demo)
	"$VM_DIR/deps.sh"
	"$1" ;;
check)
	"$VM_DIR/deps.sh"
	exec "$VM_DIR/check.sh" ;;
regen)
	exec "$VM_DIR/regen.sh" write ;;
regen-check)
	exec "$VM_DIR/regen.sh" check ;;
bench | bench-host | bench-gate)
	"$VM_DIR/deps.sh"
	exec "$TOP/bench/run.sh" "$1" ;;
*)
	die "usage: run.sh vm | demo | check | regen | regen-check | bench | bench-host | bench-gate" ;;
esac
