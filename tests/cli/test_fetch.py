"""`freespan fetch`: a file, whole or not at all, or one line that says why not."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from freespan.cli.output_file import written_file
from freespan.client.local_proxy.server import LocalProxy
from freespan.demo.certificates import DemoAuthority
from freespan.demo.payload import sha256_of
from freespan.wire.invite import format_invite
from tests.cli.conftest import AtTerminal, Command
from tests.support.invites import invite_to
from tests.support.laboratory import Lab, laboratory, url_of
from tests.support.programs import SECONDS, Program, Programs
from tests.support.site import SMALL, Site, served


def fetch(lab: Lab, url: str, *options: str, folder: Path, **more: object) -> Program:
    return lab.programs("fetch", url, *options, folder=folder, **more, invite=lab.invite)


DEAD = format_invite(invite_to("http://127.0.0.1:1", bytes(32)))


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def test_a_file(lab: Lab, site: Site, tmp_path: Path) -> None:
    program = fetch(lab, url_of(site, "/file?bytes=3000000"), "-o", "mine.bin", folder=tmp_path)
    assert (program.wait(), program.errors) == (0, [])
    assert hashlib.sha256((tmp_path / "mine.bin").read_bytes()).hexdigest() == sha256_of(3_000_000)
    assert program.output[0].startswith("mine.bin: 3,000,000 bytes in ")
    assert names(tmp_path) == ["mine.bin"]


def test_nobody_else_can_use_its_local_proxy(
    lab: Lab, command: Command, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may not tell whose programs ask: so they must know what nobody is told."""
    asked_for = []
    make = LocalProxy.__init__

    def noting(self: LocalProxy, *arguments: Any, **options: Any) -> None:
        asked_for.append(options["credentials"].password)
        make(self, *arguments, **options)

    monkeypatch.setattr(LocalProxy, "__init__", noting)
    for _ in range(2):
        done = command("fetch", url_of(site), "-o", str(tmp_path / "page"), invite=lab.invite)
        assert done.code == 0
    assert len(set(asked_for)) == 2
    assert all(len(password) > 20 for password in asked_for)


def test_output_for_programs(lab: Lab, command: Command, site: Site, tmp_path: Path) -> None:
    url = url_of(site, "/file?bytes=100000")
    fetched = command("fetch", url, "-o", str(tmp_path / "f"), "--json", invite=lab.invite)
    assert (fetched.code, fetched.errors) == (0, "")
    message = json.loads(fetched.output)
    assert (message["status"], message["bytes"], message["sha256"]) == (200, 100_000, sha256_of(100_000))
    assert 0 < message["first_byte_s"] <= message["seconds"]
    assert message["mb_per_s"] > 0


@pytest.mark.parametrize(
    ("path", "name"),
    [("/", "index.html"), ("/a/page.html?x=1", "page.html"), ("/with%20space", "with space"), ("/a/..%2f..%2fb", "b")],
)
def test_the_name_is_taken_from_the_url(
    lab: Lab, command: Command, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, name: str
) -> None:
    """Never a folder, and never one above."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert command("fetch", url_of(site, path), invite=lab.invite).code == 0
    assert names(tmp_path) == ["here"]
    assert [(each.name, each.read_bytes()) for each in folder.iterdir()] == [(name, SMALL)]


def test_standard_output(lab: Lab, site: Site, tmp_path: Path) -> None:
    program = fetch(lab, url_of(site, "/file?bytes=1000000"), "-o", "-", folder=tmp_path, text=False)
    assert program.stdout is not None
    assert hashlib.sha256(program.stdout.read()).hexdigest() == sha256_of(1_000_000)
    assert (program.wait(), program.errors) == (0, [])
    assert names(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_page_that_is_shown_has_no_bar_drawn_into_it(lab: Lab, site: Site, terminal: AtTerminal) -> None:
    program = terminal("fetch", url_of(site), "-o", "-")
    program.until("not shown")
    program.type(f"{lab.invite}\n")
    program.until(SMALL.decode().strip())
    assert program.process.wait(SECONDS) == 0
    assert "downloading" not in program.said


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_standard_output_that_nobody_reads_on(lab: Lab, site: Site, tmp_path: Path) -> None:
    program = fetch(lab, url_of(site, "/file?bytes=50000000"), "-o", "-", folder=tmp_path, text=False)
    assert program.stdout is not None
    assert program.stdout.read(10)
    program.stdout.close()
    assert (program.wait(), program.errors) == (1, [])


def test_a_file_that_is_there_stays(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "index.html").write_text("mine")
    message = command("fetch", "http://site.test/", invite=DEAD).fails(2)
    assert message == "--output: index.html exists already; name another file with -o"
    assert (tmp_path / "index.html").read_text() == "mine"


def test_a_file_that_is_named_is_replaced_but_only_by_a_whole_one(
    lab: Lab, command: Command, site: Site, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    mine.write_text("old")
    why = command("fetch", url_of(site, "/broken"), "-o", str(mine), invite=lab.invite).fails(1)
    assert why == "the download broke off before its end; try again"
    assert mine.read_text() == "old"
    assert command("fetch", url_of(site), "-o", str(mine), invite=lab.invite).code == 0
    assert mine.read_bytes() == SMALL
    assert names(tmp_path) == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
def test_a_pipe_is_written_and_not_replaced(lab: Lab, command: Command, site: Site, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()), daemon=True)
    reader.start()
    assert command("fetch", url_of(site), "-o", str(pipe), invite=lab.invite).code == 0
    reader.join(SECONDS)
    assert received == [SMALL]
    assert pipe.is_fifo()
    assert names(tmp_path) == ["pipe"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk(lab: Lab, command: Command, site: Site) -> None:
    fetched = command("fetch", url_of(site, "/file?bytes=1000000"), "-o", "/dev/full", invite=lab.invite)
    assert fetched.fails(1) == "the output cannot be written: no space left on device"


@pytest.mark.parametrize(("name", "why"), [("no/such/folder", "no such file"), (".", "is a directory")])
def test_a_place_that_cannot_be_written(command: Command, tmp_path: Path, name: str, why: str) -> None:
    message = command("fetch", "http://site.test/", "-o", str(tmp_path / name), invite=DEAD).fails(2)
    assert message.startswith(f"--output: cannot be written: {why}")


@pytest.mark.parametrize("url", ["", "hello", "ftp://site.test/", "http://", "http://[::1", "http://a b/"])
def test_a_malformed_url(command: Command, url: str) -> None:
    assert command("fetch", url, invite=DEAD).fails(2) == "URL: must be an http or https URL"


@pytest.mark.parametrize("port", ["0", "99999", "http"])
def test_a_url_with_a_port_that_is_none(command: Command, port: str) -> None:
    assert (
        command("fetch", f"http://site.test:{port}/", invite=DEAD).fails(2) == "URL: the port must be from 1 to 65535"
    )


# --- the site ----------------------------------------------------------------------------------


def test_a_page_that_is_not_there(lab: Lab, command: Command, site: Site, tmp_path: Path) -> None:
    fetched = command("fetch", url_of(site, "/status?code=404"), "-o", str(tmp_path / "f"), invite=lab.invite)
    assert fetched.fails(1) == "the site answered 404 Not Found"
    assert names(tmp_path) == []


def test_a_redirect_is_followed(lab: Lab, command: Command, site: Site, tmp_path: Path) -> None:
    url = url_of(site, f"/redirect?to={url_of(site, '/elsewhere')}")
    assert command("fetch", url, "-o", str(tmp_path / "f"), invite=lab.invite).code == 0
    assert (tmp_path / "f").read_bytes() == SMALL


@pytest.mark.parametrize(
    ("path", "why"), [("/circle", "in a circle"), ("/redirect?to=ftp://site.test/", "is not an http or https URL")]
)
def test_a_redirect_that_leads_nowhere(lab: Lab, command: Command, site: Site, path: str, why: str) -> None:
    assert why in command("fetch", url_of(site, path), "-o", "-", invite=lab.invite).fails(1)


@pytest.mark.parametrize("is_secure", [False, True], ids=["http", "https"])
def test_a_site_cannot_speak_for_the_host(
    lab: Lab, command: Command, site: Site, tmp_path: Path, is_secure: bool
) -> None:
    if is_secure:
        authority = DemoAuthority(tmp_path)
        with served(authority.server_context("site.test")) as secure:
            url = url_of(secure, "/forged").replace("http", "https")
            why = command("fetch", url, "-o", "-", "--ca-file", str(authority.file), invite=lab.invite).fails(1)
    else:
        why = command("fetch", url_of(site, "/forged"), "-o", "-", invite=lab.invite).fails(1)
    assert why == "the site answered 403 Forbidden"


REFUSED = {
    "forbidden": ("http://site.test:25/", "the host opens no connections to this port"),
    "unknown": ("http://nobody.invalid/", "the site's name could not be resolved"),
    "refusing": ("http://site.test:1/", "the site refused the connection"),
}


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(("url", "sentence"), REFUSED.values(), ids=REFUSED.keys())
def test_a_site_that_cannot_be_reached(lab: Lab, command: Command, scheme: str, url: str, sentence: str) -> None:
    assert command("fetch", url.replace("http", scheme), "-o", "-", invite=lab.invite).fails(1) == sentence


# --- https -------------------------------------------------------------------------------------


def test_https_with_a_certificate_of_our_own(lab: Lab, command: Command, tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path)
    with served(authority.server_context("site.test")) as secure:
        url = url_of(secure).replace("http", "https")
        assert fetch(lab, url, "-o", "f", "--ca-file", str(authority.file), folder=tmp_path).wait() == 0
        assert (tmp_path / "f").read_bytes() == SMALL
        message = command("fetch", url, "-o", str(tmp_path / "g"), invite=lab.invite).fails(1)
        assert message == "the site's certificate is not trusted; --ca-file names one to trust"
        assert not (tmp_path / "g").exists()


def test_https_to_a_site_without_it(lab: Lab, command: Command, site: Site) -> None:
    message = command("fetch", url_of(site).replace("http", "https"), "-o", "-", invite=lab.invite).fails(1)
    assert message == "TLS with the site failed; is it an https site?"


@pytest.mark.parametrize("content", [None, b"", b"hello"], ids=["missing", "empty", "text"])
def test_a_bad_ca_file(command: Command, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    message = command("fetch", "http://site.test/", "--ca-file", str(file), invite=DEAD).fails(2)
    assert message == "--ca-file: not a readable file of certificates (PEM)"


# --- interruptions -----------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_in_the_middle(lab: Lab, site: Site, tmp_path: Path, number: signal.Signals) -> None:
    """Nothing is left under the name, and nobody takes it for success."""
    site.hold.clear()
    asked = len(site.paths)
    program = fetch(lab, url_of(site, "/held"), "-o", "f", folder=tmp_path)
    part = tmp_path / "f.part"
    deadline = threading.Event()
    for _ in range(3_000):
        if len(site.paths) > asked and part.exists():
            break
        deadline.wait(0.01)
    assert program.stop(number) == 130
    assert program.errors == []
    assert names(tmp_path) == []
    site.hold.set()


def test_a_dead_host(programs: Programs, tmp_path: Path) -> None:
    limits = {"freespan.client.settings.ClientSettings.session_wait_seconds": 1}
    program = programs("fetch", "http://site.test/", folder=tmp_path, limits=limits, invite=DEAD)
    message = program.fails(1)
    assert message.startswith("no session within 1 s: the host refuses the connection: ")
    assert names(tmp_path) == []


def test_a_host_that_does_not_answer(programs: Programs, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        invite = format_invite(invite_to(f"http://127.0.0.1:{silent.getsockname()[1]}", bytes(32)))
        limits = {"freespan.client.settings.ClientSettings.session_wait_seconds": 1}
        program = programs("fetch", "http://site.test/", folder=tmp_path, limits=limits, invite=invite)
        assert program.fails(1) == "no session within 1 s: the broker has not answered yet"


def test_no_bridge(lab: Lab, programs: Programs, tmp_path: Path) -> None:
    with laboratory(tmp_path / "data") as lonely:
        limits = {"freespan.client.settings.ClientSettings.session_wait_seconds": 1}
        program = lonely.programs("fetch", "http://site.test/", limits=limits, folder=tmp_path, invite=lonely.invite)
        assert program.fails(1) == "no session within 1 s: no bridge is free right now"


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_what_lies_where_an_unfinished_file_goes_is_not_written_to(tmp_path: Path) -> None:
    """It may be somebody else's, who would read what comes, or a link to another file."""
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"as before")
    (tmp_path / "page.part").symlink_to(theirs)
    with written_file(tmp_path / "page") as file:
        file.write(b"read")
    assert theirs.read_bytes() == b"as before"
    assert (tmp_path / "page").read_bytes() == b"read"
    assert not (tmp_path / "page").is_symlink()
