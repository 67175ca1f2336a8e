"""Proxy-Status (RFC 9209): why a stream failed, as one of the error types of the standard.

One table gives each error type its HTTP status (RFC 9209 section 2.3), its SOCKS5 reply (RFC 1928 section 6) and a
sentence for people. Where a rule or a bound has refused a stream, `details` names it, and a second table has a
sentence for each. The client shows these sentences alone, and never a text that somebody else has written.

Only the egress, inside the session, and the local proxy say such a thing. What a site calls its Proxy-Status is none of
theirs: see `client/local_proxy/exchange.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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

_BY_RULE = 2
"""The SOCKS5 reply "connection not allowed by ruleset"."""
_NETWORK_UNREACHABLE = 3
_RULES: dict[str, str] = {
    "port": "the host opens no connections to this port",
    "site": "the host reaches only the sites that it lists, and this is none of them",
    "blocked": "the host blocks this site",
    "private": "the site has no address on the open internet",
    "metadata": "this is an address by which a cloud speaks to its machines, and the host opens none of those",
    "own": "the site's address is that of the host itself",
    "connections": "the host lets a reader open only so many new connections a second: try again in a moment",
    "destination": "the host lets a reader open only so many new connections to one site: try again in a moment",
    "daily-bytes": "as much has been carried as the host allows in a day: try again later",
    "tunnels": "as many connections are open as a session may have: close some pages or downloads, and try again",
    "lookups": "the host looks up only so many names at once for a reader: try again in a moment",
    "crowded": "the host is crowded, and has no room for another connection right now: try again in a moment",
    "programs": "programs have as many connections to the local proxy open as it takes: close some, and try again",
}
"""The rules and bounds of a host and of the local proxy, and what is said of them."""

_NO_SESSION: dict[str, str] = {
    "no-bridge": "no bridge is there right now: this goes on by itself when one comes",
    "no-host": "the host does not answer right now",
    "no-network": "this machine has no way to the internet",
    "dns": "the name of the host could not be resolved (DNS)",
    "certificate": "the certificate of the host cannot be trusted",
    "clock": "this machine's clock is wrong",
    "host-key": "the host has another key than the invite",
    "host-restarted": "the host was restarted before it had an answer: try again",
    "asleep": "this machine was asleep, and connects again: try again in a moment",
    "not-admitted": "the host does not admit this invite",
}
"""Why the client has no session for a stream, and what is said of it."""
RETRY_AFTER_SECONDS = 10
"""When to ask again for what is `destination_unavailable`."""

_PARAMETER = re.compile(r'; *([a-z*][a-z0-9_.*-]*)(?:=([a-z0-9_*-]+|"(?:[ !#-\[\]-~]|\\["\\])*"))?')
"""A parameter of a structured field (RFC 8941 section 3.1.2), as far as this header has them."""
_HEADER_MAX = 1_000


@dataclass(frozen=True, slots=True)
class ProxyStatus:
    """An error type of RFC 9209 section 2.3; an unknown one becomes `proxy_internal_error`.

    `rule` is the rule or bound for which the stream was refused; empty for none, and for one that is not known here.
    `reason` is why the client has no session, in the same manner, and `text` what it knows of that beyond the table.
    """

    error: str
    rule: str = ""
    reason: str = ""
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if self.error not in _KINDS:
            object.__setattr__(self, "error", "proxy_internal_error")
        if self.rule not in _RULES:
            object.__setattr__(self, "rule", "")
        if self.reason not in _NO_SESSION or self.error != "destination_unavailable":
            object.__setattr__(self, "reason", "")

    @property
    def http_status(self) -> int:
        """The HTTP status code of the error, such as 502."""
        return _KINDS[self.error].http

    @property
    def socks_reply(self) -> int:
        """The SOCKS5 reply code, 1 to 8."""
        if self.rule:
            return _BY_RULE
        return _NETWORK_UNREACHABLE if self.reason == "no-network" else _KINDS[self.error].socks

    def sentence(self) -> str:
        """One line for a person, without any name or address."""
        if self.text:
            return self.text
        if self.reason:
            return _NO_SESSION[self.reason]
        return _RULES[self.rule] if self.rule else _KINDS[self.error].sentence

    def header(self) -> str:
        """The value of the `Proxy-Status` header."""
        name = self.rule or self.reason
        details = f'; details="{name}"' if name else ""
        return f"{PROXY_NAME}; error={self.error}{details}"


def parse_proxy_status(value: str, *, is_local: bool = False) -> ProxyStatus:
    """Read a `Proxy-Status` header that this proxy has written; anything else becomes `proxy_internal_error`.

    Only that of the local proxy (`is_local`) says why there is no session: a host has one with whoever hears it.
    A header with a member of another proxy is none of ours, whatever else it has.
    """
    name = value.partition(";")[0]
    if name.rstrip(" ") != PROXY_NAME or len(value) > _HEADER_MAX:
        return ProxyStatus("proxy_internal_error")
    found: dict[str, str] = {}
    end = len(name)
    while parameter := _PARAMETER.match(value, end):
        found[parameter[1]] = parameter[2] or ""
        end = parameter.end()
    if value[end:].strip(" "):
        return ProxyStatus("proxy_internal_error")
    details = found.get("details", "").strip('"')
    return ProxyStatus(found.get("error", ""), details, details if is_local else "")
