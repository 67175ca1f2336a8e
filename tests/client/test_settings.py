"""The client's settings go together, and with the bounds of the protocol."""

from freespan.client.settings import ClientSettings
from freespan.wire import limits

SETTINGS = ClientSettings()


def test_one_endpoint_alone_has_time_to_answer() -> None:
    assert SETTINGS.host_last_connect_seconds + SETTINGS.host_answer_seconds < SETTINGS.host_seconds
    assert SETTINGS.host_answer_seconds > limits.RENDEZVOUS_SECONDS


def test_inner_waits_end_before_outer_ones() -> None:
    assert SETTINGS.session_wait_seconds > limits.RENDEZVOUS_SECONDS
    assert SETTINGS.stream_open_seconds > limits.RESOLVE_SECONDS + limits.DIAL_SECONDS


def test_the_links_of_a_session_fit_into_its_bond() -> None:
    assert SETTINGS.links_usual <= SETTINGS.links_most <= limits.BOND_LINKS_MAX
    assert SETTINGS.links_usual * (1 + limits.LANES_MAX) <= limits.BOND_LINKS_MAX
    assert max(SETTINGS.lane_steps) <= 1 + limits.LANES_MAX
