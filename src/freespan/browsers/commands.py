"""JSON commands with numbered answers over one WebSocket: what CDP and WebDriver BiDi have in common."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import aiohttp

from freespan.browsers.errors import BrowserError

CONNECT_SECONDS = 30.0
"""Limit for the control port to accept the WebSocket."""
COMMAND_SECONDS = 30.0
"""Limit for the answer to one command."""
_REPLY_MAX = 64 * 1024 * 1024  # a screenshot in base64


class Commands:
    """Sends commands and matches the answers to them by their numbers."""

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session = session
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read(), name="browser-commands")

    @classmethod
    async def connect(cls, url: str) -> Commands:
        """Connect to a browser's control port. Raises `BrowserError`."""
        session = aiohttp.ClientSession()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return cls(session, await session.ws_connect(url, max_msg_size=_REPLY_MAX))
        except BaseException as error:
            await session.close()
            if isinstance(error, aiohttp.ClientError | OSError | TimeoutError):
                raise BrowserError(f"cannot reach the browser's control port: {error}") from error
            raise

    async def call(self, method: str, params: dict[str, Any], **extra: str) -> dict[str, Any]:
        """Send a command and return its `result`. Raises `BrowserError`."""
        if self._reader.done():
            raise BrowserError("the browser has ended")
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._socket.send_json({"id": number, "method": method, "params": params, **extra})
                reply = await answer
        except TimeoutError:
            raise BrowserError(f"the browser did not answer {method} in {COMMAND_SECONDS:.0f} s") from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise BrowserError(f"the browser has ended: {error}") from error
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
                    waiting.set_exception(BrowserError("the browser has ended"))
