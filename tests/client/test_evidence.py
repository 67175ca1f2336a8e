"""What speaks for bridges being blocked, and what does not: transcripts of failures."""

from hypothesis import given
from hypothesis import strategies as st

from freespan.client.evidence import Evidence, networks_of
from freespan.client.settings import ClientSettings

SECONDS = 600.0


def evidence(networks_min: int = 2) -> Evidence:
    return Evidence(networks_min=networks_min, stun_servers_min=2, seconds=SECONDS)


def bridges_failed(*networks: str, within: float = 1.0) -> bool:
    """Whether it is enough that a bridge failed in each of these networks; a comma separates those of one bridge."""
    seen = evidence()
    for number, each in enumerate(networks):
        seen.bridge_failed(frozenset(each.split(",")) - {""}, number * within)
    return seen.is_enough((len(networks) - 1) * within)


def test_forty_bridges_of_one_network_are_not_enough() -> None:
    assert not bridges_failed(*["4 203.0.0.0"] * 40)


def test_bridges_of_two_networks_are_enough() -> None:
    assert bridges_failed("4 203.0.0.0", "4 198.51.0.0")
    assert bridges_failed("6 2001:db8::", "4 203.0.0.0", "6 2001:db9::")


def test_a_machine_with_both_ip_versions_is_one_network() -> None:
    assert not bridges_failed("4 203.0.0.0", "6 2001:db8::")
    assert not bridges_failed("4 203.0.0.0,6 2001:db8::", "4 203.0.0.0", "6 2001:db8::")


def test_a_bridge_that_claims_many_networks_is_one_bridge() -> None:
    many = ",".join(f"4 {number}.0.0.0" for number in range(1, 200))
    assert not bridges_failed(many, many, many)
    assert not bridges_failed(many, "4 7.0.0.0", "4 9.0.0.0")


def test_a_bridge_whose_network_is_not_known_proves_nothing() -> None:
    assert not bridges_failed("", "", "")
    assert not bridges_failed("", "4 203.0.0.0")


def test_failures_are_forgotten() -> None:
    assert bridges_failed("4 203.0.0.0", "4 198.51.0.0", within=SECONDS - 1)
    assert not bridges_failed("4 203.0.0.0", "4 198.51.0.0", within=SECONDS)


def test_a_bridge_that_works_answers_all_doubts() -> None:
    seen = evidence()
    seen.bridge_failed(frozenset({"4 203.0.0.0"}), 0.0)
    seen.stun_was_silent(2, 0.0)
    seen.bridge_worked()
    seen.bridge_failed(frozenset({"4 198.51.0.0"}), 1.0)
    assert not seen.is_enough(1.0)


def test_one_silent_stun_server_is_not_enough_and_two_are() -> None:
    seen = evidence()
    seen.stun_was_silent(1, 0.0)
    assert not seen.is_enough(0.0)
    seen.stun_was_silent(2, 1.0)
    assert seen.is_enough(1.0)
    assert not seen.is_enough(1.0 + SECONDS)
    seen.stun_was_silent(2, 2.0)
    seen.stun_answered()
    assert not seen.is_enough(2.0)


def test_where_all_bridges_share_a_network_any_one_will_do() -> None:
    seen = evidence(networks_min=1)
    assert not seen.is_enough(0.0)
    seen.bridge_failed(frozenset(), 0.0)
    assert seen.is_enough(0.0)


@given(st.lists(st.frozensets(st.sampled_from(["4 a", "4 b", "4 c"])), max_size=200))
def test_the_memory_is_bounded_and_it_takes_two_networks(failures: list[frozenset[str]]) -> None:
    seen = evidence()
    for failure in failures:
        seen.bridge_failed(failure, 0.0)
    if seen.is_enough(0.0):
        assert len(frozenset().union(*failures)) >= 2
    assert len(seen._failures) <= 32


def test_only_the_broker_s_word_names_the_network_of_a_bridge() -> None:
    assert networks_of("4 x") == {"4 x"}
    assert not networks_of(""), "what its answer says could be invented"


def test_the_defaults_are_those_of_the_threat_model() -> None:
    settings = ClientSettings()
    assert (settings.bridge_networks_min, settings.silent_stun_servers_min) == (2, 2)
    assert not settings.allow_direct
