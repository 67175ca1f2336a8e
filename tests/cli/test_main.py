"""The commands themselves: help, version, and wrong usage."""

from __future__ import annotations

import re

import pytest

from freespan import __version__
from freespan.wire.invite import format_invite
from tests.cli.conftest import Command
from tests.support.invites import invite_to
from tests.support.programs import Programs

COMMANDS = ["serve", "config", "connect", "fetch", "bridge", "demo", "version"]


@pytest.mark.parametrize("wanted", ["version", "--version"])
def test_version(programs: Programs, wanted: str) -> None:
    program = programs(wanted)
    assert (program.wait(), program.output, program.errors) == (0, [__version__], [])


def test_help_names_every_command(programs: Programs) -> None:
    program = programs("--help")
    assert program.wait() == 0
    assert all(re.search(rf"^\W*{command}\b", program.said, re.MULTILINE) for command in COMMANDS)


def test_without_a_command_there_is_help(programs: Programs) -> None:
    program = programs()
    assert program.wait() == 2
    assert "Usage" in program.said
    assert program.errors == []


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each(command: Command, name: str) -> None:
    outcome = command(name, "--help")
    assert (outcome.code, outcome.errors) == (0, "")
    assert "Usage" in outcome.output
    assert name in outcome.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["dance"], "no such command 'dance'; see freespan --help"),
        (["serv"], "no such command 'serv'; did you mean 'serve'?"),
        (["--dance"], "no such option --dance; see freespan --help"),
        (["serve", "--zebra"], "no such option --zebra; see freespan serve --help"),
        (["serve", "--prot", "80"], "no such option --prot; did you mean --port?"),
        (["serve", "--port"], "--port: needs a value"),
        (["serve", "--port", "x"], "--port: must be a whole number"),
        (["serve", "--port", "70000"], "--port: must be from 0 to 65535"),
        (["serve", "--embedder", "news.example"], "--embedder: must be the origin of a site, such as "),
        (["serve", "--stun=yes"], "--stun: takes no value"),
        (["serve", "--metrics-port"], "--metrics-port: needs a value"),
        (["serve", "more"], "unexpected argument more; see freespan serve --help"),
        (["connect"], "invite: is missing: give it with --invite-file FILE or FREESPAN_INVITE"),
        (["connect", "--invite-file"], "--invite-file: needs a value"),
        (["connect", "x", "--port", "-1"], "--port: must be from 0 to 65535"),
        (["connect", "x", "--transport", "foo"], "--transport: must be auto, webrtc, turn or websocket"),
        (["fetch"], "missing argument URL; see freespan fetch --help"),
        (["fetch", "freespan2_x"], "missing argument URL; see freespan fetch --help"),
        (["fetch", "x", "http://x/", "more"], "unexpected argument more; see freespan fetch --help"),
        (["fetch", "x", "http://x/", "--output"], "--output: needs a value"),
        (["bridge"], "missing argument URL; see freespan bridge --help"),
        (["bridge", "http://x", "--capacity", "0"], "--capacity: must be from 1 to 64"),
        (["bridge", "http://x", "--capacity", "65"], "--capacity: must be from 1 to 64"),
        (["bridge", "http://x", "--capacity", "1.5"], "--capacity: must be a whole number"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_code_2(command: Command, arguments: list[str], message: str) -> None:
    assert command(*arguments).fails(2).startswith(message)


def test_wrong_usage_at_a_terminal(programs: Programs) -> None:
    assert programs("dance").fails(2) == "no such command 'dance'; see freespan --help"


def test_a_mistake_of_the_program_names_nobody(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it says may be kept, by a journal for example."""

    def break_down(*arguments: object, **options: object) -> None:
        where = "203.0.113.7"
        raise RuntimeError(f"nobody has thought of {where}")

    monkeypatch.setattr("freespan.cli.connect.run_connect", break_down)
    outcome = command("connect", invite=format_invite(invite_to("http://127.0.0.1:1")))
    assert (outcome.code, outcome.output) == (1, "")
    assert "please report it" in outcome.errors
    assert "RuntimeError: nobody has thought of [redacted]" in outcome.errors
    assert "in break_down" in outcome.errors
    assert "203.0.113.7" not in outcome.errors.replace('where = "203.0.113.7"', "")
