"""The settings of a bond must fit one another."""

from freespan.link.bond.settings import BondSettings

SETTINGS = BondSettings()


def test_packets_take_another_link_before_theirs_is_closed() -> None:
    assert SETTINGS.spread_seconds < SETTINGS.lagging_seconds < SETTINGS.suspect_min_seconds
    assert SETTINGS.suspect_min_seconds < SETTINGS.suspect_max_seconds <= SETTINGS.timeout_seconds
    assert SETTINGS.timeout_seconds < SETTINGS.timeout_slow_seconds < SETTINGS.timeout_alone_seconds
    assert SETTINGS.timeout_alone_seconds < SETTINGS.wait_seconds
    assert SETTINGS.probe_seconds < SETTINGS.timeout_alone_seconds
