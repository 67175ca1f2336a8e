"""`freespan doctor` with real web servers in front of a host, set up right, and wrong in each way.

`make reverse-proxy-test` runs them: they take a minute, and need nginx, Apache, HAProxy and Caddy.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

import freespan
from freespan.client.http_session import http_session
from freespan.doctor.examination import examine
from freespan.doctor.findings import Checked
from freespan.doctor.host import checks_from_outside
from freespan.doctor.settings import DoctorSettings
from tests.api.conftest import hosting
from tests.doctor.lists import needed
from tests.reverse_proxies.servers import (
    RIGHT_APACHE,
    RIGHT_NGINX,
    Place,
    apache,
    caddy,
    haproxy,
    is_installed,
    nginx,
    running,
)

pytestmark = pytest.mark.skipif(
    "FREESPAN_REVERSE_PROXIES" not in os.environ, reason="slow: run with make reverse-proxy-test"
)

PATIENCE = DoctorSettings(quiet_seconds=4.0)
Server = Callable[[Place], list[str]]


def nginx_without(line: str) -> str:
    assert line in RIGHT_NGINX
    return RIGHT_NGINX.replace(line, "")


NO_UPGRADE = nginx_without("proxy_set_header Upgrade $http_upgrade;")
NO_CONNECTION = nginx_without('proxy_set_header Connection "upgrade";')
CADDY_STRIPPING = "handle_path {path}/* {\nreverse_proxy 127.0.0.1:{upstream}\n}"

RIGHT: list[tuple[str, Server]] = [
    ("nginx", nginx()),
    ("apache2", apache()),
    ("haproxy", haproxy()),
    ("caddy", caddy()),
]
WRONG: list[tuple[str, str, Server, str, str]] = [
    ("nginx", "its own defaults", nginx("proxy_pass http://127.0.0.1:{upstream};"), "websocket", "no_upgrade"),
    ("nginx", "no Upgrade", nginx(NO_UPGRADE), "websocket", "no_upgrade"),
    (
        "nginx",
        "no Connection",
        nginx(nginx_without('proxy_set_header Connection "upgrade";')),
        "websocket",
        "no_upgrade",
    ),
    ("nginx", "stripped", nginx(RIGHT_NGINX.replace("{upstream};", "{upstream}/;")), "path", "path_stripped"),
    ("nginx", "another path", nginx(RIGHT_NGINX.replace("{upstream};", "{upstream}/x/;")), "path", "not_found"),
    ("nginx", "nobody behind", nginx(RIGHT_NGINX.replace("{upstream}", "9")), "path", "gateway"),
    ("nginx", "buffered", nginx("proxy_pass http://127.0.0.1:{upstream};"), "streaming", "buffered"),
    ("nginx", "short bodies", nginx(more="client_max_body_size 8k;"), "requests", "too_large"),
    ("nginx", "GET alone", nginx(more="limit_except GET { deny all; }"), "requests", "no_post"),
    ("nginx", "framed", nginx(more="add_header X-Frame-Options SAMEORIGIN;"), "headers", "x_frame_options"),
    (
        "nginx",
        "a policy",
        nginx(more="add_header Content-Security-Policy \"frame-ancestors 'self'\";"),
        "headers",
        "content_security_policy",
    ),
    (
        "nginx",
        "two origins",
        nginx(more='add_header Access-Control-Allow-Origin "*";'),
        "headers",
        "access_control_allow_origin",
    ),
    ("nginx", "expires", nginx(more="expires max;"), "caches", "cache_control"),
    ("nginx", "quick to cut", nginx(RIGHT_NGINX.replace("120s", "2s")), "quiet", "quiet_websocket_cut"),
    ("nginx", "a password", nginx(more="auth_basic x; auth_basic_user_file /dev/null;"), "path", "password"),
    ("apache2", "no Upgrade", apache(RIGHT_APACHE.replace("upgrade=websocket", "")), "websocket", "no_upgrade"),
    ("apache2", "stripped", apache(RIGHT_APACHE.replace("{upstream}{path}/", "{upstream}/")), "path", "path_stripped"),
    ("apache2", "nobody behind", apache(RIGHT_APACHE.replace("{upstream}", "9")), "path", "gateway"),
    ("apache2", "framed", apache(more='Header always set X-Frame-Options "DENY"'), "headers", "x_frame_options"),
    (
        "apache2",
        "COEP",
        apache(more='Header set Cross-Origin-Embedder-Policy "require-corp"'),
        "headers",
        "cross_origin_embedder_policy",
    ),
    ("haproxy", "no Upgrade", haproxy("http-request del-header Upgrade"), "websocket", "no_upgrade"),
    ("haproxy", "stripped", haproxy("http-request replace-path {path}/(.*) /\\1"), "path", "path_stripped"),
    ("haproxy", "quick to cut", haproxy("timeout tunnel 2s"), "quiet", "quiet_websocket_cut"),
    (
        "haproxy",
        "CORP",
        haproxy("http-response set-header Cross-Origin-Resource-Policy same-origin"),
        "headers",
        "cross_origin_resource_policy",
    ),
    ("haproxy", "short bodies", haproxy("http-request deny deny_status 413 if METH_POST"), "requests", "too_large"),
    (
        "caddy",
        "stripped",
        caddy(CADDY_STRIPPING),
        "path",
        "path_stripped",
    ),
    ("caddy", "nobody behind", caddy("reverse_proxy 127.0.0.1:9"), "path", "gateway"),
    ("caddy", "framed", caddy(more='header X-Frame-Options "SAMEORIGIN"'), "headers", "x_frame_options"),
    ("caddy", "short bodies", caddy(more="request_body {\nmax_size 8KB\n}"), "requests", "too_large"),
    (
        "caddy",
        "no Upgrade",
        caddy("reverse_proxy 127.0.0.1:{upstream} {\nheader_up -Upgrade\n}"),
        "websocket",
        "no_upgrade",
    ),
    (
        "caddy",
        "buffered",
        caddy("reverse_proxy 127.0.0.1:{upstream} {\nbuffer_responses\n}"),
        "streaming",
        "buffered",
    ),
]


NOTED: list[tuple[str, Server, str, str]] = [
    ("nginx", nginx(nginx_without("proxy_buffering off;")), "streaming", "buffered"),
    ("caddy", caddy("reverse_proxy 127.0.0.1:{upstream}"), "streaming", "buffered"),
    (
        "nginx",
        nginx(more="sub_filter '</title>' '</title><script src=//x.example></script>';"),
        "bodies",
        "no_etag",
    ),
]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[freespan.Host]:
    async with hosting(tmp_path / "data") as host:
        yield host


async def report_on(host: freespan.Host, folder: Path, server: Server, wanted: str = "") -> list[Checked]:
    with running(host.url, folder, server) as url:
        async with http_session() as http:
            checks = needed(checks_from_outside(url, http, PATIENCE), wanted)
            return [each async for each in examine(checks)]


@pytest.mark.parametrize(("program", "server"), RIGHT, ids=[each[0] for each in RIGHT])
async def test_a_front_that_is_set_up_right(host: freespan.Host, tmp_path: Path, program: str, server: Server) -> None:
    assert is_installed(program)
    report = await report_on(host, tmp_path / "front", server)
    wrong = [(each.check.id, each.finding.code) for each in report if each.finding.state != "good"]
    assert wrong == [("announced", "other_url")]  # the host does not know of the reverse proxy


@pytest.mark.parametrize(
    ("program", "server", "check", "code"),
    [(program, server, check, code) for program, _, server, check, code in WRONG],
    ids=[f"{program}: {what}" for program, what, _, _, _ in WRONG],
)
async def test_a_front_that_is_set_up_wrong(
    host: freespan.Host, tmp_path: Path, program: str, server: Server, check: str, code: str
) -> None:
    assert is_installed(program)
    report = await report_on(host, tmp_path / "front", server, check)
    found = {each.check.id: each.finding for each in report}
    assert (found[check].state, found[check].code) == ("bad", code), found


@pytest.mark.parametrize(("program", "server", "check", "code"), NOTED, ids=[f"{each[0]}: {each[3]}" for each in NOTED])
async def test_a_front_that_could_be_better(
    host: freespan.Host, tmp_path: Path, program: str, server: Server, check: str, code: str
) -> None:
    report = await report_on(host, tmp_path / "front", server, check)
    found = {each.check.id: each.finding for each in report}
    assert (found[check].state, found[check].code) == ("note", code), found
