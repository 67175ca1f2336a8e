"""What each page may load, reach and be embedded in, as response headers. Pure.

Every page loads from its host alone. The host is named beside `'self'`, which means nothing to some browsers in an
opaque origin. Nobody needs inline scripts or styles. WebRTC is not governed by a policy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

Policy = Callable[[str], dict[str, str]]
"""The headers of a page, for the host's URL as browsers know it (empty if that is unknown)."""

_NOTHING_ELSE = ("default-src 'none'", "base-uri 'none'", "form-action 'none'")
_SANDBOX = "sandbox allow-scripts"
_FOR_ISOLATED_PAGES = {"Cross-Origin-Embedder-Policy": "require-corp"}
_OF_A_SWITCH = ("script-src", "style-src", "img-src", "connect-src", "frame-src")


def bridge(url: str) -> dict[str, str]:
    """An origin of its own, from which nothing but this host can be reached. The worker is a timer (clock.js).

    No `frame-ancestors` unless the host names embedders: `*` would leave out files and sandboxed pages.
    """
    socket = f"connect-src 'self' {_origin(url).replace('http', 'ws', 1)}"
    return _headers(_SANDBOX, _host("script-src", url), socket, "worker-src blob:") | _FOR_ISOLATED_PAGES


def globe(url: str) -> dict[str, str]:
    """As the bridge, but it asks for the figures only."""
    rules = (_host(rule, url) for rule in ("script-src", "style-src", "connect-src"))
    return _headers(_SANDBOX, *rules) | _FOR_ISOLATED_PAGES


def switch(url: str) -> dict[str, str]:
    """A page that shows a switch and belongs in a frame of any other page."""
    return _headers(*(_host(rule, url) for rule in _OF_A_SWITCH))


def document(url: str) -> dict[str, str]:
    """A page to be read, with or without a switch; it belongs in no frame."""
    return _headers(*(_host(rule, url) for rule in _OF_A_SWITCH), "frame-ancestors 'none'")


def embedded_by(origins: Sequence[str], headers: dict[str, str], url: str) -> dict[str, str]:
    """The headers of a page that only these sites and the host itself may put into a frame."""
    policy = "Content-Security-Policy"
    return headers | {policy: "; ".join((headers[policy], " ".join((_host("frame-ancestors", url), *origins))))}


def _headers(*rules: str) -> dict[str, str]:
    return {"Content-Security-Policy": "; ".join((*_NOTHING_ELSE, *(rule.strip() for rule in rules)))}


def _host(rule: str, url: str) -> str:
    return f"{rule} 'self' {_origin(url)}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
