#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Entry of the Makefile: run.sh vm | demo | check, configured by KERNEL, TEST
# and CMD in the environment.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

vm() {
	local kernel=${KERNEL:-6.12}
	if [ -n "${CMD:-}" ]; then
		exec "$VM_DIR/guest.sh" "$kernel" cmd "$CMD"
	fi
	exec "$VM_DIR/guest.sh" "$kernel" shell
}

case ${1:-} in
vm)
	vm ;;
*)
	die "usage: run.sh vm | demo | check" ;;
esac
