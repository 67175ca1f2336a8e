"""A host looks at itself from outside when it starts: it names what a web server in front spoils, and runs on."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from freespan.api.settings import HostSettings
from freespan.cli.self_check import SelfCheck
from freespan.demo.programs import environment
from freespan.doctor.self_check import warnings_from_outside
from freespan.doctor.settings import DoctorSettings
from tests.api.conftest import SECONDS, hosting
from tests.support.programs import Programs
from tests.support.reverse_proxy import Faults, adding, refusing, reverse_proxy, stripping, without

QUICK = DoctorSettings(quiet_seconds=0.2, answer_seconds=2.0, stun_seconds=0.2)
LIMITS = {"freespan.doctor.settings.DoctorSettings.quiet_seconds": 0.2}
PATH = "/garden-7Fq2"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


async def codes(url: str) -> list[str]:
    return [checked.finding.code async for checked in warnings_from_outside(url, QUICK)]


async def test_a_host_that_is_well_has_no_warnings(tmp_path: Path) -> None:
    async with hosting(tmp_path) as host:
        assert await codes(host.url) == []


async def test_a_host_that_cannot_see_itself_says_only_that() -> None:
    assert await codes(f"http://127.0.0.1:{free_port()}{PATH}") == ["not_seen"]


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(request=without("Upgrade", "Connection")), "no_upgrade"),
        (Faults(path=stripping(PATH)), "path_stripped"),
        (Faults(response=adding("X-Frame-Options: DENY")), "x_frame_options"),
        (Faults(refuses=refusing("413 Request Entity Too Large", "rendezvous")), "too_large"),
        (Faults(buffers=True), "buffered"),
        (Faults(refuses=refusing("502 Bad Gateway", "health")), "gateway"),
    ],
)
async def test_what_a_front_spoils_is_one_warning(tmp_path: Path, faults: Faults, code: str) -> None:
    port = free_port()
    async with (
        reverse_proxy(f"http://127.0.0.1:{port}{PATH}", faults) as url,
        hosting(tmp_path, port=port, public_url=url, stun=False),
    ):
        assert await codes(url) == [code]


async def test_serve_says_each_in_one_line_without_names(programs: Programs, tmp_path: Path) -> None:
    port = free_port()
    faults = Faults(
        response=adding("X-Frame-Options: DENY"), refuses=refusing("413 Request Entity Too Large", "rendezvous")
    )
    async with reverse_proxy(f"http://127.0.0.1:{port}{PATH}", faults) as url:
        host = programs(
            *("serve", "--port", str(port), "--data", str(tmp_path), "--public-url", url, "--no-stun"), limits=LIMITS
        )
        await asyncio.to_thread(host.line, "adds X-Frame-Options")
        await asyncio.to_thread(host.line, "refuses requests of 32 KiB (413)")
        assert await asyncio.to_thread(host.stop) == 0
    assert len(host.errors) == 2
    for line in host.errors:
        assert line.startswith("freespan: seen from outside: the server in front ")
        assert PATH not in line


async def test_serve_tells_programs_by_events(capsys: pytest.CaptureFixture[str]) -> None:
    check = SelfCheck(as_json=True, is_at_terminal=False)
    url = f"http://127.0.0.1:{free_port()}{PATH}"
    async with check.running(HostSettings(public_url=url), url):
        await check.wait()
    event = json.loads(capsys.readouterr().out)
    assert (event["event"], event["check"], event["code"]) == ("warning", "connection", "not_seen")


@pytest.mark.parametrize("settings", [{"self_check": False}, {"public_url": ""}])
async def test_serve_can_be_told_not_to_look(settings: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    check = SelfCheck(as_json=True, is_at_terminal=False)
    url = f"http://127.0.0.1:{free_port()}{PATH}"
    async with check.running(HostSettings(**{"public_url": url} | settings), url):
        await check.wait()
    assert capsys.readouterr().out == ""


async def test_a_host_that_stops_does_not_wait_for_the_check() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with asyncio.timeout(SECONDS), await asyncio.start_server(never, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{PATH}"
        check = SelfCheck(as_json=False, is_at_terminal=True)
        async with check.running(HostSettings(public_url=url), url):
            await asyncio.sleep(0)
    assert check.lines == []


PROBE = """
import sys
import freespan.cli.serve, freespan.cli.self_check
loaded = [name for name in ("webrtc", "freespan.link.datachannel", "freespan.client.client") if name in sys.modules]
sys.exit(", ".join(loaded) or 0)
"""


def test_a_host_that_looks_at_itself_loads_no_webrtc() -> None:
    """It would take memory from readers for as long as the host runs."""
    run = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, env=environment(), timeout=60)
    assert (run.returncode, run.stderr) == (0, "")
