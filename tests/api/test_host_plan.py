"""What the settings of a host mean together; without a host."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from freespan.api import host_plan
from freespan.api.host_plan import check_settings
from freespan.api.open_files import OpenFiles
from freespan.api.options import options_of
from freespan.api.own_path import own_path
from freespan.api.settings import HostSettings
from freespan.egress.policy import FORBIDDEN_PORTS, WEB_PORTS
from freespan.egress.settings import EgressSettings
from freespan.sources.rate import Rate
from freespan.wire.errors import InputError

PUBLIC = "https://host.example"


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, None),
        ({"public_url": PUBLIC}, 8787),
        ({"public_url": PUBLIC, "port": 443}, 443),
        ({"public_url": PUBLIC, "port": 0}, 0),
        ({"public_url": PUBLIC, "stun_port": 3478}, 3478),
        ({"public_url": PUBLIC, "stun_port": 0}, 0),
        ({"public_url": PUBLIC, "stun": False}, None),
        ({"public_url": "http://192.168.1.2"}, None),
        ({"public_url": "http://192.168.1.2", "stun_port": 3478}, 3478),
        ({"host": "0.0.0.0"}, None),
        ({"host": "11.0.0.1"}, 8787),
        ({"stun_port": 0}, 0),
        ({"stun": False}, None),
    ],
    ids=str,
)
def test_who_answers_stun_and_where(given: dict[str, Any], port: int | None) -> None:
    assert host_plan.stun_port_of(HostSettings(**given), given.get("port") or 8787) == port


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ({"stun_port": 0}, "127.0.0.1"),
        ({"public_url": PUBLIC}, ""),  # a web server in front passes no UDP on
        ({"public_url": PUBLIC, "host": "localhost"}, ""),
        ({"public_url": PUBLIC, "host": "::1"}, ""),
        ({"public_url": PUBLIC, "host": "192.168.1.2"}, "192.168.1.2"),
        ({"public_url": PUBLIC, "host": "0.0.0.0"}, "0.0.0.0"),
        ({"public_url": PUBLIC, "host": ""}, ""),
        ({"public_url": PUBLIC, "host": "[2d00::1]"}, "2d00::1"),
    ],
    ids=str,
)
def test_stun_listens_where_udp_arrives(given: dict[str, Any], address: str) -> None:
    assert host_plan.stun_address_of(HostSettings(**given)) == address


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({"public_url": PUBLIC}, "host.example"),
        ({"public_url": f"{PUBLIC}:8443/path"}, "host.example"),
        ({"public_url": "https://[2d00::1]:8443"}, "[2d00::1]"),
        ({"host": "::1"}, "[::1]"),
        ({"public_url": PUBLIC, "stun_host": "udp.host.example"}, "udp.host.example"),
        ({"public_url": PUBLIC, "stun_host": "2d00::2"}, "[2d00::2]"),
        ({"public_url": PUBLIC, "stun_host": "[2d00::2]"}, "[2d00::2]"),
    ],
    ids=str,
)
def test_the_name_of_the_stun_server(given: dict[str, Any], host: str) -> None:
    assert host_plan.stun_urls_of(HostSettings(**given), (443, 444)) == (f"stun:{host}:443", f"stun:{host}:444")


def test_somebody_elses_stun_servers() -> None:
    given = HostSettings(stun_server=("stun:a.example:3478", "stun:b.example:1,stun:b.example:2"))
    assert host_plan.other_stun_servers(given) == [
        ("stun:a.example:3478",),
        ("stun:b.example:1", "stun:b.example:2"),
    ]


def test_a_front_leads_to_the_hosts_path_unless_it_has_its_own() -> None:
    given = HostSettings(front=("https://front.example/", "https://cdn.example/other"))
    assert host_plan.fronts_of(given, "/path") == ("https://front.example/path", "https://cdn.example/other")


def test_who_may_embed_it() -> None:
    given = HostSettings(embedder=("https://news.example/", "http://[2d00::1]:8080"))
    assert host_plan.embedders_of(given) == ("https://news.example", "http://[2d00::1]:8080")
    assert host_plan.embedders_of(HostSettings()) == ()


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"tls_cert": Path("pem")}, "https://127.0.0.1:8080"),
        ({"host": ""}, "http://127.0.0.1:8080"),
        ({"host": "::"}, "http://[::1]:8080"),
        ({"host": "[2d00::1]"}, "http://[2d00::1]:8080"),
        ({"public_url": f"{PUBLIC}/path/"}, PUBLIC),
        ({"public_url": f"{PUBLIC}:8443"}, f"{PUBLIC}:8443"),
    ],
    ids=str,
)
def test_where_others_find_the_host(given: dict[str, Any], origin: str) -> None:
    assert host_plan.origin_of(HostSettings(**given), 8080) == origin


@pytest.mark.parametrize("path", ["/a", "/a/b-c", "/a.b/_~1", "/..a"])
def test_a_path_that_the_public_url_names(path: str, tmp_path: Path) -> None:
    assert own_path(PUBLIC + path, tmp_path) == path
    assert list(tmp_path.iterdir()) == []


def test_every_host_has_a_path_of_its_own(tmp_path: Path) -> None:
    one, other = own_path(PUBLIC, tmp_path / "one"), own_path("", tmp_path / "other")
    assert one != other
    assert len(one) == len(other) == 17
    assert own_path("", tmp_path / "one") == one


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", b"a/b", b"..", b"\xff\xfe", b"a\nb"])
def test_a_kept_path_that_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "path.txt").write_bytes(content)
    with pytest.raises(InputError, match=r"data: path\.txt holds no path; move it away"):
        own_path("", tmp_path)
    assert (tmp_path / "path.txt").read_bytes() == content


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stun": False, "stun_port": 3478}, "stun-port: is of no use while STUN is off"),
        ({"stun": False, "stun_host": "x.example"}, "stun-host: is of no use while STUN is off"),
        ({"stun_host": "x.example"}, "stun-host: needs stun-port"),
        ({"public_url": PUBLIC, "stun_server": ("stun:10.0.0.1:1",)}, "stun-server: must not be in a private"),
        ({"public_url": PUBLIC, "stun_host": "127.0.0.1"}, "stun-host: must be the name or the address"),
        (
            {"public_url": PUBLIC, "turn": ("turn:10.0.0.1:3478",), "turn_secret_file": Path(__file__)},
            "turn: must not be in a private network",
        ),
        ({"turn": ("turn:x.example:3478",)}, "turn: needs turn-secret-file"),
        ({"turn_secret_file": Path("x")}, "turn-secret-file: is of no use without turn"),
        (
            {"turn": ("turn:x.example:3478",), "turn_secret_file": Path("nowhere")},
            "turn-secret-file: cannot be read: no such file or directory",
        ),
        ({"tls_cert": Path("pem")}, "tls-cert: needs tls-key as well"),
        ({"tls_key": Path("pem")}, "tls-key: is of no use without tls-cert"),
        ({"tls_cert": Path("nowhere"), "tls_key": Path("nowhere")}, "tls-cert: certificate and key cannot be used: no"),
        ({"tls_cert": Path(__file__), "tls_key": Path(__file__)}, "tls-cert: certificate and key cannot be used: not"),
        ({"redirect_port": 80}, "redirect-port: redirects to https"),
        ({"egress": "sites"}, "egress: sites needs allow-host, once for each site that readers may reach"),
        ({"egress": "open", "egress_port": (22,)}, "egress-port: adds to the ports of egress web, and is of no use"),
        ({"allow_host": ("a.example",), "egress_port": (22,)}, "egress-port: adds to the ports of egress web"),
        ({"block_list": Path("nowhere")}, "block-list: cannot be read: no such file or directory"),
        ({"block_list": Path(__file__)}, "block-list: line 1 is neither a name nor a network"),
        ({"abuse_explain": True}, "abuse-explain: needs abuse-contact, so that people can reach you"),
        ({"site": Path("nowhere")}, "site: not a directory"),
        ({"site": Path(__file__)}, "site: not a directory"),
    ],
    ids=str,
)
def test_settings_that_cannot_be_used(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        check_settings(HostSettings(**given))
    assert str(caught.value).startswith(message)


def test_settings_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("north")
    check_settings(HostSettings())
    check_settings(
        HostSettings(
            public_url=f"{PUBLIC}/path",
            data=tmp_path / "data",
            site=tmp_path,
            redirect_port=80,
            front=("https://cdn.example",),
            stun_host="udp.host.example",
            stun_server=("stun:a.example:1,stun:a.example:2",),
            turn=("turn:x.example:3478",),
            turn_secret_file=tmp_path / "secret",
            resolve=("a.example=192.0.2.1",),
        )
    )
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]  # to check is to write nothing


def test_names_that_are_resolved_here_are_those_that_browsers_ask_for() -> None:
    settings = HostSettings(resolve=("Faß.example=192.0.2.1", "نامه‌ای.example.=192.0.2.2", "☃_x.example=2001:db8::1"))
    found = {name: str(address) for name, address in host_plan.names_of(settings).items()}
    assert found == {
        "xn--fa-hia.example": "192.0.2.1",
        "xn--mgba3gch31f060k.example": "192.0.2.2",
        "xn--_x-esx.example": "2001:db8::1",
    }


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "is not text")], ids=repr
)
def test_a_secret_that_is_none(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(InputError, match=f"turn-secret-file: {message}"):
        host_plan.turn_servers_of(HostSettings(turn=("turn:x.example:3478",), turn_secret_file=tmp_path / "secret"))


def test_white_space_around_a_secret_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("secret")
    (tmp_path / "other").write_text(" secret\n")
    both = [
        host_plan.turn_servers_of(HostSettings(turn=("turn:x.example:3478",), turn_secret_file=tmp_path / name))
        for name in ("one", "other")
    ]
    assert [relays and relays.credentials(0.0) for relays in both] == [both[0] and both[0].credentials(0.0)] * 2


# --- where readers are ---------------------------------------------------------------------------


def test_a_database_of_countries_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.mmdb"
    rubbish.write_bytes(b"hello")
    for path in (rubbish, tmp_path, tmp_path / "missing.mmdb"):
        with pytest.raises(InputError) as caught:
            host_plan.reader_statistics_of(HostSettings(countries=path))
        assert caught.value.field == "countries"


@pytest.mark.parametrize("name", ["", "X-Forwarded-For", "x-real-ip"])
def test_no_database_is_needed(name: str) -> None:
    assert host_plan.reader_statistics_of(HostSettings(proxy_header=name)).routes()


@pytest.mark.parametrize(
    ("given", "mode", "ports"),
    [
        ({}, "web", WEB_PORTS),
        ({"egress_port": (22, 6697)}, "web", WEB_PORTS | {22, 6697}),
        ({"egress": "open"}, "open", None),
        ({"allow_host": ("news.example",)}, "sites", None),
        ({"allow_host": ("news.example",), "egress": "sites"}, "sites", None),
        ({"allow_host": ("news.example",), "egress": "web"}, "web", WEB_PORTS),
        ({"allow_host": ("news.example",), "egress": "open"}, "open", None),
    ],
    ids=str,
)
def test_what_readers_may_reach(given: dict[str, Any], mode: str, ports: frozenset[int] | None) -> None:
    """A list of sites narrows whatever else is said."""
    settings = HostSettings(**given)
    policy = host_plan.policy_of(settings)
    assert (host_plan.egress_mode_of(settings), policy.ports) == (mode, ports)
    assert policy.hosts == set(settings.allow_host)


def test_what_a_session_may_spend() -> None:
    files = OpenFiles(connections=3, sockets=2, dials=1)
    usual = EgressSettings(sockets_max=2, dials_max=1)
    assert host_plan.egress_settings_of(HostSettings(), files) == usual
    given = HostSettings(session_connections=5, session_destination=2, session_daily="1.5GB")
    assert host_plan.egress_settings_of(given, files) == dataclasses.replace(
        usual, connections=Rate(5, 100), connections_to_one=Rate(2, 100), bytes_a_day=1_500_000_000
    )
    details = options_of(HostSettings)["session_connections"].about.details
    assert f"have {usual.place_times} times" in details
    assert f"one invite {usual.invite_times} times" in details


def test_the_help_names_the_ports_of_the_web() -> None:
    details = options_of(HostSettings)["egress"].about.details
    assert {int(number) for number in re.findall(r"\d+", details)} == WEB_PORTS | FORBIDDEN_PORTS
