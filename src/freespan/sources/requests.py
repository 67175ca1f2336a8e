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
from freespan.wire.addresses import Address, is_public

_log = logging.getLogger(__name__)

UNNAMED_PROXY = (
    "this host is behind a web server, and cannot tell strangers apart: one of them can keep all the others out. Let"
    " that server name the sender of a request in a header, and name this header with --proxy-header"
)
_PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")
"""What web servers in front of others add."""
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
        text = ",".join(request.headers.getall(proxy_header, [])).rpartition(",")[2].strip()
    return parsed_address(text)


def parsed_address(text: str) -> Address | None:
    """An address from text, without its zone and as IPv4 if it is mapped to IPv6; None if it is no address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


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
        self._lasting = self.hasher.lasting()
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
        return self.source_of_any(request)

    def lasting_source_of(self, request: web.BaseRequest) -> Source | None:
        """The same for one who stays connected: two of them at one address are one source, on whatever days they came.

        These sources are only to be compared with each other.
        """
        self._look_for_proxy(request)
        return self._hashed(request, self._lasting)

    def source_of_any(self, request: web.BaseRequest) -> Source | None:
        """The same for a request that may also be by whoever runs the host, such as one for its health."""
        return self._hashed(request, self.hasher)

    def source_of_connection(self, peer: str) -> Source | None:
        """The source of a connection from an address, of which no request has been read; None if it is not known."""
        address = parsed_address(peer)
        if self._proxy_header and address is not None and not is_public(address):
            return None  # the web server in front of this host; its requests tell more
        return self._source_of_peer(address, self.hasher)

    def _hashed(self, request: web.BaseRequest, hasher: SourceHasher) -> Source | None:
        if self._proxy_header:
            address = request_address(request, self._proxy_header)
            return None if address is None else hasher.source_of(address)
        return self._source_of_peer(request_address(request), hasher)

    def _source_of_peer(self, peer: Address | None, hasher: SourceHasher) -> Source | None:
        if peer is None or self._is_all_by_proxy:
            return None
        if not is_public(peer) and (self._is_behind_unnamed_proxy or self._is_public()):
            return None
        return hasher.source_of(peer)

    def _look_for_proxy(self, request: web.BaseRequest) -> None:
        peer = request_address(request)
        if not self._is_behind_unnamed_proxy and not self._proxy_header and peer is not None and not is_public(peer):
            self._local_requests += self._is_public()
            has_header = any(name in request.headers for name in _PROXY_HEADERS)
            self._is_behind_unnamed_proxy = has_header or self._local_requests > _LOCAL_REQUESTS_MAX
        if self._is_behind_unnamed_proxy and not self._has_said_so:
            self._has_said_so = True
            _log.warning(UNNAMED_PROXY)
