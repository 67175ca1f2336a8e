"""Proxy-Status (RFC 9209): why a stream failed, as one of the error types of the standard.

One table gives each error type its HTTP status (RFC 9209 section 2.3), its SOCKS5 reply (RFC 1928 section 6) and a
sentence for people.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PROXY_NAME = "freespan"


@dataclass(frozen=True, slots=True)
class _Kind:
    http: int
    socks: int
    sentence: str


_KINDS: dict[str, _Kind] = {
    "dns_error": _Kind(502, 4, "the site's name could not be resolved"),
    "dns_timeout": _Kind(504, 4, "resolving the site's name took too long"),
    "destination_ip_prohibited": _Kind(403, 2, "the egress does not connect to addresses of this kind"),
    "destination_ip_unroutable": _Kind(502, 3, "the egress has no route to the site"),
    "connection_refused": _Kind(502, 5, "the site refused the connection"),
    "connection_timeout": _Kind(504, 6, "the site did not answer in time"),
    "connection_terminated": _Kind(502, 1, "the site closed the connection"),
    "connection_limit_reached": _Kind(503, 1, "too many connections are open at once"),
    "http_request_denied": _Kind(403, 2, "the host of this egress does not allow this site"),
    "http_request_error": _Kind(400, 1, "the request is malformed"),
    "http_response_incomplete": _Kind(502, 1, "the site closed the connection before its response was complete"),
    "http_response_header_section_size": _Kind(502, 1, "the header section of the site's response is too long"),
    "http_protocol_error": _Kind(502, 1, "the site's response is not valid HTTP/1.1"),
    "destination_unavailable": _Kind(503, 1, "no session is open right now"),
    "proxy_internal_error": _Kind(502, 1, "the egress failed"),
}

_ERROR = re.compile(r"(?:^|;)\s*error=([a-z_]{1,40})(?:\s*;|\s*,|\s*$)")


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """An error type of RFC 9209 section 2.3; an unknown one becomes `proxy_internal_error`."""

    error: str

    def __post_init__(self) -> None:
        if self.error not in _KINDS:
            object.__setattr__(self, "error", "proxy_internal_error")

    @property
    def http_status(self) -> int:
        """The HTTP status code of the error, such as 502."""
        return _KINDS[self.error].http

    @property
    def socks_reply(self) -> int:
        """The SOCKS5 reply code, 1 to 8."""
        return _KINDS[self.error].socks

    def sentence(self) -> str:
        """One line for a person, without any name or address."""
        return _KINDS[self.error].sentence

    def header(self) -> str:
        """The value of the `Proxy-Status` header."""
        return f"{PROXY_NAME}; error={self.error}"


def parse_proxy_status(value: str) -> ProxyStatus:
    """Read the error of a `Proxy-Status` header; anything else becomes `proxy_internal_error`."""
    found = _ERROR.search(value[:1000])
    return ProxyStatus(found.group(1) if found else "proxy_internal_error")
