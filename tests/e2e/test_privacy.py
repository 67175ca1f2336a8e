"""Nothing that the programs say, log, count or keep tells who reads what, or how he got in."""

from __future__ import annotations

import re
import socket
import sys
from pathlib import Path

import pytest

from freespan.wire.target import Target
from tests.support import readers
from tests.support.laboratory import SOON, laboratory
from tests.support.programs import SECONDS, Program
from tests.support.site import SMALL, Site

NAME = "quokka-reading-room"
UNKNOWN = "wombat-archive"
ADDRESS = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[0-9a-f]{1,4}:){3,}[0-9a-f:]*|\blocalhost\b", re.IGNORECASE)
WHAT_WEBRTC_SAYS = ("candidate:", "ice-ufrag", "fingerprint")


def announced(line: str) -> bool:
    """What a program says to its own person, once: where it listens, and a host the invite that it is to give away."""
    return line.startswith(('{"event": "ready"', '{"event": "proxy"'))


def command_line(program: Program) -> str:
    """What every user of the machine can read of a program that runs (Linux)."""
    file = Path(f"/proc/{program.pid}/cmdline")
    return file.read_text() if file.exists() else ""


def said(program: Program) -> str:
    return "\n".join([*(line for line in program.output if not announced(line)), *program.errors])


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("options", [[], ["--verbose"]], ids=["by default", "verbose"])
def test_a_whole_run_betrays_nobody(tmp_path: Path, site: Site, options: list[str]) -> None:
    names = ["--resolve", f"{NAME}.test=127.0.0.1"]
    with laboratory(tmp_path / "data", *names, *options, limits=SOON) as lab:
        invite = lab.invite
        client = lab.start_client(*options)
        proxy = client.event(lambda event: event["event"] == "proxy")["address"]
        client.state("waiting")
        first = lab.bridge(*options)
        client.state("open")
        assert invite not in command_line(client)
        second = lab.bridge(*options)
        client.links(2)
        url = f"http://{NAME}.test:{site.port}/"
        assert readers.get(proxy, url).body == SMALL
        readers.socks(proxy, Target(f"{NAME}.test", site.port))[1].close()
        for refused in (f"http://{NAME}.test:25/", f"http://{NAME}.test:1/", f"http://{UNKNOWN}.invalid/"):
            assert readers.get(proxy, refused).status >= 400
        readers.exchange(proxy, f"NONSENSE http://{NAME}.test/ x\r\n\r\n".encode())
        fetched = lab.programs("fetch", url, "-o", str(tmp_path / "page"), *options, invite=invite)
        assert fetched.wait() == 0
        failed = lab.programs(
            "fetch", f"https://{UNKNOWN}.invalid/", "-o", str(tmp_path / "none"), *options, invite=invite
        )
        assert failed.wait() == 1
        with socket.create_connection(("127.0.0.1", lab.port), SECONDS) as noise:
            noise.sendall(f"GET {lab.path}/{NAME} HTTP/1.1\r\nHost: {NAME}.test\r\nX: \x00\r\n\r\n".encode())
            readers.read_all(noise)
        first.kill()
        client.links(1)
        second.kill()
        client.links(0)
        third = lab.bridge(*options)
        client.links(1)
        assert readers.get(proxy, url).body == SMALL
        counted = lab.metrics()
        assert [program.stop() for program in (client, third, lab.host)] == [0, 0, 0]
        everything = {program.name: said(program) for program in lab.programs.all} | {"metrics": counted}
    for who, text in everything.items():
        assert NAME not in text, who
        assert UNKNOWN not in text, who
        assert invite not in text, who
        assert "freespan2_" not in text, who
        assert lab.path not in text, who
        assert not ADDRESS.search(text.replace(str(tmp_path), "")), (who, text)
        assert not any(word in text for word in WHAT_WEBRTC_SAYS), who
    # and on disk there is nothing but the key, the host's path and the invites, and what was asked for
    kept = sorted(file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file())
    data = ["egress-key.pem", "invites.sqlite", "invites.sqlite-journal", "path.txt"]
    assert kept == [*(f"data/{name}" for name in data), "page"]
    assert (tmp_path / "data" / "invites.sqlite-journal").read_bytes() == b""
    database = (tmp_path / "data" / "invites.sqlite").read_bytes()
    assert not any(name.encode() in database for name in (NAME, UNKNOWN, "freespan2_"))
    if not options:
        assert [program.errors for program in lab.programs.all if program is not failed] == [[]] * 6
