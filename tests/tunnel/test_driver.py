"""How a session ends: with its link, with a CONNECTION_CLOSE, by an error inside, or for want of packets."""

import asyncio

import pytest
from aioquic.h3.connection import ErrorCode
from aioquic.quic.events import StreamReset

from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from tests.support.tunnels import (
    SECONDS,
    exchange,
    pattern,
    session,
    site,
    two_ends,
    until,
    write_all,
)

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("side", ["client", "egress"])
async def test_a_dead_link_cuts_every_stream_and_gives_a_reason(side: str) -> None:
    async with session() as ends:
        reader = await ends.client.connect(site("silent"))
        writer = await ends.client.connect(site("silent"))
        reading = asyncio.create_task(reader.read(), name="test-read")
        writing = asyncio.create_task(write_all(writer, bytes(8_000_000)), name="test-write")
        opening = asyncio.create_task(ends.client.connect(site("never")), name="test-open")
        await until(lambda: writer.id in ends.client._driver._writers)
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


async def test_an_error_in_the_last_packets_does_not_hide_the_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session() as ends:
        monkeypatch.setattr(ends.client._driver, "_handle_events", break_down)
        ends.client._driver.on_message(b"a packet")
        ends.client._driver.on_closed("gone")
        async with asyncio.timeout(SECONDS):
            await ends.client.wait_ended()
    assert only_the_kind_of_error_is_logged(caplog)


@pytest.mark.parametrize("where", ["_handle_events", "_send_datagrams"])
async def test_an_error_in_a_turn_ends_the_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Even if CONNECTION_CLOSE cannot be sent either."""
    async with session() as ends:
        reading = asyncio.create_task((await ends.client.connect(site("silent"))).read(), name="test-read")
        monkeypatch.setattr(ends.client._driver, where, break_down)
        ends.client._driver.on_message(b"a packet")
        ends.client._driver.flush_soon()
        async with asyncio.timeout(SECONDS):
            assert await ends.client.wait_ended() == "an internal error"
            with pytest.raises(StreamError):
                await reading
    assert only_the_kind_of_error_is_logged(caplog)


async def test_an_error_when_time_has_come_ends_the_session(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with session() as ends:
        assert ends.client._driver.quic is not None
        monkeypatch.setattr(ends.client._driver.quic, "handle_timer", break_down)
        monkeypatch.setattr(ends.client._driver.quic, "get_timer", lambda: 0.0)
        ends.client._driver._set_timer(ends.client._driver.quic)
        async with asyncio.timeout(SECONDS):
            assert await ends.client.wait_ended() == "an internal error"
    assert only_the_kind_of_error_is_logged(caplog)


async def test_everything_may_be_called_after_the_end() -> None:
    async with session() as ends:
        stream = await ends.client.connect(site("echo"))
        ends.client.close("over")
        ends.client.close("again")
        ends.client._driver.on_message(b"late")
        ends.client._driver.on_writable()
        ends.client._driver.on_closed("late")
        ends.client._streams.send_data(stream.id, b"late", end=False)
        ends.client._streams.give_up(stream.id, reset=True, stop=True)
        await ends.client._streams.drained(stream.id)
        stream.abort()
        stream.write_eof()
        assert await ends.client.wait_ended() == "over"


async def test_a_closed_session_ends_at_the_other_end_too() -> None:
    async with session() as ends:
        ends.client.close("the reader is done")
        async with asyncio.timeout(SECONDS):
            await ends.serving
        assert ends.server.is_over


async def test_an_idle_session_is_kept_alive() -> None:
    async with session(settings=TunnelSettings(keepalive_seconds=0.05)) as ends:
        before = ends.client.bytes_received
        await until(lambda: ends.client.bytes_received > before + 3 * 25)
        await exchange(ends, b"still here")


async def test_an_egress_whose_client_falls_silent_gives_up() -> None:
    async with two_ends(bridged=True, settings=TunnelSettings(idle_seconds=0.2)) as ends:
        await ends.client.start()
        stream = await ends.client.connect(site("silent"))
        assert ends.bridge is not None
        ends.bridge.to_egress = lambda _: ()
        async with asyncio.timeout(SECONDS):
            assert await ends.server.wait_ended() == "the session timed out or broke"
            await ends.serving
            with pytest.raises(StreamError):
                await stream.read()


async def test_a_closed_session_is_told_from_a_broken_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for code, reason in ((ErrorCode.H3_NO_ERROR, "closed the session"), (ErrorCode.H3_INTERNAL_ERROR, "broke")):
        async with session() as ends:
            await until(lambda ends=ends: ends.server._driver.is_established)  # type: ignore[misc]
            assert ends.server._driver.quic is not None
            # it would close the link, whose end would be faster
            monkeypatch.setattr(ends.server._driver, "_terminated", lambda _: None)
            ends.server._driver.quic.close(error_code=code)
            ends.server._driver._send_datagrams()
            async with asyncio.timeout(SECONDS):
                assert reason in await ends.client.wait_ended()


async def test_an_end_that_has_not_begun_does_nothing() -> None:
    async with session() as ends:
        bare = ClientTunnel(b"", ends.client_link)
        assert bare._driver._accepted(b"x") is None
        bare._driver._send_datagrams()
        bare._driver._flush()
        bare._driver._timer_fired()
        bare._streams.give_up(0, reset=True, stop=True)
        await bare._streams.drained(0)
        assert bare._streams.handle_event(StreamReset(error_code=0, stream_id=0)) == ()
        bare.close()
        assert bare.is_over
