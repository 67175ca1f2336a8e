"""The JSON messages of brokers, bridges, clients and fronts (`wire/messages.py`)."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec

from freespan.wire import messages
from freespan.wire.errors import MessageError
from freespan.wire.limits import PROTOCOL_VERSION, SIGNAL_MESSAGE_MAX
from freespan.wire.network import Network
from fuzz.fuzz_target import FuzzTarget, attempt, check_reason

_MODULES = ("freespan.wire.messages",)
_SERVERS = [messages.IceServer(["stun:h:1", "stun:h:2"]), messages.IceServer(["turn:h"], "name", "word")]
_SDP = "v=0\r\na=candidate:1 1 udp 1 1.1.1.1 9 typ host\r\n"
_NAMES = (
    "type version capacity id sdp reason sessions ipv4 ipv6 egress ice_servers urls username credential offer network"
    " avoid extra answer bridge title status detail field retry_after amount again rendezvous turn"
    " hello refusal load welcome ping lane_offer lane_answer"
    " lane_refusal open cone symmetric"
)
_WORDS = (
    *(f'"{name}"'.encode() for name in _NAMES.split()),
    *(b'{"type":"', b'"version":1', b"null", b"true", b"1e999", b"-1", b"[[[[", b'{"x":', b"\\u0000", b"\\ud800"),
    *(b'"wss://h/e"', b"9223372036854775808", b'"\\', b"\xc3\xa4", b"[]", b"{}", b"},{", b'","'),
)
_NOT_OF_THE_PROTOCOL = json.dumps({"type": 1, "version": 7, "x": [1.5, None, True, "ä\u2028"]}, ensure_ascii=False)


def _target(name: str, decode: Callable[[bytes], msgspec.Struct], *examples: msgspec.Struct) -> FuzzTarget:
    def run(data: bytes) -> None:
        message = attempt(lambda: decode(data), MessageError)
        if isinstance(message, MessageError):
            check_reason(message)
            assert message.field
        else:
            assert decode(messages.encode(message).encode()) == message

    seeds = [messages.encode(example).encode() for example in examples]
    return FuzzTarget(
        name, run, _MODULES, (*seeds, _NOT_OF_THE_PROTOCOL.encode()), _WORDS, size_max=SIGNAL_MESSAGE_MAX + 1
    )


TARGETS = (
    _target(
        "to_broker",
        messages.decode_to_broker,
        messages.Hello(PROTOCOL_VERSION, 4),
        messages.Answer("a", _SDP),
        messages.Refusal("a", "full"),
        messages.Load(3),
        messages.NetworkReport("cone", "open"),
    ),
    _target(
        "to_bridge",
        messages.decode_to_bridge,
        messages.Welcome("wss://host.example/v1/egress", _SERVERS),
        messages.Offer("a", _SDP, _SERVERS),
        messages.Ping(),
    ),
    _target("lane_offer", messages.decode_lane_offer, messages.LaneOffer("1", _SDP)),
    _target(
        "lane_reply", messages.decode_lane_reply, messages.LaneAnswer("1", _SDP), messages.LaneRefusal("1", "full")
    ),
    _target(
        "rendezvous_request",
        messages.decode_asked,
        messages.RendezvousRequest(PROTOCOL_VERSION, _SDP, Network("cone", "open"), ["a", "b"], True),
        messages.TurnRequest(PROTOCOL_VERSION),
    ),
    _target(
        "rendezvous_answer",
        messages.decode_rendezvous_answer,
        messages.RendezvousAnswer(PROTOCOL_VERSION, _SDP, "a"),
    ),
    _target(
        "turn_credentials",
        messages.decode_turn_credentials,
        messages.TurnCredentials(PROTOCOL_VERSION, _SERVERS),
    ),
    _target(
        "problem",
        messages.decode_problem,
        messages.Problem("urn:freespan:problem:no_bridge", "No bridge", 503, "come back", "offer", 3),
        messages.Problem("urn:freespan:problem:invite_quota", "x", 403, "y", amount=10**9, again="2026-12-01"),
    ),
)
