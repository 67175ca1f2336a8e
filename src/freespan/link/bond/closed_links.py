"""Closed links: what each end reports about links that have left the bond. Pure.

The end that sees a link close reports it (CLOSED), with the count of what had arrived on it, so both ends know what
must be sent again. When the link that carried a report closes too, the reports are sent again; a repeated report does
no harm.
"""

from __future__ import annotations

from collections import OrderedDict

from freespan.link.bond.link_state import LinkState
from freespan.wire.bond_frames import CLOSED_MAX, Counts


class ClosedLinks:
    """The last links that have closed."""

    def __init__(self) -> None:
        self._states: OrderedDict[int, LinkState] = OrderedDict()
        self._counts: OrderedDict[int, int] = OrderedDict()
        self._unreported: set[int] = set()

    def add(self, link: LinkState) -> None:
        """A link has closed at this end."""
        self._states[link.number] = link
        if len(self._states) > CLOSED_MAX:
            self._states.popitem(last=False)
        self.report(link.number, link.received_count)
        self.report_again()

    def report(self, number: int, count: int) -> None:
        """The other end must learn that a link has closed, after `count` messages had arrived on it."""
        self._counts[number] = count
        if len(self._counts) > CLOSED_MAX:
            oldest, _ = self._counts.popitem(last=False)
            self._unreported.discard(oldest)
        self._unreported.add(number)

    def report_again(self) -> None:
        """A link that carried reports may have closed."""
        self._unreported = set(self._counts)

    def take_reports(self) -> Counts:
        """What has not been reported; it counts as reported from now on."""
        if not self._unreported:
            return ()
        counts = tuple((number, self._counts[number]) for number in sorted(self._unreported))
        self._unreported.clear()
        return counts

    def get(self, number: int) -> LinkState | None:
        """The state of a closed link whose final count may still come."""
        return self._states.get(number)

    def on_reported(self, number: int) -> None:
        """The other end has reported the final count of a link."""
        self._states.pop(number, None)
