"""What a command says on standard error; tests/cli/test_main.py has the messages for real command lines."""

from __future__ import annotations

import pytest

from freespan.cli.messages import print_error, usage_message


def test_a_message_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_error("two\n  lines\t")
    assert capsys.readouterr() == ("", "freespan: two lines\n")


def test_an_exception_that_is_no_usage_error_has_none() -> None:
    assert usage_message(ValueError("x")) is None
