"""Statistics: how a bond and its links are at one moment. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from freespan.link.bond.core import BondCore
from freespan.link.bond.link_state import LinkState

State = Literal["joining", "open", "lagging", "suspected"]


@dataclass(frozen=True)
class LinkStats:
    """How one link is."""

    number: int
    state: State
    rate: float
    """The delivery rate in bytes a second, 0 if it is not known."""
    min_rtt: float
    """The smallest round-trip time of the last ten seconds, in seconds; 0 if it is not known."""
    latest_rtt: float
    """That of the last acknowledgement, queues included."""
    in_flight: int
    """Bytes sent and not acknowledged."""
    bytes_sent: int
    bytes_received: int
    loss_signals: int
    """In both directions together."""


@dataclass(frozen=True)
class BondStats:
    """How a bond is."""

    links: tuple[LinkStats, ...]
    joined: int
    """How many links have joined so far, without the first one."""
    closed: int
    """How many links have closed so far."""
    suspected: int
    """How often a link was suspected."""
    lagging: int
    """How often a link was lagging."""
    retransmissions: int
    """How many packets were sent again."""
    duplicates: int
    """How many packets have arrived more than once."""
    unacked_cost: int
    """The cost (`BOND_PACKET_COST`) of what is kept until the other end has acknowledged it."""
    held_cost: int
    """The cost of what is held back until an earlier packet arrives."""


def stats_of(core: BondCore) -> BondStats:
    """How the bond of `core` is now."""
    counters = core.counters
    return BondStats(
        tuple(_stats_of_link(link) for link in core.links),
        counters.joined,
        counters.closed,
        counters.suspected,
        counters.lagging,
        core.sender.buffer.retransmissions,
        core.reordering.duplicates,
        core.sender.buffer.unacked_cost,
        core.reordering.held_cost,
    )


def _stats_of_link(link: LinkState) -> LinkStats:
    congestion = link.congestion
    return LinkStats(
        link.number,
        _state_of(link),
        congestion.rate,
        congestion.min_rtt,
        congestion.latest_rtt,
        congestion.in_flight,
        link.bytes_sent,
        link.bytes_received,
        link.received_loss.count + link.sent_loss.count,
    )


def _state_of(link: LinkState) -> State:
    if link.is_suspected:
        return "suspected"
    if link.is_lagging:
        return "lagging"
    return "open" if link.has_joined else "joining"
