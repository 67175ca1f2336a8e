"""Which places get colours, and where a cursor moves."""

from __future__ import annotations

import pytest

from freespan.terminal.abilities import Abilities, abilities_of

XTERM = {"TERM": "xterm-256color"}
FULL, PLAIN = Abilities(True, True, True), Abilities(True, False, False)
AT_TERMINALS = {
    "xterm": (XTERM, FULL),
    "tmux": ({"TERM": "tmux-256color"}, FULL),
    "the console of Linux": ({"TERM": "linux"}, FULL),
    "dumb": ({"TERM": "dumb"}, PLAIN),
    "unknown": ({"TERM": "unknown"}, PLAIN),
    "no TERM": ({}, PLAIN),
    "an empty TERM": ({"TERM": ""}, PLAIN),
    "NO_COLOR": (XTERM | {"NO_COLOR": "1"}, Abilities(True, True, False)),
    "an empty NO_COLOR": (XTERM | {"NO_COLOR": ""}, FULL),
    "NO_COLOR first": (XTERM | {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}, Abilities(True, True, False)),
    "CLICOLOR=0": (XTERM | {"CLICOLOR": "0"}, Abilities(True, True, False)),
    "forced and dumb": ({"TERM": "dumb", "CLICOLOR_FORCE": "1"}, Abilities(True, False, True)),
}
IN_PIPES = {
    "xterm": (XTERM, False),
    "CLICOLOR_FORCE": ({"CLICOLOR_FORCE": "1"}, True),
    "FORCE_COLOR": ({"FORCE_COLOR": "3"}, True),
    "CLICOLOR_FORCE=0": ({"CLICOLOR_FORCE": "0"}, False),
    "NO_COLOR first": ({"CLICOLOR_FORCE": "1", "NO_COLOR": "yes"}, False),
}


@pytest.mark.parametrize(("environment", "can"), AT_TERMINALS.values(), ids=AT_TERMINALS.keys())
def test_a_terminal(environment: dict[str, str], can: Abilities) -> None:
    assert abilities_of(environment, is_terminal=True, is_windows=False) == can


@pytest.mark.parametrize(("environment", "colours"), IN_PIPES.values(), ids=IN_PIPES.keys())
def test_a_pipe_has_colours_only_on_request_and_never_a_cursor(environment: dict[str, str], colours: bool) -> None:
    assert abilities_of(environment, is_terminal=False, is_windows=False) == Abilities(False, False, colours)


def test_a_console_of_windows_needs_no_term() -> None:
    assert abilities_of({}, is_terminal=True, is_windows=True) == FULL
