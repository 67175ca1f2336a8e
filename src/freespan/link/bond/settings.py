"""Settings of a bond: what one end decides by itself, without the other one having to know. Pure.

The bounds that both ends must agree on are in `wire/limits.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class BondSettings:
    """All times in seconds."""

    spread_seconds: float = 0.3
    """No packet above half the full size goes to a link that would bring it this much later than the fastest link does
    when its cwnd is full."""
    lagging_seconds: float = 0.45
    """A packet is sent again on another link if its acknowledgement comes this much later than that of the fastest
    link would. Where the fastest link itself takes longer than this, the packet gets twice the fastest link's time."""
    suspect_min_seconds: float = 0.5
    """A link that owes an acknowledgement for four round trips is suspected, but never sooner than this."""
    suspect_max_seconds: float = 2.0
    """A link that owes an acknowledgement for this long is suspected, however long its round trips are."""
    # While another link is alive, a suspected link is closed when it has owed an acknowledgement for four round trips,
    # but within the first two of these bounds; and in any case after the third.
    timeout_seconds: float = 2.0
    """The least silence after which a suspected link is closed while another link is alive."""
    timeout_slow_seconds: float = 6.0
    """The longest silence for which a suspected link is kept while another link is alive, however slow it is."""
    timeout_alone_seconds: float = 15.0
    """The silence after which it is closed while no other link is alive: the cause may be this end's own network."""
    probe_seconds: float = 5.0
    """An idle link is probed after this long. The egress waits twice as long, since the client's probes serve both."""
    join_seconds: float = 10.0
    """A link that has not joined this long after its JOIN is closed."""
    wait_seconds: float = 300.0
    """A bond without any link waits this long for one, and then ends. QUIC's idle timeout must be longer."""
    linger_seconds: float = 1.0
    """A bond that was closed keeps its links open for this long, so that its BYE can leave; a refused link is kept open
    for this long, so that the client can read why."""
