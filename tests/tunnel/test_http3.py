import asyncio

import pytest
from aioquic.h3.connection import FrameType, Setting, encode_frame

from freespan.tunnel.client import ClientSession
from freespan.wire.limits import HEADERS_MAX
from tests.tunnel.sessions import SECONDS, Ends, session, site, until


async def test_neither_end_keeps_tables() -> None:
    """What the other end may not refer to, it does not wait for."""
    async with session() as ends:
        await until(lambda: ends.server._http is not None and ends.server._http.received_settings is not None)
        for one in (ends.client, ends.server):
            assert one._http is not None
            settings = one._http.sent_settings
            assert settings is not None
            assert settings[Setting.QPACK_MAX_TABLE_CAPACITY] == 0
            assert settings[Setting.QPACK_BLOCKED_STREAMS] == 0


async def test_a_request_is_one_packet() -> None:
    async with session() as ends:
        await ends.client.connect(site("echo"))
        passed: list[bytes] = []
        send = ends.client_link.send
        ends.client_link.send = passed.append  # type: ignore[method-assign, assignment]
        assert ends.client._http is not None
        assert ends.client._quic is not None
        stream_id = ends.client._quic.get_next_available_stream_id()
        ends.client._http.send_headers(stream_id, [(b":method", b"CONNECT"), (b":authority", b"a.example:443")])
        ends.client._flush()
        assert len(passed) == 1
        assert len(passed[0]) < 200
        ends.client_link.send = send  # type: ignore[method-assign]
        send(passed[0])


# --- a few bytes that would be many --------------------------------------------------------------------
SET_CAPACITY = b"\x3f\xe1\x1f"
"""QPACK's instruction to keep a table of 4,096 bytes (RFC 9204 section 4.3.1)."""


def parts(client: ClientSession):  # type: ignore[no-untyped-def]
    assert client._quic is not None
    assert client._http is not None
    return client._quic, client._http


def send_headers_frame(client: ClientSession, size: int) -> None:
    """A request of `size` bytes that a client in good faith does not send: CONNECT, then one header many times."""
    quic, _ = parts(client)
    block = b"\x00\x00" + b"\xcf" + b"\x50\x0aecho.test:"
    stream_id = quic.get_next_available_stream_id()
    quic.send_stream_data(stream_id, encode_frame(FrameType.HEADERS, block + b"\xdd" * (size - len(block))))
    client._flush()


async def wait_both_ended(ends: Ends) -> None:
    async with asyncio.timeout(SECONDS):
        await ends.serving
        await ends.client.wait_ended()


async def test_headers_up_to_the_bound_are_served() -> None:
    async with session() as ends:
        send_headers_frame(ends.client, HEADERS_MAX)
        await until(lambda: bool(ends.server._streams))
        assert not ends.server.is_over


@pytest.mark.parametrize("size", [HEADERS_MAX + 1, 400_000])
async def test_longer_headers_end_the_session_unread(size: int) -> None:
    async with session() as ends:
        send_headers_frame(ends.client, size)
        await wait_both_ended(ends)
        assert not ends.server._streams


async def test_who_fills_a_table_that_was_not_offered_ends_the_session() -> None:
    """Else a byte that refers to an entry would be 4 kB once decoded."""
    async with session() as ends:
        quic, http = parts(ends.client)
        entry = b"\x41x" + b"\x7f\xbd\x1d" + b"v" * 3_900
        quic.send_stream_data(http._local_encoder_stream_id, SET_CAPACITY + entry)
        ends.client._flush()
        await wait_both_ended(ends)
