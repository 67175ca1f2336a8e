"""Where settings come from, which source comes before which, and how errors name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from freespan.api.host_plan import check_settings
from freespan.api.options import options_of, replacements_of
from freespan.api.settings import HostSettings
from freespan.api.sources import Sourced, read_sources, unknown_variables
from freespan.wire.errors import InputError


def read(
    given: dict[str, Any] | None = None, environment: dict[str, str] | None = None, config: Path | None = None
) -> Sourced[HostSettings]:
    nothing_given = dict.fromkeys(options_of(HostSettings))
    return read_sources(HostSettings, nothing_given | (given or {}), environment or {}, config)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "host.toml"
    file.write_text(
        'port = 1\nstun-port = 2\nstun_host = "udp.example"\nallow-private = true\n'
        'front = ["https://a.example", "https://b.example"]\n'
    )
    return file


def test_without_sources_there_are_the_defaults() -> None:
    sourced = read()
    assert (sourced.settings, sourced.origins) == (HostSettings(), {})


def test_the_command_line_comes_before_the_environment_and_that_before_the_file(file: Path) -> None:
    sourced = read(
        {"port": 3, "allow_private": False},
        {"FREESPAN_PORT": "4", "FREESPAN_STUN_PORT": "5", "FREESPAN_LAB": "1"},
        file,
    )
    fronts = ("https://a.example", "https://b.example")
    assert sourced.settings == HostSettings(
        port=3, stun_port=5, stun_host="udp.example", front=fronts, allow_private=False
    )
    assert sourced.origins == {
        "port": "--port",
        "allow_private": "--allow-private",
        "stun_port": "FREESPAN_STUN_PORT",
        "stun_host": f"{file}: stun-host",
        "front": f"{file}: front",
    }


def test_the_environment_can_name_the_file(file: Path) -> None:
    assert read(environment={"FREESPAN_CONFIG": str(file)}).settings.port == 1
    other = file.with_name("other.toml")
    other.write_text("port = 9")
    assert read(environment={"FREESPAN_CONFIG": str(file)}, config=other).settings.port == 9


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("FREESPAN_PORT", " 443 ", {"port": 443}),
        ("FREESPAN_METRICS_PORT", "9464", {"metrics_port": 9464}),
        ("FREESPAN_ALLOW_PRIVATE", "yes", {"allow_private": True}),
        ("FREESPAN_ALLOW_PRIVATE", "0", {"allow_private": False}),
        ("FREESPAN_STUN", "off", {"stun": False}),
        ("FREESPAN_EGRESS_PORT", "22, 6697", {"egress_port": (22, 6697)}),
        ("FREESPAN_SITE", "/var/www", {"site": Path("/var/www")}),
        ("FREESPAN_SITE", "", {}),
        (
            "FREESPAN_FRONT",
            "https://a.example,https://b.example",
            {"front": ("https://a.example", "https://b.example")},
        ),
        (
            "FREESPAN_FRONT",
            " https://a.example https://b.example ",
            {"front": ("https://a.example", "https://b.example")},
        ),
        (
            "FREESPAN_STUN_SERVER",
            "stun:a.example:1,stun:a.example:2 stun:b.example:1",
            {"stun_server": ("stun:a.example:1,stun:a.example:2", "stun:b.example:1")},
        ),
    ],
)
def test_values_in_the_environment(variable: str, text: str, expected: dict[str, Any]) -> None:
    assert read(environment={variable: text}).settings == HostSettings(**expected)


@pytest.mark.parametrize(
    ("given", "environment", "content", "message"),
    [
        ({"embedder": ["news.example"]}, {}, "", "--embedder: must be the origin of a site"),
        ({}, {"FREESPAN_PORT": "x"}, "", "FREESPAN_PORT: must be a whole number"),
        ({}, {"FREESPAN_PORT": "70000"}, "", "FREESPAN_PORT: must be from 0 to 65535"),
        ({}, {"FREESPAN_EGRESS_PORT": "22,ssh"}, "", "FREESPAN_EGRESS_PORT: must be a whole number"),
        ({}, {"FREESPAN_STUN": "maybe"}, "", "FREESPAN_STUN: must be yes or no"),
        ({}, {}, "port = 70000", "FILE: port: must be from 0 to 65535"),
        ({}, {}, 'port = "443"', "FILE: port: must be a whole number"),
        ({}, {}, 'front = "https://a.example"', "FILE: front: must be a list"),
        ({}, {}, "prot = 443", "FILE: prot: no such setting; did you mean port?"),
        ({}, {}, "fronts = []", "FILE: fronts: no such setting; did you mean front?"),
        ({}, {}, "zebra = 1", "FILE: zebra: no such setting; freespan config --template lists them all"),
        ({}, {}, "[host]\nport = 1", "FILE: host: must be text"),
        ({}, {}, "stun_port = 1\nstun-port = 2", "FILE: stun-port: is given twice"),
        ({}, {}, "port =", "FILE: is not valid TOML: Invalid value (at end of document)"),
        ({}, {}, "port = 1\nport = 2\n#", "FILE: is not valid TOML: Cannot overwrite a value (at line 2"),
    ],
)
def test_errors_name_the_source(
    tmp_path: Path, given: dict[str, Any], environment: dict[str, str], content: str, message: str
) -> None:
    file = tmp_path / "host.toml"
    file.write_text(content)
    with pytest.raises(InputError) as caught:
        read(given, environment, file)
    assert str(caught.value).startswith(message.replace("FILE", str(file)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: no such file or directory"),
        (b"\xff", "is not UTF-8 text"),
        (b"#" * 2_000_000, "is too large for a file of settings"),
    ],
    ids=["missing", "not text", "too large"],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "host.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read(config=file)
    assert caught.value.field == str(file)


def test_errors_name_other_settings_as_their_source_does(file: Path) -> None:
    for sourced, message in [
        (read({"tls_cert": Path("x")}), "--tls-cert: needs --tls-key as well"),
        (read(environment={"FREESPAN_TLS_CERT": "x"}), "FREESPAN_TLS_CERT: needs FREESPAN_TLS_KEY as well"),
    ]:
        with pytest.raises(InputError) as caught, sourced.naming_origins():
            check_settings(sourced.settings)
        assert str(caught.value) == message
    file.write_text('tls-cert = "x"')
    with pytest.raises(InputError) as caught, (sourced := read(config=file)).naming_origins():
        check_settings(sourced.settings)
    assert str(caught.value) == f"{file}: tls-cert: needs tls-key as well"


def test_variables_that_are_no_settings() -> None:
    others = dict.fromkeys(["FREESPAN_CONFIG", "FREESPAN_INVITE", "FREESPAN_LAB", "FREESPAN_WORDPRESS"], "1")
    given = {"FREESPAN_PORT": "1", "PORT": "2", "FREESPAN_PRT": "3", "FREESPAN_ZEBRA": "4", **others}
    assert unknown_variables(HostSettings, given) == [
        "FREESPAN_PRT: no such setting; did you mean FREESPAN_PORT?",
        "FREESPAN_ZEBRA: no such setting; freespan config --template lists them all",
    ]


def test_settings_of_before_say_what_replaced_them(file: Path) -> None:
    """A variable of which nobody knows whether it is meant for this program is no reason to fail."""
    why = "the counters have a port of their own, on 127.0.0.1 alone"
    assert unknown_variables(HostSettings, {"FREESPAN_METRICS": "yes"}) == [
        f"FREESPAN_METRICS: is FREESPAN_METRICS_PORT now: {why}"
    ]
    file.write_text("metrics = true")
    with pytest.raises(InputError) as caught:
        read(config=file)
    assert str(caught.value) == f"{file}: metrics: is metrics-port now: {why}"


def test_what_replaced_a_setting_is_one() -> None:
    options, replaced = options_of(HostSettings), replacements_of(HostSettings)
    assert all(field not in options and each.field in options for field, each in replaced.items())


def test_later_errors_name_the_source_too(file: Path) -> None:
    sourced = read({"site": Path("x")}, {"FREESPAN_DATA": "y"}, file)
    for field, origin in [
        ("site", "--site"),
        ("data", "FREESPAN_DATA"),
        ("stun-port", f"{file}: stun-port"),
        ("host", "--host"),  # a default: the option is what a person can give
        ("invite", "invite"),  # not a setting
    ]:
        with pytest.raises(InputError) as caught, sourced.naming_origins():
            raise InputError(field, "reason")
        assert str(caught.value) == f"{origin}: reason"
