#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of report, compare and gate with canned results, and of what send_bench
writes. BENCH_BUILD is the folder with send_bench."""

import html.parser
import json
import os
import statistics
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BENCH = os.path.dirname(HERE)
K, M = 1 << 10, 1 << 20
SIZES = (K, 4 * K, 16 * K, 64 * K, 256 * K, M, 10 * M, 100 * M)
# As gnuplot does: writes the file that the script names.
FAKE_GNUPLOT = "sh -c 'echo \"<?xml?><svg><path/></svg>\" >plot.svg'"


def summary(values):
    q = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": statistics.median(values), "min": min(values),
            "q1": q[0], "q3": q[2], "max": max(values)}


def result(row, us, kind="body", size=M, connections=1, receiver="discard"):
    """us: CPU per request of each repetition; time is a tenth more."""
    reps = [{"requests": 100.0, "completed": 100, "bytes": 100 * size,
             "seconds": 110e-6 * u, "cpu_seconds": 100e-6 * u,
             "peer_cpu_seconds": 50e-6 * u, "p50_us": u, "p99_us": u,
             "p999_us": u} for u in us]
    return {"type": "result", "row": row, "kind": kind, "size": size,
            "connections": connections, "receiver": receiver,
            "cpu_us": summary(us), "us": summary([1.1 * u for u in us]),
            "requests_per_s": summary([1e6 / u for u in us]),
            "mb_per_s": summary([size / u for u in us]),
            "p50_us": us[0], "p99_us": us[0], "p999_us": us[0], "reps": reps}


ENVIRONMENT = {"type": "environment", "kernel": "6.1.0-test",
               "cpu": "a <fast> one", "date": "2026-01-01T00:00:00Z",
               "mitigations": {"meltdown": "Mitigation: PTI"}}


def server(name, size, requests, cpu):
    return {"bench": "servers", "server": name, "version": "1", "size": size,
            "connections": 16, "requests": [requests] * 5,
            "seconds": [1.0] * 5, "cpu_seconds": [cpu] * 5,
            "cpu0_busy": [cpu] * 5, "cpu1_busy": [cpu] * 5}


def passing(sendfile=36.0, wire=9.5):
    """Results with which every goal is reached."""
    lines = [ENVIRONMENT, {"type": "checked", "cells": 7}]
    for kind in ("body", "answer"):
        for size in SIZES:
            rows = {"zcache": 10.0, "sendfile": sendfile, "mmap+write": 26.0,
                    "open+sendfile": 40.0, "wire": wire}
            if kind == "answer":
                rows["writev"] = 10.0
            lines += [result(row, [us, us * 1.01, us * 0.99], kind, size)
                      for row, us in rows.items()]
    return lines


def servers(zcache=3000):
    return [line for size in (K, 16 * K, 64 * K, M)
            for line in (server("nginx", size, 1000, 0.5),
                         server("zcache", size, zcache, 0.5))]


class Html(html.parser.HTMLParser):
    """Counts tags; every one that is opened is closed in its order."""
    VOID = ("meta",)

    def __init__(self, text):
        super().__init__()
        self.open, self.count, self.links = [], {}, []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        self.links += [v for k, v in attrs if k in ("src", "href")]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


class Tools(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, lines):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(json.dumps(line) + "\n" for line in lines)
        return path

    def run_tool(self, tool, *args, code=0, gnuplot=FAKE_GNUPLOT):
        done = subprocess.run([os.path.join(BENCH, tool), *args], check=False,
                              env={**os.environ, "GNUPLOT": gnuplot},
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def compare(self, old, new, code):
        return self.run_tool("compare", self.write("old", old),
                             self.write("new", new), code=code)

    def test_compare_same(self):
        lines = [ENVIRONMENT, result("zcache", [10.0, 11.0, 12.0])]
        out = self.compare(lines, lines, 0)
        self.assertIn("0 slower, 0 faster, 2 within the spread", out)

    def test_compare_within_the_spread(self):
        out = self.compare([result("zcache", [10.0, 11.0, 12.0])],
                           [result("zcache", [12.0, 13.0, 14.0])], 0)
        self.assertIn("0 slower, 0 faster, 2 within", out)

    def test_compare_slower(self):
        out = self.compare([result("zcache", [10.0, 11.0, 12.0])],
                           [result("zcache", [12.1, 13.0, 14.0])], 1)
        self.assertIn("body 1 MiB, 1 connection, discard: zcache: CPU "
                      "11.00 (10.00..12.00) -> 13.00 (12.10..14.00) us, "
                      "1.18 times", out)
        self.assertIn("2 slower, 0 faster, 0 within", out)

    def test_compare_faster(self):
        out = self.compare([result("zcache", [12.1, 13.0, 14.0])],
                           [result("zcache", [10.0, 11.0, 12.0])], 0)
        self.assertIn("0 slower, 2 faster, 0 within", out)

    def test_compare_one_of_many(self):
        old = [result(row, [10.0, 11.0, 12.0], size=size)
               for row in ("zcache", "sendfile") for size in (K, M)]
        new = old[:3] + [result("sendfile", [20.0, 21.0, 22.0], size=M)]
        out = self.compare(old, new, 1)
        self.assertIn("2 slower, 0 faster, 6 within", out)

    def test_compare_says_what_is_gone(self):
        old = [result("zcache", [10.0, 11.0]), result("wire", [9.0, 9.0])]
        out = self.compare(old, old[:1], 0)
        self.assertIn("only in the old one:\n  body 1 MiB, 1 connection, "
                      "discard: wire", out)

    def test_compare_nothing_in_common(self):
        self.compare([result("zcache", [10.0, 11.0])],
                     [result("wire", [10.0, 11.0])], 2)

    def test_compare_bad_input(self):
        path = self.write("old", [result("zcache", [10.0, 11.0])])
        with open(path, "a", encoding="utf-8") as f:
            f.write("{")
        out = self.run_tool("compare", path, path, code=2)
        self.assertIn("not a result of send_bench", out)
        out = self.run_tool("compare", path + ".no", path, code=2)
        self.assertIn("No such file", out)
        self.run_tool("compare", path, code=2)

    def test_report(self):
        lines = passing() + servers() + [
            {"type": "skipped", "row": "zcache-batch", "errno": "ENOTTY",
             "what": "ZC_IOC_SEND_BATCH"},
            result("zcache", [1.0, 2.0], "answer", M, 16),
            result("sendfile", [3.0, 4.0], "answer", M, 16)]
        out = self.run_tool("report", self.write("r", lines))
        page = Html(out)
        # Two of each kind by size, and two of the one by connections.
        self.assertEqual(page.count["svg"], 6)
        self.assertEqual(page.links, [])
        self.assertNotIn("<?xml", out)
        self.assertIn("a &lt;fast&gt; one", out)
        self.assertIn("ZC_IOC_SEND_BATCH: ENOTTY", out)
        self.assertIn("<td>sendfile</td><td>3.60<small>3.60 .. 3.60", out)
        self.assertIn("<td>zcache</td><td>6000<small>3000</small>", out)

    def test_report_without_zcache(self):
        lines = [ENVIRONMENT] + [result("sendfile", [3.0, 4.0], size=size)
                                 for size in (K, M)]
        out = self.run_tool("report", self.write("r", lines))
        self.assertEqual(Html(out).count["svg"], 2)
        self.assertNotIn("times zcache's", out)

    def test_report_needs_gnuplot(self):
        path = self.write("r", passing())
        out = self.run_tool("report", path, code=2, gnuplot="no-such-program")
        self.assertIn("no-such-program: No such file", out)
        out = self.run_tool("report", path, code=2,
                            gnuplot="sh -c 'echo bad plot >&2; exit 1'")
        self.assertIn("gnuplot: bad plot", out)

    def gate(self, send, serve, code, kernel="6.1"):
        self.write("g/send.json", send)
        if serve:
            self.write("g/servers.json", serve)
        return self.run_tool("gate", f"{kernel}={self.folder.name}/g",
                             code=code)

    def test_gate_reached(self):
        out = self.gate(passing(), servers(), 0)
        self.assertIn("31 of 31 reached", out)
        self.assertNotIn("MISSED", out)
        self.assertNotIn("not quiet", out)

    def line(self, out, work, against):
        for line in out.splitlines():
            if line.startswith(work + " ") and f" {against} " in line:
                return " ".join(line.split())
        self.fail(f"no line of {work} against {against} in:\n{out}")

    def test_gate_missed(self):
        out = self.gate(passing(sendfile=34.0), servers(), 1)
        self.assertEqual(self.line(out, "body 1 MiB", "sendfile"),
                         "body 1 MiB sendfile 3.40 3.40..3.40 3.40 >= 3.50 MISSED")
        self.assertIn("29 of 31 reached", out)
        # The same figure is enough for the other kernels.
        self.gate(passing(sendfile=34.0), servers(), 0, kernel="6.12")

    def test_gate_wire(self):
        out = self.gate(passing(wire=9.0), servers(), 1)
        self.assertEqual(self.line(out, "body 10 MiB", "wire"),
                         "body 10 MiB wire 1.11 1.11..1.11 1.11 <= 1.10 MISSED")

    def test_gate_other_row_is_faster(self):
        send = passing() + [result("splice", [9.0, 9.0, 9.0], "body", 4 * K)]
        out = self.gate(send, servers(), 1)
        self.assertIn("MISSED", self.line(out, "body 4 KiB", "splice"))

    def test_gate_servers(self):
        out = self.gate(passing(), servers(zcache=1900), 1)
        self.assertEqual(self.line(out, "server 1 MiB", "nginx"),
                         "server 1 MiB nginx 1.90 1.90..1.90 1.90 >= 2.00 MISSED")
        self.assertIn("30 of 31 reached", out)

    def test_gate_not_measured(self):
        out = self.gate(passing(), None, 1)
        self.assertIn("27 of 31 reached", out)
        send = [line for line in passing() if line.get("row") != "wire"]
        out = self.gate(send, servers(), 1)
        self.assertIn("29 of 31 reached", out)

    def test_gate_not_quiet(self):
        send = [line for line in passing()
                if (line.get("row"), line.get("kind"), line.get("size"))
                != ("zcache", "body", M)]
        send.append(result("zcache", [10.0, 9.0, 16.0]))
        out = self.gate(send, servers(), 0)
        self.assertIn("this machine was not quiet", out)

    def test_send_bench(self):
        """All rows without the module, checked by SHA-256, and the output."""
        path = os.path.join(self.folder.name, "send")
        done = subprocess.run(
            [os.path.join(os.environ["BENCH_BUILD"], "send_bench"),
             "--dir", self.folder.name, "--sizes", "1K,100000", "--kinds",
             "body,answer,range,range-answer", "--connections", "1,3",
             "--receivers", "discard,copy", "--reps", "2", "--seconds",
             "0.001", "--json", path, "--csv", path + ".csv"],
            check=False, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        with open(path, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
        self.assertEqual(lines[0]["type"], "environment")
        self.assertIn("1K,100000", lines[0]["command"])
        cells = {}
        for line in lines:
            if line["type"] == "result":
                key = (line["kind"], line["size"], line["connections"],
                       line["receiver"])
                cells.setdefault(key, []).append(line["row"])
                self.assertEqual(len(line["reps"]), 2)
        self.assertEqual(len(cells), 2 * 2 * (2 + 2 + 1 + 1))
        skipped = {line["row"]: line["errno"] for line in lines
                   if line["type"] == "skipped"}
        self.assertEqual(skipped["zcache"], "ENODEV")
        for (kind, *_), names in cells.items():
            known = 9 if "answer" in kind else 8
            absent = sum(row not in ("zcache", "zcache-fd", "zcache-batch",
                                     "zcache-copy", "wire")
                         for row in skipped)
            self.assertEqual(len(names), known - absent, names)
        with open(path + ".csv", encoding="utf-8") as f:
            rows = f.read().splitlines()
        self.assertEqual(len(rows), 1 + sum(len(n) for n in cells.values()))
        self.assertEqual({row.count(",") for row in rows}, {20})
        self.assertEqual(sorted(os.listdir(self.folder.name)),
                         ["send", "send.csv"])


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
