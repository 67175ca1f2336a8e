"""What a bond's core decides, and what a bond reports about its links. Pure."""

from __future__ import annotations

from dataclasses import dataclass

BOND_OVERRUN = "the sender overran the bond"
TAMPERED = "somebody has tampered with the link"
REPORTED_CLOSED = "the other end reports that the link has closed"
TIMED_OUT = "the link timed out"
NOT_JOINED = "the link did not join in time"
SESSION_CLOSED = "the other end closed the session"
RESTARTED = "the host was restarted"
ENDED = "the host has ended the session"
FULL = "the host takes no new session now"
NOT_ADMITTED = "the host does not admit this invite"
NOT_OPENED = "the host cannot open what is sealed for it"
NO_LINK = "no link carried the session for too long"


# --- for the user of a bond, about its links --------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Joinable:
    """Both ends protect their records with the session's key: from now on `Bond.add` works."""


@dataclass(frozen=True, slots=True)
class LinkJoined:
    """A further link takes part. The first link of a session is not reported."""

    number: int


@dataclass(frozen=True, slots=True)
class LinkSuspected:
    """A link owes an acknowledgement and is silent: it may recover, or time out soon."""

    number: int


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """A link has left the bond; `reason` is one phrase for a person, without addresses."""

    number: int
    reason: str


BondEvent = Joinable | LinkJoined | LinkSuspected | LinkClosed


# --- for whoever drives a core ----------------------------------------------------------------------
# The first two are made for each packet, and a frozen dataclass takes three times as long to make.
@dataclass(slots=True)
class Transmit:
    """Send this message on that link. Messages of one link must be sent in the order of their events."""

    number: int
    message: bytes


@dataclass(slots=True)
class Deliver:
    """Hand this packet to the owner: it is the next one in order. Comes after all events but `AskQueues`."""

    packet: bytes


@dataclass(frozen=True, slots=True)
class AskQueues:
    """Hand in how much the queue of each link takes now (`set_queue_left`), then call `flush`.

    Something could leave, or the owner could send, if the queues take more than the core knows. Comes last, so that all
    messages of this call are sent before those of the next one.
    """


@dataclass(frozen=True, slots=True)
class Writable:
    """The owner had used up its send credit, and has some again: call its `on_writable`."""


@dataclass(frozen=True, slots=True)
class BondOver:
    """The bond has ended; `reason` is one phrase for a person."""

    reason: str


CoreEvent = Transmit | Deliver | AskQueues | Writable | BondOver | BondEvent


class EventQueue(list[CoreEvent]):
    """What the parts of a core have decided in this call, in order; they share one queue."""

    def __init__(self) -> None:
        self.asks_queues = False
        """Whether `AskQueues` must follow."""

    def take(self, packets: list[bytes] | None = None) -> list[CoreEvent]:
        """All events since the last call; `packets` are those to deliver."""
        if packets:
            self.extend(map(Deliver, packets))
        if self.asks_queues:
            self.asks_queues = False
            self.append(AskQueues())
        events = self[:]
        self.clear()
        return events
