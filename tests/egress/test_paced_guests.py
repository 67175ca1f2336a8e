"""What guests copy: it is counted where it passes, their quota ends their sessions, and their rate holds them up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from freespan.egress.guests import Anybody, Guest
from freespan.egress.pace import InPace
from freespan.wire.errors import StreamError
from freespan.wire.target import Target
from tests.support.guests import a_list, record, token
from tests.support.site import Site
from tests.support.virtual_time import run
from tests.support.whole_path import ask, direct_session, running_host

PIECE = 50_000


class Pieces:
    """A site that always has more; it knows whether it is being read."""

    def __init__(self) -> None:
        self.is_reading = True

    async def read(self) -> bytes:
        return bytes(PIECE)

    @contextlib.contextmanager
    def not_reading(self) -> Iterator[None]:
        self.is_reading = False
        try:
            yield
        finally:
            self.is_reading = True


async def seconds_for(guest: Guest, pieces: int) -> float:
    """How long two streams of a guest take for so many pieces together."""
    began = asyncio.get_running_loop().time()

    async def copy(count: int) -> None:
        site = Pieces()
        source = InPace(site, guest, site.not_reading)
        for _ in range(count):
            await source.read()

    await asyncio.gather(copy(pieces // 2), copy(pieces // 2))
    return asyncio.get_running_loop().time() - began


def test_all_streams_of_an_invite_share_one_rate_and_nobody_else_waits() -> None:
    async def main() -> None:
        invites = a_list(record("anna", rate=1_000_000), record("bela"))
        hers, others = await asyncio.gather(seconds_for(invites.of("anna"), 220), seconds_for(invites.of("bela"), 220))
        assert 9.9 < hers < 10.1  # 11 MB, of which one passes at once
        assert others < 0.001

    run(main())


def test_a_site_is_not_read_ahead_while_its_reader_waits() -> None:
    async def main() -> None:
        invites = a_list(record("anna", rate=1_000_000))
        site = Pieces()
        source = InPace(site, invites.of("anna"), site.not_reading)
        invites.of("anna").pace(5_000_000)
        reading = asyncio.create_task(source.read(), name="test-read")
        await asyncio.sleep(1)
        assert not site.is_reading
        await reading
        assert site.is_reading

    run(main())


def test_streams_that_end_while_they_wait_leave_nothing_for_others_to_wait_for() -> None:
    async def main() -> None:
        guest = a_list(record("anna", rate=16_000)).of("anna")
        waiting = [asyncio.create_task(InPace(Pieces(), guest).read(), name="test-read") for _ in range(500)]
        await asyncio.sleep(1)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert await seconds_for(guest, 2) < 20

    run(main())


async def test_both_directions_are_counted_for_the_invite_and_for_nobody_else(site: Site) -> None:
    invites = a_list(record("anna"), record("bela"), is_open=True)
    async with running_host(guests=invites.guests) as host:
        async with direct_session(host, token=token("anna")) as session:
            request = b"GET /file?bytes=300000 HTTP/1.0\r\n\r\n"
            answer = await ask(session, site.port, "/file?bytes=300000")
            assert len(answer) > 300_000
        guest = invites.of("anna")
        assert (guest.up, guest.down, guest.begun) == (len(request), len(answer), 1)
        assert (invites.of("bela").up, invites.guests.admit(None).down) == (0, 0)


async def test_a_quota_that_is_used_up_cuts_all_sessions_of_the_invite_in_the_middle(site: Site) -> None:
    invites = a_list(record("anna", quota=1_000_000), is_open=True)
    async with (
        running_host(guests=invites.guests) as host,
        direct_session(host, token=token("anna")) as first,
        direct_session(host, token=token("anna")) as second,
        direct_session(host) as other,
    ):
        with pytest.raises(StreamError):
            await ask(first, site.port, "/file?bytes=50000000")
        for session in (first, second):
            await session.wait_ended()
            assert str(session.denial) == (
                "this invite has used up its 1 MB of this month: it works again on 1 February"
            )
        assert (await ask(other, site.port)).startswith(b"HTTP/1.1 200 OK")
        used = invites.of("anna").down
        assert 1_000_000 <= used < 2_000_000


class Standing(Anybody):
    """Whoever may copy nothing more for an hour."""

    is_invited = True

    def pace(self, size: int) -> float:
        return 3_600.0


class Some(Anybody):
    """Those with the token of zeros stand still; the others do not."""

    def admit(self, token: bytes | None) -> Guest:
        return Standing() if token == bytes(24) else self


async def test_who_waits_for_their_rate_holds_up_nobody_and_can_be_ended(site: Site) -> None:
    async with (
        running_host(guests=Some()) as host,
        direct_session(host, token=bytes(24)) as held,
        direct_session(host) as other,
    ):
        stream = await held.connect(Target("site.test", site.port), b"GET / HTTP/1.0\r\n\r\n")
        assert (await ask(other, site.port, "/file?bytes=3000000")).startswith(b"HTTP/1.1 200 OK")
        host.egress.close()
        with pytest.raises(StreamError):
            await stream.read()
