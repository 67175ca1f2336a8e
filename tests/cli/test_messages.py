"""What is wrong with a command line; tests/cli/test_main.py has the messages for real command lines."""

from __future__ import annotations

from freespan.cli.messages import usage_message


def test_an_exception_that_is_no_usage_error_has_none() -> None:
    assert usage_message(ValueError("x")) is None
