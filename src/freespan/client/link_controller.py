"""What to do next about the links of a session: dial one, close one, wait, or end the session. Pure.

    what happened                                  next_decision(now)
    ─────────────                                  ──────────────────
    dialed, dial_failed                            Dial(avoid, extra)   a link is missing
    link_joined, link_suspected, link_closed  ──▶  Close(number)        there is one too many
    on_second                                      Wait(until)          nothing to do, or too early after a failure
                                                   EndSession(reason)   there is no link, and none will come

A session keeps to the transport that it began with. While it has a link, a failure to dial another one means nothing
but a wait. Without any link it waits for as long as its bond does, so that open streams survive; it ends sooner where
no bridge could help, or where none is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from freespan.client.link_demand import LinkDemand
from freespan.client.settings import ClientSettings
from freespan.client.transports import Transport, TransportError, TransportInUse
from freespan.wire.backoff import Backoff
from freespan.wire.errors import FreespanError, RendezvousError

_SHOWS_NO_MORE: dict[TransportInUse, set[TransportInUse]] = {
    "webrtc": {"webrtc"},
    "turn": {"webrtc", "turn"},
    "front": {"front"},
    "websocket": {"front", "websocket"},
}
"""For each transport of a session's first link, those that a further link may use. A session that began without showing
the host the reader's address must not show it later."""


@dataclass(frozen=True, slots=True)
class Dial:
    """Dial a link through a bridge that is none of `avoid`; an `extra` one if the session has a link already."""

    avoid: tuple[str, ...]
    extra: bool


@dataclass(frozen=True, slots=True)
class Close:
    """Close the link of this number: it is the slowest, and one more than wanted."""

    number: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask again when something has happened, or at the latest at this time, if there is one."""

    until: float | None = None


@dataclass(frozen=True, slots=True)
class EndSession:
    """End the session; `reason` is one phrase for a person."""

    reason: str


Decision = Dial | Close | Wait | EndSession


class LinkFigures(NamedTuple):
    """How a link does, with all its lanes: `rate` in bytes a second, `min_rtt` in seconds."""

    rate: float
    min_rtt: float
    is_suspected: bool


@dataclass
class _Link:
    bridge: str
    since: float
    is_joined: bool = False
    is_suspected: bool = False

    @property
    def carries(self) -> bool:
        return self.is_joined and not self.is_suspected


@dataclass
class _Pause:
    """After a failure: until then nothing is dialed. Something that happens shortens it to what the broker asks for."""

    earliest: float
    until: float
    began_without_link: bool


class LinkController:
    """One for each session, which begins on link 0: by `transport`, through `bridge`.

    `requested` is the transport that further links are dialed by, and `random` gives numbers from 0 to 1. `now` is in
    seconds of one clock.
    """

    def __init__(
        self,
        transport: TransportInUse,
        bridge: str,
        requested: Transport,
        settings: ClientSettings,
        random: Callable[[], float],
        now: float,
    ) -> None:
        self._allowed = _SHOWS_NO_MORE[transport]
        self._uses_bridges = requested != "websocket"
        self._steady_seconds = settings.steady_seconds
        self._patience = settings.session_wait_seconds
        usual, most = (settings.links_usual, settings.links_most) if self._uses_bridges else (1, 1)
        self._demand = LinkDemand(usual, most)
        self._backoff = Backoff(random, first=settings.first_retry_seconds, longest=settings.longest_link_retry_seconds)
        self._extra_backoff = Backoff(
            random, first=settings.first_retry_seconds, longest=settings.longest_extra_link_retry_seconds
        )
        self._links = {0: _Link(bridge, now, is_joined=True)}
        self._figures: Mapping[int, LinkFigures] = {}
        self._without_link_since = now
        self._pause: _Pause | None = None
        self._closed_before_joining = False
        self._has_failed_without_link = False
        self._end: str | None = None

    # --- what there is -------------------------------------------------------------------------
    @property
    def carrying(self) -> int:
        """How many links carry the session: they have joined, and are not suspected."""
        return sum(link.carries for link in self._links.values())

    @property
    def has_led_nowhere(self) -> bool:
        """Whether the session has no link, and could not dial one by its transport."""
        return self._has_failed_without_link and not self.carrying

    @property
    def reserved(self) -> int:
        """How many places in the bond are for links through bridges of their own; the rest are for lanes."""
        return max(self._demand.wanted, len(self._links))

    def accepts(self, transport: TransportInUse) -> bool:
        """Whether a link by this transport may join: it must not show the host more than the first one did."""
        return transport in self._allowed

    def next_decision(self, now: float, *, is_joinable: bool) -> Decision:
        """What to do now; to be asked for again when it is done. `is_joinable`: whether the bond takes links."""
        self._expire_pause(now)
        if self._closed_before_joining and self._pause is None:
            self._closed_before_joining = False
            self._begin_pause(now)
            self._expire_pause(now)
        if self._pause is not None:
            return Wait(self._pause.until)
        if self._end is not None and not self.carrying:
            return EndSession(self._end)
        if self._end is None and is_joinable and self._missing > 0:
            return Dial(tuple(link.bridge for link in self._links.values()), extra=self.carrying > 0)
        if self._missing < 0 and (slowest := self._slowest()) is not None:
            return Close(slowest)
        return Wait()

    # --- what has happened ---------------------------------------------------------------------
    def dialed(self, number: int, bridge: str, now: float) -> None:
        """A link was dialed and is joining the bond."""
        self._has_failed_without_link = False
        self._links[number] = _Link(bridge, now)

    def dial_failed(self, error: FreespanError, now: float) -> None:
        """A link could not be dialed, or not be added: a `LinkError` or `RendezvousError`."""
        if isinstance(error, RendezvousError) and not error.retry:
            self._end = str(error)
            return
        if isinstance(error, TransportError) and not self.carrying:
            self._has_failed_without_link = True
            if self._is_hopeless(error, now):
                self._end = "the host cannot be reached any more"
                return
        self._begin_pause(now, error.after if isinstance(error, (RendezvousError, TransportError)) else None)

    def link_joined(self, number: int) -> None:
        """A link takes part in the bond."""
        if number not in self._links:
            return
        self._links[number].is_joined = True
        self._has_failed_without_link = False
        self._backoff.succeeded()
        self._extra_backoff.succeeded()
        self._shorten_pause()

    def link_suspected(self, number: int, now: float) -> None:
        """A link is silent. Its replacement is dialed before it is known whether it will recover."""
        if number in self._links:
            had_link = self.carrying > 0
            self._links[number].is_suspected = True
            self._note_loss(had_link, now)

    def link_closed(self, number: int, now: float) -> bool:
        """A link has left the bond; returns whether that was so soon that its bridge should get a cooldown."""
        link = self._links.get(number)
        if link is None:
            return False
        self._remove(number, now)
        is_short_lived = now - link.since < self._steady_seconds
        self._closed_before_joining |= is_short_lived and not link.is_joined
        return is_short_lived

    def closed_as_decided(self, number: int, now: float) -> None:
        """A link was closed because of a `Close`."""
        self._remove(number, now)

    def on_second(self, figures: Mapping[int, LinkFigures], rate: float, now: float) -> None:
        """What the links did in the last second; `rate` is that of the session, in bytes a second."""
        self._figures = figures
        for number, link in self._links.items():
            if link.is_suspected and number in figures and not figures[number].is_suspected:
                link.is_suspected = False
                self._shorten_pause()
        before = self._demand.wanted
        self._demand.on_second(rate, self.carrying, now)
        if self._demand.wanted != before:
            self._shorten_pause()

    # --- inside --------------------------------------------------------------------------------
    @property
    def _missing(self) -> int:
        """How many links to dial; below 0, how many to close. A suspected one does not count."""
        return self._demand.wanted - sum(not link.is_suspected for link in self._links.values())

    def _slowest(self) -> int | None:
        known = [number for number, link in self._links.items() if link.carries and number in self._figures]
        return min(known, key=lambda one: (self._figures[one].rate, -self._figures[one].min_rtt), default=None)

    def _remove(self, number: int, now: float) -> None:
        had_link = self.carrying > 0
        del self._links[number]
        self._note_loss(had_link, now)

    def _note_loss(self, had_link: bool, now: float) -> None:
        if had_link and not self.carrying:
            self._without_link_since = now
        self._shorten_pause()

    def _is_hopeless(self, error: TransportError, now: float) -> bool:
        """Whether a session without a link has waited long enough for one that cannot come."""
        waits_in_vain = error.is_unusable or not self._uses_bridges  # otherwise another bridge may help
        return waits_in_vain and now - self._without_link_since >= self._patience

    def _begin_pause(self, now: float, after: float | None = None) -> None:
        """Wait as long as the broker asks for (`after`), and longer while the session has a link."""
        backoff = self._extra_backoff if self.carrying else self._backoff
        asked = after or 0.0
        self._pause = _Pause(now + asked, now + backoff.failed(asked), not self.carrying)

    def _shorten_pause(self) -> None:
        if self._pause is not None:
            self._pause.until = self._pause.earliest

    def _expire_pause(self, now: float) -> None:
        """End the pause when it is over. A session that has lost its last link since it began need not wait."""
        pause = self._pause
        if pause is not None and (now >= pause.until or (not self.carrying and not pause.began_without_link)):
            self._pause = None
