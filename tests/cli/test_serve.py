"""`freespan serve`: its key, announcement, options, and HTTP requests of every kind."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import http.client
import json
import re
import signal
import socket
import stat
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest
from aioice import stun
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from freespan.demo.certificates import DemoAuthority
from freespan.sealing.replies import new_reply_key
from freespan.sealing.requests import open_answer, seal_request
from freespan.tunnel.identity import load_or_create_identity
from freespan.wire.invite import TOKEN_SIZE, format_invite, parse_invite
from freespan.wire.limits import PROTOCOL_VERSION
from freespan.wire.messages import Hello, TurnRequest, Welcome, decode_to_bridge, decode_turn_credentials, encode
from freespan.wire.sealed_request import SealedRequest
from tests.cli.conftest import AtTerminal, Command
from tests.support import readers
from tests.support.invites import invite_to
from tests.support.laboratory import Lab, laboratory, url_of
from tests.support.mmdb import database
from tests.support.programs import SECONDS, Programs
from tests.support.site import SMALL, Site


def ask(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX terminals")


def invite_of(folder: Path, url: str) -> str:
    """An invite for an open host whose output has none."""
    identity = load_or_create_identity(folder)
    return format_invite(invite_to(url, identity.pin, sealing_key=identity.public_sealing_key))


# --- the key -----------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_key_and_path_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "folder"
    with laboratory(data) as lab:
        first = lab.invite
        assert lab.host.stop() == 0
    kept = {file.name: file.read_bytes() for file in data.iterdir()}
    assert set(kept) == {"egress-key.pem", "path.txt", "invites.sqlite", "invites.sqlite-journal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in data.iterdir()} == {0o600}
    assert stat.S_IMODE(data.stat().st_mode) & 0o077 == 0
    with laboratory(data) as lab:
        again = parse_invite(lab.invite)
        assert again.egress_key == parse_invite(first).egress_key
        assert again.token == parse_invite(first).token
        assert urlsplit(again.broker).path == urlsplit(parse_invite(first).broker).path
    for name in ("egress-key.pem", "path.txt"):
        assert (data / name).read_bytes() == kept[name]


@pytest.mark.parametrize("content", [b"", b"not a key", b"\x00" * 1000], ids=["empty", "text", "bytes"])
def test_a_bad_key(command: Command, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "egress-key.pem").write_bytes(content)
    message = command("serve", "--port", "0", "--data", str(tmp_path)).fails(2)
    assert "egress-key.pem is not a private key; move it away to make a new one" in message
    assert (tmp_path / "egress-key.pem").read_bytes() == content


def test_a_data_folder_that_is_a_file(command: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = tmp_path / "file"
    assert command("serve", "--port", "0", "--data", str(file)).fails(2) == "--data: not a directory"
    assert command("serve", "--port", "0", "--data", str(file / "below")).fails(2) == "--data: not a directory"


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_data_folder_that_cannot_be_made(command: Command) -> None:
    message = command("serve", "--port", "0", "--data", "/proc/self/nothing").fails(2)
    assert message == "--data: the directory cannot be used: no such file or directory"


# --- the announcement --------------------------------------------------------------------------


def test_output_for_programs(lab: Lab) -> None:
    ready = lab.ready
    assert set(ready) == {"event", "url", "invite", "embed", "stun", "access", "notices", "metrics"}
    invite = parse_invite(ready["invite"])
    assert (ready["event"], invite.broker) == ("ready", ready["url"])
    assert ready["embed"] == (
        f'<script type="module" src="{ready["url"]}/switch.js"></script><freespan-switch></freespan-switch>'
    )
    assert (ready["stun"], invite.stun, invite.fronts) == ([], (), ())  # this host serves one machine
    assert lab.host.output == lab.host.output[:1]


def test_programs_get_the_invite_on_request_alone(programs: Programs, tmp_path: Path) -> None:
    host = programs("serve", "--port", "0", "--json", "--data", str(tmp_path))
    assert set(host.event(lambda event: event["event"] == "ready")) == {
        *("event", "url", "embed", "stun", "access", "notices")
    }
    assert host.stop() == 0
    assert "freespan2_" not in host.said


@posix
def test_output_for_people(terminal: AtTerminal, tmp_path: Path) -> None:
    host = terminal("serve", "--port", "0", "--data", str(tmp_path))
    host.until("MB carried   open to everybody")
    url = re.search(r"serves at (http://127\.0\.0\.1:\d+/[\w-]{16})\r", host.said)
    invite = re.search(r"freespan2_\S+", host.said)
    assert url
    assert invite
    assert parse_invite(invite[0]).broker == url[1]
    assert f'src="{url[1]}/switch.js"' in host.said
    assert "bridges: 0   sessions: 0   streams: 0   0 MB carried   open to everybody" in host.said
    host.process.send_signal(signal.SIGTERM)
    assert host.process.wait(SECONDS) == 0


def test_what_may_be_kept_has_neither_an_invite_nor_figures(programs: Programs, tmp_path: Path, site: Site) -> None:
    """Such as the output of a service, which a journal keeps with the time of every line."""
    folder = tmp_path / "my data"
    options = ("--allow-private", "--egress", "open", "--resolve", "site.test=127.0.0.1")
    host = programs("serve", "--port", "0", "--data", str(folder), *options)
    url = host.line("serves at ").rpartition(" ")[2]
    assert host.line("freespan invite show") == f"  freespan invite show first --data '{folder}'"
    host.line("for tests and demos only")
    at_first = host.said
    bridge = programs("bridge", url, "--json")
    bridge.state("waiting")
    client = programs("connect", "--port", "0", "--json", invite=invite_of(folder, url))
    proxy = client.event(lambda event: event["event"] == "proxy")["address"]
    client.state("open")
    assert readers.get(proxy, url_of(site)).body == SMALL
    assert client.stop() == 0
    bridge.state("waiting")
    assert host.stop() == 0
    assert host.said.rstrip() == at_first.rstrip()
    assert "freespan2_" not in host.said
    assert not re.search(r"session|stream|MB", host.said)


def test_whoever_asks_for_the_invite_gets_it_anywhere(programs: Programs, tmp_path: Path) -> None:
    host = programs("serve", "--port", "0", "--data", str(tmp_path), "--print-invite")
    assert parse_invite(host.line("freespan2_").strip()).broker == host.line("serves at ").rpartition(" ")[2]


def test_the_public_url_is_announced(tmp_path: Path) -> None:
    with laboratory(tmp_path, "--public-url", "https://bridge.example/free/", "--no-stun") as lab:
        assert lab.url == "https://bridge.example/free"
        assert parse_invite(lab.invite).broker == lab.url
        assert 'src="https://bridge.example/free/switch.js"' in lab.ready["embed"]
    assert not (tmp_path / "path.txt").exists()


@posix
@pytest.mark.parametrize("header", [(), ("--proxy-header", "X-Forwarded-For")], ids=["without", "with"])
def test_a_host_behind_a_web_server_says_that_it_needs_the_header(
    terminal: AtTerminal, tmp_path: Path, header: tuple[str, ...]
) -> None:
    public = ("--public-url", "https://bridge.example/free/", "--no-stun")
    host = terminal("serve", "--port", "0", "--data", str(tmp_path), *public, *header)
    host.until("sessions: 0")
    host.until("MB carried")
    if not header:
        host.until("see --proxy-header")
    assert ("Strangers cannot be told apart" in host.said) == (not header)


def test_all_addresses(programs: Programs, tmp_path: Path) -> None:
    host = programs("serve", "--port", "0", "--data", str(tmp_path), "--host", "0.0.0.0")
    host.line("name the host for others with --public-url")
    assert "http://127.0.0.1:" in host.line("serves at")


# --- options that cannot be used ---------------------------------------------------------------


def test_a_port_in_use(programs: Programs, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = programs("serve", "--port", str(port), "--data", str(tmp_path)).fails(2)
        assert message == f"--port: {port}: address already in use; choose another one"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--host", "203.0.113.7"], "--host: is not an address of this machine"),
        (["--host", "host.invalid"], "--host: is not an address of this machine"),
        (["--public-url", "ftp://x"], "--public-url: must be the http or https URL"),
        (["--public-url", "bridge.example"], "--public-url: must be the http or https URL"),
        (["--tls-cert", "/nowhere.pem"], "--tls-cert: needs --tls-key as well"),
        (["--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.pem"], "no such file"),
        (["--allow-host", "http://news.example/"], "--allow-host: must be the name"),
        (["--public-url", "https://bridge.example/a b"], "--public-url: must be the http or https URL"),
        (["--public-url", "https://bridge.example/{a}"], "--public-url: may have letters, digits"),
        (["--front", "cdn.example"], "--front: must be an http or https URL"),
        (
            ["--front", "https://cdn.example/" + "x" * 900, "--front", "https://cdn.example/" + "y" * 900],
            "--front: makes",
        ),
        (["--site", "/nowhere"], "--site: not a directory"),
        (
            ["--redirect-port", "0"],
            "--redirect-port: redirects to https, so this host needs --tls-cert or an https --public-url",
        ),
        (["--no-stun", "--stun-port", "0"], "--stun-port: is of no use while STUN is off"),
        (["--stun-port", "0", "--stun-host", "a b"], "--stun-host: must be the name"),
        (["--stun-server", "stun.example"], "--stun-server: must look like stun:"),
        (["--turn", "turn:turn.example:3478"], "--turn: needs --turn-secret-file"),
        (["--turn", "turn:turn.example:3478", "--turn-secret-file", "/nowhere"], "--turn-secret-file: cannot be read"),
        (["--turn", "http://turn.example", "--turn-secret-file", __file__], "--turn: must look like turn:"),
        (["--resolve", "news.example"], "--resolve: must be NAME=ADDRESS"),
        (["--resolve", "news.example=elsewhere.example"], "--resolve: must be NAME=ADDRESS"),
        (["--resolve", "a b=127.0.0.1"], "--resolve: must be NAME=ADDRESS"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_cannot_be_used(command: Command, tmp_path: Path, options: list[str], part: str) -> None:
    assert part in command("serve", "--port", "0", "--data", str(tmp_path), *options).fails(2)


@pytest.mark.parametrize("given", ["--stun-port", "--port"])
def test_stun_ports_in_use(command: Command, tmp_path: Path, given: str) -> None:
    """By default they are that of --port and the next one; on a public host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = str(taken.getsockname()[1])
        public = ["--public-url", "https://bridge.example"] if given == "--port" else ["--port", "0"]
        message = command("serve", given, port, *public, "--data", str(tmp_path)).fails(2)
    assert message == (
        f"--stun-port: UDP {port} and {int(port) + 1}: address already in use; "
        "choose another one, or none with --no-stun"
    )


# --- what else the invite and the broker name ------------------------------------------------------


def test_stun(tmp_path: Path) -> None:
    others = ["--stun-server", "stun:a.example:3478", "--stun-server", "stun:b.example:1,stun:b.example:2"]
    with laboratory(tmp_path, "--stun-port", "0", *others) as lab:
        own = lab.ready["stun"]
        first, second = (int(url.rpartition(":")[2]) for url in own)
        assert own == [f"stun:127.0.0.1:{first}", f"stun:127.0.0.1:{second}"]
        assert second == first + 1
        groups = (tuple(own), ("stun:a.example:3478",), ("stun:b.example:1", "stun:b.example:2"))
        assert parse_invite(lab.invite).stun == groups
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as guest:
            guest.settimeout(SECONDS)
            for port in (first, second):
                guest.sendto(bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)), ("127.0.0.1", port))
                answer = stun.parse_message(guest.recv(1_000))
                assert answer.attributes == {"XOR-MAPPED-ADDRESS": ("127.0.0.1", guest.getsockname()[1])}
        assert [list(server.urls) for server in asyncio.run(welcome(lab.url)).ice_servers] == [
            list(group) for group in groups
        ]
        assert lab.host.stop() == 0
        assert lab.host.errors == []


async def welcome(url: str) -> Welcome:
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{url}/v1/bridge") as socket:
        await socket.send_str(encode(Hello(PROTOCOL_VERSION, 1)))
        message = decode_to_bridge(await socket.receive_str(timeout=SECONDS))
    assert isinstance(message, Welcome)
    return message


def test_fronts_and_turn_servers(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("north\n")
    (tmp_path / "secret").chmod(0o600)
    fronts = ["--front", "https://front.example", "--front", "https://cdn.example/garden/"]
    turn = ["--turn", "turn:turn.example:3478?transport=udp", "--turn-secret-file", str(tmp_path / "secret")]
    with laboratory(tmp_path / "data", *fronts, *turn) as lab:
        assert parse_invite(lab.invite).fronts == (f"https://front.example{lab.path}", "https://cdn.example/garden")
        reply_key = new_reply_key()
        wanted = SealedRequest(bytes(TOKEN_SIZE), reply_key, encode(TurnRequest(PROTOCOL_VERSION)).encode())
        sealed = seal_request(parse_invite(lab.invite).sealing_key, wanted)
        response, body = ask(lab.port, "POST", f"{lab.path}/v1/rendezvous", sealed)
        (server,) = decode_turn_credentials(open_answer(reply_key, body)).ice_servers
        assert (response.status, server.urls) == (200, ["turn:turn.example:3478?transport=udp"])
        assert server.username
        proof = base64.b64encode(hmac.digest(b"north", server.username.encode(), "sha1")).decode()
        assert server.credential == proof


# --- what strangers see ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/countries", "/v1/rendezvous", "/v1/egress", "/metrics", "/globe/globe.js"]
)
def test_nothing_is_found_without_the_path(lab: Lab, path: str) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    }
    answers = [
        ask(lab.port, method, prefix + path, headers=headers)
        for prefix in ("", lab.path[:-1], lab.path.swapcase(), lab.path + "x")
        for method, headers in (("GET", {}), ("GET", upgrade), ("POST", {}))
    ]
    nowhere, page = ask(lab.port, "GET", "/nowhere")
    for response, body in answers:
        assert (response.status, body) == (404, page)
        assert [name for name, _ in response.getheaders()] == [name for name, _ in nowhere.getheaders()]
    assert "freespan" not in f"{page!r} {nowhere.getheaders()}"


def test_a_site_and_the_way_to_https(programs: Programs, tmp_path: Path) -> None:
    authority = DemoAuthority(tmp_path)
    authority.server_context("localhost")
    pem = str(tmp_path / "localhost.pem")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("Our garden")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--tls-cert", pem, "--tls-key", pem, "--site", str(tmp_path / "site"), "--redirect-port", str(port)]
    with laboratory(tmp_path / "data", *options) as lab:
        context = authority.client_context()
        context.set_alpn_protocols(["h2", "http/1.1"])
        with (
            socket.create_connection(("127.0.0.1", lab.port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sealed,
        ):
            assert sealed.selected_alpn_protocol() == "http/1.1"
            sealed.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert readers.read_all(sealed).endswith(b"\r\n\r\nOur garden")
        response, _ = ask(port, "GET", "/page?x=1")
        assert (response.status, response.getheader("Location")) == (301, f"https://127.0.0.1:{lab.port}/page?x=1")
        assert response.getheader("Server") is None
    with socket.create_server(("127.0.0.1", port)):
        message = programs("serve", "--port", "0", "--data", str(tmp_path / "data"), *options).fails(2)
        assert message == f"--redirect-port: {port}: address already in use; choose another one"


# --- TLS ---------------------------------------------------------------------------------------


def test_https(tmp_path: Path, site: Site) -> None:
    """Broker and egress speak TLS, and the invite has an https URL."""
    authority = DemoAuthority(tmp_path)
    authority.server_context("localhost")
    pem = str(tmp_path / "localhost.pem")
    with laboratory(tmp_path / "data", "--tls-cert", pem, "--tls-key", pem) as lab:
        assert lab.url.startswith("https://127.0.0.1:")
        assert parse_invite(lab.invite).broker == lab.url
        context = authority.client_context()
        with (
            socket.create_connection(("127.0.0.1", lab.port), SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sealed,
        ):
            sealed.sendall(
                f"GET {lab.path}/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            assert sealed.recv(100).startswith(b"HTTP/1.1 200")
        with socket.create_connection(("127.0.0.1", lab.port), SECONDS) as plain:  # nonsense, and no harm
            plain.sendall(b"GET / HTTP/1.1\r\n\r\n")
            readers.read_all(plain)
        assert lab.host.stop() == 0
        assert lab.host.errors == []


def test_nobody_is_asked_for_the_password_of_a_key(command: Command, tmp_path: Path) -> None:
    DemoAuthority(tmp_path).server_context("localhost")
    key = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    )
    (tmp_path / "key.pem").write_bytes(key)
    options = ["--tls-cert", str(tmp_path / "localhost.pem"), "--tls-key", str(tmp_path / "key.pem")]
    message = command("serve", "--port", "0", "--data", str(tmp_path), *options).fails(2)
    assert "--tls-cert: certificate and key cannot be used" in message


# --- over HTTP ---------------------------------------------------------------------------------


def test_health(lab: Lab) -> None:
    response, body = ask(lab.port, "GET", f"{lab.path}/v1/health")
    assert (response.status, json.loads(body)) == (200, {"status": "ok"})


def test_the_path_itself_leads_to_the_landing_page(lab: Lab) -> None:
    response, _ = ask(lab.port, "GET", lab.path)
    assert (response.status, response.getheader("Location")) == (301, f"{lab.path}/")
    response, body = ask(lab.port, "GET", f"{lab.path}/")
    assert (response.status, f"{lab.url}/switch.js" in body.decode()) == (200, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1/nowhere", 404),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "/static/..%2f..%2fsecret", 404),
        ("POST", "/", 405),
        ("GET", "/v1/rendezvous", 405),
        ("DELETE", "/v1/egress", 405),
        ("GET", "/v1/bridge", 400),
        ("GET", "/v1/egress", 400),
    ],
)
def test_every_error_under_the_path_is_a_problem(lab: Lab, method: str, path: str, status: int) -> None:
    response, body = ask(lab.port, method, lab.path + path)
    problem = json.loads(body)
    assert response.getheader("Content-Type", "").startswith("application/problem+json")
    assert (response.status, problem["status"]) == (status, status)
    assert problem["type"].startswith("urn:freespan:problem:")
    assert problem["title"]
    assert (response.getheader("Allow") is not None) == (status == 405)
    assert response.getheader("Server") is None


def test_ten_megabytes(lab: Lab) -> None:
    response, body = ask(lab.port, "POST", f"{lab.path}/v1/rendezvous", bytes(10_000_000))
    assert (response.status, json.loads(body)["type"]) == (413, "urn:freespan:problem:too_large")


NOISE = {
    "bytes": b"\x00\x01\xff" * 500,
    "TLS": bytes.fromhex("16030100c8010000c40303") + bytes(200),
    "half a request": b"POST @/v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
    "half a chunk": b"POST @/v1/rendezvous HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf",
    "no chunk": b"POST @/v1/rendezvous HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "gzip that is none": b"POST @/v1/rendezvous HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
    b"Content-Length: 3\r\n\r\nabc",
    "half a WebSocket": b"GET @/v1/egress HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\x82\xff\xff\xff",
    "no WebSocket frame": b"GET @/v1/bridge HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n\xff\xff\xff\xff\xff\xff",
    "another WebSocket version": b"GET @/v1/bridge HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 99\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
}


@pytest.mark.parametrize("politely", [True, False], ids=["politely", "with a reset"])
@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE.keys())
def test_malformed_requests_leave_no_trace(lab: Lab, noise: bytes, politely: bool) -> None:
    with socket.create_connection(("127.0.0.1", lab.port), SECONDS) as connection:
        connection.sendall(noise.replace(b"@", lab.path.encode()))
        if politely:
            connection.shutdown(socket.SHUT_WR)
            try:
                readers.read_all(connection)
            except ConnectionResetError:
                pass
        else:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    assert ask(lab.port, "GET", f"{lab.path}/v1/health")[0].status == 200
    assert lab.host.errors == []


# --- what the egress may reach -----------------------------------------------------------------


def refusal(proxy: str, url: str) -> str:
    return readers.get(proxy, url).header("Proxy-Status")


def test_a_host_narrows_the_egress_to_its_sites(tmp_path: Path, site: Site) -> None:
    names = ["--resolve", "www.news.test=127.0.0.1", "--resolve", "evilnews.test=127.0.0.1"]
    with laboratory(tmp_path, *names, "--allow-host", "news.test") as lab:
        lab.bridge()
        _, proxy = lab.client()
        assert readers.get(proxy, f"http://www.news.test:{site.port}/").body == SMALL
        for name in ("evilnews.test", "site.test", "127.0.0.1"):
            expected = 'freespan; error=http_request_denied; details="site"'
            assert refusal(proxy, f"http://{name}:{site.port}/") == expected


def test_by_default_the_egress_reaches_no_private_address(programs: Programs, tmp_path: Path, site: Site) -> None:
    with reaching(programs, tmp_path, "--egress", "open", "--resolve", "site.test=127.0.0.1") as proxy:
        for name in ("site.test", "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
            expected = 'freespan; error=destination_ip_prohibited; details="private"'
            assert refusal(proxy, f"http://{name}:{site.port}/") == expected
        for name in ("169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "metadata.google.internal"):
            assert refusal(proxy, f"http://{name}:{site.port}/").endswith('; details="metadata"')


@contextlib.contextmanager
def reaching(programs: Programs, data: Path, *options: str) -> Iterator[str]:
    """A host with these options; yields the local proxy of a client with an open session."""
    host = programs("serve", "--port", "0", "--json", "--print-invite", "--data", str(data), *options)
    ready = host.event(lambda event: event["event"] == "ready")
    bridge = programs("bridge", ready["url"], "--json")
    bridge.state("waiting")
    client = programs("connect", "--port", "0", "--json", invite=ready["invite"])
    proxy = client.event(lambda event: event["event"] == "proxy")["address"]
    client.state("open")
    yield proxy


def test_by_default_readers_reach_the_ports_of_the_web_and_those_that_the_host_adds(
    programs: Programs, tmp_path: Path, site: Site
) -> None:
    local = ("--allow-private", "--resolve", "site.test=127.0.0.1", "--egress-port", str(site.port))
    with reaching(programs, tmp_path, *local) as proxy:
        assert readers.get(proxy, f"http://site.test:{site.port}/").body == SMALL
        with socket.create_server(("127.0.0.1", 0)) as other:
            reply = readers.get(proxy, f"http://site.test:{other.getsockname()[1]}/")
        assert (reply.status, reply.header("Proxy-Status")) == (
            403,
            'freespan; error=http_request_denied; details="port"',
        )
        assert b"the host opens no connections to this port" in reply.body


# --- metrics -----------------------------------------------------------------------------------

LABELS = {"direction"}


def test_metrics_count_and_name_nobody(lab: Lab, site: Site) -> None:
    """That there is a reader, and what became of their rendezvous and streams, is not told: fewer than eight."""
    _, proxy = lab.client()
    assert readers.get(proxy, url_of(site)).body == SMALL
    refusal(proxy, "http://site.test:25/")
    assert lab.ready["metrics"].startswith("http://127.0.0.1:")
    samples = [line for line in lab.metrics().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"freespan_\w+(\{\w+=\"[a-z_]+\"\})? [\d.e+]+", line) for line in samples), samples
    assert {label for line in samples for label in re.findall(r"(\w+)=\"", line)} == LABELS
    assert "freespan_sessions 0.0" in samples
    assert not any("refused" in line for line in samples)
    assert "freespan_held_bytes 0.0" in samples
    assert "freespan_bridges 1.0" in samples
    assert any(re.fullmatch(r"freespan_transferred_bytes_total\{direction=\"download\"\} [1-9].*", s) for s in samples)
    assert not any("site.test" in line or "127.0.0.1" in line or "_created" in line for line in samples)


def test_the_port_that_everybody_knows_has_no_metrics(lab: Lab) -> None:
    assert ask(lab.port, "GET", f"{lab.path}/metrics")[0].status == 404


def test_a_port_for_metrics_that_is_taken(command: Command, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        message = command("serve", "--port", "0", "--data", str(tmp_path), "--metrics-port", port).fails(2)
    assert message == f"--metrics-port: {port}: address already in use; choose another one"


@pytest.mark.parametrize("option", ["--metrics", "--no-metrics"])
def test_the_option_of_before_says_what_replaced_it(command: Command, option: str) -> None:
    assert command("serve", option).fails(2) == (
        "--metrics: is --metrics-port NUMBER now: the counters have a port of their own, on 127.0.0.1 alone"
    )


# --- where readers are ---------------------------------------------------------------------------


def test_a_host_with_a_database_of_countries_shows_nobody_at_first(programs: Programs, tmp_path: Path) -> None:
    path = tmp_path / "countries.mmdb"
    path.write_bytes(database({"11.0.0.0/8": {"country": {"iso_code": "IR"}}}))
    options = ("--countries", str(path), "--proxy-header", "X-Forwarded-For")
    host = programs("serve", "--port", "0", "--json", "--data", str(tmp_path), *options)
    url = urlsplit(host.event(lambda event: event["event"] == "ready")["url"])
    assert url.port
    response, body = ask(url.port, "GET", f"{url.path}/v1/countries")
    assert (response.status, json.loads(body)) == (200, {"countries": {}, "somewhere": 0})
