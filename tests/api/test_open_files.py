import sys

import pytest

from freespan.api.open_files import open_files_limit, raise_open_files_limit, shared_out

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


@pytest.mark.parametrize("limit", [64, 256, 1_024, 4_096, 65_536, 1 << 20])
def test_all_parts_together_stay_below_the_limit(limit: int) -> None:
    files = shared_out(limit)
    assert min(files.connections, files.sockets, files.dials) > 0
    assert 2 * files.connections + files.sockets + 8 * files.dials <= limit - min(256, limit // 4)


def test_a_host_takes_connections_below_its_limit_of_open_files() -> None:
    assert shared_out(1_024).connections < 1_024 // 2
    assert shared_out(open_files_limit()).connections < open_files_limit()
