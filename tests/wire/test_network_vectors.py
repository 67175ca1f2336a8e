"""What candidates tell of a network; the browser's bridge reads the same vectors (tests/web/test_network.py)."""

import json
from pathlib import Path
from typing import Any

import pytest

from freespan.wire.network import Network, network_of

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "network.json").read_text("utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_candidates_tell_the_mapping(vector: dict[str, Any], end: str) -> None:
    sdp = end.join(["v=0", *vector["candidates"], ""])
    assert network_of(sdp) == Network(**vector["network"])
