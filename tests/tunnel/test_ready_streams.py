"""Only streams with something to send are looked at, and it makes no difference: the same is sent as if all were."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
from aioquic.quic.stream import QuicStream
from aioquic.tls import Epoch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from freespan.tunnel.quic import PEER, LinkQuic, client_quic, server_quic
from freespan.tunnel.ready_streams import ReadyStreams, WatchedStream
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import DATAGRAM_SIZE, STREAMS_MAX
from tests.support.tunnels import IDENTITY

WINDOW, SESSION_WINDOW, PLACES = 20_000, 60_000, 4
SMALL = TunnelSettings(stream_window=WINDOW, session_window=SESSION_WINDOW)
WIDE = TunnelSettings(stream_window=WINDOW)
ENDS = st.sampled_from(["client", "server"])
SIZES = st.sampled_from([0, 1, 300, 7_000, 40_000])
STREAMS = st.integers(0, 8).map(lambda number: 4 * number)


class EveryStream(ReadyStreams):
    """As aioquic does it by itself: every stream is looked at for each packet, in the order of the last service."""

    def update(
        self, streams: Mapping[int, QuicStream], queue: list[QuicStream], max_data: int, session_left: int
    ) -> None:
        """Nothing is noted."""

    def in_turn(self, queue: list[QuicStream], session_left: int) -> list[QuicStream]:
        return sorted(queue, key=lambda stream: stream.last_served)  # type: ignore[attr-defined]

    def with_limit_to_announce(self, streams: Mapping[int, QuicStream]) -> Iterator[QuicStream]:
        return iter(dict.values(streams))  # type: ignore[arg-type]

    def is_ready(self, stream: QuicStream, session_left: int) -> bool:
        sender = stream.sender
        limit = min(sender.highest_offset + session_left, stream.max_stream_data_remote)
        has_data = sender.next_offset < limit if len(sender._pending) else sender._pending_eof
        sends = has_data and not sender.buffer_is_empty and not stream.is_blocked
        return sends or sender.reset_pending or stream.receiver.stop_pending or stream.is_finished


class Sent(NamedTuple):
    """What left an end in one call."""

    sizes: list[int]
    frames: list[tuple[str, int | None, object]]
    limits: list[tuple[int | None, int]]


class Pair:
    """The two ends of a connection, what is on its way between them, and what has arrived."""

    def __init__(self, *, walks_all: bool, settings: TunnelSettings = SMALL, places: int = PLACES) -> None:
        self._walks_all = walks_all
        self.now = 1.0
        self.waiting: dict[str, list[bytes]] = {"client": [], "server": []}
        self.client = self._prepared(client_quic(settings))
        self.client.connect(PEER, now=self.now)
        first = self.client.datagrams_to_send(now=self.now)[0][0]
        self.server = self._prepared(server_quic(IDENTITY, first, settings))
        allowed = self.server._local_max_streams_bidi
        allowed.value = allowed.sent = places
        self.server.receive_datagram(first, PEER, now=self.now)
        self.arrived: dict[tuple[str, int], bytearray] = {}
        self.events: list[str] = []
        for _ in range(4):
            for end in ("server", "client"):
                self.send(end, 20)
                self.deliver(end)

    def _prepared(self, quic: LinkQuic) -> LinkQuic:
        if self._walks_all:
            quic._streams.ready = quic._ready = EveryStream()  # type: ignore[attr-defined]
        return quic

    def end(self, name: str) -> LinkQuic:
        return self.client if name == "client" else self.server

    def send(self, name: str, packets: int) -> Sent:
        quic = self.end(name)
        space = quic._spaces[Epoch.ONE_RTT]
        first = quic._packet_number
        asked = quic.has_something_to_send
        quic.control.send_credit = packets * DATAGRAM_SIZE
        datagrams = [one for one, _ in quic.datagrams_to_send(now=self.now)]
        self.waiting[name] += datagrams
        sent = Sent([len(one) for one in datagrams], [], [])
        for number, packet in space.sent_packets.items():
            for handler, arguments in packet.delivery_handlers if number >= first else ():
                if handler.__name__ == "_on_max_stream_data_delivery":
                    sent.limits.append((arguments[0].stream_id, arguments[0].max_stream_data_local_sent))
                elif (stream_id := getattr(getattr(handler, "__self__", None), "_stream_id", None)) is not None:
                    sent.frames.append((handler.__name__, stream_id, arguments))
        sent.limits.sort()
        assert asked or not sent.frames
        return sent

    def deliver(self, name: str, lost: int = 0) -> None:
        """Hand over what an end has sent, but for every so manieth datagram."""
        other = "server" if name == "client" else "client"
        for number, datagram in enumerate(self.waiting[name], 1):
            if not lost or number % lost:
                self.end(other).receive_datagram(datagram, PEER, now=self.now)
        self.waiting[name].clear()
        while (event := self.end(other).next_event()) is not None:
            self.events.append(f"{other} {type(event).__name__} {getattr(event, 'stream_id', None)}")
            if hasattr(event, "data") and hasattr(event, "stream_id"):
                self.arrived.setdefault((other, event.stream_id), bytearray()).extend(event.data)

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for quic in (self.client, self.server):
            at = quic.get_timer()
            if at is not None and at <= self.now:
                quic.handle_timer(now=self.now)


class SameAsLookingAtAll(RuleBasedStateMachine):
    """Two connections, one of which looks at all its streams, are used and disturbed in the same way."""

    @initialize()
    def connect(self) -> None:
        self.pairs = Pair(walks_all=False), Pair(walks_all=True)
        self.written: dict[tuple[str, int], bytearray] = {}
        self.cut: set[int] = set()

    def both(self, act: Callable[[Pair], Any]) -> Any:
        """Do it with both, which makes no difference; returns what it did, an error included."""
        results = []
        for pair in self.pairs:
            try:
                results.append(act(pair))
            except (ValueError, RuntimeError, AssertionError, KeyError) as error:
                results.append(f"{type(error).__name__} {error}")
        ours, expected = results
        assert ours == expected, f"\n{ours}\n{expected}"
        return ours

    @rule(end=ENDS, stream=STREAMS, size=SIZES, ends=st.sampled_from([False, False, True]))
    def write(self, end: str, stream: int, size: int, ends: bool) -> None:
        stream = min(stream, self.pairs[0].client.get_next_available_stream_id())  # they are opened in turn
        data = bytes((stream + place) % 251 for place in range(size))
        if self.both(lambda pair: pair.end(end).send_stream_data(stream, data, end_stream=ends)) is None:
            self.written.setdefault((end, stream), bytearray()).extend(data)

    @rule(end=ENDS, stream=STREAMS)
    def reset(self, end: str, stream: int) -> None:
        if stream in self.pairs[0].end(end)._streams:
            self.both(lambda pair: pair.end(end).reset_stream(stream, 0))
            self.cut.add(stream)

    @rule(end=ENDS, stream=STREAMS)
    def stop(self, end: str, stream: int) -> None:
        self.both(lambda pair: pair.end(end).stop_stream(stream, 0))
        self.cut.add(stream)

    @rule(end=ENDS, stream=STREAMS, unread=st.sampled_from([0, 0, 10_000]))
    def read(self, end: str, stream: int, unread: int) -> None:
        self.both(lambda pair: pair.end(end).grant_stream(stream, unread, WINDOW))

    @rule(end=ENDS, unread=st.sampled_from([0, 0, 30_000]))
    def read_all(self, end: str, unread: int) -> None:
        self.both(lambda pair: pair.end(end).grant_session(unread))

    @rule(end=ENDS, packets=st.sampled_from([0, 1, 1, 2, 20]))
    def send(self, end: str, packets: int) -> None:
        sent: Sent = self.both(lambda pair: pair.send(end, packets))
        self.is_quiet = not sent.frames and not sent.limits

    @rule(end=ENDS, lost=st.sampled_from([0, 0, 0, 1, 2, 3]))
    def deliver(self, end: str, lost: int) -> None:
        self.both(lambda pair: pair.deliver(end, lost))
        assert self.pairs[0].events == self.pairs[1].events

    @rule(seconds=st.sampled_from([0.01, 0.03, 0.5, 3.0]))
    def wait(self, seconds: float) -> None:
        self.both(lambda pair: pair.pass_time(seconds))

    def teardown(self) -> None:
        if not hasattr(self, "pairs"):
            return
        quiet = 0
        while quiet < 2:
            quiet += 1
            for end in ("client", "server"):
                for stream in range(0, 36, 4):
                    self.read(end, stream, 0)
                self.read_all(end, 0)
                self.send(end, 100)
                quiet = quiet if self.is_quiet else 0
                self.deliver(end, 0)
            self.wait(5.0)
        self.everything_has_arrived()

    def everything_has_arrived(self) -> None:
        ours, expected = self.pairs
        assert ours.arrived == expected.arrived
        for (end, stream), data in self.written.items():
            quic, other = ours.end(end), "server" if end == "client" else "client"
            if stream not in self.cut and not quic.is_blocked(stream):
                assert ours.arrived.get((other, stream), b"") == data
        for quic in (ours.client, ours.server):
            assert not quic._ready._blocked
            assert not quic._streams_queue


@pytest.fixture(autouse=True)
def streams_are_served_in_a_certain_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """aioquic keeps those that were served with one packet in a set."""
    monkeypatch.setattr(WatchedStream, "__hash__", lambda stream: stream.stream_id, raising=False)


TestSameAsLookingAtAll = SameAsLookingAtAll.TestCase
TestSameAsLookingAtAll.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("stalled", [False, True])
def test_hundreds_of_streams_that_cannot_send_are_not_looked_at(stalled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(walks_all=False, settings=WIDE, places=STREAMS_MAX)
    for number in range(500):
        pair.client.send_stream_data(4 * number, bytes(2 * WINDOW if stalled else 10))
    for _ in range(50):
        pair.send("client", 100)
        pair.deliver("client")
        pair.send("server", 100)
        pair.deliver("server")
    looked_at: list[int | None] = []
    is_ready = ReadyStreams.is_ready

    def counted(ready: ReadyStreams, stream: QuicStream, session_left: int) -> bool:
        looked_at.append(stream.stream_id)
        return is_ready(ready, stream, session_left)

    monkeypatch.setattr(ReadyStreams, "is_ready", counted)
    bulk = pair.client.get_next_available_stream_id()
    for _ in range(10):
        pair.client.send_stream_data(bulk, bytes(WINDOW // 10))
        assert len(pair.send("client", 20).frames) == 1
        pair.deliver("client")
        pair.server.grant_stream(bulk, 0, WINDOW)
        pair.send("server", 20)
        pair.deliver("server")
    assert len(pair.arrived["server", bulk]) == WINDOW
    assert set(looked_at) == {bulk}
    assert len(looked_at) < 10 * 10
