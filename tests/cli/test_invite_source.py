"""Where the invite comes from: what counts first, and one line about everything that holds none."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from freespan.cli.invite_source import invite_and_urls, read_invite
from freespan.wire.errors import InputError
from freespan.wire.invite import format_invite, parse_invite
from tests.cli.conftest import AtTerminal, Command
from tests.support.invites import invite_to
from tests.support.programs import SECONDS

GOOD = format_invite(invite_to("http://127.0.0.1:1"))
OTHER = format_invite(invite_to("http://127.0.0.1:2"))
FROM_FILE = format_invite(invite_to("http://127.0.0.1:3"))
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals and pipes")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "invite.txt"
    path.write_text(FROM_FILE)
    return path


def standard_input(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


# --- what counts first -------------------------------------------------------------------------


def test_the_command_line_comes_before_the_environment(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read_invite(None, file, {"FREESPAN_INVITE": GOOD}) == FROM_FILE
    assert read_invite(None, None, {"FREESPAN_INVITE": GOOD}) == GOOD
    assert capsys.readouterr().err == ""
    assert read_invite(OTHER, None, {"FREESPAN_INVITE": GOOD}) == OTHER


def test_an_invite_on_the_command_line_works_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert read_invite(GOOD, None, {}) == GOOD
    warning = capsys.readouterr().err
    assert warning.startswith("freespan: every user of this machine can read an invite that stands on the command line")
    assert warning.count("\n") == 1
    assert "--invite-file FILE or FREESPAN_INVITE" in warning
    assert GOOD not in warning


@POSIX
def test_a_file_that_others_can_read_causes_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither one in a folder that is closed to them, nor one that is closed itself."""
    with TemporaryDirectory() as name:  # in a place where everybody may look
        folder = Path(name)
        file = folder / "invite.txt"
        file.write_text(FROM_FILE)
        warnings = []
        for modes in ((0o755, 0o644), (0o700, 0o644), (0o755, 0o600)):
            folder.chmod(modes[0])
            file.chmod(modes[1])
            assert read_invite(None, file, {}) == FROM_FILE
            warnings.append(capsys.readouterr().err)
    assert warnings == [f"freespan: {file}: every user of this machine can read this file: chmod 600 it\n", "", ""]


def test_no_error_repeats_an_invite(command: Command) -> None:
    """What a program writes to standard error may be kept, by a journal for example."""
    for arguments in (
        ("connect", GOOD, OTHER),
        ("fetch", GOOD, OTHER, "http://site.test/"),
        ("demo", "--bridge", GOOD),
    ):
        outcome = command(*arguments)
        assert outcome.code == 2
        assert GOOD not in outcome.errors + outcome.output, arguments
        assert OTHER not in outcome.errors + outcome.output, arguments


def test_two_on_the_command_line_are_one_too_many(command: Command, file: Path) -> None:
    message = command("connect", GOOD, "--invite-file", str(file)).fails(2)
    assert message == "--invite-file: is of no use with an invite on the command line: give one of the two"


@pytest.mark.parametrize("arguments", [("connect",), ("fetch", "http://site.test/")], ids=["connect", "fetch"])
def test_without_any_and_without_a_terminal(command: Command, arguments: tuple[str, ...]) -> None:
    assert command(*arguments).fails(2) == (
        "invite: is missing: give it with --invite-file FILE or FREESPAN_INVITE, or at a terminal, which asks for it"
    )


@pytest.mark.parametrize(
    ("words", "invite", "urls"),
    [
        ([GOOD, "http://a.test/"], GOOD, ("http://a.test/",)),
        ([GOOD[:90], GOOD[90:], "http://a.test/"], f"{GOOD[:90]} {GOOD[90:]}", ("http://a.test/",)),
        ([f"https://h.example/join#{GOOD}", "http://a.test/"], f"https://h.example/join#{GOOD}", ("http://a.test/",)),
        (["http://a.test/", "ftp://b.test/"], None, ("http://a.test/", "ftp://b.test/")),
        (["http://a.test/", GOOD], GOOD, ("http://a.test/",)),
        (["my", "invite:", f"«{GOOD}»", "http://a.test/"], f"my invite: «{GOOD}»", ("http://a.test/",)),
        ([f"freespan:{GOOD}", "http://a.test/?x=freespan"], f"freespan:{GOOD}", ("http://a.test/?x=freespan",)),
        (["http://a.test/", GOOD[:50], GOOD[50:]], f"{GOOD[:50]} {GOOD[50:]}", ("http://a.test/",)),
        ([GOOD, "http://a.test/", "more"], GOOD, ("http://a.test/", "more")),
        (["hello"], None, ("hello",)),
        ([GOOD, "hello"], GOOD, ("hello",)),
        ([GOOD], GOOD, ()),
        ([GOOD[:5], GOOD[5:]], f"{GOOD[:5]} {GOOD[5:]}", ()),
        ([], None, ()),
    ],
)
def test_a_shell_may_cut_an_invite_into_words(words: list[str], invite: str | None, urls: tuple[str, ...]) -> None:
    assert invite_and_urls(words) == (invite, urls)


def test_an_invite_in_several_words_is_one(command: Command) -> None:
    """It is found, so that the next mistake is the one that is told."""
    for words in ([GOOD[:80], GOOD[80:]], ["F" + GOOD[1:11], GOOD[11:]], [f"> {GOOD[:40]}", ">", GOOD[40:] + "."]):
        errors = command("connect", *words, "--address", "192.0.2.1").errors.splitlines()
        assert errors[-1].startswith("freespan: --address")
    wrong = command("connect", GOOD[:80], GOOD[90:]).fails(2)
    assert wrong.startswith("invite: is cut off or mistyped: copy the whole invite again")
    assert command("connect", GOOD, OTHER).fails(2) == "invite: holds several invites: leave one"
    assert (
        command("fetch", GOOD, OTHER, "http://a.test/", "-o", "-").fails(2)
        == "invite: holds several invites: leave one"
    )


def test_the_variable_may_hold_a_message() -> None:
    for text in (f"Anna: «{GOOD}»", f"https://h.example/join#{GOOD[:50]}\n{GOOD[50:]}", GOOD.replace("_", "\\_")):
        assert read_invite(None, None, {"FREESPAN_INVITE": text}) == GOOD


def test_nobody_is_asked_for_an_invite_in_vain(command: Command) -> None:
    assert command("fetch", "ftp://site.test/").fails(2) == "URL: must be an http or https URL"


# --- a file and standard input ------------------------------------------------------------------

ENCODED = {
    "as it is": GOOD.encode(),
    "with a line end": f"{GOOD}\r\n".encode(),
    "with spaces around it": f"\n\n   {GOOD}  \n\n".encode(),
    "broken into lines": "\n  ".join(re.findall(".{1,20}", GOOD)).encode(),
    "with comments": f"# from a friend, freespan2_old\n\n  # 2026\n{GOOD}\n# freespan2_older\n".encode(),
    "with a byte order mark": GOOD.encode("utf-8-sig"),
    "by PowerShell": f"{GOOD}\r\n".encode("utf-16"),
    "without a byte order mark": f"سلام {GOOD}\r\n".encode("utf-16-le"),
    "the other way round": f"{GOOD}\r\n".encode("utf-16-be"),
    "in four bytes a letter": GOOD.encode("utf-32"),
    "in the Cyrillic of Windows": f"Вот: {GOOD}\r\n".encode("cp1251"),
    "in the Chinese of Windows": f"邀请：{GOOD}\r\n".encode("gbk"),
    "of JSON": json.dumps({"name": "anna", "invite": GOOD}).encode(),
    "a saved page": f"<html>{'<p>Hello.</p>' * 4_000}<a href='https://h.example/join#{GOOD}'>it</a>".encode(),
    "a quoted mail": "\r\n> ".join(["> Hi!", *re.findall(".{1,70}", GOOD), "Bye."]).encode(),
}


@pytest.mark.parametrize("content", ENCODED.values(), ids=ENCODED.keys())
def test_what_a_file_may_look_like(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "invite").write_bytes(content)
    assert parse_invite(read_invite(None, tmp_path / "invite", {})) == parse_invite(GOOD)
    standard_input(monkeypatch, content)
    assert parse_invite(read_invite(None, Path("-"), {})) == parse_invite(GOOD)


BAD = {
    "empty": (b"", "is empty"),
    "white space": (b" \n\t\n", "is empty"),
    "comments alone": (b"# freespan2_x\n", "holds comments and no invite"),
    "binary": (bytes(range(256)) * 4, "is not text"),
    "zeros": (bytes(300), "is not text"),
    "too large": (b"\n" * 1_048_577, "is too large for a file with an invite"),
    "two": (f"{GOOD}\n{OTHER}\n".encode(), "holds several invites: leave one, or put # before the others"),
    "two in a mail": (f"> {GOOD}\n\n{OTHER}\n".encode("utf-16"), "holds several invites: leave one"),
    "an address": (b"https://host.example/garden\n", "is not an invite but an address"),
    "other text": (b"dear friend\n", "is not an invite: one begins with 'freespan2_'"),
    "cut": (GOOD[:-5].encode(), "is cut off or mistyped: copy the whole invite again"),
    "of an earlier version": (b"freespan1_x", "is of an earlier version"),
}


@pytest.mark.parametrize(("content", "why"), BAD.values(), ids=BAD.keys())
@pytest.mark.parametrize("name", ["connect", "fetch"])
def test_a_file_without_an_invite(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    url = ["http://site.test/", "-o", "-"] if name == "fetch" else []
    file = tmp_path / "invite"
    file.write_bytes(content)
    assert command(name, *url, "--invite-file", str(file)).fails(2).startswith(f"{file}: {why}")
    standard_input(monkeypatch, content)
    assert command(name, *url, "--invite-file", "-").fails(2).startswith(f"standard input: {why}")


def test_a_file_that_cannot_be_read(command: Command, tmp_path: Path) -> None:
    for path, why in ((tmp_path, "is a directory"), (tmp_path / "none", "no such file or directory")):
        assert command("connect", "--invite-file", str(path)).fails(2) == f"{path}: cannot be read: {why}"


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="needs an endless device")
def test_a_device_without_an_end(command: Command) -> None:
    assert command("connect", "--invite-file", "/dev/zero").fails(2) == (
        "/dev/zero: is too large for a file with an invite"
    )


@pytest.mark.parametrize("invite", [GOOD, GOOD * 40], ids=["short", "longer than a name"])
def test_an_invite_in_place_of_its_file_is_not_repeated(command: Command, invite: str) -> None:
    message = command("connect", "--invite-file", invite).fails(2)
    assert message == "--invite-file: takes the name of a file with the invite, and not the invite itself"


@POSIX
def test_a_pipe_is_a_file_too() -> None:
    reading, writing = os.pipe()
    os.write(writing, GOOD.encode())
    os.close(writing)
    try:
        assert read_invite(None, Path(f"/dev/fd/{reading}"), {}) == GOOD
    finally:
        os.close(reading)


@pytest.mark.parametrize(("text", "why"), [("hello", "is not an invite"), (GOOD[:-4], "is cut off or mistyped")])
def test_a_bad_variable_is_named(command: Command, text: str, why: str) -> None:
    message = command("connect", invite=text).fails(2)
    assert message.startswith(f"FREESPAN_INVITE: {why}")
    assert text not in message


# --- a person at a terminal ----------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize("option", [(), ("--invite-file", "-")], ids=["by itself", "for standard input"])
def test_a_person_is_asked_and_nothing_is_shown(terminal: AtTerminal, option: tuple[str, ...]) -> None:
    client = terminal("connect", "--port", "0", *option)
    client.until("Invite (not shown): ")
    client.type(f"{GOOD}\n")
    client.until("Local proxy: 127.0.0.1:")
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(SECONDS) == 0
    assert GOOD[:20] not in client.said


@POSIX
@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("\n", "freespan: invite: none was given"),
        ("\x04", "freespan: invite: none was given"),
        (f"{GOOD[:40]}\n", "is cut off or mistyped: copy the whole invite again (its end is missing)\r\n"),
        (f"freespan1_{GOOD[10:]}\n", "is of an earlier version: ask whoever gave it to you for a new one\r\n"),
        ("hello\n", "is not an invite: one begins with 'freespan2_'\r\n"),
    ],
    ids=["nothing", "the end of input", "only a part", "an old one", "something else"],
)
def test_a_person_who_gives_none_gets_one_line(terminal: AtTerminal, typed: str, message: str) -> None:
    client = terminal("connect", "--port", "0")
    client.until("Invite (not shown): ")
    client.type(typed)
    client.until(message)
    assert client.process.wait(SECONDS) == 2
    assert GOOD[40:] not in client.said


@POSIX
@pytest.mark.parametrize(
    "typed",
    [
        f"{GOOD[:40]}\n{GOOD[40:]}\n",
        "> Hi!\n> \n" + "".join(f"> {part}\n" for part in re.findall(".{1,60}", GOOD)) + "> Bye\n",
        f"\n\n\x1b[200~ «{GOOD}» \x1b[201~\n",
    ],
    ids=["two lines", "a quoted mail", "blank lines and marks of a terminal"],
)
def test_a_person_may_paste_several_lines(terminal: AtTerminal, typed: str) -> None:
    """And none of them is left for the shell."""
    client = terminal("connect", "--port", "0")
    client.until("Invite (not shown): ")
    client.type(typed)
    client.until("Local proxy: 127.0.0.1:")
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(SECONDS) == 0
    assert GOOD[20:40] not in client.said


@POSIX
def test_a_person_may_leave(terminal: AtTerminal) -> None:
    client = terminal("connect", "--port", "0")
    client.until("Invite (not shown): ")
    client.process.send_signal(signal.SIGINT)
    assert client.process.wait(SECONDS) == 130
    assert "Traceback" not in client.said


@pytest.mark.parametrize("name", ["invite.txt", "from a friend", "-"])
def test_the_name_of_a_file_is_told_from_an_invite(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(GOOD)
    with pytest.raises(InputError, match=f"give it with --invite-file {shlex.quote(name)}$"):
        read_invite(name, None, {})


@pytest.mark.parametrize("text", ["nowhere.txt", "x" * 5000, "a\0b"])
def test_what_is_no_file_is_no_invite(text: str) -> None:
    with pytest.raises(InputError, match=r"is not an invite"):
        read_invite(text, None, {})
