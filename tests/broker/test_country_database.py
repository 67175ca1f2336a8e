"""Databases of countries: the usual layouts, and files that are none."""

from __future__ import annotations

import ipaddress
import random
from pathlib import Path
from typing import Any

import pytest

from freespan.broker.country_database import CountryDatabase
from freespan.wire.errors import InputError
from tests.support.mmdb import database

IRAN: dict[str, Any] = {"country": {"iso_code": "IR", "names": {"en": "Iran"}}, "continent": {"code": "AS"}}
CHINA: dict[str, Any] = {"country_code": "CN", "country": "China"}
BELARUS: dict[str, Any] = {"country": "BY"}
NETWORKS = {"11.1.0.0/16": IRAN, "11.2.0.0/15": CHINA, "2a00:1::/32": BELARUS, "11.9.0.0/16": {"asn": 5}}


def made(folder: Path, content: bytes) -> CountryDatabase:
    path = folder / "countries.mmdb"
    path.write_bytes(content)
    return CountryDatabase(path)


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("11.1.2.3", "IR"),
        ("11.2.0.1", "CN"),
        ("11.3.255.255", "CN"),
        ("2a00:1::5", "BY"),
        ("11.4.0.1", None),
        ("11.9.0.1", None),
        ("2a00:2::5", None),
    ],
)
def test_countries_in_the_usual_layouts(tmp_path: Path, address: str, country: str | None) -> None:
    assert made(tmp_path, database(NETWORKS)).country(ipaddress.ip_address(address)) == country


def test_a_database_of_ipv4_knows_no_ipv6(tmp_path: Path) -> None:
    only = made(tmp_path, database({"11.1.0.0/16": IRAN}, ip_version=4))
    assert only.country(ipaddress.ip_address("11.1.0.1")) == "IR"
    assert only.country(ipaddress.ip_address("2a00:1::5")) is None


@pytest.mark.parametrize("code", ["IRN", "I", "", "Ü1", "12", 5, None, ["IR"], {"iso_code": 5}])
def test_bad_codes_are_no_country(tmp_path: Path, code: Any) -> None:
    record = {} if code is None else {"country": code}
    assert made(tmp_path, database({"11.0.0.0/8": record})).country(ipaddress.ip_address("11.1.1.1")) is None


@pytest.mark.parametrize("content", [b"", b"hello", b"\xab\xcd\xefMaxMind.com", b"\xab\xcd\xefMaxMind.com\xe0" * 9])
def test_files_that_are_not_a_database(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        made(tmp_path, content)
    assert caught.value.field == "countries"
    assert str(tmp_path) not in str(caught.value)


def test_files_that_are_not_there_or_too_large(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.mmdb", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            CountryDatabase(path)
    path = tmp_path / "countries.mmdb"
    path.write_bytes(database(NETWORKS))
    with pytest.raises(InputError, match="larger than"):
        CountryDatabase(path, max_size=100)


def test_a_broken_database_is_an_error_at_start_or_knows_nothing(tmp_path: Path) -> None:
    chance = random.Random(5)
    whole = database(NETWORKS)
    for _ in range(300):
        broken = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            opened = made(tmp_path, bytes(broken[: chance.randint(len(broken) // 2, len(broken))]))
        except InputError:
            continue
        for address in ("11.1.2.3", "11.3.0.1", "2a00:1::5", "::"):
            code = opened.country(ipaddress.ip_address(address))
            assert code is None or len(code) == 2
