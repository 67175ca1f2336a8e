import pytest

from freespan.observe.counters import HostCounters
from freespan.observe.host_status import HostStatus


@pytest.fixture
def counters() -> HostCounters:
    return HostCounters()


def test_all_begins_with_nothing(counters: HostCounters) -> None:
    assert counters.figures() == HostStatus(bridges=0, sessions=0, streams=0, megabytes=0)


def test_figures_are_sums_of_now(counters: HostCounters) -> None:
    counters.bridges.inc(3)
    counters.sessions.inc()
    counters.streams.inc(2)
    counters.streams.dec()
    counters.transferred.labels("upload").inc(1_500_000)
    counters.transferred.labels("download").inc(2_600_000)
    assert counters.figures() == HostStatus(bridges=3, sessions=1, streams=1, megabytes=4)


def test_two_hosts_in_one_process_count_apart(counters: HostCounters) -> None:
    HostCounters().bridges.inc()
    assert counters.figures().bridges == 0


def test_the_exposition_is_prometheus_text_of_freespan_alone(counters: HostCounters) -> None:
    counters.rendezvous.labels("paired").inc()
    counters.refused.labels("dns_error").inc()
    text = counters.exposition().decode()
    assert 'freespan_rendezvous_total{outcome="paired"} 1.0' in text
    assert 'freespan_refused_streams_total{error="dns_error"} 1.0' in text
    names = {line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")}
    assert all(name.startswith("freespan_") for name in names)


def test_no_label_could_name_anybody(counters: HostCounters) -> None:
    labels = {
        name for metric in (counters.rendezvous, counters.transferred, counters.refused) for name in metric._labelnames
    }
    assert labels == {"outcome", "direction", "error"}
