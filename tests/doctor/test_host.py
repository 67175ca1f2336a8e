"""`freespan doctor host` from outside: each way in which a server in front is set up wrong is named."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import freespan
from freespan.client.http_session import http_session
from freespan.doctor.examination import examine
from freespan.doctor.findings import Checked, Finding, is_well
from freespan.doctor.host import checks_from_outside
from freespan.doctor.settings import DoctorSettings
from tests.api.conftest import hosting
from tests.doctor.lists import needed
from tests.support.reverse_proxy import (
    Faults,
    Head,
    adding,
    compressed,
    refusing,
    refusing_upgrades,
    replacing,
    reverse_proxy,
    stripping,
    without,
)

QUICK = DoctorSettings(quiet_seconds=0.3, answer_seconds=1.5, stun_seconds=0.3)
PAGES = ("/switch.js", "/bridge", "/embed")


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[freespan.Host]:
    async with hosting(tmp_path) as host:
        yield host


async def looked_at(url: str) -> dict[str, Finding]:
    return {each.check.id: each.finding for each in await report_on(url)}


async def report_on(url: str, wanted: str = "") -> list[Checked]:
    """The whole report, or that of one check and those that it needs."""
    async with http_session() as http:
        return [each async for each in examine(needed(checks_from_outside(url, http, QUICK), wanted))]


def scripted(path: str, body: bytes) -> bytes:
    return body.replace(b"</title>", b"</title><script src=//ads.example></script>")


def only_scripts(then: Callable[[Head], Head]) -> Callable[[Head], Head]:
    return lambda head: then(head) if any(b"javascript" in line for line in head) else head


def compressed_scripts(path: str, body: bytes) -> bytes:
    return compressed(path, body) if path.endswith(".js") else body


def minified(path: str, body: bytes) -> bytes:
    return body.replace(b"\n", b"") if path.endswith(PAGES) else body


WRONG: list[tuple[str, Faults, str, str]] = [
    # WebSockets
    ("Upgrade is lost", Faults(request=without("Upgrade")), "websocket", "no_upgrade"),
    ("Connection is lost", Faults(request=replacing("Connection: close")), "websocket", "no_upgrade"),
    ("the key is lost", Faults(request=without("Sec-WebSocket-Key")), "websocket", "no_upgrade"),
    ("403 for WebSockets", Faults(refuses=refusing_upgrades("403 Forbidden")), "websocket", "no_upgrade"),
    ("404 for WebSockets", Faults(refuses=refusing_upgrades("404 Not Found")), "websocket", "no_upgrade"),
    ("502 for WebSockets", Faults(refuses=refusing_upgrades("502 Bad Gateway")), "websocket", "no_upgrade"),
    ("200 for WebSockets", Faults(refuses=refusing_upgrades("200 OK")), "websocket", "no_upgrade"),
    ("a WebSocket for bridges alone", Faults(refuses=refusing("404 Not Found", "/egress")), "frames", "no_upgrade"),
    ("frames are held back", Faults(buffers_sockets=True), "websocket", "frames_held_back"),
    ("quiet WebSockets are cut", Faults(quiet=0.15), "quiet", "quiet_websocket_cut"),
    # the path
    ("everything is elsewhere", Faults(path=lambda path: "/x" + path), "path", "not_found"),
    ("lower case", Faults(path=str.lower), "path", "not_found"),
    ("a front page for everything", Faults(path=lambda path: "/"), "path", "no_host"),
    ("403 for all", Faults(refuses=refusing("403 Forbidden", "health")), "path", "forbidden"),
    ("a password", Faults(refuses=refusing("401 Unauthorized", "health")), "path", "password"),
    ("a redirect", Faults(refuses=refusing("301 Moved Permanently", "health")), "path", "redirect"),
    ("nobody behind", Faults(refuses=refusing("502 Bad Gateway", "health")), "path", "gateway"),
    ("nobody behind in time", Faults(refuses=refusing("504 Gateway Timeout", "health")), "path", "gateway"),
    ("HTTP/2 alone", Faults(refuses=refusing("505 HTTP Version Not Supported", "health")), "path", "http2_only"),
    # requests and answers
    ("short bodies alone", Faults(body_max=1_000), "requests", "too_large"),
    ("nearly long enough", Faults(body_max=32_767), "requests", "too_large"),
    ("no chunks", Faults(refuses=refusing("411 Length Required", "rendezvous")), "requests", "length_required"),
    ("no POST", Faults(refuses=refusing("405 Method Not Allowed", "rendezvous")), "requests", "no_post"),
    ("a filter", Faults(refuses=refusing("400 Bad Request", "rendezvous")), "requests", "request_changed"),
    ("answers are held back", Faults(buffers=True), "streaming", "buffered"),
    # pages
    ("X-Frame-Options", Faults(response=adding("X-Frame-Options: SAMEORIGIN")), "headers", "x_frame_options"),
    ("the same in lower case", Faults(response=adding("x-frame-options: deny")), "headers", "x_frame_options"),
    (
        "frame-ancestors",
        Faults(response=adding("Content-Security-Policy: frame-ancestors 'self'")),
        "headers",
        "content_security_policy",
    ),
    (
        "another policy",
        Faults(response=replacing("Content-Security-Policy: default-src 'self'")),
        "headers",
        "content_security_policy",
    ),
    ("no policy", Faults(response=without("Content-Security-Policy")), "headers", "content_security_policy"),
    (
        "no CORP",
        Faults(response=replacing("Cross-Origin-Resource-Policy: same-origin")),
        "headers",
        "cross_origin_resource_policy",
    ),
    (
        "COEP everywhere",
        Faults(response=replacing("Cross-Origin-Embedder-Policy: require-corp")),
        "headers",
        "cross_origin_embedder_policy",
    ),
    (
        "a second origin",
        Faults(response=adding("Access-Control-Allow-Origin: *")),
        "headers",
        "access_control_allow_origin",
    ),
    (
        "another origin",
        Faults(response=replacing("Access-Control-Allow-Origin: https://a.example")),
        "headers",
        "access_control_allow_origin",
    ),
    ("plain text", Faults(response=replacing("Content-Type: text/plain")), "headers", "content_type"),
    ("all compressed", Faults(response=adding("Content-Encoding: gzip"), body=compressed), "path", "compressed"),
    (
        "scripts compressed",
        Faults(response=only_scripts(adding("Content-Encoding: gzip")), body=compressed_scripts),
        "bodies",
        "compressed",
    ),
    ("advertisements", Faults(body=scripted), "bodies", "changed"),
    ("minified", Faults(body=minified), "bodies", "changed"),
    ("expires max", Faults(response=replacing("Cache-Control: max-age=31536000")), "caches", "cache_control"),
    (
        "immutable",
        Faults(response=replacing("Cache-Control: public, max-age=60, immutable")),
        "caches",
        "cache_control",
    ),
    ("an old answer", Faults(response=adding("Age: 86400")), "caches", "kept"),
]


@pytest.mark.parametrize(("faults", "check", "code"), [each[1:] for each in WRONG], ids=[each[0] for each in WRONG])
async def test_a_front_that_is_set_up_wrong_is_named(
    host: freespan.Host, faults: Faults, check: str, code: str
) -> None:
    report = await through(host, faults, check)
    found = report[-1].finding
    assert (report[-1].check.id, found.state, found.code) == (check, "bad", code), report
    assert found.advice
    assert not is_well(report)


async def test_a_host_and_a_front_that_are_as_they_should_be(host: freespan.Host) -> None:
    for report in (await report_on(host.url), await through(host, Faults())):
        wrong = [(each.check.id, each.finding.code) for each in report if each.finding.state != "good"]
        assert wrong in ([], [("announced", "other_url")])  # the host does not know of the reverse proxy


async def through(host: freespan.Host, faults: Faults, wanted: str = "") -> list[Checked]:
    async with reverse_proxy(host.url, faults) as url:
        return await report_on(url, wanted)


@pytest.mark.parametrize("by", ["", "/", "/x"])
async def test_a_path_that_is_taken_away(host: freespan.Host, by: str) -> None:
    path = urlsplit(host.url).path
    report = await through(host, Faults(path=stripping(path, by)), "path")
    assert report[-1].finding.code == ("path_stripped" if not by else "not_found")


@pytest.mark.parametrize("page", PAGES)
async def test_an_old_page_of_a_cache(host: freespan.Host, page: str) -> None:
    """A cache knows an answer by its whole URL, so it has none for one that is new."""

    def body(path: str, fresh: bytes) -> bytes:
        return b"old" if path.endswith(page) else fresh

    report = await through(host, Faults(body=body, response=without("ETag")), "caches")
    assert report[-1].finding.code == "stale"


async def test_no_finding_names_the_host(host: freespan.Host) -> None:
    parts = urlsplit(host.url)
    for faults in (WRONG[0][1], WRONG[10][1], Faults(response=without("ETag", "Date"))):
        for checked in await through(host, faults):
            said = f"{checked.finding.text} {checked.finding.advice}"
            assert parts.path not in said
            assert "127.0.0.1" not in said


async def test_what_hinders_other_checks_is_said_once(host: freespan.Host) -> None:
    found = await looked_at(f"{host.url}x")
    assert found["path"].state == "bad"
    assert {found[name].state for name in ("websocket", "frames", "requests", "stun")} == {"skipped"}


async def test_nobody_at_the_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        found = await looked_at(f"http://127.0.0.1:{taken.getsockname()[1]}/x")
    assert found["connection"].code == "refused"
    assert found["path"].state == "skipped"


@pytest.mark.parametrize(
    ("public_url", "what"),
    [
        ("https://127.0.0.1:{port}/garden-7Fq2", "scheme"),
        ("http://localhost:{port}/garden-7Fq2", "name"),
        ("http://127.0.0.1:1/garden-7Fq2", "port"),
        ("http://127.0.0.1:{port}/garden-7Fq2", ""),
    ],
)
async def test_a_host_that_calls_itself_by_another_url(tmp_path: Path, public_url: str, what: str) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    async with hosting(tmp_path, port=port, public_url=public_url.format(port=port)):
        report = await report_on(f"http://127.0.0.1:{port}/garden-7Fq2", "announced")
    said = report[-1].finding
    assert (said.code, what in said.text) == ("other_url" if what else "", True)
