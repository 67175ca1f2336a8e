"""What the options of `freespan serve` mean, alone and together; without a host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freespan.cli import serve_options
from freespan.cli.own_path import own_path
from freespan.cli.serve_options import ServeOptions
from freespan.wire.errors import InputError
from freespan.wire.invite import FRONTS_MAX, STUN_MAX

PUBLIC = "https://host.example"


def options(**given: Any) -> ServeOptions:
    defaults: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 8787,
        "public_url": "",
        "tls_cert": None,
        "tls_key": None,
        "data": Path("nowhere"),
        "site": None,
        "redirect_port": None,
        "fronts": (),
        "embedders": (),
        "stun_port": None,
        "stun_host": "",
        "no_stun": False,
        "stun_servers": (),
        "turn": (),
        "turn_secret_file": None,
        "allow_hosts": (),
        "allow_private": False,
        "resolve": (),
        "countries": None,
        "proxy_header": "",
        "metrics": False,
        "as_json": True,
        "verbose": False,
    }
    return ServeOptions(**defaults | given)


@pytest.mark.parametrize(
    ("given", "port"),
    [
        ({}, None),
        ({"public_url": PUBLIC}, 8787),
        ({"public_url": PUBLIC, "port": 443}, 443),
        ({"public_url": PUBLIC, "port": 0}, 0),
        ({"public_url": PUBLIC, "stun_port": 3478}, 3478),
        ({"public_url": PUBLIC, "stun_port": 0}, 0),
        ({"public_url": PUBLIC, "no_stun": True}, None),
        ({"public_url": "http://192.168.1.2"}, None),
        ({"public_url": "http://192.168.1.2", "stun_port": 3478}, 3478),
        ({"host": "0.0.0.0"}, None),
        ({"host": "11.0.0.1"}, 8787),
        ({"stun_port": 0}, 0),
        ({"no_stun": True}, None),
    ],
    ids=str,
)
def test_who_answers_stun_and_where(given: dict[str, Any], port: int | None) -> None:
    assert serve_options.stun_port_of(options(**given), given.get("port") or 8787) == port


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
    assert serve_options.stun_address_of(options(**given)) == address


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
    assert serve_options.stun_urls_of(options(**given), (443, 444)) == (f"stun:{host}:443", f"stun:{host}:444")


def test_somebody_elses_stun_servers() -> None:
    given = options(stun_servers=("stun:a.example:3478", "stun:b.example:1,stun:b.example:2"))
    assert serve_options.other_stun_servers(given) == [
        ("stun:a.example:3478",),
        ("stun:b.example:1", "stun:b.example:2"),
    ]


def test_a_front_leads_to_the_hosts_path_unless_it_has_its_own() -> None:
    given = options(fronts=("https://front.example/", "https://cdn.example/other"))
    assert serve_options.fronts_of(given, "/path") == ("https://front.example/path", "https://cdn.example/other")


def test_who_may_embed_it() -> None:
    given = options(embedders=("https://news.example/", "http://[2d00::1]:8080"))
    assert serve_options.embedders_of(given) == ("https://news.example", "http://[2d00::1]:8080")
    assert serve_options.embedders_of(options()) == ()


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
def test_what_is_no_origin(embedder: str) -> None:
    with pytest.raises(InputError, match="embedder: must be the origin of a site"):
        serve_options.embedders_of(options(embedders=(embedder,)))


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
    assert serve_options.origin_of(options(**given), 8080) == origin


@pytest.mark.parametrize("path", ["/a", "/a/b-c", "/a.b/_~1", "/..a"])
def test_a_path_that_the_public_url_names(path: str, tmp_path: Path) -> None:
    assert own_path(PUBLIC + path, tmp_path) == path
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/a b", "/a%20b", "/{x}", "/a//b", "/..", "/../a", "/a/./b", "/a;b", "/a:b", "/*"])
def test_a_path_that_cannot_be_used(path: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="public-url"):
        own_path(PUBLIC + path, tmp_path)


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


def _stun(given: ServeOptions) -> object:
    return serve_options.stun_port_of(given, 8787), serve_options.stun_urls_of(given, (1, 2))


@pytest.mark.parametrize(
    ("what", "given", "said"),
    [
        (_stun, {"no_stun": True, "stun_port": 3478}, "no-stun: and the options of that server exclude each other"),
        (_stun, {"no_stun": True, "stun_host": "x.example"}, "no-stun: and the options"),
        (_stun, {"stun_host": "x.example"}, "stun-host: needs --stun-port"),
        (_stun, {"stun_host": "a b", "stun_port": 1}, "stun-host: must be the name or the address"),
        (serve_options.other_stun_servers, {"stun_servers": ("stun.example",)}, "stun-server: must look like stun:"),
        (serve_options.other_stun_servers, {"stun_servers": ("stun:x.example",)}, "stun-server: must look like"),
        (serve_options.other_stun_servers, {"stun_servers": ("turn:x.example:1",)}, "stun-server: must look like"),
        (serve_options.other_stun_servers, {"stun_servers": ("stun:x.example:1",) * STUN_MAX}, "stun-server: may be"),
        (
            serve_options.other_stun_servers,
            {"public_url": PUBLIC, "stun_servers": ("stun:10.0.0.1:1",)},
            "stun-server: must not lead into a private network",
        ),
        (_stun, {"public_url": PUBLIC, "stun_host": "127.0.0.1"}, "stun-host: must be the name or the address"),
        (
            serve_options.relays_of,
            {"public_url": PUBLIC, "turn": ("turn:10.0.0.1:3478",), "turn_secret_file": Path(__file__)},
            "turn: must not lead into a private network",
        ),
        (serve_options.relays_of, {"turn": ("turn:x.example:3478",)}, "turn: needs --turn-secret-file"),
        (serve_options.relays_of, {"turn_secret_file": Path("x")}, "turn-secret-file: is of no use without --turn"),
        (
            serve_options.relays_of,
            {"turn": ("turn:x.example:3478",), "turn_secret_file": Path("nowhere")},
            "turn-secret-file: cannot be read: no such file or directory",
        ),
        (serve_options.relays_of, {"turn": ("x",), "turn_secret_file": Path("x")}, "turn-secret-file: cannot be read"),
        (serve_options.redirects, {"redirect_port": 80}, "redirect-port: leads to https"),
        (serve_options.site_of, {"site": Path("nowhere")}, "site: is no folder"),
        (serve_options.site_of, {"site": Path(__file__)}, "site: is no folder"),
        (lambda given: serve_options.fronts_of(given, "/p"), {"fronts": ("front.example",)}, "front: must be an http"),
        (lambda given: serve_options.fronts_of(given, "/p"), {"fronts": (PUBLIC,) * (FRONTS_MAX + 1)}, "front: may be"),
    ],
)
def test_options_that_cannot_be_used(what: Any, given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        what(options(**given))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b" \n", "is empty"), (b"\xff", "is no text")], ids=repr
)
def test_a_secret_that_is_none(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(content)
    with pytest.raises(InputError, match=f"turn-secret-file: {said}"):
        serve_options.relays_of(options(turn=("turn:x.example:3478",), turn_secret_file=tmp_path / "secret"))


def test_white_space_around_a_secret_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("secret")
    (tmp_path / "other").write_text(" secret\n")
    both = [
        serve_options.relays_of(options(turn=("turn:x.example:3478",), turn_secret_file=tmp_path / name))
        for name in ("one", "other")
    ]
    assert [relays and relays.credentials(0.0) for relays in both] == [both[0] and both[0].credentials(0.0)] * 2


# --- where readers are ---------------------------------------------------------------------------


def test_a_database_of_countries_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.mmdb"
    rubbish.write_bytes(b"hello")
    for path in (rubbish, tmp_path, tmp_path / "missing.mmdb"):
        with pytest.raises(InputError) as caught:
            serve_options.live_picture_of(options(countries=path))
        assert caught.value.field == "countries"


@pytest.mark.parametrize("name", ["X-Forwarded-For:", "X Forwarded", "Fränkisch", "a\nb", "x" * 65])
def test_what_is_no_name_of_a_header(name: str) -> None:
    with pytest.raises(InputError) as caught:
        serve_options.live_picture_of(options(proxy_header=name))
    assert caught.value.field == "proxy-header"


@pytest.mark.parametrize("name", ["", "X-Forwarded-For", "x-real-ip"])
def test_no_database_is_needed(name: str) -> None:
    assert serve_options.live_picture_of(options(proxy_header=name)).routes()
