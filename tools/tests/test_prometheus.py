#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""A real Prometheus scrapes zcached. TAP."""
import json
import os
import re
import sys
from urllib.parse import quote

sys.dont_write_bytecode = True
from zcached_fake import Zcached, ask, comes, end, equal, folder, missing, start, stop

# Nothing is lost if a busy machine takes as long as this.
CONFIG = """
global:
  scrape_interval: 5s
  scrape_timeout: 5s
scrape_configs:
  - job_name: zcache
    static_configs:
      - targets: ["127.0.0.1:{port}"]
"""

if why := missing("prometheus"):
    print(f"1..0 # SKIP {why}")
    raise SystemExit(0)

d = Zcached()
d.tell("new web 1000000", "put web 95 10000", "touch web 30", "count web misses 10",
       "count web spliced-bytes 4000000000", "count web copied-bytes 500", "count web shrinks 4",
       "count web fallbacks-route 8", "took web 4 50", "took web 9 50", "new cdn.example-1 1000000")
comes(lambda: re.findall(r'store="(\S+)",policy="lru",state="(\w+)"', ask(d.port, "/metrics")[2]),
      [("web", "owned"), ("cdn.example-1", "owned")], "two stores")
comes(lambda: 'zcache_used_bytes{store="web"} 890000\n' in ask(d.port, "/metrics")[2], True,
      "room was made in one")
exposed = ask(d.port, "/metrics", {"Accept": "application/openmetrics-text"})[2]
samples = sum(not line.startswith("#") for line in exposed.splitlines())

tmp = folder()
with open(tmp + "/config.yml", "w", encoding="ascii") as f:
    f.write(CONFIG.format(port=d.port))
with open(tmp + "/log", "w", encoding="utf-8") as f:
    p = start(["prometheus", f"--config.file={tmp}/config.yml", f"--storage.tsdb.path={tmp}/data",
               "--web.listen-address=127.0.0.1:0"], stderr=f, cwd=tmp)

def listening():
    with open(tmp + "/log", encoding="utf-8") as f:
        found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', f.read())
    return int(found[1]) if found else None

comes(lambda: listening() is not None, True, "Prometheus listens")
port = listening()
comes(lambda: ask(port, "/-/ready")[0], 200, "and is ready")

def api(path):
    return json.loads(ask(port, "/api/v1/" + path)[2])["data"]

def query(text):
    return {r["metric"].get("store", ""): float(f'{float(r["value"][1]):.12g}')
            for r in api("query?query=" + quote(text))["result"]}

def targets():
    return [(t["health"], t["lastError"]) for t in api("targets")["activeTargets"]]

comes(lambda: query('up{job="zcache"}'), {"": 1}, "it scrapes")
equal(targets(), [("up", "")], "without an error")
equal(query("scrape_samples_scraped"), {"": samples}, "every sample")
equal(query("scrape_samples_post_metric_relabeling"), {"": samples}, "each once")
for text, want in (
        ('zcache_lookups_total{result="hit"}', {"web": 30, "cdn.example-1": 0}),
        ('zcache_lookups_total{result="miss",store="web"}', {"web": 10}),
        ('zcache_send_bytes_total{path="splice",store="web"}', {"web": 4e9}),
        ('zcache_send_bytes_total{path="copy",store="web"}', {"web": 500}),
        ('zcache_send_fallbacks_total{reason="route",store="web"}', {"web": 8}),
        ('zcache_evictions_total{reason="policy",store="web"}', {"web": 6}),
        ('zcache_evictions_total{reason="memory",store="web"}', {"web": 4}),
        ("zcache_used_bytes / zcache_capacity_bytes > 0", {"web": 0.89}),
        ('sum(zcache_lookups_total{result="hit"}) / sum(zcache_lookups_total)', {"": 0.75}),
        # half of them took 8 to 16 microseconds, the others 256 to 512
        ('histogram_quantile(0.5, zcache_send_duration_seconds_bucket{store="web"})',
         {"web": 0.000016384}),
        ('histogram_quantile(0.75, zcache_fill_duration_seconds_bucket{store="web"})',
         {"web": 0.000393216}),
        ('zcache_policy_info{policy="lru",state="owned"}',
         {"web": 1, "cdn.example-1": 1})):
    equal(query(text), want, text)
equal([(m["type"], m["unit"]) for m in
       api("targets/metadata?metric=zcache_send_bytes") or []], [("counter", "bytes")],
      "it chose OpenMetrics, which has units")

d.tell("count web spliced-bytes 1")
comes(lambda: query('zcache_send_bytes_total{path="splice",store="web"}'), {"web": 4e9 + 1},
      "what comes later, too")
equal(query('min_over_time(up{job="zcache"}[1h])'), {"": 1}, "no scrape failed")
equal(targets(), [("up", "")], "nor is an error told")
with open(tmp + "/log", encoding="utf-8") as f:
    equal([line for line in f if re.search("level=(warn|error)", line)], [],
          "without a complaint")
equal(stop(p), 0, "Prometheus ends")
equal(d.end(), 0, "zcached ends")
end()
