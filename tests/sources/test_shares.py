"""Shares: whose things leave when there are too many."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from freespan.sources.shares import Places, Shares
from freespan.sources.source import Source


def a_source(host: int, network: int | None = None) -> Source:
    return Source(b"h%d" % host, b"n%d" % (host if network is None else network))


ATTACKER, READER, OTHER = a_source(0), a_source(1), a_source(2)


def fill(shares: Shares[str], source: Source | None, count: int, name: str) -> list[str | None]:
    return [shares.add(f"{name}{number}", source) for number in range(count)]


def test_nobody_leaves_while_there_are_places() -> None:
    shares: Shares[str] = Shares(10)
    assert fill(shares, ATTACKER, 10, "a") == [None] * 10
    assert len(shares) == 10
    assert shares.held_by(ATTACKER) == 10


def test_the_newest_of_the_greediest_leaves_and_no_early_thing_of_others() -> None:
    shares: Shares[str] = Shares(10)
    shares.add("reader", READER)
    fill(shares, ATTACKER, 9, "a")
    assert shares.add("newcomer", OTHER) == "a8"
    assert fill(shares, ATTACKER, 500, "b") == [f"b{number}" for number in range(500)]
    assert "reader" in shares
    assert "newcomer" in shares
    assert len(shares) == 10


def test_among_equals_the_last_to_come_leaves() -> None:
    shares: Shares[str] = Shares(2)
    shares.add("first", READER)
    shares.add("second", OTHER)
    assert shares.add("third", ATTACKER) == "third"


def test_a_network_is_greedy_beyond_a_few_hosts_worth() -> None:
    shares: Shares[str] = Shares(20)
    for host in range(3):
        fill(shares, a_source(host, network=100 + host), 2, f"reader{host}-")
    attackers = [shares.add(f"a{host}", a_source(host, network=9)) for host in range(10, 24)]
    assert attackers == [None] * 14
    assert shares.add("newcomer", a_source(50)) == "a23"
    assert shares.add("a24", a_source(24, network=9)) == "a24"


def test_some_places_are_kept_for_newcomers() -> None:
    shares: Shares[str] = Shares(10, newcomers=3)
    assert fill(shares, ATTACKER, 8, "a")[-1] == "a7"
    assert [shares.add(f"reader{host}", a_source(host)) for host in (1, 2, 3)] == ["a6", "a5", "a4"]
    assert "a0" in shares


def test_sources_within_their_places_use_all_of_them() -> None:
    shares: Shares[str] = Shares(10, newcomers=3)
    assert [shares.add(f"reader{host}", a_source(host)) for host in range(11)] == [None] * 10 + ["reader10"]


def test_who_has_extra_places_is_not_greedy_with_them() -> None:
    shares: Shares[str] = Shares(100, places=Places(host=2, network=4))
    for number in range(60):
        assert shares.add(f"bridge{number}", READER, extra=58.0) is None
    fill(shares, ATTACKER, 40, "a")
    assert shares.add("newcomer", OTHER) == "a39"


def test_extra_places_can_be_given_later_and_are_lost_with_the_last_thing() -> None:
    shares: Shares[str] = Shares(10)
    shares.allow(READER, 9.0)  # it holds nothing
    fill(shares, READER, 6, "r")
    fill(shares, ATTACKER, 4, "a")
    shares.allow(READER, 9.0)
    assert shares.add("newcomer", OTHER) == "a3"
    for number in range(6):
        shares.discard(f"r{number}")
    fill(shares, READER, 6, "r")
    assert shares.add("another", a_source(4)) == "r5"


def test_things_without_a_known_source_count_one_each() -> None:
    shares: Shares[str] = Shares(10)
    fill(shares, None, 7, "unknown")
    fill(shares, ATTACKER, 3, "a")
    assert shares.add("unknown7", None) == "a2"
    assert shares.add("unknown8", None) == "a1"
    assert shares.add("unknown9", None) == "unknown9"


def test_the_oldest_without_a_known_source_leaves_where_that_is_wanted() -> None:
    shares: Shares[str] = Shares(3, oldest_unknown=True)
    fill(shares, None, 3, "unknown")
    assert shares.add("unknown3", None) == "unknown0"


def test_to_discard_what_is_not_held_changes_nothing() -> None:
    shares: Shares[str] = Shares(3)
    shares.add("a", READER)
    shares.discard("b")
    shares.discard("a")
    shares.discard("a")
    assert len(shares) == 0
    assert "a" not in shares
    assert shares.held_by(READER) == 0


# --- who is preferred -----------------------------------------------------------------------------
def test_the_others_leave_before_those_who_are_preferred() -> None:
    shares: Shares[str] = Shares(4, places=Places(host=4, network=8))
    fill(shares, READER, 1, "other")
    for number in range(3):
        shares.add(f"preferred{number}", ATTACKER, is_preferred=True)
    assert not shares.would_leave("preferred3", ATTACKER, is_preferred=True)
    assert shares.add("preferred3", ATTACKER, is_preferred=True) == "other0"
    assert shares.would_leave("other1", OTHER)
    assert shares.add("other1", OTHER) == "other1"
    assert shares.add("newcomer", READER, is_preferred=True) == "preferred3"
    assert (shares.held_by(ATTACKER), shares.held_by(READER), shares.held_by(OTHER)) == (3, 1, 0)


def test_nor_does_an_unknown_source_stay_before_somebody_who_is_preferred() -> None:
    shares: Shares[str] = Shares(3)
    fill(shares, None, 3, "unknown")
    assert shares.add("preferred", None, is_preferred=True) == "unknown2"
    assert shares.add("preferred", READER, is_preferred=True) is None


def test_the_places_of_newcomers_are_kept_from_the_greedy_who_are_preferred() -> None:
    shares: Shares[str] = Shares(10, newcomers=3)
    for number in range(20):
        shares.add(f"preferred{number}", ATTACKER, is_preferred=True)
    assert len(shares) == 7
    assert [shares.add(f"reader{host}", a_source(host)) for host in (1, 2, 3)] == [
        "preferred6",
        "preferred5",
        "preferred4",
    ]


def test_of_two_greedy_sources_the_one_that_is_not_preferred_leaves() -> None:
    shares: Shares[str] = Shares(8, newcomers=2)
    fill(shares, READER, 2, "other")
    for number in range(4):
        shares.add(f"preferred{number}", ATTACKER, is_preferred=True)
    assert shares.add("preferred4", ATTACKER, is_preferred=True) == "other1"
    assert shares.add("preferred5", ATTACKER, is_preferred=True) == "preferred5"


Step = tuple[bool, int, int]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 40), st.integers(-1, 11)), max_size=200))
def test_it_ends_what_a_search_through_everything_would_end(steps: list[Step]) -> None:
    """The reference is a table that is searched from one end to the other."""
    shares: Shares[int] = Shares(12, newcomers=4, places=Places(1, 3))
    held: dict[int, int] = {}
    for is_new, thing, host in steps:
        if not is_new:
            held.pop(thing, None)
            shares.discard(thing)
            continue
        held.pop(thing, None)
        shares.discard(thing)
        held[thing] = host
        leaves = shares.would_leave(thing, None if host < 0 else a_source(host, network=host // 4))
        victim = shares.add(thing, None if host < 0 else a_source(host, network=host // 4))
        by_host = Counter(each for each in held.values() if each >= 0)
        by_network = Counter(each // 4 for each in held.values() if each >= 0)
        score = max([0.0, *by_host.values(), *(count / 3 for count in by_network.values())])
        assert (victim is not None) == (len(held) > 12 or (len(held) > 8 and score > 1))
        if victim is not None:
            whose = held[victim]
            if whose < 0:
                assert score <= 1
            else:
                assert score in (by_host[whose], by_network[whose // 4] / 3)
            assert victim == [each for each, owner in held.items() if owner == whose][-1]
            del held[victim]
        assert leaves == (victim == thing)
        assert len(shares) == len(held)
    assert all(shares.held_by(a_source(host)) == list(held.values()).count(host) for host in range(12))


def test_what_has_left_leaves_nothing_behind() -> None:
    shares: Shares[int] = Shares(1_000)
    for number in range(20_000):
        shares.add(number, a_source(number))
        shares.discard(number)
    others = shares._others
    sizes = [len(each) for each in (others.holders, others._networks, shares._host_of, others._by_host._heap)]
    assert max(sizes) < 20
