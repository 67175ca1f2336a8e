"""Names in every script, in the form that browsers give them; tests/web/test_names.py asks the browsers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freespan.wire.errors import InputError
from freespan.wire.names import NAME_MAX, name_in_dns
from freespan.wire.target import parse_host, url_with_host_in_dns
from tests.support.attempts import attempt

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "names.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: ascii(vector["text"])[:60])
def test_a_name_leads_where_a_browser_goes(vector: dict[str, Any]) -> None:
    name = attempt(lambda: parse_host(vector["text"]), InputError)
    assert (None if isinstance(name, InputError) else name) == vector["name"]


@pytest.mark.parametrize(
    "label", ["-", "--", "_", "-x", "x-", "-x-", "_x", "x_", "a--b", "xn--", "xn---", "xn--\u0061-", "xn--999999999"]
)
def test_a_label_in_ascii_is_for_dns_to_know(label: str) -> None:
    assert name_in_dns(f"www.{label}.example") == f"www.{label}.example"


def test_the_encoded_name_has_to_fit() -> None:
    fitting = "я" * 54  # 59 characters behind xn--
    assert len(name_in_dns(fitting) or "") <= 63
    assert name_in_dns("я" * 60) is None
    assert name_in_dns("e\u0301" * 40 + ".example") is not None  # 80 letters before they are composed
    long = ".".join(["яблоко"] * 17)
    assert (len(long), len(name_in_dns(long) or "")) == (118, 237)
    assert name_in_dns(".".join(["яблоко"] * 19)) is None
    assert name_in_dns("\u200b" * 700 + "example") == "example"
    assert name_in_dns("\u200b" * 2_000 + "example") is None


PIECES = st.sampled_from(
    [
        "a",
        "-",
        "_",
        ".",
        "1",
        "xn--",
        "0x",
        "A",
        "ä",
        " ",
        "a" * 62,
        "example",
        "\n",
        "א",
        "\u0301",
        "\u200d",
        "。",
        "ß",
    ]
)


@given(st.text() | st.lists(PIECES, max_size=12).map("".join))
@example("\ud800")
@example("א.xn--\u0665")
@example("xn--99999999999999999999999999999999999999999999999999999999999.א")
def test_any_text_is_a_name_of_dns_or_none(text: str) -> None:
    name = name_in_dns(text)
    if name is not None:
        assert name_in_dns(name) == name == name.lower()
        assert 0 < len(name) <= NAME_MAX
        assert all(0 < len(label) < 64 for label in name.split("."))


@pytest.mark.parametrize(
    ("url", "converted"),
    [
        ("https://мост.example", "https://xn--l1aeje.example"),
        ("http://faß.example:8080/path", "http://xn--fa-hia.example:8080/path"),
        ("wss://نامه‌ای.example/x?y#z", "wss://xn--mgba3gch31f060k.example/x?y#z"),
        ("https://bridge。example/Garden", "https://bridge.example/Garden"),
        ("stun:мост.example:3478", "stun:xn--l1aeje.example:3478"),
        ("stun:мост.example:3478,stun:мост.example:3479", "stun:xn--l1aeje.example:3478,stun:xn--l1aeje.example:3479"),
        ("https://мост.example/сад", "https://xn--l1aeje.example/сад"),
        *((same, same) for same in ("https://Bridge.example/", "https://[::1]:1/", "", "x", "https://", "http://a b/")),
        *((same, same) for same in ("https://я@мост.example", "https://мост.example\\я", "https://1א.example", "ä")),
    ],
)
def test_the_host_in_a_url_is_converted_and_nothing_else(url: str, converted: str) -> None:
    assert url_with_host_in_dns(url) == converted
