import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire import messages
from freespan.wire.errors import MessageError, VersionError
from freespan.wire.limits import BRIDGE_CAPACITY_MAX, PROTOCOL_VERSION, SDP_MAX, SIGNAL_MESSAGE_MAX
from freespan.wire.network import Network
from tests.support.attempts import attempt

TO_BROKER = [
    messages.Hello(PROTOCOL_VERSION, 4),
    messages.Answer("a", "v=0"),
    messages.Refusal("a", "full"),
    messages.Load(3),
    messages.NetworkReport(),
    messages.NetworkReport("cone", "open"),
]
TO_BRIDGE = [
    messages.Welcome("wss://host.example/v1/egress"),
    messages.Welcome("ws://h", [messages.IceServer(["stun:h"]), messages.IceServer(["turn:h"], "name", "word")]),
    messages.Offer("a", "v=0"),
    messages.Offer("a", "v=0", [messages.IceServer(["turn:h"], "name", "word")]),
    messages.Ping(),
]
DECODERS: list[Callable[[bytes], msgspec.Struct]] = [
    messages.decode_to_broker,
    messages.decode_to_bridge,
    messages.decode_asked,
    messages.decode_rendezvous_answer,
    messages.decode_turn_credentials,
    messages.decode_problem,
]
each_decoder = pytest.mark.parametrize("decode", DECODERS, ids=lambda decode: decode.__name__)


@pytest.mark.parametrize("message", TO_BROKER, ids=lambda message: type(message).__name__)
def test_round_trip_to_the_broker(message: messages.ToBroker) -> None:
    assert messages.decode_to_broker(messages.encode(message)) == message


@pytest.mark.parametrize("message", TO_BRIDGE, ids=lambda message: type(message).__name__)
def test_round_trip_to_the_bridge(message: messages.ToBridge) -> None:
    assert messages.decode_to_bridge(messages.encode(message)) == message


def test_round_trip_of_a_rendezvous() -> None:
    for request in (
        messages.RendezvousRequest(PROTOCOL_VERSION, "v=0"),
        messages.RendezvousRequest(PROTOCOL_VERSION, "v=0", Network(), ["a", "b"]),
        messages.RendezvousRequest(PROTOCOL_VERSION, "v=0", Network("cone", "open")),
        messages.TurnRequest(PROTOCOL_VERSION),
    ):
        assert messages.decode_asked(messages.encode(request).encode()) == request
    answer = messages.RendezvousAnswer(PROTOCOL_VERSION, "v=0", "a")
    assert messages.decode_rendezvous_answer(messages.encode(answer).encode()) == answer
    credentials = messages.TurnCredentials(PROTOCOL_VERSION, [messages.IceServer(["turn:h"], "name", "word")])
    assert messages.decode_turn_credentials(messages.encode(credentials).encode()) == credentials
    problem = messages.Problem("urn:freespan:problem:no_bridge", "No bridge", 503, "come back", field=None)
    assert messages.decode_problem(messages.encode(problem).encode()) == problem
    assert problem.code == "no_bridge"
    assert "field" not in messages.encode(problem)


def test_an_opened_answer_is_a_problem_if_it_has_a_status() -> None:
    problem = messages.Problem("urn:freespan:problem:busy", "busy", 503, "come back", retry_after=3)
    assert messages.problem_in(messages.encode(problem).encode().ljust(2_000)) == problem
    for other in (messages.RendezvousAnswer(1, "v=0", "a"), messages.TurnCredentials(1, [])):
        assert messages.problem_in(messages.encode(other).encode()) is None


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b"", "message"),
        (b"[]", "message"),
        (b'{"status": "503"}', "status"),
        (b'{"status": 503}', "type"),
        (b'{"type":"a","title":"b","status":503,"detail":"c","retry_after":-1}', "retry_after"),
        (b'{"type":"a","title":"b","status":503,"detail":"c","retry_after":1e9}', "retry_after"),
        (b'{"type":"a","title":"b","status":403,"detail":"c","amount":-1}', "amount"),
        (b'{"type":"a","title":"b","status":403,"detail":"c","again":"the first of December"}', "again"),
    ],
)
def test_bad_problems_in_answers(text: bytes, field: str) -> None:
    with pytest.raises(MessageError) as caught:
        messages.problem_in(text)
    assert caught.value.field == field


def test_the_form_is_the_one_of_the_protocol() -> None:
    assert json.loads(messages.encode(TO_BROKER[0])) == {"type": "hello", "version": 1, "capacity": 4}
    assert json.loads(messages.encode(TO_BRIDGE[1]))["ice_servers"] == [
        {"urls": ["stun:h"]},
        {"urls": ["turn:h"], "username": "name", "credential": "word"},
    ]
    assert json.loads(messages.encode(messages.Ping())) == {"type": "ping"}
    assert json.loads(messages.encode(messages.NetworkReport("cone"))) == {"type": "network", "ipv4": "cone"}
    assert json.loads(messages.encode(messages.Offer("a", "v=0"))) == {"type": "offer", "id": "a", "sdp": "v=0"}
    request = messages.RendezvousRequest(1, "v=0", Network(), ["a"])
    kept = {"type": "rendezvous", "version": 1, "offer": "v=0", "network": {}, "avoid": ["a"]}
    assert json.loads(messages.encode(request)) == kept
    assert json.loads(messages.encode(messages.TurnRequest(1))) == {"type": "turn", "version": 1}


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"type":"hello","version":1}', "capacity"),
        ('{"type":"hello","version":1,"capacity":-1}', "capacity"),
        (f'{{"type":"hello","version":1,"capacity":{BRIDGE_CAPACITY_MAX + 1}}}', "capacity"),
        ('{"type":"hello","version":1,"capacity":"4"}', "capacity"),
        ('{"type":"hello","version":1,"capacity":2.5}', "capacity"),
        ('{"type":"hello","version":2,"capacity":4}', "version"),
        ('{"type":"hello","version":0,"capacity":4}', "version"),
        ('{"type":"answer","id":"","sdp":"x"}', "id"),
        (json.dumps({"type": "answer", "id": "x" * 65, "sdp": "x"}), "id"),
        ('{"type":"answer","id":"a","sdp":""}', "sdp"),
        (json.dumps({"type": "answer", "id": "a", "sdp": "x" * (SDP_MAX + 1)}), "sdp"),
        (json.dumps({"type": "refusal", "id": "a", "reason": "x" * 201}), "reason"),
        ('{"type":"load","sessions":-1}', "sessions"),
        ('{"type":"ping"}', "type"),
        ('{"type":"offer","id":"a","sdp":"x"}', "type"),
        ('{"type":7}', "type"),
        ('{"version":1}', "type"),
        ("{}", "type"),
        ("[]", "message"),
        ("null", "message"),
        ("", "message"),
        ("{", "message"),
        ('{"type":"hello","version":1,"capacity":4}x', "message"),
        ('{"type":"answer","id":"\\ud800","sdp":"x"}', "message"),
        ("x" * (SIGNAL_MESSAGE_MAX + 1), "message"),
    ],
)
def test_bad_messages_of_a_bridge(text: str, field: str) -> None:
    for form in (text, text.encode()):
        with pytest.raises(MessageError) as caught:
            messages.decode_to_broker(form)
        assert caught.value.field == field


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ('{"type":"welcome"}', "egress"),
        ('{"type":"welcome","egress":""}', "egress"),
        ('{"type":"welcome","egress":"https://h"}', "egress"),
        ('{"type":"welcome","egress":"ws://h","ice_servers":{}}', "ice_servers"),
        ('{"type":"welcome","egress":"ws://h","ice_servers":[{}]}', "ice_servers[0].urls"),
        ('{"type":"welcome","egress":"ws://h","ice_servers":[{"urls":[]}]}', "ice_servers[0].urls"),
        ('{"type":"welcome","egress":"ws://h","ice_servers":[{"urls":[1]}]}', "ice_servers[0].urls[0]"),
        ('{"type":"offer","id":"a","sdp":"v=0","ice_servers":null}', "ice_servers"),
        ('{"type":"offer","id":"a","sdp":"v=0","ice_servers":[{}]}', "ice_servers[0].urls"),
        ('{"type":"hello","version":1,"capacity":4}', "type"),
    ],
)
def test_bad_messages_of_a_broker(text: str, field: str) -> None:
    with pytest.raises(MessageError) as caught:
        messages.decode_to_bridge(text)
    assert caught.value.field.removesuffix("[...]") in {field, field.replace("[0]", "[...]"), field.removesuffix("[0]")}


@pytest.mark.parametrize(
    "decode", [messages.decode_asked, messages.decode_rendezvous_answer, messages.decode_turn_credentials]
)
def test_a_rendezvous_of_another_version(decode: Callable[[bytes], msgspec.Struct]) -> None:
    with pytest.raises(VersionError, match="update") as caught:
        decode(b'{"type":"rendezvous","version":2,"offer":"x","answer":"x","ice_servers":[]}')
    assert caught.value.field == "version"


@pytest.mark.parametrize("version", [-1, 10**9, 10**2_000])
def test_a_version_that_never_was_is_not_repeated(version: int) -> None:
    with pytest.raises(VersionError, match="none that is known, and this end speaks 1"):
        messages.check_version(version)


def test_missing_fields_are_named() -> None:
    with pytest.raises(MessageError, match="capacity: is missing"):
        messages.decode_to_broker('{"type":"hello","version":1}')


def test_fields_of_a_later_version_are_ignored() -> None:
    assert messages.decode_to_broker('{"type":"load","sessions":1,"mood":"good"}') == messages.Load(1)


@each_decoder
def test_deep_nesting_is_an_error_and_nothing_worse(decode: Callable[[bytes], msgspec.Struct]) -> None:
    for text in (b"[" * 30_000, b'{"x":' * 5_000, b'{"type":"load","sessions":1,"x":' + b"[" * 20_000):
        with pytest.raises(MessageError):
            decode(text)


@each_decoder
def test_what_the_other_end_wrote_does_not_come_back_in_the_error(decode: Callable[[bytes], msgspec.Struct]) -> None:
    secret = "host-name.example"
    for text in (
        {"type": secret},
        {"type": "answer", "id": [secret], "sdp": {secret: 1}},
        {"type": "network", "ipv4": secret},
        {"version": 1, "offer": "v=0", "network": {"ipv6": secret}},
        secret,
        {secret: secret},
    ):
        with pytest.raises(MessageError) as caught:
            decode(json.dumps(text).encode())
        assert secret not in str(caught.value)


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
words = st.sampled_from(
    [
        "type",
        "version",
        "capacity",
        "id",
        "sdp",
        "reason",
        "sessions",
        "egress",
        "ice_servers",
        "urls",
        "offer",
        "answer",
        "bridge",
        "network",
        "avoid",
        "ipv4",
        "ipv6",
    ]
)
tags = st.sampled_from(["hello", "network", "answer", "refusal", "load", "welcome", "offer", "ping"])
values = st.recursive(
    scalars | tags | st.sampled_from([1, 4, "ws://h", "open", "cone", "symmetric"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)
objects = st.fixed_dictionaries({}, optional={"type": tags, "version": st.just(1)}).flatmap(
    lambda fixed: st.dictionaries(words, values, max_size=5).map(lambda more: {**more, **fixed})
)


@each_decoder
@given(body=st.binary(max_size=200) | objects.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_message_or_a_message_error(decode: Callable[[bytes], msgspec.Struct], body: bytes) -> None:
    message = attempt(lambda: decode(body), MessageError)
    if isinstance(message, MessageError):
        assert message.field
        assert "\n" not in str(message)
    else:
        assert decode(messages.encode(message).encode()) == message


# --- the vectors that Python and JavaScript share ----------------------------------------------
VECTORS = Path(__file__).parent.parent / "vectors" / "broker_messages.json"
SHARED: list[dict[str, Any]] = json.loads(VECTORS.read_text(encoding="utf-8"))
BY_DIRECTION = {
    "to_bridge": messages.decode_to_bridge,
    "to_broker": messages.decode_to_broker,
    "lane_offer": messages.decode_lane_offer,
    "lane_reply": messages.decode_lane_reply,
}


@pytest.mark.parametrize("vector", SHARED, ids=lambda vector: vector["name"])
def test_shared_vectors(vector: dict[str, Any]) -> None:
    decode = BY_DIRECTION[vector["direction"]]
    if vector["ok"]:
        message = decode(vector["text"])
        assert decode(messages.encode(message)) == message
    else:
        with pytest.raises(MessageError) as caught:
            decode(vector["text"])
        assert vector.get("field") in (None, caught.value.field)


def test_length_is_counted_in_bytes() -> None:
    text = json.dumps({"type": "load", "sessions": 1, "x": "ä" * (SIGNAL_MESSAGE_MAX // 2)}, ensure_ascii=False)
    assert len(text) < SIGNAL_MESSAGE_MAX
    with pytest.raises(MessageError, match="longer"):
        messages.decode_to_broker(text)


def test_text_that_is_not_unicode() -> None:
    with pytest.raises(MessageError, match="not JSON"):
        messages.decode_to_broker('{"type":"load","sessions":1,"x":"\ud800"}')
