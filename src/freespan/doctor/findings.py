"""What a doctor looks at, and what was found. Pure.

No text of a finding has a name, an address, a path or an invite in it, so that a report can be shown to others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "bad", "skipped"]
"""`note`: it works, and could be better; `skipped`: it cannot be known, as after another check that was bad."""


@dataclass(frozen=True)
class Finding:
    """What one check has found.

    Attributes:
        state: how bad it is.
        text: what was found, a phrase for a person.
        advice: what to do, the same; empty where there is nothing to do.
        code: what programs may tell findings of a check apart by; empty for one that is good.
        hinders: whether checks that come after this one make no sense.
    """

    state: State
    text: str
    advice: str = ""
    code: str = ""
    hinders: bool = False


def good(text: str) -> Finding:
    """It is as it should be."""
    return Finding("good", text)


def note(code: str, text: str, advice: str = "") -> Finding:
    """It works, but whoever runs it may want to know."""
    return Finding("note", text, advice, code)


def bad(code: str, text: str, advice: str, *, hinders: bool = True) -> Finding:
    """It is wrong."""
    return Finding("bad", text, advice, code, hinders)


def skipped(text: str) -> Finding:
    """It was not looked at."""
    return Finding("skipped", text, hinders=True)


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to look at.

    Attributes:
        id: its name for programs, and for other checks.
        title: its name for people.
        look: finds out; called once, at most.
        after: checks without which it makes no sense: it is skipped if the finding of one of them hinders it.
        seconds: how long it may take.
    """

    id: str
    title: str
    look: Callable[[], Awaitable[Finding]]
    after: tuple[str, ...] = ()
    seconds: float = 20.0


@dataclass(frozen=True)
class Checked:
    """A check and its finding."""

    check: Check
    finding: Finding

    def as_json(self) -> dict[str, object]:
        """Both, for a program."""
        found = self.finding
        return {
            "check": self.check.id,
            "title": self.check.title,
            "state": found.state,
            "code": found.code,
            "text": found.text,
            "advice": found.advice,
        }


def is_well(report: Iterable[Checked]) -> bool:
    """Whether nothing is wrong."""
    return all(each.finding.state != "bad" for each in report)


def summary(report: Iterable[Checked]) -> str:
    """One sentence about all of it."""
    states = [each.finding.state for each in report]
    wrong, notes = states.count("bad"), states.count("note")
    if wrong:
        return "One thing is wrong." if wrong == 1 else f"{wrong} things are wrong."
    if notes:
        return (
            "Nothing is wrong; one thing could be better."
            if notes == 1
            else (f"Nothing is wrong; {notes} things could be better.")
        )
    return "All is well."
