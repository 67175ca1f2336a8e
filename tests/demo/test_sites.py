"""The demo's sites, and the requests that the reader makes."""

import hashlib

import aiohttp
import pytest

from freespan.demo.addresses import BLOCKED, NEWS
from freespan.demo.certificates import DemoAuthority
from freespan.demo.errors import DemoError
from freespan.demo.fetch import fetch
from freespan.demo.payload import FILE_MAX, sha256_of
from tests.demo.conftest import CensoredSites


def direct(sites: CensoredSites, name: str, scheme: str, path: str = "/") -> str:
    """The URL of a site itself, past the censor."""
    site = sites.blocked if name == BLOCKED else sites.news
    return f"{scheme}://{name}:{site.https_port if scheme == 'https' else site.http_port}{path}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", [NEWS, BLOCKED])
async def test_pages_arrive_unchanged(sites: CensoredSites, scheme: str, name: str) -> None:
    page = await fetch(direct(sites, name, scheme), tls=sites.tls, seconds=10, size_max=100_000)
    site = sites.blocked if name == BLOCKED else sites.news
    assert page.sha256 == site.page_sha256()
    assert site.traffic.requests == 1
    assert site.traffic.body_bytes == page.size


async def test_the_news_page_carries_the_switch_and_shows_its_line(sites: CensoredSites) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{sites.news.http_port}/") as response,
    ):
        text = await response.text()
    assert '<script type="module" src="http://127.0.0.1:1/switch.js"></script>' in text
    assert "&lt;freespan-switch&gt;" in text
    assert "{{" not in text


async def test_the_file_is_streamed_with_the_known_hash(sites: CensoredSites) -> None:
    size = 1_500_001
    reported: list[int] = []
    file = await fetch(
        direct(sites, BLOCKED, "https", f"/file?bytes={size}"),
        tls=sites.tls,
        seconds=20,
        size_max=size,
        on_bytes=reported.append,
    )
    assert (file.size, file.sha256) == (size, sha256_of(size))
    assert reported[-1] == size
    assert 0 < file.first_byte_s <= file.seconds


async def test_the_small_page(sites: CensoredSites) -> None:
    page = await fetch(direct(sites, BLOCKED, "http", "/small"), tls=sites.tls, seconds=10, size_max=1000)
    assert page.sha256 == hashlib.sha256(b"This is blocked.test, and you are reading it.\n").hexdigest()


@pytest.mark.parametrize("asked", ["", "-1", "x", "1e3", str(FILE_MAX + 1), "9" * 4000, "٣"])
async def test_bad_sizes_are_refused(sites: CensoredSites, asked: str) -> None:
    with pytest.raises(DemoError, match="answered 400"):
        await fetch(direct(sites, BLOCKED, "http", f"/file?bytes={asked}"), tls=sites.tls, seconds=10, size_max=1000)


async def test_a_body_over_the_limit_is_an_error(sites: CensoredSites) -> None:
    with pytest.raises(DemoError, match="more than 10 bytes"):
        await fetch(direct(sites, BLOCKED, "http"), tls=sites.tls, seconds=10, size_max=10)


async def test_another_authority_is_not_trusted(sites: CensoredSites, tmp_path_factory: pytest.TempPathFactory) -> None:
    stranger = DemoAuthority(tmp_path_factory.mktemp("stranger")).client_context()
    with pytest.raises(DemoError, match=r"(?i)certificate"):
        await fetch(direct(sites, BLOCKED, "https"), tls=stranger, seconds=10, size_max=1000)
