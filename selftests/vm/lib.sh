# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034 # variables for those who source this
# What every script of this folder needs: where things are, how progress is
# told, and how something gets into the cache whole or not at all.

set -euo pipefail

VM_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(cd "$VM_DIR/../.." && pwd)
CACHE=${ZCACHE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/zcache}
BUILD=${ZCACHE_BUILD:-$TOP/build}
JOBS=$(nproc)

# Messages and their parsing must not depend on who runs this.
export LC_ALL=C.UTF-8

say() { printf '==> %s\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# run_logged LOGFILE COMMAND...: quiet while all is well, the end of the log
# when it is not.
run_logged() {
	local log=$1
	shift
	mkdir -p "$(dirname "$log")"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 40 "$log" >&2
		printf 'error: failed: %s (all of it: %s)\n' "$*" "$log" >&2
		return 1
	fi
}

# seconds_since START: for progress lines, START being a former $SECONDS.
seconds_since() { printf '%d s' $((SECONDS - $1)); }

# Temporary folders live next to what they become, because only a rename
# inside one file system is atomic; they are removed however the script ends.
_tmpdirs=()
_drop_tmpdirs() {
	local d
	for d in "${_tmpdirs[@]:-}"; do
		[ -z "$d" ] || rm -rf "$d"
	done
}
trap _drop_tmpdirs EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# tmpdir_near VARIABLE PATH: a fresh folder on PATH's file system.
tmpdir_near() {
	local _made
	mkdir -p "$(dirname "$2")"
	_made=$(mktemp -d "$(dirname "$2")/.tmp.XXXXXX")
	_tmpdirs+=("$_made")
	printf -v "$1" %s "$_made"
}

# publish TMPDIR FINAL: make a finished folder visible in one step. It is new,
# whatever time an archive unpacked in it gave it.
publish() {
	chmod 755 "$1"
	touch "$1"
	rm -rf "$2"
	mv -T "$1" "$2"
}

# keep_newest COUNT PATH...: old kernels and images add up to gigabytes.
keep_newest() {
	local count=$1 old
	shift
	find "$@" -maxdepth 0 -printf '%T@ %p\n' 2>/dev/null | sort -rn |
		tail -n "+$((count + 1))" | cut -d' ' -f2- | while read -r old; do
		rm -rf "$old"
	done
}

# lock NAME ... unlock NAME. Children inherit the descriptor, so nothing that
# outlives the script may be started under a lock.
declare -A _lockfd=()
lock() {
	local fd
	mkdir -p "$CACHE/lock"
	exec {fd}>"$CACHE/lock/$1"
	if ! flock -n "$fd"; then
		say "waiting for another run ($1)"
		flock "$fd"
	fi
	_lockfd[$1]=$fd
}

unlock() {
	local fd=${_lockfd[$1]}
	exec {fd}>&-
	unset "_lockfd[$1]"
}

# A make of ours under a make of somebody: its flags and variables (CMD, TEST)
# are no business of kbuild's.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
