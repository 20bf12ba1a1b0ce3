# SPDX-License-Identifier: GPL-2.0-only
"""TAP, and zcached on the fake kernel, for tests in Python."""
import atexit
import http.client
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE = 30
count = 0
failed = 0


def result(good, name, why=""):
    global count, failed
    count += 1
    failed += not good
    for line in "" if good else str(why).splitlines():
        print("#", line)
    print("ok" if good else "not ok", count, "-", name, flush=True)
    return good


def equal(got, want, name):
    return result(got == want, name, f"got {got!r}\nwant {want!r}")


def skip(name, why):
    global count
    count += 1
    print(f"ok {count} - {name} # SKIP {why}", flush=True)


def end():
    print(f"1..{count}")
    raise SystemExit(failed > 0)


def comes(look, want, name):
    """Looks until it is what is wanted, or the time is over."""
    deadline = time.monotonic() + DEADLINE
    while (got := look()) != want and time.monotonic() < deadline:
        time.sleep(0.02)
    return equal(got, want, name)


def missing(*programs):
    return next((f"{p} is not installed" for p in programs if not shutil.which(p)), None)


def ask(port, path, fields=None):
    """Status, type and text of an answer; no proxy of the environment is asked."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)
    try:
        connection.request("GET", path, headers=fields or {})
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def folder():
    """One that is removed at the end."""
    path = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def start(argv, **how):
    """A process that does not outlive the test, however that ends."""
    process = subprocess.Popen(argv, **how)
    atexit.register(process.wait)
    atexit.register(process.kill)
    return process


def stop(process):
    process.send_signal(signal.SIGTERM)
    return process.wait(DEADLINE)


class Zcached:
    """Told what happens in its kernel by tell(), see fake_daemon.c."""

    def __init__(self, config="policy = lru\n", listen="127.0.0.1:0"):
        tmp = folder()
        path = os.path.join(tmp, "events")
        self.config = tmp + "/zcached.conf"
        self.configure(listen, config)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            listener.bind(path)
            listener.listen(1)
            listener.settimeout(DEADLINE)
            self.process = start(
                [os.environ["BIN"] + "/tests/zcached-fake", "--config", self.config],
                env=os.environ | {"FAKE_NL_EVENTS": path, "NOTIFY_SOCKET": ""},
                stderr=subprocess.PIPE, text=True)
            self.kernel, _ = listener.accept()
        self.where = self.line()
        self.port = 0 if listen.startswith("unix:") else int(self.where.rsplit(":", 1)[1])

    def configure(self, listen, config):
        with open(self.config, "w", encoding="ascii") as f:
            f.write(f"listen = {listen}\ninterval = 20ms\n{config}")

    def tell(self, *commands):
        for command in commands:
            self.kernel.send(b"!" + command.encode())

    def line(self):
        return self.process.stderr.readline().rstrip()

    def end(self):
        return stop(self.process)
