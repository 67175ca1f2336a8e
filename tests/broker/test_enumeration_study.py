"""The study of docs/measurements.md, in small: more networks and handshakes show more, and one network shows few."""

from random import Random

from scripts.enumeration import Host, enumerated


def learned(bridges: int, networks: int, *, handshakes: int = 0, comes_and_goes: bool = False) -> int:
    host = Host(bridges, Random(1))
    return enumerated(host, networks, handshakes=handshakes, comes_and_goes=comes_and_goes)


def test_one_network_learns_sixteen_bridges_an_hour() -> None:
    assert learned(1_000, 1) == 24 * 16


def test_more_networks_and_handshakes_teach_more() -> None:
    assert learned(1_000, 2) > 1.5 * 24 * 16
    assert learned(1_000, 1, handshakes=4) > 1.8 * 24 * 16


def test_where_volunteers_come_and_go_more_is_learned_and_a_smaller_share() -> None:
    assert 24 * 16 < learned(200, 1, comes_and_goes=True) < 24 * 16 * 4
