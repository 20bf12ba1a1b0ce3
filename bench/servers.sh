#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs in the guest: nginx, Varnish and zcache-serve answer requests for the
# same files, one server on CPU 0 at a time, wrk on CPU 1. Prints one line of
# JSON per server and size.
#   servers.sh [-n ROUNDS] [-t SECONDS] [-c CONNECTIONS] [-s "SIZE..."] [-p "SERVER..."]
#
# What counts is the CPU time of the server's processes (utime and stime), which
# does not contain wrk's. Over the loopback device the work of receiving would be
# done by whoever sends, so that a server paid for its client's; the kernel is
# told to do it on the CPU of the receiver, as it is with two machines. What of it
# finds CPU 0 idle is no process's time, so the busy time of both CPUs, which has
# it, is printed as well.
#
# The files lie on ext4, in whose page cache they stay: tmpfs has a sendfile of
# its own, and is not what people serve from.
set -euo pipefail

here=$(realpath "$(dirname "$0")")
rounds=5 seconds=4 connections=16
sizes="1024 16384 65536 1048576" servers="nginx varnish zcache"
tmp=$(mktemp -d /tmp/servers.XXXXXX)
declare -A port=([nginx]=8081 [varnish]=8082 [zcache]=8083)
declare -A version pids

say() { echo "servers: $*" >&2; }

fail() {
	say "$*"
	exit 1
}

# Only what this script started.
clean_up() {
	local job
	for job in $(jobs -p); do
		kill "$job" 2>/dev/null || true
	done
	wait
	"$here/zcachectl" store delete servers 2>/dev/null || true
	umount "$tmp/www" 2>/dev/null || true
	rm -rf "$tmp"
}
trap clean_up EXIT

# Packets are handled where their receiver ran last.
receiver_pays() {
	echo 4096 >/proc/sys/net/core/rps_sock_flow_entries
	echo 4096 >/sys/class/net/lo/queues/rx-0/rps_flow_cnt
	echo 3 >/sys/class/net/lo/queues/rx-0/rps_cpus
}

on_cpu() { # MASK COMMAND...: no fork, so that $! is the command
	exec taskset "$@"
}

# Settings as its own documentation advises for static files.
start_nginx() {
	local dir=$tmp/nginx
	mkdir "$dir"
	cat >"$dir/conf" <<-END
		user root;
		daemon off;
		worker_processes 1;
		pid $dir/pid;
		error_log stderr crit;
		events { worker_connections 1024; }
		http {
			access_log off;
			sendfile on;
			tcp_nopush on;
			tcp_nodelay on;
			keepalive_timeout 65;
			keepalive_requests 1000000000;
			open_file_cache max=1000 inactive=1h;
			open_file_cache_valid 1h;
			client_body_temp_path $dir/body;
			proxy_temp_path $dir/proxy;
			fastcgi_temp_path $dir/fastcgi;
			uwsgi_temp_path $dir/uwsgi;
			scgi_temp_path $dir/scgi;
			server {
				listen 127.0.0.1:${port[nginx]};
				root $tmp/www;
			}
		}
	END
	version[nginx]=$(nginx -v 2>&1 | sed 's,.*/,,')
	on_cpu 1 nginx -e stderr -p "$dir" -c "$dir/conf" >"$tmp/nginx.log" 2>&1 &
	pids[nginx]=$!
}

# Its objects come from nginx, once.
start_varnish() {
	version[varnish]=$(varnishd -V 2>&1 | sed -n 's/.*(varnish-\([^ ]*\).*/\1/p')
	on_cpu 1 varnishd -F -j none -n "$tmp/varnish" -t 3600 \
		-a "127.0.0.1:${port[varnish]}" -b "127.0.0.1:${port[nginx]}" \
		-s malloc,256m >"$tmp/varnish.log" 2>&1 &
	pids[varnish]=$!
}

start_zcache() {
	version[zcache]=$("$here/zcache-serve" --version | sed 's/^[^ ]* \([^ ]*\).*/\1/')
	"$here/zcachectl" store create servers capacity 256M
	on_cpu 1 "$here/zcache-serve" --store servers --workers 1 --load "$tmp/www" \
		--listen "127.0.0.1:${port[zcache]}" >"$tmp/zcache.log" 2>&1 &
	pids[zcache]=$!
}

# ask SERVER PATH: prints all of the answer.
ask() {
	exec 3<>"/dev/tcp/127.0.0.1/${port[$1]}" || return
	printf 'GET /%s HTTP/1.1\r\nHost: servers\r\nConnection: close\r\n\r\n' "$2" >&3
	cat <&3
	exec 3>&-
}

# start SERVER: until it answers. Varnish compiles its configuration first.
start() {
	local try
	"start_$1"
	for ((try = 0; try < 1200; try++)); do
		[ -z "$(ask "$1" none 2>/dev/null)" ] || return 0
		kill -0 "${pids[$1]}" 2>/dev/null || break
		sleep 0.1
	done
	cat "$tmp/$1.log" >&2
	fail "$1 does not answer"
}

# right SERVER SIZE: the same bytes, said to be as many, and no others.
right() {
	local head
	ask "$1" "$2" >"$tmp/answer"
	head=$(head -c "-$2" "$tmp/answer" | tr -d '\r'; echo .)
	[[ $head == 'HTTP/1.1 200 '*$'\n\n.' ]] ||
		fail "$1 answers no 200 of $2 bytes: ${head%%$'\n'*}"
	grep -qix "content-length: $2" <<<"$head" ||
		fail "$1 does not say that $2 bytes are $2"
	[ "$(tail -c "$2" "$tmp/answer" | sha256sum)" = "$(sha256sum <"$tmp/www/$2")" ] ||
		fail "$1 answers other bytes than the $2 of the file"
}

# Hundredths of a second, which is what /proc counts in, of the server's first
# process and its children; no server here has grandchildren while it serves.
used() { # SERVER
	local stat pid parent u s sum=0
	for stat in /proc/[0-9]*/stat; do
		{ read -r stat <"$stat"; } 2>/dev/null || continue
		pid=${stat%% *}
		# What follows the name in parentheses, which may hold anything.
		read -r _ parent _ _ _ _ _ _ _ _ _ u s _ <<<"${stat##*) }"
		[ "$pid" != "${pids[$1]}" ] && [ "$parent" != "${pids[$1]}" ] ||
			sum=$((sum + u + s))
	done
	echo "$sum"
}

# Likewise, how long CPU N was not idle since boot.
busy() {
	awk -v cpu="cpu$1" '
		FILENAME ~ /uptime/ { up = $1 * 100 }
		$1 == cpu { printf "%d\n", up - $5 - $6 }' /proc/uptime /proc/stat
}

# drive SERVER SIZE: one line "requests seconds cpu busy0 busy1".
drive() {
	local url=http://127.0.0.1:${port[$1]}/$2 cpu busy0 busy1
	cpu=$(used "$1")
	busy0=$(busy 0) busy1=$(busy 1)
	taskset 2 wrk --timeout 60s -t 1 -c "$connections" -d "${seconds}s" "$url" >"$tmp/wrk" ||
		fail "wrk failed on $url"
	busy0=$(($(busy 0) - busy0)) busy1=$(($(busy 1) - busy1))
	cpu=$(($(used "$1") - cpu))
	! grep -E 'Socket errors|Non-2xx' "$tmp/wrk" >&2 || fail "$1 failed on $url"
	awk -v cpu=$cpu -v busy0=$busy0 -v busy1=$busy1 '
		/ requests in / {	# "  12345 requests in 4.00s, 1.23GB read"
			unit = $4 ~ /ms/ ? 1000 : 1
			print $1, $4 / unit, cpu / 100, busy0 / 100, busy1 / 100
		}' "$tmp/wrk"
}

# A column of "$tmp/SERVER.SIZE" as a list.
column() {
	awk -v n="$1" '{ printf "%s%s", (NR > 1 ? "," : ""), $n }' "$2"
}

report() {
	local f=$tmp/$1.$2
	printf '{"bench":"servers","server":"%s","version":"%s","kernel":"%s","size":%d,"connections":%d,' \
		"$1" "${version[$1]}" "$(uname -r)" "$2" "$connections"
	printf '"requests":[%s],"seconds":[%s],"cpu_seconds":[%s],"cpu0_busy":[%s],"cpu1_busy":[%s]}\n' \
		"$(column 1 "$f")" "$(column 2 "$f")" "$(column 3 "$f")" \
		"$(column 4 "$f")" "$(column 5 "$f")"
}

while getopts n:t:c:s:p: option; do
	case $option in
	n) rounds=$OPTARG ;;
	t) seconds=$OPTARG ;;
	c) connections=$OPTARG ;;
	s) sizes=$OPTARG ;;
	p) servers=$OPTARG ;;
	*) exit 1 ;;
	esac
done

for program in nginx varnishd wrk taskset mkfs.ext4; do
	type "$program" >/dev/null || fail "the guest has no $program"
done
receiver_pays
modprobe -a loop ext4 2>/dev/null || true
truncate -s 256M "$tmp/disk"
mkfs.ext4 -q "$tmp/disk"
mkdir "$tmp/www"
mount -t ext4 -o loop,noatime "$tmp/disk" "$tmp/www"
for size in $sizes; do
	head -c "$size" /dev/urandom >"$tmp/www/$size"
done
for server in $servers; do
	start "$server"
	for size in $sizes; do
		right "$server" "$size"
	done
	say "$server ${version[$server]} answers rightly"
done
for size in $sizes; do
	# Not measured: emulation translates code when it first runs.
	for server in $servers; do
		drive "$server" "$size" >/dev/null
	done
	for ((round = 0; round < rounds; round++)); do
		for server in $servers; do
			drive "$server" "$size" >>"$tmp/$server.$size"
		done
	done
	for server in $servers; do
		report "$server" "$size"
	done
done
