# SPDX-License-Identifier: GPL-2.0-only
# Shows how far a guest is: a line per test program, when it has ended.
{ sub(/\r$/, "") }
/^# zcache-test: start / { ok = bad = skip = 0; next }
/^ok .*# *SKIP/ { skip++; next }
/^ok / { ok++; next }
/^not ok / { bad++; next }
/^# zcache-test: end / {
	line = sprintf("    %-6s %-28s ", kernel, $4)
	line = line (ok + bad + skip ? sprintf("%3d ok", ok) : $5 == 0 ? " ok" : "")
	if (bad) line = line ", " bad " not ok"
	if (skip) line = line ", " skip " skipped"
	if ($5 == 124) line = line ", timed out"
	else if ($5 != 0 && $5 != 4 && !bad) line = line ", exit code " $5
	else if ($5 == 4 && !ok && !skip) line = line "skipped"
	print line "  (" $6 " s)"
	fflush()
}
