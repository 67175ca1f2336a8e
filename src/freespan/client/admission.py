"""What a client shows the host in its HELLO: the token of its invite, which only the host can read."""

from __future__ import annotations

import hashlib

from freespan.sealing.hpke import seal
from freespan.sealing.replies import new_reply_key, open_reply
from freespan.wire.denial import Denial, decode_denial
from freespan.wire.errors import MessageError, SealError
from freespan.wire.hello import HELLO_PURPOSE, ShownInvite, encode_shown
from freespan.wire.invite import Invite


class InviteAdmission:
    """An `Admission` for one session: each has a key of its own for the answer."""

    def __init__(self, invite: Invite) -> None:
        self._invite = invite
        self._reply_key = new_reply_key()

    def seal(self, frames: bytes) -> bytes:
        """See `Admission`."""
        shown = ShownInvite(self._invite.token, self._reply_key)
        context = hashlib.sha256(frames).digest()
        return seal(self._invite.sealing_key, HELLO_PURPOSE, encode_shown(shown), context)

    def denial_in(self, proof: bytes) -> Denial | None:
        """See `Admission`."""
        try:
            return decode_denial(open_reply(self._reply_key, HELLO_PURPOSE, proof))
        except (SealError, MessageError):
            return None
