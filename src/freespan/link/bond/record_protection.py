"""Record protection: authenticated encryption of the messages of one link. Pure.

No bridge can add, change, repeat, reorder or drop a record unnoticed, and none can join a session. Each direction of
each link has a key of its own (HKDF, RFC 5869, from the session's key). The nonce is a record's sequence number, as in
TLS 1.3 (RFC 8446 section 5.3): a link is reliable and ordered, so it need not be sent.

Which messages are protected, in each direction:

    first link    HELLO ──▶ PLAIN … ── the session's key is known ──▶ PROTECTED ──▶ bare records …
    further link  JOIN (the client) or PROTECTED (the egress) ──────────────────▶ bare records …

    client  begins to protect what it sends once it has the key
    egress  begins once a protected record has come from the client

The first protected record of the first link also authenticates everything that its direction carried before (the
SHA-256 of that is its associated data). So a bridge that changed, dropped or added something meanwhile is found out. A
direction that has seen a protected record takes nothing else any more, so later records need no byte that says what
they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from freespan.link.bond.admission import Admission
from freespan.link.bond.events import TAMPERED
from freespan.link.bond.session_key import KEY_SIZE, Role, SessionKey
from freespan.wire.bond_frames import (
    HELLO,
    JOIN,
    JOIN_HEAD_SIZE,
    PLAIN,
    PROTECTED,
    Hello,
    Join,
    hello_head,
    join_head,
    opening_of,
)
from freespan.wire.errors import LinkError, MessageError

RECORDS_PER_KEY = 2**22
"""At most 64 GiB are encrypted under one key (RFC 8446 section 5.5 allows 2^24.5 full records with AES-GCM)."""
_NONCE_SIZE = 12
_Bytes = bytes | memoryview
_PLAIN_HEAD = bytes((PLAIN,))
_PROTECTED_HEAD = bytes((PROTECTED,))


class RecordError(LinkError):
    """A record did not open: it was changed, repeated or moved, or comes from somebody without the key."""

    def __init__(self) -> None:
        super().__init__(TAMPERED)


class RecordCipher:
    """One direction of one link: one end seals, the other end opens, each record once and in order."""

    def __init__(self, key: SessionKey, number: int, sender: Role, *, records_per_key: int = RECORDS_PER_KEY) -> None:
        self._key = key
        self._label = f"freespan bond link {number} from {sender.value} key ".encode()
        self._records_per_key = records_per_key
        self._count = 0
        """How many records have been sealed or opened, which is the nonce of the next one."""
        self._next_key_at = 0
        """The count at which the next key is due."""
        self._encrypt: Callable[[bytes, _Bytes, bytes | None], bytes]
        self._decrypt: Callable[[bytes, _Bytes, bytes | None], bytes]

    def seal(self, body: bytes, associated: bytes | None = None) -> bytes:
        """Encrypt the next record; `associated` is authenticated with it and not sent."""
        count = self._count
        if count == self._next_key_at:
            self._change_key()
        self._count = count + 1
        return self._encrypt(count.to_bytes(_NONCE_SIZE, "big"), body, associated)

    def open(self, record: bytes | memoryview, associated: bytes | None = None) -> bytes:
        """Decrypt the next record. Raises `RecordError`."""
        count = self._count
        if count == self._next_key_at:
            self._change_key()
        self._count = count + 1
        try:
            return self._decrypt(count.to_bytes(_NONCE_SIZE, "big"), record, associated)
        except InvalidTag:
            raise RecordError from None

    def _change_key(self) -> None:
        """Derive the key of this record and of the next ones."""
        generation = self._count // self._records_per_key
        cipher = AESGCM(self._key.expand(self._label + str(generation).encode(), KEY_SIZE))
        self._encrypt, self._decrypt = cipher.encrypt, cipher.decrypt
        self._next_key_at += self._records_per_key


class RecordProtection:
    """Both directions of one link. Made with `first` or `joining`."""

    def __init__(self, role: Role, number: int) -> None:
        self.protects_sent = False
        """Whether messages are protected as they are sent now."""
        self.protects_received = False
        """Whether a protected record has come: nothing else is taken any more."""
        self._role = role
        self._number = number
        self._key: SessionKey | None = None
        self._sealer: RecordCipher | None = None
        self._opener: RecordCipher | None = None
        self._head = _PLAIN_HEAD
        """What the next message begins with."""
        self._is_hello_due = False
        self._admission: Admission | None = None
        """What seals the head of a HELLO."""
        self._associated: bytes | None = None
        """What the next record authenticates besides itself."""
        self._expected_join: bytes | None = None
        self._next_kind = PLAIN
        """The kind of the next message from the other end, as long as none was protected."""
        self._sent_plain = hashlib.sha256()
        self._received_plain = hashlib.sha256()

    @classmethod
    def first(cls, role: Role, number: int, admission: Admission | None = None) -> RecordProtection:
        """For the link that begins a session. A client without an `admission` shows no invite."""
        protection = cls(role, number)
        if role is Role.CLIENT:
            protection._is_hello_due, protection._admission = True, admission
        else:
            protection._next_kind = HELLO
        return protection

    @classmethod
    def joining(cls, role: Role, number: int, key: SessionKey) -> RecordProtection:
        """For a link that joins a session."""
        protection = cls(role, number)
        protection._key = key
        protection._opener = RecordCipher(key, number, role.other)
        head = join_head(Join(key.id, number))
        if role is Role.CLIENT:
            protection._begin_sealing(head, head)
            protection._next_kind = PROTECTED
        else:
            protection._begin_sealing(_PROTECTED_HEAD, None)
            protection._next_kind, protection._expected_join = JOIN, head
        return protection

    def set_key(self, key: SessionKey) -> None:
        """From now on protected records can be opened; the client protects what it sends."""
        self._key = key
        self._opener = RecordCipher(key, self._number, self._role.other)
        if self._role is Role.CLIENT:
            self._begin_sealing(_PROTECTED_HEAD, self._sent_plain.digest())

    def protect(self, body: bytes) -> bytes:
        """The message that carries `body`."""
        head = self._head
        if self._sealer is None:
            message = (self._hello_head(body) if self._is_hello_due else head) + body
            self._sent_plain.update(message)
            return message
        if not head:
            return self._sealer.seal(body)
        associated, self._associated, self._head = self._associated, None, b""
        return head + self._sealer.seal(body, associated)

    def unprotect(self, message: bytes) -> bytes:
        """What `message` carries. Raises `RecordError` unless it is the next one that the other end has sent."""
        if self.protects_received and self._opener is not None:
            return self._opener.open(message)
        kind = message[0]
        if kind in (PROTECTED, JOIN) and self._opener is not None:
            return self._unprotect_first(kind, message, self._opener)
        if kind != self._next_kind or kind not in (HELLO, PLAIN):
            raise RecordError
        self._next_kind = PLAIN
        self._received_plain.update(message)
        return message[1:] if kind == PLAIN else _frames_of_hello(message)

    def _hello_head(self, body: bytes) -> bytes:
        """The head of the first message, once."""
        admission, self._admission, self._is_hello_due = self._admission, None, False
        return hello_head(admission.seal(body) if admission is not None else b"")

    def _unprotect_first(self, kind: int, message: bytes, opener: RecordCipher) -> bytes:
        if self._next_kind == PLAIN and kind == PROTECTED:
            body = opener.open(memoryview(message)[1:], self._received_plain.digest())
        elif self._next_kind == PROTECTED and kind == PROTECTED:
            body = opener.open(memoryview(message)[1:])
        elif self._next_kind == JOIN and kind == JOIN and message[:JOIN_HEAD_SIZE] == self._expected_join:
            body = opener.open(memoryview(message)[JOIN_HEAD_SIZE:], self._expected_join)
        else:
            raise RecordError
        self.protects_received = True
        if self._sealer is None:
            self._begin_sealing(_PROTECTED_HEAD, self._sent_plain.digest())
        return body

    def _begin_sealing(self, head: bytes, associated: bytes | None) -> None:
        assert self._key is not None
        self._sealer = RecordCipher(self._key, self._number, self._role)
        self._head, self._associated = head, associated
        self.protects_sent = True


def _frames_of_hello(message: bytes) -> bytes:
    try:
        hello = opening_of(message)
    except MessageError:
        raise RecordError from None
    assert isinstance(hello, Hello)
    return hello.frames
