"""Python and JavaScript judge addresses, descriptions and pasted texts alike, whatever text they are given.

Hypothesis makes the texts, and one process of Node.js judges them all.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import freespan.web
from freespan.wire.addresses import address_text, is_end, is_private_host, is_public, parse_address
from freespan.wire.errors import InputError, MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.limits import OFFER_ADDRESSES_MAX
from freespan.wire.messages import IceServer
from freespan.wire.pasted_host import FAULTS, find_host
from freespan.wire.sdp import filter_sdp, named_addresses
from freespan.wire.special_purpose import SPECIAL_PURPOSE
from tests.web.test_node import TESTS, node

STATIC = Path(freespan.web.__file__).parent / "static"
VECTORS = Path(__file__).parents[1] / "vectors"
ONLY = ["9.9.9.1", "9.9.9.2", "2a00::1", "a.local"]
ADDRESSES = [row["text"] for row in json.loads((VECTORS / "addresses.json").read_text("utf-8"))["texts"]]
URLS = [row["url"] for row in json.loads((VECTORS / "ice_servers.json").read_text("utf-8"))]
PIECES = [
    "0",
    "00",
    "1",
    "7",
    "9",
    "10",
    "127",
    "0177",
    "0x7f",
    "255",
    "256",
    "ffff",
    "2a00",
    "2001",
    "db8",
    "64:ff9b::",
]
PIECES += [
    ".",
    ".",
    ":",
    "::",
    "%",
    "[",
    "]",
    "-",
    "+",
    " ",
    "e",
    "local",
    "localhost",
    "\uff11",
    "\u0661",
    "\u3002",
    "\n",
]


class Twin:
    """The JavaScript, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def results(self, calls: list[list[Any]]) -> list[Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(calls) + "\n")
        self._process.stdin.flush()
        results: list[Any] = json.loads(self._process.stdout.readline())
        return results


@pytest.fixture(scope="module")
def twin() -> Iterator[Twin]:
    command = [node(), str(TESTS / "twins.js")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        yield Twin(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(10) == 0


# --- what hypothesis makes --------------------------------------------------------------------------
byte = st.integers(0, 255).map(str)
group = st.integers(0, 0xFFFF).map(lambda number: f"{number:x}")
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.ip_addresses().map(str) | st.lists(byte, min_size=3, max_size=5).map(".".join)
numbers |= st.lists(group | st.just(""), max_size=9).map(":".join)
addresses = st.sampled_from(ADDRESSES) | numbers | st.lists(st.sampled_from(PIECES), max_size=9).map("".join) | any_text
small = st.integers(0, 70_000).map(str) | st.sampled_from(["00", "007", "-1", "1e3", "0x10", "٧", ""])
kinds = st.sampled_from(["host", "srflx", "prflx", "relay", "Host", "lan", ""])
words = st.sampled_from(["raddr", "RADDR", "rport", "generation", "network-id", "network-cost", "ufrag", "tcptype", ""])
more = st.lists(st.tuples(words, addresses | small), max_size=4).map(lambda all: "".join(f" {a} {b}" for a, b in all))
plain = st.sampled_from(
    [f"9.9.9.{n}" for n in range(7)] + [f"2a00::{n}" for n in range(1, 7)] + ["a.local", "10.0.0.1"]
)
candidate = st.builds(
    "a=candidate:{} {} {} {} {} {} typ {}{}".format,
    st.sampled_from(["1", "aB+/", "a_b", "", "a" * 33]) | small,
    st.sampled_from(["1", "1", "1", "2", "01"]),
    st.sampled_from(["udp", "udp", "UDP", "tcp", "udP"]),
    st.integers(0, 1 << 33).map(str) | small,
    plain | addresses,
    small,
    kinds,
    more,
)
usual = st.builds(
    "a=candidate:1 1 udp {} {} {} typ {}{}".format,
    st.integers(0, 99),
    plain,
    st.integers(1, 4),
    st.sampled_from(["host", "srflx", "relay"]),
    st.sampled_from(["", " raddr 10.0.0.1 rport 5", " generation 0 network-cost 10"]),
)
credential = st.builds(
    "{}{}".format,
    st.sampled_from(["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "a=fingerprint:sha-256 "]),
    st.text("aZ0+/:_- ", max_size=140) | st.lists(st.sampled_from(["AB", "0f", "x"]), max_size=66).map(":".join),
)
other = st.sampled_from(
    ["v=0", "m=application 5 x", "m=audio  5", "c=IN IP4 10.0.0.1", "a=mid:0", "a=rtcp:9", "s=\r", ""]
)
lines = candidate | usual | usual | credential | other | any_text
ends = st.sampled_from(["\r\n", "\n", "\r", "\r\r\n", "\u2028"])
descriptions = st.lists(st.tuples(lines, st.just("\r\n") | ends), max_size=14).map(
    lambda all: "".join(f"{line}{end}" for line, end in all)
)
urls = st.sampled_from(URLS) | st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["stun:", "turn:", "turns:", "STUN:", "stun://", ""]),
    addresses
    | addresses.map("[{}]".format)
    | st.lists(st.sampled_from(["a", "-", "_", ".", "0x1", "1", "b" * 63])).map("".join),
    st.sampled_from(["", ":1", ":80", ":080", ":0", ":65535", ":65536", ":", ":x"]),
    st.sampled_from(["", "?transport=udp", "?transport=tcp", "?transport=sctp", "?", "\n"]),
)
ends_of_hosts = st.sampled_from(["", ".", ".local", ".localhost", "localhost."])
hosts = st.builds("{}{}".format, addresses.filter(str.isascii), ends_of_hosts)
HOSTS = [row["text"] for row in json.loads((VECTORS / "pastes.json").read_text("utf-8"))["hosts"]]
in_pastes = st.sampled_from(
    [
        "https://",
        "HTTP://",
        "//",
        "bridge.example.org",
        "a.example",
        "x",
        "-",
        "–",
        "—",
        "…",
        "/",
        "/garden",
        "/embed",
        "?",
        "/switch.js",
        "#",
        "&amp;",
        "&#x2f;",
        "%2F",
        "%25",
        "=3D",
        "=\n",
        "\n",
        "> ",
        " ",
        "\u200b",
        "\xad",
        "\u200c",
        "。",
        "．",
        '"',
        "«",
        "(",
        "]",
        "<",
        "<script src=",
        'src="',
        ".",
        ",",
        ":8443",
        ":99999",
        "@",
        "_",
        "*",
        "\\",
        "\\n",
        "\\u002f",
        "freespan2_lq",
        "这个",
        "127.0.0.1",
        "localhost",
        "[::1]",
        "1.2.3",
        "hxxps",
        "[.]",
        "😀",
        "\x1b[0m",
        "İ",
        "ſ",
        "K",
    ]
)
pastes = st.lists(in_pastes | st.sampled_from(HOSTS), max_size=9).map("".join)
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


# --- what both say ----------------------------------------------------------------------------------
def judged(text: str) -> list[Any] | None:
    address = parse_address(text)
    return None if address is None else [address_text(address), is_public(address), is_end(address)]


def passes(url: str, kind: str, allow_private: bool) -> bool:
    try:
        (check_stun if kind == "stun" else check_turn_servers)([IceServer([url])], allow_private=allow_private)
    except MessageError:
        return False
    return True


@fuzzed
@given(addresses)
def test_addresses(twin: Twin, text: str) -> None:
    assert twin.results([["address", text]]) == [judged(text)]


@fuzzed
@given(descriptions, st.booleans())
def test_descriptions(twin: Twin, sdp: str, allow_private: bool) -> None:
    passed = filter_sdp(sdp, allow_private=allow_private)
    named = named_addresses(sdp, allow_private=allow_private)
    some = filter_sdp(sdp, allow_private=allow_private, only=ONLY)
    calls = [
        ["filterSdp", sdp, allow_private],
        ["namedAddresses", sdp, allow_private],
        ["filterSdp", sdp, allow_private, ONLY],
    ]
    assert twin.results(calls) == [passed, sorted(named), some]
    assert filter_sdp(passed, allow_private=allow_private) == passed
    assert len(named_addresses(passed, allow_private=allow_private)) == min(len(named), OFFER_ADDRESSES_MAX)
    assert named_addresses(some, allow_private=allow_private) <= set(ONLY)


@fuzzed
@given(urls, st.booleans())
def test_servers(twin: Twin, url: str, allow_private: bool) -> None:
    kinds = ["stun", "turn"]
    calls = [["isServer", url, kind, allow_private] for kind in kinds]
    assert twin.results(calls) == [passes(url, kind, allow_private) for kind in kinds]


@fuzzed
@given(hosts)
@example("\n.localhost")
@example("[.local]")
@example("[\n.localhost]")
def test_private_hosts(twin: Twin, host: str) -> None:
    without_brackets = (
        host[1:-1] if host.startswith("[") and host.endswith("]") else host
    )  # as `hostname` of each has it
    assert twin.results([["isPrivateHost", host]]) == [is_private_host(without_brackets)]


@fuzzed
@given(pastes)
def test_pasted_addresses(twin: Twin, text: str) -> None:
    try:
        found = f"{find_host(text)}/"
    except InputError as error:
        found = next(name for name, reason in FAULTS.items() if reason == error.reason)
    assert twin.results([["findHost", text]]) == [found]


def test_the_table_of_special_networks_is_the_same() -> None:
    script = (STATIC / "bridge" / "special-purpose.js").read_text("utf-8")
    rows = "".join(re.findall(r'"([^"]*)"', script))
    assert rows.split(",") == SPECIAL_PURPOSE.strip().split("\n")
