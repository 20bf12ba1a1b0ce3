# SPDX-License-Identifier: GPL-2.0-only
# Reads apt source lists of either format and writes, one per line and
# separated by tabs: URI, suite, Signed-By (or "-"), for every enabled binary
# source that has component "main". A key embedded in the list itself comes
# out with its lines joined by "\n".
# Usage: awk -f apt-sources.awk FILE...

function emit(uris, suites, comps, key,    u, s, i, j, nu, ns) {
	if ((" " comps " ") !~ / main /)
		return
	nu = split(uris, u, " ")
	ns = split(suites, s, " ")
	for (i = 1; i <= nu; i++)
		for (j = 1; j <= ns; j++)
			printf "%s\t%s\t%s\n", u[i], s[j], key == "" ? "-" : key
}

function stanza_end() {
	if ((" " f["types"] " ") ~ / deb / && tolower(f["enabled"]) !~ /^(no|false|0|off)$/)
		emit(f["uris"], f["suites"], f["components"], f["signed-by"])
	delete f
	field = ""
}

FNR == 1 { if (NR > 1) stanza_end(); deb822 = (FILENAME ~ /\.sources$/) }

deb822 && /^[[:space:]]*$/ { stanza_end(); next }
/^[[:space:]]*#/ { next }

deb822 && /^[[:space:]]/ {
	if (field == "signed-by")
		f[field] = f[field] "\\n" $0
	else if (field != "")
		f[field] = f[field] " " $0
	next
}

deb822 {
	field = tolower(substr($0, 1, index($0, ":") - 1))
	value = substr($0, index($0, ":") + 1)
	gsub(/^[[:space:]]+|[[:space:]]+$/, "", value)
	gsub(/[[:space:]]+/, " ", value)
	f[field] = value
	next
}

/^deb[[:space:]]/ {
	line = $0
	sub(/[[:space:]]#.*/, "", line)
	sub(/^deb[[:space:]]+/, "", line)
	key = ""
	if (line ~ /^\[/) {
		options = line
		sub(/^\[/, "", options)
		sub(/\].*/, "", options)
		sub(/^\[[^]]*\][[:space:]]*/, "", line)
		n = split(options, option, " ")
		for (i = 1; i <= n; i++)
			if (sub(/^signed-by=/, "", option[i]))
				key = option[i]
	}
	n = split(line, word, " ")
	comps = ""
	for (i = 3; i <= n; i++)
		comps = comps " " word[i]
	emit(word[1], word[2], comps, key)
}

END { stanza_end() }
