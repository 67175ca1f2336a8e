"""The commands themselves: help, version, and wrong usage."""

from __future__ import annotations

import re

import pytest

from freespan import __version__
from tests.cli.conftest import Command
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
    ("arguments", "part"),
    [
        (["dance"], "dance"),
        (["serve", "--dance"], "--dance"),
        (["serve", "--port", "x"], "--port"),
        (["serve", "--port", "70000"], "--port"),
        (["serve", "--embedder", "news.example"], "--embedder"),
        (["serve", "more"], "more"),
        (["connect"], "INVITE"),
        (["connect", "x", "--port", "-1"], "--port"),
        (["fetch", "x"], "URL"),
        (["bridge"], "URL"),
        (["bridge", "http://x", "--capacity", "0"], "--capacity"),
        (["bridge", "http://x", "--capacity", "65"], "--capacity"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line_and_code_2(command: Command, arguments: list[str], part: str) -> None:
    assert part in command(*arguments).fails(2)


def test_wrong_usage_at_a_terminal(programs: Programs) -> None:
    assert programs("dance").fails(2) == "No such command 'dance'."
