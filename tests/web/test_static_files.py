"""How the host serves the switch, the bridge page and the landing page."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import freespan.web
from freespan.web.static_files import routes
from tests.web.fakes import FakeHost, served

STATIC = Path(freespan.web.__file__).parent / "static"


@pytest.fixture
async def host() -> AsyncIterator[FakeHost]:
    host = FakeHost()
    async with served(host):
        yield host


@pytest.fixture
async def client(host: FakeHost) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(base_url=host.url) as client:
        yield client


def policy(response: aiohttp.ClientResponse) -> dict[str, list[str]]:
    rules = [rule.split() for rule in response.headers["Content-Security-Policy"].split(";")]
    return {rule[0]: rule[1:] for rule in rules}


@pytest.mark.parametrize("path", [route.path for route in routes("http://host.example")])
async def test_any_page_may_load_every_file(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        assert response.status == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert "max-age=300" in response.headers["Cache-Control"]
        kind = {"js": "text/javascript", "json": "application/json", "css": "text/css", "svg": "image/svg+xml"}
        assert response.content_type == kind.get(path.rpartition(".")[2], "text/html")
        assert await response.read()


@pytest.mark.parametrize("path", ["/", "/bridge", "/self-test", "/switch.js", "/languages/fa.json"])
async def test_an_unchanged_file_is_not_sent_again(client: aiohttp.ClientSession, path: str) -> None:
    async with client.get(path) as response:
        tag = response.headers["ETag"]
    async with client.get(path, headers={"If-None-Match": tag}) as response:
        assert response.status == 304
        assert await response.read() == b""
    async with client.get(path, headers={"If-None-Match": '"other"'}) as response:
        assert response.status == 200


async def test_files_are_compressed_on_request_only(host: FakeHost) -> None:
    async with aiohttp.ClientSession(base_url=host.url, auto_decompress=False) as client:
        sizes = {}
        for encoding in ("gzip", "identity"):
            async with client.get("/element/element.js", headers={"Accept-Encoding": encoding}) as response:
                assert response.headers.get("Content-Encoding", "identity") == encoding
                assert response.headers["Vary"] == "Accept-Encoding"
                sizes[encoding] = len(await response.read())
    assert sizes["gzip"] < sizes["identity"] / 2


@pytest.mark.parametrize("path", ["/bridge", "/self-test"])
async def test_the_bridge_has_an_opaque_origin_and_reaches_its_host_alone(
    host: FakeHost, client: aiohttp.ClientSession, path: str
) -> None:
    async with client.get(path) as response:
        rules = policy(response)
    assert rules["sandbox"] == ["allow-scripts"]
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'", host.url]
    assert rules["connect-src"] == ["'self'", host.url.replace("http", "ws")]
    assert "frame-ancestors" not in rules


async def test_a_host_may_name_its_embedders() -> None:
    url, site = "https://host.example", "https://news.example"
    app = web.Application()
    app.add_routes(routes(url + "/path", [site]))
    async with TestClient(TestServer(app)) as client:
        for path in ("/bridge", "/embed"):
            async with client.get(path) as response:
                assert policy(response)["frame-ancestors"] == ["'self'", url, site]
        async with client.get("/about") as response:
            assert policy(response)["frame-ancestors"] == ["'none'"]


async def test_the_landing_page_loads_nothing_from_elsewhere(host: FakeHost, client: aiohttp.ClientSession) -> None:
    async with client.get("/") as response:
        rules = policy(response)
        text = await response.text()
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'", host.url]
    assert rules["connect-src"] == ["'self'", host.url]  # the words of the switch
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert f"{host.url}/switch.js" in text
    assert "__PUBLIC_URL__" not in text
    assert "https://" not in text


async def test_the_url_is_read_with_each_request_and_escaped() -> None:
    host = FakeHost()
    async with served(host), aiohttp.ClientSession(base_url=host.url) as client:
        host.url = 'https://host.example/path?"<script>'
        async with client.get("/") as response:
            assert "&quot;&lt;script&gt;/switch.js" in await response.text()
            assert policy(response)["frame-src"] == ["'self'", "https://host.example"]
        async with client.get("/bridge") as response:
            assert policy(response)["connect-src"] == ["'self'", "wss://host.example"]
        host.url = ""
        async with client.get("/bridge") as response:
            assert policy(response)["connect-src"] == ["'self'"]


async def test_files_in_folders_keep_their_paths(client: aiohttp.ClientSession) -> None:
    for path in ("languages/fa.json", "languages/about/fa.json"):
        async with client.get(f"/{path}") as response:
            assert await response.json() == json.loads((STATIC / path).read_bytes())


async def test_nothing_else_is_served(client: aiohttp.ClientSession) -> None:
    outside = ("/static/switch.js", "/../server.py", "/%2e%2e/server.py", "/languages/../../server.py")
    for path in (*outside, "/index.html", "/bridge.html", "/languages", "/languages/", "/languages/xx.json", "/x"):
        async with client.get(path) as response:
            assert response.status == 404
