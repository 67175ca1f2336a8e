"""What a bond's core decides, and what a bond reports about its links. Pure."""

from __future__ import annotations

from dataclasses import dataclass

OVERRUN = "the sender overran the bond"
TAMPERED = "somebody has tampered with the link"
REPORTED_CLOSED = "the other end reports that the link has closed"
TIMED_OUT = "the link timed out"
NOT_JOINED = "the link did not join in time"
SESSION_CLOSED = "the other end closed the session"
RESTARTED = "the host was restarted"
ENDED = "the host has ended the session"
NO_LINK = "no link carried the session for too long"


# --- for the owner of a bond, about its links -------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Joinable:
    """Both ends protect their records with the session's key: from now on `Bond.add` works."""


@dataclass(frozen=True, slots=True)
class LinkJoined:
    """A further link takes part. The first link of a session is not reported."""

    link: int


@dataclass(frozen=True, slots=True)
class LinkSuspected:
    """A link owes an acknowledgement and is silent: it may recover, or time out soon."""

    link: int


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """A link has left the bond; `reason` is one phrase for a person, without addresses."""

    link: int
    reason: str


BondEvent = Joinable | LinkJoined | LinkSuspected | LinkClosed


# --- for whoever drives a core ----------------------------------------------------------------------
# The first two are made for each packet, and a frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class Transmit:
    """Send this message on that link. Messages of one link must be sent in the order of their events."""

    link: int
    message: bytes


@dataclass(slots=True)
class Deliver:
    """Hand this packet to the owner: it is the next one in order. Comes after all other events of a call."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class CreditUsedUp:
    """A link's queue takes no further packet, as far as is known: hand in its send credit."""

    link: int


@dataclass(frozen=True, slots=True)
class CreditWanted:
    """Something could leave if links have send credit: hand in that of all links, and call `BondCore.on_writable`.

    Comes after all messages to transmit.
    """


@dataclass(frozen=True, slots=True)
class Writable:
    """The owner had used up its send credit, and has some again."""


@dataclass(frozen=True, slots=True)
class BondOver:
    """The bond has ended; `reason` is one phrase for a person."""

    reason: str


CoreEvent = Transmit | Deliver | CreditUsedUp | CreditWanted | Writable | BondOver | BondEvent
