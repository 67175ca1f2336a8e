"""How the tests are shared out among processes that run beside one another (pytest-xdist).

What goes to one process together is a *share*: all tests of a kind of browser, so that it is started once; all tests
of the lab, since a machine has one lab at a time; else those of a file, whose fixtures are made once.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

LONGEST_FIRST = (
    "tests/lab/",
    "chromium",
    "firefox",
    "tests/test_bench.py",
    "tests/e2e/",
    "tests/cli/",
    "tests/client/",
)
"""Beginnings of shares; what is begun last must be short, or one process works alone at the end."""


def share(test: str) -> str:
    """The share to which a test belongs, by its id."""
    file, _, name = test.partition("::")
    if file.startswith("tests/lab/"):
        return "tests/lab/"
    browsers = [kind for kind in ("chromium", "firefox") if kind in name.partition("[")[2]]
    return browsers[0] if browsers and file.startswith("tests/web/") else file


def rank(test: str) -> int:
    """Where it stands in the order of beginning."""
    of = share(test)
    return next((place for place, start in enumerate(LONGEST_FIRST) if of.startswith(start)), len(LONGEST_FIRST))


class Shares(LoadScopeScheduling):
    """Each process that is free gets the next share."""

    def _split_scope(self, nodeid: str) -> str:
        return share(nodeid)
