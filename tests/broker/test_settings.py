"""The defaults of the broker's settings fit one another."""

from dataclasses import fields

import pytest

from freespan.broker.settings import BrokerSettings, CensusSettings, StunSettings
from freespan.sources.rate import Rate
from freespan.sources.shares import Places

IN_HEADERS = {"retry_after_seconds", "cache_seconds"}
"""HTTP writes its times in whole seconds."""
FRACTIONS = {
    "answers_per_second",
    "messages_burst",
    "messages_per_second",
    "messages_per_offer",
    "unknown_offer_messages",
}


@pytest.mark.parametrize("settings", [BrokerSettings(), CensusSettings(), StunSettings()], ids=type)
def test_every_value_is_a_positive_number(settings: BrokerSettings | CensusSettings | StunSettings) -> None:
    for field in fields(settings):
        value = getattr(settings, field.name)
        is_time = field.name.endswith("_seconds") and field.name not in IN_HEADERS
        if isinstance(value, Rate | Places):
            assert all(part > 0 for part in vars(value).values()), field.name
            continue
        assert isinstance(value, float if is_time or field.name in FRACTIONS else int), field.name
        assert value > 0


def test_inner_waits_end_before_outer_ones() -> None:
    settings = BrokerSettings()
    assert settings.answer_seconds < settings.rendezvous_seconds


def test_figures_change_at_whole_parts_of_their_hour() -> None:
    settings = CensusSettings()
    assert settings.memory_seconds % settings.step_seconds == 0
