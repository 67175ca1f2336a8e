"""The bond: several links that act as one."""

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond
from freespan.link.bond.events import RESTARTED, BondEvent, Joinable, LinkClosed, LinkJoined, LinkSuspected
from freespan.link.bond.report import BondReport, LinkReport
from freespan.link.bond.session_key import SessionKey, session_key
from freespan.link.bond.settings import BondSettings

__all__ = [
    "RESTARTED",
    "Arrival",
    "Bond",
    "BondEvent",
    "BondReport",
    "BondSettings",
    "Joinable",
    "LinkClosed",
    "LinkJoined",
    "LinkReport",
    "LinkSuspected",
    "SessionKey",
    "session_key",
]
