"""`freespan fetch`: a file, whole or not at all, or one line that says why not."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from freespan.cli.output_file import written_file
from freespan.cli.resuming import Plan
from freespan.client.local_proxy.server import LocalProxy
from freespan.demo.certificates import DemoAuthority
from freespan.demo.payload import sha256_of
from freespan.demo.programs import environment, freespan_command
from freespan.wire.invite import format_invite
from tests.cli.conftest import AtTerminal, Command
from tests.support.invites import invite_to
from tests.support.laboratory import Lab, laboratory, url_of
from tests.support.programs import ENVIRONMENT, SECONDS, Program, Programs
from tests.support.raw_site import raw_site, response
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


def test_it_opens_no_port_that_others_could_use(
    lab: Lab, command: Command, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalProxy, "start", None)
    assert command("fetch", url_of(site), "-o", str(tmp_path / "page"), invite=lab.invite).code == 0


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_on_a_full_disk(lab: Lab, site: Site, tmp_path: Path) -> None:
    line = [*freespan_command(["fetch", url_of(site), "-o", "-"])]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            line, stdout=full, stderr=subprocess.PIPE, env={**environment(lab.invite), **ENVIRONMENT}, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"freespan: the output cannot be written: no space left on device\n")


NO_PLACES = [
    ("no/such/folder", "no such file"),
    (".", "is a directory"),
    ("no-such-folder/", "there is no such folder"),
    ("x" * 256, "file name too long"),
    ("x" * 5_000, "file name too long"),
    ("taken/page", "not a directory"),
]


@pytest.mark.parametrize(("name", "why"), NO_PLACES, ids=range(len(NO_PLACES)))
def test_a_place_that_cannot_be_written(command: Command, tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "taken").touch()
    message = command("fetch", "http://site.test/", "-o", f"{tmp_path}/{name}", invite=DEAD).fails(2)
    assert message.startswith(f"--output: cannot be written: {why}")
    assert names(tmp_path) == ["taken"]


def test_a_name_as_long_as_there_may_be(lab: Lab, command: Command, site: Site, tmp_path: Path) -> None:
    """The unfinished file beside it has a shorter one."""
    name = "я" * 127
    assert command("fetch", url_of(site), "-o", str(tmp_path / name), invite=lab.invite).code == 0
    assert names(tmp_path) == [name]


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


# --- what a site is asked, and what it suggests ---------------------------------------------------


def test_a_signed_url_is_sent_byte_for_byte(lab: Lab, command: Command, tmp_path: Path) -> None:
    path = "/a%2Fb//c/%7E?t=application%2Fgzip&sig=%2B%3D+/&x=a|b&empty=&?"
    with raw_site({"*": response(b"x")}) as raw:
        url = f"http://site.test:{raw.port}{path}#part"
        assert command("fetch", url, "-o", str(tmp_path / "f"), invite=lab.invite).code == 0
        assert raw.paths == [path]
        assert raw.fields()["host"] == f"site.test:{raw.port}"
        assert "python" not in raw.heads[0].decode().lower()


def test_fields_of_a_person(lab: Lab, command: Command, tmp_path: Path) -> None:
    with raw_site({"*": response(b"x")}) as raw:
        mine = ("--header", "Accept-Language: fa", "--header", "User-Agent: mine")
        url = f"http://me:pass@site.test:{raw.port}/"
        assert command("fetch", url, "-o", str(tmp_path / "f"), *mine, invite=lab.invite).code == 0
        fields = raw.fields()
    assert (fields["user-agent"], fields["accept-language"]) == ("mine", "fa")
    assert fields["authorization"] == "Basic bWU6cGFzcw=="


SUGGESTED = {
    "a name": ('attachment; filename="report.pdf"', "report.pdf"),
    "another folder": ('attachment; filename="../../report.pdf"', "report.pdf"),
    "a hidden one": ("attachment; filename=.profile", "profile"),
    "in UTF-8": ("attachment; filename*=UTF-8''%D8%B3%D9%84%D8%A7%D9%85.pdf", "سلام.pdf"),
    "none": ("attachment", "file"),
    "a bad one": ('attachment; filename="..\\.."', "file"),
}


@pytest.mark.parametrize(("field", "name"), SUGGESTED.values(), ids=SUGGESTED.keys())
def test_the_name_that_a_site_suggests(
    lab: Lab, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, name: str
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with raw_site({"*": response(b"x", Content_Disposition=field)}) as raw:
        url = f"http://site.test:{raw.port}/file"
        assert command("fetch", url, invite=lab.invite).code == 0
        assert (names(folder), names(tmp_path)) == ([name], ["here"])
        if name != "file":
            message = command("fetch", url, invite=lab.invite).fails(1)
            assert message == f"{name} exists already; name another file with -o"
        (folder / name).unlink()
        assert command("fetch", url, "-o", "mine", invite=lab.invite).code == 0
        assert names(folder) == ["mine"]


# --- going on ------------------------------------------------------------------------------------

WHOLE = bytes(range(256)) * 2_000


class Halving:
    """A site that breaks off in the middle of whatever it sends whole."""

    def __init__(self) -> None:
        self.tag = '"one"'
        self.breaks = True

    def __call__(self, head: bytes) -> bytes:
        text = head.decode()
        if "Range: bytes=" in text and ("If-Range:" not in text or f"If-Range: {self.tag}" in text):
            start = int(text.partition("Range: bytes=")[2].partition("-")[0])
            if start >= len(WHOLE):
                return response(b"", "416 No", Content_Range=f"bytes */{len(WHOLE)}")
            where = f"bytes {start}-{len(WHOLE) - 1}/{len(WHOLE)}"
            return response(WHOLE[start:], "206 Partial Content", Content_Range=where, ETag=self.tag)
        answer = response(WHOLE, ETag=self.tag)
        return answer[: -len(WHOLE) // 2] if self.breaks else answer


def test_a_download_that_broke_off_goes_on(lab: Lab, command: Command, tmp_path: Path) -> None:
    mine, halving = tmp_path / "mine", Halving()
    with raw_site({"*": halving}) as raw:
        get = ("fetch", f"http://site.test:{raw.port}/", "-C", "-o", str(mine))
        assert command(*get, invite=lab.invite).fails(1) == "the download broke off before its end; try again"
        assert sorted(names(tmp_path)) == ["mine.part", "mine.part.tag"]
        half = (tmp_path / "mine.part").stat().st_size
        assert half == len(WHOLE) // 2
        done = command(*get, "--json", invite=lab.invite)
        message = json.loads(done.output)
        assert raw.fields()["range"] == f"bytes={half}-"
        assert raw.fields()["if-range"] == '"one"'
    assert (message["kept"], message["bytes"], message["status"]) == (half, len(WHOLE) - half, 206)
    assert message["sha256"] == hashlib.sha256(WHOLE).hexdigest()
    assert (names(tmp_path), mine.read_bytes()) == (["mine"], WHOLE)


def test_another_file_by_now_is_downloaded_whole(lab: Lab, command: Command, tmp_path: Path) -> None:
    mine, halving = tmp_path / "mine", Halving()
    with raw_site({"*": halving}) as raw:
        get = ("fetch", f"http://site.test:{raw.port}/", "-C", "-o", str(mine))
        assert command(*get, invite=lab.invite).code == 1
        halving.tag, halving.breaks = '"two"', False
        assert command(*get, invite=lab.invite).code == 0
    assert (names(tmp_path), mine.read_bytes()) == (["mine"], WHOLE)


@pytest.mark.parametrize("there", [b"", WHOLE[:1_000], WHOLE], ids=["empty", "a part", "all"])
def test_what_another_program_has_left_goes_on(
    lab: Lab, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bytes
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.bin").write_bytes(there)
    halving = Halving()
    halving.breaks = False
    with raw_site({"*": halving}) as raw:
        done = command("fetch", f"http://site.test:{raw.port}/file.bin", "-C", "--json", invite=lab.invite)
        assert done.code == 0, done.errors
        assert raw.fields().get("range", "") == (f"bytes={len(there)}-" if there else "")
    assert json.loads(done.output)["sha256"] == hashlib.sha256(WHOLE).hexdigest()
    assert (names(tmp_path), (tmp_path / "file.bin").read_bytes()) == (["file.bin"], WHOLE)


@pytest.mark.parametrize("answer", [response(b"no", "404 Not Found"), b"no HTTP at all"], ids=["404", "no HTTP"])
def test_a_failure_leaves_what_is_there(lab: Lab, command: Command, tmp_path: Path, answer: bytes) -> None:
    mine = tmp_path / "mine"
    mine.write_bytes(b"half")
    with raw_site({"*": answer}) as raw:
        assert command("fetch", f"http://site.test:{raw.port}/", "-C", "-o", str(mine), invite=lab.invite).code == 1
    assert (names(tmp_path), mine.read_bytes()) == (["mine"], b"half")


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_to_go_on_follows_no_link(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"as before")
    (tmp_path / "page.part").symlink_to(theirs)
    with written_file(tmp_path / "page", continues=True) as output:
        assert output.kept.size == 0
        output.begin(Plan.WHOLE, "")
        output.write(b"read")
    assert theirs.read_bytes() == b"as before"
    assert (tmp_path / "page").read_bytes() == b"read"


UNUSABLE = [
    (("-C", "-o", "-"), "--continue: needs a file: standard output cannot be continued"),
    (("-C", "--header", "range: bytes=3-"), "--continue: sets Range by itself: give one of the two"),
    (("-o", "one", "http://site.test/b"), "--output: names one file, and there are 2 URLs: leave it out, or give -"),
    (
        ("http://other.test/a",),
        "--output: two of the URLs have the same name at their end: fetch them one by one",
    ),
    (("--header", "nothing"), "--header: must be Name: value, on one line"),
    (("http://[x",), "URL: must be an http or https URL"),
]


@pytest.mark.parametrize(("more", "why"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_what_cannot_be_meant(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], why: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert command("fetch", "http://site.test/a", *more, invite=DEAD).fails(2) == why
    assert names(tmp_path) == []


# --- several -------------------------------------------------------------------------------------


def test_several_urls(lab: Lab, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with raw_site({"/a": response(b"A"), "/b": response(b"B"), "/c": response(b"C")}) as raw:
        urls = [f"http://site.test:{raw.port}/{name}" for name in "abc"]
        done = command("fetch", *urls, invite=lab.invite)
        assert (done.code, done.errors, done.output.count("\n")) == (0, "", 3)
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"a": "A", "b": "B", "c": "C"}


def test_one_of_several_that_fails_does_not_stop_the_others(
    lab: Lab, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with raw_site({"/a": response(b"", "404 Not Found"), "/b": response(b"B"), "/c": b"x"}) as raw:
        urls = [f"http://site.test:{raw.port}/{name}" for name in "abc"]
        done = command("fetch", *urls, invite=lab.invite)
    assert done.code == 1
    assert done.errors.splitlines() == [
        "freespan: URL 1 of 3: the site answered 404 Not Found",
        "freespan: URL 3 of 3: the site closed the connection without an answer; try again",
    ]
    assert names(tmp_path) == ["b"]


def test_several_urls_one_behind_the_other(lab: Lab, tmp_path: Path) -> None:
    with raw_site({"/a": response(b"A"), "/b": response(b"B")}) as raw:
        urls = [f"http://site.test:{raw.port}/{name}" for name in "ab"]
        program = lab.programs("fetch", *urls, "-o", "-", invite=lab.invite, folder=tmp_path, text=False)
        assert program.stdout is not None
        assert program.stdout.read() == b"AB"
        assert program.wait() == 0


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


def test_a_wait_is_explained_before_it_is_over(programs: Programs, tmp_path: Path) -> None:
    limits = {
        "freespan.client.settings.ClientSettings.session_wait_seconds": 4.0,
        "freespan.cli.fetch._PATIENCE_SECONDS": 0.1,
    }
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    invite = format_invite(invite_to(f"http://127.0.0.1:{port}", bytes(32)))
    program = programs("fetch", "http://site.test/", folder=tmp_path, limits=limits, invite=invite)
    program.line("freespan: waiting for a session: ")
    assert program.stop() == 130


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
def test_a_wait_is_told_to_programs_as_an_event(programs: Programs, tmp_path: Path) -> None:
    limits = {
        "freespan.client.settings.ClientSettings.session_wait_seconds": 4.0,
        "freespan.cli.fetch._PATIENCE_SECONDS": 0.1,
    }
    program = programs("fetch", "http://site.test/", "--json", folder=tmp_path, limits=limits, invite=DEAD)
    waiting = program.state("waiting")
    assert waiting["cause"] == "refused"
    assert waiting["since"] > 0
    assert program.fails(1).startswith("no session within 4 s: the host refuses the connection")


def test_a_host_that_says_nothing_is_no_silence(programs: Programs, tmp_path: Path) -> None:
    limits = {
        "freespan.client.settings.ClientSettings.session_wait_seconds": 2.0,
        "freespan.cli.fetch._PATIENCE_SECONDS": 0.1,
    }
    with socket.create_server(("127.0.0.1", 0)) as silent:
        invite = format_invite(invite_to(f"http://127.0.0.1:{silent.getsockname()[1]}", bytes(32)))
        program = programs("fetch", "http://site.test/", folder=tmp_path, limits=limits, invite=invite)
        assert program.wait() == 1
    assert program.errors[0] == "freespan: waiting for a session: asking the broker for a bridge"


def test_a_terminal_shows_what_is_waited_for_and_then_the_result_alone(
    lab: Lab, site: Site, terminal: AtTerminal, tmp_path: Path
) -> None:
    (tmp_path / "invite").write_text(lab.invite)
    (tmp_path / "invite").chmod(0o600)
    target = str(tmp_path / "f")
    program = terminal("fetch", url_of(site), "-o", target, "--invite-file", str(tmp_path / "invite"))
    said = program.rest()
    assert program.process.wait(SECONDS) == 0
    assert "looking" in said
    (line,) = program.lines()
    assert line.startswith(f"{target}: 18 bytes in ")


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
