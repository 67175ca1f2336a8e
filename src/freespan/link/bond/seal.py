"""Seals: authenticated encryption of what goes over a bond's links, so that no bridge can add, change, repeat or join.

Pure. Each link has a key for each direction (HKDF, RFC 5869, from the session's key), and each message a nonce: how
many went before it. A link is reliable and ordered, so the nonce need not be sent; and a message that is missing,
doubled, moved or changed does not open.

The session's key comes from a secret that only the egress knows, and the session's name. An egress that was restarted
has forgotten its sessions but still knows the secret: so it can prove to a client that its session is gone, which
nobody else can claim.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from enum import Enum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from freespan.wire.bond_frames import PROOF_SIZE, Refused
from freespan.wire.errors import LinkError

KEY_SIZE = 32
_NONCE_SIZE = 12
_MESSAGES_PER_KEY = 2**22
"""At most 64 GiB under one key of AES-GCM (RFC 8446 section 5.5 allows 2^24.5 full records)."""


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
    """The name of a session (16 bytes, random, sent in clear in a JOIN) and its key (32 bytes)."""

    id: bytes
    key: bytes = field(repr=False)


class SealError(LinkError):
    """A message did not open: it was changed, repeated, moved, or is of somebody without the key."""

    def __init__(self) -> None:
        super().__init__("somebody has tampered with the link")


def session_key(secret: bytes, session_id: bytes) -> SessionKey:
    """The key of a session, which the egress makes and sends to the client inside QUIC."""
    key = HKDF(SHA256(), KEY_SIZE, salt=session_id, info=b"freespan bond session").derive(secret)
    return SessionKey(session_id, key)


class Seal:
    """One direction of one link: `seal` at one end, `open` at the other, each message once and in order."""

    def __init__(self, session: SessionKey, link: int, sender: Role) -> None:
        self._session = session
        self._label = f"freespan bond link {link} from {sender.value} key ".encode()
        self._count = 0
        self._cipher = self._key(0)

    def seal(self, body: bytes, associated: bytes | None = None) -> bytes:
        """Seal the next message; `associated` is authenticated along and not sent."""
        return self._cipher.encrypt(self._nonce(), body, associated)

    def open(self, sealed: bytes | memoryview, associated: bytes | None = None) -> bytes:
        """Open the next message. Raises `SealError`."""
        try:
            return self._cipher.decrypt(self._nonce(), sealed, associated)
        except InvalidTag:
            raise SealError from None

    def _nonce(self) -> bytes:
        count = self._count
        if count and count % _MESSAGES_PER_KEY == 0:
            self._cipher = self._key(count // _MESSAGES_PER_KEY)
        self._count = count + 1
        return count.to_bytes(_NONCE_SIZE, "big")

    def _key(self, number: int) -> AESGCM:
        return AESGCM(_expand(self._session, self._label + str(number).encode(), KEY_SIZE))


def refusal(session: SessionKey, link: int, reason: int) -> Refused:
    """The egress' answer to the JOIN of `link`; the same words each time, so that nothing is given away by asking."""
    return Refused(reason, _expand(session, f"freespan bond link {link} refused {reason}".encode(), PROOF_SIZE))


def is_refusal(refused: Refused, session: SessionKey, link: int) -> bool:
    """Whether the egress of this session said so."""
    return hmac.compare_digest(refused.proof, refusal(session, link, refused.reason).proof)


def _expand(session: SessionKey, label: bytes, size: int) -> bytes:
    return HKDFExpand(SHA256(), size, info=label).derive(session.key)
