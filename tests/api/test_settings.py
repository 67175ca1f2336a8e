"""The settings of a host, each by itself: defaults, types, bounds and forms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freespan.api import settings
from freespan.api.options import options_of
from freespan.api.settings import HostSettings, default_data_directory
from freespan.broker.turn import TURN_URLS_MAX
from freespan.wire.errors import InputError
from freespan.wire.invite import FRONTS_MAX, STUN_MAX

OPTIONS = options_of(HostSettings)


def test_every_setting_has_a_default_that_can_be_used() -> None:
    given = HostSettings()
    assert (given.host, given.port, given.stun, given.metrics_port) == ("127.0.0.1", 8787, True, None)
    assert given == HostSettings(**{field: each.default for field, each in OPTIONS.items()})


@pytest.mark.parametrize("each", OPTIONS.values(), ids=lambda each: each.name)
def test_every_setting_is_described(each: Any) -> None:
    assert each.about.help.endswith(".")
    assert each.about.help[0].isupper()
    assert each.about.group
    assert each.kind in (str, int, bool, Path)
    assert each.kind is not int or (each.about.low is not None and each.about.high is not None)


def test_the_bounds_are_those_of_the_protocol() -> None:
    assert settings.FRONTS_MAX == FRONTS_MAX
    assert settings.OTHER_STUN_SERVERS_MAX == STUN_MAX - 1
    assert settings.TURN_URLS_MAX == TURN_URLS_MAX


def test_texts_become_paths_and_lists_become_tuples() -> None:
    given = HostSettings(data="folder", front=["https://a.example"])  # type: ignore[arg-type]
    assert (given.data, given.front) == (Path("folder"), ("https://a.example",))
    assert given.data_directory == Path("folder")
    assert HostSettings().data_directory == default_data_directory()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": "x"}, "port: must be a whole number"),
        ({"port": True}, "port: must be a whole number"),
        ({"port": None}, "port: must be a whole number"),
        ({"port": 65_536}, "port: must be from 0 to 65535"),
        ({"stun_port": 65_535}, "stun-port: must be from 0 to 65534"),
        ({"redirect_port": -1}, "redirect-port: must be from 0 to 65535"),
        ({"host": 7}, "host: must be text"),
        ({"allow_private": "yes"}, "allow-private: must be true or false"),
        ({"metrics_port": 70_000}, "metrics-port: must be from 0 to 65535"),
        ({"site": 7}, "site: must be a path"),
        ({"site": ""}, "site: must name a file or a directory"),
        ({"front": "https://a.example"}, "front: must be a list"),
        ({"front": [7]}, "front: must be a list of text"),
        ({"front": ["cdn.example"]}, "front: must be an http or https URL"),
        ({"front": ["https://a.example"] * (FRONTS_MAX + 1)}, f"front: takes at most {FRONTS_MAX}"),
        ({"stun_server": ["stun:x.example:1"] * STUN_MAX}, f"stun-server: takes at most {STUN_MAX - 1}"),
        ({"turn": ["turn:x.example"] * (TURN_URLS_MAX + 1)}, f"turn: takes at most {TURN_URLS_MAX}"),
        ({"public_url": "ftp://x"}, "public-url: must be the http or https URL"),
        ({"public_url": "https://1א.example"}, "public-url: must be the http or https URL"),
        ({"public_url": "https://мост .example"}, "public-url: must be the http or https URL"),
        ({"public_url": "мост.example"}, "public-url: must be the http or https URL"),
        ({"stun_host": "мост\u202e.example"}, "stun-host: must be the name or the address"),
        ({"public_url": "bridge.example"}, "public-url: must be the http or https URL"),
        ({"stun_host": "a b"}, "stun-host: must be the name or the address"),
        ({"stun_server": ["stun.example"]}, "stun-server: must look like stun:"),
        ({"stun_server": ["stun:x.example"]}, "stun-server: must look like stun:"),
        ({"stun_server": ["turn:x.example:1"]}, "stun-server: must look like stun:"),
        ({"turn": ["x"]}, "turn: must look like turn:"),
        ({"allow_host": ["http://news.example/"]}, "allow-host: must be the name or the address of a site"),
        ({"egress": "everything"}, "egress: must be sites, web or open"),
        ({"egress_port": [0]}, "egress-port: must be from 1 to 65535"),
        ({"egress_port": ["443"]}, "egress-port: must be a list of whole numbers"),
        ({"egress_port": [25]}, "egress-port: 25 is never opened, since mail from here would be spam"),
        ({"session_connections": 0}, "session-connections: must be from 1 to 100000"),
        ({"session_daily": "much"}, "session-daily: must be a size such as 200GB"),
        ({"abuse_contact": "a\0b"}, "abuse-contact: must be text"),
        ({"session_daily": "0GB"}, "session-daily: must be a size such as 200GB"),
        ({"resolve": ["news.example"]}, "resolve: must be NAME=ADDRESS"),
        ({"resolve": ["news.example=elsewhere.example"]}, "resolve: must be NAME=ADDRESS"),
        ({"resolve": ["a b=127.0.0.1"]}, "resolve: must be NAME=ADDRESS"),
    ],
    ids=str,
)
def test_values_that_cannot_be_used(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        HostSettings(**given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("field", "written", "meant"),
    [
        ("public_url", "https://мост.example", "https://xn--l1aeje.example"),
        ("public_url", "https://Faß.example:8443/garden", "https://xn--fa-hia.example:8443/garden"),
        ("public_url", "http://پل‌ها.example", "http://xn--mgb1dj2t918i.example"),
        (
            "front",
            ["https://cdn。example/x", "https://ᲛᲝᲡᲢᲘ.example"],
            ("https://cdn.example/x", "https://xn--todfgqf.example"),
        ),
        ("embedder", ["https://новости.example"], ("https://xn--b1amnebsh.example",)),
        ("stun_host", "мост.example", "xn--l1aeje.example"),
        (
            "stun_server",
            ["stun:мост.example:1,stun:мост.example:2"],
            ("stun:xn--l1aeje.example:1,stun:xn--l1aeje.example:2",),
        ),
        ("turn", ["turn:мост.example:3478?transport=udp"], ("turn:xn--l1aeje.example:3478?transport=udp",)),
    ],
)
def test_a_host_may_be_named_in_any_script(field: str, written: Any, meant: Any) -> None:
    assert getattr(HostSettings(**{field: written}), field) == meant


@pytest.mark.parametrize(
    "embedder",
    [
        "",
        "news.example",
        "https://",
        "https://news.example/path",
        "https://a; sandbox",
        "https://*",
        "'self'",
        "ftp://a",
    ],
)
def test_an_embedder_must_be_an_origin(embedder: str) -> None:
    with pytest.raises(InputError, match="embedder: must be the origin of a site"):
        HostSettings(embedder=(embedder,))


@pytest.mark.parametrize("path", ["/a b", "/a%20b", "/{x}", "/a//b", "/..", "/../a", "/a/./b", "/a;b", "/a:b", "/*"])
def test_a_path_that_cannot_be_used(path: str) -> None:
    with pytest.raises(InputError, match="public-url"):
        HostSettings(public_url=f"https://host.example{path}")


@pytest.mark.parametrize("name", ["X-Forwarded-For:", "X Forwarded", "Fränkisch", "a\nb", "x" * 65])
def test_a_name_that_no_header_has(name: str) -> None:
    with pytest.raises(InputError) as caught:
        HostSettings(proxy_header=name)
    assert caught.value.field == "proxy-header"
