"""`import freespan`: its names, its version, and what it does not load."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import freespan
from freespan.api.extras import HOST_LIBRARIES
from tests.support.programs import ENVIRONMENT

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def loaded_by(code: str) -> set[str]:
    """The modules that a program has loaded at its end."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=True,
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize("name", freespan.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(freespan, name) is not None
    assert name in dir(freespan)


def test_no_other_name_is_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = freespan.nonsense
    homes = {name for names in freespan._HOMES.values() for name in names}
    assert homes | {"__version__"} == set(freespan.__all__)


def test_the_version_stands_in_one_place() -> None:
    assert version("freespan") == freespan.__version__
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]


def test_to_import_it_loads_nothing_else() -> None:
    loaded = loaded_by("import freespan; freespan.__version__")
    assert not {name for name in loaded if name.startswith("freespan.")}
    assert not loaded & {"asyncio", "aiohttp", "msgspec"}


def test_a_client_and_a_bridge_load_no_library_that_only_hosts_need() -> None:
    loaded = loaded_by("import freespan, freespan.client.link_manager\nfreespan.connect, freespan.Bridge")
    assert not loaded & set(HOST_LIBRARIES)
    assert not {name for name in loaded if name.startswith(("freespan.broker", "freespan.egress", "freespan.web"))}


def test_a_client_begins_without_what_it_needs_later_or_never() -> None:
    """The bond, QUIC and their cryptography are loaded while the broker is asked, and no server is ever needed."""
    loaded = loaded_by("import freespan.cli.connect")
    assert "freespan.client.dialer" in loaded
    late = {"aioquic", "cryptography", "freespan.link.bond.core", "freespan.tunnel.client"}
    assert not loaded & (late | {"aiohttp.web"})


def test_the_extra_for_hosts_has_these_libraries() -> None:
    extras = {name.partition(">")[0].partition("=")[0] for name in PROJECT["optional-dependencies"]["host"]}
    base = {name.partition(">")[0].partition("=")[0] for name in PROJECT["dependencies"]}
    assert {name.replace("-", "_") for name in extras} == {*HOST_LIBRARIES, "aiohappyeyeballs", "segno"}
    assert not extras & base
