"""The names of the demo's sites, and where its parts listen. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
NEWS = "news.test"
"""The site whose page carries the switch."""
BLOCKED = "blocked.test"
"""The site that the censor blocks. Both names are under `.test` (RFC 6761), which no resolver knows."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """URLs, ports of loopback, and files."""

    host: str
    """URL of the host: landing page, switch, broker and egress."""
    proxy: str
    """`address:port` of the client's local proxy."""
    news_port: int
    blocked_port: int
    blocked_tls_port: int
    censor_port: int
    authority_file: Path
    """The demo authority's certificate, PEM."""
    folder: Path
    """A folder that is deleted when the demo ends."""

    @property
    def news(self) -> str:
        """URL of the news page for the browsers of this machine."""
        return f"http://{LOOPBACK}:{self.news_port}/"

    @property
    def blocked(self) -> str:
        """URL of the blocked page over http, since no ordinary browser trusts the demo authority."""
        return f"http://{BLOCKED}:{self.blocked_port}/"

    @property
    def blocked_tls(self) -> str:
        """URL of the blocked page over https."""
        return f"https://{BLOCKED}:{self.blocked_tls_port}/"

    def as_json(self) -> dict[str, str]:
        """Return the object `addresses` of the demo's JSON report."""
        return {
            "host": self.host,
            "news": self.news,
            "proxy": self.proxy,
            "blocked": self.blocked,
            "blocked_tls": self.blocked_tls,
            "censor": f"{LOOPBACK}:{self.censor_port}",
            "ca_file": str(self.authority_file),
        }
