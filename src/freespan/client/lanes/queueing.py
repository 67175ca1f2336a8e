"""Where the messages in flight to a bridge queue: in the network, or in SCTP above it. Pure.

The round trip of a message ends when the egress has received it. ICE's connectivity checks (STUN), which are sent all
the time, pass every queue of the network between client and bridge, and none above. On a slow path without loss,
messages queue in the network, so checks take as long as they do. On a path that loses IP packets, SCTP sends few at a
time: messages wait in SCTP's own queue, and checks pass as on an idle path.

Each queue shows in a time that is longer than another one, by a factor and a number of seconds:

    network    ICE's round trip is longer than its minimum
    SCTP       the round trip of messages is longer than ICE's
"""

from __future__ import annotations

import math
from enum import Enum

_NETWORK_FACTOR = 1.25
_NETWORK_SECONDS = 0.02
_SCTP_FACTOR = 2.0
"""The congestion window of a link (`link/bond/congestion.py`) makes messages take a quarter longer than the minimum.
Only on slow paths do they take longer still."""
_SCTP_SECONDS = 0.2


class Queue(Enum):
    """The queue in which most of what is in flight waits."""

    NONE = "none"
    NETWORK = "network"
    SCTP = "sctp"


class QueueLocator:
    """One for each bridge; remembers how long ICE's checks take on the idle path."""

    def __init__(self) -> None:
        self._min_ice_rtt = math.inf

    def locate(self, message_rtt: float, ice_rtt: float) -> Queue:
        """Compare the latest round-trip times of messages and of ICE, in seconds; 0 means that one is not known."""
        if ice_rtt > 0:
            self._min_ice_rtt = min(self._min_ice_rtt, ice_rtt)
        if ice_rtt > _NETWORK_FACTOR * self._min_ice_rtt + _NETWORK_SECONDS:
            return Queue.NETWORK
        is_above = ice_rtt > 0 and message_rtt > _SCTP_FACTOR * ice_rtt + _SCTP_SECONDS
        return Queue.SCTP if is_above else Queue.NONE
