"""Keys of sessions, and the proof that only the egress can give."""

from freespan.link.bond.session_key import SessionKey, is_refusal, refusal, session_key
from freespan.wire.bond_frames import UNKNOWN_SESSION

SECRET = bytes(range(32))
SESSION = session_key(SECRET, bytes(16))
OTHER = session_key(SECRET, b"\x01" + bytes(15))


def test_a_session_s_key_follows_from_the_secret_and_the_name() -> None:
    assert session_key(SECRET, bytes(16)) == SESSION
    assert len({SESSION.key, OTHER.key, session_key(bytes(32), bytes(16)).key}) == 3
    assert len(SESSION.key) == 32


def test_a_key_is_not_shown() -> None:
    assert SESSION.key.hex() not in repr(SESSION)
    assert repr(SESSION.key) not in repr(SESSION)


def test_only_an_end_that_knows_the_key_can_refuse() -> None:
    refused = refusal(SESSION, 5, UNKNOWN_SESSION)
    assert is_refusal(refused, SESSION, 5)
    assert refused == refusal(SESSION, 5, UNKNOWN_SESSION)  # asking again reveals nothing
    assert not is_refusal(refused, SESSION, 6)
    assert not is_refusal(refused, OTHER, 5)
    assert not is_refusal(refusal(SESSION, 5, 2), SessionKey(SESSION.id, bytes(32)), 5)
