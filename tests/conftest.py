"""Fixtures and settings of all tests. Nothing here may wait for the clock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support.programs import Programs
from tests.support.site import Site, served

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.support.parallel import Shares

# No deadline, since a busy machine is not a bug. In continuous integration the examples are always the same.
settings.register_profile("freespan", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("freespan")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Distribute the tests as `make test` does; without `-n` they all run in this process."""
    from tests.support.parallel import Shares

    config.option.loadscopereorder = False  # keep the order of collection, see below
    return Shares(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start the longest tests first if there are several processes."""
    if hasattr(config, "workerinput"):
        from tests.support.parallel import rank

        items.sort(key=lambda item: rank(item.nodeid))


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Starts `freespan …`; programs that still run at the end of the test are killed."""
    programs = Programs()
    yield programs
    programs.kill()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site on loopback for all tests of a file."""
    with served() as site:
        yield site
