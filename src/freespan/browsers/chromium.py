"""Chromium, driven by the Chrome DevTools Protocol (CDP) with one flat session for each tab."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import time
from pathlib import Path
from typing import Any

from freespan.browsers.browser import Browser
from freespan.browsers.commands import COMMAND_SECONDS, Commands
from freespan.browsers.errors import BrowserError
from freespan.browsers.page import Page
from freespan.browsers.process import BrowserProcess
from freespan.browsers.proxy_settings import chromium_flags

_FLAGS = (
    "--headless",
    "--no-sandbox",  # root cannot start it otherwise; the pages are our own
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-default-apps",
    "--metrics-recording-only",
    "--no-pings",
    "--password-store=basic",
    "--use-mock-keychain",
    "--remote-debugging-port=0",
)
# For each name: key, code, virtual key code, text.
_KEYS = {
    "Enter": ("Enter", "Enter", 13, "\r"),
    "Space": (" ", "Space", 32, " "),
    "Tab": ("Tab", "Tab", 9, ""),
    "Escape": ("Escape", "Escape", 27, ""),
}


async def launch_chromium(
    program: Path,
    width: int,
    height: int,
    dark: bool,
    extension: Path | None = None,
    kept: Path | None = None,
    proxy: str | None = None,
) -> Browser:
    """Start Chromium. Raises `BrowserError`."""

    def command(profile: Path) -> list[str]:
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        size = f"--window-size={width},{height}"
        extensions = f"--load-extension={extension}" if extension else "--disable-extensions"
        flags = [*_FLAGS, *(chromium_flags(proxy) if proxy else ())]
        return [str(program), *flags, extensions, scheme, size, f"--user-data-dir={profile / 'data'}", "about:blank"]

    if kept:
        (kept / "data" / "DevToolsActivePort").unlink(missing_ok=True)  # left from the last run
    process = await BrowserProcess.start(command, kept)
    try:
        address = await process.read_file("data/DevToolsActivePort", _address)
        chromium = Chromium(process, await Commands.connect(address), width, height)
        if extension:
            chromium.extension = f"chrome-extension://{_id(extension)}"
        return chromium
    except BaseException:
        process.kill()
        await process.end()
        raise


def _id(extension: Path) -> str:
    """Chromium's id of an extension: a hash of its key, or else of its path, in the letters a to p."""
    key = json.loads((extension / "manifest.json").read_text("utf-8")).get("key")
    digest = hashlib.sha256(base64.b64decode(key) if key else str(extension).encode()).hexdigest()[:32]
    return "".join(chr(ord("a") + int(digit, 16)) for digit in digest)


def _address(text: str) -> str | None:
    port, _, path = text.partition("\n")
    return f"ws://127.0.0.1:{port}{path.strip()}" if port.isdecimal() and path.strip() else None


class Chromium(Browser):
    """See `Browser`."""

    def __init__(self, process: BrowserProcess, commands: Commands, width: int, height: int) -> None:
        super().__init__(process, commands)
        self._size = {"width": width, "height": height}

    async def open(self, url: str, proxy: str = "") -> Page:
        context: dict[str, str] = {}
        if proxy:
            settings = {"proxyServer": f"http://{proxy}", "proxyBypassList": "<-loopback>"}
            context = await self._commands.call("Target.createBrowserContext", settings)
        target = (await self._commands.call("Target.createTarget", {"url": "about:blank", **context}))["targetId"]
        attached = await self._commands.call("Target.attachToTarget", {"targetId": target, "flatten": True})
        page = ChromiumPage(self._commands, target, attached["sessionId"])
        await page.resize(**self._size)
        await page.call("Page.bringToFront", {})
        await page.navigate(url)
        return page

    async def _ask_to_end(self) -> None:
        await self._commands.call("Browser.close", {})


class ChromiumPage(Page):
    """See `Page`."""

    def __init__(self, commands: Commands, target: str, session: str) -> None:
        self.commands = commands
        self._target = target
        self._session = session

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self.commands.call(method, params, sessionId=self._session)

    async def navigate(self, url: str) -> None:
        answer = await self.call("Page.navigate", {"url": url})
        if error := answer.get("errorText"):
            raise BrowserError(f"cannot open {url}: {error}")
        deadline = time.monotonic() + COMMAND_SECONDS
        while await self._evaluate("document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise BrowserError(f"{url} did not load in {COMMAND_SECONDS:.0f} s")
            await asyncio.sleep(0.02)

    async def resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 0, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", metrics)

    async def press(self, key: str) -> None:
        name, code, number, text = _KEYS.get(key) or (key, "", ord(key.upper()), key)
        event = {"key": name, "code": code, "windowsVirtualKeyCode": number}
        await self.call("Input.dispatchKeyEvent", {"type": "keyDown", **event, "text": text})
        await self.call("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    async def close(self) -> None:
        await self.commands.call("Target.closeTarget", {"targetId": self._target})

    async def _evaluate(self, script: str) -> str:
        params = {"expression": script, "awaitPromise": True, "returnByValue": True}
        answer = await self.call("Runtime.evaluate", params)
        if details := answer.get("exceptionDetails"):
            thrown = details.get("exception", {})
            text = str(thrown.get("description") or thrown.get("value") or details.get("text"))
            raise BrowserError(text.partition("\n")[0])
        return str(answer["result"]["value"])

    async def _click(self, x: float, y: float) -> None:
        await self.call("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": x, "y": y})
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": x, "y": y, "button": "left", "clickCount": 1}
            await self.call("Input.dispatchMouseEvent", event)

    async def _screenshot(self) -> str:
        return str((await self.call("Page.captureScreenshot", {"format": "png"}))["data"])
