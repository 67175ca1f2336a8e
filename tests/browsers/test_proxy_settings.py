"""A browser that is told to use the local proxy as the quick start says sends nothing past it, WebRTC included."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from freespan.browsers import find_browsers, firefox, launch
from freespan.browsers.proxy_settings import chromium_flags, firefox_preferences

READER_PAGE = Path(__file__).parents[2] / "docs" / "start" / "reader.md"
PAGE = b"<!doctype html><title>a site</title>"
ASK = """(async () => {
  const connection = new RTCPeerConnection({iceServers: [{urls: "stun:127.0.0.1:%d"}]});
  connection.createDataChannel("x");
  await connection.setLocalDescription();
  await new Promise((done) => {
    connection.onicecandidate = ({candidate}) => candidate?.candidate && done();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === "complete" && done();
    setTimeout(done, 1500); // Firefox never ends where it may not begin
  });
  return connection.localDescription.sdp;
})()"""
"""Returns with the first candidate, or when there will be none."""


class StunServer(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.asked = 0

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.asked += 1


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy that speaks as much SOCKS5 and HTTP as a browser needs, and is every site itself."""
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        first = await reader.readexactly(1)
        if first == b"\5":
            await reader.readexactly((await reader.readexactly(1))[0])
            writer.write(b"\5\0")
            head = await reader.readexactly(5)  # version, CONNECT, reserved, a name, its length
            await reader.readexactly(head[4] + 2)
            writer.write(b"\5\0\0\1\0\0\0\0\0\0")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n" % len(PAGE))
        writer.write(b"Connection: close\r\n\r\n" + PAGE)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[str]:
    async with await asyncio.start_server(_answer, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.mark.parametrize("kind", ["chromium", "firefox"])
async def test_webrtc_does_not_get_past_the_proxy(kind: str, proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if kind not in find_browsers():
        pytest.skip(f"{kind} is not installed")
    # Otherwise Firefox has no candidates on loopback, and the test would show nothing.
    monkeypatch.setitem(firefox._PREFERENCES, "media.peerconnection.ice.loopback", True)
    loop = asyncio.get_running_loop()
    transport, stun = await loop.create_datagram_endpoint(StunServer, local_addr=("127.0.0.1", 0))
    with contextlib.closing(transport):
        async with launch(kind, proxy=proxy) as browser:
            page = await browser.open("http://site.example/")
            description = await page.evaluate(ASK % transport.get_extra_info("sockname")[1])
    assert "a=candidate:" not in description
    assert stun.asked == 0


def test_the_quick_start_names_the_same_settings() -> None:
    text = READER_PAGE.read_text(encoding="utf-8")
    assert chromium_flags("127.0.0.1:8118")[1] in text
    assert list(firefox_preferences("127.0.0.1:8118"))[-1] in text
    assert json.dumps(True) in text
