"""Which links of a bond can be trusted: looks at all of them now and then. Pure.

A link that carries packets proves itself by being acknowledged; one that has nothing on its way is asked (PING) every
few seconds, and once when packets that came on it come no more.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field

from freespan.link.bond.member import Member
from freespan.link.bond.schedule import arrival_when_full
from freespan.wire.limits import (
    BOND_LATE_SECONDS,
    LINK_JOIN_SECONDS,
    LINK_PROBE_SECONDS,
    LINK_SILENT_ALONE_SECONDS,
    LINK_SILENT_SECONDS,
    LINK_SILENT_SLOW_SECONDS,
)

SILENT = "the link fell silent"
NOT_JOINED = "the link did not join in time"
_QUIET_SECONDS = 0.25
_SILENT_ROUND_TRIPS = 4
_TICK = 0.05


@dataclass
class Findings:
    """What a look at the links has found; what to do about it is the bond's business."""

    dead: list[tuple[Member, str]] = field(default_factory=list)
    """To be ended, with the reason."""
    suspect: list[Member] = field(default_factory=list)
    """Silent since this look."""
    give_up: list[tuple[Member, float]] = field(default_factory=list)
    """What these have carried since before that moment should go another way."""
    late: list[Member] = field(default_factory=list)
    """Late since this look."""
    probe: list[Member] = field(default_factory=list)
    """To be asked for a sign of life."""
    alive_since: float = math.inf
    """For the next look."""
    next_at: float = math.inf
    """When to look again."""


def look(members: Collection[Member], now: float, alive_since: float, *, asks: bool) -> Findings:
    """Look at all links; sets `suspect` and `late` of each.

    `alive_since`: since when one or another has been alive all the time; while none was, the cause was not the links'.
    `asks`: one end of a bond asks idle links whether they are alive; the other does so only if that end does not.
    """
    findings = Findings()
    joined = [member for member in members if member.joined]
    for member in members:
        if not member.joined and now - member.opened_at >= LINK_JOIN_SECONDS:
            findings.dead.append((member, NOT_JOINED))
    for member in joined:
        if member.silence(now) > member.patience and not member.suspect:
            member.suspect = True
            findings.suspect.append(member)
    alive = [member for member in joined if not member.suspect and member.window.min_rtt]
    findings.alive_since = alive_since if alive else now
    _find_dead(findings, joined, now)
    if alive:
        _find_late(findings, alive, now)
    for member in joined:
        if _wants_probe(member, now, asks=asks):
            findings.probe.append(member)
    findings.next_at = min((_next_look(member, now, asks=asks) for member in members), default=math.inf)
    return findings


def _find_dead(findings: Findings, joined: list[Member], now: float) -> None:
    since_others_live = now - findings.alive_since
    for member in joined:
        if not member.suspect:
            continue
        silence = member.silence(now)
        if min(silence, since_others_live) >= _silent_after(member) or silence >= LINK_SILENT_ALONE_SECONDS:
            findings.dead.append((member, SILENT))
        elif since_others_live:
            findings.give_up.append((member, math.inf))


def _silent_after(member: Member) -> float:
    """Where a message takes a second or two by itself, SCTP that has to wait for its timer is silent for longer."""
    round_trips = _SILENT_ROUND_TRIPS * member.window.latest_rtt
    return min(max(LINK_SILENT_SECONDS, round_trips), LINK_SILENT_SLOW_SECONDS)


def _find_late(findings: Findings, alive: list[Member], now: float) -> None:
    """Some are late when others are not; when all are, the cause is not theirs.

    Where even the fastest takes long for what it has, the others may take as long again: on a road that loses packets
    they take turns to be late, and what is sent again would be sent for nothing.
    """
    fastest = min(arrival_when_full(member) for member in alive)
    limit = fastest + max(BOND_LATE_SECONDS, fastest)
    late = [member for member in alive if now - max(member.waiting_since, findings.alive_since) > limit]
    if len(late) == len(alive):
        late = []
    for member in alive:
        if member in late:
            findings.give_up.append((member, now - limit))
            if not member.late:
                findings.late.append(member)
        member.late = member in late


def _wants_probe(member: Member, now: float, *, asks: bool) -> bool:
    if math.isfinite(member.waiting_since):
        silence = member.silence(now)
        return silence > member.patience / 2 and now - member.probed_at > silence
    if now - max(member.heard_at, member.progress_at) >= _probe_after(asks=asks):
        return True
    return asks and _became_quiet(member) and now - member.heard_at >= _QUIET_SECONDS


def _became_quiet(member: Member) -> bool:
    return member.packet_heard_at > max(member.probed_at, member.progress_at)


def _probe_after(*, asks: bool) -> float:
    return LINK_PROBE_SECONDS if asks else 2 * LINK_PROBE_SECONDS


def _next_look(member: Member, now: float, *, asks: bool) -> float:
    if math.isfinite(member.waiting_since) or not member.joined or (asks and _became_quiet(member)):
        return now + _TICK
    return max(now + _TICK, max(member.heard_at, member.progress_at) + _probe_after(asks=asks))
