"""A bond as a `Link`, and what its user can do to its links."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from freespan.link.base import Link
from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.core import BondCore
from freespan.link.bond.events import Deliver, Joinable, LinkClosed, LinkJoined
from freespan.link.bond.reordering import RELEASED_MAX
from freespan.link.bond.session_key import Role, session_key
from freespan.link.turns import Share, Turns
from freespan.wire.bond_frames import UNKNOWN_SESSION, Hello
from freespan.wire.errors import LinkError, MessageError, VersionError
from freespan.wire.limits import (
    BOND_LINKS_MAX,
    DATAGRAM_SIZE,
    LINK_QUEUE_MAX,
    PIPE_WAITING_MAX,
)
from tests.link.bond.states import SETTINGS
from tests.support.bonds import SECRET, Bonds, EventLog, packet
from tests.support.link_paths import Path, PathEnd
from tests.support.virtual_time import run

Body = Callable[[Bonds], Coroutine[Any, Any, None]]


def with_bonds(body: Body, *paths: tuple[float, float]) -> None:
    async def main() -> None:
        bonds = Bonds()
        await bonds.open(Path(10e6, 0.02))
        await bonds.joined(*(Path(*path) for path in paths))
        await body(bonds)
        if bonds.of_client.closed_reason is None:
            bonds.client.close()
        if bonds.of_egress.closed_reason is None:
            await bonds.of_egress.until_closed()
        await asyncio.sleep(3)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(main())


def as_link(bond: Bond) -> Link:
    """mypy holds it against the contract here."""
    return bond


# --- the contract --------------------------------------------------------------------------------------
@pytest.mark.parametrize("links", [1, 3])
def test_send_credit_is_used_up_and_reported_again(links: int) -> None:
    async def body(bonds: Bonds) -> None:
        link = as_link(bonds.egress)
        credit = link.send_credit
        assert credit >= DATAGRAM_SIZE
        calls: list[int] = []
        bonds.of_egress.on_writable = lambda: calls.append(link.send_credit)  # type: ignore[method-assign]
        while link.send_credit:
            assert link.send_credit % DATAGRAM_SIZE == 0
            bonds.of_egress.send_one()
        assert not calls
        await bonds.of_client.until_received(bonds.of_egress.sent)
        await asyncio.sleep(0.1)
        assert len(calls) == 1
        assert calls[0] >= DATAGRAM_SIZE

    with_bonds(body, *[(10e6, 0.02)] * (links - 1))


def test_small_packets_pass_without_send_credit() -> None:
    async def body(bonds: Bonds) -> None:
        while bonds.egress.send_credit:
            bonds.of_egress.send_one()
        sent = bonds.of_egress.sent
        bonds.of_egress._sizes = bonds.of_client.theirs = lambda number: 40 if number >= sent else DATAGRAM_SIZE
        for _ in range(5):
            bonds.of_egress.send_one()
        await bonds.of_client.until_received(sent + 5, 1.0)

    with_bonds(body)


@pytest.mark.parametrize("size", [0, DATAGRAM_SIZE + 1])
def test_a_packet_of_a_forbidden_size_is_the_sender_s_mistake(size: int) -> None:
    async def body(bonds: Bonds) -> None:
        with pytest.raises(ValueError, match="1 to 16000"):
            bonds.client.send(bytes(size))

    with_bonds(body)


def test_an_owner_that_goes_on_without_send_credit_ends_the_bond() -> None:
    async def body(bonds: Bonds) -> None:
        for _ in range(2 * PIPE_WAITING_MAX // DATAGRAM_SIZE):
            bonds.of_client.send_one()
        assert bonds.of_client.closed_reason is None  # never from inside the call
        assert "overran" in await bonds.of_client.until_closed()
        bonds.egress.close()

    with_bonds(body)


def test_too_much_before_the_start_ends_the_bond() -> None:
    async def main() -> None:
        path = Path(10e6, 0.02)
        client = Bond.begin_session(path.client)
        client.start(_Silent())
        arrival = Arrival(path.egress)
        client.send(b"hello")
        await arrival.opening()
        egress = Bond.accept_session(arrival, session_key(SECRET, bytes(16)))
        for number in range(2 * LINK_QUEUE_MAX // DATAGRAM_SIZE):
            client.send(packet(number))
            await asyncio.sleep(0.01)
        await asyncio.sleep(1)
        owner = _Silent()
        egress.start(owner)
        await asyncio.sleep(0)
        assert owner.reasons
        client.close()
        await asyncio.sleep(3)

    run(main())


class _Silent:
    def __init__(self) -> None:
        self.reasons: list[str] = []

    def on_message(self, message: bytes) -> None: ...
    def on_writable(self) -> None: ...
    def on_closed(self, reason: str) -> None:
        self.reasons.append(reason)


@pytest.mark.parametrize("closer", [0, 1])
def test_either_side_may_close(closer: int) -> None:
    async def body(bonds: Bonds) -> None:
        ends, owners = (bonds.client, bonds.egress), bonds.owners()
        ends[closer].close("enough")
        assert owners[closer].closed_reason is None
        assert await owners[closer].until_closed() == "enough"
        assert await owners[1 - closer].until_closed() == "the other end closed the session"
        for end in ends:
            end.close("again")
            end.send(b"into the void")
            assert end.send_credit == 0
        await asyncio.sleep(SETTINGS.linger_seconds + 0.1)
        assert all(end.ended for path in bonds.paths.values() for end in path.ends)
        assert not bonds.client.is_joinable

    with_bonds(body, (10e6, 0.02))


def test_the_goodbye_of_a_client_whose_only_link_is_joining_arrives() -> None:
    async def body(bonds: Bonds) -> None:
        bonds.join()
        bonds.paths[0].die(0.0)
        await asyncio.sleep(0.001)
        assert [link.state for link in bonds.client.stats().links] == ["joining"]
        bonds.client.close("enough")
        assert await bonds.of_egress.until_closed(5) == "the other end closed the session"

    with_bonds(body)


def test_both_may_close_at_once() -> None:
    async def body(bonds: Bonds) -> None:
        bonds.client.close("enough")
        bonds.egress.close("enough")
        for owner in bonds.owners():
            assert await owner.until_closed() == "enough"

    with_bonds(body)


def test_a_goodbye_that_does_not_arrive_still_closes_the_links() -> None:
    async def body(bonds: Bonds) -> None:
        bonds.paths[0].freeze()
        bonds.client.close()
        await asyncio.sleep(SETTINGS.linger_seconds + 0.1)
        assert bonds.paths[0].client.ended
        bonds.egress.close()

    with_bonds(body)


def test_an_internal_error_ends_the_bond_and_is_logged_without_its_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> list[bytes]:
        raise RuntimeError("a secret")

    async def body(bonds: Bonds) -> None:
        monkeypatch.setattr(BondCore, "_on_frames", broken)
        bonds.of_client.send_one()
        assert await bonds.of_egress.until_closed() == "an internal error"
        bonds.client.close()

    with caplog.at_level(logging.ERROR):
        with_bonds(body)
    assert "a bond broke: RuntimeError" in caplog.text
    assert "secret" not in caplog.text


# --- links come and go -------------------------------------------------------------------------------------
def test_links_join_and_are_reported() -> None:
    async def body(bonds: Bonds) -> None:
        await bonds.joined(Path(10e6, 0.02), Path(10e6, 0.02))
        await asyncio.sleep(0.5)
        for report in (bonds.client.stats(), bonds.egress.stats()):
            assert [link.number for link in report.links] == [0, 1, 2]
            assert {link.state for link in report.links} == {"open"}
            assert all(0.01 < link.min_rtt < 0.05 for link in report.links)
            assert all(link.bytes_sent and link.bytes_received for link in report.links)
            assert report.joined == 2
        assert bonds.events.events == [Joinable(), LinkJoined(1), LinkJoined(2)]

    with_bonds(body)


def test_no_link_can_join_before_both_ends_protect_their_records() -> None:
    async def main() -> None:
        path = Path(10e6, 0.02)
        events = EventLog()
        client = Bond.begin_session(path.client, events)
        client.start(_Silent())
        client.send(b"hello")
        assert not client.is_joinable
        other = Path()
        with pytest.raises(LinkError):
            client.add(other.client)
        client.close()
        path.egress.close()
        await asyncio.sleep(3)

    run(main())


def test_a_bond_has_one_key() -> None:
    async def body(bonds: Bonds) -> None:
        with pytest.raises(RuntimeError, match="one key"):
            bonds.client.set_key(bonds.session)

    with_bonds(body)


def test_there_is_a_bound_to_links() -> None:
    async def body(bonds: Bonds) -> None:
        await bonds.joined(*(Path(10e6, 0.02) for _ in range(BOND_LINKS_MAX - 1)))
        with pytest.raises(LinkError, match="as many links"):
            bonds.client.add(Path().client)
        bonds.of_egress.send(400)
        await bonds.of_client.until_received(401)

    with_bonds(body)


def test_a_link_that_never_answers_is_given_up() -> None:
    async def body(bonds: Bonds) -> None:
        path = Path()
        bonds.client.add(path.client)  # and nobody is at its other end
        await asyncio.sleep(SETTINGS.join_seconds - 1)
        assert [link.state for link in bonds.client.stats().links] == ["open", "joining"]
        await asyncio.sleep(2)
        assert path.client.ended
        assert bonds.events.events[-1] == LinkClosed(1, "the link did not join in time")

    with_bonds(body)


def test_a_link_that_has_closed_already_can_be_added_and_is_removed_at_once() -> None:
    async def body(bonds: Bonds) -> None:
        path = Path()
        path.client.close()
        await asyncio.sleep(0.1)
        bonds.client.add(path.client)
        await asyncio.sleep(0.1)
        assert len(bonds.client.stats().links) == 1

    with_bonds(body)


def test_links_come_and_go_while_packets_flow() -> None:
    async def body(bonds: Bonds) -> None:
        bonds.of_egress.send(10**6)
        bonds.of_client.send(10**6)
        for _ in range(20):
            number = bonds.join(Path(2e6, 0.03))
            await asyncio.sleep(0.3)
            bonds.client.remove(number)
        for owner in bonds.owners():
            owner.to_send = 0
        await bonds.of_client.until_received(bonds.of_egress.sent)
        await bonds.of_egress.until_received(bonds.of_client.sent)
        assert bonds.events.count(LinkClosed) == bonds.egress_events.count(LinkClosed) == 20

    with_bonds(body)


def test_removing_what_is_not_there_does_nothing() -> None:
    async def body(bonds: Bonds) -> None:
        bonds.client.remove(17)
        assert bonds.of_client.closed_reason is None

    with_bonds(body)


# --- arrivals ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("message", "error"),
    [(b"\xc0 a QUIC Initial", MessageError), (b"\x01\x09", VersionError), (b"\x04\x01short", MessageError)],
)
def test_a_first_message_that_neither_begins_nor_joins_is_an_error(message: bytes, error: type[MessageError]) -> None:
    async def main() -> None:
        path = Path()
        path.client.send(message)
        with pytest.raises(error):
            await Arrival(path.egress).opening()

    run(main())


def test_a_link_that_closes_before_its_first_message_is_an_error() -> None:
    async def main() -> None:
        path = Path()
        arrival = Arrival(path.egress)
        path.client.close()
        with pytest.raises(LinkError):
            await arrival.opening()

    run(main())


def test_a_link_that_sends_too_much_before_it_is_accepted_is_closed() -> None:
    async def main() -> None:
        path = Path()
        arrival = Arrival(path.egress)
        for _ in range(2 * LINK_QUEUE_MAX // DATAGRAM_SIZE):
            path.client.send(bytes(DATAGRAM_SIZE))
        await asyncio.sleep(1)
        assert path.egress.ended == "the other end sent too much before the link was in use"
        assert arrival._waiting_bytes <= LINK_QUEUE_MAX + DATAGRAM_SIZE

    run(main())


def test_a_new_session_is_not_let_into_another_one() -> None:
    async def body(bonds: Bonds) -> None:
        path = Path()
        stranger = Bond.begin_session(path.client)
        stranger.start(_Silent())
        stranger.send(b"hello")
        arrival = Arrival(path.egress)
        assert isinstance(await arrival.opening(), Hello)
        with pytest.raises(LinkError):
            bonds.egress.admit(arrival)
        stranger.close()
        path.egress.close()

    with_bonds(body)


def test_a_refusal_nobody_reads_does_not_keep_the_egress() -> None:
    async def body(bonds: Bonds) -> None:
        path = Path()
        bonds.client.add(path.client)
        arrival = Arrival(path.egress)
        await arrival.opening()
        path.freeze()
        began = bonds.loop.time()
        await arrival.refuse(bonds.session, UNKNOWN_SESSION)
        assert bonds.loop.time() - began <= SETTINGS.linger_seconds + 0.1
        await asyncio.sleep(0.1)
        assert path.egress.ended

    with_bonds(body)


# --- reading more slowly ---------------------------------------------------------------------------------
class PacedEnd:
    """An end of a path that can be asked to stop reading, and writes down that it was."""

    def __init__(self, end: PathEnd) -> None:
        self.asked: list[object] = []
        self.start, self.send, self.close = end.start, end.send, end.close
        self.send_credit = LINK_QUEUE_MAX

    def pause(self) -> None:
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def share_turns(self, share: Share) -> None:
        self.asked.append(share)


def test_a_bond_stops_reading_all_its_links_and_those_that_join() -> None:
    async def main() -> None:
        bonds, paths = Bonds(), [Path(10e6, 0.02) for _ in range(3)]
        ends = [PacedEnd(path.egress) for path in paths]
        for path, end in zip(paths, ends, strict=True):
            path.egress = cast(Any, end)
        await bonds.open(paths[0])
        await bonds.joined(paths[1])
        share = Turns().share()
        bonds.egress.share_turns(share)
        bonds.egress.pause()
        await bonds.joined(paths[2])
        bonds.egress.resume()
        assert [end.asked for end in ends] == [[share, "pause", "resume"]] * 3
        await bonds.close()

    run(main())


def test_what_one_packet_releases_is_delivered_some_at_a_time() -> None:
    """And all of it, in order, although nothing more arrives."""
    core, (first, *later) = BondCore(Role.EGRESS, 0.0, session_key(SECRET, bytes(16))), range(3 * RELEASED_MAX)
    core.reordering.receive(first, b"x")
    for number in later[1:]:
        core.reordering.receive(number, number.to_bytes(8, "big"))
    delivered = [int.from_bytes(one, "big") for one in core.reordering.receive(later[0], bytes(8))][1:]
    assert len(delivered) == RELEASED_MAX
    rounds = 0
    while core.timer_at <= 0.0:
        events = core.handle_timer(0.0)
        delivered += [int.from_bytes(one.packet, "big") for one in events if isinstance(one, Deliver)]
        rounds += 1
    assert rounds == 2
    assert delivered == list(later[1:])
