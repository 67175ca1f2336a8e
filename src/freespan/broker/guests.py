"""Who may be given a bridge: what the broker asks of whoever knows the invites of the host."""

from __future__ import annotations

from typing import Protocol


class Guests(Protocol):
    """All guests of a host."""

    def recognise(self, token: bytes) -> object:
        """The guest who has this token, however many sessions they have.

        Raises:
            NotAdmittedError: nobody is admitted with this token now.
        """


class Anybody:
    """The guests of a broker that nobody has told of invites: it takes everybody."""

    def recognise(self, token: bytes) -> object:
        """See `Guests`."""
        return self
