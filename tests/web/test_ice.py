"""What the browser's bridge lets a broker lead it to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from freespan.browsers import Page
from tests.web.fakes import FakeHost
from tests.wire.test_sdp_addresses import OFFER, TCP_CANDIDATES

pytestmark = pytest.mark.asyncio(loop_scope="session")

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "ice_servers.json").read_text("utf-8"))


async def test_it_judges_servers_as_the_vectors_say(page: Page, host: FakeHost) -> None:
    verdicts = await page.evaluate(f"""await (async () => {{
        const {{ checkServers }} = await import("{host.url}/frame/ice.js");
        const {{ ProtocolError }} = await import("{host.url}/frame/messages.js");
        const passes = (kind, url, allowPrivate) => {{
            try {{ checkServers([{{ urls: [url] }}], kind, allowPrivate); return true; }}
            catch (error) {{ return error instanceof ProtocolError ? false : String(error); }}
        }};
        return {json.dumps(VECTORS)}.map(({{ kind, url }}) => [passes(kind, url, false), passes(kind, url, true)]);
    }})()""")
    expected = {"public": [True, True], "private": [False, True], "none": [False, False]}
    for vector, verdict in zip(VECTORS, verdicts, strict=True):
        assert verdict == expected[vector["verdict"]], vector


async def test_candidates_of_tcp_never_pass(page: Page, host: FakeHost) -> None:
    offers = [OFFER, *(f"{OFFER}{candidate}\r\n" for candidate in TCP_CANDIDATES)]
    for allow_private in (False, True):
        passed = await page.evaluate(f"""await (async () => {{
            const {{ filterSdp }} = await import("{host.url}/frame/ice.js");
            return {json.dumps(offers)}.map((sdp) => filterSdp(sdp, {json.dumps(allow_private)}));
        }})()""")
        assert "9.9.9.9 50370 typ srflx" in passed[0]
        assert ("192.168.1.7 50370 typ host" in passed[0]) == allow_private
        assert not [sdp for sdp in passed if " 9.9.9.9 25 " in sdp]


@pytest.mark.parametrize(
    ("host_name", "private"),
    [
        ("127.0.0.1", True),
        ("localhost", True),
        ("a.localhost", True),
        ("printer.local", True),
        ("[::1]", True),
        ("[fd00::1]", True),
        ("192.168.1.1", True),
        ("9.9.9.9", False),
        ("[2620:fe::fe]", False),
        ("bridge.example", False),
        ("local", False),
    ],
)
async def test_who_is_private(page: Page, host: FakeHost, host_name: str, private: bool) -> None:
    answer = await page.evaluate(f"""await (async () => {{
        const {{ isPrivateHost }} = await import("{host.url}/frame/ice.js");
        return isPrivateHost({json.dumps(host_name)});
    }})()""")
    assert answer is private
