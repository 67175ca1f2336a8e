"""Looks at one URL of a host from outside: its name, its connections, its certificate, its clock.

What is asked here is what any browser asks. Without a certificate that is right, nothing that names the host's path is
sent.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlsplit

import aiohttp

from freespan.doctor.certificates import finding_of_bad_certificate, finding_of_good_certificate
from freespan.doctor.findings import Finding, bad, good, note
from freespan.doctor.settings import DoctorSettings
from freespan.link.asking import FAILURES, watching
from freespan.wire import causes
from freespan.wire.addresses import is_private_url, parse_address
from freespan.wire.causes import CLOCK, CLOCK_OFFSET_MIN, Cause, Place, cause, clock_offset, offset_text

_ADDRESSES_MAX = 8
_FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}
_NO_WAY = frozenset({causes.UNREACHABLE, causes.NO_NETWORK})
_OF_CERTIFICATES = causes.DATE_CODES | {causes.UNKNOWN_ISSUER, causes.WRONG_NAME, causes.BAD_CERTIFICATE}

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class _Address:
    family: int
    where: tuple[str, int]


class Server:
    """One base URL of a host. `place` is what it is called in findings."""

    def __init__(self, url: str, http: aiohttp.ClientSession, settings: DoctorSettings, place: Place = "host") -> None:
        self.url = url
        self.http = http
        self.settings = settings
        self.place = place
        parts = urlsplit(url)
        self._name = parts.hostname or ""
        self._is_https = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_https else 80)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self.is_private = is_private_url(url)
        self.versions = frozenset({4, 6})
        """The IP versions that may be used: those of a VPN alone, where a client keeps to it."""
        self._addresses: list[_Address] = []

    async def ask(self, question: Callable[[], Awaitable[_Found]]) -> _Found | Cause:
        """What a question to this server has found, or why it came to nothing."""
        with watching() as attempt:
            try:
                return await question()
            except FAILURES as error:
                return await attempt.cause_of(error, self.http, self.url, self.place)

    # --- the name -------------------------------------------------------------------------------
    async def look_at_name(self) -> Finding:
        """Whether the name leads to addresses."""
        found = await self.ask(self._resolve)
        if isinstance(found, Cause):
            return finding_of(found)
        if not found:
            return bad("no_usable_address", "the name has no address that may be used here", "switch the VPN's IPv6 on")
        self._addresses = found
        if parse_address(self._name) is not None:
            return good("the URL has an address in place of a name")
        counts = Counter("IPv6" if each.family == socket.AF_INET6 else "IPv4" for each in self._addresses)
        return good("leads to " + " and ".join(_counted(count, kind) for kind, count in sorted(counts.items())))

    async def _resolve(self) -> list[_Address]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self.settings.name_seconds):
                found = await loop.getaddrinfo(self._name, self._port, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise socket.gaierror(socket.EAI_AGAIN, "took too long") from None
        families = {_FAMILIES[version] for version in self.versions}
        addresses = (
            _Address(family, (str(where[0]), self._port)) for family, _, _, _, where in found if family in families
        )
        return list(dict.fromkeys(addresses))

    # --- connections ------------------------------------------------------------------------------
    async def look_at_connections(self) -> Finding:
        """Whether each address takes connections."""
        tried = self._addresses[:_ADDRESSES_MAX]
        outcomes = await asyncio.gather(*(self._connect(each) for each in tried))
        failed = [(each, found) for each, found in zip(tried, outcomes, strict=True) if found is not None]
        # that this machine has no IPv6 says nothing of the other end's
        dead = [(each, found) for each, found in failed if found.code not in _NO_WAY]
        if len(failed) == len(tried):
            _, found = (dead or failed)[0]
            return finding_of(found)
        if dead:
            kinds = " and ".join(sorted({"IPv6" if each.family == socket.AF_INET6 else "IPv4" for each, _ in dead}))
            text = f"{len(dead)} of its {len(tried)} addresses takes no connections ({kinds})"
            advice = "repair it, or take it out of the DNS: whoever is led there first waits"
            return bad("dead_address", text, advice, hinders=False)
        if failed:
            return note("not_tried", f"this machine cannot reach {len(failed)} of its {len(tried)} addresses")
        return good(f"TCP port {self._port} takes connections")

    async def _connect(self, address: _Address) -> Cause | None:
        async def connect() -> None:
            async with asyncio.timeout(self.settings.connect_seconds):
                _, writer = await asyncio.open_connection(*address.where, family=address.family)
            writer.transport.abort()

        return await self.ask(connect)

    # --- the certificate ----------------------------------------------------------------------------
    async def look_at_certificate(self) -> Finding:
        """Whether clients trust it, and for how long they will."""
        if not self._is_https:
            if self.is_private:
                return good("none: the URL is http, and in a private network")
            text = "none: the URL is http, so a page at https cannot have the switch, and everybody on the way sees"
            return note("no_tls", f"{text} the host's path", "serve https: with a certificate, or behind a web server")
        now = datetime.now(UTC)
        shown = await self.ask(lambda: self._shown(_context()))
        if not isinstance(shown, Cause):
            return finding_of_good_certificate(shown[0], now)
        if shown.code not in _OF_CERTIFICATES:
            return finding_of(shown)
        any_context = _context()
        any_context.check_hostname, any_context.verify_mode = False, ssl.CERT_NONE
        chain = await self.ask(lambda: self._shown(any_context))  # nothing is sent
        return finding_of_bad_certificate(shown, [] if isinstance(chain, Cause) else chain, now)

    @property
    def _family(self) -> int:
        return socket.AF_UNSPEC if len(self.versions) > 1 else _FAMILIES[next(iter(self.versions))]

    async def _shown(self, context: ssl.SSLContext) -> list[bytes]:
        """The certificates that the server sends, its own first."""
        async with asyncio.timeout(self.settings.connect_seconds):
            _, writer = await asyncio.open_connection(
                self._name, self._port, family=self._family, ssl=context, server_hostname=self._name
            )
        try:
            return _chain(writer.get_extra_info("ssl_object"))
        finally:
            writer.transport.abort()

    # --- the clock ----------------------------------------------------------------------------------
    async def look_at_clock(self) -> Finding:
        """Whether this machine's clock and the server's agree."""
        date = await self.ask(self._date)
        if isinstance(date, Cause):
            return finding_of(date)
        offset = clock_offset(date, time.time())
        if offset is None:
            return note("no_date", f"the {self.place} does not tell the time, so the clock was not compared")
        if abs(offset) >= CLOCK_OFFSET_MIN:
            found = cause(CLOCK, offset=offset)
            text = f"this machine's clock is {offset_text(offset)}, by that of the {self.place}"
            return bad(CLOCK, text, found.advice)
        return good(f"agrees with that of the {self.place}")

    async def _date(self) -> str:
        """What the server says of the time; the host's path is not named."""
        async with asyncio.timeout(self.settings.answer_seconds):
            try:
                async with self.http.head(f"{self._origin}/") as response:
                    return response.headers.get("Date", "")
            except aiohttp.ClientResponseError as error:  # a redirect is an answer too
                return "" if error.headers is None else error.headers.get("Date", "")


def finding_of(found: Cause) -> Finding:
    """A cause as a finding."""
    return bad(found.code, found.sentence, found.advice)


def _context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # as aiohttp does, which opens all other connections
    return context


def _chain(connection: ssl.SSLObject | None) -> list[bytes]:
    """The certificates of a connection. Python hands out all of them from 3.13 on, and before that in private."""
    if connection is None:
        return []
    for holder in (connection, getattr(connection, "_sslobj", None)):
        unverified = getattr(holder, "get_unverified_chain", None)
        if unverified is not None:
            found = unverified() or []
            return [each if isinstance(each, bytes) else each.public_bytes(2) for each in found]
    own = connection.getpeercert(binary_form=True)
    return [own] if own else []


def _counted(count: int, kind: str) -> str:
    return f"one {kind} address" if count == 1 else f"{count} {kind} addresses"
