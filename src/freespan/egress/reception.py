"""The reception of an egress: whose HELLO this is, before anything of QUIC is done for it.

    HELLO ──▶ open ──▶ Caller (the token that was shown, and how to answer) ──▶ admit ──▶ Guest
                │                                                                 └─▶ DeniedError
                └─▶ what does not open: NotOpenedError; a source with too many of these is not answered any more

What is sealed belongs to the frames beside it. They hold the key share of the client that has sealed it, so whoever
copies a HELLO gets no session by it. A copy would still be dealt with as one of an invited reader's, and whether it is
refused would tell whether they are there. So the last ones are remembered, and a copy counts as one that does not open.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from freespan.egress.guests import Guest, Guests
from freespan.egress.settings import EgressSettings
from freespan.observe.ledger import Account, Ledger
from freespan.sealing.hpke import Opener
from freespan.sealing.replies import seal_reply
from freespan.sources.rate import RateBudgets
from freespan.sources.source import Source
from freespan.wire.bond_frames import NO_SESSION, NOT_OPENED, Hello, Refused
from freespan.wire.denial import Denial, encode_denial
from freespan.wire.errors import LinkError, MessageError, NotAdmittedError, SealError
from freespan.wire.hello import HELLO_PURPOSE, decode_shown

_NAME_SIZE = 32
"""The first bytes of what is sealed: the public key that its sender has made for it. With another it does not open."""
_NAME_COST = 250
"""What is taken by one that is remembered."""


class DeniedError(LinkError):
    """Somebody gets no session. They are told why, and nobody else is."""

    def __init__(self, denial: Denial, reason: str) -> None:
        super().__init__(reason)
        self.denial = denial


class NotOpenedError(LinkError):
    """What is sealed does not open: it was changed, or sealed for another host. Or it has been opened before."""

    refused = Refused(NOT_OPENED)
    """The answer. It has no proof: there is no key for one."""

    def __init__(self) -> None:
        super().__init__("what is sealed in the first message does not open")


@dataclass(frozen=True)
class Caller:
    """Who has sent a HELLO; both fields are None where nothing is sealed in it."""

    token: bytes | None = None
    reply_key: bytes | None = field(default=None, repr=False)

    def refused(self, denial: Denial) -> Refused:
        """The answer that only the caller can read, and only this host can give."""
        if self.reply_key is None:
            return Refused(NO_SESSION)
        return Refused(NO_SESSION, seal_reply(self.reply_key, HELLO_PURPOSE, encode_denial(denial)))


class Reception:
    """Opens HELLOs with the host's key, and asks `guests` who may come in."""

    def __init__(
        self, opener: Opener, guests: Guests, settings: EgressSettings, account: Account | None = None
    ) -> None:
        self._opener = opener
        self._guests = guests
        self._account = account or Ledger().account()
        self._opened: dict[bytes, None] = {}  # the oldest first
        self._opened_max = settings.opened_max
        self._failures = RateBudgets(settings.not_opened, settings.not_opened_of_network)

    def open(self, hello: Hello, source: Source | None, now: float) -> Caller:
        """Whose HELLO it is; `source` is where it comes from.

        Raises:
            NotOpenedError: what is sealed does not open.
            LinkError: the same, of a source that has sent too many of these.
        """
        if not hello.sealed:
            return Caller()
        try:
            context = hashlib.sha256(hello.frames).digest()
            shown = decode_shown(self._opener.open(HELLO_PURPOSE, hello.sealed, context))
            self._remember(hello.sealed[:_NAME_SIZE])
        except (SealError, MessageError):
            if not self._failures.take(source, now):
                raise LinkError("too many first messages do not open") from None
            raise NotOpenedError from None
        return Caller(shown.token, shown.reply_key)

    def admit(self, caller: Caller) -> Guest:
        """The guest that the caller is. Raises `DeniedError`."""
        try:
            return self._guests.admit(caller.token)
        except NotAdmittedError as error:
            raise DeniedError(Denial.of(error), str(error)) from None

    def _remember(self, name: bytes) -> None:
        """Raises `SealError` for a copy."""
        if name in self._opened:
            raise SealError
        self._opened[name] = None
        if len(self._opened) > self._opened_max:
            del self._opened[next(iter(self._opened))]
        self._account.report(len(self._opened) * _NAME_COST)
