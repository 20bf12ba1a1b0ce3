#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# zcachectl features, doctor and trace with the module itself: run as root in a
# guest, with zcachectl, zcache-serve and zc_hold next to this script. Prints TAP.
set -u

here=$(dirname "$(realpath "$0")")
PATH=$here:$PATH
store=doctor-test
tmp=$(mktemp -d) || exit 1
server=
n=0
bad=0

# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	zcachectl trace off
	zcachectl store delete "$store" force 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT

# is NAME GOT WANT
is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
		return
	fi
	bad=1
	echo "# ${BASH_SOURCE[0]##*/}:${BASH_LINENO[0]}: got '$2', want '$3'"
	echo "not ok $n - $1"
}

# ctl NAME CODE WORD...: the exit code; what it says is in $out and $err.
ctl() {
	local name=$1 want=$2 code=0
	shift 2
	out=$("${as[@]}" zcachectl "$@" 2>"$tmp/err") || code=$?
	err=$(cat "$tmp/err")
	is "$name" "$code" "$want"
	[ "$code" -eq "$want" ] || printf '%s\n%s\n' "$out" "$err" | sed 's/^/# /'
}

as=()
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)

# check NAME: the line of a check in $out, its words one space apart.
check() { printf '%s\n' "$out" | tr -s ' ' | grep -E "^[a-z]+ ($store )?$1: "; }

# doctor NAME CHECK LINE: what the doctor finds of the store.
doctor() {
	ctl "$1: doctor" 0 doctor $store
	is "$1" "$(check "$2")" "$3"
}

features() {
	ctl "features without a store" 0 --json features
	is "the module's features are not known" "$(printf '%s' "$out" | grep -c '"features"')" 0
	is "which is said" "$err" \
		"zcachectl: note: a store tells what the module can do, and this user can open none"
	ctl "doctor without a store" 0 doctor
	is "there is none" "$(check stores)" "ok stores: there is none; 'zcachectl store create' makes one"
	zcachectl store create $store capacity 4M mode 640 group 65534
	ctl "features" 0 --json features
	is "pages go by reference" "$(printf '%s' "$out" | grep -o '"features":{[^}]*}')" \
		'"features":{"send_splice":true,"large_folios":true}'
	is "the kernel" "$(printf '%s' "$out" | grep -o '"kernel":"[^"]*"')" "\"kernel\":\"$(uname -r)\""
}

healthy() {
	ctl "doctor of a new store" 0 doctor $store
	is "nothing is amiss" "$(printf '%s\n' "$out" | grep -v '^ok ')" ""
	is "all is looked at" "$(printf '%s\n' "$out" | wc -l)" 17
	is "module" "$(check module)" "ok module: version $(cat /sys/module/zcache/version) is loaded"
	is "its node" "$(check node)" \
		"ok $store node: mode 0640 of root:nogroup, which this user may read and write"
	modprobe tls 2>/dev/null
	ctl "doctor with kernel TLS" 0 doctor $store
	is "kernel TLS" "$(check kernel-tls)" "ok kernel-tls: kernel TLS is there"
	ctl "doctor of all" 0 --json doctor
	is "finds the store" "$(printf '%s' "$out" | grep -o "\"store\":\"$store\",\"check\":\"room\",\"state\":\"ok\"" | wc -l)" 1
}

missing() {
	ctl "doctor of no store" 2 doctor none
	is "there is no node" "$(printf '%s\n' "$out" | tr -s ' ' | grep '^fail ')" \
		"fail none node: there is no /dev/zcache/none; 'zcachectl store create' makes a store, 'zcachectl store list' lists them"
	is "one check failed" "$err" "zcachectl: 1 of the checks failed"
	mount -t tmpfs tmpfs /dev/zcache
	ctl "doctor of a store without a node" 2 doctor $store
	is "the node is missed" "$(check node)" \
		"fail $store node: the store exists, but not its node /dev/zcache/$store; /dev has to be a devtmpfs, and a container has to be given the node"
	umount /dev/zcache
}

permissions() {
	as=("${nobody[@]}")
	ctl "doctor as an ordinary user" 0 doctor $store
	is "the group may read" "$(check node)" \
		"ok $store node: mode 0640 of root:nogroup, which this user may read but not write"
	is "who cannot control" "$(check control)" \
		"warn control: this user has no CAP_NET_ADMIN in the initial user namespace; as root stores can be changed and their counters seen"
	is "has no counters" "$(check hits)" ""
	chmod 600 /dev/zcache/$store
	ctl "doctor without permission" 2 doctor $store
	is "what the mode means" "$(check node)" \
		"fail $store node: mode 0600 of root:nogroup, which this user may not read: Permission denied (EACCES); as root 'zcachectl store set' with 'mode', 'owner' or 'group'"
	chmod 640 /dev/zcache/$store
	as=(setpriv --reuid 65534 --regid 65533 --clear-groups)
	ctl "doctor outside the group" 2 doctor $store
	is "who might help" "$(check node)" \
		"fail $store node: mode 0640 of root:nogroup, which this user may not read: Permission denied (EACCES); this user has to be a member of the group nogroup"
	as=()
	chmod 600 /dev/zcache/$store
	doctor "a node that was changed" record \
		"warn $store record: the node has mode 0600, owner 0 and group 65534, the store was given 0640, 0 and 65534; 'zcachectl store set $store mode 640' gives the node what the store has; or give 'mode', 'owner' and 'group' as they should be"
	ctl "as doctor says" 0 store set $store mode 640
	is "the node has it" "$(stat -c '%a %u %g' /dev/zcache/$store)" "640 0 65534"
	doctor "a node as it was made" record ""
	as=("${nobody[@]}")
	ctl "trace as an ordinary user" 2 trace on
	is "is for root" "$err" \
		"zcachectl: cannot look into /sys/kernel/tracing, try as root: Permission denied (EACCES)"
	as=()
	is "nothing was turned on" "$(zcachectl trace list | grep -c ' on$')" 0
}

serve() {
	zcache-serve --store $store --listen 127.0.0.1:0 >"$tmp/serve.out" 2>"$tmp/serve.err" &
	server=$!
	until grep -q '^listening on' "$tmp/serve.out"; do
		kill -0 $server || break
	done
	address=$(sed -n 's/^listening on //p' "$tmp/serve.out")
}

# fetch TIMES PATH: the same each time, for a fragment is not sent.
fetch() { curl -s --max-time 60 "http://$address$2#[1-$1]"; }

counters() {
	local holder hits

	fetch 100 /none >/dev/null
	zcachectl object put $store /some - type text/plain </etc/passwd
	fetch 20 /some >/dev/null
	hits=$(count hits)
	doctor "misses" hits \
		"warn $store hits: $hits of $((hits + 100)) lookups found their object; 'zcachectl trace on lookup' shows which keys are asked for in vain"

	mkfifo "$tmp/go" "$tmp/ready"
	zc_hold map /dev/zcache/$store <"$tmp/go" >"$tmp/ready" &
	holder=$!
	exec 3>"$tmp/go"
	read -r _ <"$tmp/ready"
	head -c 4100000 /dev/zero | zcachectl object put $store big - 2>/dev/null
	is "no room" $? 2
	doctor "refused" room \
		"warn $store room: 1 new objects found no room: too large, or the others were in use; raise the capacity or lower max-object with 'zcachectl store set $store', or have readers close objects sooner"
	exec 3>&-
	wait "$holder"
}

fallbacks() {
	zcachectl store set $store copy always
	head -c 100000 /dev/zero | zcachectl object put $store /zero - type text/plain
	doctor "before a send" fallbacks \
		"ok $store fallbacks: nothing was copied that could go by reference"
	is "ten sends of it" "$(fetch 10 /zero | wc -c)" 1000000
	doctor "a fallback" fallbacks-asked \
		"warn $store fallbacks-asked: $(count fallbacks_asked) of $(count sends) calls copied: the store or the call wants copies; 'zcachectl store set $store copy never' ends it, if all clients may share pages"
	is "its user" "$(check users)" \
		"ok $store users: processes with the node open: 1; zcache-serve (process $server) has $(find "/proc/$server/fd" -mindepth 1 | wc -l) of $(ulimit -n) files open"
	kill $server
	wait $server
	server=
}

# count NAME: a counter of the store.
count() { zcachectl --json store show $store | grep -o "\"$1\":[0-9]*" | cut -d: -f2; }

trace() {
	ctl "nothing is traced" 0 trace list
	is "all the events are known" "$(printf '%s\n' "$out" | awk '{ print $1 }')" \
		"$(zcachectl --complete trace on '' | sort)"
	ctl "nothing to show" 3 trace show
	zcachectl object put $store some - </etc/passwd
	ctl "on" 0 trace on lookup
	is "one is on" "$(zcachectl trace list | grep ' on$')" "lookup     on"
	is "not for others" "$(cat /sys/kernel/tracing/events/zcache/zcache_lookup/enable)" 0
	zcachectl object get $store some >/dev/null
	zcachectl object get $store none 2>/dev/null
	zcachectl object put $store other - </etc/passwd
	ctl "show" 0 trace show
	is "a hit and a miss" "$(printf '%s\n' "$out" | grep -o 'zcache_.* result=[a-z]*')" \
		"zcache_lookup: store=$store key=some result=hit
zcache_lookup: store=$store key=none result=miss"
	ctl "show as JSON" 0 --json trace show
	is "the miss" "$(printf '%s\n' "$out" | sed -n '3s/"time":"[0-9.]*",\(.*\),"pid":[0-9]*,"cpu":[0-9]*/\1/p')" \
		"{\"task\":\"zcachectl\",\"event\":\"lookup\",\"text\":\"store=$store key=none result=miss generation=0 size=0\"}]"

	mkfifo "$tmp/follow"
	zcachectl trace show follow >"$tmp/follow" &
	follower=$!
	exec 4<"$tmp/follow"
	read -r line <&4
	is "follow has what was" "${line##*zcache_}" \
		"lookup: store=$store key=some result=hit generation=$(generation some) size=$(stat -c %s /etc/passwd)"
	read -r line <&4
	ctl "off while it is read" 2 trace off
	is "the buffer is in use" "${err##* }" "(EBUSY)"
	ctl "on again" 0 trace on commit
	zcachectl object put $store followed - </etc/passwd
	read -r line <&4
	is "follow has what comes" "$(echo "${line##*zcache_}" | cut -d' ' -f1-3)" \
		"commit: store=$store key=followed"
	kill -INT $follower
	wait $follower
	is "follow ends" $? 0
	exec 4<&-
	ctl "off" 0 trace off
	is "no buffer is left" "$(ls /sys/kernel/tracing/instances)" ""
	ctl "nothing to show any more" 3 trace show
	umount /sys/kernel/tracing
	umount /sys/kernel/debug/tracing 2>/dev/null
	mount -t tmpfs tmpfs /sys/kernel/debug
	ctl "no tracefs" 2 trace on
	is "which is said" "$err" \
		"zcachectl: tracefs is not mounted; as root 'mount -t tracefs tracefs /sys/kernel/tracing': No such file or directory (ENOENT)"
	umount /sys/kernel/debug
	mount -t tracefs tracefs /sys/kernel/tracing
	ctl "tracefs is back" 0 trace list
}

generation() { zcachectl --json object stat $store "$1" | grep -o '"generation":[0-9]*' | cut -d: -f2; }

ip link set lo up 2>/dev/null
features
healthy
missing
permissions
serve
counters
fallbacks
trace
echo "1..$n"
exit $bad
