"""Links that have left a bond: what the other end must hear about them, and what it says. Pure.

Whoever sees a death tells the other (GONE), with the count of what had come on that link, and so both know what to send
again. The last ones are told again when the link that carried the news dies too; hearing twice does no harm.
"""

from __future__ import annotations

from collections import OrderedDict

from freespan.link.bond.member import Member
from freespan.wire.bond_frames import GONE_MAX, Counts


class Departed:
    """The last links that have left."""

    def __init__(self) -> None:
        self._members: OrderedDict[int, Member] = OrderedDict()
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._unsaid: set[int] = set()

    def __len__(self) -> int:
        return len(self._counts)

    def left(self, member: Member) -> None:
        """A link has ended here."""
        self._members[member.number] = member
        if len(self._members) > GONE_MAX:
            self._members.popitem(last=False)
        self.tell(member.number, member.received)

    def tell(self, link: int, count: int) -> None:
        """The other end must hear that `link` is gone, and how much had come on it."""
        self._counts[link] = count
        if len(self._counts) > GONE_MAX:
            self._counts.popitem(last=False)
        self.tell_again()

    def tell_again(self) -> None:
        """A link that carried such news has died."""
        self._unsaid = set(self._counts)

    def to_say(self) -> Counts:
        """What has not been said, and counts as said now."""
        if not self._unsaid:
            return ()
        counts = tuple((link, self._counts[link]) for link in sorted(self._unsaid))
        self._unsaid.clear()
        return counts

    def member(self, link: int) -> Member | None:
        """The state of a link that has left and whose last count may still come."""
        return self._members.get(link)

    def heard(self, link: int) -> None:
        """The other end has said its last word about a link."""
        self._members.pop(link, None)
