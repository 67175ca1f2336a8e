"""The way to a host: names, connections, certificates and clocks, each right and wrong."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path
from time import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from freespan.client.http_session import http_session
from freespan.doctor.certificates import finding_of_good_certificate
from freespan.doctor.findings import Finding
from freespan.doctor.server import Server
from freespan.doctor.settings import DoctorSettings
from tests.support.tls import DAY, TestAuthority

QUICK = DoctorSettings(connect_seconds=5.0, answer_seconds=5.0)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestAuthority:
    """The one authority that this machine trusts for now."""
    found = TestAuthority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(found.file))
    return found


@contextlib.asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None, date: float = 0.0) -> AsyncIterator[int]:
    """Answers everything with 404, at a time that is so many seconds off."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await reader.readuntil(b"\r\n\r\n")
            line = f"Date: {formatdate(time() + date, usegmt=True)}\r\n"
            writer.write(f"HTTP/1.1 404 Not Found\r\n{line}Content-Length: 0\r\n\r\n".encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def certificate_at(tls: ssl.SSLContext, name: str = "localhost", date: float = 0.0) -> Finding:
    async with serving(tls, date) as port, http_session() as http:
        return await Server(f"https://{name}:{port}/garden", http, QUICK).look_at_certificate()


# --- certificates ---------------------------------------------------------------------------------
async def test_a_good_certificate(authority: TestAuthority) -> None:
    found = await certificate_at(authority.server_context(end=60 * DAY))
    assert (found.state, found.text) == ("good", "trusted, and valid for 59 days more")


@pytest.mark.parametrize(
    ("begin", "end", "code"),
    [
        (-80 * DAY, 10 * DAY, "certificate_ends_soon"),
        (-360 * DAY, 3 * DAY, "certificate_ends_soon"),
        (-6 * DAY, 0.5 * DAY, "certificate_ends_soon"),
        (-89 * DAY, -DAY, "certificate_expired"),
        (-89 * DAY, -60.0, "certificate_expired"),
        (DAY, 60 * DAY, "certificate_not_yet_valid"),
    ],
)
async def test_certificates_by_their_dates(authority: TestAuthority, begin: float, end: float, code: str) -> None:
    found = await certificate_at(authority.server_context(begin=begin, end=end))
    assert (found.state, found.code) == ("bad", code)
    assert found.advice
    assert found.hinders is (code != "certificate_ends_soon")


@pytest.mark.parametrize("offset", [-40 * DAY, 90 * DAY])
async def test_a_clock_that_makes_a_good_certificate_bad(authority: TestAuthority, offset: float) -> None:
    """The server's time is right, and its certificate is valid then."""
    tls = authority.server_context(begin=offset - DAY, end=offset + DAY)
    found = await certificate_at(tls, date=offset)
    assert found.code == "clock"
    assert f"{abs(offset) / DAY:.0f} days {'behind' if offset > 0 else 'ahead'}" in found.text


@pytest.mark.parametrize("name", ["other.example", "xn--e1afmkfd.example", "localhost.example"])
async def test_a_certificate_for_another_name(authority: TestAuthority, name: str) -> None:
    found = await certificate_at(authority.server_context(name))
    assert (found.state, found.code) == ("bad", "certificate_wrong_name")
    assert name not in found.text + found.advice


async def test_a_certificate_of_somebody_unknown(authority: TestAuthority, tmp_path: Path) -> None:
    found = await certificate_at(chain_context(tmp_path, ("root", "middle", "leaf"), sent=("leaf", "middle")))
    assert found.code == "certificate_unknown_issuer"


async def test_a_self_signed_certificate(authority: TestAuthority, tmp_path: Path) -> None:
    assert (await certificate_at(chain_context(tmp_path, ("leaf",)))).code == "certificate_self_signed"


async def test_a_chain_that_lacks_the_authority_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = chain_context(tmp_path, ("root", "middle", "leaf"), sent=("leaf", "middle"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    assert (await certificate_at(whole)).state == "good"
    alone = chain_context(tmp_path, ("root", "middle", "leaf"), sent=("leaf",))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    assert (await certificate_at(alone)).code == "certificate_incomplete_chain"


def chain_context(folder: Path, names: tuple[str, ...], sent: tuple[str, ...] = ("leaf",)) -> ssl.SSLContext:
    """A server that sends some certificates of a chain, of which each has signed the next."""
    now = datetime.datetime.now(datetime.UTC)
    issuer: tuple[x509.Name, ec.EllipticCurvePrivateKey] | None = None
    pems: dict[str, bytes] = {}
    private = b""
    for name in names:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = issuer or (subject, key)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(signer[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=60))
            .add_extension(x509.BasicConstraints(ca=name != "leaf", path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .sign(signer[1], hashes.SHA256())
        )
        pems[name] = made.public_bytes(serialization.Encoding.PEM)
        (folder / f"{name}.pem").write_bytes(pems[name])
        issuer = (subject, key)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    file = folder / "server.pem"
    file.write_bytes(private + b"".join(pems[name] for name in sent))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


@pytest.mark.parametrize(
    ("life", "left", "state"),
    [
        (90.0, 19.0, "good"),
        (90.0, 13.0, "bad"),
        (6.67, 1.5, "good"),
        (6.67, 1.2, "bad"),
        (398.0, 20.0, "good"),
        (398.0, 13.0, "bad"),
        (47.0, 10.0, "good"),
        (47.0, 9.0, "bad"),
    ],
)
def test_when_a_certificate_should_have_been_renewed(tmp_path: Path, life: float, left: float, state: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a.example")])
    begin = now - datetime.timedelta(days=life - left)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin + datetime.timedelta(days=life))
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    assert finding_of_good_certificate(der, now).state == state


# --- names, connections, clocks ---------------------------------------------------------------------
async def test_a_name_that_does_not_exist() -> None:
    async with http_session() as http:
        found = await Server("https://no-such-name.invalid/garden", http, QUICK).look_at_name()
    assert found.state == "bad"
    assert found.code in ("dns_no_name", "dns_no_answer", "no_network")
    assert "invalid" not in found.text


async def test_one_address_of_several_that_is_dead() -> None:
    """The name leads to both families, and only one of them is served."""
    async with serving() as port, http_session() as http:
        server = Server(f"http://localhost:{port}/garden", http, QUICK)
        await server.look_at_name()
        found = await server.look_at_connections()
    assert (found.code, found.hinders) in (("dead_address", False), ("", False))


@pytest.mark.parametrize("offset", [-3 * DAY, -600.0, 7200.0, 400 * DAY])
async def test_a_clock_that_is_off(offset: float) -> None:
    async with serving(date=offset) as port, http_session() as http:
        found = await Server(f"http://127.0.0.1:{port}/garden", http, QUICK).look_at_clock()
    assert (found.state, found.code) == ("bad", "clock")
    assert ("behind" if offset > 0 else "ahead") in found.text


@pytest.mark.parametrize("offset", [0.0, 90.0, -200.0])
async def test_a_clock_that_is_right_enough(offset: float) -> None:
    async with serving(date=offset) as port, http_session() as http:
        found = await Server(f"http://127.0.0.1:{port}/garden", http, QUICK).look_at_clock()
    assert found.state == "good"


@pytest.mark.parametrize("url", ["http://bridge.example/garden", "http://9.9.9.9/garden"])
async def test_a_public_host_without_tls(url: str) -> None:
    async with http_session() as http:
        found = await Server(url, http, QUICK).look_at_certificate()
    assert (found.state, found.code) == ("note", "no_tls")
