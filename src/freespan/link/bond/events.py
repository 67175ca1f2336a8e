"""What a bond reports about its links. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Joinable:
    """Both ends protect their records with the session's key: from now on `Bond.add` works."""


@dataclass(frozen=True, slots=True)
class LinkJoined:
    """A further link takes part. The first link of a session is not reported."""

    link: int


@dataclass(frozen=True, slots=True)
class LinkSuspected:
    """A link owes an acknowledgement and is silent: it may recover, or end soon."""

    link: int


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """A link has left the bond; `reason` is one phrase for a person, without addresses."""

    link: int
    reason: str


BondEvent = Joinable | LinkJoined | LinkSuspected | LinkClosed
