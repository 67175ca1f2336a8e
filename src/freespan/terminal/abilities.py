"""What the place can do where a command writes, by its environment. Pure.

    TERM                           dumb, unknown or (but on Windows) none: neither colours nor a cursor that moves
    NO_COLOR                       anything: no colours
    CLICOLOR_FORCE, FORCE_COLOR    anything but 0: colours, even into a pipe or a file
    CLICOLOR                       0: no colours

The first of these that says something about colours counts. Nothing makes a cursor move in a pipe or a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_PLAIN = ("dumb", "unknown")


@dataclass(frozen=True)
class Abilities:
    """`is_terminal`: a person looks at it, and it is not kept. `moves`: lines can be drawn again in their place."""

    is_terminal: bool
    moves: bool
    colours: bool


def abilities_of(environment: Mapping[str, str], *, is_terminal: bool, is_windows: bool) -> Abilities:
    """What a stream can do; consoles of Windows have no TERM."""
    kind = environment.get("TERM", "")
    moves = is_terminal and kind not in _PLAIN and bool(kind or is_windows)
    return Abilities(is_terminal, moves, _colours(environment, usually=moves))


def _colours(environment: Mapping[str, str], *, usually: bool) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if any(environment.get(name, "0") not in ("", "0") for name in ("CLICOLOR_FORCE", "FORCE_COLOR")):
        return True
    return usually and environment.get("CLICOLOR") != "0"
