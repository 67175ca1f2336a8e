"""All errors that freespan raises on purpose, in one tree.

People see the text of these errors as it is. It is one line with the cause and what to do, and never has an address or
a name that belongs to somebody else.

    FreespanError
    ├── InputError           a value of a person or a peer is wrong; `field` names it
    │   ├── InviteError      an invite cannot be used
    │   └── MessageError     a broker, bridge or client sent a message that is not in the protocol
    │       ├── VersionError     it speaks another version
    │       └── SealError        it cannot be opened
    ├── MissingLibraryError  a library is not installed; names what to install
    ├── NotAdmittedError     the host does not admit whoever has this invite, or nobody without one
    ├── RendezvousError      the broker could not be reached, or refused; `retry` tells whether to ask again
    ├── LinkError            a link could not be opened, or ended
    ├── TunnelError          the session could not be opened, or ended
    │   └── WrongKeyError    the egress does not have the key of the invite
    └── StreamError          one stream failed; carries a `ProxyStatus`
"""

from __future__ import annotations

from collections.abc import Sequence

from freespan.wire.admission import admission_sentence
from freespan.wire.causes import Cause
from freespan.wire.proxy_status import ProxyStatus


class FreespanError(Exception):
    """The base of all errors that freespan raises on purpose; `str()` is one line for a person."""


class InputError(FreespanError):
    """A value is wrong: `field` names it, and `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InviteError(InputError):
    """An invite is cut off, mistyped, or of another version."""

    def __init__(self, reason: str) -> None:
        super().__init__("invite", reason)


class MessageError(InputError):
    """A message of the rendezvous or of signalling is not in the protocol."""


class VersionError(MessageError):
    """A message has a protocol version that this end does not speak."""


class SealError(MessageError):
    """What was sealed cannot be opened."""

    def __init__(self) -> None:
        super().__init__("message", "is sealed to another key, or was changed")


class MissingLibraryError(FreespanError):
    """Libraries that are needed are not installed; `install` is the argument for `pip install`."""

    def __init__(self, install: str, missing: Sequence[str]) -> None:
        extra = install.partition("[")[2].removesuffix("]")
        super().__init__(
            f'{", ".join(missing)} not installed: install "{install}"'
            f' (in a clone: pip install ".[{extra}]", or pipx install --force ".[{extra}]")'
        )
        self.install = install
        self.missing = tuple(missing)


class NotAdmittedError(FreespanError):
    """The host does not admit whoever has this invite. Nothing but another invite, or time, helps.

    Attributes:
        code: one of `freespan.wire.admission.ADMISSION_CODES`.
        amount: bytes of the quota, or the number of sessions; 0 where the code has none.
        again: the day (ISO 8601, UTC) on which a quota begins anew; empty for other codes.
    """

    def __init__(self, code: str, amount: int = 0, again: str = "") -> None:
        super().__init__(admission_sentence(code, amount, again))
        self.code = code
        self.amount = amount
        self.again = again


class RendezvousError(FreespanError):
    """The broker could not be reached, answered with something that is not in the protocol, or refused.

    Attributes:
        code: the code of the broker's problem (docs/protocol/rendezvous.md), or `unreachable`, or `protocol_error`.
        retry: whether the same request can succeed later.
        after: the wait in seconds that the broker asks for, if any.
        cause: why there was no answer of a broker, for the codes `unreachable` and `protocol_error`.
    """

    def __init__(
        self, code: str, text: str, *, retry: bool, after: float | None = None, cause: Cause | None = None
    ) -> None:
        super().__init__(text)
        self.cause = cause
        self.code = code
        self.retry = retry
        self.after = after


class LinkError(FreespanError):
    """A link could not be opened, or ended."""


class TunnelError(FreespanError):
    """A session could not be opened, or ended; `code` says why, as `ClientStatus.cause` does, where it is known."""

    def __init__(self, text: str, code: str = "") -> None:
        super().__init__(text)
        self.code = code


class HostFullError(TunnelError):
    """The host has no room for a session now. Before the handshake nothing proves that the host has said so."""


class WrongKeyError(TunnelError):
    """The egress does not have the key that the invite names; or somebody says so of the host, which is the `cause`."""

    def __init__(self, cause: Cause | None = None) -> None:
        super().__init__(
            "the egress has another key than the invite says: somebody intercepts the connection, or the host has"
            " changed its key; nothing was sent. Ask for a new invite"
            if cause is None
            else str(cause),
            "wrong_key" if cause is None else cause.code,
        )
        self.cause = cause


class StreamError(FreespanError):
    """One stream failed; the session goes on."""

    def __init__(self, status: ProxyStatus) -> None:
        super().__init__(status.sentence())
        self.status = status
