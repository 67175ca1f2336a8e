"""How the tests are distributed among parallel processes (pytest-xdist).

Tests that must run in the same process are a *share*: all tests with one kind of browser, so that it is started once;
all tests of the lab, since a machine can run one lab at a time; and otherwise those of a file, which share fixtures.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "tests/lab/",
    "chromium",
    "firefox",
    "tests/bench/",
    "tests/e2e/",
    "tests/cli/",
    "tests/client/",
)
"""The names with which shares begin, the longest shares first, so that all processes end at about the same time."""


def share(test: str) -> str:
    """Return the share of a test, by its id."""
    file, _, name = test.partition("::")
    if file.startswith("tests/lab/"):
        return "tests/lab/"
    browsers = [kind for kind in ("chromium", "firefox") if kind in name.partition("[")[2]]
    return browsers[0] if browsers and file.startswith("tests/web/") else file


def rank(test: str) -> int:
    """Return the position of a test in the order of starting."""
    of = share(test)
    return next((place for place, start in enumerate(LONGEST_FIRST) if of.startswith(start)), len(LONGEST_FIRST))


class Shares(LoadScopeScheduling):
    """Gives the next share to each process that is free."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)
