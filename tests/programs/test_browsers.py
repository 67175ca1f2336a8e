"""Browsers that are told of the proxy by a PAC script, in each of the words that such a script knows."""

from __future__ import annotations

import pytest

from freespan.browsers import chromium, find_browsers, launch
from tests.programs.origin import Origin
from tests.programs.path import SITE, LocalProxy

# Chromium looks up the names of `SOCKS`, which is version 4 to it, by itself.
_RESOLVED = f"--host-resolver-rules=MAP {SITE} 127.0.0.1"
_PARTS = 30
_LOADED = f"""(async () => {{
  const parts = Array.from({{length: {_PARTS}}}, (_, number) => fetch("/echo?part=" + number));
  const paths = await Promise.all((await Promise.all(parts)).map(async (part) => (await part.json()).path));
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws");
  const echo = await new Promise((resolve, reject) => {{
    socket.onopen = () => socket.send("hello");
    socket.onmessage = (event) => resolve(event.data);
    socket.onerror = () => reject(new Error("the WebSocket failed"));
  }});
  const uploaded = await (await fetch("/echo", {{method: "POST", body: "x".repeat(300000)}})).json();
  return {{paths, echo, uploaded: uploaded.size}};
}})()"""


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
@pytest.mark.parametrize(
    "words",
    [
        "PROXY {proxy}",
        "SOCKS {proxy}",
        "SOCKS4 {proxy}",
        "SOCKS5 {proxy}",
        # The local proxy speaks no TLS to programs: a browser that is told so turns to the next one.
        "HTTPS {proxy}; PROXY {proxy}",
    ],
)
async def test_page_with_many_parts_arrives_by_a_pac_script(
    local_proxy: LocalProxy, origin: Origin, monkeypatch: pytest.MonkeyPatch, kind: str, words: str
) -> None:
    if kind not in find_browsers():
        pytest.skip(f"{kind} is not installed")
    monkeypatch.setattr(
        chromium,
        "_FLAGS",
        (*chromium._FLAGS, _RESOLVED) if words.startswith(("SOCKS ", "SOCKS4 ")) else chromium._FLAGS,
    )
    (origin.files / "page.html").write_text("<!doctype html><title>Parts</title>")
    said = words.format(proxy=f"127.0.0.1:{local_proxy.port}")
    (origin.files / "proxy.pac").write_text(f'function FindProxyForURL(url, host) {{ return "{said}"; }}')
    before = len(origin.asked)
    async with launch(kind, proxy=f"http://127.0.0.1:{origin.port}/proxy.pac") as browser:
        page = await browser.open(f"{origin.http}/page.html")
        loaded = await page.evaluate(_LOADED)
    assert "GET /proxy.pac" in origin.asked[before:]  # a script that cannot be had would mean no proxy
    assert loaded["paths"] == [f"/echo?part={number}" for number in range(_PARTS)]
    assert (loaded["echo"], loaded["uploaded"]) == ("hello", 300_000)
