"""HPKE in base mode as RFC 9180 has it, written out from its sections 4 and 5, to compare the library with."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEM = b"KEM" + (0x0020).to_bytes(2, "big")
"""The suite of DHKEM(X25519, HKDF-SHA256)."""


@dataclass(frozen=True)
class Keys:
    """What a sealed text is encrypted with."""

    key: bytes
    base_nonce: bytes

    def seal(self, plaintext: bytes, aad: bytes = b"") -> bytes:
        return AESGCM(self.key).encrypt(self.base_nonce, plaintext, aad)

    def open(self, ciphertext: bytes, aad: bytes = b"") -> bytes:
        return AESGCM(self.key).decrypt(self.base_nonce, ciphertext, aad)


def labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256)


def labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    block = out = b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(prk, block + info + bytes([number]), hashlib.sha256)
        out += block
    return out[:length]


def shared_secret(private: X25519PrivateKey, peer: bytes, enc: bytes, receiver: bytes) -> bytes:
    """ExtractAndExpand of the exchange between `private` and `peer`."""
    exchanged = private.exchange(X25519PublicKey.from_public_bytes(peer))
    prk = labeled_extract(KEM, b"", b"eae_prk", exchanged)
    return labeled_expand(KEM, prk, b"shared_secret", enc + receiver, 32)


def key_schedule(secret: bytes, info: bytes, aead_id: int, key_size: int) -> Keys:
    """KeySchedule of mode_base with HKDF-SHA256."""
    suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, aead_id))
    psk_id_hash = labeled_extract(suite, b"", b"psk_id_hash", b"")
    context = b"\0" + psk_id_hash + labeled_extract(suite, b"", b"info_hash", info)
    secret = labeled_extract(suite, secret, b"secret", b"")
    key = labeled_expand(suite, secret, b"key", context, key_size)
    return Keys(key, labeled_expand(suite, secret, b"base_nonce", context, 12))


def keys_of(private: X25519PrivateKey, peer: bytes, enc: bytes, receiver: bytes, info: bytes) -> Keys:
    """The keys of a sealed text with AES-256-GCM, for either end."""
    return key_schedule(shared_secret(private, peer, enc, receiver), info, 0x0002, 32)
