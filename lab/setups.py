"""`python -m lab capture`: what a censor can read at the border, beside a call between browsers.

All set-ups connect the same reader's home with the same volunteer's home: a client with a headless bridge, with one in
Chromium and with one in Firefox, and for comparison a page in Chromium that calls a page in either browser.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import measure
from lab.browser_call import call, running_page
from lab.capture import capturing
from lab.errors import LabError
from lab.fingerprint import describe, differences, identifying
from lab.packets import CapturedPacket
from lab.world import Layout, running_volunteer, running_world

_RESULTS = Path(__file__).parent / "capture.json"
_INTERFACE = "to-reader-r"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is captured."""

    program: str
    """The volunteer's: `headless`, `chromium` or `firefox`."""
    like: str
    """The name of the call between browsers with which it is compared; its own name if it is one."""


_TO_CHROMIUM, _TO_FIREFOX = "Chromium calls Chromium", "Chromium calls Firefox"
SETUPS = {
    "client, headless bridge": Setup("headless", _TO_CHROMIUM),
    "client, Chromium bridge": Setup("chromium", _TO_CHROMIUM),
    "client, Firefox bridge": Setup("firefox", _TO_FIREFOX),
    _TO_CHROMIUM: Setup("chromium", _TO_CHROMIUM),
    _TO_FIREFOX: Setup("firefox", _TO_FIREFOX),
}


async def capture_all() -> int:
    """Capture and compare all set-ups, print and write the result; exit code 1 if something identifies freespan."""
    captured = {name: await capture(name) for name in SETUPS}
    setups = {name: describe(packets) for name, packets in captured.items()}
    leaks = {name: found for name, packets in captured.items() if (found := identifying(packets))}
    compared = {
        name: differences(setups[name], setups[each.like]) for name, each in SETUPS.items() if each.like != name
    }
    _RESULTS.write_text(json.dumps({"setups": setups, "differs": compared, "identified_by": leaks}, indent=1) + "\n")
    for name, setup in setups.items():
        print(f"{name}\n" + "".join(f"  {field:28} {_short(value)}\n" for field, value in setup.items()))
    for name, fields in compared.items():
        print(f"{name}: differs from {SETUPS[name].like} in {', '.join(fields) or 'nothing'}")
    for name, found in leaks.items():
        print(f"{name}: is identified by: {'; '.join(found)}")
    return 1 if leaks else 0


async def capture(name: str) -> list[CapturedPacket]:
    """Return the packets that cross the border in one of SETUPS, from the first one until data has been sent."""
    program = SETUPS[name].program
    layout = Layout(volunteer="port-restricted", program=program)
    async with running_world(layout.homes(), layout.censor) as here:
        border = here.network.nodes["border"].namespace
        if SETUPS[name].like == name:
            async with (
                running_page(here, "reader", "chromium") as caller,
                running_page(here, "volunteer", program) as called,
            ):
                with capturing(border, _INTERFACE) as captured:
                    await call(caller, called)
        else:
            async with running_volunteer(here, "volunteer", program), measure.running_downloader(here) as downloader:
                with capturing(border, _INTERFACE) as captured:
                    async with measure.running_client(here, "reader", "--transport", "webrtc") as (client, proxy):
                        _, why = await measure.first_page(client, downloader, proxy)
                if why != "ok":
                    raise LabError(f"the set-up failed: {why}")
    if captured.missed:
        raise LabError(f"{captured.missed} packets more than a capture can hold")
    return captured.packets


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
