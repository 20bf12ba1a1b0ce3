#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What zcached tells Prometheus, read by those who know the forms. TAP.

test_metrics.py PROGRAM: it prints what stands for all kinds of stores (test_daemon_metrics).
"""
import subprocess
import sys

sys.dont_write_bytecode = True
from zcached_fake import Zcached, ask, comes, end, equal, missing, result, skip

PROGRAM = sys.argv[1]
OPENMETRICS = "application/openmetrics-text"


def text(form):
    return subprocess.run([PROGRAM, form], check=True, capture_output=True, text=True).stdout


def promtool(metrics, name):
    """It reads the older form alone, and also says what is unusual."""
    if why := missing("promtool"):
        skip(name, why)
        return
    r = subprocess.run(["promtool", "check", "metrics"], input=metrics, capture_output=True,
                       text=True)
    equal((r.returncode, r.stdout + r.stderr), (0, ""), name)


def families(metrics, name):
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        skip(name, "there is no python3-prometheus-client")
        return {}
    try:
        all_of_them = {f.name: f for f in text_string_to_metric_families(metrics)}
    except ValueError as error:
        result(False, name, error)
        return {}
    result(True, name)
    return all_of_them


def all_stores():
    promtool(text("prometheus"), "promtool")
    f = families(text("openmetrics"), "OpenMetrics")
    if not f:
        return
    equal(f["zcache_lookups"].type, "counter", "a counter")
    equal(f["zcache_send_duration_seconds"].type, "histogram", "a histogram")
    equal(f["zcache_used_bytes"].type, "gauge", "a gauge")
    equal(f["zcache_policy"].type, "info", "what is known of the policy")
    result(all(m.documentation for m in f.values()), "each is described")
    equal({m.unit for name, m in f.items() if name.endswith("_bytes")}, {"bytes"}, "units")


def sample(metrics, name):
    return next((line for line in metrics.splitlines() if line.startswith(name)), None)


def served():
    d = Zcached()
    promtool(ask(d.port, "/metrics")[2], "promtool without stores")
    families(ask(d.port, "/metrics", {"Accept": OPENMETRICS})[2], "OpenMetrics without stores")
    d.tell("new web 1000000", "put web 95 10000", "touch web 7", "count web misses 3",
           "took web 0 2", "took web 5 1", "new cdn.example-1 1000000")
    comes(lambda: sample(ask(d.port, "/metrics")[2], "zcache_used_bytes"),
          'zcache_used_bytes{store="web"} 890000', "room was made")
    comes(lambda: "cdn.example-1" in ask(d.port, "/metrics")[2], True, "two stores")
    status, kind, metrics = ask(d.port, "/metrics")
    equal((status, kind), (200, "text/plain; version=0.0.4; charset=utf-8"), "the text form")
    promtool(metrics, "promtool on it")
    equal(sample(metrics, "zcache_send_duration_seconds_count"),
          'zcache_send_duration_seconds_count{store="web"} 3', "the count of a histogram")
    status, kind, metrics = ask(d.port, "/metrics", {"Accept": OPENMETRICS})
    equal((status, kind), (200, OPENMETRICS + "; version=1.0.0; charset=utf-8"), "OpenMetrics")
    if f := families(metrics, "its parser on it"):
        web = {(s.name, *sorted(s.labels.items())): s.value
               for m in f.values() for s in m.samples if s.labels["store"] == "web"}
        for want, name, *label in (
                (7, "zcache_lookups_total", ("result", "hit")),
                (3, "zcache_lookups_total", ("result", "miss")),
                (6, "zcache_evictions_total", ("reason", "policy")),
                (0, "zcache_send_bytes_total", ("path", "splice")),
                (2, "zcache_send_duration_seconds_bucket", ("le", "0.000016384")),
                (3, "zcache_send_duration_seconds_bucket", ("le", "0.000032768")),
                (3, "zcache_send_duration_seconds_bucket", ("le", "+Inf")),
                (1, "zcache_policy_info", ("policy", "lru"), ("state", "owned"))):
            equal(web.get((name, *sorted([*label, ("store", "web")]))), want,
                  f"{name} {dict(label)}")
    equal(d.end(), 0, "zcached ends")


all_stores()
served()
end()
