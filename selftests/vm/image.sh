#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Makes initramfs pieces. The kernel takes several archives one after the other
# as one, so what seldom changes is packed once and what a job needs is quick.
# Nothing is compressed: under emulation unpacking costs more than reading.
#   image.sh base                   programs and libraries of this machine
#   image.sh modules KERNEL-FOLDER  kernel modules
#   image.sh python                 Python and the kernel's netlink client
#   image.sh job FOLDER FILE        FOLDER becomes /zc of the guest
# The first three print the archive's name.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Count up when a change below makes what is in caches useless.
RECIPE=3

pack() {
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio -0 -o -H newc -R 0:0 --quiet) >"$2"
}

list() { sed 's/#.*//' "$VM_DIR/$1" | awk 'NF { print $1 }'; }

skeleton() {
	mkdir -p "$1"/usr/{bin,sbin,lib,lib64} "$1"/{dev,proc,sys,tmp,run,etc,zc}
	ln -s usr/bin "$1/bin"
	ln -s usr/sbin "$1/sbin"
	ln -s usr/lib "$1/lib"
	ln -s usr/lib64 "$1/lib64"
}

# libraries PROGRAM...: every shared library they need, and the loader.
libraries() {
	local f
	for f; do
		ldd "$f" 2>/dev/null || true
	done | grep -o '/[^ ]*\.so[^ ]*' | sort -u
}

# add_libraries ROOT PROGRAM...: under the real names of their folders, for an
# archive that names a symbolic link as a folder replaces it.
add_libraries() {
	local root=$1 lib dir
	shift
	libraries "$@" | while read -r lib; do
		case $lib in "$BUILD"/*) continue ;; esac
		dir=$(realpath "$(dirname "$lib")")
		mkdir -p "$root$dir"
		cp -Lu "$lib" "$root$dir/"
	done
}

fill_base() {
	local root=$1 p file files=()
	skeleton "$root"
	cp "$(command -v busybox)" "$root/usr/bin/busybox"
	while read -r p; do
		file=$(PATH=$PATH:/sbin:/usr/sbin type -P "$p") || continue
		cp -L "$file" "$root/usr/sbin/$p"
		files+=("$file")
	done < <(list programs)
	ln -s ../sbin/dash "$root/usr/bin/sh"
	ln -s ../sbin/bash "$root/usr/bin/bash"
	for p in insmod rmmod modprobe lsmod modinfo depmod; do
		ln -s kmod "$root/usr/sbin/$p"
	done
	add_libraries "$root" "${files[@]}"
	printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' \
		>"$root/etc/passwd"
	printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
	printf '127.0.0.1 localhost zcache\n::1 localhost\n' >"$root/etc/hosts"
}

# The guest looks into sbin first, so a program of ours wins over an applet.
base() {
	local key file tmp
	key=$({
		echo $RECIPE
		list programs
		dpkg-query -W -f '${Package} ${Version}\n' busybox-static kmod \
			dash bash curl libc6 iproute2 coreutils util-linux e2fsprogs \
			dmsetup diffutils 2>/dev/null || true
	} | sha256sum | cut -c1-16)
	file=$CACHE/image/base-$key.cpio
	if [ ! -e "$file" ]; then
		lock image
		tmpdir_near tmp "$file"
		fill_base "$tmp/root"
		pack "$tmp/root" "$tmp/cpio"
		mv "$tmp/cpio" "$file"
		keep_newest 20 "$CACHE/image/"*
		unlock image
	fi
	echo "$file"
}

fill_modules() {
	local kernel=$1 root=$2 release m verb file rest
	release=$(cat "$kernel/release")
	mkdir -p "$root/usr/lib/modules/$release"
	while read -r m; do
		/sbin/modprobe -d "$kernel/modroot" -S "$release" \
			--show-depends "$m" 2>/dev/null || true
	done < <(list modules) | sort -u | while read -r verb file rest; do
		[ "$verb" = insmod ] || continue
		file=$(realpath "$file")
		rest=$root/usr/lib/modules/$release/${file##*"/$release/"}
		mkdir -p "$(dirname "$rest")"
		case $file in
		*.xz) xz -dc "$file" >"${rest%.xz}" ;;
		*) cp "$file" "$rest" ;;
		esac
	done
	# What is built in is known by these lists: all of the debug kernel is.
	if [ -d "$kernel/modroot" ]; then
		cp "$kernel/modroot/lib/modules/$release"/modules.{order,builtin}* \
			"$root/usr/lib/modules/$release/"
	else
		cp "$kernel"/build/modules.builtin* "$root/usr/lib/modules/$release/"
		: >"$root/usr/lib/modules/$release/modules.order"
	fi
	ln -s usr/lib "$root/lib"
	/sbin/depmod -b "$root" "$release"
	rm "$root/lib"
}

modules() {
	local kernel=$1 key file tmp
	key=$(list modules | cat - <(echo $RECIPE) | sha256sum | cut -c1-16)
	file=$CACHE/image/modules-$(basename "$kernel")-$key.cpio
	if [ ! -e "$file" ]; then
		lock image
		tmpdir_near tmp "$file"
		mkdir "$tmp/root"
		fill_modules "$kernel" "$tmp/root"
		pack "$tmp/root" "$tmp/cpio"
		mv "$tmp/cpio" "$file"
		unlock image
	fi
	echo "$file"
}

job() {
	local tmp f files=()
	tmpdir_near tmp "$2"
	mkdir "$tmp/root"
	cp "$VM_DIR/init" "$tmp/root/init"
	while read -r f; do
		files+=("$f")
	done < <(find "$1/" -type f \( -perm -u+x -o -name '*.so*' \))
	[ ${#files[@]} = 0 ] || add_libraries "$tmp/root" "${files[@]}"
	cp -rL "$1" "$tmp/root/zc"
	pack "$tmp/root" "$tmp/cpio"
	mv "$tmp/cpio" "$2"
}

# Python, the modules that the kernel's netlink client needs, and the client.
fill_python() {
	local root=$1 python lib tools modules
	skeleton "$root"
	python=$(realpath /usr/bin/python3)
	lib=/usr/lib/$(basename "$python")
	tools=$("$VM_DIR/source.sh" tools)
	cp "$python" "$root/usr/bin/python3"
	mkdir -p "$root$lib" "$root/usr/lib/ynl"
	tar -C "$lib" -cf - --exclude=test --exclude=__pycache__ --exclude=idlelib \
		--exclude=lib2to3 --exclude=tkinter --exclude=ensurepip \
		--exclude=distutils --exclude=pydoc_data --exclude='config-*' . |
		tar -C "$root$lib" -xf -
	cp -r /usr/lib/python3/dist-packages/yaml /usr/lib/python3/dist-packages/_yaml \
		"$root$lib/"
	cp -r "$tools/tools/net/ynl/cli.py" "$tools/tools/net/ynl/lib" "$root/usr/lib/ynl/"
	# An initramfs keeps no times, and without them nothing compiled is used.
	"$python" -m compileall -q --invalidation-mode unchecked-hash \
		-s "$root" "$root$lib" "$root/usr/lib/ynl" >/dev/null || true
	mapfile -t modules < <(find "$root" -name '*.so')
	add_libraries "$root" "$python" "${modules[@]}"
}

python() {
	local key file tmp
	key=$({
		echo $RECIPE
		"$VM_DIR/source.sh" tools
		dpkg-query -W -f '${Package} ${Version}\n' python3 python3-minimal \
			python3-yaml libpython3-stdlib 2>/dev/null || true
	} | sha256sum | cut -c1-16)
	file=$CACHE/image/python-$key.cpio
	if [ ! -e "$file" ]; then
		lock image
		tmpdir_near tmp "$file"
		fill_python "$tmp/root"
		pack "$tmp/root" "$tmp/cpio"
		mv "$tmp/cpio" "$file"
		unlock image
	fi
	echo "$file"
}

case ${1:-} in
base)
	base ;;
python)
	python ;;
modules)
	modules "$2" ;;
job)
	job "$2" "$3" ;;
*)
	die "usage: image.sh base | python | modules KERNEL-FOLDER | job FOLDER FILE" ;;
esac
