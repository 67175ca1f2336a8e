"""One pipe: a client's data channel on one side, a WebSocket to the egress on the other, and nothing in between.

    client ◀══ data channel ══▶ [Pipe] ◀══ WebSocket ══▶ egress

The pipe passes messages on as they are. A client that reads slowly slows the egress, because the WebSocket is not read
while the data channel is full. In the other direction, the congestion windows of the two ends bound what waits here,
and a pipe whose client ignores them is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import aiohttp

from freespan.link.base import Link
from freespan.link.datachannel import DataChannelLink
from freespan.link.websocket import WebSocketLink
from freespan.wire.errors import LinkError
from freespan.wire.limits import CHANNEL_OPEN_SECONDS, LINK_QUEUE_MAX, MESSAGE_MAX, PING_SECONDS
from freespan.wire.messages import IceServer


class Side:
    """The owner of one of the two links; what it receives goes to the other."""

    def __init__(self, pipe: Pipe, other: Link) -> None:
        self._pipe = pipe
        self._other = other

    def on_message(self, message: bytes) -> None:
        self._pipe.bytes_passed += len(message)
        self._other.send(message)
        self._pipe.balance()

    def on_writable(self) -> None:
        self._pipe.balance()

    def on_closed(self, reason: str) -> None:
        self._pipe.end(reason)


class Pipe:
    """Made for one offer: call `answer`, then `run`, which returns when the pipe has ended.

    Args:
        http: makes the WebSocket; it must not follow redirects.
        egress: the WebSocket URL of the egress.
        ice_servers: STUN and TURN servers for the data channel.
        on_signal: called with each text message of the signalling channel; without it there is no such channel.
        open_seconds: how long the data channel may take to open.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        egress: str,
        ice_servers: Sequence[IceServer],
        on_signal: Callable[[str], None] | None = None,
        open_seconds: float = CHANNEL_OPEN_SECONDS,
    ) -> None:
        self.bytes_passed = 0
        self._open_seconds = open_seconds
        self._channel = DataChannelLink(ice_servers, on_signal=on_signal)
        self._socket_link: WebSocketLink | None = None
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        # The WebSocket opens while the connectivity checks with the client are still on their way.
        self._opening = asyncio.create_task(_open_socket(http, egress), name="bridge-egress-socket")

    @property
    def is_open(self) -> bool:
        """Whether messages can pass."""
        return self._socket_link is not None and not self._ended.done()

    async def answer(self, offer: str) -> str:
        """Return the answer to a client's offer. Raises `LinkError` if it is unusable; the pipe has ended then."""
        try:
            return await self._channel.answer(offer)
        except BaseException:
            await self._abandon("the offer is unusable")
            raise

    async def run(self, on_open: Callable[[], None]) -> str:
        """Pass messages until one side ends, then close the other one; returns the reason."""
        try:
            async with asyncio.timeout(self._open_seconds):
                await self._channel.wait_opened()
                link = WebSocketLink(await asyncio.shield(self._opening))
        except TimeoutError:
            return await self._abandon("the client did not reach this bridge")
        except LinkError as error:
            return await self._abandon(str(error))
        except (aiohttp.ClientError, OSError):
            return await self._abandon("the egress cannot be reached")
        except asyncio.CancelledError:
            await self._abandon("the bridge is stopping")
            raise
        self._socket_link = link
        link.start(Side(self, self._channel))
        self._channel.start(Side(self, link))
        on_open()
        try:
            await link.run()
        finally:
            self.end("the bridge is stopping")
        return self._ended.result()

    def send_signal(self, text: str) -> None:
        """Send the client a text message in the signalling channel."""
        self._channel.send_signal(text)

    def balance(self) -> None:
        """Read from the egress only while the client takes what comes."""
        if self._socket_link is not None:
            if self._channel.waiting_bytes > LINK_QUEUE_MAX:
                self._socket_link.pause()
            elif self._channel.send_credit:
                self._socket_link.resume()

    def end(self, reason: str) -> None:
        """Close both sides."""
        if not self._ended.done():
            self._ended.set_result(reason)
        self._channel.close(reason)
        if self._socket_link is not None:
            self._socket_link.close(reason)

    async def _abandon(self, reason: str) -> str:
        """End a pipe that never opened."""
        self.end(reason)
        self._opening.cancel()
        outcome = (await asyncio.gather(self._opening, return_exceptions=True))[0]
        if not isinstance(outcome, BaseException):
            await outcome.close()
        return reason


async def _open_socket(http: aiohttp.ClientSession, egress: str) -> aiohttp.ClientWebSocketResponse:
    return await http.ws_connect(
        egress, max_msg_size=MESSAGE_MAX + 1, compress=0, heartbeat=PING_SECONDS, autoping=False
    )
