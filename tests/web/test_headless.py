"""The headless API: what a page that draws its own switch builds on."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from freespan.browsers import Browser, Page
from tests.web.fakes import Bridge, FakeHost, FakeSite, connect, served, soon

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def site(host: FakeHost) -> AsyncIterator[FakeSite]:
    """A page that makes a bridge of the options after `#`, and keeps what it says."""
    site = FakeSite()
    site.page = f"""<script type="module">
        import {{ Bridge }} from "{host.url}/bridge.js";
        const options = JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{{}}");
        const bridge = window.bridge = new Bridge(options);
        window.Bridge = Bridge;
        window.views = [];
        window.helped = 0;
        bridge.addEventListener("change", () => window.views.push(bridge.view));
        bridge.addEventListener("helped", () => window.helped++);
    </script>"""
    async with served(site):
        yield site


async def view(page: Page, seconds: float = 10, **wanted: Any) -> dict[str, Any]:
    """Wait until the view has these values."""
    conditions = [f"window.bridge?.view.{name} === {json.dumps(value)}" for name, value in wanted.items()]
    found: dict[str, Any] = await page.wait_for(f"{' && '.join(conditions)} && window.bridge.view", seconds)
    return found


async def start(page: Page, host: FakeHost, **options: Any) -> Bridge:
    """Turn the bridge of a page on, and return the bridge that comes to the broker."""
    await page.wait_for("!!window.bridge")
    await page.evaluate(f"window.bridge.set({json.dumps(options)})")
    await page.evaluate("window.bridge.start()")
    bridge = await host.bridge(options.get("capacity", 4))
    await view(page, state="waiting", elsewhere=False)
    return bridge


async def call(page: Page, host: FakeHost, module: str, script: str) -> Any:
    """What a script makes of a module of the host."""
    return await page.evaluate(f"""await (async () => {{
        const module = await import("{host.url}/{module}");
        {script}
    }})()""")


# --- one instance ---


async def test_it_starts_helps_and_stops(page: Page, host: FakeHost) -> None:
    seen = await view(page, state="off")
    assert seen == {
        "state": "off", "reason": "", "now": 0, "today": 0, "ever": 0, "megabytes": 0, "elsewhere": False,
    }  # fmt: skip
    bridge = await start(page, host)
    await page.evaluate("window.bridge.start()")
    assert await page.evaluate("[window.bridge.on, Object.isFrozen(window.bridge.view)]") == [True, True]
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await view(page, state="helping", now=1, today=1, ever=1)
    assert await page.evaluate("window.helped") == 1
    await page.evaluate("window.bridge.stop()")
    await soon(bridge.gone.wait())
    assert await page.evaluate("window.bridge.on") is False
    await view(page, state="off", now=0, today=1, ever=1)
    await page.wait_for("!document.querySelector('iframe')")
    states = await page.evaluate("window.views.map((view) => view.state)")
    assert [state for i, state in enumerate(states) if states[i - 1 : i] != [state]] == [
        "connecting", "waiting", "helping", "off",
    ]  # fmt: skip
    assert host.bridges_seen == 1


async def test_instances_of_a_page_share_one_and_the_strictest_limits(page: Page, host: FakeHost) -> None:
    await page.wait_for("!!window.bridge")
    await page.evaluate("(window.other = new Bridge({capacity: 2}), 1)")
    await page.evaluate("window.other.start()")
    bridge = await host.bridge(capacity=2)
    await view(page, state="waiting")
    assert await page.evaluate("window.other.view === window.bridge.view")
    await page.evaluate("window.other.close()")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=4)  # the one that is left goes on, by its own limits
    await page.evaluate("window.bridge.close()")
    await page.wait_for("!document.querySelector('iframe')")
    await page.evaluate("window.bridge.start()")  # for good
    assert not await page.evaluate("document.querySelector('iframe')?.src.length")
    assert host.bridges_seen == 2


async def test_capacity_changes_while_sessions_go_on(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    session = await connect(host, bridge)
    await page.evaluate("window.bridge.set({capacity: 1})")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=1)
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"


async def test_the_choice_is_remembered_if_the_page_wants_that(page: Page, host: FakeHost, site: FakeSite) -> None:
    await start(page, host)
    await page.navigate(site.url + "/?again")
    await host.bridge()
    await view(page, state="waiting")
    await page.evaluate("window.bridge.stop()")
    await page.navigate(site.url + "/?once")
    await start(page, host, remember=False)
    await page.navigate(site.url + "/?gone")
    await view(page, state="off")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"capacity": 0}, "capacity"),
        ({"capacity": 65}, "capacity"),
        ({"capacity": 1.5}, "capacity"),
        ({"capacity": "4"}, "capacity"),
        ({"kilobits": -1}, "kilobits"),
        ({"megabytesADay": "many"}, "megabytesADay"),
        ({"hours": "22-6"}, "hours"),
        ({"hours": "25:00-06:00"}, "hours"),
        ({"hours": "08:00-08:00"}, "hours"),
        ({"remember": "yes"}, "remember"),
        ({"host": "ftp://host.example"}, "host"),
        ({"host": "nowhere"}, "host"),
        ({"place": "body"}, "place"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_a_bad_option_is_named(page: Page, host: FakeHost, options: dict[str, Any], name: str) -> None:
    await page.wait_for("!!window.bridge")
    text = await page.evaluate(f"""(() => {{
        try {{ new Bridge({json.dumps(options)}); return "fine"; }}
        catch (error) {{ return `${{error.name}} ${{error.message}}`; }}
    }})()""")
    assert text.startswith(f"TypeError {name}: ")


# --- several tabs ---


async def test_two_tabs_elect_one_and_show_the_same(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite
) -> None:
    bridge = await start(page, host)
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await view(page, state="helping", now=1, ever=1)
    other = await browser.open(site.url)
    assert await view(other, state="helping", now=1, elsewhere=True, today=1, ever=1)
    second = await connect(host, bridge, "two", serving=2)
    second.client.channel.send(b"second")
    await view(other, now=2, ever=2)
    await view(page, now=2, ever=2)
    assert await other.evaluate("window.helped") == 1
    assert host.bridges_seen == 1
    stored = json.loads(await other.evaluate(f"localStorage['freespan-switch {host.url}/']"))
    assert (stored["helped"], stored["today"]) == (2, 2)
    # Off in one is off in all, and so is on.
    await other.evaluate("window.bridge.stop()")
    await soon(bridge.gone.wait())
    await view(page, state="off", ever=2)
    await other.evaluate("window.bridge.start()")
    await host.bridge()
    for tab in (page, other):
        await view(tab, state="waiting", ever=2)
    elsewhere = [await tab.evaluate("window.bridge.view.elsewhere") for tab in (page, other)]
    assert sorted(elsewhere) == [False, True]
    await other.close()


async def test_closing_the_tab_that_works_hands_over(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite
) -> None:
    await page.navigate("about:blank")
    worker = await browser.open(site.url)
    first = await start(worker, host)
    await page.navigate(site.url)
    await view(page, state="waiting", elsewhere=True)
    await worker.close()
    await soon(first.gone.wait())
    await host.bridge()
    await view(page, state="waiting", elsewhere=False)
    assert host.bridges_seen == 2


@pytest.mark.parametrize(("leave", "come"), [("freeze", "resume"), ("pagehide", "pageshow")])
async def test_a_tab_that_is_frozen_or_left_hands_over(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite, leave: str, come: str
) -> None:
    first = await start(page, host)
    other = await browser.open(site.url)
    await view(other, state="waiting", elsewhere=True)
    target = "document" if leave == "freeze" else "window"
    await page.evaluate(f"{target}.dispatchEvent(new PageTransitionEvent('{leave}', {{persisted: true}}))")
    await soon(first.gone.wait())
    await host.bridge()
    await view(other, state="waiting", elsewhere=False)
    await page.evaluate(f"{target}.dispatchEvent(new PageTransitionEvent('{come}', {{persisted: true}}))")
    await view(page, state="waiting", elsewhere=True)
    await other.close()


QUICK = "<script>const later = setTimeout; window.setTimeout = (call, ms) => later(call, ms / 10)</script>"
"""Timers of the page that do not let tests wait; the frame still has a second to load, also on a busy machine."""


async def test_a_tab_that_does_not_answer_loses_its_place(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?quick")
    await page.wait_for("!!window.bridge")
    await page.evaluate(f"""(() => {{
        const name = "freespan-switch {host.url}/";
        window.lost = navigator.locks.request(name, () => new Promise(() => {{}})).catch((e) => e.name);
    }})()""")
    await page.evaluate("window.bridge.start()")
    await host.bridge()
    await view(page, state="waiting", elsewhere=False)
    assert await page.evaluate("window.lost") == "AbortError"


async def test_without_storage_and_locks_each_tab_works_for_itself(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {"Content-Security-Policy": "sandbox allow-scripts"}
    await page.navigate(site.url + "/?sandboxed")
    bridge = await start(page, host)
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    await view(page, state="helping", today=1, ever=1)
    await page.evaluate("window.bridge.stop()")
    await view(page, state="off", ever=1)


async def test_old_memories_are_read_and_days_end(page: Page, host: FakeHost) -> None:
    days = await call(page, host, "volunteer/memory.js", """
        localStorage["freespan-switch "] = JSON.stringify({on: true, helped: 7});
        const days = [module.recall(new Date(2030, 0, 31, 23, 59))];
        module.remember(2, 30, new Date(2030, 0, 30, 12));
        for (const day of [30, 31, 32]) {
            module.remember(1, 5, new Date(2030, 0, day, 0));
            days.push(module.recall(new Date(2030, 0, day, 23, 59, 59)));
        }
        localStorage["freespan-switch "] = '{"helped": "many", "day": 5}';
        days.push(module.recall(new Date(2030, 0, 1)));
        return days.map(({on, helped, day, today, megabytes, month}) => [on, helped, day, today, megabytes, month]);
    """)  # fmt: skip
    assert days == [
        [True, 7, "2030-01-31", 0, 0, 0],
        [True, 10, "2030-01-30", 3, 35, 35],
        [True, 11, "2030-01-31", 1, 5, 40],
        [True, 12, "2030-02-01", 1, 5, 5],
        [False, 0, "2030-01-01", 0, 0, 0],
    ]


async def test_tenths_add_up_to_whole_megabytes(page: Page, host: FakeHost) -> None:
    counts = await call(page, host, "volunteer/memory.js", """
        const date = new Date(2030, 0, 1);
        return [...Array(30)].map(() => {
            module.remember(0, 0.1, date);
            return module.recall(date).megabytes;
        });
    """)  # fmt: skip
    assert counts == [number // 10 for number in range(1, 31)]


async def test_storage_that_can_be_read_and_not_written_loses_no_count(page: Page, host: FakeHost) -> None:
    counts = await call(page, host, "volunteer/memory.js", """
        const date = new Date(2030, 0, 1);
        const {setItem} = Storage.prototype;
        const add = () => (module.remember(1, 5, date), module.recall(date));
        const all = [add()];
        Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };
        all.push(add(), add());
        Storage.prototype.setItem = setItem;
        all.push(add());
        all.push(JSON.parse(localStorage["freespan-switch "]));
        localStorage.clear();
        all.push(module.recall(date));
        return all.map(({helped, megabytes}) => [helped, megabytes]);
    """)  # fmt: skip
    assert counts == [[1, 5], [2, 10], [3, 15], [4, 20], [4, 20], [0, 0]]


# --- several hosts ---


async def test_a_choice_is_for_one_host(browser: Browser, page: Page, host: FakeHost, site: FakeSite) -> None:
    """Not for another one that the publisher names later, nor for one that another path of the site names."""
    other = FakeHost()
    async with served(other):
        bridge = await start(page, host)
        options = quote(json.dumps({"host": other.url}))
        tab = await browser.open(f"{site.url}/?other#{options}")
        await view(tab, state="off", elsewhere=False)
        await start(tab, other)
        await view(page, state="waiting", elsewhere=False)
        await tab.evaluate("window.bridge.stop()")
        await view(tab, state="off")
        assert await page.evaluate("window.bridge.on")
        assert not bridge.gone.is_set()
        await tab.close()
        await page.navigate(f"{site.url}/?changed#{options}")
        await soon(bridge.gone.wait())
        await view(page, state="off")
        assert other.bridges_seen == 1
        await page.navigate(f"{site.url}/?back")
        await host.bridge()
        # In one page the first wins; when it goes, the choice for it goes with it.
        await page.evaluate(f"(window.other = new Bridge({{host: '{other.url}'}}), 1)")
        await page.evaluate("window.bridge.close()")
        assert await page.evaluate("[window.other.on, window.other.view.state]") == [False, "off"]
        await page.wait_for("!document.querySelector('iframe')")
        assert other.bridges_seen == 1


# --- limits ---


async def test_a_day_that_is_full_pauses_it_and_a_higher_limit_goes_on(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host, megabytesADay=3)
    await call(page, host, "volunteer/memory.js", f"module.remember(0, 3, new Date(), '{host.url}/')")
    session = await connect(host, bridge)
    await view(page, state="paused", reason="limit", megabytes=3)
    await soon(bridge.gone.wait())
    await soon(session.link.gone.wait())
    await page.evaluate("window.bridge.set({megabytesADay: 4})")
    await host.bridge()
    await view(page, state="waiting", reason="")


async def test_what_a_short_visit_passes_on_counts(page: Page, host: FakeHost, site: FakeSite) -> None:
    """Though it is far less than a MB, and the visit ends before the next tick."""
    for visit in range(2):
        await page.navigate(f"{site.url}/?{visit}")
        session = await connect(host, await start(page, host, remember=False))
        session.client.channel.send(b"x" * 16_000)
        assert await session.link.next() == b"x" * 16_000
        await page.evaluate("window.bridge.stop()")
        await view(page, state="off", ever=visit + 1, today=visit + 1)
        session.client.close()
    stored = json.loads(await page.evaluate(f"localStorage['freespan-switch {host.url}/']"))
    assert (stored["megabytes"], stored["month"]) == (0.2, 0.2)
    assert await page.evaluate("window.bridge.view.megabytes") == 0


async def test_hours_that_are_over_pause_it(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    await page.evaluate("""(() => {
        const hour = (plus) => String((new Date().getHours() + plus) % 24).padStart(2, "0") + ":00";
        window.bridge.set({hours: `${hour(2)}-${hour(3)}`});
    })()""")
    await soon(bridge.gone.wait())
    await view(page, state="paused", reason="hours")
    assert await page.evaluate("window.bridge.on")
    await page.evaluate("window.bridge.set({hours: ''})")
    await host.bridge()


async def test_battery_meter_and_hidden_tabs_pause_it_if_the_page_wants_that(
    page: Page, host: FakeHost, site: FakeSite
) -> None:
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
        await view(page, state="paused", reason=reason)
        await page.evaluate(f"({resume}, window.bridge.set({{}}), 1)")
        await host.bridge()
        await view(page, state="waiting", reason="")


HOURS = [
    ("", "12:00", True),
    ("08:00-17:30", "07:59", False),
    ("08:00-17:30", "08:00", True),
    ("08:00-17:30", "17:29", True),
    ("08:00-17:30", "17:30", False),
    ("22:00-06:00", "21:59", False),
    ("22:00-06:00", "22:00", True),
    ("22:00-06:00", "00:00", True),
    ("22:00-06:00", "05:59", True),
    ("22:00-06:00", "06:00", False),
    ("00:00-24:00", "23:59", True),
    ("23:00-24:00", "00:00", False),
]


async def test_hours_of_the_wall_clock(page: Page, host: FakeHost) -> None:
    verdicts = await call(page, host, "volunteer/rules.js", f"""
        const {{ DEFAULTS, strictest }} = await import("{host.url}/volunteer/options.js");
        return {json.dumps(HOURS)}.map(([hours, time]) => {{
            const [hour, minute] = time.split(":").map(Number);
            const situation = {{ date: new Date(2030, 5, 15, hour, minute, 30), hiddenSeconds: 0,
                megabytesToday: 0, megabytesThisMonth: 0, onBattery: true, metered: true }};
            const {{ reason, seconds }} = module.judge(strictest([{{...DEFAULTS, hours}}, DEFAULTS]), situation);
            return [reason === "", seconds];
        }});
    """)  # fmt: skip
    assert [runs for runs, _ in verdicts] == [runs for *_, runs in HOURS]
    assert verdicts[1][1] == verdicts[3][1] == 30  # at the next edge
    assert verdicts[0][1] == 60


RULES: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"megabytesToday": 1e6, "megabytesThisMonth": 1e6, "hiddenSeconds": 1e6}, ""),
    ({"megabytesADay": 10}, {"megabytesToday": 9}, ""),
    ({"megabytesADay": 10}, {"megabytesToday": 10}, "limit"),
    ({"megabytesAMonth": 10}, {"megabytesThisMonth": 10}, "limit"),
    ({"pauseOnMetered": True}, {}, ""),
    ({"pauseOnMetered": True}, {"metered": True}, "metered"),
    ({"pauseOnBattery": True}, {"onBattery": True}, "battery"),
    ({"pauseOnBattery": False}, {"onBattery": True, "metered": True}, ""),
    ({"runWhenHidden": False}, {"hiddenSeconds": 59}, ""),
    ({"runWhenHidden": False}, {"hiddenSeconds": 60}, "hidden"),
    ({"runWhenHidden": False, "hours": "01:00-02:00"}, {"hiddenSeconds": 60}, "hours"),
]


async def test_the_other_rules(page: Page, host: FakeHost) -> None:
    reasons = await call(page, host, "volunteer/rules.js", f"""
        const {{ DEFAULTS, strictest }} = await import("{host.url}/volunteer/options.js");
        const date = new Date(2030, 5, 15, 12);
        const normal = {{ date, hiddenSeconds: 0, megabytesToday: 0, megabytesThisMonth: 0 }};
        return {json.dumps(RULES)}.map(([limits, situation]) =>
            module.judge(strictest([{{...DEFAULTS, ...limits}}]), {{...normal, ...situation}}).reason);
    """)  # fmt: skip
    assert reasons == [reason for *_, reason in RULES]


async def test_a_rate_is_kept_and_changes_at_once(page: Page, host: FakeHost) -> None:
    passed = await call(page, host, "frame/rate.js", """
        const rate = new module.Rate();
        let now = 5;
        // Two pipes that always have something: what each has passed after so many seconds.
        const run = (seconds) => {
            const passed = [0, 0], tickets = [];
            for (const end = now + seconds; now < end; now += 0.01)
                for (const pipe of [0, 1])
                    for (let free = 100; free && rate.wait(tickets[pipe] ??= rate.book(1000), now) === 0; free--) {
                        passed[pipe] += 1000;
                        tickets[pipe] = undefined;
                    }
            return passed;
        };
        const unlimited = run(0.005);
        rate.limit(800, now);
        const first = run(10), second = run(10);
        rate.limit(80, now);
        const slow = run(10);
        now += 1000;
        const rested = run(10);
        rate.limit(0, now);
        return [unlimited, first, second, slow, rested, rate.wait(rate.book(1e9), now)];
    """)  # fmt: skip
    unlimited, first, second, slow, rested, last = passed
    assert unlimited == [100_000, 100_000]
    assert 1_000_000 <= sum(first) <= 1_070_000  # 100 kB/s, and what may pass at once
    assert 990_000 <= sum(second) <= 1_010_000
    assert abs(second[0] - second[1]) <= 2_000
    assert 98_000 <= sum(slow) <= 103_000
    assert 160_000 <= sum(rested) <= 168_000
    assert last == 0


async def test_a_rate_holds_back_and_drops_nothing(page: Page, host: FakeHost) -> None:
    session = await connect(host, await start(page, host, kilobits=8))
    sent = b"".join(bytes([number]) * 8_000 for number in range(40))
    for number in range(40):
        session.client.channel.send(sent[number * 8_000 : (number + 1) * 8_000])
    received = b"".join([await session.link.next() for _ in range(8)])
    with pytest.raises(TimeoutError):  # 64 kB at once, then 1 kB/s
        await soon(session.link.received.get(), 0.3)
    assert not session.client.closed.is_set()
    await page.evaluate("window.bridge.set({kilobits: 0})")
    received += b"".join([await session.link.next() for _ in range(32)])
    assert received == sent


# --- a page or a browser that keeps it away ---


async def test_a_policy_that_forbids_the_frame_is_named(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {"Content-Security-Policy": f"frame-src 'none'; script-src 'unsafe-inline' {host.url}"}
    await page.navigate(site.url + "/?strict")
    await page.wait_for("!!window.bridge")
    await page.evaluate("window.bridge.start()")
    await view(page, state="blocked", seconds=5)
    assert host.bridges_seen == 0
    await page.evaluate("window.bridge.stop()")
    await view(page, state="off")


@pytest.mark.parametrize(("answers", "state"), [(True, "blocked"), (False, "offline")])
async def test_a_frame_that_stays_silent(
    page: Page, host: FakeHost, site: FakeSite, *, answers: bool, state: str
) -> None:
    """As an extension keeps frames away; or the host is not there."""
    site.page = "<script>HTMLBodyElement.prototype.appendChild = (node) => node</script>" + site.page
    if not answers:
        site.page = "<script>window.fetch = () => Promise.reject(new TypeError())</script>" + site.page
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?silent")
    await page.wait_for("!!window.bridge")
    await page.evaluate("window.bridge.start()")
    await view(page, state=state, seconds=5)


async def test_a_page_that_is_built_anew_gets_another_frame(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = QUICK + site.page
    await page.navigate(site.url + "/?quick")
    first = await start(page, host)
    await page.evaluate("document.querySelector('iframe').remove()")
    await soon(first.gone.wait())
    await host.bridge()
    await view(page, state="waiting")


async def test_the_broker_that_restarts_is_found_again(page: Page, host: FakeHost) -> None:
    bridge = await start(page, host)
    await bridge.socket.close()
    await view(page, state="offline")
    await host.bridge()
    await view(page, state="waiting")


async def test_the_page_that_shows_it_works(page: Page, host: FakeHost) -> None:
    await page.navigate(host.url + "/headless")
    await page.wait_for("document.querySelector('button').getAttribute('aria-pressed') === 'false'")
    await page.click("button")
    await host.bridge()
    await page.wait_for("document.querySelector('[role=status]').textContent.includes('Ready')")
