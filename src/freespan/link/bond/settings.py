"""Settings of a bond: what one end decides by itself, without the other one having to know. Pure.

The bounds that both ends must agree on are in `wire/limits.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class BondSettings:
    """All times in seconds."""

    spread_seconds: float = 0.3
    """No packet goes to a link that would bring it so much later than the fastest link."""
    lagging_seconds: float = 0.45
    """A packet is sent again on another link if its acknowledgement comes so much later than the fastest link's would.
    Where the fastest link itself takes longer than this, the packet gets twice the fastest link's time."""
    suspect_min_seconds: float = 0.5
    """A link that owes an acknowledgement for four round trips is suspected, but never sooner than this."""
    suspect_max_seconds: float = 2.0
    """A link that owes an acknowledgement for so long is suspected, however long its round trips are."""
    timeout_seconds: float = 2.0
    """A suspected link is closed after it has owed an acknowledgement for so long while another link is alive."""
    timeout_slow_seconds: float = 6.0
    """The same for a link whose messages take longer than half a second anyway: at most so long."""
    timeout_alone_seconds: float = 15.0
    """The same while no other link is alive: the cause may then be this end's own network."""
    probe_seconds: float = 5.0
    """An idle link is probed after so long. The egress waits twice as long, since the client's probes serve both."""
    join_seconds: float = 10.0
    """A link that has not joined so long after its JOIN is closed."""
    wait_seconds: float = 300.0
    """A bond without any link waits so long for one, and then ends. QUIC's idle timeout must be longer."""
    linger_seconds: float = 1.0
    """A bond that was closed keeps its links open for so long, so that its goodbye can leave."""
