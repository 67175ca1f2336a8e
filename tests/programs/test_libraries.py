"""Client libraries, each with a small program of its own kind in `clients/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.programs.origin import Origin
from tests.programs.path import LocalProxy
from tests.programs.run import PROGRAMS, PYTHON, need, run

_CLIENTS = Path(__file__).with_name("clients")
_UNDICI = PROGRAMS / "node" / "node_modules" / "undici"
both = pytest.mark.parametrize("way", ["http", "socks5"])
schemes = pytest.mark.parametrize("scheme", ["http", "https"])


@pytest.mark.parametrize("library", ["requests", "httpx", "urllib3", "aiohttp"])
@both
@schemes
def test_library_of_python(
    local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, library: str, way: str, scheme: str
) -> None:
    _python(library, local_proxy.url(way), getattr(origin, scheme), origin, content, folder)


def test_h11_asks_over_one_connection(local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path) -> None:
    before = len(origin.connections)
    _python("h11", local_proxy.http, origin.http, origin, content, folder)
    assert len(origin.connections) == before + 1


@pytest.fixture(scope="session")
def go_client(tmp_path_factory: pytest.TempPathFactory) -> str:
    need("go")
    folder = tmp_path_factory.mktemp("go")
    program = str(folder / "client")
    environment = {"GOCACHE": str(folder / "cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off"}
    run("go", "build", "-o", program, str(_CLIENTS / "client.go"), folder=folder, environment=environment)
    return program


@both
@schemes
def test_net_http_of_go(
    go_client: str, local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, way: str, scheme: str
) -> None:
    site = getattr(origin, scheme)
    run(go_client, local_proxy.url(way), site, str(origin.authority), str(len(content)), folder=folder)


@pytest.mark.parametrize("way", ["http", "http, forwarding", "socks5"])
@schemes
def test_undici_of_node(
    local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, way: str, scheme: str
) -> None:
    need("node", str(_UNDICI / "index.js"))
    proxy = local_proxy.url(way.partition(",")[0])
    more = ["forward"] if "forwarding" in way else []
    arguments = [str(_UNDICI), proxy, getattr(origin, scheme), str(origin.authority), str(len(content)), *more]
    run("node", str(_CLIENTS / "client.mjs"), *arguments, folder=folder)


def _python(library: str, proxy: str, site: str, origin: Origin, content: bytes, folder: Path) -> None:
    need(str(PYTHON))
    program = str(_CLIENTS / "libraries.py")
    run(str(PYTHON), program, library, proxy, site, str(origin.authority), str(len(content)), folder=folder)
