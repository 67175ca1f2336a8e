from dataclasses import fields

import pytest

from freespan.link.bond.settings import BondSettings
from freespan.tunnel.settings import TunnelSettings
from freespan.wire.limits import HANDSHAKE_SECONDS, STREAMS_MAX

DEFAULTS = TunnelSettings()


@pytest.mark.parametrize("name", [field.name for field in fields(DEFAULTS)])
def test_times_are_seconds_and_sizes_are_whole(name: str) -> None:
    value = getattr(DEFAULTS, name)
    assert isinstance(value, float if name.endswith("_seconds") else int)
    assert value > 0


def test_streams_that_nobody_reads_cannot_use_up_a_session() -> None:
    assert DEFAULTS.stream_window * STREAMS_MAX <= DEFAULTS.session_window
    assert DEFAULTS.stream_window <= DEFAULTS.stream_window_first <= DEFAULTS.stream_window_max
    assert DEFAULTS.stream_window_max <= DEFAULTS.session_window


def test_inner_waits_end_before_outer_ones() -> None:
    assert DEFAULTS.keepalive_seconds < DEFAULTS.idle_seconds
    assert DEFAULTS.idle_seconds >= BondSettings().wait_seconds + 60
    assert DEFAULTS.handshake_seconds <= HANDSHAKE_SECONDS
