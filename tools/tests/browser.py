# SPDX-License-Identifier: GPL-2.0-only
"""Chromium without a window, driven through a pipe by the protocol of its developer tools."""
import base64
import fcntl
import json
import os
import select
import time

from zcached_fake import DEADLINE, folder, start

# Root runs the tests, /dev/shm may be small, and nothing is asked of any network.
OPTIONS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
           "--no-proxy-server", "--no-first-run", "--disable-background-networking",
           "--disable-component-update", "--disable-extensions", "--hide-scrollbars",
           "--remote-debugging-pipe"]


def out_of_the_way(fd):
    """The same pipe by a number that the browser's own do not replace."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(fd)
    return moved


class Browser:
    """One tab. What the page complains of is collected in complaints."""

    def __init__(self):
        self.complaints = []
        self.loaded = False
        self.ids = 0
        self.buffer = b""
        self.session = None
        theirs, self.to = map(out_of_the_way, os.pipe())
        self.answers, ours = map(out_of_the_way, os.pipe())
        tmp = folder()

        def pipe_ends():
            os.dup2(theirs, 3)
            os.dup2(ours, 4)

        with open(tmp + "/stderr", "wb") as f:
            self.process = start(["chromium", *OPTIONS, "--user-data-dir=" + tmp, "about:blank"],
                                 preexec_fn=pipe_ends, close_fds=False, stderr=f,
                                 env=os.environ | {"HOME": tmp})
        os.close(theirs)
        os.close(ours)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def message(self):
        deadline = time.monotonic() + DEADLINE
        while b"\0" not in self.buffer:
            if not select.select([self.answers], [], [], deadline - time.monotonic())[0]:
                raise TimeoutError("the browser does not answer")
            data = os.read(self.answers, 1 << 16)
            if not data:
                raise EOFError("the browser ended")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, **params):
        self.ids += 1
        message = {"id": self.ids, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while (m := self.message()).get("id") != self.ids:
            self.take(m.get("method"), m.get("params", {}))
        if "error" in m:
            raise RuntimeError(f"{method}: {m['error']['message']}")
        return m["result"]

    def take(self, event, params):
        if event == "Page.loadEventFired":
            self.loaded = True
        elif event == "Runtime.consoleAPICalled":
            self.complaints.append(str([a.get("value") for a in params["args"]]))
        elif event == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["exception"]["description"])
        elif event == "Log.entryAdded":
            self.complaints.append(params["entry"]["text"])
        elif event == "Network.loadingFailed":
            self.complaints.append(params["errorText"])

    def evaluate(self, script):
        r = self.call("Runtime.evaluate", expression=script, returnByValue=True,
                      awaitPromise=True)
        if "exceptionDetails" in r:
            raise RuntimeError(r["exceptionDetails"]["exception"]["description"])
        return r["result"].get("value")

    def show(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        while not self.loaded:
            m = self.message()
            self.take(m.get("method"), m.get("params", {}))

    def size(self, width, height, dark=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def picture(self, path):
        """The whole page as a PNG."""
        data = base64.b64decode(self.call("Page.captureScreenshot",
                                          captureBeyondViewport=True)["data"])
        with open(path, "wb") as f:
            f.write(data)
        return data

    def end(self):
        self.session = None
        self.call("Browser.close")
        return self.process.wait(DEADLINE)
