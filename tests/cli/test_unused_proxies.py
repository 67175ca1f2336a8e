"""Proxies that the environment names, and that freespan does not use: said in one line, where it matters."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.cli.unused_proxies import unused_proxy
from freespan.wire.invite import format_invite
from tests.cli.conftest import Command
from tests.support.invites import invite_to

HOST = "https://bridge.example.org/garden"
PROXY = "http://user:secret@proxy.example:3128"


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"https_proxy": PROXY}, "https_proxy"),
        ({"HTTPS_PROXY": PROXY}, "HTTPS_PROXY"),
        ({"all_proxy": "socks5h://127.0.0.1:1080"}, "all_proxy"),
        ({"ALL_PROXY": "x"}, "ALL_PROXY"),
        ({"SOCKS_PROXY": "127.0.0.1:1080"}, "SOCKS_PROXY"),
        ({"https_proxy": "", "ALL_PROXY": PROXY}, "ALL_PROXY"),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "localhost,127.0.0.0/8,other.example"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "dge.example.org, bridge.example.org:8443"}, "HTTPS_PROXY"),
        # these change nothing for this host
        ({}, None),
        ({"https_proxy": " "}, None),
        ({"http_proxy": PROXY, "ftp_proxy": PROXY, "rsync_proxy": PROXY}, None),
        ({"HTTPS_PROXY": PROXY, "no_proxy": "*"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "a.example Bridge.Example.ORG"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": ".example.org"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "*.example.org"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "org,"}, None),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": "bridge.example.org:443"}, None),
    ],
)
def test_which_variable_is_not_heeded(environment: dict[str, str], name: str | None) -> None:
    assert unused_proxy([HOST], environment) == name


@pytest.mark.parametrize(
    ("urls", "exceptions", "name"),
    [
        (["http://bridge.example"], "", "http_proxy"),
        (["http://192.0.2.7:8787"], "", "http_proxy"),
        (["http://192.0.2.7:8787"], "192.0.2.0/28", None),
        (["http://192.0.2.7:8787"], "192.0.2.7", None),
        (["http://192.0.2.7:8787"], "192.0.2.7:80", "http_proxy"),
        (["http://192.0.2.7:8787"], "2.7", "http_proxy"),
        (["http://[2001:db8::7]:8787"], "2001:db8::/32", None),
        (["http://[2001:db8::7]:8787"], "[2001:db8::7]:8787", None),
        (["http://[2001:db8::7]:8787"], "[2001:DB8:0::7]", None),
        (["http://127.0.0.1:8787", "http://[::1]:1", "http://localhost", "http://a.localhost"], "", None),
        (["http://127.0.0.1:8787", "http://front.example"], "", "http_proxy"),
        (["http://bridge.example", "http://front.example"], "bridge.example", "http_proxy"),
        (["https://bridge.example"], "", None),
    ],
)
def test_it_matters_for_the_host_and_its_fronts(urls: list[str], exceptions: str, name: str | None) -> None:
    assert unused_proxy(urls, {"http_proxy": PROXY, "no_proxy": exceptions}) == name


@given(st.text(), st.sampled_from(["https://bridge.example", "http://192.0.2.7", "https://[::2]:1"]))
def test_any_exceptions_are_read(exceptions: str, url: str) -> None:
    assert unused_proxy([url], {"all_proxy": PROXY, "NO_PROXY": exceptions}) in {None, "all_proxy"}


@pytest.mark.parametrize("words", ["connect --port 0", "connect --json", "fetch http://site.test/ -o -", "bridge"])
def test_each_command_says_so_and_goes_on(command: Command, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    ran: list[bool] = []

    def run(main: Coroutine[Any, Any, None], **_: object) -> bool:
        main.close()
        ran.append(True)
        return False

    name, *more = words.split()
    monkeypatch.setattr(f"freespan.cli.{name}.run_until_stopped", run)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("no_proxy", "localhost")
    done = command(name, *more, *([HOST] if name == "bridge" else []), invite=format_invite(invite_to(HOST)))
    assert (done.code, done.output, ran) == (0, "", [True])
    said = "freespan: HTTPS_PROXY names a proxy, which freespan does not use: it connects to the host directly\n"
    assert done.errors == said
