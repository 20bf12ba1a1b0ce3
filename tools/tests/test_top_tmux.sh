#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# test_top_tmux.sh: what zcachectl top looks like on a terminal that people use. BIN
# is the folder of the programs.
set -u

if ! command -v tmux >/dev/null; then
	echo "1..0 # SKIP tmux is not installed"
	exit 0
fi
bin=$(realpath "$BIN")
tmp=$(mktemp -d) || exit 1
n=0
bad=0
# a server of its own, which nobody's settings reach
tm() { TMUX_TMPDIR=$tmp tmux -f /dev/null -L top "$@"; }
# shellcheck disable=SC2317,SC2329 # called by the trap
finish() {
	tm kill-server 2>/dev/null
	rm -rf "$tmp"
}
trap finish EXIT
export FAKE_CLOCK=2 FAKE_NL_STEP=1000
unset TMUX

result() {
	n=$((n + 1))
	[ "$1" = 0 ] || { bad=1; printf 'not '; }
	echo "ok $n - $2"
}

# shows NAME LINE...: the window has these lines and else is empty, at once or soon.
shows() {
	local name=$1 want got end=$((SECONDS + 30))

	shift
	want=$(printf '%s\n' "$@")
	while got=$(tm capture-pane -p -t top 2>&1); [ "$got" != "$want" ]; do
		if [ "$SECONDS" -ge "$end" ]; then
			printf 'got:\n%s\nwant:\n%s\n' "$got" "$want" | sed 's/^/# /'
			result 1 "$name"
			return
		fi
	done
	result 0 "$name"
}

title='2 stores, every 1h; q quits, space looks at once'
head='NAME         USED   CAPACITY   OBJECTS   HIT%    HITS/S     SENT/S EVICT/S'
web='web       1.5 KiB    1.0 MiB         3'
second='second    1.5 KiB    1.0 MiB         3'
none='      -         -          -       -'
some='   33.3       500   21.9 KiB    5500'

# What stands on the screen before is there again after it; then the shell waits.
tm new-session -d -s top -x 80 -y 10 \
	"echo before; '$bin/tests/zcachectl-fake' top interval 1h; echo status \$?; exec cat"
result $? "a window of 80 columns and 10 lines"
shows "the first look has no rates" "$title" "" "$head" "$web$none" "$second$none"
tm send-keys -t top Space
shows "another look has" "$title" "" "$head" "$web$some" "$second$some"
tm resize-window -t top -x 42 -y 4
shows "a window of 42 columns and 4 lines" "${title:0:42}" "" "${head:0:42}" "and 2 more"
tm resize-window -t top -x 100 -y 30
shows "one of 100 and 30" "$title" "" "$head" "$web$some" "$second$some"
tm send-keys -t top q
shows "q ends it and gives the screen back" before "status 0"
echo "1..$n"
exit $bad
