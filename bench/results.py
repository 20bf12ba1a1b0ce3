# SPDX-License-Identifier: GPL-2.0-only
"""Reads what send_bench and servers.sh write: JSON, one object a line."""

import json
import statistics
import sys

# Rows that are zcache's own, or a limit and no way to serve anything.
OWN = ("zcache", "zcache-fd", "zcache-batch", "zcache-copy", "wire")


def die(message):
    name = sys.argv[0].rsplit("/", 1)[-1]
    print(f"{name}: {message}", file=sys.stderr)
    sys.exit(2)


class Results:
    """One file: environment, cells by (kind, size, connections, receiver),
    each with its rows by name, skipped rows and server lines."""

    def __init__(self, path):
        self.path = path
        self.environment = {}
        self.cells = {}
        self.skipped = {}
        self.servers = []
        self.checked = 0
        try:
            with open(path, encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    self._take(json.loads(line), number)
        except OSError as error:
            die(f"{path}: {error.strerror}")
        except (ValueError, KeyError, TypeError) as error:
            die(f"{path}: not a result of send_bench: {error}")

    def _take(self, line, number):
        if line.get("bench") == "servers":
            self.servers.append(line)
            return
        kind = line["type"]
        if kind == "environment":
            self.environment = self.environment or line
        elif kind == "checked":
            self.checked += line["cells"]
        elif kind == "skipped":
            self.skipped[line["row"]] = f'{line["what"]}: {line["errno"]}'
        elif kind == "result":
            cell = (line["kind"], line["size"], line["connections"],
                    line["receiver"])
            self.cells.setdefault(cell, {})[line["row"]] = line
        else:
            raise ValueError(f"line {number} is of type {kind}")

    @property
    def name(self):
        """The kernel, as short as one says it."""
        return self.environment.get("kernel", self.path)


def cpu(rep):
    """Seconds of the sender's CPU per request, of one repetition."""
    return rep["cpu_seconds"] / rep["requests"]


def time(rep):
    """Seconds per request."""
    return rep["seconds"] / rep["requests"]


def ratios(above, below, what):
    """what(above) by what(below) of each repetition: median, least, most.
    The rows took turns within it, so each pair saw the same machine."""
    pairs = [what(a) / what(b) for a, b in zip(above["reps"], below["reps"])]
    return statistics.median(pairs), min(pairs), max(pairs)


def size_name(size):
    if size >= 1 << 20 and size % (1 << 20) == 0:
        return f"{size >> 20} MiB"
    if size >= 1 << 10 and size % (1 << 10) == 0:
        return f"{size >> 10} KiB"
    return f"{size} bytes"


def cell_name(cell):
    kind, size, connections, receiver = cell
    plural = "" if connections == 1 else "s"
    return (f"{kind} {size_name(size)}, {connections} connection{plural}, "
            f"{receiver}")
