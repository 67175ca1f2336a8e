"""One host and one bridge for all tests of a file that leave them in peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab import Lab, laboratory


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("data")) as lab:
        lab.bridge("--capacity", "64")
        yield lab
