"""The URL at which a bridge opens its links to the egress. It names the bridge by the token that the broker gave it."""

from __future__ import annotations

from urllib.parse import quote

BRIDGE_PARAMETER = "bridge"
"""The parameter of the URL that holds the token."""


def egress_url_for(egress: str, token: str) -> str:
    """The URL of an egress for the bridge with this token; `egress` has no query."""
    return f"{egress}?{BRIDGE_PARAMETER}={quote(token, safe='')}"
