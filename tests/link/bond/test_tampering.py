"""A bridge that changes, repeats, adds, keeps back or copies gets nothing but the end of its own link."""

import asyncio
import os
from collections.abc import Callable, Iterable
from random import Random

import pytest

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import REPORTED_CLOSED, TAMPERED, LinkClosed
from freespan.link.bond.session_key import refusal, session_key
from freespan.wire.bond_frames import (
    PROTECTED,
    UNKNOWN_SESSION,
    Frames,
    Join,
    encode,
    encode_refused,
    join_head,
)
from freespan.wire.errors import LinkError
from tests.link.bond.states import SETTINGS
from tests.support.bonds import Bonds, EventLog, Owner
from tests.support.link_paths import Path, PathEnd, Tamper
from tests.support.virtual_time import run


def flipping(random: Random) -> Tamper:
    def tamper(message: bytes) -> Iterable[bytes]:
        changed = bytearray(message)
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
        return (bytes(changed),)

    return tamper


def doubling(message: bytes) -> Iterable[bytes]:
    return (message, message)


def swallowing() -> Tamper:
    count = 0

    def tamper(message: bytes) -> Iterable[bytes]:
        nonlocal count
        count += 1
        return () if count == 3 else (message,)

    return tamper


def adding(extra: bytes) -> Tamper:
    return lambda message: (message, extra)


def swapping() -> Tamper:
    kept: list[bytes] = []

    def tamper(message: bytes) -> Iterable[bytes]:
        kept.append(message)
        if len(kept) < 2:
            return ()
        two = kept[::-1]
        kept.clear()
        return two

    return tamper


PLAIN = b"\x02" + encode(Frames(number=5, packet=b"mine"))
TRICKS: dict[str, Callable[[], Tamper]] = {
    "flips a bit": lambda: flipping(Random(1)),
    "repeats": lambda: doubling,
    "keeps one back": swallowing,
    "changes the order": swapping,
    "adds unsealed words": lambda: adding(PLAIN),
    "adds an unsealed end": lambda: adding(b"\x02" + encode(Frames(bye=True))),
    "adds sealed rubbish": lambda: adding(bytes((PROTECTED,)) + os.urandom(60)),
    "adds a message of one byte": lambda: adding(b"\x03"),
    "adds a refusal": lambda: adding(encode_refused(refusal(session_key(bytes(32), bytes(16)), 1, UNKNOWN_SESSION))),
}


@pytest.mark.parametrize("direction", ["client", "egress"])
@pytest.mark.parametrize("trick", TRICKS)
def test_a_trick_ends_the_bridge_s_link_and_nothing_else(trick: str, direction: str) -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.05))
        bad = Path(2e6, 0.05)
        await bonds.joined(bad)
        for owner in bonds.owners():
            owner.send(300)
        await asyncio.sleep(0.1)
        end: PathEnd = getattr(bad, direction)
        end.tamper = TRICKS[trick]()
        await bonds.of_client.until_received(301)
        await bonds.of_egress.until_received(301)
        await asyncio.sleep(1)
        for log in (bonds.events, bonds.egress_events):
            (closed,) = log.of(LinkClosed)
            assert closed.number == 1
            assert closed.reason in (TAMPERED, REPORTED_CLOSED, "the other end closed the link")
        assert len(bonds.client.stats().links) == 1
        await bonds.close()

    run(main())


@pytest.mark.parametrize("seed", range(10))
def test_a_flipped_bit_is_noticed_wherever_it_is(seed: int) -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(2e6, 0.02), lambda number: 20 + number % 50)
        bad = Path(2e6, 0.02)
        await bonds.joined(bad)
        random = Random(seed)
        bad.egress.tamper = bad.client.tamper = flipping(random)
        for owner in bonds.owners():
            for _ in range(20):
                owner.send_one()
        await bonds.of_client.until_received(21)
        await bonds.of_egress.until_received(21)
        await asyncio.sleep(8)  # an idle link is asked for a sign of life
        assert [link.number for link in bonds.client.stats().links] == [0]
        await bonds.close()

    run(main())


# --- joining -----------------------------------------------------------------------------------------
async def copied_join(bonds: Bonds) -> bytes:
    """What a bridge saw when its link joined."""
    path = Path()
    path.client.messages = []
    await bonds.joined(path)
    return path.client.messages[0]


async def try_to_join(bonds: Bonds, message: bytes) -> str:
    """A bridge's own link; why it was refused."""
    path = Path()
    path.client.send(message)
    path.client.messages = None
    arrival = Arrival(path.egress)
    try:
        join = await arrival.opening()
        assert isinstance(join, Join)
        bonds.egress.admit(arrival)
    except LinkError as error:
        path.egress.close()
        return str(error)
    raise AssertionError("it was let in")


def test_a_copied_join_is_refused_while_its_link_lives_and_afterwards() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open()
        join = await copied_join(bonds)
        assert await try_to_join(bonds, join)
        bonds.paths[1].die(0.0, 0.0)
        await asyncio.sleep(1)
        assert await try_to_join(bonds, join)
        bonds.of_egress.send(50)
        await bonds.of_client.until_received(51)
        assert bonds.egress.stats().joined == 1
        await bonds.close()

    run(main())


def test_a_join_that_was_given_up_cannot_be_used_by_the_bridge_that_kept_it_back() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open()
        path = Path()
        path.client.messages = []
        path.client.tamper = lambda _: ()
        bonds.join(path)
        bonds.client.remove(1)
        await asyncio.sleep(1)
        assert await try_to_join(bonds, path.client.messages[0])
        await bonds.close()

    run(main())


def test_nobody_joins_without_the_key() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open()
        join = await copied_join(bonds)
        head = join_head(Join(bonds.session.id, 2))
        for message in (
            head + join[len(head) :],  # another number
            head + os.urandom(40),
            head,
            join_head(Join(os.urandom(16), 2)) + join[len(head) :],  # another session
            join[:-1],
        ):
            assert await try_to_join(bonds, message)
        number = bonds.join()
        await asyncio.sleep(1)
        assert number in [link.number for link in bonds.egress.stats().links]
        await bonds.close()

    run(main())


@pytest.mark.parametrize("reason", [UNKNOWN_SESSION, 0, 200])
def test_a_refusal_that_is_not_the_egress_s_ends_that_link_alone(reason: int) -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open()
        path = Path()
        bonds.client.add(path.client)
        arrival = Arrival(path.egress)
        await arrival.opening()
        forged = refusal(session_key(bytes(32), bonds.session.id), 1, reason)
        path.egress.send(encode_refused(forged))
        await asyncio.sleep(1)
        assert bonds.events.events[-1] == LinkClosed(1, TAMPERED)
        assert bonds.of_client.closed_reason is None
        await bonds.close()

    run(main())


# --- before anything is sealed ---------------------------------------------------------------------------
@pytest.mark.parametrize("direction", ["client", "egress"])
@pytest.mark.parametrize("trick", ["flips a bit", "repeats", "keeps one back", "adds unsealed words"])
def test_a_trick_on_the_first_link_ends_the_session_before_others_can_join(trick: str, direction: str) -> None:
    async def main() -> None:
        bonds = Bonds()
        path = Path()
        events = EventLog()
        client = Bond.begin_session(path.client, events)
        reasons: list[str] = []

        class Silent:
            def on_message(self, message: bytes) -> None: ...
            def on_writable(self) -> None: ...
            def on_closed(self, reason: str) -> None:
                reasons.append(reason)

        client.start(Silent())
        for number in range(4):
            client.send(bytes((number,)) * 100)
        arrival = Arrival(path.egress)
        await arrival.opening()
        egress = Bond.accept_session(arrival, bonds.session)
        egress.start(Silent())
        end: PathEnd = getattr(path, direction)
        end.tamper = TRICKS[trick]()
        for number in range(4):
            client.send(bytes((number,)) * 100)
            egress.send(bytes((number,)) * 100)
            await asyncio.sleep(0.1)
        end.tamper = None
        if client.stats().links:
            client.set_key(bonds.session)
        await asyncio.sleep(SETTINGS.wait_seconds + 20)
        assert not client.is_joinable
        assert len(reasons) == 2
        with pytest.raises(LinkError):
            client.add(Path().client)

    run(main())


def test_a_bridge_that_only_looks_sees_no_packet_and_no_count() -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(sizes=lambda _: 500)
        path = Path()
        path.egress.messages = []
        await bonds.joined(path)
        owner: Owner = bonds.of_egress
        for _ in range(30):
            owner.send_one()
        await bonds.of_client.until_received(31)
        assert len(path.egress.messages) >= 1
        assert path.egress.messages[0][0] == PROTECTED
        for message in path.egress.messages:
            for number in range(31):
                assert number.to_bytes(8, "big") not in message
        await bonds.close()

    run(main())
