"""The extension in real browsers: it helps without a page, as long as its user wants it to, and no longer."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from freespan.browsers import Browser, BrowserError, Page, launch
from freespan.browsers.chromium import ChromiumPage
from freespan.wire import messages
from scripts import make_extension
from tests.extension.conftest import open_popup
from tests.web.fakes import Bridge, Client, FakeHost, connect, soon

pytestmark = pytest.mark.asyncio(loop_scope="session")

SWITCH = "[role=switch]"
TURN_ON = "[data-action=turn-on]"


async def state(page: Page, wanted: str) -> None:
    """Wait until the popup shows a state."""
    await page.wait_for(f"document.body.dataset.state === {json.dumps(wanted)}")


async def text(page: Page, selector: str) -> str:
    return str(await page.evaluate(f"document.querySelector({json.dumps(selector)}).textContent"))


async def name_host(page: Page, line: str) -> None:
    """Paste what a host shows, and save it."""
    await page.evaluate(f"document.querySelector('#host-input').value = {json.dumps(line)}")
    await page.click("#host-form button")


async def turn_on(page: Page, host: FakeHost) -> Bridge:
    """All that a new user does."""
    await name_host(page, host.embed)
    await page.wait_for("!document.querySelector('#consent').hidden")
    await page.click(TURN_ON)
    bridge = await host.bridge()
    await state(page, "waiting")
    return bridge


async def test_it_helps_without_a_page_until_it_is_turned_off(browser: Browser, popup: Page, host: FakeHost) -> None:
    bridge = await turn_on(popup, host)
    await popup.close()
    # an address of one installation would tell volunteers apart
    assert host.origins == ["null" if browser.extension.startswith("moz-") else browser.extension]
    session = await connect(host, bridge)
    session.client.channel.send(b"to the egress")
    assert await session.link.next() == b"to the egress"
    await session.link.socket.send_bytes(b"to the reader")
    assert await soon(session.client.received.get()) == b"to the reader"

    again = await open_popup(browser)
    await state(again, "helping")
    await again.wait_for("document.querySelector('#today').textContent === '1'")
    assert [await text(again, f"#{name}") for name in ("now", "ever")] == ["1", "1"]
    assert "1" in await again.evaluate("await chrome.action.getTitle({})")
    assert await again.evaluate("await chrome.action.getBadgeText({})") == "1"

    await again.click(SWITCH)
    await state(again, "off")
    await soon(session.client.closed.wait())
    await soon(session.link.gone.wait())
    await soon(bridge.gone.wait())
    session.client.close()
    await again.wait_for("await chrome.action.getBadgeText({}) === ''")
    await again.close()


async def test_the_host_learns_no_identifier_from_the_check(popup: Page, host: FakeHost) -> None:
    await name_host(popup, host.url)
    await popup.wait_for("!document.querySelector('#consent').hidden")
    assert host.page_origins == ["null"]
    assert not await popup.evaluate("document.querySelectorAll('iframe').length")


async def test_nothing_happens_before_the_user_says_yes(popup: Page, host: FakeHost) -> None:
    await popup.click(SWITCH)
    assert await popup.evaluate("document.activeElement.id") == "host-input"
    await name_host(popup, f"  {host.url} ")
    await popup.wait_for("!document.querySelector('#consent').hidden")
    sentences = await popup.evaluate("[...document.querySelectorAll('#consent [data-text]')].map(e => e.textContent)")
    assert len(sentences) == 5
    assert all(sentences)
    assert await text(popup, "#host") == f"{host.url}/"
    await popup.click("[data-action=not-now]")
    await popup.wait_for("document.querySelector('#consent').hidden")
    await state(popup, "off")
    await popup.click(SWITCH)
    await popup.wait_for("!document.querySelector('#consent').hidden")
    assert host.bridges_seen == 0


only_in_chromium = pytest.mark.parametrize("browser", ["chromium"], indirect=True)
only_in_firefox = pytest.mark.parametrize("browser", ["firefox"], indirect=True)


@only_in_chromium
async def test_its_identifier_is_the_same_on_all_machines(popup: Page) -> None:
    """And says nothing of the folder: it follows from the key in the manifest."""
    key = base64.b64decode(json.loads(make_extension.files_of("chromium")["manifest.json"])["key"])
    assert isinstance(serialization.load_der_public_key(key), rsa.RSAPublicKey)
    letters = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
    identifier = hashlib.sha256(key).hexdigest()[:32].translate(letters)
    assert await popup.evaluate("location.origin") == f"chrome-extension://{identifier}"


@only_in_chromium
@pytest.mark.usefixtures("browser")
async def test_it_is_on_when_the_browser_starts_again(host: FakeHost, folders: dict[str, Path], tmp_path: Path) -> None:
    async with launch("chromium", extension=folders["chromium"], profile=tmp_path) as first:
        bridge = await turn_on(await open_popup(first), host)
    await soon(bridge.gone.wait())
    async with launch("chromium", extension=folders["chromium"], profile=tmp_path) as second:
        await connect_and_see(second, host)


@only_in_firefox
async def test_it_is_on_when_the_extension_starts_again(browser: Browser, popup: Page, host: FakeHost) -> None:
    """Firefox forgets an extension from a folder when it ends, so all of the extension but its storage ends instead."""
    bridge = await turn_on(popup, host)
    with contextlib.suppress(BrowserError):  # the page goes with the rest
        await popup.evaluate("chrome.runtime.reload()")
    await soon(bridge.gone.wait())
    await connect_and_see(browser, host)


async def connect_and_see(browser: Browser, host: FakeHost) -> None:
    """Nobody has opened a page, and a reader is helped."""
    session = await connect(host, await host.bridge())
    popup = await open_popup(browser)
    await state(popup, "helping")
    session.client.close()
    await popup.close()


@only_in_chromium
async def test_the_service_worker_may_be_ended(popup: Page, host: FakeHost) -> None:
    assert isinstance(popup, ChromiumPage)
    bridge = await turn_on(popup, host)
    targets = (await popup.commands.call("Target.getTargets", {}))["targetInfos"]
    (worker,) = [target["targetId"] for target in targets if target["type"] == "service_worker"]
    await popup.commands.call("Target.closeTarget", {"targetId": worker})
    session = await connect(host, bridge)
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    await state(popup, "helping")
    # what the bridge's page tells wakes the worker again
    await popup.wait_for("await chrome.action.getBadgeText({}) === '1'")
    session.client.close()


async def test_a_bad_host_is_refused(popup: Page, host: FakeHost) -> None:
    await popup.evaluate("delete URL.canParse")  # which the oldest browsers for it do not have
    no_host = "This is neither the address of a host nor its line."
    silent = "No host answers at this address."
    for line, answer in (
        ("hello", no_host),
        ("https://[/", no_host),
        ("http://news.example/", "The address must begin with https://"),
        (f"{host.url}/nowhere/", silent),
        ("https://me:secret@news.example/", no_host),
        ("http://127.0.0.1:9/", silent),
    ):
        await name_host(popup, line)
        await popup.wait_for(f"document.querySelector('#host-note').textContent === {json.dumps(answer)}")
        assert await popup.evaluate("document.querySelector('#host-input').getAttribute('aria-invalid')") == "true"
        assert await popup.evaluate("document.querySelector('#consent').hidden")
    assert host.bridges_seen == 0


async def test_another_host_needs_another_consent(browser: Browser, popup: Page, host: FakeHost) -> None:
    bridge = await turn_on(popup, host)
    await popup.navigate(f"{browser.extension}/options.html")
    await popup.wait_for("!!document.querySelector('#host-input')")
    await name_host(popup, host.url.replace("127.0.0.1", "localhost"))
    await soon(bridge.gone.wait())
    await popup.navigate(f"{browser.extension}/popup.html")
    await state(popup, "off")
    await popup.click(SWITCH)
    await popup.wait_for("!document.querySelector('#consent').hidden")


async def test_limits_hold_at_once(browser: Browser, popup: Page, host: FakeHost) -> None:
    bridge = await turn_on(popup, host)
    options = await browser.open(f"{browser.extension}/options.html")
    await options.wait_for("!!document.querySelector('#host-input')")
    values = {"capacity": 2, "kilobits": 5_000, "megabytesADay": 100}
    await options.evaluate(f"""(() => {{
        const {{elements}} = document.querySelector("#limits");
        for (const [name, value] of Object.entries({json.dumps(values)})) elements[name].value = value;
        document.querySelector("#limits").requestSubmit();
    }})()""")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=2)
    # from now on for an hour that is not now
    await options.evaluate("""(() => {
        const {elements} = document.querySelector("#limits");
        const two = (hour) => String(hour % 24).padStart(2, "0");
        const hour = new Date().getHours();
        elements.from.value = `${two(hour + 12)}:00`;
        elements.until.value = `${two(hour + 13)}:00`;
        document.querySelector("#limits").requestSubmit();
    })()""")
    await state(popup, "paused")
    hour = await options.evaluate("document.querySelector('#limits').elements.from.value")
    assert await text(popup, "#status") == f"Paused until {hour}"
    await options.navigate(f"{browser.extension}/options.html")
    await options.wait_for("document.querySelector('#limits').elements.from.value")
    stored = await options.evaluate("Object.fromEntries(new FormData(document.querySelector('#limits')))")
    assert {name: int(stored[name]) for name in values} == values
    assert (stored["from"], stored["megabytesAMonth"], stored["pauseOnMetered"]) == (hour, "", "on")
    await options.close()


async def test_an_invalid_stored_limit_leaves_the_others_alone(browser: Browser, popup: Page, host: FakeHost) -> None:
    """As a version before or after this one may have stored it."""
    bridge = await turn_on(popup, host)
    limits = {"capacity": 3, "megabytesADay": 200, "kilobits": -1, "hours": "08:00-08:00", "unknown": 1}
    await popup.evaluate(f"""(() => {{
        const settings = JSON.parse(localStorage.getItem("freespan-settings"));
        localStorage.setItem("freespan-settings", JSON.stringify({{ ...settings, limits: {json.dumps(limits)} }}));
    }})()""")
    await soon(bridge.gone.wait())
    await host.bridge(capacity=3)
    await state(popup, "waiting")
    await popup.navigate(f"{browser.extension}/options.html")
    await popup.wait_for("!!document.querySelector('#host-input')?.value")
    shown = await popup.evaluate("Object.fromEntries(new FormData(document.querySelector('#limits')))")
    assert [shown[name] for name in ("capacity", "megabytesADay", "kilobits", "from")] == ["3", "200", "", ""]


async def test_a_host_leads_to_no_other_machine(popup: Page, host: FakeHost) -> None:
    """The browser does not see to it, as it does for the bridge page of a site."""
    await name_host(popup, host.url)
    await popup.wait_for("!document.querySelector('#consent').hidden")
    await popup.click(TURN_ON)
    bridge: Bridge = await soon(host.bridges.get())
    await bridge.expect(messages.Hello)
    elsewhere = host.egress.replace("127.0.0.1", "localhost")
    await bridge.send(type="welcome", egress=elsewhere, ice_servers=[])
    client = Client()
    await bridge.offer("one", await client.offer())
    assert (await bridge.expect(messages.Refusal)).id == "one"
    assert host.links.empty()
    client.close()


@only_in_chromium  # Firefox does not tell whether a connection is metered
async def test_a_metered_connection_pauses_it_unless_the_user_allows_it(
    browser: Browser, popup: Page, host: FakeHost
) -> None:
    assert isinstance(popup, ChromiumPage)
    bridge = await turn_on(popup, host)
    targets = (await popup.commands.call("Target.getTargets", {}))["targetInfos"]
    (target,) = [target["targetId"] for target in targets if target["url"].endswith("/offscreen.html")]
    attached = await popup.commands.call("Target.attachToTarget", {"targetId": target, "flatten": True})
    background = ChromiumPage(popup.commands, target, attached["sessionId"])
    await background.evaluate("""(() => {
        Object.defineProperty(navigator.connection, "saveData", { value: true, configurable: true });
        navigator.connection.dispatchEvent(new Event("change"));
    })()""")
    await state(popup, "paused")
    assert await text(popup, "#status") == "Paused: metered connection"
    await soon(bridge.gone.wait())
    assert await popup.evaluate(f"document.querySelector({json.dumps(SWITCH)}).getAttribute('aria-checked')") == "true"
    options = await browser.open(f"{browser.extension}/options.html")
    await options.wait_for("!!document.querySelector('#host-input')")
    await options.click("[name=pauseOnMetered]")
    await options.click("#limits button")
    await host.bridge()
    await state(popup, "waiting")
    await background.evaluate("delete navigator.connection.saveData")
    await options.close()


async def test_the_popup_works_with_keyboard_and_screen_reader(popup: Page, host: FakeHost) -> None:
    named = await popup.evaluate(f"""(() => {{
        const flip = document.querySelector({json.dumps(SWITCH)});
        const names = [flip.getAttribute("aria-labelledby"), flip.getAttribute("aria-describedby")];
        return [...names.map((id) => document.getElementById(id).textContent), document.documentElement.lang];
    }})()""")
    assert named == ["Help someone reach the open web", "Lend a little of your connection", "en"]
    await popup.press("Tab")
    await popup.press("Tab")
    assert await popup.evaluate("document.activeElement.id") == "host-input"
    await popup.evaluate(f"document.activeElement.value = {json.dumps(host.url)}")
    await popup.press("Enter")
    await popup.wait_for("document.activeElement.dataset.action === 'turn-on'")
    await popup.press("Enter")
    bridge = await host.bridge()
    assert await popup.evaluate("document.activeElement.getAttribute('role')") == "switch"
    await state(popup, "waiting")
    await popup.press("Space")
    await state(popup, "off")
    await soon(bridge.gone.wait())


async def test_a_broker_that_comes_back_finds_it_again(popup: Page, host: FakeHost) -> None:
    bridge = await turn_on(popup, host)
    await bridge.socket.close()
    await host.bridge()
    await state(popup, "waiting")
