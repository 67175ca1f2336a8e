"""Steps: their results, time limits and errors."""

import asyncio

import pytest

from freespan.demo.errors import DemoError
from freespan.demo.steps import Report, Step, StepFailedError, Steps


class RecordingObserver:
    def __init__(self) -> None:
        self.seen: list[tuple[str, bool | None]] = []

    def step_started(self, step: Step) -> None:
        self.seen.append((step.name, step.ok))

    def step_ended(self, step: Step) -> None:
        self.seen.append((step.name, step.ok))


async def test_a_step_that_succeeds() -> None:
    report, observer = Report(), RecordingObserver()
    async with Steps(report, observer).step("sites open", 10) as step:
        step.detail = "two of them"
    assert report.as_json()["steps"] == [
        {"name": "sites open", "seconds": pytest.approx(0, abs=5), "ok": True, "detail": "two of them"}
    ]
    assert observer.seen == [("sites open", None), ("sites open", True)]


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (DemoError("two\nlines"), "two lines"),
        (ConnectionRefusedError(111, "refused"), "[Errno 111] refused"),
        (KeyError("embed"), "KeyError: 'embed'"),
    ],
)
async def test_a_step_that_fails_has_its_cause_in_one_line(error: Exception, detail: str) -> None:
    report, observer = Report(), RecordingObserver()
    with pytest.raises(StepFailedError, match="host starts"):
        async with Steps(report, observer).step("host starts", 10):
            raise error
    (step,) = report.steps
    assert (step.ok, step.detail) == (False, detail)
    assert observer.seen[-1] == ("host starts", False)


async def test_a_step_has_a_time_limit() -> None:
    report = Report()
    with pytest.raises(StepFailedError):
        async with Steps(report, RecordingObserver()).step("speed", 0.01) as step:
            step.detail = "3 % of 32 MiB"
            await asyncio.Event().wait()
    assert report.steps[0].detail == "not finished within 0.01 s: 3 % of 32 MiB"


async def test_a_step_that_is_stopped_has_failed() -> None:
    report = Report()

    async def one() -> None:
        async with Steps(report, RecordingObserver()).step("speed", 10):
            await asyncio.Event().wait()

    task = asyncio.create_task(one(), name="one")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (report.steps[0].ok, report.steps[0].detail) == (False, "stopped")


def test_the_report_has_all_keys_even_when_nothing_happened() -> None:
    assert Report().as_json() == {
        "direct": None,
        "bridge": None,
        "steps": [],
        "bytes": 0,
        "sha256_ok": False,
        "first_byte_s": None,
        "mb_per_s": None,
    }
