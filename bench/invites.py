"""What it costs an egress to learn whose HELLO this is, before it does anything for it."""

from __future__ import annotations

import os
import time

from bench.figures import Figures
from bench.plan import Plan
from freespan.access.guests import Guests
from freespan.access.records import InviteRecord, Snapshot
from freespan.access.tokens import Tokens
from freespan.client.admission import InviteAdmission
from freespan.egress.reception import Reception
from freespan.egress.settings import EgressSettings
from freespan.sealing.hpke import Opener
from freespan.tunnel.identity import new_identity
from freespan.wire.bond_frames import Hello
from freespan.wire.invite import Invite
from freespan.wire.limits import INITIAL_DATAGRAM_SIZE

_INVITES = 1_000
_HELLOS = 200
"""In each sample."""


def measure_invites(plan: Plan, figures: Figures) -> None:
    """Measure `invite_check_us`: CPU time from the first message of a session to its guest."""
    identity, tokens = new_identity(), Tokens(os.urandom(32))
    records = [InviteRecord(id=os.urandom(8), name=str(number), created="2026-12-01") for number in range(_INVITES)]
    guests = Guests(tokens, is_open=False, now=time.time, monotonic=time.monotonic)
    guests.apply(Snapshot(tuple(records), {}))
    reception = Reception(Opener(identity.sealing_key), guests, EgressSettings())
    invites = [
        Invite("https://host.example", identity.pin, identity.public_sealing_key, tokens.issue(record.id))
        for record in records[:_HELLOS]
    ]
    times = [_microseconds(reception, list(map(_hello, invites))) for _ in range(plan.invite_checks)]
    figures.median("invite_check_us", times, 1)


def _hello(invite: Invite) -> Hello:
    frames = os.urandom(INITIAL_DATAGRAM_SIZE)
    return Hello(InviteAdmission(invite).seal(frames), frames)


def _microseconds(reception: Reception, hellos: list[Hello]) -> float:
    began = time.process_time()
    for hello in hellos:
        reception.admit(reception.open(hello, None, began))
    return (time.process_time() - began) / len(hellos) * 1e6
