"""A real browser without a window, over its debugging pipe: what a page looks like, and what it asks for.

Debian's chromium. Where there is none it is installed as root, as on a new machine of the CI; where that cannot be, the
tests that need it fail in the CI and are skipped elsewhere.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

INSTALL = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium"

OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--remote-debugging-pipe"),
    *("--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def chromium() -> str:
    """Where the browser is. Skips the test, or fails it in the CI, where there is none and none can be installed."""
    if found := shutil.which("chromium"):
        return found
    said = "not root, or no apt-get"
    if os.geteuid() == 0 and shutil.which("apt-get"):
        done = subprocess.run(["sh", "-c", INSTALL], capture_output=True, text=True, timeout=100, check=False)
        said = done.stderr[-300:]
    if found := shutil.which("chromium"):
        return found
    if os.environ.get("CI"):
        pytest.fail(f"no chromium, and it cannot be installed: {said}")
    pytest.skip("no chromium here; Debian's package has it")


AS_3_AND_4 = (
    "import os, sys; high = [os.dup2(int(each), 90 + place) for place, each in enumerate(sys.argv[1:3])];"
    " [os.dup2(each, 3 + place) for place, each in enumerate(high)]; os.execv(sys.argv[3], sys.argv[3:])"
)
"""Program that runs another, with those that are named as file descriptors 3 and 4: where the browser has its pipe."""


@dataclass
class Browser:
    """One page of a browser that runs; `requested` is every address that it has asked for."""

    commands: io.FileIO
    answers: io.FileIO
    requested: list[str] = field(default_factory=list)
    _session: str = ""
    _number: int = 0
    _left: bytes = b""
    _loaded: bool = False

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Call a method of the DevTools protocol and return its result."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self.commands.write(json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._number:
            pass
        assert "error" not in answer, answer
        result = answer["result"]
        assert isinstance(result, dict)
        return result

    def open(self, path: Path, *, width: int, dark: bool = False, scripts: bool = True) -> None:
        """Show the file at `path` in a window of `width`, to a reader whose system is light or dark."""
        if not self._session:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.call("Page.enable")
            self.call("Network.enable")
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self._loaded = False
        self.call("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def evaluate(self, expression: str) -> Any:
        """The value of `expression` in the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"]["value"]

    def picture(self) -> Image.Image:
        """The top of the page, as it is seen."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        return Image.open(io.BytesIO(data)).convert("RGB")

    def pdf(self) -> bytes:
        """The page as it is printed."""
        return base64.b64decode(self.call("Page.printToPDF")["data"])

    def _next(self) -> Mapping[str, Any]:
        while b"\0" not in self._left:
            read = self.answers.read(1 << 20)
            assert read, "the browser is gone"
            self._left += read
        line, _, self._left = self._left.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if message.get("method") == "Network.requestWillBeSent":
            self.requested.append(message["params"]["request"]["url"])
        self._loaded |= message.get("method") == "Page.loadEventFired"
        return message


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that knows nothing of any other, its files in `folder`; no name resolves in it."""
    profile = f"--user-data-dir={folder / 'browser'}"
    to_read, commands = os.pipe()
    answers, to_write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", AS_3_AND_4, f"{to_read}", f"{to_write}", chromium(), *OPTIONS, profile],
        pass_fds=(to_read, to_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    with open(commands, "wb", buffering=0) as writer, open(answers, "rb", buffering=0) as reader:  # noqa: PTH123
        try:
            one = Browser(writer, reader)
            yield one
        finally:
            process.terminate()
            process.wait(20)
