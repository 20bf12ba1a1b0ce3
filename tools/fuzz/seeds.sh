#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# seeds.sh FROM TO: what a fuzzer begins with. Files of FROM are copied to TO; those
# called *.esc are text for bytes that are none: \xHH, \r, \n and \\, and where a line
# ends is nothing.
set -eu

mkdir -p "$2"
for seed in "$1"/*; do
	name=$(basename "$seed")
	case $name in
	*.esc)
		# shellcheck disable=SC2016 # the program is Perl
		perl -0777 -pe 'my %c = (r => "\r", n => "\n", "\\" => "\\"); s/\n//g;
			s/\\(x([0-9a-f]{2})|[rn\\])/defined $2 ? chr hex $2 : $c{$1}/ge' \
			<"$seed" >"$2/${name%.esc}" ;;
	*)
		cp "$seed" "$2/$name" ;;
	esac
done
