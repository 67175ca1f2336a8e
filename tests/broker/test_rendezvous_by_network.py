"""Rendezvous by what ends report of their networks: who is paired, who is avoided, and who is offered TURN servers."""

from __future__ import annotations

from typing import Any

import pytest

from freespan.wire.limits import AVOID_MAX
from tests.broker.conftest import TURN_URLS, FakeBridge, Lab

Network = dict[str, str]
OPEN: Network = {"ipv4": "open"}
CONE: Network = {"ipv4": "cone"}
SYMMETRIC: Network = {"ipv4": "symmetric"}
BLOCKED: Network = {}
"""No UDP came back."""


async def join(lab: Lab, network: Network | None, capacity: int = 8) -> FakeBridge:
    bridge = await lab.join(capacity)
    if network is not None:
        await bridge.report(**network)
    return bridge


async def answered_by(lab: Lab, bridge: FakeBridge, **parts: Any) -> str:
    """One rendezvous that this bridge is given, and its name in the answer."""
    client = lab.ask(**parts)
    await bridge.answer(await bridge.offer())
    status, answer, _ = await client
    assert status == 200
    return str(answer["bridge"])


# --- who is paired with whom --------------------------------------------------------------------
@pytest.mark.parametrize(
    ("client", "better", "worse"),
    [
        (SYMMETRIC, OPEN, CONE),
        (SYMMETRIC, OPEN, None),
        (SYMMETRIC, CONE, SYMMETRIC),
        (SYMMETRIC, None, SYMMETRIC),
        (CONE, CONE, SYMMETRIC),
        (CONE, OPEN, None),
        (CONE, CONE, BLOCKED),
        (BLOCKED, OPEN, CONE),
        ({"ipv6": "cone"}, {"ipv6": "cone"}, CONE),
    ],
    ids=str,
)
async def test_the_bridge_that_fits_better_is_asked(
    lab: Lab, client: Network, better: Network | None, worse: Network | None
) -> None:
    good, _ = await join(lab, better), await join(lab, worse)
    for _ in range(5):  # chance would have found the other one
        await answered_by(lab, good, network=client)


async def test_a_client_that_has_not_measured_is_given_anybody(lab: Lab) -> None:
    bridge = await join(lab, SYMMETRIC)
    await answered_by(lab, bridge)
    await answered_by(lab, bridge, network=None)


async def test_two_that_cannot_connect_are_not_paired_without_a_turn_server(lab: Lab) -> None:
    bridge = await join(lab, SYMMETRIC)
    status, problem, headers = await lab.ask(network=SYMMETRIC)
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_reachable_bridge")
    assert headers["Retry-After"]
    assert lab.outcome("no_reachable_bridge") == 1
    await answered_by(lab, bridge, network=OPEN)


async def test_a_bridge_that_is_full_or_avoided_does_not_count_among_those_that_do_not_fit(lab: Lab) -> None:
    bridge = await join(lab, SYMMETRIC, capacity=1)
    name = await answered_by(lab, bridge, network=OPEN)
    _, problem, _ = await lab.ask(network=SYMMETRIC, avoid=[name])
    assert problem["type"] == "urn:freespan:problem:no_bridge"
    await bridge.send("load", sessions=1)
    await bridge.report(**SYMMETRIC)  # by then the load is known, too
    _, problem, _ = await lab.ask(network=SYMMETRIC)
    assert problem["type"] == "urn:freespan:problem:no_bridge"


async def test_a_network_that_has_changed_counts(lab: Lab) -> None:
    bridge = await join(lab, SYMMETRIC)
    await bridge.report(**OPEN)
    await answered_by(lab, bridge, network=SYMMETRIC)
    await bridge.report(**BLOCKED)
    assert (await lab.ask(network=SYMMETRIC))[0] == 503


@pytest.mark.parametrize("network", [{"ipv4": "full cone"}, {"ipv4": 4}, {"ipv6": ["cone"]}], ids=str)
async def test_a_bridge_that_reports_nonsense_of_its_network_is_disconnected(lab: Lab, network: dict[str, Any]) -> None:
    bridge = await lab.join()
    await bridge.send("network", **network)
    code, reason = await bridge.closed()
    assert code == 1008
    assert reason.startswith("ipv")
    await lab.still_serves()


# --- who is avoided --------------------------------------------------------------------------
async def test_a_bridge_keeps_its_name_and_shares_it_with_nobody(lab: Lab) -> None:
    first, second = await join(lab, OPEN), await join(lab, CONE)
    names = [await answered_by(lab, first, network=SYMMETRIC) for _ in range(2)]
    assert names[0] == names[1]
    await first.socket.close()
    assert await answered_by(lab, second, network=SYMMETRIC) not in names


async def test_who_is_avoided_is_not_asked(lab: Lab) -> None:
    good, other = await join(lab, OPEN), await join(lab, CONE)
    name = await answered_by(lab, good, network=SYMMETRIC)
    for _ in range(3):
        await answered_by(lab, other, network=SYMMETRIC, avoid=["somebody long gone", name])
    await answered_by(lab, good, network=SYMMETRIC)  # the wish was for those requests alone


async def test_when_all_are_avoided_there_is_no_bridge(lab: Lab) -> None:
    bridge = await join(lab, OPEN)
    name = await answered_by(lab, bridge)
    status, problem, headers = await lab.ask(avoid=[name] * AVOID_MAX)
    assert (status, problem["type"]) == (503, "urn:freespan:problem:no_bridge")
    assert headers["Retry-After"]


# --- who is offered a TURN server--------------------------------------------------------------
@pytest.mark.parametrize(
    ("client", "bridge", "needed"),
    [
        (CONE, CONE, False),
        (OPEN, CONE, False),
        (SYMMETRIC, OPEN, False),
        (None, CONE, False),
        (CONE, None, False),
        (SYMMETRIC, None, False),
        (BLOCKED, None, True),
        (SYMMETRIC, CONE, True),
        (CONE, SYMMETRIC, True),
        (OPEN, SYMMETRIC, True),  # the bridge is one that few can reach
        (None, SYMMETRIC, True),
        (SYMMETRIC, SYMMETRIC, True),
        (BLOCKED, CONE, True),
        (CONE, BLOCKED, True),
        (BLOCKED, BLOCKED, True),
    ],
    ids=str,
)
async def test_turn_servers_come_with_the_offer_where_they_are_needed(
    turn_lab: Lab, client: Network | None, bridge: Network | None, needed: bool
) -> None:
    volunteer = await join(turn_lab, bridge)
    asking = turn_lab.ask(network=client)
    offer = await volunteer.next()
    assert ("ice_servers" in offer) == needed
    if needed:
        (server,) = offer["ice_servers"]
        assert server["urls"] == TURN_URLS
        assert server["username"].isdigit()
        assert server["credential"]
    await volunteer.answer(offer["id"])
    assert (await asking)[0] == 200


async def test_an_impossible_pair_comes_last_even_with_a_turn_server(turn_lab: Lab) -> None:
    await join(turn_lab, SYMMETRIC)
    possible = await join(turn_lab, CONE)
    for _ in range(5):
        await answered_by(turn_lab, possible, network=SYMMETRIC)


async def test_a_host_without_turn_servers_offers_none(lab: Lab) -> None:
    bridge = await join(lab, SYMMETRIC)
    client = lab.ask(network=OPEN)
    offer = await bridge.next()
    assert "ice_servers" not in offer
    await bridge.answer(offer["id"])
    assert (await client)[0] == 200
