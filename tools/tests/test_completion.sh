#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test_completion.sh SCRIPT: what bash is told by the completion. BIN is the folder
# of the programs.
set -u

script=$(realpath "$1")
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
n=0
bad=0

mkdir -p "$tmp/bin" "$tmp/files" "$tmp/system/dev/zcache"
ln -s "$(realpath "$BIN")/tests/zcachectl-fake" "$tmp/bin/zcachectl"
mkdir -p "$tmp/files/deep/er"
touch "$tmp/system/dev/zcache/"{web,other} "$tmp/files/"{head,'hot spot',cold}
export FAKE_SYSTEM=$tmp/system
PATH=$tmp/bin:$PATH
cd "$tmp/files" || exit 1

# shellcheck source=tools/completion/zcachectl
. "$script"

# after LINE WANT: at the end of the line bash is offered that, which it sorts. bash splits words at
# blanks, and makes words of colons.
after() {
	local line=$1 w got
	COMP_LINE=$line COMP_POINT=${#line} COMP_WORDS=()
	w=${line//:/ : }
	# shellcheck disable=SC2206 # words are what it is about
	COMP_WORDS=($w)
	[[ $line == *' ' ]] && COMP_WORDS+=("")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_zcachectl zcachectl "${COMP_WORDS[COMP_CWORD]}" ''
	got=$(printf '%s\n' "${COMPREPLY[@]}" | LC_ALL=C sort | paste -s -d ,)
	n=$((n + 1))
	if [ "$got" = "$2" ]; then
		echo "ok $n - $line"
	else
		bad=1
		echo "# got '$got', want '$2'"
		echo "not ok $n - $line"
	fi
}

n=1
if [ "$(complete -p zcachectl)" = "complete -F _zcachectl zcachectl" ]; then
	echo "ok 1 - it is the completion of zcachectl"
else
	bad=1
	echo "not ok 1 - it is the completion of zcachectl"
fi
after 'zcachectl st' 'stats,store'
after 'zcachectl --' '--help,--json,--version'
after 'zcachectl --json store ' 'create,delete,list,set,show'
after 'zcachectl store show ' 'mirror:,other,web'
after 'zcachectl store show w' 'web'
after 'zcachectl store show m' 'mirror:'
after 'zcachectl store create mir' 'mirror:'
after 'zcachectl store show mirror:' 'deep'
after 'zcachectl object stat mirror:de' 'deep'
after 'zcachectl object list mirror:deep/' 'deep/er'
after 'zcachectl tag list m' ''
after 'zcachectl bench ' 'other,web'
after 'zcachectl bench web s' 'seconds,size'
after 'zcachectl store set web copy ' 'always,local,never'
after 'zcachectl object put web /key h' 'head,hot spot'
after 'zcachectl object put web /key head t' 'tag,ttl,type'
after 'zcachectl object put web hex:2f61 h' 'head,hot spot'
after 'zcachectl object touch web hex:2f61 ttl ' 'never'
after 'zcachectl tag set web 1 floor ' 'none'
after 'zcachectl object stat web hex:' ''
after 'zcachectl object touch web a:b:c ' 'expired-ok,ttl'
after 'zcachectl object get web /key o' 'offset'
after 'zcachectl object get web /key offset 1 c' 'cold'
after 'zcachectl store create new owner roo' 'root'
after 'zcachectl store create new group roo' 'root'
after 'zcachectl frob ' ''
echo "1..$n"
exit $bad
