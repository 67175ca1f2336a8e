"""What candidates tell of a NAT; the browser's bridge reads the same vectors (tests/web/test_network.py)."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.network import Network, network_of

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "network.json").read_text("utf-8"))
HOST = "a=candidate:1 1 udp 2122260223 192.168.1.2 5000 typ host"
PUBLIC_HOST = "a=candidate:1 1 udp 2122260223 11.0.0.5 5000 typ host"
HIDDEN_HOST = "a=candidate:1 1 udp 2122260223 0f3d.local 5000 typ host"


def reflexive(address: str, port: int, base: int = 5000) -> str:
    return f"a=candidate:2 1 udp 1686052607 {address} {port} typ srflx raddr 0.0.0.0 rport {base}"


SYMMETRIC = [reflexive("11.0.0.9", 5000), reflexive("11.0.0.9", 5001)]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], Network()),
        ([HOST, HIDDEN_HOST], Network()),
        ([PUBLIC_HOST], Network("open")),
        ([HOST, reflexive("11.0.0.9", 5000)], Network("cone")),
        ([HOST, *SYMMETRIC], Network("symmetric")),
        # two interfaces, each with its own base, are two NATs with one mapping each
        ([reflexive("11.0.0.9", 5000), reflexive("11.0.0.8", 6000, base=6000)], Network("cone")),
        # the better way counts
        ([*SYMMETRIC, reflexive("11.0.0.8", 3, base=6000)], Network("cone")),
        (
            [reflexive("2d00:1::1", 5000), *SYMMETRIC],
            Network("symmetric", "cone"),
        ),
        ([PUBLIC_HOST.replace("udp", "tcp")], Network()),
        (["a=candidate:3 1 udp 1 11.0.0.9 5 typ relay raddr 0.0.0.0 rport 0"], Network()),
        (["a=candidate:", "a=candidate:1 1 udp 1 11.0.0.1"], Network()),
    ],
)
def test_candidates_tell_the_mapping(lines: list[str], expected: Network) -> None:
    assert network_of("\r\n".join(["v=0", *lines, ""])) == expected


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    network_of("a=candidate:" + text)


def test_an_end_without_any_mapping_blocks_udp() -> None:
    assert Network().blocks_udp
    assert not Network("symmetric").blocks_udp
    assert not Network(None, "open").blocks_udp


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_the_shared_vectors(vector: dict[str, Any], end: str) -> None:
    sdp = end.join(["v=0", *vector["candidates"], ""])
    assert network_of(sdp) == Network(**vector["network"])
