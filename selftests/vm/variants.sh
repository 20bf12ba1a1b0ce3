#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# variants.sh [NAME...]: builds libzcache in each of the ways that it is to work in, and
# runs its tests. One result for each way, and one for each test that was skipped
# there. Speaks TAP.

# shellcheck source=selftests/vm/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

out=$BUILD/variants
# gcc with glibc is what the tools are built with, and tested in whole: here by its name only.
ALL=(clang musl aarch64 no-sendfile no-mmap no-uring least asan tsan)
# Processes that are killed, the slowest: one path alone does not change what they leave,
# and between processes no thread races. With all paths off they are killed as well.
kills=LIB_WITHOUT=test_mirror_kill

# library NAME MAKE-VARIABLE...: what is promised to others (LIB_SCRIPTS) is the same
# for all, and tested with the rest of the tools.
library() {
	local name=$1
	shift
	make -C "$TOP/tools" -j2 -s O="$out/$name" CFLAGS="-O2 -g" LIB_SCRIPTS= "$@" check-lib
}

# Headers of the kernel, which musl comes without.
kernel_headers() {
	local include=$1 folder
	rm -rf "$include"
	mkdir -p "$include"
	for folder in linux asm-generic; do
		ln -s "/usr/include/$folder" "$include/$folder"
	done
	ln -s "/usr/include/$(gcc -print-multiarch)/asm" "$include/asm"
}

# variant NAME: qemu-user has no io_uring, and no robust mutexes, which tests find out.
variant() {
	local zlib include=$out/musl-include
	case $1 in
	gcc | clang)
		library "$1" CC="$1" ;;
	musl)
		zlib=$("$VM_DIR/zlib.sh" musl musl-gcc) || return
		kernel_headers "$include"
		library "$1" CC=musl-gcc PKG_CONFIG=false \
			CPPFLAGS="-I$zlib -isystem $include" LDFLAGS="-L$zlib" ;;
	aarch64)
		zlib=$("$VM_DIR/zlib.sh" aarch64 aarch64-linux-gnu-gcc) || return
		library "$1" CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar PKG_CONFIG=false \
			CPPFLAGS="-I$zlib" LDFLAGS="-L$zlib" \
			RUN="qemu-aarch64-static -L /usr/aarch64-linux-gnu" ;;
	no-sendfile)
		library "$1" NO_SENDFILE=1 "$kills" ;;
	no-mmap)
		library "$1" NO_MMAP=1 "$kills" ;;
	no-uring)
		library "$1" NO_URING=1 "$kills" ;;
	least)
		library "$1" NO_SENDFILE=1 NO_MMAP=1 NO_URING=1 ;;
	asan)
		library "$1" SAN=1 ;;
	tsan)
		# It knows where the parts of a process lie only if that is not random.
		library "$1" SAN=thread RUN="setarch -R" "$kills" ;;
	*)
		echo "there is no variant $1" ; return 1 ;;
	esac
}

one() {
	local code=0 start=$SECONDS
	variant "$1" >"$out/$1.log" 2>&1 </dev/null || code=$?
	echo "$code $((SECONDS - start))" >"$out/$1.code"
}

# result N NAME: results from what is known of a variant; the last line is the next N.
result() {
	local code seconds
	read -r code seconds <"$out/$2.code"
	awk -v n="$1" -v name="$2" -v code="$code" -v seconds="$seconds" '
	/^ok .* # SKIP/ {
		sub(/^ok [0-9]+ - /, "")
		printf "ok %d - %s: %s\n", n++, name, $0
		skipped++
	}
	/^ok / { good++ }
	/^not ok / { bad++ }
	/^not ok |^#|error|warning|\*\*\*/ { said[++nsaid] = $0 }
	END {
		if (code == 0 && good > skipped && !bad) {
			printf "ok %d - %s: %d results in %d s\n", n++, name, good - skipped, seconds
		} else {
			for (i = 1; i <= nsaid && i <= 100; i++)
				print "# " said[i]
			printf "not ok %d - %s: exit code %d, %d failed\n", n++, name, code, bad
		}
		print n
	}' "$out/$2.log"
}

[ $# -gt 0 ] || set -- "${ALL[@]}"
mkdir -p "$out"
rm -f "$out"/*.{code,log}
for name; do
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n
	done
	one "$name" &
done
wait

n=1
failed=0
for name; do
	lines=$(result "$n" "$name")
	sed '$d' <<<"$lines"
	n=$(tail -n 1 <<<"$lines")
	if grep -q '^not ok' <<<"$lines"; then failed=1; fi
done
echo "1..$((n - 1))"
exit $failed
