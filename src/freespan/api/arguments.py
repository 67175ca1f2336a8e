"""Checks of what programs hand to the library, so that a wrong value is named where it was given. Pure."""

from __future__ import annotations

from freespan.wire.errors import InputError

PORT_MAX = 65_535


def checked_number(field: str, value: object, low: int, high: int) -> int:
    """Return `value` if it is a whole number within these bounds; otherwise raise `InputError`."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(field, "must be a whole number")
    if not low <= value <= high:
        raise InputError(field, f"must be from {low} to {high}")
    return value


def checked_seconds(field: str, value: object) -> float:
    """Return `value` if it is a number of seconds, 0 or more; otherwise raise `InputError`."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not value >= 0:  # NaN is not, either
        raise InputError(field, "must be a number of seconds, 0 or more")
    return value
