"""Where the messages in flight to a bridge queue: in the network, or in SCTP above it. Pure.

The round trip of a message ends when the egress has received it. The round trip of a packet is that of ICE's own
connectivity checks (STUN), which ICE sends all the time and which pass every queue of the network between client and
bridge. On a slow path without loss, messages queue in the network, so packets take as long as they do. On a path that
loses packets, SCTP sends few at a time: messages wait in SCTP's own queue, and packets pass as on an idle path.
"""

from __future__ import annotations

import math
from enum import Enum

_NETWORK_FACTOR = 1.25
_NETWORK_SECONDS = 0.02
"""Packets queue in the network when they take more than `_NETWORK_FACTOR` times their minimum and this much more."""
_SCTP_FACTOR = 2.0
_SCTP_SECONDS = 0.2
"""Messages queue in SCTP when they take more than `_SCTP_FACTOR` times as long as packets and this much more. The
congestion window of a link allows a quarter more (`link/bond/congestion.py`), and exceeds that on slow paths alone."""


class Queue(Enum):
    """The queue in which most of what is in flight waits."""

    NONE = "none"
    NETWORK = "network"
    SCTP = "sctp"


class QueueLocator:
    """One for each bridge; remembers how long packets take on the idle path."""

    def __init__(self) -> None:
        self._min_packet_rtt = math.inf

    def locate(self, message_rtt: float, packet_rtt: float) -> Queue:
        """Judge by the latest round-trip times of both, in seconds; 0 means that one is not known."""
        if packet_rtt > 0:
            self._min_packet_rtt = min(self._min_packet_rtt, packet_rtt)
        if packet_rtt > _NETWORK_FACTOR * self._min_packet_rtt + _NETWORK_SECONDS:
            return Queue.NETWORK
        is_above = packet_rtt > 0 and message_rtt > _SCTP_FACTOR * packet_rtt + _SCTP_SECONDS
        return Queue.SCTP if is_above else Queue.NONE
