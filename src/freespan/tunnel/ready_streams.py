"""Which streams of a connection have something to send, so that those that have nothing cost nothing.

aioquic looks at every stream for each packet that it builds. Of hundreds of streams most rest, or wait until the other
end reads. Here a stream is looked at when it has changed, and then again only while it has something to send:

    whatever decides about that (`WATCHED`) is set ──▶ changed ──▶ queue        data, RESET_STREAM, STOP_SENDING,
                                                          │                     or nothing more at all: to be dropped
                                                          ├──────▶ announcing   MAX_STREAM_DATA
                                                          └──────▶ blocked      until the other end sends MAX_DATA

Whoever sets one of these attributes, aioquic or this package, cannot help noting it. The order is aioquic's: the stream
that was served longest ago comes first, however long it has rested since.

Like `quic.py` and `bounded_quic.py`, this module uses private attributes of aioquic.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from operator import attrgetter
from typing import Any

from aioquic.quic.stream import QuicStream, QuicStreamReceiver, QuicStreamSender


def _nobody_asks() -> None:
    """A stream that is being made has nobody to tell."""


def _watched(name: str) -> Any:
    """An attribute of which each new value is noted; to read it costs little more than a plain one."""
    hidden = f"_{name}_watched"

    def put(self: Any, value: object) -> None:
        setattr(self, hidden, value)
        self._note_change()

    return property(attrgetter(hidden), put)


class WatchedSender(QuicStreamSender):
    """The sending part of a stream. What is to be sent changes only together with one of these."""

    _note_change: Callable[[], None] = staticmethod(_nobody_asks)
    buffer_is_empty = _watched("buffer_is_empty")
    reset_pending = _watched("reset_pending")
    is_finished = _watched("is_finished")


class WatchedReceiver(QuicStreamReceiver):
    """The receiving part of a stream."""

    _note_change: Callable[[], None] = staticmethod(_nobody_asks)
    stop_pending = _watched("stop_pending")
    is_finished = _watched("is_finished")


class WatchedStream(QuicStream):
    """A stream."""

    _note_change: Callable[[], None] = staticmethod(_nobody_asks)
    is_blocked = _watched("is_blocked")
    max_stream_data_local = _watched("max_stream_data_local")
    max_stream_data_local_sent = _watched("max_stream_data_local_sent")
    max_stream_data_remote = _watched("max_stream_data_remote")
    last_served = 0
    """When it was served, or made: a number that grows."""
    is_queued = True
    """Whether it is in the queue, where aioquic puts each one that it makes."""


WATCHED: dict[type, tuple[str, ...]] = {
    kind: tuple(name for name, value in vars(kind).items() if isinstance(value, property))
    for kind in (WatchedSender, WatchedReceiver, WatchedStream)
}
"""The attributes on which it depends whether there is something to send."""


class ReadyStreams:
    """Keeps account for the streams of one connection. It refers to none of them, which all refer to it."""

    def __init__(self) -> None:
        self.progressed: set[int] = set()
        """The streams of which something was sent for the first time, until somebody takes note and clears it."""
        self._changed: set[int] = set()
        self._announcing: dict[int, None] = {}
        self._blocked: set[int] = set()
        self._max_data = 0
        self._places = count(1)

    def watch(self, stream: QuicStream, stream_id: int, sender: type[WatchedSender]) -> None:
        """Begin with a stream that was just made, and has a `WatchedReceiver`; its sender becomes one of that kind."""
        note = partial(self._changed.add, stream_id)
        stream.receiver._note_change = note  # type: ignore[attr-defined]
        for one, kind, watched in ((stream.sender, sender, WatchedSender), (stream, WatchedStream, WatchedStream)):
            values = {name: one.__dict__.pop(name) for name in WATCHED[watched]}
            one.__class__ = kind
            one._note_change = note  # type: ignore[union-attr]
            for name, value in values.items():
                setattr(one, name, value)
        self.served(stream)

    def served(self, stream: QuicStream) -> None:
        """A stream takes the last place of those that wait for their turn."""
        stream.last_served = next(self._places)  # type: ignore[attr-defined]

    def forget(self, stream_id: int) -> None:
        """A stream is no more."""
        self._blocked.discard(stream_id)

    def update(
        self, streams: Mapping[int, QuicStream], queue: list[QuicStream], max_data: int, session_left: int
    ) -> None:
        """Look at what has changed: put it into the queue, or note what it waits for.

        The other end allows `max_data` bytes of all streams together, of which `session_left` were not sent.
        """
        changed = self._changed
        if self._blocked and max_data != self._max_data:
            changed |= self._blocked
            self._blocked.clear()
        self._max_data = max_data
        for stream_id in changed:
            stream: Any = streams.get(stream_id)
            if stream is None:
                continue
            if _has_limit_to_announce(stream):
                self._announcing[stream_id] = None
            if not stream.is_queued and self.is_ready(stream, session_left):
                stream.is_queued = True
                insort(queue, stream, key=_last_served)
        changed.clear()

    def in_turn(self, queue: list[QuicStream], session_left: int) -> list[QuicStream]:
        """What is left of the queue after packets were written, in the order in which streams were served."""
        ready: list[QuicStream] = []
        for stream in queue:
            if self.is_ready(stream, session_left):
                ready.append(stream)
            else:
                stream.is_queued = False  # type: ignore[attr-defined]
        ready.sort(key=_last_served)
        return ready

    def with_limit_to_announce(self, streams: Mapping[int, QuicStream]) -> Iterator[QuicStream]:
        """The streams of which the other end has to learn that it may send more."""
        for stream_id in list(self._announcing):
            stream = streams.get(stream_id)
            if stream is not None and _has_limit_to_announce(stream):
                yield stream
            else:
                del self._announcing[stream_id]

    def clear(self) -> None:
        """Forget everything; the connection is over."""
        for held in (self.progressed, self._changed, self._announcing, self._blocked):
            held.clear()

    def is_ready(self, stream: QuicStream, session_left: int) -> bool:
        """Whether aioquic would do anything with this stream now."""
        sender = stream.sender
        if sender.reset_pending or stream.receiver.stop_pending or stream.is_finished:
            return True  # what is finished is dropped while packets are written, and raises MAX_STREAMS then
        if stream.is_blocked or sender.buffer_is_empty:
            return False
        pending = sender._pending._RangeSet__ranges  # type: ignore[attr-defined]
        if not pending:
            return sender._pending_eof
        start = pending[0].start
        if start >= stream.max_stream_data_remote:
            return False
        if start < sender.highest_offset + session_left:
            return True
        self._blocked.add(stream.stream_id or 0)
        return False


_last_served = attrgetter("last_served")


def _has_limit_to_announce(stream: QuicStream) -> bool:
    return stream.max_stream_data_local_sent != stream.max_stream_data_local and not stream.is_blocked
