"""What a whole session promises, both ends together, over links in memory."""

import asyncio
import random
from collections.abc import Iterable

import pytest
from aioquic.h3.connection import ErrorCode
from aioquic.h3.events import H3Event
from aioquic.quic.events import StreamReset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from freespan.tunnel import client as client_module
from freespan.tunnel import quic as quic_module
from freespan.tunnel import session as session_module
from freespan.tunnel import stream as stream_module
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.session import Session
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.limits import (
    LINK_QUEUE_MAX,
    SESSION_WINDOW,
    STREAM_UNSENT_MAX,
    STREAM_WINDOW,
    STREAM_WINDOW_MAX,
    STREAMS_MAX,
)
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.tunnel.sessions import (
    SECONDS,
    Ends,
    pattern,
    read_all,
    session,
    site,
    two_ends,
    until,
    write_all,
)

pytestmark = pytest.mark.timeout(60)


async def exchange(ends: Ends, data: bytes) -> None:
    """One stream to the echo and back, byte for byte."""
    stream = await ends.client.connect(site("echo"))

    async def send() -> None:
        await write_all(stream, data)
        stream.write_eof()

    sending = asyncio.create_task(send(), name="test-send")
    assert await read_all(stream) == data
    await sending
    ends.client.release(stream)


# --- streams ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 15_999, 16_000, 16_001, 3_000_000])
async def test_what_goes_in_comes_out(size: int) -> None:
    async with session() as ends:
        await exchange(ends, pattern(size))


async def test_a_slow_and_long_road() -> None:
    async with session(delay=0.01, rate=20e6) as ends:
        await exchange(ends, pattern(1_000_000))


async def test_many_streams_at_once_do_not_mix() -> None:
    async with session() as ends, asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(exchange(ends, bytes((number,)) * 30_000), name=f"test-{number}")


@pytest.mark.parametrize("count", [2, 5])
async def test_streams_share_the_session(count: int) -> None:
    """When one has all of its bytes, each of the others has most of them."""
    size = 2_000_000
    async with session(rate=20e6) as ends:
        received = [0] * count

        async def read(number: int) -> None:
            stream = await ends.client.connect(site("sized", size // 1024))
            while data := await stream.read():
                received[number] += len(data)

        reading = [asyncio.create_task(read(number), name=f"test-read-{number}") for number in range(count)]
        async with asyncio.timeout(SECONDS):
            await asyncio.wait(reading, return_when=asyncio.FIRST_COMPLETED)
            assert min(received) > 0.7 * size
            await asyncio.gather(*reading)


async def test_first_bytes_travel_with_the_request() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"), b"hello ")
        await stream.write(b"world")
        stream.write_eof()
        assert await read_all(stream) == b"hello world"


async def test_a_direction_ends_and_the_other_goes_on() -> None:
    async def answer_after_the_end(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        assert await read_all(stream) == b"question"
        await stream.write(b"late answer")
        stream.write_eof()

    async with session(answer_after_the_end) as ends:
        stream = await ends.client.connect(site("any"))
        await stream.write(b"question")
        stream.write_eof()
        stream.write_eof()  # a second end is none
        assert await read_all(stream) == b"late answer"
        assert await stream.read() == b""


async def test_an_end_may_come_before_the_question_ends() -> None:
    async def hasty(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        stream.write_eof()
        assert await read_all(stream) == b"still here"
        done.set()

    done = asyncio.Event()
    async with session(hasty) as ends:
        stream = await ends.client.connect(site("any"))
        assert await stream.read() == b""
        await stream.write(b"still here")
        stream.write_eof()
        async with asyncio.timeout(SECONDS):
            await done.wait()


async def test_a_refusal_has_its_reason_and_leaves_the_session_whole() -> None:
    async with session() as ends:
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("refusing"))
        assert caught.value.status == ProxyStatus("connection_refused")
        await exchange(ends, b"fine")


# --- cuts ------------------------------------------------------------------------------------------
async def test_a_client_that_gives_up_cuts_the_other_end_in_both_directions() -> None:
    outcomes: list[str] = []

    async def watched(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        with pytest.raises(StreamError):
            await read_all(stream)
        outcomes.append("reading")
        with pytest.raises(StreamError):
            while True:
                await stream.write(bytes(1000))
        outcomes.append("writing")

    async with session(watched) as ends:
        stream = await ends.client.connect(site("any"), b"question")
        ends.client.release(stream)
        await until(lambda: outcomes == ["reading", "writing"])
        with pytest.raises(StreamError):
            await stream.read()
        with pytest.raises(StreamError):
            await stream.write(b"x")


async def test_an_egress_that_gives_up_cuts_the_client_in_both_directions() -> None:
    async def leaves_in_the_middle(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        await stream.write(b"half")
        await until(lambda: not stream._host._quic.unsent(stream.id))  # type: ignore[attr-defined]

    async with session(leaves_in_the_middle) as ends:
        stream = await ends.client.connect(site("any"))
        received = b""
        with pytest.raises(StreamError) as caught:
            while part := await stream.read():
                received += part
        assert received in {b"", b"half"}  # a reset may overtake data, but it is never taken for the end
        assert caught.value.status == ProxyStatus("connection_terminated")
        with pytest.raises(StreamError):
            while True:
                await stream.write(bytes(1000))
        await exchange_fails_not(ends)


async def exchange_fails_not(ends: Ends) -> None:
    """The session has survived: the next stream opens."""
    stream = await ends.client.connect(site("any"))
    ends.client.release(stream)


async def test_a_writer_in_waiting_learns_that_nobody_wants_its_bytes() -> None:
    """StopSending: the reader gives up while the writer waits for room."""
    give_up = asyncio.Event()

    async def stops(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        await give_up.wait()

    async with session(stops) as ends:
        stream = await ends.client.connect(site("any"))
        writing = asyncio.create_task(write_all(stream, bytes(8_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._drain_waiters)
        give_up.set()
        async with asyncio.timeout(SECONDS):
            with pytest.raises(StreamError):
                await writing


async def test_a_writer_that_is_cancelled_in_the_middle_leaves_the_session_whole() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("silent"))
        writing = asyncio.create_task(write_all(stream, bytes(8_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._drain_waiters)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        ends.client.release(stream)
        assert not ends.client._drain_waiters
        await exchange(ends, pattern(100_000))


async def test_a_reader_that_is_cancelled_in_the_middle_loses_nothing() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        reading = asyncio.create_task(stream.read(), name="test-read")
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        await stream.write(b"whole")
        stream.write_eof()
        assert await read_all(stream) == b"whole"


async def test_data_after_the_end_cuts_the_stream_and_not_the_session() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        stream.write_eof()
        with pytest.raises(StreamError):
            await stream.write(b"more")
        await exchange(ends, b"fine")


async def test_trailers_and_informational_headers_do_no_harm() -> None:
    async def with_trailers(session: ServerTunnel, stream: TunnelStream) -> None:
        session.accept(stream)
        await stream.write(b"data")
        assert session._http is not None
        session._http.send_headers(stream.id, [(b"x-trailer", b"1")], end_stream=True)
        session._flush_soon()
        stream.end_sent()

    async with session(with_trailers) as ends:
        stream = await ends.client.connect(site("any"))
        assert await read_all(stream) == b"data"
        assert dict(stream.headers)[b":status"] == b"200"


# --- back-pressure -----------------------------------------------------------------------------------
async def test_a_reader_that_does_not_read_costs_one_window_and_stops_its_own_sender_alone() -> None:
    written = 0

    async def endless(session: ServerTunnel, stream: TunnelStream) -> None:
        nonlocal written
        session.accept(stream)
        if dict(stream.headers)[b":authority"] == b"other.test:1":
            await stream.write(pattern(3_000_000))
            stream.write_eof()
            await stream.read()
            return
        while True:
            await stream.write(bytes(65_536))
            written += 65_536

    async with session(endless) as ends:
        stalled = await ends.client.connect(site("stalled"))
        await until(lambda: stalled.unread >= STREAM_WINDOW - 20_000)
        for _ in range(3):
            other = await ends.client.connect(site("other"))
            assert await read_all(other) == pattern(3_000_000)
            ends.client.release(other)
        assert stalled.unread <= STREAM_WINDOW
        assert written <= STREAM_WINDOW + STREAM_UNSENT_MAX + 2 * 65_536
        assert ends.server_link.queue_peak <= LINK_QUEUE_MAX
        # and when it reads at last, everything goes on
        before = written
        while written < before + 2 * STREAM_WINDOW:
            await stalled.read()
        assert stalled.unread <= stalled.window


async def test_an_egress_whose_site_does_not_read_holds_the_client_back() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("silent"))
        writing = asyncio.create_task(write_all(stream, bytes(16_000_000)), name="test-write")
        await until(lambda: stream.id in ends.client._drain_waiters)
        await exchange(ends, pattern(2_000_000))
        (far,) = (one for one in ends.server._streams.values() if one.unread)
        assert far.unread <= STREAM_WINDOW
        assert not writing.done()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


@pytest.fixture
def small_windows(monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """A stream's and a session's, in the same proportion: what goes for them goes for the real ones, only sooner."""
    stream_window, session_window = STREAM_WINDOW // 16, SESSION_WINDOW // 16
    for module in (quic_module, session_module):
        monkeypatch.setattr(module, "SESSION_WINDOW", session_window)
    for module in (quic_module, session_module, stream_module):
        monkeypatch.setattr(module, "STREAM_WINDOW", stream_window)
    monkeypatch.setattr(stream_module, "STREAM_WINDOW_MAX", STREAM_WINDOW_MAX // 16)
    return stream_window, session_window


def is_stalled(stream: TunnelStream) -> bool:
    return stream.unread > stream.window - 1_000


@pytest.mark.parametrize("count", [70, STREAMS_MAX - 1])
async def test_stalled_streams_starve_nobody(small_windows: tuple[int, int], count: int) -> None:
    """Each with a full window; the last place there is still serves."""
    async with session() as ends:
        stalled = [await ends.client.connect(site("sized", 200)) for _ in range(count)]
        await until(lambda: all(map(is_stalled, stalled)))
        assert sum(stream.unread for stream in stalled) <= small_windows[1]
        await exchange(ends, pattern(1_000_000))
        assert await read_all(stalled[33]) == pattern(200 * 1024)


async def endless(session: ServerTunnel, stream: TunnelStream) -> None:
    session.accept(stream)
    with pytest.raises(StreamError):
        while True:
            await stream.write(bytes(20_000))


async def read_until_the_window_is_wide(stream: TunnelStream) -> None:
    taken = 0
    while stream.window < STREAM_WINDOW_MAX // 16 and taken < 1_000_000:
        taken += len(await stream.read())


async def test_streams_that_stall_after_they_were_fast_starve_nobody(
    small_windows: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wide windows for all of them would be more than the session's."""
    monkeypatch.setattr(Session, "now", lambda _: 0.0)
    stream_window, session_window = small_windows
    async with session(endless) as ends:
        stalled = [await ends.client.connect(site("any")) for _ in range(40)]
        async with asyncio.timeout(SECONDS):
            for stream in stalled:
                await read_until_the_window_is_wide(stream)
        windows = sorted(stream.window for stream in stalled)
        assert windows[0] == stream_window
        assert windows[-1] == STREAM_WINDOW_MAX // 16
        assert sum(windows) + (STREAMS_MAX - 40) * stream_window <= session_window
        await until(lambda: all(map(is_stalled, stalled)))
        other = await ends.client.connect(site("any"))
        taken = 0
        async with asyncio.timeout(SECONDS):
            while taken < 1_000_000:
                taken += len(await other.read())
        ends.client.release(other)
        # and what a stream had more, another one gets when it is gone
        for stream in stalled:
            ends.client.release(stream)
        assert ends.client._spare_window == session_window - STREAMS_MAX * stream_window
        last = await ends.client.connect(site("any"))
        await read_until_the_window_is_wide(last)
        assert last.window == STREAM_WINDOW_MAX // 16


async def test_windows_that_nobody_read_come_back_when_streams_are_given_up(small_windows: tuple[int, int]) -> None:
    """More than a session's window in all; the unread part of it would otherwise be gone for good."""
    async with session() as ends:
        given_up = 0
        while given_up <= 2 * small_windows[1]:
            streams = [await ends.client.connect(site("sized", 200)) for _ in range(40)]
            await until(lambda streams=streams: all(map(is_stalled, streams)))  # type: ignore[misc]
            for stream in streams:
                given_up += stream.unread
                ends.client.release(stream)
        assert ends.client._all_unread == 0
        await exchange(ends, pattern(2_000_000))


async def test_windows_of_streams_that_are_given_up_at_once_come_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is still on its way when a stream is given up reaches nobody, and must not use up the session."""
    small = 2 * STREAM_WINDOW
    monkeypatch.setattr(quic_module, "SESSION_WINDOW", small)
    async with session(delay=0.001) as ends:
        quic = ends.client._quic
        assert quic is not None
        for _ in range(1_000):
            opening = asyncio.create_task(ends.client.connect(site("sized", 400)), name="test-open")
            await until(lambda: bool(ends.server._streams))
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
            await until(lambda: not ends.server._streams)
            if quic._local_max_data.used > 3 * small:
                break
        assert quic._local_max_data.used > 3 * small
        await exchange(ends, pattern(1_000_000))
        assert ends.client._all_unread == 0


async def test_a_stream_that_is_read_after_its_release_does_not_count_twice() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("sized", 100))
        await until(lambda: stream.unread == 100 * 1024)
        ends.client.release(stream)
        assert ends.client._all_unread == 0
        with pytest.raises(StreamError):
            await read_all(stream)
        assert ends.client._all_unread == 0


async def test_a_fast_reader_gets_a_wider_window_and_a_slow_one_does_not() -> None:
    async with session() as ends:
        fast = await ends.client.connect(site("sized", 8_000))
        assert len(await read_all(fast)) == 8_000 * 1024
        assert fast.window > STREAM_WINDOW
        slow = await ends.client.connect(site("sized", 2_000))
        await until(lambda: slow.unread > STREAM_WINDOW - 20_000)
        assert slow.window == STREAM_WINDOW


# --- the bound on streams ------------------------------------------------------------------------------
async def test_one_stream_too_many_waits_until_another_is_given_back() -> None:
    async with session() as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(STREAMS_MAX)]
        waiting = asyncio.create_task(ends.client.connect(site("echo"), b"patience"), name="test-129th")
        for _ in range(20):
            await asyncio.sleep(0)
        assert not waiting.done()
        assert len(ends.server._streams) == STREAMS_MAX
        ends.client.release(streams[0])
        ends.client.release(streams[0])  # once is enough: a second time must not make another place
        async with asyncio.timeout(SECONDS):
            stream = await waiting
        stream.write_eof()
        assert await read_all(stream) == b"patience"
        assert ends.client._slots._value == 0


async def test_streams_can_come_and_go_for_long() -> None:
    async with session() as ends:
        for _ in range(3 * STREAMS_MAX):
            ends.client.release(await ends.client.connect(site("echo")))
        await exchange(ends, b"still fine")
        await until(lambda: not ends.server._streams)
        assert not ends.client._streams


async def test_waiting_for_a_place_ends_with_the_session() -> None:
    async with session() as ends:
        streams = [await ends.client.connect(site("silent")) for _ in range(STREAMS_MAX)]
        waiting = asyncio.create_task(ends.client.connect(site("echo")), name="test-129th")
        await asyncio.sleep(0)
        ends.client.close("over")
        for stream in streams:
            ends.client.release(stream)
        async with asyncio.timeout(SECONDS):
            with pytest.raises(StreamError) as caught:
                await waiting
        assert caught.value.status == ProxyStatus("destination_unavailable")


# --- the link dies -----------------------------------------------------------------------------------
@pytest.mark.parametrize("side", ["client", "egress"])
async def test_a_dead_link_cuts_every_stream_and_tells_why(side: str) -> None:
    async with session() as ends:
        reader = await ends.client.connect(site("silent"))
        writer = await ends.client.connect(site("silent"))
        reading = asyncio.create_task(reader.read(), name="test-read")
        writing = asyncio.create_task(write_all(writer, bytes(8_000_000)), name="test-write")
        opening = asyncio.create_task(ends.client.connect(site("never")), name="test-open")
        await until(lambda: writer.id in ends.client._drain_waiters)
        (ends.client_link if side == "client" else ends.server_link).close("the volunteer has left")
        async with asyncio.timeout(SECONDS):
            for task in (reading, writing, opening):
                with pytest.raises(StreamError):
                    await task
            await ends.serving
            reason = await ends.client.wait_ended()
        assert side == "egress" or reason == "the volunteer has left"
        assert ends.client.is_over
        assert ends.server.is_over
        with pytest.raises(StreamError) as caught:
            await ends.client.connect(site("echo"))
        assert caught.value.status == ProxyStatus("destination_unavailable")


async def test_what_came_before_the_end_can_still_be_read() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("sized", 100))
        await until(lambda: stream.unread == 100 * 1024)
        ends.client_link.close()
        await ends.client.wait_ended()
        data = b""
        while len(data) < 100 * 1024:
            data += await stream.read()
        assert data == pattern(100 * 1024)


def break_down(*_: object, **__: object) -> None:
    raise RuntimeError("secret.example")


def only_the_kind_of_error_is_logged(caplog: pytest.LogCaptureFixture) -> bool:
    """Takes the record away, too."""
    text = "".join(record.getMessage() for record in caplog.records)
    caplog.clear()
    return "RuntimeError in break_down" in text and "secret" not in text


async def test_an_error_in_the_last_words_does_not_hide_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session() as ends:
        monkeypatch.setattr(ends.client, "_handle_events", break_down)
        ends.client.on_message(b"a packet")
        ends.client.on_closed("gone")
        async with asyncio.timeout(SECONDS):
            await ends.client.wait_ended()
    assert only_the_kind_of_error_is_logged(caplog)


@pytest.mark.parametrize("where", ["_handle_events", "_send_datagrams"])
async def test_an_error_in_a_turn_ends_the_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Also when not even the goodbye can be sent."""
    async with session() as ends:
        reading = asyncio.create_task((await ends.client.connect(site("silent"))).read(), name="test-read")
        monkeypatch.setattr(ends.client, where, break_down)
        ends.client.on_message(b"a packet")
        ends.client._flush_soon()
        async with asyncio.timeout(SECONDS):
            assert await ends.client.wait_ended() == "an internal error"
            with pytest.raises(StreamError):
                await reading
    assert only_the_kind_of_error_is_logged(caplog)


async def test_an_error_when_time_has_come_ends_the_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session() as ends:
        assert ends.client._quic is not None
        monkeypatch.setattr(ends.client._quic, "handle_timer", break_down)
        monkeypatch.setattr(ends.client._quic, "get_timer", lambda: 0.0)
        ends.client._set_timer(ends.client._quic)
        async with asyncio.timeout(SECONDS):
            assert await ends.client.wait_ended() == "an internal error"
    assert only_the_kind_of_error_is_logged(caplog)


async def test_everything_may_be_called_after_the_end() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        ends.client.close("over")
        ends.client.close("again")
        ends.client.on_message(b"late")
        ends.client.on_writable()
        ends.client.on_closed("late")
        ends.client.send_stream(stream.id, b"late", end=False)
        ends.client.abort_stream(stream.id, reset=True, stop=True)
        await ends.client.drained(stream.id)
        stream.abort()
        stream.write_eof()
        assert await ends.client.wait_ended() == "over"


async def test_an_end_that_is_said_is_heard_as_such() -> None:
    async with session() as ends:
        ends.client.close("the reader is done")
        async with asyncio.timeout(SECONDS):
            await ends.serving
        assert ends.server.is_over


async def test_an_idle_session_lives_on_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "KEEPALIVE_SECONDS", 0.05)
    async with session() as ends:
        before = ends.client.bytes_received
        await until(lambda: ends.client.bytes_received > before + 3 * 25)
        await exchange(ends, b"still here")


async def test_an_egress_whose_client_went_without_a_word_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quic_module, "SESSION_IDLE_SECONDS", 0.2)
    async with two_ends(bridged=True) as ends:
        await ends.client.start()
        stream = await ends.client.connect(site("silent"))
        assert ends.bridge is not None
        ends.bridge.to_egress = lambda _: ()
        async with asyncio.timeout(SECONDS):
            assert await ends.server.wait_ended() == "the session timed out or broke"
            await ends.serving
            with pytest.raises(StreamError):
                await stream.read()


# --- a bridge that cheats ----------------------------------------------------------------------------
class Tampering:
    """Changes one message in so many, in one way."""

    def __init__(self, how: str, every: int, seed: int) -> None:
        self._how = how
        self._every = every
        self._dice = random.Random(seed)
        self._kept: list[bytes] = []
        self.done = 0

    def __call__(self, message: bytes) -> Iterable[bytes]:
        self._kept = [*self._kept[-20:], message]
        if self._dice.randrange(self._every):
            return (message,)
        self.done += 1
        if self._how == "flip":
            at = self._dice.randrange(len(message))
            return (message[:at] + bytes((message[at] ^ (1 << self._dice.randrange(8)),)) + message[at + 1 :],)
        if self._how == "replace":
            return (self._dice.randbytes(len(message)),)
        if self._how == "cut":
            return (message[: self._dice.randrange(1, len(message) + 1)],)
        if self._how == "double":
            return message, message
        if self._how == "replay":
            return message, self._dice.choice(self._kept)
        if self._how == "inject":
            return self._dice.randbytes(self._dice.randrange(1, 1_500)), message
        assert self._how == "drop"
        return ()


@pytest.mark.parametrize("how", ["flip", "cut", "double", "replay", "inject", "drop"])
@pytest.mark.parametrize("direction", ["to_egress", "to_client"])
async def test_a_bridge_that_changes_packets_gets_no_wrong_byte_through(how: str, direction: str) -> None:
    tampering = Tampering(how, every=8, seed=7)
    async with session(bridged=True) as ends:
        assert ends.bridge is not None
        setattr(ends.bridge, direction, tampering)
        await exchange(ends, pattern(1_000_000))
        assert tampering.done


async def test_a_bridge_that_changes_everything_from_the_start_gets_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HANDSHAKE_SECONDS", 0.2)
    for direction in ("to_egress", "to_client"):
        async with two_ends(bridged=True) as ends:
            assert ends.bridge is not None
            setattr(ends.bridge, direction, Tampering("replace", every=1, seed=1))
            with pytest.raises(TunnelError):
                await ends.client.start()


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["flip", "cut", "inject", "replay"]), early=st.booleans())
def test_whatever_a_bridge_does_the_end_is_exact_bytes_or_a_clean_error(seed: int, how: str, early: bool) -> None:
    async def play() -> None:
        async with two_ends(bridged=True) as ends:
            assert ends.bridge is not None
            cheat = Tampering(how, every=3, seed=seed)
            if early:
                ends.bridge.to_client = ends.bridge.to_egress = cheat
            try:
                async with asyncio.timeout(3):
                    await ends.client.start()
                    ends.bridge.to_client = ends.bridge.to_egress = cheat
                    await exchange(ends, pattern(50_000))
            except (TunnelError, StreamError, TimeoutError):
                pass
        assert not {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    with asyncio.Runner() as runner:
        runner.run(play())


async def test_a_bridge_that_records_everything_sees_nothing() -> None:
    secrets = [b"a-very-blocked-site.example", b"GET /forbidden/page HTTP/1.1", b"the body of the page, word for word"]

    async def answering(session: ServerTunnel, stream: TunnelStream) -> None:
        assert dict(stream.headers)[b":authority"] == secrets[0] + b":443"
        session.accept(stream)
        assert await stream.read() == secrets[1]
        await stream.write(secrets[2] * 50)
        stream.write_eof()

    async with session(answering, bridged=True) as ends:
        stream = await ends.client.connect(site_of(secrets[0]), secrets[1])
        assert await read_all(stream) == secrets[2] * 50
        assert ends.bridge is not None
        seen = bytes(ends.bridge.seen)
    assert len(seen) > 2_000
    for secret in secrets:
        for start in range(len(secret) - 8):
            assert secret[start : start + 8] not in seen


def site_of(name: bytes) -> Target:
    return Target(name.decode(), 443)


async def test_a_session_of_no_side_does_nothing() -> None:
    async with session() as ends:
        bare = Session(ends.client_link)
        assert bare._accept(b"x") is None
        bare._send_datagrams()
        bare._flush()
        bare._timer_fired()
        bare.abort_stream(0, reset=True, stop=True)
        await bare.drained(0)
        bare.close()
        assert bare.is_over


async def test_a_polite_end_is_told_from_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for code, reason in ((ErrorCode.H3_NO_ERROR, "closed the session"), (ErrorCode.H3_INTERNAL_ERROR, "broke")):
        async with session() as ends:
            await until(lambda ends=ends: ends.server._established)  # type: ignore[misc]
            assert ends.server._quic is not None
            monkeypatch.setattr(ends.server, "_terminated", lambda _: None)  # it would close the link, and be faster
            ends.server._quic.close(error_code=code)
            ends.server._send_datagrams()
            async with asyncio.timeout(SECONDS):
                assert reason in await ends.client.wait_ended()


async def test_what_concerns_no_stream_of_ours_is_passed_over() -> None:
    async with session() as ends:
        ends.client._handle_http_event(H3Event())
        ends.client.abort_stream(4_000, reset=False, stop=True)
        stream = await ends.client.connect(site("echo"))
        ends.client.release(stream)
        ends.client.send_stream(stream.id, b"late", end=False)
        bare = Session(ends.client_link)
        bare._handle_stream_event(StreamReset(error_code=0, stream_id=0))
        await exchange(ends, b"fine")
