from aioquic.h3.connection import Setting

from tests.tunnel.sessions import session, site, until


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
