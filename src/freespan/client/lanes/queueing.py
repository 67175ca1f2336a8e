"""Where what is on its way to a bridge waits: in the network, or above it. Pure.

A message's round trip ends when the egress has it; a packet's is that of the connection's own checks (STUN), which ICE
sends all the time and which pass every queue of the network between client and bridge. On a slow transport without loss the
network's queue is where messages wait, so packets take as long as they do. On one that loses packets, SCTP sends few at
a time: messages wait in its own queue, and packets pass as on an empty transport.
"""

from __future__ import annotations

import math
from enum import Enum

_QUEUED = 1.25
_QUEUED_SECONDS = 0.02
"""Packets wait when they take so many times the least that they ever took, and so much more."""
_ABOVE = 2.0
_ABOVE_SECONDS = 0.2
"""Messages wait above when they take so many times as long as packets, and so much more. The window of a link allows a
quarter (`link/bond/congestion.py`), and more only on slow transports."""


class Place(Enum):
    """Where most of what is on its way waits."""

    NOWHERE = "nowhere"
    NETWORK = "network"
    ABOVE = "above"


class Waiting:
    """One for each bridge; remembers how long packets take on the empty transport."""

    def __init__(self) -> None:
        self._least = math.inf

    def place(self, message: float, packet: float) -> Place:
        """By the newest round trips of both, in seconds; 0: none is known."""
        if packet > 0:
            self._least = min(self._least, packet)
        if packet > _QUEUED * self._least + _QUEUED_SECONDS:
            return Place.NETWORK
        return Place.ABOVE if packet > 0 and message > _ABOVE * packet + _ABOVE_SECONDS else Place.NOWHERE
