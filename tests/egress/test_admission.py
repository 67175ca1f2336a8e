"""Who gets a session, and what ends it: invites that are shown in HELLO, with real sessions in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import random
from collections.abc import Callable

import pytest

from freespan.client.admission import InviteAdmission
from freespan.egress.bounds import StreamPlace, sockets
from freespan.egress.guests import Anybody
from freespan.egress.origins import UNKNOWN, Origin
from freespan.egress.reception import Reception
from freespan.egress.session import SESSION_COST
from freespan.egress.settings import EgressSettings
from freespan.link.bond.events import LinkJoined
from freespan.link.bond.session_key import SessionKey
from freespan.link.memory import MemoryLink
from freespan.observe.ledger import Ledger
from freespan.sealing.hpke import Opener
from freespan.sources.rate import Rate
from freespan.sources.source import Source, SourceHasher
from freespan.tunnel.identity import new_identity
from freespan.tunnel.tickets import TicketJar
from freespan.wire.bond_frames import NOT_OPENED, REFUSED, Hello, hello_head, opening_of
from freespan.wire.errors import HostFullError, NotAdmittedError, StreamError, TunnelError, WrongKeyError
from tests.egress.scene import SITE, Reader, Scene, Stranger, echoes, with_scene
from tests.support.guests import DAY, a_list, record, token
from tests.support.invites import SEALING_KEY, invite_to
from tests.support.tunnels import IDENTITY
from tests.support.virtual_time import run

HASHER = SourceHasher(lambda: 0.0, random.Random(1).randbytes)


def address(text: str) -> Origin:
    return Origin(HASHER.source_of(ipaddress.ip_address(text)))


async def refused(scene: Scene, shown: bytes | None, origin: Origin = UNKNOWN) -> NotAdmittedError:
    with pytest.raises(NotAdmittedError) as caught:
        await scene.reader(origin, shown)
    return caught.value


def sent_on(link: MemoryLink) -> list[bytes]:
    """Keeps what is sent on a link from now on, and does not send it."""
    kept: list[bytes] = []
    link.send = kept.append  # type: ignore[method-assign,assignment]
    return kept


async def hello_of(scene: Scene, name: str = "anna") -> bytes:
    """The HELLO of a client that a bridge keeps to itself."""
    reader = Reader(scene, token=token(name))
    kept = sent_on(reader.ends[0][0])
    reader.session.begin()
    await scene.until(lambda: bool(kept))
    reader.session.close()
    reader.lose(0)
    return kept[0]


class Listener(Stranger):
    """A stranger who reads what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[bytes] = []

    def on_message(self, message: bytes) -> None:
        self.heard.append(message)


def send_first(scene: Scene, message: bytes, origin: Origin = UNKNOWN) -> Listener:
    stranger, link = Listener(), scene.link(origin)[0]
    link.start(stranger)
    link.send(message)
    return stranger


# --- who may begin --------------------------------------------------------------------------------
def test_an_invited_reader_has_a_session_and_counts_as_one_of_their_invite() -> None:
    invites = a_list(record("anna"))

    async def body(scene: Scene) -> None:
        reader = await scene.reader(token=token("anna"))
        await reader.still_works()
        assert scene.at_egress(reader).guest is invites.of("anna")
        assert invites.of("anna").sessions == 1
        reader.session.close()
        await scene.until(lambda: invites.of("anna").sessions == 0)

    with_scene(body, guests=invites.guests)


@pytest.mark.parametrize(
    ("name", "code"), [("revoked", "invite_revoked"), ("expired", "invite_expired"), ("forged", "invite_unknown")]
)
def test_whoever_is_not_admitted_reads_precisely_why(name: str, code: str) -> None:
    invites = a_list(record("revoked", "2026-11-29"), record("expired", expires=int(DAY) - 1))

    async def body(scene: Scene) -> None:
        shown = bytes(24) if name == "forged" else token(name)
        assert (await refused(scene, shown)).code == code

    with_scene(body, guests=invites.guests)


def test_a_host_for_invited_readers_says_nothing_to_who_shows_nothing() -> None:
    async def body(scene: Scene) -> None:
        with pytest.raises(HostFullError):  # it cannot be told why: it has given no key for an answer
            await scene.reader()

    with_scene(body, guests=a_list(record("anna")).guests)


def test_an_open_host_takes_strangers_and_still_not_who_was_revoked() -> None:
    async def body(scene: Scene) -> None:
        readers = [await scene.reader(), await scene.reader(token=bytes(24))]
        for reader in readers:
            await reader.still_works()
            assert not scene.at_egress(reader).guest.is_invited
        assert (await refused(scene, token("anna"))).code == "invite_revoked"
        for reader in readers:
            reader.session.close()

    with_scene(body, guests=a_list(record("anna", "2026-11-29"), is_open=True).guests)


# --- how many -------------------------------------------------------------------------------------
def test_two_clients_with_an_invite_for_one() -> None:
    invites = a_list(record("anna", sessions=1), record("bela"))

    async def body(scene: Scene) -> None:
        first, other = await scene.reader(token=token("anna")), await scene.reader(token=token("bela"))
        error = await refused(scene, token("anna"))
        assert (error.code, error.amount) == ("invite_sessions", 1)
        for reader in (first, other):
            await reader.still_works()
        first.session.close()
        await scene.until(lambda: not invites.of("anna").sessions)
        second = await scene.reader(token=token("anna"))
        for reader in (second, other):
            reader.session.close()

    with_scene(body, guests=invites.guests)


def test_two_that_knock_at_once_do_not_both_get_the_last_place() -> None:
    invites = a_list(record("anna", sessions=1))

    async def body(scene: Scene) -> None:
        readers = [Reader(scene, token=token("anna")) for _ in range(2)]
        await asyncio.gather(*(reader.session.start() for reader in readers), return_exceptions=True)
        await asyncio.sleep(1)
        assert invites.of("anna").sessions == scene.count == 1
        assert [reader.session.is_over for reader in readers].count(True) == 1
        for reader in readers:
            reader.session.close()

    with_scene(body, guests=invites.guests)


@pytest.mark.parametrize("loses_links", [True, False], ids=["its links are gone", "its links are silent"])
def test_the_session_of_a_client_that_was_killed_gives_way(*, loses_links: bool) -> None:
    invites = a_list(record("anna", sessions=1))

    async def body(scene: Scene) -> None:
        killed = await scene.reader(token=token("anna"))
        if loses_links:
            await killed.lose_all()
        else:
            sent_on(killed.ends[0][0])
            assert (await refused(scene, token("anna"))).code == "invite_sessions"
            await asyncio.sleep(scene.settings.silent_seconds)
        again = await scene.reader(token=token("anna"))
        await scene.until(lambda: scene.count == 1)
        await again.still_works()
        killed.session.close()
        again.session.close()

    with_scene(body, guests=invites.guests)


def test_a_client_with_nothing_to_do_does_not_give_way() -> None:
    async def body(scene: Scene) -> None:
        idle = await scene.reader(token=token("anna"))
        for _ in range(8):
            await asyncio.sleep(7)
            assert (await refused(scene, token("anna"))).code == "invite_sessions"
        await idle.still_works()
        idle.session.close()

    with_scene(body, guests=a_list(record("anna", sessions=1)).guests)


# --- the end --------------------------------------------------------------------------------------
def test_revoking_an_invite_cuts_its_sessions_at_once_and_nobody_elses() -> None:
    invites = a_list(record("anna"), record("bela"), is_open=True)

    async def body(scene: Scene) -> None:
        anna = [await scene.reader(token=token("anna")) for _ in range(2)]
        anna[0].join()
        await scene.until(lambda: anna[0].events.count(LinkJoined) == 1)
        others = [await scene.reader(token=token("bela")), await scene.reader()]
        streams = [await reader.session.connect(SITE) for reader in (*anna, *others)]
        invites.revoke("anna")
        await scene.until(lambda: scene.count == 2, 0.1)
        for reader, stream in zip(anna, streams, strict=False):
            await reader.session.wait_ended()
            assert str(reader.session.denial) == "this invite was revoked by the host: ask for a new one"
            with pytest.raises(StreamError):
                await stream.read()
        for reader, stream in zip(others, streams[2:], strict=True):
            await echoes(stream, b"goes on")
            assert reader.session.denial is None
        assert (await refused(scene, token("anna"))).code == "invite_revoked"
        for reader in others:
            reader.session.close()

    with_scene(body, guests=invites.guests)


def test_in_the_middle_of_a_download_the_reason_does_not_wait_behind_it() -> None:
    invites = a_list(record("anna"))

    async def body(scene: Scene) -> None:
        reader = await scene.reader(token=token("anna"))
        stream = await reader.session.connect(SITE)
        at_egress = scene.at_egress(reader)
        serving = next(iter(at_egress.tunnel._streams.by_id.values()))
        sending = asyncio.create_task(_send_forever(serving.write), name="test-send")
        for _ in range(20):
            assert await stream.read()
        invites.revoke("anna")
        async with asyncio.timeout(1):
            await reader.session.wait_ended()
        assert reader.session.denial is not None
        await asyncio.gather(sending, return_exceptions=True)

    with_scene(body, guests=invites.guests)


async def _send_forever(write: Callable[[bytes], object]) -> None:
    while True:
        await write(bytes(60_000))  # type: ignore[misc]


def test_a_session_without_a_link_is_told_when_its_client_knocks_again() -> None:
    invites = a_list(record("anna"))

    async def body(scene: Scene) -> None:
        reader = await scene.reader(token=token("anna"))
        await reader.lose_all()
        invites.revoke("anna")
        await scene.until(lambda: scene.count == 0, 0.1)
        reader.join()
        await reader.session.wait_ended()
        assert (await refused(scene, token("anna"))).code == "invite_revoked"

    with_scene(body, guests=invites.guests)


def test_an_invite_that_is_revoked_between_knock_and_handshake_gets_no_session() -> None:
    invites = a_list(record("anna"))

    async def body(scene: Scene) -> None:
        reader = Reader(scene, token=token("anna"))
        reader.session.begin()
        await scene.until(lambda: len(scene.sessions._by_id) == 1)
        invites.revoke("anna")
        await asyncio.gather(reader.session.start(), return_exceptions=True)
        await reader.session.wait_ended()
        assert scene.count == 0
        assert (await refused(scene, token("anna"))).code == "invite_revoked"

    with_scene(body, guests=invites.guests)


def test_sessions_end_when_their_invite_expires() -> None:
    clock = [DAY]
    invites = a_list(record("anna", expires=int(DAY) + 10), now=lambda: clock[0])

    async def body(scene: Scene) -> None:
        reader = await scene.reader(token=token("anna"))
        clock[0] += 11
        invites.guests.look()
        await reader.session.wait_ended()
        assert reader.session.denial is not None
        assert reader.session.denial.code == "invite_expired"

    with_scene(body, guests=invites.guests)


# --- what is sealed -------------------------------------------------------------------------------
def test_a_copied_hello_gives_nobody_a_session_and_uses_up_none() -> None:
    invites = a_list(record("anna", sessions=1))

    async def body(scene: Scene) -> None:
        hello = await hello_of(scene)
        copies = [send_first(scene, hello) for _ in range(5)]
        await asyncio.sleep(1)
        assert invites.of("anna").sessions == scene.count == 0
        reader = await scene.reader(token=token("anna"))
        await reader.still_works()
        await asyncio.sleep(scene.settings.tunnel.handshake_seconds)
        assert all(copy.lost for copy in copies)
        await reader.still_works()
        reader.session.close()

    with_scene(body, guests=invites.guests)


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "invited"])
def test_a_copied_hello_does_not_tell_whether_its_reader_is_there(*, is_open: bool) -> None:
    invites = a_list(record("anna", sessions=1), is_open=is_open)

    async def body(scene: Scene) -> None:
        hello = await hello_of(scene)
        send_first(scene, hello)
        reader = await scene.reader(token=token("anna"))
        while_there = send_first(scene, hello)
        await scene.until(lambda: while_there.lost)
        reader.session.close()
        await scene.until(lambda: not invites.of("anna").sessions)
        later = send_first(scene, hello)
        await scene.until(lambda: later.lost)
        invites.revoke("anna")
        revoked = send_first(scene, hello)
        await scene.until(lambda: revoked.lost)
        assert while_there.heard == later.heard == revoked.heard == [bytes((REFUSED, NOT_OPENED))]

    with_scene(body, guests=invites.guests)


def test_only_so_many_hellos_are_remembered() -> None:
    account = Ledger().account()
    reception = Reception(Opener(SEALING_KEY), Anybody(), EgressSettings(opened_max=4), account)
    admission = InviteAdmission(invite_to("https://host.example", token=token("anna")))
    held = []
    for number in range(20):
        frames = bytes((number,))
        reception.open(Hello(admission.seal(frames), frames), None, 0.0)
        held.append(account.held)
    assert held[3:] == [held[3]] * 17


def changed(hello: bytes) -> bytes:
    return hello[:60] + bytes((hello[60] ^ 1,)) + hello[61:]


def cut(hello: bytes) -> bytes:
    opening = opening_of(hello)
    assert isinstance(opening, Hello)
    return hello_head(opening.sealed[:-1]) + opening.frames


def with_other_frames(hello: bytes) -> bytes:
    """Somebody else's key share behind a reader's invite."""
    return hello[:-1] + bytes((hello[-1] ^ 1,))


def for_another_host(hello: bytes) -> bytes:
    opening = opening_of(hello)
    assert isinstance(opening, Hello)
    invite = invite_to("http://other.test", sealing_key=new_identity().public_sealing_key, token=token("anna"))
    return hello_head(InviteAdmission(invite).seal(opening.frames)) + opening.frames


def of_nonsense(hello: bytes) -> bytes:
    opening = opening_of(hello)
    assert isinstance(opening, Hello)
    return hello_head(bytes(104)) + opening.frames


@pytest.mark.parametrize("forge", [changed, cut, with_other_frames, for_another_host, of_nonsense])
@pytest.mark.parametrize("is_open", [True, False], ids=["open", "invited"])
def test_what_does_not_open_begins_no_session(forge: Callable[[bytes], bytes], *, is_open: bool) -> None:
    async def body(scene: Scene) -> None:
        forged = send_first(scene, forge(await hello_of(scene)))
        await scene.until(lambda: forged.lost)
        assert forged.heard == [bytes((REFUSED, NOT_OPENED))]
        assert not scene.sessions._by_id

    with_scene(body, guests=a_list(record("anna"), is_open=is_open).guests)


def test_a_client_whose_host_has_other_keys_by_now_reads_so() -> None:
    async def body(scene: Scene) -> None:
        reader = Reader(scene, token=token("anna"), sealing_key=new_identity().public_sealing_key)
        with pytest.raises(WrongKeyError):
            await reader.session.start()

    with_scene(body, guests=a_list(record("anna")).guests)


def test_a_source_whose_messages_do_not_open_is_soon_not_answered_and_others_are() -> None:
    async def body(scene: Scene) -> None:
        origin = address("203.0.113.66")
        forged = changed(await hello_of(scene))
        strangers = [send_first(scene, forged, origin) for _ in range(8)]
        await scene.until(lambda: all(stranger.lost for stranger in strangers))
        assert sum(bool(stranger.heard) for stranger in strangers) == 3
        reader = await scene.reader(origin, token("anna"))  # what opens is not counted
        await reader.still_works()
        reader.session.close()

    settings = EgressSettings(not_opened=Rate(per_second=0.01, burst=3), not_opened_of_network=Rate(1.0, 100))
    with_scene(body, settings, a_list(record("anna")).guests)


@pytest.mark.parametrize("becomes", ["anonymous", "the bridge's own"])
def test_a_bridge_that_puts_something_else_in_place_of_an_invite_is_found_out(becomes: str) -> None:
    invites = a_list(record("anna"), record("bridge"), is_open=True)

    async def body(scene: Scene) -> None:
        reader = Reader(scene, token=token("anna"))
        link = reader.ends[0][0]
        send = link.send

        def swap(message: bytes) -> None:
            link.send = send  # type: ignore[method-assign]
            opening = opening_of(message)
            assert isinstance(opening, Hello)
            own = invite_to("http://host.test", sealing_key=IDENTITY.public_sealing_key, token=token("bridge"))
            sealed = b"" if becomes == "anonymous" else InviteAdmission(own).seal(opening.frames)
            send(hello_head(sealed) + opening.frames)

        link.send = swap  # type: ignore[method-assign]
        await reader.session.start()
        assert invites.of("anna").sessions == 0
        raw = await reader.session.get("/bond", 48)
        reader.bond.set_key(SessionKey(raw[:16], raw[16:]))
        await reader.session.wait_ended()
        await scene.until(lambda: scene.count == 0)

    with_scene(body, guests=invites.guests)


# --- tickets --------------------------------------------------------------------------------------
async def is_early(scene: Scene, shown: bytes | None, tickets: TicketJar) -> bool:
    """Whether the egress has taken the ticket; the session works in any case."""
    reader = Reader(scene, token=shown, tickets=tickets)
    assert reader.session.begin()
    stream = asyncio.create_task(reader.session.connect(SITE), name="test-connect")
    await reader.session.start()
    await echoes(await stream, b"whatever happens")
    quic = reader.session._driver.quic
    assert quic is not None
    taken: bool = quic.tls.early_data_accepted
    reader.session.close()
    await asyncio.sleep(2)
    return taken


@pytest.mark.parametrize(("shown", "is_taken"), [("anna", True), ("bela", False), (None, False)])
def test_a_ticket_is_good_for_the_invite_that_it_was_issued_to(shown: str | None, *, is_taken: bool) -> None:
    async def body(scene: Scene) -> None:
        tickets = TicketJar()
        first = Reader(scene, token=token("anna"), tickets=tickets)
        await first.session.start()
        await echoes(await first.session.connect(SITE), b"the first session")
        first.session.close()
        await asyncio.sleep(2)
        assert await is_early(scene, None if shown is None else token(shown), tickets) is is_taken

    with_scene(body, guests=a_list(record("anna"), record("bela"), is_open=True).guests)


def test_the_tickets_of_a_revoked_invite_are_void_with_and_without_it() -> None:
    invites = a_list(record("anna"), is_open=True)

    async def body(scene: Scene) -> None:
        tickets = TicketJar()
        for _ in range(2):
            reader = Reader(scene, token=token("anna"), tickets=tickets)
            await reader.session.start()
            await echoes(await reader.session.connect(SITE), b"brings a ticket")
            reader.session.close()
            await asyncio.sleep(2)
        invites.revoke("anna")
        reader = Reader(scene, token=token("anna"), tickets=tickets)
        with pytest.raises(NotAdmittedError):
            await reader.session.start()
        kept = TicketJar()
        kept._kept = tickets._kept
        if kept._kept:
            assert not await is_early(scene, None, kept)

    with_scene(body, guests=invites.guests)


# --- a crowded host -------------------------------------------------------------------------------
ANNA, STRANGERS = address("198.51.100.1"), [address(f"203.0.{number}.1") for number in range(1, 9)]


def test_where_all_sessions_are_taken_one_without_an_invite_makes_way() -> None:
    async def body(scene: Scene) -> None:
        strangers = [await scene.reader(origin) for origin in STRANGERS[:2]]
        anna = await scene.reader(ANNA, token("anna"))
        await scene.until(lambda: scene.count == 2)
        await anna.still_works()
        assert [reader.session.is_over for reader in strangers] == [False, True]
        other = await scene.reader(ANNA, token("anna"))
        await scene.until(lambda: scene.count == 2)
        with pytest.raises(HostFullError):
            await scene.reader(STRANGERS[3])
        for reader in (anna, other):
            await reader.still_works()
            reader.session.close()

    with_scene(body, EgressSettings(sessions_max=2), a_list(record("anna"), is_open=True).guests)


def test_where_all_links_are_taken_one_without_an_invite_makes_way_for_hello_and_join() -> None:
    async def body(scene: Scene) -> None:
        scene.counts_links = True
        strangers = [await scene.reader(origin) for origin in STRANGERS[:4]]
        anna = await scene.reader(ANNA, token("anna"))
        anna.join()
        await scene.until(lambda: anna.events.count(LinkJoined) == 1)
        await anna.still_works()
        assert len(scene.sessions._links) == 4
        with pytest.raises(TunnelError):
            await scene.reader(STRANGERS[5])
        await scene.until(lambda: sum(scene.at_egress(each).is_waiting for each in strangers) == 2)
        for reader in (anna, *strangers):
            reader.session.close()
        await asyncio.sleep(scene.settings.bond.wait_seconds + 1)

    with_scene(body, EgressSettings(links_max=4), a_list(record("anna"), is_open=True).guests)


def test_handshakes_that_strangers_have_used_up_are_there_for_who_is_invited() -> None:
    settings = EgressSettings(handshakes=Rate(per_second=0.1, burst=2), handshakes_in_all=Rate(per_second=0.1, burst=8))

    async def body(scene: Scene) -> None:
        through_one_bridge = STRANGERS[0]
        readers = [await scene.reader(through_one_bridge) for _ in range(2)]
        with pytest.raises(HostFullError):
            await scene.reader(through_one_bridge)
        readers.append(await scene.reader(through_one_bridge, token("anna")))
        for reader in readers:
            await reader.still_works()
            reader.session.close()

    with_scene(body, settings, a_list(record("anna"), is_open=True).guests)


def test_one_invite_in_the_hands_of_many_takes_no_handshakes_that_are_kept_for_newcomers() -> None:
    settings = EgressSettings(
        handshakes=Rate(per_second=0.1, burst=4),
        handshakes_in_all=Rate(per_second=0.01, burst=8),
        handshakes_of_invite=Rate(per_second=0.01, burst=2),
        handshake_patience_seconds=0.0,
    )

    async def body(scene: Scene) -> None:
        readers = []
        for _ in range(4):
            for origin in STRANGERS[:3]:
                with contextlib.suppress(HostFullError):
                    readers.append(await scene.reader(origin, token("anna")))
        readers.append(await scene.reader(STRANGERS[3], token("bela")))
        await readers[-1].still_works()
        for reader in readers:
            reader.session.close()

    with_scene(body, settings, a_list(record("anna"), record("bela"), is_open=True).guests)


def test_a_copied_invite_keeps_nobody_out_of_the_places_for_handshakes() -> None:
    async def body(scene: Scene) -> None:
        hello = await hello_of(scene)
        copies = [send_first(scene, hello, STRANGERS[0]) for _ in range(12)]
        await asyncio.sleep(0.5)
        stranger = await scene.reader(STRANGERS[1])
        await stranger.still_works()
        stranger.session.close()
        await scene.until(lambda: all(copy.lost for copy in copies), 20)

    settings = EgressSettings(without_handshake_max=8, without_handshake_each=2)
    with_scene(body, settings, a_list(record("anna"), is_open=True).guests)


def test_where_memory_is_short_those_without_an_invite_end_first() -> None:
    async def body(scene: Scene) -> None:
        strangers = [await scene.reader(origin) for origin in STRANGERS[:3]]
        invited = [await scene.reader(origin, token("anna")) for origin in STRANGERS[:3]]
        assert scene.ledger is not None
        assert scene.ledger.ended
        assert any(reader.session.is_over for reader in strangers)
        for reader in invited:
            await reader.still_works()
        for reader in (*invited, *strangers):
            reader.session.close()

    with_scene(body, guests=a_list(record("anna"), is_open=True).guests, ledger=Ledger(limit=4 * SESSION_COST))


def test_where_all_sockets_are_taken_a_stream_without_an_invite_makes_way() -> None:
    async def main() -> None:
        crowd = sockets(EgressSettings(sockets_max=2))
        outcomes: dict[str, str] = {}

        async def stream(name: str, number: int, *, is_invited: bool) -> None:
            try:
                with StreamPlace(Source(b"%d" % number, b"%d" % number), is_invited=is_invited).among(crowd):
                    await asyncio.sleep(10)
                outcomes[name] = "whole"
            except StreamError as error:
                outcomes[name] = error.status.error

        tasks = [asyncio.create_task(stream(f"stranger{n}", n, is_invited=False), name="test") for n in range(2)]
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(stream("invited", 8, is_invited=True), name="test"))
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(stream("invited too", 8, is_invited=True), name="test"))
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(stream("late", 3, is_invited=False), name="test"))
        await asyncio.gather(*tasks)
        limit = "connection_limit_reached"
        assert outcomes == {
            "stranger0": limit,
            "stranger1": limit,
            "late": limit,
            "invited": "whole",
            "invited too": "whole",
        }

    run(main())
