#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What is generated from uapi/zcache.yaml, by the kernel's own generator:
#   regen.sh write    generates it anew
#   regen.sh check    fails, and shows the difference, if it is not up to date

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SPEC=Documentation/netlink/specs/zcache.yaml

# File of ours, then the generator's options for it.
OUTPUTS=(
	"uapi/linux/zcache_netlink.h --mode uapi --header"
	"kmod/netlink-gen.h --mode kernel --header"
	"kmod/netlink-gen.c --mode kernel --source"
)

# The generator writes the spec's path into what it makes, as seen from the top
# of a kernel tree, and finds the top by a file that every one has.
tree() {
	local tools
	tools=$("$VM_DIR/source.sh" tools)
	mkdir -p "$1/$(dirname "$SPEC")"
	cp -r "$tools/tools" "$tools/Documentation" "$1/"
	cp "$TOP/uapi/zcache.yaml" "$1/$SPEC"
	touch "$1/MAINTAINERS"
}

# generate TREE FOLDER
generate() {
	local line file options
	for line in "${OUTPUTS[@]}"; do
		read -r file options <<<"$line"
		mkdir -p "$2/$(dirname "$file")"
		# shellcheck disable=SC2086 # several options
		(cd "$1" && /usr/bin/python3 -B tools/net/ynl/ynl-gen-c.py \
			--spec "$1/$SPEC" $options -o "$2/$file")
	done
}

"$VM_DIR/deps.sh"
tmpdir_near tmp "$BUILD/regen"
: "${tmp:?}"
tree "$tmp/tree"
case ${1:-} in
write)
	generate "$tmp/tree" "$TOP" ;;
check)
	generate "$tmp/tree" "$tmp/new"
	code=0
	for line in "${OUTPUTS[@]}"; do
		diff -u --label "$TOP/${line%% *}" --label "generated" \
			"$TOP/${line%% *}" "$tmp/new/${line%% *}" || code=1
	done
	[ "$code" = 0 ] ||
		echo "error: run \"make regen\": the spec has changed"
	exit "$code" ;;
*)
	die "usage: regen.sh write | check" ;;
esac
