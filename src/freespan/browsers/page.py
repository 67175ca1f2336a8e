"""One page of a driven browser: what a test or the demo can do with a tab, whichever browser it is in."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from freespan.browsers.errors import BrowserError

_POLL_SECONDS = 0.02
_STEADY_SECONDS = 2.0  # something that never stands still is clicked where it is then


class Page(ABC):
    """One tab. A driver supplies the abstract methods; the rest is the same for all browsers."""

    async def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, which may await. Raises `BrowserError` if it throws."""
        script = f"(async () => JSON.stringify((await (async () => (\n{expression}\n))()) ?? null))()"
        return json.loads(await self._evaluate(script))

    async def wait_for(self, expression: str, seconds: float = 10) -> Any:
        """Evaluate an expression again and again until it is truthy, and return its value.

        Errors are tried again as well: a page that is still loading causes some.

        Raises:
            BrowserError: it was not truthy in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            last: Any
            try:
                if last := await self.evaluate(expression):
                    return last
            except BrowserError as error:
                last = error
            if time.monotonic() > deadline:
                raise BrowserError(f"waited {seconds:g} s for {expression}; last value: {last!r}")
            await asyncio.sleep(_POLL_SECONDS)

    async def click(self, selector: str) -> None:
        """Press and release the pointer in the middle of the element, as a person would.

        `a >>> b` stands for what `b` selects in the shadow root of what `a` selects.

        Raises:
            BrowserError: the element is missing or has no size.
        """
        await self._click(*await self._steady_middle(selector))

    async def _steady_middle(self, selector: str) -> tuple[float, float]:
        """Where to click, once the element has stood still from one look to the next.

        A page that still loads its parts moves the others, and a click would miss them.
        """
        deadline = time.monotonic() + _STEADY_SECONDS
        before, middle = None, await self._middle(selector)
        while middle != before and time.monotonic() < deadline:
            await asyncio.sleep(_POLL_SECONDS)
            before, middle = middle, await self._middle(selector)
        return middle

    async def _middle(self, selector: str) -> tuple[float, float]:
        middle = await self.evaluate(f"""(() => {{
            const [outside, inside] = {json.dumps(selector)}.split(" >>> ");
            const host = document.querySelector(outside);
            const element = inside ? host?.shadowRoot?.querySelector(inside) : host;
            element?.scrollIntoView({{block: "center", inline: "center", behavior: "instant"}});
            const box = element?.getBoundingClientRect();
            return box?.width && box?.height ? [box.x + box.width / 2, box.y + box.height / 2] : null;
        }})()""")
        if middle is None:
            raise BrowserError(f"nothing to click: {selector} is not in the page, or has no size")
        return middle[0], middle[1]

    async def screenshot(self, path: Path | str) -> None:
        """Save the visible part of the page as PNG."""
        _save(Path(path), base64.b64decode(await self._screenshot()))

    @abstractmethod
    async def navigate(self, url: str) -> None:
        """Go to a URL and wait until it has loaded."""

    @abstractmethod
    async def resize(self, width: int, height: int) -> None:
        """Set the size of the viewport, in CSS pixels."""

    @abstractmethod
    async def press(self, key: str) -> None:
        """Press and release a key: one character, or `Enter`, `Space`, `Tab`, `Escape`."""

    @abstractmethod
    async def close(self) -> None:
        """Close the tab."""

    @abstractmethod
    async def _evaluate(self, script: str) -> str: ...

    @abstractmethod
    async def _click(self, x: float, y: float) -> None: ...

    @abstractmethod
    async def _screenshot(self) -> str: ...


def _save(path: Path, content: bytes) -> None:
    path.write_bytes(content)
