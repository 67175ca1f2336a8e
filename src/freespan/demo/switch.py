"""Flips the switch of a page as a visitor does: one click, and the yes to the three sentences where they come."""

from __future__ import annotations

import json

from freespan.demo.browser import Page

SWITCH = "freespan-switch"
_SECONDS = 10.0
_YES = '[data-action="turn-on"]:not(:disabled)'


async def turn_on(page: Page, selector: str = SWITCH, seconds: float = _SECONDS, *, remember: bool = False) -> None:
    """Have a switch that is off start; it says itself how that goes.

    Args:
        page: where it is.
        selector: of the element.
        seconds: limit of each step.
        remember: tick the box that says so, where it is asked.

    Raises:
        BrowserError: there is no switch that is off, or it did not ask and did not start in time.
    """
    element = f"document.querySelector({json.dumps(selector)})"
    await be_seen(page, selector, seconds)
    await page.wait_for(f'{element}.getAttribute("state") === "off"', seconds)
    yes = f"{element}.shadowRoot.querySelector({json.dumps(_YES)})?.checkVisibility()"
    # A card and a banner ask at once; then it is on after the first click, wherever that is.
    if not await page.evaluate(f"{element}.shadowRoot.querySelector('.consent').checkVisibility()"):
        await page.click(f"{selector} >>> [role=switch]")
    is_on = f'{element}.getAttribute("state") !== "off"'
    if await page.wait_for(f'({is_on} && "on") || ({yes} && "asks")', seconds) == "asks":
        if remember:
            await page.click(f"{selector} >>> input[type=checkbox]")
        await page.click(f"{selector} >>> {_YES}")


async def be_seen(page: Page, selector: str = SWITCH, seconds: float = _SECONDS) -> None:
    """Have a switch show itself, which it does with its words. Raises `BrowserError` when it does not in time."""
    inside = f'document.querySelector({json.dumps(selector)})?.shadowRoot?.querySelector("[role=switch]")'
    await page.wait_for(f"{inside}?.checkVisibility({{visibilityProperty: true}})", seconds)


async def turn_off(page: Page, selector: str = SWITCH) -> None:
    """One click."""
    await page.click(f"{selector} >>> [role=switch]")
