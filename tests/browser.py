"""A headless Chromium that tells what a page did, driven over its debugging pipe."""

import json
import os
import select
import shutil
import subprocess
import time

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: apt-get install chromium")


class Browser:
    """One page; ``told`` are its console's messages and errors, ``requests`` the addresses that it asked for."""

    def __init__(self, folder, javascript=True):
        ours, theirs = os.pipe(), os.pipe()  # what we send, what they send

        def take_pipes():
            read, write = os.dup(ours[0]), os.dup(theirs[1])
            os.dup2(read, 3)
            os.dup2(write, 4)

        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--disable-dev-shm-usage"]
        self._process = subprocess.Popen(
            [CHROMIUM, *flags, f"--user-data-dir={folder}", "--window-size=1280,900", "about:blank"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=take_pipes,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in, self._rest, self._count = ours[1], theirs[0], b"", 0
        self.told, self.requests = [], []
        self._session = None
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{room}.enable")
        if not javascript:
            self._ask("Emulation.setScriptExecutionDisabled", value=True)

    def open(self, address):
        """Seconds until the page and all in it is loaded."""
        self._loaded = False
        begun = time.monotonic()
        self._ask("Page.navigate", url=address)
        while not self._loaded:
            self._hear()
        return time.monotonic() - begun

    def __call__(self, expression):
        """The value of a JavaScript expression in the page."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, times=1, shift=False):
        """Press a key, such as Tab or ArrowRight."""
        codes = {"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35, "Enter": 13}
        told = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 * shift}
        told |= {"text": "\r"} if key == "Enter" else {}
        for _ in range(times):
            self._ask("Input.dispatchKeyEvent", type="keyDown" if key == "Enter" else "rawKeyDown", **told)
            self._ask("Input.dispatchKeyEvent", type="keyUp", **{k: v for k, v in told.items() if k != "text"})

    def click(self, selector, share=0.5):
        """Click on an element, at a share of its width."""
        self(f"document.querySelector(`{selector}`).scrollIntoView({{block: 'center'}})")
        box = f"document.querySelector(`{selector}`).getBoundingClientRect()"
        left, top, width, height = self(f"(() => {{ const b = {box}; return [b.left, b.top, b.width, b.height]; }})()")
        place = {"x": left + share * width, "y": top + height / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, **place)

    def resize(self, width, height=900):
        """Make the window so many CSS pixels wide."""
        self._ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def _ask(self, method, **params):
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            heard = self._hear()
            if heard.get("id") == self._count:
                assert "error" not in heard, heard
                return heard["result"]

    def _hear(self):
        while b"\0" not in self._rest:
            assert select.select([self._in], [], [], 60)[0], "the browser is silent"
            part = os.read(self._in, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        heard = json.loads(message)
        params = heard.get("params", {})
        match heard.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.exceptionThrown" | "Log.entryAdded" | "Runtime.consoleAPICalled":
                self.told.append(params)
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith("data:"):
                self.requests.append(params["request"]["url"])
        return heard

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._session = None
        self._ask("Browser.close")
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._out)
        os.close(self._in)
