"""`freespan.Host`: what it says of itself, and how it begins and ends."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

import freespan
from freespan.broker.settings import BrokerSettings
from freespan.wire.invite import parse_invite
from tests.api.conftest import SECONDS, hosting
from tests.support.programs import ENVIRONMENT


async def test_a_host_that_runs(host: freespan.Host) -> None:
    assert parse_invite(host.invite).broker == host.url
    assert f'src="{host.url}/switch.js"' in host.embed
    assert host.stun == ()
    assert host.status == freespan.HostStatus()
    async with aiohttp.ClientSession() as http, http.get(f"{host.url}/v1/health") as response:
        assert await response.json() == {"status": "ok"}


async def test_its_figures_follow_what_happens(host: freespan.Host) -> None:
    figures = host.events()
    assert await anext(figures) == freespan.HostStatus()
    async with freespan.Bridge(host.url), asyncio.timeout(SECONDS):
        assert (await anext(figures)).bridges == 1
    async with asyncio.timeout(SECONDS):
        assert (await anext(figures)).bridges == 0


async def test_its_broker_tells_readers_apart_by_what_the_web_server_in_front_says(tmp_path: Path) -> None:
    asked = int(BrokerSettings().rendezvous_of_host.burst)
    async with hosting(tmp_path, proxy_header="X-Real-IP") as host, aiohttp.ClientSession() as http:

        async def ask(address: str) -> int:
            async with http.post(f"{host.url}/v1/rendezvous", headers={"X-Real-IP": address}) as response:
                return response.status

        statuses = {await ask("192.0.2.1") for _ in range(asked + 100)}
        assert statuses == {400, 429}
        assert await ask("198.51.100.1") == 400


async def test_its_events_end_with_it(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        figures = host.events()
        await anext(figures)
    async with asyncio.timeout(SECONDS):
        assert [status async for status in figures] == []
    port = urlsplit(host.url).port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


async def test_a_port_in_use_names_the_setting(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(freespan.InputError, match="address already in use") as caught,
    ):
        async with hosting(tmp_path, port=taken.getsockname()[1]):
            pytest.fail("the port is taken")
    assert caught.value.field == "port"


async def test_outside_its_block_a_host_has_no_url(tmp_path: Path) -> None:
    host = freespan.Host(freespan.HostSettings(port=0, data=tmp_path))
    with pytest.raises(RuntimeError, match="inside its `async with` block"):
        _ = host.url
    async with host:
        pass
    with pytest.raises(RuntimeError, match="make another one"):
        await host.__aenter__()


async def test_two_hosts_in_one_process(tmp_path: Path) -> None:
    async with hosting(tmp_path / "one") as one, hosting(tmp_path / "two") as two:
        async with freespan.Bridge(one.url):
            assert (one.status.bridges, two.status.bridges) == (1, 0)
        assert one.invite != two.invite


WITHOUT = """
import asyncio, sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {names!r} else PathFinder.find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
{then}
"""


def run_without_host_libraries(then: str) -> subprocess.CompletedProcess[str]:
    """Run a program where the libraries of a host cannot be found."""
    from freespan.api.extras import HOST_LIBRARIES

    code = WITHOUT.format(names=HOST_LIBRARIES, then=then)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**ENVIRONMENT}, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_without_its_libraries_a_command_says_what_to_install(command: str) -> None:
    then = f"sys.argv = ['freespan', {command!r}]\nfrom freespan.cli.main import main\nmain()"
    ended = run_without_host_libraries(then)
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1), ended.stderr
    assert ended.stderr.startswith("freespan: aioice, maxminddb, ")
    hint = '(in a clone: pip install ".[host]", or pipx install --force ".[host]")'
    assert ended.stderr.endswith(f'not installed: install "freespan[host]" {hint}\n')


@pytest.mark.parametrize("option", ["--check", "--json", "--template"])
def test_without_its_libraries_the_settings_of_a_host_can_be_checked(option: str, tmp_path: Path) -> None:
    arguments = ["freespan", "config", option, "--site", str(tmp_path), "--public-url", "https://host.example"]
    ended = run_without_host_libraries(f"sys.argv = {arguments!r}\nfrom freespan.cli.main import main\nmain()")
    assert (ended.returncode, ended.stderr, bool(ended.stdout)) == (0, "", option != "--check")


def test_a_setting_that_needs_a_library_says_what_to_install() -> None:
    arguments = ["freespan", "config", "--countries", "countries.mmdb"]
    ended = run_without_host_libraries(f"sys.argv = {arguments!r}\nfrom freespan.cli.main import main\nmain()")
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (1, "", 1), ended.stderr
    assert 'install "freespan[host]"' in ended.stderr


def test_without_the_libraries_of_a_host_the_rest_works() -> None:
    then = """
import freespan
import freespan.bridge.bridge, freespan.client.link_manager, freespan.tunnel.client
for name in freespan.__all__:
    getattr(freespan, name)
client = freespan.connect
async def main():
    try:
        async with freespan.Host():
            pass
    except freespan.MissingLibraryError as error:
        print(error.install)
    try:
        async with freespan.Bridge("http://127.0.0.1:1", timeout=0.1):
            pass
    except freespan.RendezvousError as error:
        print(error.code)
asyncio.run(main())
"""
    ended = run_without_host_libraries(then)
    assert (ended.returncode, ended.stdout.split(), ended.stderr) == (0, ["freespan[host]", "unreachable"], "")
