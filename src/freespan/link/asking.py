"""Watches what becomes of a question to a host, and tells why it came to nothing (`wire/causes.py`).

An exception alone does not tell whether a name, a connection or TLS has taken too long, nor whether a certificate is
out of date or this machine's clock is. So the resolver and the sockets of a session note how far they came; and where a
certificate is refused for its dates alone, the host is asked once more for the time, by a connection on which nothing
else is sent.

    with watching() as attempt:
        try:
            … ask by a session with `watched_connector` and `watched_requests` …
        except FAILURES as error:
            cause = await attempt.cause_of(error, http, url)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Literal

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from freespan.wire import causes
from freespan.wire.addresses import is_private_url, is_public, parse_address
from freespan.wire.causes import Asker, Cause, Place, cause, cause_of_certificate, cause_of_status, clock_offset

FAILURES = (TimeoutError, aiohttp.ClientError, OSError, ValueError)
"""What a question to a host can raise."""
_LOOK_SECONDS = 5.0
_FAR_AWAY = ((socket.AF_INET, "198.41.0.4"), (socket.AF_INET6, "2001:503:ba3e::2:30"))
"""Addresses on the open internet (a root server of DNS) to which a way is looked up; nothing is sent to them."""
_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL, for which Python has no name."""

_REFUSED = {errno.ECONNREFUSED}
_RESET = {errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE}
_TIMED_OUT = {errno.ETIMEDOUT}
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
_NO_WAY |= {getattr(errno, "EHOSTDOWN", errno.EHOSTUNREACH)}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM}
_NO_FILES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS}
_OF_WINDOWS = {1225: errno.ECONNREFUSED, 1231: errno.ENETUNREACH, 1232: errno.EHOSTUNREACH, 121: errno.ETIMEDOUT}
_OF_WINDOWS |= {64: errno.ECONNRESET, 1236: errno.ECONNABORTED}
"""Errors of Windows that Python does not translate."""
_ERRNO = re.compile(r"\[Errno (\d+)\]")
_NO_NAME = {getattr(socket, name) for name in ("EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY") if hasattr(socket, name)}
_NO_NAME |= {11001, 11004}  # WSAHOST_NOT_FOUND, WSANO_DATA
_HTTP2_SETTINGS = re.compile(r"b'\\x00\\x00.{1,4}\\x04\\x00\\x00\\x00\\x00\\x00")
"""The first frame of a server that speaks HTTP/2 alone (RFC 9113 section 3.4), as aiohttp quotes it."""
_CUT_REASONS = {"UNEXPECTED_EOF_WHILE_READING", "UNEXPECTED_EOF"}
_PLAIN_REASONS = {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "UNKNOWN_PROTOCOL"}
_PLAIN_REASONS |= {"PACKET_LENGTH_TOO_LONG", "UNSUPPORTED_PROTOCOL_VERSION", "BAD_RECORD_TYPE", "HTTPS_PROXY_REQUEST"}
_MAY_BE_FORGED = {
    *(causes.REFUSED, causes.UNREACHABLE, causes.CONNECT_TIMEOUT, causes.TLS_TIMEOUT, causes.TLS_CUT, causes.CUT),
    *(causes.TLS_REFUSED, causes.NO_TLS, causes.UNKNOWN_ISSUER, causes.WRONG_NAME, causes.NOT_ALLOWED),
}

Phase = Literal["connecting", "resolving", "connected"]


class Attempt:
    """One question to a host, and how far it came."""

    def __init__(self) -> None:
        self.phase: Phase = "connecting"
        self.addresses: list[str] = []
        self.sockets: list[WatchedSocket] = []

    async def cause_of(
        self,
        error: BaseException,
        http: aiohttp.ClientSession,
        url: str,
        place: Place = "host",
        asker: Asker = "reader",
    ) -> Cause:
        """Why the question came to nothing. A certificate that is out of date is looked at once more."""
        found = self.cause_at_once(error, url, place, asker)
        if found.code not in causes.DATE_CODES:
            return found
        verify_code = _certificate_error(error)
        offset, ago, is_least = await _look_at_clock(http, url)
        return cause_of_certificate(verify_code, place, asker=asker, offset=offset, ago=ago, is_least=is_least)

    def cause_at_once(self, error: BaseException, url: str, place: Place = "host", asker: Asker = "reader") -> Cause:
        """The same, from what is known already."""
        code = self._code(error)
        if code is None:
            return _cause_of_answer(error, url, place, asker)
        if code == causes.TLS_CUT and not url.startswith("https:"):
            code = causes.CUT
        if not is_private_url(url):
            if code in _MAY_BE_FORGED and self._leads_inside:
                code = causes.DNS_FORGED
            if code in (causes.UNREACHABLE, causes.DNS_NO_ANSWER, causes.DNS_NO_NAME) and not has_route():
                code = causes.NO_NETWORK
        return cause(code, place, asker=asker)

    @property
    def _leads_inside(self) -> bool:
        found = [parse_address(text.partition("%")[0]) for text in self.addresses]
        return bool(found) and not any(address is not None and is_public(address) for address in found)

    def _code(self, error: BaseException) -> str | None:
        """The code of what went wrong on the way; None where somebody has answered."""
        if isinstance(error, aiohttp.ClientResponseError):
            return None
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return _code_of_resolver(error.os_error)
        if (verify_code := _certificate_error(error)) >= 0:
            return cause_of_certificate(verify_code, has_authorities=has_authorities()).code
        inner = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
        if isinstance(inner, socket.gaierror):
            return _code_of_resolver(inner)
        if isinstance(inner, ssl.SSLError):
            return _code_of_tls(inner)
        if isinstance(inner, TimeoutError) and inner.errno is None:
            return self._code_of_silence()
        if isinstance(inner, ConnectionError) or (isinstance(inner, OSError) and inner.errno in _RESET):
            return self._code_of_end(inner)
        if isinstance(inner, OSError):
            return self._code_of_error(inner)
        if isinstance(inner, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError):
            return causes.CUT  # the other end has closed the connection
        return causes.UNKNOWN

    def _code_of_silence(self) -> str:
        if self.phase == "resolving":
            return causes.DNS_TIMEOUT
        if self.phase == "connected":
            return causes.ANSWER_TIMEOUT
        return causes.TLS_TIMEOUT if any(each.has_connected for each in self.sockets) else causes.CONNECT_TIMEOUT

    def _code_of_end(self, error: OSError) -> str:
        if isinstance(error, ConnectionRefusedError):
            return causes.REFUSED
        return causes.CUT if self.phase == "connected" else causes.TLS_CUT

    def _code_of_error(self, error: OSError) -> str:
        numbers = _errnos(error)
        if not numbers and isinstance(error, aiohttp.ClientOSError):
            return causes.CUT  # "Can not write request body"
        if numbers & _RESET:
            return self._code_of_end(error)
        if numbers & _TIMED_OUT:
            return causes.ANSWER_TIMEOUT if self.phase == "connected" else causes.CONNECT_TIMEOUT
        for group, code in (
            (_REFUSED, causes.REFUSED),
            (_NOT_ALLOWED, causes.NOT_ALLOWED),
            (_NO_WAY, causes.UNREACHABLE),
            (_NO_FILES, causes.NO_FILES),
        ):
            if numbers & group:
                return code
        return causes.UNKNOWN


_attempt: ContextVar[Attempt | None] = ContextVar("freespan-attempt", default=None)


@contextlib.contextmanager
def watching() -> Iterator[Attempt]:
    """Watch what is asked for in the block."""
    attempt = Attempt()
    token = _attempt.set(attempt)
    try:
        yield attempt
    finally:
        _attempt.reset(token)


# --- what is watched -------------------------------------------------------------------------------
class WatchedSocket(socket.socket):
    """Knows whether it has been connected, also when it is closed."""

    _was_connected = False

    @property
    def has_connected(self) -> bool:
        """Whether the other end has taken the connection."""
        if not self._was_connected:
            with contextlib.suppress(OSError):
                self.getpeername()
                self._was_connected = True
        return self._was_connected

    def close(self) -> None:
        """Close it, and remember."""
        _ = self.has_connected
        super().close()


class WatchedResolver(AbstractResolver):
    """Notes while it resolves by `inner`, which is aiohttp's own resolver where none is given."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See `AbstractResolver`."""
        attempt = _attempt.get()
        if attempt is None:
            return await self._inner.resolve(host, port, family)
        attempt.phase = "resolving"
        found = await self._inner.resolve(host, port, family)
        attempt.phase = "connecting"
        attempt.addresses = [result["host"] for result in found]
        return found

    async def close(self) -> None:
        """See `AbstractResolver`."""
        await self._inner.close()


def watched_connector(resolver: AbstractResolver | None = None, **options: Any) -> aiohttp.TCPConnector:
    """A connector whose names and sockets are watched; `options` are those of `aiohttp.TCPConnector`."""
    return aiohttp.TCPConnector(resolver=WatchedResolver(resolver), socket_factory=_watched_socket, **options)


def _watched_socket(address: Any) -> socket.socket:
    family, kind, protocol, *_ = address
    made = WatchedSocket(family, kind, protocol)
    if (attempt := _attempt.get()) is not None:
        attempt.sockets.append(made)
    return made


def watched_requests() -> aiohttp.TraceConfig:
    """For the `trace_configs` of a session: notes when a request has its connection."""
    trace = aiohttp.TraceConfig()

    async def note(session: Any, context: Any, params: Any) -> None:
        if (attempt := _attempt.get()) is not None:
            attempt.phase = "connected"

    trace.on_connection_create_end.append(note)
    trace.on_connection_reuseconn.append(note)
    return trace


# --- what an exception says --------------------------------------------------------------------------
def _cause_of_answer(error: BaseException, url: str, place: Place, asker: Asker) -> Cause:
    assert isinstance(error, aiohttp.ClientResponseError)
    is_websocket = isinstance(error, aiohttp.WSServerHandshakeError)
    if not is_websocket and not 300 <= error.status < 400:
        code = causes.HTTP2_ONLY if _HTTP2_SETTINGS.search(error.message) else causes.NO_HOST
        return cause(code, place, asker=asker)  # it is not HTTP/1.1
    return cause_of_status(
        error.status,
        {} if error.headers is None else error.headers,
        url,
        place,
        asker=asker,
        wants_upgrade=is_websocket,
    )


def _certificate_error(error: BaseException) -> int:
    """OpenSSL's code for a certificate that was not accepted; -1 for another error."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        error = error.certificate_error
    return error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else -1


def _code_of_resolver(error: OSError) -> str:
    if isinstance(error, socket.gaierror) and error.errno in _NO_NAME:
        return causes.DNS_NO_NAME
    if isinstance(error, TimeoutError):
        return causes.DNS_TIMEOUT
    return causes.DNS_NO_ANSWER if isinstance(error, socket.gaierror) else causes.DNS_FORGED


def _code_of_tls(error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError) or reason in _CUT_REASONS:
        return causes.TLS_CUT
    if "no application protocol" in str(error):  # Python has no name for it
        return causes.HTTP2_ONLY
    return causes.NO_TLS if reason in _PLAIN_REASONS else causes.TLS_REFUSED


def _errnos(error: OSError) -> set[int]:
    """The numbers in an error; one that several addresses have ended in has them in its text alone."""
    numbers = {int(number) for number in _ERRNO.findall(str(error))}
    if error.errno is not None:
        numbers.add(_OF_WINDOWS.get(getattr(error, "winerror", None) or 0, error.errno))
    return numbers


def has_route() -> bool:
    """Whether this machine has a way to the open internet."""
    for family, address in _FAR_AWAY:
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((address, 53))  # looks up the route; nothing is sent
            return True
    return False


def has_authorities() -> bool:
    """Whether Python finds certificates of authorities on this machine."""
    if ssl.create_default_context().cert_store_stats()["x509_ca"]:
        return True
    folder = ssl.get_default_verify_paths().capath  # is read when it is needed, so it does not count above
    with contextlib.suppress(OSError, TypeError):  # there may be none
        return any(Path(folder).iterdir())
    return False


# --- the clock ---------------------------------------------------------------------------------------
async def _look_at_clock(http: aiohttp.ClientSession, url: str) -> tuple[float | None, float, bool]:
    """What the host behind an outdated certificate says of the time, if all but the dates of the certificate is right.

    Returns by how many seconds the local clock is ahead, or None if it seems to be right; since when the certificate
    has expired; and whether the clock may be off by more.
    """
    validity: list[tuple[float, float]] = []
    context = _context_without_time(lambda begin, end: validity.append((begin, end)))
    date = ""
    with contextlib.suppress(*FAILURES):
        date = await _date_of(http, url, context)
    now = time.time()
    if not validity:
        return None, 0.0, False
    begin, end = validity[-1]
    offset = clock_offset(date, now)
    if offset is None:
        return (now - begin if now < begin else None), max(now - end, 0.0), True
    is_valid_then = begin <= now - offset <= end
    return (offset if is_valid_then else None), max(now - offset - end, 0.0), False


async def _date_of(http: aiohttp.ClientSession, url: str, context: ssl.SSLContext) -> str:
    """The `Date` of an answer, whatever else it is; empty if it has none. Raises one of `FAILURES`."""
    headers = {"Connection": "close"}
    try:
        async with (
            asyncio.timeout(_LOOK_SECONDS),
            http.head(url, ssl=context, allow_redirects=False, headers=headers) as answer,
        ):
            return answer.headers.get("Date", "")
    except aiohttp.ClientResponseError as error:
        return "" if error.headers is None else error.headers.get("Date", "")


def _context_without_time(note: Callable[[float, float], None]) -> ssl.SSLContext:
    """A context that takes certificates of any date, and notes the dates of each that is right but for those."""

    class NotingObject(ssl.SSLObject):
        def do_handshake(self) -> None:
            super().do_handshake()
            found = self.getpeercert() or {}
            note(*(ssl.cert_time_to_seconds(str(found[name])) for name in ("notBefore", "notAfter")))

    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])  # as every other request to the host
    context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    context.sslobject_class = NotingObject
    return context
