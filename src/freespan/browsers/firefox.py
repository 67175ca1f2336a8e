"""Firefox, driven by WebDriver BiDi."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from freespan.browsers.browser import Browser
from freespan.browsers.commands import Commands
from freespan.browsers.errors import BrowserError
from freespan.browsers.page import Page
from freespan.browsers.process import BrowserProcess
from freespan.browsers.proxy_settings import firefox_preferences

# No first-run pages, and nothing that contacts the outside.
_OFF = """
    app.normandy.enabled
    app.update.auto
    browser.aboutwelcome.enabled
    browser.newtabpage.enabled
    browser.region.update.enabled
    browser.safebrowsing.blockedURIs.enabled
    browser.safebrowsing.downloads.enabled
    browser.safebrowsing.malware.enabled
    browser.safebrowsing.phishing.enabled
    browser.safebrowsing.update.enabled
    browser.sessionstore.resume_from_crash
    browser.shell.checkDefaultBrowser
    browser.topsites.useRemoteSetting
    datareporting.healthreport.uploadEnabled
    datareporting.policy.dataSubmissionEnabled
    datareporting.usage.uploadEnabled
    dom.push.connection.enabled
    extensions.getAddons.cache.enabled
    extensions.systemAddon.update.enabled
    extensions.update.enabled
    extensions.blocklist.enabled
    media.gmp-manager.updateEnabled
    media.gmp-provider.enabled
    messaging-system.rsexperimentloader.enabled
    network.captive-portal-service.enabled
    network.connectivity-service.enabled
    network.prefetch-next
    security.remote_settings.intermediates.enabled
    toolkit.telemetry.enabled
    toolkit.telemetry.unified
"""
_PREFERENCES: dict[str, bool | int | str] = {
    **dict.fromkeys(_OFF.split(), False),
    "browser.startup.homepage": "about:blank",
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "captivedetect.canonicalURL": "",
    "media.gmp-manager.url": "",
    "network.dns.disablePrefetch": True,
    "network.http.speculative-parallel-limit": 0,
    "network.trr.mode": 5,
    "security.OCSP.enabled": 0,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.server": "",
    "app.update.disabledForTesting": True,
}
# WebDriver's code points for keys that are not characters.
_KEYS = {"Enter": "\ue007", "Space": " ", "Tab": "\ue004", "Escape": "\ue00c"}


async def launch_firefox(
    program: Path,
    width: int,
    height: int,
    dark: bool,
    extension: Path | None = None,
    kept: Path | None = None,
    proxy: str | None = None,
) -> Browser:
    """Start Firefox. Raises `BrowserError`."""
    name = str(uuid.uuid4())

    def command(profile: Path) -> list[str]:
        # 0 is dark and 1 is light, for pages and for the browser's own scheme.
        scheme = {"layout.css.prefers-color-scheme.content-override": 0 if dark else 1}
        preferences = {
            **_PREFERENCES,
            **scheme,
            **(_extension_address(extension, name) if extension else {}),
            **(firefox_preferences(proxy) if proxy else {}),
        }.items()
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences]
        (profile / "user.js").write_text("".join(lines))
        flags = ["--headless", "--remote-debugging-port=0", "--no-remote", "--profile", str(profile)]
        # Pages of an extension cannot be opened without this flag.
        return [str(program), *flags, *(["--remote-allow-system-access"] if extension else [])]

    if kept:
        (kept / "WebDriverBiDiServer.json").unlink(missing_ok=True)  # left from the last run
    process = await BrowserProcess.start(command, kept)
    try:
        address = await process.read_file("WebDriverBiDiServer.json", _address)
        commands = await Commands.connect(address)
        try:
            await commands.call("session.new", {"capabilities": {}})
            firefox = Firefox(process, commands, width, height)
            if extension:
                await commands.call("webExtension.install", {"extensionData": {"type": "path", "path": str(extension)}})
                firefox.extension = f"moz-extension://{name}"
        except BaseException:
            await commands.close()
            raise
        return firefox
    except BaseException:
        process.kill()
        await process.end()
        raise


def _extension_address(extension: Path, name: str) -> dict[str, str]:
    """Preference that gives the extension's pages a known address, where Firefox would draw a random one."""
    manifest = json.loads((extension / "manifest.json").read_text("utf-8"))
    own = manifest["browser_specific_settings"]["gecko"]["id"]
    return {"extensions.webextensions.uuids": json.dumps({own: name})}


def _address(text: str) -> str | None:
    try:
        port = json.loads(text)["ws_port"]
    except (ValueError, KeyError, TypeError):
        return None
    return f"ws://127.0.0.1:{port}/session"


class Firefox(Browser):
    """See `Browser`."""

    def __init__(self, process: BrowserProcess, commands: Commands, width: int, height: int) -> None:
        super().__init__(process, commands)
        self._size = {"width": width, "height": height}

    async def open(self, url: str, proxy: str = "") -> Page:
        context: dict[str, str] = {}
        if proxy:
            settings = {"proxyType": "manual", "httpProxy": proxy, "sslProxy": proxy}
            context = await self._commands.call("browser.createUserContext", {"proxy": settings})
        created = await self._commands.call("browsingContext.create", {"type": "tab", **context})
        page = FirefoxPage(self._commands, created["context"])
        await page.resize(**self._size)
        await page.call("browsingContext.activate", {})
        await page.navigate(url)
        return page

    async def _ask_to_end(self) -> None:
        await self._commands.call("browser.close", {})


class FirefoxPage(Page):
    """See `Page`."""

    def __init__(self, commands: Commands, context: str) -> None:
        self.commands = commands
        self.context = context

    async def call(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self.commands.call(method, {"context": self.context, **params})

    async def navigate(self, url: str) -> None:
        await self.call("browsingContext.navigate", {"url": url, "wait": "complete"})

    async def resize(self, width: int, height: int) -> None:
        await self.call("browsingContext.setViewport", {"viewport": {"width": width, "height": height}})

    async def press(self, key: str) -> None:
        value = _KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        await self._perform({"type": "key", "id": "keyboard", "actions": actions})

    async def close(self) -> None:
        await self.call("browsingContext.close", {})

    async def _evaluate(self, script: str) -> str:
        target = {"context": self.context}
        params = {"expression": script, "target": target, "awaitPromise": True, "resultOwnership": "none"}
        answer = await self.commands.call("script.evaluate", params)
        if answer["type"] == "exception":
            raise BrowserError(str(answer["exceptionDetails"]["text"]))
        return str(answer["result"]["value"])

    async def _click(self, x: float, y: float) -> None:
        actions = [
            {"type": "pointerMove", "x": round(x), "y": round(y)},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        parameters = {"pointerType": "mouse"}
        await self._perform({"type": "pointer", "id": "mouse", "parameters": parameters, "actions": actions})

    async def _screenshot(self) -> str:
        return str((await self.call("browsingContext.captureScreenshot", {}))["data"])

    async def _perform(self, source: dict[str, Any]) -> None:
        await self.call("input.performActions", {"actions": [source]})
        await self.call("input.releaseActions", {})
