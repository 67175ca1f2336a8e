"""The bond: several links that act as one."""

from freespan.link.bond.arrival import Arrival
from freespan.link.bond.bond import Bond, BondReport, BondWatcher, LinkReport
from freespan.link.bond.core import RESTARTED
from freespan.link.bond.seal import SessionKey, session_key

__all__ = ["RESTARTED", "Arrival", "Bond", "BondReport", "BondWatcher", "LinkReport", "SessionKey", "session_key"]
