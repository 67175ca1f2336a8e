"""The envelope of one link's messages: which are sealed, and when that begins. Pure.

    first link   client: HELLO, PLAIN …            egress: PLAIN …
                 client knows the key: SEALED …    egress, once a SEALED has come: SEALED …
    any other    client: JOIN, SEALED …            egress: SEALED …

A direction that has seen one sealed message takes no other kind any more, and so the next ones need no head to say what
they are: they are nothing but what is sealed. The first sealed message of the first link's
directions covers all that was said before in that direction (its SHA-256 is associated data), so a bridge that changed,
dropped or added something while nothing was sealed is found out.
"""

from __future__ import annotations

import hashlib

from freespan.link.bond.seal import Role, Seal, SealError, SessionKey
from freespan.wire.bond_frames import HELLO, JOIN, JOIN_HEAD_SIZE, PLAIN, SEALED, Join, hello_head, join_head

_PLAIN_HEAD = bytes((PLAIN,))
_SEALED_HEAD = bytes((SEALED,))


class Envelope:
    """Both directions of one link. Make it with `first` or `joining`."""

    def __init__(self, role: Role, link: int) -> None:
        self.sends_sealed = False
        """Whether what is sent is sealed now."""
        self.got_sealed = False
        """Whether a sealed message has come: nothing else is taken any more."""
        self._role = role
        self._link = link
        self._session: SessionKey | None = None
        self._sealing: Seal | None = None
        self._opening: Seal | None = None
        self._head = _PLAIN_HEAD
        self._associated: bytes | None = None
        self._expected: bytes | None = None
        self._first_kind = PLAIN
        self._said = hashlib.sha256()
        self._heard = hashlib.sha256()

    @classmethod
    def first(cls, role: Role, link: int) -> Envelope:
        """Of a link that begins a session."""
        envelope = cls(role, link)
        if role is Role.CLIENT:
            envelope._head = hello_head()
        else:
            envelope._first_kind = HELLO
        return envelope

    @classmethod
    def joining(cls, role: Role, link: int, session: SessionKey) -> Envelope:
        """Of a link that joins a session."""
        envelope = cls(role, link)
        envelope._session = session
        envelope._opening = Seal(session, link, role.other)
        head = join_head(Join(session.id, link))
        if role is Role.CLIENT:
            envelope._begin_sealing(head, head)
            envelope._first_kind = SEALED
        else:
            envelope._begin_sealing(_SEALED_HEAD, None)
            envelope._first_kind, envelope._expected = JOIN, head
        return envelope

    def seal_with(self, session: SessionKey) -> None:
        """From now on sealed messages can be opened; the client seals what it sends, the egress after the first one."""
        self._session = session
        self._opening = Seal(session, self._link, self._role.other)
        if self._role is Role.CLIENT:
            self._begin_sealing(_SEALED_HEAD, self._said.digest())

    def wrap(self, body: bytes) -> bytes:
        """The message that carries `body`."""
        head = self._head
        if self._sealing is None:
            self._head = _PLAIN_HEAD
            message = head + body
            self._said.update(message)
            return message
        if not head:
            return self._sealing.seal(body)
        associated, self._associated, self._head = self._associated, None, b""
        return head + self._sealing.seal(body, associated)

    def unwrap(self, message: bytes) -> bytes:
        """What `message` carries. Raises `SealError` unless it is the next one that the other end has sent."""
        if self.got_sealed and self._opening is not None:
            return self._opening.open(message)
        kind = message[0]
        if kind in (SEALED, JOIN) and self._opening is not None:
            return self._unwrap_first_sealed(kind, message)
        if kind != self._first_kind or kind not in (HELLO, PLAIN):
            raise SealError
        self._first_kind = PLAIN
        self._heard.update(message)
        return message[len(hello_head()) if kind == HELLO else 1 :]

    def _unwrap_first_sealed(self, kind: int, message: bytes) -> bytes:
        assert self._opening is not None
        if self._first_kind == PLAIN and kind == SEALED:
            body = self._opening.open(memoryview(message)[1:], self._heard.digest())
        elif self._first_kind == SEALED and kind == SEALED:
            body = self._opening.open(memoryview(message)[1:])
        elif self._first_kind == JOIN and kind == JOIN and message[:JOIN_HEAD_SIZE] == self._expected:
            body = self._opening.open(memoryview(message)[JOIN_HEAD_SIZE:], self._expected)
        else:
            raise SealError
        self.got_sealed = True
        if self._sealing is None:
            self._begin_sealing(_SEALED_HEAD, self._said.digest())
        return body

    def _begin_sealing(self, head: bytes, associated: bytes | None) -> None:
        assert self._session is not None
        self._sealing = Seal(self._session, self._link, self._role)
        self._head, self._associated = head, associated
        self.sends_sealed = True
