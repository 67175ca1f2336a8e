"""The defaults of the bridge's settings fit one another and the protocol."""

from dataclasses import fields

from freespan.bridge.settings import BridgeSettings
from freespan.wire.limits import LANES_MAX, PING_SECONDS


def test_every_value_is_a_positive_number() -> None:
    settings = BridgeSettings()
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value is not None:
            assert isinstance(value, float if field.name.endswith("_seconds") else int), field.name
            assert value > 0


def test_they_fit() -> None:
    settings = BridgeSettings()
    assert settings.first_retry_seconds < settings.longest_retry_seconds
    assert settings.silence_seconds > PING_SECONDS
    assert settings.lanes_opening_max <= LANES_MAX
