"""What both browser drivers share: the process, its temporary profile, the JSON command socket, and pages."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from freespan.wire.errors import FreespanError

START_SECONDS = 30.0
COMMAND_SECONDS = 30.0
CLOSE_SECONDS = 5.0
_POLL_SECONDS = 0.02
_REPLY_MAX = 64 * 1024 * 1024  # a screenshot in base64
_POSIX = sys.platform != "win32"


class BrowserError(FreespanError):
    """A browser did not start or answer in time, or a script in a page failed; one line of text."""


class BrowserProcess:
    """A browser in a process group and a profile of its own; both are gone after `end`, unless the profile is kept."""

    def __init__(self, process: asyncio.subprocess.Process, profile: Path, *, keeps: bool) -> None:
        self._process = process
        self._keeps = keeps
        self.profile = profile

    @classmethod
    async def start(cls, command: Callable[[Path], list[str]], kept: Path | None = None) -> BrowserProcess:
        """Start `command(profile)`; what the browser says on its terminal goes to a file in the profile.

        Args:
            command: program and arguments, for a folder.
            kept: the folder to use, which stays; a temporary one if left out.
        """
        profile = kept or Path(tempfile.mkdtemp(prefix="freespan-browser-"))
        try:
            arguments = command(profile)
            with (profile / "log").open("wb") as log:
                process = await asyncio.create_subprocess_exec(
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=profile,
                    start_new_session=_POSIX,
                )
        except BaseException as error:
            if not kept:
                _remove(profile)
            if isinstance(error, OSError):
                raise BrowserError(f"cannot start the browser: {error}") from error
            raise
        return cls(process, profile, keeps=kept is not None)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def read_file(self, name: str, parse: Callable[[str], str | None]) -> str:
        """Wait for a file of the profile until `parse` finds in it what it looks for."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if found := parse((self.profile / name).read_text(errors="replace")):
                    return found
            if self._process.returncode is not None:
                raise BrowserError(f"the browser ended at once: {self._last_words()}")
            await asyncio.sleep(_POLL_SECONDS)
        raise BrowserError(f"no control port in {START_SECONDS:.0f} s: {self._last_words()}")

    def kill(self) -> None:
        """End the browser and all its helpers as if the power had failed."""
        # The group outlives its leader while a helper runs; when all are gone the kernel says so.
        with contextlib.suppress(ProcessLookupError):
            if _POSIX:
                os.killpg(self.pid, signal.SIGKILL)
            else:
                self._process.kill()

    async def end(self) -> None:
        """Wait a little for the browser to leave by itself, then see that nothing of it stays."""
        try:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), CLOSE_SECONDS)
        finally:
            self.kill()
            await self._process.wait()
            if not self._keeps:
                _remove(self.profile)

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            lines = (self.profile / "log").read_text(errors="replace").strip().splitlines()
            return " / ".join(lines[-3:]) or "it said nothing"
        return "it said nothing"


class Commands:
    """JSON commands with numbered answers over one WebSocket: what CDP and WebDriver BiDi have in common."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read(), name="browser-commands")

    @classmethod
    async def connect(cls, url: str) -> Commands:
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(START_SECONDS):
                return cls(session, await session.ws_connect(url, max_msg_size=_REPLY_MAX))
        except BaseException as error:
            await session.close()
            if isinstance(error, aiohttp.ClientError | OSError | TimeoutError):
                raise BrowserError(f"cannot reach the browser's control port: {error}") from error
            raise

    async def call(self, method: str, params: dict[str, Any], **extra: str) -> dict[str, Any]:
        """Send a command and return its `result`. Raises `BrowserError`."""
        if self._reader.done():
            raise BrowserError("the browser is gone")
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._socket.send_json({"id": number, "method": method, "params": params, **extra})
                reply = await answer
        except TimeoutError:
            raise BrowserError(f"the browser did not answer {method} in {COMMAND_SECONDS:.0f} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise BrowserError(f"the browser is gone: {error}") from error
        finally:
            del self._waiting[number]
        if failure := reply.get("error"):  # CDP: an object; BiDi: a code, with the sentence beside it
            text = failure.get("message") if isinstance(failure, dict) else reply.get("message")
            raise BrowserError(f"{method}: {text}")
        result = reply.get("result")
        return result if isinstance(result, dict) else {}

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()
        await self._session.close()

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                reply = json.loads(message.data)
                waiting = self._waiting.get(reply.get("id", 0))
                if waiting and not waiting.done():
                    waiting.set_result(reply)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(BrowserError("the browser is gone"))


class Page(ABC):
    """One tab."""

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, which may await. Raises `BrowserError` if it throws."""
        script = f"(async () => JSON.stringify((await (async () => (\n{expression}\n))()) ?? null))()"
        return json.loads(await self._evaluate(script))

    async def wait_for(self, expression: str, seconds: float = 10) -> Any:
        """Ask for an expression until it is truthy, and return it; errors of a loading page are no end."""
        deadline = time.monotonic() + seconds
        while True:
            last: Any
            try:
                if last := await self.evaluate(expression):
                    return last
            except BrowserError as error:
                last = error
            if time.monotonic() > deadline:
                raise BrowserError(f"waited {seconds:g} s for {expression}; last value: {last!r}")
            await asyncio.sleep(_POLL_SECONDS)

    async def click(self, selector: str) -> None:
        """Press and release the pointer in the middle of the element, as a person would.

        `a >>> b` is what `b` finds in the shadow root of what `a` finds.
        """
        middle = await self.evaluate(f"""(() => {{
            const [outside, inside] = {json.dumps(selector)}.split(" >>> ");
            const host = document.querySelector(outside);
            const element = inside ? host?.shadowRoot?.querySelector(inside) : host;
            element?.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
            const box = element?.getBoundingClientRect();
            return box?.width && box?.height ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }})()""")
        if middle is None:
            raise BrowserError(f"nothing to click: {selector} is not in the page, or has no size")
        await self._click(*middle)

    async def screenshot(self, path: Path | str) -> None:
        """Save the visible part of the page as PNG."""
        _save(Path(path), base64.b64decode(await self._screenshot()))

    @abstractmethod
    async def navigate(self, url: str) -> None:
        """Go to a URL and wait until it has loaded."""

    @abstractmethod
    async def resize(self, width: int, height: int) -> None:
        """Make the window of this page another one, in CSS pixels."""

    @abstractmethod
    async def press(self, key: str) -> None:
        """Press and release a key: one character, or `Enter`, `Space`, `Tab`, `Escape`."""

    @abstractmethod
    async def close(self) -> None:
        """Close the tab."""

    @abstractmethod
    async def _evaluate(self, script: str) -> str: ...

    @abstractmethod
    async def _click(self, x: float, y: float) -> None: ...

    @abstractmethod
    async def _screenshot(self) -> str: ...


class Browser(ABC):
    """A running browser; `close` (or leaving `launch`) ends it and removes its profile."""

    def __init__(self, process: BrowserProcess, commands: Commands) -> None:
        self._process = process
        self._commands = commands
        self._closed = False
        self.extension = ""
        """Where the pages of the extension are that was loaded, without a slash at the end."""

    @property
    def pid(self) -> int:
        """Process id of the browser, which is also its process group (POSIX)."""
        return self._process.pid

    @abstractmethod
    async def open(self, url: str) -> Page:
        """Open a URL in a new tab, in front, and wait until it has loaded."""

    @abstractmethod
    async def _leave(self) -> None: ...

    def kill(self) -> None:
        """End the browser without a good-bye (SIGKILL to its whole process group)."""
        self._process.kill()

    async def close(self) -> None:
        """End the browser; does nothing the second time."""
        if self._closed:
            return
        self._closed = True
        try:
            with contextlib.suppress(BrowserError, TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._leave()
        finally:
            try:
                await self._commands.close()
            finally:
                await self._process.end()


def _save(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _remove(folder: Path) -> None:
    # A helper that is just dying may still write; a few rounds are enough.
    for _ in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.02)
