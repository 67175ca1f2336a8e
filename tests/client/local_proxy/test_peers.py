"""Whose programs are let in: on Linux, those of the reader and of root, whatever a program of somebody else tries."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import encodings.idna  # noqa: F401  (the other user may be unable to read the file)
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.peers import Peers, own_users
from freespan.client.local_proxy.server import LocalProxy
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target
from tests.support import readers
from tests.support.loopback import IPV6

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose program it is")
_Result = TypeVar("_Result")

IS_ROOT = sys.platform != "win32" and os.geteuid() == 0
SOMEBODY = 4242 if IS_ROOT else os.geteuid()
"""A user who is not root."""
REQUEST = b"CONNECT site.test:443 HTTP/1.1\r\n\r\n"


class Asked:
    """Stands in for a client: notes the targets that it is asked for, and has no session."""

    def __init__(self) -> None:
        self.targets: list[Target] = []

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        self.targets.append(target)
        raise StreamError(ProxyStatus("destination_unavailable"))


@contextlib.asynccontextmanager
async def running_proxy(users: set[int] | None) -> AsyncIterator[tuple[str, Asked]]:
    client = Asked()
    proxy = LocalProxy(client, users=users)
    port = await proxy.start(0)
    try:
        yield f"127.0.0.1:{port}", client
    finally:
        await proxy.stop()


def by_somebody(work: Callable[..., _Result], *arguments: object) -> _Result:
    """Do something as that user: what this thread opens is theirs."""

    def change_and_work() -> _Result:
        if IS_ROOT:
            ctypes.CDLL(None).setfsuid(SOMEBODY)
        return work(*arguments)

    with ThreadPoolExecutor(1) as threads:
        return threads.submit(change_and_work).result()


def by_ipv6_socket(proxy: str) -> bytes:
    """As programs in Java do, which have IPv6 sockets only."""
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect(("::ffff:127.0.0.1", int(proxy.rpartition(":")[2])))
        connection.sendall(REQUEST)
        return readers.read_all(connection)


def by_ipv6(proxy: str) -> bytes:
    return readers.exchange(f"[::1]:{proxy.rpartition(':')[2]}", REQUEST)


WAYS = [
    pytest.param(lambda proxy: readers.exchange(proxy, REQUEST), id="IPv4"),
    pytest.param(by_ipv6_socket, id="IPv4 by an IPv6 socket", marks=IPV6),
    pytest.param(by_ipv6, id="IPv6", marks=IPV6),
]


@pytest.mark.parametrize("way", WAYS)
async def test_a_program_of_another_user_is_reset_without_a_byte(
    way: Callable[[str], bytes], caplog: pytest.LogCaptureFixture
) -> None:
    async with running_proxy(set()) as (proxy, client):
        for _ in range(2):
            with pytest.raises((ConnectionResetError, BrokenPipeError)):
                await asyncio.to_thread(by_somebody, way, proxy)
        assert client.targets == []
    assert [record.getMessage() for record in caplog.records] == [
        "a program of another user was refused by the local proxy"
    ]


@pytest.mark.parametrize("way", WAYS)
async def test_a_user_who_was_named_is_served(way: Callable[[str], bytes]) -> None:
    async with running_proxy({SOMEBODY}) as (proxy, client):
        assert (await asyncio.to_thread(by_somebody, way, proxy)).startswith(b"HTTP/1.1 503 ")
        assert client.targets == [Target("site.test", 443)]


@IPV6
async def test_an_ipv4_connection_that_an_ipv6_socket_has_accepted() -> None:
    """The kernel knows it by its IPv4 addresses alone."""
    peers = Peers(own_users())
    peers.start()
    with (
        socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening,
        socket.create_connection(("127.0.0.1", listening.getsockname()[1])),
        listening.accept()[0] as accepted,
    ):
        assert accepted.getpeername()[0] == "::ffff:127.0.0.1"
        assert peers._user_of(accepted) == os.geteuid()
    peers.stop()


async def test_where_the_system_tells_of_ipv4_alone_the_proxy_keeps_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """At ::1 it would have to refuse everybody, or let everybody in."""
    user_of = Peers._user_of

    def by_ipv4(peers: Peers, connection: socket.socket) -> int | None:
        return None if connection.family == socket.AF_INET6 else user_of(peers, connection)

    monkeypatch.setattr(Peers, "_user_of", by_ipv4)
    proxy = LocalProxy(Asked())
    await proxy.start(0)
    assert proxy.addresses == ("127.0.0.1",)
    await proxy.stop()


async def test_the_user_of_the_client_and_root_are_served() -> None:
    async with running_proxy(None) as (proxy, _):
        assert (await asyncio.to_thread(readers.exchange, proxy, REQUEST)).startswith(b"HTTP/1.1 503 ")


@pytest.mark.parametrize("ends", ["closes", "ends its direction and closes", "resets"])
async def test_who_is_gone_before_the_proxy_looks_has_asked_for_nothing(ends: str) -> None:
    """A closed socket has no owner, and shows as one of root, who is let in."""

    def ask_and_go(proxy: str) -> None:
        with readers.dial(proxy) as connection:
            connection.sendall(REQUEST)
            if ends.startswith("ends"):
                connection.shutdown(socket.SHUT_WR)
            if ends == "resets":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    async with running_proxy(set()) as (proxy, client):
        by_somebody(ask_and_go, proxy)  # the event loop waits meanwhile, so nothing is accepted before the end
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            await asyncio.to_thread(by_somebody, readers.exchange, proxy, REQUEST)
        assert client.targets == []


def test_a_socket_that_its_program_has_closed_is_not_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    """As kernels answer that keep the owner with the file, and not with the socket."""
    peers = Peers(own_users())
    peers.start()

    class Orphaning:
        def __init__(self, diag: socket.socket) -> None:
            self.send, self.receive, self.close = diag.send, diag.recv, diag.close

        def recv(self, size: int) -> bytes:
            answer = self.receive(size)
            return answer[:80] + bytes(8) + answer[88:]  # user and inode

    with socket.socket() as listening, socket.socket() as program:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        program.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            assert peers.may_use(accepted)
            assert peers._diag is not None
            monkeypatch.setattr(peers, "_diag", Orphaning(peers._diag))
            assert not peers.may_use(accepted)
    peers.stop()


async def test_a_program_that_has_ended_its_direction_is_still_known() -> None:
    def ask(proxy: str) -> bytes:
        with readers.dial(proxy) as connection:
            connection.sendall(REQUEST)
            connection.shutdown(socket.SHUT_WR)
            return readers.read_all(connection)

    async with running_proxy({SOMEBODY}) as (proxy, _):
        assert (await asyncio.to_thread(by_somebody, ask, proxy)).startswith(b"HTTP/1.1 503 ")


def test_where_the_system_does_not_tell_everybody_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    peers = Peers(())
    peers.start()
    with socket.socket() as any_socket:
        assert (peers.tells, peers.may_use(any_socket)) == (False, True)


def test_where_the_facility_is_missing_everybody_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container it may be forbidden; then it is better to know at the start than to refuse everybody."""
    monkeypatch.setattr(Peers, "_user_of", lambda *_: None)
    peers = Peers(())
    peers.start()
    assert not peers.tells


def test_a_connection_that_is_not_there_has_no_owner() -> None:
    """Its port may have something else that listens, and that belongs to the reader."""
    peers = Peers(own_users())
    peers.start()
    with socket.socket() as listening, socket.socket() as alone:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        alone.bind(("127.0.0.1", 0))

        class Forged(socket.socket):
            def getpeername(self) -> tuple[str, int]:
                return listening.getsockname()  # type: ignore[no-any-return]

            def getsockname(self) -> tuple[str, int]:
                return alone.getsockname()  # type: ignore[no-any-return]

        with Forged() as forged:
            assert not peers.may_use(forged)
    peers.stop()


@pytest.mark.parametrize(
    ("user", "behind", "expected"),
    [(0, "1000", {0, 1000}), (0, None, {0}), (0, "x", {0}), (1000, "1001", {1000})],
)
def test_whose_programs_they_are_by_default(
    user: int, behind: str | None, expected: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only `sudo` speaks for somebody else than the user of the process."""
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.delenv("SUDO_UID", raising=False)
    if behind is not None:
        monkeypatch.setenv("SUDO_UID", behind)
    assert own_users() == expected
