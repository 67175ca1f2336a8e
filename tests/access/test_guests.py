"""Who is admitted, what ends a session, and what has been used."""

import datetime
from dataclasses import dataclass, field, replace

import pytest

from freespan.access.guests import Guest, Guests
from freespan.access.limits import InviteLimits
from freespan.access.records import InviteRecord, Snapshot, UsageRow
from freespan.access.tokens import Tokens
from freespan.wire.errors import NotAdmittedError

TOKENS = Tokens(bytes(32))
NOON = datetime.datetime(2026, 11, 30, 12, tzinfo=datetime.UTC).timestamp()
GB = 10**9


@dataclass
class Clock:
    """Seconds since 1970; a test moves them."""

    seconds: float = NOON

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Ends:
    """Collects why sessions had to end."""

    codes: list[str] = field(default_factory=list)

    def __call__(self, reason: NotAdmittedError) -> None:
        self.codes.append(reason.code)


def record(name: str = "anna", revoked: str | None = None, **limits: int) -> InviteRecord:
    invite_id = name.encode().ljust(8, b"-")
    return InviteRecord(id=invite_id, name=name, created="2026-11-01", revoked=revoked, limits=InviteLimits(**limits))


def token(name: str = "anna") -> bytes:
    return TOKENS.issue(record(name).id)


def a_host(*records: InviteRecord, is_open: bool = False, clock: Clock | None = None, used: int = 0) -> Guests:
    clock = clock or Clock()
    guests = Guests(TOKENS, is_open=is_open, now=clock, monotonic=clock)
    guests.apply(Snapshot(records, {each.id: used for each in records}))
    return guests


def refusal(guests: Guests, name: str | None = "anna") -> NotAdmittedError:
    with pytest.raises(NotAdmittedError) as caught:
        guests.admit(None if name is None else token(name))
    return caught.value


def guest_of(guests: Guests, name: str = "anna") -> Guest:
    return guests.admit(token(name))


def test_an_invite_is_one_guest_however_often_they_come() -> None:
    guests = a_host(record())
    guest = guest_of(guests)
    assert guest_of(guests) is guest
    assert (guest.id, guest.kind, guest.is_invited) == (record().id, "reader", True)


def test_whoever_needs_something_for_a_session_that_they_have_is_recognised() -> None:
    guests = a_host(record(sessions=1))
    guest_of(guests).enter(Ends())
    assert refusal(guests).code == "invite_sessions"
    assert guests.recognise(token()).id == record().id
    guests.apply(Snapshot((record(revoked="2026-11-30", sessions=1),), {}))
    with pytest.raises(NotAdmittedError) as caught:
        guests.recognise(token())
    assert caught.value.code == "invite_revoked"
    for unknown in (None, bytes(24), token("bela")):
        with pytest.raises(NotAdmittedError):
            guests.recognise(unknown)
        assert not a_host(record(), is_open=True).recognise(unknown).is_invited


def test_a_host_for_invited_readers_takes_nobody_else() -> None:
    guests = a_host(record())
    assert refusal(guests, None).code == "invite_required"
    assert refusal(guests, "bela").code == "invite_unknown"
    with pytest.raises(NotAdmittedError) as caught:
        guests.admit(bytes(24))
    assert caught.value.code == "invite_unknown"


def test_an_open_host_takes_everybody_else_as_one_guest_without_limits() -> None:
    guests = a_host(record(), is_open=True)
    anonymous = guests.admit(None)
    assert guests.admit(bytes(24)) is guests.admit(token("bela")) is anonymous
    assert (anonymous.id, anonymous.is_invited, anonymous.limits) == (b"", False, InviteLimits())


@pytest.mark.parametrize("is_open", [False, True])
def test_a_void_invite_is_refused_on_every_host(is_open: bool) -> None:
    clock = Clock()
    guests = a_host(record(revoked="2026-11-30"), record("bela", expires=int(NOON)), is_open=is_open, clock=clock)
    assert str(refusal(guests)) == "this invite was revoked by the host: ask for a new one"
    assert str(refusal(guests, "bela")) == "this invite has expired: ask for a new one"


def test_revoking_ends_the_sessions_of_that_invite_and_nobody_elses() -> None:
    guests = a_host(record(), record("bela"), is_open=True)
    hers, theirs, anonymous = Ends(), Ends(), Ends()
    guest_of(guests).enter(hers)
    guest_of(guests).enter(hers)
    guest_of(guests, "bela").enter(theirs)
    guests.admit(None).enter(anonymous)
    guests.apply(Snapshot((record(revoked="2026-11-30"), record("bela")), {}))
    assert (hers.codes, theirs.codes, anonymous.codes) == (["invite_revoked"] * 2, [], [])
    assert refusal(guests).code == "invite_revoked"


def test_an_invite_that_is_gone_from_the_list_ends_like_one_that_was_never_there() -> None:
    guests, ends = a_host(record()), Ends()
    guest = guest_of(guests)
    guest.enter(ends)
    guests.apply(Snapshot((), {}))
    assert (ends.codes, refusal(guests).code) == (["invite_unknown"], "invite_unknown")
    with pytest.raises(NotAdmittedError):
        guest.check()


def test_an_invite_expires_in_the_middle_of_a_session() -> None:
    clock = Clock()
    guests, ends = a_host(record(expires=int(NOON) + 60), clock=clock), Ends()
    guest_of(guests).enter(ends)
    clock.seconds += 59
    guests.look()
    assert not ends.codes
    clock.seconds += 1
    guests.look()
    assert ends.codes == ["invite_expired"]


def test_a_session_that_has_left_is_not_ended() -> None:
    guests, ends = a_host(record()), Ends()
    visit = guest_of(guests).enter(ends)
    visit.leave()
    visit.leave()
    guests.apply(Snapshot((record(revoked="2026-11-30"),), {}))
    assert not ends.codes


# --- sessions -------------------------------------------------------------------------------------


def test_no_more_sessions_than_allowed_at_a_time() -> None:
    guests = a_host(record(sessions=2))
    first = guest_of(guests).enter(Ends())
    guest_of(guests).enter(Ends())
    reason = refusal(guests)
    assert (reason.code, reason.amount) == ("invite_sessions", 2)
    first.leave()
    assert guest_of(guests).sessions == 1


def test_a_session_without_a_link_gives_way_to_a_new_one() -> None:
    """A reader whose client was restarted need not wait until the host has given up the session of before."""
    guests, old, other = a_host(record(sessions=2)), Ends(), Ends()
    guest_of(guests).enter(other)
    guest_of(guests).enter(old, is_waiting=lambda: True)
    guest_of(guests).enter(Ends())
    assert (old.codes, other.codes, refusal(guests).code) == (["invite_sessions"], [], "invite_sessions")


# --- quota ----------------------------------------------------------------------------------------


def test_a_quota_that_is_used_up_ends_its_sessions_and_says_when_it_works_again() -> None:
    guests, ends = a_host(record(quota=20 * GB)), Ends()
    guest = guest_of(guests)
    visit = guest.enter(ends)
    guest.enter(ends)
    visit.count(5 * GB, 15 * GB - 1)
    assert (ends.codes, guest.is_over_quota) == ([], False)
    visit.count(0, 1)
    assert (ends.codes, guest.is_over_quota) == (["invite_quota"] * 2, True)
    assert str(refusal(guests)) == "this invite has used up its 20 GB of this month: it works again on 1 December"


def test_a_quota_survives_a_restart() -> None:
    guests = a_host(record(quota=20 * GB), used=20 * GB)
    assert refusal(guests).code == "invite_quota"


def test_a_quota_counts_what_is_not_written_yet_once() -> None:
    guests = a_host(record(quota=10 * GB))
    guest = guest_of(guests)
    guest.count(0, 4 * GB)
    rows = guests.take_usage()
    guest.count(0, 4 * GB)
    guests.apply(Snapshot((record(quota=10 * GB),), {record().id: rows[0].down}))
    assert not guest.is_over_quota
    guest.count(0, 2 * GB)
    assert guest.is_over_quota


def test_a_quota_begins_anew_with_the_month() -> None:
    clock = Clock()
    guests = a_host(record(quota=GB), clock=clock)
    guest_of(guests).count(0, GB)
    assert not guests.is_new_day
    clock.seconds += 12 * 3_600
    assert guests.is_new_day
    assert [row.day for row in guests.take_usage()] == ["2026-11-30"]
    guests.apply(Snapshot((record(quota=GB),), {}))
    assert not guest_of(guests).is_over_quota
    assert not guests.is_new_day


def test_without_a_quota_nothing_ends() -> None:
    guests, ends = a_host(record()), Ends()
    guest_of(guests).enter(ends).count(10**15, 10**15)
    assert not ends.codes


# --- rate -----------------------------------------------------------------------------------------


def test_all_sessions_of_an_invite_share_its_rate() -> None:
    clock = Clock()
    guest = guest_of(a_host(record(rate=10**6), clock=clock))
    waits = [guest.pace(500_000) for _ in range(4)]
    assert waits == pytest.approx([0, 0, 0.5, 1.0])
    clock.seconds += 10
    assert guest.pace(1_000_000) == 0


def test_a_low_rate_still_lets_the_beginning_of_a_page_through_at_once() -> None:
    guest = guest_of(a_host(record(rate=16_000)))
    assert [guest.pace(64 * 1024) for _ in range(5)] == pytest.approx([0, 0, 0, 0, 64 * 1024 / 16_000])


def test_without_a_rate_nobody_waits() -> None:
    guest = guest_of(a_host(record()))
    assert {guest.pace(10**9) for _ in range(100)} == {0.0}


# --- usage ----------------------------------------------------------------------------------------


def test_usage_is_handed_over_once_by_invite_and_day() -> None:
    guests = a_host(record(), record("bela"), is_open=True)
    guest_of(guests).enter(Ends()).count(1, 2)
    guest_of(guests).count(1, 2)
    guests.admit(None).count(5, 6)
    assert guests.take_usage() == [
        UsageRow(invite=b"", day="2026-11-30", up=5, down=6, sessions=0),
        UsageRow(invite=record().id, day="2026-11-30", up=2, down=4, sessions=1),
    ]
    assert guests.take_usage() == []


def test_a_guest_is_found_by_id_as_long_as_it_is_known() -> None:
    guests = a_host(record())
    guest = guest_of(guests)
    assert guests.guest(guest.id) is guest
    assert guests.guest(b"") is not None
    guests.apply(Snapshot((), {}))
    assert guests.guest(guest.id) is None


def test_changed_limits_hold_at_once() -> None:
    guests, ends = a_host(record()), Ends()
    guest = guest_of(guests)
    guest.enter(ends).count(0, GB)
    guests.apply(Snapshot((replace(record(), limits=InviteLimits(quota=GB, rate=10**6)),), {}))
    assert (ends.codes, guest.limits.rate) == (["invite_quota"], 10**6)
