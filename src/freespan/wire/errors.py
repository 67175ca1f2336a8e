"""The tree of errors.

A text of these errors is shown to people as it is: one line, the cause and what to do, and never an address or a name
of somebody else's.

    FreespanError
    ├── InputError          what a person or a peer gave us is wrong; names the field
    │   ├── InviteError     an invite that cannot be used
    │   └── MessageError    a broker, bridge or client said something that is not in the protocol
    │       └── VersionError    it speaks another version
    ├── MissingLibraryError a library is not installed; names what to install
    ├── RendezvousError     the broker could not be asked, or said no; `retry` tells whether asking again can help
    ├── LinkError           a link could not be opened, or ended
    ├── TunnelError         the session could not be opened, or ended
    │   └── WrongKeyError   the egress is not the one of the invite
    └── StreamError         one stream failed; carries a `ProxyStatus`
"""

from __future__ import annotations

from collections.abc import Sequence

from freespan.wire.proxy_status import ProxyStatus


class FreespanError(Exception):
    """Base of all errors that freespan raises on purpose; `str()` is one line for a person."""


class InputError(FreespanError):
    """Bad input: `field` is the part that is wrong, `reason` says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class InviteError(InputError):
    """An invite that is cut, mistyped or of a later version."""

    def __init__(self, reason: str) -> None:
        super().__init__("invite", reason)


class MessageError(InputError):
    """A message of the rendezvous or of matchmaking that is not in the protocol."""


class VersionError(MessageError):
    """A message of a protocol version that this end does not speak."""


class MissingLibraryError(FreespanError):
    """Libraries that are needed here are not installed; `install` is what to give to pip."""

    def __init__(self, install: str, missing: Sequence[str]) -> None:
        super().__init__(f'{", ".join(missing)} not installed; run: pip install "{install}"')
        self.install = install
        self.missing = tuple(missing)


class RendezvousError(FreespanError):
    """The broker could not be reached, answered with something that is not in the protocol, or refused.

    `code` is the code of the broker's problem (docs/protocol.md), or `unreachable`, or `protocol_error`. `retry` tells
    whether the same request can succeed later. `after` is the wait in seconds that the broker asks for, if any.
    """

    def __init__(self, code: str, text: str, *, retry: bool, after: float | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.retry = retry
        self.after = after


class LinkError(FreespanError):
    """A link could not be opened, or has ended."""


class TunnelError(FreespanError):
    """A session could not be opened, or has ended."""


class WrongKeyError(TunnelError):
    """The egress at the other end does not have the key that the invite names."""

    def __init__(self) -> None:
        super().__init__(
            "the egress has another key than the invite says: somebody is in between, or the host has changed its key;"
            " nothing was sent. Ask for a new invite"
        )


class StreamError(FreespanError):
    """One stream failed; the session goes on."""

    def __init__(self, status: ProxyStatus) -> None:
        super().__init__(status.sentence())
        self.status = status
