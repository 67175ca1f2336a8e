"""Turns the `<freespan-switch>` of a page on and off as a visitor does: a click, and consent where it is asked for."""

from __future__ import annotations

import json

from freespan.browsers.page import Page

SWITCH = "freespan-switch"
_SECONDS = 10.0
_CONSENT = '[data-action="turn-on"]:not(:disabled)'


async def turn_on(page: Page, selector: str = SWITCH, seconds: float = _SECONDS, *, remember: bool = False) -> None:
    """Turn on a switch that is off. Does not wait for what comes of it: the `state` attribute shows that.

    Args:
        page: the page with the switch.
        selector: CSS selector of the element.
        seconds: limit of each step.
        remember: whether to tick the box "remember", if consent is asked for.

    Raises:
        BrowserError: there is no switch that is off, or it neither asked for consent nor started in time.
    """
    element = f"document.querySelector({json.dumps(selector)})"
    await wait_until_visible(page, selector, seconds)
    await page.wait_for(f'{element}.getAttribute("state") === "off"', seconds)
    consent = f"{element}.shadowRoot.querySelector({json.dumps(_CONSENT)})?.checkVisibility()"
    # The forms "card" and "banner" show the question at once, without a click on the switch.
    if not await page.evaluate(f"{element}.shadowRoot.querySelector('.consent').checkVisibility()"):
        await page.click(f"{selector} >>> [role=switch]")
    is_on = f'{element}.getAttribute("state") !== "off"'
    if await page.wait_for(f'({is_on} && "on") || ({consent} && "asks")', seconds) == "asks":
        if remember:
            await page.click(f"{selector} >>> input[type=checkbox]")
        await page.click(f"{selector} >>> {_CONSENT}")


async def wait_until_visible(page: Page, selector: str = SWITCH, seconds: float = _SECONDS) -> None:
    """Wait until a switch is visible, which it is once its texts are loaded.

    Raises:
        BrowserError: it was not visible in time.
    """
    inside = f'document.querySelector({json.dumps(selector)})?.shadowRoot?.querySelector("[role=switch]")'
    await page.wait_for(f"{inside}?.checkVisibility({{visibilityProperty: true}})", seconds)


async def turn_off(page: Page, selector: str = SWITCH) -> None:
    """Turn off a switch that is on: one click."""
    await page.click(f"{selector} >>> [role=switch]")
