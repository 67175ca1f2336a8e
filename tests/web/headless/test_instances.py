"""The headless API in one page: what pages that draw their own switch build on."""

from __future__ import annotations

import json
from typing import Any

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost, FakeSite, connect, soon
from tests.web.headless.pages import start, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_it_starts_helps_and_stops(page: Page, host: FakeHost) -> None:
    seen = await status(page, state="off")
    assert seen == {
        "state": "off", "reason": "", "now": 0, "today": 0, "ever": 0, "megabytes": 0, "elsewhere": False,
    }  # fmt: skip
    bridge = await start(page, host)
    await page.evaluate("window.freespan.start()")
    assert await page.evaluate("[window.freespan.on, Object.isFrozen(window.freespan.status)]") == [True, True]
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await status(page, state="helping", now=1, today=1, ever=1)
    assert await page.evaluate("window.helped") == 1
    await page.evaluate("window.freespan.stop()")
    await soon(bridge.gone.wait())
    assert await page.evaluate("window.freespan.on") is False
    await status(page, state="off", now=0, today=1, ever=1)
    await page.wait_for("!document.querySelector('iframe')")
    states = await page.evaluate("window.statuses.map((status) => status.state)")
    assert [state for i, state in enumerate(states) if states[i - 1 : i] != [state]] == [
        "connecting", "waiting", "helping", "off",
    ]  # fmt: skip
    assert host.bridges_seen == 1


async def test_instances_of_a_page_share_one_and_the_strictest_limits(page: Page, host: FakeHost) -> None:
    await page.wait_for("!!window.freespan")
    await page.evaluate("(window.other = new HeadlessSwitch({capacity: 2}), 1)")
    await page.evaluate("window.other.start()")
    bridge = await host.bridge(capacity=2)
    await status(page, state="waiting")
    assert await page.evaluate("window.other.status === window.freespan.status")
    await page.evaluate("window.other.close()")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=4)  # the one that is left goes on, by its own limits
    await page.evaluate("window.freespan.close()")
    await page.wait_for("!document.querySelector('iframe')")
    await page.evaluate("window.freespan.start()")  # for good
    assert not await page.evaluate("document.querySelector('iframe')?.src.length")
    assert host.bridges_seen == 2


async def test_capacity_changes_while_sessions_go_on(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    session = await connect(host, bridge)
    await page.evaluate("window.freespan.set({capacity: 1})")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=1)
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"


async def test_the_choice_is_remembered_if_the_page_wants_that(page: Page, host: FakeHost, site: FakeSite) -> None:
    await start(page, host)
    await page.navigate(site.url + "/?again")
    await host.bridge()
    await status(page, state="waiting")
    await page.evaluate("window.freespan.stop()")
    await page.navigate(site.url + "/?once")
    await start(page, host, remember=False)
    await page.navigate(site.url + "/?gone")
    await status(page, state="off")


@pytest.mark.parametrize(
    ("options", "name"),
    [({"capacity": 0}, "capacity"), ({"container": "body"}, "container")],
)
async def test_a_bad_option_is_named(page: Page, host: FakeHost, options: dict[str, Any], name: str) -> None:
    """All of them are in tests/js/options.test.js."""
    await page.wait_for("!!window.freespan")
    text = await page.evaluate(f"""(() => {{
        try {{ new HeadlessSwitch({json.dumps(options)}); return "fine"; }}
        catch (error) {{ return `${{error.name}} ${{error.message}}`; }}
    }})()""")
    assert text.startswith(f"TypeError {name}: ")
