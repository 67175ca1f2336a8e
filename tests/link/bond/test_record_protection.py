"""Records open once, in order and unchanged; everything else is an error."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond.record_protection import RecordCipher, RecordError, RecordProtection
from freespan.link.bond.session_key import Role, session_key
from freespan.wire.bond_frames import Join, join_head

SECRET = bytes(range(32))
SESSION = session_key(SECRET, bytes(16))
OTHER = session_key(SECRET, b"\x01" + bytes(15))


# --- one direction -----------------------------------------------------------------------------------
@given(st.lists(st.binary(max_size=50), max_size=8))
def test_records_open_in_the_order_in_which_they_were_sealed(bodies: list[bytes]) -> None:
    sender, receiver = RecordCipher(SESSION, 3, Role.CLIENT), RecordCipher(SESSION, 3, Role.CLIENT)
    sealed = [sender.seal(body) for body in bodies]
    assert [receiver.open(each) for each in sealed] == bodies
    assert len(set(sealed)) == len(sealed)


@pytest.mark.parametrize(
    "receiver",
    [RecordCipher(SESSION, 3, Role.EGRESS), RecordCipher(SESSION, 4, Role.CLIENT), RecordCipher(OTHER, 3, Role.CLIENT)],
    ids=["other direction", "other link", "other session"],
)
def test_every_direction_link_and_session_has_its_own_key(receiver: RecordCipher) -> None:
    with pytest.raises(RecordError):
        receiver.open(RecordCipher(SESSION, 3, Role.CLIENT).seal(b"words"))


@given(st.data())
def test_a_changed_message_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(RecordCipher(SESSION, 1, Role.CLIENT).seal(b"some words", b"head"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RecordError):
        RecordCipher(SESSION, 1, Role.CLIENT).open(bytes(sealed), b"head")


@pytest.mark.parametrize("order", [(0, 0), (1,), (0, 2), (0, 1, 1), (0, 2, 1)])
def test_what_is_repeated_dropped_or_moved_does_not_open(order: tuple[int, ...]) -> None:
    sender, receiver = RecordCipher(SESSION, 1, Role.CLIENT), RecordCipher(SESSION, 1, Role.CLIENT)
    sealed = [sender.seal(bytes((number,))) for number in range(3)]
    with pytest.raises(RecordError):
        for number in order:
            receiver.open(sealed[number])


def keys_by_hkdf(label: bytes, count: int) -> list[AESGCM]:
    """The ciphers that docs/protocol/bond.md promises, derived without any code of the bond."""
    return [
        AESGCM(HKDFExpand(SHA256(), 32, info=label + str(number).encode()).derive(SESSION.key))
        for number in range(count)
    ]


def test_each_key_protects_its_number_of_records_and_no_more() -> None:
    sender, receiver = (RecordCipher(SESSION, 1, Role.CLIENT, records_per_key=4) for _ in range(2))
    keys = keys_by_hkdf(b"freespan bond link 1 from client key ", 3)
    for number in range(12):
        sealed = sender.seal(bytes((number,)), b"head")
        opened = keys[number // 4].decrypt(number.to_bytes(12, "big"), sealed, b"head")
        assert opened == receiver.open(sealed, b"head") == bytes((number,))


def test_a_record_under_the_key_before_does_not_open() -> None:
    receiver = RecordCipher(SESSION, 1, Role.CLIENT, records_per_key=1)
    first, _ = keys_by_hkdf(b"freespan bond link 1 from client key ", 2)
    assert receiver.open(first.encrypt(bytes(12), b"words", None)) == b"words"
    with pytest.raises(RecordError):
        receiver.open(first.encrypt((1).to_bytes(12, "big"), b"words", None))


def test_a_key_lasts_for_as_many_records_as_the_protocol_says() -> None:
    sender = RecordCipher(SESSION, 1, Role.CLIENT)
    sender.seal(b"first")
    sender._count = 2**22 - 1  # as after that many records
    first, second = keys_by_hkdf(b"freespan bond link 1 from client key ", 2)
    assert first.decrypt((2**22 - 1).to_bytes(12, "big"), sender.seal(b"last"), None) == b"last"
    assert second.decrypt((2**22).to_bytes(12, "big"), sender.seal(b"next"), None) == b"next"


# --- both directions of a link -----------------------------------------------------------------------
def first_link() -> tuple[RecordProtection, RecordProtection]:
    client, egress = RecordProtection.first(Role.CLIENT, 0), RecordProtection.first(Role.EGRESS, 0)
    egress.set_key(SESSION)
    return client, egress


def test_the_first_link_goes_over_to_protected_records() -> None:
    client, egress = first_link()
    for body in [b"hello", b"again"]:
        assert egress.unprotect(client.protect(body)) == body
        message = egress.protect(body)
        assert body in message
        assert client.unprotect(message) == body
    client.set_key(SESSION)
    plain = egress.protect(b"still plain")
    assert not egress.protects_sent
    sealed = client.protect(b"sealed")
    assert b"sealed" not in sealed
    assert client.unprotect(plain) == b"still plain"
    assert egress.unprotect(sealed) == b"sealed"
    assert egress.protects_received
    assert egress.protects_sent
    sealed = egress.protect(b"sealed too")
    assert b"sealed" not in sealed
    assert client.unprotect(sealed) == b"sealed too"
    assert client.protects_received
    for number in range(5):
        body = bytes((number,))
        assert client.unprotect(egress.protect(body)) == body
        assert egress.unprotect(client.protect(body)) == body


def test_after_a_protected_record_nothing_else_is_taken() -> None:
    client, egress = first_link()
    egress.unprotect(client.protect(b"hello"))
    plain = client.protect(b"plain")
    client.set_key(SESSION)
    egress.unprotect(plain)
    egress.unprotect(client.protect(b"sealed"))
    with pytest.raises(RecordError):
        egress.unprotect(plain)
    with pytest.raises(RecordError):
        egress.unprotect(client.protect(b"x")[:0] + join_head(Join(SESSION.id, 0)))


@pytest.mark.parametrize("change", ["dropped", "added", "changed"])
def test_what_a_bridge_did_before_the_first_protected_record_is_found_out(change: str) -> None:
    client, egress = first_link()
    messages = [client.protect(body) for body in (b"hello", b"one", b"two")]
    client.set_key(SESSION)
    match change:
        case "dropped":
            del messages[1]
        case "added":
            messages.append(b"\x02mine")
        case "changed":
            messages[2] = messages[2][:-1] + b"x"
    for message in messages:
        egress.unprotect(message)
    with pytest.raises(RecordError):
        egress.unprotect(client.protect(b"sealed"))


def test_a_link_joins_with_its_first_message() -> None:
    client, egress = (
        RecordProtection.joining(Role.CLIENT, 2, SESSION),
        RecordProtection.joining(Role.EGRESS, 2, SESSION),
    )
    assert egress.unprotect(client.protect(b"let me in")) == b"let me in"
    assert client.unprotect(egress.protect(b"welcome")) == b"welcome"
    assert egress.unprotect(client.protect(b"next")) == b"next"
    assert client.unprotect(egress.protect(b"next")) == b"next"


@pytest.mark.parametrize("number", [1, 3])
def test_a_join_is_good_for_its_link_alone(number: int) -> None:
    join = RecordProtection.joining(Role.CLIENT, 2, SESSION).protect(b"let me in")
    with pytest.raises(RecordError):
        RecordProtection.joining(Role.EGRESS, number, SESSION).unprotect(join)
    renumbered = join_head(Join(SESSION.id, number)) + join[len(join_head(Join(SESSION.id, 2))) :]
    with pytest.raises(RecordError):
        RecordProtection.joining(Role.EGRESS, number, SESSION).unprotect(renumbered)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_open_or_are_an_error(message: bytes) -> None:
    client, egress = first_link()
    joining = RecordProtection.joining(Role.CLIENT, 2, SESSION), RecordProtection.joining(Role.EGRESS, 2, SESSION)
    for protection in (client, egress, *joining):
        try:
            protection.unprotect(message)
        except RecordError:
            assert not protection.protects_received


def test_a_protected_record_before_there_is_a_key_is_an_error() -> None:
    client, _ = first_link()
    with pytest.raises(RecordError):
        client.unprotect(b"\x03" + bytes(40))
