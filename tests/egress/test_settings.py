from dataclasses import fields

import pytest

from freespan.egress.settings import EgressSettings
from freespan.sources.rate import Rate
from freespan.wire.limits import DIAL_SECONDS, LANES_MAX, RESOLVE_SECONDS

DEFAULTS = EgressSettings()


@pytest.mark.parametrize("name", [field.name for field in fields(DEFAULTS) if field.name not in ("tunnel", "bond")])
def test_times_are_seconds_and_sizes_are_whole(name: str) -> None:
    value = getattr(DEFAULTS, name)
    if isinstance(value, Rate):
        assert value.burst > value.per_second > 0
        return
    assert isinstance(value, float if name.endswith("_seconds") else int)
    assert value > 0


def test_sessions_that_wait_leave_most_places_to_others() -> None:
    assert DEFAULTS.without_handshake_max < DEFAULTS.sessions_max
    assert DEFAULTS.waiting_sessions_max < DEFAULTS.sessions_max < DEFAULTS.links_max


def test_one_bridge_may_bring_all_its_links_at_once() -> None:
    capacity = 64
    greedy = DEFAULTS.without_handshake_max * 7 // 8
    assert capacity * (LANES_MAX + 1) <= greedy


def test_a_session_cannot_take_all_lookups() -> None:
    assert DEFAULTS.lookups_per_session_max < DEFAULTS.lookups_max


def test_a_client_waits_for_longer_than_the_egress() -> None:
    assert DEFAULTS.resolve_seconds <= RESOLVE_SECONDS
    assert DEFAULTS.dial_seconds <= DIAL_SECONDS
