"""The bridges that a client does not ask for."""

from hypothesis import given
from hypothesis import strategies as st

from freespan.client.cooldown import Cooldown
from freespan.wire.limits import AVOID_MAX

COOLDOWN_SECONDS = 300.0


def test_a_bridge_is_named_for_a_while() -> None:
    cooldown = Cooldown(COOLDOWN_SECONDS)
    cooldown.add("one", 0.0)
    cooldown.add("two", 10.0)
    cooldown.add("", 10.0)
    assert cooldown.names(10.0) == ["one", "two"]
    assert cooldown.names(COOLDOWN_SECONDS) == ["two"]
    assert cooldown.names(COOLDOWN_SECONDS + 10.0) == []


@given(st.lists(st.sampled_from([f"bridge{i}" for i in range(3 * AVOID_MAX)])))
def test_no_more_are_named_than_a_request_can_name_and_the_latest_are_among_them(names: list[str]) -> None:
    cooldown = Cooldown(COOLDOWN_SECONDS)
    for name in names:
        cooldown.add(name, 0.0)
    kept = cooldown.names(0.0)
    assert len(kept) <= AVOID_MAX
    latest = list(dict.fromkeys(reversed(names)))[:AVOID_MAX]
    assert sorted(kept) == sorted(latest)


def test_all_cooldowns_can_be_ended() -> None:
    cooldown = Cooldown(COOLDOWN_SECONDS)
    cooldown.add("one", 0.0)
    cooldown.clear()
    assert cooldown.names(0.0) == []
