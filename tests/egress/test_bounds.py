"""Who has to leave a crowded egress; with real sessions it is tested in `test_sessions.py`."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from freespan.egress.bounds import WaitingSessions, WithoutHandshake, sessions_to_end
from freespan.egress.guests import Anybody
from freespan.egress.origins import UNKNOWN, Origin
from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings
from freespan.sources.source import Source
from tests.support.virtual_time import run


def origin(host: int) -> Origin:
    return Origin(Source(b"h%d" % host, b"n%d" % host))


ATTACKER, READER = origin(0), origin(1)


class Crowd:
    """Names that are put into a bound, and those that had to leave."""

    def __init__(self, places: int) -> None:
        self.bound = WithoutHandshake(EgressSettings(without_handshake_max=places, without_handshake_each=1))
        self.left: list[str] = []

    def add(self, name: str, origin: Origin) -> None:
        self.bound.add(name, origin.source, lambda reason: self.left.append(f"{name}: {reason}"))


CROWDED = "too many links without a session"


def test_the_newest_of_the_source_with_the_most_has_to_leave() -> None:
    crowd = Crowd(3)
    crowd.add("reader", READER)
    for number in range(5):
        crowd.add(f"attacker{number}", ATTACKER)
    assert crowd.left == [f"attacker{number}: {CROWDED}" for number in (2, 3, 4)]
    crowd.add("newcomer", origin(2))
    assert crowd.left[3:] == [f"attacker1: {CROWDED}"]
    crowd.bound.discard("newcomer")
    crowd.bound.discard("newcomer")
    crowd.add("another", origin(3))
    assert len(crowd.left) == 4
    assert len(crowd.bound) == 3


def test_where_sources_are_not_known_the_oldest_without_a_handshake_has_to_leave() -> None:
    """An honest client needs its place for a moment only."""
    crowd = Crowd(2)
    for name in ("first", "second", "third"):
        crowd.add(name, UNKNOWN)
    assert crowd.left == [f"first: {CROWDED}"]


class Invited(Anybody):
    """Somebody with an invite."""

    is_invited = True


class Session:
    """A session that holds so many bytes; `reason` is why it was closed. It is its own tunnel."""

    def __init__(self, origin: Origin = UNKNOWN, held: int = 0, *, is_invited: bool = False) -> None:
        self.origin = origin
        self.guest = Invited() if is_invited else Anybody()
        self.held = held
        self.reason = ""

    @property
    def tunnel(self) -> Session:
        return self

    def shed(self, reason: str) -> None:
        self.reason = reason


def add(waiting: WaitingSessions, session: Session) -> None:
    waiting.add(cast(EgressSession, session), session.origin)


REASON = "too many sessions wait for a link"


def test_of_too_many_that_wait_those_of_the_greediest_source_end_and_nobody_elses() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_sessions_max=500))
        readers = [Session(origin(host)) for host in range(1, 21)]
        for session in readers:
            add(waiting, session)
        attacker = [Session(ATTACKER) for _ in range(520)]
        for session in attacker:
            add(waiting, session)
        assert len(waiting) <= 500
        assert not any(session.reason for session in readers)
        assert [bool(session.reason) for session in attacker] == sorted(bool(session.reason) for session in attacker)
        late = Session(origin(99))
        add(waiting, late)
        assert not late.reason
        waiting.discard(cast(EgressSession, late))
        waiting.discard(cast(EgressSession, late))

    run(main())


def test_where_sources_are_not_known_the_one_that_has_waited_longest_ends() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_sessions_max=2))
        sessions = [Session() for _ in range(3)]
        for session in sessions:
            add(waiting, session)
        assert [session.reason for session in sessions] == [REASON, "", ""]

    run(main())


def test_of_those_that_hold_too_much_the_greediest_ends() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_bytes_max=100))
        sessions = [Session(READER, 40), Session(ATTACKER, 30), Session(ATTACKER, 35), Session(origin(2), 20)]
        for session in sessions:
            add(waiting, session)
        assert waiting.held == 125
        await asyncio.sleep(0.9)
        assert not any(session.reason for session in sessions)
        await asyncio.sleep(0.2)
        assert [session.reason for session in sessions] == ["", "", REASON, ""]
        assert waiting.held == 90
        sessions[3].held = 71  # and it is looked at again
        await asyncio.sleep(1)
        assert [bool(session.reason) for session in sessions] == [False, False, True, True]
        assert len(waiting) == 2

    run(main())


def test_many_small_sessions_of_one_source_count_together() -> None:
    sessions: list[Any] = [Session(ATTACKER, 10) for _ in range(10)] + [Session(READER, 60)]
    ended = sessions_to_end({session: session.held for session in sessions}, 110)
    assert len(ended) == 5
    assert all(session.origin is ATTACKER for session in ended)
    assert sessions_to_end({session: session.held for session in sessions}, 160) == []


def test_of_those_that_wait_the_ones_without_an_invite_end_first() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_sessions_max=3))
        invited = [Session(READER, is_invited=True) for _ in range(3)]
        for session in [Session(origin(2)), *invited]:
            add(waiting, session)
        assert not any(session.reason for session in invited)
        late = Session(origin(3))
        add(waiting, late)
        assert late.reason

    run(main())


def test_who_comes_with_an_invite_may_hold_four_times_as_much() -> None:
    invited: list[Any] = [Session(READER, 10, is_invited=True) for _ in range(10)]
    others: list[Any] = [Session(READER, 10) for _ in range(4)]
    held = {session: session.held for session in [*invited, *others]}
    assert set(sessions_to_end(held, 120)) <= set(others)
    assert len([session for session in sessions_to_end(held, 50) if session in others]) == 3
