"""Whoever probes a host without its path sees an ordinary web site: all unknown places there are alike."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import freespan
from tests.api.conftest import SECONDS, hosting

PLACES = (
    "/v1/bridge",
    "/v1/egress",
    "/v1/egress?bridge=x",
    "/v1/rendezvous",
    "/v1/turn",
    "/v1/countries",
    "/v1/health",
    "/metrics",
    "/switch.js",
    "/bridge",
    "/globe.js",
)
UPGRADE = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
)


async def asked(host: freespan.Host, method: str, path: str, headers: str = "", body: str = "") -> str:
    """The whole answer, but for its date."""
    parts = urlsplit(host.url)
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        connection = "" if "Connection" in headers else "Connection: close\r\n"
        writer.write(f"{method} {path} HTTP/1.1\r\nHost: a.test\r\n{connection}{headers}{length}\r\n{body}".encode())
        answer = b""
        while b"</html>" not in answer and (data := await reader.read(65_536)):
            answer += data
        writer.close()
    return re.sub(r"(?i)date: [^\r]*\r\n", "", answer.decode("latin-1"))


@pytest.mark.parametrize("headers", ["", UPGRADE], ids=["a request", "a WebSocket"])
async def test_without_its_path_no_place_differs_from_one_that_is_not(host: freespan.Host, headers: str) -> None:
    nothing = await asked(host, "GET", "/nothing-is-here", headers)
    assert nothing.startswith("HTTP/1.1 404 ")
    for place in PLACES:
        assert await asked(host, "GET", place, headers) == nothing, place
        assert await asked(host, "GET", f"/wrong-path{place}", headers) == nothing, place


async def test_what_is_sent_to_such_a_place_is_not_read(host: freespan.Host) -> None:
    nothing = await asked(host, "POST", "/nothing-is-here", body='{"version": 1}')
    for place in PLACES:
        assert await asked(host, "POST", place, body='{"version": 1}') == nothing, place


async def test_with_its_path_the_places_are_there(host: freespan.Host) -> None:
    """The counterpart: the tests above compare with something."""
    path = urlsplit(host.url).path
    assert len(path) > 8
    assert (await asked(host, "GET", f"{path}/v1/health")).startswith("HTTP/1.1 200 ")
    assert (await asked(host, "GET", f"{path[:-1]}/v1/health")).startswith("HTTP/1.1 404 ")


@pytest.mark.parametrize("explained", [False, True])
async def test_a_page_for_complaints_names_the_host_only_if_its_admin_says_so(tmp_path: Path, explained: bool) -> None:
    contact = "Unwanted traffic? abuse@host.example"
    async with hosting(tmp_path, abuse_contact=contact, abuse_explain=explained) as host:
        page = await asked(host, "GET", "/abuse")
        assert page == await asked(host, "GET", "/")
        assert page.startswith("HTTP/1.1 200 ")
        assert "abuse@host.example" in page
        assert ("freespan" in page.lower()) is explained
        if not explained:
            assert page.endswith(f"\r\n\r\n{contact}\n")
