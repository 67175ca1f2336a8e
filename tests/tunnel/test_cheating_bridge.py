"""A bridge that changes, drops, repeats or records packets."""

import asyncio
import random
from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from freespan.tunnel.server import ServerTunnel
from freespan.tunnel.settings import TunnelSettings
from freespan.tunnel.stream import TunnelStream
from freespan.wire.errors import StreamError, TunnelError
from freespan.wire.target import Target
from tests.support.tunnels import (
    exchange,
    pattern,
    read_all,
    session,
    two_ends,
)

pytestmark = pytest.mark.timeout(60)


class Tampering:
    """Changes one message in so many, in one way."""

    def __init__(self, how: str, every: int, seed: int) -> None:
        self._how = how
        self._every = every
        self._dice = random.Random(seed)
        self._kept: list[bytes] = []
        self.done = 0

    def __call__(self, message: bytes) -> Iterable[bytes]:
        self._kept = [*self._kept[-20:], message]
        if self._dice.randrange(self._every):
            return (message,)
        self.done += 1
        if self._how == "flip":
            at = self._dice.randrange(len(message))
            return (message[:at] + bytes((message[at] ^ (1 << self._dice.randrange(8)),)) + message[at + 1 :],)
        if self._how == "replace":
            return (self._dice.randbytes(len(message)),)
        if self._how == "cut":
            return (message[: self._dice.randrange(1, len(message) + 1)],)
        if self._how == "double":
            return message, message
        if self._how == "replay":
            return message, self._dice.choice(self._kept)
        if self._how == "inject":
            return self._dice.randbytes(self._dice.randrange(1, 1_500)), message
        assert self._how == "drop"
        return ()


@pytest.mark.parametrize("how", ["flip", "cut", "double", "replay", "inject", "drop"])
@pytest.mark.parametrize("direction", ["to_egress", "to_client"])
async def test_a_bridge_that_changes_packets_gets_no_wrong_byte_through(how: str, direction: str) -> None:
    tampering = Tampering(how, every=8, seed=7)
    async with session(bridged=True) as ends:
        assert ends.bridge is not None
        setattr(ends.bridge, direction, tampering)
        await exchange(ends, pattern(1_000_000))
        assert tampering.done


async def test_a_bridge_that_changes_everything_from_the_start_gets_nowhere() -> None:
    settings = TunnelSettings(handshake_seconds=0.2)
    for direction in ("to_egress", "to_client"):
        async with two_ends(bridged=True, settings=settings) as ends:
            assert ends.bridge is not None
            setattr(ends.bridge, direction, Tampering("replace", every=1, seed=1))
            with pytest.raises(TunnelError):
                await ends.client.start()


@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["flip", "cut", "inject", "replay"]), early=st.booleans())
def test_whatever_a_bridge_does_the_end_is_exact_bytes_or_a_clean_error(seed: int, how: str, early: bool) -> None:
    async def play() -> None:
        async with two_ends(bridged=True) as ends:
            assert ends.bridge is not None
            cheat = Tampering(how, every=3, seed=seed)
            if early:
                ends.bridge.to_client = ends.bridge.to_egress = cheat
            try:
                async with asyncio.timeout(3):
                    await ends.client.start()
                    ends.bridge.to_client = ends.bridge.to_egress = cheat
                    await exchange(ends, pattern(50_000))
            except (TunnelError, StreamError, TimeoutError):
                pass
        assert not {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    with asyncio.Runner() as runner:
        runner.run(play())


async def test_a_bridge_that_records_everything_sees_nothing() -> None:
    secrets = [b"a-very-blocked-site.example", b"GET /forbidden/page HTTP/1.1", b"the body of the page, word for word"]

    async def answering(tunnel: ServerTunnel, stream: TunnelStream) -> None:
        assert dict(stream.headers)[b":authority"] == secrets[0] + b":443"
        tunnel.accept(stream)
        assert await stream.read() == secrets[1]
        await stream.write(secrets[2] * 50)
        stream.write_eof()

    async with session(answering, bridged=True) as ends:
        stream = await ends.client.connect(site_of(secrets[0]), secrets[1])
        assert await read_all(stream) == secrets[2] * 50
        assert ends.bridge is not None
        seen = bytes(ends.bridge.seen)
    assert len(seen) > 2_000
    for secret in secrets:
        for start in range(len(secret) - 8):
            assert secret[start : start + 8] not in seen


def site_of(name: bytes) -> Target:
    return Target(name.decode(), 443)
