"""What a client reports of itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from freespan.client.transports import TransportError, TransportInUse
from freespan.wire import causes
from freespan.wire.errors import (
    FreespanError,
    HostFullError,
    NotAdmittedError,
    RendezvousError,
    WrongKeyError,
)
from freespan.wire.proxy_status import ProxyStatus
from freespan.wire.span_text import span_text

State = Literal["looking", "connecting", "open", "waiting", "failed"]
"""See the picture in `client.py`."""

HOST_RESTARTED = "the host was restarted and cut open connections; connecting again"
WRONG_KEY = "wrong_key"
ASLEEP = "asleep"
RESTARTED = "host_restarted"
WITHOUT_BRIDGE = frozenset({"no_bridge", "no_new_bridge", "no_reachable_bridge", "bridge_timeout"})
"""What a broker says that has no bridge to give."""

_BRIDGE_FAILED = "bridge_failed"
_NO_SESSION = "no_session"
_LEFT = {
    "webrtc": ("no bridge is left", "another one comes"),
    "turn": ("no bridge is left", "another one comes"),
    "websocket": ("the connection to the host is lost", "it is back"),
    "front": ("the connection to the host is lost", "it is back"),
}
_HOW_TO_SAY_YES = " (--allow-direct goes without a bridge, straight to the host)"
_BE_PATIENT = ": volunteers come and go, so leave this running"
_LONG_SECONDS = 60.0
"""After this time a person is told how long they have waited."""
_OPEN: dict[TransportInUse, str] = {
    "webrtc": "a bridge carries this session",
    "turn": "a bridge carries this session, through the host's TURN server",
    "websocket": "connected straight to the host, without a bridge",
    "front": "connected to the host through a front, without a bridge",
}


class Trouble(NamedTuple):
    """Why a client has no link to the egress.

    Attributes:
        code: of `freespan.wire.causes`, or the code of a broker's problem, of a denial, or one of this module.
        reason: one line for a person.
    """

    code: str
    reason: str


def trouble_of(error: FreespanError) -> Trouble:
    """What an error says to whoever waits."""
    return Trouble(_code_of(error), str(error))


def _code_of(error: FreespanError) -> str:
    if isinstance(error, RendezvousError | TransportError | WrongKeyError) and error.cause is not None:
        return error.cause.code
    if isinstance(error, RendezvousError | NotAdmittedError | WrongKeyError):
        return error.code
    if isinstance(error, HostFullError):
        return "host_full"
    return _BRIDGE_FAILED if isinstance(error, TransportError) else _NO_SESSION


@dataclass(frozen=True)
class ClientStatus:
    """`detail` is one line for a person. `seconds` are the durations of the parts of the set-up that led here.

    `transport` is the one in use, empty without a session; `links` is how many links carry the session. A session that
    has lost all its links is `waiting` and still has a transport. `reason` is why a client waits: its `detail` without
    the time of the next try. `cause` is the same as a code for programs, and `since` when the wait began, in seconds
    since 1970.
    """

    state: State
    detail: str = ""
    transport: TransportInUse | Literal[""] = ""
    links: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    cause: str = ""
    since: float = 0.0


def status_of_failure(
    trouble: Trouble,
    wait_seconds: float,
    *,
    is_kept_on_bridges: bool = False,
    since: float = 0.0,
    waited: float = 0.0,
) -> ClientStatus:
    """The status of a client that has no session and tries again after `wait_seconds`.

    With `is_kept_on_bridges`, the detail says how a reader can choose to go without a bridge. `since` and `waited` say
    when the wait began, and how many seconds ago that was.
    """
    next_try = f"next try in {wait_seconds:.0f} s" if round(wait_seconds) else "trying again"
    # whoever cannot be asked for a bridge cannot be reached without one either
    hint = _HOW_TO_SAY_YES if is_kept_on_bridges and trouble.code not in causes.CODES else ""
    if trouble.code in WITHOUT_BRIDGE and waited >= _LONG_SECONDS:
        hint = _BE_PATIENT + hint
    detail = f"{trouble.reason}{_waited_text(waited)}; {next_try}{hint}"
    return ClientStatus("waiting", detail, reason=trouble.reason, cause=trouble.code, since=since)


def status_of_session(
    transport: TransportInUse,
    links: int,
    seconds: Mapping[str, float] | None = None,
    *,
    trouble: Trouble | None = None,
    since: float = 0.0,
    waited: float = 0.0,
) -> ClientStatus:
    """The status of a session that began by this transport and is carried by this many links.

    Without any link, `trouble` is why it gets none, and `since` and `waited` are as in `status_of_failure`.
    """
    if not links:
        what, until = _LEFT[transport]
        reason = what if trouble is None else f"{what}{_why(trouble)}"
        detail = f"{reason}{_waited_text(waited)}; open connections continue when {until}"
        code = "no_bridge" if trouble is None else trouble.code
        return ClientStatus("waiting", detail, transport, reason=reason, cause=code, since=since)
    detail = f"{links} bridges carry this session" if links > 1 else _OPEN[transport]
    return ClientStatus("open", detail, transport, links, dict(seconds or {}))


def _why(trouble: Trouble) -> str:
    return ", and none is free" if trouble.code in WITHOUT_BRIDGE else f" ({trouble.reason})"


def _waited_text(seconds: float) -> str:
    return f", for {span_text(seconds)}" if seconds >= _LONG_SECONDS else ""


def proxy_status_of(trouble: Trouble) -> ProxyStatus:
    """What a program hears whose request waited in vain for a session, or for a link of it."""
    return ProxyStatus("destination_unavailable", reason=_group_of(trouble.code), text=trouble.reason)


_GROUPS = {
    causes.NO_NETWORK: "no-network",
    causes.CLOCK: "clock",
    causes.NO_AUTHORITIES: "certificate",
    causes.NOT_OPENED: "host-key",
    WRONG_KEY: "host-key",
    RESTARTED: "host-restarted",
    ASLEEP: "asleep",
    "": "",
}


def _group_of(code: str) -> str:
    if code in _GROUPS:
        return _GROUPS[code]
    if code in WITHOUT_BRIDGE or code == _BRIDGE_FAILED:
        return "no-bridge"
    if code.startswith("invite_"):
        return "not-admitted"
    for prefix in ("dns", "certificate"):
        if code.startswith(f"{prefix}_"):
            return prefix
    return "no-host"
