#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# zcachectl and zcache-serve with the module itself: run as root in a guest, with
# both programs next to this script. Prints TAP.
set -u

here=$(dirname "$(realpath "$0")")
PATH=$here:$PATH
store=tools-test
tmp=$(mktemp -d) || exit 1
server=
n=0
bad=0

# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
	[ -z "$server" ] || kill "$server" 2>/dev/null
	zcachectl store delete "$store" force 2>/dev/null
	zcachectl store delete "$store-2" force 2>/dev/null
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
	out=$(zcachectl "$@" 2>"$tmp/err") || code=$?
	err=$(<"$tmp/err")
	is "$name" "$code" "$want"
	[ "$code" -eq "$want" ] || echo "# $err"
}

# refused NAME CODE ERRNO WORD...: refused with a sentence that ends with the name.
refused() {
	local name=$1 code=$2 errno=$3
	shift 3
	ctl "$name" "$code" "$@"
	is "$name: the error" "${err##* }" "($errno)"
	is "$name: no output" "$out" ""
}

# as_nobody NAME CODE ERRNO WORD...: the same without rights.
as_nobody() {
	local name=$1 want=$2 errno=$3 code=0
	shift 3
	setpriv --reuid 65534 --regid 65534 --clear-groups zcachectl "$@" \
		>/dev/null 2>"$tmp/err" || code=$?
	err=$(<"$tmp/err")
	is "$name" "$code" "$want"
	[ -z "$errno" ] || is "$name: the error" "${err##* }" "($errno)"
}

# member NAME: a number or word of the JSON in $out. Without programs: guests without
# hardware to help them start few in a second.
member() {
	local value

	[[ $out =~ \"$1\":([^,\}]*) ]] || return
	value=${BASH_REMATCH[1]%%:*}
	printf '%s\n' "${value//\"/}"
}

# second PATTERN: the second words of those lines, each after a blank.
second() { awk -v p="$1" '$0 ~ p { printf " %s", $2 }'; }

counter() {
	out=$(zcachectl --json store show $store)
	out=${out#*\"counters\"}
	member "$1"
}

stores() {
	ctl "create" 0 store create $store capacity 64M max-object 32M max-key 512 \
		inline-limit 1024 splice-threshold 16k copy local default-ttl 1d grace 1.5h \
		mode 640 owner root group 65534
	is "create is silent" "$out$err" ""
	is "the node's mode" "$(stat -c '%a %u %g' /dev/zcache/$store)" "640 0 65534"
	ctl "show" 0 --json store show $store
	is "name" "$(member name)" $store
	is "capacity" "$(member capacity)" 67108864
	is "max-object" "$(member max_object_size)" 33554432
	is "max-key" "$(member max_key_len)" 512
	is "inline-limit" "$(member inline_limit)" 1024
	is "splice-threshold" "$(member splice_threshold)" 16384
	is "copy" "$(member copy)" local
	is "default-ttl" "$(member default_ttl_ms)" 86400000
	is "grace" "$(member grace_ms)" 5400000
	is "mode" "$(member mode)" 0640
	is "gid" "$(member gid)" 65534
	is "objects" "$(member objects)" 0
	is "hits" "$(member hits)" 0
	is "the last counter" "$(member purged_bytes)" 0
	ctl "set" 0 store set $store capacity 48M max-object 24M inline-limit 512 \
		splice-threshold 64k copy never default-ttl 500ms grace 1h
	is "set is silent" "$out$err" ""
	ctl "show what was set" 0 --json store show $store
	is "capacity as set" "$(member capacity)" 50331648
	is "max-object as set" "$(member max_object_size)" 25165824
	is "inline-limit as set" "$(member inline_limit)" 512
	is "default-ttl as set" "$(member default_ttl_ms)" 500
	is "grace as set" "$(member grace_ms)" 3600000
	is "splice-threshold as set" "$(member splice_threshold)" 65536
	is "copy as set" "$(member copy)" never
	ctl "set one thing" 0 store set $store default-ttl never
	ctl "set two" 0 store set $store capacity 64M max-object 32M
	ctl "show before watermarks are set" 0 --json store show $store
	is "the high watermark" "$(member high_watermark)" 95
	is "the low watermark" "$(member low_watermark)" 90
	ctl "set a watermark" 0 store set $store high-watermark 80
	ctl "show with watermarks" 0 --json store show $store
	is "the high watermark as set" "$(member high_watermark)" 80
	is "the low one follows" "$(member low_watermark)" 80
	ctl "set a policy" 0 store set $store policy of-mine.2
	ctl "show with a policy" 0 --json store show $store
	is "the policy as set" "$(member policy)" of-mine.2
	ctl "policy show without an owner" 0 --json policy show $store
	is "what it tells" "$(member wanted) $(member running) $(member owner) $(member state)" \
		"of-mine.2 sieve null none"
	ctl "policy status" 0 policy status
	is "it has the store" "$(printf '%s\n' "$out" | awk -v s=$store '$1 == s { print $2, $3, $4 }')" \
		"of-mine.2 sieve none"
	refused "a bad policy" 2 EINVAL store set $store policy "A B"
	ctl "set none" 0 store set $store policy none
	ctl "show with none" 0 --json store show $store
	is "none" "$(member policy)" none
	ctl "set the default" 0 store set $store policy default
	ctl "show without a policy" 0 --json store show $store
	is "no policy" "$(member policy)" null
	refused "policy of none" 3 ENOENT policy show none
	refused "a low watermark above" 2 EINVAL store set $store low-watermark 81
	ctl "show what was set last" 0 --json store show $store
	is "no default-ttl" "$(member default_ttl_ms)" 0
	is "max-object again" "$(member max_object_size)" 33554432
	is "inline-limit stays" "$(member inline_limit)" 512
	is "grace stays" "$(member grace_ms)" 3600000
	ctl "show as text" 0 store show $store
	is "times as text" "$(printf '%s\n' "$out" | second '^  (default-ttl|grace) ')" " never 1h"
	refused "no capacity left" 2 EINVAL store set $store capacity 0
	refused "an inline-limit too large" 2 ERANGE store set $store inline-limit 2049
	ctl "list" 0 --json store list
	is "list has it" "$(printf '%s' "$out" | grep -c "\"name\":\"$store\"")" 1
	ctl "list as text" 0 store list
	is "text has it" "$(printf '%s\n' "$out" | awk -v s=$store '$1 == s { print $2, $3, $6, $7 }')" \
		"64.0 MiB 0 0640"
	ctl "info" 0 --json info
	is "loaded" "$(member loaded)" true
	is "abi" "$(member kernel_abi)" "$(member tool_abi)"
	refused "create again" 2 EEXIST store create $store capacity 1M
	refused "no capacity" 2 EINVAL store create other capacity 0
	refused "a bad name" 2 EINVAL store create .x capacity 1M
	refused "show of none" 3 ENOENT store show none
	refused "set of none" 3 ENOENT store set none copy never
	refused "delete of none" 3 ENOENT store delete none
	refused "objects of none" 3 ENOENT object list none
	as_nobody "stores without rights" 2 EPERM store list
	as_nobody "create without rights" 2 EPERM store create x capacity 1M
	as_nobody "set without rights" 2 EPERM store set $store copy always
	as_nobody "policies without rights" 2 EPERM policy status
}

objects() {
	local key

	ctl "put" 0 object put $store /big "$tmp/big" type application/x-big etag '"big"'
	ctl "put a small one" 0 object put $store /small "$tmp/small"
	ctl "get" 0 object get $store /big "$tmp/got"
	is "the bytes" "$(cmp "$tmp/big" "$tmp/got")" ""
	is "a range" "$(zcachectl object get $store /small offset 1 length 3)" mal
	zcachectl object get $store /big offset 1000000 length 1000000 | cmp - "$tmp/middle"
	is "a range of the big one" $? 0
	ctl "stat" 0 --json object stat $store /big
	is "size" "$(member size)" 3000000
	is "type" "$(member type)" application/x-big
	is "etag" "$(member etag)" "\\big\\"
	is "inline" "$(member inline)" false
	ctl "stat of the small one" 0 --json object stat $store /small
	is "it is inline" "$(member inline)" true
	ctl "put from a pipe" 0 object put $store hex:00ff - <"$tmp/small"
	ctl "list" 0 --json object list $store
	is "three objects" "$(printf '%s' "$out" | grep -c key_hex)" 3
	is "one with an odd key" "$(printf '%s' "$out" | grep -c '"key_hex":"00ff"')" 1
	ctl "list with a prefix" 0 --json object list $store prefix /s
	is "one object" "$(printf '%s' "$out" | grep -o '"key":"[^"]*"')" '"key":"/small"'
	ctl "list with a limit" 0 --json object list $store limit 2
	is "two objects" "$(printf '%s' "$out" | grep -c key_hex)" 2
	ctl "list as text" 0 object list $store prefix hex:00
	is "the key escaped" "$(printf '%s' "$out" | awk 'NR == 2 { print $NF }')" '\x00\xff'
	filters
	refused "put with excl" 2 EEXIST object put $store /big "$tmp/small" excl
	ctl "replace" 0 object put $store /small "$tmp/big"
	is "the new bytes" "$(zcachectl object get $store /small | cmp - "$tmp/big")" ""
	ctl "delete" 0 object delete $store /small
	refused "delete again" 3 ENOENT object delete $store /small
	refused "get of none" 3 ENOENT object get $store /small
	refused "past the end" 2 ERANGE object get $store /big offset 3000001
	key=$(printf 'k%.0s' $(seq 513))
	refused "a long key" 2 ENAMETOOLONG object stat $store "$key"
	truncate -s 33M "$tmp/huge"
	refused "too large" 2 EFBIG object put $store /huge "$tmp/huge"
	as_nobody "group may read" 0 "" object stat $store /big
	as_nobody "but not write" 2 EACCES object delete $store /big
	ctl "a short life" 0 object put $store /soon "$tmp/small" ttl 1ms
	while zcachectl object get $store /soon >/dev/null 2>&1; do :; done
	ctl "stat shows it all the same" 0 --json object stat $store /soon
	is "expired" "$(member expired)" true
	zcachectl object delete $store /soon
	zcachectl object delete $store hex:00ff
	ctl "bench" 0 bench $store seconds 1
	is "of three ways" "$(grep -c '^\(zcache\|sendfile\|read+write\) ' <<<"$out")" 3
	is "it leaves nothing" "$(zcachectl --json object list $store prefix zcachectl- | grep -c key)" 0
}

# listed WORD...: the keys of the objects that are listed with these words.
listed() {
	zcachectl --json object list $store "$@" | grep -o '"key_hex":"[^"]*"' | cut -d '"' -f 4 |
		sort | paste -s -d ' '
}

# As there are /big, /small and 00ff, which are 2f626967, 2f736d616c6c and 00ff.
filters() {
	is "from a size on" "$(listed min-size 6)" 2f626967
	is "up to a size" "$(listed max-size 5)" "00ff 2f736d616c6c"
	is "of one size" "$(listed min-size 5 max-size 5 prefix /)" 2f736d616c6c
	is "of an age" "$(listed max-age 1d)" "00ff 2f626967 2f736d616c6c"
	is "too young" "$(listed min-age 1d)" ""
	is "expired ones" "$(listed expired yes)" ""
	is "fresh ones" "$(listed expired no min-size 1M)" 2f626967
	zcachectl store set $store grace 1h
	zcachectl object touch $store /small ttl 1ms
	while zcachectl object get $store /small >/dev/null 2>&1; do :; done
	is "one has expired" "$(listed expired yes)" 2f736d616c6c
	is "the others have not" "$(listed expired no)" "00ff 2f626967"
	ctl "fresh again" 0 object touch $store /small ttl never expired-ok
	refused "no such sizes" 2 EINVAL object list $store min-size 2 max-size 1
	refused "no such ages" 2 EINVAL object list $store min-age 2s max-age 1s
}

# stat_of MEMBER KEY: also of what has expired.
stat_of() {
	out=$(zcachectl --json object stat $store "$2")
	member "$1"
}

lives() {
	local expires before

	ctl "a default-ttl" 0 store set $store default-ttl 1h
	zcachectl object put $store /life "$tmp/small"
	is "is that of an object without its own" \
		$(($(stat_of expires /life) - $(stat_of created /life))) 3600000000000
	zcachectl object put $store /life "$tmp/small" ttl 2h
	is "but not of one with" \
		$((($(stat_of expires /life) - $(stat_of created /life)) / 3600000000000)) 1
	zcachectl object put $store /ever "$tmp/small" ttl never
	is "nor of one for ever" "$(zcachectl object stat $store /ever | second '^expires')" " never"
	zcachectl store set $store default-ttl never
	ctl "touch" 0 object touch $store /life
	is "touch is silent" "$out$err" ""
	expires=$(stat_of expires /life)
	before=$(date +%s)000000000
	ctl "touch with a time" 0 --json object touch $store /life ttl 3h
	is "tells it" "$(member expires)" "$(stat_of expires /life)"
	is "which is later" $(($(stat_of expires /life) > expires)) 1
	is "by what was said" $(($(stat_of expires /life) >= before + 10800000000000)) 1
	ctl "touch for ever" 0 object touch $store /life ttl never
	is "it never expires" "$(stat_of expires /life)" 0

	ctl "a soft delete" 0 object delete $store /life soft
	is "it has expired" "$(stat_of expired /life)" true
	refused "it is not served" 3 ENOENT object get $store /life
	refused "nor touched" 3 ENOENT object touch $store /life ttl 1h
	ctl "unless that is asked for" 0 object touch $store /life ttl 1h expired-ok
	is "then it is served" "$(zcachectl object get $store /life)" small
	as_nobody "group may not touch" 2 EACCES object touch $store /life
	as_nobody "nor purge" 2 EACCES object purge $store all
	refused "touch of none" 3 ENOENT object touch $store /none
	purges
	shrunk
	zcachectl store set $store capacity 64M max-object 32M
	zcachectl object put $store /small "$tmp/small"
	ctl "a soft delete of what is kept" 0 object delete $store /small soft
	is "it is there" "$(stat_of expired /small)" true
	before=$(counter expiries)
	ctl "without a grace" 0 store set $store grace 0
	while [ "$(counter expiries)" = "$before" ]; do :; done
	refused "it goes by itself" 3 ENOENT object stat $store /small
}

purges() {
	local i charge=0

	for i in 1 2 3; do
		zcachectl object put $store "/p/$i" "$tmp/small"
		charge=$((charge + $(stat_of charge "/p/$i")))
	done
	ctl "a soft purge" 0 --json object purge $store prefix /p/ soft
	is "its objects" "$(member objects)" 3
	is "its bytes" "$(member bytes)" "$charge"
	is "they have expired" "$(stat_of expired /p/3)" true
	ctl "again" 0 --json object purge $store prefix /p/ soft
	is "nothing more" "$(member objects)" 0
	ctl "a hard one" 0 object purge $store prefix /p/3
	is "as text" "$(printf '%s\n' "$out" | second '')" " $store 1 $((charge / 3))"
	refused "it is gone" 3 ENOENT object stat $store /p/3
	i=$(zcachectl --json object list $store | grep -c key_hex)
	ctl "all" 0 --json object purge $store all
	is "all the others" "$(member objects)" "$i"
	ctl "list after that" 0 --json object list $store
	is "nothing is left" "$(printf '%s' "$out" | grep -c key_hex)" 0
	is "purges are counted" "$(counter purges)" 4
}

tags() {
	ctl "put with tags" 0 object put $store /t/1 "$tmp/small" tag 7,0xffffffffffffffff
	zcachectl object put $store /t/2 "$tmp/small" tag 7
	zcachectl object put $store /t/3 "$tmp/small"
	ctl "stat with tags" 0 object stat $store /t/1
	is "stat tells them" "$(printf '%s\n' "$out" | second '^tags ')" " 7,18446744073709551615"
	is "list by tag" "$(listed tag 0x7)" "2f742f31 2f742f32"
	is "by another" "$(listed tag 0xffffffffffffffff)" 2f742f31
	is "by one that nothing has" "$(listed tag 8)" ""
	ctl "a soft purge by tag" 0 --json object purge $store tag 18446744073709551615 soft
	is "its object" "$(member objects)" 1
	refused "it is not served" 3 ENOENT object get $store /t/1
	ctl "a hard one" 0 --json object purge $store tag 7
	refused "its object is gone" 3 ENOENT object stat $store /t/2
	ctl "others are not" 0 object delete $store /t/3
	limits
}

limits() {
	refused "no such tag" 3 ENOENT tag show $store 9
	ctl "limits of a tag without objects" 0 tag set $store 9 quota 2M floor 1M
	is "tag set is silent" "$out$err" ""
	ctl "tag show" 0 --json tag show $store 0x9
	is "the tag" "$(member id) $(member quota) $(member floor) $(member objects)" \
		"9 2097152 1048576 0"
	refused "a floor above the quota" 2 EINVAL tag set $store 9 floor 3M
	refused "more than the quota" 2 EDQUOT object put $store /t/9 "$tmp/big" tag 9
	ctl "less than that" 0 object put $store /t/9 "$tmp/small" tag 9
	ctl "tag list" 0 --json tag list $store
	is "it has the tag" "$(printf '%s' "$out" | grep -c '"id":9,.*"objects":1,')" 1
	zcachectl object delete $store /t/9
	ctl "no limits" 0 tag set $store 9 quota none floor none
	refused "then it is forgotten" 3 ENOENT tag show $store 9
	as_nobody "tags without rights" 2 EPERM tag list $store
}

# Who opened /big reads all of it, in a store that has no room for it any more.
shrunk() {
	local pid code=0

	zcachectl object put $store /big "$tmp/big"
	mkfifo "$tmp/fifo"
	zcachectl object get $store /big "$tmp/fifo" &
	pid=$!
	# The other end is opened by who has the object open already.
	exec 3<"$tmp/fifo"
	ctl "a small capacity" 0 store set $store capacity 1M
	is "the kernel's warning" "$err" \
		"zcachectl: note: store $store: more than the new capacity is in use; nothing is added until it is let go"
	refused "nothing is added" 2 ENOSPC object put $store /small "$tmp/small"
	cmp - "$tmp/big" <&3
	is "what was open is read" $? 0
	exec 3<&-
	wait $pid || code=$?
	is "to its end" $code 0
	ctl "then there is room" 0 object put $store /small "$tmp/small"
	ctl "a capacity that holds what is there" 0 store set $store capacity 512k
	is "is no matter for a warning" "$err" ""
}

many_files() {
	local i

	mkdir -p "$tmp/files/sub"
	cp "$tmp/big" "$tmp/files/big.bin"
	printf '<p>hello' >"$tmp/files/sub/a b.html"
	for i in $(seq $many); do
		printf '%s' "$i" >"$tmp/files/sub/$i"
	done
}

# So many small ones, and two more.
many=1000
[ -z "${ZCACHE_SLOW:-}" ] || many=100

fetch() { curl -s --max-time 60 "$@"; }

serve() {
	local address sends spliced

	many_files
	: >"$tmp/serve.out"
	zcache-serve --store $store --listen 127.0.0.1:0 --load "$tmp/files" --budget 0 \
		>"$tmp/serve.out" 2>"$tmp/serve.err" &
	server=$!
	until grep -q '^listening on' "$tmp/serve.out"; do
		kill -0 $server || break
	done
	address=$(sed -n 's/^listening on //p' "$tmp/serve.out")
	is "it loaded all" "$(grep -c "loaded $((many + 2)) files" "$tmp/serve.err")" 1
	zcachectl --json object list $store prefix /sub/ >"$tmp/list"
	is "all are listed" "$(grep -o '"key":"[^"]*"' "$tmp/list" | sort -u | wc -l)" $((many + 1))

	sends=$(counter sends)
	is "a small file" "$(fetch "http://$address/sub/a%20b.html")" "<p>hello"
	is "with one SEND" "$(counter sends)" $((sends + 1))
	is "another" "$(fetch "http://$address/sub/77")" 77
	spliced=$(counter spliced_bytes)
	fetch "http://$address/big.bin" | cmp - "$tmp/big"
	is "a big file" $? 0
	is "by reference" "$(counter spliced_bytes)" $((spliced + 3000000))
	is "HEAD" "$(fetch -I "http://$address/sub/a%20b.html" | tr -d '\r' |
		grep -E '^(HTTP|Content)')" \
		"HTTP/1.1 200 OK
Content-Type: text/html; charset=utf-8
Content-Length: 8"
	is "a range" "$(fetch -r 3-5 "http://$address/sub/a%20b.html")" hel
	fetch -r 1000000-1999999 "http://$address/big.bin" | cmp - "$tmp/middle"
	is "a range of the big file" $? 0
	is "a range past the end" \
		"$(fetch -o /dev/null -w '%{http_code}' -r 8- "http://$address/sub/a%20b.html")" 416
	is "nothing" "$(fetch -o /dev/null -w '%{http_code}' "http://$address/none")" 404
	fetch -D "$tmp/head" -o /dev/null "http://$address/big.bin"
	is "a condition" "$(fetch -o /dev/null -w '%{http_code}' -H \
		"If-None-Match: $(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$tmp/head")" \
		"http://$address/big.bin")" 304
	printf 'no header' | zcachectl object put $store /plain - type text/plain
	is "an object without a header" "$(fetch -w ' %{content_type} %{http_code}' \
		"http://$address/plain")" "no header text/plain 200"
	insist "$address"
	copies "$address"
	replaced "$address"
	parallel "$address"
}

# If-Match of one tag is compared by the call that sends.
insist() {
	local etag failed sends

	etag=$(sed -n 's/^ETag: \(.*\)\r$/\1/p' "$tmp/head")
	sends=$(counter sends)
	failed=$(counter conditions_failed)
	is "the right version" \
		"$(fetch -o /dev/null -w '%{http_code}' -H "If-Match: $etag" "http://$1/sub/7")" 412
	is "no SEND has sent" "$(counter sends)" "$sends"
	is "but one has compared" "$(counter conditions_failed)" $((failed + 1))
	fetch -H "If-Match: $etag" "http://$1/big.bin" | cmp - "$tmp/big"
	is "the version insisted on" $? 0
}

# by_copy NAME COUNTER ADDRESS: the big file goes by copy, for that reason.
by_copy() {
	local spliced before

	spliced=$(counter spliced_bytes)
	before=$(counter "$2")
	fetch "http://$3/big.bin" | cmp - "$tmp/big"
	is "$1: the bytes" $? 0
	is "$1: none by reference" "$(counter spliced_bytes)" "$spliced"
	is "$1: the reason" $(($(counter "$2") > before)) 1
}

# The store is changed while the server has it open.
copies() {
	local spliced

	ctl "copy to all" 0 store set $store copy always
	by_copy "copy to all" fallbacks_asked "$1"
	ctl "copy to local clients" 0 store set $store copy local
	by_copy "copy to local clients" fallbacks_local "$1"
	ctl "by reference again" 0 store set $store copy never splice-threshold 16k
	spliced=$(counter spliced_bytes)
	fetch -o /dev/null -r 1000-20999 "http://$1/big.bin"
	is "from the new threshold on" "$(counter spliced_bytes)" $((spliced + 20000))
	ctl "the old threshold" 0 store set $store splice-threshold 64k
}

# The answer stays of one version while the key gets another. It is longer than what
# all socket buffers hold, so the rest is sent after that.
replaced() {
	local opens hits line i

	for i in 1 2 3 4 5 6 7; do
		cat "$tmp/big"
	done >"$tmp/long"
	zcachectl object put $store /long "$tmp/long"
	opens=$(counter opens)
	hits=$(counter hits)
	exec 3<>"/dev/tcp/${1%:*}/${1##*:}"
	printf 'GET /long HTTP/1.0\r\n\r\n' >&3
	read -r line <&3
	is "an answer begins" "$line" $'HTTP/1.1 200 OK\r'
	for i in 1 2 3; do
		zcachectl object put $store /long "$tmp/small"
	done
	while [ "$line" != $'\r' ]; do
		read -r line <&3 || break
	done
	cmp - "$tmp/long" <&3
	is "its bytes are of the version that began" $? 0
	exec 3<&-
	is "which was pinned once" "$(counter opens)" $((opens + 1))
	is "and looked up once" "$(counter hits)" $((hits + 1))
	is "the next answer is of the new one" "$(fetch "http://$1/long")" small
	zcachectl object delete $store /long
}

# What the sends of before left behind.
statistics() {
	local sends calls

	sends=$(($(counter sends) + $(counter sends_partial)))
	ctl "stats" 0 stats show $store
	is "all counters" "$(printf '%s\n' "$out" | grep -c '^    [a-z-]* *[0-9]* [a-z]*$')" \
		"$(zcachectl --json store show $store | grep -o '"counters":.*' | tr , '\n' | wc -l)"
	is "both ratios" "$(printf '%s\n' "$out" | grep -c '^  \(byte-\)\?hit-ratio ')" 2
	calls=$(printf '%s\n' "$out" | second '^  send-latency ')
	is "sends took some time" $((calls >= sends && sends > 0)) 1
	calls=$(printf '%s\n' "$out" | second '^  fill-latency ')
	is "and fills" "${calls# }" "$(counter commits)"
	ctl "stats of all" 0 --json stats show
	is "they have it" "$(printf '%s' "$out" | grep -c "\"name\":\"$store\"")" 1
	is "and its latencies" "$(printf '%s' "$out" | grep -c '"below_ns":1024,.*"below_ns":null,')" 1
	refused "stats of none" 3 ENOENT stats show none
	ctl "top" 0 --json top interval 100ms count 1
	is "top has it" "$(printf '%s' "$out" | grep -c "\"name\":\"$store\"")" 1
	as_nobody "stats without rights" 2 EPERM stats show
	as_nobody "top without rights" 2 EPERM top
}

events() {
	local pid code=0

	head -c 700000 "$tmp/big" >"$tmp/most"
	zcachectl --json event monitor count 4 >"$tmp/events" 2>"$tmp/events.err" &
	pid=$!
	until grep -q listening "$tmp/events.err"; do
		kill -0 $pid || break
	done
	zcachectl store create $store-2 capacity 1M
	zcachectl store set $store-2 high-watermark 60 low-watermark 50
	zcachectl object put $store-2 /most "$tmp/most"
	zcachectl store delete $store-2
	wait $pid || code=$?
	is "four events are the end" $code 0
	is "which they are" "$(grep -o '"event":"[^"]*","store":"[^"]*"' "$tmp/events" |
		cut -d '"' -f 4,8 | paste -s -d ' ')" \
		"store-new\"$store-2 store-set\"$store-2 pressure\"$store-2 store-del\"$store-2"
	is "how much pressure" "$(grep -c '"used":[67][0-9]*,"capacity":1048576' "$tmp/events")" 1
}

parallel() {
	local i pids=() failed=0

	for i in 1 2 3 4 5 6 7 8; do
		fetch -o "$tmp/p$i" "http://$1/plain" "http://$1/sub/$i" -o "$tmp/q$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=$((failed + 1))
	done
	is "eight clients at once" $failed 0
	is "their bytes" "$(cat "$tmp"/q[1-8])" 12345678
}

end() {
	local code=0

	refused "delete in use" 2 EBUSY store delete $store
	ctl "delete by force" 0 store delete $store force
	address=$(sed -n 's/^listening on //p' "$tmp/serve.out")
	is "then the server says so" \
		"$(fetch -o /dev/null -w '%{http_code}' "http://$address/plain")" 503
	kill $server
	wait $server || code=$?
	server=
	is "the server stops" $code 0
	is "with a summary" "$(tail -n 1 "$tmp/serve.err" | grep -c 'zcache-serve: [0-9]* connections')" 1
	refused "the store is gone" 3 ENOENT store show $store
}

head -c 3000000 /dev/urandom >"$tmp/big"
tail -c +1000001 "$tmp/big" | head -c 1000000 >"$tmp/middle"
printf 'small' >"$tmp/small"
ip link set lo up 2>/dev/null
# A call at a time is how the tests in C drive the module as well, and where all its
# checks are on to start a program takes longest: there only a server's way is gone.
if [ -z "${ZCACHE_SLOW:-}" ]; then
	stores
	objects
	lives
	tags
else
	ctl "create" 0 store create $store capacity 64M max-object 32M
fi
serve
statistics
events
end
echo "1..$n"
exit $bad
