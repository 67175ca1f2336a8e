"""For tests with any input at all: one kind of error is permitted, every other one fails the test."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")
Permitted = TypeVar("Permitted", bound=Exception)


def attempt(call: Callable[[], Result], permitted: type[Permitted]) -> Result | Permitted:
    """What `call` returns, or the permitted error that it raised."""
    try:
        return call()
    except permitted as error:
        return error
