"""The identity of a host: a P-256 key, which invites name by the SHA-256 of its public half.

The host's other keys are derived from it, so a data folder holds one secret.
"""

from __future__ import annotations

import datetime
import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.x509.oid import NameOID

from freespan.tunnel.kept_file import read_or_create
from freespan.wire.errors import InputError

_KEY_FILE = "egress-key.pem"
_VALID = datetime.timedelta(days=36_500)


@dataclass(frozen=True)
class Identity:
    """A private key with a self-signed certificate, of which clients check nothing but the key."""

    private_key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pin(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo, 32 bytes."""
        return key_pin(self.certificate)

    @property
    def sealing_key(self) -> X25519PrivateKey:
        """The key that opens what is sealed to this host."""
        return X25519PrivateKey.from_private_bytes(self.derived(b"freespan sealing key"))

    @property
    def public_sealing_key(self) -> bytes:
        """What invites say of it: the public half, 32 bytes."""
        return self.sealing_key.public_key().public_bytes_raw()

    def derived(self, label: bytes) -> bytes:
        """A secret of 32 bytes, derived from the key for the use that `label` names (HKDF, RFC 5869)."""
        number = self.private_key.private_numbers().private_value.to_bytes(32, "big")
        return HKDF(hashes.SHA256(), 32, salt=None, info=label).derive(number)


def key_pin(certificate: x509.Certificate) -> bytes:
    """SHA-256 over a certificate's SubjectPublicKeyInfo in DER (as in RFC 7469 section 2.4), 32 bytes."""
    spki = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(spki).digest()


def new_identity() -> Identity:
    """Make a new key."""
    return _certified(ec.generate_private_key(ec.SECP256R1()))


def load_or_create_identity(folder: Path) -> Identity:
    """Read the key in a data folder, or make one there that only its owner can read (0600).

    Raises:
        InputError: field `data`; the folder cannot be used or the key in it cannot be read.
    """
    try:
        key = serialization.load_pem_private_key(read_or_create(folder / _KEY_FILE, _new_pem), password=None)
    except (ValueError, TypeError):
        raise InputError("data", f"{_KEY_FILE} is not a private key; move it away to make a new one") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InputError("data", f"{_KEY_FILE} is not a P-256 key; move it away to make a new one")
    return _certified(key)


def _new_pem() -> bytes:
    return new_identity().private_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certified(key: ec.EllipticCurvePrivateKey) -> Identity:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "egress")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(start).not_valid_after(start + _VALID)
    return Identity(key, builder.sign(key, hashes.SHA256()))
