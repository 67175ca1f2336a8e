"""The bond: several links that act as one."""

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond, BondReport, LinkReport
from freespan.link.bond.core import RESTARTED
from freespan.link.bond.events import BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected
from freespan.link.bond.seal import SessionKey, session_key

__all__ = [
    "RESTARTED",
    "Arrival",
    "Bond",
    "BondEvent",
    "BondReport",
    "Joinable",
    "LinkClosed",
    "LinkJoined",
    "LinkReport",
    "LinkSuspected",
    "SessionKey",
    "session_key",
]
