"""Limits pause the bridge, or slow it down."""

from __future__ import annotations

import json

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost, FakeSite, connect, soon
from tests.web.headless.pages import QUICK, call, start, status

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_limit_of_a_day_pauses_it_until_it_is_raised(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host, megabytesADay=3)
    await call(page, host, "volunteer/memory.js", f"module.remember(0, 3, new Date(), '{host.url}/')")
    session = await connect(host, bridge)
    await status(page, state="paused", reason="limit", megabytes=3)
    await soon(bridge.gone.wait())
    await soon(session.link.gone.wait())
    await page.evaluate("window.freespan.set({megabytesADay: 4})")
    await host.bridge()
    await status(page, state="waiting", reason="")


async def test_short_visits_count(page: Page, host: FakeHost, site: FakeSite) -> None:
    """Though it is far less than a MB, and the visit ends before the next tick."""
    for visit in range(2):
        await page.navigate(f"{site.url}/?{visit}")
        session = await connect(host, await start(page, host, remember=False))
        session.client.channel.send(b"x" * 16_000)
        assert await session.link.next() == b"x" * 16_000
        await page.evaluate("window.freespan.stop()")
        await status(page, state="off", ever=visit + 1, today=visit + 1)
        session.client.close()
    stored = json.loads(await page.evaluate(f"localStorage['freespan-switch {host.url}/']"))
    assert (stored["megabytes"], stored["month"]) == (0.2, 0.2)
    assert await page.evaluate("window.freespan.status.megabytes") == 0


async def test_hours_that_are_over_pause_it(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    await page.evaluate("""(() => {
        const hour = (plus) => String((new Date().getHours() + plus) % 24).padStart(2, "0") + ":00";
        window.freespan.set({hours: `${hour(2)}-${hour(3)}`});
    })()""")
    await soon(bridge.gone.wait())
    await status(page, state="paused", reason="hours")
    assert await page.evaluate("window.freespan.on")
    await page.evaluate("window.freespan.set({hours: ''})")
    await host.bridge()


async def test_battery_metered_connections_and_hidden_tabs_pause_it(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = f"""{QUICK}<script>
        const device = {{battery: Object.assign(new EventTarget(), {{charging: true}}), connection: new EventTarget()}};
        Object.defineProperty(navigator, "getBattery", {{value: async () => device.battery}});
        Object.defineProperty(navigator, "connection", {{value: device.connection}});
        const change = (target, name, values) => Object.assign(target, values).dispatchEvent(new Event(name));
        let shown = "visible";
        Object.defineProperty(document, "visibilityState", {{get: () => shown}});
        const show = (value) => {{ shown = value; document.dispatchEvent(new Event("visibilitychange")); }};
        const now = Date.now;
        let skipped = 0;
        Date.now = () => now() + skipped;
    </script>{site.page}"""
    await page.navigate(site.url + "/?device")
    await start(page, host, pauseOnBattery=True, pauseOnMetered=True, runWhenHidden=False)
    for pause, resume, reason in (
        ("change(device.battery, 'chargingchange', {charging: false})", "device.battery.charging = true", "battery"),
        ("change(device.connection, 'change', {saveData: true})", "device.connection.saveData = false", "metered"),
        ("change(device.connection, 'change', {type: 'cellular'})", "device.connection.type = 'wifi'", "metered"),
        ("show('hidden'), skipped += 61000", "show('visible')", "hidden"),
    ):
        await page.evaluate(f"({pause}, 1)")
        await status(page, state="paused", reason=reason)
        await page.evaluate(f"({resume}, window.freespan.set({{}}), 1)")
        await host.bridge()
        await status(page, state="waiting", reason="")


async def test_the_rate_limit_delays_and_drops_nothing(page: Page, host: FakeHost) -> None:
    session = await connect(host, await start(page, host, kilobits=8))
    sent = b"".join(bytes([number]) * 8_000 for number in range(40))
    for number in range(40):
        session.client.channel.send(sent[number * 8_000 : (number + 1) * 8_000])
    received = b"".join([await session.link.next() for _ in range(8)])
    with pytest.raises(TimeoutError):  # 64 kB at once, then 1 kB/s
        await soon(session.link.received.get(), 0.3)
    assert not session.client.closed.is_set()
    await page.evaluate("window.freespan.set({kilobits: 0})")
    received += b"".join([await session.link.next() for _ in range(32)])
    assert received == sent
