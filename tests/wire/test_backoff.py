from hypothesis import given
from hypothesis import strategies as st

from freespan.wire.backoff import Backoff

chances = st.floats(0, 1)


def test_waits_double_up_to_the_longest() -> None:
    backoff = Backoff(lambda: 1.0, first=0.5, longest=5.0)
    assert [backoff.failed() for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_chance_takes_away_at_most_half() -> None:
    assert Backoff(lambda: 0.0, first=4.0).failed() == 2.0
    assert Backoff(lambda: 0.5, first=4.0).failed() == 3.0


def test_success_begins_anew() -> None:
    backoff = Backoff(lambda: 1.0, first=1.0)
    backoff.failed()
    backoff.failed()
    backoff.succeeded()
    assert backoff.failed() == 1.0


def test_the_wish_of_the_other_end_is_a_lower_bound() -> None:
    backoff = Backoff(lambda: 1.0, first=1.0)
    assert backoff.failed(at_least=7.0) == 7.0
    assert backoff.failed(at_least=1.5) == 2.0


@given(st.lists(chances, max_size=80))
def test_any_number_of_failures_stays_within_the_bounds(rolls: list[float]) -> None:
    dice = iter(rolls)
    backoff = Backoff(lambda: next(dice), first=0.5, longest=30.0)
    assert all(0.25 <= backoff.failed() <= 30.0 for _ in rolls)
