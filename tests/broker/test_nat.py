"""Which two networks can connect; the self-test page reads the same vectors (tests/vectors/connectivity.json)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.nat import Connectivity, connectivity, needs_turn
from freespan.wire.network import Network

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "connectivity.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_the_shared_vectors(vector: dict[str, Any]) -> None:
    one, other = Network(**vector["one"]), Network(**vector["other"])
    assert connectivity(one, other) == connectivity(other, one) == vector["connectivity"]


def test_the_shared_vectors_hold_every_pair() -> None:
    networks = {(vector["one"].get("ipv4"), vector["one"].get("ipv6")) for vector in VECTORS}
    assert len(networks) == 16
    assert len(VECTORS) == 16 * 17 // 2


def test_an_end_that_few_can_reach_needs_a_turn_server() -> None:
    assert needs_turn(Network())
    assert needs_turn(Network("symmetric"))
    assert not needs_turn(Network("symmetric", "cone"))
    assert not needs_turn(Network("cone"))


NETWORKS = st.builds(Network, *[st.sampled_from([None, "open", "cone", "symmetric"])] * 2)


@given(st.none() | NETWORKS, st.none() | NETWORKS)
def test_it_does_not_depend_on_who_asks(one: Network | None, other: Network | None) -> None:
    assert connectivity(one, other) == connectivity(other, one)
    assert 0 <= connectivity(one, other) <= Connectivity.IMPOSSIBLE


def test_the_order_of_connectivity() -> None:
    symmetric = Network("symmetric")
    order = [connectivity(symmetric, other) for other in (Network("open"), Network("cone"), symmetric)]
    assert order == [1, 2, Connectivity.IMPOSSIBLE]
    assert connectivity(Network("cone"), Network("cone")) == 0
    assert connectivity(Network("cone"), None) == 1


def test_an_end_without_udp_may_still_reach_an_open_one() -> None:
    assert connectivity(Network(), Network("open")) == connectivity(Network(None, "open"), Network()) == 2
    assert connectivity(Network(), None) == 2, "an unknown end is no better than an open one"
    assert connectivity(Network(), Network("cone", "cone")) == Connectivity.IMPOSSIBLE
    assert connectivity(Network(), Network()) == Connectivity.IMPOSSIBLE


def test_two_ends_without_a_common_ip_version_cannot_connect() -> None:
    assert connectivity(Network("open"), Network(None, "open")) == Connectivity.IMPOSSIBLE
    assert connectivity(Network("symmetric", "cone"), Network("symmetric", "cone")) == 0
