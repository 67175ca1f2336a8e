"""Invites for tests: to a host that does not exist, or has a key of the test's own."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from freespan.wire.invite import TOKEN_SIZE, Invite

SEALING_KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
"""Opens what is sealed for `invite_to`, unless another key is given."""


def invite_to(
    url: str,
    egress_key: bytes = bytes(32),
    *,
    sealing_key: bytes = SEALING_KEY.public_key().public_bytes_raw(),
    token: bytes = bytes(TOKEN_SIZE),
    fronts: tuple[str, ...] = (),
    stun: tuple[tuple[str, ...], ...] = (),
) -> Invite:
    """An invite whose keys belong to nobody, but for those that are given."""
    return Invite(url, egress_key, sealing_key, token, fronts, stun)
