"""Which servers an end takes from a host; the browser's bridge judges the same vectors (tests/web/test_ice.py)."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.errors import MessageError
from freespan.wire.ice import check_stun, check_turn_servers
from freespan.wire.messages import IceServer
from tests.support.attempts import attempt

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "ice_servers.json").read_text("utf-8"))
CHECKS = {"stun": check_stun, "turn": check_turn_servers}


@pytest.mark.parametrize("vector", VECTORS, ids=[ascii(vector["url"])[:60] for vector in VECTORS])
@pytest.mark.parametrize("allow_private", [False, True], ids=["public host", "private host"])
def test_what_a_host_may_name(vector: dict[str, str], allow_private: bool) -> None:
    # one bad URL is enough, wherever it stands
    good = IceServer(["stun:a.example:1" if vector["kind"] == "stun" else "turn:a.example:1"])
    servers = [good, IceServer([*good.urls, vector["url"]])]
    found = attempt(lambda: CHECKS[vector["kind"]](servers, allow_private=allow_private), MessageError)
    if vector["verdict"] == "public" or (vector["verdict"] == "private" and allow_private):
        assert found == servers
    else:
        assert isinstance(found, MessageError)
        assert found.field == "ice_servers.urls"


@given(st.text() | st.text().map("turn:".__add__) | st.text().map("turn:a.example:1?".__add__))
def test_any_url_is_taken_or_refused_by_name(url: str) -> None:
    attempt(lambda: check_turn_servers([IceServer([url])], allow_private=False), MessageError)
