"""The bridge page and a broker that is away, violates the protocol, or is silent."""

from __future__ import annotations

from typing import Any

import pytest

from freespan.browsers import BrowserError, Page, switch
from freespan.wire import messages
from tests.web.fakes import Bridge, FakeHost, bridge_page, connect, soon, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

MALFORMED: dict[str, Any] = {
    "not JSON": "{",
    "not an object": "[1, 2]",
    "unknown type": '{"type": "dance"}',
    "wrong shape": '{"type": "offer", "id": 5, "sdp": []}',
    "too long": '{"type": "ping", "x": "' + "x" * 1_000_000 + '"}',
    "binary": b"\x00" * 100,
}


async def test_comes_back_when_the_broker_does(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    host.away = True
    await bridge.socket.close()
    await state(page, "offline")
    host.away = False
    await host.bridge()
    await state(page, "waiting")


async def test_sessions_outlive_the_broker(page: Page, host: FakeHost) -> None:
    bridge = await turn_on(page, host)
    session = await connect(host, bridge)
    await bridge.socket.close()
    again = await host.bridge()
    assert (await again.expect(messages.Load)).sessions == 1
    session.client.channel.send(b"still here")
    assert await session.link.next() == b"still here"
    session.client.close()


@pytest.mark.parametrize("malformed", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_message_ends_the_socket_and_the_bridge_comes_back(
    page: Page, host: FakeHost, malformed: str | bytes
) -> None:
    bridge = await turn_on(page, host)
    if isinstance(malformed, bytes):
        await bridge.socket.send_bytes(malformed)
    else:
        await bridge.socket.send_str(malformed)
    await soon(bridge.gone.wait())
    assert bridge.socket.close_code == 4008
    await connect(host, await host.bridge())


async def test_an_offer_before_the_welcome_violates_the_protocol(page: Page, host: FakeHost) -> None:
    await switch.turn_on(page)
    bridge: Bridge = await soon(host.bridges.get())
    await bridge.offer("early", "v=0")
    await soon(bridge.gone.wait())
    assert bridge.socket.close_code == 4008


async def test_losing_the_network_ends_everything_until_it_is_back(page: Page, host: FakeHost) -> None:
    session = await connect(host, await turn_on(page, host))
    inside = await bridge_page(page)
    await inside.evaluate("window.dispatchEvent(new Event('offline'))")
    await soon(session.client.closed.wait(), 2)
    await soon(session.link.gone.wait(), 2)
    await soon(session.bridge.gone.wait(), 2)
    session.client.close()
    await state(page, "offline")
    await inside.evaluate("window.dispatchEvent(new Event('online'))")
    await host.bridge()
    await state(page, "waiting")


async def engine(page: Page, host: FakeHost) -> None:
    """Give the page a bridge of its own, and keep its states; a failure of its listener ends in the console."""
    await page.evaluate(f"""(async () => {{
        const {{ Bridge }} = await import("{host.url}/bridge/bridge.js");
        window.told = [];
        window.engine = new Bridge("{host.url}/", ({{state}}) => {{
            told.push(state);
            if (window.fail) throw new TypeError("a listener that fails");
        }});
        window.states = (...events) => {{
            for (const event of events) engine.feed(event);
            return told;
        }};
    }})()""")


START, STOP = "{type: 'start', capacity: 1}", "{type: 'stop'}"


async def test_a_socket_that_cannot_be_opened_counts_as_closed(page: Page, host: FakeHost) -> None:
    await engine(page, host)
    await page.evaluate("(window.WebSocket = function () { throw new DOMException('', 'SecurityError'); }, 1)")
    assert await page.evaluate(f"states({START})") == ["connecting", "offline"]
    assert await page.evaluate(f"states({STOP})") == ["connecting", "offline", "off"]


async def test_it_goes_on_after_a_listener_has_failed(page: Page, host: FakeHost) -> None:
    await engine(page, host)
    await page.evaluate("window.fail = true")
    with pytest.raises(BrowserError):
        await page.evaluate(f"states({START})")
    await page.evaluate("window.fail = false")
    bridge = await host.bridge(capacity=1)
    await page.wait_for("told.at(-1) === 'waiting'")
    assert (await page.evaluate(f"states({STOP})"))[-1] == "off"
    await soon(bridge.gone.wait())


async def test_messages_to_a_socket_that_is_not_open_are_dropped(page: Page, host: FakeHost) -> None:
    await engine(page, host)
    assert await page.evaluate(f"states({START}, {{type: 'socketOpened'}}, {STOP}).at(-1)") == "off"
