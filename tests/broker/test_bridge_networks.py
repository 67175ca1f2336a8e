"""Which addresses of an offer are those of a volunteer's neighbours."""

from __future__ import annotations

import ipaddress

from freespan.broker.bridge_networks import BridgeNetworks
from freespan.broker.settings import BrokerSettings
from freespan.sources.requests import SourceReader
from freespan.sources.source import SourceHasher
from freespan.wire.sdp import named_addresses
from tests.broker.conftest import running_lab
from tests.broker.test_offer_targets import HEADER, naming

HASHER = SourceHasher(lambda: 0.0, bytes)


def answering(*addresses: str) -> str:
    return naming(*addresses).replace("a=setup:actpass", "a=setup:active")


def test_what_a_bridge_answered_with_tells_its_ipv6_networks() -> None:
    networks = BridgeNetworks(HASHER)
    networks.join("bridge", HASHER.source_of(ipaddress.ip_address("2a00:1::1")))
    networks.learn("bridge", answering("2a00:2::1", "9.9.9.9"))
    names = ["2a00:1::9", "2a00:2::9", "2a00:3::9", "9.9.9.9", "a.local", "::1"]
    assert networks.neighbours("bridge", names) == {"2a00:1::9", "2a00:2::9"}
    assert networks.neighbours("other", names) == set()


def test_the_newest_networks_of_bridges_that_are_connected_are_remembered() -> None:
    networks = BridgeNetworks(HASHER)
    networks.join("bridge", None)
    for n in range(1, 101):
        networks.learn("bridge", answering(f"2a00:{n}::1"))
    assert networks.neighbours("bridge", [f"2a00:{n}::9" for n in range(1, 101)]) == {
        f"2a00:{n}::9" for n in range(93, 101)
    }
    networks.leave("bridge")
    networks.learn("bridge", answering("2a00:1::1"))
    assert len(networks) == 0


async def test_a_bridge_is_not_sent_to_neighbours_in_the_network_that_it_comes_from() -> None:
    async with running_lab(BrokerSettings(), sources=SourceReader(HEADER)) as lab:
        bridge = await lab.join(4, {HEADER: "2a00:1::1"})
        client = lab.asking(naming("2a00:1::9", "2a00:2::9"), {HEADER: "11.0.0.1"})
        message = await bridge.next()
        assert named_addresses(message["sdp"], allow_private=False) == {"2a00:2::9"}
        await bridge.send("answer", id=message["id"], sdp=answering("9.9.9.9"))
        assert (await client)[0] == 200


async def test_a_bridge_is_not_sent_to_neighbours_whose_network_its_answer_has_told() -> None:
    async with running_lab(BrokerSettings(), sources=SourceReader(HEADER)) as lab:
        bridge = await lab.join(4)
        offer = naming("2a00:1::9", "2a00:2::9")
        for expected in ({"2a00:1::9", "2a00:2::9"}, {"2a00:2::9"}):
            client = lab.asking(offer, {HEADER: "11.0.0.1"})
            message = await bridge.next()
            assert {line.split(" ")[4] for line in message["sdp"].split("\r\n") if "candidate:" in line} == expected
            await bridge.send("answer", id=message["id"], sdp=answering("2a00:1::1"))
            assert (await client)[0] == 200
