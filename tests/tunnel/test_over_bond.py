"""QUIC over a bond whose links die: streams notice nothing but a pause."""

import asyncio
import hashlib

import pytest

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import LinkClosed
from freespan.tunnel.client import ClientTunnel
from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.stream import TunnelStream
from freespan.wire.bond_frames import Hello
from freespan.wire.target import Target
from tests.support.bonds import Bonds, EventLog
from tests.support.link_paths import Path
from tests.support.tunnels import IDENTITY, pattern, sized
from tests.support.virtual_time import run


class Tunnel(Bonds):
    """A client's and an egress' session over two bonds."""

    async def open_tunnel(self, first: Path) -> None:
        self.paths[0] = first
        self.events, self.egress_events = EventLog(), EventLog()
        self.client = Bond.begin_session(first.client, self.events)
        self.session_of_client = ClientTunnel(IDENTITY.pin, self.client)
        starting = asyncio.create_task(self.session_of_client.start(), name="test-start")
        arrival = Arrival(first.egress)
        assert isinstance(await arrival.opening(), Hello)
        self.egress = Bond.accept_session(arrival, self.session, self.egress_events)
        self.session_of_egress = ServerTunnel(IDENTITY, self.egress, sized)
        self.serving = asyncio.create_task(self.session_of_egress.serve(), name="test-serve")
        await starting
        self.client.set_key(self.session)
        await self.events.joinable.wait()

    async def close_tunnel(self) -> None:
        self.session_of_client.close()
        await self.serving
        await asyncio.sleep(3)


async def download(tunnel: Tunnel, kilobytes: int) -> tuple[bytes, float]:
    """Returns the SHA-256 of what came, and the longest pause."""
    loop = asyncio.get_running_loop()
    stream = await tunnel.session_of_client.connect(Target("site", kilobytes))
    digest, pause, last = hashlib.sha256(), 0.0, None
    async with asyncio.timeout(300):
        while part := await stream.read():
            digest.update(part)
            if last is not None:
                pause = max(pause, loop.time() - last)
            last = loop.time()
    tunnel.session_of_client.release(stream)
    return digest.digest(), pause


@pytest.mark.parametrize("how", ["egress notices", "client notices", "freezes"])
def test_a_download_lives_through_the_death_of_link_after_link(how: str) -> None:
    async def kill(tunnel: Tunnel) -> None:
        for number in range(4):
            await asyncio.sleep(1.5)
            path = tunnel.paths[number]
            match how:
                case "egress notices":
                    path.die(None, 0.001)
                case "client notices":
                    path.die(0.001, None)
                case "freezes":
                    path.freeze()
            tunnel.join(Path(2e6, 0.05))

    async def main() -> None:
        tunnel = Tunnel()
        await tunnel.open_tunnel(Path(2e6, 0.05))
        await tunnel.joined(Path(2e6, 0.05), Path(2e6, 0.05))
        killing = asyncio.create_task(kill(tunnel), name="test-kill")
        digest, pause = await download(tunnel, 48_000)
        assert killing.done()
        assert digest == hashlib.sha256(pattern(48_000 * 1024)).digest()
        assert pause <= (1.0 if how == "freezes" else 0.3)
        assert tunnel.events.count(LinkClosed) == 4
        await tunnel.close_tunnel()

    run(main())


def test_a_download_goes_on_after_minutes_without_a_link() -> None:
    """QUIC sends again meanwhile what it takes for lost. That leaves no gap, which would end the session."""

    async def main() -> None:
        tunnel = Tunnel()
        await tunnel.open_tunnel(Path(2e6, 0.05))
        downloading = asyncio.create_task(download(tunnel, 8_000), name="test-download")
        await asyncio.sleep(1.0)
        tunnel.paths[0].die(0.001, 0.001)
        await asyncio.sleep(290.0)
        assert not downloading.done()
        tunnel.join(Path(2e6, 0.05))
        digest, pause = await downloading
        assert digest == hashlib.sha256(pattern(8_000 * 1024)).digest()
        assert 280 < pause < 295
        await tunnel.close_tunnel()

    run(main())


def test_many_streams_live_through_ten_links_that_break() -> None:
    """Up and down at once, each byte for byte: no packet that any link loses leaves a gap."""

    async def both_ways(tunnel: Tunnel, number: int) -> None:
        stream = await tunnel.session_of_client.connect(Target("site", number + 1))
        text = pattern(60_000 + 1_000 * number)

        async def send() -> None:
            for start in range(0, len(text), 5_000):
                await stream.write(text[start : start + 5_000])
                await asyncio.sleep(0.03)
            stream.write_eof()

        sending = asyncio.create_task(send(), name="test-send")
        received = b""
        while part := await stream.read():
            received += part
        await sending
        assert received == text
        tunnel.session_of_client.release(stream)

    async def echo(server: ServerTunnel, stream: TunnelStream) -> None:
        server.accept(stream)
        while part := await stream.read():
            await stream.write(part)
        stream.write_eof()

    async def main() -> None:
        tunnel = Tunnel()
        await tunnel.open_tunnel(Path(1e6, 0.05))
        tunnel.session_of_egress._handler = echo
        await tunnel.joined(Path(1e6, 0.08))
        streams = [asyncio.create_task(both_ways(tunnel, number), name="test-stream") for number in range(20)]
        for number in range(10):
            await asyncio.sleep(0.2)
            tunnel.paths[number].die(0.001, None)
            tunnel.join(Path(1e6, 0.05 + 0.01 * number))
        await asyncio.gather(*streams)
        assert not tunnel.session_of_client.is_over
        await tunnel.close_tunnel()

    run(main())
