"""Programs that people download with, by the ways that each of them can take."""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import subprocess
import sys
import tarfile
import wave
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pytest

from tests.programs.origin import TICKS, Origin
from tests.programs.path import SITE, LocalProxy
from tests.programs.run import PYTHON, need, run

both = pytest.mark.parametrize("way", ["http", "socks5"])
schemes = pytest.mark.parametrize("scheme", ["http", "https"])


def variables(proxy: str) -> Mapping[str, str]:
    return {"http_proxy": proxy, "https_proxy": proxy}


@both
@schemes
def test_curl_downloads_uploads_and_goes_on(
    local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, way: str, scheme: str
) -> None:
    need("curl")
    site, file = getattr(origin, scheme), folder / "file.bin"
    curl = ("curl", "-sSf", "--proxy", local_proxy.url(way), "--cacert", str(origin.authority))
    run(*curl, "-o", "file.bin", f"{site}/file.bin", folder=folder)
    assert file.read_bytes() == content
    file.write_bytes(content[:1000])
    run(*curl, "-C", "-", "-o", "file.bin", f"{site}/file.bin", folder=folder)
    assert file.read_bytes() == content
    (folder / "up").write_bytes(content)
    assert json.loads(run(*curl, "-T", "up", f"{site}/echo", folder=folder))["size"] == len(content)
    assert run(*curl, "-N", f"{site}/ticks", folder=folder).count("data:") == TICKS


@schemes
def test_wget_mirrors_goes_on_and_posts(
    local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, scheme: str
) -> None:
    need("wget")
    tree = origin.files / "tree"
    tree.mkdir(exist_ok=True)
    names = [f"{number}.txt" for number in range(12)]
    for name in names:
        (tree / name).write_text(name)
    (tree / "index.html").write_text("".join(f'<a href="{name}">{name}</a>' for name in names))
    site, environment = getattr(origin, scheme), variables(local_proxy.http)
    wget = ("wget", "-nv", "--tries=1", f"--ca-certificate={origin.authority}")
    run(*wget, "-r", "-np", "-nH", f"{site}/tree/index.html", folder=folder, environment=environment)
    assert sorted(file.read_text() for file in (folder / "tree").glob("*.txt")) == sorted(names)
    (folder / "file.bin").write_bytes(content[:1000])
    run(*wget, "-c", f"{site}/file.bin", folder=folder, environment=environment)
    assert (folder / "file.bin").read_bytes() == content
    said = run(*wget, "-O", "-", "--post-data=a=b", f"{site}/echo", folder=folder, environment=environment)
    assert json.loads(said)["method"] == "POST"


@both
@schemes
def test_git_clones_and_pushes(local_proxy: LocalProxy, origin: Origin, folder: Path, way: str, scheme: str) -> None:
    need("git")
    bare = origin.files / "repositories" / f"{way}-{scheme}.git"
    identity = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_SSL_CAINFO": str(origin.authority)}
    for role in ("AUTHOR", "COMMITTER"):
        identity |= {f"GIT_{role}_NAME": "A Reader", f"GIT_{role}_EMAIL": "reader@site.test"}

    def git(*command: str, where: Path = folder) -> str:
        return run("git", "-c", f"http.proxy={local_proxy.url(way)}", *command, folder=where, environment=identity)

    git("init", "-q", "--bare", "-b", "main", str(bare))
    git("-C", str(bare), "config", "http.receivepack", "true")
    git("clone", "-q", f"{getattr(origin, scheme)}/git/{bare.name}", "first")
    first = folder / "first"
    # More than git sends with a length: it is pushed in chunks.
    (first / "large").write_bytes(os.urandom(2_000_000))
    git("add", "large", where=first)
    git("commit", "-q", "-m", "Add a file", where=first)
    git("push", "-q", "origin", "HEAD:main", where=first)
    git("clone", "-q", "-b", "main", f"{getattr(origin, scheme)}/git/{bare.name}", "second")
    assert (folder / "second" / "large").read_bytes() == (first / "large").read_bytes()


@schemes
def test_aria2_downloads_by_several_connections(
    local_proxy: LocalProxy, origin: Origin, content: bytes, folder: Path, scheme: str
) -> None:
    need("aria2c")
    several = ("-x4", "-s4", "-k1M", "--min-split-size=1M", "-q", f"--ca-certificate={origin.authority}")
    proxy = f"--all-proxy={local_proxy.http}"
    run("aria2c", "--no-conf", proxy, *several, f"{getattr(origin, scheme)}/file.bin", folder=folder)
    assert (folder / "file.bin").read_bytes() == content


@both
def test_apt_updates_and_downloads(local_proxy: LocalProxy, origin: Origin, folder: Path, way: str) -> None:
    need("apt-get", "dpkg-deb")
    repository = origin.files / f"apt-{way}"
    names = [f"freespan-test-{number}" for number in range(8)]
    _apt_repository(repository, names, folder)
    (folder / "sources.list").write_text(f"deb [trusted=yes] {origin.http}/{repository.name} ./\n")
    for name in ("state/lists/partial", "cache/archives/partial", "etc"):
        (folder / name).mkdir(parents=True)
    (folder / "state" / "status").touch()
    options = {
        "Dir": str(folder),
        "Dir::State": str(folder / "state"),
        "Dir::State::status": str(folder / "state" / "status"),
        "Dir::Cache": str(folder / "cache"),
        "Dir::Etc": str(folder / "etc"),
        "Dir::Etc::sourcelist": str(folder / "sources.list"),
        "Dir::Etc::sourceparts": "/dev/null",
        "Acquire::http::Proxy": local_proxy.url(way),
        "Acquire::Retries": "0",
        "APT::Sandbox::User": "root",
        "APT::Architecture": "amd64",
    }
    # Its settings come from this file alone: those of the machine are read before it, and are overridden by it.
    (folder / "apt.conf").write_text("".join(f'{name} "{value}";\n' for name, value in options.items()))
    environment = {"APT_CONFIG": str(folder / "apt.conf")}
    run("apt-get", "-q", "update", "--error-on=any", folder=folder, environment=environment)
    # apt sends several requests before the first answer (`Acquire::http::Pipeline-Depth`).
    run("apt-get", "-q", "download", *names, folder=folder, environment=environment)
    for name in names:
        assert (folder / f"{name}_1_all.deb").read_bytes() == (repository / f"{name}.deb").read_bytes()


@both
@schemes
def test_pip_installs(local_proxy: LocalProxy, origin: Origin, folder: Path, way: str, scheme: str) -> None:
    need(str(PYTHON))
    _wheel(origin.files / "simple" / "freespan-test", "freespan_test")
    installed = folder / "installed"
    run(
        *(str(PYTHON), "-m", "pip", "--isolated", "--disable-pip-version-check", "--no-cache-dir", "install", "-q"),
        *("--proxy", local_proxy.url(way), "--trusted-host", f"{SITE}:{origin.port}", "--cert", str(origin.authority)),
        *("--index-url", f"{getattr(origin, scheme)}/simple", "--target", str(installed), "freespan-test"),
        folder=folder,
    )
    assert (installed / "freespan_test.py").exists()


@both
@schemes
def test_npm_installs(local_proxy: LocalProxy, origin: Origin, folder: Path, way: str, scheme: str) -> None:
    need("npm")
    site = getattr(origin, scheme)
    _npm_package(origin.files / f"npm-{way}-{scheme}", f"{site}/npm-{way}-{scheme}")
    (folder / "package.json").write_text('{"name": "reader", "version": "1.0.0"}')
    # npm knows SOCKS5 with names that the proxy resolves by another name than curl.
    proxy = local_proxy.url(way).replace("socks5h", "socks")
    run(
        *("npm", "install", "--no-audit", "--no-fund", "--fetch-retries=0", f"--cafile={origin.authority}"),
        *(f"--proxy={proxy}", f"--https-proxy={proxy}", f"--registry={site}/npm-{way}-{scheme}/", "freespan-test"),
        folder=folder,
        environment={"npm_config_userconfig": str(folder / ".npmrc"), "npm_config_update_notifier": "false"},
    )
    assert (folder / "node_modules" / "freespan-test" / "index.js").read_text() == "module.exports = 1;\n"


@pytest.mark.parametrize("player", ["ffmpeg", "mpv"])
@schemes
def test_player_plays_a_stream(local_proxy: LocalProxy, origin: Origin, folder: Path, player: str, scheme: str) -> None:
    need(player)
    samples = _sound(origin.files / "sound.wav")
    url, heard = f"{getattr(origin, scheme)}/sound.wav", folder / "heard.wav"
    if player == "ffmpeg":
        command = ["ffmpeg", "-v", "error", "-i", url, str(heard)]
    else:
        command = ["mpv", "--no-config", "--no-terminal", "--vo=null", "--ao=pcm", f"--ao-pcm-file={heard}", url]
        command += ["--tls-verify=no"]
    run(*command, folder=folder, environment={"http_proxy": local_proxy.http})
    assert samples in heard.read_bytes()


def _apt_repository(repository: Path, names: list[str], folder: Path) -> None:
    """A flat repository of small packages."""
    repository.mkdir()
    index = ""
    for name in names:
        control = (
            f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: A Reader <r@site.test>\nDescription: {name}\n"
        )
        tree = folder / name
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN" / "control").write_text(control)
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-b", str(tree), str(repository / f"{name}.deb")],
            check=True,
            capture_output=True,
        )
        package = (repository / f"{name}.deb").read_bytes()
        digest = hashlib.sha256(package).hexdigest()
        index += f"{control}Filename: ./{name}.deb\nSize: {len(package)}\nSHA256: {digest}\n\n"
    (repository / "Packages").write_text(index)
    (repository / "Packages.xz").write_bytes(lzma.compress(index.encode()))


def _wheel(folder: Path, module: str) -> None:
    """A page of a package index with one wheel."""
    folder.mkdir(parents=True, exist_ok=True)
    name, info = f"{module}-1.0-py3-none-any.whl", f"{module}-1.0.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr(f"{module}.py", "")
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    (folder / "index.html").write_text(f'<a href="{name}">{name}</a>')


def _npm_package(folder: Path, url: str) -> None:
    """A registry of one package."""
    folder.mkdir()
    packed = BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in (
            ("package.json", '{"name": "freespan-test", "version": "1.0.0"}'),
            ("index.js", "module.exports = 1;\n"),
        ):
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(text)
            archive.addfile(member, BytesIO(text.encode()))
    (folder / "freespan-test.tgz").write_bytes(packed.getvalue())
    shasum = hashlib.sha1(packed.getvalue(), usedforsecurity=False).hexdigest()
    version = {"name": "freespan-test", "version": "1.0.0"}
    version["dist"] = {"tarball": f"{url}/freespan-test.tgz", "shasum": shasum}  # type: ignore[assignment]
    document = {"name": "freespan-test", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}
    (folder / "freespan-test").write_text(json.dumps(document))


def _sound(file: Path) -> bytes:
    """A second of sound; returns its samples."""
    samples = b"".join((number * 37 % 20_000).to_bytes(2, sys.byteorder) for number in range(8_000))
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(samples)
    return samples
