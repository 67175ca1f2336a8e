"""What every test shares. Nothing here may wait for the clock."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.programs import Programs
from tests.site import Site, served

# No deadline: a busy machine is no bug. In continuous integration the same examples every time.
settings.register_profile("freespan", deadline=None, derandomize=bool(os.environ.get("CI")), print_blob=True)
settings.load_profile("freespan")


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
