"""The pure parts of the bridge page, run in the browser as transcripts: events with their time in, commands out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from freespan.browsers import Page
from freespan.wire import messages
from tests.web.fakes import FakeHost

pytestmark = pytest.mark.asyncio(loop_scope="session")

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "broker_messages.json").read_text("utf-8"))
EGRESS = "wss://host.example/v1/egress"
WELCOME = {
    "type": "socketMessage",
    "data": json.dumps({"type": "welcome", "egress": EGRESS, "ice_servers": [{"urls": ["stun:a.example"]}]}),
}
PING = {"type": "socketMessage", "data": '{"type":"ping"}'}
START = {"type": "start", "capacity": 2}
OPENED = {"type": "socketOpened"}
STOP = {"type": "stop"}
HELLO = {"type": "send", "text": '{"type":"hello","version":1,"capacity":2}'}

Event = tuple[float, dict[str, Any]]


def offer(name: str) -> dict[str, Any]:
    return {"type": "socketMessage", "data": json.dumps({"type": "offer", "id": name, "sdp": "v=0"})}


def answered(name: str) -> dict[str, Any]:
    return {"type": "pipeAnswered", "id": name, "sdp": "v=1"}


def opened(name: str) -> dict[str, Any]:
    return {"type": "pipeOpened", "id": name}


def carried(name: str) -> dict[str, Any]:
    return {"type": "pipeCarried", "id": name}


def closed(name: str) -> dict[str, Any]:
    return {"type": "pipeClosed", "id": name}


def surveyed(survey: int, **network: str) -> dict[str, Any]:
    return {"type": "surveyed", "id": survey, "network": network}


def lost(code: int = 1006) -> dict[str, Any]:
    return {"type": "socketClosed", "code": code}


def timer() -> dict[str, Any]:
    return {"type": "timer"}


def passed(size: int, event: dict[str, Any]) -> dict[str, Any]:
    """An event before which so many bytes have been passed on in all."""
    return {**event, "bytes": size}


WELCOMED: list[Event] = [(0, START), (0, OPENED), (0, WELCOME)]


async def play(
    page: Page, host: FakeHost, events: list[Event], chance: float = 1.0, *, allow_private: bool = False
) -> list[dict[str, Any]]:
    """Feed events to a new session; for each its commands, and the deadline after it (None for never)."""
    answer: list[dict[str, Any]] = await page.evaluate(f"""await (async () => {{
        const {{ Session }} = await import("{host.url}/frame/session.js");
        const session = new Session(() => {chance}, {json.dumps(allow_private)});
        let size = 0;
        return {json.dumps(events)}.map(([now, {{bytes, ...event}}]) => ({{
            commands: session.handle(event, now, size = bytes ?? size), deadline: session.deadline,
        }}));
    }})()""")
    return answer


def sent(step: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages to the broker among a step's commands; every one must be in the protocol."""
    texts = [command["text"] for command in step["commands"] if command["type"] == "send"]
    for text in texts:
        messages.decode_to_broker(text)
    return [json.loads(text) for text in texts]


def views(steps: list[dict[str, Any]]) -> list[tuple[str, int, int, float]]:
    shown = [c["view"] for step in steps for c in step["commands"] if c["type"] == "publish"]
    return [(view["state"], view["now"], view["total"], view["megabytes"]) for view in shown]


def kinds(step: dict[str, Any]) -> list[str]:
    return [command["type"] for command in step["commands"] if command["type"] != "publish"]


async def test_reads_brokers_messages_as_the_vectors_say(page: Page, host: FakeHost) -> None:
    vectors = [vector for vector in VECTORS if vector["direction"] == "to_bridge"]
    texts = json.dumps([vector["text"] for vector in vectors])
    verdicts = await page.evaluate(f"""await (async () => {{
        const {{ parse, ProtocolError }} = await import("{host.url}/frame/messages.js");
        return {texts}.map((text) => {{
            try {{ return [true, parse(text).type]; }}
            catch (error) {{ return error instanceof ProtocolError ? [false, error.field] : String(error); }}
        }});
    }})()""")
    for vector, (ok, field) in zip(vectors, verdicts, strict=True):
        assert ok == vector["ok"], vector["name"]
        if "field" in vector:
            assert field == vector["field"], vector["name"]


async def test_introduces_itself_and_waits(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, WELCOMED)
    assert steps[0]["commands"][0] == {"type": "openSocket"}
    assert steps[1]["commands"] == [HELLO]
    assert steps[2]["commands"] == [
        {"type": "survey", "id": 1, "server": {"urls": ["stun:a.example"]}},
        {"type": "publish", "view": {"state": "waiting", "now": 0, "total": 0, "megabytes": 0}},
    ]
    assert [step["deadline"] for step in steps] == [15, 10, 60]


@pytest.mark.parametrize(("wish", "capacity"), [(0, 1), (-3, 1), (2.9, 2), (1000, 64)])
async def test_capacity_stays_in_the_protocol(page: Page, host: FakeHost, wish: float, capacity: int) -> None:
    steps = await play(page, host, [(0, {"type": "start", "capacity": wish}), (0, OPENED)])
    assert sent(steps[1]) == [{"type": "hello", "version": 1, "capacity": capacity}]


async def test_load_is_told_before_the_answer_that_raises_it(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*WELCOMED, (1, offer("a")), (2, answered("a")), (3, closed("a"))])
    assert steps[3]["commands"] == [
        {
            "type": "openPipe",
            "id": "a",
            "sdp": "v=0\r\n",
            "egress": EGRESS,
            "iceServers": [{"urls": ["stun:a.example"]}],
        }
    ]
    assert sent(steps[4]) == [
        {"type": "load", "sessions": 1},
        {"type": "answer", "id": "a", "sdp": "v=1"},
    ]
    assert sent(steps[5]) == [{"type": "load", "sessions": 0}]


async def test_offers_beyond_capacity_are_refused(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*WELCOMED, *((1, offer(name)) for name in "abc"), (2, closed("a"))])
    assert sent(steps[5]) == [{"type": "refusal", "id": "c", "reason": "full"}]
    assert sent(steps[6]) == [{"type": "refusal", "id": "a", "reason": "the offer could not be used"}]


async def test_an_id_that_is_in_use_is_not_in_the_protocol(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*WELCOMED, (1, offer("a")), (1, offer("a"))])
    assert kinds(steps[4]) == ["closeSocket"]
    assert steps[4]["commands"][0]["code"] == 4008


async def test_stop_ends_everything_and_nothing_wakes_it_again(page: Page, host: FakeHost) -> None:
    events = [*WELCOMED, (1, offer("a")), (1, answered("a")), (1, offer("b")), (2, STOP), (3, answered("b"))]
    steps = await play(page, host, [*events, (3, lost()), (9, timer()), (9, {"type": "network", "online": True})])
    stop = steps[6]
    assert kinds(stop) == ["closePipe", "send", "closePipe", "send", "closeSocket"]
    assert sent(stop) == [
        {"type": "refusal", "id": "b", "reason": "stopping"},
        {"type": "load", "sessions": 0},
    ]
    assert views(steps)[-1][0] == "off"
    assert all(step["commands"] == [] and step["deadline"] is None for step in steps[7:])


async def test_losing_the_network_ends_everything_until_it_is_back(page: Page, host: FakeHost) -> None:
    events = [*WELCOMED, (1, offer("a")), (1, answered("a")), (2, {"type": "network", "online": False})]
    steps = await play(page, host, [*events, (1e6, timer()), (1e6, {"type": "network", "online": True})])
    assert kinds(steps[5]) == ["closePipe", "send", "closeSocket"]
    assert steps[5]["deadline"] is None
    assert steps[6]["commands"] == []
    assert kinds(steps[7]) == ["openSocket"]
    assert "offline" in [view[0] for view in views(steps)]


async def test_after_a_sleep_everything_begins_anew(page: Page, host: FakeHost) -> None:
    events: list[Event] = [*WELCOMED, (1, offer("a")), (2, answered("a")), (3, opened("a"))]
    steps = await play(
        page, host, [*events, (9000, {"type": "woke"}), (9000, OPENED), (9001, STOP), (9002, {"type": "woke"})]
    )
    woke = steps[-4]
    assert kinds(woke) == ["closePipe", "send", "closeSocket", "openSocket"]
    assert sent(woke) == [{"type": "load", "sessions": 0}]
    assert views([woke])[-1][:2] == ("connecting", 0)
    assert steps[-3]["commands"] == [HELLO]
    assert steps[-1]["commands"] == []


async def test_another_capacity_is_told_by_a_new_connection(page: Page, host: FakeHost) -> None:
    more = {"type": "limits", "capacity": 3}
    events: list[Event] = [(0, more), *WELCOMED, (1, offer("a")), (2, answered("a")), (3, offer("b"))]
    steps = await play(page, host, [*events, (4, more), (4, more), (5, OPENED), (5, WELCOME)])
    assert steps[0]["commands"] == []  # it is not on
    changed, same, opened, welcomed = steps[-4:]
    assert kinds(changed) == ["send", "closePipe", "closeSocket", "openSocket"]
    assert sent(changed) == [{"type": "refusal", "id": "b", "reason": "stopping"}]
    assert same["commands"] == []
    assert sent(opened)[0]["capacity"] == 3
    assert sent(welcomed)[0] == {"type": "load", "sessions": 1}


@pytest.mark.parametrize("chance", [0.0, 1.0])
async def test_retries_are_ever_rarer_and_spread(page: Page, host: FakeHost, chance: float) -> None:
    now, waits = 0.0, []
    events: list[Event] = [(0, START)]
    for _ in range(9):
        events.append((now, lost()))
        steps = await play(page, host, events, chance)
        waits.append(steps[-1]["deadline"] - now)
        now = steps[-1]["deadline"]
        events.append((now, timer()))
    assert waits == [seconds * (0.5 + chance / 2) for seconds in (1, 2, 4, 8, 16, 32, 60, 60, 60)]
    assert steps[-1]["commands"] == []


async def test_a_good_connection_makes_the_next_retry_quick_again(page: Page, host: FakeHost) -> None:
    early: list[Event] = [(0, START), (0, lost()), (1, timer()), (1, OPENED), (1, WELCOME)]
    short = await play(page, host, [*early, (20, lost())])
    long = await play(page, host, [*early, (31, lost())])
    assert (short[-1]["deadline"], long[-1]["deadline"]) == (22, 32)


async def test_a_full_broker_is_left_in_peace(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [(0, START), (0, OPENED), (0, lost(1013))])
    assert steps[-1]["deadline"] == 30


async def test_silence_at_any_stage_is_a_lost_broker(page: Page, host: FakeHost) -> None:
    for events, end in (([(0, START)], 15), ([(0, START), (5, OPENED)], 15), ([*WELCOMED, (30, PING)], 90)):
        steps = await play(page, host, [*events, (end - 0.1, timer()), (end, timer())])
        assert kinds(steps[-2]) == []
        assert kinds(steps[-1]) == ["closeSocket"]
        assert views(steps)[-1][0] == "offline"


async def test_sessions_go_on_without_the_broker_and_are_reported_to_the_next(page: Page, host: FakeHost) -> None:
    events: list[Event] = [*WELCOMED, (1, offer("a")), (1, answered("a")), (1, opened("a"))]
    steps = await play(page, host, [*events, (5, lost()), (6, timer()), (6, OPENED), (6, WELCOME)])
    assert kinds(steps[6]) == []
    assert views(steps)[-1][0] == "helping"
    assert sent(steps[9]) == [{"type": "load", "sessions": 1}]


@pytest.mark.parametrize(("chance", "first"), [(1.0, 12), (0.5, 13), (0.25, 12.5)])
async def test_counts_and_the_state_behind_them_are_told_at_ticks_alone(
    page: Page, host: FakeHost, chance: float, first: float
) -> None:
    """Every two seconds from a moment that chance chose: also the first after a pause, and the last."""
    events: list[Event] = [*WELCOMED, (1, offer("a")), (1, answered("a")), (11.1, opened("a")), (11.2, carried("a"))]
    events += [(first - 0.1, passed(3_310_000, timer())), (first, timer()), (first + 0.1, passed(5_500_001, timer()))]
    events += [
        (first + 0.2, closed("a")),
        (first + 2, timer()),
        (first + 2.1, offer("b")),
        (first + 2.2, answered("b")),
    ]
    events += [(first + 2.3, opened("b")), (first + 2.4, closed("b")), (first + 4, timer())]
    steps = await play(page, host, events, chance)
    told = {at: view for (at, _), step in zip(events, steps, strict=True) for view in views([step])}
    assert told == {0: ("waiting", 0, 0, 0), first: ("helping", 1, 1, 3.4), first + 2: ("waiting", 0, 1, 5.6)}
    assert [step["deadline"] for step in steps[5:8]] == [first] * 3
    assert [step["deadline"] for step in steps[8:11]] == [first + 2] * 3
    assert steps[-1]["deadline"] == first + 2.1 + 60  # nothing to tell


async def test_the_last_counts_come_with_the_end(page: Page, host: FakeHost) -> None:
    events: list[Event] = [*WELCOMED, (1, offer("a")), (1, answered("a")), (11.1, opened("a")), (11.2, carried("a"))]
    steps = await play(page, host, [*events, (11.3, passed(2_000, STOP)), (11.4, closed("a"))])
    assert views(steps[7:]) == [("off", 0, 1, 0.1)]
    assert steps[-1]["deadline"] is None


async def test_losing_the_network_is_told_at_once_and_the_counts_at_the_next_tick(page: Page, host: FakeHost) -> None:
    events: list[Event] = [*WELCOMED, (1, offer("a")), (1, answered("a")), (10, opened("a")), (12, timer())]
    events += [(12.1, carried("a")), (12.2, passed(2_000_000, {"type": "network", "online": False})), (14, timer())]
    steps = await play(page, host, events)
    assert views(steps[6:7]) == [("helping", 1, 0, 0)]
    assert views(steps[8:9]) == [("offline", 0, 0, 0)]
    assert steps[8]["deadline"] == 14
    assert views(steps[9:]) == [("offline", 0, 1, 2)]


# --- the network -----------------------------------------------------------------------------------
A, B = {"urls": ["stun:a.example:1", "stun:a.example:2"]}, {"urls": ["stun:b.example"]}
RELAY = {"urls": ["turn:c.example"], "username": "u", "credential": "p"}
OUTSIDE = "v=0\r\na=candidate:1 1 udp 1 11.0.0.9 5 typ srflx raddr 0.0.0.0 rport 0\r\n"


def welcomed(*stun: dict[str, Any]) -> list[Event]:
    text = json.dumps({"type": "welcome", "egress": EGRESS, "ice_servers": stun})
    return [(0, START), (0, OPENED), (0, {"type": "socketMessage", "data": text})]


def asked(step: dict[str, Any]) -> list[tuple[int, dict[str, Any]]]:
    return [(command["id"], command["server"]) for command in step["commands"] if command["type"] == "survey"]


def used(step: dict[str, Any]) -> list[dict[str, Any]]:
    (servers,) = [command["iceServers"] for command in step["commands"] if command["type"] == "openPipe"]
    assert isinstance(servers, list)
    return servers


async def test_the_broker_hears_what_was_found(page: Page, host: FakeHost) -> None:
    events: list[Event] = [(1, surveyed(1, ipv4="cone", ipv6="symmetric")), (1, offer("a"))]
    steps = await play(page, host, [*welcomed(A, B), *events])
    assert asked(steps[2]) == [(1, A)]
    assert sent(steps[3]) == [{"type": "network", "ipv4": "cone", "ipv6": "symmetric"}]
    assert asked(steps[3]) == []
    assert used(steps[4]) == [A]


async def test_the_first_sessions_do_not_wait_for_the_survey(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*welcomed(A, B), (0, offer("a"))])
    assert used(steps[3]) == [A]


async def test_a_silent_server_makes_place_for_the_next(page: Page, host: FakeHost) -> None:
    events: list[Event] = [(1, surveyed(1)), (2, surveyed(2, ipv6="cone")), (3, offer("a"))]
    steps = await play(page, host, [*welcomed(A, B), *events])
    assert (sent(steps[3]), asked(steps[3])) == ([], [(2, B)])
    assert sent(steps[4]) == [{"type": "network", "ipv6": "cone"}]
    assert used(steps[5]) == [B]


async def test_no_server_is_used_when_none_answers(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*welcomed(A, B), (1, surveyed(1)), (2, surveyed(2)), (3, offer("a"))])
    assert sent(steps[4]) == [{"type": "network"}]
    assert used(steps[5]) == []


async def test_without_servers_nothing_is_found_out(page: Page, host: FakeHost) -> None:
    events: list[Event] = [(0, offer("a")), (1, {**answered("a"), "sdp": "v=0"}), (50, PING), (100, timer())]
    steps = await play(page, host, [*welcomed(), *events])
    assert used(steps[3]) == []
    assert not any(asked(step) for step in steps)


async def test_it_looks_again_and_tells_only_what_is_new(page: Page, host: FakeHost) -> None:
    events: list[Event] = [(1, surveyed(1, ipv4="cone")), *((at, PING) for at in range(50, 601, 50))]
    events += [(601, timer()), (602, surveyed(2, ipv4="cone"))]
    steps = await play(page, host, [*welcomed(A), *events])
    assert steps[14]["deadline"] == 601  # before the broker has been silent for too long
    assert asked(steps[16]) == [(2, A)]
    assert sent(steps[17]) == []
    events[-1] = (602, surveyed(2, ipv4="symmetric"))
    steps = await play(page, host, [*welcomed(A), *events])
    assert sent(steps[17]) == [{"type": "network", "ipv4": "symmetric"}]


async def test_relays_are_used_for_their_offer_alone(page: Page, host: FakeHost) -> None:
    events: list[Event] = [(0, with_relay(RELAY)), (1, offer("b"))]
    steps = await play(page, host, [*welcomed(A), *events])
    assert used(steps[3]) == [A, RELAY]
    assert used(steps[4]) == [A]


PRIVATE_STUN, PRIVATE_RELAY = {"urls": ["stun:10.0.0.1:1"]}, {"urls": ["turn:10.0.0.1:80?transport=tcp"]}


def with_relay(relay: dict[str, Any], sdp: str = "v=0") -> dict[str, Any]:
    text = json.dumps({"type": "offer", "id": "a", "sdp": sdp, "ice_servers": [relay]})
    return {"type": "socketMessage", "data": text}


@pytest.mark.parametrize(
    "events",
    [
        welcomed(PRIVATE_STUN),
        welcomed(RELAY),
        [*welcomed(), (1, with_relay(PRIVATE_RELAY))],
        [*welcomed(), (1, with_relay(A))],
    ],
    ids=["private STUN", "a relay instead of STUN", "private relay", "STUN instead of a relay"],
)
async def test_servers_that_a_public_broker_may_not_name(page: Page, host: FakeHost, events: list[Event]) -> None:
    last = (await play(page, host, events))[-1]["commands"]
    assert [command["code"] for command in last if command["type"] == "closeSocket"] == [4008]
    assert not [command for command in last if command["type"] in ("openPipe", "survey")]


async def test_a_private_broker_may_name_private_servers(page: Page, host: FakeHost) -> None:
    steps = await play(page, host, [*welcomed(PRIVATE_STUN), (1, with_relay(PRIVATE_RELAY))], allow_private=True)
    assert used(steps[3]) == [PRIVATE_STUN, PRIVATE_RELAY]


@pytest.mark.parametrize("allow_private", [False, True])
async def test_candidates_that_lead_astray_are_left_out(page: Page, host: FakeHost, allow_private: bool) -> None:
    event = with_relay(
        RELAY, "v=0\r\na=candidate:9 1 tcp 1 11.0.0.9 25 typ host\r\na=candidate:9 1 udp 1 10.0.0.9 25 typ host"
    )
    step = (await play(page, host, [*welcomed(A), (1, event)], allow_private=allow_private))[3]
    (sdp,) = [command["sdp"] for command in step["commands"] if command["type"] == "openPipe"]
    assert sdp.split("\r\n")[1:-1] == (["a=candidate:9 1 udp 1 10.0.0.9 25 typ host"] if allow_private else [])


@pytest.mark.parametrize(
    ("found", "sdp", "again"), [({"ipv4": "cone"}, "v=0", True), ({"ipv4": "cone"}, OUTSIDE, False), ({}, "v=0", False)]
)
async def test_an_answer_that_nothing_came_back_for_makes_it_look_again(
    page: Page, host: FakeHost, found: dict[str, str], sdp: str, again: bool
) -> None:
    events: list[Event] = [(1, surveyed(1, **found)), (2, offer("a")), (2, offer("b"))]
    events += [(3, {**answered("a"), "sdp": sdp}), (3, {**answered("b"), "sdp": sdp})]
    steps = await play(page, host, [*welcomed(A), *events])
    assert asked(steps[6]) == ([(2, A)] if again else [])
    assert asked(steps[7]) == []  # once is enough


async def test_every_broker_hears_it(page: Page, host: FakeHost) -> None:
    again: list[Event] = [
        (at, event) for at, event in zip((2, 3, 3), (timer(), OPENED, welcomed(B)[2][1]), strict=True)
    ]
    events: list[Event] = [(1, surveyed(1, ipv4="cone")), (1, lost()), *again]
    steps = await play(
        page, host, [*welcomed(A), *events, (4, surveyed(1, ipv4="open")), (4, surveyed(2, ipv4="cone"))]
    )
    assert steps[4]["deadline"] == 2  # to connect; nothing to survey for
    assert asked(steps[7]) == [(2, B)]
    assert sent(steps[8]) == []  # too late
    assert sent(steps[9]) == [{"type": "network", "ipv4": "cone"}]


async def test_what_is_found_too_late_is_of_no_interest(page: Page, host: FakeHost) -> None:
    for end in (lost(), STOP):
        steps = await play(page, host, [*welcomed(A), (1, end), (2, surveyed(1, ipv4="cone"))])
        assert steps[4]["commands"] == []
