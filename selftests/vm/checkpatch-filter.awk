# SPDX-License-Identifier: GPL-2.0-only
# awk -f checkpatch-filter.awk checkpatch.ignore phase=output OUTPUT
# Prints the messages that count, and fails if there are any.
phase != "output" {
	sub(/#.*/, "")
	if (NF)
		ignore[++n] = $1 ":" $2
	next
}
/: (ERROR|WARNING|CHECK):[A-Z_0-9]+: / {
	match($0, /: (ERROR|WARNING|CHECK):[A-Z_0-9]+: /)
	type = substr($0, RSTART + 2, RLENGTH - 4)
	sub(/.*:/, "", type)
	for (i = 1; i <= n; i++) {
		split(ignore[i], part, ":")
		if (type == part[1] && index($0, part[2]) == 1)
			next
	}
	print
	bad = 1
}
END { exit bad }
