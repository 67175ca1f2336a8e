"""Steps: what the demo does one after the other, each with a time limit, a result and its seconds."""

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
    """One step: `ok` is None while it runs; `detail` is a line for people."""

    name: str
    seconds: float = 0.0
    ok: bool | None = None
    detail: str = ""


@dataclass(slots=True)
class Report:
    """All that `--json` says."""

    direct: str | None = None
    """`blocked` or `open`; None if it was not found out."""
    bridge: str | None = None
    """`chromium`, `firefox` or `headless`; None if none joined."""
    steps: list[Step] = field(default_factory=list)
    bytes: int = 0
    """Bytes that came through the bridge and were compared, page and file together."""
    sha256_ok: bool = False
    """Page and file both came, with the SHA-256 of what the site sent."""
    first_byte_s: float | None = None
    mb_per_s: float | None = None
    addresses: dict[str, str] = field(default_factory=dict)
    """Only when the demo stays: what to open by hand."""

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
    """A step did not hold; the report and the screen already say which and why."""

    def __init__(self, step: Step) -> None:
        super().__init__(f"{step.name}: {step.detail}")
        self.step = step


class Watcher(Protocol):
    """Who wants to see steps as they go."""

    def step_begins(self, step: Step) -> None: ...

    def step_ends(self, step: Step) -> None: ...


class Steps:
    """Runs steps in order, writes them into the report and tells the watcher."""

    def __init__(self, report: Report, watcher: Watcher) -> None:
        self._report = report
        self._watcher = watcher

    @contextlib.asynccontextmanager
    async def step(self, name: str, seconds: float) -> AsyncIterator[Step]:
        """One step of at most `seconds`; the block may set `detail`.

        Raises:
            StepFailedError: the block raised, or took too long.
        """
        step = Step(name)
        self._report.steps.append(step)
        self._watcher.step_begins(step)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(seconds):
                yield step
            step.ok = True
        except TimeoutError:
            self._fail(step, f"not done within {seconds:g} s" + (f": {step.detail}" if step.detail else ""))
        except (FreespanError, OSError) as error:
            self._fail(step, one_line(error, 400))
        except asyncio.CancelledError:
            step.ok, step.detail = False, "stopped"
            raise
        except Exception as error:  # a mistake of ours is also said in one line, and what was started is ended
            self._fail(step, f"{type(error).__name__}: {one_line(error, 400)}")
        finally:
            step.seconds = time.perf_counter() - began
            self._watcher.step_ends(step)

    def _fail(self, step: Step, detail: str) -> None:
        step.ok, step.detail = False, detail
        raise StepFailedError(step) from None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
