"""What proves a bridge, and what does not: transcripts of answers and handshakes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from freespan.broker.proof import Completed, Proofs
from freespan.broker.settings import ProofSettings

HOUR = ProofSettings().reader_seconds
PATIENCE = ProofSettings().handshake_seconds


def proofs(**settings: int) -> Proofs:
    """Knows the bridges a and b, whose tokens are A and B."""
    known = Proofs(ProofSettings(**settings))
    known.join("a", "A", 4)
    known.join("b", "B", 4)
    return known


def test_a_handshake_proves_a_bridge_that_has_answered_a_reader() -> None:
    known = proofs()
    known.answered("a", "reader", 0.0)
    assert not known.is_proved("a")
    assert known.handshake_completed("A", 1.0) == Completed("a", "reader")
    assert known.is_proved("a")
    assert not known.is_proved("b")


def test_a_handshake_that_no_rendezvous_has_led_to_proves_nothing() -> None:
    known = proofs()
    assert known.handshake_completed("A", 0.0) is None
    assert known.handshake_completed("nobody", 0.0) is None
    assert not known.is_proved("a")
    known.answered("a", "reader", 0.0)
    assert known.handshake_completed("A", PATIENCE) is None, "too late"
    assert not known.is_proved("a")


def test_a_reader_proves_one_bridge_an_hour() -> None:
    known = proofs()
    for bridge in "aabb":
        known.answered(bridge, "sybil", 0.0)
        known.handshake_completed(bridge.upper(), 0.0)
    assert known.is_proved("a")
    assert not known.is_proved("b")
    known.answered("b", "sybil", HOUR)
    known.handshake_completed("B", HOUR)
    assert known.is_proved("b")


def test_a_reader_who_is_not_known_proves_nothing() -> None:
    known = proofs()
    known.answered("a", None, 0.0)
    assert known.handshake_completed("A", 0.0) == Completed("a", None)
    assert not known.is_proved("a")


def test_a_bridge_that_fails_its_readers_is_preferred_no_more() -> None:
    known = proofs(failures_per_proof=2)
    known.answered("a", "itself", 0.0)
    known.handshake_completed("A", 0.0)
    for number in range(3):
        known.answered("a", f"reader {number}", 1.0 + number)
    assert known.is_proved("a")
    known.answered("a", "late", 3.0 + PATIENCE)
    assert not known.is_proved("a"), "three failures"
    known.handshake_completed("A", 3.0 + PATIENCE)
    assert known.is_proved("a")


def test_a_proof_ends_with_the_connection() -> None:
    known = proofs()
    known.answered("a", "reader", 0.0)
    known.handshake_completed("A", 0.0)
    known.leave("a")
    known.leave("a")
    known.answered("a", "other", 0.0)
    assert not known.is_proved("a")
    assert known.places("A") is None
    known.join("a", "C", 4)
    assert not known.is_proved("a")


def test_the_places_at_the_egress_grow_with_the_proofs_up_to_the_capacity() -> None:
    known = proofs()
    assert known.places("nobody") is None
    seen = [known.places("A")]
    for number in range(6):
        known.answered("a", number, float(number))
        known.handshake_completed("A", float(number))
        known.handshake_completed("A", float(number))  # one that nobody was sent for
        seen.append(known.places("A"))
    assert seen == [0, 8, 16, 24, 32, 32, 32]


def test_one_reader_makes_no_bridge_large() -> None:
    known = proofs()
    for moment in range(64):
        known.answered("a", "sybil", float(moment))
        assert known.handshake_completed("A", float(moment)) == Completed("a", "sybil")
    assert known.places("A") == 8


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 9), st.booleans()), max_size=60))
def test_there_are_no_more_proofs_than_readers_and_all_memory_is_bounded(
    events: list[tuple[str, int, bool]],
) -> None:
    known = proofs(readers_max=4, waiting_max=3)
    readers = set()
    for bridge, reader, completes in events:
        known.answered(bridge, reader, 0.0)
        readers.add(reader)
        if completes:
            known.handshake_completed(bridge.upper(), 0.0)
    records = known._by_bridge.values()
    assert len(known) <= 4
    assert all(len(record.waiting) <= 3 for record in records)
    if len(readers) <= 4:
        assert sum(record.proofs for record in records) <= len(readers)


def test_who_asks_most_takes_neither_the_proofs_nor_the_credit_of_others() -> None:
    known = Proofs()
    known.join("a", "A", 8)
    known.answered("a", "greedy", 0.0)
    known.handshake_completed("A", 0.0)
    for number in range(3):
        known.answered("a", f"reader {number}", 1.0)
        known.answered("a", "greedy", 1.0)
        assert known.handshake_completed("A", 2.0) == Completed("a", None)
    known.answered("a", "late", PATIENCE + 1.0)
    assert known._by_bridge["a"].proofs == 4
    assert known._by_bridge["a"].failures == 0
