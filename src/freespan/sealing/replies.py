"""The answer to what was sealed to a host: AES-256-GCM under a key that its sender put inside.

The sender draws a fresh key for each message, so the answer belongs to that message alone. A host may answer the same
message twice, after it has forgotten the first time. So each answer has a nonce of its own, from which its key and its
GCM nonce are derived, as in Oblivious HTTP (RFC 9458 section 4.4).
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from freespan.wire.errors import SealError
from freespan.wire.sealed_request import REPLY_KEY_SIZE

REPLY_OVERHEAD = 32 + 16
"""Bytes by which a sealed answer is longer than what it holds: its nonce, and the tag."""
_NONCE_SIZE = 32
_KEY_SIZE = 32
_GCM_NONCE_SIZE = 12


def new_reply_key() -> bytes:
    """A fresh key, for the answer to one message."""
    return secrets.token_bytes(REPLY_KEY_SIZE)


def seal_reply(reply_key: bytes, purpose: bytes, plaintext: bytes) -> bytes:
    """Seal an answer for whoever has the reply key. Its length can be seen, so pad it."""
    nonce = secrets.token_bytes(_NONCE_SIZE)
    aead, gcm_nonce = _derived(reply_key, purpose, nonce)
    return nonce + aead.encrypt(gcm_nonce, plaintext, None)


def open_reply(reply_key: bytes, purpose: bytes, sealed: bytes) -> bytes:
    """What the host has answered. Raises `SealError`: it was sealed with another key, or is changed or cut."""
    if len(sealed) < REPLY_OVERHEAD:
        raise SealError
    aead, gcm_nonce = _derived(reply_key, purpose, sealed[:_NONCE_SIZE])
    try:
        return aead.decrypt(gcm_nonce, sealed[_NONCE_SIZE:], None)
    except InvalidTag:
        raise SealError from None


def _derived(reply_key: bytes, purpose: bytes, nonce: bytes) -> tuple[AESGCM, bytes]:
    info = b"freespan answer to " + purpose
    derived = HKDF(hashes.SHA256(), _KEY_SIZE + _GCM_NONCE_SIZE, salt=nonce, info=info).derive(reply_key)
    return AESGCM(derived[:_KEY_SIZE]), derived[_KEY_SIZE:]
