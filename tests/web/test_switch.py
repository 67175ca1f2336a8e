"""The switch as a visitor of a page uses it."""

from __future__ import annotations

import json

import pytest

from freespan.browsers import Browser, Page, switch
from tests.web.fakes import FakeHost, FakeSite, connect, part, soon, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

INSIDE = "document.querySelector('freespan-switch').shadowRoot"
FRAMES = f"{INSIDE}.querySelectorAll('iframe').length"


async def test_is_off_until_somebody_turns_it_on(page: Page, host: FakeHost) -> None:
    await state(page, "off")
    assert await page.evaluate(FRAMES) == 0
    assert await part(page, "button.getAttribute('aria-checked')") == "false"
    assert host.bridges_seen == 0


async def test_a_click_turns_it_on_and_another_one_off(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    assert await part(page, "button.getAttribute('aria-checked')") == "true"
    await switch.turn_off(page)
    await soon(bridge.gone.wait())
    await state(page, "off")
    await page.wait_for(f"{FRAMES} === 0")
    assert bridge.socket.close_code == 1000


@pytest.mark.parametrize("key", ["Enter", "Space"])
async def test_the_keyboard_turns_it_on(page: Page, host: FakeHost, key: str) -> None:
    await switch.wait_until_visible(page)
    await page.press("Tab")
    await page.wait_for("document.activeElement?.localName === 'freespan-switch'")
    await page.press(key)
    await page.wait_for(f"{INSIDE}.activeElement?.className === 'consent'")
    await page.wait_for(f"{INSIDE}.querySelector('[data-action=turn-on]').disabled === false")
    while await page.evaluate(f"{INSIDE}.activeElement.dataset.action") != "turn-on":
        await page.press("Tab")
    await page.press(key)
    await host.bridge()
    await state(page, "waiting")
    assert await page.evaluate(f"{INSIDE}.activeElement.role") == "switch"


async def test_remembers_the_choice(page: Page, host: FakeHost, site: FakeSite) -> None:
    first = await turn_on(page, host, remember=True)
    await page.navigate(site.url)
    await soon(first.gone.wait())
    await host.bridge()
    await state(page, "waiting")
    await switch.turn_off(page)
    await state(page, "off")
    await page.navigate(site.url)
    await state(page, "off")
    assert host.bridges_seen == 2


async def test_the_choice_is_not_remembered_unless_the_visitor_wants_it(
    page: Page, host: FakeHost, site: FakeSite
) -> None:
    bridge = await turn_on(page, host)
    await page.navigate(site.url)
    await soon(bridge.gone.wait())
    await switch.wait_until_visible(page)
    await state(page, "off")
    # The yes to the sentences is kept, so that one click is enough now.
    await page.click("freespan-switch >>> [role=switch]")
    await host.bridge()
    await state(page, "waiting")


async def test_a_new_caution_is_shown_before_it_starts_again(page: Page, host: FakeHost, site: FakeSite) -> None:
    bridge = await turn_on(page, host, remember=True)
    site.page = (
        "<script>Object.defineProperty(navigator, 'connection', {value: {saveData: true}})</script>" + host.embed
    )
    await page.navigate(site.url)
    await soon(bridge.gone.wait())
    await switch.wait_until_visible(page)
    await page.click("freespan-switch >>> [role=switch]")
    await page.wait_for(f"{INSIDE}.querySelector('.warnings').textContent.includes('metered')")
    assert await part(page, "root.host.getAttribute('state')") == "off"
    assert host.bridges_seen == 1
    await page.click("freespan-switch >>> [data-action=turn-on]")
    await host.bridge()
    await state(page, "waiting")
    await page.navigate(site.url)
    await host.bridge()
    await state(page, "waiting")


async def test_consent_is_for_one_host(page: Page, host: FakeHost, site: FakeSite) -> None:
    await turn_on(page, host)
    await switch.turn_off(page)
    await state(page, "off")
    await page.evaluate("document.querySelector('freespan-switch').setAttribute('host', 'https://other.example/'), 1")
    await page.click("freespan-switch >>> [role=switch]")
    await page.wait_for(f"{INSIDE}.querySelector('.consent').checkVisibility()")
    assert host.bridges_seen == 1


async def test_works_where_storage_is_blocked(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {"Content-Security-Policy": "sandbox allow-scripts"}
    await page.navigate(site.url)
    await turn_on(page, host)


async def test_it_shows_how_many_it_helps_and_has_helped(page: Page, host: FakeHost, site: FakeSite) -> None:
    await page.evaluate("""addEventListener("freespan-state", (event) => (window.seen ??= []).push(event.detail))""")
    bridge = await turn_on(page, host, remember=True)
    await page.evaluate("window.setTimeout = ((set) => (call, ms) => set(call, ms / 20))(window.setTimeout), 1")
    session = await connect(host, bridge)
    session.client.channel.send(b"first")
    assert await session.link.next() == b"first"
    await state(page, "helping")
    # After the sign that somebody new is helped.
    await page.wait_for(f"{INSIDE}.querySelector('[role=status]').textContent.includes('Helping 1 reader')")
    await page.wait_for("window.seen.some((view) => view.now === 1 && view.ever === 1)")
    session.client.close()
    await state(page, "waiting")
    await page.wait_for(f"{INSIDE}.querySelector('[role=status]').textContent.includes('helped 1 reader')")
    states = await page.evaluate("window.seen.map((view) => view.state)")
    assert states[:2] == ["connecting", "waiting"]
    assert states[-1] == "waiting"
    await page.navigate(site.url)
    await host.bridge()
    await state(page, "waiting")
    assert "helped 1 reader" in await part(page, "root.querySelector('[role=status]').textContent")


async def test_it_can_be_used_with_assistive_technology(page: Page) -> None:
    await page.wait_for(f"{INSIDE}?.getElementById('status').textContent")
    about = await part(
        page,
        """{
            tag: button.localName,
            name: root.getElementById(button.getAttribute("aria-labelledby")).textContent,
            description: root.getElementById(button.getAttribute("aria-describedby")).textContent,
            tabIndex: button.tabIndex,
            live: root.querySelector("[role=status]") !== null,
            link: root.querySelector("a").getAttribute("href"),
        }""",
    )
    assert about["tag"] == "button"
    assert len(about["name"]) > 10
    assert len(about["description"]) > 10
    assert about["tabIndex"] == 0
    assert about["live"]
    assert about["link"].endswith("/about?lang=en")


async def test_the_bridge_page_is_hidden_from_everybody(page: Page, host: FakeHost) -> None:
    await turn_on(page, host)
    frame = await part(
        page,
        """((frame) => ({
            sandbox: frame.getAttribute("sandbox"),
            shown: frame.checkVisibility(),
            hidden: frame.getAttribute("aria-hidden"),
            src: frame.src,
        }))(root.querySelector("iframe"))""",
    )
    assert frame == {
        "sandbox": "allow-scripts",
        "shown": False,
        "hidden": "true",
        "src": f"{host.url}/bridge",
    }
    assert host.origins == ["null"]


async def test_texts_can_be_changed(page: Page, site: FakeSite, host: FakeHost) -> None:
    site.page = host.embed.replace("<freespan-switch", "<freespan-switch lang=fr label='Aidez une lectrice'")
    await page.navigate(site.url)
    await state(page, "off")
    await page.wait_for(f"{INSIDE}.getElementById('title').textContent === 'Aidez une lectrice'")
    await page.evaluate("document.querySelector('freespan-switch').strings = {off: 'Coupé'}, 1")
    await page.wait_for(f"{INSIDE}.querySelector('[role=status]').textContent === 'Coupé'")


async def test_capacity_is_the_pages_choice(page: Page, site: FakeSite, host: FakeHost) -> None:
    site.page = host.embed.replace("<freespan-switch", "<freespan-switch capacity=2")
    await page.navigate(site.url)
    await switch.turn_on(page)
    await host.bridge(capacity=2)


async def test_two_switches_in_a_page_share_one_bridge(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = host.embed.replace("<freespan-switch", "<freespan-switch id=a") + host.embed.replace(
        "<freespan-switch", "<freespan-switch id=b"
    )
    await page.navigate(site.url)
    await state(page, "off")
    await switch.turn_on(page, "#b")
    first = await host.bridge()
    for name in ("a", "b"):
        await page.wait_for(f"document.getElementById('{name}').getAttribute('state') === 'waiting'")
    assert host.bridges_seen == 1
    # The one that is left goes on.
    await page.evaluate("document.getElementById('b').remove(), 1")
    await soon(first.gone.wait())
    second = await host.bridge()
    await page.wait_for("document.getElementById('a').getAttribute('state') === 'waiting'")
    await switch.turn_off(page, "#a")
    await soon(second.gone.wait())
    assert host.bridges_seen == 2


async def test_the_script_may_be_there_twice(page: Page, host: FakeHost, site: FakeSite) -> None:
    script = host.embed.partition("<freespan-switch")[0]
    site.page = host.embed + script + script.replace("/switch.js", "/switch.js?again")
    site.page += "<script>addEventListener('error', (event) => (window.failed = event.message))</script>"
    await page.navigate(site.url)
    await turn_on(page, host)
    assert await page.evaluate("window.failed") is None


async def test_leaves_nothing_in_the_page(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = "<p>no switch</p>"
    await page.navigate(site.url)
    await page.evaluate("(window.before = new Set(Object.getOwnPropertyNames(window)), 1)")
    script = json.dumps(f"{host.url}/switch.js")
    await page.evaluate(f"""new Promise((resolve) => {{
        const script = document.createElement("script");
        Object.assign(script, {{type: "module", src: {script}, onload: resolve}});
        document.body.append(script, document.createElement("freespan-switch"));
    }})""")
    await switch.turn_on(page)
    await host.bridge()
    await state(page, "waiting")
    names = await page.evaluate("Object.getOwnPropertyNames(window).filter((name) => !window.before.has(name))")
    # Browsers number the frames of a page.
    assert [name for name in names if not name.isdecimal()] == ["before"]


async def test_one_tab_that_is_turned_off_turns_off_the_others(
    browser: Browser, page: Page, host: FakeHost, site: FakeSite
) -> None:
    bridge = await turn_on(page, host)
    other = await browser.open(site.url)
    await state(other, "waiting")
    await switch.turn_off(other)
    await soon(bridge.gone.wait())
    await state(page, "off")
    assert host.bridges_seen == 1
    await other.close()


async def test_it_says_where_it_is_not_supported(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.page = "<script>delete window.RTCPeerConnection</script>" + host.embed
    await page.navigate(site.url)
    await state(page, "unsupported")
    await switch.turn_off(page)
    assert await part(page, "button.getAttribute('aria-disabled')") == "true"
    assert await page.evaluate(FRAMES) == 0


async def test_landing_page_has_a_switch_that_works_and_the_line_to_paste(page: Page, host: FakeHost) -> None:
    await page.navigate(host.url + "/")
    assert await page.evaluate("document.querySelector('#embed').textContent") == host.embed
    assert await page.evaluate("getComputedStyle(document.querySelector('article')).borderStyle") == "solid"
    await turn_on(page, host)
