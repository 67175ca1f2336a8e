"""The numbers of links, each good for one JOIN. Pure."""

from __future__ import annotations

_BACK = 64
"""How far links that join may overtake one another (as the window of RFC 4303 section 3.4.3)."""


class UsedNumbers:
    """Remembers which numbers have been used; what is far behind the highest counts as used."""

    def __init__(self) -> None:
        self._highest = 0
        self._used = {0}

    def is_new(self, number: int) -> bool:
        """Whether a link with this number may join."""
        return number > self._highest - _BACK and number not in self._used

    def use(self, number: int) -> None:
        """It is used up."""
        self._used.add(number)
        self._highest = max(self._highest, number)
        self._used = {used for used in self._used if used > self._highest - _BACK}
