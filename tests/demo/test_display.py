"""What the demo prints in a terminal."""

import io

import pytest
from rich.cells import cell_len

from freespan.demo.display import Display
from freespan.demo.steps import Report, Step
from freespan.demo.suggestions import Suggestion
from freespan.terminal.encoding import never_fail

REPORT = Report(
    direct="blocked", bridge="firefox", bytes=33_557_933, sha256_ok=True, first_byte_s=0.0123, mb_per_s=15.2
)


def print_all(display: Display) -> None:
    display.title()
    for step in (
        Step("host starts", 0.5, True, "on 127.0.0.1:1000"),
        Step("speed", 1.25, False, "broke [off]"),
    ):
        display.step_started(step)
        display.step_ended(step)
    display.summary(REPORT)
    display.failure("because")
    display.suggestions([Suggestion("Look", "curl " + "x" * 200)])
    display.counters("session open")
    display.line("one more")
    display.stopping()
    display.goodbye()


def test_plain_lines_without_a_terminal() -> None:
    file = io.StringIO()
    print_all(Display(file=file, width=80))
    text = file.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    for part in (
        "✓ Host starts",
        "0.50 s",
        "✗ Speed",
        "broke [off]",
        "1.25 s",
        "33,557,933 bytes",
        "15.2 MB/s",
    ):
        assert part in text
    assert "12 ms after the request" in text
    assert "session open" not in text


def test_nothing_is_wider_than_80_columns_but_what_is_to_be_copied() -> None:
    file = io.StringIO()
    print_all(Display(file=file, width=80))
    wide = [line for line in file.getvalue().splitlines() if cell_len(line) > 80]
    assert [line.strip() for line in wide] == ["curl " + "x" * 200]


@pytest.mark.parametrize("width", [20, 40, 65])
def test_a_narrow_terminal_gets_everything_in_lines(width: int) -> None:
    file = io.StringIO()
    print_all(Display(file=file, width=width))
    said = " ".join(file.getvalue().split())
    for part in ("✗ Speed: broke [off] (1.25 s)", "Direct access: ✓ blocked", "SHA-256 equal", "Speed: 15.2 MB/s"):
        assert part in said
    assert "…" not in said
    assert "▶" not in said
    wide = [line for line in file.getvalue().splitlines() if cell_len(line) > width]
    assert [line.strip() for line in wide] == ["curl " + "x" * 200]


def test_what_programs_say_is_not_obeyed() -> None:
    file = io.StringIO()
    display = Display(file=file, width=80)
    display.step_ended(Step("speed", 1.25, False, "\x1b]0;title\x07\x9b2J"))
    display.failure("\x1b[2Jbecause")
    display.line("\u202eno")
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(file.getvalue())


def test_quiet_prints_nothing() -> None:
    file = io.StringIO()
    print_all(Display(quiet=True, file=file))
    assert file.getvalue() == ""


def test_the_signs_replaced_are_all_those_of_the_picture() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    never_fail(stream)
    print_all(Display(file=stream, width=80))
    stream.flush()
    assert b"?" not in raw.getvalue()
