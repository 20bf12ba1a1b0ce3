#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A private apt: the machine's own mirror and key, plus suites that it does not
# list, with lists and configuration of its own in the cache folder, so that the
# machine's apt configuration stays what it was. Needs no root.
#
# To be sourced. After apt_ready [SUITE]: apt_private COMMAND..., apt_newest
# PACKAGE, apt_memo NAME COMMAND..., apt_fetch_into FOLDER PACKAGE=VERSION...,
# apt_source_into FOLDER PACKAGE and apt_root_into FOLDER PACKAGE...

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Lists this old are looked up anew; a newer kernel then becomes a new entry.
APT_MAX_AGE_MIN=${APT_MAX_AGE_MIN:-10080}

CODENAME=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

# _apt_choose SUITE: the release comes with its backports and security updates,
# any other suite alone.
_apt_choose() {
	APT_SUITE=$1
	case $1 in
	"$CODENAME") APT_DIR=$CACHE/apt ;;
	*) APT_DIR=$CACHE/apt-$1 ;;
	esac
	_apt_options "$APT_DIR"
}

# _apt_options FOLDER: sets apt_options for the private apt in it.
_apt_options() {
	apt_options=(
		-qq
		-o Dir::Etc::sourcelist=/dev/null
		-o Dir::Etc::sourceparts="$1/sources"
		-o Dir::Etc::preferences=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null
		-o Dir::State::Lists="$1/lists"
		-o Dir::Cache="$1/cache"
		-o APT::Sandbox::User=root
		-o APT::Update::Post-Invoke= -o APT::Update::Post-Invoke-Success=
		-o Acquire::Languages=none
		-o Acquire::Retries=3
	)
}

apt_private() { local tool=$1; shift; "$tool" "${apt_options[@]}" "$@"; }

# _write_source FILE URI SUITES KEY
_write_source() {
	{
		printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n' "$2" "$3"
		[ "$4" = - ] || printf 'Signed-By: %b\n' "$4"
	} >"$1"
}

_machine_sources() {
	local f files=()
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list \
		 /etc/apt/sources.list.d/*.sources; do
		if [ -r "$f" ]; then files+=("$f"); fi
	done
	[ ${#files[@]} -gt 0 ] || die "this machine has no apt sources"
	awk -f "$VM_DIR/apt-sources.awk" "${files[@]}"
}

_apt_setup() {
	local all uri suite key suites=$APT_SUITE tmp start=$SECONDS
	all=$(_machine_sources)
	[ "$suites" != "$CODENAME" ] || suites="$CODENAME $CODENAME-backports"
	# Several sources may carry the name of the distribution, third parties
	# among them: the right one is the one that has a kernel in the last suite.
	while IFS=$'\t' read -r uri suite key; do
		[ "$suite" = "$CODENAME" ] || continue
		tmpdir_near tmp "$APT_DIR"
		mkdir -p "$tmp"/{sources,lists/partial,cache/archives/partial}
		_write_source "$tmp/sources/main.sources" "$uri" "$suites" "$key"
		while IFS=$'\t' read -r uri suite key; do
			[ "$suite" = "$APT_SUITE-security" ] || continue
			_write_source "$tmp/sources/security.sources" \
				"$uri" "$suite" "$key"
		done <<<"$all"
		_apt_options "$tmp"
		if apt_private apt-get update >"$tmp/log" 2>&1 </dev/null &&
		   apt_private apt-cache policy linux-image-amd64 |
				grep " ${suites##* }/main " >/dev/null; then
			publish "$tmp" "$APT_DIR"
			_apt_options "$APT_DIR"
			say "package lists of $APT_SUITE fetched ($(seconds_since "$start"))"
			return
		fi
		cat "$tmp/log" >&2
	done <<<"$all"
	_apt_options "$APT_DIR"
	say "none of this machine's apt sources offers ${suites##* }"
	return 1
}

# apt_ready [SUITE]: have private lists. A failed refresh of old ones is no
# reason to stop: what they name may be cached.
# shellcheck disable=SC2120 # most callers want the release
apt_ready() {
	[ -n "$CODENAME" ] || die "cannot tell this distribution's code name"
	command -v apt-get >/dev/null || die "this needs a Debian machine with apt"
	_apt_choose "${1:-$CODENAME}"
	lock apt
	if [ ! -e "$APT_DIR/log" ]; then
		_apt_setup || exit 1
	elif [ -z "$(find "$APT_DIR/log" -mmin "-$APT_MAX_AGE_MIN")" ]; then
		_apt_setup || say "using the older package lists"
	fi
	unlock apt
}

# apt_memo NAME COMMAND...: what COMMAND prints, asked once per package list.
apt_memo() {
	local file=$APT_DIR/memo-$1 text
	shift
	if [ ! -s "$file" ]; then
		text=$("$@")
		echo "$text" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	cat "$file"
}

# apt_newest PACKAGE: the newest version on offer, empty if none.
apt_newest() {
	local v best=
	while read -r v; do
		if dpkg --compare-versions "$v" gt "${best:-0}"; then best=$v; fi
	done < <(apt_private apt-cache madison "$1" | awk -F' *[|] *' '{ print $2 }')
	echo "$best"
}

# apt_fetch_into FOLDER PACKAGE=VERSION...: download and unpack, not install.
apt_fetch_into() {
	local dir=$1 tmp deb
	shift
	tmpdir_near tmp "$dir"
	(cd "$tmp" && apt_private apt-get download "$@" </dev/null) ||
		die "cannot download $*"
	mkdir -p "$dir"
	for deb in "$tmp"/*.deb; do
		dpkg-deb -x "$deb" "$dir"
		rm -f "$deb"
	done
	rmdir "$tmp"
}

# apt_source_into FOLDER PACKAGE: the sources of the release's package, with the
# distribution's changes. Sources have lists of their own, which few want.
apt_source_into() {
	local dir=$1 package=$2 tmp apt_options
	tmpdir_near tmp "$dir"
	mkdir -p "$tmp"/{sources,lists/partial,cache/archives/partial,unpack} "$dir"
	sed 's/^Types: .*/Types: deb-src/; s/^Suites: .*/Suites: '"$APT_SUITE"'/' \
		"$APT_DIR/sources/main.sources" >"$tmp/sources/main.sources"
	_apt_options "$tmp"
	(cd "$tmp/unpack" && apt_private apt-get update </dev/null &&
		apt_private apt-get source "$package" </dev/null) >"$tmp/log" 2>&1 || {
		cat "$tmp/log" >&2
		die "cannot have the sources of $package"
	}
	mv "$tmp/unpack/$package"-*/* "$dir"
	rm -rf "$tmp"
}

# apt_root_into FOLDER PACKAGE...: a root file system of these packages, what they
# depend on and what every system has. Nothing of it is installed: no package's
# script runs, so what those would do and we need is done here.
apt_root_into() {
	local dir=$1 tmp deb
	shift
	tmpdir_near tmp "$dir"
	mkdir "$tmp/partial"
	: >"$tmp/status"
	apt_private apt-get -o Dir::State::status="$tmp/status" \
		-o Dir::Cache::archives="$tmp" -y --no-install-recommends \
		--download-only install '?essential' "$@" </dev/null >/dev/null ||
		die "cannot download $* and what they need"
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64,share}
	for deb in bin sbin lib lib64; do
		ln -s "usr/$deb" "$dir/$deb"
	done
	for deb in "$tmp"/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" \
			--keep-directory-symlink \
			--no-same-owner --no-same-permissions \
			--exclude='./usr/share/doc/*' --exclude='./usr/share/man/*' \
			--exclude='./usr/share/locale/*' --exclude='./dev/*'
		rm -f "$deb"
	done
	rm -rf "$tmp"
	mkdir -p "$dir"/{dev,proc,sys,tmp,run}
	ln -sf mawk "$dir/usr/bin/awk"
	cp "$dir/usr/share/base-passwd/passwd.master" "$dir/etc/passwd"
	cp "$dir/usr/share/base-passwd/group.master" "$dir/etc/group"
	echo '127.0.0.1 localhost' >"$dir/etc/hosts"
	/sbin/ldconfig -r "$dir"
}
