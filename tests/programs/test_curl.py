"""curl's own cases, served by curl's own server: body and exit code are the same through the proxy as without it."""

from __future__ import annotations

import contextlib
import socket
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.programs import curl_suite
from tests.programs.curl_suite import Case, Outcome, PortTakenError
from tests.programs.path import LocalProxy

WAYS = ("http", "socks5")
CASES_MIN = 200
_EXCEPTIONS = Path(__file__).with_name("curl-exceptions.toml")
_AT_ONCE = 4
"""Most of a transfer is waiting."""
pytestmark = pytest.mark.timeout(900)  # most of it is the first test, in which all cases are run
Transfers = dict[int, dict[str, Outcome]]


@pytest.fixture(scope="module")
def transfers(local_proxy: LocalProxy, tmp_path_factory: pytest.TempPathFactory) -> Transfers:
    """Each case by each way, those left out that do not end as curl's data says when there is no proxy."""
    if not curl_suite.SWS.exists():
        pytest.skip("curl's own test data cannot be had here: see what scripts/install-programs.sh says")
    folder = tmp_path_factory.mktemp("curl")

    def transfer(case: Case) -> dict[str, Outcome]:
        for port in iter(_free_port, 0):
            with contextlib.suppress(PortTakenError):
                return {
                    way: curl_suite.transfer(case, folder / f"{case.number}-{port}", port, local_proxy.url(way))
                    for way in ("direct", *WAYS)
                }
        raise AssertionError

    cases = curl_suite.cases()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = dict(zip((case.number for case in cases), pool.map(transfer, cases), strict=True))
    return {number: outcomes for number, outcomes in done.items() if outcomes["direct"].expected}


@pytest.mark.parametrize("way", WAYS)
def test_body_and_exit_code_are_the_same_as_without_a_proxy(transfers: Transfers, way: str) -> None:
    different = {number for number, outcomes in transfers.items() if outcomes[way] != outcomes["direct"]}
    excepted = _excepted("reply", way) & transfers.keys()
    assert sorted(different - excepted) == []
    assert sorted(excepted - different) == []  # no exception any more
    assert len(transfers) - len(different) >= CASES_MIN


@pytest.mark.parametrize("way", WAYS)
def test_the_server_is_asked_the_same_as_without_a_proxy(transfers: Transfers, way: str) -> None:
    same = (number for number, outcomes in transfers.items() if outcomes[way] == outcomes["direct"])
    different = {number for number in same if not _asked_alike(transfers[number], way)}
    assert sorted(different - _excepted("request", way)) == []


def _asked_alike(outcomes: dict[str, Outcome], way: str) -> bool:
    """Several transfers at a time may come in any order."""
    return sorted(outcomes[way].asked.splitlines()) == sorted(outcomes["direct"].asked.splitlines())


def _excepted(part: str, way: str) -> set[int]:
    exceptions = tomllib.loads(_EXCEPTIONS.read_text())
    return {number for exception in exceptions[part] for number in exception.get(way, [])}


def _free_port() -> int:
    """A port that nobody else gets as long as curl's server has it now and then."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
