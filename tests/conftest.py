"""What every test shares. Nothing here may wait for the clock."""

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

# No deadline: a busy machine is no bug. In continuous integration the same examples every time.
settings.register_profile("freespan", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("freespan")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """How `make test` shares the tests out; without `-n` they all run in this process."""
    from tests.support.parallel import Shares

    config.option.loadscopereorder = False  # the order is that of the collection, see below
    return Shares(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a process of several, the longest come first."""
    if hasattr(config, "workerinput"):
        from tests.support.parallel import rank

        items.sort(key=lambda item: rank(item.nodeid))


@pytest.fixture
def programs() -> Iterator[Programs]:
    """Starts `freespan …`; whatever still runs at the end of the test is killed."""
    programs = Programs()
    yield programs
    programs.kill()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A site on loopback for all tests of a file."""
    with served() as site:
        yield site
