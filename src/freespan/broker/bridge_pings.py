"""Pings: the broker shows all its bridges that it is there, and asks them whether they are.

    ping ── half of the time between two pings ──▶ look ──┬─ heard of ──▶ the same again: ping
                                                          └─ silent ────▶ gone

There is one task for all bridges. It does a little at a time, however many bridges have come at once.
"""

from __future__ import annotations

import asyncio
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from freespan.broker.bridge_socket import PING_FRAME, BridgeSocket, text_frame
from freespan.wire.messages import Ping, encode_bytes

_STEPS = 200
"""Parts into which the time between ping and look is divided."""
_STEP_SECONDS_LEAST = 0.005
_HASTE = 1.25
"""How much faster than needed it may go, to make up for what came at once."""


@dataclass(eq=False, slots=True)
class _Turn:
    """When a socket is visited next, and whether it is looked at then, since it was asked before."""

    socket: BridgeSocket
    due: float
    is_asked: bool = True


class BridgePings:
    """Pings the sockets that it is given, and tells `on_silent` the name of each that does not answer."""

    def __init__(self, ping_seconds: float, on_silent: Callable[[str], None]) -> None:
        self._half = ping_seconds / 2
        self._on_silent = on_silent
        self._turns: OrderedDict[str, _Turn] = OrderedDict()
        """The one that is due next comes first."""
        self._task: asyncio.Task[None] | None = None

    def add(self, name: str, socket: BridgeSocket) -> None:
        """Ping a socket from now on. It has just been heard of."""
        self._turns[name] = _Turn(socket, asyncio.get_running_loop().time() + self._half)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="broker-pings")

    def discard(self, name: str) -> None:
        """Ping a socket no more."""
        self._turns.pop(name, None)
        if not self._turns and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        step = max(self._half / _STEPS, _STEP_SECONDS_LEAST)
        while self._turns:
            now = loop.time()
            most = math.ceil(len(self._turns) * _HASTE * step / self._half)
            for name, turn in list(itertools.islice(self._turns.items(), most)):
                if turn.due <= now and name in self._turns:
                    turn.due = now + self._half
                    self._turns.move_to_end(name)
                    self._visit(name, turn)
            next_due = next((turn.due for turn in self._turns.values()), now)
            await asyncio.sleep(max(step, next_due - now))

    def _visit(self, name: str, turn: _Turn) -> None:
        socket, turn.is_asked = turn.socket, not turn.is_asked
        if not turn.is_asked:
            if not socket.is_heard:
                socket.abort()
                self._on_silent(name)
            return
        socket.is_heard = False
        try:
            socket.send(_PING)
        except ConnectionError:
            self._on_silent(name)


_PING = text_frame(encode_bytes(Ping())) + PING_FRAME
"""The message shows a page that the broker is there; only the frame is answered, by every end."""
