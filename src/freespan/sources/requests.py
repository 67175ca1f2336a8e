"""The source of a request, or of a connection.

Behind a web server every connection comes from that server, and a header says who sent the request. Without
`--proxy-header` the host would take all strangers for one, and give them one share. So it then knows no sources: it
says so loudly, once, and only total bounds apply.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
import time
from collections.abc import Callable

from aiohttp import web

from freespan.sources.source import Source, SourceHasher
from freespan.wire.addresses import Address, is_public, parse_address

_log = logging.getLogger(__name__)

UNNAMED_PROXY = (
    "this host is behind a web server, and cannot tell strangers apart: one of them can keep all the others out. Let"
    " that server name the sender of a request in a header, and name this header with --proxy-header"
)
UNREADABLE_HEADER = (
    "the header of --proxy-header names no address in some requests: this host cannot tell their senders apart. Look at"
    " what the web server in front writes into it"
)
_LOOPBACK = ("127.0.0.0/8", "::1")
_PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10")
_LOCAL = tuple(ipaddress.ip_network(text) for text in (*_LOOPBACK, *_PRIVATE))
"""Where a web server in front of a public host may be. Others that are not public, such as 6to4, are routed."""
_PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""What web servers in front of others add."""
_SOURCE = web.RequestKey("source", Source)
"""Where the source of a request is kept that has been found out once."""
_LOCAL_REQUESTS_MAX = 16
"""More requests than this from a private address do not come from the person who runs a public host."""


def request_address(request: web.BaseRequest, proxy_header: str = "") -> Address | None:
    """The address that a request comes from; None if it is not known.

    Args:
        request: any request.
        proxy_header: the header in which a web server in front of this one names the sender; empty if there is none.
            Its last address counts, which is the one that the nearest server saw.
    """
    text = request.remote or ""
    if proxy_header:
        text = _named_last(",".join(request.headers.getall(proxy_header, [])))
    return parsed_address(text)


def _named_last(value: str) -> str:
    """The last address of a list as web servers write it: alone, with a port, or as `for=` (RFC 7239 section 6)."""
    for part in value.rpartition(",")[2].split(";"):
        name, equals, text = part.strip().rpartition("=")
        if not equals or name.lower() == "for":
            text = text.strip().strip('"')
            if text.startswith("["):
                return text[1:].partition("]")[0]
            return text.partition(":")[0] if text.count(":") == 1 else text
    return ""


def parsed_address(text: str) -> Address | None:
    """An address from text, without its zone and as IPv4 if it is mapped to IPv6; None if it is no address."""
    address = parse_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _is_local(address: Address) -> bool:
    if is_public(address):  # as nearly every stranger's is, and fast to tell
        return False
    return any(address in network for network in _LOCAL if network.version == address.version)


class SourceReader:
    """Tells the source of requests and of connections.

    Args:
        proxy_header: see `request_address`.
        is_public: whether strangers reach this host from the open internet. Whoever comes to such a host from a private
            address is a web server in front of it; to other hosts readers come from private addresses.
        hasher: where sources come from.
        is_behind_unnamed_proxy: whether it is known from the beginning that there is a web server whose header is not.
    """

    def __init__(
        self,
        proxy_header: str = "",
        *,
        is_public: Callable[[], bool] = lambda: False,
        hasher: SourceHasher | None = None,
        is_behind_unnamed_proxy: bool = False,
    ) -> None:
        self._proxy_header = proxy_header
        self._is_public = is_public
        self.hasher = hasher or SourceHasher(time.monotonic, secrets.token_bytes)
        self.lasting = self.hasher.lasting()
        self._local_requests = 0
        self._is_all_by_proxy = is_behind_unnamed_proxy
        self._is_behind_unnamed_proxy = is_behind_unnamed_proxy
        self._has_said_so = False

    @property
    def is_behind_unnamed_proxy(self) -> bool:
        """Whether requests come by a web server in front of this host, and it was not told the header."""
        return self._is_behind_unnamed_proxy

    def source_of(self, request: web.BaseRequest) -> Source | None:
        """The source of a request by a reader or a bridge; None if it is not known."""
        self._look_for_proxy(request)
        found = request.pop(_SOURCE, None)  # since a WebSocket's request stays for as long as it is open
        return self._hashed(request, self.hasher) if found is None or self._is_behind_unnamed_proxy else found

    def lasting_source_of(self, request: web.BaseRequest) -> Source | None:
        """The same for one who stays connected: two of them at one address are one source, on whatever days they came.

        These sources are only to be compared with each other.
        """
        self._look_for_proxy(request)
        return self._hashed(request, self.lasting)

    def source_of_any(self, request: web.BaseRequest) -> Source | None:
        """The same for a request that may also be by whoever runs the host, such as one for its health."""
        source = self._hashed(request, self.hasher)
        if source is not None:
            request[_SOURCE] = source
        return source

    def source_of_connection(self, peer: str) -> Source | None:
        """The source of a connection from an address, of which no request has been read; None if it is not known."""
        if self._proxy_header:
            return None  # it comes from the web server in front of this host, wherever that is; its requests tell more
        return self._source_of_peer(parsed_address(peer), self.hasher)

    def _hashed(self, request: web.BaseRequest, hasher: SourceHasher) -> Source | None:
        if not self._proxy_header:
            return self._source_of_peer(request_address(request), hasher)
        address = request_address(request, self._proxy_header)
        if address is None:
            self._warn_of_header(request)
            return None
        return hasher.source_of(address)

    def _source_of_peer(self, peer: Address | None, hasher: SourceHasher) -> Source | None:
        if peer is None or self._is_all_by_proxy:
            return None
        if self._may_be_proxy(peer) and (self._is_behind_unnamed_proxy or self._is_public()):
            return None
        return hasher.source_of(peer)

    def _may_be_proxy(self, peer: Address) -> bool:
        """Whether a web server could be there, and no reader. Readers of a private host are in its own network."""
        return _is_local(peer) if self._is_public() else peer.is_loopback

    def _look_for_proxy(self, request: web.BaseRequest) -> None:
        peer = None if self._is_behind_unnamed_proxy or self._proxy_header else request_address(request)
        if peer is not None and self._may_be_proxy(peer):
            self._local_requests += self._is_public()
            has_header = any(name in request.headers for name in _PROXY_HEADERS)
            self._is_behind_unnamed_proxy = has_header or self._local_requests > _LOCAL_REQUESTS_MAX
        if self._is_behind_unnamed_proxy:
            self._warn_once(UNNAMED_PROXY)

    def _warn_of_header(self, request: web.BaseRequest) -> None:
        if self._proxy_header in request.headers:  # a request without it is that of whoever runs the host
            self._warn_once(UNREADABLE_HEADER)

    def _warn_once(self, text: str) -> None:
        if not self._has_said_so:
            self._has_said_so = True
            _log.warning(text)
