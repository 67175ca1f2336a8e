"""What a client shows in its HELLO to be admitted, and how it reads that it is not. Pure."""

from __future__ import annotations

from typing import Protocol

from freespan.wire.denial import Denial


class Admission(Protocol):
    """Made anew for each session. How something is sealed for a host, the bond does not know."""

    def seal(self, frames: bytes) -> bytes:
        """What the HELLO carries in front of these frames: only the host can open it, and with no other frames."""

    def denial_in(self, proof: bytes) -> Denial | None:
        """Why the host begins no session; None if the host has not said this, in answer to what was sealed."""
