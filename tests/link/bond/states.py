"""Links in chosen states, for tests of the parts of a bond."""

from freespan.link.bond.congestion import CongestionController, Phase
from freespan.link.bond.link_state import LinkState
from freespan.link.bond.record_protection import RecordProtection
from freespan.link.bond.send_buffer import Packet
from freespan.link.bond.session_key import Role
from freespan.link.bond.settings import BondSettings
from freespan.wire.limits import LINK_QUEUE_MAX

SETTINGS = BondSettings()


def a_link(number: int = 0, *, min_rtt: float = 0.05, rate: float = 0.0, now: float = 0.0) -> LinkState:
    """A link that has joined and carries nothing."""
    link = LinkState(number, RecordProtection.first(Role.CLIENT, number), CongestionController(), now, SETTINGS)
    link.has_joined = True
    link.queue_left = LINK_QUEUE_MAX
    if min_rtt:
        link.congestion.on_rtt_sample(min_rtt, now)
    link.congestion.rate = rate
    return link


def steady(number: int, rate: float, min_rtt: float) -> LinkState:
    """A link that has been used for a while."""
    link = a_link(number, min_rtt=min_rtt, rate=rate)
    link.congestion.phase = Phase.STEADY
    link.congestion.cwnd = int(rate * link.congestion.rtt_at_full_cwnd)
    return link


def a_packet(number: int = 0) -> Packet:
    return Packet(number, bytes(100), 100)
