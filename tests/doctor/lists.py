"""Parts of lists of checks, for tests that look at one of them."""

from __future__ import annotations

from collections.abc import Sequence

from freespan.doctor.findings import Check


def needed(checks: Sequence[Check], wanted: str) -> list[Check]:
    """One check and those that it comes after; all of them if none is named."""
    names = {wanted}
    for check in reversed(checks):
        names |= set(check.after) if check.id in names else set()
    return [check for check in checks if check.id in names or not wanted]
