"""The site that strangers see: a folder of files, or one stock page."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from freespan.web.decoy_site import DecoySite, error_page, hide_errors, redirect_to

PAGE = "<title>Our garden</title>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site; beside it what is not part of it."""
    (tmp_path / "secret.txt").write_text("secret")
    site = tmp_path / "site"
    for name, text in {
        "index.html": PAGE,
        "style.css": "body{}",
        "with space.txt": "spaced",
        "plants/index.html": "plants",
        "empty/file.txt": "file",
        ".git/config": "secret",
        ".htpasswd": "secret",
        ".well-known/acme-challenge/token": "challenge",
    }.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    return site


class Client:
    """Asks for paths as they are; a session by itself would put them in order first."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    def ask(self, method: str, path: str, **headers: str) -> aiohttp.client._RequestContextManager:
        url = URL(self._url + path, encoded=True)
        return self._session.request(method, url, headers=headers, allow_redirects=False)


@contextlib.asynccontextmanager
async def asking(app: web.Application) -> AsyncIterator[Client]:
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession() as session:
            yield Client(f"http://127.0.0.1:{runner.addresses[0][1]}", session)
    finally:
        await runner.cleanup()


def with_site(folder: Path | None = None, complaints: Path | None = None) -> web.Application:
    app = web.Application()
    app.add_routes(DecoySite(folder, complaints).routes())
    return app


@pytest.fixture
async def client(folder: Path) -> AsyncIterator[Client]:
    async with asking(with_site(folder)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "text/html", PAGE),
        ("/index.html", "text/html", PAGE),
        ("/style.css", "text/css", "body{}"),
        ("/style.css?v=2", "text/css", "body{}"),
        ("/with%20space.txt", "text/plain", "spaced"),
        ("/plants/", "text/html", "plants"),
        ("//plants//index.html", "text/html", "plants"),
        ("/.well-known/acme-challenge/token", "application/octet-stream", "challenge"),
    ],
)
async def test_files(client: Client, path: str, kind: str, text: str) -> None:
    async with client.ask("GET", path) as response:
        assert (response.status, response.content_type, await response.text()) == (200, kind, text)
    async with client.ask("HEAD", path) as response:
        assert (response.status, response.content_length, await response.read()) == (200, len(text), b"")


@pytest.mark.parametrize("given", [True, False], ids=["site", "stock page"])
async def test_an_unchanged_file_is_not_sent_again(folder: Path, given: bool) -> None:
    async with asking(with_site(folder if given else None)) as client:
        async with client.ask("GET", "/") as response:
            whole, kept = await response.text(), response.headers
            assert kept["Accept-Ranges"] == "bytes"
        async with client.ask("GET", "/", **{"If-None-Match": kept["ETag"]}) as response:
            assert response.status == 304
        async with client.ask("GET", "/", **{"If-Modified-Since": kept["Last-Modified"]}) as response:
            assert response.status == 304
        async with client.ask("GET", "/", Range="bytes=0-3") as response:
            assert (response.status, await response.text()) == (206, whole[:4])


async def test_a_folder_is_redirected_to_its_slash(client: Client) -> None:
    async with client.ask("GET", "/plants") as response:
        assert (response.status, response.headers["Location"]) == (301, "/plants/")
    async with client.ask("GET", "//plants") as response:
        assert response.headers["Location"] == "/plants/"  # and not //plants/, which is another host


@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/style.css/",
        "/style.css/more",
        "/empty",
        "/empty/",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/plants/..%2f..%2fsecret.txt",
        "/..%5csecret.txt",
        "/c:%5cwindows",
        "/%2fetc/passwd",
        "/.git/config",
        "/.htpasswd",
        "/.well-known/../.htpasswd",
        "/%00",
        "/style.css%00",
        "/" + "x" * 300,
        "/" + "x/" * 2_000,
    ],
)
async def test_other_paths_are_not_found(client: Client, path: str) -> None:
    async with client.ask("GET", path) as response:
        assert response.status == 404
        assert "secret" not in await response.text()


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need a privilege")
async def test_symbolic_links_do_not_leave_the_folder(client: Client, folder: Path) -> None:
    (folder / "file").symlink_to(folder.parent / "secret.txt")
    (folder / "up").symlink_to(folder.parent)
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "plants" / "home.html").symlink_to(folder / "index.html")
    (folder / "empty" / "index.html").symlink_to(folder.parent / "secret.txt")
    for path in ("/file", "/up/secret.txt", "/circle", "/empty/"):
        async with client.ask("GET", path) as response:
            assert response.status == 404
    async with client.ask("GET", "/plants/home.html") as response:
        assert await response.text() == PAGE


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 405),
        ("POST", "/v1/rendezvous", 404),
        ("PUT", "/", 405),
        ("DELETE", "/nowhere", 405),
        ("OPTIONS", "/", 405),
        ("TRACE", "/", 405),
        ("PROPFIND", "/", 405),
    ],
)
async def test_methods(client: Client, method: str, path: str, status: int) -> None:
    async with client.ask(method, path) as response:
        assert response.status == status
        assert response.headers.get("Allow") == ("GET, HEAD" if status == 405 else None)


async def test_without_a_folder_there_is_the_stock_page() -> None:
    async with asking(with_site()) as client:
        for path in ("/", "/index.html"):
            async with client.ask("GET", path) as response:
                assert await response.text() == "<html><body><h1>It works!</h1></body></html>\n"
                assert response.content_type == "text/html"
        async with client.ask("GET", "/v1/health") as response:
            assert response.status == 404


@pytest.mark.parametrize("status", [400, 403, 404, 405, 413, 414, 417, 500, 503])
def test_error_pages_do_not_identify_their_program(status: int) -> None:
    page = error_page(status)
    assert (page.status, page.content_type) == (status, "text/html")
    assert page.text
    assert str(status) in page.text
    assert not re.search("freespan|aiohttp|python|urn:", page.text, re.IGNORECASE)


async def test_errors_of_the_router_get_error_pages_too() -> None:
    async with asking(web.Application(middlewares=[hide_errors])) as client:
        for method, status in (("GET", 404), ("BIND", 405)):
            async with client.ask(method, "/") as response:
                assert (response.status, await response.text()) == (status, error_page(status).text)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "https://host.example/"),
        ("/a%20b?c=d", "https://host.example/a%20b?c=d"),
        ("//other.example/", "https://host.example//other.example/"),
    ],
)
async def test_the_redirect_to_https(path: str, location: str) -> None:
    async with asking(redirect_to("https://host.example")) as client, client.ask("GET", path) as response:
        assert (response.status, response.headers["Location"]) == (301, location)


# --- the page for complaints -----------------------------------------------------------------------


async def answer(app: web.Application, path: str, method: str = "GET") -> tuple[int, str, str]:
    async with asking(app) as client, client.ask(method, path) as response:
        return response.status, response.headers.get("Content-Type", ""), await response.text()


@pytest.fixture
def complaints(tmp_path: Path) -> Path:
    file = tmp_path / "complaints.txt"
    file.write_text("abuse@host.example ü\n", encoding="utf-8")
    return file


WORDS = (200, "text/plain; charset=utf-8", "abuse@host.example ü\n")


async def test_a_host_without_a_site_shows_the_page_for_complaints_first(complaints: Path) -> None:
    app = with_site(complaints=complaints)
    assert await answer(app, "/abuse") == await answer(with_site(complaints=complaints), "/") == WORDS


async def test_beside_a_site_it_has_a_place_of_its_own_and_the_site_goes_first(folder: Path, complaints: Path) -> None:
    assert await answer(with_site(folder, complaints), "/abuse") == WORDS
    assert PAGE in (await answer(with_site(folder, complaints), "/"))[2]
    assert (await answer(with_site(folder, complaints), "/abuse", "POST"))[0] == 405
    (folder / "abuse").write_text("mine")
    assert (await answer(with_site(folder, complaints), "/abuse"))[2] == "mine"


@pytest.mark.parametrize("path", ["/abuse", "/abuse/", "/complaints.txt"])
async def test_without_a_contact_there_is_no_such_page(folder: Path, path: str) -> None:
    assert (await answer(with_site(folder), path))[0] == 404
    assert (await answer(with_site(), path))[0] == 404


async def test_a_page_that_was_taken_away_is_not_found(complaints: Path) -> None:
    gone = complaints.with_name("gone.txt")
    assert (await answer(with_site(complaints=gone), "/abuse"))[0] == 404
