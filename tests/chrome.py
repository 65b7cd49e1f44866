"""Headless Chromium, driven as a person drives it: by keys. The DevTools protocol over a pipe.

    with Chrome.started(chromium, folder, width=1280) as chrome:
        chrome.open(url)
        chrome.press("Tab"); chrome.write("words"); chrome.press("Enter")
        chrome.ask("document.title")

No port is opened, and no other host has an address.
"""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
LOCAL = f"{QUIET[-1]}, EXCLUDE 127.0.0.1"
TIMEOUT = 30.0


@dataclass
class Chrome:
    """One page of a browser."""

    writer: int
    reader: int
    session: str = ""
    number: int = 0
    pending: bytes = b""

    @classmethod
    @contextmanager
    def started(
        cls,
        chromium: str,
        folder: Path,
        *,
        width: int = 1280,
        height: int = 900,
        script: bool = True,
    ) -> Iterator["Chrome"]:
        """A browser with a profile of its own and one empty page; ``script``: JavaScript runs."""
        to_browser, writer = os.pipe()
        reader, from_browser = os.pipe()
        command = [chromium, *QUIET[:-1], LOCAL, "--remote-debugging-pipe"]
        command += [f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}"]

        def place() -> None:  # the browser reads descriptor 3 and writes to 4
            spare = os.dup(to_browser), os.dup(from_browser)
            os.dup2(spare[0], 3)
            os.dup2(spare[1], 4)

        with subprocess.Popen(
            [*command, "about:blank"],
            preexec_fn=place,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as running:
            os.close(to_browser)
            os.close(from_browser)
            chrome = cls(writer, reader)
            try:
                chrome._attach(width, height, script)
                yield chrome
            finally:
                running.kill()
                os.close(writer)
                os.close(reader)

    def open(self, url: str) -> None:
        """Go to an address and wait until the page is there."""
        self.call("Page.navigate", url=url)
        self.settle()

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key once; a key that sends a form or follows a link waits for the page."""
        facts: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": KEYS[key]}
        facts |= {"code": {" ": "Space"}.get(key, key), "modifiers": 8 if shift else 0}
        text = {"Enter": "\r", " ": " "}.get(key)
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **facts, **down)
        self.call("Input.dispatchKeyEvent", **facts, type="keyUp")
        if text:
            time.sleep(0.15)
            self.settle()

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def focus(self, name: str) -> None:
        """Press Tab until what has the focus says ``name``. Raises AssertionError."""
        for _ in range(80):
            self.press("Tab")
            if self.focused().startswith(name):
                return
        raise AssertionError(f"cannot be reached by keyboard: {name}")

    def focused(self) -> str:
        """What has the focus, by its text or label."""
        return str(
            self.ask(
                """(() => { const one = document.activeElement;
                if (!one || one === document.body) return '';
                return (one.labels && one.labels[0] ? one.labels[0].innerText : '')
                    || one.getAttribute('aria-label') || one.innerText || one.id || ''; })()"""
            )
        ).strip()

    def wait(self, expression: str) -> None:
        """Wait until an expression is true on the page. Raises AssertionError."""
        end = time.monotonic() + TIMEOUT
        while time.monotonic() < end:
            try:
                if self.ask(expression):
                    return
            except RuntimeError:  # the page is just being exchanged
                pass
            time.sleep(0.05)
        raise AssertionError(f"it did not happen: {expression}")

    def settle(self) -> None:
        """Wait until the page is loaded."""
        self.wait("document.readyState === 'complete'")

    def ask(self, expression: str) -> Any:
        """What an expression is on the page. Raises RuntimeError."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            raise RuntimeError(found["exceptionDetails"]["text"])
        return found["result"].get("value")

    def picture(self, path: Path) -> None:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = self.call("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises RuntimeError."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writer, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(answer["error"]["message"])
                result: dict[str, Any] = answer["result"]
                return result

    def _attach(self, width: int, height: int, script: bool) -> None:
        target = next(
            each["targetId"]
            for each in self.call("Target.getTargets")["targetInfos"]
            if each["type"] == "page"
        )
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        self.call("Page.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self.call("Emulation.setScriptExecutionDisabled", value=not script)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self.pending:
            block = os.read(self.reader, 1 << 20)
            if not block:
                raise RuntimeError("the browser is gone")
            self.pending += block
        line, self.pending = self.pending.split(b"\0", 1)
        found: dict[str, Any] = json.loads(line)
        return found
