"""`connect` and `Client`: streams and a local proxy through a host's bridges, as one asyncio context manager."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING, Any, get_args

from freespan.api.arguments import PORT_MAX, checked_number, checked_seconds
from freespan.api.background import Background
from freespan.api.feed import Feed, Following
from freespan.api.stream import Stream, StreamTransport, open_stream
from freespan.client.client import Client as Engine
from freespan.client.local_proxy.credentials import Credentials, parse_credentials
from freespan.client.local_proxy.listening import LOCALHOST
from freespan.client.local_proxy.server import LocalProxy
from freespan.client.settings import ClientSettings as ClientSettings
from freespan.client.status import ClientStatus as ClientStatus
from freespan.client.transports import TransportChoice
from freespan.observe.hidden import hiding_urls
from freespan.wire.errors import InputError, StreamError, TunnelError
from freespan.wire.invite import Invite
from freespan.wire.pasted_invite import find_invite
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.target import Target, parse_target

if TYPE_CHECKING:
    from freespan.tunnel.client import ClientTunnel
    from freespan.tunnel.stream import TunnelStream

OPEN_SECONDS = 30.0
"""How long `Client.open` takes at most, unless told otherwise: a session, the target's name, and the target."""
_END_SECONDS = 1.0
"""A client that fails for good cleans up and ends within this time. Its own error says more than its status."""
_NOT_RUNNING = "the client is not running: use it inside its `async with` block"


def connect(
    invite: str | Invite,
    *,
    transport: TransportChoice = "auto",
    timeout: float | None = None,
    settings: ClientSettings | None = None,
) -> Client:
    """Connect to a host through a bridge, for the length of an `async with` block::

        async with freespan.connect(invite) as client:
            async with await client.open("example.org", 80) as (reader, writer):
                ...

    Args:
        invite: the text that the host has given out.
        transport: `auto`, or the only transport to use: `webrtc`, `turn` or `websocket`. The last two show the host
            your address.
        timeout: seconds that entering the block waits for a session; None for those of the settings. With 0 it does
            not wait; `open` does then.
        settings: how patient the client is, and how much it keeps open.

    Raises:
        InviteError: the invite is cut, mistyped or of another version.
        InputError: field `transport` or `timeout`; the value cannot be used.
    """
    if transport not in get_args(TransportChoice):
        *most, last = get_args(TransportChoice)
        raise InputError("transport", f"must be {', '.join(most)} or {last}")
    settings = settings or ClientSettings()
    timeout = settings.session_wait_seconds if timeout is None else checked_seconds("timeout", timeout)
    return Client(find_invite(invite) if isinstance(invite, str) else invite, transport, timeout, settings)


class Client:
    """A client that runs; made by `connect`. It finds another bridge when one leaves, until its block ends.

    Entering the block raises:
        TunnelError: no session was open in time; the text says why.
        RendezvousError: the host has refused, and would refuse again.
    """

    def __init__(self, invite: Invite, transport: TransportChoice, timeout: float, settings: ClientSettings) -> None:
        self._timeout = timeout
        self._settings = settings
        self._feed: Feed[ClientStatus] = Feed()
        self._endpoints = invite.endpoints
        self._engine = Engine(invite, self._note, transport, settings)
        self._background = Background("freespan-client", self._ended)
        self._proxies: set[Proxy] = set()
        self._transports: set[StreamTransport] = set()
        self._failure: asyncio.Future[str] | None = None
        self._why = ("the broker has not answered yet", "")

    async def __aenter__(self) -> Client:
        if self._failure is not None:
            raise RuntimeError("a Client runs once: make another one")
        self._failure = asyncio.get_running_loop().create_future()
        self._background.start(self._run())
        try:
            if self._timeout > 0:
                await self._tunnel(self._timeout)
        except BaseException:
            await self.close()
            raise
        return self

    async def _run(self) -> None:
        with hiding_urls(*self._endpoints):
            await self._engine.run()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The URLs at which the client asks for its host: the host's own, and its fronts."""
        return self._endpoints

    @property
    def status(self) -> ClientStatus:
        """How the client is doing now."""
        return self._engine.status

    def events(self) -> Following[ClientStatus]:
        """Iterate over the latest status and all that follow, until the client is closed.

        A follower that does not keep up misses the oldest. Raises what `wait_closed` raises.
        """
        return self._feed.follow()

    async def open(
        self, host: str, port: int, *, tls: ssl.SSLContext | bool | None = None, timeout: float = OPEN_SECONDS
    ) -> Stream:
        """Open a stream to a target, which the host resolves and connects to.

        Args:
            host: a name or an IP address.
            port: 1 to 65,535.
            tls: speak TLS on the stream; with True, by the system's certificates.
            timeout: seconds for all of it.

        Returns:
            A reader and a writer, as those of `asyncio.open_connection`. When the stream breaks, they raise
            `StreamError`.

        Raises:
            InputError: host, port or timeout cannot be used.
            StreamError: the target cannot be reached or may not be; `status` says why.
            TunnelError: no session is open, and none was within the time.
            ssl.SSLError: the target's certificate is wrong, or it does not speak TLS.
        """
        checked_number("port", port, 1, PORT_MAX)
        checked_seconds("timeout", timeout)
        target = parse_target(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        context = ssl.create_default_context() if tls is True else tls or None
        until = asyncio.get_running_loop().time() + timeout
        tunnel = await self._tunnel(timeout)
        try:
            async with asyncio.timeout_at(until):
                tunnel_stream = await tunnel.connect(target)
                transport = self._transport(tunnel, tunnel_stream, str(target))
                try:
                    return await open_stream(transport, context, target.host)
                except BaseException:
                    transport.abort()
                    raise
        except TimeoutError:
            if not self._engine.is_carried:
                raise self._engine.no_session() from None
            raise StreamError(ProxyStatus("connection_timeout")) from None
        except StreamError:
            if not tunnel.is_over:
                raise
            await self._engine.settle()
            raise self._engine.no_session() from None  # the egress has not answered: it is no matter of the site

    async def proxy(
        self,
        port: int = 0,
        *,
        address: str = LOCALHOST,
        password: str | Credentials | None = None,
        users: Collection[int] | None = None,
    ) -> Proxy:
        """Start a local proxy (HTTP and SOCKS) on this machine. It ends with the client.

        Args:
            port: where it listens; 0 picks a free one.
            address: `localhost` for 127.0.0.1 and ::1, as far as the system has them, or one of the two, or another
                address of 127.0.0.0/8 where the system has them all.
            password: `user:password`, which programs must then give.
            users: numbers of the users whose programs are let in besides those of root, where the system tells whose
                they are (Linux). None stands for the user of this process.

        Raises:
            InputError: field `port`, `address` or `proxy-password`; it is in use, may not be used, or is none.
        """
        checked_number("port", port, 0, PORT_MAX)
        if not self._background.is_running:
            await self._raise_failure()
        credentials = parse_credentials(password) if isinstance(password, str) else password
        local_proxy = LocalProxy(self._engine, self._settings, credentials=credentials, users=users)
        port = await local_proxy.start(port, address)
        proxy = Proxy(local_proxy, port, local_proxy.addresses[0])
        self._proxies.add(proxy)
        return proxy

    async def wait_closed(self) -> None:
        """Wait until the client has ended. Raises `FreespanError` when it gave up: to try again cannot help."""
        await self._background.wait()

    async def raise_if_refused(self) -> None:
        """Raise why the host has ended the session for good, if it has: that says more than a stream that broke.

        Returns at once while there is a session, or while the client looks for one.
        """
        await self._engine.settle()
        if self.status.state == "failed":
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_END_SECONDS):
                    await self._background.wait()

    async def close(self) -> None:
        """End all streams and proxies, the session and the client. The `async with` block does it."""
        for transport in list(self._transports):
            transport.abort()
        await asyncio.gather(*(proxy.close() for proxy in self._proxies))
        await self._background.stop()
        self._feed.end()

    def _note(self, status: ClientStatus) -> None:
        if status.state == "waiting":
            self._why = (status.reason or status.detail, status.cause)
        elif status.state == "failed" and self._failure is not None and not self._failure.done():
            self._failure.set_result(status.detail)
        elif status.state == "open" and self._failure is not None and self._failure.done():
            self._failure = asyncio.get_running_loop().create_future()  # it has recovered
        self._feed.publish(status)

    def _ended(self, error: BaseException | None) -> None:
        self._feed.end(error)

    async def _tunnel(self, seconds: float) -> ClientTunnel:
        """The tunnel of the open session; waits for one, unless the client has failed."""
        if self._failure is None or not self._background.is_running:
            await self._raise_failure()
        assert self._failure is not None
        opening = asyncio.create_task(self._engine.tunnel(seconds), name="freespan-session")
        ending = asyncio.create_task(self._background.wait(), name="freespan-ending")
        try:
            waits: set[asyncio.Future[Any]] = {opening, ending, self._failure}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if opening.done() and opening.exception() is None:
                return opening.result()
            if self._failure.done():
                await asyncio.wait({ending}, timeout=_END_SECONDS)
            if not self._background.is_running:
                await self._raise_failure()
            if self._failure.done():
                raise TunnelError(self._failure.result(), self.status.cause)
            why, code = self._why
            raise TunnelError(f"no session within {seconds:.0f} s: {why}", code)
        finally:
            opening.cancel()
            ending.cancel()
            await asyncio.gather(opening, ending, return_exceptions=True)

    def _transport(self, tunnel: ClientTunnel, tunnel_stream: TunnelStream, target: str) -> StreamTransport:
        def forget(lost: StreamTransport) -> None:
            self._transports.discard(lost)
            tunnel.release(tunnel_stream)

        transport = StreamTransport(tunnel_stream, target, forget)
        self._transports.add(transport)
        return transport

    async def _raise_failure(self) -> None:
        """Raise why the client does not run."""
        await self._background.wait()
        raise RuntimeError(_NOT_RUNNING)


class Proxy:
    """A local proxy, made by `Client.proxy`. It may be used as an `async with` block of its own.

    Attributes:
        port: where it listens.
        address: where it listens, an address of this machine: of two the IPv4 one.
    """

    def __init__(self, local_proxy: LocalProxy, port: int, address: str) -> None:
        self._local_proxy = local_proxy
        self.port = port
        self.address = address

    @property
    def url(self) -> str:
        """For programs that take an HTTP proxy. It never holds a password."""
        return f"http://{Target(self.address, self.port)}"

    @property
    def socks_url(self) -> str:
        """For programs that take a SOCKS5 proxy; the host resolves the names. It never holds a password."""
        return f"socks5h://{Target(self.address, self.port)}"

    @property
    def received(self) -> int:
        """Bytes that have come from targets."""
        return self._local_proxy.received

    @property
    def sent(self) -> int:
        """Bytes that have been sent to targets."""
        return self._local_proxy.sent

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return self._local_proxy.connections

    async def close(self) -> None:
        """Close the port and all connections."""
        await self._local_proxy.stop()

    async def __aenter__(self) -> Proxy:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
