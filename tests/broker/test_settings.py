"""The defaults of the broker's settings fit one another."""

from dataclasses import fields

import pytest

from freespan.broker.settings import BrokerSettings, CensusSettings, ProofSettings, ShownSettings, StunSettings
from freespan.sources.rate import Rate
from freespan.sources.shares import Places

Settings = BrokerSettings | CensusSettings | StunSettings | ProofSettings | ShownSettings
IN_HEADERS = {"retry_after_seconds", "cache_seconds"}
"""HTTP writes its times in whole seconds."""
PARTS = (ProofSettings, ShownSettings)
FRACTIONS = {
    "answers_per_second",
    "messages_burst",
    "messages_per_second",
    "messages_per_offer",
    "unknown_offer_messages",
}


@pytest.mark.parametrize(
    "settings", [BrokerSettings(), CensusSettings(), StunSettings(), *(part() for part in PARTS)], ids=type
)
def test_every_value_is_a_positive_number(settings: Settings) -> None:
    for field in fields(settings):
        value = getattr(settings, field.name)
        is_time = field.name.endswith("_seconds") and field.name not in IN_HEADERS
        if isinstance(value, Rate | Places):
            assert all(part > 0 for part in vars(value).values()), field.name
            continue
        if isinstance(value, PARTS):
            continue  # looked at alone
        assert isinstance(value, float if is_time or field.name in FRACTIONS else int), field.name
        assert value > 0


def test_inner_waits_end_before_outer_ones() -> None:
    settings = BrokerSettings()
    assert settings.answer_seconds < settings.rendezvous_seconds


def test_figures_change_at_whole_parts_of_their_hour() -> None:
    settings = CensusSettings()
    assert settings.memory_seconds % settings.step_seconds == 0
