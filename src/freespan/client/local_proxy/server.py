"""The server of the local proxy: one port on loopback that serves HTTP (CONNECT, absolute-form) and SOCKS.

Whoever is not to know of it gets a TCP reset and not one byte, which is the nearest to a closed port: programs of other
users, and pages that try ports.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace

from freespan.client.lent_stream import LentStream
from freespan.client.local_proxy.conversation import Program, ProxyContext, StreamOpener
from freespan.client.local_proxy.credentials import Credentials
from freespan.client.local_proxy.http1 import HttpConversation
from freespan.client.local_proxy.kept_streams import KeptStreams
from freespan.client.local_proxy.listening import LOCALHOST, listen, loopback_addresses
from freespan.client.local_proxy.parsers import socks_parser_for
from freespan.client.local_proxy.peers import Peers, own_users
from freespan.client.local_proxy.request import RequestError
from freespan.client.local_proxy.tunnels import TunnelConversation
from freespan.client.settings import ClientSettings
from freespan.wire.errors import StreamError
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target

_REFUSED_MAX = 64
"""Connections beyond the bound that are told so at a time; another one is closed without a word."""
_REFUSED_SECONDS = 2.0
"""How long such a one may take to say what it wants, so that it can be told in its own protocol."""


class _NoRoom:
    """Stands for the client where programs have too many connections: whatever they ask for, they are told so."""

    async def lend_stream(self, target: Target, first_bytes: bytes = b"") -> LentStream:
        """See `StreamOpener`."""
        raise StreamError(ProxyStatus("connection_limit_reached", "programs"))


class LocalProxy:
    """`received` and `sent` count the bytes of the reader's streams; `connections` those that are open now.

    `addresses` are those at which it listens.

    With `credentials`, programs must give them. Where the system tells whose program it is, those of `users` (numbers)
    and of root are let in; without a list, those of the user of this process.
    """

    def __init__(
        self,
        client: StreamOpener,
        settings: ClientSettings | None = None,
        *,
        credentials: Credentials | None = None,
        users: Collection[int] | None = None,
    ) -> None:
        self._settings = settings = settings or ClientSettings()
        self.received = 0
        self.sent = 0
        self.connections = 0
        self._context = ProxyContext(
            client, settings, credentials, KeptStreams(settings), self._count_received, self._count_sent
        )
        self._peers = Peers(own_users() if users is None else users)
        self.addresses: tuple[str, ...] = ()
        self._servers: list[asyncio.Server] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, port: int, address: str = LOCALHOST) -> int:
        """Listen, and return the port, which the system chooses for 0.

        `localhost` is 127.0.0.1 and ::1; any other address is one of 127.0.0.0/8 or ::1, so that other machines cannot
        connect. Pages can try those two, but not the other sixteen million.

        Raises:
            InputError: field `port` or `address`; it is in use or may not be used, or is of another kind.
        """
        addresses = loopback_addresses(address)
        self._peers.start()  # first: once a server listens, it accepts
        try:
            known = [one for one in addresses if self._peers.are_known_at(one)] or addresses
            self._servers = await listen(self._handle, known, port)
        except BaseException:
            self._peers.stop()
            raise
        names = [server.sockets[0].getsockname() for server in self._servers]
        self.addresses = tuple(name[0] for name in names)
        return int(names[0][1])

    async def stop(self) -> None:
        """Close the port and all connections."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._peers.stop()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        program = Program(reader, writer, self._settings.proxy_request_seconds)
        try:
            if not self._peers.may_use(writer.get_extra_info("socket")):
                program.connection.reset()
            elif self._has_room():
                await self._converse(program, self._context)
            elif self.connections <= self._settings.proxy_connections_max + _REFUSED_MAX:
                async with asyncio.timeout(_REFUSED_SECONDS):
                    await self._converse(program, replace(self._context, client=_NoRoom()))
        except RequestError as error:
            await program.refuse(error.reply)
        except (TimeoutError, OSError, EOFError):
            pass  # the program was too slow, or has gone
        except asyncio.CancelledError:
            pass  # stopping
        finally:
            self.connections -= 1
            self._tasks.discard(task)
            writer.close()

    def _has_room(self) -> bool:
        """Whether there is a place for one more connection. One that carries nothing makes room."""
        if self.connections <= self._settings.proxy_connections_max:
            return True
        rested_longest = next(iter(self._context.resting), None)
        if rested_longest is None:
            return False
        del self._context.resting[rested_longest]
        rested_longest.close()
        return True

    async def _converse(self, program: Program, context: ProxyContext) -> None:
        async with asyncio.timeout(self._settings.proxy_request_seconds):
            first = await program.read()
        parser = socks_parser_for(first[0], context.credentials)
        if parser is None:
            await HttpConversation(program, context).run(first)
        else:
            await TunnelConversation(program, context, parser).run(first)

    def _count_received(self, count: int) -> None:
        self.received += count

    def _count_sent(self, count: int) -> None:
        self.sent += count
