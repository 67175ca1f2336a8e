"""Who may be given a bridge: what the broker asks of whoever knows the invites of the host."""

from __future__ import annotations

from typing import Protocol


class Guest(Protocol):
    """Whoever has one invite; or everybody without one, whom an open host admits."""

    @property
    def is_invited(self) -> bool:
        """Whether this is an invite: it goes before those without one where the broker is crowded."""


class Guests(Protocol):
    """All guests of a host."""

    def recognise(self, token: bytes) -> Guest:
        """The guest who has this token, however many sessions they have.

        Raises:
            NotAdmittedError: nobody is admitted with this token now.
        """


class Anybody:
    """The guests of a broker that nobody has told of invites: it takes everybody."""

    is_invited = False

    def recognise(self, token: bytes) -> Guest:
        """See `Guests`."""
        return self
