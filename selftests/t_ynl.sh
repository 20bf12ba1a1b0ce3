#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Drives the whole netlink family with the kernel tree's own client, which knows
# nothing but the spec: every operation, every attribute that it may be given and
# that comes back. Prints TAP.
# shellcheck disable=SC2317,SC2329 # functions that are called by name
set -u

here=$(dirname "$(realpath "$0")")
ynl=/usr/lib/ynl
store='ynl-test'
tmp=$(mktemp -d) || exit 1
n=0
bad=0

echo "TAP version 13"
if ! command -v python3 >/dev/null || [ ! -e "$ynl/cli.py" ]; then
	echo "1..0 # SKIP no python, or no client, in this guest"
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
	echo "# t_ynl.sh:0: $1: got '$2', want '$3'"
	echo "not ok $n - $1"
}

# The client, asked many times: one interpreter, as the start of one takes longer
# than all else, and the fast reader of YAML. A line on standard input is the name of
# what to do with the words in the file; the line that comes back is its exit code.
cat >"$tmp/client.py" <<-'END'
	import contextlib
	import json
	import os
	import sys
	import traceback
	import yaml
	yaml.SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
	sys.path.insert(0, sys.argv[1])
	import cli
	tmp = sys.argv[3]
	with open(sys.argv[2]) as f:
	    spec = yaml.safe_load(f)

	def run(words):
	    sys.argv = ["cli.py"] + words
	    cli.main()

	def field(words):
	    with open(tmp + "/out") as f:
	        print(eval(words[0], {"a": json.load(f), "spec": spec}))

	# exit(), with which a refusal ends, closes standard input.
	for line in os.fdopen(os.dup(0)):
	    name = line.strip()
	    code = 0
	    with open(tmp + "/words") as f:
	        words = f.read().split("\0")[:-1]
	    with open(tmp + "/" + {"run": "out", "field": "field"}[name] + ".new", "w") as out, \
	            open(tmp + "/err", "w") as err, \
	            contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
	        try:
	            {"run": run, "field": field}[name](words)
	        except SystemExit as e:
	            code = e.code
	        except Exception:
	            code = 1
	            traceback.print_exc()
	    print(code, flush=True)
END
mkfifo "$tmp/asked" "$tmp/told"
python3 -B "$tmp/client.py" "$ynl" "$here/zcache.yaml" "$tmp" <"$tmp/asked" >"$tmp/told" &
exec 8>"$tmp/asked" 9<"$tmp/told"

# client NAME WORD...: the exit code is the client's.
client() {
	name=$1
	shift
	printf '%s\0' "$@" >"$tmp/words"
	echo "$name" >&8
	read -r code <&9 || code=99
	sed 's/^/# /' "$tmp/err"
	return "$code"
}

# ask --do|--dump OPERATION JSON [OPTION...]: the answer is one line of JSON.
ask() {
	how=$1 op=$2 json=$3
	shift 3
	client run --no-schema --spec "$here/zcache.yaml" --output-json \
		"$how" "$op" --json "$json" "$@"
	code=$?
	mv "$tmp/out.new" "$tmp/out"
	return "$code"
}

# field EXPRESSION: of the answer, which is called a, and the spec.
field() {
	client field "$1" && cat "$tmp/field.new"
}

# refused NAME: the last question was, with an errno and a sentence.
refused() {
	is "$1: refused" "$?" 1
	is "$1: by $2" "$(cat "$tmp/out" "$tmp/err" | grep -c "error: -$2")" 1
	is "$1: with a sentence" "$(cat "$tmp/out" "$tmp/err" | grep -c "'msg': .*$3")" 1
}

trap 'zcachectl store delete $store force >/dev/null 2>&1; rm -rf "$tmp"' EXIT

ask --do store-new '{"name": "ynl-test", "capacity": 8388608, "max-object-size": 4194304,
	"max-key-len": 200, "inline-limit": 1000, "splice-threshold": 16384,
	"mode": 416, "uid": 1, "gid": 2, "copy": "local", "default-ttl": 3600000,
	"grace": 5000}'
is "store-new" "$?" 0

ask --do store-get '{"name": "ynl-test"}'
is "store-get" "$?" 0
for pair in name=ynl-test capacity=8388608 max-object-size=4194304 max-key-len=200 \
	inline-limit=1000 splice-threshold=16384 mode=416 uid=1 gid=2 copy=local \
	default-ttl=3600000 grace=5000 used=0 objects=0 opens=0 high-watermark=95 \
	low-watermark=90 data=0 metadata=0 pinned=0; do
	is "store-get: ${pair%%=*}" "$(field "a['${pair%%=*}']")" "${pair#*=}"
done
# Every counter of the spec comes back, and nothing else does.
is "store-get: all counters" "$(field "sorted(a['stats'])")" "$(field "sorted(m['name']
	for s in spec['attribute-sets'] if s['name'] == 'stats'
	for m in s['attributes'] if m['name'] != 'pad')")"

ask --dump store-get '{}'
is "store-get dump" "$?" 0
is "store-get dump: ours" "$(field "[s['capacity'] for s in a if s['name'] == 'ynl-test']")" \
	"[8388608]"

ask --do store-set '{"name": "ynl-test", "capacity": 4194304, "max-object-size": 1048576,
	"inline-limit": 0, "splice-threshold": 5000, "copy": "always", "default-ttl": 0,
	"grace": 0}'
is "store-set" "$?" 0
ask --do store-get '{"name": "ynl-test"}'
for pair in capacity=4194304 max-object-size=1048576 max-key-len=200 inline-limit=0 \
	splice-threshold=5000 copy=always default-ttl=0 grace=0; do
	is "store-set: ${pair%%=*}" "$(field "a['${pair%%=*}']")" "${pair#*=}"
done

for i in 1 2 3; do
	printf 'some bytes' | zcachectl object put "$store" "key$i" -
	is "put key$i" "$?" 0
done
ask --do object-get '{"store": "ynl-test", "key": "6b657931"}'
is "object-get" "$?" 0
is "object-get: key" "$(field "bytes.fromhex(a['key']).decode()")" key1
is "object-get: size" "$(field "a['size']")" 10
for name in generation charge created; do
	is "object-get: $name" "$(field "a['$name'] > 0")" True
done
is "object-get: hits" "$(field "a['hits']")" 0
is "object-get: expires" "$(field "a['expires']")" 0

ask --dump object-get '{"store": "ynl-test"}'
is "object-get dump" "$?" 0
is "object-get dump: keys" "$(field "sorted(bytes.fromhex(o['key']).decode() for o in a)")" \
	"['key1', 'key2', 'key3']"
ask --dump object-get '{"store": "ynl-test", "key": "6b657932"}'
is "object-get dump: prefix" "$(field "[bytes.fromhex(o['key']).decode() for o in a]")" \
	"['key2']"

ask --dump object-get '{"store": "ynl-test", "min-size": 11}'
is "object-get dump: min-size" "$(field "a")" "[]"
ask --dump object-get '{"store": "ynl-test", "max-size": 10, "max-age": 3600000,
	"min-age": 0, "expired": 0}'
is "object-get dump: filters" "$(field "len(a)")" 3

ask --do tag-set '{"store": "ynl-test", "id": 18446744073709551615, "quota": 1000000,
	"floor": 5000}'
is "tag-set" "$?" 0
ask --do tag-get '{"store": "ynl-test", "id": 18446744073709551615}'
is "tag-get" "$?" 0
for pair in id=18446744073709551615 quota=1000000 floor=5000 used=0 objects=0 hits=0 \
	hit-bytes=0 sent-bytes=0 commits=0 fill-bytes=0 expired=0 evictions=0 \
	evicted-bytes=0 misses=0; do
	is "tag-get: ${pair%%=*}" "$(field "a['${pair%%=*}']")" "${pair#*=}"
done
ask --dump tag-get '{"store": "ynl-test"}'
is "tag-get dump" "$(field "[t['id'] for t in a]")" "[18446744073709551615]"
ask --dump object-get '{"store": "ynl-test", "tag": 18446744073709551615}'
is "object-get dump: tag" "$(field "a")" "[]"
ask --do tag-get '{"store": "ynl-test", "id": 1}'
refused "no such tag" 2 "tag"

# The event is there before the answer to the call that it tells of. (This client
# stumbles over one that comes while it waits for an answer: so there are two.)
python3 -B - "$ynl" "$here/zcache.yaml" >"$tmp/out" 2>"$tmp/err" <<-'END'
	import json
	import sys
	sys.path.insert(0, sys.argv[1])
	from lib import YnlFamily
	listener, caller = (YnlFamily(sys.argv[2], "") for _ in range(2))
	listener.ntf_subscribe("events")
	caller.do("store-set", {"name": "ynl-test", "high-watermark": 70,
	                        "low-watermark": 60})
	listener.check_ntf()
	print(json.dumps(listener.async_msg_queue))
END
is "store-set with an event" "$?" 0
sed 's/^/# /' "$tmp/err"
is "event: name" "$(field "a[0]['name']")" store-set-ntf
is "event: store" "$(field "a[0]['msg']['name']")" ynl-test
is "event: high-watermark" "$(field "a[0]['msg']['high-watermark']")" 70
is "event: low-watermark" "$(field "a[0]['msg']['low-watermark']")" 60
is "event: send-latency" "$(field "len(a[0]['msg']['send-latency'])")" 30
is "event: no other" "$(field "len(a)")" 1

ask --do store-set '{"name": "ynl-test", "object-events": 1}'
is "object-events" "$?" 0
ask --do store-get '{"name": "ynl-test"}'
is "store-get: object-events" "$(field "a['object-events']")" 1

ask --do store-set '{"name": "ynl-test", "policy": "gdsf"}'
is "policy" "$?" 0
ask --do store-get '{"name": "ynl-test"}'
is "store-get: policy" "$(field "a['policy']")" gdsf

# Who owns a policy is a socket, and each question above has one of its own.
python3 -B - "$ynl" "$here/zcache.yaml" >"$tmp/out" 2>"$tmp/err" <<-'END'
	import json
	import struct
	import sys
	sys.path.insert(0, sys.argv[1])
	from lib import NlError, YnlFamily
	owner, other = (YnlFamily(sys.argv[2], "") for _ in range(2))
	store = {"store": "ynl-test"}

	def refused(ynl, op, attrs):
	    try:
	        ynl.do(op, attrs)
	    except NlError as e:
	        return -e.nl_msg.error
	    return 0

	a = {}
	owner.do("policy-set", store | {"name": "first", "watchdog": 60000})
	a["busy"] = refused(other, "policy-set", store | {"name": "second"})
	a["get"] = other.do("policy-get", store)
	a["dump"] = other.dump("policy-get", {})
	drained = owner.do("policy-drain", store)
	records = list(struct.iter_unpack("=QQQIBBBB", drained.pop("records")))
	a["drained"] = drained
	a["what"] = [r[4] for r in records]
	generation, _, charge, slot = records[0][:4]
	victim = struct.pack("=QII", generation, slot, 0)
	a["charge"] = charge
	a["evicted"] = owner.do("policy-evict", store | {"victims": victim, "target": 1})
	a["again"] = owner.do("policy-evict", store | {"victims": victim})
	other.do("policy-set", store | {"name": "second", "takeover": True})
	a["lost"] = refused(owner, "policy-drain", store)
	a["late"] = other.do("policy-get", store).get("late", False)
	other.do("policy-del", store)
	a["none"] = refused(other, "policy-get", store)
	print(json.dumps(a))
END
is "policy: all calls" "$?" 0
sed 's/^/# /' "$tmp/err"
is "policy-set of another" "$(field "a['busy']")" 16
is "policy-get" "$(field "[a['get'][k] for k in ('store', 'name', 'watchdog')]")" \
	"['ynl-test', 'first', 60000]"
is "policy-get dump" "$(field "[p['name'] for p in a['dump'] if p['store'] == 'ynl-test']")" \
	"['first']"
is "policy-get: owner" "$(field "a['get']['owner'] == a['dump'][0]['owner'] > 0")" True
is "policy-drain: members" "$(field "sorted(a['drained'])")" \
	"['capacity', 'high', 'low', 'resync', 'used']"
is "policy-drain: records" "$(field "a['what']")" "[1, 1, 1]"
is "policy-evict" "$(field "[a['evicted'][k] for k in ('evicted', 'spared', 'gone')]")" "[1, 0, 0]"
is "policy-evict: bytes" "$(field "a['evicted']['evicted-bytes'] == a['charge']")" True
is "policy-evict: used" \
	"$(field "a['drained']['used'] - a['evicted']['used'] == a['charge']")" True
is "policy-evict of what is gone" "$(field "a['again']['gone']")" 1
is "policy-drain after a takeover" "$(field "a['lost']")" 1
is "policy-get: not late" "$(field "a['late']")" False
is "policy-get after policy-del" "$(field "a['none']")" 2

ask --do store-new '{"name": "ynl-test", "capacity": 8388608}'
refused "a second store of the name" 17 "exists"
ask --do store-new '{"name": "ynl-test2"}'
refused "a store without a capacity" 22 "capacity"
ask --do store-get '{"name": "nobody"}'
refused "no such store" 2 "no store"
ask --do object-get '{"store": "ynl-test", "key": "ff"}'
refused "no such key" 2 "no such key"

exec 3<"/dev/zcache/$store"
ask --do store-del '{"name": "ynl-test"}'
refused "store-del while it is open" 16 "open"
ask --do store-del '{"name": "ynl-test", "force": true}'
is "store-del with force" "$?" 0
exec 3<&-
ask --do store-get '{"name": "ynl-test"}'
refused "it is gone" 2 "no store"

echo "1..$n"
exit "$bad"
