"""What each page may load, reach and be embedded in, as response headers. Pure.

Every page loads from its host alone, which is named as well as `'self'`: some browsers do not match that in an opaque
origin. No page needs inline scripts or styles. A Content-Security-Policy does not govern WebRTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

Policy = Callable[[str], dict[str, str]]
"""Returns the headers of a page, for the host's URL as browsers know it (empty if that is unknown)."""

_NOTHING_ELSE = ("default-src 'none'", "base-uri 'none'", "form-action 'none'")
_SANDBOX = "sandbox allow-scripts"
_FOR_ISOLATED_PAGES = {"Cross-Origin-Embedder-Policy": "require-corp"}
_OF_A_SWITCH = ("script-src", "style-src", "img-src", "connect-src", "frame-src")


def bridge(url: str) -> dict[str, str]:
    """Return headers for an opaque origin, from which nothing but this host can be reached.

    The worker is a timer (clock.js). There are no `frame-ancestors` unless the host names embedders, since `*` would
    exclude local files and sandboxed pages.
    """
    socket = f"connect-src 'self' {_origin(url).replace('http', 'ws', 1)}"
    return _headers(_SANDBOX, _host("script-src", url), socket, "worker-src blob:") | _FOR_ISOLATED_PAGES


def globe(url: str) -> dict[str, str]:
    """Return headers as for the bridge, without WebSockets and workers: it only fetches figures."""
    rules = (_host(rule, url) for rule in ("script-src", "style-src", "connect-src"))
    return _headers(_SANDBOX, *rules) | _FOR_ISOLATED_PAGES


def switch(url: str) -> dict[str, str]:
    """Return headers for a page with a switch, which any other page may embed."""
    return _headers(*(_host(rule, url) for rule in _OF_A_SWITCH))


def document(url: str) -> dict[str, str]:
    """Return headers for a page to be read, with or without a switch, which no page may embed."""
    return _headers(*(_host(rule, url) for rule in _OF_A_SWITCH), "frame-ancestors 'none'")


def embedded_by(origins: Sequence[str], headers: dict[str, str], url: str) -> dict[str, str]:
    """Return the headers of a page that only these sites and the host itself may embed."""
    policy = "Content-Security-Policy"
    return headers | {policy: "; ".join((headers[policy], " ".join((_host("frame-ancestors", url), *origins))))}


def _headers(*rules: str) -> dict[str, str]:
    return {"Content-Security-Policy": "; ".join((*_NOTHING_ELSE, *(rule.strip() for rule in rules)))}


def _host(rule: str, url: str) -> str:
    return f"{rule} 'self' {_origin(url)}"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
