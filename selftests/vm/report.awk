# SPDX-License-Identifier: GPL-2.0-only
# Turns what one guest left into results, one per line, separated by tabs:
# pass|fail|skip, kernel, test, reason.
#
# awk -f trouble.awk -f report.awk kernel=NAME ended=EXITCODE \
#     phase=tests FILE phase=console FILE phase=ktap FILE
#
# Every listed test yields at least one result: a guest that died on the way
# must not look like a shorter list.

BEGIN { trouble_init() }

function result(kind, test, reason) {
	gsub(/[\t\r]/, " ", reason)
	printf "%s\t%s\t%s\t%s\n", kind, kernel, test, reason
}

{ sub(/\r+$/, "") }

# --- the list: name seconds arguments
phase == "tests" && NF {
	listed[++ntests] = $1
	seconds[$1] = $2
}

# --- the kernel log
phase == "console" {
	lines++
	text = $0
	sub(/^\[[ 0-9.]+\](\[[ TC0-9]+\])? /, "", text)
	if (text == "zcache-vm: loading") {
		where = "load"
		trouble_reset()
	} else if (text == "zcache-vm: unloading") {
		where = "unload"
	} else if (text ~ /^zcache-test: start /) {
		sub(/^zcache-test: start /, "", text)
		where = running = text
		trouble_reset()
	} else if (text ~ /^zcache-test: end /) {
		# what comes before the next start is still its doing
		running = ""
	} else if (text == "zcache-vm: loaded") {
		loaded = 1
	} else if (text == "zcache-vm: unloaded") {
		unloaded = 1
	} else if (text == "zcache-vm: done") {
		done = 1
	} else if (text ~ /^zcache-vm: failed: /) {
		sub(/^zcache-vm: failed: /, "", text)
		note(where == "" ? "boot" : where, text)
	} else if (text ~ /^zcache-vm: leak: /) {
		sub(/^zcache-vm: leak: /, "", text)
		leak(text)
	} else if (where != "" && is_trouble(text, lines)) {
		note(where, text)
	} else if (where == "" && text ~ /Kernel panic/) {
		note("boot", text)
	}
}

function note(place, text) {
	if (troubles[place]++ == 0)
		first[place] = text
}

function leak(text) {
	if (text ~ /^unreferenced object/) {
		leaks++
		note("kmemleak", text)
	} else if (leaks == 1 && text ~ /comm "/) {
		sub(/^ +/, "", text)
		first["kmemleak"] = first["kmemleak"] ", " text
	} else if (text ~ /\[zcache\]/ && !leak_seen++) {
		sub(/^ +/, "", text)
		first["kmemleak"] = first["kmemleak"] ", " text
	}
}

# --- the tests' own words
phase == "ktap" { before_tests() }

phase == "ktap" && /^# zcache-test: start / {
	current = substr($0, 22)
	started[current] = 1
	plan = -1
	got = bad = 0
	complaint = remark = skipped = bailed = ""
	next
}

phase == "ktap" && /^# zcache-test: end / {
	program_end($4, $5 + 0)
	next
}

phase == "ktap" && current != "" { ktap($0) }

function ktap(line,    ok, name, directive, reason) {
	if (line ~ /^1\.\.[0-9]+/) {
		plan = substr(line, 4) + 0
		if (line ~ /# *SKIP/) {
			skipped = line
			sub(/.*# *SKIP */, "", skipped)
		}
		return
	}
	if (line ~ /^Bail out!/) {
		bailed = line
		return
	}
	if (line !~ /^(not )?ok( |$)/) {
		if (line ~ /^# +RUN +/)
			complaint = ""
		else if (complaint == "" && line ~ /^# [^ ]+:[0-9]+:|^# .*terminated|timed out/)
			complaint = substr(line, 3)
		if (line ~ /^# *SKIP/) {
			skipped = line
			sub(/^# *SKIP:? */, "", skipped)
		}
		if (line !~ /^(# *(RUN|OK|Totals|PASSED|FAILED|Starting)|TAP version|KTAP version|$)/)
			remark = line
		return
	}
	got++
	ok = line !~ /^not/
	name = line
	sub(/^(not )?ok *[0-9]* *(- )?/, "", name)
	directive = reason = ""
	if (match(name, /# *(SKIP|XFAIL|XPASS|TODO|TIMEOUT)/)) {
		reason = substr(name, RSTART + RLENGTH)
		directive = substr(name, RSTART, RLENGTH)
		sub(/^# */, "", directive)
		name = substr(name, 1, RSTART - 1)
		sub(/^:? */, "", reason)
	}
	sub(/ +$/, "", name)
	name = current ":" (name == "" ? got : name)
	if (directive == "SKIP") {
		result("skip", name, reason == "" ? "no reason given" : reason)
	} else if (ok && directive == "XPASS") {
		bad++
		result("fail", name, "passes where it was expected to fail")
	} else if (ok || directive == "XFAIL") {
		result("pass", name, "")
	} else {
		bad++
		result("fail", name, complaint != "" ? complaint : reason != "" ? reason : remark)
	}
	complaint = ""
}

function program_end(name, code,    i, why) {
	ended_with[name] = 1
	why = ""
	if (bailed != "")
		why = bailed
	else if (code == 124)
		why = "not done after " seconds[name] " s"
	else if (code > 128)
		why = "killed by signal " (code - 128)
	else if (code != 0 && code != 4 && bad == 0)
		why = "exit code " code (remark == "" ? "" : ", said: " remark)
	# the results it owes; one is told with the reason why it stopped
	for (i = got + 1; i <= plan; i++) {
		if (skipped != "" && why == "")
			break
		result("fail", name ":" i, "no result" (why == "" ? "" : " (" why ")"))
		bad++
	}
	if (why != "" && (plan < 0 || got >= plan))
		result("fail", name, why)
	else if (got == 0 && bad == 0 && plan > 0 && skipped != "")
		result("skip", name, skipped)
	else if (got == 0 && bad == 0 && (code == 4 || (plan == 0 && skipped != "")))
		result("skip", name, skipped != "" ? skipped : remark != "" ? remark : "no reason given")
	else if (got == 0 && plan < 0)
		result("pass", name, "")
	else if (got == 0 && plan == 0)
		result("fail", name, "ran no test: is there one of this name?")
	if (name in troubles)
		result("fail", name, "kernel: " first[name] more(name))
	current = ""
}

function more(place) {
	return troubles[place] > 1 ? " (and " troubles[place] - 1 " more)" : ""
}

function told(place) { return first[place] more(place) }

function place_result(place, good) {
	if (place in troubles)
		result("fail", place, told(place))
	else if (good)
		result("pass", place, "")
}

# Boot and load come first in the list; the log is read by then.
function before_tests(    text) {
	if (before_told++ || host)
		return
	if ("boot" in troubles)
		text = told("boot")
	else if (ended == 124)
		text = "the deadline passed before the module was loaded"
	else
		text = "the guest did not get as far as loading the module"
	if ("boot" in troubles || where == "")
		result("fail", "boot", text)
	place_result("load", loaded)
}

# A listed test without an end.
function unfinished(name, why) {
	if (name in troubles)
		return "kernel: " told(name)
	if (started[name])
		return (why == "" ? "it has no end" : why " while it ran")
	if (why == "")
		return "not run"
	return "not run: " why (running == "" ? "" : " during " running)
}

END {
	# without a kernel (the host's own tests) there is nothing more to say
	if (host)
		exit
	before_tests()
	why = done ? "" : (ended == 124 ? "the guest's deadline passed" : "the guest died")
	for (i = 1; i <= ntests; i++)
		if (!ended_with[listed[i]])
			result("fail", listed[i], unfinished(listed[i], why))
	place_result("unload", unloaded)
	if (loaded && done && !unloaded && !("unload" in troubles))
		result("fail", "unload", "the module was not unloaded")
	if (leaks)
		result("fail", "kmemleak", told("kmemleak"))
	if (!done && running == "" && loaded)
		result("fail", "end", why)
}
