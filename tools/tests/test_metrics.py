#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What zcached tells Prometheus, read by those who know the forms. TAP."""
import shutil
import subprocess
import sys

PROGRAM = sys.argv[1]
count = 0


def text(form):
    return subprocess.run([PROGRAM, form], check=True, capture_output=True).stdout


def result(good, name, why=""):
    global count
    count += 1
    for line in why.splitlines():
        print("#", line)
    print("ok" if good else "not ok", count, "-", name)


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}")


def promtool():
    if not shutil.which("promtool"):
        skip("promtool", "there is none")
        return
    r = subprocess.run(["promtool", "check", "metrics"], input=text("prometheus"),
                       capture_output=True)
    result(r.returncode == 0, "promtool", (r.stdout + r.stderr).decode())


def openmetrics():
    try:
        from prometheus_client.openmetrics.parser import text_string_to_metric_families
    except ImportError:
        skip("OpenMetrics", "there is no python3-prometheus-client")
        return
    families = list(text_string_to_metric_families(text("openmetrics").decode()))
    kinds = {f.name: f.type for f in families}
    result(kinds.get("zcache_lookups") == "counter", "a counter")
    result(kinds.get("zcache_send_duration_seconds") == "histogram", "a histogram")
    result(kinds.get("zcache_used_bytes") == "gauge", "a gauge")
    result(kinds.get("zcache_policy") == "info", "what is known of the policy")
    result(all(f.documentation for f in families), "each is described")
    result(all(f.unit == "bytes" for f in families if f.name.endswith("_bytes")), "units")


promtool()
openmetrics()
print(f"1..{count}")
