#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Loading and unloading: refused while in use, without traces when done. Runs
# last, for it takes the module away and brings it back. Prints TAP.
# shellcheck disable=SC2317,SC2329 # functions that are called by name
set -u

here=$(dirname "$(realpath "$0")")
PATH=$here:$PATH
ko=$here/zcache.ko
store=module-test
tmp=$(mktemp -d) || exit 1
n=0
bad=0

echo "TAP version 13"
if [ ! -e "$ko" ] || ! command -v zcachectl >/dev/null; then
	echo "1..0 # SKIP no module file, or no tool, next to this script"
	exit 4
fi

# is NAME GOT WANT
is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
		return
	fi
	bad=1
	echo "# t_module.sh:0: $1: got '$2', want '$3'"
	echo "not ok $n - $1"
}

# ok NAME COMMAND...: it works, or its last words are told.
ok() {
	name=$1
	shift
	"$@" >"$tmp/out" 2>&1
	code=$?
	is "$name" "$code" 0
	[ "$code" = 0 ] || sed 's/^/# /' "$tmp/out"
}

# in_use NAME: rmmod refuses with that reason, and the module is as it was.
in_use() {
	rmmod zcache >"$tmp/out" 2>&1
	is "$1: rmmod fails" "$?" 1
	is "$1: for it is in use" "$(grep -c 'in use' "$tmp/out")" 1
	is "$1: it is there" "$([ -d /sys/module/zcache ] && cat /sys/module/zcache/initstate)" live
}

make_store() { zcachectl store create "$store" capacity 16M; }
drop_store() { zcachectl store delete "$store"; }

works() {
	printf 'some bytes' | zcachectl object put "$store" key - &&
		[ "$(zcachectl object get "$store" key)" = 'some bytes' ]
}

hold() {
	mkfifo "$tmp/go" "$tmp/ready"
	zc_hold "$1" "/dev/zcache/$store" <"$tmp/go" >"$tmp/ready" 2>&1 &
	holder=$!
	exec 3>"$tmp/go"
	read -r word <"$tmp/ready"
	is "$1 is held" "$word" ready
}

let_go() {
	exec 3>&-
	wait "$holder"
	rm "$tmp/go" "$tmp/ready"
}

# Nothing in the system knows of a module that is gone.
no_trace() {
	is "$1: no nodes" "$(ls -d /dev/zcache 2>/dev/null)" ""
	is "$1: no module" "$(ls -d /sys/module/zcache 2>/dev/null)" ""
	is "$1: no class" "$(ls -d /sys/class/zcache 2>/dev/null)" ""
	is "$1: no slabs" "$(grep '^zcache' /proc/slabinfo)" ""
	is "$1: no device numbers" "$(grep zcache /proc/devices)" ""
	is "$1: no file system" "$(grep zcache /proc/filesystems)" ""
	zcachectl store list >/dev/null 2>&1
	is "$1: no netlink family" "$?" 4
	is "$1: no objects left in slabs" "$(dmesg | grep -c 'Objects remaining')" 0
}

# What tests that failed have left is not this test's business.
for node in /dev/zcache/*; do
	[ ! -e "$node" ] || zcachectl store delete "${node##*/}" force
done

ok "a store" make_store
in_use "store"
ok "the store works" works
for what in node object fill map; do
	hold "$what"
	in_use "store and $what"
	zcachectl store delete "$store" 2>/dev/null
	is "$what: the store is not deleted" "$?" 2
	ok "$what: the store works" works
	let_go
	ok "$what: then it is" drop_store
	ok "$what: a new one" make_store
done
for what in node object fill map; do
	hold "$what"
	ok "$what: deleted by force" zcachectl store delete "$store" force
	in_use "only $what"
	let_go
	ok "$what: rmmod" rmmod zcache
	no_trace "$what"
	ok "$what: insmod" insmod "$ko"
	ok "$what: a store again" make_store
	ok "$what: it works" works
done
ok "the store is deleted" drop_store

# Who listens for events holds nothing, and is told when there will be no more.
zcachectl event monitor >"$tmp/events" 2>"$tmp/events.err" &
monitor=$!
until grep -q listening "$tmp/events.err"; do
	kill -0 "$monitor" || break
done
ok "listener: a store" make_store
ok "listener: no store" drop_store
ok "listener: rmmod" rmmod zcache
wait "$monitor"
is "listener: its exit code" "$?" 4
is "listener: why" "$(tail -n 1 "$tmp/events.err")" \
	"zcachectl: the zcache module was unloaded"
is "listener: what it heard" "$(cut -d ' ' -f 2- "$tmp/events" | tr '\n' ,)" \
	"store-new $store,store-del $store,"
no_trace "listener"
ok "listener: insmod" insmod "$ko"

# Objects are freed after a grace period: no code may be gone by then.
cycle() {
	insmod "$ko" && make_store && works &&
		zc_hold many "/dev/zcache/$store" </dev/null >/dev/null &&
		drop_store && rmmod zcache
}

rmmod zcache
rounds='1 2 3 4 5'
[ -z "${ZCACHE_SLOW:-}" ] || rounds='1 2'
for round in $rounds; do
	ok "round $round" cycle
done
no_trace "after all rounds"
ok "and back again" insmod "$ko"
is "no stores" "$(zcachectl --json store list | grep -c '"name"')" 0

rm -rf "$tmp"
echo "1..$n"
exit "$bad"
