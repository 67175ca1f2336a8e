"""What a doctor sees on the machine of a host."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from freespan.api.own_path import own_path
from freespan.api.settings import HostSettings
from freespan.doctor.findings import Finding
from freespan.doctor.host_here import Here, finding_of_data, url_of
from freespan.doctor.settings import DoctorSettings
from freespan.tunnel.identity import load_or_create_identity
from freespan.wire.errors import InputError

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    load_or_create_identity(folder)
    own_path("", folder)
    return folder


async def looked_at(name: str, **settings: object) -> Finding:
    here = Here(HostSettings(**settings), DoctorSettings(stun_seconds=0.2))  # type: ignore[arg-type]
    (check,) = [check for check in here.checks() if check.id == name]
    return await check.look()


def test_a_data_folder_that_is_well(data: Path) -> None:
    before = {file.name: file.stat().st_mode for file in data.iterdir()}
    assert finding_of_data(data).state == "good"
    assert {file.name: file.stat().st_mode for file in data.iterdir()} == before


def test_a_data_folder_that_is_not_there(tmp_path: Path) -> None:
    assert finding_of_data(tmp_path / "new").code == "no_data"
    assert not (tmp_path / "new").exists()


@posix
@pytest.mark.parametrize(("name", "mode"), [(".", 0o755), (".", 0o711), ("egress-key.pem", 0o640), ("path.txt", 0o644)])
def test_a_data_folder_that_others_can_read(data: Path, name: str, mode: int) -> None:
    (data / name).chmod(mode)
    assert finding_of_data(data).code == "data_open"


def test_a_data_folder_without_its_key(data: Path) -> None:
    (data / "egress-key.pem").unlink()
    assert finding_of_data(data).code == "no_key"


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_data_folder_of_somebody_else(data: Path) -> None:
    data.chmod(0)
    try:
        assert finding_of_data(data).code == "data_closed"
    finally:
        data.chmod(0o700)


@pytest.mark.parametrize(
    ("settings", "end"),
    [
        ({"public_url": "https://a.example/garden"}, "https://a.example/garden"),
        ({"public_url": "https://a.example"}, "https://a.example{path}"),
        ({"port": 9000}, "http://127.0.0.1:9000{path}"),
        ({"host": "0.0.0.0", "port": 80}, "http://127.0.0.1:80{path}"),
    ],
)
def test_the_url_of_settings(data: Path, settings: dict[str, object], end: str) -> None:
    path = own_path("", data)
    assert url_of(HostSettings(data=data, **settings)) == end.format(path=path)  # type: ignore[arg-type]


def test_settings_that_tell_no_url(data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="port: 0 picks another port"):
        url_of(HostSettings(data=data, port=0))
    with pytest.raises(InputError, match="data: holds no path yet"):
        url_of(HostSettings(data=tmp_path / "new"))


@pytest.mark.parametrize(
    ("name", "settings", "code"),
    [
        ("settings", {"site": Path("/no-such-folder")}, "settings"),
        ("settings", {"tls_cert": Path("/no-such-file.pem")}, "settings"),
        ("settings", {"egress": "sites"}, "settings"),
        ("memory", {"memory": "90000GB"}, "memory"),
        ("strangers", {"public_url": "https://a.example/x"}, "unnamed_proxy"),
        ("address", {"public_url": "https://no-such-name.invalid/x"}, "no_address"),
    ],
)
async def test_what_is_wrong_here(data: Path, name: str, settings: dict[str, object], code: str) -> None:
    found = await looked_at(name, data=data, **settings)
    assert (found.state, found.code) == ("bad", code)
    assert found.advice


@pytest.mark.parametrize("name", ["version", "settings", "data", "strangers", "address", "turn"])
async def test_what_is_well_here(data: Path, name: str) -> None:
    assert (await looked_at(name, data=data)).state == "good"


@pytest.mark.skipif(sys.platform == "win32", reason="sockets are no files there")
async def test_few_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda kind: (256, 1_024))
    assert (await looked_at("files")).code == "open_files"
