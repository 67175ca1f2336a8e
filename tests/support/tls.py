"""A certificate authority for tests, whose certificates may have any dates and any name."""

from __future__ import annotations

import datetime
import ssl
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = 86_400.0
_DECADES = (-3_650 * DAY, 3_650 * DAY)


class TestAuthority:
    """Writes its own certificate to `file`, and those of servers beside it."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test authority")
        builder = _builder(self._name, self._name, self._key.public_key(), _DECADES).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.file = folder / f"authority-{time.perf_counter_ns()}.pem"
        self.file.write_bytes(_pem(builder.sign(self._key, hashes.SHA256())))

    def server_context(self, name: str = "localhost", begin: float = -DAY, end: float = 30 * DAY) -> ssl.SSLContext:
        """A server's context, with a certificate whose dates are seconds from now."""
        file = self._folder / f"server-{time.perf_counter_ns()}.pem"
        file.write_bytes(self.server_pem(name, begin, end))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def server_pem(self, name: str = "localhost", begin: float = -DAY, end: float = 30 * DAY) -> bytes:
        """A new key, and a certificate for it."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name), self._name, key.public_key(), (begin, end)).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        return _key_pem(key) + _pem(builder.sign(self._key, hashes.SHA256()))

    def client_context(self) -> ssl.SSLContext:
        """A client's context that trusts this authority alone."""
        return ssl.create_default_context(cafile=str(self.file))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, dates: tuple[float, float]
) -> x509.CertificateBuilder:
    begin, end = (datetime.datetime.fromtimestamp(time.time() + each, datetime.UTC) for each in dates)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
