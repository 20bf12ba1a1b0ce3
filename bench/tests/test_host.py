#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the frame of host/, by one of its programs. BENCH_BUILD is the folder of the
programs."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.join(os.environ.get("BENCH_BUILD", "build/bench"), "host/r3_write")


def run(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, check=False)


class Frame(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.json = os.path.join(folder.name, "json")

    def lines(self):
        with open(self.json, encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def test_rows_and_turns(self):
        done = run("--cells", "1 KiB, depth 8", "--reps", "3", "--json", self.json)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("1 KiB, depth 8 (16384 times 1024 bytes in a turn, 3 turns)",
                      done.stdout)
        self.assertNotIn("depth 32", done.stdout)
        rows = {line["row"]: line for line in self.lines()}
        # All but pwrite are skipped where there is no io_uring to measure.
        self.assertIn("pwrite", rows if "skipped" not in done.stdout else ["pwrite"])
        for row in rows.values():
            self.assertEqual(len(row["seconds"]), 3)
            self.assertEqual(len(row["cpu_seconds"]), 3)
            self.assertTrue(all(s > 0 for s in row["seconds"]))
            self.assertEqual((row["claim"], row["size"], row["depth"], row["ops"]),
                             ("R3", 1024, 8, 16384))

    def test_calls_are_counted(self):
        done = run("--cells", "1 MiB, depth 1", "--rows", "pwrite", "--reps", "1",
                   "--json", self.json)
        self.assertEqual(done.returncode, 0, done.stderr)
        if "skipped" in done.stdout:
            self.skipTest("no io_uring")
        row, = self.lines()
        # One for each write, and none for anything else; -1: nobody may trace here.
        self.assertIn(row["syscalls"], (128, -1))

    def test_goals(self):
        quick = ("--cells", "1 KiB, depth 128", "--rows", "@(no pool|registered)",
                 "--reps", "1", "--no-count")
        done = run(*quick)
        self.assertEqual(done.returncode, 0, done.stderr)
        missed = "MISSED" in done.stdout
        self.assertEqual(missed or "reached" in done.stdout, "skipped" not in done.stdout)
        gated = run(*quick, "--gate")
        self.assertEqual(gated.returncode, int("MISSED" in gated.stdout))

    def test_usage(self):
        self.assertEqual(run("--help").returncode, 0)
        for bad in (["--reps", "0"], ["--reps", "100"], ["--nonsense"], ["word"]):
            self.assertEqual(run(*bad).returncode, 1, bad)


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    unittest.main()
