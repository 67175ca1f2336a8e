"""Who has to leave a crowded egress; with real sessions it is tested in `test_sessions.py`."""

from __future__ import annotations

import asyncio
from typing import cast

from freespan.egress.bounds import WaitingSessions, WithoutHandshake
from freespan.egress.session import EgressSession
from freespan.egress.settings import EgressSettings
from tests.support.virtual_time import run


def test_the_oldest_without_a_handshake_has_to_leave() -> None:
    left: list[tuple[str, str]] = []
    crowd = WithoutHandshake(EgressSettings(without_handshake_max=2))
    for name in ("first", "second", "third"):
        crowd.add(name, lambda reason, name=name: left.append((name, reason)))  # type: ignore[misc]
    assert left == [("first", "too many links without a session")]
    crowd.discard("second")
    crowd.discard("first")
    crowd.add("fourth", lambda _: None)
    assert len(left) == 1
    assert len(crowd) == 2


class Session:
    """A session that holds so many bytes; `reason` is why it was closed. It is its own tunnel."""

    def __init__(self, held: int = 0) -> None:
        self.held = held
        self.reason = ""

    @property
    def tunnel(self) -> Session:
        return self

    def close(self, reason: str) -> None:
        self.reason = reason


def add(waiting: WaitingSessions, session: Session) -> None:
    waiting.add(cast(EgressSession, session))


REASON = "too many sessions wait for a link"


def test_of_too_many_that_wait_the_one_that_has_waited_longest_ends() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_sessions_max=2))
        sessions = [Session() for _ in range(3)]
        for session in sessions:
            add(waiting, session)
        assert [session.reason for session in sessions] == [REASON, "", ""]
        waiting.discard(cast(EgressSession, sessions[1]))
        add(waiting, Session())
        assert not sessions[2].reason
        assert len(waiting) == 2

    run(main())


def test_of_those_that_hold_too_much_the_last_ones_may_stay() -> None:
    async def main() -> None:
        waiting = WaitingSessions(EgressSettings(waiting_bytes_max=100))
        sessions = [Session(held) for held in (10, 60, 30, 70)]
        for session in sessions:
            add(waiting, session)
        assert waiting.held == 170
        await asyncio.sleep(0.9)
        assert not any(session.reason for session in sessions)
        await asyncio.sleep(0.2)
        assert [session.reason for session in sessions] == [REASON, REASON, "", ""]
        assert waiting.held == 100
        sessions[3].held = 71  # and it is looked at again
        await asyncio.sleep(1)
        assert [bool(session.reason) for session in sessions] == [True, True, True, False]
        assert len(waiting) == 1

    run(main())
