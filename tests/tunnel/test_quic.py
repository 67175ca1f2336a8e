import ast
import inspect
import itertools
import random
import re
from types import ModuleType

import pytest
from aioquic.buffer import encode_uint_var
from aioquic.quic.crypto import CryptoPair
from aioquic.quic.events import StreamDataReceived, StreamReset
from hypothesis import given, settings
from hypothesis import strategies as st

from freespan.tunnel import quic as quic_module
from freespan.tunnel.quic import PEER, LinkQuic, client_quic, server_quic
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.errors import TunnelError
from freespan.wire.limits import DATAGRAM_SIZE, MESSAGE_MAX
from tests.support.tunnels import IDENTITY

DEFAULTS = TunnelSettings()

SESSION_WINDOW, STREAM_WINDOW = DEFAULTS.session_window, DEFAULTS.stream_window
CLOCK = itertools.count(1.0, 0.002)


def prose_of(module: ModuleType) -> list[str]:
    """The docstrings of a module, those of its constants included, and its comments."""
    source = inspect.getsource(module)
    strings = [
        node.value.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    return [*strings, *re.findall(r"# (.*)", source)]


def first_flight() -> tuple[LinkQuic, bytes]:
    client = client_quic(DEFAULTS)
    client.connect(PEER, now=0.0)
    return client, client.datagrams_to_send(now=0.0)[0][0]


def pass_on(source: LinkQuic, goal: LinkQuic, now: float) -> int:
    """Hand over what `source` has to send; returns how many bytes that were."""
    passed = 0
    for datagram, _ in source.datagrams_to_send(now=now):
        assert len(datagram) <= DATAGRAM_SIZE <= MESSAGE_MAX
        passed += len(datagram)
        goal.receive_datagram(datagram, PEER, now=now)
    return passed


def connected() -> tuple[LinkQuic, LinkQuic]:
    client, first = first_flight()
    server = server_quic(IDENTITY, first, DEFAULTS)
    server.receive_datagram(first, PEER, now=0.0)
    settle(client, server)
    return client, server


def settle(client: LinkQuic, server: LinkQuic) -> None:
    """Pass datagrams until neither end has any; acknowledgements are due after a while, so the clock goes on."""
    silent = 0
    while silent < 10:
        now = next(CLOCK)
        silent = 0 if pass_on(server, client, now) + pass_on(client, server, now) else silent + 1


# --- the key -----------------------------------------------------------------------------------------
def test_the_pin_is_known_once_the_server_has_proved_it() -> None:
    client, _ = first_flight()
    assert client.peer_pin == b""
    client, server = connected()
    assert client.peer_pin == IDENTITY.pin
    assert server.peer_pin == b""


# --- the first message -------------------------------------------------------------------------------
def test_nothing_is_sent_before_a_packet_was_authenticated() -> None:
    _, first = first_flight()
    assert server_quic(IDENTITY, first, DEFAULTS).datagrams_to_send(now=0.0) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda first: b"",
        lambda first: first[:5],
        lambda first: bytes((first[0] & 0x7F,)) + first[1:],  # a short header
        lambda first: bytes((first[0] | 0x20,)) + first[1:],  # a Handshake packet
        lambda first: first[:1] + b"\x0a\x0a\x0a\x0a" + first[5:],  # an unknown version
        lambda first: first[:1] + bytes(4) + first[5:],  # version negotiation
    ],
)
def test_what_opens_no_connection(change) -> None:  # type: ignore[no-untyped-def]
    _, first = first_flight()
    with pytest.raises(TunnelError):
        server_quic(IDENTITY, change(first), DEFAULTS)


@given(st.binary(max_size=100))
def test_any_first_message_opens_a_connection_or_is_a_tunnel_error(first: bytes) -> None:
    try:
        server_quic(IDENTITY, first, DEFAULTS)
    except TunnelError:
        pass


# --- forged packets ------------------------------------------------------------------------------------
def forged(payload: bytes, destination: bytes, key_from: bytes, *, by_client: bool) -> bytes:
    """An Initial as a bridge can make it: its keys follow from what went over the link in the clear (RFC 9001 5.2)."""
    pair = CryptoPair()
    pair.setup_initial(cid=key_from, is_client=by_client, version=1)
    payload += bytes(max(0, 1_200 - len(payload)))
    header = b"\xc1\x00\x00\x00\x01" + bytes((len(destination),)) + destination + b"\x08" + bytes(8) + b"\x00"
    header += (0x4000 | len(payload) + 2 + 16).to_bytes(2, "big") + b"\x00\x00"
    return pair.encrypt_packet(header, payload, 0)


def frames(dice: random.Random, handshake: bytes) -> bytes:
    """Frames of all kinds, and handshake messages that are nearly right."""
    made = b""
    for _ in range(dice.randrange(1, 4)):
        kind = dice.choice((6, 6, dice.randrange(0x20)))
        if kind != 6:
            made += bytes((kind,)) + dice.randbytes(dice.randrange(20))
            continue
        data = bytearray(handshake[: dice.randrange(1, len(handshake) + 1)])
        for _ in range(dice.randrange(4)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        made += b"\x06" + encode_uint_var(dice.choice((0, 0, 40))) + encode_uint_var(len(data)) + bytes(data)
    return made


@settings(max_examples=60)
@given(st.integers(0, 2**32))
def test_forged_packets_raise_nothing(seed: int) -> None:
    """Whatever a bridge makes up, the connection answers or ends by itself."""
    dice = random.Random(seed)
    client, first = first_flight()
    server = server_quic(IDENTITY, first, DEFAULTS)
    server.receive_datagram(first, PEER, now=0.0)
    handshakes = [bytes(next(iter(one._crypto_streams.values())).sender._buffer) for one in (client, server)]

    destination = dice.randbytes(8)
    packet = forged(frames(dice, handshakes[0]), destination, destination, by_client=True)
    finish(server_quic(IDENTITY, packet, DEFAULTS), packet)
    packet = forged(
        frames(dice, handshakes[1]), client.host_cid, client.original_destination_connection_id, by_client=False
    )
    finish(client, packet)


def finish(quic: LinkQuic, packet: bytes) -> None:
    quic.receive_datagram(packet, PEER, now=0.0)
    while quic.next_event() is not None:
        pass
    quic.datagrams_to_send(now=0.0)
    at = quic.get_timer()
    if at is not None:
        quic.handle_timer(now=at)


# --- windows -----------------------------------------------------------------------------------------
def test_windows_do_not_open_by_themselves() -> None:
    """aioquic would double them whenever half is used; here the reader decides."""
    client, server = connected()
    stream_id = client.get_next_available_stream_id()
    client.send_stream_data(stream_id, bytes(4 * STREAM_WINDOW))
    settle(client, server)
    received = server._streams[stream_id].receiver
    assert received.highest_offset == STREAM_WINDOW
    assert client.unsent(stream_id) == 3 * STREAM_WINDOW
    assert server._local_max_data.value == SESSION_WINDOW


def test_a_stream_s_window_opens_behind_its_reader_in_steps() -> None:
    client, server = connected()
    stream_id = client.get_next_available_stream_id()
    client.send_stream_data(stream_id, bytes(4 * STREAM_WINDOW))
    settle(client, server)
    assert not server.grant_stream(stream_id, STREAM_WINDOW, STREAM_WINDOW)
    assert not server.grant_stream(stream_id, STREAM_WINDOW * 3 // 4 + 1, STREAM_WINDOW)
    assert server.grant_stream(stream_id, STREAM_WINDOW // 2, STREAM_WINDOW)
    assert not server.grant_stream(stream_id, STREAM_WINDOW // 2, STREAM_WINDOW)
    settle(client, server)
    assert server._streams[stream_id].receiver.highest_offset == STREAM_WINDOW * 3 // 2
    assert not server.grant_stream(4_000, 0, STREAM_WINDOW)
    assert client.unsent(4_000) == 0


def test_the_session_s_window_opens_in_great_steps_and_in_small_ones_when_it_is_tight() -> None:
    _, server = connected()
    total = server._local_max_data
    total.used = SESSION_WINDOW // 16
    assert not server.grant_session(0)
    total.used = SESSION_WINDOW // 4
    assert not server.grant_session(SESSION_WINDOW // 4)
    assert server.grant_session(0)
    assert total.value == SESSION_WINDOW * 5 // 4
    total.used = total.value - 1_000  # nearly all of it unread
    assert not server.grant_session(SESSION_WINDOW - 1_000)
    assert server.grant_session(SESSION_WINDOW - 1_000 - STREAM_WINDOW // 4)


# --- places ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("both", [True, False])
def test_a_blocked_stream_that_is_given_up_breaks_nothing_and_takes_no_place(both: bool) -> None:
    client, server = connected()
    places = server._local_max_streams_bidi.value
    for stream_id in range(0, 4 * (places + 2), 4):
        client.send_stream_data(stream_id, b"a")
    settle(client, server)
    first, waiting, last = 0, 4 * places, 4 * (places + 1)
    assert client._streams[waiting].is_blocked
    client.reset_stream(waiting, 1)
    if both:
        client.stop_stream(waiting, 1)
    client.reset_stream(waiting, 1)
    settle(client, server)
    assert client._close_event is server._close_event is None
    assert len(server._streams) == places + len([one for one in server._streams if one % 4])

    client.reset_stream(first, 1)
    client.stop_stream(first, 1)
    settle(client, server)
    assert waiting not in client._streams
    assert waiting not in server._streams
    assert server._streams[last].receiver.highest_offset == 1  # it has the place that both were waiting for
    assert server._local_max_streams_bidi.value == places + 2


def test_what_a_stream_has_queued_is_not_sent_once_it_is_given_up() -> None:
    client, server = connected()
    places = server._local_max_streams_bidi.value
    for stream_id in range(0, 4 * (places + 1), 4):
        client.send_stream_data(stream_id, b"secret")
    client.reset_stream(4 * places, 1)
    client.reset_stream(0, 1)
    client.stop_stream(0, 1)
    settle(client, server)
    events = []
    while (event := server.next_event()) is not None:
        events.append(event)
    assert StreamReset(error_code=1, stream_id=4 * places) in events
    assert not any(isinstance(event, StreamDataReceived) and event.stream_id == 4 * places for event in events)


# --- when to send --------------------------------------------------------------------------------------
def test_datagrams_are_asked_for_only_when_there_are_some() -> None:
    client, server = connected()
    assert not client.has_something_to_send
    stream_id = client.get_next_available_stream_id()
    client.send_stream_data(stream_id, b"x")
    assert client.has_something_to_send
    settle(client, server)
    assert not client.has_something_to_send
    client.reset_stream(stream_id, 0)
    assert client.has_something_to_send
    settle(client, server)
    client.stop_stream(stream_id, 0)
    assert client.has_something_to_send
    client.close()
    assert client.has_something_to_send


def test_a_finished_stream_makes_place_for_another_at_once() -> None:
    client, server = connected()
    before = server._local_max_streams_bidi.value
    stream_id = client.get_next_available_stream_id()
    client.send_stream_data(stream_id, b"x", end_stream=True)
    settle(client, server)
    server.send_stream_data(stream_id, b"y", end_stream=True)
    settle(client, server)
    assert stream_id not in server._streams
    assert server._local_max_streams_bidi.value == before + 1


@pytest.mark.parametrize("text", prose_of(quic_module))
def test_prose_refers_to_constants_by_name(text: str) -> None:
    """A figure that is repeated in prose is wrong as soon as the constant changes."""
    assert not re.search(r"\d (ms|s|seconds|packets|bytes)\b", text)


def test_an_acknowledgement_waits_for_its_time_or_for_many_packets() -> None:
    client, server = connected()
    stream_id = client.get_next_available_stream_id()
    now = next(CLOCK)
    client.send_stream_data(stream_id, b"x")
    pass_on(client, server, now)
    at = server.get_timer()
    assert at == pytest.approx(now + quic_module._ACK_DELAY_SECONDS)
    for count in range(2, quic_module._ACK_EVERY_PACKETS + 1):
        assert not server.has_something_to_send, count
        client.send_stream_data(stream_id, b"x")
        pass_on(client, server, now)
    assert server.has_something_to_send


def test_an_acknowledgement_is_piggybacked() -> None:
    client, server = connected()
    client.send_stream_data(client.get_next_available_stream_id(), b"question")
    now = next(CLOCK)
    pass_on(client, server, now)
    at = server.get_timer()
    assert at is not None
    assert at > now  # nothing else to send: it waits for its time
    assert pass_on(server, client, now) == 0
    server.send_stream_data(0, b"answer")
    pass_on(server, client, now)
    assert not client._streams[0].sender._buffer


def test_many_packets_are_acknowledged_at_once() -> None:
    client, server = connected()
    stream_id = client.get_next_available_stream_id()
    now = next(CLOCK)
    for _ in range(80):
        client.send_stream_data(stream_id, b"x")
        pass_on(client, server, now)
        if server.has_something_to_send:
            break
    assert server.has_something_to_send
    assert pass_on(server, client, now) > 0
    assert not server.has_something_to_send


def test_nothing_is_paced() -> None:
    client, _ = first_flight()
    assert client.control.congestion_window > 0
    assert quic_module._NoPacer(max_datagram_size=DATAGRAM_SIZE).next_send_time(now=0.0) is None
