"""Sealing to a host: HPKE in base mode (RFC 9180) with X25519, HKDF-SHA256 and AES-256-GCM, one message a time.

Whoever has an invite can seal, and the host alone can open. Each sealed text has a fresh key, so no two are alike, and
none can be changed. It says nothing of who has sealed it: what is inside does, such as a token. Nor does it say when:
a copy opens as well as the original, so whoever opens has to notice copies.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from freespan.wire.errors import SealError

SEAL_OVERHEAD = 32 + 16
"""Bytes by which a sealed text is longer than what it holds: the sender's public key, and the tag."""
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal(public_key: bytes, purpose: bytes, plaintext: bytes, context: bytes = b"") -> bytes:
    """Seal to a host. Only what opens it for the same purpose, and in the same context, gets anything out of it.

    Args:
        public_key: the sealing key of an invite that was read (`parse_invite`).
        purpose: a word for the message that this is, without a zero byte.
        plaintext: what the host is to read. Its length can be seen, so pad it.
        context: what the host knows from elsewhere, such as the hash of what goes beside it.
    """
    return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public_key), _info(purpose, context))


class Opener:
    """Opens what is sealed to a host, and keeps its private key to itself."""

    __slots__ = ("_private_key",)

    def __init__(self, private_key: X25519PrivateKey) -> None:
        self._private_key = private_key

    def open(self, purpose: bytes, sealed: bytes, context: bytes = b"") -> bytes:
        """What was sealed.

        Raises:
            SealError: it was sealed to another key, for another purpose or in another context, or is changed or cut.
        """
        try:
            return _SUITE.decrypt(sealed, self._private_key, _info(purpose, context))
        except (InvalidTag, ValueError):
            raise SealError from None


def _info(purpose: bytes, context: bytes) -> bytes:
    return b"freespan " + purpose + b"\0" + context
