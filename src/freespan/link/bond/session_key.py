"""The key of a session, and what it proves. Pure.

The egress derives the key of a session from a secret that only it knows, and from the session's name. An egress that
was restarted has forgotten its sessions but still knows the secret. So it can prove to a client that its session is
gone, which nobody else can claim.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from freespan.wire.bond_frames import PROOF_SIZE, Refused

KEY_SIZE = 32


class Role(Enum):
    """Which end this is: each direction has keys of its own."""

    CLIENT = "client"
    EGRESS = "egress"

    @property
    def other(self) -> Role:
        """The other end."""
        return Role.EGRESS if self is Role.CLIENT else Role.CLIENT


@dataclass(frozen=True)
class SessionKey:
    """The name of a session (16 random bytes, in clear in every JOIN) and its key (32 bytes, secret)."""

    id: bytes
    key: bytes = field(repr=False)

    def expand(self, label: bytes, size: int) -> bytes:
        """Derive `size` bytes for one purpose (HKDF-Expand, RFC 5869 section 2.3)."""
        return HKDFExpand(SHA256(), size, info=label).derive(self.key)


def session_key(secret: bytes, session_id: bytes) -> SessionKey:
    """The key of a session (HKDF, RFC 5869): the egress derives it and sends it to the client inside QUIC."""
    key = HKDF(SHA256(), KEY_SIZE, salt=session_id, info=b"freespan bond session").derive(secret)
    return SessionKey(session_id, key)


def refusal(key: SessionKey, number: int, reason: int) -> Refused:
    """The answer of the egress to the JOIN of a link. It is the same each time, so asking again reveals nothing."""
    return Refused(reason, key.expand(f"freespan bond link {number} refused {reason}".encode(), PROOF_SIZE))


def is_refusal(refused: Refused, key: SessionKey, number: int) -> bool:
    """Whether it comes from the egress of this session."""
    return hmac.compare_digest(refused.proof, refusal(key, number, refused.reason).proof)
