#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""test_schema.py FOLDER: the JSON of every command is what its schema in FOLDER
says. BIN is the folder of the programs; the commands run against the stand-ins
for the kernel."""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("1..0 # SKIP python3-jsonschema is not installed")
    sys.exit(0)

FOLDER = pathlib.Path(sys.argv[1])
BIN = pathlib.Path(os.environ["BIN"])
FAKE = BIN / "tests/zcachectl-fake"

# This has nothing for programs.
NO_JSON = {"help"}

# Most commands once, and whatever makes their output another.
CASES = [
    ("store create", ["web", "capacity", "1M"], {}, 0),
    ("store delete", ["web", "force"], {}, 0),
    ("store set", ["web", "capacity", "1M"], {"FAKE_NL_FAIL": "0:more is in use"}, 0),
    ("store set", ["web", "capacity", "1M"], {}, 0),
    ("store show", ["web"], {"FAKE_NL_COPY": "2", "FAKE_NL_TTL": "5000"}, 0),
    ("store show", ["web"], {"FAKE_NL_COPY": "9", "FAKE_NL_STORE":
                             " capacity=18446744073709551615"}, 0),
    ("store list", [], {"FAKE_NL_POLICY": "gdsf2"}, 0),
    ("store list", [], {"FAKE_NL_INTR": "1000"}, 0),
    ("stats show", [], {}, 0),
    ("stats show", ["web"], {"FAKE_NL_LATENCY": "0,600,0,1", "FAKE_NL_INTR": "1000"}, 0),
    ("top", ["interval", "100ms", "count", "1"], {"FAKE_CLOCK": "1", "FAKE_NL_STEP": "3"}, 0),
    ("top", ["interval", "100ms", "count", "1"], {"FAKE_CLOCK": "0"}, 0),
    ("bench", ["web", "size", "1k", "seconds", "1"], {}, 0),
    ("bench", ["web"], {"FAKE_ZCACHE_FAIL": "SEND=5"}, 2),
    ("object put", ["web", "/a", "INPUT"], {}, 0),
    ("object put", ["web", "hex:ff00", "INPUT", "header", "INPUT", "etag", '"e"',
                    "type", "t/x", "ttl", "1h", "tag", "1,0xffffffffffffffff"], {}, 0),
    ("object get", ["web", "/a", "OUTPUT"], {}, 0),
    ("object get", ["web", "hex:ff00", b"OUTPUT\xff"], {}, 0),
    ("object stat", ["web", "/a"], {}, 0),
    ("object stat", ["web", "hex:ff00"], {}, 0),
    ("object touch", ["web", "/a", "ttl", "never"], {}, 0),
    ("object touch", ["web", "hex:ff00", "ttl", "2h"], {}, 0),
    ("object delete", ["web", "/a", "soft"], {}, 0),
    ("object delete", ["web", "hex:ff00"], {}, 0),
    ("object purge", ["web", "all"], {}, 0),
    ("object purge", ["web", "tag", "1"], {}, 0),
    ("object list", ["web"], {}, 0),
    ("object list", ["web"], {"FAKE_NL_OBJECTS": "300", "FAKE_NL_INTR": "1"}, 0),
    ("object list", ["web"], {"FAKE_NL_OBJECTS": "3", "FAKE_NL_BREAK": "12"}, 2),
    ("tag set", ["web", "1", "quota", "1M"], {"FAKE_NL_FAIL": "0:more is in use"}, 0),
    ("tag set", ["web", "0xffffffffffffffff", "floor", "none"], {}, 0),
    ("tag show", ["web", "2"], {}, 0),
    ("tag show", ["web", "0xffffffffffffffff"], {}, 0),
    ("tag list", ["web"], {}, 0),
    ("tag list", ["web"], {"FAKE_NL_TAGS": "300", "FAKE_NL_INTR": "1"}, 0),
    ("tag list", ["web"], {"FAKE_NL_TAGS": "3", "FAKE_NL_BREAK": "12"}, 2),
    # a mirror, by the stand-in as by the program itself
    ("store create", ["mirror:mirror", "capacity", "1M", "durable", "yes"], {}, 0),
    ("store create", ["mirror:mirror", "capacity", "1M"], {}, 2),
    ("store set", ["mirror:mirror", "grace", "5s"], {}, 0),
    ("object put", ["mirror:mirror", "/a", "INPUT", "tag", "1,2"], {}, 0),
    ("object put", ["mirror:mirror", "hex:ff00", "INPUT", "ttl", "1h"], {}, 0),
    ("object stat", ["mirror:mirror", "/a"], {}, 0),
    ("object get", ["mirror:mirror", "/a", "OUTPUT"], {}, 0),
    ("object touch", ["mirror:mirror", "/a", "ttl", "never"], {}, 0),
    ("object list", ["mirror:mirror"], {}, 0),
    ("store show", ["mirror:mirror"], {}, 0),
    ("stats show", ["mirror:mirror"], {}, 0),
    ("info", ["mirror:mirror"], {}, 0),
    ("info", ["mirror:none"], {}, 3),
    ("info", ["web"], {}, 0),
    ("object delete", ["mirror:mirror", "hex:ff00"], {}, 0),
    ("object purge", ["mirror:mirror", "all"], {}, 0),
    ("store delete", ["mirror:mirror"], {}, 0),
    ("info", [], {}, 0),
    ("features", [], {}, 0),
    ("features", [], {"FAKE_ZCACHE": "/nonexistent"}, 0),
    ("doctor", [], {}, 2),
    ("doctor", ["web"], {}, 0),
    ("doctor", ["none"], {}, 2),
    ("trace list", [], {}, 0),
    ("trace on", ["lookup", "evict"], {}, 0),
    ("trace show", [], {}, 0),
    ("trace off", [], {"FAKE_SYSTEM": "other"}, 0),
    ("policy list", [], {}, 0),
    ("policy show", ["web"], {}, 0),
    ("policy show", ["web"], {"FAKE_NL_OWNER": "gdsf2 4711 10000", "FAKE_NL_POLICY": "a.b-1"}, 0),
    ("policy show", ["web"], {"FAKE_NL_OWNER": "gdsf2 4294967295 3600000 late"}, 0),
    ("policy status", [], {"FAKE_NL_OWNER": "gdsf2 4711 10000"}, 0),
    ("policy status", [], {"FAKE_NL_INTR": "1000"}, 0),
    ("policy simulate", ["REQUESTS"], {}, 0),
    ("policy simulate", [b"REQUESTS\xff", "size", "1,100k"], {}, 0),
]

TRACE = (b"# tracer: nop\n"
         b"            curl-1234    [003] .....  1234.567890: zcache_lookup: store=web\n"
         b"CPU:1 [LOST 23 EVENTS]\n"
         b"    -1 [7] \x1b\xff: 4-77      [000] d..1.     0.000001: zcache_shrink: k=\xff\n")

SYSTEM = {
    "proc/sys/kernel/osrelease": b"6.12.1-test\n",
    "proc/sys/net/ipv4/tcp_available_ulp": b"tls\n",
    "sys/module/zcache/version": b"0.1.0\n",
    "dev/zcache/web": b"",
    "dev/zcache/other": b"",
    "sys/kernel/tracing/events/zcache/enable": b"0\n",
    "sys/kernel/tracing/events/zcache/zcache_lookup/enable": b"0\n",
    "sys/kernel/tracing/events/zcache/zcache_evict/enable": b"0\n",
    "sys/kernel/tracing/instances/zcachectl/trace": TRACE,
    "sys/kernel/tracing/instances/zcachectl/events/zcache/zcache_lookup/enable": b"0\n",
    "sys/kernel/tracing/instances/zcachectl/events/zcache/zcache_evict/enable": b"0\n",
}

count = 0
failed = 0


def ok(good, name, why=""):
    global count, failed
    count += 1
    if not good:
        failed += 1
        for line in str(why).splitlines()[:20]:
            print("#", line)
    print(f"{'' if good else 'not '}ok {count} - {name}", flush=True)


def load(path, cache={}):
    if path not in cache:
        cache[path] = json.loads((FOLDER / path).read_text())
    return cache[path]


def resolved(node, path):
    """The schema with what it refers to in its place, so any validator will do."""
    if isinstance(node, list):
        return [resolved(n, path) for n in node]
    if not isinstance(node, dict):
        return node
    out = {k: resolved(v, path) for k, v in node.items() if k != "$ref"}
    if "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        file = file or path
        target = load(file)
        for word in pointer.split("/")[1:]:
            target = target[int(word) if isinstance(target, list) else word]
        out.update({k: v for k, v in resolved(target, file).items()
                    if k not in ("$schema", "title", "description")})
    return out


def file_of(command):
    return command.replace(" ", "-") + ".json"


def validator(command):
    schema = resolved(load(file_of(command)), file_of(command))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def names(document):
    """Those of all members, however deep."""
    if isinstance(document, dict):
        yield from document
        document = document.values()
    if isinstance(document, (list, type({}.values()))):
        for value in document:
            yield from names(value)


def judge(command, text, name):
    try:
        document = json.loads(text)
    except ValueError as e:
        ok(False, f"{name} is a document", f"{e}: {text}")
        return
    problems = [f"{list(e.absolute_path)}: {e.message}"
                for e in validator(command).iter_errors(document)]
    ok(not problems, f"{name} is what the schema says", "\n".join(problems))
    odd = [n for n in names(document) if not re.fullmatch("[a-z0-9]+(_[a-z0-9]+)*", n)]
    ok(not odd, f"{name}: names are words with underscores", odd)
    document["surprise"] = 1
    ok(not validator(command).is_valid(document), f"{name}: the schema takes nothing else")


def run(*words, **env):
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, env=os.environ | env, check=False)


def commands():
    found = re.findall(r"^  ([a-z]+(?: [a-z]+)*)", run(FAKE, "help").stdout.decode(), re.M)
    return [c for c in found if c not in NO_JSON]


def make_world(folder):
    for name, data in SYSTEM.items():
        path = folder / "system" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "other/sys/kernel/tracing/events").mkdir(parents=True)
    (folder / "stores/web").mkdir(parents=True)
    (folder / "INPUT").write_bytes(b"some\xffbytes")
    for name in b"REQUESTS", b"REQUESTS\xff":
        pathlib.Path(folder / os.fsdecode(name)).write_bytes(b"1 1 100\n2 2 200\n3 1 100\n")
    os.chdir(folder)
    os.environ.update(FAKE_SYSTEM=str(folder / "system"), FAKE_ZCACHE=str(folder / "stores"))


def run_cases():
    for command, words, env, code in CASES:
        r = run(FAKE, "--json", *command.split(), *words, **env)
        name = " ".join([command] + [str(w) for w in words] + [f"{k}={v}" for k, v in env.items()])
        ok(r.returncode == code, f"{name}: exit code {code}", r.stderr.decode())
        if r.stdout:
            judge(command, r.stdout, name)


def attr(number, data):
    return struct.pack("=HH", 4 + len(data), number) + data + bytes(-len(data) % 4)


def event(cmd, more=b""):
    """As the kernel sends it, with the number fake_nl.c gives the family."""
    body = struct.pack("=BBH", cmd, 1, 0) + attr(2, b"web\0") + more
    return struct.pack("=IHHII", 16 + len(body), 99, 0, 0, 0) + body


def run_monitor():
    usage = attr(3, struct.pack("=Q", 1 << 20)) + attr(12, struct.pack("=Q", 1 << 19))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        os.environ["FAKE_NL_EVENTS"] = os.path.abspath("events")
        listener.bind("events")
        listener.listen()
        with subprocess.Popen([FAKE, "--json", "event", "monitor"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as p:
            kernel = listener.accept()[0]
            key = attr(2, b"web\0") + attr(3, b"key")
            came = key + attr(4, struct.pack("=Q", 1)) + attr(5, struct.pack("=Q", 0))
            left = came + attr(17, struct.pack("=I", 6))
            policy = attr(3, b"gdsf2\0")
            owned = policy + attr(20, struct.pack("=I", 4711))
            lost = policy + attr(19, struct.pack("=I", 3))
            for message in (event(6), event(7), event(8), event(9, usage), event(12, came),
                            event(13, left), event(14, key), event(20, owned),
                            event(21, lost), b"!"):
                kernel.send(message)
                judge("event monitor", p.stdout.readline(), f"event monitor, event {message[16]}"
                      if len(message) > 1 else "event monitor, lost events")
            p.send_signal(signal.SIGTERM)
            rest = p.communicate()[0]
            ok(p.returncode == 0 and not rest, "event monitor ends", rest)


def main():
    global FOLDER, BIN, FAKE
    FOLDER, BIN, FAKE = FOLDER.absolute(), BIN.absolute(), FAKE.absolute()
    known = set(commands())
    schemas = {p.stem.replace("-", " ") for p in FOLDER.glob("*.json")}
    ok(known == schemas, "every command has a schema, and every schema a command",
       known ^ schemas)
    tried = {c[0] for c in CASES} | {"event monitor"}
    ok(known == tried, "every command is tried", known ^ tried)
    for name in sorted(schemas):
        title = load(file_of(name))["title"]
        ok(title == f"zcachectl --json {name}", f"the schema of {name} says whose it is", title)
    with tempfile.TemporaryDirectory(prefix="zcache-test-") as folder:
        make_world(pathlib.Path(folder))
        run_cases()
        run_monitor()
        os.chdir("/")
    print(f"1..{count}")
    return failed != 0


sys.exit(main())
