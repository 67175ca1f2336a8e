"""A plugin of pytest for the suites of client libraries, which run with their own Python: `pytest -p suite_plugin`.

What the library asks for goes through the proxy of `$SUITE_PROXY`, if there is one. The outcome of each test is written
to the file `$SUITE_OUTCOMES`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest

_OUTCOMES: dict[str, str] = {}


def pytest_configure(config: pytest.Config) -> None:
    proxy = os.environ.get("SUITE_PROXY", "")
    if proxy:
        {"urllib3": _urllib3, "requests": _requests, "httpx": _httpx}[os.environ["SUITE"]](proxy)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        _OUTCOMES[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    Path(os.environ["SUITE_OUTCOMES"]).write_text(json.dumps(_OUTCOMES))


def _urllib3(proxy: str) -> None:
    """Its tests of proxies start one of their own on `localhost`: have them use ours."""
    from dummyserver.testcase import HypercornDummyProxyTestCase as Case

    own = Case.setup_class.__func__
    address = urlsplit(proxy)

    def set_up(cls: type) -> None:
        own(cls)
        cls.proxy_port = address.port

    Case.setup_class = classmethod(set_up)


def _requests(proxy: str) -> None:
    """Its tests unset the variables of the environment that name a proxy: name it where they are read."""
    from requests import sessions

    sessions.get_environ_proxies = lambda *_, **__: {"http": proxy, "https": proxy}


def _httpx(proxy: str) -> None:
    from httpx import _client

    _client.get_environment_proxies = lambda: {"http://": proxy, "https://": proxy}
