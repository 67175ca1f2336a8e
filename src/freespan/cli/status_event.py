"""The status of a client as an event for programs (`--json`)."""

from __future__ import annotations

from freespan.client.status import ClientStatus

_FIELDS = ("state", "detail", "transport", "links", "seconds")


def status_event(status: ClientStatus) -> dict[str, object]:
    """The event; `cause` and `since` are there while the client waits for something."""
    event: dict[str, object] = {"event": "state", **{name: getattr(status, name) for name in _FIELDS}}
    if status.cause:
        event |= {"cause": status.cause, "since": round(status.since)}
    return event
