"""Commands at terminals and in pipes of all kinds: they say what they have to say, and never end in a traceback."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import IO

import pytest

from freespan.api.settings import HostSettings
from freespan.api.settings_text import toml_template
from freespan.demo.programs import environment, freespan_command
from tests.cli.conftest import AtTerminal, Command
from tests.support.laboratory import Lab
from tests.support.programs import ENVIRONMENT, SECONDS

ENCODINGS = [
    "cp1251",
    "cp866",
    "cp1252",
    "cp437",
    "koi8-r",
    "latin-1",
    "ascii",
    "utf-8",
    "shift_jis",
    "cp874",
    "euc-kr",
]
SAID = {
    ("--help",): "freespan",
    ("connect", "--help"): "--invite-file",
    ("version",): ".",
    ("config",): "public-url",
    ("config", "--template"): "[",
    ("invite", "list"): "first",
    ("invite", "show", "first"): "freespan2_",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_command_speaks_every_encoding(
    lab: Lab, command: Command, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for arguments, part in SAID.items():
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
        data = ("--data", str(lab.data)) if arguments[0] == "invite" else ()
        outcome = command(*arguments, *data)
        sys.stdout.flush()
        assert (outcome.code, outcome.errors) == (0, "")
        assert part in written.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "utf-8"])
def test_a_template_is_toml_whatever_the_encoding_of_the_terminal(
    command: Command, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    """It is written into a file, which must be UTF-8."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    command("config", "--template")
    sys.stdout.flush()
    assert toml_template(HostSettings).isascii()
    assert tomllib.loads(written.getvalue().decode("utf-8")) == {}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize(
    ("encoding", "term", "columns"),
    [("cp1251", "xterm", "80"), ("latin-1", "dumb", "80"), ("koi8-r", "", "20")],
)
def test_connect_shows_its_status_at_every_terminal(
    lab: Lab, terminal: AtTerminal, tmp_path: Path, encoding: str, term: str, columns: str
) -> None:
    (tmp_path / "invite").write_text(lab.invite)
    (tmp_path / "invite").chmod(0o600)
    client = terminal(
        *("connect", "--port", "0", "--invite-file", str(tmp_path / "invite")),
        PYTHONIOENCODING=encoding,
        TERM=term,
        COLUMNS=columns,
    )
    client.until("connected")
    client.process.send_signal(signal.SIGINT)
    said = client.rest()
    assert client.process.wait(SECONDS) == 0
    assert "Traceback" not in said
    last = " ".join(said.rpartition("connected")[2].split())
    assert last == "(webrtc) a bridge carries this session"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")
@pytest.mark.parametrize(("encoding", "term"), [("cp866", "dumb")])
def test_bridge_shows_its_status_at_every_terminal(lab: Lab, terminal: AtTerminal, encoding: str, term: str) -> None:
    bridge = terminal("bridge", lab.url, PYTHONIOENCODING=encoding, TERM=term)
    bridge.until("waiting for a reader")
    bridge.process.send_signal(signal.SIGTERM)
    assert "Traceback" not in bridge.rest()
    assert bridge.process.wait(SECONDS) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("arguments", ["connect --port 0", "config --template", "--help"])
def test_an_output_that_nobody_reads(lab: Lab, arguments: str) -> None:
    ours, its = os.pipe()
    os.close(ours)
    with os.fdopen(its, "wb") as output:
        assert outcome_of(lab, arguments, output) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("arguments", ["--help", "config"])
def test_an_output_that_is_full(lab: Lab, arguments: str) -> None:
    with Path("/dev/full").open("wb") as output:
        code, errors = outcome_of(lab, arguments, output)
    assert (code, errors) == (1, "freespan: the output cannot be written: no space left on device\n")


def outcome_of(lab: Lab, arguments: str, output: IO[bytes]) -> tuple[int, str]:
    """The exit code of a command that writes there, and its standard error."""
    done = subprocess.run(
        freespan_command(arguments.split()),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.PIPE,
        env={**environment(lab.invite), **ENVIRONMENT},
        timeout=SECONDS,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr
