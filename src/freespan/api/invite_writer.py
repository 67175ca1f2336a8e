"""Writes the invites of a host: what they all have in common, and the token that makes each of them its own."""

from __future__ import annotations

import json
from dataclasses import dataclass

from freespan.access.invites import InviteStore
from freespan.access.records import InviteRecord
from freespan.access.tokens import Tokens
from freespan.tunnel.identity import Identity
from freespan.wire.errors import InputError, InviteError
from freespan.wire.invite import TOKEN_SIZE, Invite, format_invite, parse_invite

_TOKEN_LABEL = b"freespan invite tokens"
_FACT = "address"
JOIN_PATH = "/join"
"""The page of a host to which the link of an invite leads."""


def tokens_of(identity: Identity) -> Tokens:
    """The tokens of a host with this key."""
    return Tokens(identity.derived(_TOKEN_LABEL))


@dataclass(frozen=True)
class HostAddress:
    """Where a host can be reached: what its invites say of it. A host that runs notes it for `freespan invite`.

    Attributes:
        url: the public URL with the host's own path.
        fronts: other base URLs that lead there.
        stun: groups of STUN URLs, as in an invite.
    """

    url: str
    fronts: tuple[str, ...] = ()
    stun: tuple[tuple[str, ...], ...] = ()

    def note_in(self, store: InviteStore) -> None:
        """Keep it in the database. Raises `InviteStoreError`."""
        store.note(_FACT, json.dumps([self.url, self.fronts, self.stun]))

    @classmethod
    def noted_in(cls, store: InviteStore) -> HostAddress:
        """Read it again.

        Raises:
            InputError: field `data`; no host has run with this database yet, or the note is damaged.
        """
        text = store.fact(_FACT)
        if text is None:
            raise InputError("data", "no host has run with this folder yet, so its address is not known: start it once")
        try:
            url, fronts, stun = json.loads(text)
            return cls(url, tuple(fronts), tuple(map(tuple, stun)))
        except (ValueError, TypeError):
            raise InputError("data", "the address of the host is damaged: start the host again") from None


class InviteWriter:
    """Writes the invites of one host."""

    def __init__(self, identity: Identity, address: HostAddress) -> None:
        self._identity = identity
        self._tokens = tokens_of(identity)
        self._address = address

    def check(self) -> None:
        """Raise `InputError` (field `front`) if the names of the host make its invites too long."""
        try:
            parse_invite(self._text(bytes(TOKEN_SIZE)))
        except InviteError:
            raise InputError("front", "makes the invite too long: give fewer or shorter ones") from None

    def text(self, record: InviteRecord) -> str:
        """The text that readers pass on; the same one each time."""
        return self._text(self._tokens.issue(record.id))

    def link(self, record: InviteRecord) -> str:
        """A link to the host's page that shows the invite. What is behind the # never leaves the browser."""
        return f"{self._address.url}{JOIN_PATH}#{self.text(record)}"

    def _text(self, token: bytes) -> str:
        address, identity = self._address, self._identity
        return format_invite(
            Invite(address.url, identity.pin, identity.public_sealing_key, token, address.fronts, address.stun)
        )
