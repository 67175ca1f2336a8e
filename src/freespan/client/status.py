"""What a client reports of itself. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from freespan.client.transports import TransportInUse

State = Literal["looking", "connecting", "open", "waiting", "failed"]
"""See the picture in `client.py`."""

HOST_RESTARTED = "the host was restarted and cut open connections; connecting again"
_WAITING_FOR_BRIDGE = "no bridge is left; open connections continue when another one comes"
_WAITING_FOR_HOST = "the connection to the host is lost; open connections continue when it is back"
_HOW_TO_SAY_YES = " (--allow-direct goes without a bridge, straight to the host)"
_OPEN: dict[TransportInUse, str] = {
    "webrtc": "a bridge carries this session",
    "turn": "a bridge carries this session, through the host's TURN server",
    "websocket": "connected straight to the host, without a bridge",
    "front": "connected to the host through a front, without a bridge",
}


@dataclass(frozen=True)
class ClientStatus:
    """`detail` is one line for a person. `seconds` are the durations of the parts of the set-up that led here.

    `transport` is the one in use, empty without a session; `links` is how many links carry the session. A session that
    has lost all its links is `waiting` and still has a transport. `reason` is why a client without a session waits: its
    `detail` without the time of the next try.
    """

    state: State
    detail: str = ""
    transport: TransportInUse | Literal[""] = ""
    links: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""


def status_of_failure(reason: str, wait_seconds: float, *, is_kept_on_bridges: bool = False) -> ClientStatus:
    """The status of a client that has no session and tries again after this time.

    With `is_kept_on_bridges`, the detail says how a reader can choose to go without a bridge.
    """
    next_try = f"next try in {wait_seconds:.0f} s" if round(wait_seconds) else "trying again"
    hint = _HOW_TO_SAY_YES if is_kept_on_bridges else ""
    return ClientStatus("waiting", f"{reason}; {next_try}{hint}", reason=reason)


def status_of_session(transport: TransportInUse, links: int, seconds: dict[str, float] | None = None) -> ClientStatus:
    """The status of a session that began by this transport and is carried by this many links."""
    if not links:
        detail = _WAITING_FOR_BRIDGE if transport in ("webrtc", "turn") else _WAITING_FOR_HOST
        return ClientStatus("waiting", detail, transport)
    detail = f"{links} bridges carry this session" if links > 1 else _OPEN[transport]
    return ClientStatus("open", detail, transport, links, dict(seconds or {}))
