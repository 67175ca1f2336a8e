"""The health of a bond's links: all of them are checked now and then. Pure.

A link that carries packets proves itself by being acknowledged. One that has nothing in flight is probed (PING) every
few seconds, and once more when the packets that came on it stop.

             far slower                owes an acknowledgement
             than the best             for 4 round trips
      LAGGING ◀────────────── OPEN ──────────────▶ SUSPECTED ───▶ closed: timed out
         │                    ▲  ▲  ▲                  │   silent for 2 to 6 s while another link
         └────────────────────┘  │  └──────────────────┘   is alive, or for 15 s while none is
           is acknowledged       │      is acknowledged
                                 │
                              JOINING ──▶ closed: did not join
                                      10 s without an answer

A suspected link's packets are sent again elsewhere, and it gets nothing new. A lagging link's overdue packets are sent
again elsewhere too, but it is alive, and goes on with half its congestion window.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from freespan.link.bond.events import NOT_JOINED, TIMED_OUT
from freespan.link.bond.link_state import LinkState
from freespan.link.bond.scheduler import seconds_to_ack_when_full
from freespan.link.bond.settings import BondSettings

_CHECK_SECONDS = 0.05
"""How soon links are checked once something is in flight."""
_HELD_UP_SECONDS = 0.1
"""A check that comes this much too late shows that this process was held up, and not the links."""
_QUIET_SECONDS = 0.25
"""A link whose packets stop is probed after this long."""
_TIMEOUT_RTTS = 4


@dataclass
class Findings:
    """What a check has found; what to do about it is the core's business."""

    closed: list[tuple[LinkState, str]] = field(default_factory=list)
    """Links to be closed, with the reason."""
    suspected: list[LinkState] = field(default_factory=list)
    """Links that are suspected since this check."""
    give_up: list[tuple[LinkState, float]] = field(default_factory=list)
    """What these links have carried since before that moment should take another link."""
    lagging: list[LinkState] = field(default_factory=list)
    """Links that are lagging since this check."""
    probe: list[LinkState] = field(default_factory=list)
    """Links to be sent a PING."""


class HealthMonitor:
    """Checks links when it is time; `probes` says whether this end probes idle links, or only if the other does not."""

    def __init__(self, settings: BondSettings, now: float, *, probes: bool) -> None:
        self.check_at = math.inf
        """When the next check is due."""
        self._settings = settings
        self._probes = probes
        self._probe_seconds = settings.probe_seconds * (1 if probes else 2)
        self._alive_since = now
        """Since when at least one link has been alive all the time; while none was, the cause was not the links'."""

    def check_soon(self, now: float) -> None:
        """Something is in flight, or has changed."""
        if self.check_at > now + _CHECK_SECONDS:
            self.check_at = now + _CHECK_SECONDS

    def check_not_after(self, at: float) -> None:
        """A check is due at that time, if none is due before."""
        self.check_at = min(self.check_at, at)

    def check_if_due(self, links: Collection[LinkState], now: float) -> Findings | None:
        """The findings; None when no check is due, or when this process was held up and must read first."""
        if self.check_at > now:
            return None
        if now - self.check_at > _HELD_UP_SECONDS:
            self.check_at = now + _CHECK_SECONDS
            return None
        return self.check(links, now)

    def check(self, links: Collection[LinkState], now: float) -> Findings:
        """Check all links; sets `is_suspected` and `is_lagging` of each, and when to check again."""
        findings = Findings()
        joined = [link for link in links if link.has_joined]
        for link in links:
            if not link.has_joined and now - link.opened_at >= self._settings.join_seconds:
                findings.closed.append((link, NOT_JOINED))
        for link in joined:
            if link.silent_for(now) > link.suspect_after and not link.is_suspected:
                link.is_suspected = True
                findings.suspected.append(link)
        alive = [link for link in joined if not link.is_suspected and link.congestion.min_rtt]
        if not alive:
            self._alive_since = now
        self._find_timed_out(findings, joined, now)
        if alive:
            self._find_lagging(findings, alive, now)
        findings.probe += [link for link in joined if self._wants_probe(link, now)]
        self.check_at = min((self._next_check(link, now) for link in links), default=math.inf)
        return findings

    def _find_timed_out(self, findings: Findings, joined: list[LinkState], now: float) -> None:
        others_alive_for = now - self._alive_since
        for link in joined:
            if not link.is_suspected:
                continue
            silent_for = link.silent_for(now)
            is_timed_out = min(silent_for, others_alive_for) >= self._timeout(link)
            if is_timed_out or silent_for >= self._settings.timeout_alone_seconds:
                findings.closed.append((link, TIMED_OUT))
            elif others_alive_for:
                findings.give_up.append((link, math.inf))

    def _timeout(self, link: LinkState) -> float:
        """On a slow link SCTP's retransmission timer alone causes long silences."""
        round_trips = _TIMEOUT_RTTS * link.congestion.latest_rtt
        return min(max(self._settings.timeout_seconds, round_trips), self._settings.timeout_slow_seconds)

    def _find_lagging(self, findings: Findings, alive: list[LinkState], now: float) -> None:
        """Some links are lagging when others are not; when all are, the cause is not theirs.

        Where even the fastest link takes long for what it has, the others may take as long again. On a path that loses
        packets they take turns to be late, and packets would be sent again for nothing.
        """
        fastest = min(seconds_to_ack_when_full(link) for link in alive)
        limit = fastest + max(self._settings.lagging_seconds, fastest)
        lagging = [link for link in alive if now - max(link.in_flight_since, self._alive_since) > limit]
        if len(lagging) == len(alive):
            lagging = []
        for link in alive:
            if link in lagging:
                findings.give_up.append((link, now - limit))
                if not link.is_lagging:
                    findings.lagging.append(link)
            link.is_lagging = link in lagging

    def _wants_probe(self, link: LinkState, now: float) -> bool:
        if math.isfinite(link.in_flight_since):
            silent_for = link.silent_for(now)
            return silent_for > link.suspect_after / 2 and now - link.probed_at > silent_for
        if now - max(link.received_at, link.acked_at) >= self._probe_seconds:
            return True
        return self._has_become_quiet(link) and now - link.received_at >= _QUIET_SECONDS

    def _has_become_quiet(self, link: LinkState) -> bool:
        return self._probes and link.packet_received_at > max(link.probed_at, link.acked_at)

    def _next_check(self, link: LinkState, now: float) -> float:
        if math.isfinite(link.in_flight_since) or not link.has_joined or self._has_become_quiet(link):
            return now + _CHECK_SECONDS
        return max(now + _CHECK_SECONDS, max(link.received_at, link.acked_at) + self._probe_seconds)
