import sys

import pytest

from freespan.api.open_files import raise_open_files_limit

if sys.platform == "win32":
    pytest.skip("such limits are POSIX", allow_module_level=True)
import resource


def test_the_limit_is_raised_as_far_as_it_goes() -> None:
    before = soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 512), hard))
    try:
        raise_open_files_limit()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= min(hard, 10_240)
        raise_open_files_limit()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_system_that_reports_unlimited_and_allows_less(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def set_limit(_: int, limits: tuple[int, int]) -> None:
        asked.append(limits[0])
        if limits[0] != 10_240:
            raise ValueError("too much")

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", set_limit)
    raise_open_files_limit()
    assert asked[-1] == 10_240
