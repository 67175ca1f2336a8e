"""The link table: which links a bond has, which of them it uses, and which numbers are still good for a JOIN. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from freespan.link.bond.closed_links import ClosedLinks
from freespan.link.bond.link_state import LinkState

_NUMBERS_BACK = 64
"""How far JOINs may overtake one another (as the anti-replay window of RFC 4303 section 3.4.3)."""


class UsedNumbers:
    """The numbers of links that are used up: each is good for one JOIN, so that no bridge can replay one."""

    def __init__(self) -> None:
        self._highest = 0
        self._used = {0}

    def is_new(self, number: int) -> bool:
        """Whether a link with this number may join; what is far behind the highest number counts as used."""
        return number > self._highest - _NUMBERS_BACK and number not in self._used

    def use(self, number: int) -> None:
        """The number is used up."""
        self._used.add(number)
        self._highest = max(self._highest, number)
        if len(self._used) > 2 * _NUMBERS_BACK:
            self._used = {used for used in self._used if used > self._highest - _NUMBERS_BACK}


class LinkTable:
    """All links of a bond by their numbers."""

    def __init__(self) -> None:
        self.open: dict[int, LinkState] = {}
        self.usable: list[LinkState] = []
        """The links that packets and acknowledgements go to, those with the smallest min_rtt first."""
        self.closed = ClosedLinks()
        self.numbers = UsedNumbers()

    def __iter__(self) -> Iterator[LinkState]:
        return iter(self.open.values())

    def __len__(self) -> int:
        return len(self.open)

    def find(self, number: int) -> LinkState | None:
        """An open link, or a closed one whose final count may still come."""
        return self.open.get(number) or self.closed.get(number)

    def close(self, link: LinkState) -> None:
        """A link leaves; all reports of closed links are sent (again), since it may have carried some."""
        del self.open[link.number]
        self.closed.add(link)

    def choose_usable(self) -> None:
        """Use the best links that there are: neither suspected nor lagging if possible, but any rather than none."""
        joined = [link for link in self.open.values() if link.has_joined]
        trusted = [link for link in joined if not link.is_suspected]
        good = [link for link in trusted if not link.is_lagging and link.congestion.min_rtt]
        self.usable = sorted(good or trusted or joined, key=lambda link: link.congestion.min_rtt)
