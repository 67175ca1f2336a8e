import pytest
from hypothesis import given
from hypothesis import strategies as st

from freespan.link.bond import seal as seals
from freespan.link.bond.envelope import Envelope
from freespan.link.bond.seal import Role, Seal, SealError, SessionKey, is_refusal, refusal, session_key
from freespan.wire.bond_frames import UNKNOWN_SESSION, Join, join_head

SECRET = bytes(range(32))
SESSION = session_key(SECRET, bytes(16))
OTHER = session_key(SECRET, b"\x01" + bytes(15))


# --- keys ------------------------------------------------------------------------------------------
def test_a_session_s_key_follows_from_the_secret_and_the_name() -> None:
    assert session_key(SECRET, bytes(16)) == SESSION
    assert len({SESSION.key, OTHER.key, session_key(bytes(32), bytes(16)).key}) == 3
    assert len(SESSION.key) == 32


def test_a_key_is_not_shown() -> None:
    assert SESSION.key.hex() not in repr(SESSION)
    assert repr(SESSION.key) not in repr(SESSION)


# --- one direction -----------------------------------------------------------------------------------
@given(st.lists(st.binary(max_size=50), max_size=8))
def test_what_is_sealed_opens_in_order(bodies: list[bytes]) -> None:
    sender, receiver = Seal(SESSION, 3, Role.CLIENT), Seal(SESSION, 3, Role.CLIENT)
    sealed = [sender.seal(body) for body in bodies]
    assert [receiver.open(each) for each in sealed] == bodies
    assert len(set(sealed)) == len(sealed)


@pytest.mark.parametrize(
    "receiver",
    [Seal(SESSION, 3, Role.EGRESS), Seal(SESSION, 4, Role.CLIENT), Seal(OTHER, 3, Role.CLIENT)],
    ids=["other direction", "other link", "other session"],
)
def test_every_direction_link_and_session_has_its_own_key(receiver: Seal) -> None:
    with pytest.raises(SealError):
        receiver.open(Seal(SESSION, 3, Role.CLIENT).seal(b"words"))


@given(st.data())
def test_a_changed_message_does_not_open(data: st.DataObject) -> None:
    sealed = bytearray(Seal(SESSION, 1, Role.CLIENT).seal(b"some words", b"head"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(SealError):
        Seal(SESSION, 1, Role.CLIENT).open(bytes(sealed), b"head")


@pytest.mark.parametrize("order", [(0, 0), (1,), (0, 2), (0, 1, 1), (0, 2, 1)])
def test_what_is_repeated_dropped_or_moved_does_not_open(order: tuple[int, ...]) -> None:
    sender, receiver = Seal(SESSION, 1, Role.CLIENT), Seal(SESSION, 1, Role.CLIENT)
    sealed = [sender.seal(bytes((number,))) for number in range(3)]
    with pytest.raises(SealError):
        for number in order:
            receiver.open(sealed[number])


def test_a_key_is_not_used_for_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "_MESSAGES_PER_KEY", 4)
    sender, receiver = Seal(SESSION, 1, Role.CLIENT), Seal(SESSION, 1, Role.CLIENT)
    ciphers = set()
    for number in range(10):
        assert receiver.open(sender.seal(bytes((number,)))) == bytes((number,))
        ciphers.add(id(sender._cipher))
        kept = sender._cipher  # so that no identity is used twice
        assert kept
    assert len(ciphers) >= 2
    first = Seal(SESSION, 1, Role.CLIENT)
    assert first._key(0) is not first._key(1)
    with pytest.raises(SealError):
        other = Seal(SESSION, 1, Role.CLIENT)
        other._cipher = first._key(1)
        other.open(first.seal(b"words"))


# --- refusals ----------------------------------------------------------------------------------------
def test_only_who_knows_the_key_can_refuse() -> None:
    said = refusal(SESSION, 5, UNKNOWN_SESSION)
    assert is_refusal(said, SESSION, 5)
    assert said == refusal(SESSION, 5, UNKNOWN_SESSION)  # asking again teaches nothing
    assert not is_refusal(said, SESSION, 6)
    assert not is_refusal(said, OTHER, 5)
    assert not is_refusal(refusal(SESSION, 5, 2), SessionKey(SESSION.id, bytes(32)), 5)


# --- envelopes ---------------------------------------------------------------------------------------
def first_link() -> tuple[Envelope, Envelope]:
    client, egress = Envelope.first(Role.CLIENT, 0), Envelope.first(Role.EGRESS, 0)
    egress.seal_with(SESSION)
    return client, egress


def test_the_first_link_goes_over_to_seals() -> None:
    client, egress = first_link()
    for body in (b"hello", b"again"):
        assert egress.unwrap(client.wrap(body)) == body
        message = egress.wrap(body)
        assert body in message
        assert client.unwrap(message) == body
    client.seal_with(SESSION)
    plain = egress.wrap(b"still plain")
    assert not egress.sends_sealed
    sealed = client.wrap(b"sealed")
    assert b"sealed" not in sealed
    assert client.unwrap(plain) == b"still plain"
    assert egress.unwrap(sealed) == b"sealed"
    assert egress.got_sealed
    assert egress.sends_sealed
    sealed = egress.wrap(b"sealed too")
    assert b"sealed" not in sealed
    assert client.unwrap(sealed) == b"sealed too"
    assert client.got_sealed
    for number in range(5):
        body = bytes((number,))
        assert client.unwrap(egress.wrap(body)) == body
        assert egress.unwrap(client.wrap(body)) == body


def test_after_a_sealed_message_no_other_is_taken() -> None:
    client, egress = first_link()
    egress.unwrap(client.wrap(b"hello"))
    plain = client.wrap(b"plain")
    client.seal_with(SESSION)
    egress.unwrap(plain)
    egress.unwrap(client.wrap(b"sealed"))
    with pytest.raises(SealError):
        egress.unwrap(plain)
    with pytest.raises(SealError):
        egress.unwrap(client.wrap(b"x")[:0] + join_head(Join(SESSION.id, 0)))


@pytest.mark.parametrize("change", ["dropped", "added", "changed"])
def test_what_a_bridge_did_before_the_seals_is_found_out(change: str) -> None:
    client, egress = first_link()
    messages = [client.wrap(body) for body in (b"hello", b"one", b"two")]
    client.seal_with(SESSION)
    match change:
        case "dropped":
            del messages[1]
        case "added":
            messages.append(b"\x02mine")
        case "changed":
            messages[2] = messages[2][:-1] + b"x"
    for message in messages:
        egress.unwrap(message)
    with pytest.raises(SealError):
        egress.unwrap(client.wrap(b"sealed"))


def test_a_link_joins_with_its_first_message() -> None:
    client, egress = Envelope.joining(Role.CLIENT, 2, SESSION), Envelope.joining(Role.EGRESS, 2, SESSION)
    assert egress.unwrap(client.wrap(b"let me in")) == b"let me in"
    assert client.unwrap(egress.wrap(b"welcome")) == b"welcome"
    assert egress.unwrap(client.wrap(b"next")) == b"next"
    assert client.unwrap(egress.wrap(b"next")) == b"next"


@pytest.mark.parametrize("number", [1, 3])
def test_a_join_is_good_for_its_link_alone(number: int) -> None:
    join = Envelope.joining(Role.CLIENT, 2, SESSION).wrap(b"let me in")
    with pytest.raises(SealError):
        Envelope.joining(Role.EGRESS, number, SESSION).unwrap(join)
    renumbered = join_head(Join(SESSION.id, number)) + join[len(join_head(Join(SESSION.id, 2))) :]
    with pytest.raises(SealError):
        Envelope.joining(Role.EGRESS, number, SESSION).unwrap(renumbered)


@given(st.binary(min_size=1, max_size=60))
def test_any_bytes_open_or_are_an_error(message: bytes) -> None:
    client, egress = first_link()
    joining = Envelope.joining(Role.CLIENT, 2, SESSION), Envelope.joining(Role.EGRESS, 2, SESSION)
    for envelope in (client, egress, *joining):
        try:
            envelope.unwrap(message)
        except SealError:
            assert not envelope.got_sealed


def test_sealed_before_there_is_a_key_is_an_error() -> None:
    client, _ = first_link()
    with pytest.raises(SealError):
        client.unwrap(b"\x03" + bytes(40))
