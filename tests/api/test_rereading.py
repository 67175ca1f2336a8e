"""What a running host reads again, by itself and when it is asked to."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509

import freespan
from freespan.api import running_host
from freespan.api.rereading import READ_AGAIN, Part, Rereading
from freespan.api.settings import HostSettings
from freespan.egress.block_list import BlockList
from freespan.egress.block_list_file import read_block_list
from tests.api.conftest import SECONDS
from tests.support.tls import TestAuthority

QUICK = 0.01


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.005)


# --- a file --------------------------------------------------------------------------------------
class Watched:
    """A block list that is watched, and the lists that came of it."""

    def __init__(
        self, path: Path, look_seconds: float, read_settings: Callable[[], HostSettings] | None = None
    ) -> None:
        self.lists: asyncio.Queue[BlockList] = asyncio.Queue()
        part = Part("the block list", lambda now: [now.block_list] if now.block_list else [], self._read)
        self.rereading = Rereading(HostSettings(block_list=path), [part], read_settings, look_seconds)
        self._task = asyncio.create_task(self.rereading.run(), name="watch")

    def _read(self, settings: HostSettings) -> Callable[[], str]:
        assert settings.block_list is not None
        found = read_block_list(settings.block_list)

        def take() -> str:
            self.lists.put_nowait(found)
            return "taken"

        return take

    async def next(self) -> BlockList:
        async with asyncio.timeout(10):
            return await self.lists.get()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("one.example\n")
    watched = Watched(path, QUICK)
    path.write_text("two.example\n")
    assert (await watched.next()).has_name("two.example")
    other = tmp_path / "other.txt"
    other.write_text("new.example\n")  # of the same length, and put in its place
    other.replace(path)
    assert (await watched.next()).has_name("new.example")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "third.txt")
    (tmp_path / "third.txt").write_text("lnk.example\n")
    link.replace(path)
    assert (await watched.next()).has_name("lnk.example")
    await watched.stop()


async def test_a_file_is_read_when_somebody_asks_for_it(tmp_path: Path) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("one.example\n")
    watched = Watched(path, look_seconds=3_600)
    path.write_text("two.example\n")
    watched.rereading.ask()
    assert (await watched.next()).has_name("two.example")
    await watched.stop()


@pytest.mark.parametrize("content", [b"two words\n", b"\xff\n", None], ids=["nonsense", "no text", "missing"])
async def test_what_was_there_stays_when_a_new_file_cannot_be_used(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("one.example\n")
    watched = Watched(path, QUICK)
    with caplog.at_level(logging.WARNING):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        await until(lambda: bool(caplog.messages))
    (message,) = caplog.messages
    assert message.startswith("the block list of before stays: ")
    assert watched.lists.empty()
    path.write_text("two.example\n")
    os.utime(path, (1, 1))
    assert (await watched.next()).has_name("two.example")
    await watched.stop()


# --- the settings --------------------------------------------------------------------------------
async def test_settings_are_read_again_and_another_file_is_watched_from_then_on(tmp_path: Path) -> None:
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text("one.example\n")
    second.write_text("two.example\n")
    watched = Watched(first, QUICK, lambda: HostSettings(block_list=second))
    watched.rereading.ask()
    assert (await watched.next()).has_name("two.example")
    second.write_text("later.example\n")
    assert (await watched.next()).has_name("later.example")
    await watched.stop()


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"port": 4_433}, "port"),
        ({"stun": False, "proxy_header": "X-Real-IP"}, "proxy-header, stun"),
        ({"allow_host": ("a.example",), "memory": "1 GB"}, "memory"),
        ({"allow_host": ("a.example",), "egress_port": (8_000,)}, ""),
    ],
)
async def test_what_needs_a_restart_is_said(
    tmp_path: Path, changed: dict[str, object], names: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("one.example\n")
    before = HostSettings(block_list=path)
    watched = Watched(path, 3_600, lambda: dataclasses.replace(before, **changed))  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING):
        watched.rereading.ask()
        await watched.next()
    expected = [f"these settings have changed, and need a restart: {names}"] if names else []
    assert caplog.messages == expected
    await watched.stop()


async def test_settings_that_cannot_be_used_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "blocked.txt"
    path.write_text("one.example\n")
    watched = Watched(path, 3_600, lambda: HostSettings(block_list=path, port=-1))
    with caplog.at_level(logging.WARNING):
        watched.rereading.ask()
        assert (await watched.next()).has_name("one.example")
    (message,) = caplog.messages
    assert message.startswith("the settings of before stay: port: ")
    await watched.stop()


def test_every_setting_that_is_read_again_is_one() -> None:
    assert {field.name for field in dataclasses.fields(HostSettings)} >= READ_AGAIN


# --- certificates --------------------------------------------------------------------------------
class Pair:
    """The files of a certificate, as an authority writes them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._authority = TestAuthority(folder)
        self._made = 0
        self.cert, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.folder = folder

    def new(self) -> tuple[bytes, bytes, int]:
        """A key, a certificate, and the serial number of that."""
        pem = self._authority.server_pem("localhost")
        certificate = x509.load_pem_x509_certificate(pem)
        return pem[: pem.index(b"-----BEGIN CERT")], pem[pem.index(b"-----BEGIN CERT") :], certificate.serial_number

    def write(self) -> int:
        key, certificate, serial = self.new()
        self.key.write_bytes(key)
        self.cert.write_bytes(certificate)
        return serial


@asynccontextmanager
async def hosting_with(pair: Pair, data: Path) -> AsyncIterator[freespan.Host]:
    settings = HostSettings(port=0, data=data, host="127.0.0.1", tls_cert=pair.cert, tls_key=pair.key, stun=False)
    async with freespan.Host(settings, lambda: settings) as host:
        yield host


def port_of(host: freespan.Host) -> int:
    return int(host.url.split(":")[2].partition("/")[0])


async def serial_of(host: freespan.Host) -> int:
    pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port_of(host)), timeout=SECONDS)
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


async def until_serial(host: freespan.Host, serial: int) -> None:
    async with asyncio.timeout(SECONDS):
        while await serial_of(host) != serial:
            await asyncio.sleep(0.02)


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pair:
    monkeypatch.setattr(running_host, "Rereading", partial(Rereading, look_seconds=QUICK))
    return Pair(tmp_path / "tls")


async def test_a_certificate_that_is_renewed_is_taken_and_no_connection_ends(pair: Pair, tmp_path: Path) -> None:
    first = pair.write()
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    async with hosting_with(pair, tmp_path / "data") as host, aiohttp.ClientSession() as http:
        assert await serial_of(host) == first
        async with http.ws_connect(f"{host.url}/v1/bridge", ssl=trusting) as socket:
            for write in (pair.write, lambda: by_renaming(pair), lambda: by_links(pair)):
                await until_serial(host, write())
            assert not socket.closed
            await socket.ping()
            assert socket.exception() is None


def by_renaming(pair: Pair) -> int:
    """As acme.sh and others that write beside, and rename."""
    key, certificate, serial = pair.new()
    for name, content in ((pair.key, key), (pair.cert, certificate)):
        beside = name.with_suffix(".new")
        beside.write_bytes(content)
        beside.replace(name)
    return serial


def by_links(pair: Pair) -> int:
    """As certbot, whose files are symbolic links to those with a number."""
    key, certificate, serial = pair.new()
    archive = pair.folder / "archive"
    archive.mkdir()
    for name, content in ((pair.key, key), (pair.cert, certificate)):
        kept = archive / f"{name.stem}2.pem"
        kept.write_bytes(content)
        link = name.with_suffix(".link")
        link.symlink_to(kept)
        link.replace(name)
    return serial


async def test_at_a_signal_the_certificate_is_read_at_once(pair: Pair, tmp_path: Path) -> None:
    pair.write()
    async with hosting_with(pair, tmp_path / "data") as host:
        serial = pair.write()
        host.reload()
        await until_serial(host, serial)


def only_the_certificate(pair: Pair) -> None:
    pair.cert.write_bytes(pair.new()[1])


def a_key_of_another(pair: Pair) -> None:
    pair.key.write_bytes(pair.new()[0])


def half_a_certificate(pair: Pair) -> None:
    key, certificate, _ = pair.new()
    pair.key.write_bytes(key)
    pair.cert.write_bytes(certificate[:200])


def nothing_left(pair: Pair) -> None:
    pair.cert.unlink()


def a_dangling_link(pair: Pair) -> None:
    pair.key.unlink()
    pair.key.symlink_to(pair.folder / "nowhere.pem")


@pytest.mark.parametrize(
    "spoil", [only_the_certificate, a_key_of_another, half_a_certificate, nothing_left, a_dangling_link]
)
async def test_a_pair_that_cannot_be_used_leaves_the_one_of_before_and_is_said_once(
    pair: Pair, tmp_path: Path, spoil: Callable[[Pair], None], caplog: pytest.LogCaptureFixture
) -> None:
    serial = pair.write()
    async with hosting_with(pair, tmp_path / "data") as host:
        with caplog.at_level(logging.WARNING):
            spoil(pair)
            await until(lambda: bool(caplog.messages))
            for _ in range(3):
                assert await serial_of(host) == serial
        (message,) = caplog.messages
        assert message.startswith("the certificate of before stays: certificate and key cannot be used: ")
        pair.key.unlink()
        await until_serial(host, pair.write())
