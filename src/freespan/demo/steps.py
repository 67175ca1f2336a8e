"""Runs steps one after the other, each with a time limit, and records their results in a report."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from freespan.demo.errors import DemoError, one_line
from freespan.wire.errors import FreespanError


@dataclass(slots=True)
class Step:
    """One step."""

    name: str
    seconds: float = 0.0
    ok: bool | None = None
    """None while it runs."""
    detail: str = ""
    """A line for people."""


@dataclass(slots=True)
class Report:
    """The content of what `--json` prints."""

    direct: str | None = None
    """`blocked` or `open`; None if it is unknown."""
    bridge: str | None = None
    """`chromium`, `firefox` or `headless`; None if none joined."""
    steps: list[Step] = field(default_factory=list)
    bytes: int = 0
    """Bytes that came through the bridge and were compared: page and file together."""
    sha256_ok: bool = False
    """Whether page and file both arrived with the SHA-256 of what the site sent."""
    first_byte_s: float | None = None
    mb_per_s: float | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    """What to open by hand; empty unless the demo stays up."""

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        steps = [
            {"name": step.name, "seconds": round(step.seconds, 3), "ok": bool(step.ok)}
            | ({"detail": step.detail} if step.detail else {})
            for step in self.steps
        ]
        return {
            "direct": self.direct,
            "bridge": self.bridge,
            "steps": steps,
            "bytes": self.bytes,
            "sha256_ok": self.sha256_ok,
            "first_byte_s": _rounded(self.first_byte_s, 4),
            "mb_per_s": _rounded(self.mb_per_s, 2),
        } | ({"addresses": self.addresses} if self.addresses else {})


class StepFailedError(DemoError):
    """A step failed. The report and the screen already show which one, and why."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"{step.name}: {step.detail}")
        self.step = step


class StepObserver(Protocol):
    """Is notified of steps as they run."""

    def step_started(self, step: Step) -> None: ...

    def step_ended(self, step: Step) -> None: ...


class Steps:
    """Runs steps in order, records them in the report and notifies the observer."""

    def __init__(self, report: Report, observer: StepObserver) -> None:
        self._report = report
        self._observer = observer

    @contextlib.asynccontextmanager
    async def step(self, name: str, seconds: float) -> AsyncIterator[Step]:
        """Run the block as a step that may take `seconds`; the block may set `detail`.

        Raises:
            StepFailedError: the block raised, or took too long.
        """
        step = Step(name)
        self._report.steps.append(step)
        self._observer.step_started(step)
        started_at = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                yield step
            step.ok = True
        except TimeoutError:
            self._fail(step, f"not finished within {seconds:g} s" + (f": {step.detail}" if step.detail else ""))
        except (FreespanError, OSError) as error:
            self._fail(step, one_line(error, 400))
        except asyncio.CancelledError:
            step.ok, step.detail = False, "stopped"
            raise
        except Exception as error:  # a bug is reported in one line as well, and what was started is ended
            self._fail(step, f"{type(error).__name__}: {one_line(error, 400)}")
        finally:
            step.seconds = time.perf_counter() - started_at
            self._observer.step_ended(step)

    def _fail(self, step: Step, detail: str) -> None:
        step.ok, step.detail = False, detail
        raise StepFailedError(step) from None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
