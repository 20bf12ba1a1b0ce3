#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# test_man.sh PAGE...: the manual pages have no mistakes that mandoc finds. BIN is
# the folder of the programs: each of their options and commands is in its page. UAPI
# is the folder of the headers.
set -u

# This machine's stores are no words of the program.
words_after() { FAKE_SYSTEM=/nonexistent "$BIN/tests/zcachectl-fake" --complete "$@"; }

tmp=$(mktemp) || exit 1
trap 'rm -f "$tmp"' EXIT
n=0

result() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
	fi
}

# in_page PAGE WORD...: the page's text has them on one line each.
in_page() {
	page=$1
	shift
	for word; do
		mandoc -T ascii "$page" | col -b | grep -q -e "$word" || {
			echo "# $page: no $word"
			return 1
		}
	done
}

if ! command -v mandoc >/dev/null || ! command -v col >/dev/null; then
	echo "1..0 # SKIP mandoc and col are not installed"
	exit 0
fi
for page; do
	out=$(mandoc -T lint -W warning "$page")
	[ -z "$out" ]
	code=$?
	[ $code -eq 0 ] || echo "$out" | sed 's/^/# /'
	result $code "$(basename "$page") is well-formed"
done
for page; do
	case $page in
	*zcachectl.8)
		"$BIN/zcachectl" help | sed -n 's/^  \([a-z]\{1,\}\( [a-z]\{1,\}\)*\).*/\1/p' \
			>"$tmp"
		while read -r command; do
			# a store, a key and a file come before all other words
			# shellcheck disable=SC2046,SC2086
			in_page "$page" "$command" \
				$(words_after $command x x x '' | grep -v '^:')
			result $? "zcachectl.8 has $command and its words"
		done <"$tmp" ;;
	*zcache.4)
		# shellcheck disable=SC2046
		in_page "$page" $(grep -o 'define ZC_\(IOC\|PART\|SEND\)_[A-Z_]*' \
			"$UAPI/linux/zcache.h" | sed 's/^define //; /_TYPE$/d')
		result $? "zcache.4 has all calls, parts and flags of SEND" ;;
	*zcache-serve.8 | *zcached.8)
		program=$(basename "$page" .8)
		# shellcheck disable=SC2046
		in_page "$page" $("$BIN/$program" --help | grep -o -e '--[a-z-]*')
		result $? "$program.8 has all options" ;;
	*zcached.conf.5)
		# what the program says there is when it is given something else
		echo 'unknown = 1' >"$tmp"
		keys=$("$BIN/zcached" --config "$tmp" --check 2>&1 | sed 's/.*there are //')
		echo 'policy = unknown' >"$tmp"
		policies=$("$BIN/zcached" --config "$tmp" --check 2>&1 |
			sed 's/.*one of //; s/ or none .*//')
		# shellcheck disable=SC2046
		in_page "$page" $(echo "$keys $policies" | tr -d , | sed 's/ and / /')
		result $? "zcached.conf.5 has all keys and policies" ;;
	esac
done
echo "1..$n"
