"""Lists of checks: their order, what hinders others, and limits of time."""

from __future__ import annotations

import asyncio

import pytest

from freespan.doctor.examination import examine
from freespan.doctor.findings import Check, Checked, Finding, bad, good, is_well, note, skipped, summary


def check(name: str, finding: Finding | Exception | None, *after: str, seconds: float = 5.0) -> Check:
    async def look() -> Finding:
        if finding is None:
            await asyncio.Event().wait()
        if isinstance(finding, Exception):
            raise finding
        assert finding is not None
        return finding

    return Check(id=name, title=name, look=look, after=after, seconds=seconds)


async def report_of(*checks: Check) -> list[Checked]:
    return [each async for each in examine(checks)]


BAD = bad("x", "it is broken", "repair it")


async def test_what_is_wrong_hinders_what_comes_after_it_and_nothing_else() -> None:
    report = await report_of(
        check("a", BAD), check("b", good("fine"), "a"), check("c", good("fine"), "b"), check("d", good("fine"))
    )
    assert [(each.check.id, each.finding.state) for each in report] == [
        ("a", "bad"),
        ("b", "skipped"),
        ("c", "skipped"),
        ("d", "good"),
    ]


@pytest.mark.parametrize("finding", [note("n", "so so"), bad("soon", "soon", "renew", hinders=False)])
async def test_what_still_works_hinders_nothing(finding: Finding) -> None:
    report = await report_of(check("a", finding), check("b", good("fine"), "a"))
    assert report[1].finding.state == "good"


async def test_a_check_that_hangs_is_bad() -> None:
    report = await report_of(check("a", None, seconds=0.01), check("b", good("fine")))
    assert [(each.finding.state, each.finding.code) for each in report] == [("bad", "too_slow"), ("good", "")]


async def test_a_mistake_in_one_check_is_named_and_hides_no_other() -> None:
    report = await report_of(check("a", KeyError("secret.example")), check("b", good("fine")))
    assert report[0].finding.code == "mistake"
    assert "secret" not in report[0].finding.text
    assert report[1].finding.state == "good"


async def test_nothing_is_left_when_nobody_reads_on() -> None:
    reading = examine([check("a", good("fine")), check("b", None)])
    async for _ in reading:
        break
    await reading.aclose()
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("doctor-")] == []


def test_summaries() -> None:
    def said(*findings: Finding) -> tuple[bool, str]:
        report = [Checked(check("a", each), each) for each in findings]
        return is_well(report), summary(report)

    assert said(good("a"), good("b")) == (True, "All is well.")
    assert said(good("a"), skipped("b")) == (True, "All is well.")
    assert said(note("n", "a"), good("b")) == (True, "Nothing is wrong; one thing could be better.")
    assert said(note("n", "a"), note("n", "b")) == (True, "Nothing is wrong; 2 things could be better.")
    assert said(BAD, note("n", "b")) == (False, "One thing is wrong.")
    assert said(BAD, BAD) == (False, "2 things are wrong.")
