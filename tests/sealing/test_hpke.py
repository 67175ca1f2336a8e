import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from freespan.sealing.hpke import SEAL_OVERHEAD, Opener, seal
from freespan.wire.errors import InviteError, SealError
from freespan.wire.invite import format_invite, parse_invite
from tests.sealing import rfc9180
from tests.support.attempts import attempt
from tests.support.invites import invite_to

VECTORS = Path(__file__).parents[1] / "vectors" / "hpke.json"
PRIVATE = X25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
OPENER = Opener(PRIVATE)
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    b"\xec" + b"\xff" * 30 + b"\x7f",
    b"\xed" + b"\xff" * 30 + b"\x7f",
    b"\xee" + b"\xff" * 30 + b"\x7f",
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
]
"""Points whose exchange is zero, whatever the private key (RFC 7748 section 6.1)."""

words = st.sampled_from([b"rendezvous", b"hello", b"x"])


@dataclass(frozen=True)
class Vector:
    """One of the test vectors that were published with RFC 9180 (base mode, X25519, HKDF-SHA256)."""

    aead_id: int
    key_size: int
    info: bytes
    sender: X25519PrivateKey
    receiver: X25519PrivateKey
    shared_secret: bytes
    key: bytes
    base_nonce: bytes
    aad: bytes
    plaintext: bytes
    ciphertext: bytes


def vectors() -> list[Vector]:
    found = []
    for each in json.loads(VECTORS.read_text(encoding="utf-8")):
        raw = {name: bytes.fromhex(value) for name, value in each.items() if isinstance(value, str)}
        found.append(
            Vector(
                each["aead_id"],
                len(raw["key"]),
                raw["info"],
                X25519PrivateKey.from_private_bytes(raw["skEm"]),
                X25519PrivateKey.from_private_bytes(raw["skRm"]),
                *(raw[name] for name in ("shared_secret", "key", "base_nonce", "aad", "pt", "ct")),
            )
        )
    return found


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: f"aead {vector.aead_id}")
def test_the_test_s_own_hpke_is_that_of_the_rfc(vector: Vector) -> None:
    enc = vector.sender.public_key().public_bytes_raw()
    public = vector.receiver.public_key().public_bytes_raw()
    for secret in (
        rfc9180.shared_secret(vector.sender, public, enc, public),
        rfc9180.shared_secret(vector.receiver, enc, enc, public),
    ):
        assert secret == vector.shared_secret
        keys = rfc9180.key_schedule(secret, vector.info, vector.aead_id, vector.key_size)
        assert (keys.key, keys.base_nonce) == (vector.key, vector.base_nonce)
        assert keys.seal(vector.plaintext, vector.aad) == vector.ciphertext
        assert keys.open(vector.ciphertext, vector.aad) == vector.plaintext


@given(st.binary(max_size=300), st.binary(min_size=32, max_size=32), words, st.binary(max_size=40))
def test_what_the_rfc_s_sender_seals_is_opened(plaintext: bytes, seed: bytes, purpose: bytes, context: bytes) -> None:
    sender = X25519PrivateKey.from_private_bytes(seed)
    enc = sender.public_key().public_bytes_raw()
    keys = rfc9180.keys_of(sender, PUBLIC, enc, PUBLIC, b"freespan " + purpose + b"\0" + context)
    assert OPENER.open(purpose, enc + keys.seal(plaintext), context) == plaintext


@given(st.binary(max_size=300), words, st.binary(max_size=40))
def test_what_is_sealed_is_opened_by_the_rfc_s_receiver(plaintext: bytes, purpose: bytes, context: bytes) -> None:
    sealed = seal(PUBLIC, purpose, plaintext, context)
    assert len(sealed) == len(plaintext) + SEAL_OVERHEAD
    enc, ciphertext = sealed[:32], sealed[32:]
    keys = rfc9180.keys_of(PRIVATE, enc, enc, PUBLIC, b"freespan " + purpose + b"\0" + context)
    assert keys.open(ciphertext) == plaintext


def test_no_two_sealed_texts_are_alike() -> None:
    sealed = [seal(PUBLIC, b"x", b"the same") for _ in range(8)]
    assert len({text[:32] for text in sealed}) == len({text[32:] for text in sealed}) == 8


@given(st.binary(max_size=50), st.data())
def test_a_changed_or_cut_text_is_refused(plaintext: bytes, data: st.DataObject) -> None:
    """Each bit counts, that of a public key which X25519 does not read as well: one text cannot have two forms."""
    sealed = bytearray(seal(PUBLIC, b"x", plaintext))
    at = data.draw(st.integers(0, len(sealed) * 8 - 1) | st.just(31 * 8 + 7))
    changed = bytearray(sealed)
    changed[at // 8] ^= 1 << at % 8
    for other in (bytes(changed), bytes(sealed[: at // 8]), bytes(sealed) + b"\0"):
        with pytest.raises(SealError, match="another key, or was changed"):
            OPENER.open(b"x", other)


@pytest.mark.parametrize(
    ("private", "purpose", "context"),
    [
        (X25519PrivateKey.from_private_bytes(bytes(range(2, 34))), b"hello", b"context"),
        (PRIVATE, b"rendezvous", b"context"),
        (PRIVATE, b"hello", b"contexT"),
        (PRIVATE, b"hello", b""),
    ],
    ids=["another key", "another purpose", "another context", "no context"],
)
def test_it_opens_with_its_own_key_for_its_own_purpose_in_its_own_context(
    private: X25519PrivateKey, purpose: bytes, context: bytes
) -> None:
    sealed = seal(PUBLIC, b"hello", b"text", b"context")
    assert OPENER.open(b"hello", sealed, b"context") == b"text"
    with pytest.raises(SealError):
        Opener(private).open(purpose, sealed, context)


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda rest: bytes(32) + rest))
def test_any_bytes_are_refused(sealed: bytes) -> None:
    assert isinstance(attempt(lambda: OPENER.open(b"x", sealed), SealError), SealError)


@pytest.mark.parametrize("bit", [0, 0x80], ids=["", "with the bit that is not read"])
@pytest.mark.parametrize("key", SMALL_ORDER, ids=bytes.hex)
def test_an_invite_with_a_key_to_which_nothing_can_be_sealed_is_refused_as_it_is_read(key: bytes, bit: int) -> None:
    key = key[:-1] + bytes([key[-1] | bit])
    with pytest.raises(InviteError, match="nothing can be sealed to its key"):
        parse_invite(format_invite(invite_to("http://h", sealing_key=key)))
    with pytest.raises(ValueError, match="shared key"):
        seal(key, b"x", b"")
    with pytest.raises(SealError):
        OPENER.open(b"x", key + bytes(40))


@given(st.binary(min_size=32, max_size=32))
def test_to_every_other_key_something_can_be_sealed(key: bytes) -> None:
    invite = attempt(lambda: parse_invite(format_invite(invite_to("http://h", sealing_key=key))), InviteError)
    if not isinstance(invite, InviteError):
        assert len(seal(invite.sealing_key, b"x", b"")) == SEAL_OVERHEAD


def test_an_opener_shows_its_key_to_nobody() -> None:
    assert PRIVATE.private_bytes_raw().hex() not in repr(OPENER)
    assert not hasattr(OPENER, "__dict__")
