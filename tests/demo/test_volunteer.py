from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from freespan.browsers import BrowserError
from freespan.demo import volunteer as module
from freespan.demo.volunteer import Bridge, first_volunteer, kinds_to_try


def test_a_forced_kind_is_the_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.browsers, "find_browsers", dict)
    assert kinds_to_try("firefox") == ("firefox",)


@pytest.mark.parametrize(
    ("installed", "kinds"),
    [
        ((), ("headless",)),
        (("firefox",), ("firefox", "headless")),
        (("firefox", "chromium"), ("chromium", "firefox", "headless")),
    ],
)
def test_real_browsers_come_first(installed, kinds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.browsers, "find_browsers", lambda: {name: Path(name) for name in installed})
    assert kinds_to_try(None) == kinds


async def test_falls_back_to_the_next_kind_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    @asynccontextmanager
    async def launch(kind: str, **_size: int) -> AsyncIterator[None]:
        raise BrowserError("it ended\nat once")
        yield

    @asynccontextmanager
    async def headless(_host: str) -> AsyncIterator[Bridge]:
        yield Bridge("headless", "no browser")

    monkeypatch.setattr(module.browsers, "launch", launch)
    monkeypatch.setattr(module, "_headless", headless)
    troubles: list[str] = []
    async with AsyncExitStack() as stack:
        joined = await first_volunteer(
            module.KINDS,
            stack,
            host="http://127.0.0.1:1",
            news="http://127.0.0.1:1/",
            on_trouble=troubles.append,
        )
        assert joined.kind == "headless"
        assert troubles == [
            "chromium could not join (it ended at once)",
            "firefox could not join (it ended at once)",
        ]
        with pytest.raises(BrowserError):
            await first_volunteer(
                ("chromium",),
                stack,
                host="http://127.0.0.1:1",
                news="http://127.0.0.1:1/",
                on_trouble=troubles.append,
            )
