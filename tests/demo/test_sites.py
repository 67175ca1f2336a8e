import hashlib

import aiohttp
import pytest

from freespan.demo.errors import DemoError
from freespan.demo.payload import FILE_MAX, sha256_of
from freespan.demo.reader import fetch
from freespan.demo.sites import BLOCKED, NEWS


def straight(road, name: str, scheme: str, path: str = "/") -> str:
    """The site's own address, past the censor."""
    site = road.blocked if name == BLOCKED else road.news
    return f"{scheme}://{name}:{site.https_port if scheme == 'https' else site.http_port}{path}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("name", [NEWS, BLOCKED])
async def test_pages_arrive_as_the_site_says(road, scheme: str, name: str) -> None:
    page = await fetch(straight(road, name, scheme), tls=road.tls, seconds=10, size_max=100_000)
    site = road.blocked if name == BLOCKED else road.news
    assert page.sha256 == site.page_sha256()
    assert site.traffic.requests == 1
    assert site.traffic.body_bytes == page.size


async def test_the_news_page_carries_the_switch_and_shows_its_line(road) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{road.news.http_port}/") as response,
    ):
        text = await response.text()
    assert '<script type="module" src="http://127.0.0.1:1/switch.js"></script>' in text
    assert "&lt;freespan-switch&gt;" in text
    assert "{{" not in text


async def test_the_file_is_streamed_with_the_known_hash(road) -> None:
    size = 1_500_001
    told: list[int] = []
    file = await fetch(
        straight(road, BLOCKED, "https", f"/file?bytes={size}"),
        tls=road.tls,
        seconds=20,
        size_max=size,
        on_bytes=told.append,
    )
    assert (file.size, file.sha256) == (size, sha256_of(size))
    assert told[-1] == size
    assert 0 < file.first_byte_s <= file.seconds


async def test_the_small_page(road) -> None:
    page = await fetch(straight(road, BLOCKED, "http", "/small"), tls=road.tls, seconds=10, size_max=1000)
    assert page.sha256 == hashlib.sha256(b"This is blocked.test, and you are reading it.\n").hexdigest()


@pytest.mark.parametrize("asked", ["", "-1", "x", "1e3", str(FILE_MAX + 1), "9" * 4000, "٣"])
async def test_bad_sizes_are_refused(road, asked: str) -> None:
    with pytest.raises(DemoError, match="answered 400"):
        await fetch(straight(road, BLOCKED, "http", f"/file?bytes={asked}"), tls=road.tls, seconds=10, size_max=1000)


async def test_a_body_over_the_limit_is_an_error(road) -> None:
    with pytest.raises(DemoError, match="more than 10 bytes"):
        await fetch(straight(road, BLOCKED, "http"), tls=road.tls, seconds=10, size_max=10)


async def test_another_authority_is_not_trusted(road, tmp_path_factory: pytest.TempPathFactory) -> None:
    from freespan.demo.certificates import DemoAuthority

    stranger = DemoAuthority(tmp_path_factory.mktemp("stranger")).client_context()
    with pytest.raises(DemoError, match=r"(?i)certificate"):
        await fetch(straight(road, BLOCKED, "https"), tls=stranger, seconds=10, size_max=1000)
