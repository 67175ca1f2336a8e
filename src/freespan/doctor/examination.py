"""Runs checks: all at once, but for those that wait for others. Each has a limit of time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence

from freespan.doctor.findings import Check, Checked, Finding, bad, skipped
from freespan.observe.out_of_memory import check_memory


async def examine(checks: Sequence[Check]) -> AsyncGenerator[Checked, None]:
    """Yield each check with its finding, in their order. A check may only be `after` ones that stand before it."""
    tasks: dict[str, asyncio.Task[Finding]] = {}
    try:
        for check in checks:
            tasks[check.id] = asyncio.create_task(_found(check, dict(tasks)), name=f"doctor-{check.id}")
        for check in checks:
            yield Checked(check, await tasks[check.id])
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def _found(check: Check, before: Mapping[str, asyncio.Task[Finding]]) -> Finding:
    for name in check.after:
        if (await asyncio.shield(before[name])).hinders:
            return skipped("not looked at, because of what is wrong above")
    try:
        async with asyncio.timeout(check.seconds):
            return await check.look()
    except TimeoutError:
        text = f"this took longer than {check.seconds:.0f} s"
        return bad("too_slow", text, "try again; if it stays so, something on the way holds packets back")
    except Exception as error:  # one check that fails by a mistake must not hide what the others find
        check_memory(error)
        text = f"this check itself has failed ({type(error).__name__})"
        return bad("mistake", text, "please report it: it is a mistake of the program")
