#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs what is missing of the file "packages"; says so first. NO_INSTALL=1:
# says what is missing and fails.
# shellcheck disable=SC2154 # apt_options is set by a function of apt.sh

# shellcheck source=selftests/vm/apt.sh
. "$(dirname "${BASH_SOURCE[0]}")/apt.sh"

QEMU_AT_LEAST=9

installed() {
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

qemu_good() {
	local major
	major=$(qemu-system-x86_64 --version 2>/dev/null |
		sed -n '1s/.*version \([0-9]*\)\..*/\1/p')
	[ "${major:-0}" -ge "$QEMU_AT_LEAST" ]
}

# missing: a line for each missing package, or choice of packages.
missing() {
	local choice p found
	sed 's/#.*//' "$VM_DIR/packages" | awk 'NF { print $1 }' |
	while read -r choice; do
		case $choice in
		qemu-*) if qemu_good; then continue; fi ;;
		esac
		found=
		for p in ${choice//|/ }; do
			if installed "$p"; then found=1; fi
		done
		[ -n "$found" ] || echo "$choice"
	done
}

# choose CHOICE: the first of a|b that can be had.
choose() {
	local p
	for p in ${1//|/ }; do
		if apt-cache madison "$p" 2>/dev/null | grep . >/dev/null; then
			echo "$p"
			return
		fi
	done
	echo "${1%%|*}"
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "installing packages needs root, and there is no sudo"
	fi
}

install_from_release() {
	local wanted=() choice log=$CACHE/log/install.log
	# An image may come without any lists, or with ones that name packages
	# the mirror has long replaced.
	if [ -z "$(find /var/lib/apt/lists -name '*Packages*' -mtime -7 2>/dev/null)" ]; then
		as_root apt-get -qq update </dev/null
	fi
	for choice; do
		wanted+=("$(choose "$choice")")
	done
	run_logged "$log" as_root env DEBIAN_FRONTEND=noninteractive \
		apt-get -qq -y --no-install-recommends install "${wanted[@]}"
}

install_from_backports() {
	apt_ready
	# Archives go where the machine keeps them; root must own nothing of ours.
	run_logged "$CACHE/log/install-backports.log" as_root \
		env DEBIAN_FRONTEND=noninteractive apt-get "${apt_options[@]}" \
		-o Dir::Cache=/var/cache/apt \
		-o Dir::Cache::pkgcache='' -o Dir::Cache::srcpkgcache='' \
		-y --no-install-recommends -t "$CODENAME-backports" install "$@"
}

command -v dpkg-query >/dev/null || die "this needs a Debian machine with apt"
mapfile -t all < <(missing)
[ ${#all[@]} -gt 0 ] || exit 0
echo "missing packages: ${all[*]}" >&2
[ -z "${NO_INSTALL:-}" ] || die "NO_INSTALL is set; install the packages above, or unset it"

start=$SECONDS
lock install
release=() backports=()
for p in "${all[@]}"; do
	case $p in
	*/backports) backports+=("${p%/backports}") ;;
	*) release+=("$p") ;;
	esac
done
[ ${#release[@]} = 0 ] || install_from_release "${release[@]}"
[ ${#backports[@]} = 0 ] || install_from_backports "${backports[@]}"
mapfile -t all < <(missing)
[ ${#all[@]} = 0 ] || die "still missing: ${all[*]}"
say "packages installed ($(seconds_since "$start"))"
