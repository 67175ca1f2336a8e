"""Which volunteer the demo takes."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from freespan.browsers import BrowserError
from freespan.demo.volunteer import KINDS, JoinedBridge, first_to_join, kinds_to_try


def test_a_forced_kind_is_the_only_one() -> None:
    assert kinds_to_try("firefox", ()) == ("firefox",)


@pytest.mark.parametrize(
    ("installed", "kinds"),
    [
        ((), ("headless",)),
        (("firefox",), ("firefox", "headless")),
        (("firefox", "chromium"), ("chromium", "firefox", "headless")),
    ],
)
def test_real_browsers_come_first(installed: tuple[str, ...], kinds: tuple[str, ...]) -> None:
    assert kinds_to_try(None, installed) == kinds


async def test_a_kind_that_fails_is_reported_and_the_next_one_is_tried() -> None:
    @asynccontextmanager
    async def join(kind: str) -> AsyncIterator[JoinedBridge]:
        if kind != "headless":
            raise BrowserError("it ended\nat once")
        yield JoinedBridge(kind, "no browser")

    failures: list[str] = []
    async with AsyncExitStack() as stack:
        joined = await first_to_join(KINDS, join, stack, failures.append)
        assert joined.kind == "headless"
        assert failures == [
            "chromium could not join (it ended at once)",
            "firefox could not join (it ended at once)",
        ]
        with pytest.raises(BrowserError):
            await first_to_join(("chromium",), join, stack, failures.append)
