import datetime
import struct

import pytest
from aioquic.tls import CipherSuite, SessionTicket

from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.tickets import TicketJar, TicketStore, UsedTicketError
from freespan.wire.limits import HANDSHAKE_SECONDS, TICKET_SECONDS

DEFAULTS = TunnelSettings()

TICKETS_MAX, TICKETS_KEPT = DEFAULTS.egress_tickets_max, DEFAULTS.client_tickets_max
AGE_ADD = 0xFFFFFFF0
"""So great that any age runs over 32 bits."""


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def ticket(number: int = 0) -> SessionTicket:
    now = datetime.datetime.now(datetime.UTC)
    return SessionTicket(
        age_add=AGE_ADD,
        cipher_suite=CipherSuite.AES_256_GCM_SHA384,
        not_valid_after=now + datetime.timedelta(days=1),
        not_valid_before=now,
        resumption_secret=bytes(48),
        server_name="",
        ticket=name(number),
    )


def name(number: int = 0) -> bytes:
    return struct.pack("!Q", number)


def stated(seconds: float) -> int:
    """An age as a client states it."""
    return (round(seconds * 1000) + AGE_ADD) % 2**32


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(clock: Clock) -> TicketStore:
    return TicketStore(clock)


# --- the store of an egress -------------------------------------------------------------------------------------
def test_a_ticket_is_good_once(store: TicketStore) -> None:
    kept = ticket()
    store.put(kept)
    assert store.take(name(), stated(0)) is kept
    with pytest.raises(UsedTicketError):
        store.take(name(), stated(0))


def test_a_ticket_that_nobody_handed_out_is_none(store: TicketStore) -> None:
    assert store.take(b"", 0) is None
    assert store.take(name(1), stated(0)) is None


def test_a_used_ticket_is_known_for_longer_than_its_client_waits(store: TicketStore, clock: Clock) -> None:
    store.put(ticket())
    store.take(name(), stated(0))
    clock.now += 1.5 * HANDSHAKE_SECONDS
    with pytest.raises(UsedTicketError):
        store.take(name(), stated(1.5 * HANDSHAKE_SECONDS))
    clock.now += HANDSHAKE_SECONDS
    assert store.take(name(), stated(0)) is None
    assert not store._used


@pytest.mark.parametrize(("age", "is_taken"), [(TICKET_SECONDS - 1, True), (TICKET_SECONDS + 1, False)])
def test_a_ticket_gets_old(store: TicketStore, clock: Clock, age: float, is_taken: bool) -> None:
    store.put(ticket())
    clock.now += age
    assert (store.take(name(), stated(age)) is not None) == is_taken


@pytest.mark.parametrize(
    ("in_transit", "is_taken"),
    [(0.0, True), (HANDSHAKE_SECONDS - 1, True), (HANDSHAKE_SECONDS + 1, False), (-0.5, True), (-2.0, False)],
)
def test_a_flight_that_was_kept_for_later_is_not_taken(
    store: TicketStore, clock: Clock, in_transit: float, is_taken: bool
) -> None:
    store.put(ticket())
    clock.now += 60.0
    assert (store.take(name(), stated(60.0 - in_transit)) is not None) == is_taken
    if not is_taken:  # nor is another copy of it, whatever age that states
        assert store.take(name(), stated(60.0)) is None


def test_the_oldest_leaves_first(store: TicketStore) -> None:
    for number in range(TICKETS_MAX + 2):
        store.put(ticket(number))
    assert len(store._issued) == TICKETS_MAX
    assert store.take(name(1), stated(0)) is None
    assert store.take(name(2), stated(0)) is not None


def test_old_tickets_leave_when_new_ones_come(store: TicketStore, clock: Clock) -> None:
    store.put(ticket(1))
    clock.now += TICKET_SECONDS + 1
    store.put(ticket(2))
    assert list(store._issued) == [name(2)]


def test_no_ticket_is_taken_that_could_not_be_remembered(store: TicketStore, clock: Clock) -> None:
    for number in range(TICKETS_MAX):
        store.put(ticket(number))
        assert store.take(name(number), stated(0)) is not None
    store.put(ticket(TICKETS_MAX))
    assert store.take(name(TICKETS_MAX), stated(0)) is None
    clock.now += 3 * HANDSHAKE_SECONDS
    assert store.take(name(TICKETS_MAX), stated(0)) is None  # it is gone: another copy might have been answered
    store.put(ticket(TICKETS_MAX + 1))
    assert store.take(name(TICKETS_MAX + 1), stated(0)) is not None


# --- the jar of a client ------------------------------------------------------------------------------------
def test_a_jar_gives_each_ticket_once_and_the_newest_first() -> None:
    jar = TicketJar()
    for number in range(TICKETS_KEPT + 1):
        jar.put(b"pin", ticket(number))
    given = [jar.take(b"pin") for _ in range(TICKETS_KEPT + 1)]
    assert [one and one.ticket for one in given] == [*(name(number) for number in range(TICKETS_KEPT, 0, -1)), None]


def test_a_ticket_is_for_its_own_egress_alone() -> None:
    jar = TicketJar()
    jar.put(b"one", ticket(1))
    jar.put(b"other", ticket(2))
    assert jar.take(b"third") is None
    found = jar.take(b"one")
    assert found is not None
    assert found.ticket == name(1)


def test_a_jar_forgets_old_tickets(clock: Clock) -> None:
    jar = TicketJar(clock)
    jar.put(b"pin", ticket())
    clock.now += TICKET_SECONDS + 1
    assert jar.take(b"pin") is None
    assert not jar._kept


def test_no_chain_of_sessions_is_longer_than_an_hour(clock: Clock) -> None:
    """Each session shows the ticket of the one before, so the egress could join all of them."""
    jar = TicketJar(clock)
    chains: list[float] = []
    for _ in range(40):
        if jar.take(b"pin") is None:
            chains.append(clock.now)
        jar.put(b"pin", ticket())
        clock.now += TICKET_SECONDS / 10
        assert clock.now - chains[-1] <= 1.2 * TICKET_SECONDS
    assert len(chains) > 2


def test_a_ticket_that_comes_after_its_chain_s_end_is_not_kept(clock: Clock) -> None:
    jar = TicketJar(clock)
    jar.take(b"pin")
    jar.put(b"pin", ticket(1))
    clock.now += TICKET_SECONDS - 1
    assert jar.take(b"pin") is not None
    clock.now += 2
    jar.put(b"pin", ticket(2))
    assert jar.take(b"pin") is None
    jar.put(b"pin", ticket(3))
    found = jar.take(b"pin")
    assert found is not None
    assert found.ticket == name(3)
