#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The status page in a real browser; pictures of it go to $BIN/status-page. TAP."""
import os
import re
import struct
import sys
import zlib

sys.dont_write_bytecode = True
from browser import Browser
from zcached_fake import Zcached, comes, end, equal, missing, result

# What a store's part of the page says, by what it is about.
READ = """((name) => {
	const node = document.getElementById("store-" + name);

	if (!node)
		return null;
	const said = { policy: node.querySelector(".policy").textContent,
		       bar: node.querySelector(".used").style.width,
		       line: node.querySelector(".line").getAttribute("d") };
	for (const e of node.querySelectorAll("[data-v]"))
		said[e.dataset.v] = e.textContent;
	said.caption = node.querySelector("caption").textContent;
	said.tags = [...node.querySelectorAll("tbody tr")]
		.map((row) => [...row.cells].map((cell) => cell.textContent));
	return said;
})"""
OVERVIEW = """[...document.querySelectorAll("#overview tbody tr")]
	.map((row) => [...row.cells].map((cell) => cell.textContent))"""
STATE = 'document.getElementById("state").textContent'
# What does not fit in width.
TOO_WIDE = "document.documentElement.scrollWidth - window.innerWidth"

if why := missing("chromium"):
    print(f"1..0 # SKIP {why}")
    raise SystemExit(0)

pictures = os.environ["BIN"] + "/status-page"
os.makedirs(pictures, exist_ok=True)
d = Zcached("policy = s3fifo\nstore kept { policy = none }\n")
b = Browser()


def store(name):
    return b.evaluate(f"{READ}('{name}')") or {}


def said(name, *about):
    s = store(name)
    return [s.get(what) for what in about]


def picture(name, width, height=800, dark=False):
    """Returns how wide it is, and of how many different bytes it consists."""
    b.size(width, height, dark)
    path = f"{pictures}/{name}.png"
    png = b.picture(path)
    print("# see", path)
    at, data = 8, b""
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at:at + 8])
        if kind == b"IDAT":
            data += png[at + 8:at + 8 + length]
        at += length + 12
    return struct.unpack(">I", png[16:20])[0], len(set(zlib.decompress(data)))


width, blank = picture("blank", 1000)
result(blank < 10, "a picture of nothing", blank)

b.show(f"http://127.0.0.1:{d.port}/")
comes(lambda: b.evaluate(STATE), "There are no stores; “zcachectl store create” makes one.",
      "without stores it says what to do")
equal(b.evaluate("document.getElementById('overview').hidden"), True, "and lists none")
picture("no-stores", 1000)

d.tell("new web 1000000", "put web 89 10000", "count web hits 970", "count web misses 30",
       "count web spliced-bytes 1073741824", "count web commits 1000", "count web puts 20",
       "count web shrinks 3", "tag web 7 123456")
comes(lambda: said("web", "ratio", "lookups", "sent", "zerocopy", "fills", "fillbytes", "evicted",
                   "reasons", "full", "bar"),
      ["97 %", "so far; no lookups now", "0 B/s", "1 GiB so far", "0/s", "1,020 so far", "0/s",
       "3 so far", "89 % full", "89%"], "a store: what happened so far")
web = store("web")
equal(web["policy"], "The policy s3fifo decides what is evicted; it knows 89 objects.",
      "who decides")
equal(web["fill"], "869 KiB of 977 KiB, 89 objects. Evicts from 95 % (the red line) down to 90 %.",
      "how full it is")
comes(lambda: store("web")["tags"][:2],
      [["7", "123,456", "7 B", "1", "700 B"], ["5", "5", "7 B", "1", "500 B"]], "its tags")
equal((web["caption"], len(web["tags"])), ("Top 10 of 12 tags, by hits", 10), "the top of them")
equal(b.evaluate("document.getElementById('overview').hidden"), True, "one store needs no list")


def busy():
    d.tell("count web hits 300", "count web misses 100", "count web spliced-bytes 900000000",
           "count web copied-bytes 100000000", "count web puts 50")
    w = store("web")
    rates = w["sent"], w["zerocopy"], w["fills"], w["lookups"]
    return all(map(re.fullmatch, (r"[\d,.]+ [MG]iB/s", r"[\d.]+ % without copying", r"[1-9]\S+/s",
                                  r"of [1-9]\S+ lookups/s; [\d.]+ % so far"), rates)), \
        "L" in w["line"]


comes(busy, (True, True), "what happens is shown, and drawn")
picture("one-store", 1000)
d.tell("put web 6 10000", "tag web 3 999999")
comes(lambda: said("web", "full", "reasons", "sent", "lookups"),
      ["89 % full", "9 so far", "0 B/s", "so far; no lookups now"], "then it is idle again")
comes(lambda: store("web")["tags"][0][:2], ["3", "999,999"], "another tag is the first")

# Rates are those of the time between two looks, which is the test's own here.
rates = b.evaluate("""(async () => {
	const one = await (await fetch("status.json")).json(), two = structuredClone(one);
	const more = { hits: 3000, misses: 1000, spliced_bytes: 15 << 20, copied_bytes: 5 << 20,
		       commits: 40, puts: 1, fill_bytes: 3 << 20, policy_evictions: 9,
		       evictions: 1, shrinks: 2 };
	const s = two.stores[0];

	two.time_ms += 2000;
	for (const name in more)
		s.counters[name] += more[name];
	s.pinned = 2048;
	s.top_tags[0].id = "18446744073709551615";
	showAll(one);
	showAll(two);
	return """ + READ + """("web");
})()""")
for what, want in (("ratio", "75 %"), ("sent", "10 MiB/s"), ("zerocopy", "75 % without copying"),
                   ("fills", "20.5/s"), ("fillbytes", "1.5 MiB/s"), ("evicted", "6/s"),
                   ("reasons", "4.5 by the policy, 0.5 as it was full, 1 as memory was short")):
    equal(rates[what], want, f"a rate: {what}")
result(rates["lookups"].startswith("of 2,000 lookups/s; "), "and of what", rates["lookups"])
result(", 2 KiB in use and not to be evicted. " in rates["fill"], "what is held", rates["fill"])
equal(rates["tags"][0][0], "18446744073709551615", "the largest tag, exactly")

d.tell("new kept 1000000", "new lost 1000000", "foreign lost")
comes(lambda: said("kept", "policy", "lookups"),
      ["The kernel decides what is evicted (SIEVE).", "no lookups yet"], "the kernel decides")
comes(lambda: said("lost", "policy"),
      ["⚠ Another process decides what is evicted, not the policy s3fifo; waiting for it to end."],
      "another process does")
d.tell("broken lost", "free lost")
comes(lambda: said("lost", "policy"),
      ["⚠ The kernel decides what is evicted (SIEVE), as the policy s3fifo could not take over; trying again."],
      "a policy that was lost")
equal(b.evaluate(OVERVIEW)[1:], [["kept", "–", "0 B/s", "0 %", "0/s"],
                                 ["lost", "–", "0 B/s", "0 %", "0/s"]], "all at a glance")
equal(b.evaluate("document.querySelectorAll('#overview .bad').length"), 1, "the bad one stands out")
width, bytes_used = picture("stores", 1000)
equal(width, 1000, "the picture's width")
result(bytes_used > 10 * blank, "there is something on it", bytes_used)

longest = "a-name-of-thirty-two-characters."
d.tell(f"new {longest} 1000000", *(f"new store-{i} 1000000" for i in range(36)))
comes(lambda: len(b.evaluate(OVERVIEW)), 40, "many stores")
b.evaluate("for (const c of document.querySelectorAll('tbody td:first-child')) "
           "if (/^3$/.test(c.textContent)) c.textContent = '18446744073709551615'")
equal(b.evaluate("document.querySelectorAll('details[open]').length"), 3,
      "what came when there were few is open, the others are not")
b.evaluate("document.querySelector('#overview a[href$=store-7]').click()")
equal(b.evaluate("document.querySelector('#store-store-7 details').open"), True,
      "until somebody goes there")
for width in (320, 600, 1000, 1920):
    b.size(width, 700)
    equal(b.evaluate(TOO_WIDE), 0, f"all of it fits in {width} pixels")
picture("many-stores-narrow-dark", 360, 700, True)
picture("many-stores", 1400)
d.tell("del web")
comes(lambda: store("web"), {}, "a store that is gone is not shown")
equal(len(b.evaluate(OVERVIEW)), 39, "nor listed")
equal(b.complaints, [], "the browser had nothing to complain of")

equal(d.end(), 0, "zcached ends")
comes(lambda: b.evaluate("document.getElementById('state').className + "
                         "document.querySelector('main').className"), "lostold",
      "the page says that it is out of date")
equal(b.evaluate(STATE), "No answer from zcached (Failed to fetch); trying again.", "and why")
picture("no-answer", 1000)
equal(b.end(), 0, "the browser ends")
end()
