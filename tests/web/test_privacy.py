"""The switch shows the page that carries it no reader."""

from __future__ import annotations

import pytest

from freespan.browsers import BrowserError, Page
from tests.web.fakes import FakeHost, FakeSite, bridge_page, connect, state, turn_on

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPY = """<script>
window.learned = [];
window.made = 0;
const learn = (value) => window.learned.push(typeof value === "string" ? value : JSON.stringify(value));
addEventListener("message", (event) => learn(event.data), true);
addEventListener("freespan-state", (event) => learn(event.detail), true);
window.RTCPeerConnection = new Proxy(RTCPeerConnection, {construct(target, args) {
    window.made += 1;
    const peer = Reflect.construct(target, args);
    peer.addEventListener("icecandidate", ({candidate}) => learn(candidate?.candidate));
    return peer;
}});
const RealSocket = WebSocket;
window.WebSocket = function (...args) { window.made += 1; learn(args); return new RealSocket(...args); };
for (const name of ["setRemoteDescription", "setLocalDescription", "addIceCandidate"]) {
    const original = RTCPeerConnection.prototype[name];
    RTCPeerConnection.prototype[name] = function (...args) { learn(args); return original.apply(this, args); };
}
const appendChild = Node.prototype.appendChild;
Node.prototype.appendChild = function (node) {
    if (node.localName === "iframe") window.frame = node;
    return appendChild.call(this, node);
};
</script>"""


async def test_a_page_that_wraps_rtcpeerconnection_and_listens_to_every_message_learns_no_candidate(
    page: Page, host: FakeHost, site: FakeSite
) -> None:
    site.page = SPY + host.embed
    await page.navigate(site.url)
    session = await connect(host, await turn_on(page, host))
    session.client.channel.send(b"hello")
    assert await session.link.next() == b"hello"
    await state(page, "helping")
    await page.wait_for("window.learned.some((text) => text.includes('\"now\":1'))")
    assert await page.evaluate("window.made") == 0
    learned = "\n".join(await page.evaluate("window.learned"))
    for secret in ("candidate", "sdp", "SDP", "ufrag", "fingerprint", "127.0.0.1", ".local", "v=0", "IP4"):
        assert secret not in learned
    # The page can have the frame, but not look into it.
    assert await page.evaluate("window.frame.contentDocument") is None
    assert (
        await page.evaluate("""(() => {
        try { return window.frame.contentWindow.RTCPeerConnection ? "open" : "closed"; } catch { return "closed"; }
    })()""")
        == "closed"
    )
    session.client.close()


async def test_a_strict_policy_that_allows_the_host_alone_is_enough(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {
        "Content-Security-Policy": f"default-src 'none'; script-src {host.url}; frame-src {host.url}; "
        "require-trusted-types-for 'script'",
    }
    await page.navigate(site.url)
    session = await connect(host, await turn_on(page, host))
    session.client.channel.send(b"hello")
    assert await session.link.next() == b"hello"
    width = "document.querySelector('freespan-switch').shadowRoot.querySelector('button').offsetWidth"
    assert await page.evaluate(width) == 46  # its own style came along
    session.client.close()


async def test_an_isolated_page_can_embed_it(page: Page, host: FakeHost, site: FakeSite) -> None:
    site.headers = {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
    }
    await page.navigate(site.url)
    assert await page.evaluate("window.crossOriginIsolated")
    await turn_on(page, host)


async def test_the_bridge_takes_messages_from_its_embedder_alone(page: Page, host: FakeHost, site: FakeSite) -> None:
    # Two frames side by side: the second one tries to start the first.
    script = "top.frames[0].postMessage({freespan: 1, type: 'start', capacity: 1}, '*')"
    site.page = f"<iframe src='{host.url}/bridge' sandbox='allow-scripts'></iframe>"
    await page.navigate(site.url)
    await page.evaluate(f"""new Promise((resolve) => {{
        const frame = document.createElement("iframe");
        frame.onload = resolve;
        frame.srcdoc = `<script>{script}</` + `script>`;
        document.body.append(frame);
    }})""")
    assert host.bridges_seen == 0
    await page.evaluate("frames[0].postMessage({freespan: 1, type: 'start', capacity: 'many'}, '*'), 1")
    await page.evaluate("frames[0].postMessage({freespan: 1, type: 'start', capacity: 3}, '*'), 1")
    await host.bridge(capacity=3)
    assert host.bridges_seen == 1


async def test_the_bridge_page_alone_does_nothing(page: Page, host: FakeHost) -> None:
    await page.navigate(host.url + "/bridge")
    await page.evaluate("window.postMessage({freespan: 1, type: 'start', capacity: 1}, '*'), 1")
    await page.evaluate("new Promise((resolve) => setTimeout(resolve, 50))")
    assert host.bridges_seen == 0


async def test_the_bridge_page_has_an_opaque_origin_and_reaches_its_host_alone(
    page: Page, host: FakeHost, site: FakeSite
) -> None:
    site.headers = {"Cross-Origin-Resource-Policy": "cross-origin"}
    await turn_on(page, host)
    inside = await bridge_page(page)
    assert await inside.evaluate("self.origin") == "null"
    for expression in ("localStorage.length", "indexedDB.open('x')", "parent.document"):
        with pytest.raises(BrowserError):
            await inside.evaluate(expression)
    for url, reached in ((f"{host.url}/switch.js", True), (site.url, False)):
        fetch = f"fetch('{url}', {{mode: 'no-cors'}}).then(() => true, () => false)"
        assert await inside.evaluate(fetch) is reached
        assert await page.evaluate(fetch)
