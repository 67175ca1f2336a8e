"""What candidates tell of a NAT, and who is paired with whom for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.network import IMPOSSIBLE, Network, fit, network_of

HOST = "a=candidate:1 1 udp 2122260223 192.168.1.2 5000 typ host"
PUBLIC_HOST = "a=candidate:1 1 udp 2122260223 11.0.0.5 5000 typ host"
HIDDEN_HOST = "a=candidate:1 1 udp 2122260223 0f3d.local 5000 typ host"


def reflexive(address: str, port: int, base: int = 5000) -> str:
    return f"a=candidate:2 1 udp 1686052607 {address} {port} typ srflx raddr 0.0.0.0 rport {base}"


SYMMETRIC = [reflexive("11.0.0.9", 5000), reflexive("11.0.0.9", 5001)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Network()),
        ([HOST, HIDDEN_HOST], Network()),
        ([PUBLIC_HOST], Network("open")),
        ([HOST, reflexive("11.0.0.9", 5000)], Network("cone")),
        ([HOST, *SYMMETRIC], Network("symmetric")),
        # two interfaces, each with its own base, are two NATs with one mapping each
        ([reflexive("11.0.0.9", 5000), reflexive("11.0.0.8", 6000, base=6000)], Network("cone")),
        # the better way counts
        ([*SYMMETRIC, reflexive("11.0.0.8", 3, base=6000)], Network("cone")),
        (
            [reflexive("2d00:1::1", 5000), *SYMMETRIC],
            Network("symmetric", "cone"),
        ),
        ([PUBLIC_HOST.replace("udp", "tcp")], Network()),
        (["a=candidate:3 1 udp 1 11.0.0.9 5 typ relay raddr 0.0.0.0 rport 0"], Network()),
        (["a=candidate:", "a=candidate:1 1 udp 1 11.0.0.1"], Network()),
    ],
)
def test_candidates_tell_the_mapping(lines: list[str], expected: Network) -> None:
    assert network_of("\r\n".join(["v=0", *lines, ""])) == expected


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    network_of("a=candidate:" + text)


def test_an_end_that_few_can_reach_wants_a_relay() -> None:
    assert Network().blocks_udp
    assert Network().wants_relay
    assert Network("symmetric").wants_relay
    assert not Network("symmetric", "cone").wants_relay
    assert not Network("cone").wants_relay


NETWORKS = st.builds(Network, *[st.sampled_from([None, "open", "cone", "symmetric"])] * 2)


@given(st.none() | NETWORKS, st.none() | NETWORKS)
def test_fit_does_not_depend_on_who_asks(one: Network | None, other: Network | None) -> None:
    assert fit(one, other) == fit(other, one)
    assert 0 <= fit(one, other) <= IMPOSSIBLE


def test_the_order_of_fit() -> None:
    symmetric = Network("symmetric")
    order = [fit(symmetric, other) for other in (Network("open"), Network("cone"), symmetric)]
    assert order == [1, 2, IMPOSSIBLE]
    assert fit(Network("cone"), Network("cone")) == 0
    assert fit(Network("cone"), None) == 1


def test_an_end_that_heard_nothing_may_still_reach_an_open_one() -> None:
    assert fit(Network(), Network("open")) == fit(Network(None, "open"), Network()) == 2
    assert fit(Network(), None) == 2, "one that says nothing is no better than an open one"
    assert fit(Network(), Network("cone", "cone")) == IMPOSSIBLE
    assert fit(Network(), Network()) == IMPOSSIBLE


def test_two_ends_without_a_common_ip_version_cannot_connect() -> None:
    assert fit(Network("open"), Network(None, "open")) == IMPOSSIBLE
    assert fit(Network("symmetric", "cone"), Network("symmetric", "cone")) == 0
