"""Flow control windows by themselves; what they do to a whole session is in `test_back_pressure.py`."""

from dataclasses import replace

import pytest

from freespan.tunnel.flow_control import SessionWindow, StreamWindow
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import STREAMS_MAX

FIRST, WIDEST = 1_000, 8_000
RESERVE = 2 * WIDEST
SETTINGS = TunnelSettings(
    stream_window=FIRST,
    stream_window_first=FIRST,
    stream_window_max=WIDEST,
    session_window=STREAMS_MAX * FIRST + RESERVE,
)


@pytest.fixture
def session() -> SessionWindow:
    return SessionWindow(SETTINGS)


@pytest.fixture
def window(session: SessionWindow) -> StreamWindow:
    return StreamWindow(session, now=0.0)


def read_all(window: StreamWindow, now: float = 0.0, min_rtt: float = 0.0) -> int:
    """A reader empties the window; returns the next one."""
    window.on_read(window.size, 0, now, min_rtt)
    return window.size


def test_a_fast_reader_s_window_doubles_up_to_the_bound(session: SessionWindow, window: StreamWindow) -> None:
    assert session.reserve == RESERVE
    assert window.size == FIRST
    assert [read_all(window) for _ in range(6)] == [2_000, 4_000, 8_000, WIDEST, WIDEST, WIDEST]
    assert session.reserve == RESERVE - WIDEST + FIRST


def test_a_window_that_was_not_emptied_stays(window: StreamWindow) -> None:
    window.on_read(FIRST * 7 // 8 - 1, 0, 0.0, 0.0)
    assert window.size == FIRST
    window.on_read(1, 0, 0.0, 0.0)
    assert window.size == 2 * FIRST


def test_a_fast_reader_s_window_gets_no_more_than_the_session_has(session: SessionWindow, window: StreamWindow) -> None:
    session.reserve = FIRST + 100
    for _ in range(6):
        read_all(window)
    assert window.size == 2 * FIRST + 100
    assert session.reserve == 0


def test_what_a_window_has_grown_by_comes_back_once(session: SessionWindow, window: StreamWindow) -> None:
    read_all(window)
    window.close()
    window.close()
    assert session.reserve == RESERVE


def test_a_slow_reader_s_window_stays(window: StreamWindow) -> None:
    assert [read_all(window, now=float(second)) for second in range(1, 5)] == 4 * [FIRST]


def test_far_away_a_window_in_two_round_trips_is_fast(window: StreamWindow) -> None:
    """A window comes once in a round trip at best, so half a second is more than anybody could do."""
    assert read_all(window, now=2.1, min_rtt=1.0) == FIRST
    assert read_all(window, now=2.1 + 1.9, min_rtt=1.0) == 2 * FIRST


def test_a_reader_that_lags_behind_keeps_its_window(window: StreamWindow) -> None:
    window.on_read(FIRST // 2, FIRST, 0.0, 0.0)
    window.on_read(FIRST // 2, FIRST // 2, 0.0, 0.0)
    assert window.size == FIRST


def wide_at_first(first: int) -> SessionWindow:
    return SessionWindow(replace(SETTINGS, stream_window_first=first))


@pytest.mark.parametrize("first", [FIRST, FIRST + 100, 2 * FIRST, 3 * FIRST, WIDEST])
def test_streams_begin_with_a_wide_window_until_half_of_the_reserve_is_taken(first: int) -> None:
    session = wide_at_first(first)
    windows = [StreamWindow(session, now=0.0) for _ in range(STREAMS_MAX)]
    sizes = [window.size for window in windows]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == first
    assert set(sizes) <= {first, FIRST}
    assert session.reserve >= RESERVE // 2
    assert session.reserve < RESERVE // 2 + first or first == FIRST
    assert sum(sizes) + session.reserve == SETTINGS.session_window
    for window in windows:
        window.close()
    assert session.reserve == RESERVE
    assert StreamWindow(session, now=0.0).size == first


@pytest.mark.parametrize("standing", [10, 100, STREAMS_MAX - 1])
def test_streams_that_stand_still_leave_the_next_one_enough_to_grow(standing: int) -> None:
    session = wide_at_first(4 * FIRST)
    for _ in range(standing):
        StreamWindow(session, now=0.0)
    last = StreamWindow(session, now=0.0)
    for _ in range(5):
        read_all(last)
    assert last.size == WIDEST


def test_a_fast_reader_s_small_window_grows_to_the_usual_one_at_once() -> None:
    session = wide_at_first(4 * FIRST)
    while StreamWindow(session, now=0.0).size > FIRST:
        pass
    small = StreamWindow(session, now=0.0)
    assert [read_all(small) for _ in range(3)] == [4 * FIRST, WIDEST, WIDEST]
