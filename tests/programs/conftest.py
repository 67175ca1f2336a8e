"""A real host, headless bridge and client for what others wrote: `make programs-test`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs.origin import Origin, running_origin
from tests.programs.path import LocalProxy, running_path


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Function) -> None:
    """Skip what was not asked for: here, so that the reason is one line of the summary."""
    if not os.environ.get("FREESPAN_PROGRAMS") and "local_proxy" in item.fixturenames:
        pytest.skip("programs that others wrote, through the local proxy: make programs-test")


@pytest.fixture(scope="session")
def local_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalProxy]:
    """The local proxy of a client whose session is open."""
    with running_path(tmp_path_factory.mktemp("host")) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Origin]:
    """The site that the programs ask."""
    with running_origin(tmp_path_factory.mktemp("origin")) as origin:
        yield origin


@pytest.fixture(scope="session")
def content(origin: Origin) -> bytes:
    """What the site has as `/file.bin`: 3 MB of which no part is like another."""
    data = b"".join(number.to_bytes(4, "big") for number in range(750_000))
    (origin.files / "file.bin").write_bytes(data)
    return data


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
