#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Who can ask zcached, by which name, and for how long. TAP."""
import os
import select
import signal
import socket
import stat
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from zcached_fake import DEADLINE, Zcached, ask, comes, end, equal, folder, result

CONNECTIONS = 64	# that it takes at a time
REQUEST_TIME = 10	# seconds
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect(where):
    s = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    s.settimeout(DEADLINE)
    s.connect(where)
    return s


def rest(s):
    """What comes until the connection ends."""
    data = b""
    try:
        while got := s.recv(1 << 16):
            data += got
    except ConnectionResetError:
        pass
    s.close()
    return data


def answer(where, host, version="1.1"):
    """The status and the last line."""
    field = f"Host: {host}\r\n" if host is not None else ""
    s = connect(where)
    s.sendall(f"GET /metrics HTTP/{version}\r\n{field}Connection: close\r\n\r\n".encode())
    lines = rest(s).decode().splitlines()
    return int(lines[0].split()[1]), lines[-1]


def names():
    """Another's name that leads here gives a page of theirs nothing to read."""
    for host in ("localhost", "localhost:1", "127.0.0.1", "127.9.9.9:80", "[::1]:9629"):
        equal(answer(tcp, host)[0], 200, f"asked as {host}")
    for host in ("evil.example", f"evil.example:{d.port}", "localhost.evil.example", "10.0.0.1"):
        equal(answer(tcp, host), (421, "The field Host is to name this machine: localhost, "
                                  "127.0.0.1 or [::1]."), f"asked as {host}")
    equal(answer(tcp, None)[0], 200, "asked without a name, as no browser does")
    equal(answer(tcp, None, "1.0")[0], 200, "nor this way")


def slow():
    """Each request has its time, and who waits for a place gets it then."""
    d.tell(*(f"new store-{i} 1000000" for i in range(800)))
    comes(lambda: "store-799" in ask(d.port, "/status.json")[2], True,
          "many stores, for an answer that no buffer has room for")
    size = len(ask(d.port, "/metrics")[2])
    hungry = socket.socket()
    hungry.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    hungry.connect(tcp)
    hungry.sendall(GET.replace(b"healthz", b"metrics"))
    begin = time.monotonic()
    silent, *drips = [connect(tcp) for _ in range(CONNECTIONS - 1)]
    waiting = connect(tcp)
    waiting.sendall(GET)
    taken, ends, waited = 0, [], None
    while (drips or waited is None) and time.monotonic() < begin + DEADLINE:
        taken += len(hungry.recv(1))
        for s in drips[:]:
            try:
                s.sendall(GET[:1] if s.fileno() % 2 else b"\r\n")
            except OSError:
                ends.append(time.monotonic() - begin)
                drips.remove(s)
        # a drop each second, unless somebody's turn comes
        if select.select([waiting] if waited is None else [], [], [], 1)[0]:
            waited = time.monotonic() - begin
    equal(rest(silent), b"", "one that says nothing is ended")
    equal((len(ends), drips), (CONNECTIONS - 2, []), "so are those that say little")
    result(all(REQUEST_TIME - 1 < t < 2 * REQUEST_TIME for t in ends), "in time", ends)
    result(waited is not None and REQUEST_TIME - 1 < waited < 2 * REQUEST_TIME,
           "another gets its answer as soon as there is room, and no sooner", waited)
    equal(rest(waiting).endswith(b"\r\n\r\nok\n"), True, "as it should be")
    taken += len(rest(hungry))
    result(taken < size, "one that takes little gets no more", (taken, size))


def mode(path):
    return oct(stat.S_IMODE(os.lstat(path).st_mode))


def check(text):
    """What zcached says to a configuration."""
    path = folder() + "/zcached.conf"
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    r = subprocess.run([os.environ["BIN"] + "/zcached", "--config", path, "--check"],
                       capture_output=True, text=True)
    return r.returncode, r.stderr.rsplit(":1: ", 1)[-1].strip()


def reload(z, listen, config):
    z.configure(listen, config)
    z.process.send_signal(signal.SIGHUP)


def paths():
    """A socket is made for whom the configuration says, and removed if it is still there."""
    path = folder() + "/http"
    where = "unix:" + path
    os.umask(0o027)
    z = Zcached(listen=where)
    equal(z.where, "zcached: listening on " + where, "a path")
    equal(mode(path), "0o600", "is its owner's alone")
    equal(answer(path, "anything")[0], 200, "and has no name")
    reload(z, where, "socket-mode = 0666\n")
    comes(lambda: mode(path), "0o666", "another mode, at once")
    os.rename(path, path + ".old")
    other = socket.socket(socket.AF_UNIX)
    other.bind(path)
    before = os.lstat(path)
    reload(z, where, "socket-mode = 0600\n")
    equal([z.line(), z.line(), z.line()], ["zcached: ready"] * 3, "it reads that again")
    equal(mode(path), oct(stat.S_IMODE(before.st_mode)), "what is not its own stays as it is")
    equal(z.end(), 0, "it ends")
    equal(os.lstat(path).st_ino, before.st_ino, "and leaves the socket of another")
    os.rename(path + ".old", path)

    z = Zcached("socket-mode = 660\n", where)
    equal(mode(path), "0o660", "one left behind is replaced, with its mode whatever the umask")
    equal(z.end(), 0, "it ends")
    equal(os.path.lexists(path), False, "and removes its own")

    for text in ("0", "06660", "0800", "1777", "-1", "rw", ""):
        equal(check(f'socket-mode = "{text}"'),
              (1, f"socket-mode {text}: right is an octal number from 0000 to 0777 such as 0660"),
              f"'{text}' is no mode")


d = Zcached()
tcp = ("127.0.0.1", d.port)
names()
slow()
equal(answer(tcp, "localhost")[0], 200, "then all is well")
equal(d.end(), 0, "it ends")
paths()
end()
